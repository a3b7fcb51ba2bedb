/* The contract between the C engine and Cython, engine.pyx and program.pyx.
 *
 * An op is a row of FNN_OPS (ops.h). Each instruction set compiles the same kernel bodies into one
 * fnn_table; dispatch.c picks a table at import. Eager mode fills one fnn_call and runs it;
 * a program is a list of fnn_call replayed by one team of threads.
 *
 * Sizes are size_t, strides are ptrdiff_t in elements of the array they belong to.
 */
#ifndef FASTNN_H
#define FASTNN_H

#if !defined(__GNUC__) && !defined(__clang__)
#error                                                                                            \
    "fastnn: GNU C is needed (vector types, statement expressions): gcc, clang, clang-cl or zig cc"
#endif

#include <stddef.h>
#include <stdint.h>

#include "ops.h"

/* Elements of arrays, which may lie at any address: numpy has views of packed records. A load or a
 * store through these types is right at each, and costs what the plain type's does. */
typedef float fnn_float __attribute__((aligned(1)));
typedef double fnn_double __attribute__((aligned(1)));
typedef int64_t fnn_int64 __attribute__((aligned(1)));

#define FNN_MAX_ARRAYS 6
#define FNN_MAX_DIMS 6
#define FNN_MAX_AXES 32
#define FNN_MAX_ATTRS 4
#define FNN_MAX_PHASES 2

/* How the caller fills dims and strides. */
typedef enum fnn_layout {
  FNN_BROADCAST, /* dim = shape of array 0, collapsed; strides broadcast to it, 0 on a broadcast axis */
  FNN_MATRIX, /* dim = (m, n, k); stride[i] = the two strides of array i */
  FNN_PACKED  /* every array C-contiguous; dim as the row says; strides are not set */
} fnn_layout;

/* What is known of an op apart from its kernels: its row of FNN_OPS. */
typedef struct fnn_op_info {
  const char *name;
  fnn_layout layout;
  size_t phases;  /* 1 or 2; the whole team finishes the first before the second begins */
  size_t writes;  /* how many of its arrays, from the first, it writes */
  unsigned needs; /* bit i: array i must be there; the others may be NULL */
  double cost;    /* rough nanoseconds of an element (of a product: of a multiplication) */
  /* What few ops have; 0: not so. */
  size_t index, limit; /* the array of classes or row numbers; each is below dim[limit] */
  size_t hyper;        /* the array that is float64 whatever the others are */
  int mixed;           /* its floating-point arrays may be of different types */
  int in_place;        /* it reads what it writes */
  int moves;           /* it takes arrays of any type, those that have no kernels too */
  int epilogue;        /* enum fnn_activation: a matmul can compute this op on its result */
  int derivative; /* enum fnn_activation: a matmul can multiply its result by this derivative */
} fnn_op_info;

/* clang-format off */
/* Places in hyper. DECAY: weight decay that is added to the gradient; DECOUPLED: that shrinks p; SIGN:
 * of the gradient, -1 to maximize, else 1; OWN: the op's, at most 4; STATE: what else an op keeps. */
enum fnn_hyper {
  FNN_HYPER_LR, FNN_HYPER_DECAY, FNN_HYPER_DECOUPLED, FNN_HYPER_SIGN, FNN_HYPER_L1, FNN_HYPER_OWN,
  FNN_HYPER_STEPS = FNN_HYPER_OWN + 4, FNN_HYPER_STATE, FNN_HYPER_SIZE = FNN_HYPER_STATE + 2
};
/* Element types: those that have kernels, each a table of its own, then those that are only stored,
 * which the ops that just move or convert elements (`moves`) take; for the others they are cast. */
enum fnn_real {
  FNN_FLOAT32, FNN_FLOAT64, FNN_INT64, FNN_BOOL, FNN_N_REALS,
  FNN_FLOAT16 = FNN_N_REALS, FNN_BFLOAT16, FNN_INT32, FNN_INT16, FNN_INT8, FNN_UINT8, FNN_N_TYPES
};
/* clang-format on */
enum fnn_momentum { FNN_MOMENTUM_SUM, FNN_MOMENTUM_STEP, FNN_MOMENTUM_MEAN };

enum fnn_op_code {
#define CODE(name, ...) FNN_OP_##name,
  FNN_OPS(CODE, CODE, CODE, CODE)
#undef CODE
      FNN_N_OPS
};

enum fnn_activation { FNN_IDENTITY, FNN_RELU, FNN_SIGMOID, FNN_TANH };
enum fnn_bend { FNN_SELU, FNN_MISH }; /* the f of parametric_activation */
enum fnn_reduction { FNN_NONE, FNN_SUM, FNN_MEAN };
typedef enum fnn_status {
  FNN_OK,
  FNN_NO_MEMORY,
  FNN_NOT_FINITE,
  FNN_OUT_OF_RANGE,
  FNN_INTERRUPTED
} fnn_status;
/* What stops a run: after the call, array 0, a scalar loss, is not finite, or array 1, the moments of
 * batch_norm; before the call, a class or row number that the program computed is out of range. */
enum fnn_guard { FNN_NO_GUARD, FNN_GUARD_LOSS, FNN_GUARD_INDEX, FNN_GUARD_MOMENTS };

/* One call of one op: an eager call, or one instruction of a program. */
typedef struct fnn_call {
  uint16_t op;     /* enum fnn_op_code */
  uint8_t real;    /* enum fnn_real: which table; that of the first float, else int64, else bool */
  uint8_t ndim;    /* used entries of dim, FNN_BROADCAST only */
  uint8_t barrier; /* program: all calls before are done before this one begins */
  uint8_t guard;   /* program: enum fnn_guard */
  size_t dim[FNN_MAX_DIMS];
  void *array[FNN_MAX_ARRAYS];
  ptrdiff_t stride[FNN_MAX_ARRAYS][FNN_MAX_DIMS];
  int64_t attr[FNN_MAX_ATTRS];
  void *workspace; /* shared by the tiles of this call, fnn_op.workspace bytes, 64-byte aligned */
} fnn_call;

/* Kernels return void, never allocate, never fail, accept any alignment of their arrays, and
 * never read an output. Tiles [begin, end) of a phase may run in any order and on any thread:
 * each output element belongs to one tile, and tiles do not depend on the number of threads.
 * scratch is private to the thread: FNN_SCRATCH_BYTES, 64-byte aligned. */
typedef void (*fnn_kernel)(const fnn_call *call, size_t begin, size_t end, void *scratch);
typedef size_t (*fnn_count)(const fnn_call *call);

typedef struct fnn_op {
  fnn_kernel run[FNN_MAX_PHASES];
  fnn_count tiles[FNN_MAX_PHASES];
  fnn_count workspace; /* NULL: none */
} fnn_op;

typedef struct fnn_table {
  const char *name;                              /* "scalar", "avx2", "avx512", "neon" */
  size_t lanes[FNN_N_REALS];                     /* vector width in elements */
  const fnn_op *op[FNN_N_REALS];                 /* FNN_N_OPS rows each */
  int (*all_finite[2])(const void *x, size_t n); /* float32, float64 */
} fnn_table;

#define FNN_SCRATCH_BYTES ((size_t)4 << 20)

/* dispatch.c: the tables compiled in, worst first, and the one in use. */
size_t fnn_isa_count(void);
const char *fnn_isa_name(size_t i);
int fnn_isa_supported(size_t i); /* by this CPU and this operating system */
void fnn_isa_select(size_t i);   /* i must be supported */
size_t fnn_isa_selected(void);
extern const fnn_op_info fnn_ops[FNN_N_OPS];        /* by enum fnn_op_code */
const fnn_op *fnn_op_kernels(const fnn_call *call); /* of the selected table */
int fnn_op_exists(size_t op, int real);             /* whether that table has kernels for it */
/* Whether n numbers, float32 or float64, have no nan and no inf among them. */
int fnn_all_finite(const void *x, size_t n, int real);

/* interrupt.c: Ctrl-C within one long run. */
/* Set by the binding: whether Ctrl-C raises an exception on this thread. */
extern int (*fnn_interrupts_raise)(void);
/* From here on Ctrl-C cuts the run of this thread short. 0: it does not, and there is nothing to
 * shut. One run at a time, as Ctrl-C raises on one thread. */
int fnn_interrupt_open(void);
/* From here on it does not. Returns whether it did: what the run has written is then worthless. */
int fnn_interrupt_shut(void);
/* Whether this thread works for that run. */
void fnn_interrupt_heed(int heed);
/* Whether it does and the run was cut short; kernels may then leave their tiles as they are. */
int fnn_interrupted(void);

/* operands.c */
typedef struct fnn_operand { /* an array as the caller has it; strides in elements */
  void *ptr;                 /* NULL: it is missing */
  size_t ndim, shape[FNN_MAX_AXES];
  ptrdiff_t stride[FNN_MAX_AXES];
} fnn_operand;
/* Arrays, and dim and stride but of a packed op, of a call whose op is set and whose other numbers
 * are 0. Returns what is wrong with the arrays, or NULL. */
const char *fnn_call_fill(fnn_call *call, const fnn_operand *operands, size_t n);

/* The team: threads.c, helpers.c; src/team.h has what C alone needs of it. */
size_t fnn_team_size(double cost, size_t most); /* threads worth waking for cost microseconds */
void fnn_team_limit(size_t threads);    /* at work at once in the process, over all its runs */
void fnn_team_counts(size_t counts[4]); /* helpers; pieces done, those by leaders; sleeps */
const char *fnn_team_provider(void);    /* where threads come from: "openmp" or "pthreads" */
int fnn_team_select(const char *name);  /* 0: not in this build. Threads that are there stay. */
int fnn_openmp_cpus(void);              /* that OpenMP has for its threads; 0 without OpenMP */

/* memory.c */
void *fnn_allocate(size_t bytes); /* 64-byte aligned, huge pages when large; NULL: no memory */
void fnn_release(void *block);
void fnn_fail_allocation(int64_t nth); /* tests: the nth allocation from now fails; < 0: none */
size_t fnn_allocations(void);          /* tests: how many allocations so far */

/* program.c */
typedef struct fnn_patch { /* array of a call that lies in the caller's input */
  size_t call, array, input;
  ptrdiff_t offset; /* bytes */
} fnn_patch;

typedef struct fnn_program fnn_program;
/* Takes copies of calls and patches. NULL: no memory. */
fnn_program *fnn_program_new(const fnn_call *calls, size_t n_calls, const fnn_patch *patches,
                             size_t n_patches);
void fnn_program_free(fnn_program *program);
void fnn_program_bind(fnn_program *program, void *const *inputs); /* addresses for the patches */
double fnn_program_cost(const fnn_program *program);              /* rough single-thread us */
fnn_status fnn_program_run(fnn_program *program, size_t threads);
/* Two runs. us (n_calls + 1): microseconds of each call in the second, and of all of the first. */
fnn_status fnn_program_profile(fnn_program *program, size_t threads, double *us);
double fnn_call_cost(const fnn_call *call);
/* One eager call: as a program of one instruction, on its own. */
fnn_status fnn_call_run(fnn_call *call, size_t threads);

#define FNN_MAX_FEEDS 8
#define FNN_MAX_TOTALS 8

typedef struct fnn_feed {
  const void *source; /* (rows, row_bytes) */
  void *batch;        /* (batch, row_bytes), what the programs read */
  size_t row_bytes;
} fnn_feed;

/* Which program a step is run by: a full batch; the last batch of an epoch, if it is not full; a
 * full batch that does not end its group of `every` batches, whose gradients are to be added up. */
enum fnn_part { FNN_BODY, FNN_TAIL, FNN_WITHIN, FNN_N_PARTS };

typedef struct fnn_total { /* a scalar the programs write */
  const void *value[FNN_N_PARTS];
  uint8_t real; /* enum fnn_real */
} fnn_total;

typedef struct fnn_rate { /* numbers that change from step to step: learning rates */
  double *target;         /* (width) */
  const double *values;   /* (steps, width) */
  size_t width;
} fnn_rate;

/* Many steps in one call: for each epoch, shuffle; for each batch, gather rows, run a program. */
typedef struct fnn_loop {
  fnn_program *program[FNN_N_PARTS]; /* NULL: a run stops before a step that needs it */
  size_t every;                      /* batches of a group, 1 without FNN_WITHIN */
  size_t batch, rows;                /* rows of a full batch and of the data set */
  size_t steps;                      /* of an epoch; the last one takes the rows that are left */
  size_t n_feeds, n_totals;
  fnn_feed feed[FNN_MAX_FEEDS];
  fnn_total total[FNN_MAX_TOTALS];
  int64_t *order;       /* (rows) row order of the epoch in hand; windowed: rows of the sources */
  int shuffle;          /* renew order at the start of every epoch */
  uint64_t seed;        /* key of the shuffles */
  int windowed;         /* the sources hold a part of the epoch's rows: */
  size_t first, pause;  /* the place in the epoch of order[0]; stop before this step */
  size_t epoch, step;   /* where to go on; advanced */
  size_t last_epoch;    /* stop before this epoch */
  const fnn_rate *rate; /* (n_rates): step i reads row rate_step + i of each */
  size_t n_rates, rate_step;
  double *sums;       /* (last_epoch - first, n_totals): sums[e] += total * batch rows */
  size_t first_epoch; /* the epoch that sums[0] belongs to */
  double seconds;     /* stop after the first step that ends later than this; < 0: never */
} fnn_loop;
/* The program of the next step, an enum fnn_part. */
size_t fnn_loop_part(const fnn_loop *loop);
fnn_status fnn_loop_run(fnn_loop *loop, size_t threads);
/* order = the permutation of 0..rows-1 that epoch `epoch` of key `seed` uses. */
void fnn_shuffle(int64_t *order, size_t rows, uint64_t seed, uint64_t epoch);

#endif

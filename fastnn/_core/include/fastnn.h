/* The contract between the C engine and its one caller, engine.pyx.
 *
 * An op is a row of FNN_OPS. Each instruction set compiles the same kernel bodies into one
 * fnn_table; dispatch.c picks a table at import. Eager mode fills one fnn_call and runs it;
 * a program is a list of fnn_call replayed by one team of threads.
 *
 * Sizes are size_t, strides are ptrdiff_t in elements of the array they belong to.
 */
#ifndef FASTNN_H
#define FASTNN_H

#include <stddef.h>
#include <stdint.h>

#define FNN_MAX_ARRAYS 6
#define FNN_MAX_DIMS 6
#define FNN_MAX_ATTRS 4
#define FNN_MAX_PHASES 2

/* How the caller fills dims and strides. */
typedef enum fnn_layout {
  FNN_BROADCAST, /* dim = shape of array 0, collapsed; strides broadcast to it, 0 on a broadcast axis */
  FNN_MATRIX, /* dim = (m, n, k); stride[i] = the two strides of array i */
  FNN_PACKED  /* every array C-contiguous; dim as the row says; strides are not set */
} fnn_layout;

/* X-macro: ROW(name, layout, phases, arrays written, arrays needed); of the last, bit i stands for
 * array i: the others may be NULL. This list feeds the enum, the kernel tables, the Cython names and
 * the parity tests. The comment gives the arrays (outputs first), then dim, then attrs.
 * T is the call's element type; i64 is int64_t; u8 is a 0/1 byte; f64 is double in all tables. The
 * tables of int64 and bool have some of the rows only: those that kernels/integer.h lists. */
#define FNN_OPS(ROW)                                                                                   \
  /* unary, elementwise: out T, x T */                                                                 \
  ROW(copy, FNN_BROADCAST, 1, 1, 0x3)                                                                  \
  ROW(neg, FNN_BROADCAST, 1, 1, 0x3)                                                                   \
  ROW(abs, FNN_BROADCAST, 1, 1, 0x3)                                                                   \
  ROW(sign, FNN_BROADCAST, 1, 1, 0x3)                                                                  \
  ROW(square, FNN_BROADCAST, 1, 1, 0x3)                                                                \
  ROW(sqrt, FNN_BROADCAST, 1, 1, 0x3)                                                                  \
  ROW(floor, FNN_BROADCAST, 1, 1, 0x3)                                                                 \
  ROW(round, FNN_BROADCAST, 1, 1, 0x3)                                                                 \
  ROW(exp, FNN_BROADCAST, 1, 1, 0x3)                                                                   \
  ROW(expm1, FNN_BROADCAST, 1, 1, 0x3)                                                                 \
  ROW(log, FNN_BROADCAST, 1, 1, 0x3)                                                                   \
  ROW(log1p, FNN_BROADCAST, 1, 1, 0x3)                                                                 \
  ROW(erf, FNN_BROADCAST, 1, 1, 0x3)                                                                   \
  ROW(sin, FNN_BROADCAST, 1, 1, 0x3)                                                                   \
  ROW(cos, FNN_BROADCAST, 1, 1, 0x3)                                                                   \
  ROW(tanh, FNN_BROADCAST, 1, 1, 0x3)                                                                  \
  ROW(sigmoid, FNN_BROADCAST, 1, 1, 0x3)                                                               \
  ROW(gelu, FNN_BROADCAST, 1, 1, 0x3)                                                                  \
  ROW(relu, FNN_BROADCAST, 1, 1, 0x3)                                                                  \
  /* binary, elementwise: out T, a T, b T */                                                           \
  ROW(add, FNN_BROADCAST, 1, 1, 0x7)                                                                   \
  ROW(sub, FNN_BROADCAST, 1, 1, 0x7)                                                                   \
  ROW(mul, FNN_BROADCAST, 1, 1, 0x7)                                                                   \
  ROW(div, FNN_BROADCAST, 1, 1, 0x7)                                                                   \
  ROW(pow, FNN_BROADCAST, 1, 1, 0x7)                                                                   \
  ROW(remainder, FNN_BROADCAST, 1, 1, 0x7)                                                             \
  ROW(maximum, FNN_BROADCAST, 1, 1, 0x7)                                                               \
  ROW(minimum, FNN_BROADCAST, 1, 1, 0x7)                                                               \
  /* int64 alone: out = floor(a / b) */                                                                \
  ROW(floor_divide, FNN_BROADCAST, 1, 1, 0x7)                                                          \
  /* int64 and bool alone */                                                                           \
  ROW(bitwise_and, FNN_BROADCAST, 1, 1, 0x7)                                                           \
  ROW(bitwise_or, FNN_BROADCAST, 1, 1, 0x7)                                                            \
  ROW(bitwise_xor, FNN_BROADCAST, 1, 1, 0x7)                                                           \
  /* out and x of any two types; attr = (enum fnn_real of out, of x) */                                \
  ROW(cast, FNN_BROADCAST, 1, 1, 0x3)                                                                  \
  /* derivative by the activation's own output: out T, dy T, y T */                                    \
  ROW(relu_grad, FNN_BROADCAST, 1, 1, 0x7)                                                             \
  ROW(sigmoid_grad, FNN_BROADCAST, 1, 1, 0x7)                                                          \
  ROW(tanh_grad, FNN_BROADCAST, 1, 1, 0x7)                                                             \
  /* derivative by the input: out T, dy T, x T */                                                      \
  ROW(gelu_grad, FNN_BROADCAST, 1, 1, 0x7)                                                             \
  /* comparison: out u8, a T, b T */                                                                   \
  ROW(eq, FNN_BROADCAST, 1, 1, 0x7)                                                                    \
  ROW(ne, FNN_BROADCAST, 1, 1, 0x7)                                                                    \
  ROW(lt, FNN_BROADCAST, 1, 1, 0x7)                                                                    \
  ROW(le, FNN_BROADCAST, 1, 1, 0x7)                                                                    \
  ROW(gt, FNN_BROADCAST, 1, 1, 0x7)                                                                    \
  ROW(ge, FNN_BROADCAST, 1, 1, 0x7)                                                                    \
  /* choice: out T, condition u8, a T, b T */                                                          \
  ROW(where, FNN_BROADCAST, 1, 1, 0xF)                                                                 \
  /* between: out T, a T, b T, weight T: a at 0, b at 1 */                                             \
  ROW(lerp, FNN_BROADCAST, 1, 1, 0xF)                                                                  \
  /* out T (m, n), a T (m, k), b T (k, n), bias T (n) or NULL, y T (m, n) or NULL;                \
     out and y have unit stride along n. dim = (m, n, k);                                         \
     attr = (enum fnn_activation epilogue, enum fnn_activation derivative) */    \
  ROW(matmul, FNN_MATRIX, 1, 1, 0x7)                                                                   \
  /* reduction of the middle axis: out T (outer, inner), x T (outer, len, inner);                 \
     dim = (outer, len, inner) */    \
  ROW(sum, FNN_PACKED, 2, 1, 0x3)                                                                      \
  ROW(mean, FNN_PACKED, 2, 1, 0x3)                                                                     \
  ROW(max, FNN_PACKED, 1, 1, 0x3)                                                                      \
  ROW(min, FNN_PACKED, 1, 1, 0x3)                                                                      \
  /* out i64 (outer, inner), x T (outer, len, inner) */                                                \
  ROW(argmax, FNN_PACKED, 1, 1, 0x3)                                                                   \
  /* out i64 (n, c), x T (n, c): where the elements of each row stand in order; dim = (n, c);      \
     attr = (descending) */   \
  ROW(argsort, FNN_PACKED, 1, 1, 0x3)                                                                  \
  /* rows: out T (n, c), x T (n, c); dim = (n, c) */                                                   \
  ROW(softmax, FNN_PACKED, 1, 1, 0x3)                                                                  \
  ROW(log_softmax, FNN_PACKED, 1, 1, 0x3)                                                              \
  /* out (n, c), x (rows, c), index i64 (n); dim = (n, c, rows); attr = (bytes per element): any  \
     element type. An index outside 0..rows-1 gives a row of zero bytes, never a wild read. */    \
  ROW(take_rows, FNN_PACKED, 1, 1, 0x7)                                                                \
  /* out T (rows, c), dy T (n, c), index i64 (n); dim = (n, c, rows); out is overwritten */            \
  ROW(scatter_add_rows, FNN_PACKED, 1, 1, 0x7)                                                         \
  /* losses: loss T, dz T or NULL, z T, y. attr = (enum fnn_reduction). loss has one element, or  \
     with FNN_NONE one per row (cross-entropy) or element. dz is d(loss)/dz, with FNN_NONE per    \
     row. workspace: see fnn_op. */    \
  /* y i64 (n); dim = (n, c) */                                                                        \
  ROW(softmax_cross_entropy, FNN_PACKED, 2, 2, 0xD)                                                    \
  /* y T (n, c), probabilities; dim = (n, c) */                                                        \
  ROW(soft_cross_entropy, FNN_PACKED, 2, 2, 0xD)                                                       \
  /* y T (n); dim = (n) */                                                                             \
  ROW(bce_with_logits, FNN_PACKED, 2, 2, 0xD)                                                          \
  ROW(mse, FNN_PACKED, 2, 2, 0xD)                                                                      \
  /* metrics: out T (1), z T, y; accuracy: y i64 (n), dim = (n, c);                               \
     binary_accuracy: y T (n), dim = (n): share of (z > 0) == (y > 0.5) */    \
  ROW(accuracy, FNN_PACKED, 1, 1, 0x7)                                                                 \
  ROW(binary_accuracy, FNN_PACKED, 1, 1, 0x7)                                                          \
  /* out T (n, c), stats T (3, c): mean, 1/std, variance, x T (n, c), gain T (c) or NULL, shift T   \
     (c) or NULL; dim = (n, c); attr = (bits of the f64 eps) */  \
  ROW(batch_norm, FNN_PACKED, 1, 2, 0x7)                                                               \
  /* dx T (n, c), d(gain, shift) T (2, c), dy T (n, c), x T (n, c), stats, gain T (c) or NULL;      \
     dim = (n, c) */  \
  ROW(batch_norm_grad, FNN_PACKED, 1, 2, 0x1F)                                                         \
  /* out T (n, c), stats T (n, 2): mean, 1/std, x, gain, shift as above; dim = (n, c);              \
     attr = (bits of the f64 eps, centred) */  \
  ROW(layer_norm, FNN_PACKED, 1, 2, 0x7)                                                               \
  /* arrays as of batch_norm_grad; dim = (n, c); attr = (centred) */                                   \
  ROW(layer_norm_grad, FNN_PACKED, 2, 2, 0x1F)                                                         \
  /* in place: mean T (c), variance T (c), count i64 (1), stats T (3, c) of batch_norm;             \
     dim = (c, n); attr = (bits of the f64 momentum; negative: 1/count) */  \
  ROW(running_moments_step, FNN_PACKED, 1, 3, 0xF)                                                     \
  /* random: state i64 (2), key i64 (2), each (seed, count): the key is the old state, whose count   \
     goes up; no dims */ \
  ROW(draw_key, FNN_PACKED, 1, 2, 0x3)                                                                 \
  /* out T (n), x T (n), key i64 (2); dim = (n); attr = (bits of the f64 p) */                         \
  ROW(dropout, FNN_PACKED, 1, 1, 0x7)                                                                  \
  /* in-place updates, the last rows */                                                                \
  FNN_UPDATES(ROW)

/* An optimizer's step over p T (n): arrays p, hyper f64 (FNN_HYPER_SIZE), the row's moments T (n)
 * each, g T (n); dim = (n). All but g are read and written. Phase 0 counts the step in hyper. */
#define FNN_UPDATES(ROW)                                                                          \
  /* momentum buffer or NULL; attr = (nesterov, enum fnn_momentum) */                             \
  ROW(sgd_step, FNN_PACKED, 2, 3, 0xB)                                                            \
  /* sum of squares; attr = (eps inside the root) */                                              \
  ROW(adagrad_step, FNN_PACKED, 2, 3, 0xF)                                                        \
  /* mean of squares, mean or NULL, momentum buffer or NULL; attr = (eps inside the root) */      \
  ROW(rmsprop_step, FNN_PACKED, 2, 5, 0x27)                                                       \
  /* mean of squares, mean of squared steps */                                                    \
  ROW(adadelta_step, FNN_PACKED, 2, 4, 0x1F)                                                      \
  /* mean, mean of squares, its largest or NULL; attr = (eps is scaled by the correction) */      \
  ROW(adam_step, FNN_PACKED, 2, 5, 0x2F)                                                          \
  /* mean, mean of squares */                                                                     \
  ROW(nadam_step, FNN_PACKED, 2, 4, 0x1F)                                                         \
  ROW(radam_step, FNN_PACKED, 2, 4, 0x1F)                                                         \
  /* mean, largest gradient */                                                                    \
  ROW(adamax_step, FNN_PACKED, 2, 4, 0x1F)                                                        \
  /* mean */                                                                                      \
  ROW(lion_step, FNN_PACKED, 2, 3, 0xF)                                                           \
  /* previous gradient, step sizes */                                                             \
  ROW(rprop_step, FNN_PACKED, 2, 4, 0x1F)                                                         \
  /* averaged p */                                                                                \
  ROW(asgd_step, FNN_PACKED, 2, 3, 0xF)                                                           \
  /* neither moments nor g; hyper is only read */                                                 \
  ROW(shrink_step, FNN_PACKED, 2, 2, 0x3)

/* Places in hyper. OWN: the row's, at most 4. STATE: what else a row keeps from step to step. */
enum fnn_hyper {
  FNN_HYPER_LR,
  FNN_HYPER_DECAY,     /* weight decay that is added to the gradient */
  FNN_HYPER_DECOUPLED, /* weight decay that shrinks p */
  FNN_HYPER_SIGN,      /* of the gradient: -1 to maximize, else 1 */
  FNN_HYPER_L1,
  FNN_HYPER_OWN,
  FNN_HYPER_STEPS = FNN_HYPER_OWN + 4,
  FNN_HYPER_STATE,
  FNN_HYPER_SIZE = FNN_HYPER_STATE + 2
};
enum fnn_momentum { FNN_MOMENTUM_SUM, FNN_MOMENTUM_STEP, FNN_MOMENTUM_MEAN };

enum fnn_op_code {
#define ROW(name, ...) FNN_OP_##name,
  FNN_OPS(ROW)
#undef ROW
      FNN_N_OPS
};

enum fnn_real { FNN_FLOAT32, FNN_FLOAT64, FNN_INT64, FNN_BOOL, FNN_N_REALS };
enum fnn_activation { FNN_IDENTITY, FNN_RELU, FNN_SIGMOID, FNN_TANH };
enum fnn_reduction { FNN_NONE, FNN_SUM, FNN_MEAN };
typedef enum fnn_status { FNN_OK, FNN_NO_MEMORY, FNN_NOT_FINITE, FNN_OUT_OF_RANGE } fnn_status;
/* What stops a run: after the call, array 0, a scalar loss, is not finite; before the call, a class
 * or row number that the program computed is out of range. */
enum fnn_guard { FNN_NO_GUARD, FNN_GUARD_LOSS, FNN_GUARD_INDEX };

/* One call of one op: an eager call, or one instruction of a program. */
typedef struct fnn_call {
  uint16_t op;     /* enum fnn_op_code */
  uint8_t real;    /* enum fnn_real: which table; that of the first float, else int64, else bool */
  uint8_t ndim;    /* used entries of dim, FNN_BROADCAST only */
  uint8_t barrier; /* program: wait for the whole team before this call */
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

#define FNN_SCRATCH_BYTES ((size_t)1 << 20)

/* dispatch.c: the tables compiled in, worst first, and the one in use. */
size_t fnn_isa_count(void);
const char *fnn_isa_name(size_t i);
int fnn_isa_supported(size_t i); /* by this CPU and this operating system */
void fnn_isa_select(size_t i);   /* i must be supported */
size_t fnn_isa_selected(void);
const char *fnn_op_name(size_t op);
fnn_layout fnn_op_layout(size_t op);
size_t fnn_op_phases(size_t op);
int fnn_op_is_update(size_t op);  /* one of FNN_UPDATES */
size_t fnn_op_writes(size_t op);  /* how many of its arrays, from the first, a row writes */
unsigned fnn_op_needs(size_t op); /* bit i: array i must be there */
const fnn_op *fnn_op_row(const fnn_call *call); /* the row of the selected table */
int fnn_op_exists(size_t op, int real);         /* whether that table has a kernel for it */
/* Whether n numbers, float32 or float64, have no nan and no inf among them. */
int fnn_all_finite(const void *x, size_t n, int real);

/* threads.c: one team a run, a barrier between dependent instructions. */
typedef struct fnn_team fnn_team;
typedef void (*fnn_job)(void *context, fnn_team *team, size_t thread, size_t threads);
fnn_status fnn_team_run(size_t threads, fnn_job job, void *context);
void fnn_team_wait(fnn_team *team, size_t threads); /* every thread of the team calls it */
size_t fnn_team_size(double cost, size_t limit); /* threads worth waking for cost microseconds */
void *fnn_scratch(void);          /* this thread's FNN_SCRATCH_BYTES; not NULL inside a job */
void fnn_forked(void);            /* in the child of a fork: teams of one from now on */
int fnn_openmp(void);             /* built with OpenMP */
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
  int64_t *order;       /* (rows) row order of the epoch in hand */
  int shuffle;          /* renew order at the start of every epoch */
  uint64_t seed;        /* key of the shuffles */
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

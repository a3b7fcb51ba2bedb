/* Programs: a flat list of calls, replayed by a team. */
#include "nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "team.h"

#define LINE 64
#define LONG 1e5 /* rough microseconds of a run that Ctrl-C need not wait for */
#define SPAN 2e4 /* those between two looks */
#define ROUND_UP(bytes) (((bytes) + LINE - 1) / LINE * LINE)

/* One phase of one call, everything looked up. */
typedef struct phase {
  fnn_kernel run;
  const fnn_call *call;
  size_t tiles;
  double cost; /* rough microseconds on one thread */
  int barrier; /* all phases before it are done before it begins */
  int guard;   /* stop after this phase unless what it computed is finite */
  int check;   /* stop before this phase unless all indices are in range */
  size_t side; /* this one and those after it that may run side by side with it */
  size_t span; /* tiles between two looks at Ctrl-C */
  int open;    /* in a run that Ctrl-C cuts short */
} phase;

struct fnn_program {
  size_t n_calls, n_patches, n_phases;
  fnn_call *calls;
  fnn_patch *patches;
  phase *phases;
  void *workspace;
  double cost;
  fnn_pace pace;
};

/* Whether the loss that a call computed is finite, or all moments of the columns of batch_norm. */
static int is_finite(const fnn_call *call) {
  if (call->guard == FNN_GUARD_MOMENTS)
    return fnn_all_finite(call->array[1], 3 * call->dim[1], call->real);
  return call->real == FNN_FLOAT32 ? isfinite(*(const fnn_float *)call->array[0])
                                   : isfinite(*(const fnn_double *)call->array[0]);
}

/* Whether the classes or row numbers that a call reads by are in range. */
static int indices_fit(const fnn_call *call) {
  const fnn_op_info *op = &fnn_ops[call->op];
  const fnn_int64 *index = call->array[op->index];
  uint64_t limit = call->dim[op->limit];
  int fit = 1;
  for (size_t i = 0; i < call->dim[0]; i++) fit &= (uint64_t)index[i] < limit;
  return fit;
}

/* Rough microseconds on one thread, to choose a team size. */
double fnn_call_cost(const fnn_call *call) {
  double size = 1;
  const fnn_op_info *op = &fnn_ops[call->op];
  size_t dims = op->layout == FNN_BROADCAST ? call->ndim : 3;
  for (size_t i = 0; i < dims; i++)
    if (call->dim[i]) size *= (double)call->dim[i];
  return 1e-3 * op->cost * size * (call->real == FNN_FLOAT64 ? 2 : 1);
}

/* A product looks by itself: its tiles together take less time than one by one. */
static size_t span_of(const phase *p) {
  if (p->call->op == FNN_OP_matmul || p->cost <= SPAN) return p->tiles;
  return 1 + (size_t)((double)p->tiles * SPAN / p->cost);
}

/* Writes the phases of a call that have work to do; returns how many (at most FNN_MAX_PHASES). */
static size_t plan_call(const fnn_call *call, phase *out) {
  const fnn_op *kernels = fnn_op_kernels(call);
  size_t written = 0;
  for (size_t p = 0; p < fnn_ops[call->op].phases; p++) {
    size_t tiles = kernels->tiles[p](call);
    if (!tiles) continue;
    out[written] = (phase){.run = kernels->run[p], .call = call, .tiles = tiles};
    out[written].cost = p ? 0 : fnn_call_cost(call);
    out[written].barrier = written ? 1 : call->barrier;
    out[written].span = span_of(&out[written]);
    written++;
  }
  int guard = call->guard == FNN_GUARD_LOSS || call->guard == FNN_GUARD_MOMENTS;
  if (written) out[written - 1].guard = guard;
  if (written) out[0].check = call->guard == FNN_GUARD_INDEX;
  return written;
}

/* Which phases run side by side: up to a barrier, a check or a guard. */
static void plan_sides(phase *phases, size_t n) {
  for (size_t i = n, side = 1; i-- > 0; side++) {
    if (i + 1 < n && (phases[i + 1].barrier || phases[i + 1].check || phases[i].guard)) side = 1;
    phases[i].side = side;
  }
}

static size_t workspace_bytes(const fnn_call *call) {
  fnn_count count = fnn_op_kernels(call)->workspace;
  return count ? ROUND_UP(count(call)) : 0;
}

static int take_copies(fnn_program *program, const fnn_call *calls, const fnn_patch *patches) {
  size_t n = program->n_calls, n_patches = program->n_patches;
  program->calls = fnn_allocate(n * sizeof *calls);
  program->patches = fnn_allocate(n_patches * sizeof *patches);
  program->phases = fnn_allocate(n * FNN_MAX_PHASES * sizeof *program->phases);
  if (!program->calls || !program->patches || !program->phases) return 0;
  if (n) memcpy(program->calls, calls, n * sizeof *calls);
  if (n_patches) memcpy(program->patches, patches, n_patches * sizeof *patches);
  return 1;
}

fnn_program *fnn_program_new(const fnn_call *calls, size_t n_calls, const fnn_patch *patches,
                             size_t n_patches) {
  fnn_program *program = fnn_allocate(sizeof *program);
  if (!program) return NULL;
  *program = (fnn_program){.n_calls = n_calls, .n_patches = n_patches};
  size_t bytes = 0, at = 0;
  for (size_t i = 0; i < n_calls; i++) bytes += workspace_bytes(&calls[i]);
  program->workspace = fnn_allocate(bytes);
  if (!program->workspace || !take_copies(program, calls, patches)) {
    fnn_program_free(program);
    return NULL;
  }
  for (size_t i = 0; i < n_calls; i++) {
    fnn_call *call = &program->calls[i];
    call->workspace = (char *)program->workspace + at;
    at += workspace_bytes(call);
    program->n_phases += plan_call(call, program->phases + program->n_phases);
    program->cost += fnn_call_cost(call);
  }
  plan_sides(program->phases, program->n_phases);
  return program;
}

void fnn_program_free(fnn_program *program) {
  if (!program) return;
  fnn_release(program->workspace);
  fnn_release(program->calls);
  fnn_release(program->patches);
  fnn_release(program->phases);
  fnn_release(program);
}

double fnn_program_cost(const fnn_program *program) { return program->cost; }

void fnn_program_bind(fnn_program *program, void *const *inputs) {
  for (size_t i = 0; i < program->n_patches; i++) {
    const fnn_patch *patch = &program->patches[i];
    program->calls[patch->call].array[patch->array] = (char *)inputs[patch->input] + patch->offset;
  }
}

void fnn_program_set(fnn_program *program, size_t call, int64_t attr) {
  program->calls[call].attr[0] = attr;
}

static void run_piece(const void *of, size_t item, size_t piece, size_t pieces, void *scratch) {
  const phase *p = (const phase *)of + item;
  size_t begin = p->tiles * piece / pieces, end = p->tiles * (piece + 1) / pieces;
  if (!p->open) {
    if (begin < end) p->run(p->call, begin, end, scratch);
    return;
  }
  fnn_interrupt_heed(1);
  while (begin < end && !fnn_interrupted()) {
    size_t next = end - begin > p->span ? begin + p->span : end;
    p->run(p->call, begin, next, scratch);
    begin = next;
  }
  fnn_interrupt_heed(0);
}

/* Runs `n` phases side by side. */
static fnn_status run_side(const phase *first, size_t n, fnn_team *team) {
  if (first->check && !indices_fit(first->call)) return FNN_OUT_OF_RANGE;
  fnn_work work = {run_piece, first, n, 0, 0};
  for (size_t i = 0; i < n; i++) {
    if (first[i].tiles > work.tiles) work.tiles = first[i].tiles;
    work.cost += first[i].cost;
  }
  fnn_team_share(team, &work);
  const phase *last = first + n - 1;
  int stop = last->guard && !is_finite(last->call);
  return stop ? FNN_NOT_FINITE : FNN_OK;
}

/* The same by one thread, which does phase by phase without a word to anybody. */
static fnn_status run_alone(const fnn_program *program) {
  void *scratch = fnn_scratch();
  for (const phase *p = program->phases, *end = p + program->n_phases; p < end; p++) {
    if (p->check && !indices_fit(p->call)) return FNN_OUT_OF_RANGE;
    p->run(p->call, 0, p->tiles, scratch);
    if (p->guard && !is_finite(p->call)) return FNN_NOT_FINITE;
  }
  return FNN_OK;
}

/* Whether one of the phases side by side writes what it reads; and whether Ctrl-C ends them. */
static int side_in_place(const phase *p) {
  for (size_t i = 0; i < p->side; i++)
    if (fnn_ops[p[i].call->op].in_place) return 1;
  return 0;
}
static void side_open(phase *p, int open) {
  for (size_t i = 0; i < p->side; i++) p[i].open = open;
}

/* A long run: up to the first phase that writes what it reads, Ctrl-C cuts it short. */
static fnn_status run_long(const fnn_program *program, fnn_team *team) {
  fnn_status status = FNN_OK;
  int open = fnn_interrupt_open();
  phase *p = program->phases, *end = p + program->n_phases;
  for (; p < end && !status; p += p->side) {
    if (open && side_in_place(p)) {
      open = 0;
      if (fnn_interrupt_shut()) return FNN_INTERRUPTED;
    }
    side_open(p, open);
    status = run_side(p, p->side, team);
  }
  return open && fnn_interrupt_shut() ? FNN_INTERRUPTED : status;
}

static fnn_status run_phases(const fnn_program *program, fnn_team *team) {
  if (program->cost >= LONG) return run_long(program, team);
  if (fnn_team_threads(team) == 1) return run_alone(program);
  fnn_status status = FNN_OK;
  const phase *p = program->phases, *end = p + program->n_phases;
  for (; p < end && !status; p += p->side) status = run_side(p, p->side, team);
  return status;
}

/* One run by a team whose size follows the machine. */
fnn_status fnn_program_step(fnn_program *program, fnn_team *team) {
  size_t most = fnn_team_most(team);
  if (most == 1) return run_phases(program, team);
  fnn_team_use(team, fnn_pace_threads(&program->pace, most));
  double before = fnn_now();
  fnn_status status = run_phases(program, team);
  fnn_pace_note(&program->pace, fnn_now() - before);
  return status;
}

typedef struct program_job {
  const fnn_program *program;
  fnn_status status;
} program_job;

static void program_job_run(void *context, fnn_team *team) {
  program_job *job = context;
  job->status = run_phases(job->program, team);
}

static fnn_status run_once(const fnn_program *program, size_t threads) {
  program_job job = {program, FNN_OK};
  fnn_status status = fnn_team_run(threads, program_job_run, &job);
  return status ? status : job.status;
}

fnn_status fnn_program_run(fnn_program *program, size_t threads) {
  if (threads == 1) return run_once(program, 1);
  threads = fnn_pace_threads(&program->pace, threads); /* one thread takes no team at all */
  double before = fnn_now();
  fnn_status status = run_once(program, threads);
  fnn_pace_note(&program->pace, fnn_now() - before);
  return status;
}

/* What a look at the clock takes: the least of many, as whatever comes between adds to it. */
static double clock_cost(void) {
  double least = 1, before = fnn_now();
  for (int i = 0; i < 64; i++) {
    double after = fnn_now();
    if (after - before < least) least = after - before;
    before = after;
  }
  return least;
}

typedef struct profile_job {
  const fnn_program *program;
  fnn_status status;
  double clock, *us;
} profile_job;

/* run_phases one by one, with a look at the clock after each: a loop of its own, so that other runs
 * pay nothing for it. */
static void profile_job_run(void *context, fnn_team *team) {
  profile_job *job = context;
  const fnn_program *program = job->program;
  double before = fnn_now();
  for (size_t i = 0; i < program->n_phases && !job->status; i++) {
    const phase *p = &program->phases[i];
    job->status = run_side(p, 1, team);
    double after = fnn_now();
    job->us[p->call - program->calls] += 1e6 * fmax(after - before - job->clock, 0);
    before = after;
  }
}

fnn_status fnn_program_profile(fnn_program *program, size_t threads, double *us) {
  profile_job job = {program, FNN_OK, clock_cost(), us};
  for (size_t i = 0; i < program->n_calls; i++) us[i] = 0;
  double before = fnn_now();
  fnn_status status = run_once(program, threads);
  us[program->n_calls] = 1e6 * fmax(fnn_now() - before - job.clock, 0);
  if (!status) status = fnn_team_run(threads, profile_job_run, &job);
  return status ? status : job.status;
}

fnn_status fnn_call_run(fnn_call *call, size_t threads) {
  _Alignas(LINE) double small[256];
  phase phases[FNN_MAX_PHASES];
  size_t bytes = workspace_bytes(call);
  void *large = NULL;
  call->workspace = small;
  if (bytes > sizeof small) {
    call->workspace = large = fnn_allocate(bytes);
    if (!large) return FNN_NO_MEMORY;
  }
  fnn_program program = {.n_calls = 1, .calls = call, .phases = phases};
  program.n_phases = plan_call(call, phases);
  plan_sides(phases, program.n_phases);
  for (size_t i = 0; i < program.n_phases; i++) program.cost += phases[i].cost;
  fnn_status status = run_once(&program, threads);
  fnn_release(large);
  return status;
}

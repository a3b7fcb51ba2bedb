/* Programs: a flat list of calls, replayed by a team; and the loop that replays one per batch. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nets.h"

#define LINE 64
#define ROUND_UP(bytes) (((bytes) + LINE - 1) / LINE * LINE)

/* One phase of one call, everything looked up. */
typedef struct phase {
  fnn_kernel run;
  const fnn_call *call;
  size_t tiles;
  int barrier; /* wait for the team before this phase */
  int guard;   /* stop after this phase unless array 0 is finite */
  int check;   /* stop before this phase unless all indices are in range */
} phase;

struct fnn_program {
  size_t n_calls, n_patches, n_phases;
  fnn_call *calls;
  fnn_patch *patches;
  phase *phases;
  void *workspace;
  double cost;
};

static int is_finite_scalar(const void *value, int real) {
  return real == FNN_FLOAT32 ? isfinite(*(const float *)value) : isfinite(*(const double *)value);
}

/* Whether the classes or row numbers that a call reads by are in range. */
static int indices_fit(const fnn_call *call) {
  const fnn_op_info *op = &fnn_ops[call->op];
  const int64_t *index = call->array[op->index];
  uint64_t limit = call->dim[op->limit];
  int fit = 1;
  for (size_t i = 0; i < call->dim[0]; i++) fit &= (uint64_t)index[i] < limit;
  return fit;
}

/* Writes the phases of a call that have work to do; returns how many (at most FNN_MAX_PHASES). */
static size_t plan_call(const fnn_call *call, phase *out) {
  const fnn_op *kernels = fnn_op_kernels(call);
  size_t written = 0;
  for (size_t p = 0; p < fnn_ops[call->op].phases; p++) {
    size_t tiles = kernels->tiles[p](call);
    if (!tiles) continue;
    out[written] = (phase){kernels->run[p], call, tiles, written ? 1 : call->barrier, 0, 0};
    written++;
  }
  if (written) out[written - 1].guard = call->guard == FNN_GUARD_LOSS;
  if (written) out[0].check = call->guard == FNN_GUARD_INDEX;
  return written;
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

static void run_tiles(const phase *p, size_t thread, size_t threads, void *scratch) {
  size_t begin = p->tiles * thread / threads, end = p->tiles * (thread + 1) / threads;
  if (begin < end) p->run(p->call, begin, end, scratch);
}

/* Every thread of the team runs this; all return the same status. */
static inline fnn_status run_phase(const phase *p, fnn_team *team, size_t thread, size_t threads,
                                   void *scratch) {
  if (p->barrier) fnn_team_wait(team, threads);
  if (p->check && !indices_fit(p->call)) return FNN_OUT_OF_RANGE; /* all threads see the same */
  run_tiles(p, thread, threads, scratch);
  if (p->guard) {
    fnn_team_wait(team, threads);
    if (!is_finite_scalar(p->call->array[0], p->call->real)) return FNN_NOT_FINITE;
  }
  return FNN_OK;
}

static fnn_status run_phases(const fnn_program *program, fnn_team *team, size_t thread,
                             size_t threads, void *scratch) {
  for (size_t i = 0; i < program->n_phases; i++) {
    fnn_status status = run_phase(&program->phases[i], team, thread, threads, scratch);
    if (status) return status;
  }
  return FNN_OK;
}

typedef struct program_job {
  const fnn_program *program;
  fnn_status status;
} program_job;

static void program_thread(void *context, fnn_team *team, size_t thread, size_t threads) {
  program_job *job = context;
  fnn_status status = run_phases(job->program, team, thread, threads, fnn_scratch());
  if (thread == 0) job->status = status;
}

fnn_status fnn_program_run(fnn_program *program, size_t threads) {
  program_job job = {program, FNN_OK};
  fnn_status status = fnn_team_run(threads, program_thread, &job);
  return status ? status : job.status;
}

double fnn_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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

/* run_phases with a look at the clock, by thread 0, whenever all are done with a phase: a loop of
 * its own, so that other runs pay nothing for it. */
static void profile_thread(void *context, fnn_team *team, size_t thread, size_t threads) {
  profile_job *job = context;
  const fnn_program *program = job->program;
  fnn_status status = FNN_OK;
  double before = fnn_now();
  for (size_t i = 0; i < program->n_phases && !status; i++) {
    const phase *p = &program->phases[i];
    status = run_phase(p, team, thread, threads, fnn_scratch());
    fnn_team_wait(team, threads);
    if (thread) continue;
    double after = fnn_now();
    job->us[p->call - program->calls] += 1e6 * fmax(after - before - job->clock, 0);
    before = after;
  }
  if (thread == 0) job->status = status;
}

fnn_status fnn_program_profile(fnn_program *program, size_t threads, double *us) {
  profile_job job = {program, FNN_OK, clock_cost(), us};
  for (size_t i = 0; i < program->n_calls; i++) us[i] = 0;
  double before = fnn_now();
  fnn_status status = fnn_program_run(program, threads);
  us[program->n_calls] = 1e6 * fmax(fnn_now() - before - job.clock, 0);
  if (!status) status = fnn_team_run(threads, profile_thread, &job);
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
  fnn_status status = fnn_program_run(&program, threads);
  fnn_release(large);
  return status;
}

/* The shuffle: Fisher-Yates with a counter-based generator, so that epoch e of a key is always
 * the same order. Splitmix64 (Steele, Lea, Flood, 2014) over (seed, epoch, position); the bound by
 * multiplication (Lemire, 2019), whose bias at 2^64 is below 2^-32 for any possible row count. */
static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint64_t multiply_high(uint64_t a, uint64_t b) {
  uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
  uint64_t middle = a1 * b0 + ((a0 * b0) >> 32);
  return a1 * b1 + (middle >> 32) + ((a0 * b1 + (middle & 0xffffffffu)) >> 32);
}

void fnn_shuffle(int64_t *order, size_t rows, uint64_t seed, uint64_t epoch) {
  uint64_t state = mix(seed + 0x9e3779b97f4a7c15u) ^ mix(epoch * 0xd1342543de82ef95u + 1);
  for (size_t i = 0; i < rows; i++) order[i] = (int64_t)i;
  for (size_t i = rows; i > 1; i--) {
    state += 0x9e3779b97f4a7c15u;
    size_t j = (size_t)multiply_high(mix(state), i);
    int64_t other = order[j];
    order[j] = order[i - 1];
    order[i - 1] = other;
  }
}

typedef struct loop_job {
  fnn_loop *loop;
  fnn_status status;
  double deadline;
  int stop; /* written by thread 0 between two barriers */
} loop_job;

/* Gathers this thread's share of the batch's rows. Rows in random order are no stream that the
 * hardware would fetch ahead: 128 rows of 3 KB out of 40 MB take 31 to 38 us so, 23 with a hint. */
static void feed_rows(const fnn_loop *loop, const int64_t *rows, size_t n, size_t thread,
                      size_t threads) {
  size_t begin = n * thread / threads, end = n * (thread + 1) / threads;
  for (size_t f = 0; f < loop->n_feeds; f++) {
    size_t bytes = loop->feed[f].row_bytes;
    const char *source = loop->feed[f].source;
    char *batch = loop->feed[f].batch;
    if (bytes == sizeof(int64_t)) { /* class labels */
      for (size_t i = begin; i < end; i++)
        memcpy(batch + i * bytes, source + (size_t)rows[i] * bytes, sizeof(int64_t));
    } else {
      for (size_t i = begin; i < end; i++) {
        const char *next = source + (size_t)rows[i + 1 < end ? i + 1 : i] * bytes;
        for (size_t j = 0; j < bytes; j += LINE) __builtin_prefetch(next + j);
        memcpy(batch + i * bytes, source + (size_t)rows[i] * bytes, bytes);
      }
    }
  }
}

/* How many rows the next step takes, and which program it is run by. */
static enum fnn_part part_of_step(const fnn_loop *loop, size_t *n) {
  int last = loop->step + 1 == loop->steps;
  *n = last ? loop->rows - loop->step * loop->batch : loop->batch;
  if (*n != loop->batch) return FNN_TAIL;
  return (loop->step + 1) % loop->every && !last ? FNN_WITHIN : FNN_BODY;
}

size_t fnn_loop_part(const fnn_loop *loop) {
  size_t n;
  return (size_t)part_of_step(loop, &n);
}

/* Whether the next step waits for its program. */
static int is_missing(const fnn_loop *loop) { return !loop->program[fnn_loop_part(loop)]; }

static void set_rates(const fnn_loop *loop) {
  for (size_t i = 0; i < loop->n_rates; i++) {
    const fnn_rate *rate = &loop->rate[i];
    memcpy(rate->target, rate->values + loop->rate_step * rate->width,
           rate->width * sizeof(double));
  }
}

static void add_totals(fnn_loop *loop, size_t n, enum fnn_part part) {
  double *sums = loop->sums + (loop->epoch - loop->first_epoch) * loop->n_totals;
  for (size_t t = 0; t < loop->n_totals; t++) {
    const void *value = loop->total[t].value[part];
    double x = loop->total[t].real == FNN_FLOAT32 ? *(const float *)value : *(const double *)value;
    sums[t] += x * (double)n;
  }
}

/* Thread 0, after a step: add up, advance, say whether to stop. */
static void finish_step(loop_job *job, size_t n, enum fnn_part part, fnn_status status) {
  fnn_loop *loop = job->loop;
  job->status = status;
  job->stop = status != FNN_OK;
  if (job->stop) return;
  add_totals(loop, n, part);
  loop->rate_step++;
  loop->step++;
  if (loop->step == loop->steps) {
    loop->step = 0;
    loop->epoch++;
  }
  job->stop = loop->epoch >= loop->last_epoch || is_missing(loop) ||
              (job->deadline >= 0 && fnn_now() >= job->deadline);
}

static void loop_thread(void *context, fnn_team *team, size_t thread, size_t threads) {
  loop_job *job = context;
  fnn_loop *loop = job->loop;
  void *scratch = fnn_scratch();
  while (!job->stop) {
    size_t start = loop->step * loop->batch, n;
    enum fnn_part part = part_of_step(loop, &n);
    if (loop->step == 0 && loop->shuffle) {
      if (thread == 0) fnn_shuffle(loop->order, loop->rows, loop->seed, loop->epoch);
      fnn_team_wait(team, threads);
    }
    feed_rows(loop, loop->order + start, n, thread, threads);
    if (thread == 0) set_rates(loop);
    fnn_team_wait(team, threads);
    fnn_status status = run_phases(loop->program[part], team, thread, threads, scratch);
    fnn_team_wait(team, threads);
    if (thread == 0) finish_step(job, n, part, status);
    fnn_team_wait(team, threads);
  }
}

fnn_status fnn_loop_run(fnn_loop *loop, size_t threads) {
  loop_job job = {loop, FNN_OK, loop->seconds < 0 ? -1 : fnn_now() + loop->seconds, 0};
  if (loop->epoch >= loop->last_epoch || !loop->rows || is_missing(loop)) return FNN_OK;
  fnn_status status = fnn_team_run(threads, loop_thread, &job);
  return status ? status : job.status;
}

fnn_status fnn_loop_steps(fnn_loop *loop, double deadline) {
  loop_job job = {loop, FNN_OK, deadline, 0};
  loop_thread(&job, NULL, 0, 1);
  return job.status;
}

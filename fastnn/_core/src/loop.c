/* The loop of a training: for each epoch a shuffle; for each batch, gather its rows, replay a
 * program. */
#include <stdlib.h>
#include <string.h>

#include "nets.h"
#include "team.h"

#define LINE 64
#define STEP ((size_t)16)  /* bytes that are copied at once in a short row */
#define SHORT ((size_t)96) /* bytes of the longest of these */
#define AHEAD 4            /* of them are fetched ahead */
#define FEED_TILE 16384    /* bytes of rows that are worth a second thread */
#define FEED_SPEED 16384.0 /* bytes gathered in a microsecond, about */

/* The shuffle: Fisher-Yates with a counter-based generator, so that epoch e of a key is always
 * the same order. Splitmix64 (Steele, Lea, Flood, 2014) over (seed, epoch, position); the bound by
 * multiplication (Lemire, 2019), whose bias at 2^64 is below 2^-32 for any possible row count. */
static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint64_t multiply_high(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
  return (uint64_t)((unsigned __int128)a * b >> 64);
#else
  uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
  uint64_t middle = a1 * b0 + ((a0 * b0) >> 32);
  return a1 * b1 + (middle >> 32) + ((a0 * b1 + (middle & 0xffffffffu)) >> 32);
#endif
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
  int stop;
} loop_job;

typedef struct rows_of_step {
  const fnn_loop *loop;
  const fnn_int64 *rows;
  size_t n;
} rows_of_step;

/* Copies a row of a few dozen numbers, for which memcpy would spend longer on its choice of a way. */
static inline void copy_short(char *to, const char *from, size_t bytes) {
  for (size_t j = 0; j + STEP <= bytes; j += STEP) memcpy(to + j, from + j, STEP);
  memcpy(to + bytes - STEP, from + bytes - STEP, STEP);
}

/* Gathers a piece of the batch's rows. Rows in random order are no stream that the hardware would
 * fetch ahead: 128 rows of 3 KB out of 40 MB take 31 to 38 us so, 23 with a hint. */
static void feed_piece(const void *of, size_t item, size_t piece, size_t pieces, void *scratch) {
  const rows_of_step *step = of;
  const fnn_loop *loop = step->loop;
  const fnn_int64 *rows = step->rows;
  size_t begin = step->n * piece / pieces, end = step->n * (piece + 1) / pieces;
  for (size_t f = 0; f < loop->n_feeds; f++) {
    size_t bytes = loop->feed[f].row_bytes;
    const char *source = loop->feed[f].source;
    char *batch = loop->feed[f].batch;
    if (bytes == sizeof(int64_t)) { /* class labels */
      for (size_t i = begin; i < end; i++)
        memcpy(batch + i * bytes, source + (size_t)rows[i] * bytes, sizeof(int64_t));
    } else if (bytes == sizeof(float)) { /* one target */
      for (size_t i = begin; i < end; i++)
        memcpy(batch + i * bytes, source + (size_t)rows[i] * bytes, sizeof(float));
    } else if (bytes >= STEP && bytes <= SHORT) {
      for (size_t i = begin; i < end; i++) {
        __builtin_prefetch(source + (size_t)rows[i + AHEAD < end ? i + AHEAD : i] * bytes);
        copy_short(batch + i * bytes, source + (size_t)rows[i] * bytes, bytes);
      }
    } else {
      for (size_t i = begin; i < end; i++) {
        const char *next = source + (size_t)rows[i + 1 < end ? i + 1 : i] * bytes;
        for (size_t j = 0; j < bytes; j += LINE) __builtin_prefetch(next + j);
        memcpy(batch + i * bytes, source + (size_t)rows[i] * bytes, bytes);
      }
    }
  }
}

static void feed_rows(const fnn_loop *loop, size_t n, fnn_team *team) {
  rows_of_step step = {loop, loop->order + loop->step * loop->batch, n};
  size_t bytes = 0;
  for (size_t f = 0; f < loop->n_feeds; f++) bytes += n * loop->feed[f].row_bytes;
  fnn_team_share(team, &(fnn_work){feed_piece, &step, 1, bytes / FEED_TILE, bytes / FEED_SPEED});
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
    double x = loop->total[t].real == FNN_FLOAT32 ? *(const fnn_float *)value
                                                  : *(const fnn_double *)value;
    sums[t] += x * (double)n;
  }
}

/* After a step: add up, advance, say whether to stop. */
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

static void loop_job_run(void *context, fnn_team *team) {
  loop_job *job = context;
  fnn_loop *loop = job->loop;
  while (!job->stop) {
    size_t n;
    enum fnn_part part = part_of_step(loop, &n);
    if (loop->step == 0 && loop->shuffle)
      fnn_shuffle(loop->order, loop->rows, loop->seed, loop->epoch);
    feed_rows(loop, n, team);
    set_rates(loop);
    finish_step(job, n, part, fnn_program_step(loop->program[part], team));
  }
}

fnn_status fnn_loop_run(fnn_loop *loop, size_t threads) {
  loop_job job = {loop, FNN_OK, loop->seconds < 0 ? -1 : fnn_now() + loop->seconds, 0};
  if (loop->epoch >= loop->last_epoch || !loop->rows || is_missing(loop)) return FNN_OK;
  fnn_status status = fnn_team_run(threads, loop_job_run, &job);
  return status ? status : job.status;
}

fnn_status fnn_loop_steps(fnn_loop *loop, double deadline) {
  loop_job job = {loop, FNN_OK, deadline, 0};
  loop_job_run(&job, fnn_team_alone());
  return job.status;
}

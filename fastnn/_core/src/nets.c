/* Many nets in one run: dealt to threads one by one, each trained by one thread. */
#include "nets.h"

#include <stdatomic.h>
#include <string.h>

#include "team.h"

#define LONG 1e6 /* microseconds: worth every helper */

static int is_done(const fnn_net *net) {
  return net->stopped || net->status ||
         (!net->evaluating && net->course[FNN_TRAIN].loop.epoch >= net->until);
}

/* Point a course at the thread's copies of its programs, and those at the net's memory. */
static void take_up(fnn_course *course, const fnn_copy *copies) {
  fnn_loop *loop = &course->loop;
  for (size_t part = 0; part < FNN_N_PARTS; part++) {
    if (!course->memory[part]) continue;
    const fnn_copy *copy = &copies[course->kind[part]];
    memcpy(copy->inputs + copy->n_bound, course->memory[part],
           copy->n_memory * sizeof *copy->inputs);
    fnn_program_bind(copy->program, copy->inputs);
    for (size_t i = 0; i < copy->n_calls; i++)
      fnn_program_set(copy->program, copy->call[i], course->attr[part][i]);
    loop->program[part] = copy->program;
    for (size_t f = 0; f < loop->n_feeds; f++) loop->feed[f].batch = copy->inputs[f];
    for (size_t t = 0; t < loop->n_totals; t++)
      loop->total[t].value[part] = copy->inputs[course->total[t]];
  }
}

/* The row order of the epoch that begins. */
static void make_order(const fnn_net *net, fnn_course *course) {
  fnn_loop *loop = &course->loop;
  if (!net->shuffle) return;
  fnn_shuffle(loop->order, loop->rows, loop->seed, loop->epoch);
  if (!course->among) return;
  for (size_t i = 0; i < loop->rows; i++) loop->order[i] = course->among[loop->order[i]];
}

/* Steps up to the end of the epoch, or the deadline; 1 at the end. */
static int run_epoch(fnn_net *net, enum fnn_use use, double deadline) {
  fnn_loop *loop = &net->course[use].loop;
  size_t epoch = loop->epoch;
  loop->last_epoch = epoch + 1;
  if (use == FNN_TRAIN && loop->step == 0) make_order(net, &net->course[use]);
  net->status = fnn_loop_steps(loop, deadline);
  return !net->status && loop->epoch > epoch;
}

static void keep_weights(const fnn_watch *watch) {
  for (size_t i = 0; i < watch->n_blocks; i++)
    memcpy(watch->block[i].to, watch->block[i].from, watch->block[i].bytes);
}

/* Looks at the figure of an epoch that is over; 1: stop. */
static int look(fnn_net *net, size_t epoch) {
  fnn_watch *watch = &net->watch;
  const fnn_loop *loop = &net->course[watch->use].loop;
  if (!watch->active || epoch < watch->start) return 0;
  if (watch->use == FNN_EVALUATE && (epoch + 1) % net->every) return 0;
  const double *sums = loop->sums + epoch * loop->n_totals;
  double figure = sums[watch->total] / (watch->weighted ? sums[watch->total + 1] : watch->divisor);
  int first = watch->best_epoch < 0, better = figure == figure;
  if (!first)
    better =
        watch->larger ? figure - watch->delta > watch->best : figure + watch->delta < watch->best;
  watch->wait++;
  if (better) {
    watch->best = figure;
    watch->best_epoch = (int64_t)epoch;
    watch->wait = 0;
    keep_weights(watch);
    return 0;
  }
  return watch->wait >= watch->patience && epoch != 0;
}

/* Trains one net, until it is done or time is over. */
static void advance(fnn_net *net, const fnn_copy *copies, double deadline) {
  fnn_loop *train = &net->course[FNN_TRAIN].loop, *evaluate = &net->course[FNN_EVALUATE].loop;
  take_up(&net->course[FNN_TRAIN], copies);
  take_up(&net->course[FNN_EVALUATE], copies);
  while (!is_done(net)) {
    if (!net->evaluating) {
      if (!run_epoch(net, FNN_TRAIN, deadline)) return;
      net->evaluating = evaluate->rows && train->epoch % net->every == 0;
      if (net->evaluating) evaluate->epoch = train->epoch - 1;
    }
    if (net->evaluating && !run_epoch(net, FNN_EVALUATE, deadline)) return;
    net->evaluating = 0;
    net->stopped = look(net, train->epoch - 1);
    if (deadline >= 0 && fnn_now() >= deadline) return;
  }
}

typedef struct nets_job {
  fnn_net *nets;
  size_t n_nets, n_kinds;
  const fnn_copy *copies;
  double deadline;
  atomic_size_t next; /* the next net that nobody has taken */
} nets_job;

/* What one thread does, by its own copies of the programs. */
static void nets_piece(const void *of, size_t item, size_t piece, size_t pieces, void *scratch) {
  nets_job *job = *(nets_job *const *)of;
  const fnn_copy *copies = job->copies + piece * job->n_kinds;
  size_t at;
  if (!fnn_scratch()) return; /* no memory: others take the nets */
  while ((at = atomic_fetch_add(&job->next, 1)) < job->n_nets) {
    if (is_done(&job->nets[at])) continue;
    advance(&job->nets[at], copies, job->deadline);
    if (job->deadline >= 0 && fnn_now() >= job->deadline) return;
  }
}

static void nets_job_run(void *context, fnn_team *team) {
  nets_job *job = context;
  size_t threads = fnn_team_threads(team);
  fnn_team_share(team, &(fnn_work){nets_piece, &job, 1, threads, LONG});
}

int64_t fnn_nets_run(fnn_net *nets, size_t n_nets, const fnn_copy *copies, size_t n_kinds,
                     double seconds, size_t threads) {
  int64_t left = 0;
  nets_job job = {nets, n_nets, n_kinds, copies, seconds < 0 ? -1 : fnn_now() + seconds, 0};
  if (fnn_team_run(threads, nets_job_run, &job)) return -1;
  for (size_t i = 0; i < n_nets; i++) left += !is_done(&nets[i]);
  return left;
}

/* A net of the playground at work: its steps, and what a frame shows of it. */
#include "playground_net.h"

#include <math.h>
#include <string.h>

/* ---- steps ---- */

#define PI 3.14159265358979323846

/* The learning rate of an epoch; the powers by products, whose bits no library of a system changes. */
static double rate_of(const fnn_play *net, size_t epoch) {
  const double *number = net->number;
  double rate = number[FNN_PLAY_LR], factor = number[FNN_PLAY_FACTOR];
  size_t period = (size_t)number[FNN_PLAY_PERIOD], times = 0;
  double done = epoch < period ? (double)epoch / (double)period : 1;
  switch ((enum fnn_play_schedule)number[FNN_PLAY_SCHEDULE]) {
    case FNN_PLAY_STEPS:
      times = epoch / period;
      break;
    case FNN_PLAY_EXPONENTIAL:
      times = epoch;
      break;
    case FNN_PLAY_COSINE:
      return rate * (1 + cos(PI * (double)epoch / (double)period)) / 2;
    case FNN_PLAY_WARMUP:
      return rate * (factor + (1 - factor) * done);
    default:
      break;
  }
  if (times > 4096) times = 4096; /* by then any factor below 1 has had its effect */
  for (size_t i = 0; i < times; i++) rate *= factor;
  return rate;
}

/* Whole epochs while `steps` allow it, then single steps. */
static void train(fnn_play *net, size_t steps) {
  fnn_loop *loop = &net->loop;
  while (steps && !net->status) {
    net->hyper[FNN_HYPER_LR] = rate_of(net, loop->epoch);
    size_t left = loop->steps - loop->step, before = loop->epoch * loop->steps + loop->step;
    loop->last_epoch = loop->epoch + 1;
    loop->first_epoch = loop->epoch;
    loop->seconds = left <= steps ? -1 : 0; /* to the end of the epoch, or one step */
    net->status = fnn_loop_run(loop, 1);
    size_t done = loop->epoch * loop->steps + loop->step - before;
    steps -= done;
    net->steps += (double)done;
  }
}

/* ---- a frame ---- */

static float *put(float *to, const float *from, size_t n) {
  memcpy(to, from, n * sizeof *to);
  return to + n;
}

/* The least and the largest of n numbers, and how many lie in each of the bins between. */
static float *put_histogram(float *to, const float *x, size_t n) {
  float least = x[0], most = x[0];
  for (size_t i = 1; i < n; i++) {
    least = fminf(least, x[i]);
    most = fmaxf(most, x[i]);
  }
  float *bins = to + 2, scale = most > least ? FNN_PLAY_BINS / (most - least) : 0;
  to[0] = least;
  to[1] = most;
  memset(bins, 0, FNN_PLAY_BINS * sizeof *bins);
  for (size_t i = 0; i < n; i++) {
    float at = (x[i] - least) * scale;
    bins[at >= 0 && at < FNN_PLAY_BINS ? (size_t)at : at >= 0 ? FNN_PLAY_BINS - 1 : 0] += 1;
  }
  return bins + FNN_PLAY_BINS;
}

static size_t units_of(const fnn_play *net) {
  size_t units = 0;
  for (size_t l = 0; l < net->n_layers; l++) units += net->units[l];
  return units;
}

size_t fnn_play_frame_bytes(const fnn_play *net, int grid) {
  size_t n = 2 * net->n_parameters + net->rows[0] + net->rows[1];
  n += net->n_layers * (FNN_PLAY_BINS + 2);
  if (grid) n += net->rows[2] * units_of(net);
  return FNN_PLAY_HEAD * sizeof(double) + n * sizeof(float);
}

void fnn_play_frame(fnn_play *net, size_t steps, int grid, void *out) {
  fnn_play_pass *on_train = &net->pass[ON_TRAIN], *on_test = &net->pass[ON_TEST];
  size_t last = net->n_layers - 1;
  train(net, steps);
  fnn_program_run(on_train->program, 1);
  fnn_program_run(on_test->program, 1);
  double head[FNN_PLAY_HEAD] = {[FNN_PLAY_STATUS] = net->status,
                                [FNN_PLAY_EPOCH] = (double)net->loop.epoch,
                                [FNN_PLAY_STEP] = net->steps,
                                [FNN_PLAY_RATE] = rate_of(net, net->loop.epoch),
                                [FNN_PLAY_TRAIN_LOSS] = *on_train->loss,
                                [FNN_PLAY_TEST_LOSS] = *on_test->loss,
                                [FNN_PLAY_N_PARAMETERS] = (double)net->n_parameters};
  memcpy(out, head, sizeof head);
  float *to = (float *)((char *)out + sizeof head);
  to = put(to, net->parameters, net->n_parameters);
  to = put(to, net->gradients, net->n_parameters);
  to = put(to, on_train->a[last], net->rows[0]);
  to = put(to, on_test->a[last], net->rows[1]);
  for (size_t l = 0; l < net->n_layers; l++)
    to = put_histogram(to, on_train->a[l], net->rows[0] * net->units[l]);
  if (!grid) return;
  fnn_program_run(net->pass[ON_GRID].program, 1);
  for (size_t l = 0; l < net->n_layers; l++)
    to = put(to, net->pass[ON_GRID].a[l], net->rows[2] * net->units[l]);
}

/* ---- one step by hand ---- */

size_t fnn_play_trace_bytes(const fnn_play *net) {
  return (net->inputs + 2 + 5 * units_of(net) + 2 * net->n_parameters) * sizeof(float);
}

/* dE/da of the last layer, which is linear, is its dE/dz. */
static void put_layers(const fnn_play *net, float *to) {
  const fnn_play_pass *pass = &net->pass[ON_ONE];
  for (size_t l = 0; l < net->n_layers; l++) {
    int last = l + 1 == net->n_layers;
    const float *const parts[5] = {pass->z[l], pass->a[l], last ? pass->dz[l] : pass->da[l],
                                   last ? pass->ones : pass->slope[l], pass->dz[l]};
    for (int i = 0; i < 5; i++) to = put(to, parts[i], net->units[l]);
  }
  to = put(to, net->gradients, net->n_parameters);
  put(to, net->parameters, net->n_parameters);
}

void fnn_play_trace(fnn_play *net, size_t row, float *out) {
  size_t n = net->n_parameters, kept = n * (net->n_moments + 2);
  double hyper[FNN_HYPER_SIZE];
  float *saved = put(put(net->saved, net->parameters, n), net->gradients, n);
  put(saved, net->moments, n * net->n_moments);
  memcpy(hyper, net->hyper, sizeof hyper);
  row = row < net->rows[0] ? row : net->rows[0] - 1;
  net->hyper[FNN_HYPER_LR] = rate_of(net, net->loop.epoch);
  put(net->batch_x, net->data[0][0] + row * net->inputs, net->inputs);
  put(net->batch_y, net->data[0][1] + row, 1);
  fnn_program_run(net->pass[ON_ONE].program, 1);
  out = put(out, net->batch_x, net->inputs);
  out = put(put(out, net->batch_y, 1), net->pass[ON_ONE].loss, 1);
  put_layers(net, out);
  memcpy(net->hyper, hyper, sizeof hyper);
  put(net->parameters, net->saved, n);
  put(net->gradients, net->saved + n, n);
  put(net->moments, net->saved + 2 * n, kept - 2 * n);
}

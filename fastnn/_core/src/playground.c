/* A net of the playground: its memory, its steps and what a frame shows of it. */
#include "playground_net.h"

#include <math.h>
#include <string.h>

#define LINE 64

/* ---- from numbers ---- */

typedef struct limit {
  int number;
  double least, most;
  const char *wrong;
} limit;

static const limit limits[] = {
    {FNN_PLAY_TRAIN, 1, FNN_PLAY_ROWS, "training rows: expected 1..16384"},
    {FNN_PLAY_TEST, 1, FNN_PLAY_ROWS, "test rows: expected 1..16384"},
    {FNN_PLAY_GRID, 1, FNN_PLAY_ROWS, "rows of the grid: expected 1..16384"},
    {FNN_PLAY_INPUTS, 1, FNN_PLAY_WIDTH, "inputs: expected 1..16"},
    {FNN_PLAY_BATCH, 1, FNN_PLAY_ROWS, "batch: expected 1..16384"},
    {FNN_PLAY_SEED, 0, 0x1p53, "seed: expected 0..2^53"},
    {FNN_PLAY_ACTIVATION, 0, FNN_PLAY_N_ACTIVATIONS - 1, "activation: expected one of the list"},
    {FNN_PLAY_LOSS, 0, FNN_PLAY_N_LOSSES - 1, "loss: expected one of the list"},
    {FNN_PLAY_OPTIMIZER, 0, FNN_PLAY_N_OPTIMIZERS - 1, "optimizer: expected one of the list"},
    {FNN_PLAY_MOMENTS, 0, 7, "moments: expected three bits"},
    {FNN_PLAY_SCHEDULE, 0, FNN_PLAY_N_SCHEDULES - 1, "schedule: expected one of the list"},
    {FNN_PLAY_PERIOD, 1, 0x1p31, "period: expected 1 epoch or more"},
    {FNN_PLAY_N_LAYERS, 1, FNN_PLAY_LAYERS, "layers: expected 1..9"},
};

static const char *check(const double *number, size_t n) {
  if (n < FNN_PLAY_UNITS) return "numbers: there are too few of them";
  for (size_t i = 0; i < n; i++)
    if (!isfinite(number[i])) return "numbers: expected finite ones";
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    double x = number[limits[i].number];
    if (!(x >= limits[i].least && x <= limits[i].most) || x != floor(x)) return limits[i].wrong;
  }
  if (!(number[FNN_PLAY_DROPOUT] >= 0 && number[FNN_PLAY_DROPOUT] < 1))
    return "dropout: expected 0 <= p < 1";
  size_t layers = (size_t)number[FNN_PLAY_N_LAYERS];
  if (n != FNN_PLAY_UNITS + layers) return "units: expected a number for each layer";
  for (size_t l = 0; l < layers; l++) {
    double units = number[FNN_PLAY_UNITS + l];
    if (!(units >= 1 && units <= FNN_PLAY_WIDTH) || units != floor(units))
      return "units: expected 1..16 in each layer";
  }
  return number[n - 1] == 1 ? NULL : "units: expected 1 in the last layer";
}

/* The moments that a row cannot do without: those its `needs` has. */
static const char *check_moments(const double *number) {
  static const unsigned must[FNN_PLAY_N_OPTIMIZERS] = {
      [FNN_PLAY_RMSPROP] = 1, [FNN_PLAY_ADAGRAD] = 1, [FNN_PLAY_ADAM] = 3,
      [FNN_PLAY_NADAM] = 3,   [FNN_PLAY_LION] = 1,    [FNN_PLAY_RPROP] = 3};
  unsigned needed = must[(int)number[FNN_PLAY_OPTIMIZER]];
  unsigned kept = (unsigned)number[FNN_PLAY_MOMENTS];
  return (kept & needed) == needed ? NULL : "moments: the optimizer needs more of them";
}

static size_t data_count(const fnn_play *net) {
  return net->rows[0] * (net->inputs + 1) + net->rows[1] * (net->inputs + 1) +
         net->rows[2] * net->inputs + net->n_parameters;
}

static void take_numbers(fnn_play *net, const double *number, size_t n) {
  memcpy(net->number, number, n * sizeof *number);
  for (int i = 0; i < 3; i++) net->rows[i] = (size_t)number[FNN_PLAY_TRAIN + i];
  net->inputs = (size_t)number[FNN_PLAY_INPUTS];
  net->batch = (size_t)number[FNN_PLAY_BATCH];
  if (net->batch > net->rows[0]) net->batch = net->rows[0];
  net->n_layers = (size_t)number[FNN_PLAY_N_LAYERS];
  net->n_moments = fnn_play_moments((enum fnn_play_optimizer)number[FNN_PLAY_OPTIMIZER]);
  for (size_t l = 0, n_in = net->inputs; l < net->n_layers; n_in = net->units[l++]) {
    net->units[l] = (size_t)number[FNN_PLAY_UNITS + l];
    net->n_parameters += (n_in + 1) * net->units[l];
  }
}

/* ---- memory ---- */

/* The next place in the block; while there is no block, only counts. */
static void *take(fnn_play *net, size_t count, size_t size) {
  void *at = net->block ? net->block + net->used : NULL;
  net->used += (count * size + LINE - 1) / LINE * LINE;
  return at;
}

static float *floats(fnn_play *net, size_t n) { return take(net, n, sizeof(float)); }

/* Arrays of a pass that trains or looks at `rows` rows of x and y. */
static void place_pass(fnn_play *net, fnn_play_pass *pass, size_t rows, const float *x,
                       const float *y) {
  enum fnn_play_activation f = (enum fnn_play_activation)net->number[FNN_PLAY_ACTIVATION];
  int dropout = pass->trains && !pass->apart && net->number[FNN_PLAY_DROPOUT] > 0;
  pass->rows = rows;
  pass->x = x;
  pass->y = y;
  pass->loss = floats(net, 1);
  pass->difference = floats(net, rows);
  pass->size = floats(net, rows);
  pass->share = floats(net, rows);
  pass->ones = floats(net, rows * FNN_PLAY_WIDTH);
  for (size_t l = 0; l < net->n_layers; l++) {
    size_t n = rows * net->units[l];
    int last = l + 1 == net->n_layers, linear = last || f == FNN_PLAY_LINEAR;
    pass->z[l] = floats(net, n);
    pass->a[l] = linear ? pass->z[l] : floats(net, n);
    pass->kept[l] = dropout && !last ? floats(net, n) : pass->a[l];
    if (!pass->trains) continue;
    pass->da[l] = floats(net, n);
    pass->slope[l] = floats(net, n);
    pass->dz[l] = floats(net, n);
    pass->dkept[l] = floats(net, n);
    pass->key[l] = take(net, 2, sizeof(int64_t));
  }
  if (!net->block) return;
  for (size_t i = 0; i < rows; i++) pass->share[i] = 1.0f / (float)rows;
  for (size_t i = 0; i < rows * FNN_PLAY_WIDTH; i++) pass->ones[i] = 1.0f;
}

static void place(fnn_play *net) {
  net->used = 0;
  for (int i = 0; i < 3; i++) {
    net->data[i][0] = floats(net, net->rows[i] * net->inputs);
    if (i < 2) net->data[i][1] = floats(net, net->rows[i]);
  }
  net->parameters = floats(net, net->n_parameters);
  net->gradients = floats(net, net->n_parameters);
  net->moments = floats(net, net->n_parameters * net->n_moments);
  net->saved = floats(net, net->n_parameters * (net->n_moments + 2));
  net->hyper = take(net, FNN_HYPER_SIZE, sizeof(double));
  net->draws = take(net, 2, sizeof(int64_t));
  net->order = take(net, net->rows[0], sizeof(int64_t));
  net->batch_x = floats(net, net->batch * net->inputs);
  net->batch_y = floats(net, net->batch);
  size_t tail = net->rows[0] % net->batch;
  fnn_play_pass *pass = net->pass;
  pass[ON_BATCH].trains = pass[ON_TAIL].trains = pass[ON_ONE].trains = pass[ON_ONE].apart = 1;
  place_pass(net, &pass[ON_BATCH], net->batch, net->batch_x, net->batch_y);
  place_pass(net, &pass[ON_TAIL], tail ? tail : 1, net->batch_x, net->batch_y);
  place_pass(net, &pass[ON_TRAIN], net->rows[0], net->data[0][0], net->data[0][1]);
  place_pass(net, &pass[ON_TEST], net->rows[1], net->data[1][0], net->data[1][1]);
  place_pass(net, &pass[ON_GRID], net->rows[2], net->data[2][0], NULL);
  place_pass(net, &pass[ON_ONE], 1, net->batch_x, net->batch_y);
}

/* ---- a net ---- */

static void take_data(fnn_play *net, const float *data) {
  for (int i = 0; i < 3; i++) {
    size_t counts[2] = {net->rows[i] * net->inputs, i < 2 ? net->rows[i] : 0};
    for (int j = 0; j < 2; j++) {
      if (counts[j]) memcpy(net->data[i][j], data, counts[j] * sizeof *data);
      data += counts[j];
    }
  }
  memcpy(net->parameters, data, net->n_parameters * sizeof *data);
  float *at = net->parameters;
  for (size_t l = 0, n_in = net->inputs; l < net->n_layers; n_in = net->units[l++]) {
    net->weight[l] = at;
    net->bias[l] = at + n_in * net->units[l];
    at = net->bias[l] + net->units[l];
  }
}

static void begin(fnn_play *net) {
  const double *number = net->number;
  double *hyper = net->hyper;
  hyper[FNN_HYPER_LR] = number[FNN_PLAY_LR];
  hyper[FNN_HYPER_DECAY] = number[FNN_PLAY_DECAY];
  hyper[FNN_HYPER_DECOUPLED] = number[FNN_PLAY_DECOUPLED];
  hyper[FNN_HYPER_SIGN] = 1;
  hyper[FNN_HYPER_L1] = number[FNN_PLAY_L1];
  for (int i = 0; i < 4; i++) hyper[FNN_HYPER_OWN + i] = number[FNN_PLAY_OWN + i];
  net->draws[0] = (int64_t)number[FNN_PLAY_SEED];
  fnn_loop *loop = &net->loop;
  loop->program[FNN_BODY] = net->pass[ON_BATCH].program;
  loop->program[FNN_TAIL] = net->pass[ON_TAIL].program;
  loop->every = 1;
  loop->batch = net->batch;
  loop->rows = net->rows[0];
  loop->steps = (loop->rows + loop->batch - 1) / loop->batch;
  loop->n_feeds = 2;
  loop->feed[0] = (fnn_feed){net->data[0][0], net->batch_x, net->inputs * sizeof(float)};
  loop->feed[1] = (fnn_feed){net->data[0][1], net->batch_y, sizeof(float)};
  loop->order = net->order;
  loop->shuffle = 1;
  loop->seed = (uint64_t)number[FNN_PLAY_SEED];
  loop->sums = hyper; /* there are no totals to add up */
}

static int make_programs(fnn_play *net) {
  fnn_call calls[FNN_PLAY_CALLS];
  for (int i = 0; i < N_PASSES; i++) {
    fnn_play_pass *pass = &net->pass[i];
    pass->program = fnn_program_new(calls, fnn_play_calls(net, pass, calls), NULL, 0);
    if (!pass->program) return 0;
  }
  return 1;
}

void fnn_play_free(fnn_play *net) {
  if (!net) return;
  for (int i = 0; i < N_PASSES; i++) fnn_program_free(net->pass[i].program);
  fnn_release(net->block);
  fnn_release(net);
}

fnn_play *fnn_play_new(const double *numbers, size_t n_numbers, const float *data, size_t n_data,
                       const char **wrong) {
  *wrong = check(numbers, n_numbers);
  if (!*wrong) *wrong = check_moments(numbers);
  if (*wrong) return NULL;
  fnn_play *net = fnn_allocate(sizeof *net);
  *wrong = "memory: there is none left";
  if (!net) return NULL;
  memset(net, 0, sizeof *net);
  take_numbers(net, numbers, n_numbers);
  if (n_data != data_count(net)) {
    *wrong = "data: expected as many numbers as rows, inputs and units say";
    fnn_release(net);
    return NULL;
  }
  place(net);
  net->block = fnn_allocate(net->used);
  if (net->block) {
    memset(net->block, 0, net->used);
    place(net);
    take_data(net, data);
  }
  if (!net->block || !make_programs(net)) {
    fnn_play_free(net);
    return NULL;
  }
  begin(net);
  *wrong = NULL;
  return net;
}

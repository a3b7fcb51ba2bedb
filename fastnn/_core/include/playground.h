/* A dense net with its data and its training, for the playground's page: the page describes a net
 * once, as numbers, and then asks for frames. Its two back ends, the server of `fastnn playground`
 * and WebAssembly in a browser, both carry these numbers and frames and do nothing else, so that a
 * net trains with the same calls of the same kernels in both.
 *
 * A net runs on the thread that calls it. float32 throughout.
 */
#ifndef FASTNN_PLAYGROUND_H
#define FASTNN_PLAYGROUND_H

#include "fastnn.h"

#define FNN_PLAY_LAYERS 9 /* the most; the last has one unit */
#define FNN_PLAY_WIDTH 16 /* the most inputs, and units of a layer */
#define FNN_PLAY_ROWS 16384
#define FNN_PLAY_BINS 24 /* of a histogram */

/* clang-format off */
enum fnn_play_activation {
  FNN_PLAY_LINEAR, FNN_PLAY_RELU, FNN_PLAY_SIGMOID, FNN_PLAY_TANH, FNN_PLAY_GELU, FNN_PLAY_SIN,
  FNN_PLAY_N_ACTIVATIONS
};
enum fnn_play_loss { FNN_PLAY_SQUARED, FNN_PLAY_CROSS_ENTROPY, FNN_PLAY_ABSOLUTE, FNN_PLAY_N_LOSSES };
enum fnn_play_optimizer {
  FNN_PLAY_SGD, FNN_PLAY_RMSPROP, FNN_PLAY_ADAGRAD, FNN_PLAY_ADAM, FNN_PLAY_NADAM, FNN_PLAY_LION,
  FNN_PLAY_RPROP, FNN_PLAY_N_OPTIMIZERS
};
/* The learning rate of epoch e, from lr, period P and factor f: lr; lr f^(e / P); lr f^e; from lr to
 * 0 over P epochs along a cosine, and back; from lr f to lr over P epochs along a line. */
enum fnn_play_schedule {
  FNN_PLAY_CONSTANT, FNN_PLAY_STEPS, FNN_PLAY_EXPONENTIAL, FNN_PLAY_COSINE, FNN_PLAY_WARMUP,
  FNN_PLAY_N_SCHEDULES
};
/* The numbers that describe a net. OWN: the optimizer's, as in its row's hyper; MOMENTS: bit i: the
 * i-th moment is kept; ATTRS: of its row. UNITS: of each layer, after LAYERS of them. */
enum fnn_play_number {
  FNN_PLAY_TRAIN, FNN_PLAY_TEST, FNN_PLAY_GRID, FNN_PLAY_INPUTS, FNN_PLAY_BATCH, FNN_PLAY_SEED,
  FNN_PLAY_ACTIVATION, FNN_PLAY_LOSS, FNN_PLAY_DROPOUT, FNN_PLAY_OPTIMIZER, FNN_PLAY_LR,
  FNN_PLAY_DECAY, FNN_PLAY_DECOUPLED, FNN_PLAY_L1, FNN_PLAY_OWN,
  FNN_PLAY_MOMENTS = FNN_PLAY_OWN + 4, FNN_PLAY_ATTRS, FNN_PLAY_SCHEDULE = FNN_PLAY_ATTRS + 2,
  FNN_PLAY_PERIOD, FNN_PLAY_FACTOR, FNN_PLAY_N_LAYERS, FNN_PLAY_UNITS
};
/* A frame begins with these as double; then floats follow: see fnn_play_frame. */
enum fnn_play_head {
  FNN_PLAY_STATUS, FNN_PLAY_EPOCH, FNN_PLAY_STEP, FNN_PLAY_RATE, FNN_PLAY_TRAIN_LOSS,
  FNN_PLAY_TEST_LOSS, FNN_PLAY_N_PARAMETERS, FNN_PLAY_HEAD = 8
};
/* clang-format on */

typedef struct fnn_play fnn_play;

/* data, rows one after the other: x (train, inputs), y (train), x (test, inputs), y (test),
 * x (grid, inputs), then for each layer its weights (n_in, n_out) and biases (n_out).
 * NULL: *wrong says which number or why. */
fnn_play *fnn_play_new(const double *numbers, size_t n_numbers, const float *data, size_t n_data,
                       const char **wrong);
void fnn_play_free(fnn_play *net);

/* The bytes of a frame, with the outputs of all units on the grid or without. */
size_t fnn_play_frame_bytes(const fnn_play *net, int grid);
/* Trains for `steps` steps, then writes a frame: the head; parameters; gradients of the last step;
 * outputs of the training and the test rows; for each layer the least and the largest output over
 * the training rows and FNN_PLAY_BINS counts between them; with grid, for each layer its outputs
 * (grid, units). A step whose loss is not finite changes nothing and ends the frame's training. */
void fnn_play_frame(fnn_play *net, size_t steps, int grid, void *out);

size_t fnn_play_trace_bytes(const fnn_play *net);
/* One step with a batch of one training row, undone afterwards: x (inputs); y; the loss; for each
 * layer, n_out numbers each: z, a = f(z), dE/da, da/dz, dE/dz; then gradients, and the parameters
 * after the step. Dropout is off. */
void fnn_play_trace(fnn_play *net, size_t row, float *out);

#endif

/* A net of the playground: what its two files share. */
#ifndef FASTNN_PLAYGROUND_NET_H
#define FASTNN_PLAYGROUND_NET_H

#include "playground.h"

#define FNN_PLAY_CALLS (12 * FNN_PLAY_LAYERS + 8)

/* What a program over some rows reads and writes; arrays of a layer are (rows, units). */
typedef struct fnn_play_pass {
  size_t rows;
  int trains; /* backward pass and update too */
  int apart;  /* the activation apart from the product, so that z is kept */
  const float *x, *y;
  float *loss, *difference; /* of an absolute error: (rows, 1) and its size */
  float *size;
  float *z[FNN_PLAY_LAYERS], *a[FNN_PLAY_LAYERS]; /* before and after the activation */
  float *kept[FNN_PLAY_LAYERS];                   /* a after dropout; a without */
  float *da[FNN_PLAY_LAYERS], *slope[FNN_PLAY_LAYERS], *dz[FNN_PLAY_LAYERS];
  float *dkept[FNN_PLAY_LAYERS];
  int64_t *key[FNN_PLAY_LAYERS]; /* (2) of the dropout */
  float *share, *ones;           /* 1 / rows; (rows, FNN_PLAY_WIDTH) of 1 */
  fnn_program *program;
} fnn_play_pass;

enum fnn_play_pass_name { ON_BATCH, ON_TAIL, ON_TRAIN, ON_TEST, ON_GRID, ON_ONE, N_PASSES };

struct fnn_play {
  double number[FNN_PLAY_UNITS + FNN_PLAY_LAYERS];
  size_t rows[3], batch, inputs, n_layers, units[FNN_PLAY_LAYERS];
  size_t n_parameters, n_moments;
  char *block;       /* all memory below, in one block */
  size_t used;       /* bytes of it */
  float *data[3][2]; /* x and y of training, test and grid */
  float *parameters, *gradients, *moments, *saved;
  float *weight[FNN_PLAY_LAYERS], *bias[FNN_PLAY_LAYERS];
  double *hyper;
  int64_t *draws, *order;
  float *batch_x, *batch_y;
  fnn_play_pass pass[N_PASSES];
  fnn_loop loop;
  double steps;
  fnn_status status;
};

/* playground_calls.c: the calls of a pass, at most FNN_PLAY_CALLS; returns how many. */
size_t fnn_play_calls(const fnn_play *net, const fnn_play_pass *pass, fnn_call *calls);
/* How many moments an optimizer's row has, and its op. */
size_t fnn_play_moments(enum fnn_play_optimizer optimizer);

#endif

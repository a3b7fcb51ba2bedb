/* Many nets in one run: each is trained by one thread, which takes the next when it is done.
 *
 * Nets of the same shapes share a program. Every thread has a copy of it, over an arena of its own
 * (fnn_copy); what belongs to a net (parameters, moments, buffers, its random state) is patched
 * into the copy when the thread takes up the net. So a net costs its own numbers and no recording.
 */
#ifndef FASTNN_NETS_H
#define FASTNN_NETS_H

#include "fastnn.h"

/* loop.c: steps of a loop by the calling thread alone, within a job of a team, until that time of
 * fnn_now (< 0: to the end). */
fnn_status fnn_loop_steps(fnn_loop *loop, double deadline);
void fnn_program_set(fnn_program *program, size_t call, int64_t attr); /* its attr[0] */

/* A thread's copy of a program. Its inputs, in order: batches, outputs, the net's memory, the arena
 * (a patch for each array of each call). */
typedef struct fnn_copy {
  fnn_program *program;
  void **inputs;
  size_t n_bound, n_memory; /* of the inputs: the thread's, then the net's */
  const size_t *call;       /* (n_calls) calls whose attr[0] is the net's own: its dropout rates */
  size_t n_calls;
} fnn_copy;

enum fnn_use { FNN_TRAIN, FNN_EVALUATE, FNN_N_USES };

typedef struct fnn_block { /* weights to keep a copy of */
  const void *from;
  void *to;
  size_t bytes;
} fnn_block;

/* One figure of each epoch: when to stop, and when to keep the weights. As callbacks.EarlyStopping:
 * a figure is better if it beats the best by more than delta. */
typedef struct fnn_watch {
  enum fnn_use use;   /* whose total */
  size_t total;       /* its number there */
  double divisor;     /* the figure is total / divisor ... */
  int weighted;       /* ... or, if this is set, total / the total that follows */
  int active, larger; /* larger: more is better */
  double delta;
  size_t patience, start; /* start: the first epoch that counts */
  fnn_block *block;
  size_t n_blocks;
  size_t wait; /* state */
  double best;
  int64_t best_epoch; /* -1: none */
} fnn_watch;

/* How one of a net's loops is run: each step by the copy `kind` of the thread. */
typedef struct fnn_course {
  fnn_loop
      loop; /* rows 0: there is none; its programs, batches and values are set by the thread */
  size_t kind[FNN_N_PARTS];
  void *const *memory[FNN_N_PARTS]; /* what a copy gets after its bound inputs */
  const int64_t *attr[FNN_N_PARTS]; /* and what its calls get */
  size_t total[FNN_MAX_TOTALS];     /* the input of a copy that each total is read from */
  const int64_t *among;             /* (rows) row numbers that are shuffled; NULL: 0, 1, ... */
} fnn_course;

typedef struct fnn_net {
  fnn_course course[FNN_N_USES];
  fnn_watch watch;
  size_t every; /* evaluate after every this many epochs */
  size_t until; /* stop before this epoch */
  int shuffle, evaluating, stopped;
  fnn_status status;
} fnn_net;

/* Run nets for about this long (< 0: to the end). copies: (threads, n_kinds). Returns how many nets
 * have more to do, or -1: no memory. */
int64_t fnn_nets_run(fnn_net *nets, size_t n_nets, const fnn_copy *copies, size_t n_kinds,
                     double seconds, size_t threads);

#endif

/* What the files of the thread team share: threads.c, helpers.c, sleep.c. */
#ifndef FASTNN_TEAM_H
#define FASTNN_TEAM_H

#include <stdatomic.h>

#include "fastnn.h"

#define FNN_CACHE_LINE 128 /* two lines: the prefetcher takes them in pairs */
#define FNN_MAX_THREADS 1024

/* A thread's place in a team. */
typedef struct fnn_seat {
  /* Pieces of its share that nobody has begun yet, and whether the thread sleeps. */
  _Alignas(FNN_CACHE_LINE) atomic_uint left;
  _Alignas(FNN_CACHE_LINE) fnn_team *team;
  void *scratch;
  size_t number;              /* 0: the leader, who has the caller's thread */
  atomic_size_t pieces, naps; /* done by this thread; times that it went to sleep */
} fnn_seat;

/* threads.c: what a helper does, for ever. */
void fnn_help(fnn_seat *seat);

/* helpers.c: starts a helper for each of `count` seats; returns how many there are now. */
size_t fnn_start_helpers(fnn_seat *seats, size_t count);

/* sleep.c: sleeps while *word is `value`, and may return too soon; wakes who sleeps by *word. */
void fnn_sleep(atomic_uint *word, unsigned value);
void fnn_wake(atomic_uint *word);
void fnn_sleep_forked(void); /* in the child of a fork */

#endif

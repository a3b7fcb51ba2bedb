/* The team of threads: what the files of the engine share of it. */
#ifndef FASTNN_TEAM_H
#define FASTNN_TEAM_H

#include "fastnn.h"

#include <stdatomic.h>

#define FNN_CACHE_LINE 128 /* two lines: the prefetcher takes them in pairs */
#define FNN_MAX_THREADS 1024

/* threads.c. The caller of a run leads its team; what it shares out is done by whoever is there. */
typedef struct fnn_team fnn_team;
typedef void (*fnn_job)(void *context, fnn_team *team);
/* Piece `piece` of `pieces` of item `item`; scratch as of a kernel. */
typedef void (*fnn_piece)(const void *of, size_t item, size_t piece, size_t pieces, void *scratch);
typedef struct fnn_work {
  fnn_piece run;
  const void *of;
  size_t items; /* each is cut into pieces */
  size_t tiles; /* the most pieces of an item that are not empty */
  double cost;  /* rough microseconds on one thread */
} fnn_work;
/* Runs the job on this thread with a team of at most so many threads. */
fnn_status fnn_team_run(size_t threads, fnn_job job, void *context);
/* In a job: returns when all of the work is done. */
void fnn_team_share(fnn_team *team, const fnn_work *work);
fnn_team *fnn_team_alone(void);                /* the team of whoever works without one */
size_t fnn_team_most(const fnn_team *team);    /* how many threads there are */
size_t fnn_team_threads(const fnn_team *team); /* how many to share with */
void fnn_team_use(fnn_team *team, size_t threads);

/* program.c: a run within a job. */
fnn_status fnn_program_step(fnn_program *program, fnn_team *team);

/* pace.c: how many threads the next run has, by how long the last ones took. */
enum fnn_pace_doing { FNN_KEEP, FNN_LOOK, FNN_TRY }; /* the size; half of it; twice */
typedef struct fnn_pace {                            /* zeros: no run yet */
  size_t most, size;
  enum fnn_pace_doing doing;
  size_t left;         /* runs of this look */
  size_t look_in;      /* runs until the next look */
  double time, runs;   /* of this size, the last ones: seconds and how many */
  double fewer;        /* seconds of a run by half of the size */
  double tried, tries; /* of twice the size: seconds and how many */
  double held, rest;   /* seconds since the last change or trial; between trials */
} fnn_pace;
size_t fnn_pace_threads(fnn_pace *pace, size_t most);
void fnn_pace_note(fnn_pace *pace, double seconds);
double fnn_now(void); /* seconds of a clock that only goes forward */

/* A thread's place in a team. */
typedef struct fnn_seat {
  /* Items of its share that nobody has begun yet, and whether the thread sleeps. */
  _Alignas(FNN_CACHE_LINE) atomic_uint left;
  /* What they are of; read after a claim alone, when the leader cannot write it. */
  unsigned items;
  size_t pieces;
  fnn_piece run;
  const void *of;
  /* The thread's own. */
  _Alignas(FNN_CACHE_LINE) fnn_team *team;
  void *scratch;
  size_t number;              /* 0: the leader, who has the caller's thread */
  atomic_size_t claims, naps; /* pieces it has done; times that it went to sleep */
} fnn_seat;

/* memory.c: this thread's FNN_SCRATCH_BYTES; NULL: no memory. */
void *fnn_scratch(void);

/* What a helper does, for ever. */
void fnn_help(fnn_seat *seat);

/* helpers.c: starts a helper for each of `count` seats; returns how many there are now. */
size_t fnn_start_helpers(fnn_seat *seats, size_t count);

/* sleep.c: sleeps while *word is `value`, and may return too soon; wakes who sleeps by *word. */
void fnn_sleep(atomic_uint *word, unsigned value);
void fnn_wake(atomic_uint *word);
void fnn_sleep_forked(void); /* in the child of a fork */

#endif

/* The pace: how many threads the next run of a program has, by how long its last runs took.
 *
 * Where others use the machine, more threads can take longer than fewer. So a run is timed. The
 * team is halved when half of it would take no longer, and doubled on trial after a rest, which
 * grows from trial to trial that fails. What half of the team would take is looked up by a single
 * run once in a while. Nothing of this changes a bit of a result.
 *
 * Means are over time, not over runs: a thread that is put aside costs one run as much as dozens of
 * others take, and a mean over a few runs would see none of that or too much. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "team.h"

#include <math.h>
#include <time.h>

#define GAIN 0.95       /* of the time of half of the team: at least so much must the whole gain */
#define WINDOW 0.05     /* seconds that a mean looks back */
#define FIRST 2         /* runs of half of the team at first, of which the shorter counts */
#define ENOUGH 8        /* runs before a mean counts */
#define LOOKS_APART 256 /* runs between two by half of the team */
#define LOOK_WEIGHT 0.125 /* of one of them */
#define TRIAL 0.03        /* seconds of twice the team, and two runs at least */
#define REST 0.01         /* seconds between trials, at first */
#define LONGEST_REST 0.32

double fnn_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t half(size_t threads) { return threads > 1 ? threads / 2 : 1; }

static size_t twice(const fnn_pace *pace) {
  return 2 * pace->size < pace->most ? 2 * pace->size : pace->most;
}

size_t fnn_pace_threads(fnn_pace *pace, size_t most) {
  if (pace->most != most) {
    *pace = (fnn_pace){.most = most, .size = most, .doing = FNN_LOOK, .left = FIRST};
    pace->look_in = LOOKS_APART;
    pace->fewer = INFINITY;
    pace->rest = REST;
  }
  if (pace->doing == FNN_LOOK) return half(pace->size);
  return pace->doing == FNN_TRY ? twice(pace) : pace->size;
}

/* Half of the team: it takes no longer, by what is known. */
static void shrink(fnn_pace *pace) {
  pace->size = half(pace->size);
  pace->time = pace->runs = 0;
  pace->fewer = INFINITY; /* what half of that would take */
  pace->look_in = ENOUGH;
  pace->rest = pace->held > 4 * pace->rest ? REST : fmin(2 * pace->rest, LONGEST_REST);
  pace->held = 0;
}

static void end_trial(fnn_pace *pace) {
  double mean = pace->time / pace->runs;
  if (pace->tried / pace->tries < GAIN * mean) {
    pace->size = twice(pace);
    pace->time = pace->tried;
    pace->runs = pace->tries;
    pace->fewer = mean;
    pace->look_in = LOOKS_APART;
  } else {
    pace->rest = fmin(2 * pace->rest, LONGEST_REST);
  }
  pace->held = 0;
  pace->doing = FNN_KEEP;
}

static void note_keep(fnn_pace *pace, double seconds) {
  double kept = WINDOW / (WINDOW + seconds);
  pace->time = kept * pace->time + seconds;
  pace->runs = kept * pace->runs + 1;
  pace->held += seconds;
  int enough = pace->runs > ENOUGH || pace->time > WINDOW;
  if (pace->look_in) pace->look_in--;
  if (pace->size > 1 && enough && pace->time > GAIN * pace->fewer * pace->runs) {
    shrink(pace);
  } else if (pace->size < pace->most && enough && pace->held > pace->rest) {
    pace->doing = FNN_TRY;
    pace->tried = pace->tries = 0;
  } else if (pace->size > 1 && !pace->look_in) {
    pace->doing = FNN_LOOK;
    pace->left = 1;
    pace->look_in = LOOKS_APART;
  }
}

static void note_look(fnn_pace *pace, double seconds) {
  if (pace->left > 1 || !pace->runs || isinf(pace->fewer))
    pace->fewer = fmin(pace->fewer, seconds);
  else
    pace->fewer += LOOK_WEIGHT * (seconds - pace->fewer);
  if (--pace->left == 0) pace->doing = FNN_KEEP;
}

void fnn_pace_note(fnn_pace *pace, double seconds) {
  if (pace->doing == FNN_KEEP) return note_keep(pace, seconds);
  if (pace->doing == FNN_LOOK) return note_look(pace, seconds);
  pace->tried += seconds;
  pace->tries++;
  if (pace->tries > 1 && pace->tried > TRIAL) end_trial(pace);
}

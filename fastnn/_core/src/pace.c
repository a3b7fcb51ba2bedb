/* The pace: how many threads the next run of a program has, by how long its last runs took.
 *
 * Where others use the machine, more threads can take longer than fewer. So a run is timed. The
 * team is halved when half of it would take no longer, and doubled on trial after a rest,
 * which grows from trial to trial that fails. What half of the team would take is looked up by a
 * single run once in a while. Nothing of this changes a bit of a result. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <math.h>
#include <time.h>

#include "team.h"

#define GAIN 0.95 /* of the time of half of the team: at least so much must the whole gain */
#define WEIGHT (1.0 / 16) /* of the last run in a mean */
#define FIRST 2           /* runs of half of the team at first, of which the shorter counts */
#define LOOKS_APART 256   /* runs between two by half of the team */
#define TRIAL 8           /* runs of twice the team */
#define REST 0.005        /* seconds between trials, at first */
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
    *pace = (fnn_pace){
        .most = most, .size = most, .doing = FNN_LOOK, .left = FIRST, .look_in = LOOKS_APART};
    pace->fewer = pace->mean = INFINITY;
    pace->rest = REST;
  }
  if (pace->doing == FNN_LOOK) return half(pace->size);
  return pace->doing == FNN_TRY ? twice(pace) : pace->size;
}

/* Half of the team: it takes no longer, by what is known. */
static void shrink(fnn_pace *pace) {
  pace->size = half(pace->size);
  pace->mean = pace->fewer;
  pace->fewer = INFINITY; /* what half of that would take */
  pace->look_in = TRIAL;
  pace->rest = pace->held > 4 * pace->rest ? REST : fmin(2 * pace->rest, LONGEST_REST);
  pace->held = 0;
}

static void end_trial(fnn_pace *pace, double mean) {
  if (mean < GAIN * pace->mean) {
    pace->fewer = pace->mean;
    pace->mean = mean;
    pace->size = twice(pace);
    pace->look_in = LOOKS_APART;
  } else {
    pace->rest = fmin(2 * pace->rest, LONGEST_REST);
  }
  pace->held = 0;
  pace->doing = FNN_KEEP;
}

static void note_try(fnn_pace *pace, double seconds) {
  pace->sum += seconds;
  pace->left--;
  if (pace->left == 0 || pace->sum > TRIAL * pace->mean)
    end_trial(pace, pace->sum / (TRIAL - pace->left));
}

static void note_keep(fnn_pace *pace, double seconds) {
  pace->mean = isinf(pace->mean) ? seconds : pace->mean + WEIGHT * (seconds - pace->mean);
  pace->held += seconds;
  if (pace->look_in) pace->look_in--;
  if (pace->size > 1 && pace->mean > GAIN * pace->fewer) {
    shrink(pace);
  } else if (pace->size < pace->most && pace->held > pace->rest) {
    pace->doing = FNN_TRY;
    pace->left = TRIAL;
    pace->sum = 0;
  } else if (pace->size > 1 && !pace->look_in) {
    pace->doing = FNN_LOOK;
    pace->left = 1;
    pace->look_in = LOOKS_APART;
  }
}

void fnn_pace_note(fnn_pace *pace, double seconds) {
  if (pace->doing == FNN_TRY) {
    note_try(pace, seconds);
  } else if (pace->doing == FNN_KEEP) {
    note_keep(pace, seconds);
  } else {
    int first = isinf(pace->fewer) || isinf(pace->mean);
    pace->fewer = first ? fmin(pace->fewer, seconds) : (pace->fewer + seconds) / 2;
    if (--pace->left == 0) pace->doing = FNN_KEEP;
  }
}

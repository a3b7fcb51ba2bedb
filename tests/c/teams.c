/* The team's promises, under stress: every piece of work is done once, by somebody, before the work
 * that is shared out next; a sleeper is woken; a pace follows the times alone.
 *
 * With TEAMS_MAIN it is a program of its own, for the thread sanitizer: `make test-tsan`. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "replay.h"
#include "team.h"

enum { LEADERS = 3, THREADS = 8, ITEMS = 3, MOST_PIECES = 4 * THREADS };
#ifndef PHASES
enum { PHASES = 40000 }; /* of each leader */
#endif

typedef struct {
  uint32_t random;
  size_t phases, items;
  atomic_uint done[ITEMS][MOST_PIECES];   /* how often each piece was */
  uint64_t values[2][ITEMS][MOST_PIECES]; /* of this phase and of the one before: plain memory */
  atomic_int wrong;
} stress;

static uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/* Reads what the phase before wrote, whoever did that, and writes its own place. */
static void stress_piece(const void *of, size_t item, size_t piece, size_t pieces, void *scratch) {
  stress *s = (stress *)of;
  uint32_t random = (uint32_t)(s->phases * 31 + item * 7 + piece);
  random = next_random(&random);
  const size_t other = random % MOST_PIECES;
  if (!scratch || pieces > MOST_PIECES) atomic_store(&s->wrong, 1);
  if (random % 32 == 0) sched_yield();
  for (volatile uint32_t i = 0; i < random % 64; i++) continue;
  uint64_t sum = s->phases;
  for (size_t i = 0; i < ITEMS; i++) sum += s->values[(s->phases + 1) % 2][i][other];
  s->values[s->phases % 2][item][piece] = sum;
  atomic_fetch_add(&s->done[item][piece], 1);
}

/* How many pieces of the phase just shared out were done; wrong if one was done twice. */
static size_t count_done(stress *s) {
  size_t count = 0;
  for (size_t i = 0; i < ITEMS; i++) {
    for (size_t p = 0; p < MOST_PIECES; p++) {
      const unsigned times = atomic_exchange(&s->done[i][p], 0);
      if (times > 1 || (times && i >= s->items)) atomic_store(&s->wrong, 1);
      count += times;
    }
  }
  return count;
}

static void stress_job(void *context, fnn_team *team) {
  stress *s = context;
  const size_t most = fnn_team_most(team);
  for (int i = 0; i < 100; i++, s->phases++) {
    const uint32_t random = next_random(&s->random);
    fnn_team_use(team, 1 + random % most);
    s->items = 1 + random / 16 % ITEMS;
    const fnn_work work = {stress_piece, s, s->items, random / 64 % 24, random / 2048 % 40};
    fnn_team_share(team, &work);
    const size_t count = count_done(s);
    if (count == 0 || count % s->items) atomic_store(&s->wrong, 1);
    if (random / 4096 % 16 == 0) sched_yield();
  }
}

static void *lead(void *context) {
  stress *s = context;
  while (s->phases < PHASES) fnn_team_run(2 + s->phases / 100 % (THREADS - 1), stress_job, s);
  return NULL;
}

typedef struct {
  const fnn_team *outer, *inner;
} two_teams;

static void inner_job(void *context, fnn_team *team) { ((two_teams *)context)->inner = team; }

static void outer_job(void *context, fnn_team *team) {
  ((two_teams *)context)->outer = team;
  fnn_team_run(2, inner_job, context);
}

/* Whether a run that begins while another is on has a team of its own. */
static int two_runs_have_two_teams(void) {
  two_teams of = {NULL, NULL};
  fnn_team_limit(4);
  fnn_team_run(2, outer_job, &of);
  return of.outer && of.inner && of.outer != of.inner;
}

/* Several leaders at once, each with more threads than there are CPUs; some runs find no helper. */
static void test_claims(void) {
  static stress of[LEADERS];
  pthread_t leader[LEADERS];
  fnn_team_limit(LEADERS * THREADS / 2);
  for (int i = 0; i < LEADERS; i++) {
    of[i].random = (uint32_t)i;
    if (pthread_create(&leader[i], NULL, lead, &of[i])) fail("teams: no thread");
  }
  for (int i = 0; i < LEADERS; i++) {
    pthread_join(leader[i], NULL);
    if (atomic_load(&of[i].wrong)) fail("teams: a piece was not done once, or not in its phase");
  }
  size_t counts[4]; /* helpers, pieces, those by leaders, naps */
  fnn_team_counts(counts);
  if (!counts[0] || counts[0] > LEADERS * (THREADS - 1)) fail("teams: helpers");
  if (counts[2] >= counts[1]) fail("teams: helpers did nothing");
}

/* ---- sleep ---- */

enum { PATIENCE = 1000000 }; /* looks at what another thread is to do, each with a turn for it */

static size_t count_of(int which) {
  size_t counts[4];
  fnn_team_counts(counts);
  return counts[which];
}

static int wait_for(atomic_size_t *count, size_t at_least) {
  for (int i = 0; i < PATIENCE && atomic_load(count) < at_least; i++) sched_yield();
  return atomic_load(count) >= at_least;
}

/* A piece that ends when another has begun: it takes two threads. */
static void meet(const void *of, size_t item, size_t piece, size_t pieces, void *scratch) {
  atomic_size_t *begun = (atomic_size_t *)of;
  atomic_fetch_add(begun, 1);
  if (!wait_for(begun, pieces)) fail("teams: a helper that slept was not woken");
}

static void begin(const void *of, size_t item, size_t piece, size_t pieces, void *scratch) {
  atomic_fetch_add((atomic_size_t *)of, 1);
}

static void sleep_job(void *context, fnn_team *team) {
  atomic_size_t begun = 0;
  if (fnn_team_most(team) < 2) return fail("teams: no helper");
  const fnn_work little = {begin, &begun, 1, 2, 0}, much = {meet, &begun, 1, 2, 1e6};
  for (int i = 0; i < 20; i++) {
    const size_t naps = count_of(3);
    atomic_store(&begun, 0);
    fnn_team_share(team, &much); /* whoever slept is awake */
    for (int j = 0; j < PATIENCE && count_of(3) == naps; j++) sched_yield();
    if (count_of(3) == naps) fail("teams: a helper does not go to sleep");
    atomic_store(&begun, 0);
    for (int j = 0; j < 3; j++) fnn_team_share(team, &little); /* not worth waking it */
    if (atomic_load(&begun) != 6) fail("teams: the work of a sleeper is left");
  }
}

/* ---- pace ---- */

enum { RUNS = 2000 }; /* more than any decision takes */

/* Runs a pace for many runs whose length depends on their size; the last size it keeps. */
static size_t settle(fnn_pace *pace, size_t most, const double *seconds, size_t runs,
                     double *total) {
  *total = 0;
  for (size_t i = 0; i < runs; i++) {
    const size_t threads = fnn_pace_threads(pace, most);
    if (threads < 1 || threads > most) fail("pace: threads");
    *total += seconds[threads];
    fnn_pace_note(pace, seconds[threads]);
  }
  return pace->size;
}

static void test_pace(void) {
  static const double quiet[9] = {0, 8e-3, 4e-3, 3e-3, 2e-3, 1.8e-3, 1.6e-3, 1.4e-3, 1e-3};
  static const double busy[9] = {0, 1e-3, 9e-3, 9e-3, 9e-3, 9e-3, 9e-3, 9e-3, 9e-3};
  static const double half[9] = {0, 8e-3, 4e-3, 3e-3, 2e-3, 9e-3, 9e-3, 9e-3, 9e-3};
  fnn_pace pace = {0};
  double total;
  if (settle(&pace, 8, quiet, RUNS, &total) != 8) fail("pace: quiet");
  if (total > 1.02 * RUNS * quiet[8]) fail("pace: looking costs more than 2%");
  if (settle(&pace, 8, busy, RUNS, &total) != 1) fail("pace: busy");
  settle(&pace, 8, busy, RUNS, &total);
  if (total > 1.3 * RUNS * busy[1]) fail("pace: busy, trials cost more than 30%");
  if (settle(&pace, 8, quiet, RUNS, &total) != 8) fail("pace: quiet again");
  if (settle(&pace, 8, half, RUNS, &total) != 4) fail("pace: half of the team");
  if (settle(&pace, 2, quiet, RUNS, &total) != 2) fail("pace: another limit");
  if (settle(&pace, 3, quiet, RUNS, &total) != 3) fail("pace: an odd one");
  if (settle(&pace, 3, busy, RUNS, &total) != 1) fail("pace: an odd one, busy");
  if (settle(&pace, 3, quiet, RUNS, &total) != 3) fail("pace: an odd one, quiet again");
}

void test_teams(void) {
  fnn_team_run(2, sleep_job, NULL);
  /* With one team for two the leaders would wait for ever. */
  if (two_runs_have_two_teams())
    test_claims();
  else
    fail("teams: two runs have one team");
  test_pace();
}

#ifdef TEAMS_MAIN
static int failures;

void fail(const char *what) {
  failures++;
  printf("%s\n", what);
}

int main(int n_arguments, char **arguments) {
  if (n_arguments > 1 && !fnn_team_select(arguments[1])) fail("no such provider");
  test_teams();
  return failures > 0;
}
#endif

/* The team: who does a run's work.
 *
 * The thread that asks for a run leads it. What a phase has to do is cut into a share for each
 * thread; a share is done by whoever claims it first, its own thread if that is there, and a phase
 * ends when its shares are done. So nobody waits for a thread that the kernel has put aside, but
 * for what it has begun. Who waits spins shortly, then sleeps: a busy machine gets its core back.
 *
 * Claiming. A seat's `left` counts the items of its share that nobody has begun; one is claimed by
 * counting down. What is to do is read after the claim: the leader waits for all that is claimed
 * (`pending`) before it writes more. A thread that comes late finds 0, or work of now. */
#include "team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SPINS                                                                                     \
  1200 /* 30 us, which the longest phase of one tile takes in a small net; then sleep */
#define THREAD_COST 60.0 /* microseconds of work that justify one more thread */
#define WAKE_COST 20.0   /* microseconds of work that justify waking who sleeps */
#define ASLEEP 0x80000000u
#define COUNT (~ASLEEP)

struct fnn_team {
  _Alignas(FNN_CACHE_LINE)
      atomic_uint pending;                     /* pieces not yet done; whether the leader sleeps */
  _Alignas(FNN_CACHE_LINE) atomic_size_t size; /* threads that the next work is shared among */
  size_t most;                                 /* threads of this run */
  /* Under `lock`. */
  fnn_team *next;
  size_t seats;    /* threads that there are, the leader among them */
  int taken, full; /* in a run; no more helpers can be had */
  fnn_seat seat[]; /* FNN_MAX_THREADS */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t at_first = PTHREAD_ONCE_INIT;
static fnn_team *teams;  /* one for each run at a time; they stay */
static size_t limit = 1; /* threads that are to be at work at once */
static size_t at_work;   /* threads of the runs that have a team */
static fnn_team alone = {.most = 1, .size = 1};

/* Flush denormals to zero while kernels run: decayed moments would make them tens of times
 * slower. The caller's control register comes back untouched. */
#if defined(__x86_64__)
typedef unsigned fp_mode;
static fp_mode fp_enter(void) {
  fp_mode before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr((before | 0x8040u) & ~0x3fu); /* FTZ, DAZ */
  return before;
}
static void fp_leave(fp_mode before) { __builtin_ia32_ldmxcsr(before); }
#elif defined(__aarch64__)
typedef uint64_t fp_mode;
static fp_mode fp_enter(void) {
  fp_mode before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"(before | ((uint64_t)1 << 24)));
  return before;
}
static void fp_leave(fp_mode before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
#else
typedef int fp_mode;
static fp_mode fp_enter(void) { return 0; }
static void fp_leave(fp_mode before) { (void)before; }
#endif

static inline void spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* ---- sharing out ---- */

static inline void count_up(atomic_size_t *count) { /* its owner alone writes it */
  atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
                        memory_order_relaxed);
}

/* Claims an item of a seat's share: how many were left, 0 if none. */
static unsigned claim(fnn_seat *seat) {
  unsigned left = atomic_load_explicit(&seat->left, memory_order_relaxed);
  while (left & COUNT) {
    if (atomic_compare_exchange_weak_explicit(&seat->left, &left, left - 1, memory_order_acquire,
                                              memory_order_relaxed))
      return left & COUNT;
  }
  return 0;
}

/* Does what nobody has begun, first of this seat's own share, then of the others. */
static void do_pieces(fnn_team *team, fnn_seat *self) {
  size_t size = atomic_load_explicit(&team->size, memory_order_acquire);
  size_t owner = self->number < size ? self->number : 0;
  for (size_t i = 0; i < size; i++, owner = owner + 1 < size ? owner + 1 : 0) {
    fnn_seat *seat = &team->seat[owner];
    for (unsigned left; (left = claim(seat));) {
      seat->run(seat->of, seat->items - left, owner, seat->pieces, self->scratch);
      count_up(&self->claims);
      if (atomic_fetch_sub_explicit(&team->pending, 1, memory_order_acq_rel) == (ASLEEP | 1))
        fnn_wake(&team->pending);
    }
  }
}

/* Puts its share before a thread. A helper that sleeps is woken if `wake`; else others do it. */
static void put(fnn_seat *seat, const fnn_work *work, size_t pieces, int wake) {
  unsigned before = 0, after; /* nothing is left: it sleeps or not */
  seat->items = (unsigned)work->items;
  seat->pieces = pieces;
  seat->run = work->run;
  seat->of = work->of;
  do after = seat->items | (wake ? 0 : before & ASLEEP);
  while (!atomic_compare_exchange_weak_explicit(&seat->left, &before, after, memory_order_release,
                                                memory_order_relaxed));
  if (wake && before & ASLEEP) fnn_wake(&seat->left);
}

static void await_pieces(fnn_team *team) {
  for (int i = 0; i < SPINS; i++) {
    if (!atomic_load_explicit(&team->pending, memory_order_acquire)) return;
    spin_pause();
  }
  count_up(&team->seat[0].naps);
  unsigned left = atomic_fetch_or_explicit(&team->pending, ASLEEP, memory_order_acquire) | ASLEEP;
  while (left & COUNT) {
    fnn_sleep(&team->pending, left);
    left = atomic_load_explicit(&team->pending, memory_order_acquire);
  }
}

void fnn_team_share(fnn_team *team, const fnn_work *work) {
  size_t size = fnn_team_threads(team);
  if (size == 1 || work->tiles < 2) {
    for (size_t item = 0; item < work->items; item++)
      work->run(work->of, item, 0, 1, fnn_scratch());
    return;
  }
  int wake = work->cost >= WAKE_COST;
  atomic_store_explicit(&team->pending, (unsigned)(size * work->items), memory_order_relaxed);
  for (size_t i = size; i-- > 0;) put(&team->seat[i], work, size, wake);
  do_pieces(team, &team->seat[0]);
  await_pieces(team);
}

void fnn_help(fnn_seat *self) {
  fp_enter();
  for (;;) {
    do_pieces(self->team, self);
    int spins = 0;
    while (spins < SPINS && !(atomic_load_explicit(&self->left, memory_order_relaxed) & COUNT)) {
      spin_pause();
      spins++;
    }
    unsigned left = 0;
    if (spins < SPINS || !atomic_compare_exchange_strong(&self->left, &left, ASLEEP)) continue;
    count_up(&self->naps);
    for (left = ASLEEP; left & ASLEEP; left = atomic_load(&self->left))
      fnn_sleep(&self->left, left);
  }
}

/* ---- a team for a run ---- */

/* More seats with helpers on them, up to `size`; under `lock`. */
static void grow(fnn_team *team, size_t size) {
  size_t ready = team->seats;
  for (; ready < size; ready++) {
    fnn_seat *seat = &team->seat[ready];
    memset(seat, 0, sizeof *seat);
    seat->team = team;
    seat->number = ready;
    seat->scratch = fnn_allocate(FNN_SCRATCH_BYTES);
    if (!seat->scratch) break;
  }
  size_t wanted = ready - team->seats;
  size_t started = wanted ? fnn_start_helpers(&team->seat[team->seats], wanted) : 0;
  team->seats += started;
  team->full = started < wanted;
  for (size_t i = team->seats; i < ready; i++) fnn_release(team->seat[i].scratch);
}

/* A team that no run has; under `lock`. NULL: no memory. */
static fnn_team *free_team(void) {
  fnn_team **at = &teams;
  while (*at && (*at)->taken) at = &(*at)->next;
  if (*at) return *at;
  char *block =
      fnn_allocate(sizeof(fnn_team) + FNN_MAX_THREADS * sizeof(fnn_seat) + FNN_CACHE_LINE);
  if (!block) return NULL;
  fnn_team *team = (fnn_team *)(block + -(uintptr_t)block % FNN_CACHE_LINE);
  memset(team, 0, sizeof *team + sizeof(fnn_seat));
  team->seats = 1;
  return *at = team;
}

#if defined(_WIN32) /* which has no fork */
static void watch_forks(void) {}
#else
static void forked(void) { /* helpers do not survive a fork, nor does libgomp */
  pthread_mutex_init(&lock, NULL);
  fnn_sleep_forked();
  fnn_team_select("pthreads");
  teams = NULL;
  at_work = 0;
}

static void watch_forks(void) { pthread_atfork(NULL, NULL, forked); }
#endif

/* A team of at most so many threads, fewer if others are at work; NULL: the caller alone. */
static fnn_team *take_team(size_t threads, void *scratch) {
  pthread_once(&at_first, watch_forks);
  pthread_mutex_lock(&lock);
  size_t allowed = limit > threads ? limit : threads;
  size_t size = at_work < allowed ? allowed - at_work : 1;
  if (size > threads) size = threads;
  fnn_team *team = size > 1 ? free_team() : NULL;
  if (team) {
    if (team->seats < size && !team->full) grow(team, size);
    team->most = size < team->seats ? size : team->seats;
    team->taken = 1;
    team->seat[0].scratch = scratch;
    at_work += team->most;
    atomic_store_explicit(&team->size, team->most, memory_order_release);
  }
  pthread_mutex_unlock(&lock);
  return team;
}

static void give_back(fnn_team *team) {
  pthread_mutex_lock(&lock);
  at_work -= team->most;
  team->taken = 0;
  pthread_mutex_unlock(&lock);
}

fnn_status fnn_team_run(size_t threads, fnn_job job, void *context) {
  void *scratch = fnn_scratch();
  if (!scratch) return FNN_NO_MEMORY;
  if (threads > FNN_MAX_THREADS) threads = FNN_MAX_THREADS;
  fnn_team *team = threads > 1 ? take_team(threads, scratch) : NULL;
  fp_mode before = fp_enter();
  job(context, team ? team : &alone);
  fp_leave(before);
  if (team) give_back(team);
  return FNN_OK;
}

fnn_team *fnn_team_alone(void) { return &alone; }

size_t fnn_team_most(const fnn_team *team) { return team->most; }

size_t fnn_team_threads(const fnn_team *team) {
  return atomic_load_explicit(&team->size, memory_order_relaxed);
}

void fnn_team_use(fnn_team *team, size_t threads) {
  if (team->most > 1) atomic_store_explicit(&team->size, threads, memory_order_release);
}

/* A thread must bring more than it costs to wait for: sharing out is about a microsecond, a step
 * does so some ten times. */
size_t fnn_team_size(double cost, size_t most) {
  size_t worth = cost < 2 * THREAD_COST ? 1 : (size_t)(cost / THREAD_COST);
  return worth < most ? worth : most;
}

void fnn_team_limit(size_t threads) {
  pthread_once(&at_first, watch_forks); /* called before any other thread is there */
  pthread_mutex_lock(&lock);
  limit = threads;
  pthread_mutex_unlock(&lock);
}

void fnn_team_counts(size_t counts[4]) {
  memset(counts, 0, 4 * sizeof *counts);
  pthread_mutex_lock(&lock);
  for (fnn_team *team = teams; team; team = team->next) {
    counts[0] += team->seats - 1;
    for (size_t i = 0; i < team->seats; i++) {
      counts[1] += atomic_load(&team->seat[i].claims);
      counts[3] += atomic_load(&team->seat[i].naps);
    }
    counts[2] += atomic_load(&team->seat[0].claims);
  }
  pthread_mutex_unlock(&lock);
}

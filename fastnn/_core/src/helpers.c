/* Where a team's helpers come from: OpenMP or pthreads. Once there, they stay for ever.
 *
 * OpenMP's threads are held in one region that never ends, by a thread that only sleeps: at the end
 * of a region libgomp waits for every thread, also for one that the kernel has put aside, and as
 * OMP_WAIT_POLICY says. */
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "team.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#if defined(_WIN32)
#include <windows.h>
#else
#include <unistd.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

#define STACK ((size_t)1 << 20)

#if defined(_WIN32) && defined(_OPENMP)
static void pause(void) { Sleep(INFINITE); }
#endif

enum { PTHREADS, OPENMP };
#ifdef _OPENMP
enum { HAS_OPENMP = 1, DEFAULT = OPENMP };
#else
enum { HAS_OPENMP = 0, DEFAULT = PTHREADS };
#endif

static const char *const PROVIDERS[] = {"pthreads", "openmp"};
static atomic_int provider = DEFAULT;

const char *fnn_team_provider(void) { return PROVIDERS[atomic_load(&provider)]; }

int fnn_team_select(const char *name) {
  for (int i = 0; i <= HAS_OPENMP; i++) {
    if (strcmp(name, PROVIDERS[i])) continue;
    atomic_store(&provider, i);
    return 1;
  }
  return 0;
}

int fnn_openmp_cpus(void) {
#ifdef _OPENMP
  const int most = omp_get_num_procs(), places = omp_get_num_places();
  int placed = 0;  // OMP_PLACES may leave out some
  for (int i = 0; i < places; i++) placed += omp_get_place_num_procs(i);
  return places > 0 && placed < most ? placed : most;
#else
  return 0;
#endif
}

static int start_thread(void *(*run)(void *), void *context) {
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes)) return 0;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  int failed = pthread_attr_setstacksize(&attributes, STACK) ||
               pthread_create(&thread, &attributes, run, context);
  pthread_attr_destroy(&attributes);
  return !failed;
}

static void *help(void *seat) {
  fnn_help(seat);
  return NULL;
}

#ifdef _OPENMP
typedef struct region {
  fnn_seat *seats;
  size_t count;
  atomic_uint threads; /* of the region, once it has begun */
} region;

static void *hold_region(void *context) {
  region *asked = context;
  fnn_seat *seats = asked->seats; /* `asked` is gone when the caller knows */
#pragma omp parallel num_threads((int)asked->count + 1)
  {
    if (omp_get_thread_num()) fnn_help(&seats[omp_get_thread_num() - 1]);
    atomic_uint *threads = &asked->threads;
    atomic_store(threads, (unsigned)omp_get_num_threads());
    fnn_wake(threads);
    for (;;) pause();
  }
  return NULL;
}

static size_t start_openmp(fnn_seat *seats, size_t count) {
  region asked = {seats, count, 0};
  if (!start_thread(hold_region, &asked)) return 0;
  while (!atomic_load(&asked.threads)) fnn_sleep(&asked.threads, 0);
  return atomic_load(&asked.threads) - 1;
}
#endif

static size_t start_pthreads(fnn_seat *seats, size_t count) {
  size_t started = 0;
  while (started < count && start_thread(help, &seats[started])) started++;
  return started;
}

#if defined(_WIN32) /* where no signal is sent to a thread */
typedef int sigset_t;
static void block_signals(sigset_t *before) { *before = 0; }
static void unblock_signals(const sigset_t *before) { (void)before; }
#else
/* Signals are for the caller's threads; only what a thread does itself is for that thread. */
static void block_signals(sigset_t *before) {
  static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGPROF};
  sigset_t blocked;
  sigfillset(&blocked);
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) sigdelset(&blocked, own[i]);
  pthread_sigmask(SIG_BLOCK, &blocked, before);
}

static void unblock_signals(const sigset_t *before) { pthread_sigmask(SIG_SETMASK, before, NULL); }
#endif

size_t fnn_start_helpers(fnn_seat *seats, size_t count) {
  sigset_t before;
  block_signals(&before);
#ifdef _OPENMP
  size_t started =
      atomic_load(&provider) == OPENMP ? start_openmp(seats, count) : start_pthreads(seats, count);
#else
  size_t started = start_pthreads(seats, count);
#endif
  unblock_signals(&before);
  return started;
}

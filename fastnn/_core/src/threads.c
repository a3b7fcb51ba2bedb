/* The team: threads for one run, their barrier, their scratch, their floating-point mode.
 *
 * One OpenMP region holds a whole run (a chunk of an epoch), never one op. Inside it the team has
 * its own barrier, since OpenMP's may sleep: spin for some microseconds, then yield. */
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "fastnn.h"

#define CACHE_LINE 128   /* two lines: the prefetcher takes them in pairs */
#define SPINS 300        /* some 10 us before a waiting thread yields its core */
#define THREAD_COST 60.0 /* microseconds of work that justify one more thread */
#define HUGE_PAGE ((size_t)2 << 20)

struct fnn_team {
  _Alignas(CACHE_LINE) atomic_size_t arrived;
  _Alignas(CACHE_LINE) atomic_size_t generation;
  _Alignas(CACHE_LINE) atomic_int no_memory;
};

static atomic_int forked;
static atomic_int_fast64_t allocations, fail_at = -1;

void fnn_forked(void) { atomic_store(&forked, 1); }

int fnn_openmp(void) {
#ifdef _OPENMP
  return 1;
#else
  return 0;
#endif
}

void fnn_fail_allocation(int64_t nth) {
  atomic_store(&fail_at, nth < 0 ? -1 : atomic_load(&allocations) + nth);
}

size_t fnn_allocations(void) { return (size_t)atomic_load(&allocations); }

void *fnn_allocate(size_t bytes) {
  int64_t count = atomic_fetch_add(&allocations, 1);
  size_t align = bytes >= 2 * HUGE_PAGE ? HUGE_PAGE : 64;
  void *block = NULL;
  if (count == atomic_load(&fail_at)) return NULL;
  if (bytes > SIZE_MAX - align) return NULL;
  bytes = (bytes + align - 1) / align * align;
  if (posix_memalign(&block, align, bytes ? bytes : align)) return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (align == HUGE_PAGE) madvise(block, bytes, MADV_HUGEPAGE);
#endif
  return block;
}

void fnn_release(void *block) { free(block); }

/* Scratch lives as long as its thread: a key's destructor gives it back. */
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static _Thread_local void *scratch;

static void make_scratch_key(void) { pthread_key_create(&scratch_key, fnn_release); }

void *fnn_scratch(void) {
  if (!scratch) {
    pthread_once(&scratch_once, make_scratch_key);
    scratch = fnn_allocate(FNN_SCRATCH_BYTES);
    if (scratch) pthread_setspecific(scratch_key, scratch);
  }
  return scratch;
}

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

void fnn_team_wait(fnn_team *team, size_t threads) {
  if (threads < 2) return;
  size_t generation = atomic_load_explicit(&team->generation, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) == threads - 1) {
    atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
    atomic_store_explicit(&team->generation, generation + 1, memory_order_release);
    return;
  }
  for (size_t i = 0; atomic_load_explicit(&team->generation, memory_order_acquire) == generation;
       i++) {
    if (i < SPINS)
      spin_pause();
    else
      sched_yield();
  }
}

static void run_one(fnn_job job, void *context, fnn_team *team, size_t thread, size_t threads) {
  if (!fnn_scratch()) atomic_store(&team->no_memory, 1);
  fnn_team_wait(team, threads); /* all see whether all have their scratch */
  if (atomic_load(&team->no_memory)) return;
  fp_mode before = fp_enter();
  job(context, team, thread, threads);
  fp_leave(before);
}

#ifdef _OPENMP
#include <omp.h>
#endif

/* A thread must bring more than it costs to wait for: a barrier is about a microsecond, a step has
 * some ten of them. */
size_t fnn_team_size(double cost, size_t limit) {
  size_t worth = cost < 2 * THREAD_COST ? 1 : (size_t)(cost / THREAD_COST);
  return worth < limit ? worth : limit;
}

fnn_status fnn_team_run(size_t threads, fnn_job job, void *context) {
  fnn_team team;
  atomic_init(&team.arrived, 0);
  atomic_init(&team.generation, 0);
  atomic_init(&team.no_memory, 0);
#ifdef _OPENMP
  if (threads > 1 && !atomic_load(&forked)) { /* libgomp's pool is dead in a forked child */
#pragma omp parallel num_threads((int)threads)
    run_one(job, context, &team, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads());
    return atomic_load(&team.no_memory) ? FNN_NO_MEMORY : FNN_OK;
  }
#endif
  run_one(job, context, &team, 0, 1);
  return atomic_load(&team.no_memory) ? FNN_NO_MEMORY : FNN_OK;
}

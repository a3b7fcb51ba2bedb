/* Memory: blocks for arrays and programs, and each thread's scratch. */
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#elif defined(_WIN32)
#include <malloc.h>
#endif

#define HUGE_PAGE ((size_t)2 << 20)

static atomic_int_fast64_t allocations, fail_at = -1;

void fnn_fail_allocation(int64_t nth) {
  atomic_store(&fail_at, nth < 0 ? -1 : atomic_load(&allocations) + nth);
}

size_t fnn_allocations(void) { return (size_t)atomic_load(&allocations); }

#if defined(_WIN32)
static void *aligned(size_t align, size_t bytes) { return _aligned_malloc(bytes, align); }

void fnn_release(void *block) { _aligned_free(block); }
#else
static void *aligned(size_t align, size_t bytes) {
  void *block = NULL;
  return posix_memalign(&block, align, bytes) ? NULL : block;
}

void fnn_release(void *block) { free(block); }
#endif

void *fnn_allocate(size_t bytes) {
  int64_t count = atomic_fetch_add(&allocations, 1);
  size_t align = bytes >= 2 * HUGE_PAGE ? HUGE_PAGE : 64;
  if (count == atomic_load(&fail_at)) return NULL;
  if (bytes > SIZE_MAX - align) return NULL;
  bytes = (bytes + align - 1) / align * align;
  void *const block = aligned(align, bytes ? bytes : align);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (block && align == HUGE_PAGE) madvise(block, bytes, MADV_HUGEPAGE);
#endif
  return block;
}

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

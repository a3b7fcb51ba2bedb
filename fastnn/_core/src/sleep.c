/* Sleeping until a word of memory changes: a futex on Linux, one condition variable elsewhere. */
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "team.h"

#if defined(__linux__) && !defined(FASTNN_NO_FUTEX)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void fnn_sleep(atomic_uint *word, unsigned value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void fnn_wake(atomic_uint *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void fnn_sleep_forked(void) {}
#else
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void fnn_sleep(atomic_uint *word, unsigned value) {
  pthread_mutex_lock(&lock);
  if (atomic_load(word) == value) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
}

void fnn_wake(atomic_uint *word) {
  (void)word;                /* all who sleep look at their words again */
  pthread_mutex_lock(&lock); /* not between another's look and its sleep */
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

void fnn_sleep_forked(void) {
  pthread_mutex_init(&lock, NULL);
  pthread_cond_init(&changed, NULL);
}
#endif

/* Ctrl-C within one long run.
 *
 * A run can be cut short as long as it has written nothing that it reads: until then it can be begun
 * again. Meanwhile a handler of our own notes the signal and passes it on; kernels that take long
 * look at the note now and then. What the run has made so far is then worthless. */
#define _XOPEN_SOURCE 700 /* sigaction and all its flags */
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "interrupt.h"

enum { SHUT, OPEN, STOPPED };

int (*fnn_interrupts_raise)(void);
static atomic_int note = SHUT;
static _Thread_local int heeds; /* this thread works for the run that is open */

void fnn_interrupt_heed(int heed) { heeds = heed; }

int fnn_interrupted(void) {
  return heeds && atomic_load_explicit(&note, memory_order_relaxed) == STOPPED;
}

#ifdef _WIN32 /* no such signals: a run ends first */
int fnn_interrupt_open(void) { return 0; }
int fnn_interrupt_shut(void) { return 0; }
#else
static struct sigaction before;

static void on_interrupt(int number, siginfo_t *info, void *context) {
  int open = OPEN;
  atomic_compare_exchange_strong(&note, &open, STOPPED);
  if (before.sa_flags & SA_SIGINFO)
    before.sa_sigaction(number, info, context);
  else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
    before.sa_handler(number);
}

int fnn_interrupt_open(void) {
  struct sigaction own = {.sa_sigaction = on_interrupt, .sa_flags = SA_SIGINFO | SA_RESTART};
  if (!fnn_interrupts_raise || !fnn_interrupts_raise()) return 0;
  sigemptyset(&own.sa_mask);
  if (sigaction(SIGINT, NULL, &before)) return 0;
  own.sa_flags |= before.sa_flags & SA_ONSTACK;
  atomic_store(&note, OPEN);
  if (!sigaction(SIGINT, &own, NULL)) return 1;
  atomic_store(&note, SHUT);
  return 0;
}

int fnn_interrupt_shut(void) {
  const int stopped = atomic_exchange(&note, SHUT) == STOPPED;
  sigaction(SIGINT, &before, NULL);
  return stopped;
}
#endif

/* interrupt.c: Ctrl-C within one long run. */
#ifndef FASTNN_INTERRUPT_H
#define FASTNN_INTERRUPT_H

/* Set by the binding: whether Ctrl-C raises an exception on this thread. */
extern int (*fnn_interrupts_raise)(void);

/* From here on Ctrl-C cuts the run of this thread short. 0: it does not, and there is nothing to
 * shut. One run at a time, as Ctrl-C raises on one thread. */
int fnn_interrupt_open(void);
/* From here on it does not. Returns whether it did: what the run has written is then worthless. */
int fnn_interrupt_shut(void);
/* Whether this thread works for that run. */
void fnn_interrupt_heed(int heed);
/* Whether it does and the run was cut short; kernels may then leave their tiles as they are. */
int fnn_interrupted(void);

#endif

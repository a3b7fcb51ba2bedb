/* L-BFGS with a strong Wolfe line search, as a machine that is told one evaluation after another.
 *
 * It sets the parameters, someone evaluates loss and gradient there, and `fnn_lbfgs_told` makes of
 * these the next parameters. So a program evaluates them in C (fnn_lbfgs_run) or Python does.
 */
#ifndef FASTNN_LBFGS_H
#define FASTNN_LBFGS_H

#include "fastnn.h"

#define FNN_LBFGS_SLOTS 4 /* gradients that live at once: of the last iteration, a, b, the next */

typedef struct fnn_point { /* on the line of a search */
  double t, value, slope;
  size_t slot; /* where its gradient is */
} fnn_point;

/* What the evaluation is for that is under way: of the start of a step; without a search; of a
 * search while it looks for an interval, or within one. */
enum fnn_lbfgs_phase { FNN_FIRST, FNN_PLAIN, FNN_BRACKET, FNN_ZOOM };

typedef struct fnn_lbfgs {
  /* Vectors of n elements of one type, FNN_FLOAT32 or FNN_FLOAT64; none overlaps another. */
  size_t n;
  int real;
  void *values;          /* the parameters */
  const void *gradients; /* what an evaluation writes */
  void *slot[FNN_LBFGS_SLOTS], *direction, *origin;
  void *changes, *steps;     /* (rows, n): y, of the gradient, and s, of the parameters; a ring */
  double *inverses, *shares; /* (rows) 1 / y.s; room for the two loops */
  size_t rows;

  double lr, tolerance_grad, tolerance_change; /* settings */
  size_t max_iter, max_eval;
  int searches; /* with the line search */

  size_t evaluations, iterations; /* what is remembered from step to step */
  size_t first, count;            /* of the ring */
  double t, scale, loss;          /* of the last iteration */
  size_t last;                    /* the slot of its gradient */

  enum fnn_lbfgs_phase phase; /* the step under way */
  size_t iteration, evaluated;
  fnn_point now;        /* the parameters, where they were evaluated last */
  fnn_point a, b, *low; /* a: also the point before `now`; low: the lower one */
  size_t looks;
  double start, slope, size; /* of a search: value and slope at 0, largest element of direction */
  int stalled;
} fnn_lbfgs;

/* A step begins at the present parameters, which are to be evaluated next. */
void fnn_lbfgs_begin(fnn_lbfgs *m);
/* Takes this loss and `gradients`. 1: evaluate at the parameters that are set now. 0: the step is
 * over. */
int fnn_lbfgs_told(fnn_lbfgs *m, double loss);
/* Breaks a step off: the parameters are those of its last iteration. */
void fnn_lbfgs_abandon(fnn_lbfgs *m);
/* Evaluates by `evaluate`, that is fnn_program_run of the engine, which this is no part of, and a
 * program that writes the loss, of type `real`, and the gradients; until the step is over, or for
 * about so many seconds. *more: whether it is not over. */
typedef fnn_status (*fnn_evaluate)(fnn_program *program, size_t threads);
fnn_status fnn_lbfgs_run(fnn_lbfgs *m, fnn_evaluate evaluate, fnn_program *program,
                         const void *loss, int real, double seconds, size_t threads, int *more);

#endif

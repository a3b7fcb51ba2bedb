/* Phase 0 of the optimizer steps: it counts the step in hyper and turns the hyperparameters into
 * the coefficients that phase 1 (update.h, update_adaptive.h) reads. All in double, once a step. */
#ifndef FASTNN_UPDATE_PLAN_H
#define FASTNN_UPDATE_PLAN_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define UPDATE_CHUNK ((size_t)8192)
#define UPDATE_COEFFICIENTS 7

/* What a step does to one element: d = sign g + decay p; then, by the row, a direction s;
 * p = shrink p - rate s. */
typedef struct update_plan {
  double sign, decay, shrink, rate;
  double c[UPDATE_COEFFICIENTS]; /* the row's own */
  int first, flag;               /* the first step; the row's own */
} update_plan;

/* What all rows have in common; returns the number of this step, from 1. */
static double update_begin(double *hyper, update_plan *to) {
  const double lr = hyper[FNN_HYPER_LR];
  to->sign = hyper[FNN_HYPER_SIGN];
  to->decay = hyper[FNN_HYPER_DECAY];
  to->shrink = 1.0 - lr * hyper[FNN_HYPER_DECOUPLED];
  to->rate = lr;
  to->first = !(hyper[FNN_HYPER_STEPS] > 0.0);
  return hyper[FNN_HYPER_STEPS] += 1.0;
}

static void sgd_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  const double momentum = hyper[FNN_HYPER_OWN], dampening = hyper[FNN_HYPER_OWN + 1];
  const int form = (int)call->attr[1];
  update_begin(hyper, to);
  to->flag = call->attr[0] != 0;
  to->c[0] = momentum;
  to->c[1] = form == FNN_MOMENTUM_MEAN ? 1.0 - momentum : to->first ? 1.0 : 1.0 - dampening;
  to->c[2] = 1.0;
  if (form == FNN_MOMENTUM_STEP && call->array[2]) {
    to->c[1] = to->c[2] = to->rate;
    to->rate = 1.0;
  }
}

static void lion_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  update_begin(hyper, to);
  to->c[0] = 1.0 - hyper[FNN_HYPER_OWN];
  to->c[1] = 1.0 - hyper[FNN_HYPER_OWN + 1];
}

static void rprop_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  update_begin(hyper, to);
  to->c[0] = hyper[FNN_HYPER_LR];
  for (int i = 0; i < 4; i++) to->c[1 + i] = hyper[FNN_HYPER_OWN + i];
}

/* eta and mu of a step are made from the lr of the step before, as torch does it. */
static void asgd_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  const double lr = hyper[FNN_HYPER_LR], lambd = hyper[FNN_HYPER_OWN];
  const double alpha = hyper[FNN_HYPER_OWN + 1], t0 = hyper[FNN_HYPER_OWN + 2];
  const double t = update_begin(hyper, to);
  const double eta = to->first ? lr : hyper[FNN_HYPER_STATE];
  const double mu = to->first ? 1.0 : hyper[FNN_HYPER_STATE + 1];
  to->shrink = 1.0 - lambd * eta;
  to->rate = eta;
  to->c[0] = mu;
  to->flag = mu == 1.0;
  hyper[FNN_HYPER_STATE] = lr / pow(1.0 + lambd * lr * t, alpha);
  hyper[FNN_HYPER_STATE + 1] = 1.0 / fmax(1.0, t - t0);
}

static void shrink_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  to->c[0] = hyper[FNN_HYPER_LR] * hyper[FNN_HYPER_L1];
}

static void adagrad_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  const double eps = hyper[FNN_HYPER_OWN + 2];
  const int inside = call->attr[0] != 0;
  const double t = update_begin(hyper, to);
  to->rate /= 1.0 + (t - 1.0) * hyper[FNN_HYPER_OWN];
  to->c[0] = hyper[FNN_HYPER_OWN + 1];
  to->c[1] = inside ? eps : 0.0;
  to->c[2] = inside ? 0.0 : eps;
}

static void rmsprop_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  const double alpha = hyper[FNN_HYPER_OWN], eps = hyper[FNN_HYPER_OWN + 1];
  const int inside = call->attr[0] != 0;
  update_begin(hyper, to);
  to->c[0] = alpha;
  to->c[1] = 1.0 - alpha;
  to->c[2] = inside ? eps : 0.0;
  to->c[3] = inside ? 0.0 : eps;
  to->c[4] = hyper[FNN_HYPER_OWN + 2];
  to->c[5] = 1.0;
  if (inside && call->array[4]) {
    to->c[5] = to->rate;
    to->rate = 1.0;
  }
}

static void adadelta_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  update_begin(hyper, to);
  to->c[0] = hyper[FNN_HYPER_OWN];
  to->c[1] = 1.0 - hyper[FNN_HYPER_OWN];
  to->c[2] = hyper[FNN_HYPER_OWN + 1];
}

static void adamax_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  const double beta1 = hyper[FNN_HYPER_OWN];
  const double t = update_begin(hyper, to);
  to->rate /= 1.0 - pow(beta1, t);
  to->c[0] = 1.0 - beta1;
  to->c[1] = hyper[FNN_HYPER_OWN + 1];
  to->c[2] = hyper[FNN_HYPER_OWN + 2];
}

/* The family of Adam: c = (1 - beta1, beta2, 1 - beta2, root, eps), s = m / (root sqrt(v) + eps).
 * Returns t. */
static double adam_begin(double *hyper, update_plan *to) {
  const double beta2 = hyper[FNN_HYPER_OWN + 1], t = update_begin(hyper, to);
  to->c[0] = 1.0 - hyper[FNN_HYPER_OWN];
  to->c[1] = beta2;
  to->c[2] = 1.0 - beta2;
  to->c[3] = 1.0 / sqrt(1.0 - pow(beta2, t));
  to->c[4] = hyper[FNN_HYPER_OWN + 2];
  return t;
}

static void adam_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  const double t = adam_begin(hyper, to);
  to->rate /= 1.0 - pow(hyper[FNN_HYPER_OWN], t);
  if (call->attr[0]) to->c[4] *= to->c[3];
}

/* c besides: shares of m and of d in what is divided. */
static void nadam_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  const double beta1 = hyper[FNN_HYPER_OWN], fade = hyper[FNN_HYPER_OWN + 3];
  const double t = adam_begin(hyper, to);
  const double mu = beta1 * (1.0 - 0.5 * pow(0.96, t * fade));
  const double next = beta1 * (1.0 - 0.5 * pow(0.96, (t + 1.0) * fade));
  const double product = (to->first ? 1.0 : hyper[FNN_HYPER_STATE]) * mu;
  hyper[FNN_HYPER_STATE] = product;
  to->c[5] = next / (1.0 - product * next);
  to->c[6] = (1.0 - mu) / (1.0 - product);
}

static void radam_step_plan(const fnn_call *call, double *hyper, update_plan *to) {
  const double beta1 = hyper[FNN_HYPER_OWN], beta2 = hyper[FNN_HYPER_OWN + 1];
  const double t = adam_begin(hyper, to), power = pow(beta2, t);
  const double most = 2.0 / (1.0 - beta2) - 1.0, rho = most - 2.0 * t * power / (1.0 - power);
  to->rate /= 1.0 - pow(beta1, t);
  if (rho > 5.0) {
    const double above = (rho - 4.0) * (rho - 2.0) * most;
    to->rate *= sqrt(above / ((most - 4.0) * (most - 2.0) * rho));
    to->c[4] *= to->c[3];
  } else {
    to->c[3] = 0.0;
    to->c[4] = 1.0;
  }
}

#endif

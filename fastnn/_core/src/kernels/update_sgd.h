/* Gradient descent: with momentum, averaged, and the shrinking of an L1 penalty. Included once per
 * REAL, after update.h, whose head says what the steps have in common. */

/* sgd_step: stochastic gradient descent with momentum, in three forms.
 *
 *   b_i = momentum b_i + gain d_i, b_i = 0 before the first step
 *   s_i = d_i (no b), b_i, or with nesterov momentum b_i + direct d_i
 *   p_i = shrink p_i - rate s_i
 *   FNN_MOMENTUM_SUM (torch): gain = 1 at first, then 1 - dampening; direct = 1, rate = lr
 *   FNN_MOMENTUM_STEP (Keras, scikit-learn; b is minus their velocity): gain = direct = lr, rate = 1
 *   FNN_MOMENTUM_MEAN: gain = 1 - momentum, direct = 1, rate = lr
 *
 * Moments: b or NULL. own = (momentum, dampening); attr = (nesterov, enum fnn_momentum).
 * 3 loads, 2 stores.
 * Source: torch.optim.SGD; Sutskever et al. 2013, section 2. */
static void FN(sgd_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
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

static inline void FN(sgd_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full);
  const vec d = FN(update_gradient)(u, old, g, k, full);
  vec s = d;
  if (a) {
    const vec last = u->first ? v_zero() : FN(update_load)(a, k, full);
    s = v_fma(u->c[0], last, v_mul(u->c[1], d));
    FN(update_store)(a, s, k, full);
    if (u->flag) s = v_fma(u->c[0], s, v_mul(u->c[2], d));
  }
  FN(update_move)(u, p, old, s, k, full);
}

/* asgd_step: averaged stochastic gradient descent.
 *
 *   p_i = (1 - lambd eta) p_i - eta d_i;   ax_i = ax_i + mu (p_i - ax_i), p_i while mu = 1
 *   eta = lr / (1 + lambd lr (t - 1))^alpha, mu = 1 / max(1, t - 1 - t0)
 *
 * Moments: ax. own = (lambd, alpha, t0); state = (eta, mu) of the next step. 3 loads, 2 stores.
 * Source: torch.optim.ASGD; Polyak and Juditsky 1992. */
/* eta and mu of a step are made from the lr of the step before, as torch does it. */
static void FN(asgd_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
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

static inline void FN(asgd_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full);
  const vec d = FN(update_gradient)(u, old, g, k, full);
  const vec now = v_fnma(u->rate, d, v_mul(old, u->shrink));
  vec mean = now;
  if (!u->flag) {
    const vec last = FN(update_load)(a, k, full);
    mean = v_fma(v_sub(now, last), u->c[0], last);
  }
  FN(update_store)(a, mean, k, full);
  FN(update_store)(p, now, k, full);
}

/* shrink_step: the proximal step of an L1 penalty, after an update. It counts no step.
 *
 *   p_i = sign(p_i) max(|p_i| - lr l1, 0)
 *
 * No moments, no g. 1 load, 1 store. Source: Parikh and Boyd 2014, section 6.5.2. */
static void FN(shrink_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
  to->c[0] = hyper[FNN_HYPER_LR] * hyper[FNN_HYPER_L1];
}

static inline void FN(shrink_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full), size = v_abs(old);
  const vec less = v_copysign(v_sub(size, u->c[0]), old);
  FN(update_store)(p, v_select(v_le(size, u->c[0]), v_zero(), less), k, full);
}

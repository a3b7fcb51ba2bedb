/* The family of Adam: steps by running means of the gradient and of its size. Included once per REAL,
 * after update.h, whose head says what the steps have in common. */

/* adam_step, nadam_step, radam_step: scaled by running means of the gradient and of its square.
 *
 *   m_i = m_i + (1 - beta1) (d_i - m_i)
 *   v_i = beta2 v_i + (1 - beta2) d_i^2;   x_i = max(x_i, v_i), or without x x_i = v_i
 *   p_i = shrink p_i - rate s_i / (root sqrt(x_i) + e)
 *   adam:  s_i = m_i, rate = lr / (1 - beta1^t), root = 1 / sqrt(1 - beta2^t),
 *          e = eps, or root eps (eps under the step, not under the corrected root)
 *   nadam: s_i = share_m m_i + share_d d_i, rate = lr, with the momentum of the next step,
 *          mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)
 *   radam: Adam's with e = root eps, rate times the rectification; while its variance has none
 *          (rho_t <= 5) root = 0, e = 1
 *
 * Moments: m, v, x or NULL (nadam and radam have no x); 0 before the first step.
 * own = (beta1, beta2, eps, nadam: momentum_decay); state of nadam = (product of mu);
 * attr of adam = (root eps). One square root and one division an element. 4 loads, 3 stores, with
 * x one more.
 * Source: torch.optim; Kingma and Ba 2015; Loshchilov and Hutter 2019; Reddi et al. 2018;
 * Dozat 2016; Liu et al. 2020, algorithm 2. */

/* c = (1 - beta1, beta2, 1 - beta2, root, eps), s = m / (root sqrt(v) + eps).
 * Returns t. */
static double FN(adam_begin)(fnn_double *hyper, update_plan *to) {
  const double beta2 = hyper[FNN_HYPER_OWN + 1], t = update_begin(hyper, to);
  to->c[0] = 1.0 - hyper[FNN_HYPER_OWN];
  to->c[1] = beta2;
  to->c[2] = 1.0 - beta2;
  to->c[3] = 1.0 / sqrt(1.0 - pow(beta2, t));
  to->c[4] = hyper[FNN_HYPER_OWN + 2];
  return t;
}

static inline void FN(adam_one)(UPDATE_ARGUMENTS, int shares) {
  const vec old = FN(update_load)(p, k, full);
  const vec d = FN(update_gradient)(u, old, g, k, full);
  const vec last = FN(update_load)(a, k, full);
  const vec first = v_fma(v_sub(d, last), u->c[0], last);
  const vec kept = v_mul(u->c[1], FN(update_load)(b, k, full));
  vec second = v_fma(v_mul(u->c[2], d), d, kept);
  FN(update_store)(a, first, k, full);
  FN(update_store)(b, second, k, full);
  if (c) {
    second = v_max(FN(update_load)(c, k, full), second);
    FN(update_store)(c, second, k, full);
  }
  const vec below = v_fma(v_sqrt(second), u->c[3], u->c[4]);
  const vec above = shares ? v_fma(u->c[6], d, v_mul(u->c[5], first)) : first;
  FN(update_move)(u, p, old, v_div(above, below), k, full);
}

static void FN(adam_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
  const double t = FN(adam_begin)(hyper, to);
  to->rate /= 1.0 - pow(hyper[FNN_HYPER_OWN], t);
  if (call->attr[0]) to->c[4] *= to->c[3];
}

static inline void FN(adam_step_one)(UPDATE_ARGUMENTS) {
  FN(adam_one)(u, p, a, b, c, g, k, full, 0);
}

/* c besides: shares of m and of d in what is divided. */
static void FN(nadam_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
  const double beta1 = hyper[FNN_HYPER_OWN], fade = hyper[FNN_HYPER_OWN + 3];
  const double t = FN(adam_begin)(hyper, to);
  const double mu = beta1 * (1.0 - 0.5 * pow(0.96, t * fade));
  const double next = beta1 * (1.0 - 0.5 * pow(0.96, (t + 1.0) * fade));
  const double product = (to->first ? 1.0 : hyper[FNN_HYPER_STATE]) * mu;
  hyper[FNN_HYPER_STATE] = product;
  to->c[5] = next / (1.0 - product * next);
  to->c[6] = (1.0 - mu) / (1.0 - product);
}

static inline void FN(nadam_step_one)(UPDATE_ARGUMENTS) {
  FN(adam_one)(u, p, a, b, c, g, k, full, 1);
}

static void FN(radam_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
  const double beta1 = hyper[FNN_HYPER_OWN], beta2 = hyper[FNN_HYPER_OWN + 1];
  const double t = FN(adam_begin)(hyper, to), power = pow(beta2, t);
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

static inline void FN(radam_step_one)(UPDATE_ARGUMENTS) {
  FN(adam_one)(u, p, a, b, c, g, k, full, 0);
}

/* adamax_step: Adam by the largest gradient instead of the mean of squares.
 *
 *   m_i = m_i + (1 - beta1) (d_i - m_i);   v_i = max(beta2 v_i, |d_i| + eps)
 *   p_i = shrink p_i - lr / (1 - beta1^t) m_i / v_i
 *
 * Moments: m, v; 0 before the first step. own = (beta1, beta2, eps). 4 loads, 3 stores.
 * Source: torch.optim.Adamax; Kingma and Ba 2015, algorithm 2. */
static void FN(adamax_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
  const double beta1 = hyper[FNN_HYPER_OWN];
  const double t = update_begin(hyper, to);
  to->rate /= 1.0 - pow(beta1, t);
  to->c[0] = 1.0 - beta1;
  to->c[1] = hyper[FNN_HYPER_OWN + 1];
  to->c[2] = hyper[FNN_HYPER_OWN + 2];
}

static inline void FN(adamax_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full);
  const vec d = FN(update_gradient)(u, old, g, k, full);
  const vec last = FN(update_load)(a, k, full);
  const vec mean = v_fma(v_sub(d, last), u->c[0], last);
  const vec kept = v_mul(u->c[1], FN(update_load)(b, k, full));
  const vec largest = v_max(kept, v_add(v_abs(d), u->c[2]));
  FN(update_store)(a, mean, k, full);
  FN(update_store)(b, largest, k, full);
  FN(update_move)(u, p, old, v_div(mean, largest), k, full);
}

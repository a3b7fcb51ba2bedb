/* Optimizer steps that scale each element by what its gradients were. Included once per REAL, after
 * update.h, whose head says what the steps have in common. */

/* adagrad_step: scaled by the sum of squares.
 *
 *   a_i = a_i + d_i^2, a_i = initial before the first step
 *   p_i = shrink p_i - lr / (1 + (t - 1) lr_decay) d_i / (sqrt(a_i + inside) + outside)
 *
 * Moments: a. own = (lr_decay, initial, eps); attr = (eps inside the root, else outside).
 * 3 loads, 2 stores. Source: torch.optim.Adagrad; Duchi et al. 2011, figure 1. */
static void FN(adagrad_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
  const double eps = hyper[FNN_HYPER_OWN + 2];
  const int inside = call->attr[0] != 0;
  const double t = update_begin(hyper, to);
  to->rate /= 1.0 + (t - 1.0) * hyper[FNN_HYPER_OWN];
  to->c[0] = hyper[FNN_HYPER_OWN + 1];
  to->c[1] = inside ? eps : 0.0;
  to->c[2] = inside ? 0.0 : eps;
}

static inline void FN(adagrad_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full);
  const vec d = FN(update_gradient)(u, old, g, k, full);
  const vec last = u->first ? u->c[0] : FN(update_load)(a, k, full);
  const vec squares = v_fma(d, d, last);
  const vec below = v_add(v_sqrt(v_add(squares, u->c[1])), u->c[2]);
  FN(update_store)(a, squares, k, full);
  FN(update_move)(u, p, old, v_div(d, below), k, full);
}

/* rmsprop_step: scaled by a running mean of squares, centred or not, with momentum or without.
 *
 *   a_i = alpha a_i + (1 - alpha) d_i^2;   m_i = m_i + (1 - alpha) (d_i - m_i), or m_i = 0
 *   q_i = d_i / (sqrt(max(a_i - m_i^2, 0) + inside) + outside)
 *   b_i = momentum b_i + gain q_i;   p_i = shrink p_i - rate b_i, or q_i without b
 *   eps outside the root (torch): gain = 1, rate = lr; inside (Keras): with b gain = lr, rate = 1
 *
 * Moments: a, m or NULL, b or NULL; all 0 before the first step. own = (alpha, eps, momentum);
 * attr = (eps inside the root). At most 5 loads, 4 stores.
 * Source: torch.optim.RMSprop; Tieleman and Hinton 2012; Graves 2013, section 4.2. */
static void FN(rmsprop_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
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

static inline void FN(rmsprop_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full);
  const vec d = FN(update_gradient)(u, old, g, k, full);
  const vec kept = v_mul(u->c[0], FN(update_load)(a, k, full));
  vec spread = v_fma(v_mul(u->c[1], d), d, kept);
  FN(update_store)(a, spread, k, full);
  if (b) {
    const vec last = FN(update_load)(b, k, full);
    const vec mean = v_fma(v_sub(d, last), u->c[1], last);
    FN(update_store)(b, mean, k, full);
    spread = v_max(v_zero(), v_fnma(mean, mean, spread));
  }
  vec s = v_div(d, v_add(v_sqrt(v_add(spread, u->c[2])), u->c[3]));
  if (c) {
    s = v_fma(u->c[4], FN(update_load)(c, k, full), v_mul(u->c[5], s));
    FN(update_store)(c, s, k, full);
  }
  FN(update_move)(u, p, old, s, k, full);
}

/* adadelta_step: scaled so that a step has the unit of the parameter.
 *
 *   a_i = rho a_i + (1 - rho) d_i^2;   s_i = sqrt((b_i + eps) / (a_i + eps)) d_i
 *   b_i = rho b_i + (1 - rho) s_i^2;   p_i = shrink p_i - lr s_i
 *
 * Moments: a, b; 0 before the first step. own = (rho, eps). 4 loads, 3 stores.
 * Source: torch.optim.Adadelta; Zeiler 2012, algorithm 1. */
static void FN(adadelta_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
  update_begin(hyper, to);
  to->c[0] = hyper[FNN_HYPER_OWN];
  to->c[1] = 1.0 - hyper[FNN_HYPER_OWN];
  to->c[2] = hyper[FNN_HYPER_OWN + 1];
}

static inline void FN(adadelta_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full);
  const vec d = FN(update_gradient)(u, old, g, k, full);
  const vec kept = v_mul(u->c[0], FN(update_load)(a, k, full));
  const vec squares = v_fma(v_mul(u->c[1], d), d, kept);
  const vec steps = FN(update_load)(b, k, full);
  const vec s = v_mul(v_sqrt(v_div(v_add(steps, u->c[2]), v_add(squares, u->c[2]))), d);
  FN(update_store)(a, squares, k, full);
  FN(update_store)(b, v_fma(v_mul(u->c[1], s), s, v_mul(u->c[0], steps)), k, full);
  FN(update_move)(u, p, old, s, k, full);
}

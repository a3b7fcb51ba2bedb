/* Optimizer steps that scale each element by what its gradients were. Included once per REAL, after
 * update.h, whose head says what the rows have in common. */

/* adagrad_step: scaled by the sum of squares.
 *
 *   a_i = a_i + d_i^2, a_i = initial before the first step
 *   p_i = shrink p_i - lr / (1 + (t - 1) lr_decay) d_i / (sqrt(a_i + inside) + outside)
 *
 * Moments: a. own = (lr_decay, initial, eps); attr = (eps inside the root, else outside).
 * 3 loads, 2 stores. Source: torch.optim.Adagrad; Duchi et al. 2011, figure 1. */
static inline void FN(adagrad_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full);
  const vec d = FN(update_gradient)(u, old, g, k, full);
  const vec last = u->first ? u->c[0] : FN(update_load)(a, k, full);
  const vec squares = v_fma(d, d, last);
  const vec below = v_add(v_sqrt(v_add(squares, u->c[1])), u->c[2]);
  FN(update_store)(a, squares, k, full);
  FN(update_move)(u, p, old, v_div(d, below), k, full);
}
UPDATE_ROW(adagrad_step, adagrad_step_one, 1)

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
UPDATE_ROW(rmsprop_step, rmsprop_step_one, 3)

/* adadelta_step: scaled so that a step has the unit of the parameter.
 *
 *   a_i = rho a_i + (1 - rho) d_i^2;   s_i = sqrt((b_i + eps) / (a_i + eps)) d_i
 *   b_i = rho b_i + (1 - rho) s_i^2;   p_i = shrink p_i - lr s_i
 *
 * Moments: a, b; 0 before the first step. own = (rho, eps). 4 loads, 3 stores.
 * Source: torch.optim.Adadelta; Zeiler 2012, algorithm 1. */
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
UPDATE_ROW(adadelta_step, adadelta_step_one, 2)

/* adamax_step: Adam by the largest gradient instead of the mean of squares.
 *
 *   m_i = m_i + (1 - beta1) (d_i - m_i);   v_i = max(beta2 v_i, |d_i| + eps)
 *   p_i = shrink p_i - lr / (1 - beta1^t) m_i / v_i
 *
 * Moments: m, v; 0 before the first step. own = (beta1, beta2, eps). 4 loads, 3 stores.
 * Source: torch.optim.Adamax; Kingma and Ba 2015, algorithm 2. */
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
UPDATE_ROW(adamax_step, adamax_step_one, 2)

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
static inline void FN(adam_step_one)(UPDATE_ARGUMENTS) {
  FN(adam_one)(u, p, a, b, c, g, k, full, 0);
}
static inline void FN(nadam_step_one)(UPDATE_ARGUMENTS) {
  FN(adam_one)(u, p, a, b, c, g, k, full, 1);
}
UPDATE_ROW(adam_step, adam_step_one, 3)
UPDATE_ROW(nadam_step, nadam_step_one, 2)
UPDATE_ROW(radam_step, adam_step_one, 2)

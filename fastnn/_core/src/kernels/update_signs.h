/* Optimizer steps by the signs of gradients. Included once per REAL, after update.h, whose head says
 * what the steps have in common. */

/* 1, -1, or x where it is 0 or nan. */
static inline vec FN(update_sign)(vec x) {
  return v_select(v_gt(v_abs(x), v_zero()), v_copysign(v_set1((REAL)1), x), x);
}

/* lion_step: the sign of a running mean.
 *
 *   s_i = sign(m_i + (1 - beta1) (d_i - m_i)), m_i = 0 before the first step
 *   m_i = m_i + (1 - beta2) (d_i - m_i);   p_i = shrink p_i - lr s_i
 *
 * Moments: m. own = (beta1, beta2). 3 loads, 2 stores.
 * Source: Chen et al. 2023, Symbolic discovery of optimization algorithms, program 1. */
static void FN(lion_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
  update_begin(hyper, to);
  to->c[0] = 1.0 - hyper[FNN_HYPER_OWN];
  to->c[1] = 1.0 - hyper[FNN_HYPER_OWN + 1];
}

static inline void FN(lion_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full);
  const vec d = FN(update_gradient)(u, old, g, k, full);
  const vec last = FN(update_load)(a, k, full), gap = v_sub(d, last);
  FN(update_store)(a, v_fma(gap, u->c[1], last), k, full);
  FN(update_move)(u, p, old, FN(update_sign)(v_fma(gap, u->c[0], last)), k, full);
}

/* rprop_step: a step size for each element, by the signs of its gradients.
 *
 *   f_i = etaplus where d_i prev_i > 0, etaminus where < 0, else 1
 *   size_i = min(max(size_i f_i, smallest), largest), size_i = lr, prev_i = 0 before the first step
 *   d_i = 0 where d_i prev_i < 0;   p_i = p_i - sign(d_i) size_i;   prev_i = d_i
 *
 * Moments: prev, size. own = (etaminus, etaplus, smallest, largest). 4 loads, 3 stores.
 * The product's sign is taken from the signs: it does not underflow.
 * Source: torch.optim.Rprop; Riedmiller and Braun 1993. */
static void FN(rprop_step_plan)(const fnn_call *call, fnn_double *hyper, update_plan *to) {
  update_begin(hyper, to);
  to->c[0] = hyper[FNN_HYPER_LR];
  for (int i = 0; i < 4; i++) to->c[1 + i] = hyper[FNN_HYPER_OWN + i];
}

static inline void FN(rprop_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full);
  vec d = FN(update_gradient)(u, old, g, k, full);
  const vec last = u->first ? v_zero() : FN(update_load)(a, k, full);
  const vec size = u->first ? u->c[0] : FN(update_load)(b, k, full);
  const vec product = v_mul(FN(update_sign)(d), last);
  const mask same = v_gt(product, v_zero()), turned = v_lt(product, v_zero());
  const vec factor = v_select(same, u->c[2], v_select(turned, u->c[1], v_set1((REAL)1)));
  const vec now = v_min(v_max(v_mul(size, factor), u->c[3]), u->c[4]);
  d = v_select(turned, v_zero(), d);
  FN(update_store)(a, d, k, full);
  FN(update_store)(b, now, k, full);
  FN(update_store)(p, v_fnma(FN(update_sign)(d), now, old), k, full);
}

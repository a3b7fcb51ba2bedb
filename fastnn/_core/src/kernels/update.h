/* In-place optimizer steps over one flat parameter vector. Included once per REAL.
 *
 * Arrays of a row: p (n), hyper f64 (FNN_HYPER_SIZE), moments (n) each, all in and out; g (n) in.
 * dim = (n). Nothing overlaps; any alignment. Phase 0 is one tile (update_plan.h): it counts the
 * step and makes the coefficients. Phase 1 tiles are chunks of UPDATE_CHUNK elements.
 * In the equations d_i = sign g_i + decay p_i and shrink = 1 - lr decoupled, 0 <= i < n.
 * Coefficients round once to REAL; products fuse into the following sum.
 */
#include "tiles.h"
#include "update_plan.h"

static size_t FN(update_tiles_0)(const fnn_call *call) { return 1; }

static size_t FN(update_tiles_1)(const fnn_call *call) {
  return blocks_over(call->dim[0], UPDATE_CHUNK);
}

static size_t FN(update_workspace)(const fnn_call *call) { return sizeof(update_plan); }

/* A load or store under mask k; `full` is a constant at each use, and then k is not looked at. */
static inline vec FN(update_load)(const REAL *p, mask k, int full) {
  return full ? v_load(p) : v_load_m(p, k);
}

static inline void FN(update_store)(REAL *p, vec x, mask k, int full) {
  if (full)
    v_store(p, x);
  else
    v_store_m(p, x, k);
}

typedef struct {
  vec sign, decay, shrink, rate, c[UPDATE_COEFFICIENTS];
  int first, flag;
} FN(update_terms);

static inline FN(update_terms) FN(update_terms_of)(const fnn_call *call) {
  const update_plan *from = call->workspace;
  FN(update_terms) u;
  u.sign = v_set1((REAL)from->sign);
  u.decay = v_set1((REAL)from->decay);
  u.shrink = v_set1((REAL)from->shrink);
  u.rate = v_set1((REAL)from->rate);
  for (int i = 0; i < UPDATE_COEFFICIENTS; i++) u.c[i] = v_set1((REAL)from->c[i]);
  u.first = from->first;
  u.flag = from->flag;
  return u;
}

static inline vec FN(update_gradient)(const FN(update_terms) * u, vec old, const REAL *g, mask k,
                                      int full) {
  return v_fma(u->decay, old, v_mul(u->sign, FN(update_load)(g, k, full)));
}

static inline void FN(update_move)(const FN(update_terms) * u, REAL *p, vec old, vec s, mask k,
                                   int full) {
  FN(update_store)(p, v_fnma(u->rate, s, v_mul(old, u->shrink)), k, full);
}

/* Of one vector: coefficients; p, up to three moments (NULL: without) and g, at its place. */
#define UPDATE_ARGUMENTS                                                                          \
  const FN(update_terms) * u, REAL *restrict p, REAL *restrict a, REAL *restrict b,               \
      REAL *restrict c, const REAL *restrict g, mask k, int full

#define UPDATE_AT(i) p + (i), a ? a + (i) : NULL, b ? b + (i) : NULL, c ? c + (i) : NULL, g + (i)

/* The two phases of a row: name##_plan makes the coefficients, `one` does one vector. */
#define UPDATE_ROW(name, one, moments)                                                            \
  static void FN(name##_0)(const fnn_call *call, size_t begin, size_t end, void *scratch) {       \
    update_plan plan = {0};                                                                       \
    if (begin >= end) return;                                                                     \
    name##_plan(call, call->array[1], &plan);                                                     \
    *(update_plan *)call->workspace = plan;                                                       \
  }                                                                                               \
  static void FN(name##_1)(const fnn_call *call, size_t begin, size_t end, void *scratch) {       \
    const FN(update_terms) terms = FN(update_terms_of)(call), *u = &terms;                        \
    const size_t stop = size_min(call->dim[0], end * UPDATE_CHUNK);                               \
    REAL *restrict p = call->array[0], *restrict a = moments > 0 ? call->array[2] : NULL;         \
    REAL *restrict b = moments > 1 ? call->array[3] : NULL;                                       \
    REAL *restrict c = moments > 2 ? call->array[4] : NULL;                                       \
    const REAL *restrict g = call->array[2 + moments];                                            \
    const mask all = m_first(VL);                                                                 \
    size_t i = begin * UPDATE_CHUNK;                                                              \
    for (; i + 2 * VL <= stop; i += 2 * VL) {                                                     \
      FN(one)(u, UPDATE_AT(i), all, 1);                                                           \
      FN(one)(u, UPDATE_AT(i + VL), all, 1);                                                      \
    }                                                                                             \
    for (; i < stop; i += VL) FN(one)(u, UPDATE_AT(i), m_first(stop - i), 0);                     \
  }

/* 1, -1, or x where it is 0 or nan. */
static inline vec FN(update_sign)(vec x) {
  return v_select(v_gt(v_abs(x), v_zero()), v_copysign(v_set1((REAL)1), x), x);
}

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
UPDATE_ROW(sgd_step, sgd_step_one, 1)

/* lion_step: the sign of a running mean.
 *
 *   s_i = sign(m_i + (1 - beta1) (d_i - m_i)), m_i = 0 before the first step
 *   m_i = m_i + (1 - beta2) (d_i - m_i);   p_i = shrink p_i - lr s_i
 *
 * Moments: m. own = (beta1, beta2). 3 loads, 2 stores.
 * Source: Chen et al. 2023, Symbolic discovery of optimization algorithms, program 1. */
static inline void FN(lion_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full);
  const vec d = FN(update_gradient)(u, old, g, k, full);
  const vec last = FN(update_load)(a, k, full), gap = v_sub(d, last);
  FN(update_store)(a, v_fma(gap, u->c[1], last), k, full);
  FN(update_move)(u, p, old, FN(update_sign)(v_fma(gap, u->c[0], last)), k, full);
}
UPDATE_ROW(lion_step, lion_step_one, 1)

/* rprop_step: a step size for each element, by the signs of its gradients.
 *
 *   f_i = etaplus where d_i prev_i > 0, etaminus where < 0, else 1
 *   size_i = min(max(size_i f_i, smallest), largest), size_i = lr, prev_i = 0 before the first step
 *   d_i = 0 where d_i prev_i < 0;   p_i = p_i - sign(d_i) size_i;   prev_i = d_i
 *
 * Moments: prev, size. own = (etaminus, etaplus, smallest, largest). 4 loads, 3 stores.
 * The product's sign is taken from the signs: it does not underflow.
 * Source: torch.optim.Rprop; Riedmiller and Braun 1993. */
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
UPDATE_ROW(rprop_step, rprop_step_one, 2)

/* asgd_step: averaged stochastic gradient descent.
 *
 *   p_i = (1 - lambd eta) p_i - eta d_i;   ax_i = ax_i + mu (p_i - ax_i), p_i while mu = 1
 *   eta = lr / (1 + lambd lr (t - 1))^alpha, mu = 1 / max(1, t - 1 - t0)
 *
 * Moments: ax. own = (lambd, alpha, t0); state = (eta, mu) of the next step. 3 loads, 2 stores.
 * Source: torch.optim.ASGD; Polyak and Juditsky 1992. */
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
UPDATE_ROW(asgd_step, asgd_step_one, 1)

/* shrink_step: the proximal step of an L1 penalty, after an update. It counts no step.
 *
 *   p_i = sign(p_i) max(|p_i| - lr l1, 0)
 *
 * No moments, no g. 1 load, 1 store. Source: Parikh and Boyd 2014, section 6.5.2. */
static inline void FN(shrink_step_one)(UPDATE_ARGUMENTS) {
  const vec old = FN(update_load)(p, k, full), size = v_abs(old);
  const vec less = v_copysign(v_sub(size, u->c[0]), old);
  FN(update_store)(p, v_select(v_le(size, u->c[0]), v_zero(), less), k, full);
}
UPDATE_ROW(shrink_step, shrink_step_one, 0)

/* In-place optimizer steps over one flat parameter vector. Included once per REAL.
 *
 * Phase 0 is one tile: it advances the step count in hyper and turns the hyperparameters into
 * coefficients, in double. Phase 1 tiles are chunks of UPDATE_CHUNK elements.
 */
#include "tiles.h"

#include <math.h>

#define UPDATE_CHUNK ((size_t)8192)
#define UPDATE_COEFFICIENTS 8

static size_t FN(update_tiles_0)(const fnn_call *call) { return 1; }

static size_t FN(update_tiles_1)(const fnn_call *call) {
  return blocks_over(call->dim[0], UPDATE_CHUNK);
}

static size_t FN(update_workspace)(const fnn_call *call) {
  return UPDATE_COEFFICIENTS * sizeof(double);
}

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

/* sgd_step: stochastic gradient descent with momentum, weight decay and Nesterov's form.
 *
 *   d_i = g_i + weight_decay p_i
 *   b_i = d_i on the first step, else momentum b_i + (1 - dampening) d_i
 *   d_i = d_i + momentum b_i (nesterov), or b_i                          (momentum != 0 only)
 *   p_i = p_i - lr d_i                                                   0 <= i < n
 *
 * Arrays: p (n) in and out; b (n) in and out, or NULL; hyper f64 (6) in and out; g (n) in.
 * Scalars: dim = (n); attr = (nesterov); hyper = (lr, momentum, dampening, weight_decay, steps
 *   done, unused). Phase 0 adds 1 to steps done. Without b, or with momentum 0, b is not used.
 * p, b and g do not overlap; any alignment.
 * Coefficients round once to REAL; products fuse into the following sum. 3 loads, 2 stores.
 * Source: torch.optim.SGD; Sutskever et al. 2013, section 2. */
static void FN(sgd_step_0)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  double *hyper = call->array[2], *to = call->workspace;
  if (begin >= end) return;
  const int first = !(hyper[4] > 0.0);
  hyper[4] += 1.0;
  to[0] = hyper[0];
  to[1] = hyper[1];
  to[2] = first ? 1.0 : 1.0 - hyper[2];
  to[3] = hyper[3];
  to[4] = first;
}

typedef struct {
  vec lr, momentum, gain, decay;
  int first, nesterov;
} FN(sgd_terms);

static inline void FN(sgd_one)(const FN(sgd_terms) * s, REAL *p, REAL *b, const REAL *g, mask k,
                               int full) {
  const vec old = FN(update_load)(p, k, full);
  vec d = v_fma(s->decay, old, FN(update_load)(g, k, full));
  if (b) {
    const vec last = s->first ? v_zero() : FN(update_load)(b, k, full);
    const vec now = v_fma(s->momentum, last, v_mul(s->gain, d));
    FN(update_store)(b, now, k, full);
    d = s->nesterov ? v_fma(s->momentum, now, d) : now;
  }
  FN(update_store)(p, v_fnma(s->lr, d, old), k, full);
}

static void FN(sgd_step_1)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const double *from = call->workspace;
  const size_t stop = size_min(call->dim[0], end * UPDATE_CHUNK);
  REAL *p = call->array[0], *b = from[1] != 0.0 ? call->array[1] : NULL;
  const REAL *g = call->array[3];
  const FN(sgd_terms) s = {v_set1((REAL)from[0]), v_set1((REAL)from[1]), v_set1((REAL)from[2]),
                           v_set1((REAL)from[3]), from[4] != 0.0,        call->attr[0] != 0};
  const mask all = m_first(VL);
  size_t i = begin * UPDATE_CHUNK;
  for (; i + 2 * VL <= stop; i += 2 * VL) {
    FN(sgd_one)(&s, p + i, b ? b + i : NULL, g + i, all, 1);
    FN(sgd_one)(&s, p + i + VL, b ? b + i + VL : NULL, g + i + VL, all, 1);
  }
  for (; i < stop; i += VL) FN(sgd_one)(&s, p + i, b ? b + i : NULL, g + i, m_first(stop - i), 0);
}

/* adam_step: Adam, with coupled or decoupled (AdamW) weight decay.
 *
 *   t   = steps done + 1
 *   d_i = g_i + weight_decay p_i          (coupled), or  p_i = (1 - lr weight_decay) p_i
 *   m_i = m_i + (1 - beta1) (d_i - m_i)
 *   v_i = beta2 v_i + (1 - beta2) d_i^2
 *   p_i = p_i - lr / (1 - beta1^t) * m_i / (sqrt(v_i) / sqrt(1 - beta2^t) + eps),  0 <= i < n
 *
 * Arrays: p (n), m (n), v (n) in and out; hyper f64 (6) in and out; g (n) in.
 * Scalars: dim = (n); attr = (decoupled); hyper = (lr, beta1, beta2, eps, weight_decay, steps
 *   done). Phase 0 adds 1 to steps done.
 * p, m, v and g do not overlap; any alignment.
 * Coefficients round once to REAL; one square root and one division an element, two vectors in
 * flight. 4 loads, 3 stores.
 * Source: torch.optim.Adam; Kingma and Ba 2015, section 2; Loshchilov and Hutter 2019. */
static void FN(adam_step_0)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  double *hyper = call->array[3], *to = call->workspace;
  if (begin >= end) return;
  const int decoupled = call->attr[0] != 0;
  const double lr = hyper[0], beta1 = hyper[1], beta2 = hyper[2], weight_decay = hyper[4];
  const double t = hyper[5] += 1.0;
  to[0] = lr / (1.0 - pow(beta1, t));
  to[1] = 1.0 - beta1;
  to[2] = beta2;
  to[3] = 1.0 - beta2;
  to[4] = 1.0 / sqrt(1.0 - pow(beta2, t));
  to[5] = hyper[3];
  to[6] = decoupled ? 0.0 : weight_decay;
  to[7] = decoupled ? 1.0 - lr * weight_decay : 1.0;
}

typedef struct {
  vec step, mix1, keep2, mix2, root, eps, decay, shrink;
} FN(adam_terms);

static inline void FN(adam_one)(const FN(adam_terms) * a, REAL *p, REAL *m, REAL *v, const REAL *g,
                                mask k, int full) {
  const vec old = FN(update_load)(p, k, full);
  const vec d = v_fma(a->decay, old, FN(update_load)(g, k, full));
  const vec last = FN(update_load)(m, k, full);
  const vec first = v_fma(v_sub(d, last), a->mix1, last);
  const vec kept = v_mul(a->keep2, FN(update_load)(v, k, full));
  const vec second = v_fma(v_mul(a->mix2, d), d, kept);
  const vec below = v_fma(v_sqrt(second), a->root, a->eps);
  FN(update_store)(m, first, k, full);
  FN(update_store)(v, second, k, full);
  FN(update_store)(p, v_fnma(a->step, v_div(first, below), v_mul(old, a->shrink)), k, full);
}

static void FN(adam_step_1)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const double *from = call->workspace;
  const size_t stop = size_min(call->dim[0], end * UPDATE_CHUNK);
  REAL *restrict p = call->array[0], *restrict m = call->array[1], *restrict v = call->array[2];
  const REAL *restrict g = call->array[4];
  const FN(adam_terms) a = {v_set1((REAL)from[0]), v_set1((REAL)from[1]), v_set1((REAL)from[2]),
                            v_set1((REAL)from[3]), v_set1((REAL)from[4]), v_set1((REAL)from[5]),
                            v_set1((REAL)from[6]), v_set1((REAL)from[7])};
  const mask all = m_first(VL);
  size_t i = begin * UPDATE_CHUNK;
  for (; i + 2 * VL <= stop; i += 2 * VL) {
    FN(adam_one)(&a, p + i, m + i, v + i, g + i, all, 1);
    FN(adam_one)(&a, p + i + VL, m + i + VL, v + i + VL, g + i + VL, all, 1);
  }
  for (; i < stop; i += VL) FN(adam_one)(&a, p + i, m + i, v + i, g + i, m_first(stop - i), 0);
}

/* In-place optimizer steps over one flat parameter vector: what they have in common. Included once
 * per REAL, before the families (update_*.h); update_phases.h makes kernels of what they define.
 *
 * Arrays of a step: p (n), hyper f64 (FNN_HYPER_SIZE), moments (n) each, all in and out; g (n) in.
 * dim = (n). Nothing overlaps; any alignment.
 * Phase 0 is one tile: FN(name_plan) counts the step in hyper and turns the hyperparameters into
 * coefficients, in double. Phase 1 tiles are chunks of UPDATE_CHUNK elements: FN(name_one) does one
 * vector.
 * In the equations d_i = sign g_i + decay p_i and shrink = 1 - lr decoupled, 0 <= i < n.
 * Coefficients round once to REAL; products fuse into the following sum.
 */
#include <math.h>

#include "tiles.h"

#ifndef FASTNN_UPDATE_PLAN
#define FASTNN_UPDATE_PLAN

#define UPDATE_CHUNK ((size_t)8192)
#define UPDATE_COEFFICIENTS 7

/* What a step does to one element: d = sign g + decay p; then a direction s of its own;
 * p = shrink p - rate s. */
typedef struct update_plan {
  double sign, decay, shrink, rate;
  double c[UPDATE_COEFFICIENTS]; /* the step's own */
  int first, flag;               /* the first step; the step's own */
} update_plan;

/* What all of them do first; returns the number of this step, from 1. */
static double update_begin(fnn_double *hyper, update_plan *to) {
  const double lr = hyper[FNN_HYPER_LR];
  to->sign = hyper[FNN_HYPER_SIGN];
  to->decay = hyper[FNN_HYPER_DECAY];
  to->shrink = 1.0 - lr * hyper[FNN_HYPER_DECOUPLED];
  to->rate = lr;
  to->first = !(hyper[FNN_HYPER_STEPS] > 0.0);
  return hyper[FNN_HYPER_STEPS] += 1.0;
}

#endif

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

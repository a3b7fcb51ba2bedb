/* An activation whose bend has a learned strength for each column. Included once per REAL.
 *
 * f is SELU, s x for x > 0, else s a (e^x - 1); or Mish, x tanh(log(1 + e^x)), which is x t / (t + 2)
 * with t = e^x (e^x + 2). */
#include "tiles.h"

#define BEND_TILE ((size_t)8192) /* elements in a tile of rows, about */
#define BEND_COLUMNS ((size_t)64)
#define BEND_CHAIN ((size_t)64) /* rows that are added up in REAL */
#define SELU_SCALE ((REAL)1.0507009873554804934193349852946)
#define SELU_BELOW ((REAL)1.7580993408473768599402175208123) /* s a */
#define MISH_STRAIGHT ((REAL)(REAL_IS_DOUBLE ? 40 : 20))     /* from here on f is x */
#define MISH_FLAT ((REAL)(REAL_IS_DOUBLE ? -708 : -87))      /* and from here down about 0 */

static inline size_t FN(bend_block)(const fnn_call *call) {
  return size_max(BEND_TILE / size_max(call->dim[1], 1), 1);
}

static size_t FN(bend_tiles)(const fnn_call *call) {
  return blocks_over(call->dim[0], FN(bend_block)(call));
}

static size_t FN(bend_grad_tiles_0)(const fnn_call *call) { return FN(bend_tiles)(call); }

static size_t FN(bend_grad_tiles_1)(const fnn_call *call) {
  return blocks_over(call->dim[1], BEND_COLUMNS);
}

static size_t FN(bend_grad_workspace)(const fnn_call *call) {
  return FN(bend_tiles)(call) * call->dim[1] * sizeof(double);
}

/* e^x - 1 for x <= 0: 2^n q + (2^n - 1), as v_expm1 has it; -1 from -40 down. */
FNN_INLINE vec FN(expm1_below)(vec x) {
  vec n;
  const vec q = W(v_exp_parts)(v_max(v_set1(-40), x), &n), power = v_scale2(v_set1(1), n);
  return v_fma(power, q, v_sub(power, v_set1(1)));
}

FNN_INLINE vec FN(selu)(vec x, vec *slope) {
  const mask below = v_le(x, v_zero());
  const vec m = FN(expm1_below)(v_min(v_zero(), x)), steep = v_set1(SELU_BELOW);
  *slope = v_select(below, v_fma(m, steep, steep), v_set1(SELU_SCALE));
  return v_select(below, v_mul(m, steep), v_mul(x, v_set1(SELU_SCALE)));
}

/* f' = T + 4 x e (1 + e) / (t + 2)^2, T = t / (t + 2), e = e^x. Below MISH_FLAT, where e^x is hardly a
 * normal number, f is as there, and so no exponent leaves its range. */
FNN_INLINE vec FN(mish)(vec x, vec *slope) {
  const vec one = v_set1(1), two = v_set1(2), above = v_max(v_set1(MISH_FLAT), x);
  const vec inside = v_min(v_set1(MISH_STRAIGHT), above);
  vec n;
  const vec q = W(v_exp_parts)(inside, &n), e = v_scale2(v_add(one, q), n);
  const vec t = v_mul(e, v_add(e, two)), r = v_div(one, v_add(t, two)), straight = v_mul(t, r);
  const vec curve = v_mul(v_mul(v_add(e, one), e), v_mul(r, r));
  *slope = v_fma(v_mul(v_set1(4), inside), curve, straight);
  return v_mul(above, straight);
}

/* parametric_activation: out_{i,j} = x_{i,j} + alpha_j (f(x_{i,j}) - x_{i,j}), i < n, j < c.
 *
 * Arrays: out (n, c) out; x (n, c) in; alpha (c) in.
 * Scalars: dim = (n, c); attr = (enum fnn_bend).
 * out may be x; any alignment. f to 4 ULP, then two roundings. One read of x, one write.
 * Source: Holzmueller, Grinsztajn and Steinwart 2024. */
FNN_INLINE void FN(bend_rows)(const fnn_call *call, size_t first, size_t stop,
                              vec (*f)(vec, vec *)) {
  const size_t c = call->dim[1];
  const REAL *alpha = call->array[2];
  for (size_t i = first; i < stop; i++) {
    const REAL *x = (const REAL *)call->array[1] + i * c;
    REAL *out = (REAL *)call->array[0] + i * c;
    size_t j = 0;
    vec slope;
    for (; j + VL <= c; j += VL) {
      const vec at = v_load(x + j);
      v_store(out + j, v_fma(v_load(alpha + j), v_sub(f(at, &slope), at), at));
    }
    if (j < c) {
      const mask k = m_first(c - j);
      const vec at = v_load_m(x + j, k);
      v_store_m(out + j, v_fma(v_load_m(alpha + j, k), v_sub(f(at, &slope), at), at), k);
    }
  }
}

static void FN(parametric_activation)(const fnn_call *call, size_t begin, size_t end,
                                      void *scratch) {
  const size_t block = FN(bend_block)(call), stop = size_min(call->dim[0], end * block);
  if (call->attr[0] == FNN_MISH)
    FN(bend_rows)(call, begin * block, stop, FN(mish));
  else
    FN(bend_rows)(call, begin * block, stop, FN(selu));
}

/* parametric_activation_grad: the gradient of parametric_activation by its two inputs.
 *
 *   dx_{i,j} = dy_{i,j} (1 + alpha_j (f'(x_{i,j}) - 1)),
 *   dalpha_j = sum_i dy_{i,j} (f(x_{i,j}) - x_{i,j}),   0 <= i < n, 0 <= j < c
 *
 * Arrays: dx (n, c) out; dalpha (c) out; dy (n, c) in; x (n, c) in; alpha (c) in.
 * Scalars: dim = (n, c); attr = (enum fnn_bend).
 * dx may be dy or x; any alignment. Sums over at most 64 rows in T, of those in double: in phase 0 of a
 * block of rows, in phase 1 of the blocks, in order; rounded once. One read of dy and x.
 * Source: as above. */
/* VL columns from j on, or with `full` 0 the lanes k of them; sums (VL). */
FNN_INLINE void FN(bend_grad_lanes)(const fnn_call *call, size_t first, size_t stop, size_t j,
                                    mask k, int full, double *sums, vec (*f)(vec, vec *)) {
  const size_t c = call->dim[1];
  const REAL *dy = (const REAL *)call->array[2] + j, *x = (const REAL *)call->array[3] + j;
  REAL *dx = (REAL *)call->array[0] + j;
  const vec alpha = v_load_m((const REAL *)call->array[4] + j, k), one = v_set1(1);
  wide sum = w_zero();
  for (size_t i = first; i < stop;) {
    vec part = v_zero();
    for (const size_t next = size_min(stop, i + BEND_CHAIN); i < next; i++) {
      const vec at = full ? v_load(x + i * c) : v_load_m(x + i * c, k);
      const vec d = full ? v_load(dy + i * c) : v_load_m(dy + i * c, k);
      vec slope;
      part = v_fma(d, v_sub(f(at, &slope), at), part);
      const vec out = v_mul(d, v_fma(alpha, v_sub(slope, one), one));
      if (full)
        v_store(dx + i * c, out);
      else
        v_store_m(dx + i * c, out, k);
    }
    sum = w_add(sum, part);
  }
  w_store(sums, sum);
}

FNN_INLINE void FN(bend_grad_block)(const fnn_call *call, size_t first, size_t stop, double *sums,
                                    vec (*f)(vec, vec *)) {
  const size_t c = call->dim[1];
  size_t j = 0;
  for (; j + VL <= c; j += VL)
    FN(bend_grad_lanes)(call, first, stop, j, m_first(VL), 1, sums + j, f);
  if (j < c) {
    double lanes[VL];
    FN(bend_grad_lanes)(call, first, stop, j, m_first(c - j), 0, lanes, f);
    memcpy(sums + j, lanes, (c - j) * sizeof *sums);
  }
}

static void FN(parametric_activation_grad_0)(const fnn_call *call, size_t begin, size_t end,
                                             void *scratch) {
  const size_t block = FN(bend_block)(call);
  for (size_t t = begin; t < end; t++) {
    const size_t stop = size_min(call->dim[0], (t + 1) * block);
    double *sums = (double *)call->workspace + t * call->dim[1];
    if (call->attr[0] == FNN_MISH)
      FN(bend_grad_block)(call, t * block, stop, sums, FN(mish));
    else
      FN(bend_grad_block)(call, t * block, stop, sums, FN(selu));
  }
}

static void FN(parametric_activation_grad_1)(const fnn_call *call, size_t begin, size_t end,
                                             void *scratch) {
  const size_t c = call->dim[1], tiles = FN(bend_tiles)(call);
  const double *sums = call->workspace;
  REAL *dalpha = call->array[1];
  for (size_t j = begin * BEND_COLUMNS; j < size_min(c, end * BEND_COLUMNS); j++) {
    double sum = 0;
    for (size_t t = 0; t < tiles; t++) sum += sums[t * c + j];
    dalpha[j] = (REAL)sum;
  }
}

#undef SELU_SCALE
#undef SELU_BELOW
#undef MISH_STRAIGHT
#undef MISH_FLAT

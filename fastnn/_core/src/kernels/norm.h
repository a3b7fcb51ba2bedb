/* Normalisation: by columns over the rows (batch_norm) and along each row (layer_norm), and their
 * gradients. Included once per REAL.
 *
 * A tile of columns owns its columns over all rows, a tile of rows its rows, so every sum has one
 * owner and one order. Sums are in double. A variance is taken about the mean as it was rounded,
 * and corrected for that: sum d^2 / n - (sum d / n)^2 with d = x - mean. */
#include "tiles.h"

#include <math.h>
#include <string.h>

#define NORM_COLUMNS ((size_t)64) /* a multiple of every VL */
#define NORM_ROWS ((size_t)4096)  /* elements in a tile of rows, about */

static size_t FN(norm_column_tiles)(const fnn_call *call) {
  return blocks_over(call->dim[1], NORM_COLUMNS);
}

static inline size_t FN(norm_block)(const fnn_call *call) {
  return size_max(NORM_ROWS / size_max(call->dim[1], 1), 1);
}

static size_t FN(norm_row_tiles)(const fnn_call *call) {
  return blocks_over(call->dim[0], FN(norm_block)(call));
}

static size_t FN(norm_tiles_0)(const fnn_call *call) { return FN(norm_row_tiles)(call); }

static size_t FN(norm_tiles_1)(const fnn_call *call) { return FN(norm_column_tiles)(call); }

/* The f64 whose bits are attribute 0. */
static inline double FN(norm_scalar)(const fnn_call *call) {
  double x;
  memcpy(&x, &call->attr[0], sizeof x);
  return x;
}

/* Lanes k of p, which may be missing: then `otherwise`. */
static inline vec FN(norm_load)(const REAL *p, size_t j, mask k, REAL otherwise) {
  return p ? v_load_m(p + j, k) : v_set1(otherwise);
}

/* At most VL columns of x (n, c): their means and variances. */
static inline void FN(column_moments)(const REAL *x, size_t n, size_t c, mask k, vec *mean,
                                      vec *var) {
  double sum[VL], square[VL];
  wide a = w_zero(), b = w_zero();
  for (size_t i = 0; i < n; i++) a = w_add(a, v_load_m(x + i * c, k));
  w_store(sum, a);
  for (size_t j = 0; j < VL; j++) sum[j] /= (double)n;
  *mean = w_narrow(w_load(sum));
  a = w_zero();
  for (size_t i = 0; i < n; i++) {
    const vec d = v_sub(v_load_m(x + i * c, k), *mean);
    a = w_add(a, d);
    b = w_fma(d, d, b);
  }
  w_store(sum, a);
  w_store(square, b);
  for (size_t j = 0; j < VL; j++) {
    const double off = sum[j] / (double)n;
    const double v = square[j] / (double)n - off * off;
    square[j] = v < 0 ? 0 : v; /* nan stays */
  }
  *var = w_narrow(w_load(square));
}

/* batch_norm: every column to mean 0 and variance 1, then scaled and shifted.
 *
 *   out_{i,j} = (x_{i,j} - m_j) r_j g_j + b_j,   r_j = 1 / sqrt(v_j + eps),
 *   m_j = sum_i x_{i,j} / n,   v_j = sum_i (x_{i,j} - m_j)^2 / n,   0 <= i < n, 0 <= j < c
 *
 * Arrays: out (n, c) out; stats (3, c) out: m, r, v; x (n, c) in; g (c) in or NULL: 1; b (c) in or
 *   NULL: 0.
 * Scalars: dim = (n, c); attr = (the bits of the f64 eps). n = 0: nan.
 * out may be x; any alignment.
 * Sums in double, m and v round once; x - m, times r g, plus b. Three reads of x, one write.
 * Source: Ioffe and Szegedy 2015, algorithm 1; torch.nn.BatchNorm1d. */
static void FN(batch_norm)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t n = call->dim[0], c = call->dim[1], stop = size_min(c, end * NORM_COLUMNS);
  const vec eps = v_set1((REAL)FN(norm_scalar)(call)), one = v_set1(1);
  REAL *out = call->array[0], *stats = call->array[1];
  const REAL *x = call->array[2];
  for (size_t j = begin * NORM_COLUMNS; j < stop; j += VL) {
    const mask k = m_first(stop - j);
    vec mean, var;
    FN(column_moments)(x + j, n, c, k, &mean, &var);
    const vec r = v_div(one, v_sqrt(v_add(var, eps)));
    const vec scale = v_mul(r, FN(norm_load)(call->array[3], j, k, 1));
    const vec shift = FN(norm_load)(call->array[4], j, k, 0);
    v_store_m(stats + j, mean, k);
    v_store_m(stats + c + j, r, k);
    v_store_m(stats + 2 * c + j, var, k);
    for (size_t i = 0; i < n; i++)
      v_store_m(out + i * c + j, v_fma(v_sub(v_load_m(x + i * c + j, k), mean), scale, shift), k);
  }
}

/* batch_norm_grad: the gradient of batch_norm by its three inputs.
 *
 *   h_{i,j} = (x_{i,j} - m_j) r_j,   db_j = sum_i dy_{i,j},   dg_j = sum_i dy_{i,j} h_{i,j},
 *   dx_{i,j} = g_j r_j (dy_{i,j} - db_j / n - h_{i,j} dg_j / n),   0 <= i < n, 0 <= j < c
 *
 * Arrays: dx (n, c) out; dp (2, c) out: dg, db; dy (n, c) in; x (n, c) in; stats (3, c) in, from
 *   batch_norm; g (c) in or NULL: 1.
 * Scalars: dim = (n, c).
 * dx may be dy or x; any alignment.
 * Sums in double, rounded once. Two reads of dy and x.
 * Source: Ioffe and Szegedy 2015, section 3. */
static void FN(batch_norm_grad)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t n = call->dim[0], c = call->dim[1], stop = size_min(c, end * NORM_COLUMNS);
  const vec share = v_set1((REAL)(1.0 / (double)n));
  REAL *dx = call->array[0], *dp = call->array[1];
  const REAL *dy = call->array[2], *x = call->array[3], *stats = call->array[4];
  for (size_t j = begin * NORM_COLUMNS; j < stop; j += VL) {
    const mask k = m_first(stop - j);
    const vec mean = v_load_m(stats + j, k), r = v_load_m(stats + c + j, k);
    wide a = w_zero(), b = w_zero();
    for (size_t i = 0; i < n; i++) {
      const vec g = v_load_m(dy + i * c + j, k);
      a = w_fma(g, v_mul(v_sub(v_load_m(x + i * c + j, k), mean), r), a);
      b = w_add(b, g);
    }
    const vec dg = w_narrow(a), db = w_narrow(b);
    const vec scale = v_mul(r, FN(norm_load)(call->array[5], j, k, 1));
    const vec slope = v_mul(v_mul(dg, share), r), level = v_mul(db, share);
    v_store_m(dp + j, dg, k);
    v_store_m(dp + c + j, db, k);
    for (size_t i = 0; i < n; i++) {
      const vec d = v_sub(v_load_m(x + i * c + j, k), mean);
      const vec rest = v_fnma(d, slope, v_sub(v_load_m(dy + i * c + j, k), level));
      v_store_m(dx + i * c + j, v_mul(rest, scale), k);
    }
  }
}

/* The sum of d = x_j - mean and of d^2 over a row of c. */
static inline void FN(row_moments)(const REAL *x, size_t c, REAL mean, double *sum,
                                   double *square) {
  const vec shift = v_set1(mean);
  wide a = w_zero(), b = w_zero();
  for (size_t j = 0; j < c; j += VL) {
    const mask k = m_first(c - j);
    const vec d = v_select(k, v_sub(v_load_m(x + j, k), shift), v_zero());
    a = w_add(a, d);
    b = w_fma(d, d, b);
  }
  *sum = w_sum(a);
  *square = w_sum(b);
}

/* layer_norm: every row to mean 0 and variance 1, or, not centred, to mean square 1 (RMSNorm),
 * then scaled and shifted by column.
 *
 *   out_{i,j} = (x_{i,j} - m_i) r_i g_j + b_j,   r_i = 1 / sqrt(v_i + eps),
 *   m_i = sum_j x_{i,j} / c, or 0,   v_i = sum_j (x_{i,j} - m_i)^2 / c,   0 <= i < n, 0 <= j < c
 *
 * Arrays: out (n, c) out; stats (n, 2) out: m, r; x (n, c) in; g (c) in or NULL: 1; b (c) in or
 *   NULL: 0.
 * Scalars: dim = (n, c); attr = (the bits of the f64 eps, centred).
 * out may be x; any alignment.
 * Sums in double, m and r round once; x - m, times r, times g, plus b. Three reads of x.
 * Source: Ba, Kiros and Hinton 2016; Zhang and Sennrich 2019; torch.nn.LayerNorm, RMSNorm. */
static void FN(layer_norm)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t c = call->dim[1], block = FN(norm_block)(call);
  const double eps = FN(norm_scalar)(call), n = (double)c;
  REAL *stats = call->array[1];
  for (size_t i = begin * block; i < size_min(call->dim[0], end * block); i++) {
    const REAL *x = (const REAL *)call->array[2] + i * c;
    REAL *out = (REAL *)call->array[0] + i * c;
    double sum, square;
    REAL mean = 0;
    FN(row_moments)(x, c, 0, &sum, &square);
    if (call->attr[1]) {
      mean = (REAL)(sum / n);
      FN(row_moments)(x, c, mean, &sum, &square);
      square -= sum * sum / n;
    }
    const REAL r = (REAL)(1.0 / sqrt((square < 0 ? 0 : square / n) + eps)); /* nan stays */
    stats[2 * i] = mean;
    stats[2 * i + 1] = r;
    const vec shift = v_set1(mean), scale = v_set1(r);
    for (size_t j = 0; j < c; j += VL) {
      const mask k = m_first(c - j);
      const vec h = v_mul(v_sub(v_load_m(x + j, k), shift), scale);
      const vec g = FN(norm_load)(call->array[3], j, k, 1);
      v_store_m(out + j, v_fma(h, g, FN(norm_load)(call->array[4], j, k, 0)), k);
    }
  }
}

/* layer_norm_grad: the gradient of layer_norm by its three inputs.
 *
 *   h_{i,j} = (x_{i,j} - m_i) r_i,   e_{i,j} = dy_{i,j} g_j,
 *   dx_{i,j} = r_i (e_{i,j} - s_i - h_{i,j} t_i),   t_i = sum_j e_{i,j} h_{i,j} / c,
 *   s_i = sum_j e_{i,j} / c, or 0 where not centred,
 *   dg_j = sum_i dy_{i,j} h_{i,j},   db_j = sum_i dy_{i,j},   0 <= i < n, 0 <= j < c
 *
 * Arrays: dx (n, c) out; dp (2, c) out: dg, db; dy (n, c) in; x (n, c) in; stats (n, 2) in, from
 *   layer_norm; g (c) in or NULL: 1.
 * Scalars: dim = (n, c); attr = (centred).
 * dx may not be dy or x, which phase 1 reads again; any alignment.
 * Sums in double, rounded once. Phase 0 is by rows, phase 1 by columns.
 * Source: Ba, Kiros and Hinton 2016, section 3. */
static void FN(layer_norm_grad_0)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t c = call->dim[1], block = FN(norm_block)(call);
  const REAL *gain = call->array[5], *stats = call->array[4];
  for (size_t i = begin * block; i < size_min(call->dim[0], end * block); i++) {
    REAL *dx = (REAL *)call->array[0] + i * c;
    const REAL *dy = (const REAL *)call->array[2] + i * c,
               *x = (const REAL *)call->array[3] + i * c;
    const vec mean = v_set1(stats[2 * i]), r = v_set1(stats[2 * i + 1]);
    wide a = w_zero(), b = w_zero();
    for (size_t j = 0; j < c; j += VL) {
      const mask k = m_first(c - j);
      const vec e = v_mul(v_load_m(dy + j, k), FN(norm_load)(gain, j, k, 1));
      a = w_fma(e, v_mul(v_sub(v_load_m(x + j, k), mean), r), a);
      b = w_add(b, e);
    }
    const vec t = v_set1((REAL)(w_sum(a) / (double)c));
    const vec s = v_set1(call->attr[0] ? (REAL)(w_sum(b) / (double)c) : 0);
    for (size_t j = 0; j < c; j += VL) {
      const mask k = m_first(c - j);
      const vec e = v_mul(v_load_m(dy + j, k), FN(norm_load)(gain, j, k, 1));
      const vec h = v_mul(v_sub(v_load_m(x + j, k), mean), r);
      v_store_m(dx + j, v_mul(v_fnma(h, t, v_sub(e, s)), r), k);
    }
  }
}

static void FN(layer_norm_grad_1)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t n = call->dim[0], c = call->dim[1], stop = size_min(c, end * NORM_COLUMNS);
  REAL *dp = call->array[1];
  const REAL *dy = call->array[2], *x = call->array[3], *stats = call->array[4];
  for (size_t j = begin * NORM_COLUMNS; j < stop; j += VL) {
    const mask k = m_first(stop - j);
    wide a = w_zero(), b = w_zero();
    for (size_t i = 0; i < n; i++) {
      const vec g = v_load_m(dy + i * c + j, k);
      const vec d = v_sub(v_load_m(x + i * c + j, k), v_set1(stats[2 * i]));
      a = w_fma(g, v_mul(d, v_set1(stats[2 * i + 1])), a);
      b = w_add(b, g);
    }
    v_store_m(dp + j, w_narrow(a), k);
    v_store_m(dp + c + j, w_narrow(b), k);
  }
}

/* running_moments_step: the averages of batch_norm's moments that evaluation uses.
 *
 *   t = count + 1,   f = momentum, or 1 / t where it is nan,
 *   m_j = (1 - f) m_j + f mean_j,   v_j = (1 - f) v_j + f var_j n / (n - 1),   count = t,
 *   0 <= j < c
 *
 * Arrays: m (c), v (c), count i64 (1) in and out; stats (3, c) in, from batch_norm: mean, r, var.
 * Scalars: dim = (c, n); attr = (the bits of the f64 momentum). n is not 1; n = 0: only count.
 * m, v and stats do not overlap; any alignment. Coefficients round once.
 * Source: Ioffe and Szegedy 2015, algorithm 2; torch.nn.BatchNorm1d. */
static void FN(running_moments_step)(const fnn_call *call, size_t begin, size_t end,
                                     void *scratch) {
  const size_t c = call->dim[0];
  const double momentum = FN(norm_scalar)(call), n = (double)call->dim[1];
  REAL *m = call->array[0], *v = call->array[1];
  const REAL *stats = call->array[3];
  int64_t count;
  if (begin >= end) return;
  memcpy(&count, call->array[2], sizeof count);
  count++;
  memcpy(call->array[2], &count, sizeof count);
  if (!call->dim[1]) return;
  const double f = momentum != momentum ? 1.0 / (double)count : momentum;
  const vec keep = v_set1((REAL)(1.0 - f)), add = v_set1((REAL)f);
  const vec add_var = v_set1((REAL)(f * n / (n - 1.0)));
  for (size_t j = 0; j < c; j += VL) {
    const mask k = m_first(c - j);
    const vec mean = v_load_m(stats + j, k), var = v_load_m(stats + 2 * c + j, k);
    v_store_m(m + j, v_fma(keep, v_load_m(m + j, k), v_mul(add, mean)), k);
    v_store_m(v + j, v_fma(keep, v_load_m(v + j, k), v_mul(add_var, var)), k);
  }
}

/* Losses with their gradients, in one pass. Included once per REAL.
 *
 * Phase 0 tiles are fixed blocks of rows or elements: each writes its gradient rows, and its part
 * of the loss, in double, to workspace (with FNN_NONE the losses themselves). Phase 1 adds the
 * parts in order. The gradient does not depend on whether the loss is asked for, nor back.
 */
#include "tiles.h"

#define LOSS_TILE ((size_t)4096) /* elements in a tile of an elementwise loss */

static size_t FN(row_loss_tiles_0)(const fnn_call *call) { return FN(row_tiles)(call); }

static size_t FN(row_loss_tiles_1)(const fnn_call *call) { return call->attr[0] != FNN_NONE; }

static size_t FN(row_loss_workspace)(const fnn_call *call) {
  return call->attr[0] == FNN_NONE ? 0 : FN(row_tiles)(call) * sizeof(double);
}

static size_t FN(loss_tiles_0)(const fnn_call *call) {
  return blocks_over(call->dim[0], LOSS_TILE);
}

static size_t FN(loss_tiles_1)(const fnn_call *call) { return call->attr[0] != FNN_NONE; }

static size_t FN(loss_workspace)(const fnn_call *call) {
  return call->attr[0] == FNN_NONE ? 0 : FN(loss_tiles_0)(call) * sizeof(double);
}

static inline double FN(loss_scale)(const fnn_call *call) {
  return call->attr[0] == FNN_MEAN ? 1.0 / (double)call->dim[0] : 1.0;
}

/* Phase 1 of every loss: loss = sum_t part_t (/ n for the mean), 0 <= t < tiles of phase 0. */
static inline void FN(loss_total)(const fnn_call *call, size_t tiles) {
  const double *part = call->workspace;
  double total = 0.0;
  for (size_t t = 0; t < tiles; t++) total += part[t];
  if (call->attr[0] == FNN_MEAN) total /= (double)call->dim[0];
  *(REAL *)call->array[0] = (REAL)total;
}

#define LOSS_TOTAL(name, tiles)                                                                   \
  static void FN(name##_1)(const fnn_call *call, size_t begin, size_t end, void *scratch) {       \
    if (begin < end) FN(loss_total)(call, FN(tiles)(call));                                       \
  }

/* A block of cross-entropy rows: what is left to do when all its rows are through. */
typedef struct {
  REAL sum[ROW_TILE_ROWS];    /* sum_j exp(z_j - top) */
  REAL weight[ROW_TILE_ROWS]; /* sum_j p_j; not used with labels */
  REAL dot[ROW_TILE_ROWS];    /* sum_j p_j (z_j - top) */
} FN(row_block_sums);

/* loss_i = weight_i log(sum_i) - dot_i for the rows of tile t, stored or summed. */
static inline void FN(row_loss_close)(const fnn_call *call, size_t t, size_t rows, size_t block,
                                      const FN(row_block_sums) * s, int weighted) {
  const int each = call->attr[0] == FNN_NONE;
  REAL *loss = (REAL *)call->array[0] + (each ? t * block : 0);
  wide total = w_zero();
  for (size_t i = 0; i < rows; i += VL) {
    const mask k = m_first(rows - i);
    const vec dot = v_load_m(s->dot + i, k), log_sum = v_log(v_load_m(s->sum + i, k));
    const vec high = weighted ? v_mul(v_load_m(s->weight + i, k), log_sum) : log_sum;
    const vec value = v_select(k, v_sub(high, dot), v_zero());
    if (each)
      v_store_m(loss + i, value, k);
    else
      total = w_add(total, value);
  }
  if (!each) ((double *)call->workspace)[t] = w_sum(total);
}

/* A group of rows in lanes, e, with their labels: their sums and dots; where the slope is asked for,
 * it takes the place of e. A label out of range is -1. */
static inline void FN(label_group)(REAL *e, size_t c, vec y, REAL scale, int slope, REAL *sum,
                                   REAL *dot) {
  const vec nan = v_set1((REAL)NAN), one = v_set1(1), share = v_set1(scale);
  const vec top = FN(lane_max)(e, c);
  vec picked = nan, class = v_zero();
  for (size_t j = 0; j < c; j++, class = v_add(class, one))
    picked = v_select(v_eq(y, class), v_load(e + j * VL), picked);
  const vec total = FN(lane_exp)(e, e, c, top);
  v_store(sum, total);
  v_store(dot, v_sub(picked, top));
  if (!slope) return;
  const vec by = v_select(v_ge(y, v_zero()), v_div(share, total), nan);
  class = v_zero();
  for (size_t j = 0; j < c; j++, class = v_add(class, one)) {
    const vec hit = v_select(v_eq(y, class), share, v_zero());
    v_store(e + j * VL, v_sub(v_mul(v_load(e + j * VL), by), hit));
  }
}

/* The first rows of a block by lanes; returns how many. */
static inline size_t FN(label_lanes)(REAL *dz, const REAL *z, const fnn_int64 *y, size_t rows,
                                     size_t c, REAL scale, FN(row_block_sums) * s) {
  const size_t n = FN(lane_rows)(rows, c);
  REAL e[LANE_ELEMENTS * ROW_TILE_ROWS], label[ROW_TILE_ROWS];
  for (size_t i = 0; i < n; i++) label[i] = (REAL)(int)((uint64_t)y[i] < c ? y[i] : -1);
  for (size_t i = n; i % VL; i++) label[i] = -1;
  FN(rows_to_lanes)(e, z, n, c);
  for (size_t i = 0; i < n; i += VL)
    FN(label_group)(e + i * c, c, v_load(label + i), scale, dz != NULL, s->sum + i, s->dot + i);
  if (dz) FN(lanes_to_rows)(dz, e, n, c);
  return n;
}

/* One row with label y: its sum and dot; its gradient into dz, where there is one. */
static inline void FN(label_row)(REAL *dz, const REAL *z, size_t c, int64_t y, REAL scale,
                                 REAL *sum, REAL *dot) {
  const int known = (uint64_t)y < c;
  const size_t at = known ? (size_t)y : 0;
  if (c <= VL) {
    const mask k = m_first(c);
    const vec x = FN(row_pad)(v_load_m(z, k), k);
    const REAL top = v_hmax(x);
    const vec e = v_exp(v_sub(x, v_set1(top)));
    *sum = v_sum(e);
    *dot = known ? z[at] - top : (REAL)NAN;
    if (dz) {
      const mask here = m_and(m_first(at + 1), m_not(m_first(at)));
      const vec hit = v_select(here, v_set1(scale), v_zero());
      const REAL by = known ? scale / *sum : (REAL)NAN;
      v_store_m(dz, v_sub(v_mul(e, v_set1(by)), hit), k);
    }
    return;
  }
  const REAL top = FN(row_max)(z, c);
  *dot = known ? z[at] - top : (REAL)NAN;
  *sum = FN(row_exp)(dz, z, c, top);
  if (dz) {
    FN(row_scale)(dz, c, known ? scale / *sum : (REAL)NAN);
    dz[at] -= scale;
  }
}

/* softmax_cross_entropy with integer labels, and its gradient.
 *
 *   loss_i   = log sum_j exp(z_{i,j}) - z_{i,y_i}
 *   dz_{i,j} = (softmax(z_i)_j - [j = y_i]) / N,   0 <= i < n, 0 <= j < c
 *   loss     = sum_i loss_i / N;   N = n for the mean, else 1
 *
 * Arrays: loss (1), or (n) with FNN_NONE, out; dz (n, c) out or NULL; z (n, c) in; y i64 (n) in.
 * Scalars: dim = (n, c); attr = (enum fnn_reduction). A label outside 0..c-1 reads nothing and
 *   makes its loss and its row of dz nan. n = 0: sum 0, mean nan.
 * dz may be z; any alignment. Workspace: one f64 a tile.
 * The row maximum is subtracted; a row sums in REAL, rows sum in double. One exp an element, one
 * log a row; short rows go by lanes, and of at most VL classes else stay in one register.
 * Source: torch.nn.CrossEntropyLoss; Blanchard, Higham and Higham 2021, algorithm 3.2. */
static void FN(softmax_cross_entropy_0)(const fnn_call *call, size_t begin, size_t end,
                                        void *scratch) {
  const size_t n = call->dim[0], c = call->dim[1], block = FN(row_block)(c);
  const REAL scale = (REAL)FN(loss_scale)(call);
  for (size_t t = begin; t < end; t++) {
    const size_t first = t * block, rows = size_min(block, n - first);
    REAL *dz = call->array[1] ? (REAL *)call->array[1] + first * c : NULL;
    const REAL *z = (const REAL *)call->array[2] + first * c;
    const fnn_int64 *y = (const fnn_int64 *)call->array[3] + first;
    FN(row_block_sums) s;
    for (size_t i = FN(label_lanes)(dz, z, y, rows, c, scale, &s); i < rows; i++)
      FN(label_row)(dz ? dz + i * c : NULL, z + i * c, c, y[i], scale, s.sum + i, s.dot + i);
    FN(row_loss_close)(call, t, rows, block, &s, 0);
  }
}
LOSS_TOTAL(softmax_cross_entropy, row_tiles)

/* One row with target probabilities p: its three sums; its gradient into dz, if there is one. */
static inline void FN(target_row)(REAL *dz, const REAL *z, const REAL *p, size_t c, REAL scale,
                                  FN(row_block_sums) * s, size_t i) {
  const REAL top = FN(row_max)(z, c);
  const vec shift = v_set1(top), by = v_set1(scale);
  vec sum = v_zero(), weight = v_zero(), dot = v_zero();
  for (size_t j = 0; j < c; j += VL) {
    const mask k = m_first(c - j);
    const vec share = v_load_m(p + j, k);
    const vec d = v_sub(FN(row_pad)(v_load_m(z + j, k), k), shift), e = v_exp(d);
    sum = v_add(sum, e);
    weight = v_add(weight, share);
    dot = v_fma(share, v_select(k, d, v_zero()), dot);
    if (dz) v_store_m(dz + j, e, k);
  }
  s->sum[i] = v_sum(sum);
  s->weight[i] = v_sum(weight);
  s->dot[i] = v_sum(dot);
  if (!dz) return;
  const vec factor = v_set1(s->weight[i] * scale / s->sum[i]);
  for (size_t j = 0; j < c; j += VL) {
    const mask k = m_first(c - j);
    const vec e = v_load_m(dz + j, k), share = v_load_m(p + j, k);
    v_store_m(dz + j, v_fnma(share, by, v_mul(e, factor)), k);
  }
}

/* soft_cross_entropy: cross-entropy with target probabilities, and its gradient.
 *
 *   loss_i   = -sum_j p_{i,j} log softmax(z_i)_j
 *            = (sum_j p_{i,j}) log sum_j exp(z_{i,j} - top_i) - sum_j p_{i,j} (z_{i,j} - top_i)
 *   dz_{i,j} = (softmax(z_i)_j sum_l p_{i,l} - p_{i,j}) / N,   0 <= i < n, 0 <= j, l < c
 *   loss     = sum_i loss_i / N;   N = n for the mean, else 1
 *
 * Arrays: loss (1), or (n) with FNN_NONE, out; dz (n, c) out or NULL; z (n, c) in; p (n, c) in.
 * Scalars: dim = (n, c); attr = (enum fnn_reduction). p need not add up to 1. n = 0: sum 0, mean
 *   nan.
 * dz may be z, not p; any alignment. Workspace: one f64 a tile.
 * top_i is the row maximum; a row sums in REAL, rows sum in double. One exp an element, one log
 * a row.
 * Source: torch.nn.CrossEntropyLoss with class probabilities. */
static void FN(soft_cross_entropy_0)(const fnn_call *call, size_t begin, size_t end,
                                     void *scratch) {
  const size_t n = call->dim[0], c = call->dim[1], block = FN(row_block)(c);
  const REAL scale = (REAL)FN(loss_scale)(call);
  REAL *dz = call->array[1];
  const REAL *z = call->array[2], *p = call->array[3];
  for (size_t t = begin; t < end; t++) {
    const size_t first = t * block, rows = size_min(block, n - first);
    FN(row_block_sums) s;
    for (size_t i = 0; i < rows; i++) {
      const size_t at = (first + i) * c;
      FN(target_row)(dz ? dz + at : NULL, z + at, p + at, c, scale, &s, i);
    }
    FN(row_loss_close)(call, t, rows, block, &s, 1);
  }
}
LOSS_TOTAL(soft_cross_entropy, row_tiles)

/* bce_with_logits: binary cross-entropy of the sigmoid, and its gradient.
 *
 *   loss_i = |z_i| s_i + log(1 + exp(-|z_i|)),   s_i = 1 - y_i where z_i > 0, else y_i
 *   dz_i   = (sigmoid(z_i) - y_i) / N,   0 <= i < n
 *   loss   = sum_i loss_i / N;   N = n for the mean, else 1
 *
 * Arrays: loss (1), or (n) with FNN_NONE, out; dz (n) out or NULL; z (n) in; y (n) in.
 * Scalars: dim = (n); attr = (enum fnn_reduction). n = 0: sum 0, mean nan. |z| s is 0 where s is 0,
 *   for an infinite z too.
 * dz may be z; any alignment. Workspace: one f64 a tile.
 * exp(-|z|) serves the loss and the sigmoid; elements sum in double. One exp, one log1p and one
 * division an element.
 * Source: torch.nn.BCEWithLogitsLoss. */
static void FN(bce_with_logits_0)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const int each = call->attr[0] == FNN_NONE;
  const vec by = v_set1((REAL)FN(loss_scale)(call)), one = v_set1(1);
  REAL *loss = call->array[0], *dz = call->array[1];
  const REAL *z = call->array[2], *y = call->array[3];
  for (size_t t = begin; t < end; t++) {
    const size_t stop = size_min(call->dim[0], (t + 1) * LOSS_TILE);
    wide total = w_zero();
    for (size_t i = t * LOSS_TILE; i < stop; i += VL) {
      const mask k = m_first(stop - i);
      const vec x = v_load_m(z + i, k), label = v_load_m(y + i, k);
      const vec size = v_abs(x), e = v_exp(v_neg(size));
      const vec share = v_select(v_gt(x, v_zero()), v_sub(one, label), label);
      const vec slope = v_select(v_eq(share, v_zero()), share, v_mul(size, share));
      const vec value = v_add(slope, v_log1p(e));
      if (dz) {
        const vec sigmoid = v_div(v_select(v_lt(x, v_zero()), e, one), v_add(one, e));
        v_store_m(dz + i, v_mul(v_sub(sigmoid, label), by), k);
      }
      if (each)
        v_store_m(loss + i, value, k);
      else
        total = w_add(total, v_select(k, value, v_zero()));
    }
    if (!each) ((double *)call->workspace)[t] = w_sum(total);
  }
}
LOSS_TOTAL(bce_with_logits, loss_tiles_0)

/* mse: squared error, and its gradient.
 *
 *   loss_i = (z_i - y_i)^2
 *   dz_i   = 2 (z_i - y_i) / N,   0 <= i < n
 *   loss   = sum_i loss_i / N;   N = n for the mean, else 1
 *
 * Arrays: loss (1), or (n) with FNN_NONE, out; dz (n) out or NULL; z (n) in; y (n) in.
 * Scalars: dim = (n); attr = (enum fnn_reduction). n = 0: sum 0, mean nan.
 * dz may be z; any alignment. Workspace: one f64 a tile.
 * Squares and sums are in double, except the squares of FNN_NONE. One read of z and y.
 * Source: torch.nn.MSELoss. */
static void FN(mse_0)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const int each = call->attr[0] == FNN_NONE;
  const vec by = v_set1((REAL)(2.0 * FN(loss_scale)(call)));
  REAL *loss = call->array[0], *dz = call->array[1];
  const REAL *z = call->array[2], *y = call->array[3];
  for (size_t t = begin; t < end; t++) {
    const size_t stop = size_min(call->dim[0], (t + 1) * LOSS_TILE);
    wide total = w_zero();
    for (size_t i = t * LOSS_TILE; i < stop; i += VL) {
      const mask k = m_first(stop - i);
      const vec d = v_sub(v_load_m(z + i, k), v_load_m(y + i, k));
      if (dz) v_store_m(dz + i, v_mul(d, by), k);
      if (each)
        v_store_m(loss + i, v_mul(d, d), k);
      else
        total = w_fma(d, d, total);
    }
    if (!each) ((double *)call->workspace)[t] = w_sum(total);
  }
}
LOSS_TOTAL(mse, loss_tiles_0)

#undef LOSS_TOTAL

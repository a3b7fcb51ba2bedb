/* Rows: softmax, gathers, scatters and classification metrics. Included once per REAL. */
#include "lanes.h"
#include "tiles.h"

#include <math.h>
#include <string.h>

#define ROW_TILE ((size_t)4096)    /* elements in a tile of rows, about */
#define ROW_TILE_ROWS ((size_t)64) /* and at most this many rows */
#define TAKE_TILE_BYTES ((size_t)65536)
#define TAKE_AHEAD ((size_t)4) /* rows of prefetch */
#define SCATTER_COLUMNS ((size_t)64)

static size_t FN(one_tiles)(const fnn_call *call) { return 1; }

/* Rows of c elements in a tile. */
static inline size_t FN(row_block)(size_t c) {
  return size_max(size_min(ROW_TILE / size_max(c, 1), ROW_TILE_ROWS), 1);
}

static size_t FN(row_tiles)(const fnn_call *call) {
  return blocks_over(call->dim[0], FN(row_block)(call->dim[1]));
}

/* Lanes outside k become -inf, which neither wins a maximum nor adds to a sum of exponentials. */
static inline vec FN(row_pad)(vec x, mask k) { return v_select(k, x, v_set1((REAL)-INFINITY)); }

/* The maximum of a row; a nan may get lost, its exponential will not. */
static inline REAL FN(row_max)(const REAL *z, size_t c) {
  vec a = v_set1((REAL)-INFINITY), b = a;
  size_t j = 0;
  for (; j + 2 * VL <= c; j += 2 * VL) {
    a = v_max(a, v_load(z + j));
    b = v_max(b, v_load(z + j + VL));
  }
  for (; j < c; j += VL) {
    const mask k = m_first(c - j);
    a = v_max(a, FN(row_pad)(v_load_m(z + j, k), k));
  }
  return v_hmax(v_max(a, b));
}

/* The sum over a row of exp(z_j - top); `to`, where there is one, keeps the terms. */
static inline REAL FN(row_exp)(REAL *to, const REAL *z, size_t c, REAL top) {
  const vec shift = v_set1(top);
  vec sum = v_zero();
  for (size_t j = 0; j < c; j += VL) {
    const mask k = m_first(c - j);
    const vec e = v_exp(v_sub(FN(row_pad)(v_load_m(z + j, k), k), shift));
    sum = v_add(sum, e);
    if (to) v_store_m(to + j, e, k);
  }
  return v_sum(sum);
}

/* x_j = x_j * by over a row. */
static inline void FN(row_scale)(REAL *x, size_t c, REAL by) {
  const vec factor = v_set1(by);
  for (size_t j = 0; j < c; j += VL) {
    const mask k = m_first(c - j);
    v_store_m(x + j, v_mul(v_load_m(x + j, k), factor), k);
  }
}

/* The first rows of a block by lanes, of the softmax or of its logarithm; returns how many. */
FNN_INLINE size_t FN(softmax_lanes)(REAL *out, const REAL *z, size_t rows, size_t c, int logs) {
  const size_t n = FN(lane_rows)(rows, c);
  REAL x[LANE_ELEMENTS * ROW_TILE_ROWS], terms[LANE_ELEMENTS * VL];
  FN(rows_to_lanes)(x, z, n, c);
  for (size_t i = 0; i < n; i += VL) {
    REAL *to = x + i * c;
    const vec top = FN(lane_max)(to, c), sum = FN(lane_exp)(logs ? terms : to, to, c, top);
    const vec last = logs ? v_log(sum) : v_div(v_set1(1), sum);
    for (size_t j = 0; j < c; j++) {
      const vec v = v_load(to + j * VL);
      v_store(to + j * VL, logs ? v_sub(v_sub(v, top), last) : v_mul(v, last));
    }
  }
  FN(lanes_to_rows)(out, x, n, c);
  return n;
}

/* softmax of each row.
 *
 *   out_{i,j} = exp(z_{i,j} - max_l z_{i,l}) / sum_l exp(z_{i,l} - max_l z_{i,l}),
 *   0 <= i < n, 0 <= j, l < c
 *
 * Arrays: out (n, c) out; z (n, c) in.
 * Scalars: dim = (n, c). A row of -inf, or with a nan or +inf, gives nan.
 * out may be z; any alignment.
 * Sum in REAL over VL chains; times the reciprocal, so 1.5 ULP more. One exp an element. Short rows
 * go by lanes.
 * Source: torch.softmax; Blanchard, Higham and Higham 2021, algorithm 3.2. */
static void FN(softmax)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t n = call->dim[0], c = call->dim[1], block = FN(row_block)(c);
  for (size_t t = begin; t < end; t++) {
    const size_t rows = size_min(block, n - t * block);
    REAL *out = (REAL *)call->array[0] + t * block * c;
    const REAL *z = (const REAL *)call->array[1] + t * block * c;
    for (size_t i = FN(softmax_lanes)(out, z, rows, c, 0); i < rows; i++) {
      if (c <= VL) {
        const mask k = m_first(c);
        const vec x = FN(row_pad)(v_load_m(z + i * c, k), k);
        const vec e = v_exp(v_sub(x, v_set1(v_hmax(x))));
        v_store_m(out + i * c, v_mul(e, v_set1(1 / v_sum(e))), k);
      } else {
        const REAL top = FN(row_max)(z + i * c, c);
        const REAL sum = FN(row_exp)(out + i * c, z + i * c, c, top);
        FN(row_scale)(out + i * c, c, 1 / sum);
      }
    }
  }
}

/* The logarithm of the softmax of each row.
 *
 *   out_{i,j} = (z_{i,j} - max_l z_{i,l}) - log sum_l exp(z_{i,l} - max_l z_{i,l}),
 *   0 <= i < n, 0 <= j, l < c
 *
 * Arrays: out (n, c) out; z (n, c) in.
 * Scalars: dim = (n, c). A row of -inf, or with a nan or +inf, gives nan.
 * out may be z; any alignment.
 * Sum in REAL over VL chains. One exp an element, one log a row. Short rows go by lanes.
 * Source: torch.log_softmax; Blanchard, Higham and Higham 2021, algorithm 3.2. */
static void FN(log_softmax)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t n = call->dim[0], c = call->dim[1], block = FN(row_block)(c);
  for (size_t t = begin; t < end; t++) {
    const size_t rows = size_min(block, n - t * block);
    REAL *out = (REAL *)call->array[0] + t * block * c;
    const REAL *z = (const REAL *)call->array[1] + t * block * c;
    for (size_t i = FN(softmax_lanes)(out, z, rows, c, 1); i < rows; i++) {
      const REAL top = FN(row_max)(z + i * c, c);
      const vec shift = v_set1(top), log_sum = v_log(v_set1(FN(row_exp)(NULL, z + i * c, c, top)));
      for (size_t j = 0; j < c; j += VL) {
        const mask k = m_first(c - j);
        const vec x = v_load_m(z + i * c + j, k);
        v_store_m(out + i * c + j, v_sub(v_sub(x, shift), log_sum), k);
      }
    }
  }
}

/* Copy a row of b bytes: pieces of constant size, the last one overlapping, no library call. */
static inline void FN(take_copy)(char *to, const char *from, size_t b) {
  if (b >= 64) {
    for (size_t j = 0; j + 64 <= b; j += 64) memcpy(to + j, from + j, 64);
    memcpy(to + b - 64, from + b - 64, 64);
  } else if (b >= 32) {
    memcpy(to, from, 32);
    memcpy(to + b - 32, from + b - 32, 32);
  } else if (b >= 16) {
    memcpy(to, from, 16);
    memcpy(to + b - 16, from + b - 16, 16);
  } else if (b >= 8) {
    memcpy(to, from, 8);
    memcpy(to + b - 8, from + b - 8, 8);
  } else if (b >= 4) {
    memcpy(to, from, 4);
    memcpy(to + b - 4, from + b - 4, 4);
  } else {
    for (size_t j = 0; j < b; j++) to[j] = from[j];
  }
}

static inline size_t FN(take_block)(const fnn_call *call) {
  const size_t b = call->dim[1] * (size_t)call->attr[0];
  return size_max(TAKE_TILE_BYTES / size_max(b, 1), 1);
}

static size_t FN(take_tiles)(const fnn_call *call) {
  return blocks_over(call->dim[0], FN(take_block)(call));
}

/* take_rows: gather rows of any element type.
 *
 *   out_{i,j} = x_{index_i, j},   0 <= i < n, 0 <= j < c;  0 where index_i is not in 0..rows-1
 *
 * Arrays: out (n, c) out; x (rows, c) in; index i64 (n) in.
 * Scalars: dim = (n, c, rows); attr = (bytes per element).
 * No overlap; any alignment. Exact. Moves n c elements; rows ahead are prefetched, whole.
 * Source: numpy.take. */
static void FN(take_rows)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t rows = call->dim[2], b = call->dim[1] * (size_t)call->attr[0];
  const size_t block = FN(take_block)(call), stop = size_min(call->dim[0], end * block);
  char *out = call->array[0];
  const char *x = call->array[1];
  const fnn_int64 *index = call->array[2];
  for (size_t i = begin * block; i < stop; i++) {
    if (i + TAKE_AHEAD < stop && (uint64_t)index[i + TAKE_AHEAD] < rows)
      for (size_t j = 0; j < b; j += 64) v_prefetch(x + (size_t)index[i + TAKE_AHEAD] * b + j);
    if ((uint64_t)index[i] < rows)
      FN(take_copy)(out + i * b, x + (size_t)index[i] * b, b);
    else
      memset(out + i * b, 0, b);
  }
}

static size_t FN(scatter_tiles)(const fnn_call *call) {
  return blocks_over(call->dim[1], SCATTER_COLUMNS);
}

/* scatter_add_rows: the gradient of take_rows.
 *
 *   out_{r,j} = sum over i with index_i = r of dy_{i,j},   0 <= r < rows, 0 <= j < c, 0 <= i < n
 *
 * Arrays: out (rows, c) out, overwritten; dy (n, c) in; index i64 (n) in.
 * Scalars: dim = (n, c, rows). A row with an index outside 0..rows-1 is left out.
 * No overlap; any alignment.
 * Adds in REAL in the order of i; a tile is a block of columns, so each output has one owner.
 * Source: torch.index_add. */
static void FN(scatter_add_rows)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t n = call->dim[0], c = call->dim[1], rows = call->dim[2];
  const size_t first = begin * SCATTER_COLUMNS, stop = size_min(c, end * SCATTER_COLUMNS);
  REAL *out = call->array[0];
  const REAL *dy = call->array[1];
  const fnn_int64 *index = call->array[2];
  if (first >= stop) return;
  for (size_t r = 0; r < rows; r++) memset(out + r * c + first, 0, (stop - first) * sizeof *out);
  for (size_t i = 0; i < n; i++) {
    if ((uint64_t)index[i] >= rows) continue;
    REAL *to = out + (size_t)index[i] * c;
    for (size_t j = first; j < stop; j += VL) {
      const mask k = m_first(stop - j);
      v_store_m(to + j, v_add(v_load_m(to + j, k), v_load_m(dy + i * c + j, k)), k);
    }
  }
}

/* Whether y is the first index of the row's maximum; the first nan counts as the maximum. */
static inline int FN(is_argmax)(const REAL *z, size_t c, int64_t y) {
  if ((uint64_t)y >= c) return 0;
  const size_t at = (size_t)y;
  const REAL top = z[at];
  const vec t = v_set1(top);
  for (size_t j = 0; j < c; j += VL) {
    const vec x = v_load_m(z + j, m_first(c - j));
    const mask before = m_first(at > j ? at - j : 0);
    const mask fits = top == top ? m_or(v_lt(x, t), m_and(v_le(x, t), m_not(before)))
                                 : m_or(v_eq(x, x), m_not(before));
    if (m_any(m_and(m_first(c - j), m_not(fits)))) return 0;
  }
  return 1;
}

/* accuracy: the share of rows whose largest element stands at the label.
 *
 *   out = |{i : argmax_j z_{i,j} = y_i}| / n,   0 <= i < n, 0 <= j < c
 *
 * Arrays: out (1) out; z (n, c) in; y i64 (n) in.
 * Scalars: dim = (n, c). Ties go to the first, a nan wins, a label outside 0..c-1 never matches;
 *   n = 0 gives nan.
 * No overlap; any alignment. Counts exactly, divides in double, rounds once. One read of z.
 * Source: torcheval multiclass_accuracy. */
static void FN(accuracy)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t n = call->dim[0], c = call->dim[1];
  const REAL *z = call->array[1];
  const fnn_int64 *y = call->array[2];
  size_t right = 0;
  if (begin >= end) return;
  for (size_t i = 0; i < n; i++) right += (size_t)FN(is_argmax)(z + i * c, c, y[i]);
  *(REAL *)call->array[0] = (REAL)((double)right / (double)n);
}

/* binary_accuracy: the share of logits on their label's side.
 *
 *   out = |{i : (z_i > 0) = (y_i > 1/2)}| / n,   0 <= i < n
 *
 * Arrays: out (1) out; z (n) in; y (n) in.
 * Scalars: dim = (n); n = 0 gives nan.
 * No overlap; any alignment. Counts exactly, divides in double, rounds once. One read of z and y.
 * Source: torcheval binary_accuracy. */
static void FN(binary_accuracy)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t n = call->dim[0];
  const REAL *z = call->array[1], *y = call->array[2];
  const vec half = v_set1((REAL)0.5), one = v_set1(1);
  wide right = w_zero();
  if (begin >= end) return;
  for (size_t i = 0; i < n; i += VL) {
    const mask k = m_first(n - i);
    const mask up = v_gt(v_load_m(z + i, k), v_zero()), yes = v_gt(v_load_m(y + i, k), half);
    const mask same = m_or(m_and(up, yes), m_not(m_or(up, yes)));
    right = w_add(right, v_select(m_and(k, same), one, v_zero()));
  }
  *(REAL *)call->array[0] = (REAL)(w_sum(right) / (double)n);
}

/* Reductions of the middle axis of x (outer, len, inner). Included once per REAL.
 *
 * A tile is `group` outer indices, `rows` rows of the middle axis, `columns` columns of the inner
 * one; the shape alone fixes them.
 */
#include "tiles.h"

#include <math.h>
#include <string.h>

#define REDUCE_TILE ((size_t)65536)   /* elements in a tile, about */
#define REDUCE_COLUMNS ((size_t)256)  /* a multiple of every VL */
#define REDUCE_COMBINE ((size_t)4096) /* outputs in a tile of phase 1 */
#define ARGMAX_ROWS ((size_t)1 << 20) /* row numbers below this are exact in float32 */

typedef struct {
  size_t outer, len, inner;
  size_t group, rows, columns;              /* the size of a tile */
  size_t groups, row_blocks, column_blocks; /* their number */
} FN(reduce_plan);

typedef struct {
  size_t first, last;      /* outer indices */
  size_t block, row, rows; /* of the middle axis */
  size_t column, n;        /* inner indices */
} FN(reduce_tile);

/* `cut`: the middle axis is cut into blocks too, and a tile gives a partial result. */
static inline FN(reduce_plan) FN(reduce_cut)(const fnn_call *call, int cut) {
  FN(reduce_plan) s = {.outer = call->dim[0], .len = call->dim[1], .inner = call->dim[2]};
  if (s.inner <= REDUCE_COLUMNS && s.outer * s.len * s.inner <= REDUCE_TILE) {
    /* One tile: the general case below, without its divisions. */
    s.group = s.outer, s.rows = s.len, s.columns = s.inner;
    s.groups = s.outer > 0, s.row_blocks = 1, s.column_blocks = s.inner > 0;
    return s;
  }
  s.columns = size_min(size_max(s.inner, 1), REDUCE_COLUMNS);
  s.column_blocks = blocks_over(s.inner, REDUCE_COLUMNS);
  s.rows = size_max(s.len, 1);
  s.row_blocks = 1;
  if (cut && s.rows > REDUCE_TILE / s.columns) {
    s.rows = REDUCE_TILE / s.columns;
    s.row_blocks = blocks_over(s.len, s.rows);
  }
  s.group = s.row_blocks > 1 ? 1 : REDUCE_TILE / (s.rows * s.columns);
  s.group = size_max(size_min(s.group, s.outer), 1);
  s.groups = blocks_over(s.outer, s.group);
  return s;
}

static inline FN(reduce_tile) FN(reduce_tile_at)(const FN(reduce_plan) * s, size_t t) {
  FN(reduce_tile) u;
  u.column = t % s->column_blocks * REDUCE_COLUMNS;
  u.n = size_min(REDUCE_COLUMNS, s->inner - u.column);
  t /= s->column_blocks;
  u.block = t % s->row_blocks;
  u.row = u.block * s->rows;
  u.rows = size_min(s->rows, s->len - u.row);
  u.first = t / s->row_blocks * s->group;
  u.last = size_min(u.first + s->group, s->outer);
  return u;
}

static size_t FN(reduce_tiles)(const fnn_call *call) {
  const FN(reduce_plan) s = FN(reduce_cut)(call, 0);
  return s.groups * s.column_blocks;
}

static size_t FN(sum_tiles_0)(const fnn_call *call) {
  const FN(reduce_plan) s = FN(reduce_cut)(call, 1);
  return s.groups * s.row_blocks * s.column_blocks;
}

static size_t FN(sum_tiles_1)(const fnn_call *call) {
  const FN(reduce_plan) s = FN(reduce_cut)(call, 1);
  return s.row_blocks > 1 ? blocks_over(s.outer * s.inner, REDUCE_COMBINE) : 0;
}

static size_t FN(sum_workspace)(const fnn_call *call) {
  const FN(reduce_plan) s = FN(reduce_cut)(call, 1);
  return s.row_blocks > 1 ? s.outer * s.row_blocks * s.inner * sizeof(double) : 0;
}

/* The sum of n contiguous elements, in double. */
static inline double FN(sum_run)(const REAL *x, size_t n) {
  wide a = w_zero();
  double rest = 0.0;
  size_t i = 0;
  if (n >= 4 * VL) {
    wide b = w_zero(), c = w_zero(), d = w_zero();
    for (; i + 4 * VL <= n; i += 4 * VL) {
      a = w_add(a, v_load(x + i));
      b = w_add(b, v_load(x + i + VL));
      c = w_add(c, v_load(x + i + 2 * VL));
      d = w_add(d, v_load(x + i + 3 * VL));
    }
    rest = (w_sum(b) + w_sum(c)) + w_sum(d);
  }
  for (; i < n; i += VL) a = w_add(a, v_load_m(x + i, m_first(n - i)));
  return w_sum(a) + rest;
}

/* Column sums of 4 VL columns, rows `stride` apart: one chain a column. */
static inline void FN(sum_strip_wide)(double *to, const REAL *x, size_t rows, size_t stride) {
  wide a = w_zero(), b = w_zero(), c = w_zero(), d = w_zero();
  for (size_t i = 0; i < rows; i++, x += stride) {
    a = w_add(a, v_load(x));
    b = w_add(b, v_load(x + VL));
    c = w_add(c, v_load(x + 2 * VL));
    d = w_add(d, v_load(x + 3 * VL));
  }
  w_store(to, a);
  w_store(to + VL, b);
  w_store(to + 2 * VL, c);
  w_store(to + 3 * VL, d);
}

/* Column sums of at most VL columns: four chains a column, so that short arrays are quick. */
static inline void FN(sum_strip)(double *to, const REAL *x, size_t rows, size_t stride, mask k) {
  wide a = w_zero(), b = w_zero(), c = w_zero(), d = w_zero();
  double part[4][VL];
  size_t i = 0;
  for (; i + 4 <= rows; i += 4, x += 4 * stride) {
    a = w_add(a, v_load_m(x, k));
    b = w_add(b, v_load_m(x + stride, k));
    c = w_add(c, v_load_m(x + 2 * stride, k));
    d = w_add(d, v_load_m(x + 3 * stride, k));
  }
  for (; i < rows; i++, x += stride) a = w_add(a, v_load_m(x, k));
  w_store(part[0], a);
  w_store(part[1], b);
  w_store(part[2], c);
  w_store(part[3], d);
  for (size_t j = 0; j < VL; j++) to[j] = (part[0][j] + part[1][j]) + (part[2][j] + part[3][j]);
}

/* Column sums of n <= REDUCE_COLUMNS columns into `to`, which has room for whole vectors. */
static inline void FN(sum_columns)(double *to, const REAL *x, size_t rows, size_t stride,
                                   size_t n) {
  size_t j = 0;
  for (; j + 4 * VL <= n; j += 4 * VL) FN(sum_strip_wide)(to + j, x + j, rows, stride);
  for (; j < n; j += VL) FN(sum_strip)(to + j, x + j, rows, stride, m_first(n - j));
}

/* out_j = from_j / divisor, rounded, for n outputs; `from` has room for whole vectors. */
static inline void FN(sum_put)(REAL *out, double *from, size_t n, double divisor) {
  if (divisor != 1.0)
    for (size_t j = 0; j < n; j++) from[j] /= divisor;
  for (size_t j = 0; j < n; j += VL)
    v_store_m(out + j, w_narrow(w_load(from + j)), m_first(n - j));
}

/* sum and mean over the middle axis.
 *
 *   out_{o,c} = sum_r x_{o,r,c} / divisor,   0 <= o < outer, 0 <= r < len, 0 <= c < inner
 *
 * Arrays: out (outer, inner) out; x (outer, len, inner) in.
 * Scalars: dim = (outer, len, inner); the divisor is 1 or len. Empty: 0, and nan for the mean.
 * No overlap; any alignment. Workspace: f64 (outer, row blocks, inner) when len is cut.
 * Sums are in double throughout and round once; phase 0 sums a fixed block of rows, phase 1 adds
 * the blocks in order, so neither threads nor the lane count move a block's borders. A tile of
 * one block writes its outputs at once. One read of x.
 * Source: Higham 1993, The accuracy of floating point summation, section 3. */
static inline void FN(sum_blocks)(const fnn_call *call, size_t begin, size_t end, double divisor) {
  const FN(reduce_plan) s = FN(reduce_cut)(call, 1);
  double sums[REDUCE_COLUMNS], *partial = call->workspace;
  REAL *out = call->array[0];
  const REAL *x = call->array[1];
  for (size_t t = begin; t < end; t++) {
    const FN(reduce_tile) u = FN(reduce_tile_at)(&s, t);
    for (size_t o = u.first; o < u.last; o++) {
      const REAL *from = x + (o * s.len + u.row) * s.inner + u.column;
      if (s.inner == 1)
        sums[0] = FN(sum_run)(from, u.rows);
      else
        FN(sum_columns)(sums, from, u.rows, s.inner, u.n);
      if (s.row_blocks > 1)
        memcpy(partial + (o * s.row_blocks + u.block) * s.inner + u.column, sums,
               u.n * sizeof *sums);
      else if (s.inner == 1)
        out[o] = (REAL)(sums[0] / divisor);
      else
        FN(sum_put)(out + o * s.inner + u.column, sums, u.n, divisor);
    }
  }
}

static inline void FN(sum_combine)(const fnn_call *call, size_t begin, size_t end,
                                   double divisor) {
  const FN(reduce_plan) s = FN(reduce_cut)(call, 1);
  const size_t stop = size_min(end * REDUCE_COMBINE, s.outer * s.inner);
  const double *partial = call->workspace;
  REAL *out = call->array[0];
  for (size_t i = begin * REDUCE_COMBINE; i < stop; i++) {
    const double *from = partial + i / s.inner * s.row_blocks * s.inner + i % s.inner;
    double total = 0.0;
    for (size_t b = 0; b < s.row_blocks; b++) total += from[b * s.inner];
    out[i] = (REAL)(total / divisor);
  }
}

static void FN(sum_0)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  FN(sum_blocks)(call, begin, end, 1.0);
}

static void FN(sum_1)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  FN(sum_combine)(call, begin, end, 1.0);
}

static void FN(mean_0)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  FN(sum_blocks)(call, begin, end, (double)call->dim[1]);
}

static void FN(mean_1)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  FN(sum_combine)(call, begin, end, (double)call->dim[1]);
}

/* One step of a running maximum (or minimum); v_max forgets a nan, so `bad` remembers it. */
static inline vec FN(extreme_step)(vec best, vec x, mask *bad, int least) {
  *bad = m_or(*bad, v_ne(x, x));
  return least ? v_min(best, x) : v_max(best, x);
}

static inline vec FN(extreme_start)(int least) {
  return v_set1((REAL)(least ? INFINITY : -INFINITY));
}

/* The maximum (or minimum) of n contiguous elements; nan when one of them is. */
static inline REAL FN(extreme_run)(const REAL *x, size_t n, int least) {
  const vec start = FN(extreme_start)(least);
  vec a = start, b = start;
  mask bad = m_first(0);
  size_t i = 0;
  for (; i + 2 * VL <= n; i += 2 * VL) {
    a = FN(extreme_step)(a, v_load(x + i), &bad, least);
    b = FN(extreme_step)(b, v_load(x + i + VL), &bad, least);
  }
  for (; i < n; i += VL) {
    const mask k = m_first(n - i);
    a = FN(extreme_step)(a, v_select(k, v_load_m(x + i, k), start), &bad, least);
  }
  if (m_any(bad)) return (REAL)NAN;
  return least ? v_hmin(v_min(a, b)) : v_hmax(v_max(a, b));
}

static inline void FN(extreme_columns)(REAL *out, const REAL *x, size_t rows, size_t stride,
                                       size_t n, int least) {
  for (size_t j = 0; j < n; j += VL) {
    const mask k = m_first(n - j);
    const REAL *from = x + j;
    vec best = FN(extreme_start)(least);
    mask bad = m_first(0);
    for (size_t i = 0; i < rows; i++, from += stride)
      best = FN(extreme_step)(best, v_load_m(from, k), &bad, least);
    v_store_m(out + j, v_select(bad, v_set1((REAL)NAN), best), k);
  }
}

/* max and min over the middle axis.
 *
 *   out_{o,c} = max_r x_{o,r,c},   0 <= o < outer, 0 <= r < len, 0 <= c < inner
 *
 * Arrays: out (outer, inner) out; x (outer, len, inner) in.
 * Scalars: dim = (outer, len, inner). A nan wins. Empty: -inf (min: +inf); the caller refuses it.
 * No overlap; any alignment. Exact. One read of x.
 * Source: numpy.max. */
static inline void FN(extreme)(const fnn_call *call, size_t begin, size_t end, int least) {
  const FN(reduce_plan) s = FN(reduce_cut)(call, 0);
  REAL *out = call->array[0];
  const REAL *x = call->array[1];
  for (size_t t = begin; t < end; t++) {
    const FN(reduce_tile) u = FN(reduce_tile_at)(&s, t);
    for (size_t o = u.first; o < u.last; o++) {
      const REAL *from = x + o * s.len * s.inner + u.column;
      if (s.inner == 1)
        out[o] = FN(extreme_run)(from, s.len, least);
      else
        FN(extreme_columns)(out + o * s.inner + u.column, from, s.len, s.inner, u.n, least);
    }
  }
}

static void FN(max)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  FN(extreme)(call, begin, end, 0);
}

static void FN(min)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  FN(extreme)(call, begin, end, 1);
}

/* The first index of the maximum of n contiguous elements: find it, then look for it. */
static inline int64_t FN(argmax_run)(const REAL *x, size_t n) {
  const REAL top = FN(extreme_run)(x, n, 0);
  const int is_nan = top != top;
  for (size_t i = 0; i < n; i += VL) {
    const mask k = m_first(n - i);
    const vec a = v_load_m(x + i, k);
    if (!m_any(m_and(k, is_nan ? v_ne(a, a) : v_eq(a, v_set1(top))))) continue;
    for (; is_nan ? x[i] == x[i] : x[i] != top; i++) {
    }
    return (int64_t)i;
  }
  return 0;
}

/* The same for at most VL columns; row numbers are lanes of REAL, so rows go in exact chunks. */
static inline void FN(argmax_strip)(fnn_int64 *out, const REAL *x, size_t rows, size_t stride,
                                    size_t n) {
  const mask k = m_first(n);
  const vec one = v_set1(1);
  vec best = v_set1((REAL)-INFINITY);
  for (size_t j = 0; j < size_min(n, VL); j++) out[j] = 0;
  for (size_t start = 0; start < rows; start += ARGMAX_ROWS) {
    const size_t stop = size_min(rows, start + ARGMAX_ROWS);
    vec at = v_set1(-1), number = v_zero();
    REAL found[VL];
    for (size_t i = start; i < stop; i++, x += stride) {
      const vec a = v_load_m(x, k);
      const mask more = m_or(v_gt(a, best), m_and(v_ne(a, a), v_eq(best, best)));
      best = v_select(more, a, best);
      at = v_select(more, number, at);
      number = v_add(number, one);
    }
    v_store(found, at);
    for (size_t j = 0; j < size_min(n, VL); j++)
      if (found[j] >= 0) out[j] = (int64_t)(start + (size_t)found[j]);
  }
}

/* argmax over the middle axis.
 *
 *   out_{o,c} = the least r with x_{o,r,c} = max_r x_{o,r,c},   0 <= o < outer, 0 <= c < inner
 *
 * Arrays: out i64 (outer, inner) out; x (outer, len, inner) in.
 * Scalars: dim = (outer, len, inner). The first nan wins. Empty: 0; the caller refuses it.
 * No overlap; any alignment. Exact. At most two reads of x.
 * Source: numpy.argmax. */
static void FN(argmax)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const FN(reduce_plan) s = FN(reduce_cut)(call, 0);
  fnn_int64 *out = call->array[0];
  const REAL *x = call->array[1];
  for (size_t t = begin; t < end; t++) {
    const FN(reduce_tile) u = FN(reduce_tile_at)(&s, t);
    for (size_t o = u.first; o < u.last; o++) {
      const REAL *from = x + o * s.len * s.inner + u.column;
      fnn_int64 *to = out + o * s.inner + u.column;
      if (s.inner == 1)
        *to = FN(argmax_run)(from, s.len);
      else
        for (size_t j = 0; j < u.n; j += VL)
          FN(argmax_strip)(to + j, from + j, s.len, s.inner, u.n - j);
    }
  }
}

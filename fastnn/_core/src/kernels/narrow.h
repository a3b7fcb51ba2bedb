/* Products with few columns, or few rows. Once per REAL, for matmul.h; a table of one lane has no use
 * for it.
 *
 * The lanes are rows, so each sum is the chain over k that it is elsewhere. Where a lies in memory row
 * by row, squares of it are transposed on their way into the sums, in registers. A product with few
 * rows is one with few columns when all is transposed: out' = b' a'. */

#define NARROW_FEW 4 /* up to here two vectors of rows hide the latency of the chains */
#define NARROW_COLUMNS 10
#define NARROW_LONG 32 /* the k from which on packing many columns pays, or taking some apart */
#define NARROW_REST 8  /* columns beyond whole vectors that are better done here */
#define NARROW_STEP (VL / 2)                          /* columns of a at a time */
#define NARROW_SETS (VL * sizeof(REAL) == 64 ? 2 : 1) /* of rows, NARROW_STEP together */
#define NARROW_CORNER (VL / 2 / NARROW_SETS)          /* side of what one lane group holds */
#define NARROW_CORNERS (2 * NARROW_SETS)              /* above each other */

/* Interleaves a and b within each group of NARROW_CORNER lanes: the low, the high halves. */
#if VL == 16
#define NARROW_LOW 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define NARROW_HIGH 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define NARROW_EVEN 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define NARROW_ODD 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#define NARROW_THREE 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0
#elif VL == 8 && REAL_IS_DOUBLE
#define NARROW_LOW 0, 8, 2, 10, 4, 12, 6, 14
#define NARROW_HIGH 1, 9, 3, 11, 5, 13, 7, 15
#define NARROW_EVEN 0, 1, 4, 5, 8, 9, 12, 13
#define NARROW_ODD 2, 3, 6, 7, 10, 11, 14, 15
#elif VL == 8
#define NARROW_LOW 0, 8, 1, 9, 4, 12, 5, 13
#define NARROW_HIGH 2, 10, 3, 11, 6, 14, 7, 15
#elif VL == 4
#define NARROW_LOW 0, 4, 2, 6
#define NARROW_HIGH 1, 5, 3, 7
#else
#define NARROW_LOW 0, 2
#define NARROW_HIGH 1, 3
#endif
#if VL == 8
#define NARROW_THREE 0, 1, 2, 4, 5, 6, 0, 0
#endif

/* The operands of out = a b, where a has VL rows or more and b NARROW_COLUMNS columns or fewer. */
typedef struct {
  size_t k;
  const REAL *a, *b, *bias; /* bias: start of the sums, NULL: 0 */
  ptrdiff_t a_row, a_step;  /* from a row of a to the next, from one k to the next */
  ptrdiff_t b_step, bias_step;
  REAL *out;
  ptrdiff_t out_row;
  int across; /* out is written transposed, and bias goes with the rows */
} FN(narrow_state);

/* v[j] = column j of VL rows, j < NARROW_STEP: half rows are loaded in pairs, so that each group of
 * lanes holds a corner of NARROW_CORNER rows, which shuffles within the groups transpose. a: where
 * the rows of each corner begin; goes on to the next columns. */
FNN_INLINE void FN(narrow_load)(vec *v, const REAL **a, ptrdiff_t row) {
  vec x[NARROW_SETS][NARROW_CORNER], y[NARROW_CORNER];
#pragma GCC unroll 2
  for (int s = 0; s < NARROW_SETS; s++) {
#pragma GCC unroll 4
    for (int i = 0; i < NARROW_CORNER; i++)
      x[s][i] = v_load_pair(a[2 * s] + i * row, a[2 * s + 1] + i * row);
#pragma GCC unroll 2
    for (int stage = 1; stage < NARROW_CORNER; stage *= 2) {
#pragma GCC unroll 2
      for (int i = 0; i < NARROW_CORNER / 2; i++) {
        const vec low = x[s][i], high = x[s][i + NARROW_CORNER / 2];
        y[2 * i] = PACK_SHUFFLE(low, high, NARROW_LOW);
        y[2 * i + 1] = PACK_SHUFFLE(low, high, NARROW_HIGH);
      }
#pragma GCC unroll 4
      for (int i = 0; i < NARROW_CORNER; i++) x[s][i] = y[i];
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < NARROW_CORNER; i++) {
#ifdef NARROW_EVEN
    v[i] = PACK_SHUFFLE(x[0][i], x[1][i], NARROW_EVEN);
    v[i + NARROW_CORNER] = PACK_SHUFFLE(x[0][i], x[1][i], NARROW_ODD);
#else
    v[i] = x[0][i];
#endif
  }
#pragma GCC unroll 4
  for (int i = 0; i < NARROW_CORNERS; i++) a[i] += NARROW_STEP;
}

/* out[i * n + j] = lane i of sum[j], n <= NARROW_FEW: interleaved by `width` columns, with the lanes
 * between the rows left out. Later stores go over what whole vectors write too much. */
FNN_INLINE void FN(narrow_store_few)(REAL *out, const vec *sum, int n) {
  const int width = n > 2 ? 4 : n, step = VL / width * n;
  vec v[VL];
#pragma GCC unroll 4
  for (int j = 0; j < width; j++) v[j] = j < n ? sum[j] : v_zero();
  FN(interleave)(v, width);
#pragma GCC unroll 4
  for (int i = 0; i < width; i++) {
#ifdef NARROW_THREE
    if (n == 3) v[i] = PACK_SHUFFLE(v[i], v[i], NARROW_THREE);
#endif
    if (i < width - 1)
      v_store(out + i * step, v[i]);
    else
      v_store_m(out + i * step, v[i], m_first((size_t)step));
  }
}

/* out[i * row + j] = lane i of sum[j], any n: squares of columns or zeros are transposed. */
static __attribute__((noinline)) void FN(narrow_store)(REAL *out, ptrdiff_t row, const vec *sum,
                                                       int n) {
  vec v[VL];
  for (int j = 0; j < n; j += VL) {
    const mask some = m_first((size_t)(n - j));
#pragma GCC unroll 16
    for (int i = 0; i < VL; i++) v[i] = j + i < n ? sum[j + i] : v_zero();
    FN(interleave)(v, VL);
#pragma GCC unroll 16
    for (int i = 0; i < VL; i++) v_store_m(out + i * row + j, v[i], some);
  }
}

#define EACH_VECTOR _Pragma("GCC unroll 2") for (int i = 0; i < vectors; i++)
#define EACH_COLUMN _Pragma("GCC unroll 10") for (int j = 0; j < n; j++)

/* sum[i][j] + v[i] * b[j]: one column of a times one row of b */
FNN_INLINE void FN(narrow_step)(vec sum[2][NARROW_COLUMNS], const vec *v, const REAL *b, int n,
                                int vectors) {
  EACH_COLUMN {
    const vec by = v_set1(b[j]);
    EACH_VECTOR sum[i][j] = v_fma(by, v[i], sum[i][j]);
  }
}

/* NARROW_STEP of them; a as of narrow_load. Many columns take one vector, and take it by way of
 * memory: less code, and faster. */
FNN_INLINE void FN(narrow_steps)(vec sum[2][NARROW_COLUMNS], const REAL *a[2][NARROW_CORNERS],
                                 ptrdiff_t row, const REAL *b, ptrdiff_t b_step, int n,
                                 int vectors, REAL *through) {
  vec v[2][NARROW_STEP];
  EACH_VECTOR FN(narrow_load)(v[i], a[i], row);
  if (n <= NARROW_FEW) {
#pragma GCC unroll 8
    for (int p = 0; p < NARROW_STEP; p++) {
      const vec column[2] = {v[0][p], v[vectors - 1][p]};
      FN(narrow_step)(sum, column, b + p * b_step, n, vectors);
    }
    return;
  }
#pragma GCC unroll 8
  for (int p = 0; p < NARROW_STEP; p++) v_store(through + p * VL, v[0][p]);
#pragma GCC unroll 1
  for (int p = 0; p < NARROW_STEP; p++) {
    const vec column = v_load(through + p * VL);
    FN(narrow_step)(sum, &column, b + p * b_step, n, 1);
  }
}

/* Adds `depth` columns of a from `at` on times rows of b, for VL rows from first[0] on and, with two
 * vectors, for VL rows from first[1] on. `column`: the columns of a are contiguous, else its rows. */
FNN_INLINE void FN(narrow_block)(const FN(narrow_state) * s, const size_t *first, size_t at,
                                 size_t depth, vec sum[2][NARROW_COLUMNS], int n, int vectors,
                                 int column) {
  const ptrdiff_t row = column ? 1 : s->a_row, step = column ? s->a_step : VL;
  const ptrdiff_t b_step = s->b_step;
  const size_t rest = column ? depth : depth % NARROW_STEP;
  const REAL *a[2], *corner[2][NARROW_CORNERS], *b = s->b + (ptrdiff_t)at * b_step;
  _Alignas(64) REAL through[2][NARROW_STEP * VL + VL];
  EACH_VECTOR {
    a[i] = s->a + (ptrdiff_t)first[i] * row + (ptrdiff_t)at * (column ? step : 1);
#pragma GCC unroll 4
    for (int c = 0; c < NARROW_CORNERS; c++) corner[i][c] = a[i] + c * NARROW_CORNER * row;
  }
  for (size_t p = rest; p < depth; p += NARROW_STEP, b += NARROW_STEP * b_step)
    FN(narrow_steps)(sum, corner, row, b, b_step, n, vectors, through[0]);
  if (!column && rest) EACH_VECTOR {
      FN(pack)(through[i], VL, VL, rest, corner[i][0], row, 1);
      a[i] = through[i];
    }
  for (size_t p = 0; p < rest; p++, b += b_step) {
    vec v[2];
    EACH_VECTOR {
      v[i] = v_load(a[i]);
      a[i] += step;
    }
    FN(narrow_step)(sum, v, b, n, vectors);
  }
}

/* The products of these rows, without the epilogue; first, vectors and column as of narrow_block */
FNN_INLINE void FN(narrow_rows)(const FN(narrow_state) * s, const size_t *first, int n,
                                int vectors, int column) {
  vec sum[2][NARROW_COLUMNS], total[2][NARROW_COLUMNS];
  EACH_VECTOR EACH_COLUMN sum[i][j] = !s->bias    ? v_zero()
                                      : s->across ? v_load(s->bias + first[i])
                                                  : v_set1(s->bias[j * s->bias_step]);
  for (size_t at = 0;;) {
    const size_t depth = size_min(MATMUL_K_BLOCK, s->k - at);
    FN(narrow_block)(s, first, at, depth, sum, n, vectors, column);
    if (at) EACH_VECTOR EACH_COLUMN sum[i][j] = v_add(total[i][j], sum[i][j]);
    at += depth;
    if (at == s->k) break;
    EACH_VECTOR EACH_COLUMN total[i][j] = sum[i][j], sum[i][j] = v_zero();
  }
  if (s->across) {
    EACH_VECTOR EACH_COLUMN v_store(s->out + j * s->out_row + first[i], sum[i][j]);
    return;
  }
  EACH_VECTOR {
    REAL *out = s->out + (ptrdiff_t)first[i] * s->out_row;
    if (n <= NARROW_FEW && n <= VL && s->out_row == n)
      FN(narrow_store_few)(out, sum[i], n);
    else
      FN(narrow_store)(out, s->out_row, sum[i], n);
  }
}
#undef EACH_VECTOR
#undef EACH_COLUMN

#define NARROW_VECTORS(n) (n > NARROW_FEW ? 1 : 2)
#define NARROW_EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10)
#define NARROW_DEFINE(n)                                                                          \
  static void FN(narrow_rows_##n)(const FN(narrow_state) * s, const size_t *first) {              \
    FN(narrow_rows)(s, first, n, NARROW_VECTORS(n), 0);                                           \
  }                                                                                               \
  static void FN(narrow_columns_##n)(const FN(narrow_state) * s, const size_t *first) {           \
    FN(narrow_rows)(s, first, n, NARROW_VECTORS(n), 1);                                           \
  }
#define NARROW_ENTRY(n) {FN(narrow_rows_##n), FN(narrow_columns_##n)},
NARROW_EACH(NARROW_DEFINE)
static void (*const FN(narrow_bodies)[NARROW_COLUMNS][2])(const FN(narrow_state) *,
                                                          const size_t *) = {
    NARROW_EACH(NARROW_ENTRY)};

/* For rows of one column that would drive each other out of a cache */
static void FN(narrow_rows_alone)(const FN(narrow_state) * s, const size_t *first) {
  FN(narrow_rows)(s, first, 1, 1, 0);
}

/* All rows. The last vectors begin earlier where they would go beyond the end: the same sums are then
 * made and stored twice. Strides of 4096 bytes put all rows into one set of the cache, which two
 * vectors of rows would overflow. */
static void FN(narrow_run)(const FN(narrow_state) * s, size_t rows, size_t n) {
  const int column = s->a_row == 1;
  const int alone = n == 1 && !column && s->a_row * sizeof(REAL) % 4096 == 0;
  void (*const body)(const FN(narrow_state) *, const size_t *) =
      alone ? FN(narrow_rows_alone) : FN(narrow_bodies)[n - 1][column];
  const size_t step = alone ? VL : NARROW_VECTORS(n) * VL;
  for (size_t i = 0; i < rows; i += step) {
    const size_t last = rows - VL, first[2] = {size_min(i, last), size_min(i + step - VL, last)};
    body(s, first);
  }
}

/* Packed columns lie in rows of this many: a power of 2 that vectors can be interleaved to, or whole
 * vectors. */
static inline size_t FN(narrow_width)(size_t n) {
  size_t width = 1;
  while (width < n) width *= 2;
  return width <= VL ? width : blocks_over(n, VL) * VL;
}

/* Whether few columns of one operand can be packed into scratch, and are worth it. */
static inline int FN(narrow_packs)(const fnn_call *call, size_t n) {
  const size_t k = call->dim[2];
  return k >= (n > NARROW_FEW ? NARROW_LONG : NARROW_STEP) &&
         (k + VL) * FN(narrow_width)(n) * sizeof(REAL) <= FNN_SCRATCH_BYTES;
}

FNN_INLINE void FN(narrow_interleave)(REAL *to, size_t n, int width, size_t k, const REAL *from,
                                      ptrdiff_t lane) {
  for (size_t p = 0; p < k; p += VL) {
    const mask some = m_first(k - p);
    vec v[VL];
#pragma GCC unroll 16
    for (int j = 0; j < width; j++)
      v[j] = (size_t)j < n ? v_load_m(from + j * lane + p, some) : v_zero();
    FN(interleave)(v, width);
#pragma GCC unroll 16
    for (int j = 0; j < width; j++) v_store(to + p * (size_t)width + (size_t)j * VL, v[j]);
  }
}

/* Makes b's rows contiguous: `lane` from a column to the next, `step` from a row to the next. */
static __attribute__((noinline)) void FN(narrow_pack)(FN(narrow_state) * s, size_t n, REAL *to,
                                                      ptrdiff_t lane, ptrdiff_t step) {
  const size_t width = FN(narrow_width)(n);
  if (step != 1 || width > VL)
    FN(pack)(to, width, n, s->k, s->b, lane, step);
  else if (width == 2)
    FN(narrow_interleave)(to, n, 2, s->k, s->b, lane);
#if VL >= 4
  else if (width == 4)
    FN(narrow_interleave)(to, n, 4, s->k, s->b, lane);
#endif
#if VL >= 8
  else if (width == 8)
    FN(narrow_interleave)(to, n, 8, s->k, s->b, lane);
#endif
#if VL >= 16
  else
    FN(narrow_interleave)(to, n, 16, s->k, s->b, lane);
#endif
  s->b = to;
  s->b_step = (ptrdiff_t)width;
}

/* Whether this many rows and columns fit: a's columns are contiguous or, with a square to transpose,
 * a's rows; b's rows are contiguous or can be made so. */
static inline int FN(narrow_fits)(const fnn_call *call, size_t rows, size_t columns) {
  const ptrdiff_t *a = call->stride[1];
  return columns > 0 && columns <= NARROW_COLUMNS && rows >= VL &&
         (a[0] == 1 || (a[1] == 1 && call->dim[2] >= NARROW_STEP)) &&
         (call->stride[2][1] == 1 || columns == 1 || FN(narrow_packs)(call, columns)) &&
         !FN(matmul_precision)(call);
}

/* Few rows, where b lies column by column */
static inline int FN(narrow_fits_across)(const fnn_call *call, size_t rows, size_t columns) {
  const ptrdiff_t *b = call->stride[2];
  return rows > 0 && rows <= NARROW_COLUMNS && b[0] == 1 && b[1] != 1 && columns >= VL &&
         (!call->array[3] || call->stride[3][0] == 1) && FN(narrow_packs)(call, rows) &&
         !FN(matmul_precision)(call);
}

/* The columns of so many that fill no vector and are better done apart, at the end */
static inline size_t FN(narrow_rest)(const fnn_call *call, size_t rows, size_t columns) {
  const size_t rest = columns % VL;
  return columns > VL && rest <= NARROW_REST && call->dim[2] >= NARROW_LONG &&
                 FN(narrow_fits)(call, rows, rest)
             ? rest
             : 0;
}

static void FN(narrow_finish)(const fnn_call *call, const FN(narrow_state) * s, size_t row,
                              size_t rows, size_t column, size_t columns) {
  FN(matmul_tile) t = {.out = s->out, .out_row = s->out_row, .y_row = call->stride[4][0]};
  if (call->array[4]) t.y = (const REAL *)call->array[4] + (ptrdiff_t)row * t.y_row + column;
  if (s->out_row == (ptrdiff_t)columns && (!t.y || t.y_row == (ptrdiff_t)columns))
    FN(matmul_epilogue)(call, &t, 1, rows * columns);
  else
    FN(matmul_epilogue)(call, &t, rows, columns);
}

/* A rectangle that fits: a's rows in the lanes, times a few columns of b. */
static void FN(narrow_product)(const fnn_call *call, size_t row, size_t rows, size_t column,
                               size_t columns, REAL *scratch) {
  const ptrdiff_t *a = call->stride[1], *b = call->stride[2];
  FN(narrow_state) s = {.k = call->dim[2], .a_row = a[0], .a_step = a[1], .b_step = b[0]};
  s.a = FN(matmul_at)(call, 1, row, 0);
  s.b = FN(matmul_at)(call, 2, 0, column);
  s.bias_step = call->stride[3][0];
  if (call->array[3]) s.bias = (const REAL *)call->array[3] + (ptrdiff_t)column * s.bias_step;
  s.out_row = call->stride[0][0];
  s.out = (REAL *)call->array[0] + (ptrdiff_t)row * s.out_row + column;
  if (b[1] != 1 && columns > 1) FN(narrow_pack)(&s, columns, scratch, b[1], b[0]);
  FN(narrow_run)(&s, rows, columns);
  if (call->attr[0] || call->attr[1]) FN(narrow_finish)(call, &s, row, rows, column, columns);
}

/* A rectangle that fits across: b's columns in the lanes, times a few rows of a, which are packed. */
static void FN(narrow_across)(const fnn_call *call, size_t row, size_t rows, size_t column,
                              size_t columns, REAL *scratch) {
  const ptrdiff_t *a = call->stride[1], *b = call->stride[2];
  FN(narrow_state) s = {.k = call->dim[2], .a_row = b[1], .a_step = 1, .across = 1};
  s.a = FN(matmul_at)(call, 2, 0, column);
  s.b = FN(matmul_at)(call, 1, row, 0);
  s.b_step = a[1];
  if (call->array[3]) s.bias = (const REAL *)call->array[3] + column;
  s.out_row = call->stride[0][0];
  s.out = (REAL *)call->array[0] + (ptrdiff_t)row * s.out_row + column;
  if (a[0] != 1 && rows > 1) FN(narrow_pack)(&s, rows, scratch, a[0], a[1]);
  FN(narrow_run)(&s, columns, rows);
  if (call->attr[0] || call->attr[1]) FN(narrow_finish)(call, &s, row, rows, column, columns);
}

#undef NARROW_LOW
#undef NARROW_HIGH
#undef NARROW_EVEN
#undef NARROW_ODD
#undef NARROW_THREE

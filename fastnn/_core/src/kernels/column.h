/* Products with one column: rows that lie in memory one after another, times a vector. Once per
 * REAL, for matmul.h; a table of one lane has no use for it.
 *
 * The lanes are rows, so each sum is the chain over k that it is elsewhere. Squares of a are
 * transposed on their way into it, in registers. */

#define COLUMN_STEP (VL / 2)                          /* columns of a at a time */
#define COLUMN_SETS (VL * sizeof(REAL) == 64 ? 2 : 1) /* of rows, COLUMN_STEP together */
#define COLUMN_CORNER (VL / 2 / (int)COLUMN_SETS)     /* side of what one lane group holds */

/* Interleaves a and b within each group of COLUMN_CORNER lanes: the low, the high halves. */
#if VL == 16
#define COLUMN_LOW 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define COLUMN_HIGH 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define COLUMN_EVEN 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define COLUMN_ODD 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#elif VL == 8 && REAL_IS_DOUBLE
#define COLUMN_LOW 0, 8, 2, 10, 4, 12, 6, 14
#define COLUMN_HIGH 1, 9, 3, 11, 5, 13, 7, 15
#define COLUMN_EVEN 0, 1, 4, 5, 8, 9, 12, 13
#define COLUMN_ODD 2, 3, 6, 7, 10, 11, 14, 15
#elif VL == 8
#define COLUMN_LOW 0, 8, 1, 9, 4, 12, 5, 13
#define COLUMN_HIGH 2, 10, 3, 11, 6, 14, 7, 15
#elif VL == 4
#define COLUMN_LOW 0, 4, 2, 6
#define COLUMN_HIGH 1, 5, 3, 7
#else
#define COLUMN_LOW 0, 2
#define COLUMN_HIGH 1, 3
#endif

/* v[j] = column j of VL rows, j < COLUMN_STEP: half rows are loaded in pairs, so that each group of
 * lanes holds a corner of COLUMN_CORNER rows, which shuffles within the groups transpose. */
FNN_INLINE void FN(column_load)(vec *v, const REAL *a, ptrdiff_t row) {
  vec x[COLUMN_SETS][COLUMN_CORNER], y[COLUMN_CORNER];
#pragma GCC unroll 2
  for (int s = 0; s < (int)COLUMN_SETS; s++) {
#pragma GCC unroll 4
    for (int i = 0; i < COLUMN_CORNER; i++) {
      const REAL *from = a + (s * COLUMN_STEP + i) * row;
      x[s][i] = v_load_pair(from, from + COLUMN_CORNER * row);
    }
#pragma GCC unroll 2
    for (int stage = 1; stage < COLUMN_CORNER; stage *= 2) {
#pragma GCC unroll 2
      for (int i = 0; i < COLUMN_CORNER / 2; i++) {
        const vec low = x[s][i], high = x[s][i + COLUMN_CORNER / 2];
        y[2 * i] = PACK_SHUFFLE(low, high, COLUMN_LOW);
        y[2 * i + 1] = PACK_SHUFFLE(low, high, COLUMN_HIGH);
      }
#pragma GCC unroll 4
      for (int i = 0; i < COLUMN_CORNER; i++) x[s][i] = y[i];
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < COLUMN_CORNER; i++) {
#ifdef COLUMN_EVEN
    v[i] = PACK_SHUFFLE(x[0][i], x[1][i], COLUMN_EVEN);
    v[i + COLUMN_CORNER] = PACK_SHUFFLE(x[0][i], x[1][i], COLUMN_ODD);
#else
    v[i] = x[0][i];
#endif
  }
}

/* sum + VL rows of a times b, the first `count` columns of COLUMN_STEP. */
FNN_INLINE vec FN(column_add)(vec sum, const REAL *a, ptrdiff_t row, const REAL *b, int count) {
  vec v[COLUMN_STEP];
  FN(column_load)(v, a, row);
#pragma GCC unroll 8
  for (int j = 0; j < COLUMN_STEP; j++)
    if (j < count) sum = v_fma(v_set1(b[j]), v[j], sum);
  return sum;
}

/* The last columns, fewer than COLUMN_STEP, by way of memory */
static vec FN(column_rest)(vec sum, const REAL *a, ptrdiff_t row, const REAL *b, size_t count) {
  REAL part[VL * COLUMN_STEP + VL];
  const mask some = m_first(count);
  for (int i = 0; i < VL; i++) v_store(part + i * COLUMN_STEP, v_load_m(a + i * row, some));
  return FN(column_add)(sum, part, COLUMN_STEP, b, (int)count);
}

/* out[i] for VL rows from first[0] on, and with two vectors, which hide the latency of the chains,
 * from first[1] on; without the epilogue */
FNN_INLINE void FN(column_rows)(const fnn_call *call, const size_t *first, int vectors) {
  const size_t k = call->dim[2];
  const ptrdiff_t row = call->stride[1][0];
  const REAL *x = call->array[1], *b = call->array[2], *bias = call->array[3];
  const REAL *const a[2] = {x + (ptrdiff_t)first[0] * row, x + (ptrdiff_t)first[1] * row};
  vec sum[2], total[2] = {v_zero(), v_zero()};
  size_t at = 0;
  do {
    const size_t depth = size_min(MATMUL_K_BLOCK, k - at), rest = depth % COLUMN_STEP;
    for (int j = 0; j < vectors; j++) sum[j] = at || !bias ? v_zero() : v_set1(*bias);
    for (size_t p = at; p < at + depth - rest; p += COLUMN_STEP)
#pragma GCC unroll 2
      for (int j = 0; j < vectors; j++)
        sum[j] = FN(column_add)(sum[j], a[j] + p, row, b + p, COLUMN_STEP);
    at += depth;
    for (int j = 0; j < vectors; j++) {
      if (rest) sum[j] = FN(column_rest)(sum[j], a[j] + at - rest, row, b + at - rest, rest);
      total[j] = at <= MATMUL_K_BLOCK ? sum[j] : v_add(total[j], sum[j]);
    }
  } while (at < k);
  for (int j = 0; j < vectors; j++) v_store((REAL *)call->array[0] + first[j], total[j]);
}

static inline int FN(column_fits)(const fnn_call *call, size_t rows) {
  return rows >= VL && call->stride[1][1] == 1 && call->stride[2][0] == 1;
}

/* Rows begin..end. The last vectors begin earlier where they would go beyond the end: the same
 * sums are then made and stored twice. Strides of 4096 bytes put all rows into one set of the
 * cache, which two vectors of rows would overflow. */
static void FN(column_product)(const fnn_call *call, size_t begin, size_t end) {
  const size_t apart = (size_t)call->stride[1][0] * sizeof(REAL);
  const size_t step = apart % 4096 ? 2 * VL : VL;
  for (size_t i = begin; i < end; i += step) {
    const size_t first[2] = {size_min(i, end - VL), size_min(i + step - VL, end - VL)};
    if (first[1] > first[0])
      FN(column_rows)(call, first, 2);
    else
      FN(column_rows)(call, first, 1);
  }
  FN(matmul_tile) t = {.out = (REAL *)call->array[0] + begin};
  if (call->array[4]) t.y = (const REAL *)call->array[4] + begin;
  if (call->attr[0] || call->attr[1]) FN(matmul_epilogue)(call, &t, 1, end - begin);
}

#undef COLUMN_LOW
#undef COLUMN_HIGH
#undef COLUMN_EVEN
#undef COLUMN_ODD

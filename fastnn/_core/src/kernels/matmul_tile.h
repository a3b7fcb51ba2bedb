/* The register tile of products, and what is done to a finished one. Once per REAL, for matmul.h. */
#include <stddef.h>

#include "matmul_cut.h"

/* Loads and stores stay on their side of it; it costs no instruction. */
#define MATMUL_FENCE __asm__ volatile("" : : : "memory")

/* One register tile. A stride counts elements: a_row from a row of a to the next, a_step and
 * b_step from one k to the next. */
typedef struct {
  size_t depth; /* the number of k's */
  const REAL *a, *b;
  ptrdiff_t a_row, a_step, b_step;
  const REAL *bias; /* start of the sums, NULL: 0 */
  REAL *out;
  const REAL *y;
  ptrdiff_t out_row, y_row;
  mask last; /* columns of the last vector */
  int fetch; /* out comes closer while the sums are made */
  int add;   /* out holds the partial sums of earlier k's */
  int relu, relu_grad;
} FN(matmul_tile);

/* The register tile: rows <= MATMUL_ROWS, vectors <= MATMUL_VECTORS and the kind of a (`column`:
 * a_row is 1; otherwise a_step is 1) are constants at every call, so all loops are unrolled. */
FNN_INLINE void FN(matmul_body)(const FN(matmul_tile) * t, int rows, int vectors, int column) {
  const ptrdiff_t a_row = column ? 1 : t->a_row, a_step = column ? t->a_step : 1;
  const int group = column ? MATMUL_ROWS : 3; /* rows per pointer: x86 adds index * 4 or * 8 */
  const ptrdiff_t out_row = t->out_row, y_row = t->y_row;
  const mask last = t->last;
  const REAL *a[MATMUL_ROWS], *b = t->b;
  vec sum[MATMUL_ROWS][MATMUL_VECTORS], bj[MATMUL_VECTORS];
#pragma GCC unroll 3
  for (int j = 0; j < vectors; j++) {
    const mask m = j + 1 < vectors ? m_first(VL) : last;
    const vec start = t->bias ? v_load_m(t->bias + j * VL, m) : v_zero();
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) sum[i][j] = start;
  }
#pragma GCC unroll 14
  for (int i = 0; i < rows; i += group) a[i / group] = t->a + i * a_row;
  if (t->fetch) {
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 3
      for (int j = 0; j < vectors; j++) v_prefetch(t->out + i * out_row + j * VL);
  }
  for (size_t p = t->depth; p > 0; p--) {
#pragma GCC unroll 3
    for (int j = 0; j < vectors; j++)
      bj[j] = MATMUL_WHOLE || j + 1 < vectors ? v_load(b + j * VL) : v_load_m(b + j * VL, last);
    b += t->b_step;
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
      const vec ai = v_set1(a[i / group][i % group * a_row]);
#pragma GCC unroll 3
      for (int j = 0; j < vectors; j++) sum[i][j] = v_fma(ai, bj[j], sum[i][j]);
      if (MATMUL_WHOLE && i % 4 == 3) MATMUL_FENCE; /* more of a at once would spill sums */
    }
    if (VL == 1) MATMUL_FENCE; /* else gcc 12 makes vectors of k's and reads beyond the last */
#pragma GCC unroll 14
    for (int i = 0; i < rows; i += group) a[i / group] += a_step;
  }
#define EACH_SUM                                                                                  \
  _Pragma("GCC unroll 14") for (int i = 0; i < rows; i++)                                         \
      _Pragma("GCC unroll 3") for (int j = 0; j < vectors; j++)
#define LANES (j + 1 < vectors ? m_first(VL) : last)
  REAL *out = t->out;
  const REAL *y = t->y;
  if (t->add) EACH_SUM sum[i][j] = v_add(v_load_m(out + i * out_row + j * VL, LANES), sum[i][j]);
  if (t->relu) EACH_SUM sum[i][j] = v_relu(sum[i][j]);
  if (t->relu_grad)
    EACH_SUM sum[i][j] = v_relu_grad(sum[i][j], v_load_m(y + i * y_row + j * VL, LANES));
  EACH_SUM if (j + 1 < vectors) v_store(out + i * out_row + j * VL, sum[i][j]);
  else v_store_m(out + i * out_row + j * VL, sum[i][j], last);
#undef EACH_SUM
#undef LANES
}

#define MATMUL_DEFINE_ONE(rows, vectors)                                                          \
  static void FN(matmul_##rows##_##vectors##_row)(const FN(matmul_tile) * t) {                    \
    FN(matmul_body)(t, rows, vectors, 0);                                                         \
  }                                                                                               \
  static void FN(matmul_##rows##_##vectors##_column)(const FN(matmul_tile) * t) {                 \
    FN(matmul_body)(t, rows, vectors, 1);                                                         \
  }
#define MATMUL_ENTRY_ONE(rows, vectors)                                                           \
  {FN(matmul_##rows##_##vectors##_row), FN(matmul_##rows##_##vectors##_column)},
#if MATMUL_VECTORS == 3
#define MATMUL_EACH_VECTOR(X, rows) X(rows, 1) X(rows, 2) X(rows, 3)
#else
#define MATMUL_EACH_VECTOR(X, rows) X(rows, 1) X(rows, 2)
#endif
#define MATMUL_DEFINE(rows) MATMUL_EACH_VECTOR(MATMUL_DEFINE_ONE, rows)
#define MATMUL_ENTRY(rows) {MATMUL_EACH_VECTOR(MATMUL_ENTRY_ONE, rows)},
MATMUL_EACH_ROW(MATMUL_DEFINE)
static void (*const FN(matmul_bodies)[MATMUL_ROWS][MATMUL_VECTORS][2])(const FN(matmul_tile) *) = {
    MATMUL_EACH_ROW(MATMUL_ENTRY)};

/* One vector of the result through the long epilogues: the functions of the elementwise rows. */
FNN_INLINE vec FN(matmul_finish)(vec z, vec y, int activation, int derivative) {
  switch (activation) {
    case FNN_RELU:
      z = v_relu(z);
      break;
    case FNN_SIGMOID:
      z = v_sigmoid(z);
      break;
    case FNN_TANH:
      z = v_tanh(z);
      break;
  }
  switch (derivative) {
    case FNN_RELU:
      return v_relu_grad(z, y);
    case FNN_SIGMOID:
      return v_sigmoid_grad(z, y);
    case FNN_TANH:
      return v_tanh_grad(z, y);
  }
  return z;
}

static void FN(matmul_epilogue)(const fnn_call *call, const FN(matmul_tile) * t, size_t rows,
                                size_t columns) {
  const int activation = (int)call->attr[0], derivative = (int)call->attr[1];
  for (size_t i = 0; i < rows; i++) {
    REAL *out = t->out + (ptrdiff_t)i * t->out_row;
    const REAL *y = derivative ? t->y + (ptrdiff_t)i * t->y_row : NULL;
    for (size_t j = 0; j < columns; j += VL) {
      const mask m = m_first(columns - j);
      const vec z = v_load_m(out + j, m), dy = derivative ? v_load_m(y + j, m) : v_zero();
      v_store_m(out + j, FN(matmul_finish)(z, dy, activation, derivative), m);
    }
  }
}

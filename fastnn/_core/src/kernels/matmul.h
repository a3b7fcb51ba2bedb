/* Matrix products. Included once per REAL, after simd/<isa>.h and simd/vmath.h.
 *
 * Three levels, as in Goto & van de Geijn (2008) and BLIS: blocks of k and of rows of a, panels of
 * columns of b, and below them one register tile of MATMUL_ROWS x (MATMUL_VECTORS * VL) sums.
 * Neither the tile nor the packing decides any bit of the result.
 */
#include "pack.h"
#include "tiles.h"

#define MATMUL_K_BLOCK ((size_t)256)     /* part of the numerics: the same everywhere */
#define MATMUL_A_BYTES ((size_t)516096)  /* a packed block of a: 504 rows of float, half of L2 */
#define MATMUL_SMALL ((size_t)32768)     /* multiply-adds not worth a second tile */
#define MATMUL_MAX_TILES ((size_t)64)
#define MATMUL_VECTORS 2
#define MATMUL_COLUMNS (MATMUL_VECTORS * VL)

/* As many rows as leave registers for MATMUL_VECTORS of b and one of a. */
#if VL * (REAL_IS_DOUBLE ? 8 : 4) == 64
#define MATMUL_ROWS 14
#define MATMUL_EACH_ROW(X) \
  X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif VL > 1
#define MATMUL_ROWS 6
#define MATMUL_EACH_ROW(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#define MATMUL_ROWS 4
#define MATMUL_EACH_ROW(X) X(1) X(2) X(3) X(4)
#endif

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
  int add;   /* add to out, a partial sum of earlier k's */
  int relu, relu_grad;
} FN(matmul_tile);

/* The register tile: rows <= MATMUL_ROWS, vectors <= MATMUL_VECTORS and the kind of a (`column`:
 * a_row is 1; otherwise a_step is 1) are constants at every call, so all loops are unrolled. */
FNN_INLINE void FN(matmul_body)(const FN(matmul_tile) *t, int rows, int vectors, int column) {
  const ptrdiff_t a_row = column ? 1 : t->a_row, a_step = column ? t->a_step : 1;
  const int group = column ? MATMUL_ROWS : 3; /* rows per pointer: x86 adds index * 4 or * 8 */
  const ptrdiff_t out_row = t->out_row, y_row = t->y_row;
  const mask last = t->last;
  const REAL *a[MATMUL_ROWS], *b = t->b;
  vec sum[MATMUL_ROWS][MATMUL_VECTORS], bj[MATMUL_VECTORS];
#pragma GCC unroll 2
  for (int j = 0; j < vectors; j++) {
    const mask m = j + 1 < vectors ? m_first(VL) : last;
    const vec start = t->bias ? v_load_m(t->bias + j * VL, m) : v_zero();
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) sum[i][j] = start;
  }
#pragma GCC unroll 14
  for (int i = 0; i < rows; i += group) a[i / group] = t->a + i * a_row;
  if (t->depth > 64) { /* out is on its way while the sums are made */
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
      for (int j = 0; j < vectors; j++) v_prefetch(t->out + i * out_row + j * VL);
  }
  for (size_t p = t->depth; p > 0; p--) {
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++)
      bj[j] = j + 1 < vectors ? v_load(b + j * VL) : v_load_m(b + j * VL, last);
    b += t->b_step;
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
      const vec ai = v_set1(a[i / group][i % group * a_row]);
#pragma GCC unroll 2
      for (int j = 0; j < vectors; j++) sum[i][j] = v_fma(ai, bj[j], sum[i][j]);
    }
#pragma GCC unroll 14
    for (int i = 0; i < rows; i += group) a[i / group] += a_step;
  }
#define EACH_SUM                          \
  _Pragma("GCC unroll 14")                \
  for (int i = 0; i < rows; i++)          \
    _Pragma("GCC unroll 2")               \
    for (int j = 0; j < vectors; j++)
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

#define MATMUL_DEFINE(rows)                                                                     \
  static void FN(matmul_##rows##_1_row)(const FN(matmul_tile) *t) {                             \
    FN(matmul_body)(t, rows, 1, 0);                                                             \
  }                                                                                             \
  static void FN(matmul_##rows##_2_row)(const FN(matmul_tile) *t) {                             \
    FN(matmul_body)(t, rows, 2, 0);                                                             \
  }                                                                                             \
  static void FN(matmul_##rows##_1_column)(const FN(matmul_tile) *t) {                          \
    FN(matmul_body)(t, rows, 1, 1);                                                             \
  }                                                                                             \
  static void FN(matmul_##rows##_2_column)(const FN(matmul_tile) *t) {                          \
    FN(matmul_body)(t, rows, 2, 1);                                                             \
  }
#define MATMUL_ENTRY(rows)                                        \
  {{FN(matmul_##rows##_1_row), FN(matmul_##rows##_1_column)},     \
   {FN(matmul_##rows##_2_row), FN(matmul_##rows##_2_column)}},
MATMUL_EACH_ROW(MATMUL_DEFINE)
static void (*const FN(matmul_bodies)[MATMUL_ROWS][MATMUL_VECTORS][2])(const FN(matmul_tile) *) = {
    MATMUL_EACH_ROW(MATMUL_ENTRY)};

/* One vector of the result through the long epilogues: the functions of the elementwise rows. */
FNN_INLINE vec FN(matmul_finish)(vec z, vec y, int activation, int derivative) {
  switch (activation) {
    case FNN_RELU: z = v_relu(z); break;
    case FNN_SIGMOID: z = v_sigmoid(z); break;
    case FNN_TANH: z = v_tanh(z); break;
  }
  switch (derivative) {
    case FNN_RELU: return v_relu_grad(z, y);
    case FNN_SIGMOID: return v_sigmoid_grad(z, y);
    case FNN_TANH: return v_tanh_grad(z, y);
  }
  return z;
}

static void FN(matmul_epilogue)(const fnn_call *call, const FN(matmul_tile) *t, size_t rows,
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

/* What is fixed over a rectangle of the result. */
typedef struct {
  const fnn_call *call;
  size_t row, rows, column, columns; /* the rectangle */
  int pack_a, pack_b, ahead, relu, relu_grad, epilogue;
  REAL *panel, *block; /* scratch: a panel of b, a block of a */
} FN(matmul_plan);

/* Rows row..row + rows of one panel of columns, k's at..at + t->depth; t holds b, bias, last. */
static void FN(matmul_panel)(const FN(matmul_plan) *s, FN(matmul_tile) *t, size_t at, size_t row,
                             size_t rows, size_t column, size_t columns, const REAL *next) {
  const fnn_call *call = s->call;
  const ptrdiff_t *a_stride = call->stride[1];
  const size_t tiles = blocks_over(rows, MATMUL_ROWS), height = rows / tiles, taller = rows % tiles;
  const int column_a = s->pack_a || (a_stride[0] == 1 && a_stride[1] != 1);
  size_t i = row;
  for (size_t tile = 0; tile < tiles; tile++) {
    const size_t here = height + (tile < taller);
    if (s->pack_a) {
      t->a = s->block + (i - row) * t->depth;
      t->a_step = (ptrdiff_t)here;
    } else {
      t->a = (const REAL *)call->array[1] + (ptrdiff_t)i * a_stride[0] + (ptrdiff_t)at * a_stride[1];
    }
    t->out = (REAL *)call->array[0] + (ptrdiff_t)i * t->out_row + column;
    if (t->y_row || call->array[4])
      t->y = (const REAL *)call->array[4] + (ptrdiff_t)i * t->y_row + column;
    if (next) {
      const size_t from = t->depth * tile / tiles, to = t->depth * (tile + 1) / tiles;
      for (size_t p = from; p < to; p++) {
        v_prefetch(next + (ptrdiff_t)p * call->stride[2][0]);
        v_prefetch(next + (ptrdiff_t)p * call->stride[2][0] + VL);
      }
    }
    FN(matmul_bodies)[here - 1][columns > VL][column_a](t);
    if (s->epilogue && at + t->depth == call->dim[2])
      FN(matmul_epilogue)(call, t, here, columns);
    i += here;
  }
}

static void FN(matmul_pack_a)(const FN(matmul_plan) *s, size_t at, size_t depth, size_t row,
                              size_t rows) {
  const ptrdiff_t *stride = s->call->stride[1];
  const REAL *a = (const REAL *)s->call->array[1] + (ptrdiff_t)at * stride[1];
  const size_t tiles = blocks_over(rows, MATMUL_ROWS), height = rows / tiles, taller = rows % tiles;
  size_t i = 0;
  for (size_t tile = 0; tile < tiles; tile++) {
    const size_t here = height + (tile < taller);
    FN(pack)(s->block + i * depth, here, here, depth, a + (ptrdiff_t)(row + i) * stride[0],
             stride[0], stride[1]);
    i += here;
  }
}

/* A block of rows, all columns of the rectangle, k's at..at + depth. */
static void FN(matmul_block)(const FN(matmul_plan) *s, FN(matmul_tile) *t, size_t at, size_t row,
                             size_t rows) {
  const fnn_call *call = s->call;
  const ptrdiff_t *b_stride = call->stride[2], bias_stride = call->stride[3][0];
  const size_t last = s->column + s->columns;
  const int done = at + t->depth == call->dim[2];
  REAL bias[MATMUL_COLUMNS];
  t->add = at > 0;
  t->relu = done && s->relu;
  t->relu_grad = done && s->relu_grad;
  if (s->pack_a) FN(matmul_pack_a)(s, at, t->depth, row, rows);
  for (size_t j = s->column; j < last; j += MATMUL_COLUMNS) {
    const size_t columns = size_min(MATMUL_COLUMNS, last - j);
    const REAL *b = (const REAL *)call->array[2] + (ptrdiff_t)at * b_stride[0] +
                    (ptrdiff_t)j * b_stride[1];
    t->last = m_first(columns > VL ? columns - VL : columns);
    t->b = b;
    t->b_step = b_stride[0];
    if (s->pack_b) {
      t->b = s->panel;
      t->b_step = columns > VL ? MATMUL_COLUMNS : VL;
      FN(pack)(s->panel, (size_t)t->b_step, columns, t->depth, b, b_stride[1], b_stride[0]);
    }
    t->bias = NULL;
    if (call->array[3] && at == 0) {
      t->bias = (const REAL *)call->array[3] + (ptrdiff_t)j * bias_stride;
      if (bias_stride != 1) {
        for (size_t c = 0; c < columns; c++) bias[c] = t->bias[(ptrdiff_t)c * bias_stride];
        t->bias = bias;
      }
    }
    FN(matmul_panel)(s, t, at, row, rows, j, columns, s->pack_b && b_stride[1] == 1 && j + MATMUL_COLUMNS < last ? b + MATMUL_COLUMNS : NULL);
  }
}

/* A rectangle of the result: blocks of rows, then blocks of k, then panels of columns. */
static void FN(matmul_rectangle)(const fnn_call *call, size_t row, size_t rows, size_t column,
                                 size_t columns, void *scratch) {
  const size_t k = call->dim[2], depth = size_min(k, MATMUL_K_BLOCK);
  const ptrdiff_t *a = call->stride[1], *b = call->stride[2];
  FN(matmul_plan) s = {.call = call, .row = row, .rows = rows, .column = column, .columns = columns};
  s.panel = scratch;
  s.block = s.panel + MATMUL_K_BLOCK * MATMUL_COLUMNS + VL;
  s.pack_a = (a[1] != 1 && a[0] != 1) || 0 ||
             (columns >= 2 * MATMUL_COLUMNS && a[1] == 1 && k > VL &&
              (size_t)a[0] * sizeof(REAL) % 4096 == 0);
  s.pack_b = b[1] != 1 || (rows > 2 * MATMUL_ROWS && (size_t)b[0] * depth * sizeof(REAL) > 16384);
  const int activation = (int)call->attr[0], derivative = (int)call->attr[1];
  s.relu = activation == FNN_RELU && !derivative;
  s.relu_grad = derivative == FNN_RELU && !activation;
  s.epilogue = (activation || derivative) && !s.relu && !s.relu_grad;
  FN(matmul_tile) t = {.a_row = a[0], .a_step = a[1], .out_row = call->stride[0][0],
                       .y_row = call->stride[4][0]};
  const size_t most = MATMUL_A_BYTES / sizeof(REAL) / MATMUL_K_BLOCK;
  const size_t blocks = s.pack_a ? blocks_over(rows, most) : 1;
  for (size_t i = 0; i < blocks; i++) {
    const size_t from = rows * i / blocks, to = rows * (i + 1) / blocks;
    size_t at = 0;
    do { /* once for k = 0 too */
      t.depth = size_min(MATMUL_K_BLOCK, k - at);
      FN(matmul_block)(&s, &t, at, row + from, to - from);
      at += t.depth;
    } while (at < k);
  }
}

/* How out is cut into tiles, panels of columns first. */
typedef struct {
  size_t rows, columns;           /* of a tile */
  size_t row_blocks, column_blocks;
} FN(matmul_grid);

static inline FN(matmul_grid) FN(matmul_cut)(const fnn_call *call) {
  const size_t m = call->dim[0], n = call->dim[1], k = call->dim[2];
  if (m == 0 || n == 0) return (FN(matmul_grid)){0, 0, 0, 0};
  const size_t tiles = size_min(size_max(m * n * k / MATMUL_SMALL, 1), MATMUL_MAX_TILES);
  const size_t panels = blocks_over(n, MATMUL_COLUMNS);
  FN(matmul_grid) g;
  g.columns = blocks_over(panels, size_min(panels, tiles)) * MATMUL_COLUMNS;
  g.column_blocks = blocks_over(n, g.columns);
  g.rows = blocks_over(m, blocks_over(tiles, g.column_blocks));
  g.rows = blocks_over(g.rows, MATMUL_ROWS) * MATMUL_ROWS;
  g.row_blocks = blocks_over(m, g.rows);
  return g;
}

static size_t FN(matmul_tiles)(const fnn_call *call) {
  const FN(matmul_grid) g = FN(matmul_cut)(call);
  return g.row_blocks * g.column_blocks;
}

/* matmul: product of two matrices with bias, activation and derivative.
 *
 *   z[i, j] = bias[j] + sum over p of a[i, p] * b[p, j]     0 <= i < m, 0 <= j < n, 0 <= p < k
 *   out[i, j] = activation(z[i, j]) * derivative(y[i, j])
 *
 * array: out (m, n) out, a (m, k) in, b (k, n) in, bias (n) in or NULL, y (m, n) in or NULL.
 * dim = (m, n, k). stride: a, b and bias any; out and y any from row to row, 1 within a row.
 * attr = (activation, derivative by the activation's own output y), enum fnn_activation.
 * out overlaps no other array; any alignment. The rectangle of adjacent tiles is done as one.
 * Each element is one chain of fused multiply-adds in the order of p, cut every 256: the first
 * piece starts at bias, a later one at 0 and is added. So the bits depend on neither tiles nor
 * layouts nor m and n: error <= gamma(k + k / 256 + 1) * (|bias| + |a| |b|), then the epilogue's.
 * 2 m n k flops; packing reads a and b once per panel and block.
 * Mirror: reference.matmul. Goto & van de Geijn, Anatomy of high-performance matrix
 * multiplication, 2008, sections 4-5; Van Zee & van de Geijn, BLIS, 2015, section 5.
 */
static void FN(matmul)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const FN(matmul_grid) g = FN(matmul_cut)(call);
  const size_t m = call->dim[0], n = call->dim[1];
  while (begin < end) {
    const size_t panel = begin / g.row_blocks, block = begin % g.row_blocks;
    size_t blocks = size_min(end - begin, g.row_blocks - block), panels = 1;
    if (blocks == g.row_blocks) panels = (end - begin) / blocks;
    const size_t row = block * g.rows, column = panel * g.columns;
    FN(matmul_rectangle)(call, row, size_min(m - row, blocks * g.rows), column,
                         size_min(n - column, panels * g.columns), scratch);
    begin += blocks * panels;
  }
}

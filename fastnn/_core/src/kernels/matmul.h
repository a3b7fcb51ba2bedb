/* Matrix products. Included once per REAL, after simd/<isa>.h and simd/vmath.h.
 *
 * Three levels, as in Goto & van de Geijn (2008) and BLIS: blocks of k and of rows of a, panels of
 * columns of b, and below them one register tile of MATMUL_ROWS x (MATMUL_VECTORS * VL) sums.
 * Neither the tile nor the packing decides any bit of the result.
 */
#include "pack.h"
#include "tiles.h"

#define MATMUL_K_BLOCK ((size_t)256)       /* part of the numerics: the same everywhere */
#define MATMUL_A_BYTES ((size_t)3 << 18)   /* a block of a, packed or not: most of a small L2 */
#define MATMUL_FAR_BYTES ((size_t)1 << 22) /* of out: tiles are fetched ahead beyond this */
#define MATMUL_SMALL ((size_t)32768)       /* multiply-adds not worth a second tile */
#define MATMUL_MAX_TILES ((size_t)64)
#define MATMUL_COLUMNS (MATMUL_VECTORS * VL)

/* As many rows as leave registers for MATMUL_VECTORS of b and one of a. With NEON lanes are masked
 * one by one: there columns that fill no vector are packed, and b is read in whole vectors. */
#define MATMUL_WHOLE (VL * sizeof(REAL) == 16)
#if VL * (REAL_IS_DOUBLE ? 8 : 4) == 64
#define MATMUL_ROWS 14
#define MATMUL_VECTORS 2
#define MATMUL_EACH_ROW(X)                                                                        \
  X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif VL * (REAL_IS_DOUBLE ? 8 : 4) == 32
#define MATMUL_ROWS 6
#define MATMUL_VECTORS 2
#define MATMUL_EACH_ROW(X) X(1) X(2) X(3) X(4) X(5) X(6)
#elif VL > 1
#define MATMUL_ROWS 8
#define MATMUL_VECTORS 3
#define MATMUL_EACH_ROW(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#else
#define MATMUL_ROWS 4
#define MATMUL_VECTORS 2
#define MATMUL_EACH_ROW(X) X(1) X(2) X(3) X(4)
#endif

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

static inline const REAL *FN(matmul_at)(const fnn_call *call, int array, size_t i, size_t j) {
  const ptrdiff_t *stride = call->stride[array];
  return (const REAL *)call->array[array] + (ptrdiff_t)i * stride[0] + (ptrdiff_t)j * stride[1];
}

#if VL > 1
#include "narrow.h"
#endif

/* Where the loops over one rectangle of the result are. */
typedef struct {
  const fnn_call *call;
  size_t row, rows;       /* a block of rows */
  size_t column, columns; /* a panel of columns */
  size_t at;              /* first k of a block, tile.depth is its length */
  int pack_a, pack_b;
  int relu, relu_grad, epilogue; /* the last step: one of two in registers, or another */
  REAL *panel, *block;           /* scratch: a panel of b, a block of a */
  FN(matmul_tile) tile;
} FN(matmul_state);

/* A block of rows is cut evenly into register tiles: the first few are one row taller. */
static inline size_t FN(matmul_height)(size_t rows, size_t tiles, size_t tile) {
  return rows / tiles + (tile < rows % tiles);
}

static void FN(matmul_pack_a)(const FN(matmul_state) * s) {
  const ptrdiff_t *stride = s->call->stride[1];
  const size_t rows = s->rows, tiles = blocks_over(rows, MATMUL_ROWS), depth = s->tile.depth;
  for (size_t tile = 0, i = 0, height; tile < tiles; tile++, i += height) {
    height = FN(matmul_height)(rows, tiles, tile);
    FN(pack)(s->block + i * depth, height, height, depth,
             FN(matmul_at)(s->call, 1, s->row + i, s->at), stride[0], stride[1]);
  }
}

/* One block of rows times one panel of columns, over one block of k. */
static void FN(matmul_panel)(FN(matmul_state) * s) {
  const fnn_call *call = s->call;
  FN(matmul_tile) *t = &s->tile;
  const size_t rows = s->rows, tiles = blocks_over(rows, MATMUL_ROWS);
  const int epilogue = s->epilogue && s->at + t->depth == call->dim[2];
  const int column = s->pack_a || (call->stride[1][0] == 1 && call->stride[1][1] != 1);
  const size_t vectors = blocks_over(s->columns, VL);
  for (size_t tile = 0, i = 0, height; tile < tiles; tile++, i += height) {
    height = FN(matmul_height)(rows, tiles, tile);
    t->a = s->pack_a ? s->block + i * t->depth : FN(matmul_at)(call, 1, s->row + i, s->at);
    if (s->pack_a) t->a_step = (ptrdiff_t)height;
    t->out = (REAL *)call->array[0] + (ptrdiff_t)(s->row + i) * t->out_row + s->column;
    if (call->array[4])
      t->y = (const REAL *)call->array[4] + (ptrdiff_t)(s->row + i) * t->y_row + s->column;
    FN(matmul_bodies)[height - 1][vectors - 1][column](t);
    if (epilogue) FN(matmul_epilogue)(call, t, height, s->columns);
  }
}

/* One block of rows and one of k, all panels of columns from `begin` to `end`. */
static void FN(matmul_block)(FN(matmul_state) * s, size_t begin, size_t end) {
  const fnn_call *call = s->call;
  const ptrdiff_t *stride = call->stride[2], bias_stride = call->stride[3][0];
  FN(matmul_tile) *t = &s->tile;
  REAL bias[MATMUL_COLUMNS];
  if (s->pack_a) FN(matmul_pack_a)(s);
  for (size_t j = begin; j < end; j += MATMUL_COLUMNS) {
    s->column = j;
    s->columns = size_min(MATMUL_COLUMNS, end - j);
    const size_t width = blocks_over(s->columns, VL) * VL;
    t->last = m_first(s->columns + VL - width);
    t->b = FN(matmul_at)(call, 2, s->at, j);
    t->b_step = stride[0];
    if (s->pack_b || (MATMUL_WHOLE && s->columns < width)) {
      t->b_step = (ptrdiff_t)width;
      FN(pack)(s->panel, width, s->columns, t->depth, t->b, stride[1], stride[0]);
      t->b = s->panel;
    }
    t->bias = NULL;
    if (call->array[3] && s->at == 0) {
      t->bias = (const REAL *)call->array[3] + (ptrdiff_t)j * bias_stride;
      if (bias_stride != 1) {
        for (size_t c = 0; c < s->columns; c++) bias[c] = t->bias[(ptrdiff_t)c * bias_stride];
        t->bias = bias;
      }
    }
    FN(matmul_panel)(s);
  }
}

/* What to pack, and where the epilogue goes. Packing pays where it stops cache lines of one set
 * from driving each other out, and where an operand is not contiguous in the way it is read. */
static inline FN(matmul_state)
    FN(matmul_plan)(const fnn_call *call, size_t rows, size_t columns, REAL *scratch) {
  const ptrdiff_t *a = call->stride[1], *b = call->stride[2];
  const size_t n = call->dim[1], k = call->dim[2], depth = size_min(k, MATMUL_K_BLOCK);
  const int activation = (int)call->attr[0], derivative = (int)call->attr[1];
  FN(matmul_state) s = {.call = call, .panel = scratch};
  s.block = s.panel + MATMUL_K_BLOCK * MATMUL_COLUMNS + VL;
  const size_t apart = (size_t)(a[1] == 1 ? a[0] : a[1]) * sizeof(REAL);
  s.pack_a = (a[1] != 1 && a[0] != 1) ||
             (apart % 4096 == 0 && k > VL && rows > MATMUL_ROWS && columns > MATMUL_COLUMNS);
  s.pack_b = b[1] != 1 || (rows > 2 * MATMUL_ROWS && (size_t)b[0] * depth * sizeof(REAL) > 16384);
  s.relu = activation == FNN_RELU && !derivative;
  s.relu_grad = derivative == FNN_RELU && !activation;
  s.epilogue = (activation || derivative) && !s.relu && !s.relu_grad;
  s.tile.a_row = a[0];
  s.tile.a_step = a[1];
  s.tile.out_row = call->stride[0][0];
  s.tile.y_row = call->stride[4][0];
  s.tile.fetch = rows * n * sizeof(REAL) > MATMUL_FAR_BYTES;
  return s;
}

/* A rectangle of the result: blocks of rows, then blocks of k, then panels of columns. */
static void FN(matmul_rectangle)(const fnn_call *call, size_t row, size_t rows, size_t column,
                                 size_t columns, void *scratch) {
#if VL > 1
  if (columns == call->dim[1] && FN(narrow_fits)(call, rows)) {
    FN(narrow_product)(call, row, row + rows);
    return;
  }
#endif
  const size_t k = call->dim[2], depth = size_max(size_min(k, MATMUL_K_BLOCK), 1);
  const size_t blocks = blocks_over(rows, MATMUL_A_BYTES / sizeof(REAL) / depth);
  FN(matmul_state) s = FN(matmul_plan)(call, rows, columns, scratch);
  FN(matmul_tile) *t = &s.tile;
  for (size_t i = 0; i < blocks; i++) {
    s.row = row + rows * i / blocks;
    s.rows = row + rows * (i + 1) / blocks - s.row;
    s.at = 0;
    do { /* once for k = 0 too */
      t->depth = size_min(MATMUL_K_BLOCK, k - s.at);
      t->add = s.at > 0;
      t->relu = s.relu && s.at + t->depth == k;
      t->relu_grad = s.relu_grad && s.at + t->depth == k;
      FN(matmul_block)(&s, column, column + columns);
      s.at += t->depth;
    } while (s.at < k);
  }
}

/* A result of one column that narrow.h does not take is better made as a row: out^T = b^T a^T. */
static inline int FN(matmul_is_column)(const fnn_call *call) {
  return call->dim[1] == 1 && call->dim[0] > 1 && call->stride[0][0] == 1 &&
         (!call->array[4] || call->stride[4][0] == 1);
}

static fnn_call FN(matmul_transposed)(const fnn_call *call) {
  fnn_call t = *call;
  for (int i = 0; i < 2; i++) {
    t.dim[i] = call->dim[1 - i];
    t.array[1 + i] = call->array[2 - i];
    for (int j = 0; j < 2; j++) t.stride[1 + i][j] = call->stride[2 - i][1 - j];
  }
  t.stride[3][0] = 0;
  return t;
}

/* How out is cut into tiles, panels of columns first. */
typedef struct {
  size_t rows, columns; /* of a tile */
  size_t row_blocks, column_blocks;
} FN(matmul_grid);

static inline FN(matmul_grid) FN(matmul_cut)(size_t m, size_t n, size_t k) {
  const size_t tiles = size_min(m * n * k / MATMUL_SMALL, MATMUL_MAX_TILES);
  if (tiles < 2) return (FN(matmul_grid)){m, n, m && n, 1};
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
  const int column = FN(matmul_is_column)(call);
  const FN(matmul_grid) g = FN(matmul_cut)(call->dim[column], call->dim[1 - column], call->dim[2]);
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
  fnn_call transposed;
  if (FN(matmul_is_column)(call)) {
#if VL > 1
    const FN(matmul_grid) g = FN(matmul_cut)(1, call->dim[0], call->dim[2]);
    const size_t first = begin * g.columns, last = size_min(call->dim[0], end * g.columns);
    if (begin < end && FN(narrow_fits)(call, last - first)) {
      FN(narrow_product)(call, first, last);
      return;
    }
#endif
    transposed = FN(matmul_transposed)(call);
    call = &transposed;
  }
  const size_t m = call->dim[0], n = call->dim[1];
  const FN(matmul_grid) g = FN(matmul_cut)(m, n, call->dim[2]);
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

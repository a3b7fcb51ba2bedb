/* Matrix products. Included once per REAL, after simd/<isa>.h and simd/vmath.h.
 *
 * Below all loops is one register tile of MATMUL_ROWS x (MATMUL_VECTORS * VL) sums. Where b is small
 * or there are few rows, loops as in BLIS: blocks of rows and of k, panels of columns of b. Otherwise
 * both operands are packed, as in Goto & van de Geijn (2008): a block of k and of columns of b stays
 * in the second cache, and passes by all rows. Neither the tile nor the packing nor the order of the
 * loops decides any bit of the result.
 */
#include "interrupt.h"
#include "matmul_tile.h"
#include "pack.h"
#include "rounding.h"
#include "tiles.h"

#define MATMUL_A_BYTES ((size_t)3 << 18)    /* a block of a, packed or not: most of a small L2 */
#define MATMUL_B_BYTES ((size_t)7 << 16)    /* a block of b, packed: what of L2 the tiles leave */
#define MATMUL_ROWS_BYTES ((size_t)3 << 20) /* rows of a, packed for one block of k */
#define MATMUL_FAR_BYTES ((size_t)1 << 22)  /* of out: tiles are fetched ahead beyond this */
#define MATMUL_PASS_BYTES ((size_t)3 << 18) /* of b, and rows of a: beyond both the passes pay */
#define MATMUL_PASS_ROWS ((size_t)168)
#define MATMUL_LONG ((size_t)1 << 30) /* multiply-adds, a few hundredths of a second */
#define MATMUL_B_COLUMNS (MATMUL_B_BYTES / sizeof(REAL) / MATMUL_K_BLOCK)

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
  int passes;                    /* both are packed, and rows pass by a block of b */
  const REAL *bias;              /* one of stride 1, or NULL */
  REAL *panel, *block;           /* scratch: a panel or block of b, a block of a */
  int looks;                     /* at Ctrl-C now and then, as it takes long */
  int precision;                 /* what packed operands are rounded to, enum fnn_rounding */
  size_t first_row, first_column;
  FN(round_lanes) lanes[2]; /* FNN_ROUND_INT8: those of rows and of columns, from the first on */
  FN(matmul_tile) tile;
} FN(matmul_state);

static inline int FN(matmul_stopped)(const FN(matmul_state) * s) {
  return s->looks && fnn_interrupted();
}

/* Rounds a strip of an operand where it lies packed: rows of a (0) or columns of b (1) from `at` on. */
static void FN(matmul_round)(const FN(matmul_state) * s, int operand, REAL *packed, size_t width,
                             size_t at) {
  const size_t depth = s->tile.depth;
  if (REAL_IS_DOUBLE || !s->precision) return;
  if (s->precision == FNN_ROUND_BF16) {
    for (size_t i = 0; i < width * depth; i++)
      packed[i] = (REAL)brain_value(brain_of((float)packed[i]));
  } else {
    at -= operand ? s->first_column : s->first_row;
    FN(round_strip)(packed, width, depth, &s->lanes[operand], at,
                    operand ? ROUND_COLUMN_STEPS : ROUND_ROW_STEPS);
  }
}

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
    FN(matmul_round)(s, 0, s->block + i * depth, height, s->row + i);
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
  for (size_t j = begin; j < end && !FN(matmul_stopped)(s); j += MATMUL_COLUMNS) {
    s->column = j;
    s->columns = size_min(MATMUL_COLUMNS, end - j);
    const size_t width = blocks_over(s->columns, VL) * VL;
    t->last = m_first(s->columns + VL - width);
    t->b = FN(matmul_at)(call, 2, s->at, j);
    t->b_step = stride[0];
    if (s->pack_b || (MATMUL_WHOLE && s->columns < width)) {
      t->b_step = (ptrdiff_t)width;
      FN(pack)(s->panel, width, s->columns, t->depth, t->b, stride[1], stride[0]);
      FN(matmul_round)(s, 1, s->panel, width, j);
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

/* Packs a block of b in strips of MATMUL_COLUMNS, each to be read from end to end. Rows of b are
 * read as they lie in memory, strips beside one another. */
static void FN(matmul_pack_b)(const FN(matmul_state) * s) {
  const ptrdiff_t *stride = s->call->stride[2];
  const size_t depth = s->tile.depth, whole = s->columns / MATMUL_COLUMNS * MATMUL_COLUMNS;
  const REAL *b = FN(matmul_at)(s->call, 2, s->at, s->column);
  if (stride[1] == 1) {
    for (size_t p = 0; p < depth; p++)
      for (size_t j = 0; j < whole; j += MATMUL_COLUMNS)
        for (size_t v = 0; v < MATMUL_COLUMNS; v += VL)
          v_store(s->panel + j * depth + p * MATMUL_COLUMNS + v,
                  v_load(b + (ptrdiff_t)p * stride[0] + j + v));
  }
  for (size_t j = stride[1] == 1 ? whole : 0; j < s->columns; j += MATMUL_COLUMNS) {
    const size_t columns = size_min(MATMUL_COLUMNS, s->columns - j);
    FN(pack)(s->panel + j * depth, blocks_over(columns, VL) * VL, columns, depth,
             b + (ptrdiff_t)j * stride[1], stride[1], stride[0]);
  }
  for (size_t j = 0; s->precision && j < s->columns; j += MATMUL_COLUMNS)
    FN(matmul_round)(s, 1, s->panel + j * depth,
                     blocks_over(size_min(MATMUL_COLUMNS, s->columns - j), VL) * VL,
                     s->column + j);
}

/* One register tile of rows, over the strips of the packed block of b. */
static void FN(matmul_strips)(FN(matmul_state) * s, size_t row, size_t rows) {
  const fnn_call *call = s->call;
  FN(matmul_tile) *t = &s->tile;
  const int epilogue = s->epilogue && s->at + t->depth == call->dim[2];
  for (size_t j = 0; j < s->columns; j += MATMUL_COLUMNS) {
    const size_t columns = size_min(MATMUL_COLUMNS, s->columns - j), at = s->column + j;
    const size_t vectors = blocks_over(columns, VL);
    t->last = m_first(columns + VL - vectors * VL);
    t->b = s->panel + j * t->depth;
    t->b_step = (ptrdiff_t)(vectors * VL);
    t->bias = s->at == 0 && s->bias ? s->bias + at : NULL;
    t->out = (REAL *)call->array[0] + (ptrdiff_t)row * t->out_row + at;
    if (call->array[4]) t->y = (const REAL *)call->array[4] + (ptrdiff_t)row * t->y_row + at;
    FN(matmul_bodies)[rows - 1][vectors - 1][1](t);
    if (epilogue) FN(matmul_epilogue)(call, t, rows, columns);
  }
}

/* One block of rows and one of k, all columns: blocks of columns of b, and for each all rows, whose
 * packed tiles the first block leaves for the others. */
static void FN(matmul_passes)(FN(matmul_state) * s, size_t begin, size_t end) {
  const ptrdiff_t *stride = s->call->stride[1];
  const size_t depth = s->tile.depth, tiles = blocks_over(s->rows, MATMUL_ROWS);
  const size_t strips = blocks_over(end - begin, MATMUL_COLUMNS);
  const size_t passes = blocks_over(strips, MATMUL_B_COLUMNS / MATMUL_COLUMNS);
  for (size_t pass = 0; pass < passes && !FN(matmul_stopped)(s); pass++) {
    s->column = begin + strips * pass / passes * MATMUL_COLUMNS;
    s->columns = size_min(end, begin + strips * (pass + 1) / passes * MATMUL_COLUMNS) - s->column;
    FN(matmul_pack_b)(s);
    for (size_t tile = 0, i = 0, height; tile < tiles; tile++, i += height) {
      height = FN(matmul_height)(s->rows, tiles, tile);
      REAL *a = s->block + i * depth;
      if (pass == 0) {
        FN(pack)(a, height, height, depth, FN(matmul_at)(s->call, 1, s->row + i, s->at), stride[0],
                 stride[1]);
        FN(matmul_round)(s, 0, a, height, s->row + i);
      }
      s->tile.a = a;
      s->tile.a_step = (ptrdiff_t)height;
      FN(matmul_strips)(s, s->row + i, height);
    }
  }
}

/* What to pack, and where the epilogue goes. Packing pays where it stops cache lines of one set
 * from driving each other out, and where an operand is not contiguous in the way it is read. Field by
 * field, in place: a copy would wait for its stores, longer than a small product takes. */
static inline void FN(matmul_plan)(FN(matmul_state) * s, const fnn_call *call, size_t rows,
                                   size_t columns, REAL *scratch) {
  const ptrdiff_t *a = call->stride[1], *b = call->stride[2];
  const size_t n = call->dim[1], k = call->dim[2], depth = size_min(k, MATMUL_K_BLOCK);
  const int activation = (int)call->attr[0], derivative = (int)call->attr[1];
  const int precision = FN(matmul_precision)(call);
  const int relu = activation == FNN_RELU && !derivative;
  const int relu_grad = derivative == FNN_RELU && !activation;
  const size_t apart = (size_t)(a[1] == 1 ? a[0] : a[1]) * sizeof(REAL);
  const int passes = rows > MATMUL_PASS_ROWS && columns > MATMUL_COLUMNS &&
                     k * columns * sizeof(REAL) > MATMUL_PASS_BYTES &&
                     (!call->array[3] || call->stride[3][0] == 1);
  s->call = call;
  s->pack_a = precision || (a[1] != 1 && a[0] != 1) ||
              (apart % 4096 == 0 && k > VL && rows > MATMUL_ROWS && columns > MATMUL_COLUMNS);
  s->pack_b = precision || b[1] != 1 ||
              (rows > 2 * MATMUL_ROWS && (size_t)b[0] * depth * sizeof(REAL) > 16384);
  s->precision = precision;
  s->looks = rows * columns * k > MATMUL_LONG;
  s->relu = relu;
  s->relu_grad = relu_grad;
  s->epilogue = (activation || derivative) && !relu && !relu_grad;
  s->passes = passes;
  s->bias = call->array[3];
  s->panel = scratch;
  s->block = scratch + MATMUL_K_BLOCK * (passes ? MATMUL_B_COLUMNS : MATMUL_COLUMNS) + VL;
  s->tile.a_row = a[0];
  s->tile.a_step = a[1];
  s->tile.out_row = call->stride[0][0];
  s->tile.y = NULL;
  s->tile.y_row = call->stride[4][0];
  s->tile.fetch = passes || rows * n * sizeof(REAL) > MATMUL_FAR_BYTES;
  if (precision) FN(round_place)(scratch, &s->lanes[0], &s->lanes[1]);
}

/* A rectangle of the result: blocks of rows, then blocks of k, then panels of columns. */
static void FN(matmul_rectangle)(const fnn_call *call, size_t row, size_t rows, size_t column,
                                 size_t columns, void *scratch) {
#if VL > 1
  if (FN(narrow_fits)(call, rows, columns)) {
    FN(narrow_product)(call, row, rows, column, columns, scratch);
    return;
  }
  if (FN(narrow_fits_across)(call, rows, columns)) {
    FN(narrow_across)(call, row, rows, column, columns, scratch);
    return;
  }
  const size_t rest = FN(narrow_rest)(call, rows, columns);
  if (rest) {
    columns -= rest;
    FN(narrow_product)(call, row, rows, column + columns, rest, scratch);
  }
#endif
  const size_t k = call->dim[2], depth = size_max(size_min(k, MATMUL_K_BLOCK), 1);
  FN(matmul_state) s;
  FN(matmul_plan)(&s, call, rows, columns, scratch);
  s.first_row = row;
  s.first_column = column;
  const size_t bytes = s.passes ? MATMUL_ROWS_BYTES : MATMUL_A_BYTES;
  const size_t blocks = blocks_over(rows, bytes / sizeof(REAL) / depth);
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
      if (s.passes)
        FN(matmul_passes)(&s, column, column + columns);
      else
        FN(matmul_block)(&s, column, column + columns);
      s.at += t->depth;
    } while (s.at < k);
  }
}

/* What is left of a product in 8 bits when out holds the sums of q. */
static void FN(matmul_rescale)(const fnn_call *call, size_t row, size_t rows, size_t column,
                               size_t columns, const FN(round_lanes) lanes[2]) {
  const ptrdiff_t step = call->stride[3][0];
  FN(matmul_tile) t = {.out_row = call->stride[0][0], .y_row = call->stride[4][0]};
  t.out = (REAL *)call->array[0] + (ptrdiff_t)row * t.out_row + column;
  if (call->array[4]) t.y = (const REAL *)call->array[4] + (ptrdiff_t)row * t.y_row + column;
  for (size_t j = 0; j < columns; j += VL) {
    const mask m = m_first(columns - j);
    REAL bias[VL] = {0};
    for (size_t l = 0; call->array[3] && l < size_min(VL, columns - j); l++)
      bias[l] = ((const REAL *)call->array[3])[(ptrdiff_t)(column + j + l) * step];
    for (size_t i = 0; i < rows; i++) {
      REAL *out = t.out + (ptrdiff_t)i * t.out_row + j;
      const vec scale = v_mul(v_set1(lanes[0].scale[i]), v_load(lanes[1].scale + j));
      v_store_m(out, v_add(v_mul(scale, v_load_m(out, m)), v_load(bias)), m);
    }
  }
  if (call->attr[0] || call->attr[1]) FN(matmul_epilogue)(call, &t, rows, columns);
}

/* A rectangle of a product in 8 bits, by whole numbers in float32: as many lanes at a time as are
 * measured. */
static void FN(matmul_int8)(const fnn_call *call, size_t row, size_t rows, size_t column,
                            size_t columns, void *scratch) {
  const ptrdiff_t *a = call->stride[1], *b = call->stride[2];
  const size_t k = call->dim[2];
  FN(round_lanes) lanes[2];
  fnn_call plain = *call;
  plain.attr[0] = plain.attr[1] = 0;
  plain.array[3] = plain.array[4] = NULL;
  FN(round_place)(scratch, &lanes[0], &lanes[1]);
  for (size_t i = 0; i < rows; i += ROUND_LANES) {
    const size_t m = size_min(ROUND_LANES, rows - i);
    FN(round_measure)(&lanes[0], m, k, FN(matmul_at)(call, 1, row + i, 0), a[0], a[1],
                      ROUND_ROW_STEPS);
    for (size_t j = 0; j < columns; j += ROUND_LANES) {
      const size_t n = size_min(ROUND_LANES, columns - j);
      FN(round_measure)(&lanes[1], n, k, FN(matmul_at)(call, 2, 0, column + j), b[1], b[0],
                        ROUND_COLUMN_STEPS);
      FN(matmul_rectangle)(&plain, row + i, m, column + j, n, scratch);
      FN(matmul_rescale)(call, row + i, m, column + j, n, lanes);
    }
  }
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

/* matmul: product of two matrices with bias, activation and derivative.
 *
 *   z[i, j] = bias[j] + sum over p of a[i, p] * b[p, j]     0 <= i < m, 0 <= j < n, 0 <= p < k
 *   out[i, j] = activation(z[i, j]) * derivative(y[i, j])
 *
 * array: out (m, n) out, a (m, k) in, b (k, n) in, bias (n) in or NULL, y (m, n) in or NULL.
 * dim = (m, n, k). stride: a, b and bias any; out and y any from row to row, 1 within a row.
 * attr = (activation, derivative by the activation's own output y), enum fnn_activation, and enum
 * fnn_rounding: how a and b are rounded first, if REAL is float; see rounding.h.
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
    if (begin < end && FN(narrow_fits)(call, last - first, 1)) {
      FN(narrow_product)(call, first, last - first, 0, 1, scratch);
      return;
    }
#endif
    transposed = FN(matmul_transposed)(call);
    call = &transposed;
  }
  FN(matmul_walk)(
      call, begin, end, scratch,
      FN(matmul_precision)(call) == FNN_ROUND_INT8 ? FN(matmul_int8) : FN(matmul_rectangle));
}

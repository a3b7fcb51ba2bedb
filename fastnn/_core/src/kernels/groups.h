/* Products of operands that are rounded to 16 or 8 bits, with an instruction that adds the products of
 * GROUP of them to a sum of 32 bits. For float alone; after the words of the instruction.
 *
 * Both operands are packed: a group of k's is one element of 32 bits, which goes through the loops
 * as a number does in matmul.h. What is rounded to what is in rounding.h; the bits are those of
 * matmul.h, which has the chains of sums and the sources.
 */
#include "interleave.h"

#define GROUP_INT8 (GROUP == 4)
#define GROUP_STEPS (MATMUL_K_BLOCK / GROUP)
#define GROUP_PANEL_BYTES ((size_t)1 << 20) /* of b, packed, over all k */
#define GROUP_ROWS_BYTES ((size_t)11 << 18) /* of a, packed, over all k */
#define GROUP_HEIGHT 14                     /* rows of a register tile, an even number */
#define GROUP_EACH_HEIGHT(X) X(2) X(4) X(6) X(8) X(10) X(12) X(14)

/* How the lanes of a strip are rounded: sixteen of them, or one. */
typedef struct {
  vec pad;                /* in place of the k's that a last group lacks: a * b is -0 */
  vec factor, low, shift; /* in 8 bits; shift makes a unsigned */
  int steps;
} group_lane;

/* One register tile, over one block of k. */
typedef struct {
  size_t groups, rows; /* rows that there are, of an even number that are computed */
  const REAL *a, *b;   /* packed */
  REAL *out;
  const REAL *y, *bias; /* bias: NULL, or of MATMUL_COLUMNS elements, where it is due */
  ptrdiff_t out_row, y_row;
  mask columns[MATMUL_VECTORS];
  int add, relu, relu_grad, last;
  const REAL *sums, *row_low, *row_scale, *column_scale; /* in 8 bits */
} group_tile;

/* The finished tile, from its sums: in 8 bits without what shift added, and at the last k scaled. */
static void FN(finish)(const group_tile *t, group_sum sum[][MATMUL_VECTORS]) {
  const REAL *y = t->y;
  REAL *out = t->out;
  for (size_t i = 0; i < t->rows; i++, out += t->out_row, y += t->y_row) {
#pragma GCC unroll 2
    for (int j = 0; j < MATMUL_VECTORS; j++) {
      const mask m = t->columns[j];
#if GROUP_INT8
      vec z = v_fma(v_set1(t->row_low[i]), v_load(t->sums + j * VL), g_value(sum[i][j]));
      if (t->add) z = v_add(v_load_m(out + j * VL, m), z);
      if (t->last) {
        const vec scale = v_mul(v_set1(t->row_scale[i]), v_load(t->column_scale + j * VL));
        z = v_add(v_mul(scale, z), t->bias ? v_load(t->bias + j * VL) : v_zero());
      }
#else
      vec z = t->add ? v_add(v_load_m(out + j * VL, m), sum[i][j]) : sum[i][j];
#endif
      if (t->relu) z = v_relu(z);
      if (t->relu_grad) z = v_relu_grad(z, v_load_m(y + j * VL, m));
      v_store_m(out + j * VL, z, m);
    }
  }
}

/* height is a constant at every call, so the loops over it are unrolled. */
FNN_INLINE void FN(tile)(const group_tile *t, int height) {
  const REAL *a = t->a, *b = t->b;
  group_sum sum[GROUP_HEIGHT][MATMUL_VECTORS], made[GROUP_HEIGHT][MATMUL_VECTORS];
  vec bj[MATMUL_VECTORS];
#pragma GCC unroll 2
  for (int j = 0; j < MATMUL_VECTORS; j++) {
    group_sum start = g_zero();
#if !GROUP_INT8
    if (t->bias) start = v_load(t->bias + j * VL);
#endif
#pragma GCC unroll 14
    for (int i = 0; i < height; i++) sum[i][j] = start;
  }
  for (size_t p = t->groups; p > 0; p--, a += height, b += MATMUL_COLUMNS) {
#pragma GCC unroll 2
    for (int j = 0; j < MATMUL_VECTORS; j++) bj[j] = v_load(b + j * VL);
#pragma GCC unroll 14
    for (int i = 0; i < height; i++) {
      const vec ai = v_set1(a[i]);
#pragma GCC unroll 2
      for (int j = 0; j < MATMUL_VECTORS; j++) sum[i][j] = g_dot(sum[i][j], ai, bj[j]);
    }
  }
#pragma GCC unroll 14
  for (int i = 0; i < height; i++)
#pragma GCC unroll 2
    for (int j = 0; j < MATMUL_VECTORS; j++) made[i][j] = sum[i][j];
  FN(finish)(t, made);
}

#define GROUP_DEFINE(height)                                                                      \
  static void FN(tile_##height)(const group_tile *t) { FN(tile)(t, height); }
#define GROUP_ENTRY(height) FN(tile_##height),
GROUP_EACH_HEIGHT(GROUP_DEFINE)
static void (*const FN(tiles)[])(const group_tile *) = {GROUP_EACH_HEIGHT(GROUP_ENTRY)};

/* The vectors of one group of lanes, rounded as far as the words do not. */
FNN_INLINE void FN(load)(vec v[GROUP], const REAL *x, ptrdiff_t next, size_t depth, size_t each,
                         mask m, group_lane lane) {
#pragma GCC unroll 4
  for (size_t p = 0; p < GROUP; p++) {
    const size_t left = depth > p * each ? depth - p * each : 0;
    const mask here = each > 1 ? m_first(left) : left ? m : m_first(0);
    v[p] = v_load_m(x + (ptrdiff_t)p * next, here);
#if GROUP_INT8
    v[p] = v_add(FN(round_one)(v[p], lane.factor, lane.low, lane.steps), lane.shift);
#else
    if (each > 1 || !left) v[p] = v_select(here, v[p], lane.pad);
#endif
  }
}

/* How lane `at` and those after it are rounded; one: that lane alone. */
FNN_INLINE group_lane FN(lane)(const FN(round_lanes) * lanes, size_t at, int is_a, int one) {
  group_lane lane = {.pad = is_a ? v_neg(v_zero()) : v_zero()};
#if GROUP_INT8
  lane.steps = is_a ? ROUND_ROW_STEPS : ROUND_COLUMN_STEPS;
  lane.factor = one ? v_set1(lanes->factor[at]) : v_load(lanes->factor + at);
  lane.low = one ? v_set1(lanes->low[at]) : v_load(lanes->low + at);
  lane.shift = is_a ? v_neg(lane.low) : v_zero();
#endif
  return lane;
}

/* One strip of an operand over one block of k.
 *
 *   group p * width + i of dst = x[i * lane + q * step], q = p * GROUP ...   0 <= i < count
 *
 * dst out, in whole vectors, so up to VL elements more are written, as 0 or as lanes that nothing
 * uses; x in, any two strides. lanes: in 8 bits, how they are rounded, from `at` on.
 */
static void FN(pack)(REAL *dst, size_t width, size_t count, size_t depth, const REAL *x,
                     ptrdiff_t lane, ptrdiff_t step, const FN(round_lanes) * lanes, size_t at,
                     int is_a) {
  const size_t groups = blocks_over(depth, GROUP);
  vec v[GROUP], square[VL];
  for (size_t i = blocks_over(width, VL) * VL; i > 0;) { /* the last lanes first, as in pack.h */
    i -= VL;
    const size_t some = count > i ? size_min(count - i, VL) : 0;
    const REAL *from = x + (ptrdiff_t)i * lane;
    if (step != 1 || lane == 1) {
      const group_lane how = FN(lane)(lanes, at + i, is_a, 0);
      for (size_t p = 0; p < groups; p++) {
        const REAL *here = from + (ptrdiff_t)(p * GROUP) * step;
        REAL moved[GROUP][VL];
        for (size_t q = 0; lane != 1 && q < size_min(GROUP, depth - p * GROUP); q++)
          for (size_t l = 0; l < some; l++)
            moved[q][l] = here[(ptrdiff_t)q * step + (ptrdiff_t)l * lane];
        FN(load)(v, lane == 1 ? here : moved[0], lane == 1 ? step : VL, depth - p * GROUP, 1,
                 m_first(some), how);
        v_store(dst + p * width + i, g_across(v));
      }
      continue;
    }
    for (size_t p = 0; p < groups; p += VL) {
#pragma GCC unroll 1
      for (size_t l = 0; l < VL; l++) {
        square[l] = v_zero();
        if (l >= some) continue;
        FN(load)(v, from + (ptrdiff_t)l * lane + (ptrdiff_t)(p * GROUP), VL, depth - p * GROUP, VL,
                 m_first(VL), FN(lane)(lanes, at + i + l, is_a, 1));
        square[l] = g_along(v);
      }
      FN(interleave)(square, VL);
#pragma GCC unroll 16
      for (size_t l = 0; l < VL; l++)
        if (p + l < groups) v_store(dst + (p + l) * width + i, square[l]);
    }
  }
}

/* Where the loops over one rectangle of the result are. */
typedef struct {
  const fnn_call *call;
  size_t row, rows, column, columns; /* a block of rows, a panel of columns */
  size_t words;                      /* of one lane of a, packed */
  size_t strip; /* elements of one strip of b, packed, with its sums in 8 bits */
  REAL *panel, *block, *bias;
  FN(round_lanes) lanes[2]; /* of the block's rows, of the panel's columns */
} group_state;

/* A strip of b: for each block of k the groups and, in 8 bits, the sums of each column. */
static void FN(pack_strip)(const group_state *s, size_t j) {
  const ptrdiff_t *stride = s->call->stride[2];
  const size_t k = s->call->dim[2], columns = size_min(MATMUL_COLUMNS, s->columns - j);
  const REAL *b = (const REAL *)s->call->array[2] + (ptrdiff_t)(s->column + j) * stride[1];
  REAL *to = s->panel + j / MATMUL_COLUMNS * s->strip;
#if GROUP_INT8
  const FN(round_lanes) own = {s->lanes[1].factor + j, s->lanes[1].low + j, s->lanes[1].scale + j};
  FN(round_measure)(&own, columns, k, b, stride[1], stride[0], ROUND_COLUMN_STEPS);
#endif
  for (size_t at = 0; at < k; at += MATMUL_K_BLOCK, b += (ptrdiff_t)MATMUL_K_BLOCK * stride[0]) {
    const size_t depth = size_min(MATMUL_K_BLOCK, k - at), groups = blocks_over(depth, GROUP);
    FN(pack)(to, MATMUL_COLUMNS, columns, depth, b, stride[1], stride[0], &s->lanes[1], j, 0);
    to += groups * MATMUL_COLUMNS;
#if GROUP_INT8
    for (size_t c = 0; c < MATMUL_COLUMNS; c += VL, to += VL) {
      group_sum sum = g_zero();
      for (size_t p = groups; p > 0; p--)
        sum = g_dot(sum, g_ones(), v_load(to - p * MATMUL_COLUMNS));
      v_store(to, g_value(sum));
    }
#endif
  }
}

/* One register tile of rows, over the strips of the panel and all k. */
static void FN(strips)(const group_state *s, const REAL *a, size_t i, size_t height) {
  const fnn_call *call = s->call;
  const size_t k = call->dim[2], row = s->row + i;
  const int activation = (int)call->attr[0], derivative = (int)call->attr[1];
  group_tile t = {.rows = size_min(height, s->rows - i),
                  .out_row = call->stride[0][0],
                  .y_row = call->stride[4][0],
                  .row_low = s->lanes[0].low + i,
                  .row_scale = s->lanes[0].scale + i};
  for (size_t j = 0; j < s->columns; j += MATMUL_COLUMNS) {
    const size_t columns = size_min(MATMUL_COLUMNS, s->columns - j), column = s->column + j;
    t.columns[0] = m_first(columns);
    t.columns[1] = m_first(columns > VL ? columns - VL : 0);
    t.out = (REAL *)call->array[0] + (ptrdiff_t)row * t.out_row + column;
    if (call->array[4]) t.y = (const REAL *)call->array[4] + (ptrdiff_t)row * t.y_row + column;
    t.column_scale = s->lanes[1].scale + j;
    t.a = a;
    t.b = s->panel + j / MATMUL_COLUMNS * s->strip;
    for (size_t at = 0; at < k; at += MATMUL_K_BLOCK) {
      t.groups = blocks_over(size_min(MATMUL_K_BLOCK, k - at), GROUP);
      t.sums = t.b + t.groups * MATMUL_COLUMNS;
      t.add = at > 0;
      t.last = at + MATMUL_K_BLOCK >= k;
      t.relu = t.last && activation == FNN_RELU && !derivative;
      t.relu_grad = t.last && derivative == FNN_RELU && !activation;
      t.bias = s->bias && (GROUP_INT8 ? t.last : !t.add) ? s->bias + j : NULL;
      FN(tiles)[height / 2 - 1](&t);
      t.a += t.groups * height;
      t.b = t.sums + (GROUP_INT8 ? MATMUL_COLUMNS : 0);
    }
  }
}

/* All k of one register tile of rows, packed. */
static void FN(pack_rows)(const group_state *s, REAL *to, size_t i, size_t height) {
  const ptrdiff_t *stride = s->call->stride[1];
  const size_t k = s->call->dim[2], rows = size_min(height, s->rows - i);
  const REAL *a = (const REAL *)s->call->array[1] + (ptrdiff_t)(s->row + i) * stride[0];
#if GROUP_INT8
  const FN(round_lanes) own = {s->lanes[0].factor + i, s->lanes[0].low + i, s->lanes[0].scale + i};
  FN(round_measure)(&own, rows, k, a, stride[0], stride[1], ROUND_ROW_STEPS);
#endif
  for (size_t at = 0; at < k; at += MATMUL_K_BLOCK, a += (ptrdiff_t)MATMUL_K_BLOCK * stride[1]) {
    const size_t depth = size_min(MATMUL_K_BLOCK, k - at);
    FN(pack)(to, height, rows, depth, a, stride[0], stride[1], &s->lanes[0], i, 1);
    to += blocks_over(depth, GROUP) * height;
  }
}

/* One panel of b, packed, and the block of rows, which the first panel leaves packed. */
static void FN(panel)(const group_state *s, int first) {
  const size_t tiles = blocks_over(s->rows, GROUP_HEIGHT), pairs = blocks_over(s->rows, 2);
  const ptrdiff_t stride = s->call->stride[3][0];
  const REAL *bias = s->call->array[3];
  for (size_t c = 0; s->bias && c < blocks_over(s->columns, MATMUL_COLUMNS) * MATMUL_COLUMNS; c++)
    s->bias[c] = c < s->columns ? bias[(ptrdiff_t)(s->column + c) * stride] : 0;
  for (size_t j = 0; j < s->columns; j += MATMUL_COLUMNS) FN(pack_strip)(s, j);
  for (size_t tile = 0, i = 0, height; tile < tiles; tile++, i += height) {
    height = 2 * (pairs / tiles + (tile < pairs % tiles));
    REAL *a = s->block + i * s->words;
    if (first) FN(pack_rows)(s, a, i, height);
    FN(strips)(s, a, i, height);
  }
}

/* The epilogues that are not done in registers, by the ops that they stand for. */
static void FN(epilogue)(const fnn_call *call, size_t row, size_t rows, size_t column,
                         size_t columns, void *scratch) {
  const int activation = (int)call->attr[0], derivative = (int)call->attr[1];
  const int done = !activation || !derivative ? FNN_RELU : FNN_IDENTITY;
  for (uint16_t op = 0; op < FNN_N_OPS; op++) {
    const int grad = derivative > done && fnn_ops[op].derivative == derivative;
    if (!grad && !(activation > done && fnn_ops[op].epilogue == activation)) continue;
    fnn_call each = {.op = op, .real = FNN_FLOAT32, .ndim = 2, .dim = {rows, columns}};
    for (int i = 0; i < 2 + grad; i++) {
      const int array = i < 2 ? 0 : 4;
      each.stride[i][0] = call->stride[array][0];
      each.stride[i][1] = 1;
      each.array[i] = (REAL *)call->array[array] + (ptrdiff_t)row * each.stride[i][0] + column;
    }
    const fnn_op *kernels = &fnn_table_avx512.op[FNN_FLOAT32][op];
    kernels->run[0](&each, 0, kernels->tiles[0](&each), scratch);
  }
}

/* A rectangle of the result: blocks of rows, and for each all panels of columns. */
static void FN(rectangle)(const fnn_call *call, size_t row, size_t rows, size_t column,
                          size_t columns, void *scratch) {
  const size_t k = call->dim[2];
  group_state s = {.call = call, .panel = scratch};
  s.words = blocks_over(k, GROUP); /* MATMUL_K_BLOCK is whole groups */
  s.strip = (s.words + (GROUP_INT8 ? blocks_over(k, MATMUL_K_BLOCK) : 0)) * MATMUL_COLUMNS;
  s.block = s.panel + GROUP_PANEL_BYTES / sizeof(REAL);
  if (call->array[3]) s.bias = s.block + GROUP_ROWS_BYTES / sizeof(REAL) + VL;
  FN(round_place)(scratch, &s.lanes[0], &s.lanes[1]);
  const size_t wide =
      size_min(GROUP_PANEL_BYTES / sizeof(REAL) / s.strip, ROUND_LANES / MATMUL_COLUMNS);
  const size_t high = size_min(GROUP_ROWS_BYTES / sizeof(REAL) / s.words, ROUND_LANES - VL);
  const size_t blocks = blocks_over(rows, high / 2 * 2);
  const size_t strips = blocks_over(columns, MATMUL_COLUMNS), panels = blocks_over(strips, wide);
  for (size_t block = 0; block < blocks; block++) {
    s.row = row + rows * block / blocks;
    s.rows = row + rows * (block + 1) / blocks - s.row;
    for (size_t panel = 0; panel < panels && !fnn_interrupted(); panel++) {
      const size_t end = strips * (panel + 1) / panels * MATMUL_COLUMNS;
      s.column = column + strips * panel / panels * MATMUL_COLUMNS;
      s.columns = column + size_min(end, columns) - s.column;
      FN(panel)(&s, panel == 0);
    }
  }
  FN(epilogue)(call, row, rows, column, columns, scratch);
}

/* Whether the packed operands fit into the scratch memory; rarely not, and there is something to do. */
static inline int FN(fits)(const fnn_call *call) {
  const size_t k = call->dim[2], words = blocks_over(k, GROUP) + blocks_over(k, MATMUL_K_BLOCK);
  return k > 0 && words <= GROUP_PANEL_BYTES / sizeof(REAL) / MATMUL_COLUMNS;
}

/* How a product is cut: the register tile, and the tiles that threads share. Once per REAL. */
#include <stddef.h>

#include "tiles.h"

#define MATMUL_K_BLOCK ((size_t)256) /* part of the numerics: the same everywhere */
#define MATMUL_SMALL ((size_t)32768) /* multiply-adds not worth a second tile */
#define MATMUL_MAX_TILES ((size_t)64)

/* As many rows as leave registers for MATMUL_VECTORS of b and one of a. With NEON lanes are masked
 * one by one: there columns that fill no vector are packed, and b is read in whole vectors. */
#define MATMUL_COLUMNS (MATMUL_VECTORS * VL)
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

/* What the operands are rounded to before they are multiplied, enum fnn_rounding. */
static inline int FN(matmul_precision)(const fnn_call *call) {
  return REAL_IS_DOUBLE ? FNN_ROUND_NONE : (int)call->attr[2];
}

/* A result of one column that narrow.h does not take is better made as a row: out^T = b^T a^T. Not in
 * 8 bits, where rows and columns are rounded differently. */
static inline int FN(matmul_is_column)(const fnn_call *call) {
  return call->dim[1] == 1 && call->dim[0] > 1 && call->stride[0][0] == 1 &&
         (!call->array[4] || call->stride[4][0] == 1) &&
         FN(matmul_precision)(call) != FNN_ROUND_INT8;
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

/* A rectangle of the result, by the loops of one kind of operands. */
typedef void (*FN(matmul_part))(const fnn_call *call, size_t row, size_t rows, size_t column,
                                size_t columns, void *scratch);

/* Tiles [begin, end): adjacent ones are done as one rectangle. */
static void FN(matmul_walk)(const fnn_call *call, size_t begin, size_t end, void *scratch,
                            FN(matmul_part) part) {
  const size_t m = call->dim[0], n = call->dim[1];
  const FN(matmul_grid) g = FN(matmul_cut)(m, n, call->dim[2]);
  while (begin < end) {
    const size_t panel = begin / g.row_blocks, block = begin % g.row_blocks;
    size_t blocks = size_min(end - begin, g.row_blocks - block), panels = 1;
    if (blocks == g.row_blocks) panels = (end - begin) / blocks;
    const size_t row = block * g.rows, column = panel * g.columns;
    part(call, row, size_min(m - row, blocks * g.rows), column,
         size_min(n - column, panels * g.columns), scratch);
    begin += blocks * panels;
  }
}

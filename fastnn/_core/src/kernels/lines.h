/* Lines of the FNN_BROADCAST ops, whatever the element type: a call is cut into tiles, a tile into
 * lines, and a line is the last axis or a part of it. Included once, before the kernels. */
#include "tiles.h"

enum {
  ELEMENTWISE_TILE = 16384, /* elements; enough work to be worth a hand-over to another thread */
  ELEMENTWISE_ARRAYS = 4
};

/* The number of lines: the product of all axes but the last */
static inline size_t elementwise_line_count(const fnn_call *call) {
  size_t lines = 1;
  for (int d = 0; d + 1 < call->ndim; d++) lines *= call->dim[d];
  return lines;
}

/* Tiles: ELEMENTWISE_TILE elements of the last axis if it is that long, else as many whole lines as
 * fit into so many elements. */
static size_t elementwise_tiles(const fnn_call *call) {
  const size_t inner = call->ndim ? call->dim[call->ndim - 1] : 1;
  const size_t lines = elementwise_line_count(call);
  if (inner == 0 || lines == 0) return 0;
  if (inner >= ELEMENTWISE_TILE) return lines * ((inner - 1) / ELEMENTWISE_TILE + 1);
  const size_t lines_per_tile = ELEMENTWISE_TILE / inner;
  return (lines - 1) / lines_per_tile + 1;
}

/* One line: n elements of each array, from `at` on, `step` bytes apart; at[0] is the output. */
typedef void (*plain_line)(char *const *at, const ptrdiff_t *step, size_t n);

/* An op in portable C: its line, and the bytes of an element of each of its arrays. */
typedef struct {
  plain_line line;
  size_t n_arrays, size[ELEMENTWISE_ARRAYS];
} plain_op;

/* Runs op over one line of the call: n elements of the last axis from `first` on. */
static inline void plain_line_at(const fnn_call *call, const plain_op *op, size_t line,
                                 size_t first, size_t n) {
  char *at[ELEMENTWISE_ARRAYS];
  ptrdiff_t step[ELEMENTWISE_ARRAYS];
  for (size_t i = 0; i < op->n_arrays; i++) {
    const ptrdiff_t size = (ptrdiff_t)op->size[i];
    step[i] = call->ndim ? call->stride[i][call->ndim - 1] * size : size;
    at[i] = (char *)call->array[i] + (ptrdiff_t)first * step[i];
    size_t rest = line;
    for (int d = call->ndim - 2; d >= 0; rest /= call->dim[d], d--)
      at[i] += (ptrdiff_t)(rest % call->dim[d]) * call->stride[i][d] * size;
  }
  op->line(at, step, n);
}

/* Runs op over tiles [begin, end). */
static inline void plain_run(const fnn_call *call, size_t begin, size_t end, const plain_op *op) {
  const size_t inner = call->ndim ? call->dim[call->ndim - 1] : 1;
  if (begin >= end || inner == 0) return;
  if (inner >= ELEMENTWISE_TILE) {
    const size_t per_line = (inner - 1) / ELEMENTWISE_TILE + 1;
    for (size_t tile = begin; tile < end; tile++) {
      const size_t first = tile % per_line * ELEMENTWISE_TILE;
      plain_line_at(call, op, tile / per_line, first, size_min(inner - first, ELEMENTWISE_TILE));
    }
  } else {
    const size_t lines_per_tile = ELEMENTWISE_TILE / inner;
    const size_t stop = size_min(end * lines_per_tile, elementwise_line_count(call));
    for (size_t line = begin * lines_per_tile; line < stop; line++)
      plain_line_at(call, op, line, 0, inner);
  }
}

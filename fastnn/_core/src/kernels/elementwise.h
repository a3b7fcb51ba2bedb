/* How an FNN_BROADCAST op runs: out[i..] = f(inputs[i..]) over call->dim, any strides. Included once
 * per REAL, before elementwise_ops.h, which has the ops.
 *
 * Three layers. A row function applies one op to n neighbouring elements: whole vectors, then one
 * masked tail. A line is the last axis, or a part of it: it turns whatever strides there are into
 * what a row function takes. elementwise_run goes over the tiles, line by line.
 *
 * Alias: out may be an input, with the same strides. Each lane alone, so strides, tails and tiles
 * change no bit. Mirror: the function of the same name in tests/families/. */
#include <string.h>

#ifndef FNN_ELEMENTWISE_SIZES
#define FNN_ELEMENTWISE_SIZES
enum {
  ELEMENTWISE_PIECE = 512, /* elements gathered at a time when a stride is neither 0 nor 1 */
  ELEMENTWISE_NO_BYTES = ELEMENTWISE_ARRAYS /* "no array of this op holds bytes" */
};
#endif

/* What a row function works on: array[0] is the output. After each vector an input advances by
 * step elements: VL, or 0 for a broadcast scalar, which is spread over VL elements. */
typedef struct {
  size_t n;
  void *array[ELEMENTWISE_ARRAYS];
  size_t step[ELEMENTWISE_ARRAYS];
} FN(elementwise_row);

/* One op: its row function, the number of its arrays, and which of them (if any) holds bytes. */
typedef struct {
  void (*row)(const FN(elementwise_row) * row);
  size_t n_arrays, byte_array;
} FN(elementwise_op);

FNN_INLINE void FN(unary_row)(const FN(elementwise_row) * row, vec (*f)(vec)) {
  REAL *out = row->array[0];
  const REAL *x = row->array[1];
  size_t i = 0;
  for (; i + VL <= row->n; i += VL, x += row->step[1]) v_store(out + i, f(v_load(x)));
  if (i < row->n) {
    const mask tail = m_first(row->n - i);
    v_store_m(out + i, f(v_load_m(x, tail)), tail);
  }
}

FNN_INLINE void FN(binary_row)(const FN(elementwise_row) * row, vec (*f)(vec, vec)) {
  REAL *out = row->array[0];
  const REAL *a = row->array[1], *b = row->array[2];
  size_t i = 0;
  for (; i + VL <= row->n; i += VL, a += row->step[1], b += row->step[2])
    v_store(out + i, f(v_load(a), v_load(b)));
  if (i < row->n) {
    const mask tail = m_first(row->n - i);
    v_store_m(out + i, f(v_load_m(a, tail), v_load_m(b, tail)), tail);
  }
}

FNN_INLINE void FN(compare_row)(const FN(elementwise_row) * row, mask (*f)(vec, vec)) {
  uint8_t *out = row->array[0];
  const REAL *a = row->array[1], *b = row->array[2];
  size_t i = 0;
  for (; i + VL <= row->n; i += VL, a += row->step[1], b += row->step[2])
    m_store_bytes(out + i, f(v_load(a), v_load(b)), VL);
  if (i < row->n) {
    const mask tail = m_first(row->n - i);
    m_store_bytes(out + i, f(v_load_m(a, tail), v_load_m(b, tail)), row->n - i);
  }
}

static void FN(where_row)(const FN(elementwise_row) * row) {
  REAL *out = row->array[0];
  const uint8_t *condition = row->array[1];
  const REAL *a = row->array[2], *b = row->array[3];
  size_t i = 0;
  for (; i + VL <= row->n; i += VL) {
    v_store(out + i, v_select(m_load_bytes(condition, VL), v_load(a), v_load(b)));
    condition += row->step[1], a += row->step[2], b += row->step[3];
  }
  if (i < row->n) {
    const mask tail = m_first(row->n - i), chosen = m_load_bytes(condition, row->n - i);
    v_store_m(out + i, v_select(chosen, v_load_m(a, tail), v_load_m(b, tail)), tail);
  }
}

/* lerp: a + w (b - a) where |w| < 1/2, else b - (1 - w) (b - a): exact at both ends, as torch's. */
FNN_INLINE vec FN(lerp_lanes)(vec a, vec b, vec w) {
  const vec one = v_set1((REAL)1), gap = v_sub(b, a);
  const mask near = v_lt(v_abs(w), v_set1((REAL)0.5));
  return v_select(near, v_fma(w, gap, a), v_fnma(v_sub(one, w), gap, b));
}

static void FN(lerp_row)(const FN(elementwise_row) * row) {
  REAL *out = row->array[0];
  const REAL *a = row->array[1], *b = row->array[2], *w = row->array[3];
  size_t i = 0;
  for (; i + VL <= row->n; i += VL) {
    v_store(out + i, FN(lerp_lanes)(v_load(a), v_load(b), v_load(w)));
    a += row->step[1], b += row->step[2], w += row->step[3];
  }
  if (i < row->n) {
    const mask tail = m_first(row->n - i);
    v_store_m(out + i, FN(lerp_lanes)(v_load_m(a, tail), v_load_m(b, tail), v_load_m(w, tail)),
              tail);
  }
}

/* to[i * to_stride] = from[i * from_stride] for i < n; strides in bytes, elements of REAL or of one
 * byte */
static void FN(move_elements)(char *to, ptrdiff_t to_stride, const char *from,
                              ptrdiff_t from_stride, size_t n, size_t size) {
  if (size == 1) {
    for (size_t i = 0; i < n; i++, to += to_stride, from += from_stride) *to = *from;
  } else {
    for (size_t i = 0; i < n; i++, to += to_stride, from += from_stride)
      *(REAL *)(void *)to = *(const REAL *)(const void *)from;
  }
}

/* A line on its way to the row function. Strides are in bytes, as sizes are. */
typedef struct {
  const FN(elementwise_op) * op;
  char *start[ELEMENTWISE_ARRAYS];      /* first element of the line */
  ptrdiff_t stride[ELEMENTWISE_ARRAYS]; /* along the line */
  size_t size[ELEMENTWISE_ARRAYS];      /* of one element */
  REAL (*buffer)[ELEMENTWISE_PIECE];    /* one per array, in scratch */
  int gathers;                          /* some array can be neither used in place nor spread */
  FN(elementwise_row) row;
} FN(elementwise_line);

/* What holds for all lines of a call: n elements each, the first one from the given element on. */
static void FN(line_start)(FN(elementwise_line) * line, const fnn_call *call,
                           const FN(elementwise_op) * op, size_t first, size_t n, void *scratch) {
  line->op = op;
  line->buffer = scratch;
  line->gathers = 0;
  line->row.n = n;
  for (size_t i = 0; i < op->n_arrays; i++) {
    const ptrdiff_t stride = n <= 1 && first == 0 ? 1 : call->stride[i][call->ndim - 1];
    const size_t size = i == op->byte_array ? 1 : sizeof(REAL);
    line->size[i] = size;
    line->stride[i] = stride * (ptrdiff_t)size;
    line->start[i] = (char *)call->array[i] + (ptrdiff_t)first * line->stride[i];
    line->row.step[i] = stride ? VL : 0;
    line->gathers |= stride != 0 && stride != 1;
  }
}

/* A line with a stride that is neither 0 nor 1: piece by piece through the buffers. */
static void FN(line_gather)(FN(elementwise_line) * line) {
  const size_t n = line->row.n;
  FN(elementwise_row) row = line->row;
  for (size_t first = 0; first < n; first += ELEMENTWISE_PIECE) {
    row.n = n - first < ELEMENTWISE_PIECE ? n - first : ELEMENTWISE_PIECE;
    char *here[ELEMENTWISE_ARRAYS];
    for (size_t i = 0; i < line->op->n_arrays; i++) {
      const ptrdiff_t stride = line->stride[i], size = (ptrdiff_t)line->size[i];
      here[i] = line->start[i] + (ptrdiff_t)first * stride;
      if (stride == 0) continue; /* spread by line_run */
      row.array[i] = stride == size ? here[i] : (char *)line->buffer[i];
      if (stride != size && i > 0)
        FN(move_elements)(row.array[i], size, here[i], stride, row.n, line->size[i]);
    }
    line->op->row(&row);
    if (row.array[0] != here[0])
      FN(move_elements)(here[0], line->stride[0], row.array[0], (ptrdiff_t)line->size[0], row.n,
                        line->size[0]);
  }
}

/* Applies the op to one line: arrays of stride 1 in place, broadcast scalars spread to a vector. */
FNN_INLINE void FN(line_run)(FN(elementwise_line) * line) {
  for (size_t i = 0; i < line->op->n_arrays; i++) {
    line->row.array[i] = line->start[i];
    if (line->stride[i] == 0) {
      if (line->size[i] == 1) {
        memset(line->buffer[i], *line->start[i], VL);
      } else {
        v_store(line->buffer[i], v_set1(*(const REAL *)(const void *)line->start[i]));
      }
      line->row.array[i] = line->buffer[i];
    }
  }
  if (line->gathers) {
    FN(line_gather)(line);
  } else {
    line->op->row(&line->row);
  }
}

/* Runs op over lines [begin, end) of the flattened leading axes, each from element `first` of the
 * last axis on, n elements. */
static void FN(elementwise_lines)(const fnn_call *call, const FN(elementwise_op) * op,
                                  size_t begin, size_t end, size_t first, size_t n,
                                  void *scratch) {
  FN(elementwise_line) line;
  FN(line_start)(&line, call, op, first, n, scratch);
  const int outer = call->ndim - 2; /* the axis that moves from line to line */
  size_t index[FNN_MAX_DIMS], rest = begin;
  for (int d = outer; d >= 0; d--) {
    index[d] = rest % call->dim[d];
    rest /= call->dim[d];
    for (size_t i = 0; i < op->n_arrays; i++)
      line.start[i] += (ptrdiff_t)(index[d] * line.size[i]) * call->stride[i][d];
  }
  for (size_t left = end - begin; left > 0; left--) {
    FN(line_run)(&line);
    for (int d = outer; d >= 0; d--) { /* the next line: carry like an odometer */
      const ptrdiff_t back = ++index[d] == call->dim[d] ? (ptrdiff_t)call->dim[d] : 0;
      for (size_t i = 0; i < op->n_arrays; i++)
        line.start[i] += (1 - back) * (ptrdiff_t)line.size[i] * call->stride[i][d];
      if (!back) break;
      index[d] = 0;
    }
  }
}

/* The body of every kernel: op over tiles [begin, end). One axis is one line, whatever
 * the number of tiles: the path of every contiguous call. */
static void FN(elementwise_run)(const fnn_call *call, size_t begin, size_t end, void *scratch,
                                const FN(elementwise_op) * op) {
  const size_t inner = call->ndim ? call->dim[call->ndim - 1] : 1;
  if (begin >= end || inner == 0) return;
  if (call->ndim <= 1) {
    const size_t first = begin * ELEMENTWISE_TILE;
    const size_t stop = end * ELEMENTWISE_TILE < inner ? end * ELEMENTWISE_TILE : inner;
    FN(elementwise_line) line;
    FN(line_start)(&line, call, op, first, stop - first, scratch);
    FN(line_run)(&line);
  } else if (inner >= ELEMENTWISE_TILE) {
    const size_t per_line = (inner - 1) / ELEMENTWISE_TILE + 1;
    for (size_t tile = begin; tile < end; tile++) {
      const size_t line = tile / per_line, first = tile % per_line * ELEMENTWISE_TILE;
      const size_t n = inner - first < ELEMENTWISE_TILE ? inner - first : ELEMENTWISE_TILE;
      FN(elementwise_lines)(call, op, line, line + 1, first, n, scratch);
    }
  } else {
    const size_t lines_per_tile = ELEMENTWISE_TILE / inner;
    const size_t lines = elementwise_line_count(call), stop = end * lines_per_tile;
    FN(elementwise_lines)(call, op, begin * lines_per_tile, stop < lines ? stop : lines, 0, inner,
                          scratch);
  }
}

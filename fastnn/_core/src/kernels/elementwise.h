/* The FNN_BROADCAST ops: out[i..] = f(inputs[i..]) over call->dim, any strides, one body per op.
 *
 * Three layers. A row function applies one op to n neighbouring elements, whole vectors and then one
 * masked tail. A line is the last axis, or a piece of it: it turns whatever strides there are into
 * what a row function takes. The walk goes over the tiles, line by line.
 *
 * Alias: out may be an input, with the same strides. Rounding: that of the word or vmath function
 * named in the table at the end; each lane alone, so neither strides nor tails nor tiles change a bit.
 * Mirror: the function of the same name in tests/reference.py. */

#ifndef FNN_ELEMENTWISE_SIZES
#define FNN_ELEMENTWISE_SIZES
enum {
  ELEMENTWISE_TILE = 16384, /* elements; enough work to be worth a hand-over to another thread */
  ELEMENTWISE_PIECE = 512,  /* elements gathered at a time when a stride is neither 0 nor 1 */
  ELEMENTWISE_ARRAYS = 4,
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

/* to[i * to_stride] = from[i * from_stride] for i < n, for elements of REAL or of one byte */
static void FN(move_elements)(void *to, ptrdiff_t to_stride, const void *from,
                              ptrdiff_t from_stride, size_t n, ptrdiff_t size) {
  if (size == 1) {
    uint8_t *out = to;
    const uint8_t *x = from;
    for (size_t i = 0; i < n; i++, out += to_stride, x += from_stride) *out = *x;
  } else {
    REAL *out = to;
    const REAL *x = from;
    for (size_t i = 0; i < n; i++, out += to_stride, x += from_stride) *out = *x;
  }
}

/* Applies op to n elements along the last axis, from element offset at[i] of array i on. Arrays with
 * stride 1 are used in place and broadcast scalars are spread once; only if there are others does the
 * line go piece by piece through buffers in scratch. */
static void FN(elementwise_line)(const fnn_call *call, const FN(elementwise_op) * op,
                                 const ptrdiff_t *at, size_t n, void *scratch) {
  FN(elementwise_row) row = {.n = n};
  char *start[ELEMENTWISE_ARRAYS];
  ptrdiff_t stride[ELEMENTWISE_ARRAYS], size[ELEMENTWISE_ARRAYS];
  REAL(*buffer)[ELEMENTWISE_PIECE] = scratch;
  int whole = 1;
  for (size_t i = 0; i < op->n_arrays; i++) {
    size[i] = i == op->byte_array ? 1 : sizeof(REAL);
    stride[i] = n == 1 ? 1 : call->stride[i][call->ndim - 1];
    start[i] = (char *)call->array[i] + at[i] * size[i];
    row.array[i] = stride[i] == 1 ? start[i] : (char *)buffer[i];
    row.step[i] = VL;
    if (stride[i] == 0) {
      FN(move_elements)(buffer[i], 1, start[i], 0, VL, size[i]);
      row.step[i] = 0;
    } else if (stride[i] != 1) {
      whole = 0;
    }
  }
  if (whole) {
    op->row(&row);
    return;
  }
  for (size_t first = 0; first < n; first += ELEMENTWISE_PIECE) {
    row.n = n - first < ELEMENTWISE_PIECE ? n - first : ELEMENTWISE_PIECE;
    for (size_t i = 0; i < op->n_arrays; i++) {
      char *here = start[i] + (ptrdiff_t)first * stride[i] * size[i];
      if (stride[i] == 1) {
        row.array[i] = here;
      } else if (stride[i] != 0 && i > 0) {
        FN(move_elements)(buffer[i], 1, here, stride[i], row.n, size[i]);
      }
    }
    op->row(&row);
    if (stride[0] != 1) {
      char *here = start[0] + (ptrdiff_t)first * stride[0] * size[0];
      FN(move_elements)(here, stride[0], buffer[0], 1, row.n, size[0]);
    }
  }
}

/* Tiles: ELEMENTWISE_TILE elements of the last axis if it is that long, else as many whole lines as
 * fit into so many elements. */
static size_t FN(elementwise_tiles)(const fnn_call *call) {
  const size_t inner = call->ndim ? call->dim[call->ndim - 1] : 1;
  size_t lines = 1;
  for (int d = 0; d + 1 < call->ndim; d++) lines *= call->dim[d];
  if (inner == 0 || lines == 0) return 0;
  if (inner >= ELEMENTWISE_TILE) return lines * ((inner - 1) / ELEMENTWISE_TILE + 1);
  const size_t lines_per_tile = ELEMENTWISE_TILE / inner;
  return (lines - 1) / lines_per_tile + 1;
}

/* Runs op over lines [begin, end) of the flattened leading axes, each from element `first` of the
 * last axis on, n elements. */
static void FN(elementwise_lines)(const fnn_call *call, const FN(elementwise_op) * op, size_t begin,
                                  size_t end, size_t first, size_t n, void *scratch) {
  const int last = call->ndim - 1;
  size_t index[FNN_MAX_DIMS];
  ptrdiff_t at[ELEMENTWISE_ARRAYS];
  for (size_t i = 0; i < op->n_arrays; i++) at[i] = (ptrdiff_t)first * call->stride[i][last];
  size_t rest = begin;
  for (int d = last - 1; d >= 0; d--) {
    index[d] = rest % call->dim[d];
    rest /= call->dim[d];
    for (size_t i = 0; i < op->n_arrays; i++) at[i] += (ptrdiff_t)index[d] * call->stride[i][d];
  }
  for (size_t line = begin; line < end; line++) {
    FN(elementwise_line)(call, op, at, n, scratch);
    for (int d = last - 1; d >= 0; d--) { /* the next line: carry like an odometer */
      const ptrdiff_t back = ++index[d] == call->dim[d] ? (ptrdiff_t)call->dim[d] : 0;
      for (size_t i = 0; i < op->n_arrays; i++) at[i] += (1 - back) * call->stride[i][d];
      if (!back) break;
      index[d] = 0;
    }
  }
}

/* The body of every kernel of this file: op over tiles [begin, end). One axis is one line, whatever
 * the number of tiles: the path of every contiguous call. */
static void FN(elementwise_run)(const fnn_call *call, size_t begin, size_t end, void *scratch,
                                const FN(elementwise_op) * op) {
  const size_t inner = call->ndim ? call->dim[call->ndim - 1] : 1;
  if (begin >= end || inner == 0) return;
  if (call->ndim <= 1) {
    const size_t first = begin * ELEMENTWISE_TILE;
    const size_t stop = end * ELEMENTWISE_TILE < inner ? end * ELEMENTWISE_TILE : inner;
    ptrdiff_t at[ELEMENTWISE_ARRAYS] = {0};
    for (size_t i = 0; i < op->n_arrays && first > 0; i++)
      at[i] = (ptrdiff_t)first * call->stride[i][0];
    FN(elementwise_line)(call, op, at, stop - first, scratch);
    return;
  }
  if (inner >= ELEMENTWISE_TILE) {
    const size_t per_line = (inner - 1) / ELEMENTWISE_TILE + 1;
    for (size_t tile = begin; tile < end; tile++) {
      const size_t line = tile / per_line, first = tile % per_line * ELEMENTWISE_TILE;
      const size_t n = inner - first < ELEMENTWISE_TILE ? inner - first : ELEMENTWISE_TILE;
      FN(elementwise_lines)(call, op, line, line + 1, first, n, scratch);
    }
    return;
  }
  const size_t lines_per_tile = ELEMENTWISE_TILE / inner;
  size_t lines = 1;
  for (int d = 0; d + 1 < call->ndim; d++) lines *= call->dim[d];
  const size_t stop = end * lines_per_tile < lines ? end * lines_per_tile : lines;
  FN(elementwise_lines)(call, op, begin * lines_per_tile, stop, 0, inner, scratch);
}

/* pow: y = a^b with every special case of C. libm lane by lane: powers are rare in nets, and those
 * with a name (square, sqrt) have an op. */
FNN_INLINE vec FN(pow_lanes)(vec a, vec b) {
  REAL x[VL], y[VL];
  v_store(x, a);
  v_store(y, b);
  for (int i = 0; i < VL; i++) {
#if REAL_IS_DOUBLE
    x[i] = pow(x[i], y[i]);
#else
    x[i] = powf(x[i], y[i]);
#endif
  }
  return v_load(x);
}

/* sign: -1, 0 or 1; nan at nan */
FNN_INLINE vec FN(sign_lanes)(vec x) {
  const vec at_zero = v_select(v_ne(x, x), x, v_zero());
  const vec not_above = v_select(v_lt(x, v_zero()), v_set1(-1), at_zero);
  return v_select(v_gt(x, v_zero()), v_set1(1), not_above);
}

/* Defines the kernel FN(name), given its row function. */
#define KERNEL(name, n_arrays, byte_array, row)                                                   \
  static void FN(name)(const fnn_call *call, size_t begin, size_t end, void *scratch) {           \
    static const FN(elementwise_op) op = {row, n_arrays, byte_array};                             \
    FN(elementwise_run)(call, begin, end, scratch, &op);                                          \
  }
/* Defines the row function, which inlines FN(name_of), and the kernel. */
#define ROWS(name, driver, n_arrays, byte_array)                                                  \
  static void FN(name##_row)(const FN(elementwise_row) * row) { driver(row, FN(name##_of)); }     \
  KERNEL(name, n_arrays, byte_array, FN(name##_row))
#define UNARY(name, value)                                                                        \
  FNN_INLINE vec FN(name##_of)(vec x) { return value; }                                           \
  ROWS(name, FN(unary_row), 2, ELEMENTWISE_NO_BYTES)
#define BINARY(name, value)                                                                       \
  FNN_INLINE vec FN(name##_of)(vec a, vec b) { return value; }                                    \
  ROWS(name, FN(binary_row), 3, ELEMENTWISE_NO_BYTES)
#define COMPARE(name)                                                                             \
  FNN_INLINE mask FN(name##_of)(vec a, vec b) { return v_##name(a, b); }                          \
  ROWS(name, FN(compare_row), 3, 0)

UNARY(copy, x)
UNARY(neg, v_neg(x))
UNARY(abs, v_abs(x))
UNARY(sign, FN(sign_lanes)(x))
UNARY(square, v_mul(x, x))
UNARY(sqrt, v_sqrt(x))
UNARY(exp, v_exp(x))
UNARY(log, v_log(x))
UNARY(log1p, v_log1p(x))
UNARY(erf, v_erf(x))
UNARY(tanh, v_tanh(x))
UNARY(sigmoid, v_sigmoid(x))
UNARY(relu, v_relu(x))

BINARY(add, v_add(a, b))
BINARY(sub, v_sub(a, b))
BINARY(mul, v_mul(a, b))
BINARY(div, v_div(a, b))
BINARY(pow, FN(pow_lanes)(a, b))
/* nan in either input gives nan: v_max and v_min alone would keep it from b only */
BINARY(maximum, v_select(v_ne(a, a), a, v_max(a, b)))
BINARY(minimum, v_select(v_ne(a, a), a, v_min(a, b)))
BINARY(relu_grad, v_relu_grad(a, b))
BINARY(sigmoid_grad, v_sigmoid_grad(a, b))
BINARY(tanh_grad, v_tanh_grad(a, b))

COMPARE(eq)
COMPARE(ne)
COMPARE(lt)
COMPARE(le)
COMPARE(gt)
COMPARE(ge)

KERNEL(where, 4, 1, FN(where_row))

#undef KERNEL
#undef ROWS
#undef UNARY
#undef BINARY
#undef COMPARE

/* Dims and strides of a call, from its arrays. */
#include "fastnn.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* The axes of an array, innermost first: in the order of its strides, so that what lies along memory
 * is the inner loop. */
static void order_axes(const fnn_operand *x, size_t *order) {
  for (size_t i = 0; i < x->ndim; i++) {
    size_t axis = x->ndim - 1 - i, j = i;
    for (; j > 0 && x->stride[order[j - 1]] > x->stride[axis]; j--) order[j] = order[j - 1];
    order[j] = axis;
  }
}

/* The stride of x along an axis of array 0, 0 where x is broadcast; returns whether the sizes fit. */
static int broadcast_stride(const fnn_operand *x, const fnn_operand *to, size_t axis,
                            ptrdiff_t *stride) {
  ptrdiff_t own = (ptrdiff_t)(axis + x->ndim) - (ptrdiff_t)to->ndim; /* the axis in x */
  *stride = 0;
  if (!x->ptr || own < 0 || x->shape[own] == 1) return 1;
  *stride = x->stride[own];
  return x->shape[own] == to->shape[axis];
}

/* dim = the shape of array 0, adjacent axes merged where all strides allow it. */
static const char *fill_broadcast(fnn_call *call, const fnn_operand *operands, size_t n) {
  size_t order[FNN_MAX_AXES], dims[FNN_MAX_DIMS], d = 0; /* axes so far, innermost first */
  ptrdiff_t strides[FNN_MAX_ARRAYS][FNN_MAX_DIMS], stride[FNN_MAX_ARRAYS];
  for (size_t i = 1; i < n; i++) /* an axis of size 0 more, and an empty array would be read */
    if (operands[i].ptr && operands[i].ndim > operands->ndim) return "shapes do not broadcast";
  order_axes(operands, order);
  for (size_t j = 0; j < operands->ndim; j++) {
    size_t axis = order[j], size = operands->shape[axis];
    for (size_t i = 0; i < n; i++)
      if (!broadcast_stride(&operands[i], operands, axis, &stride[i]))
        return "shapes do not broadcast";
    if (size == 1) continue; /* only now: that of an input could be 0, with nothing to read */
    int merge = d > 0;
    for (size_t i = 0; i < n; i++)
      merge = merge && stride[i] == strides[i][d - 1] * (ptrdiff_t)dims[d - 1];
    if (merge) {
      dims[d - 1] *= size;
      continue;
    }
    if (d == FNN_MAX_DIMS) return "at most " TEXT(FNN_MAX_DIMS) " axes that do not merge";
    dims[d] = size;
    for (size_t i = 0; i < n; i++) strides[i][d] = stride[i];
    d++;
  }
  call->ndim = (uint8_t)d;
  for (size_t axis = 0; axis < d; axis++) {
    call->dim[axis] = dims[d - 1 - axis];
    for (size_t i = 0; i < n; i++) call->stride[i][axis] = strides[i][d - 1 - axis];
  }
  return NULL;
}

static const char *fill_matrix(fnn_call *call, const fnn_operand *operands, size_t n) {
  const fnn_operand *out = &operands[0], *a = &operands[1], *b = &operands[2];
  if (out->ndim != 2 || a->ndim != 2 || b->ndim != 2) return "expected matrices";
  if (a->shape[0] != out->shape[0] || b->shape[1] != out->shape[1] || b->shape[0] != a->shape[1])
    return "shapes do not fit";
  const fnn_operand *bias = n > 3 && operands[3].ptr ? &operands[3] : NULL;
  const fnn_operand *y = n > 4 && operands[4].ptr ? &operands[4] : NULL;
  if (bias && (bias->ndim != 1 || bias->shape[0] != out->shape[1])) return "bias does not fit";
  if (y && (y->ndim != 2 || y->shape[0] != out->shape[0] || y->shape[1] != out->shape[1]))
    return "y does not fit";
  if (call->attr[1] && !y) return "y is missing"; /* the derivative is of it */
  call->dim[0] = out->shape[0];
  call->dim[1] = out->shape[1];
  call->dim[2] = a->shape[1];
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < operands[i].ndim && j < FNN_MAX_DIMS; j++)
      call->stride[i][j] = operands[i].stride[j];
    int several = call->dim[0] > 0 && call->dim[1] > 1; /* an empty array may have any strides */
    if ((i == 0 || i == 4) && operands[i].ptr && several && call->stride[i][1] != 1)
      return "out and y need unit stride along a row";
  }
  return NULL;
}

const char *fnn_call_fill(fnn_call *call, const fnn_operand *operands, size_t n) {
  const fnn_op_info *op = &fnn_ops[call->op];
  unsigned given = 0;
  for (size_t i = 0; i < n; i++) {
    call->array[i] = operands[i].ptr;
    given |= (unsigned)(operands[i].ptr != NULL) << i;
  }
  if (op->needs & ~given) return "an array is missing";
  if (op->layout == FNN_BROADCAST) return fill_broadcast(call, operands, n);
  return op->layout == FNN_MATRIX ? fill_matrix(call, operands, n) : NULL;
}

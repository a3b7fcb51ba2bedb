/* libFuzzer on the door that turns arrays into calls, under ASan and UBSan: whatever shapes and strides
 * fnn_call_fill accepts, the kernels stay within the arrays; each is a block of exactly its bytes.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... && fuzz_calls -max_total_time=3600
 *
 * Broadcast ops and products, float32 and float64, every instruction set, one thread or three. */
#include <fastnn.h>
#include <precision.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_AXES = 4, MOST_ELEMENTS = 1 << 16 };

typedef struct {
  const uint8_t *at, *end;
} bytes;

static uint8_t next(bytes *from) { return from->at < from->end ? *from->at++ : 0; }

/* A shape and strides: the axes in any order, forwards or backwards, with gaps; inputs also with 0. */
static void draw(bytes *from, fnn_operand *x, int written) {
  x->ndim = next(from) % (MOST_AXES + 1);
  size_t order[MOST_AXES];
  for (size_t i = 0; i < x->ndim; i++) {
    const uint8_t size = next(from);
    x->shape[i] = size < 250 ? size % 21 : size - 120u;
    order[i] = i;
  }
  for (size_t i = 1; i < x->ndim; i++) {
    const size_t j = next(from) % (i + 1), axis = order[i];
    order[i] = order[j];
    order[j] = axis;
  }
  size_t step = 1;
  for (size_t i = 0; i < x->ndim; i++) {
    const uint8_t kind = next(from);
    step *= kind % 16 == 1 ? 3 : 1;
    x->stride[order[i]] = kind % 8 == 2 ? -(ptrdiff_t)step : (ptrdiff_t)step;
    if (!written && kind % 8 == 4) x->stride[order[i]] = 0;
    step *= x->shape[order[i]] ? x->shape[order[i]] : 1;
  }
}

/* A block for it; returns NULL if it is too large for a fuzzer. */
static void *place(fnn_operand *x, size_t size) {
  size_t count = 1, before = 0, after = 0;
  for (size_t i = 0; i < x->ndim; i++) {
    const size_t steps = x->shape[i] ? x->shape[i] - 1 : 0;
    count *= x->shape[i];
    if (x->stride[i] < 0)
      before += steps * (size_t)-x->stride[i];
    else
      after += steps * (size_t)x->stride[i];
  }
  if (count > MOST_ELEMENTS || before + after > 4 * MOST_ELEMENTS) return NULL;
  const size_t all = count ? (before + after + 1) * size : 1;
  char *block = malloc(all);
  memset(block, 0x3f, all); /* a number near 0.75 or 5e-4 */
  x->ptr = block + before * size * (count > 0);
  return block;
}

/* Bytes of an element of array i: ops.h. */
static size_t element(const fnn_call *call, size_t i) {
  const int compares = call->op >= FNN_OP_eq && call->op <= FNN_OP_ge;
  if ((compares && i == 0) || (call->op == FNN_OP_where && i == 1)) return 1;
  return call->real == FNN_FLOAT32 ? 4 : 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bytes from = {data, data + size};
  fnn_operand x[FNN_MAX_ARRAYS] = {{0}};
  void *blocks[FNN_MAX_ARRAYS] = {0};
  fnn_call call = {.op = next(&from) % FNN_N_OPS, .real = next(&from) % 2};
  const size_t table = next(&from) % fnn_isa_count(), threads = next(&from) % 2 ? 3 : 1;
  const fnn_op_info *op = &fnn_ops[call.op];
  if (op->layout == FNN_PACKED || !fnn_isa_supported(table)) return 0;
  fnn_isa_select(table);
  if (!fnn_op_exists(call.op, call.real) || op->mixed) return 0;
  size_t n = 0;
  while (n < FNN_MAX_ARRAYS && op->needs >> n) n++;
  if (op->layout == FNN_MATRIX) { /* with bias and y at times, and what reads them */
    n += 2;
    call.attr[0] = next(&from) % (FNN_TANH + 1);
    call.attr[1] = next(&from) % (FNN_TANH + 1);
    call.attr[2] = next(&from) % (FNN_ROUND_INT8 + 1);
  }
  int all = 1;
  for (size_t i = 0; i < n; i++) {
    draw(&from, &x[i], i < op->writes);
    if (next(&from) % (op->needs >> i & 1 ? 32 : 2) != 1)
      all &= (blocks[i] = place(&x[i], element(&call, i))) != NULL;
  }
  if (all && !fnn_call_fill(&call, x, n) && fnn_call_run(&call, threads) != FNN_OK) abort();
  for (size_t i = 0; i < n; i++) free(blocks[i]);
  return 0;
}

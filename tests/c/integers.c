/* The rows of int64 and bool, of casts and of keys: exact. */
#include "check.h"

static int64_t value_of(int op, int64_t x, int64_t y, int64_t z) {
  const int64_t floored = y ? (x - ((x % y) + y) % y) / y : 0;
  int64_t power = 1;
  switch (op) {
    case FNN_OP_copy:
      return x;
    case FNN_OP_neg:
      return -x;
    case FNN_OP_abs:
      return x < 0 ? -x : x;
    case FNN_OP_sign:
      return (x > 0) - (x < 0);
    case FNN_OP_square:
      return x * x;
    case FNN_OP_add:
      return x + y;
    case FNN_OP_sub:
      return x - y;
    case FNN_OP_mul:
      return x * y;
    case FNN_OP_pow:
      if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;
      for (; y > 0; y--) power *= x;
      return power;
    case FNN_OP_floor_divide:
      return floored;
    case FNN_OP_remainder:
      return x - floored * y;
    case FNN_OP_maximum:
      return x > y ? x : y;
    case FNN_OP_minimum:
      return x < y ? x : y;
    case FNN_OP_bitwise_and:
      return x & y;
    case FNN_OP_bitwise_or:
      return x | y;
    case FNN_OP_bitwise_xor:
      return x ^ y;
    case FNN_OP_eq:
      return x == y;
    case FNN_OP_ne:
      return x != y;
    case FNN_OP_lt:
      return x < y;
    case FNN_OP_le:
      return x <= y;
    case FNN_OP_gt:
      return x > y;
    case FNN_OP_ge:
      return x >= y;
    default:
      return x ? y : z; /* where */
  }
}

static int inputs_of(int op) {
  if (op == FNN_OP_where) return 3;
  return op == FNN_OP_copy || (op >= FNN_OP_neg && op <= FNN_OP_square) ? 1 : 2;
}

static int64_t read_whole(const spread *s, size_t i) {
  int64_t x = 0;
  if (!s->base) return 0;
  if (s->size == 1) return *(uint8_t *)spread_at(s, 0, i);
  memcpy(&x, spread_at(s, 0, i), sizeof x);
  return x;
}

/* n elements, `step` apart; in 0..1 of one byte each, else in -9..9. */
static spread whole_numbers(size_t n, ptrdiff_t step, size_t size) {
  const spread s = place_spread(1, n, step, size);
  for (size_t i = 0; i < n; i++) {
    const int64_t x = size == 1 ? (int64_t)below(2) : (int64_t)below(19) - 9;
    memcpy(spread_at(&s, 0, i), &x, size);
  }
  return s;
}

static void one_elementwise(int op, int real, size_t n, ptrdiff_t step) {
  const int compares = op >= FNN_OP_eq && op <= FNN_OP_ge;
  const size_t size = real == FNN_BOOL ? 1 : sizeof(int64_t);
  fnn_call call = call_of(op, real);
  clear_places();
  call.ndim = 1;
  call.dim[0] = n;
  const spread out = place_spread(1, n, step, compares ? 1 : size);
  spread in[3] = {{0}};
  bind_spread(&call, 0, &out);
  for (int i = 0; i < inputs_of(op); i++) {
    in[i] = whole_numbers(n, step, op == FNN_OP_where && i == 0 ? 1 : size);
    bind_spread(&call, 1 + i, &in[i]);
  }
  run(&call);
  for (size_t i = 0; i < n; i++) {
    int64_t want =
        value_of(op, read_whole(&in[0], i), read_whole(&in[1], i), read_whole(&in[2], i));
    if (real == FNN_BOOL && op == FNN_OP_add) want = want > 0;
    expect(read_whole(&out, i), want, 1, 0);
  }
  expect_gaps(&out);
}

static void one_reduction(int op, int real, size_t outer, size_t len, size_t inner) {
  const size_t size = real == FNN_BOOL ? 1 : sizeof(int64_t);
  fnn_call call = call_of(op, real);
  clear_places();
  const size_t dims[] = {outer, len, inner};
  memcpy(call.dim, dims, sizeof dims);
  const spread out = place_spread(1, outer * inner, 1, size);
  const spread x = whole_numbers(outer * len * inner, 1, size);
  call.array[0] = out.base;
  call.array[1] = x.base;
  run(&call);
  for (size_t o = 0; o < outer; o++)
    for (size_t j = 0; j < inner; j++) {
      int64_t best = read_whole(&x, o * len * inner + j), sum = 0;
      size_t at = 0;
      for (size_t i = 0; i < len; i++) {
        const int64_t v = read_whole(&x, (o * len + i) * inner + j);
        sum += v;
        if (op == FNN_OP_min ? v < best : v > best) best = v, at = i;
      }
      const int64_t want = op == FNN_OP_sum ? sum : op == FNN_OP_argmax ? (int64_t)at : best;
      expect(read_whole(&out, o * inner + j), want, 1, 0);
    }
}

static void one_order(size_t c, int descending) {
  fnn_call call = call_of(FNN_OP_argsort, FNN_INT64);
  clear_places();
  call.dim[0] = 1;
  call.dim[1] = c;
  call.attr[0] = descending;
  int64_t *out = call.array[0] = place(c * sizeof *out);
  const spread x = whole_numbers(c, 1, sizeof(int64_t));
  call.array[1] = x.base;
  run(&call);
  for (size_t j = 0; j < c; j++) {
    size_t at = 0;
    for (size_t l = 0; l < c; l++) {
      const int64_t a = read_whole(&x, l), b = read_whole(&x, j);
      at += a == b ? l < j : descending ? a > b : a < b;
    }
    expect(out[at], (long double)j, 1, 0);
  }
}

static void one_take(int real, size_t n, size_t c) {
  enum { ROWS = 5 };
  const size_t size = real == FNN_BOOL ? 1 : sizeof(int64_t);
  fnn_call call = call_of(FNN_OP_take_rows, real);
  clear_places();
  const size_t dims[] = {n, c, ROWS};
  memcpy(call.dim, dims, sizeof dims);
  const spread out = place_spread(1, n * c, 1, size), x = whole_numbers(ROWS * c, 1, size);
  int64_t *index = place(n * sizeof *index);
  void *const arrays[] = {out.base, x.base, index};
  memcpy(call.array, arrays, sizeof arrays);
  call.attr[0] = (int64_t)size;
  for (size_t i = 0; i < n; i++) index[i] = (int64_t)below(ROWS);
  run(&call);
  for (size_t i = 0; i < n * c; i++)
    expect(read_whole(&out, i), read_whole(&x, (size_t)index[i / c] * c + i % c), 1, 0);
}

static const size_t sizes[FNN_N_REALS] = {sizeof(float), sizeof(double), sizeof(int64_t), 1};

static void put(void *p, int real, double x) {
  const float single = (float)x;
  const int64_t whole = (int64_t)x;
  const uint8_t truth = x != 0;
  const void *const from[] = {&single, &x, &whole, &truth};
  memcpy(p, from[real], sizes[real]);
}

static double get(const void *p, int real) {
  float single;
  double x;
  int64_t whole;
  memcpy(&single, p, real == FNN_FLOAT32 ? sizeof single : 0);
  memcpy(&x, p, real == FNN_FLOAT64 ? sizeof x : 0);
  memcpy(&whole, p, real == FNN_INT64 ? sizeof whole : 0);
  switch (real) {
    case FNN_FLOAT32:
      return single;
    case FNN_FLOAT64:
      return x;
    case FNN_INT64:
      return (double)whole;
    default:
      return *(const uint8_t *)p;
  }
}

/* Halves in -4..4, which every type keeps or cuts in its own way. */
static void one_cast(int real, int to, int from, size_t n, ptrdiff_t step) {
  fnn_call call = call_of(FNN_OP_cast, real);
  clear_places();
  call.ndim = 1;
  call.dim[0] = n;
  call.attr[0] = to;
  call.attr[1] = from;
  const spread out = place_spread(1, n, step, sizes[to]),
               x = place_spread(1, n, step, sizes[from]);
  for (size_t i = 0; i < n; i++) put(spread_at(&x, 0, i), from, (double)below(17) / 2 - 4);
  bind_spread(&call, 0, &out);
  bind_spread(&call, 1, &x);
  run(&call);
  for (size_t i = 0; i < n; i++) {
    const double v = get(spread_at(&x, 0, i), from);
    const double want = to == FNN_INT64 ? trunc(v) : to == FNN_BOOL ? v != 0 : v;
    expect(get(spread_at(&out, 0, i), to), want, 1, 0);
  }
  expect_gaps(&out);
}

static void test_key(void) {
  fnn_call call = call_of(FNN_OP_draw_key, FNN_INT64);
  clear_places();
  int64_t *state = call.array[0] = place(2 * sizeof *state);
  int64_t *key = call.array[1] = place(2 * sizeof *key);
  state[0] = 3;
  state[1] = 8;
  run(&call);
  const int64_t got[] = {state[0], state[1], key[0], key[1]}, want[] = {3, 9, 3, 8};
  for (int i = 0; i < 4; i++) expect(got[i], want[i], 1, 0);
}

void test_integers(void) {
  for (int real = FNN_INT64; real <= FNN_BOOL; real++)
    for (size_t n = 0; n <= 35; n++) {
      for (int op = 0; op <= FNN_OP_where; op++)
        if (fnn_op_exists((size_t)op, real) && op != FNN_OP_cast)
          for (ptrdiff_t step = -1; step <= 3; step += 2) one_elementwise(op, real, n, step);
      for (int op = FNN_OP_sum; n && op <= FNN_OP_argmax; op++)
        if (fnn_op_exists((size_t)op, real)) {
          one_reduction(op, real, 2, n, 3);
          one_reduction(op, real, 3, n, 1);
        }
      one_take(real, n, 7);
      one_order(n, (int)(n % 2));
    }
  for (int real = 0; real < FNN_N_REALS; real++)
    for (int to = 0; to < FNN_N_REALS; to++)
      for (size_t n = 0; n <= 35; n += 5) {
        one_cast(real, to, (real + to) % FNN_N_REALS, n, 1);
        one_cast(real, to, (real + to) % FNN_N_REALS, n, 2);
      }
  test_key();
}

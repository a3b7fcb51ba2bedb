/* Kernels of whole numbers and truth values, in portable C: included with INT int64_t (FN(name) is
 * name_i64) and uint8_t (name_u8, a 0/1 byte).
 *
 * int64 wraps around on overflow. bool adds as `or` and multiplies as `and`, as in torch.
 * Mirror: tests/families/integer.py. */

/* What does not look at the element type: as the floats have it. */
#if INT_IS_BOOL
#define reduce_tiles_u8 reduce_tiles_f32
#define take_rows_u8 take_rows_f32
#define take_tiles_u8 take_tiles_f32
#else
#define reduce_tiles_i64 reduce_tiles_f32
#define take_rows_i64 take_rows_f32
#define take_tiles_i64 take_tiles_f32
#define row_tiles_i64 row_tiles_f32
#define one_tiles_i64 one_tiles_f32
#endif

/* A line of an op: `value` of type OUT from the elements x, y, z of arrays 1, 2, 3. The same loop
 * stands there for neighbouring elements, which the compiler turns into vectors. */
#define LINE(name, OUT, n_in, X, value)                                                           \
  FNN_INLINE void FN(name##_loop)(char *const *at, const ptrdiff_t *step, size_t n) {             \
    char *out = at[0];                                                                            \
    const char *px = at[1], *py = n_in > 1 ? at[2] : at[1], *pz = n_in > 2 ? at[3] : at[1];       \
    for (size_t i = 0; i < n; i++) {                                                              \
      X x;                                                                                        \
      INT y = 0, z = 0;                                                                           \
      memcpy(&x, px, sizeof x);                                                                   \
      px += step[1];                                                                              \
      if (n_in > 1) memcpy(&y, py, sizeof y), py += step[2];                                      \
      if (n_in > 2) memcpy(&z, pz, sizeof z), pz += step[3];                                      \
      const OUT result = (OUT)(value);                                                            \
      memcpy(out, &result, sizeof result);                                                        \
      out += step[0];                                                                             \
      (void)y, (void)z;                                                                           \
    }                                                                                             \
  }                                                                                               \
  static void FN(name##_line)(char *const *at, const ptrdiff_t *step, size_t n) {                 \
    static const ptrdiff_t packed[] = {sizeof(OUT), sizeof(X), sizeof(INT), sizeof(INT)};         \
    if (memcmp(step, packed, (1 + n_in) * sizeof *step) == 0)                                     \
      FN(name##_loop)(at, packed, n);                                                             \
    else                                                                                          \
      FN(name##_loop)(at, step, n);                                                               \
  }                                                                                               \
  static void FN(name)(const fnn_call *call, size_t begin, size_t end, void *scratch) {           \
    static const plain_op op = {                                                                  \
        FN(name##_line), 1 + n_in, {sizeof(OUT), sizeof(X), sizeof(INT), sizeof(INT)}};           \
    plain_run(call, begin, end, &op);                                                             \
  }
#define UNARY(name, value) LINE(name, INT, 1, INT, value)
#define BINARY(name, value) LINE(name, INT, 2, INT, value)
#define COMPARE(name, op) LINE(name, uint8_t, 2, INT, x op y)

UNARY(copy, x)
BINARY(maximum, x > y ? x : y)
BINARY(minimum, x < y ? x : y)
BINARY(bitwise_and, (x & y))
BINARY(bitwise_or, x | y)
BINARY(bitwise_xor, x ^ y)
COMPARE(eq, ==)
COMPARE(ne, !=)
COMPARE(lt, <)
COMPARE(le, <=)
COMPARE(gt, >)
COMPARE(ge, >=)
LINE(where, INT, 3, uint8_t, x ? y : z)

#if INT_IS_BOOL
BINARY(add, x | y)
BINARY(mul, (x & y))
#define EXTREME_START(least) ((INT)(least))
#else
#define EXTREME_START(least) ((least) ? INT64_MAX : INT64_MIN)
/* Wrapping arithmetic is that of the unsigned type. */
#define BITS(x) ((uint64_t)(x))

/* floor(x / y); 0 for y = 0, which the caller refuses. The negative of the least int64 wraps. */
static inline int64_t floor_quotient(int64_t x, int64_t y) {
  if (y == 0) return 0;
  if (y == -1) return (int64_t)(0 - BITS(x));
  return x / y - (x % y != 0 && (x < 0) != (y < 0));
}

/* Euclid's algorithm; the divisor of two zeros is 0. Of the least int64 it may wrap to that. */
static inline int64_t common_divisor(int64_t x, int64_t y) {
  uint64_t a = x < 0 ? 0 - BITS(x) : BITS(x), b = y < 0 ? 0 - BITS(y) : BITS(y);
  while (b) {
    const uint64_t rest = a % b;
    a = b, b = rest;
  }
  return (int64_t)a;
}

/* x^n by squaring, wrapping around; for n < 0 the integer part of it, 0 for x = 0. */
static inline int64_t whole_power(int64_t x, int64_t n) {
  if (n < 0) return x == 1 ? 1 : x == -1 ? (n % 2 ? -1 : 1) : 0;
  uint64_t power = 1, square = BITS(x);
  for (; n; n >>= 1, square *= square)
    if (n & 1) power *= square;
  return (int64_t)power;
}

UNARY(neg, 0 - BITS(x))
UNARY(abs, x < 0 ? 0 - BITS(x) : BITS(x))
UNARY(sign, (x > 0) - (x < 0))
UNARY(square, BITS(x) * BITS(x))
BINARY(add, BITS(x) + BITS(y))
BINARY(sub, BITS(x) - BITS(y))
BINARY(mul, BITS(x) * BITS(y))
BINARY(pow, whole_power(x, y))
BINARY(floor_divide, floor_quotient(x, y))
BINARY(gcd, common_divisor(x, y))
BINARY(remainder, BITS(x) - BITS(floor_quotient(x, y)) * BITS(y))
#undef BITS
#endif

/* Reductions of the middle axis of x (outer, len, inner), in the tiles of reduce.h, uncut: the
 * result over rows of `best = merge(best, x)`. Exact, so the order is of no matter. */
#define REDUCE(name, start, merge)                                                                \
  static void FN(name)(const fnn_call *call, size_t begin, size_t end, void *scratch) {           \
    const reduce_plan_f32 s = reduce_cut_f32(call, 0);                                            \
    for (size_t t = begin; t < end; t++) {                                                        \
      const reduce_tile_f32 u = reduce_tile_at_f32(&s, t);                                        \
      for (size_t o = u.first; o < u.last; o++) {                                                 \
        INT *out = (INT *)call->array[0] + o * s.inner + u.column;                                \
        const INT *from = (const INT *)call->array[1] + o * s.len * s.inner + u.column;           \
        for (size_t j = 0; j < u.n; j++) {                                                        \
          INT best = start;                                                                       \
          for (size_t i = 0; i < s.len; i++) {                                                    \
            const INT x = from[i * s.inner + j];                                                  \
            best = (INT)(merge);                                                                  \
          }                                                                                       \
          out[j] = best;                                                                          \
        }                                                                                         \
      }                                                                                           \
    }                                                                                             \
  }

REDUCE(max, EXTREME_START(0), x > best ? x : best)
REDUCE(min, EXTREME_START(1), x < best ? x : best)

#if !INT_IS_BOOL
#define KEY INT
#define KEY_NAN(x) 0
#include "order.h"
#undef KEY_NAN
#undef KEY

/* In one phase: sums of whole numbers are exact. */
REDUCE(sum_0, 0, (uint64_t)best + (uint64_t)x)
#define sum_1_i64 sum_0_i64
#define sum_tiles_0_i64 reduce_tiles_f32
static size_t sum_tiles_1_i64(const fnn_call *call) { return 0; }
#define sum_workspace_i64 NULL

/* argmax over the middle axis: the first of equals. */
static void argmax_i64(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const reduce_plan_f32 s = reduce_cut_f32(call, 0);
  for (size_t t = begin; t < end; t++) {
    const reduce_tile_f32 u = reduce_tile_at_f32(&s, t);
    for (size_t o = u.first; o < u.last; o++) {
      fnn_int64 *out = (fnn_int64 *)call->array[0] + o * s.inner + u.column;
      const fnn_int64 *from = (const fnn_int64 *)call->array[1] + o * s.len * s.inner + u.column;
      for (size_t j = 0; j < u.n; j++) {
        size_t at = 0;
        for (size_t i = 1; i < s.len; i++)
          if (from[i * s.inner + j] > from[at * s.inner + j]) at = i;
        out[j] = (int64_t)at;
      }
    }
  }
}
#endif

#include "table.h"

#undef REDUCE
#undef EXTREME_START
#undef COMPARE
#undef BINARY
#undef UNARY
#undef LINE

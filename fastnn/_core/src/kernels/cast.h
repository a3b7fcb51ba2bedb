/* cast: out = x in another of the four element types. In portable C, once for all tables. */
#include <string.h>

/* To int64 towards zero, and the least int64 where it does not fit, as x86 converts. */
static inline int64_t cast_whole(double x) {
  return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
}

#define CAST_LINE(from, to, FROM, TO, value)                                                      \
  static void cast_##from##_##to(char *const *at, const ptrdiff_t *step, size_t n) {              \
    char *out = at[0];                                                                            \
    const char *in = at[1];                                                                       \
    for (size_t i = 0; i < n; i++, out += step[0], in += step[1]) {                               \
      FROM x;                                                                                     \
      memcpy(&x, in, sizeof x);                                                                   \
      const TO y = (TO)(value);                                                                   \
      memcpy(out, &y, sizeof y);                                                                  \
    }                                                                                             \
  }
#define CAST_FROM(from, FROM, whole)                                                              \
  CAST_LINE(from, f32, FROM, float, x)                                                            \
  CAST_LINE(from, f64, FROM, double, x)                                                           \
  CAST_LINE(from, i64, FROM, int64_t, whole)                                                      \
  CAST_LINE(from, u8, FROM, uint8_t, x != 0)

CAST_FROM(f32, float, cast_whole((double)x))
CAST_FROM(f64, double, cast_whole(x))
CAST_FROM(i64, int64_t, x)
CAST_FROM(u8, uint8_t, x)

/* cast: y = x as another type.
 *
 *   out_i = x_i, towards zero when to int64, x_i != 0 when to bool
 *
 * Arrays: out, x, each of any of the four types.
 * Scalars: attr = (enum fnn_real of out, enum fnn_real of x).
 * No overlap; any strides and alignment. One rounding when to a float.
 * Source: torch.Tensor.to. */
static void cast_any(const fnn_call *call, size_t begin, size_t end, void *scratch) {
#define TO(from)                                                                                  \
  {                                                                                               \
    cast_##from##_f32, cast_##from##_f64, cast_##from##_i64, cast_##from##_u8                     \
  }
  static const plain_line lines[FNN_N_REALS][FNN_N_REALS] = {TO(f32), TO(f64), TO(i64), TO(u8)};
#undef TO
  static const size_t sizes[FNN_N_REALS] = {sizeof(float), sizeof(double), sizeof(int64_t), 1};
  const size_t to = (size_t)call->attr[0], from = (size_t)call->attr[1];
  if (to >= FNN_N_REALS || from >= FNN_N_REALS) return;
  const plain_op op = {lines[from][to], 2, {sizes[to], sizes[from]}};
  plain_run(call, begin, end, &op);
}

#undef CAST_LINE
#undef CAST_FROM

/* The kernel of each table */
#define cast_f32 cast_any
#define cast_f64 cast_any
#define cast_i64 cast_any
#define cast_u8 cast_any

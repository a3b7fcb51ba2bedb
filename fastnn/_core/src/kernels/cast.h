/* cast: out = x in another of the element types. In portable C, once for all tables. */
#include <string.h>

#include "halves.h"

/* To int64 towards zero, and the least int64 where it does not fit, as x86 converts. */
static inline int64_t cast_whole(double x) {
  return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
}

/* By way of int32, as torch goes from floats to int32, int16 and int8. */
static inline int32_t cast_short(double x) {
  return x > -0x1p31 - 1 && x < 0x1p31 ? (int32_t)x : INT32_MIN;
}

#define CAST_LINE(name, FROM, TO, value)                                                          \
  static void cast_##name(char *const *at, const ptrdiff_t *step, size_t n) {                     \
    char *out = at[0];                                                                            \
    const char *in = at[1];                                                                       \
    for (size_t i = 0; i < n; i++, out += step[0], in += step[1]) {                               \
      FROM x;                                                                                     \
      memcpy(&x, in, sizeof x);                                                                   \
      const TO y = (TO)(value);                                                                   \
      memcpy(out, &y, sizeof y);                                                                  \
    }                                                                                             \
  }
/* From a type to all: its value, that as a whole number, and as one for up to 32 bits. */
#define CAST_FROM(from, FROM, value, whole, short)                                                \
  CAST_LINE(from##_f32, FROM, float, value)                                                       \
  CAST_LINE(from##_f64, FROM, double, value)                                                      \
  CAST_LINE(from##_i64, FROM, int64_t, whole)                                                     \
  CAST_LINE(from##_u8, FROM, uint8_t, (value) != 0)                                               \
  CAST_LINE(from##_f16, FROM, uint16_t, half_of((float)(value)))                                  \
  CAST_LINE(from##_bf16, FROM, uint16_t, brain_of((float)(value)))                                \
  CAST_LINE(from##_i32, FROM, uint32_t, short)                                                    \
  CAST_LINE(from##_i16, FROM, uint16_t, short)                                                    \
  CAST_LINE(from##_i8, FROM, uint8_t, short)                                                      \
  CAST_LINE(from##_byte, FROM, uint8_t, whole)
#define CAST_FLOAT(from, FROM, value)                                                             \
  CAST_FROM(from, FROM, value, cast_whole((double)(value)), cast_short((double)(value)))
#define CAST_WHOLE(from, FROM) CAST_FROM(from, FROM, x, x, x)

CAST_FLOAT(f32, float, x)
CAST_FLOAT(f64, double, x)
CAST_WHOLE(i64, int64_t)
CAST_WHOLE(u8, uint8_t)
CAST_FLOAT(f16, uint16_t, half_value(x))
CAST_FLOAT(bf16, uint16_t, brain_value(x))
CAST_WHOLE(i32, int32_t)
CAST_WHOLE(i16, int16_t)
CAST_WHOLE(i8, int8_t)
CAST_WHOLE(byte, uint8_t)
#undef CAST_LINE
#undef CAST_FROM
#undef CAST_FLOAT
#undef CAST_WHOLE

/* cast: y = x as another type.
 *
 *   out_i = x_i: towards zero when to whole numbers, of which the low bits are kept; x_i != 0 when
 *   to bool; to float16 and bfloat16 by way of float32
 *
 * Arrays: out, x, each of any type.
 * Scalars: attr = (enum fnn_real of out, enum fnn_real of x).
 * No overlap; any strides and alignment. One rounding when to a float; to the same type, all bits.
 * Source: torch.Tensor.to. */
static void cast_any(const fnn_call *call, size_t begin, size_t end, void *scratch) {
#define TO(from)                                                                                  \
  {                                                                                               \
    cast_##from##_f32, cast_##from##_f64, cast_##from##_i64, cast_##from##_u8, cast_##from##_f16, \
        cast_##from##_bf16, cast_##from##_i32, cast_##from##_i16, cast_##from##_i8,               \
        cast_##from##_byte                                                                        \
  }
  static const plain_line lines[FNN_N_TYPES][FNN_N_TYPES] = {
      TO(f32), TO(f64), TO(i64), TO(u8), TO(f16), TO(bf16), TO(i32), TO(i16), TO(i8), TO(byte)};
#undef TO
  static const size_t sizes[FNN_N_TYPES] = {4, 8, 8, 1, 2, 2, 4, 2, 1, 1};
  const size_t to = (size_t)call->attr[0], from = (size_t)call->attr[1];
  if (to >= FNN_N_TYPES || from >= FNN_N_TYPES) return;
  const plain_op op = {lines[from][to], 2, {sizes[to], sizes[from]}};
  plain_run(call, begin, end, &op);
}

/* The kernel of each table */
#define cast_f32 cast_any
#define cast_f64 cast_any
#define cast_i64 cast_any
#define cast_u8 cast_any

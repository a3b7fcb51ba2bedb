/* float16 (IEEE half: 5 bits of exponent, 10 of fraction) and bfloat16 (the upper half of a float32)
 * to and from float32, rounded to nearest, ties to even. On bits alone, as the kernels run with
 * flush-to-zero, which would lose the small numbers of float16. */
#include <stdint.h>
#include <string.h>

static inline uint32_t bits_of_float(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline float float_of_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* The value of a float16; exact. */
static inline float half_value(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = half >> 10 & 31, fraction = half & 0x3ff;
  if (exponent == 31) return float_of_bits(sign | 0x7f800000 | fraction << 13);
  if (exponent == 0) {
    if (fraction == 0) return float_of_bits(sign);
    for (exponent = 1; !(fraction & 0x400); exponent--) fraction <<= 1; /* may wrap below 0 */
    fraction &= 0x3ff;
  }
  return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* The float16 next to x. */
static inline uint16_t half_of(float x) {
  const uint32_t bits = bits_of_float(x), size = bits & 0x7fffffff;
  const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  if (size > 0x7f800000) { /* nan, of the same bits as far as there are */
    const uint16_t fraction = size >> 13 & 0x3ff;
    return sign | 0x7c00 | (fraction ? fraction : 0x200);
  }
  if (size >= 0x477ff000) return sign | 0x7c00; /* 65520 and more round to inf */
  if (size >= 0x38800000) {                     /* 2^-14 and more: a normal number */
    const uint32_t rounded = size + 0xfff + (size >> 13 & 1);
    return (uint16_t)(sign | (rounded - 0x38000000) >> 13);
  }
  if (size < 0x33000000) return sign; /* below 2^-25, half of the least */
  const uint32_t shift = 126 - (size >> 23), fraction = (size & 0x7fffff) | 0x800000;
  const uint32_t whole = fraction >> shift, rest = fraction & ((1u << shift) - 1);
  const uint32_t tie = 1u << (shift - 1);
  return (uint16_t)(sign | (whole + (rest > tie || (rest == tie && whole & 1))));
}

/* The value of a bfloat16; exact. */
static inline float brain_value(uint16_t brain) { return float_of_bits((uint32_t)brain << 16); }

/* The bfloat16 next to x. */
static inline uint16_t brain_of(float x) {
  const uint32_t bits = bits_of_float(x);
  if ((bits & 0x7fffffff) > 0x7f800000) /* nan, of the same bits as far as there are */
    return (uint16_t)(bits >> 16 | (bits >> 16 & 0x7f ? 0 : 0x40));
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* SIMD words for plain C: one lane. The engine's path of last resort, and the words' definition in
 * readable form. v_fma rounds twice here. Included once per REAL. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "names.h"

#define VL 1
typedef REAL vec;
typedef int mask;
typedef double wide;

#if REAL_IS_DOUBLE
#define M(name) name
#define BITS_T uint64_t
#define FRACTION_BITS 52
#define BIAS 1023
#else
#define M(name) name##f
#define BITS_T uint32_t
#define FRACTION_BITS 23
#define BIAS 127
#endif

/* Memory */
FNN_INLINE vec v_zero(void) { return 0; }
FNN_INLINE vec v_set1(REAL x) { return x; }
FNN_INLINE vec v_load(const REAL *p) { return *p; }
FNN_INLINE void v_store(REAL *p, vec v) { *p = v; }
FNN_INLINE mask m_first(size_t n) { return n > 0; }
FNN_INLINE vec v_load_m(const REAL *p, mask m) { return m ? *p : 0; }
FNN_INLINE void v_store_m(REAL *p, vec v, mask m) {
  if (m) *p = v;
}
FNN_INLINE void v_prefetch(const void *p) { __builtin_prefetch(p); }

/* Arithmetic */
FNN_INLINE vec v_add(vec a, vec b) { return a + b; }
FNN_INLINE vec v_sub(vec a, vec b) { return a - b; }
FNN_INLINE vec v_mul(vec a, vec b) { return a * b; }
FNN_INLINE vec v_div(vec a, vec b) { return a / b; }
FNN_INLINE vec v_max(vec a, vec b) { return a > b ? a : b; }
FNN_INLINE vec v_min(vec a, vec b) { return a < b ? a : b; }
FNN_INLINE vec v_sqrt(vec a) { return M(sqrt)(a); }
FNN_INLINE vec v_neg(vec a) { return -a; }
FNN_INLINE vec v_abs(vec a) { return M(fabs)(a); }
FNN_INLINE vec v_fma(vec a, vec b, vec c) { return a * b + c; }
FNN_INLINE vec v_fnma(vec a, vec b, vec c) { return c - a * b; }

/* Masks and choice */
FNN_INLINE mask v_lt(vec a, vec b) { return a < b; }
FNN_INLINE mask v_le(vec a, vec b) { return a <= b; }
FNN_INLINE mask v_gt(vec a, vec b) { return a > b; }
FNN_INLINE mask v_ge(vec a, vec b) { return a >= b; }
FNN_INLINE mask v_eq(vec a, vec b) { return a == b; }
FNN_INLINE mask v_ne(vec a, vec b) { return a != b; }
FNN_INLINE mask m_and(mask a, mask b) { return a & b; }
FNN_INLINE mask m_or(mask a, mask b) { return a | b; }
FNN_INLINE mask m_not(mask a) { return !a; }
FNN_INLINE int m_any(mask a) { return a; }
FNN_INLINE vec v_select(mask m, vec a, vec b) { return m ? a : b; }
FNN_INLINE vec v_copysign(vec magnitude, vec sign) { return M(copysign)(magnitude, sign); }
FNN_INLINE void m_store_bytes(uint8_t *p, mask m, size_t n) {
  if (n > 0) *p = (uint8_t)m;
}
FNN_INLINE mask m_load_bytes(const uint8_t *p, size_t n) { return n > 0 && *p != 0; }

/* Parts of a number: the exponent field by integer arithmetic */
FNN_INLINE BITS_T W(bits_of)(REAL x) {
  BITS_T bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
FNN_INLINE REAL W(from_bits)(BITS_T bits) {
  REAL x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
FNN_INLINE vec v_round(vec x) { return M(rint)(x); }
FNN_INLINE vec v_scale2(vec x, vec n) {
  /* n = nan or beyond the range is the caller's to mask, but must not be undefined here */
  const int32_t field = n > -BIAS && n <= BIAS ? (int32_t)n + BIAS : 0;
  return x * W(from_bits)((BITS_T)field << FRACTION_BITS);
}
FNN_INLINE vec v_exponent(vec x) {
  return (REAL)((int32_t)(W(bits_of)(x) >> FRACTION_BITS) - BIAS);
}
FNN_INLINE vec v_mantissa(vec x) {
  const BITS_T fraction = W(bits_of)(x) & (((BITS_T)1 << FRACTION_BITS) - 1);
  return W(from_bits)(fraction | (BITS_T)BIAS << FRACTION_BITS);
}

/* Across lanes */
FNN_INLINE REAL v_sum(vec v) { return v; }
FNN_INLINE REAL v_hmax(vec v) { return v; }
FNN_INLINE REAL v_hmin(vec v) { return v; }

/* Long sums in double */
FNN_INLINE wide w_zero(void) { return 0; }
FNN_INLINE wide w_add(wide w, vec v) { return w + (double)v; }
FNN_INLINE wide w_fma(vec a, vec b, wide w) { return w + (double)a * (double)b; }
FNN_INLINE wide w_load(const double *p) { return *p; }
FNN_INLINE void w_store(double *p, wide w) { *p = w; }
FNN_INLINE double w_sum(wide w) { return w; }
FNN_INLINE vec w_narrow(wide w) { return (vec)w; }

/* Unsigned 32-bit lanes */
typedef uint32_t uvec;
FNN_INLINE uvec u_set1(uint32_t x) { return x; }
FNN_INLINE uvec u_from(uint32_t x) { return x; }
FNN_INLINE uvec u_add(uvec a, uvec b) { return a + b; }
FNN_INLINE uvec u_xor(uvec a, uvec b) { return a ^ b; }
FNN_INLINE uvec u_mul(uvec a, uvec b) { return a * b; }
FNN_INLINE uvec u_shift(uvec a, int n) { return a >> n; }
FNN_INLINE mask u_ge(uvec a, uvec b) { return a >= b; }

#undef M
#undef BITS_T
#undef FRACTION_BITS
#undef BIAS

/* SIMD words for NEON of AArch64: a mask is a vector of unsigned lanes, all ones or all zeros.
 * Included once per REAL.
 *
 * Lanes are loaded and stored under a mask one by one, unless all are wanted: whole vectors where a
 * loop has the choice. FMAX and FMIN are not v_max and v_min: they give nan for (nan, b). */
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#include "names.h"

#if REAL_IS_DOUBLE
#define VL 2
#define X(op) v##op##_f64
#define BITS(v) vreinterpretq_u64_f64(v)
#define LANES(v) vreinterpretq_f64_u64(v)
#define SIGN vdupq_n_u64((uint64_t)1 << 63)
#define U(op) v##op##_u64
typedef float64x2_t vec;
typedef uint64x2_t mask;
typedef struct {
  float64x2_t part[1];
} wide;
#else
#define VL 4
#define X(op) v##op##_f32
#define BITS(v) vreinterpretq_u32_f32(v)
#define LANES(v) vreinterpretq_f32_u32(v)
#define SIGN vdupq_n_u32((uint32_t)1 << 31)
#define U(op) v##op##_u32
typedef float32x4_t vec;
typedef uint32x4_t mask;
typedef struct {
  float64x2_t part[2];
} wide;
#endif

/* All lanes of a mask, any lane of a mask */
FNN_INLINE int W(m_all)(mask m) {
  const uint64x2_t halves = (uint64x2_t)m;
  return (halves[0] & halves[1]) == UINT64_MAX;
}
FNN_INLINE int m_any(mask m) {
  const uint64x2_t halves = (uint64x2_t)m;
  return (halves[0] | halves[1]) != 0;
}

/* Memory */
FNN_INLINE vec v_zero(void) { return X(dupq_n)(0); }
FNN_INLINE vec v_set1(REAL x) { return X(dupq_n)(x); }
FNN_INLINE vec v_load(const REAL *p) { return X(ld1q)(p); }
#if REAL_IS_DOUBLE
FNN_INLINE vec v_load_pair(const REAL *p, const REAL *q) {
  return vcombine_f64(vld1_f64(p), vld1_f64(q));
}
#else
FNN_INLINE vec v_load_pair(const REAL *p, const REAL *q) {
  return vcombine_f32(vld1_f32(p), vld1_f32(q));
}
#endif
FNN_INLINE void v_store(REAL *p, vec v) { X(st1q)(p, v); }
FNN_INLINE mask m_first(size_t n) {
#if REAL_IS_DOUBLE
  const mask lane = {0, 1};
#else
  const mask lane = {0, 1, 2, 3};
#endif
  return U(cgtq)(U(dupq_n)(n < VL ? (unsigned)n : VL), lane);
}
FNN_INLINE vec v_load_m(const REAL *p, mask m) {
  if (W(m_all)(m)) return v_load(p);
  vec v = v_zero();
#pragma GCC unroll 4
  for (int i = 0; i < VL; i++)
    if (m[i]) v[i] = p[i];
  return v;
}
FNN_INLINE void v_store_m(REAL *p, vec v, mask m) {
  if (W(m_all)(m)) {
    v_store(p, v);
    return;
  }
#pragma GCC unroll 4
  for (int i = 0; i < VL; i++)
    if (m[i]) p[i] = v[i];
}
FNN_INLINE void v_prefetch(const void *p) { __builtin_prefetch(p); }

/* Arithmetic and choice */
FNN_INLINE vec v_add(vec a, vec b) { return X(addq)(a, b); }
FNN_INLINE vec v_sub(vec a, vec b) { return X(subq)(a, b); }
FNN_INLINE vec v_mul(vec a, vec b) { return X(mulq)(a, b); }
FNN_INLINE vec v_div(vec a, vec b) { return X(divq)(a, b); }
FNN_INLINE vec v_sqrt(vec a) { return X(sqrtq)(a); }
FNN_INLINE vec v_neg(vec a) { return X(negq)(a); }
FNN_INLINE vec v_abs(vec a) { return X(absq)(a); }
FNN_INLINE vec v_fma(vec a, vec b, vec c) { return X(fmaq)(c, a, b); }
FNN_INLINE vec v_fnma(vec a, vec b, vec c) { return X(fmsq)(c, a, b); }
FNN_INLINE mask v_lt(vec a, vec b) { return X(cltq)(a, b); }
FNN_INLINE mask v_le(vec a, vec b) { return X(cleq)(a, b); }
FNN_INLINE mask v_gt(vec a, vec b) { return X(cgtq)(a, b); }
FNN_INLINE mask v_ge(vec a, vec b) { return X(cgeq)(a, b); }
FNN_INLINE mask v_eq(vec a, vec b) { return X(ceqq)(a, b); }
FNN_INLINE mask m_and(mask a, mask b) { return a & b; }
FNN_INLINE mask m_or(mask a, mask b) { return a | b; }
FNN_INLINE mask m_not(mask a) { return ~a; }
FNN_INLINE mask v_ne(vec a, vec b) { return ~v_eq(a, b); }
FNN_INLINE vec v_select(mask m, vec a, vec b) { return X(bslq)(m, a, b); }
FNN_INLINE vec v_max(vec a, vec b) { return v_select(v_gt(a, b), a, b); }
FNN_INLINE vec v_min(vec a, vec b) { return v_select(v_lt(a, b), a, b); }
FNN_INLINE vec v_copysign(vec magnitude, vec sign) { return v_select(SIGN, sign, magnitude); }

/* Lanes are narrowed to 16 bits (twice for double), then to bytes. */
FNN_INLINE void m_store_bytes(uint8_t *p, mask m, size_t n) {
#if REAL_IS_DOUBLE
  const uint32x4_t lanes = vcombine_u32(vmovn_u64(m), vdup_n_u32(0));
#else
  const uint32x4_t lanes = m;
#endif
  const uint16x4_t narrow = vmovn_u32(lanes);
  const uint8x8_t bytes = vmovn_u16(vcombine_u16(narrow, narrow));
  const uint64_t packed = vget_lane_u64(vreinterpret_u64_u8(vand_u8(bytes, vdup_n_u8(1))), 0);
  if (n >= VL) {
    __builtin_memcpy(p, &packed, VL);
  } else {
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)(packed >> 8 * i);
  }
}
FNN_INLINE mask m_load_bytes(const uint8_t *p, size_t n) {
  uint64_t bytes = 0;
  if (n >= VL) {
    __builtin_memcpy(&bytes, p, VL);
  } else {
    for (size_t i = 0; i < n; i++) bytes |= (uint64_t)p[i] << 8 * i;
  }
  const uint8x8_t low = vreinterpret_u8_u64(vdup_n_u64(bytes));
  const uint32x4_t lanes = vmovl_u16(vget_low_u16(vmovl_u8(low)));
#if REAL_IS_DOUBLE
  const mask chosen = vmovl_u32(vget_low_u32(lanes));
#else
  const mask chosen = lanes;
#endif
  return U(cgtq)(chosen, U(dupq_n)(0));
}

/* Parts of a number: the exponent field by integer arithmetic */
FNN_INLINE vec v_round(vec x) { return X(rndnq)(x); }
#if REAL_IS_DOUBLE
FNN_INLINE vec v_scale2(vec x, vec n) {
  const int64x2_t field = vaddq_s64(vcvtq_s64_f64(n), vdupq_n_s64(1023));
  return vmulq_f64(x, vreinterpretq_f64_s64(vshlq_n_s64(field, 52)));
}
FNN_INLINE vec v_exponent(vec x) {
  const int64x2_t field = vreinterpretq_s64_u64(vshrq_n_u64(BITS(x), 52));
  return vcvtq_f64_s64(vsubq_s64(field, vdupq_n_s64(1023)));
}
FNN_INLINE vec v_mantissa(vec x) {
  return vbslq_f64(vdupq_n_u64(0x000fffffffffffff), x, vdupq_n_f64(1));
}
#else
FNN_INLINE vec v_scale2(vec x, vec n) {
  const int32x4_t field = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
  return vmulq_f32(x, vreinterpretq_f32_s32(vshlq_n_s32(field, 23)));
}
FNN_INLINE vec v_exponent(vec x) {
  const int32x4_t field = vreinterpretq_s32_u32(vshrq_n_u32(BITS(x), 23));
  return vcvtq_f32_s32(vsubq_s32(field, vdupq_n_s32(127)));
}
FNN_INLINE vec v_mantissa(vec x) { return vbslq_f32(vdupq_n_u32(0x007fffff), x, vdupq_n_f32(1)); }
#endif

/* Across lanes: halves are folded onto each other until one lane is left. */
#if REAL_IS_DOUBLE
#define FOLD(v, op) return op(v, vdupq_laneq_f64(v, 1))[0]
#else
#define FOLD(v, op)                                                                               \
  const vec h2 = op(v, vextq_f32(v, v, 2));                                                       \
  return op(h2, vextq_f32(h2, h2, 1))[0]
#endif
FNN_INLINE REAL v_sum(vec v) { FOLD(v, v_add); }
FNN_INLINE REAL v_hmax(vec v) { FOLD(v, v_max); }
FNN_INLINE REAL v_hmin(vec v) { FOLD(v, v_min); }
#undef FOLD

/* Long sums in double */
#if REAL_IS_DOUBLE
FNN_INLINE float64x2_t W(w_part)(vec v, int i) {
  (void)i;
  return v;
}
FNN_INLINE vec w_narrow(wide w) { return w.part[0]; }
FNN_INLINE double w_sum(wide w) { return v_sum(w.part[0]); }
#else
FNN_INLINE float64x2_t W(w_part)(vec v, int i) {
  return i ? vcvt_high_f64_f32(v) : vcvt_f64_f32(vget_low_f32(v));
}
FNN_INLINE vec w_narrow(wide w) { return vcvt_high_f32_f64(vcvt_f32_f64(w.part[0]), w.part[1]); }
FNN_INLINE double w_sum(wide w) { return vaddvq_f64(vaddq_f64(w.part[0], w.part[1])); }
#endif
FNN_INLINE wide w_zero(void) {
  wide w;
  for (int i = 0; i < VL / 2; i++) w.part[i] = vdupq_n_f64(0);
  return w;
}
FNN_INLINE wide w_add(wide w, vec v) {
  for (int i = 0; i < VL / 2; i++) w.part[i] = vaddq_f64(w.part[i], W(w_part)(v, i));
  return w;
}
FNN_INLINE wide w_fma(vec a, vec b, wide w) {
  for (int i = 0; i < VL / 2; i++)
    w.part[i] = vfmaq_f64(w.part[i], W(w_part)(a, i), W(w_part)(b, i));
  return w;
}
FNN_INLINE wide w_load(const double *p) {
  wide w;
  for (int i = 0; i < VL / 2; i++) w.part[i] = vld1q_f64(p + 2 * i);
  return w;
}
FNN_INLINE void w_store(double *p, wide w) {
  for (int i = 0; i < VL / 2; i++) vst1q_f64(p + 2 * i, w.part[i]);
}
#undef U

/* Unsigned 32-bit lanes: half a register where REAL is double */
#if REAL_IS_DOUBLE
typedef uint32x2_t uvec;
FNN_INLINE uvec u_set1(uint32_t x) { return vdup_n_u32(x); }
FNN_INLINE uvec u_from(uint32_t x) { return u_set1(x) + (uvec){0, 1}; }
FNN_INLINE mask u_ge(uvec a, uvec b) {
  return vreinterpretq_u64_s64(vmovl_s32(vreinterpret_s32_u32(vcge_u32(a, b))));
}
#else
typedef uint32x4_t uvec;
FNN_INLINE uvec u_set1(uint32_t x) { return vdupq_n_u32(x); }
FNN_INLINE uvec u_from(uint32_t x) { return u_set1(x) + (uvec){0, 1, 2, 3}; }
FNN_INLINE mask u_ge(uvec a, uvec b) { return vcgeq_u32(a, b); }
#endif
FNN_INLINE uvec u_add(uvec a, uvec b) { return a + b; }
FNN_INLINE uvec u_xor(uvec a, uvec b) { return a ^ b; }
FNN_INLINE uvec u_mul(uvec a, uvec b) { return a * b; }
FNN_INLINE uvec u_shift(uvec a, int n) { return a >> u_set1((uint32_t)n); }
#undef X
#undef BITS
#undef LANES
#undef SIGN

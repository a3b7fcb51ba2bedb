/* SIMD words for AVX2 with FMA: a mask is a vector whose lanes are all ones or all zeros. Included
 * once per REAL. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "names.h"

#if REAL_IS_DOUBLE
#define VL 4
#define X(op) _mm256_##op##_pd
#define BITS(v) _mm256_castpd_si256(v)
#define LANES(v) _mm256_castsi256_pd(v)
typedef __m256d vec;
typedef __m256d mask;
typedef struct {
  __m256d part[1];
} wide;
#else
#define VL 8
#define X(op) _mm256_##op##_ps
#define BITS(v) _mm256_castps_si256(v)
#define LANES(v) _mm256_castsi256_ps(v)
typedef __m256 vec;
typedef __m256 mask;
typedef struct {
  __m256d part[2];
} wide;
#endif

/* Memory */
FNN_INLINE vec v_zero(void) { return X(setzero)(); }
FNN_INLINE vec v_set1(REAL x) { return X(set1)(x); }
FNN_INLINE vec v_load(const REAL *p) { return X(loadu)(p); }
#if REAL_IS_DOUBLE
FNN_INLINE vec v_load_pair(const REAL *p, const REAL *q) {
  return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(p)), _mm_loadu_pd(q), 1);
}
#else
FNN_INLINE vec v_load_pair(const REAL *p, const REAL *q) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(q), 1);
}
#endif
FNN_INLINE void v_store(REAL *p, vec v) { X(storeu)(p, v); }
FNN_INLINE mask m_first(size_t n) {
  const int count = n < VL ? (int)n : VL;
#if REAL_IS_DOUBLE
  return LANES(_mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3)));
#else
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return LANES(_mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane));
#endif
}
FNN_INLINE vec v_load_m(const REAL *p, mask m) { return X(maskload)(p, BITS(m)); }
FNN_INLINE void v_store_m(REAL *p, vec v, mask m) { X(maskstore)(p, BITS(m), v); }
FNN_INLINE void v_prefetch(const void *p) { __builtin_prefetch(p); }

/* Arithmetic */
FNN_INLINE vec v_add(vec a, vec b) { return X(add)(a, b); }
FNN_INLINE vec v_sub(vec a, vec b) { return X(sub)(a, b); }
FNN_INLINE vec v_mul(vec a, vec b) { return X(mul)(a, b); }
FNN_INLINE vec v_div(vec a, vec b) { return X(div)(a, b); }
FNN_INLINE vec v_max(vec a, vec b) { return X(max)(a, b); }
FNN_INLINE vec v_min(vec a, vec b) { return X(min)(a, b); }
FNN_INLINE vec v_sqrt(vec a) { return X(sqrt)(a); }
FNN_INLINE vec v_neg(vec a) { return X(xor)(a, X(set1)((REAL)-0.0)); }
FNN_INLINE vec v_abs(vec a) { return X(andnot)(X(set1)((REAL)-0.0), a); }
FNN_INLINE vec v_fma(vec a, vec b, vec c) { return X(fmadd)(a, b, c); }
FNN_INLINE vec v_fnma(vec a, vec b, vec c) { return X(fnmadd)(a, b, c); }

/* Masks and choice */
FNN_INLINE mask v_lt(vec a, vec b) { return X(cmp)(a, b, _CMP_LT_OQ); }
FNN_INLINE mask v_le(vec a, vec b) { return X(cmp)(a, b, _CMP_LE_OQ); }
FNN_INLINE mask v_gt(vec a, vec b) { return X(cmp)(a, b, _CMP_GT_OQ); }
FNN_INLINE mask v_ge(vec a, vec b) { return X(cmp)(a, b, _CMP_GE_OQ); }
FNN_INLINE mask v_eq(vec a, vec b) { return X(cmp)(a, b, _CMP_EQ_OQ); }
FNN_INLINE mask v_ne(vec a, vec b) { return X(cmp)(a, b, _CMP_NEQ_UQ); }
FNN_INLINE mask m_and(mask a, mask b) { return X(and)(a, b); }
FNN_INLINE mask m_or(mask a, mask b) { return X(or)(a, b); }
FNN_INLINE mask m_not(mask a) { return X(xor)(a, LANES(_mm256_set1_epi32(-1))); }
FNN_INLINE int m_any(mask a) { return X(movemask)(a) != 0; }
FNN_INLINE vec v_select(mask m, vec a, vec b) { return X(blendv)(b, a, m); }
FNN_INLINE vec v_copysign(vec magnitude, vec sign) {
  const vec bit = X(set1)((REAL)-0.0);
  return X(or)(X(andnot)(bit, magnitude), X(and)(bit, sign));
}
/* Lanes are narrowed to 16 bits by signed saturation (twice for double), then to bytes. */
FNN_INLINE void m_store_bytes(uint8_t *p, mask m, size_t n) {
  const __m256i lanes = BITS(m);
  const __m128i high = _mm256_extracti128_si256(lanes, 1);
  __m128i narrow = _mm_packs_epi32(_mm256_castsi256_si128(lanes), high);
#if REAL_IS_DOUBLE
  narrow = _mm_packs_epi32(narrow, narrow);
#endif
  const __m128i bytes = _mm_and_si128(_mm_packs_epi16(narrow, narrow), _mm_set1_epi8(1));
  const uint64_t packed = (uint64_t)_mm_cvtsi128_si64(bytes);
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
  const __m128i low = _mm_cvtsi64_si128((long long)bytes);
#if REAL_IS_DOUBLE
  return LANES(_mm256_cmpgt_epi64(_mm256_cvtepu8_epi64(low), _mm256_setzero_si256()));
#else
  return LANES(_mm256_cmpgt_epi32(_mm256_cvtepu8_epi32(low), _mm256_setzero_si256()));
#endif
}

/* Parts of a number: the exponent field by integer arithmetic. In double, adding 1.5 * 2^52 puts a
 * small integer into the low bits, and or-ing bits into 2^52 takes it out again. */
FNN_INLINE vec v_round(vec x) {
  return X(round)(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
#if REAL_IS_DOUBLE
FNN_INLINE vec v_scale2(vec x, vec n) {
  const __m256i field = BITS(_mm256_add_pd(n, _mm256_set1_pd(0x1.8p52 + 1023)));
  return _mm256_mul_pd(x, LANES(_mm256_slli_epi64(field, 52)));
}
FNN_INLINE vec v_exponent(vec x) {
  const vec shift = _mm256_set1_pd(0x1p52);
  const vec field = _mm256_or_pd(shift, LANES(_mm256_srli_epi64(BITS(x), 52)));
  return _mm256_sub_pd(field, _mm256_set1_pd(0x1p52 + 1023));
}
FNN_INLINE vec v_mantissa(vec x) {
  const vec fraction = LANES(_mm256_set1_epi64x(0x000fffffffffffff));
  return _mm256_or_pd(_mm256_and_pd(x, fraction), _mm256_set1_pd(1));
}
#else
FNN_INLINE vec v_scale2(vec x, vec n) {
  const __m256i field = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  return _mm256_mul_ps(x, LANES(_mm256_slli_epi32(field, 23)));
}
FNN_INLINE vec v_exponent(vec x) {
  const __m256i field = _mm256_srli_epi32(BITS(x), 23);
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(field, _mm256_set1_epi32(127)));
}
FNN_INLINE vec v_mantissa(vec x) {
  const vec fraction = LANES(_mm256_set1_epi32(0x007fffff));
  return _mm256_or_ps(_mm256_and_ps(x, fraction), _mm256_set1_ps(1));
}
#endif

/* Across lanes: halves are folded onto each other until one lane is left. */
#if REAL_IS_DOUBLE
#define FOLD(v, op)                                                                               \
  const __m128d h2 = _mm_##op##_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));       \
  return _mm_cvtsd_f64(_mm_##op##_sd(h2, _mm_unpackhi_pd(h2, h2)))
#else
#define FOLD(v, op)                                                                               \
  const __m128 h4 = _mm_##op##_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));        \
  const __m128 h2 = _mm_##op##_ps(h4, _mm_movehl_ps(h4, h4));                                     \
  return _mm_cvtss_f32(_mm_##op##_ss(h2, _mm_movehdup_ps(h2)))
#endif
FNN_INLINE REAL v_sum(vec v) { FOLD(v, add); }
FNN_INLINE REAL v_hmax(vec v) { FOLD(v, max); }
FNN_INLINE REAL v_hmin(vec v) { FOLD(v, min); }
#undef FOLD

/* Long sums in double */
#if REAL_IS_DOUBLE
FNN_INLINE __m256d W(w_part)(vec v, int i) {
  (void)i;
  return v;
}
FNN_INLINE vec w_narrow(wide w) { return w.part[0]; }
#else
FNN_INLINE __m256d W(w_part)(vec v, int i) {
  return _mm256_cvtps_pd(i ? _mm256_extractf128_ps(v, 1) : _mm256_castps256_ps128(v));
}
FNN_INLINE vec w_narrow(wide w) {
  return _mm256_set_m128(_mm256_cvtpd_ps(w.part[1]), _mm256_cvtpd_ps(w.part[0]));
}
#endif
FNN_INLINE wide w_zero(void) {
  wide w;
  for (int i = 0; i < VL / 4; i++) w.part[i] = _mm256_setzero_pd();
  return w;
}
FNN_INLINE wide w_add(wide w, vec v) {
  for (int i = 0; i < VL / 4; i++) w.part[i] = _mm256_add_pd(w.part[i], W(w_part)(v, i));
  return w;
}
FNN_INLINE wide w_fma(vec a, vec b, wide w) {
  for (int i = 0; i < VL / 4; i++)
    w.part[i] = _mm256_fmadd_pd(W(w_part)(a, i), W(w_part)(b, i), w.part[i]);
  return w;
}
FNN_INLINE wide w_load(const double *p) {
  wide w;
  for (int i = 0; i < VL / 4; i++) w.part[i] = _mm256_loadu_pd(p + 4 * i);
  return w;
}
FNN_INLINE void w_store(double *p, wide w) {
  for (int i = 0; i < VL / 4; i++) _mm256_storeu_pd(p + 4 * i, w.part[i]);
}
FNN_INLINE double w_sum(wide w) {
  __m256d h4 = w.part[0];
  if (VL == 8) h4 = _mm256_add_pd(h4, w.part[VL / 4 - 1]);
  const __m128d h2 = _mm_add_pd(_mm256_castpd256_pd128(h4), _mm256_extractf128_pd(h4, 1));
  return _mm_cvtsd_f64(_mm_add_sd(h2, _mm_unpackhi_pd(h2, h2)));
}

/* Unsigned 32-bit lanes: half a register where REAL is double */
#if REAL_IS_DOUBLE
#define U(op) _mm_##op
#define U_BITS(op) _mm_##op##_si128
typedef __m128i uvec;
FNN_INLINE uvec u_from(uint32_t x) {
  return _mm_add_epi32(_mm_set1_epi32((int)x), _mm_setr_epi32(0, 1, 2, 3));
}
#else
#define U(op) _mm256_##op
#define U_BITS(op) _mm256_##op##_si256
typedef __m256i uvec;
FNN_INLINE uvec u_from(uint32_t x) {
  return _mm256_add_epi32(_mm256_set1_epi32((int)x), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#endif
FNN_INLINE uvec u_set1(uint32_t x) { return U(set1_epi32)((int)x); }
FNN_INLINE uvec u_add(uvec a, uvec b) { return U(add_epi32)(a, b); }
FNN_INLINE uvec u_xor(uvec a, uvec b) { return U_BITS(xor)(a, b); }
FNN_INLINE uvec u_mul(uvec a, uvec b) { return U(mullo_epi32)(a, b); }
FNN_INLINE uvec u_shift(uvec a, int n) { return U(srli_epi32)(a, n); }
FNN_INLINE mask u_ge(uvec a, uvec b) {
  const uvec holds = U(cmpeq_epi32)(U(max_epu32)(a, b), a);
#if REAL_IS_DOUBLE
  return LANES(_mm256_cvtepi32_epi64(holds));
#else
  return LANES(holds);
#endif
}
#undef U
#undef U_BITS
#undef X
#undef BITS
#undef LANES

/* SIMD words for AVX-512 (F, DQ, BW, VL): masks live in mask registers. Included once per REAL. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "names.h"

#if REAL_IS_DOUBLE
#define VL 8
#define X(op) _mm512_##op##_pd
typedef __m512d vec;
typedef __mmask8 mask;
typedef struct {
  __m512d part[1];
} wide;
#else
#define VL 16
#define X(op) _mm512_##op##_ps
typedef __m512 vec;
typedef __mmask16 mask;
typedef struct {
  __m512d part[2];
} wide;
#endif

/* Memory */
FNN_INLINE vec v_zero(void) { return X(setzero)(); }
FNN_INLINE vec v_set1(REAL x) { return X(set1)(x); }
FNN_INLINE vec v_load(const REAL *p) { return X(loadu)(p); }
#if REAL_IS_DOUBLE
FNN_INLINE vec v_load_pair(const REAL *p, const REAL *q) {
  return _mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(p)), _mm256_loadu_pd(q), 1);
}
#else
FNN_INLINE vec v_load_pair(const REAL *p, const REAL *q) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(p)), _mm256_loadu_ps(q), 1);
}
#endif
FNN_INLINE void v_store(REAL *p, vec v) { X(storeu)(p, v); }
FNN_INLINE mask m_first(size_t n) { return (mask)(n >= VL ? (1u << VL) - 1 : (1u << n) - 1); }
FNN_INLINE vec v_load_m(const REAL *p, mask m) { return X(maskz_loadu)(m, p); }
FNN_INLINE void v_store_m(REAL *p, vec v, mask m) { X(mask_storeu)(p, m, v); }
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
#define COMPARE(a, b, how) _mm512_cmp_ps_mask(a, b, how)
#if REAL_IS_DOUBLE
#undef COMPARE
#define COMPARE(a, b, how) _mm512_cmp_pd_mask(a, b, how)
#endif
FNN_INLINE mask v_lt(vec a, vec b) { return COMPARE(a, b, _CMP_LT_OQ); }
FNN_INLINE mask v_le(vec a, vec b) { return COMPARE(a, b, _CMP_LE_OQ); }
FNN_INLINE mask v_gt(vec a, vec b) { return COMPARE(a, b, _CMP_GT_OQ); }
FNN_INLINE mask v_ge(vec a, vec b) { return COMPARE(a, b, _CMP_GE_OQ); }
FNN_INLINE mask v_eq(vec a, vec b) { return COMPARE(a, b, _CMP_EQ_OQ); }
FNN_INLINE mask v_ne(vec a, vec b) { return COMPARE(a, b, _CMP_NEQ_UQ); }
#undef COMPARE
FNN_INLINE mask m_and(mask a, mask b) { return (mask)(a & b); }
FNN_INLINE mask m_or(mask a, mask b) { return (mask)(a | b); }
FNN_INLINE mask m_not(mask a) { return (mask)~a; }
FNN_INLINE int m_any(mask a) { return a != 0; }
FNN_INLINE vec v_select(mask m, vec a, vec b) { return X(mask_blend)(m, b, a); }
FNN_INLINE vec v_copysign(vec magnitude, vec sign) {
  const vec bit = X(set1)((REAL)-0.0);
  return X(or)(X(andnot)(bit, magnitude), X(and)(bit, sign));
}
/* The bytes travel in the low VL bytes of an xmm register. */
FNN_INLINE void m_store_bytes(uint8_t *p, mask m, size_t n) {
  _mm_mask_storeu_epi8(p, m_first(n), _mm_maskz_set1_epi8(m, 1));
}
FNN_INLINE mask m_load_bytes(const uint8_t *p, size_t n) {
  const __m128i bytes = _mm_maskz_loadu_epi8(m_first(n), p);
  return (mask)_mm_test_epi8_mask(bytes, bytes);
}

/* Parts of a number */
FNN_INLINE vec v_round(vec x) {
  return X(roundscale)(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
FNN_INLINE vec v_scale2(vec x, vec n) { return X(scalef)(x, n); }
FNN_INLINE vec v_exponent(vec x) { return X(getexp)(x); }
FNN_INLINE vec v_mantissa(vec x) { return X(getmant)(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src); }

/* Across lanes: halves are folded onto each other until one lane is left. */
#if REAL_IS_DOUBLE
#define FOLD(v, op)                                                                               \
  const __m256d h4 = _mm256_##op##_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));   \
  const __m128d h2 = _mm_##op##_pd(_mm256_castpd256_pd128(h4), _mm256_extractf128_pd(h4, 1));     \
  return _mm_cvtsd_f64(_mm_##op##_sd(h2, _mm_unpackhi_pd(h2, h2)))
#else
#define FOLD(v, op)                                                                               \
  const __m256 h8 = _mm256_##op##_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));    \
  const __m128 h4 = _mm_##op##_ps(_mm256_castps256_ps128(h8), _mm256_extractf128_ps(h8, 1));      \
  const __m128 h2 = _mm_##op##_ps(h4, _mm_movehl_ps(h4, h4));                                     \
  return _mm_cvtss_f32(_mm_##op##_ss(h2, _mm_movehdup_ps(h2)))
#endif
FNN_INLINE REAL v_sum(vec v) { FOLD(v, add); }
FNN_INLINE REAL v_hmax(vec v) { FOLD(v, max); }
FNN_INLINE REAL v_hmin(vec v) { FOLD(v, min); }
#undef FOLD

/* Long sums in double */
#if REAL_IS_DOUBLE
FNN_INLINE __m512d W(w_part)(vec v, int i) {
  (void)i;
  return v;
}
FNN_INLINE vec w_narrow(wide w) { return w.part[0]; }
#else
FNN_INLINE __m512d W(w_part)(vec v, int i) {
  return _mm512_cvtps_pd(i ? _mm512_extractf32x8_ps(v, 1) : _mm512_castps512_ps256(v));
}
FNN_INLINE vec w_narrow(wide w) {
  const vec low = _mm512_castps256_ps512(_mm512_cvtpd_ps(w.part[0]));
  return _mm512_insertf32x8(low, _mm512_cvtpd_ps(w.part[1]), 1);
}
#endif
FNN_INLINE wide w_zero(void) {
  wide w;
  for (int i = 0; i < VL / 8; i++) w.part[i] = _mm512_setzero_pd();
  return w;
}
FNN_INLINE wide w_add(wide w, vec v) {
  for (int i = 0; i < VL / 8; i++) w.part[i] = _mm512_add_pd(w.part[i], W(w_part)(v, i));
  return w;
}
FNN_INLINE wide w_fma(vec a, vec b, wide w) {
  for (int i = 0; i < VL / 8; i++)
    w.part[i] = _mm512_fmadd_pd(W(w_part)(a, i), W(w_part)(b, i), w.part[i]);
  return w;
}
FNN_INLINE wide w_load(const double *p) {
  wide w;
  for (int i = 0; i < VL / 8; i++) w.part[i] = _mm512_loadu_pd(p + 8 * i);
  return w;
}
FNN_INLINE void w_store(double *p, wide w) {
  for (int i = 0; i < VL / 8; i++) _mm512_storeu_pd(p + 8 * i, w.part[i]);
}
FNN_INLINE double w_sum(wide w) {
  __m512d h8 = w.part[0];
  if (VL == 16) h8 = _mm512_add_pd(h8, w.part[VL / 8 - 1]);
  const __m256d h4 = _mm256_add_pd(_mm512_castpd512_pd256(h8), _mm512_extractf64x4_pd(h8, 1));
  const __m128d h2 = _mm_add_pd(_mm256_castpd256_pd128(h4), _mm256_extractf128_pd(h4, 1));
  return _mm_cvtsd_f64(_mm_add_sd(h2, _mm_unpackhi_pd(h2, h2)));
}

/* Unsigned 32-bit lanes: half a register where REAL is double */
#if REAL_IS_DOUBLE
#define U(op) _mm256_##op
#define U_BITS(op) _mm256_##op##_si256
typedef __m256i uvec;
FNN_INLINE uvec u_from(uint32_t x) {
  return _mm256_add_epi32(_mm256_set1_epi32((int)x), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#else
#define U(op) _mm512_##op
#define U_BITS(op) _mm512_##op##_si512
typedef __m512i uvec;
FNN_INLINE uvec u_from(uint32_t x) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_add_epi32(_mm512_set1_epi32((int)x), lane);
}
#endif
FNN_INLINE uvec u_set1(uint32_t x) { return U(set1_epi32)((int)x); }
FNN_INLINE uvec u_add(uvec a, uvec b) { return U(add_epi32)(a, b); }
FNN_INLINE uvec u_xor(uvec a, uvec b) { return U_BITS(xor)(a, b); }
FNN_INLINE uvec u_mul(uvec a, uvec b) { return U(mullo_epi32)(a, b); }
FNN_INLINE uvec u_shift(uvec a, int n) { return U(srli_epi32)(a, (unsigned)n); }
FNN_INLINE mask u_ge(uvec a, uvec b) { return U(cmpge_epu32_mask)(a, b); }
#undef U
#undef U_BITS
#undef X

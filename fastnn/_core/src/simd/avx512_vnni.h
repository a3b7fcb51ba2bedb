/* Words for fours of whole numbers of 8 bits: AVX512_VNNI. After avx512.h, for float. A group of
 * four is a lane of 32 bits. */
#define GROUP 4

typedef __m512i group_sum;
FNN_INLINE group_sum g_zero(void) { return _mm512_setzero_si512(); }

/* Adds four products; a is unsigned, b signed. */
FNN_INLINE group_sum g_dot(group_sum sum, vec a, vec b) {
  return _mm512_dpbusd_epi32(sum, _mm512_castps_si512(a), _mm512_castps_si512(b));
}
FNN_INLINE vec g_value(group_sum sum) { return _mm512_cvtepi32_ps(sum); }
FNN_INLINE vec g_ones(void) { return _mm512_castsi512_ps(_mm512_set1_epi8(1)); }

/* The low 8 bits: lane i holds x[0][i] ... x[3][i]. */
FNN_INLINE vec g_across(const vec x[GROUP]) {
  const __m512i byte = _mm512_set1_epi32(255);
  __m512i four = _mm512_and_si512(_mm512_cvtps_epi32(x[0]), byte);
#pragma GCC unroll 3
  for (int p = 1; p < GROUP; p++) {
    const __m512i one = _mm512_and_si512(_mm512_cvtps_epi32(x[p]), byte);
    four = _mm512_or_si512(four, _mm512_slli_epi32(one, 8 * (unsigned)p));
  }
  return _mm512_castsi512_ps(four);
}

/* The low 8 bits: lane i holds elements 4 i ... 4 i + 3 of the four vectors. */
FNN_INLINE vec g_along(const vec x[GROUP]) {
  __m512i all = _mm512_castsi128_si512(_mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x[0])));
  all = _mm512_inserti32x4(all, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x[1])), 1);
  all = _mm512_inserti32x4(all, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x[2])), 2);
  all = _mm512_inserti32x4(all, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x[3])), 3);
  return _mm512_castsi512_ps(all);
}

/* Words for pairs of bfloat16: AVX512_BF16. After avx512.h, for float. A pair is a lane of 32 bits. */
#define GROUP 2

typedef vec group_sum;
FNN_INLINE group_sum g_zero(void) { return v_zero(); }

/* Adds the product of the upper halves, then that of the lower: the first of a pair lies above. */
FNN_INLINE group_sum g_dot(group_sum sum, vec a, vec b) {
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

/* Rounded: lane i holds x[0][i] and x[1][i]. */
FNN_INLINE vec g_across(const vec x[GROUP]) {
  const __m512i place =
      _mm512_setr_epi32(0x00100000, 0x00110001, 0x00120002, 0x00130003, 0x00140004, 0x00150005,
                        0x00160006, 0x00170007, 0x00180008, 0x00190009, 0x001a000a, 0x001b000b,
                        0x001c000c, 0x001d000d, 0x001e000e, 0x001f000f);
  const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(x[0], x[1]);
  return _mm512_castsi512_ps(_mm512_permutexvar_epi16(place, both));
}

/* Rounded: lane i holds elements 2 i and 2 i + 1 of the two vectors. */
FNN_INLINE vec g_along(const vec x[GROUP]) {
  const __m512i pairs = (__m512i)_mm512_cvtne2ps_pbh(x[1], x[0]);
  return _mm512_castsi512_ps(_mm512_rol_epi32(pairs, 16));
}

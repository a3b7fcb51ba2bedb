/* Squares of lanes, transposed in registers. Once per REAL. */
#ifndef PACK_SHUFFLE
#define PACK_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#endif

/* Interleaves a and b: low gives a0 b0 a1 b1 ..., high goes on where low stops. */
#if VL == 16
FNN_INLINE vec FN(zip_low)(vec a, vec b) {
  return PACK_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
FNN_INLINE vec FN(zip_high)(vec a, vec b) {
  return PACK_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
#elif VL == 8
FNN_INLINE vec FN(zip_low)(vec a, vec b) { return PACK_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
FNN_INLINE vec FN(zip_high)(vec a, vec b) {
  return PACK_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
#elif VL == 4
FNN_INLINE vec FN(zip_low)(vec a, vec b) { return PACK_SHUFFLE(a, b, 0, 4, 1, 5); }
FNN_INLINE vec FN(zip_high)(vec a, vec b) { return PACK_SHUFFLE(a, b, 2, 6, 3, 7); }
#elif VL == 2
FNN_INLINE vec FN(zip_low)(vec a, vec b) { return PACK_SHUFFLE(a, b, 0, 2); }
FNN_INLINE vec FN(zip_high)(vec a, vec b) { return PACK_SHUFFLE(a, b, 1, 3); }
#else /* one lane: no stage of interleave runs */
FNN_INLINE vec FN(zip_low)(vec a, vec b) { return (void)b, a; }
FNN_INLINE vec FN(zip_high)(vec a, vec b) { return (void)a, b; }
#endif

/* Interleaves the lanes of `count` vectors: lane l of v[i] goes to place l * count + i of all lanes in
 * order. log2(count) perfect shuffles; with VL vectors it transposes a square. */
FNN_INLINE void FN(interleave)(vec *v, int count) {
  vec w[VL];
#pragma GCC unroll 4
  for (int stage = 1; stage < count; stage *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < count / 2; i++) {
      w[2 * i] = FN(zip_low)(v[i], v[i + count / 2]);
      w[2 * i + 1] = FN(zip_high)(v[i], v[i + count / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < count; i++) v[i] = w[i];
  }
}

/* What this machine can reach: multiply-adds from registers, and copying and adding long arrays.
 * Compiled with -march=native when the bench starts, so the vector is as long as the CPU's. */
#include <stddef.h>
#include <string.h>

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#define LANES (VECTOR_BYTES / (int)sizeof(float))
#define CHAINS 12 /* latency 4 times 2 units needs 8; 16 registers leave 14 */

typedef float vec __attribute__((vector_size(VECTOR_BYTES)));

int peak_lanes(void) { return LANES; }

/* Returns the floating-point operations done; the sum goes to *out so that none is dropped. */
double peak_fma(size_t rounds, float *out) {
  vec a = {0}, b = {0}, chain[CHAINS];
  a += 0.5f;
  b += 0.25f;
#pragma GCC unroll 12
  for (int i = 0; i < CHAINS; i++) chain[i] = a + (float)i;
  for (size_t r = 0; r < rounds; r++) {
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) chain[i] = chain[i] * a + b;
  }
  vec sum = {0};
#pragma GCC unroll 12
  for (int i = 0; i < CHAINS; i++) sum += chain[i];
  *out = sum[0];
  return 2.0 * (double)rounds * CHAINS * LANES;
}

/* Both return the bytes read and written. */
double peak_copy(float *restrict to, const float *restrict from, size_t n) {
  memcpy(to, from, n * sizeof(float));
  return 2.0 * (double)n * sizeof(float);
}

double peak_triad(float *restrict to, const float *restrict a, const float *restrict b, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = a[i] + 3.0f * b[i];
  return 3.0 * (double)n * sizeof(float);
}

/* What no call of an op shows: all_finite, whose denormals are flushed, what the processor has. */
#include <float.h>

#include "processor.h"
#include "replay.h"

/* A number that is not finite, at every place of short and of longer arrays that end where a page
 * does. Once per REAL. */
#define FINITE(name, REAL, real, most)                                                            \
  static void name(void) {                                                                        \
    static const double bad[] = {NAN, INFINITY, -INFINITY};                                       \
    for (size_t n = 0; n < 300; n++) {                                                            \
      clear_places();                                                                             \
      REAL *x = place(n * sizeof(REAL), AT_END);                                                  \
      for (size_t i = 0; i < n; i++) x[i] = i % 2 ? most : -most;                                 \
      if (!fnn_all_finite(x, n, real)) fail("all_finite: the largest number is not finite");      \
      for (size_t i = 0; i < n; i++) {                                                            \
        const REAL before = x[i];                                                                 \
        x[i] = (REAL)bad[i % 3];                                                                  \
        if (fnn_all_finite(x, n, real)) fail("all_finite: nan or inf was not seen");              \
        x[i] = before;                                                                            \
      }                                                                                           \
    }                                                                                             \
  }
FINITE(test_float32, float, FNN_FLOAT32, FLT_MAX)
FINITE(test_float64, double, FNN_FLOAT64, DBL_MAX)

void test_all_finite(void) {
  test_float32();
  test_float64();
}

/* Kernels run with denormals flushed, and the caller's mode comes back. */
void test_denormals(void) {
  float out = NAN, a = 0x1p-100f, b = 0x1p-40f;
  fnn_call call = {.op = FNN_OP_mul, .real = FNN_FLOAT32, .ndim = 1, .dim = {1}};
  void *const arrays[] = {&out, &a, &b};
  memcpy(call.array, arrays, sizeof arrays);
  for (int i = 0; i < 3; i++) call.stride[i][0] = 1;
  in_hand(&call);
  if (fnn_call_run(&call, 1) != FNN_OK) fail("no memory");
#if !defined(__wasm__) /* which has no mode for it */
  if (out != 0) fail("a denormal product was not flushed");
#endif
  volatile float small = 0x1p-100f, factor = 0x1p-40f;
  if (small * factor == 0) fail("the caller's denormals are flushed after a run");
}

/* The same answers as GCC's, which reads CPUID by code of its own. */
void test_processor(void) {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SAME(name)                                                                                \
  if (fnn_cpu_supports(name) != (__builtin_cpu_supports(name) != 0)) {                            \
    fail("fnn_cpu_supports(\"" name "\"): not what the compiler says");                           \
  }
  SAME("fma")
  SAME("avx2")
  SAME("avx512f")
  SAME("avx512dq")
  SAME("avx512bw")
  SAME("avx512vl")
  SAME("avx512vnni")
  SAME("avx512bf16")
#endif
  if (fnn_cpu_supports("flying")) fail("fnn_cpu_supports: a feature that there is not");
}

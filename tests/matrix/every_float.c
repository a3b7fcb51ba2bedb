/* One function of vmath on every float32 (R3), on each instruction set of this machine.
 *
 *   every_float FUNCTION FIRST END
 *
 * takes the bit patterns FIRST <= x < END, compares with libm in float64, and prints a JSON object:
 * for each instruction set the largest error in ULP, the bits of its x, and how many results were
 * wrong: more than 4 ULP off, nan for a number or a number for nan, a zero of the other sign.
 *
 * As the engine promises: a denormal x counts as the zero of its sign, a result below the smallest
 * normal number may be zero, and the last 4 ULP before overflow may be infinite. */
#include <fastnn.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 8192, MAX_TABLES = 8 };
#define MAX_ULP 4
#define ROOT_PI 1.77245385090551602730

typedef struct {
  double worst; /* ULP; of results that are not wrong in kind */
  uint32_t at, first_wrong;
  uint64_t wrong;
} found;

/* Those to look at, asked once; those with a _ in their names differ in products alone. */
static int tables[MAX_TABLES];

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* The y with erf(y) = x: Halley's method from Winitzki's estimate, by erfc(y) where 1 - x is exact. */
static double erfinv(double x) {
  const double size = fabs(x), a = 0.147;
  if (!(size < 1)) return size == 1 ? copysign(INFINITY, x) : NAN;
  if (size < 1e-4) return ROOT_PI / 2 * x * (1 + M_PI / 12 * x * x);
  const double log = log1p(-size * size), half = 2 / (M_PI * a) + log / 2;
  double y = sqrt(fmax(sqrt(half * half - log / a) - half, 0));
  for (int i = 0; i < 3; i++) {
    const double miss = y > 1.5 ? 1 - size - erfc(y) : erf(y) - size;
    const double step = miss * exp(y * y) * ROOT_PI / 2;
    y -= step / (1 + y * step);
  }
  return copysign(y, x);
}

/* clang-format off */
#define FUNCTIONS(X) \
  X(exp) X(expm1) X(log) X(log1p) X(sin) X(cos) X(erf) X(erfinv) X(tanh) X(sigmoid) X(erfc) \
  X(exp2) X(log2) X(log10) X(sinh) X(cosh) X(asin) X(acos) X(atan) X(asinh) X(acosh) X(atanh)
/* clang-format on */

static const struct {
  const char *name;
  uint16_t op;
  double (*exact)(double x);
} functions[] = {
#define ROW(name) {#name, FNN_OP_##name, name},
    FUNCTIONS(ROW)
#undef ROW
};

/* The spacing of float32 numbers around x. */
static double ulp(double x) {
  const double positive = fabs(x), normal = positive > FLT_MIN ? positive : FLT_MIN;
  const double size = normal < FLT_MAX ? normal : FLT_MAX;
  uint64_t bits;
  memcpy(&bits, &size, sizeof bits);
  bits = (bits >> 52 << 52) - ((uint64_t)23 << 52);
  double out;
  memcpy(&out, &bits, sizeof out);
  return out;
}

static void look(found *f, uint32_t bits, float got, double want, double unit) {
  int wrong;
  double error = 0;
  if (isnan(got) || isnan(want)) {
    wrong = !(isnan(got) && isnan(want));
  } else {
    const int near_zero = fabs(want) < FLT_MIN && fabsf(got) <= FLT_MIN;
    const int overflow =
        isinf(got) && fabs(want) + MAX_ULP * unit >= FLT_MAX && (got > 0) == (want > 0);
    if (got != (float)want && !near_zero && !overflow) error = fabs(got - want) / unit;
    wrong = !(error <= MAX_ULP) || (got == 0 && !signbit(got) != !signbit(want));
  }
  if (wrong && !f->wrong++) f->first_wrong = bits;
  if (error > f->worst && error < INFINITY) {
    f->worst = error;
    f->at = bits;
  }
}

/* Closely at what is worse than all so far: of most blocks, at nothing. */
static void look_at(found *f, uint32_t first, const float *got, const double *want,
                    const double *unit, size_t n) {
  static int fine[BLOCK];
  const double worst = f->worst;
  for (size_t i = 0; i < n; i++) {
    const float rounded = (float)want[i];
    int32_t bits, right;
    memcpy(&bits, &got[i], sizeof bits);
    memcpy(&right, &rounded, sizeof right);
    const int near = (fabs(got[i] - want[i]) <= worst * unit[i]) & (got[i] != 0);
    const int both_nan = (got[i] != got[i]) & (want[i] != want[i]);
    fine[i] = (bits == right) | near | both_nan;
  }
  for (size_t i = 0; i < n; i++)
    if (!fine[i]) look(f, first + (uint32_t)i, got[i], want[i], unit[i]);
}

static void run(uint16_t op, float *out, float *x, size_t n) {
  fnn_call call = {.op = op, .real = FNN_FLOAT32, .ndim = 1, .dim = {n}};
  void *const arrays[] = {out, x};
  memcpy(call.array, arrays, sizeof arrays);
  call.stride[0][0] = call.stride[1][0] = 1;
  if (fnn_call_run(&call, 1) != FNN_OK) exit(3);
}

static void block(size_t function, uint64_t first, size_t n, found *of_table) {
  static float x[BLOCK], out[BLOCK];
  static double want[BLOCK], unit[BLOCK];
  for (size_t i = 0; i < n; i++) {
    const uint32_t bits = (uint32_t)(first + i);
    memcpy(&x[i], &bits, sizeof bits);
    const float seen = fabsf(x[i]) < FLT_MIN ? copysignf(0, x[i]) : x[i];
    want[i] = functions[function].exact(seen);
  }
  for (size_t i = 0; i < n; i++) unit[i] = ulp(want[i]);
  for (size_t t = 0; t < fnn_isa_count(); t++) {
    if (!tables[t]) continue;
    fnn_isa_select(t);
    for (size_t i = 0; i < n; i++) out[i] = NAN;
    run(functions[function].op, out, x, n);
    look_at(&of_table[t], (uint32_t)first, out, want, unit, n);
  }
}

int main(int argc, char **argv) {
  found of_table[MAX_TABLES] = {{0}};
  size_t function = 0;
  const size_t n_functions = sizeof functions / sizeof *functions;
  if (argc != 4 || fnn_isa_count() > MAX_TABLES) return 2;
  while (function < n_functions && strcmp(functions[function].name, argv[1])) function++;
  if (function == n_functions) return 2;
  const uint64_t first = strtoull(argv[2], NULL, 0), end = strtoull(argv[3], NULL, 0);
  for (size_t t = 0; t < fnn_isa_count(); t++)
    tables[t] = fnn_isa_supported(t) && !strchr(fnn_isa_name(t), '_');
  for (uint64_t at = first; at < end; at += BLOCK)
    block(function, at, end - at < BLOCK ? (size_t)(end - at) : BLOCK, of_table);
  const char *comma = "{";
  for (size_t t = 0; t < fnn_isa_count(); t++) {
    if (!tables[t]) continue;
    const found *f = &of_table[t];
    printf("%s\"%s\": {\"worst\": %.4f, \"at\": %" PRIu32 ", \"wrong\": %" PRIu64
           ", \"first_wrong\": %" PRIu32 "}",
           comma, fnn_isa_name(t), f->worst, f->at, f->wrong, f->first_wrong);
    comma = ", ";
  }
  puts("}");
  return 0;
}

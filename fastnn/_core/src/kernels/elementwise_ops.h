/* The FNN_BROADCAST ops, one line each, with what some of them need above. Included once per REAL,
 * after elementwise.h.
 *
 * Rounding: that of the word, of the vmath function, or of the lanes named in the line.
 * Mirror: the function of the same name in tests/reference.py. */
#include <math.h>

/* Denormals as signed zeros: libm scales them by a product, which is 0 where they count as 0. */
FNN_INLINE vec FN(flushed)(vec x) {
  const vec least = v_scale2(v_set1(1), v_set1(REAL_IS_DOUBLE ? -1022 : -126));
  return v_select(v_lt(v_abs(x), least), v_copysign(v_zero(), x), x);
}

/* pow: y = a^b with every special case of C. libm lane by lane: powers are rare in nets, and those
 * with a name (square, sqrt) have an op. */
FNN_INLINE vec FN(pow_lanes)(vec a, vec b) {
  REAL x[VL], y[VL];
  v_store(x, FN(flushed)(a));
  v_store(y, FN(flushed)(b));
  for (int i = 0; i < VL; i++) {
#if REAL_IS_DOUBLE
    x[i] = pow(x[i], y[i]);
#else
    x[i] = powf(x[i], y[i]);
#endif
  }
  return v_load(x);
}

/* A row of a function in double, element by element, denormals taken as 0. A step of 0 is a number
 * that was spread over a vector. */
FNN_INLINE double FN(number)(REAL x) {
  return fabs((double)x) < (REAL_IS_DOUBLE ? 0x1p-1022 : 0x1p-126) ? copysign(0, (double)x)
                                                                   : (double)x;
}
static void FN(called_row)(const FN(elementwise_row) * row, double (*f)(double)) {
  REAL *out = row->array[0];
  const REAL *x = row->array[1];
  for (size_t i = 0; i < row->n; i++) out[i] = (REAL)f(FN(number)(x[row->step[1] ? i : 0]));
}
static void FN(called_row_of_two)(const FN(elementwise_row) * row, double (*f)(double, double)) {
  REAL *out = row->array[0];
  const REAL *a = row->array[1], *b = row->array[2];
  for (size_t i = 0; i < row->n; i++)
    out[i] = (REAL)f(FN(number)(a[row->step[1] ? i : 0]), FN(number)(b[row->step[2] ? i : 0]));
}

/* nextafter: the next number after a in the direction of b. Denormal results are kept. */
static void FN(nextafter_row)(const FN(elementwise_row) * row) {
  REAL *out = row->array[0];
  const REAL *a = row->array[1], *b = row->array[2];
  for (size_t i = 0; i < row->n; i++) {
    const REAL from = a[row->step[1] ? i : 0], to = b[row->step[2] ? i : 0];
#if REAL_IS_DOUBLE
    out[i] = nextafter(from, to);
#else
    out[i] = nextafterf(from, to);
#endif
  }
}

/* sign: -1, 0 or 1; 0 at nan, as torch's */
FNN_INLINE vec FN(sign_lanes)(vec x) {
  const vec not_above = v_select(v_lt(x, v_zero()), v_set1(-1), v_zero());
  return v_select(v_gt(x, v_zero()), v_set1(1), not_above);
}

/* floor: the rounded value, less 1 where that lies above */
FNN_INLINE vec FN(floor_lanes)(vec x) {
  const vec near = v_round(x);
  return v_select(v_gt(near, x), v_sub(near, v_set1(1)), near);
}

/* remainder: x - floor(x / y) y with the sign of y, from C's exact fmod, lane by lane */
FNN_INLINE vec FN(remainder_lanes)(vec a, vec b) {
  REAL x[VL], y[VL];
  v_store(x, FN(flushed)(a));
  v_store(y, FN(flushed)(b));
  for (int i = 0; i < VL; i++) {
#if REAL_IS_DOUBLE
    x[i] = fmod(x[i], y[i]);
#else
    x[i] = fmodf(x[i], y[i]);
#endif
    if (x[i] != 0 && (x[i] < 0) != (y[i] < 0)) x[i] += y[i];
  }
  return v_load(x);
}

/* erfinv: the y with erf(y) = x, +-inf at +-1, nan beyond. At most 2.7 ULP (float) and 2.8
 * (double), measured. Wichura's rational functions for the normal quantile z((1 + x) / 2), divided by
 * sqrt(2) and with their largest part taken out, so that it is added unrounded:
 *   |x| <= 0.85: y = x + x R(0.425^2 - (x / 2)^2)
 *   else: y = sign(x) (s + R(s - s0)), s = sqrt(-log((1 - |x|) / 2)), s0 = 1.6, beyond 5: s0 = 5
 * R, of a numerator and a denominator: Wichura 1988, Algorithm AS241, Applied Statistics 37(3), PPND7
 * near 0 for float, PPND16 for double; the outer one of float is a minimax fit of its own, 2^-29.4. */
#define QUANTILE_TERMS(name) (int)(sizeof FN(name)[0] / sizeof FN(name)[0][0])
#define QUANTILE(name, x)                                                                         \
  v_div(FN(v_poly)(x, FN(name)[0], QUANTILE_TERMS(name)),                                         \
        FN(v_poly)(x, FN(name)[1], QUANTILE_TERMS(name)))
#if REAL_IS_DOUBLE
static const double FN(erfinv_near)[2][8] = {
    {0.19753231156709125, 4.7593574107830667, 9.8756578518380742, -539.30913204036244,
     -4977.9317864190207, -15525.854417978326, -16909.592388659647, -4339.4012092273997},
    {1, 42.313330701600911, 687.18700749205789, 5394.1960214247511, 21213.794301586597,
     39307.895800092709, 28729.085735721943, 5226.4952788528544}};
static const double FN(erfinv_far)[2][9] = {
    {-0.59347796639631212, -1.0109633124184081, -0.65575674560004593, -0.20059427897991458,
     -0.02838405174558772, -0.0014570525960900544, -6.6317706715227072e-06, 9.0542230797360055e-08,
     -1.0507500716444169e-09},
    {1, 2.053191626637759, 1.6763848301838038, 0.68976733498510001, 0.14810397642748008,
     0.015198666563616457, 0.00054759380849953455, 1.0507500716444169e-09, 0}};
static const double FN(erfinv_farthest)[2][9] = {
    {-0.29215047808696631, -0.13568167115055627, -0.02241866155232811, -0.0016066960044928613,
     -4.8615812610010525e-05, -4.9106440730616726e-07, -3.4575203211281514e-10,
     9.2256625603868124e-13, -2.0442631033899397e-15},
    {1, 0.59983220655588798, 0.13692988092273581, 0.014875361290850615, 0.00078686913114561329,
     1.8463183175100548e-05, 1.4215117583164459e-07, 2.0442631033899397e-15, 0}};
#else
static const float FN(erfinv_near)[2][4] = {
    {0.197532257f, -0.0639616232f, -22.4398378f, -46.2892438f},
    {1, 17.8951695f, 78.7577577f, 67.1875636f}};
static const float FN(erfinv_far)[2][4] = {
    {-0.593477964f, -0.384528217f, -0.0488621738f, -0.000290268285f},
    {1, 0.997659192f, 0.284623031f, 0.0202689433f}};
#endif

FNN_INLINE vec FN(erfinv_lanes)(vec x) {
  const vec size = v_abs(x), one = v_set1(1), half = v_set1((REAL)0.5), h = v_mul(half, x);
  const vec r = v_fnma(h, h, v_set1((REAL)0.180625));
  const vec x16 = v_mul(x, v_set1(16)); /* keeps x R from underflow where FMA is missing */
  const vec sum = v_fma(x16, QUANTILE(erfinv_near, r), x16);
  const vec near = v_copysign(v_mul(sum, v_set1((REAL)0.0625)), x); /* -0 at -0 */
  const mask inside = v_le(size, v_set1((REAL)0.85));
  if (!m_any(m_not(inside))) return near;
  const vec s = v_sqrt(v_neg(v_log(v_mul(half, v_sub(one, size))))); /* 1 - |x| is exact */
  vec rest = QUANTILE(erfinv_far, v_sub(s, v_set1((REAL)1.6)));
#if REAL_IS_DOUBLE /* float has s < 4.2 */
  const vec farthest = QUANTILE(erfinv_farthest, v_sub(s, v_set1(5)));
  rest = v_select(v_gt(s, v_set1(5)), farthest, rest);
#endif
  const vec far = v_select(v_eq(size, one), v_set1((REAL)INFINITY), v_add(s, rest));
  return v_select(inside, near, v_copysign(far, x));
}
#undef QUANTILE
#undef QUANTILE_TERMS

/* Defines the kernel FN(name), given its row function. */
#define KERNEL(name, n_arrays, byte_array, row)                                                   \
  static void FN(name)(const fnn_call *call, size_t begin, size_t end, void *scratch) {           \
    static const FN(elementwise_op) op = {row, n_arrays, byte_array};                             \
    FN(elementwise_run)(call, begin, end, scratch, &op);                                          \
  }
/* Defines the row function, which inlines FN(name_of), and the kernel. */
#define ROWS(name, driver, n_arrays, byte_array)                                                  \
  static void FN(name##_row)(const FN(elementwise_row) * row) { driver(row, FN(name##_of)); }     \
  KERNEL(name, n_arrays, byte_array, FN(name##_row))
#define UNARY(name, value)                                                                        \
  FNN_INLINE vec FN(name##_of)(vec x) { return value; }                                           \
  ROWS(name, FN(unary_row), 2, ELEMENTWISE_NO_BYTES)
#define BINARY(name, value)                                                                       \
  FNN_INLINE vec FN(name##_of)(vec a, vec b) { return value; }                                    \
  ROWS(name, FN(binary_row), 3, ELEMENTWISE_NO_BYTES)
#define CALLED(name, function)                                                                    \
  static void FN(name##_row)(const FN(elementwise_row) * row) { FN(called_row)(row, function); }  \
  KERNEL(name, 2, ELEMENTWISE_NO_BYTES, FN(name##_row))
#define CALLED_OF_TWO(name, function)                                                             \
  static void FN(name##_row)(const FN(elementwise_row) * row) {                                   \
    FN(called_row_of_two)(row, function);                                                         \
  }                                                                                               \
  KERNEL(name, 3, ELEMENTWISE_NO_BYTES, FN(name##_row))
#define COMPARE(name)                                                                             \
  FNN_INLINE mask FN(name##_of)(vec a, vec b) { return v_##name(a, b); }                          \
  ROWS(name, FN(compare_row), 3, 0)

UNARY(copy, x)
UNARY(neg, v_neg(x))
UNARY(abs, v_abs(x))
UNARY(sign, FN(sign_lanes)(x))
UNARY(square, v_mul(x, x))
UNARY(sqrt, v_sqrt(x))
UNARY(floor, FN(floor_lanes)(x))
UNARY(round, v_round(x))
UNARY(exp, v_exp(x))
UNARY(exp2, v_exp2(x))
UNARY(expm1, v_expm1(x))
UNARY(log, v_log(x))
UNARY(log2, v_log2(x))
UNARY(log10, v_log10(x))
UNARY(log1p, v_log1p(x))
UNARY(erf, v_erf(x))
UNARY(erfinv, FN(erfinv_lanes)(x))
UNARY(sin, v_sin(x))
UNARY(cos, v_cos(x))
UNARY(sinh, v_sinh(x))
UNARY(cosh, v_cosh(x))
UNARY(tanh, v_tanh(x))
UNARY(sigmoid, v_sigmoid(x))
UNARY(gelu, v_gelu(x))
UNARY(relu, v_relu(x))
CALLED(asin, asin)
CALLED(acos, acos)
CALLED(atan, atan)
CALLED(asinh, asinh)
CALLED(acosh, special_acosh)
CALLED(atanh, atanh)
CALLED(erfc, erfc)
CALLED(erfcx, special_erfcx)
CALLED(ndtri, special_ndtri)
CALLED(lgamma, lgamma)
CALLED(digamma, special_digamma)
CALLED(i0e, special_i0e)
CALLED(i1e, special_i1e)

BINARY(add, v_add(a, b))
BINARY(sub, v_sub(a, b))
BINARY(mul, v_mul(a, b))
BINARY(div, v_div(a, b))
BINARY(pow, FN(pow_lanes)(a, b))
BINARY(remainder, FN(remainder_lanes)(a, b))
BINARY(copysign, v_copysign(a, b))
KERNEL(nextafter, 3, ELEMENTWISE_NO_BYTES, FN(nextafter_row))
CALLED_OF_TWO(atan2, atan2)
CALLED_OF_TWO(hypot, hypot)
CALLED_OF_TWO(zeta, special_zeta)
/* nan in either input gives nan: v_max and v_min alone would keep it from b only */
BINARY(maximum, v_select(v_ne(a, a), a, v_max(a, b)))
BINARY(minimum, v_select(v_ne(a, a), a, v_min(a, b)))
BINARY(relu_grad, v_relu_grad(a, b))
BINARY(sigmoid_grad, v_sigmoid_grad(a, b))
BINARY(tanh_grad, v_tanh_grad(a, b))
BINARY(gelu_grad, v_gelu_grad(a, b))

COMPARE(eq)
COMPARE(ne)
COMPARE(lt)
COMPARE(le)
COMPARE(gt)
COMPARE(ge)

KERNEL(where, 4, 1, FN(where_row))
KERNEL(lerp, 4, ELEMENTWISE_NO_BYTES, FN(lerp_row))

#undef KERNEL
#undef ROWS
#undef UNARY
#undef BINARY
#undef COMPARE
#undef CALLED
#undef CALLED_OF_TWO

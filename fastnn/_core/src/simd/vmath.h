/* exp, exp2, expm1, log, log2, log10, log1p, sin, cos, sinh, cosh, tanh, sigmoid, erf and the
 * activations, from the SIMD words. Included once per REAL after simd/<isa>.h.
 *
 * Bounds are in ULP over all inputs, measured against libm in wider precision, with denormal inputs
 * taken as 0 and denormal results flushed to 0 (the engine sets FTZ and DAZ). No tables, and a branch
 * only around what few lanes need: a value gives the same bits in any lane. Polynomials are minimax
 * by Remez exchange in 50 digits, weighted for the relative error of the final result; float and
 * double differ in degree and constants only. */
#include <math.h>

#if REAL_IS_DOUBLE
#define MIN_NORMAL 0x1p-1022
#define TOP_EXPONENT 1023
#define EXP_OVERFLOW 710 /* exp is inf from 709.79 on */
#define EXP_UNDERFLOW -708.39641853226408
/* ln 2 in two parts: the first times an exponent is exact (fdlibm e_exp.c) */
#define LN2_HI 6.93147180369123816490e-01
#define LN2_LO 1.90821492927058770002e-10
#define HALF_EXP_OVERFLOW 710.6 /* exp / 2 is inf from 710.48 on */
/* log10(2) in two parts: the first times an exponent is exact */
#define LOG10_2_HI 0x1.34413508p-2
#define LOG10_2_LO 0x1.f79fef311f12bp-34
#define TANH_ONE 20
#define ERF_ONE 6
static const double W(exp_poly)[] = {
    0.50000000000000056,   0.16666666666666588,    0.041666666666576757,   0.0083333333333895487,
    0.0013888888931564694, 0.00019841269719014627, 2.4801505273986966e-05, 2.7557407535988519e-06,
    2.762603781926261e-07, 2.50537770731996e-08};
static const double W(log_poly)[] = {0.66666666666667351, 0.39999999999407482, 0.28571428744142574,
                                     0.22222198378365648, 0.18183575170974206, 0.15313755624527486,
                                     0.14799067421757159};
/* pi/2 in three parts of 33 bits (fdlibm e_rem_pio2.c): times n < 2^20 each is exact */
static const double W(half_pi)[] = {1.57079632673412561417e+00, 6.07710050630396597660e-11,
                                    2.02226624871116645580e-21};
static const double W(sin_poly)[] = {-1.66666666666666324348e-01, 8.33333333332248946124e-03,
                                     -1.98412698298579493134e-04, 2.75573137070700676789e-06,
                                     -2.50507602534068634195e-08, 1.58969099521155010221e-10};
static const double W(cos_poly)[] = {4.16666666666666019037e-02, -1.38888888888741095749e-03,
                                     2.48015872894767294178e-05, -2.75573143513906633035e-07,
                                     2.08757232129817482790e-09, -1.13596475577881948265e-11};
static const double W(erf_poly)[] = {
    0.12837916709551256,     -0.37612638903183521,    0.11283791670944185,
    -0.026866170643111476,   0.0052239776061185714,   -0.00085483259293196289,
    0.00012055293577062687,  -1.4924712305243021e-05, 1.6447131612337067e-06,
    -1.6206314080116248e-07, 1.3710981814246909e-08,  -7.7794711698618903e-10};
static const double W(erfc_poly)[] = {
    -1.128379110847811,      -0.63662025276880274,    -0.10277082672047949,
    0.019124963799701144,    0.00021203790532468817,  -0.0016926097467555232,
    0.00057466037865589435,  9.7372083353044207e-07,  -9.5486037182989205e-05,
    5.6038390867465111e-05,  -2.0351362322891547e-05, 5.3852586047073124e-06,
    -1.0781348272015472e-06, 1.6302536459716947e-07,  -1.8130923689476627e-08,
    1.4024344289193518e-09,  -6.7447936266774311e-11, 1.5188474478080403e-12};
#else
#define MIN_NORMAL 0x1p-126f
#define TOP_EXPONENT 127
#define EXP_OVERFLOW 89 /* exp is inf from 88.73 on */
#define EXP_UNDERFLOW -87.3365447f
/* ln 2 in two parts: the first times an exponent is exact (Cephes expf.c) */
#define LN2_HI 0.693359375f
#define LN2_LO -2.12194440e-4f
#define HALF_EXP_OVERFLOW 89.5f /* exp / 2 is inf from 89.42 on */
#define LOG10_2_HI 0x1.344p-2f
#define LOG10_2_LO 0x1.3509f8p-18f
#define TANH_ONE 10
#define ERF_ONE 4
static const float W(exp_poly)[] = {0.49999997f, 0.166665435f, 0.0416672006f, 0.00836652052f,
                                    0.00138825213f};
static const float W(log_poly)[] = {0.666666627f, 0.400003374f, 0.285371691f, 0.235849872f};
/* pi/2 in three floats; their products with n < 2^24 are exact in double */
static const float W(half_pi)[] = {0x1.921fb6p+0f, -0x1.777a5cp-25f, -0x1.ee59dap-50f};
static const float W(sin_poly)[] = {-1.6666654611e-1f, 8.3321608736e-3f, -1.9515295891e-4f};
static const float W(cos_poly)[] = {4.166664568298827e-2f, -1.388731625493765e-3f,
                                    2.443315711809948e-5f};
static const float W(erf_poly)[] = {0.128379166f,   -0.37612626f,   0.112835854f,
                                    -0.0268538129f, 0.00518832775f, -0.000801019371f,
                                    7.85386219e-05f};
static const float W(erfc_poly)[] = {-1.12848008f,  -0.635831535f,   -0.105116084f,
                                     0.0227984246f, -0.00318693416f, 0.000210641592f};
#endif
#define LOG2_E ((REAL)1.44269504088896340736)
#define SQRT_2 ((REAL)1.41421356237309504880)
#define LN_2 ((REAL)0.69314718055994530942)
#define LOG10_E ((REAL)0.43429448190325182765)
#define POLY(name, x) W(v_poly)(x, W(name), (int)(sizeof W(name) / sizeof W(name)[0]))

/* c[0] + c[1] x + .. + c[n-1] x^(n-1) by Horner's rule */
FNN_INLINE vec W(v_poly)(vec x, const REAL *c, int n) {
  vec y = v_set1(c[n - 1]);
  for (int i = n - 2; i >= 0; i--) y = v_fma(y, x, v_set1(c[i]));
  return y;
}

/* exp(x) = 2^n (1 + q): returns q = expm1(r) and n, for r = x - n ln 2, |r| <= ln 2 / 2.
 * Cody-Waite reduction; q = r + r^2 P(r), P of degree 4 (float, relative error of q 2^-26.2) or 9
 * (double, 2^-55.6). */
FNN_INLINE vec W(v_exp_parts)(vec x, vec *n) {
  *n = v_round(v_mul(x, v_set1(LOG2_E)));
  const vec r = v_fnma(*n, v_set1(LN2_LO), v_fnma(*n, v_set1(LN2_HI), x));
  return v_fma(v_mul(r, r), POLY(exp_poly, r), r);
}

/* exp: y = e^x. At most 1.1 ULP; inf above EXP_OVERFLOW, 0 below EXP_UNDERFLOW,
 * where the result would be denormal. 2^n is applied as 2^min(n, TOP_EXPONENT) and a factor 1 or 2.
 * Cody and Waite, Software Manual for the Elementary Functions (1980), chapter 6. */
FNN_INLINE vec v_exp(vec x) {
  vec n;
  const vec q = W(v_exp_parts)(v_min(v_set1(EXP_OVERFLOW), x), &n);
  const vec p = v_add(v_set1(1), q);
  const vec m = v_min(n, v_set1(TOP_EXPONENT));
  const vec y = v_scale2(v_fma(p, v_sub(n, m), p), m);
  return v_select(v_lt(x, v_set1(EXP_UNDERFLOW)), v_zero(), y);
}

/* exp2: y = 2^x = 2^n exp((x - n) ln 2), n the nearest whole number. At most 1.1 ULP; exact at whole x;
 * inf from 128 (1024) on, 0 where the result would be denormal. */
FNN_INLINE vec v_exp2(vec x) {
  const vec inside = v_min(v_set1(TOP_EXPONENT + 1), x), n = v_round(inside);
  const vec r = v_mul(v_sub(inside, n), v_set1(LN_2));
  const vec p = v_fma(v_mul(r, r), POLY(exp_poly, r), v_add(v_set1(1), r));
  const vec m = v_min(n, v_set1(TOP_EXPONENT));
  const vec y = v_scale2(v_fma(p, v_sub(n, m), p), m);
  return v_select(v_lt(x, v_set1(1 - TOP_EXPONENT)), v_zero(), y);
}

/* expm1: y = e^x - 1 = 2^n q + (2^n - 1). At most 2.1 ULP; beyond 40 it is e^x, below -40 it is -1. */
FNN_INLINE vec v_expm1(vec x) {
  vec n;
  const vec limit = v_set1(40), inside = v_max(v_neg(limit), v_min(limit, x));
  const vec q = W(v_exp_parts)(inside, &n), power = v_scale2(v_set1(1), n);
  const vec y = v_copysign(v_fma(power, q, v_sub(power, v_set1(1))), x);
  return v_select(v_gt(x, limit), v_exp(x), y);
}

/* x = mantissa * 2^exponent with the mantissa in [sqrt(1/2), sqrt(2)); returns mantissa - 1 */
FNN_INLINE vec W(v_log_parts)(vec x, vec *exponent) {
  const vec m = v_mantissa(x), e = v_exponent(x), one = v_set1(1);
  const mask high = v_gt(m, v_set1(SQRT_2));
  *exponent = v_select(high, v_add(e, one), e);
  return v_sub(v_select(high, v_mul(m, v_set1((REAL)0.5)), m), one);
}

/* log(1 + f) + e ln 2, for f in [sqrt(1/2) - 1, sqrt(2) - 1]: with s = f / (2 + f), z = s^2,
 * log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + z P(z))); P of degree 3 (float, 2^-37.6) or 6
 * (double, 2^-59.5). fdlibm e_log.c. */
FNN_INLINE vec W(v_log_sum)(vec f, vec e) {
  const vec s = v_div(f, v_add(v_set1(2), f)), z = v_mul(s, s);
  const vec half_square = v_mul(v_mul(v_set1((REAL)0.5), f), f);
  const vec inner = v_fma(z, POLY(log_poly, z), half_square);
  const vec low = v_fma(s, inner, v_mul(e, v_set1(LN2_LO)));
  return v_fma(e, v_set1(LN2_HI), v_sub(f, v_sub(half_square, low)));
}

/* y = log(x) with the special cases put in: inf at inf, nan at nan and below 0, -inf at 0 */
FNN_INLINE vec W(v_log_edges)(vec x, vec y) {
  const vec edge = v_select(v_lt(x, v_zero()), v_set1((REAL)NAN), v_set1(-(REAL)INFINITY));
  y = v_select(v_lt(x, v_set1((REAL)INFINITY)), y, x);
  return v_select(v_lt(x, v_set1(MIN_NORMAL)), edge, y);
}

/* log: natural logarithm. At most 0.8 ULP. */
FNN_INLINE vec v_log(vec x) {
  vec e;
  const vec f = W(v_log_parts)(x, &e);
  return W(v_log_edges)(x, W(v_log_sum)(f, e));
}

/* log2 and log10: the exponent and the logarithm of the mantissa, each times a constant. At most 2.2
 * ULP; log2 is exact at powers of two, log10 at those powers of ten that are numbers. */
FNN_INLINE vec v_log2(vec x) {
  vec e;
  const vec log = W(v_log_sum)(W(v_log_parts)(x, &e), v_zero());
  return W(v_log_edges)(x, v_fma(log, v_set1(LOG2_E), e));
}
FNN_INLINE vec v_log10(vec x) {
  vec e;
  const vec log = W(v_log_sum)(W(v_log_parts)(x, &e), v_zero());
  const vec low = v_fma(e, v_set1(LOG10_2_LO), v_mul(log, v_set1(LOG10_E)));
  return W(v_log_edges)(x, v_fma(e, v_set1(LOG10_2_HI), low));
}

/* log1p: y = log(1 + x). At most 1.4 ULP. 1 + x = u + d, u the rounded sum and d its exact error
 * (Dekker 1971); d joins the reduced argument, so that for e = 0 that argument is x itself. The
 * exponent of d is kept in range: beyond 2^64, d no longer counts. */
FNN_INLINE vec v_log1p(vec x) {
  const vec one = v_set1(1), u = v_add(one, x);
  const vec d = v_select(v_lt(x, one), v_sub(x, v_sub(u, one)), v_sub(one, v_sub(u, x)));
  vec e;
  const vec f = W(v_log_parts)(u, &e);
  const vec shifted = v_scale2(d, v_max(v_neg(e), v_set1(-64)));
  return v_copysign(W(v_log_edges)(u, W(v_log_sum)(v_add(f, shifted), e)), x);
}

/* tanh: y = t / (t + 2) with t = expm1(2|x|) = 2^n q + (2^n - 1); odd, at most 2.7 ULP. From
 * TANH_ONE on the quotient is 1, so |x| is clamped there. */
FNN_INLINE vec v_tanh(vec x) {
  const vec clamped = v_min(v_set1(TANH_ONE), v_abs(x)), one = v_set1(1);
  vec n;
  const vec q = W(v_exp_parts)(v_add(clamped, clamped), &n);
  const vec power = v_scale2(one, n);
  const vec t = v_fma(power, q, v_sub(power, one));
  return v_copysign(v_div(t, v_add(t, v_set1(2))), x);
}

/* e^|x| / 2, which overflows later than e^|x|, and q and n of e^|x| = 2^n (1 + q) */
FNN_INLINE vec W(v_half_exp)(vec x, vec *q, vec *n) {
  *q = W(v_exp_parts)(v_min(v_set1(HALF_EXP_OVERFLOW), v_abs(x)), n);
  const vec p = v_add(v_set1(1), *q), k = v_sub(*n, v_set1(1));
  const vec m = v_min(k, v_set1(TOP_EXPONENT));
  return v_scale2(v_fma(p, v_sub(k, m), p), m);
}

/* cosh: y = h + 1 / (4 h), h = e^|x| / 2. At most 1.6 ULP. */
FNN_INLINE vec v_cosh(vec x) {
  vec q, n;
  const vec half = W(v_half_exp)(x, &q, &n);
  return v_add(half, v_div(v_set1((REAL)0.25), half));
}

/* sinh: y = h - 1 / (4 h); for |x| < 1, where that cancels, (t + t / (t + 1)) / 2, t = expm1(|x|) as
 * in tanh; odd. At most 3 ULP. */
FNN_INLINE vec v_sinh(vec x) {
  vec q, n;
  const vec one = v_set1(1), half = W(v_half_exp)(x, &q, &n);
  const vec far_out = v_sub(half, v_div(v_set1((REAL)0.25), half));
  const vec power = v_scale2(one, v_min(n, one));
  const vec t = v_fma(power, q, v_sub(power, one));
  const vec near_zero = v_mul(v_set1((REAL)0.5), v_add(t, v_div(t, v_add(t, one))));
  return v_copysign(v_select(v_lt(v_abs(x), one), near_zero, far_out), x);
}

/* sigmoid: y = 1 / (1 + exp(-x)). At most 2.4 ULP; exactly 0 and 1 far out. */
FNN_INLINE vec v_sigmoid(vec x) {
  const vec one = v_set1(1);
  return v_div(one, v_add(one, v_exp(v_neg(x))));
}

/* erf: y = 2/sqrt(pi) integral of exp(-t^2) over 0..x; odd, at most 1.4 ULP. For |x| < 1,
 * x + x P(x^2) with P of degree 6 (float, 2^-29.6) or 11 (double, 2^-56.9); else 1 - exp(t Q(t)),
 * t = |x|, with Q of degree 5 (float, 2^-28.6) or 17 (double, 2^-58.0), and 1 from ERF_ONE on. The
 * split and the form of the second part are those of N. Juffa's erff
 * (stackoverflow.com/a/35148199). */
FNN_INLINE vec v_erf(vec x) {
  const vec size = v_abs(x), one = v_set1(1);
  const vec x16 = v_mul(x, v_set1(16)); /* keeps x P(x^2) from underflow where FMA is missing */
  const vec near_zero = v_mul(v_fma(x16, POLY(erf_poly, v_mul(x, x)), x16), v_set1((REAL)0.0625));
  const vec t = v_min(v_set1(ERF_ONE), size);
  const vec far_out = v_sub(one, v_exp(v_mul(t, POLY(erfc_poly, t))));
  return v_select(v_lt(size, one), near_zero, v_copysign(far_out, x));
}

/* x = n pi/2 + r with |r| <= pi/4 about; returns r, rounded once, and n modulo 4 as -2..2. For |x|
 * <= TRIG_RANGE: Cody and Waite's reduction in parts whose products are exact. The float's runs in
 * double; the double's keeps the error of each difference (Knuth's sum). */
#define TRIG_RANGE 65536
FNN_INLINE vec W(v_trig_parts)(vec x, vec *quadrant) {
  const vec n = v_round(v_mul(x, v_set1((REAL)0.63661977236758134308)));
  const vec quarter = v_round(v_mul(n, v_set1((REAL)0.25)));
  *quadrant = v_fnma(quarter, v_set1(4), n);
  const vec minus = v_neg(n);
#if REAL_IS_DOUBLE
  vec r = v_add(x, v_mul(minus, v_set1(W(half_pi)[0]))), lost = v_zero();
  for (int i = 1; i < 3; i++) {
    const vec b = v_mul(minus, v_set1(W(half_pi)[i])), sum = v_add(r, b), c = v_sub(sum, r);
    lost = v_add(lost, v_add(v_sub(r, v_sub(sum, c)), v_sub(b, c)));
    r = sum;
  }
  return v_add(r, v_add(lost, v_mul(minus, v_set1(8.47842766036889956997e-32))));
#else
  wide r = w_add(w_zero(), x);
  for (int i = 0; i < 3; i++) r = w_fma(minus, v_set1(W(half_pi)[i]), r);
  return w_narrow(r);
#endif
}

/* sin(x + shift pi/2): in quadrant 0 sin r, in 1 cos r, in 2 -sin r, in 3 -cos r. Polynomials of
 * fdlibm k_sin.c and k_cos.c (double) and Cephes sinf.c (float); libm for lanes beyond TRIG_RANGE. */
FNN_INLINE vec W(v_trig)(vec x, int shift) {
  vec at;
  const vec one = v_set1(1), two = v_set1(2);
  const vec r = W(v_trig_parts)(x, &at), z = v_mul(r, r);
  const vec sine = v_fma(v_mul(z, r), POLY(sin_poly, z), r);
  const vec high = v_mul(z, v_mul(z, POLY(cos_poly, z)));
  const vec cosine = v_sub(one, v_fnma(one, high, v_mul(z, v_set1((REAL)0.5))));
  const mask odd = v_eq(v_abs(at), one);
  const mask negative = shift ? m_or(v_eq(at, one), v_eq(v_abs(at), two))
                              : m_or(v_eq(at, v_set1(-1)), v_eq(v_abs(at), two));
  vec y = shift ? v_select(odd, sine, cosine) : v_select(odd, cosine, sine);
  y = v_select(negative, v_neg(y), y);
  const mask inside = v_le(v_abs(x), v_set1(TRIG_RANGE));
  if (m_any(m_not(inside))) {
    REAL from[VL], to[VL];
    v_store(from, x);
    v_store(to, y);
    for (int i = 0; i < VL; i++) {
      if (from[i] >= -TRIG_RANGE && from[i] <= TRIG_RANGE) continue;
#if REAL_IS_DOUBLE
      to[i] = shift ? cos(from[i]) : sin(from[i]);
#else
      to[i] = shift ? cosf(from[i]) : sinf(from[i]);
#endif
    }
    y = v_load(to);
  }
  return y;
}

/* sin and cos: at most 2 ULP for |x| <= TRIG_RANGE, libm's beyond. */
FNN_INLINE vec v_sin(vec x) { return v_select(v_eq(x, v_zero()), x, W(v_trig)(x, 0)); }
FNN_INLINE vec v_cos(vec x) { return W(v_trig)(x, 1); }

/* Activations and their derivatives by the output y. matmul's epilogue and the elementwise ops call
 * these same functions, so fused and separate give the same bits. */

/* relu: x > 0 ? x : 0; nan stays nan, and -0 stays -0 */
FNN_INLINE vec v_relu(vec x) { return v_max(v_zero(), x); }
/* relu_grad: y <= 0 ? 0 : dy; at nan dy */
FNN_INLINE vec v_relu_grad(vec dy, vec y) { return v_select(v_le(y, v_zero()), v_zero(), dy); }
/* sigmoid_grad: dy y (1 - y) */
FNN_INLINE vec v_sigmoid_grad(vec dy, vec y) { return v_mul(dy, v_mul(y, v_sub(v_set1(1), y))); }
/* tanh_grad: dy (1 - y^2) */
FNN_INLINE vec v_tanh_grad(vec dy, vec y) { return v_mul(dy, v_fnma(y, y, v_set1(1))); }

#include "normal.h"

#undef MIN_NORMAL
#undef TOP_EXPONENT
#undef EXP_OVERFLOW
#undef EXP_UNDERFLOW
#undef LN2_HI
#undef LN2_LO
#undef TANH_ONE
#undef ERF_ONE
#undef LOG2_E
#undef SQRT_2
#undef LN_2
#undef LOG10_E
#undef LOG10_2_HI
#undef LOG10_2_LO
#undef HALF_EXP_OVERFLOW
#undef TRIG_RANGE
#undef POLY

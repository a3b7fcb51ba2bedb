/* Special functions of one and two numbers, in double and one element at a time: for what nets
 * seldom need. Included once, before the kernels; the rows of elementwise_ops.h call them, and libm's,
 * for both reals, so that a float result is rounded once.
 *
 * Mirror: the function of the same name in tests/families/special.py. */
#include <math.h>

#define SPECIAL_PI 3.14159265358979323846
#define SPECIAL_ROOT_PI 1.77245385090551602730

/* exp(x^2) without the error that rounding x^2 puts into the exponent: x in two parts, of which the
 * first has an exact square. */
static double special_exp_square(double x) {
  const double scaled = x * 134217729.0, high = scaled - (scaled - x); /* 2^27 + 1: Dekker 1971 */
  return exp(high * high) * exp((x - high) * (x + high));
}

/* erfcx: exp(x^2) erfc(x), which falls as 1 / (x sqrt(pi)). From 25 on the asymptotic series:
 * Abramowitz and Stegun 7.1.23. */
static double special_erfcx(double x) {
  if (x < -26.7) return INFINITY;
  if (!(x >= 25)) return special_exp_square(x) * erfc(x);
  double term = 1, sum = 1;
  for (int k = 1; k < 9; k++) {
    term *= -(2 * k - 1) / (2 * x * x);
    sum += term;
  }
  return sum / (x * SPECIAL_ROOT_PI);
}

/* ndtri: the x with Phi(x) = p, Phi the normal distribution function. Halley's method from
 * Abramowitz and Stegun 26.2.23 (error 4.5e-4), by the error in Phi in the tail and by that in Phi - 1/2
 * near the middle: each keeps its digits there. */
static double special_ndtri(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
  if (p > 0.5) return -special_ndtri(1 - p); /* exact */
  const double t = sqrt(-2 * log(p));
  double x = (2.515517 + t * (0.802853 + t * 0.010328)) /
                 (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) -
             t;
  if (p > 0.25) x = (p - 0.5) * 2.5066282746310005; /* sqrt(2 pi) */
  for (int i = 0; i < 4; i++) {
    const double root = x * 0.70710678118654752440;
    const double grown = special_exp_square(root); /* against underflow in the tail */
    const double miss =
        p > 0.25 ? (0.5 * erf(root) - (p - 0.5)) * grown : 0.5 * special_erfcx(-root) - p * grown;
    const double step = miss * 2.5066282746310005;
    x -= step / (1 + 0.5 * x * step);
  }
  return x;
}

/* digamma: the derivative of ln Gamma; -inf at 0, inf at -0, nan at the other poles. Recurrence up to
 * 12, then the asymptotic series; reflection below 0. Abramowitz and Stegun 6.3.5, 6.3.7, 6.3.18. */
static double special_digamma(double x) {
  if (x == 0) return copysign(INFINITY, -x);
  if (x < 0) {
    const double part = fmod(x, 1);
    return part == 0 || x == -INFINITY
               ? NAN
               : special_digamma(1 - x) - SPECIAL_PI / tan(SPECIAL_PI * part);
  }
  double sum = 0;
  for (; x < 12; x += 1) sum -= 1 / x;
  static const double series[] = {1 / 12.0,   -1 / 120.0, 1 / 252.0,
                                  -1 / 240.0, 1 / 132.0,  -691 / 32760.0};
  const double y = 1 / (x * x);
  double tail = 0;
  for (int k = 5; k >= 0; k--) tail = (tail + series[k]) * y;
  return sum + (log(x) - (0.5 / x + tail));
}

/* sum of (q + k)^-s over k >= 0 for q > 0, s > 1: ten terms, then Euler and Maclaurin's formula */
static double special_zeta_above(double s, double q) {
  static const double bernoulli[] = {/* B_2k / (2k)! */
                                     1 / 12.0,          -1 / 720.0,
                                     1 / 30240.0,       -1 / 1209600.0,
                                     1 / 47900160.0,    -691 / 1307674368000.0,
                                     1 / 74724249600.0, -3617 / 10670622842880000.0};
  double sum = 0;
  for (int k = 0; k < 10; k++, q += 1) sum += pow(q, -s);
  const double power = pow(q, -s);
  if (power == 0) return sum + pow(q, 1 - s) / (s - 1); /* the integral from q: q may be huge */
  double factor = power * s / q, rest = power * 0.5 + power * q / (s - 1);
  for (int k = 0; k < 8; k++) {
    rest += bernoulli[k] * factor;
    factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (q * q);
  }
  return sum + rest;
}

/* zeta: Hurwitz' sum of (q + k)^-s over k >= 0; inf at s = 1 and at whole q <= 0, nan for s < 1, at
 * q = -inf and, unless s is whole, for q < 0. Below 0 the terms j - r up to -q are counted from both ends. */
static double special_zeta(double s, double q) {
  if (!(q > -INFINITY) || !(s >= 1)) return NAN;
  if (s == 1) return INFINITY;
  if (q > 0) return special_zeta_above(s, q);
  if (q == floor(q)) return INFINITY;
  if (s != floor(s)) return NAN;
  const double count = -floor(q), r = q + count;
  const double below = special_zeta_above(s, 1 - count - q) - special_zeta_above(s, 1 - q);
  return special_zeta_above(s, r) + (fmod(s, 2) == 0 ? below : -below);
}

/* exp(-|x|) I_n(x), n = 0 or 1, the modified Bessel functions: the power series up to 20, then the
 * asymptotic one. Abramowitz and Stegun 9.6.10, 9.7.1. */
static double special_bessel(double n, double x) {
  const double size = fabs(x);
  if (isnan(x)) return x;
  double term = 1, sum = 1;
  if (size <= 20) {
    const double y = 0.25 * x * x;
    for (int k = 1; k < 80; k++) {
      term *= y / (k * (k + n));
      sum += term;
    }
    return exp(-size) * sum * (n == 0 ? 1 : 0.5 * x);
  }
  for (int k = 1; k < 30; k++) {
    term *= ((2 * k - 1) * (2 * k - 1) - 4 * n * n) / (8 * size * k);
    sum += term;
  }
  return copysign(sum / (sqrt(2 * SPECIAL_PI) * sqrt(size)), n == 0 ? 1 : x);
}
static double special_i0e(double x) { return special_bessel(0, x); }
static double special_i1e(double x) { return special_bessel(1, x); }

/* musl's acosh gives numbers below -1 too. */
static double special_acosh(double x) { return x >= 1 ? acosh(x) : NAN; }

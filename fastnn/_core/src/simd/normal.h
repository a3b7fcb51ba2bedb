/* The normal distribution function and gelu, which is made of it. Included by vmath.h, once per REAL. */
#if REAL_IS_DOUBLE
#define NORMAL_FAR 7.5
static const double W(tail_poly)[] = {0.5,
                                      -0.3989422804014319,
                                      0.24999999999995653,
                                      -0.13298076013279383,
                                      0.06249999998735449,
                                      -0.026596151930011573,
                                      0.010416666168896653,
                                      -0.0037994484624686554,
                                      0.0013020783435092529,
                                      -0.00042215068226382355,
                                      0.0001301910900308226,
                                      -3.8355513296561445e-05,
                                      1.0826230566198696e-05,
                                      -2.9305300920816362e-06,
                                      7.591093206128555e-07,
                                      -1.8695255430958706e-07,
                                      4.3276601488261945e-08,
                                      -9.26829084919885e-09,
                                      1.8025306487639004e-09,
                                      -3.121136282050819e-10,
                                      4.716441962486628e-11,
                                      -6.095576031296166e-12,
                                      6.595195621237634e-13,
                                      -5.829762829158265e-14,
                                      4.0834774752624985e-15,
                                      -2.1731260385666883e-16,
                                      8.23325689183342e-18,
                                      -1.9740595754530653e-19,
                                      2.247490448981896e-21};
#else
#define NORMAL_FAR 5.0f
static const float W(tail_poly)[] = {
    0.499999996f,    -0.398941795f,    0.249991102f,    -0.132916897f,   0.0622623872f,
    -0.0260691732f,  0.00965979891f,   -0.00305535065f, 0.000779674359f, -0.000149791155f,
    1.98930084e-05f, -1.60365953e-06f, 5.85329653e-08f};
#endif

/* Phi(-t) and bell = exp(-t^2 / 2) of a t beyond NORMAL_FAR: bell r (1 - r^2 + 3 r^4 - 15 r^6) /
 * sqrt(2 pi), r = 1 / t, the asymptotic series of Mills' ratio, its relative error at most 105 / t^8.
 * Where bell would be denormal both are 0. Abramowitz and Stegun, 26.2.12. */
FNN_INLINE vec W(v_normal_far)(vec t, vec *bell) {
  *bell = v_exp(v_mul(t, v_mul(t, v_set1((REAL)-0.5))));
  const vec r = v_div(v_set1(1), t), s = v_neg(v_mul(r, r));
  const vec series = v_fma(s, v_fma(s, v_fma(s, v_set1(15), v_set1(3)), v_set1(1)), v_set1(1));
  return v_mul(*bell, v_mul(v_mul(r, v_set1((REAL)0.39894228040143267794)), series));
}

/* The normal distribution function Phi(x), at most 2 units of the last place of 1 off, and bell =
 * exp(-x^2 / 2). For t = |x|, Phi(-t) = bell P(t) with P of degree 12 (float) or 28 (double), which
 * makes the largest error of Phi least: 2^-27.8 or 2^-58.7. One exp serves both. The few numbers
 * beyond NORMAL_FAR, where P has few digits, have a series of their own: of x Phi(x) and its slope
 * at least three digits are right as long as they are normal numbers. */
FNN_INLINE vec W(v_normal)(vec x, vec *bell) {
  const vec size = v_abs(x), limit = v_set1(NORMAL_FAR), t = v_min(limit, size);
  vec n;
  const vec q = W(v_exp_parts)(v_mul(t, v_mul(t, v_set1((REAL)-0.5))), &n);
  *bell = v_scale2(v_add(v_set1(1), q), n);
  vec below = v_mul(*bell, POLY(tail_poly, t));
  const mask far = v_ge(size, limit);
  if (m_any(far)) {
    vec far_bell;
    below = v_select(far, W(v_normal_far)(size, &far_bell), below);
    *bell = v_select(far, far_bell, *bell);
  }
  return v_select(v_gt(x, v_zero()), v_sub(v_set1(1), below), below);
}

/* gelu: x Phi(x) */
FNN_INLINE vec v_gelu(vec x) {
  vec bell;
  return v_mul(x, W(v_normal)(x, &bell));
}
/* gelu_grad, by x: dy (Phi(x) + x phi(x)), phi(x) = exp(-x^2 / 2) / sqrt(2 pi) the density */
FNN_INLINE vec v_gelu_grad(vec dy, vec x) {
  vec bell;
  const vec below = W(v_normal)(x, &bell);
  return v_mul(dy, v_fma(v_mul(x, v_set1((REAL)0.39894228040143267794)), bell, below));
}

#undef NORMAL_FAR

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
UNARY(expm1, v_expm1(x))
UNARY(log, v_log(x))
UNARY(log1p, v_log1p(x))
UNARY(erf, v_erf(x))
UNARY(sin, v_sin(x))
UNARY(cos, v_cos(x))
UNARY(tanh, v_tanh(x))
UNARY(sigmoid, v_sigmoid(x))
UNARY(gelu, v_gelu(x))
UNARY(relu, v_relu(x))

BINARY(add, v_add(a, b))
BINARY(sub, v_sub(a, b))
BINARY(mul, v_mul(a, b))
BINARY(div, v_div(a, b))
BINARY(pow, FN(pow_lanes)(a, b))
BINARY(remainder, FN(remainder_lanes)(a, b))
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

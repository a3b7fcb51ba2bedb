/* The broadcast rows against C's own functions in WIDE: tails, strides, and errors in ULP over all
 * exponents. Included once per REAL. */

typedef WIDE (*FN(function))(WIDE a, WIDE b, WIDE c);
typedef struct {
  int op, inputs;
  double low, high; /* the inputs' range */
  double limit;     /* in eps of the result, or of `scale` where there is one */
  FN(function) value, scale;
} FN(elementwise_case);

#define VALUE(name, formula)                                                                      \
  static WIDE FN(name##_value)(WIDE a, WIDE b, WIDE c) {                                          \
    (void)b, (void)c;                                                                             \
    return formula;                                                                               \
  }
VALUE(copy, a)
VALUE(neg, -a)
VALUE(abs, fabs(a))
VALUE(sign, (a > 0) - (a < 0))
VALUE(square, a *a)
VALUE(sqrt, sqrt(a))
VALUE(floor, floor(a))
VALUE(round, rint(a))
VALUE(exp, exp(a))
VALUE(expm1, expm1(a))
VALUE(log, log(a))
VALUE(log1p, log1p(a))
VALUE(erf, erf(a))
VALUE(sin, sin(a))
VALUE(cos, cos(a))
VALUE(tanh, tanh(a))
VALUE(sigmoid, 1 / (1 + exp(-a)))
VALUE(gelu, a *erfc(-a / sqrt((WIDE)2)) / 2)
VALUE(relu, isnan(a) || a > 0 ? a : 0)
VALUE(add, a + b)
VALUE(sub, a - b)
VALUE(mul, a *b)
VALUE(div, a / b)
VALUE(pow, pow(a, b))
VALUE(remainder, a - floor(a / b) * b)
VALUE(maximum, isnan(a) || a > b ? a : b)
VALUE(minimum, isnan(a) || a < b ? a : b)
VALUE(relu_grad, b > 0 ? a : 0)
VALUE(sigmoid_grad, a * b * (1 - b))
VALUE(tanh_grad, a * (1 - b * b))
VALUE(gelu_grad, a *(erfc(-b / sqrt((WIDE)2)) / 2 + b * exp(-b * b / 2) / sqrt(4 * acos((WIDE)0))))
VALUE(lerp, a + c * (b - a))
VALUE(sum_of_sizes, fabs(a) + fabs(b) + fabs(c))
VALUE(one, fabs(a))
#undef VALUE

#define ROW(name, inputs, low, high, limit)                                                       \
  {FNN_OP_##name, inputs, low, high, limit, FN(name##_value), NULL}
#define SCALED(name, inputs, low, high, limit, scale)                                             \
  {FNN_OP_##name, inputs, low, high, limit, FN(name##_value), FN(scale##_value)}
static const FN(elementwise_case) FN(elementwise_cases)[] = {
    ROW(copy, 1, -9, 9, 0),
    ROW(neg, 1, -9, 9, 0),
    ROW(abs, 1, -9, 9, 0),
    ROW(sign, 1, -9, 9, 0),
    ROW(square, 1, -9, 9, 0.5),
    ROW(sqrt, 1, 0, 9, 0.5),
    ROW(floor, 1, -9, 9, 0),
    ROW(round, 1, -9, 9, 0),
    ROW(exp, 1, -20, 20, 4),
    ROW(expm1, 1, -3, 3, 4),
    ROW(log, 1, 0, 9, 4),
    ROW(log1p, 1, -0.9, 9, 4),
    ROW(erf, 1, -5, 5, 4),
    ROW(sin, 1, -9, 9, 4),
    ROW(cos, 1, -9, 9, 4),
    ROW(tanh, 1, -9, 9, 4),
    ROW(sigmoid, 1, -9, 9, 4),
    SCALED(gelu, 1, -9, 9, 4, one),
    ROW(relu, 1, -9, 9, 0),
    ROW(add, 2, -9, 9, 0.5),
    ROW(sub, 2, -9, 9, 0.5),
    ROW(mul, 2, -9, 9, 0.5),
    ROW(div, 2, 0.1, 9, 0.5),
    ROW(pow, 2, 0.1, 3, 1),
    SCALED(remainder, 2, 0.1, 9, 1, sum_of_sizes),
    ROW(maximum, 2, -9, 9, 0),
    ROW(minimum, 2, -9, 9, 0),
    ROW(relu_grad, 2, -9, 9, 0),
    SCALED(sigmoid_grad, 2, 0, 1, 2, one),
    SCALED(tanh_grad, 2, -1, 1, 2, one),
    SCALED(gelu_grad, 2, -5, 5, 16, one),
    SCALED(lerp, 3, -1, 2, 4, sum_of_sizes),
};
#undef ROW
#undef SCALED

/* A call over rows x n elements. Inputs lie `step` apart, or where step is 0 the output's elements
 * lie together and each row has one element of the second input. */
static fnn_call FN(broadcast)(int op, size_t rows, size_t n) {
  fnn_call call = call_of(op, FNN_REAL);
  call.ndim = rows > 1 ? 2 : 1;
  call.dim[0] = rows > 1 ? rows : n;
  call.dim[1] = rows > 1 ? n : 0;
  clear_places();
  return call;
}

static spread FN(inputs)(size_t rows, size_t n, ptrdiff_t step, double low, double high) {
  const spread s = place_spread(rows, n, step, sizeof(REAL));
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < (step ? n : n > 0); j++)
      *(REAL *)spread_at(&s, i, j) = (REAL)uniform(low, high);
  return s;
}

/* A few values, so that some are equal; and nan. */
static spread FN(small_inputs)(size_t rows, size_t n, ptrdiff_t step) {
  const spread s = FN(inputs)(rows, n, step, 0, 1);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < (step ? n : n > 0); j++) {
      const size_t kind = below(5);
      *(REAL *)spread_at(&s, i, j) = kind == 4 ? (REAL)NAN : (REAL)kind;
    }
  return s;
}

static WIDE FN(read)(const spread *s, size_t i, size_t j) {
  return s->base ? *(REAL *)spread_at(s, i, j) : 0;
}

static void FN(one_elementwise)(const FN(elementwise_case) * row, size_t rows, size_t n,
                                ptrdiff_t step) {
  fnn_call call = FN(broadcast)(row->op, rows, n);
  const spread out = place_spread(rows, n, step ? step : 1, sizeof(REAL));
  spread in[3] = {{0}};
  bind_spread(&call, 0, &out);
  for (int i = 0; i < row->inputs; i++) {
    const ptrdiff_t apart = i == 1 || step ? step : 1;
    in[i] = row->limit == 0 && n % 3 == 0 ? FN(small_inputs)(rows, n, apart)
                                          : FN(inputs)(rows, n, apart, row->low, row->high);
    bind_spread(&call, 1 + i, &in[i]);
  }
  run(&call);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < n; j++) {
      const WIDE a = FN(read)(&in[0], i, j), b = FN(read)(&in[1], i, j),
                 c = FN(read)(&in[2], i, j);
      const WIDE want = row->value(a, b, c), scale = row->scale ? row->scale(a, b, c) : want;
      expect(*(REAL *)spread_at(&out, i, j), want, scale, row->limit);
    }
  expect_gaps(&out);
}

static int FN(holds)(int op, WIDE a, WIDE b) {
  switch (op) {
    case FNN_OP_eq:
      return a == b;
    case FNN_OP_ne:
      return a != b;
    case FNN_OP_lt:
      return a < b;
    case FNN_OP_le:
      return a <= b;
    case FNN_OP_gt:
      return a > b;
    default:
      return a >= b;
  }
}

static void FN(one_comparison)(int op, size_t rows, size_t n, ptrdiff_t step) {
  fnn_call call = FN(broadcast)(op, rows, n);
  const spread out = place_spread(rows, n, step ? step : 1, 1);
  const spread a = FN(small_inputs)(rows, n, step ? step : 1), b = FN(small_inputs)(rows, n, step);
  bind_spread(&call, 0, &out);
  bind_spread(&call, 1, &a);
  bind_spread(&call, 2, &b);
  run(&call);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < n; j++)
      expect(*(uint8_t *)spread_at(&out, i, j),
             FN(holds)(op, FN(read)(&a, i, j), FN(read)(&b, i, j)), 1, 0);
  expect_gaps(&out);
}

static void FN(one_where)(size_t rows, size_t n, ptrdiff_t step) {
  fnn_call call = FN(broadcast)(FNN_OP_where, rows, n);
  const spread out = place_spread(rows, n, step ? step : 1, sizeof(REAL));
  const spread chosen = place_spread(rows, n, step, 1);
  const spread a = FN(inputs)(rows, n, step ? step : 1, -1, 1);
  const spread b = FN(inputs)(rows, n, step, -1, 1);
  const spread *const all[] = {&out, &chosen, &a, &b};
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < (step ? n : n > 0); j++)
      *(uint8_t *)spread_at(&chosen, i, j) = (uint8_t)below(2);
  for (int i = 0; i < 4; i++) bind_spread(&call, i, all[i]);
  run(&call);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < n; j++) {
      const int first = *(uint8_t *)spread_at(&chosen, i, j);
      expect(*(REAL *)spread_at(&out, i, j), FN(read)(first ? &a : &b, i, j), 1, 0);
    }
  expect_gaps(&out);
}

static void FN(test_shapes)(size_t rows, size_t n, ptrdiff_t step) {
  const size_t cases = sizeof FN(elementwise_cases) / sizeof *FN(elementwise_cases);
  for (size_t i = 0; i < cases; i++) FN(one_elementwise)(&FN(elementwise_cases)[i], rows, n, step);
  for (int op = FNN_OP_eq; op <= FNN_OP_ge; op++) FN(one_comparison)(op, rows, n, step);
  FN(one_where)(rows, n, step);
}

static void FN(test_elementwise)(void) {
  static const ptrdiff_t steps[] = {1, 0, 3, -2};
  for (size_t n = 0; n <= 35; n++)
    for (size_t s = 0; s < 4; s++) FN(test_shapes)(1 + 2 * (n % 2), n, steps[s]);
  FN(test_shapes)(1, 600, 3);
  FN(test_shapes)(1, 16400, 1);
}

/* The error of got in ULP of want; both denormal, or both beyond the largest number, counts as 0. */
static double FN(ulp_error)(REAL got, WIDE want) {
  if (isnan(got) || isnan(want)) return isnan(got) && isnan(want) ? 0 : INFINITY;
  if (fabs(want) < REAL_MIN && fabs(got) <= REAL_MIN) return 0;
  if (fabs(want) > REAL_MAX) return fabs(got) >= REAL_MAX * (1 - 4 * REAL_EPS) ? 0 : INFINITY;
  if (got == (REAL)want) return 0;
  int exponent;
  frexp(want, &exponent);
  const WIDE size = ldexp((WIDE)REAL_EPS, exponent - 1);
  if (isinf(got)) return fabs(want) + 4 * size >= REAL_MAX ? 0 : INFINITY;
  return (double)(fabs(got - want) / size);
}

/* Bit patterns over all exponents and signs; every second one where functions bend. */
static REAL FN(any_number)(size_t i) {
  const double size = exp2(uniform(-30, 8)), sign = below(2) ? 1 : -1;
  if (i % 2) return (REAL)(sign * size);
  if (i < 20) return (REAL[]){0, 1, -1, (REAL)INFINITY, (REAL)-INFINITY}[i / 2 % 5];
  for (;;) {
    const uint64_t bits = (uint64_t)below(SIZE_MAX);
    REAL x;
    memcpy(&x, &bits, sizeof x);
    if (isnan(x) || isinf(x) || fabs(x) >= REAL_MIN) return x;
  }
}

static void FN(test_ulp)(void) {
  enum { N = 8191, TIMES = 2 };
  const size_t cases = sizeof FN(elementwise_cases) / sizeof *FN(elementwise_cases);
  for (size_t c = 0; c < cases; c++) {
    const FN(elementwise_case) *row = &FN(elementwise_cases)[c];
    if (row->op < FNN_OP_exp || row->op > FNN_OP_sigmoid) continue;
    double worst = 0, where = 0;
    for (int time = 0; time < TIMES; time++) {
      fnn_call call = FN(broadcast)(row->op, 1, N);
      const spread out = place_spread(1, N, 1, sizeof(REAL)), x = FN(inputs)(1, N, 1, 0, 1);
      for (size_t i = 0; i < N; i++) *(REAL *)spread_at(&x, 0, i) = FN(any_number)(i);
      bind_spread(&call, 0, &out);
      bind_spread(&call, 1, &x);
      run(&call);
      for (size_t i = 0; i < N; i++) {
        const WIDE a = FN(read)(&x, 0, i);
        const double ulp = FN(ulp_error)(*(REAL *)spread_at(&out, 0, i), row->value(a, 0, 0));
        if (ulp > worst) worst = ulp, where = (double)a;
      }
    }
    report_ulp(fnn_ops[row->op].name, REAL_NAME, worst, where);
    if (!(worst <= 4)) fail("more than 4 ULP");
  }
}

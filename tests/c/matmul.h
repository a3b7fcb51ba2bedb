/* Products in every order of their operands, with bias and epilogues. Included once per REAL. */

typedef struct {
  size_t m, n, k;
  int a_column, b_column; /* an operand that is stored by columns */
  int bias, activation, derivative;
} FN(product);

static WIDE FN(activate)(WIDE z, int activation) {
  switch (activation) {
    case FNN_RELU:
      return z > 0 ? z : 0;
    case FNN_SIGMOID:
      return 1 / (1 + exp(-z));
    case FNN_TANH:
      return tanh(z);
    default:
      return z;
  }
}

static WIDE FN(slope)(WIDE y, int derivative) {
  switch (derivative) {
    case FNN_RELU:
      return y > 0;
    case FNN_SIGMOID:
      return y * (1 - y);
    case FNN_TANH:
      return 1 - y * y;
    default:
      return 1;
  }
}

static REAL *FN(matrix)(size_t n) {
  REAL *x = place(n * sizeof(REAL));
  for (size_t i = 0; i < n; i++) x[i] = (REAL)uniform(-1, 1);
  return x;
}

/* Where k is odd, out and y have a gap of two elements behind each row. A tile's error
 * is that of k multiply-adds of two roundings, of the partial sums, and of the epilogue. */
static void FN(one_product)(const FN(product) * p) {
  const size_t m = p->m, n = p->n, k = p->k, gap = k % 2 ? 2 : 0, width = n + gap;
  fnn_call call = call_of(FNN_OP_matmul, FNN_REAL);
  clear_places();
  const spread out = place_spread(1, m ? m * width - gap : 0, 1, sizeof(REAL));
  REAL *a = FN(matrix)(m * k), *b = FN(matrix)(k * n), *bias = p->bias ? FN(matrix)(n) : NULL;
  REAL *y = p->derivative ? FN(matrix)(m ? m * width - gap : 0) : NULL;
  const size_t dims[] = {m, n, k};
  void *const arrays[] = {out.base, a, b, bias, y};
  const ptrdiff_t strides[][2] = {
      {(ptrdiff_t)width, 1},
      {p->a_column ? 1 : (ptrdiff_t)k, p->a_column ? (ptrdiff_t)m : 1},
      {p->b_column ? 1 : (ptrdiff_t)n, p->b_column ? (ptrdiff_t)k : 1},
      {1, 0},
      {(ptrdiff_t)width, 1},
  };
  memcpy(call.dim, dims, sizeof dims);
  memcpy(call.array, arrays, sizeof arrays);
  for (int i = 0; i < 5; i++) memcpy(call.stride[i], strides[i], sizeof strides[i]);
  call.attr[0] = p->activation;
  call.attr[1] = p->derivative;
  run(&call);
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      REAL *got = (REAL *)out.base + i * width + j;
      WIDE z = bias ? bias[j] : 0, size = fabs(z);
      for (size_t l = 0; l < k; l++) {
        const WIDE term = (WIDE)a[(ptrdiff_t)i * strides[1][0] + (ptrdiff_t)l * strides[1][1]] *
                          b[(ptrdiff_t)l * strides[2][0] + (ptrdiff_t)j * strides[2][1]];
        z += term;
        size += fabs(term);
      }
      const WIDE slope = y ? FN(slope)(y[i * width + j], p->derivative) : 1;
      expect(*got, FN(activate)(z, p->activation) * slope, size + 1, (double)k + 8);
      memset(got, 0x5a, sizeof *got);
    }
  for (size_t i = 0; i < out.bytes; i++)
    if (out.base[i] != 0x5a) {
      fail("wrote between the rows");
      break;
    }
}

/* Every order, with an epilogue that changes from shape to shape. */
static void FN(products)(size_t m, size_t n, size_t k) {
  static int turn;
  for (int order = 0; order < 4; order++, turn++) {
    const FN(product)
        p = {m, n, k, order & 1, order >> 1, turn % 3 > 0, turn / 3 % 4, turn / 12 % 4};
    FN(one_product)(&p);
  }
}

static void FN(test_matmul)(void) {
  static const size_t ms[] = {0, 1, 2, 3, 5, 8, 9, 15, 17}, ks[] = {0, 1, 2, 3, 17, 40};
  static const size_t ns[] = {1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 16, 25, 33, 37};
  static const size_t large[][3] = {
      {33, 70, 300}, {64, 45, 257}, {3, 260, 520},  {20, 40, 1024}, {1024, 36, 9},
      {50, 1, 700},  {1, 129, 513}, {130, 101, 64}, {300, 300, 2},  {40, 1, 1024},
      {50, 2, 300},  {70, 3, 521},  {100, 3, 44},   {33, 4, 523},   {45, 6, 1024},
      {50, 7, 301},  {37, 9, 258},  {100, 10, 515}, {64, 10, 64},
  };
  for (size_t i = 0; i < sizeof ms / sizeof *ms; i++)
    for (size_t j = 0; j < sizeof ns / sizeof *ns; j++)
      for (size_t l = 0; l < sizeof ks / sizeof *ks; l++) FN(products)(ms[i], ns[j], ks[l]);
  for (size_t i = 0; i < sizeof large / sizeof *large; i++)
    FN(products)(large[i][0], large[i][1], large[i][2]);
}

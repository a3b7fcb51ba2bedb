/* Batch and layer normalisation with their gradients. Included once per REAL. */

enum { FN(norm_limit) = 40 }; /* eps of sizes of about 1, with 1/std up to 3 */

static int64_t FN(bits)(double x) {
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* Mean and variance of `count` elements, `step` apart. */
static void FN(moments)(const REAL *x, size_t count, size_t step, WIDE *mean, WIDE *variance) {
  WIDE sum = 0, square = 0;
  for (size_t i = 0; i < count; i++) sum += x[i * step];
  *mean = sum / (WIDE)count;
  for (size_t i = 0; i < count; i++) square += (x[i * step] - *mean) * (x[i * step] - *mean);
  *variance = square / (WIDE)count;
}

/* Element (i, j) of x normalised: by column, or by row, or by row and not centred. */
typedef struct {
  WIDE mean, r, variance;
} FN(scale);

static FN(scale)
    FN(scale_of)(const REAL *x, size_t n, size_t c, size_t line, int by_row, int centred) {
  FN(scale) s;
  const REAL *from = by_row ? x + line * c : x + line;
  FN(moments)(from, by_row ? c : n, by_row ? 1 : c, &s.mean, &s.variance);
  if (!centred) s.variance += s.mean * s.mean, s.mean = 0;
  s.r = 1 / sqrt(s.variance + (WIDE)1e-2);
  return s;
}

static void FN(one_norm)(size_t n, size_t c, int by_row, int centred, int affine) {
  fnn_call call = FN(packed)(by_row ? FNN_OP_layer_norm : FNN_OP_batch_norm, n, c, 0);
  REAL *out = call.array[0] = place(n * c * sizeof(REAL));
  REAL *stats = call.array[1] = place((by_row ? 2 * n : 3 * c) * sizeof(REAL));
  REAL *x = call.array[2] = FN(matrix)(n * c);
  REAL *gain = call.array[3] = affine ? FN(matrix)(c) : NULL;
  REAL *shift = call.array[4] = affine ? FN(matrix)(c) : NULL;
  call.attr[0] = FN(bits)(1e-2);
  call.attr[1] = centred;
  run(&call);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < c; j++) {
      const size_t line = by_row ? i : j;
      const FN(scale) s = FN(scale_of)(x, n, c, line, by_row, centred);
      const WIDE h = (x[i * c + j] - s.mean) * s.r;
      expect(out[i * c + j], h * (gain ? gain[j] : 1) + (shift ? shift[j] : 0), 1 + fabs(h),
             FN(norm_limit));
      expect(by_row ? stats[2 * i] : stats[j], s.mean, 1, FN(norm_limit));
      expect(by_row ? stats[2 * i + 1] : stats[c + j], s.r, s.r, FN(norm_limit));
      if (!by_row) expect(stats[2 * c + j], s.variance, 1, FN(norm_limit));
    }
}

/* Sums over the line of (i, j): of e = dy g, and of e h. */
static void FN(line_sums)(const REAL *dy, const REAL *x, const REAL *gain, size_t n, size_t c,
                          size_t line, int by_row, const FN(scale) * s, WIDE *e, WIDE *eh) {
  *e = *eh = 0;
  for (size_t l = 0; l < (by_row ? c : n); l++) {
    const size_t at = by_row ? line * c + l : l * c + line;
    const WIDE term = (WIDE)dy[at] * (gain ? gain[at % c] : 1);
    *e += term;
    *eh += term * (x[at] - s->mean) * s->r;
  }
}

static void FN(one_norm_grad)(size_t n, size_t c, int by_row, int centred, int affine) {
  fnn_call call = FN(packed)(by_row ? FNN_OP_layer_norm_grad : FNN_OP_batch_norm_grad, n, c, 0);
  REAL *dx = call.array[0] = place(n * c * sizeof(REAL));
  REAL *dp = call.array[1] = place(2 * c * sizeof(REAL));
  REAL *dy = call.array[2] = FN(matrix)(n * c), *x = call.array[3] = FN(matrix)(n * c);
  REAL *stats = call.array[4] = place((by_row ? 2 * n : 3 * c) * sizeof(REAL));
  REAL *gain = call.array[5] = affine ? FN(matrix)(c) : NULL;
  call.attr[0] = centred;
  for (size_t line = 0; line < (by_row ? n : c); line++) {
    const FN(scale) s = FN(scale_of)(x, n, c, line, by_row, centred);
    stats[by_row ? 2 * line : line] = (REAL)s.mean;
    stats[by_row ? 2 * line + 1 : c + line] = (REAL)s.r;
  }
  run(&call);
  const WIDE count = (WIDE)(by_row ? c : n);
  for (size_t j = 0; j < c; j++) {
    WIDE dg = 0, db = 0;
    for (size_t i = 0; i < n; i++) {
      const size_t line = by_row ? i : j, at = i * c + j;
      const FN(scale) s = FN(scale_of)(x, n, c, line, by_row, centred);
      WIDE e, eh;
      FN(line_sums)(dy, x, gain, n, c, line, by_row, &s, &e, &eh);
      const WIDE h = (x[at] - s.mean) * s.r, level = centred ? e / count : 0;
      const WIDE g = gain ? gain[j] : 1;
      expect(dx[at], s.r * (dy[at] * g - level - h * eh / count), s.r * (3 + h * h),
             FN(norm_limit));
      dg += dy[at] * h;
      db += dy[at];
    }
    expect(dp[j], dg, 10 * (WIDE)n, FN(norm_limit));
    expect(dp[c + j], db, (WIDE)n, FN(norm_limit));
  }
}

static void FN(one_running)(size_t c, double momentum) {
  enum { N = 6 };
  fnn_call call = FN(packed)(FNN_OP_running_moments_step, c, N, 0);
  REAL *m = call.array[0] = FN(matrix)(c), *v = call.array[1] = FN(matrix)(c);
  int64_t *count = call.array[2] = place(sizeof *count);
  REAL *stats = call.array[3] = FN(matrix)(3 * c);
  REAL *before = malloc((2 * c + 1) * sizeof(REAL));
  if (!before) exit(2);
  memcpy(before, m, c * sizeof(REAL));
  memcpy(before + c, v, c * sizeof(REAL));
  *count = 4;
  call.attr[0] = FN(bits)(momentum);
  run(&call);
  const WIDE f = momentum < 0 ? (WIDE)1 / 5 : (WIDE)momentum;
  for (size_t j = 0; j < c; j++) {
    expect(m[j], (1 - f) * before[j] + f * stats[j], 1, 4);
    expect(v[j], (1 - f) * before[c + j] + f * stats[2 * c + j] * N / (N - 1), 1, 4);
  }
  expect(*count, 5, 1, 0);
  free(before);
}

static void FN(test_norm)(void) {
  for (size_t c = 1; c <= 37; c += 1 + c / 9)
    for (int affine = 0; affine < 2; affine++) {
      FN(one_norm)(7, c, 0, 1, affine);
      FN(one_norm_grad)(7, c, 0, 1, affine);
      FN(one_running)(c, affine ? 0.1 : -1);
      for (int centred = 0; centred < 2; centred++) {
        FN(one_norm)(5, c, 1, centred, affine);
        FN(one_norm_grad)(5, c, 1, centred, affine);
      }
    }
}

/* What L-BFGS does with vectors of one type, which is `real`; included once for each. Sums go in an
 * order that does not depend on the processor. Inputs of (n) each; NAME(x) names a function. */
#define LANES 8 /* sums side by side: one waits for the last addition, eight do not */

/* sum_i x_i y_i, in double. */
static double NAME(dot)(const void *x_, const void *y_, size_t n) {
  const real *x = x_, *y = y_;
  double sum[LANES] = {0}, total = 0;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t j = 0; j < LANES; j++) sum[j] += (double)x[i + j] * (double)y[i + j];
  for (; i < n; i++) total += (double)x[i] * (double)y[i];
  for (size_t j = 0; j < LANES; j++) total += sum[j];
  return total;
}

/* sum_i |x_i|, in double. */
static double NAME(size)(const void *x_, size_t n) {
  const real *x = x_;
  double sum[LANES] = {0}, total = 0;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t j = 0; j < LANES; j++) sum[j] += fabs((double)x[i + j]);
  for (; i < n; i++) total += fabs((double)x[i]);
  for (size_t j = 0; j < LANES; j++) total += sum[j];
  return total;
}

/* max_i |t x_i|; nan if one is. */
static double NAME(largest)(const void *x_, double t, size_t n) {
  const real *x = x_, factor = (real)t;
  real most = 0, wrong = 0;
  for (size_t i = 0; i < n; i++) {
    real each = x[i] * factor;
    each = each < 0 ? -each : each;
    most = each > most ? each : most;
    wrong += each - each; /* 0, or nan where each is nan or infinite */
  }
  if (wrong == 0) return (double)most;
  for (size_t i = 0; i < n; i++)
    if (isnan(x[i] * factor)) return (double)(x[i] * factor);
  return (double)most;
}

/* out_i = x_i + t y_i; out may be x. */
static void NAME(moved)(void *out_, const void *x_, double t, const void *y_, size_t n) {
  real *out = out_, step = (real)t;
  const real *x = x_, *y = y_;
  for (size_t i = 0; i < n; i++) out[i] = x[i] + step * y[i];
}

/* out_i = t x_i; out may be x. */
static void NAME(scaled)(void *out_, double t, const void *x_, size_t n) {
  real *out = out_, factor = (real)t;
  const real *x = x_;
  for (size_t i = 0; i < n; i++) out[i] = factor * x[i];
}

/* out_i = x_i - y_i. */
static void NAME(difference)(void *out_, const void *x_, const void *y_, size_t n) {
  real *out = out_;
  const real *x = x_, *y = y_;
  for (size_t i = 0; i < n; i++) out[i] = x[i] - y[i];
}

static const vectors NAME(of) = {
    sizeof(real), NAME(dot),    NAME(size),       NAME(largest),
    NAME(moved),  NAME(scaled), NAME(difference),
};

#undef LANES

/* Reductions, rows, losses, metrics and dropout. Included once per REAL. */

static fnn_call FN(packed)(int op, size_t d0, size_t d1, size_t d2) {
  fnn_call call = call_of(op, FNN_REAL);
  call.dim[0] = d0;
  call.dim[1] = d1;
  call.dim[2] = d2;
  clear_places();
  return call;
}

static void FN(one_reduction)(size_t outer, size_t len, size_t inner) {
  for (int op = FNN_OP_sum; op <= FNN_OP_argmax; op++) {
    if (!len && op > FNN_OP_mean) continue;
    fnn_call call = FN(packed)(op, outer, len, inner);
    const size_t size = op == FNN_OP_argmax ? sizeof(int64_t) : sizeof(REAL);
    char *out = call.array[0] = place(outer * inner * size);
    REAL *x = call.array[1] = FN(matrix)(outer * len * inner);
    if (op > FNN_OP_mean && below(2)) x[below(outer * len * inner)] = (REAL)NAN;
    run(&call);
    for (size_t o = 0; o < outer; o++)
      for (size_t j = 0; j < inner; j++) {
        const REAL *from = x + o * len * inner + j;
        WIDE sum = 0, scale = 0, best = NAN;
        size_t at = 0;
        for (size_t i = 0; i < len; i++) {
          const WIDE v = from[i * inner], sign = op == FNN_OP_min ? -1 : 1;
          sum += v;
          scale += fabs(v);
          if (i == 0 || (!isnan(best) && !(sign * v <= sign * best))) best = v, at = i;
        }
        const size_t where = o * inner + j;
        if (op == FNN_OP_argmax)
          expect(((int64_t *)(void *)out)[where], (long double)at, 1, 0);
        else if (op > FNN_OP_mean)
          expect(((REAL *)(void *)out)[where], best, 1, 0);
        else
          expect(((REAL *)(void *)out)[where], op == FNN_OP_sum ? sum : sum / (WIDE)len,
                 op == FNN_OP_sum ? scale : scale / (WIDE)len,
                 REAL_EPS == FLT_EPSILON ? 0.6 : 1 + (double)len / 2);
      }
  }
}

/* Where an element belongs: behind all that are before it, and its equals to the left. */
static void FN(one_order)(size_t c, int descending) {
  enum { N = 3 };
  fnn_call call = FN(packed)(FNN_OP_argsort, N, c, 0);
  int64_t *out = call.array[0] = place(N * c * sizeof *out);
  REAL *x = call.array[1] = FN(matrix)(N * c);
  call.attr[0] = descending;
  for (size_t i = 0; i < N * c; i++) x[i] = below(9) ? (REAL)rint(x[i] * 6) : (REAL)NAN;
  run(&call);
  for (size_t i = 0; i < N * c; i += c)
    for (size_t j = 0; j < c; j++) {
      size_t at = 0;
      for (size_t l = 0; l < c; l++) {
        const REAL a = x[i + l], b = x[i + j];
        const int same = a == b || (isnan(a) && isnan(b)), larger = isnan(a) ? !isnan(b) : a > b;
        at += same ? l < j : isnan(b) ? !descending : descending ? larger : !larger;
      }
      expect(out[i + at], (WIDE)j, 1, 0);
    }
}

/* log of the sum of exponentials of a row, less its largest element, which is in `top`. */
static WIDE FN(log_sum)(const REAL *z, size_t c, WIDE *top) {
  WIDE sum = 0;
  *top = z[0];
  for (size_t j = 1; j < c; j++)
    if (z[j] > *top) *top = z[j];
  for (size_t j = 0; j < c; j++) sum += exp(z[j] - *top);
  return log(sum);
}

static void FN(one_softmax)(size_t n, size_t c) {
  for (int op = FNN_OP_softmax; op <= FNN_OP_log_softmax; op++) {
    fnn_call call = FN(packed)(op, n, c, 0);
    REAL *out = call.array[0] = place(n * c * sizeof(REAL));
    REAL *z = call.array[1] = FN(matrix)(n * c);
    for (size_t i = 0; i < n * c; i++) z[i] *= 8;
    run(&call);
    for (size_t i = 0; i < n * c; i += c) {
      WIDE top;
      const WIDE low = FN(log_sum)(z + i, c, &top);
      for (size_t j = i; j < i + c; j++) {
        const WIDE d = z[j] - top, share = exp(d - low);
        if (op == FNN_OP_softmax)
          expect(out[j], share, share, 10 + (double)c);
        else
          expect(out[j], d - low, fabs(d) + fabs(low) + 1, 5 + (double)c);
      }
    }
  }
}

/* The losses: value and slope of one row or element by the textbook. */
typedef struct {
  WIDE loss, loss_scale;
  WIDE dz[300];
} FN(loss);

static void FN(textbook)(int op, const REAL *z, const void *y, size_t i, size_t c, FN(loss) * to) {
  const int64_t *label = y;
  const REAL *target = y;
  WIDE top, share = 0;
  if (op == FNN_OP_softmax_cross_entropy || op == FNN_OP_soft_cross_entropy) {
    const WIDE low = FN(log_sum)(z + i * c, c, &top);
    const int soft = op == FNN_OP_soft_cross_entropy;
    to->loss = 0;
    to->loss_scale = 1;
    for (size_t j = 0; j < c; j++) {
      const WIDE p = soft ? target[i * c + j] : label[i] == (int64_t)j;
      const WIDE d = z[i * c + j] - top;
      share += p;
      to->loss -= p * (d - low);
      to->loss_scale += p * (fabs(d) + fabs(low));
    }
    for (size_t j = 0; j < c; j++)
      to->dz[j] = exp(z[i * c + j] - top - low) * share -
                  (soft ? target[i * c + j] : label[i] == (int64_t)j);
  } else if (op == FNN_OP_bce_with_logits) {
    to->loss = (z[i] > 0 ? z[i] : 0) - (WIDE)z[i] * target[i] + log1p(exp(-fabs((WIDE)z[i])));
    to->loss_scale = 1 + fabs(z[i]);
    to->dz[0] = 1 / (1 + exp(-(WIDE)z[i])) - target[i];
  } else {
    const WIDE d = (WIDE)z[i] - target[i];
    to->loss = to->loss_scale = d * d;
    to->dz[0] = 2 * d;
  }
}

static void FN(one_loss)(int op, size_t n, size_t c, enum fnn_reduction reduction, int slope) {
  const int labels = op == FNN_OP_softmax_cross_entropy;
  const WIDE share = reduction == FNN_MEAN ? 1 / (WIDE)n : 1;
  fnn_call call = FN(packed)(op, n, c, 0);
  REAL *out = call.array[0] = place((reduction ? 1 : n) * sizeof(REAL));
  REAL *dz = call.array[1] = slope ? place(n * c * sizeof(REAL)) : NULL;
  REAL *z = call.array[2] = FN(matrix)(n * c);
  for (size_t i = 0; i < n * c; i++) z[i] *= 6;
  call.array[3] = labels ? place(n * sizeof(int64_t)) : FN(matrix)(n * c);
  if (labels)
    for (size_t i = 0; i < n; i++) ((int64_t *)call.array[3])[i] = (int64_t)below(c);
  else
    for (size_t i = 0; i < n * c; i++)
      ((REAL *)call.array[3])[i] = (REAL)fabs(((REAL *)call.array[3])[i]);
  call.attr[0] = reduction;
  run(&call);
  WIDE total = 0, total_scale = 0;
  FN(loss) want;
  for (size_t i = 0; i < n; i++) {
    FN(textbook)(op, z, call.array[3], i, c, &want);
    if (!reduction) expect(out[i], want.loss, want.loss_scale, 6 + (double)c);
    total += want.loss * share;
    total_scale += want.loss_scale * share;
    for (size_t j = 0; slope && j < c; j++)
      expect(dz[i * c + j], want.dz[j] * share, ((WIDE)c + 6) * share, 4 + (double)c / 4);
  }
  if (reduction) expect(*out, total, total_scale, 6 + (double)c + (double)n / 8);
}

static void FN(losses)(size_t n, size_t c) {
  for (int reduction = FNN_NONE; reduction <= FNN_MEAN; reduction++)
    for (int slope = 0; slope < 2; slope++)
      for (int op = FNN_OP_softmax_cross_entropy; op <= FNN_OP_mse; op++) {
        const int rows = op <= FNN_OP_soft_cross_entropy;
        if (c == 1 || rows) FN(one_loss)(op, n, rows ? c : 1, reduction, slope);
      }
}

static void FN(metrics)(size_t n, size_t c) {
  for (int op = FNN_OP_accuracy; op <= FNN_OP_binary_accuracy; op++) {
    const int binary = op == FNN_OP_binary_accuracy;
    fnn_call call = FN(packed)(op, n, c, 0);
    REAL *out = call.array[0] = place(sizeof(REAL)), *z = call.array[1] = FN(matrix)(n * c);
    int64_t *y = binary ? NULL : place(n * sizeof *y);
    REAL *side = binary ? FN(matrix)(n) : NULL;
    call.array[2] = binary ? (void *)side : (void *)y;
    for (size_t i = 0; y && i < n; i++) y[i] = (int64_t)below(c);
    for (size_t i = 0; i < n * c; i++) z[i] = (REAL)rint(z[i] * 4); /* some are equal */
    run(&call);
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
      size_t best = 0;
      for (size_t j = 1; j < c; j++)
        if (z[i * c + j] > z[i * c + best]) best = j;
      right += binary ? (z[i] > 0) == (side[i] > 0.5) : best == (size_t)y[i];
    }
    expect(*out, (WIDE)right / (WIDE)n, 1, 0.5);
  }
}

static void FN(row_moves)(size_t n, size_t c, size_t rows) {
  fnn_call take = FN(packed)(FNN_OP_take_rows, n, c, rows);
  REAL *out = take.array[0] = place(n * c * sizeof(REAL)),
       *x = take.array[1] = FN(matrix)(rows * c);
  int64_t *index = take.array[2] = place(n * sizeof *index);
  take.attr[0] = sizeof(REAL);
  for (size_t i = 0; i < n; i++) index[i] = (int64_t)below(rows + 2) - 1; /* some are wild */
  run(&take);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < c; j++) {
      const int known = (uint64_t)index[i] < rows;
      expect(out[i * c + j], known ? x[(size_t)index[i] * c + j] : 0, 1, 0);
    }
  fnn_call add = FN(packed)(FNN_OP_scatter_add_rows, n, c, rows);
  REAL *sums = add.array[0] = place(rows * c * sizeof(REAL)),
       *dy = add.array[1] = FN(matrix)(n * c);
  index = add.array[2] = place(n * sizeof *index);
  for (size_t i = 0; i < n; i++) index[i] = (int64_t)below(rows + 2) - 1;
  run(&add);
  for (size_t r = 0; r < rows; r++)
    for (size_t j = 0; j < c; j++) {
      WIDE want = 0;
      for (size_t i = 0; i < n; i++)
        if (index[i] == (int64_t)r) want += dy[i * c + j];
      expect(sums[r * c + j], want, (WIDE)n, 1);
    }
}

/* The same bits in every table: the hash of an element, from the key, as dropout.h gives it. */
static uint64_t FN(mixed)(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint32_t FN(random_bits)(const int64_t *key, uint32_t at) {
  const uint64_t seed = FN(mixed)((uint64_t)key[0] + 0x9e3779b97f4a7c15u);
  const uint64_t both = FN(mixed)(FN(mixed)(seed ^ (uint64_t)key[1]));
  uint32_t x = at ^ (uint32_t)both;
  x = (x ^ x >> 16) * 0x7feb352d;
  x = (x ^ x >> 15) + (uint32_t)(both >> 32);
  x *= 0x846ca68b;
  return x ^ x >> 16;
}

static void FN(one_dropout)(size_t n, double p) {
  fnn_call call = FN(packed)(FNN_OP_dropout, n, 0, 0);
  REAL *out = call.array[0] = place(n * sizeof(REAL)), *x = call.array[1] = FN(matrix)(n);
  int64_t *key = call.array[2] = place(2 * sizeof *key);
  key[0] = 7;
  key[1] = (int64_t)n;
  memcpy(&call.attr[0], &p, sizeof p);
  run(&call);
  for (size_t i = 0; i < n; i++) {
    const int kept = FN(random_bits)(key, (uint32_t)i) >= (uint32_t)(p * 0x1p32);
    const WIDE want = kept ? (WIDE)x[i] / (WIDE)(1 - p) : 0;
    expect(out[i], want, want, 1);
  }
}

static void FN(test_rows)(void) {
  for (size_t len = 0; len <= 40; len++)
    for (size_t inner = 1; inner <= 37; inner = 2 * inner + (len & 1))
      FN(one_reduction)(3, len, inner);
  FN(one_reduction)(2, 70001, 1);
  FN(one_reduction)(1, 300, 261);
  for (size_t c = 1; c <= 37; c++) {
    FN(one_softmax)(5, c);
    FN(one_order)(c, c % 2);
    FN(losses)(1 + 3 * (c % 4), c);
    FN(metrics)(7, c);
    FN(row_moves)(9, c, 5);
    FN(one_dropout)(c, 0.3);
  }
  for (size_t n = 1; n <= 35; n += 1 + n / 6) /* short rows, one to a lane */
    for (size_t c = 1; c <= 25; c += 1 + c / 5) {
      FN(one_softmax)(n, c);
      FN(losses)(n, c);
    }
  FN(one_softmax)(70, 260);
  for (int descending = 0; descending < 2; descending++) FN(one_order)(150, descending);
  FN(losses)(70, 130);
  FN(losses)(5000, 1);
  FN(one_dropout)(8200, 0.5);
}

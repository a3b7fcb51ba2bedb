/* Numbers embedded by cosines of learned frequencies, and the gradient. Included once per REAL. */
#include "tiles.h"

#define PERIODIC_ROWS ((size_t)64) /* in a tile; a multiple of every VL */
#define PERIODIC_MIXED 3           /* numbers that the cosines of a column are mixed to */
#define TWO_PI ((REAL)6.28318530717958647692)

#if REAL_IS_DOUBLE
#define HALF_PI_PARTS W(half_pi)
#else
/* pi/2 in parts of few bits, whose products with n < 2^13 are exact without an FMA (Cephes) */
static const float W(half_pi_short)[] = {1.5703125f, 4.837512969970703125e-4f,
                                         7.54978995489188216e-8f};
#define HALF_PI_PARTS W(half_pi_short)
#endif

static size_t FN(periodic_tiles)(const fnn_call *call) {
  return blocks_over(call->dim[0], PERIODIC_ROWS);
}

static size_t FN(periodic_grad_tiles)(const fnn_call *call) { return call->dim[1]; }

/* sin a and cos a, to an absolute error of a few units in the last place of 1 and of a: what an
 * angle that is itself rounded is worth, at half the cost of v_sin and v_cos. Cody and Waite's
 * reduction; r is kept in its range so that results are in -1..1 however large a is. */
FNN_INLINE vec FN(sine_cosine)(vec a, vec *cosine) {
  const vec one = v_set1(1), two = v_set1(2), limit = v_set1((REAL)0.7854);
  const vec n = v_round(v_mul(a, v_set1((REAL)0.63661977236758134308)));
  const vec quadrant = v_fnma(v_round(v_mul(n, v_set1((REAL)0.25))), v_set1(4), n);
  vec r = a;
  for (int i = 0; i < 3; i++) r = v_fnma(n, v_set1(HALF_PI_PARTS[i]), r);
  r = v_min(limit, v_max(v_neg(limit), r)); /* nan stays nan */
  const vec z = v_mul(r, r);
  vec s = W(v_poly)(z, W(sin_poly), (int)(sizeof W(sin_poly) / sizeof W(sin_poly)[0]));
  vec c = W(v_poly)(z, W(cos_poly), (int)(sizeof W(cos_poly) / sizeof W(cos_poly)[0]));
  s = v_fma(v_mul(z, r), s, r);
  c = v_fma(v_mul(z, z), c, v_fnma(v_set1((REAL)0.5), z, one));
  const vec size = v_abs(quadrant);
  const mask odd = v_eq(size, one), turned = v_eq(size, two);
  const vec sine = v_select(odd, c, s), other = v_select(odd, s, c);
  *cosine = v_select(m_or(turned, v_eq(quadrant, one)), v_neg(other), other);
  return v_select(m_or(turned, v_eq(quadrant, v_neg(one))), v_neg(sine), sine);
}

/* periodic_embedding: each number of a row becomes three mixtures of cosines, and stays beside them.
 *
 *   out_{i, 3 j + m} = sum_k W_{j,m,k} cos(2 pi w_{j,k} x_{i,j} + b_{j,k}) + s_{j,m},
 *   out_{i, 3 d + j} = x_{i,j},   0 <= i < n, 0 <= j < d, 0 <= m < 3, 0 <= k < f
 *
 * Arrays: out (n, 4 d) out; x (n, d), w (d, f), b (d, f), W (d, 3, f), s (d, 3) in.
 * Scalars: dim = (n, d, f).
 * Nothing overlaps; any alignment. Rows lie along the lanes; the sum over k goes in order. Cosines
 * as of sine_cosine.
 * Source: Holzmueller, Grinsztajn and Steinwart 2024 ("PBLD"). */
static void FN(periodic_embedding)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t d = call->dim[1], f = call->dim[2];
  const REAL *w = call->array[2], *b = call->array[3], *mixing = call->array[4];
  const REAL *shift = call->array[5];
  for (size_t t = begin; t < end; t++) {
    const size_t first = t * PERIODIC_ROWS;
    const size_t rows = size_min(call->dim[0] - first, PERIODIC_ROWS);
    const REAL *x = (const REAL *)call->array[1] + first * d;
    REAL *out = (REAL *)call->array[0] + first * 4 * d;
    for (size_t j = 0; j < d; j++) {
      REAL column[PERIODIC_ROWS] = {0}, mixed[PERIODIC_MIXED][PERIODIC_ROWS];
      for (size_t i = 0; i < rows; i++) column[i] = x[i * d + j];
      for (size_t i = 0; i < rows; i += VL) {
        const vec at = v_load(column + i);
        const REAL *by = mixing + j * PERIODIC_MIXED * f, *from = shift + j * PERIODIC_MIXED;
        vec z0 = v_set1(from[0]), z1 = v_set1(from[1]), z2 = v_set1(from[2]);
        for (size_t k = 0; k < f; k++) {
          vec c;
          const vec turns = v_set1(w[j * f + k] * TWO_PI), phase = v_set1(b[j * f + k]);
          (void)FN(sine_cosine)(v_fma(at, turns, phase), &c);
          z0 = v_fma(v_set1(by[k]), c, z0);
          z1 = v_fma(v_set1(by[f + k]), c, z1);
          z2 = v_fma(v_set1(by[2 * f + k]), c, z2);
        }
        v_store(mixed[0] + i, z0);
        v_store(mixed[1] + i, z1);
        v_store(mixed[2] + i, z2);
      }
      for (size_t i = 0; i < rows; i++) {
        REAL *to = out + i * 4 * d;
        for (size_t m = 0; m < PERIODIC_MIXED; m++) to[PERIODIC_MIXED * j + m] = mixed[m][i];
        to[PERIODIC_MIXED * d + j] = column[i];
      }
    }
  }
}

/* What periodic_embedding_grad adds up for VL frequencies: by w, b and the three rows of W. */
typedef struct {
  wide by[2 + PERIODIC_MIXED];
} FN(periodic_sums);

/* The sums over rows [first, stop) of column j, frequencies k..k + VL, added to `sums`. */
FNN_INLINE void FN(periodic_grad_rows)(const fnn_call *call, size_t j, size_t k, size_t first,
                                       size_t stop, FN(periodic_sums) * sums) {
  const size_t d = call->dim[1], f = call->dim[2];
  const mask lanes = m_first(f - k);
  const REAL *dy = (const REAL *)call->array[1] + PERIODIC_MIXED * j;
  const REAL *x = (const REAL *)call->array[2] + j;
  const REAL *by = (const REAL *)call->array[5] + j * PERIODIC_MIXED * f + k;
  const vec w = v_load_m((const REAL *)call->array[3] + j * f + k, lanes);
  const vec turns = v_mul(w, v_set1(TWO_PI));
  const vec phase = v_load_m((const REAL *)call->array[4] + j * f + k, lanes);
  const vec w0 = v_load_m(by, lanes), w1 = v_load_m(by + f, lanes);
  const vec w2 = v_load_m(by + 2 * f, lanes);
  vec dw = v_zero(), db = v_zero(), d0 = v_zero(), d1 = v_zero(), d2 = v_zero();
  for (size_t i = first; i < stop; i++) {
    const REAL *g = dy + i * 4 * d;
    const vec at = v_set1(x[i * d]), g0 = v_set1(g[0]), g1 = v_set1(g[1]), g2 = v_set1(g[2]);
    vec c;
    const vec s = FN(sine_cosine)(v_fma(at, turns, phase), &c);
    d0 = v_fma(g0, c, d0);
    d1 = v_fma(g1, c, d1);
    d2 = v_fma(g2, c, d2);
    const vec dc = v_fma(g2, w2, v_fma(g1, w1, v_mul(g0, w0)));
    const vec da = v_mul(dc, s);
    db = v_sub(db, da);
    dw = v_fnma(da, at, dw);
  }
  const vec found[] = {v_mul(dw, v_set1(TWO_PI)), db, d0, d1, d2};
  for (size_t m = 0; m < 2 + PERIODIC_MIXED; m++) sums->by[m] = w_add(sums->by[m], found[m]);
}

/* periodic_embedding_grad: the gradient of periodic_embedding by its parameters.
 *
 *   a = 2 pi w_{j,k} x_{i,j} + b_{j,k},   da_{i,j,k} = -sin(a) sum_m dy_{i,3j+m} W_{j,m,k},
 *   dw_{j,k} = 2 pi sum_i da_{i,j,k} x_{i,j},   db_{j,k} = sum_i da_{i,j,k},
 *   dW_{j,m,k} = sum_i dy_{i,3j+m} cos(a),   ds_{j,m} = sum_i dy_{i,3j+m}
 *
 * Arrays: dp (d, 5 f + 3) out: of each column dw, db, dW, ds; dy (n, 4 d), x (n, d), w (d, f), b (d, f),
 *   W (d, 3, f) in.
 * Scalars: dim = (n, d, f).
 * Any alignment. Frequencies lie along the lanes. Sums over 64 rows in T, of those in double, rounded
 * once; those of s in double. A tile owns a column.
 * Source: as above. */
static void FN(periodic_embedding_grad)(const fnn_call *call, size_t begin, size_t end,
                                        void *scratch) {
  const size_t n = call->dim[0], d = call->dim[1], f = call->dim[2];
  const size_t width = (2 + PERIODIC_MIXED) * f + PERIODIC_MIXED;
  for (size_t j = begin; j < end; j++) {
    REAL *dp = (REAL *)call->array[0] + j * width;
    for (size_t k = 0; k < f; k += VL) {
      FN(periodic_sums) sums;
      for (size_t m = 0; m < 2 + PERIODIC_MIXED; m++) sums.by[m] = w_zero();
      for (size_t i = 0; i < n; i += PERIODIC_ROWS)
        FN(periodic_grad_rows)(call, j, k, i, size_min(n, i + PERIODIC_ROWS), &sums);
      for (size_t m = 0; m < 2 + PERIODIC_MIXED; m++)
        v_store_m(dp + m * f + k, w_narrow(sums.by[m]), m_first(f - k));
    }
    const REAL *dy = (const REAL *)call->array[1] + PERIODIC_MIXED * j;
    double shift[PERIODIC_MIXED] = {0};
    for (size_t i = 0; i < n; i++)
      for (size_t m = 0; m < PERIODIC_MIXED; m++) shift[m] += (double)dy[i * 4 * d + m];
    for (size_t m = 0; m < PERIODIC_MIXED; m++) dp[(2 + PERIODIC_MIXED) * f + m] = (REAL)shift[m];
  }
}

#undef HALF_PI_PARTS
#undef TWO_PI

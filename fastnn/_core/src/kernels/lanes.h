/* Short rows, one to a lane: groups of VL rows are transposed on the way in and on the way out, and
 * what goes along a row takes no shuffles in between. Included once per REAL, after pack.h.
 *
 * A row gets the bits that row_max, row_exp and row_scale give it: exponentials are added in VL
 * chains, the chains by halves, as v_sum adds lanes. So any rows may go by lanes, and the others
 * one by one. */
#include <math.h>
#include <string.h>

#include "tiles.h"

#define LANE_ELEMENTS ((size_t)(8 + VL)) /* in a row at most; the ways of longer ones cost more */

/* How many of so many rows go by lanes, the first ones: no group that is less than half full. */
static inline size_t FN(lane_rows)(size_t rows, size_t c) {
  const size_t rest = rows % VL;
  if (VL == 1 || c > LANE_ELEMENTS) return 0;
  return 2 * rest < VL ? rows - rest : rows;
}

/* e[i c + j VL + l] = z[(i + l) c + j] for the groups from rows i = 0, VL, .. on, l < VL, j < c. One
 * copy of both ways for all callers: a step of a small net is slowed by fetching its code. */
static __attribute__((noinline)) void FN(rows_to_lanes)(REAL *e, const REAL *z, size_t rows,
                                                        size_t c) {
  for (size_t i = 0; i < rows; i += VL)
    FN(pack)(e + i * c, VL, size_min(VL, rows - i), c, z + i * c, (ptrdiff_t)c, 1);
}

/* The way back; what would go beyond the last row goes by another place. */
static __attribute__((noinline)) void FN(lanes_to_rows)(REAL *z, const REAL *e, size_t rows,
                                                        size_t c) {
  REAL part[VL * LANE_ELEMENTS + VL];
  for (size_t i = 0; i < rows; i += VL) {
    const size_t n = size_min(VL, rows - i);
    const int fits = (i + n) * c + VL <= rows * c;
    FN(pack)(fits ? z + i * c : part, c, c, n, e + i * c, VL, 1);
    if (!fits) memcpy(z + i * c, part, n * c * sizeof *z);
  }
}

/* The maxima of a group's rows; a nan may get lost, its exponential will not. */
static inline vec FN(lane_max)(const REAL *e, size_t c) {
  vec top = v_set1((REAL)-INFINITY);
  for (size_t j = 0; j < c; j++) top = v_max(top, v_load(e + j * VL));
  return top;
}

/* The sums of exp(z_j - top) over a group's rows; `to`, which may be e, keeps the terms. */
static inline vec FN(lane_exp)(REAL *to, const REAL *e, size_t c, vec top) {
  vec sum[VL];
  for (size_t j = 0; j < c; j++) v_store(to + j * VL, v_exp(v_sub(v_load(e + j * VL), top)));
#pragma GCC unroll 16
  for (size_t i = 0; i < VL; i++) {
    sum[i] = v_zero();
    for (size_t j = i; j < c; j += VL) sum[i] = v_add(sum[i], v_load(to + j * VL));
  }
#pragma GCC unroll 4
  for (int half = VL / 2; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; i++) sum[i] = v_add(sum[i], sum[i + half]);
  return sum[0];
}

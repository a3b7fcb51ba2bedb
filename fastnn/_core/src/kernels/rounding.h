/* The operands of a product, rounded. Once per REAL; with effect where it is float.
 *
 * FNN_ROUND_BF16. Both operands are rounded to bfloat16, ties to even. What follows is the product of
 *   float32: the same chains of fused multiply-adds, cut in the same places. A product of two such
 *   numbers is exact in float32, so VDPBF16PS, which adds one product of a pair and then the other,
 *   gives the same bits; so does a table without fused operations, short of overflow and underflow.
 *
 * FNN_ROUND_INT8. Lane i of an operand, a row of a or a column of b, has its own scale, from its own least
 *   and largest element over all k:
 *
 *     row:     lo = min(0, min_p a_ip), hi = max(0, max_p a_ip), 255 steps
 *     column:  hi = max_p |b_pj|, lo = -hi, 254 steps
 *     scale = (hi - lo) / steps;  factor = steps / (hi - lo), 0 where scale is 0
 *     q = clip(round(x factor), low, low + steps),  low = -round(-lo factor)
 *
 *   so that x is about scale * q, and 0 is exact. Sums of q_ip q_pj over 256 k's are whole numbers
 *   below 2^24, exact in float32 and in int32; they are added in float32, in order, and
 *
 *     z_ij = (scale_i scale_j) sum + bias_j, each operation rounded
 *
 *   A row or column with an element that is not finite gives nan.
 *
 * Jacob et al., Quantization and training of neural networks for efficient integer-arithmetic-only
 * inference, 2018, section 2; rows by their own range, as Dettmers et al., LLM.int8(), 2022.
 */
#include "tiles.h"

#define ROUND_ROW_STEPS 255
#define ROUND_COLUMN_STEPS 254
#define ROUND_LANES ((size_t)8192) /* measured at a time */
#define ROUND_BYTES (6 * ROUND_LANES * sizeof(REAL))

/* How lanes are rounded: one element a lane of each array. */
typedef struct {
  REAL *factor, *low, *scale;
} FN(round_lanes);

/* The arrays of rows and columns, at the end of the scratch memory. */
static inline void FN(round_place)(void *scratch, FN(round_lanes) * rows,
                                   FN(round_lanes) * columns) {
  REAL *at = (REAL *)((char *)scratch + FNN_SCRATCH_BYTES - ROUND_BYTES);
  *rows = (FN(round_lanes)){at, at + ROUND_LANES, at + 2 * ROUND_LANES};
  at += 3 * ROUND_LANES;
  *columns = (FN(round_lanes)){at, at + ROUND_LANES, at + 2 * ROUND_LANES};
}

/* Least and largest element, with 0 among them, and 0 times the sum (nan where one is not finite)
 * of up to VL lanes. */
static inline void FN(round_range)(REAL range[3][VL], size_t lanes, size_t depth, const REAL *x,
                                   ptrdiff_t lane, ptrdiff_t step) {
  const vec zero = v_zero();
  const size_t one = lane == 1 ? lanes : 1, many = lane == 1 ? 1 : lanes;
  const int along = lane != 1 && step == 1; /* a lane is read in vectors */
  for (size_t i = 0; i < many; i++) {
    vec least = zero, most = zero, finite = zero;
    for (size_t p = 0; p < depth; p += along ? VL : 1) {
      const vec v = v_load_m(x + (ptrdiff_t)i * lane + (ptrdiff_t)p * step,
                             m_first(along ? depth - p : one));
      least = v_min(v, least);
      most = v_max(v, most);
      finite = v_fma(v, zero, finite);
    }
    if (lane == 1) {
      v_store(range[0], least);
      v_store(range[1], most);
      v_store(range[2], finite);
    } else {
      range[0][i] = v_hmin(least);
      range[1][i] = v_hmax(most);
      range[2][i] = v_sum(finite);
    }
  }
}

/* The scales of lanes [0, lanes) of x, whose elements are `step` apart. */
static __attribute__((unused)) void FN(round_measure)(const FN(round_lanes) * out, size_t lanes,
                                                      size_t depth, const REAL *x, ptrdiff_t lane,
                                                      ptrdiff_t step, int steps) {
  const vec zero = v_zero(), n = v_set1((REAL)steps);
  REAL range[3][VL] = {{0}};
  for (size_t i = 0; i < lanes; i += VL) {
    FN(round_range)(range, size_min(VL, lanes - i), depth, x + (ptrdiff_t)i * lane, lane, step);
    vec below = v_neg(v_load(range[0])), width = v_add(v_load(range[1]), below);
    if (steps == ROUND_COLUMN_STEPS) {
      below = v_max(v_load(range[1]), below);
      width = v_add(below, below);
    }
    const vec scale = v_div(width, n);
    const vec factor = v_select(v_gt(scale, zero), v_div(n, width), zero);
    v_store(out->factor + i, factor);
    v_store(out->low + i, v_sub(zero, v_round(v_mul(below, factor))));
    v_store(out->scale + i, v_add(scale, v_load(range[2])));
  }
}

/* q of one vector. */
FNN_INLINE vec FN(round_one)(vec x, vec factor, vec low, int steps) {
  return v_min(v_max(v_round(v_mul(x, factor)), low), v_add(low, v_set1((REAL)steps)));
}

/* x[p * width + i] = q of it, by lane `at` + i, where a strip lies packed. */
FNN_INLINE void FN(round_strip)(REAL *x, size_t width, size_t depth, const FN(round_lanes) * lanes,
                                size_t at, int steps) {
  for (size_t i = 0; i < width; i += VL) {
    const mask m = m_first(width - i);
    const vec factor = v_load_m(lanes->factor + at + i, m), low = v_load_m(lanes->low + at + i, m);
    for (size_t p = 0; p < depth; p++) {
      REAL *one = x + p * width + i;
      v_store_m(one, FN(round_one)(v_load_m(one, m), factor, low, steps), m);
    }
  }
}

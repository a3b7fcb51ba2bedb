/* Packing for products: the one place that changes the order of an operand. Once per REAL. */
#include <string.h>

#include "interleave.h"
#include "tiles.h"

/* pack_square: dst[p * width + i] = src[i * row + p] for i < count and p < depth <= VL, and 0 for
 * count <= i < VL. Stores whole vectors, p upwards. */
static inline void FN(pack_square)(REAL *dst, size_t width, size_t count, size_t depth,
                                   const REAL *src, ptrdiff_t row) {
  const mask some = m_first(depth);
  vec v[VL];
#pragma GCC unroll 16
  for (int i = 0; i < VL; i++) v[i] = (size_t)i < count ? v_load_m(src + i * row, some) : v_zero();
  FN(interleave)(v, VL);
#pragma GCC unroll 16
  for (int p = 0; p < VL; p++)
    if ((size_t)p < depth) v_store(dst + (size_t)p * width, v[p]);
}

/* pack: one strip of an operand, so that the kernel reads it from end to end.
 *
 *   dst[p * width + i] = src[i * lane + p * step]    for 0 <= i < count, 0 <= p < depth
 *   dst[p * width + i] = 0                           for count <= i < width
 *
 * dst out, depth * width elements and up to VL more are written; src in, any two strides;
 * count <= width. No alias; any alignment. Exact. One pass; fast where either stride is 1: rows
 * are copied, or squares of VL x VL transposed.
 */
static void FN(pack)(REAL *dst, size_t width, size_t count, size_t depth, const REAL *src,
                     ptrdiff_t lane, ptrdiff_t step) {
  if (lane == 1) {
    const mask last = m_first(count % VL ? count % VL : VL);
    for (size_t p = 0; p < depth; p++, src += step)
      for (size_t i = 0; i < width; i += VL)
        v_store(dst + p * width + i, i + VL < count ? v_load(src + i)
                                     : i < count    ? v_load_m(src + i, last)
                                                    : v_zero());
  } else if (step == 1) {
    /* The last group goes first: what its whole vectors write into the next row is then replaced. */
    for (size_t i = blocks_over(width, VL) * VL; i > 0;) {
      i -= VL;
      const REAL *from = src + (ptrdiff_t)i * lane;
      for (size_t p = 0; p < depth; p += VL)
        FN(pack_square)(dst + p * width + i, width, count > i ? count - i : 0,
                        size_min(VL, depth - p), from + p, lane);
    }
  } else {
    for (size_t p = 0; p < depth; p++)
      for (size_t i = 0; i < width; i++)
        dst[p * width + i] = i < count ? src[(ptrdiff_t)i * lane + (ptrdiff_t)p * step] : 0;
  }
}

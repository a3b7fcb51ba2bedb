/* Dropout: a mask that is computed where it is used. Included once per REAL. */
#include "tiles.h"

#include <string.h>

#define DROPOUT_TILE ((size_t)8192) /* elements; a divisor of 2^32 and a multiple of every VL */

/* 32 random bits for each of the elements `at`: two rounds of multiply and xor-shift with half of
 * the key before each (the constants are Wellons' lowbias32). */
FNN_INLINE uvec FN(random_lanes)(uvec at, uvec low, uvec high) {
  uvec x = u_xor(at, low);
  x = u_mul(u_xor(x, u_shift(x, 16)), u_set1(0x7feb352d));
  x = u_add(u_xor(x, u_shift(x, 15)), high);
  x = u_mul(x, u_set1(0x846ca68b));
  return u_xor(x, u_shift(x, 16));
}

static size_t FN(dropout_tiles)(const fnn_call *call) {
  return blocks_over(call->dim[0], DROPOUT_TILE);
}

/* dropout: elements go to zero with probability p, the others grow by 1 / (1 - p).
 *
 *   out_i = x_i / (1 - p) where h(key, i) >= p 2^32, else 0,   0 <= i < n
 *
 * Arrays: out (n) out; x (n) in; key i64 (2) in, from draw_key; rate i64 (1) in, or NULL.
 * Scalars: dim = (n); attr = (the bits of the f64 p), 0 <= p < 1. With a rate, those bits are there
 * instead: a program reads them at every run, so that a schedule can change p.
 * out may be x; any alignment.
 * h is 32 bits from key and i alone: the same mask in every table, for both reals, for any threads,
 * and for the gradient, which is this op on dy. The factor rounds once, and each product. 2
 * integer products an element.
 * Source: Srivastava et al. 2014; torch.nn.Dropout. */
static void FN(dropout)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  double p;
  memcpy(&p, call->array[3] ? call->array[3] : &call->attr[0], sizeof p);
  const vec scale = v_set1((REAL)(1.0 / (1.0 - p)));
  const uvec least = u_set1((uint32_t)(p * 0x1p32));
  REAL *out = call->array[0];
  const REAL *x = call->array[1];
  for (size_t t = begin; t < end; t++) {
    const size_t first = t * DROPOUT_TILE, stop = size_min(call->dim[0], first + DROPOUT_TILE);
    const uint64_t key = random_key(call->array[2], (uint64_t)first >> 32);
    const uvec low = u_set1((uint32_t)key), high = u_set1((uint32_t)(key >> 32));
    size_t i = first;
    for (; i + VL <= stop; i += VL) {
      const mask kept = u_ge(FN(random_lanes)(u_from((uint32_t)i), low, high), least);
      v_store(out + i, v_select(kept, v_mul(v_load(x + i), scale), v_zero()));
    }
    if (i < stop) {
      const mask k = m_first(stop - i);
      const mask kept = u_ge(FN(random_lanes)(u_from((uint32_t)i), low, high), least);
      v_store_m(out + i, v_select(kept, v_mul(v_load_m(x + i, k), scale), v_zero()), k);
    }
  }
}

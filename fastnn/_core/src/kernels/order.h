/* Elements in order: included once for each KEY, the type of what is compared; KEY_NAN(x) says
 * whether one is not a number. */
#include "tiles.h"

#define ORDER_RUN ((size_t)16)       /* shorter pieces of a row are sorted by insertion */
#define ORDER_LOOK ((size_t)1 << 16) /* elements that are merged between two looks at Ctrl-C */

/* Whether a stands before b; nan is larger than all numbers, -0 and 0 are equal. */
FNN_INLINE int FN(order_before)(KEY a, KEY b, int descending) {
  if (descending) return a > b || (KEY_NAN(a) && !KEY_NAN(b));
  return a < b || (KEY_NAN(b) && !KEY_NAN(a));
}

/* The positions begin .. end - 1 in the order of their elements, by insertion. */
FNN_INLINE void FN(order_insert)(fnn_int64 *at, const KEY *x, size_t begin, size_t end,
                                 int descending) {
  for (size_t i = begin; i < end; i++) {
    const KEY v = x[i];
    size_t j = i;
    for (; j > begin && FN(order_before)(v, x[at[j - 1]], descending); j--) at[j] = at[j - 1];
    at[j] = (int64_t)i;
  }
}

/* Two neighbouring pieces in order as one, the left one's first among equals. */
FNN_INLINE void FN(order_merge)(fnn_int64 *to, const fnn_int64 *from, const KEY *x, size_t begin,
                                size_t middle, size_t end, int descending) {
  size_t a = begin, b = middle;
  for (size_t i = begin; i < end && !fnn_interrupted();) {
    for (const size_t stop = size_min(end, i + ORDER_LOOK); i < stop; i++) {
      const int right =
          a == middle || (b < end && FN(order_before)(x[from[b]], x[from[a]], descending));
      to[i] = from[right ? b++ : a++];
    }
  }
}

/* One row: pieces of ORDER_RUN, then pieces twice as long from one array to the other, as often as
 * ends in `out`. */
FNN_INLINE void FN(order_row)(fnn_int64 *out, fnn_int64 *other, const KEY *x, size_t c,
                              int descending) {
  fnn_int64 *from = out, *to = other;
  for (size_t run = ORDER_RUN; run < c; run *= 2) to = from, from = from == out ? other : out;
  for (size_t i = 0; i < c; i += ORDER_RUN)
    FN(order_insert)(from, x, i, size_min(c, i + ORDER_RUN), descending);
  for (size_t run = ORDER_RUN; run < c; run *= 2) {
    to = from == out ? other : out;
    for (size_t i = 0; i < c; i += 2 * run) {
      const size_t middle = size_min(c, i + run);
      FN(order_merge)(to, from, x, i, middle, size_min(c, middle + run), descending);
    }
    from = to;
  }
}

static size_t FN(order_workspace)(const fnn_call *call) {
  return call->dim[1] > ORDER_RUN ? call->dim[0] * call->dim[1] * sizeof(int64_t) : 0;
}

/* argsort of each row.
 *
 *   x_{i,out_{i,0}} <= x_{i,out_{i,1}} <= .., and out_{i,j} < out_{i,j+1} where the two are equal
 *
 * Arrays: out i64 (n, c) out; x (n, c) in.
 * Scalars: dim = (n, c); attr = (descending: >= in place of <=). nan is larger than all numbers.
 * No overlap; any alignment. Exact. workspace: as large as out. Merging from below.
 * Source: numpy.argsort, kind="stable". */
static void FN(argsort)(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  const size_t n = call->dim[0], c = call->dim[1], block = row_block_f32(c);
  for (size_t i = begin * block; i < size_min(n, end * block); i++) {
    fnn_int64 *out = (fnn_int64 *)call->array[0] + i * c;
    fnn_int64 *other = c > ORDER_RUN ? (fnn_int64 *)call->workspace + i * c : NULL;
    const KEY *x = (const KEY *)call->array[1] + i * c;
    if (call->attr[0])
      FN(order_row)(out, other, x, c, 1);
    else
      FN(order_row)(out, other, x, c, 0);
  }
}

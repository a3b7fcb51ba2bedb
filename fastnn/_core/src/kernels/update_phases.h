/* The two phases of each row of FNN_UPDATES. Included once per REAL, after the families. */

#define UPDATE_AT(i) p + (i), a ? a + (i) : NULL, b ? b + (i) : NULL, c ? c + (i) : NULL, g + (i)

#define UPDATE_PHASES(name, moments, ...)                                                         \
  static void FN(name##_0)(const fnn_call *call, size_t begin, size_t end, void *scratch) {       \
    update_plan plan = {0};                                                                       \
    if (begin >= end) return;                                                                     \
    FN(name##_plan)(call, call->array[1], &plan);                                                 \
    *(update_plan *)call->workspace = plan;                                                       \
  }                                                                                               \
  static void FN(name##_1)(const fnn_call *call, size_t begin, size_t end, void *scratch) {       \
    const FN(update_terms) terms = FN(update_terms_of)(call), *u = &terms;                        \
    const size_t stop = size_min(call->dim[0], end * UPDATE_CHUNK);                               \
    REAL *restrict p = call->array[0], *restrict a = moments > 0 ? call->array[2] : NULL;         \
    REAL *restrict b = moments > 1 ? call->array[3] : NULL;                                       \
    REAL *restrict c = moments > 2 ? call->array[4] : NULL;                                       \
    const REAL *restrict g = call->array[2 + moments];                                            \
    const mask all = m_first(VL);                                                                 \
    size_t i = begin * UPDATE_CHUNK;                                                              \
    for (; i + 2 * VL <= stop; i += 2 * VL) {                                                     \
      FN(name##_one)(u, UPDATE_AT(i), all, 1);                                                    \
      FN(name##_one)(u, UPDATE_AT(i + VL), all, 1);                                               \
    }                                                                                             \
    for (; i < stop; i += VL) FN(name##_one)(u, UPDATE_AT(i), m_first(stop - i), 0);              \
  }

FNN_UPDATES(UPDATE_PHASES)

#undef UPDATE_PHASES
#undef UPDATE_AT

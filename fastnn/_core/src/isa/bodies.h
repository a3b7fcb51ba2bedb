/* Words, kernels and table rows, once for each REAL. An isa file defines SIMD, its header of
 * words, and includes this; then ops_f32, ops_f64 and their lane counts are there. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fastnn.h"

#define REAL float
#define REAL_IS_DOUBLE 0
#define W(name) name##_f32
#define FN(name) name##_f32
#include "one_real.h"
#undef REAL
#undef REAL_IS_DOUBLE
#undef W
#undef FN

#define REAL double
#define REAL_IS_DOUBLE 1
#define W(name) name##_f64
#define FN(name) name##_f64
#include "one_real.h"
#undef REAL
#undef REAL_IS_DOUBLE
#undef W
#undef FN

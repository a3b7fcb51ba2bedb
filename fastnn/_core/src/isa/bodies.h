/* Words, kernels and table rows, once for each REAL, and those of int64 and bool. An isa file
 * defines SIMD, its header of words, and includes this; then the four tables and the reals' lane
 * counts are there. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fastnn.h"
#include "precision.h"
#include "../kernels/lines.h"
#include "../kernels/cast.h"
#include "../kernels/special.h"
#include "../kernels/random.h"

#define REAL fnn_float
#define REAL_IS_DOUBLE 0
#define W(name) name##_f32
#define FN(name) name##_f32
#include "one_real.h"
#undef REAL
#undef REAL_IS_DOUBLE
#undef W
#undef FN

#define REAL fnn_double
#define REAL_IS_DOUBLE 1
#define W(name) name##_f64
#define FN(name) name##_f64
#include "one_real.h"
#undef REAL
#undef REAL_IS_DOUBLE
#undef W
#undef FN

#define INT fnn_int64
#define INT_IS_BOOL 0
#define FN(name) name##_i64
#include "../kernels/integer.h"
#undef INT
#undef INT_IS_BOOL
#undef FN

#define INT uint8_t
#define INT_IS_BOOL 1
#define FN(name) name##_u8
#include "../kernels/integer.h"
#undef INT
#undef INT_IS_BOOL
#undef FN

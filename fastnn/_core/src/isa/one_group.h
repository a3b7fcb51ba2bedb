/* The words and loops of products of groups, for float: an isa file defines FN and GROUP_WORDS, its
 * header of words, and includes this. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fastnn.h"
#include "interrupt.h"
#include "precision.h"

#define REAL fnn_float
#define REAL_IS_DOUBLE 0
#define W(name) name##_f32
#include "../simd/names.h"
#include "../simd/avx512.h"
#include "../simd/vmath.h"
#include GROUP_WORDS
#include "../kernels/matmul_cut.h"
#include "../kernels/rounding.h"
#include "../kernels/groups.h"

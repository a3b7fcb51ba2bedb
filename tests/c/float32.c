/* The rows of float32, against double. */
#define REAL float
#define WIDE double
#define FN(name) name##_f32
#define FNN_REAL FNN_FLOAT32
#define REAL_NAME "f32"
#define REAL_MIN FLT_MIN
#define REAL_MAX FLT_MAX
#define REAL_EPS FLT_EPSILON
#define REAL_TEST test_float32
#include "reals.h"

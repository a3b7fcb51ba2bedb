/* The rows of float64, against long double, which has 11 bits more or, on AArch64, 60. */
#define REAL double
#define WIDE long double
#define FN(name) name##_f64
#define FNN_REAL FNN_FLOAT64
#define REAL_NAME "f64"
#define REAL_MIN DBL_MIN
#define REAL_MAX DBL_MAX
#define REAL_EPS DBL_EPSILON
#define REAL_TEST test_float64
#include "reals.h"

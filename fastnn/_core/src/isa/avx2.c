/* AVX2 with FMA. */
#define SIMD "../simd/avx2.h"
#include "bodies.h"

const fnn_table fnn_table_avx2 = {"avx2",
                                  {lanes_f32, lanes_f64, 1, 1},
                                  {ops_f32, ops_f64, ops_i64, ops_u8},
                                  {all_finite_f32, all_finite_f64}};

/* AVX-512 F, DQ, BW and VL. */
#define SIMD "../simd/avx512.h"
#include "bodies.h"

const fnn_table fnn_table_avx512 = {"avx512",
                                    {lanes_f32, lanes_f64, 1, 1},
                                    {ops_f32, ops_f64, ops_i64, ops_u8},
                                    {all_finite_f32, all_finite_f64}};

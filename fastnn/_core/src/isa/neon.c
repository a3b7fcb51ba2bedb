/* NEON of AArch64, which every such processor has. */
#define SIMD "../simd/neon.h"
#include "bodies.h"

const fnn_table fnn_table_neon = {"neon",
                                  {lanes_f32, lanes_f64, 1, 1},
                                  {ops_f32, ops_f64, ops_i64, ops_u8},
                                  {all_finite_f32, all_finite_f64}};

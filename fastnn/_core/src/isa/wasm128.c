/* WebAssembly with 128-bit vectors: the playground in a browser. */
#define SIMD "../simd/wasm128.h"
#include "bodies.h"

const fnn_table fnn_table_wasm128 = {"wasm128",
                                     {lanes_f32, lanes_f64, 1, 1},
                                     {ops_f32, ops_f64, ops_i64, ops_u8},
                                     {all_finite_f32, all_finite_f64}};

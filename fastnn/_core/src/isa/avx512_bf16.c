/* AVX512_BF16: products of operands rounded to bfloat16. The processors that have it have VNNI. */
#define FN(name) name##_bf16
#define GROUP_WORDS "../simd/avx512_bf16.h"
#include "one_group.h"

static void matmul_run(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  if (call->attr[2] == FNN_ROUND_BF16 && fits_bf16(call))
    matmul_walk_bf16(call, begin, end, scratch, rectangle_bf16);
  else
    fnn_matmul_avx512_vnni.run[0](call, begin, end, scratch);
}

const fnn_op fnn_matmul_avx512_bf16 = {{matmul_run, NULL}, {matmul_tiles_bf16, NULL}, NULL};

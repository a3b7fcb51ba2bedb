/* AVX512_VNNI: products of operands rounded to 8 bits. */
#define FN(name) name##_vnni
#define GROUP_WORDS "../simd/avx512_vnni.h"
#include "one_group.h"

static void matmul_run(const fnn_call *call, size_t begin, size_t end, void *scratch) {
  if (call->attr[2] == FNN_ROUND_INT8 && fits_vnni(call))
    matmul_walk_vnni(call, begin, end, scratch, rectangle_vnni);
  else
    fnn_table_avx512.op[FNN_FLOAT32][FNN_OP_matmul].run[0](call, begin, end, scratch);
}

const fnn_op fnn_matmul_avx512_vnni = {{matmul_run, NULL}, {matmul_tiles_vnni, NULL}, NULL};

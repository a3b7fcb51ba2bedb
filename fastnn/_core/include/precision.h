/* What the operands of a product are rounded to: attr[2] of the op matmul on float32. */
#ifndef FASTNN_PRECISION_H
#define FASTNN_PRECISION_H

#include "fastnn.h"

/* BF16: to bfloat16. INT8: to 8 bits, a by row and b by column. See kernels/rounding.h. */
enum fnn_rounding { FNN_ROUND_NONE, FNN_ROUND_BF16, FNN_ROUND_INT8 };

/* The row `matmul` of float32 with an instruction that the table avx512 lacks: isa/. It does the
 * others' products by the table before. */
extern const fnn_op fnn_matmul_avx512_vnni, fnn_matmul_avx512_bf16;
extern const fnn_table fnn_table_avx512;

#endif

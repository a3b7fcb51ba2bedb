/* What is known of the ops, and which kernels run them: the tables compiled in, one for each
 * instruction set, and the one in use. */
#include "fastnn.h"

#include <string.h>

#include "precision.h"
#include "processor.h"

extern const fnn_table fnn_table_scalar, fnn_table_avx2, fnn_table_neon, fnn_table_wasm128;

#if defined(__x86_64__) && !defined(FNN_SCALAR_ONLY)
/* Tables that differ from avx512 in one row, the products of float32, and are made of it when first
 * selected. */
static fnn_op rows_vnni[FNN_N_OPS], rows_bf16[FNN_N_OPS];
static fnn_table table_vnni = {.name = "avx512_vnni"}, table_bf16 = {.name = "avx512_bf16"};

static void make_table(fnn_table *table, fnn_op *rows, const fnn_op *product) {
  const char *name = table->name;
  memcpy(rows, fnn_table_avx512.op[FNN_FLOAT32], sizeof rows_vnni);
  rows[FNN_OP_matmul] = *product;
  *table = fnn_table_avx512;
  table->name = name;
  table->op[FNN_FLOAT32] = rows;
}
#endif

static const fnn_table *const tables[] = {
    &fnn_table_scalar,
#if defined(__x86_64__) && !defined(FNN_SCALAR_ONLY)
    &fnn_table_avx2,   &fnn_table_avx512, &table_vnni, &table_bf16,
#elif defined(__aarch64__) && !defined(FNN_SCALAR_ONLY)
    &fnn_table_neon,
#elif defined(__wasm_simd128__) && !defined(FNN_SCALAR_ONLY)
    &fnn_table_wasm128,
#endif
};

const fnn_op_info fnn_ops[FNN_N_OPS] = {
/* `...`: the cost, then designated fields. */
#define KNOWN(op, layout_, phases_, writes_, needs_, ...)                                         \
  {.name = #op,                                                                                   \
   .layout = layout_,                                                                             \
   .phases = phases_,                                                                             \
   .writes = writes_,                                                                             \
   .needs = needs_,                                                                               \
   .cost = __VA_ARGS__},
#define EACH(name, types, inputs, ...)                                                            \
  KNOWN(name, FNN_BROADCAST, 1, 1, (2u << inputs) - 1, __VA_ARGS__)
#define MATRIX(name, types, needs, ...) KNOWN(name, FNN_MATRIX, 1, 1, needs, __VA_ARGS__)
#define PACKED(name, types, phases, writes, needs, tiles, workspace, ...)                         \
  KNOWN(name, FNN_PACKED, phases, writes, needs, __VA_ARGS__)
#define UPDATE(name, moments, needs, ...)                                                         \
  KNOWN(name, FNN_PACKED, 2, 2 + moments, needs, __VA_ARGS__, .hyper = 1, .in_place = 1)
    FNN_OPS(EACH, MATRIX, PACKED, UPDATE)
#undef EACH
#undef MATRIX
#undef PACKED
#undef UPDATE
#undef KNOWN
};

static size_t selected; /* the scalar table until engine.pyx selects another */

size_t fnn_isa_count(void) { return sizeof tables / sizeof *tables; }

const char *fnn_isa_name(size_t i) { return tables[i]->name; }

int fnn_isa_supported(size_t i) {
#if defined(__x86_64__) && !defined(FNN_SCALAR_ONLY)
  if (tables[i] == &fnn_table_avx2) return fnn_cpu_supports("avx2") && fnn_cpu_supports("fma");
  if (i >= 2 && !(fnn_cpu_supports("avx512f") && fnn_cpu_supports("avx512dq") &&
                  fnn_cpu_supports("avx512bw") && fnn_cpu_supports("avx512vl")))
    return 0;
  if (i >= 3 && !fnn_cpu_supports("avx512vnni")) return 0;
  if (tables[i] == &table_bf16) return fnn_cpu_supports("avx512bf16");
#endif
  return 1; /* plain C and, on AArch64, NEON */
}

void fnn_isa_select(size_t i) {
#if defined(__x86_64__) && !defined(FNN_SCALAR_ONLY)
  if (tables[i] == &table_vnni) make_table(&table_vnni, rows_vnni, &fnn_matmul_avx512_vnni);
  if (tables[i] == &table_bf16) make_table(&table_bf16, rows_bf16, &fnn_matmul_avx512_bf16);
#endif
  selected = i;
}

size_t fnn_isa_selected(void) { return selected; }

const fnn_op *fnn_op_kernels(const fnn_call *call) {
  return &tables[selected]->op[call->real][call->op];
}

int fnn_op_exists(size_t op, int real) { return tables[selected]->op[real][op].run[0] != NULL; }

int fnn_all_finite(const void *x, size_t n, int real) {
  return tables[selected]->all_finite[real](x, n);
}

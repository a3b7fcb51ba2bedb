/* Which instruction set: the tables compiled in, and the one that the CPU and the system allow. */
#include "fastnn.h"

extern const fnn_table fnn_table_scalar, fnn_table_avx2, fnn_table_avx512, fnn_table_neon;

static const fnn_table *const tables[] = {
    &fnn_table_scalar,
#if defined(__x86_64__) && !defined(FNN_SCALAR_ONLY)
    &fnn_table_avx2,
    &fnn_table_avx512,
#elif defined(__aarch64__) && !defined(FNN_SCALAR_ONLY)
    &fnn_table_neon,
#endif
};

static const struct {
  const char *name;
  fnn_layout layout;
  size_t phases, writes;
  unsigned needs;
} rows[FNN_N_OPS] = {
#define ROW(name, layout, phases, writes, needs) {#name, layout, phases, writes, needs},
    FNN_OPS(ROW)
#undef ROW
};

static size_t selected; /* the scalar table until engine.pyx selects another */

size_t fnn_isa_count(void) { return sizeof tables / sizeof *tables; }

const char *fnn_isa_name(size_t i) { return tables[i]->name; }

/* libgcc's and compiler-rt's cpu model asks CPUID and, by XGETBV, whether the system saves the
 * registers; a CPU whose wide registers the system does not keep is reported without them. */
int fnn_isa_supported(size_t i) {
#if defined(__x86_64__) && !defined(FNN_SCALAR_ONLY)
  __builtin_cpu_init();
  if (tables[i] == &fnn_table_avx2)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (tables[i] == &fnn_table_avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#endif
  return 1; /* plain C and, on AArch64, NEON */
}

void fnn_isa_select(size_t i) { selected = i; }

size_t fnn_isa_selected(void) { return selected; }

const char *fnn_op_name(size_t op) { return rows[op].name; }

fnn_layout fnn_op_layout(size_t op) { return rows[op].layout; }

size_t fnn_op_phases(size_t op) { return rows[op].phases; }

size_t fnn_op_writes(size_t op) { return rows[op].writes; }

unsigned fnn_op_needs(size_t op) { return rows[op].needs; }

int fnn_op_is_update(size_t op) { return op >= FNN_OP_sgd_step && op < FNN_N_OPS; }

const fnn_op *fnn_op_row(const fnn_call *call) {
  return &tables[selected]->op[call->real][call->op];
}

int fnn_op_exists(size_t op, int real) { return tables[selected]->op[real][op].run[0] != NULL; }

int fnn_all_finite(const void *x, size_t n, int real) {
  return tables[selected]->all_finite[real](x, n);
}

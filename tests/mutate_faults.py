"""The faults that mutate.py plants: (file pattern, old text, new text), found by their text.

`isa` is the table that is compiled with the fault, and asked; `tests` is the -k expression of the
tests in Python that are asked, and `asked` are their files.
"""

from __future__ import annotations

from dataclasses import dataclass

OP_TESTS = (
    "test_kernels test_kernels_integer test_short_rows test_vmath test_gradients test_gradcheck "
    "test_missed"
)


@dataclass(frozen=True)
class Fault:
    """One fault: what it is, where, and the tests that are tried first."""

    what: str
    files: str
    old: str
    new: str
    tests: str
    isa: str = "scalar"
    asked: str = OP_TESTS


KERNELS = "fastnn/_core/src/kernels/*.h"
VMATH = "fastnn/_core/src/simd/vmath.h"
NORMAL = "fastnn/_core/src/simd/normal.h"
AVX2 = "fastnn/_core/src/simd/avx2.h"
OPS = "fastnn/ops/*.py"

FAULTS = (
    # simd/
    Fault("exp: a coefficient of float32", VMATH, "0.0416672006f", "0.0417072006f", "-exp"),
    Fault("exp: no clamp above", VMATH, "v_min(v_set1(EXP_OVERFLOW), x)", "x", "-exp"),
    Fault("log: a coefficient of float64", VMATH, "0.22222198378365648", "0.22222298378365648",
          "-log"),
    Fault("sin: sign of the third part of pi/2, float32", VMATH, "-0x1.ee59dap-50f",
          "0x1.ee59dap-50f", "-sin"),
    Fault("erf: 1 from 3 on", VMATH, "#define ERF_ONE 4", "#define ERF_ONE 3", "-erf"),
    Fault("gelu: a coefficient of float32", NORMAL, "0.249991102f", "0.249981102f", "-gelu"),
    Fault("tanh_grad: wrong sign", VMATH, "v_fnma(y, y, v_set1(1))", "v_fma(y, y, v_set1(1))",
          "-tanh_grad"),
    Fault("comparison: last byte of a tail", AVX2,
          "for (size_t i = 0; i < n; i++) p[i] = (uint8_t)(packed >> 8 * i);",
          "for (size_t i = 0; i + 1 < n; i++) p[i] = (uint8_t)(packed >> 8 * i);", "-lt", "avx2"),
    Fault("where: last condition of a tail", AVX2,
          "for (size_t i = 0; i < n; i++) bytes |= (uint64_t)p[i] << 8 * i;",
          "for (size_t i = 0; i + 1 < n; i++) bytes |= (uint64_t)p[i] << 8 * i;", "-where",
          "avx2"),
    # elementwise.h
    Fault("unary ops: a tail of one is skipped", KERNELS,
          "v_store(out + i, f(v_load(x)));\n  if (i < row->n) {",
          "v_store(out + i, f(v_load(x)));\n  if (i + 1 < row->n) {", "-neg", "avx2"),
    Fault("lerp: wrong weight beyond one half", KERNELS, "v_fnma(v_sub(one, w), gap, b)",
          "v_fnma(w, gap, b)", "-lerp"),
    Fault("elementwise: step from line to line of an array of bytes", KERNELS,
          "(1 - back) * (ptrdiff_t)line.size[i]", "(1 - back) * (ptrdiff_t)line.size[0]",
          "-where or -eq"),
    Fault("maximum: nan of a is lost", KERNELS,
          "BINARY(maximum, v_select(v_ne(a, a), a, v_max(a, b)))", "BINARY(maximum, v_max(a, b))",
          "-maximum"),
    Fault("remainder: sign where b is negative", KERNELS, "(x[i] < 0) != (y[i] < 0)",
          "(x[i] < 0) && (y[i] > 0)", "-remainder"),
    # matmul.h, narrow.h
    Fault("matmul: tanh epilogue", KERNELS, "z = v_tanh(z);", "z = v_sigmoid(z);", "-matmul"),
    Fault("matmul: bias in every block of k", KERNELS, "call->array[3] && s->at == 0",
          "call->array[3]", "-matmul"),
    Fault("matmul: later blocks of k overwrite", KERNELS, "t->add = s.at > 0;", "t->add = 0;",
          "-matmul"),
    Fault("matmul: a column's bias has a stride", KERNELS, "t.stride[3][0] = 0;",
          "t.stride[3][0] = 1;", "-matmul"),
    Fault("matmul: narrow product reads beyond the last row", KERNELS,
          "first[2] = {size_min(i, last), size_min(i + step - VL, last)}",
          "first[2] = {i, i + step - VL}", "-matmul", "avx2"),
    Fault("matmul: narrow product forgets earlier blocks of k", KERNELS,
          "sum[i][j] = v_add(total[i][j], sum[i][j]);", "sum[i][j] = v_add(sum[i][j], v_zero());",
          "-matmul", "avx2"),
    Fault("matmul: few rows, bias of the first columns", KERNELS, "v_load(s->bias + first[i])",
          "v_load(s->bias)", "-matmul", "avx2"),
    Fault("matmul: few rows, blocks of k overlap", KERNELS,
          "(ptrdiff_t)at * (column ? step : 1)", "(ptrdiff_t)(at / 2) * (column ? step : 1)",
          "-matmul", "avx2"),
    Fault("matmul: packed columns lie further apart", KERNELS,
          "s->b_step = (ptrdiff_t)width;", "s->b_step = VL;", "-matmul", "avx2"),
    Fault("matmul: columns beyond whole vectors, epilogue of others", KERNELS,
          "(ptrdiff_t)row * t.y_row + column;\n  if (s->out_row",
          "(ptrdiff_t)row * t.y_row;\n  if (s->out_row", "-matmul", "avx2"),
    # rounding.h
    Fault("matmul: in 8 bits what is below 0 is lost", KERNELS,
          "v_store(out->low + i, v_sub(zero, v_round(v_mul(below, factor))));",
          "v_store(out->low + i, zero);", "-matmul"),
    Fault("matmul: in 8 bits the row's scale is left out", KERNELS,
          "v_mul(v_set1(lanes[0].scale[i]), v_load(lanes[1].scale + j))",
          "v_load(lanes[1].scale + j)", "-matmul"),
    # reduce.h
    Fault("sum: the first block is left out", KERNELS,
          "for (size_t b = 0; b < s.row_blocks; b++) total",
          "for (size_t b = 1; b < s.row_blocks; b++) total",
          "-sum"),
    Fault("sum: one of four chains is left out", KERNELS, "(w_sum(b) + w_sum(c)) + w_sum(d)",
          "(w_sum(b) + w_sum(c))", "-sum"),
    Fault("sum: a column chain reads its neighbour's rows", KERNELS,
          "c = w_add(c, v_load_m(x + 2 * stride, k));",
          "c = w_add(c, v_load_m(x + stride, k));", "-sum"),
    Fault("mean: of rows is a sum", KERNELS, "(REAL)(sums[0] / divisor)", "(REAL)sums[0]", "-mean"),
    Fault("argmax: last of equals by columns", KERNELS, "m_or(v_gt(a, best), m_and(",
          "m_or(v_ge(a, best), m_and(", "-argmax"),
    Fault("max: nan is lost", KERNELS, "*bad = m_or(*bad, v_ne(x, x));", "", "-max"),
    Fault("max: a tail counts as zeros", KERNELS, "v_select(k, v_load_m(x + i, k), start)",
          "v_load_m(x + i, k)", "-max", "avx2"),
    # rows.h, lanes.h, loss.h
    Fault("softmax: no maximum subtracted", KERNELS,
          "const vec e = v_exp(v_sub(FN(row_pad)(v_load_m(z + j, k), k), shift));",
          "const vec e = v_exp(FN(row_pad)(v_load_m(z + j, k), k));",
          "-softmax"),
    Fault("take_rows: index not checked below", KERNELS,
          "if ((uint64_t)index[i] < rows)\n      FN(take_copy)",
          "if (index[i] < (int64_t)rows)\n      FN(take_copy)", "-take_rows"),
    Fault("take_rows: places of 32 bits", KERNELS, "x + (size_t)index[i] * b",
          "x + (uint32_t)((size_t)index[i] * b)", "-take_rows"),
    Fault("take_rows: the last bytes of a row", KERNELS, "memcpy(to + b - 8, from + b - 8, 8);", "",
          "-take_rows"),
    Fault("scatter_add_rows: one row too many", KERNELS, "(uint64_t)index[i] >= rows",
          "(uint64_t)index[i] > rows", "-scatter_add_rows"),
    Fault("accuracy: the last of equals counts", KERNELS, "m_and(v_le(x, t), m_not(before))",
          "v_le(x, t)", "-accuracy"),
    Fault("cross-entropy: label c is known", KERNELS, "const int known = (uint64_t)y < c;",
          "const int known = (uint64_t)y <= c;", "softmax_cross_entropy"),
    Fault("losses: the last tile is left out", KERNELS,
          "for (size_t t = 0; t < tiles; t++) total += part[t];",
          "for (size_t t = 0; t + 1 < tiles || t == 0; t++) total += part[t];",
          "mse or softmax_cross_entropy"),
    Fault("bce_with_logits: gradient not divided by n", KERNELS,
          "const vec by = v_set1((REAL)FN(loss_scale)(call)), one", "const vec by = v_set1(1), one",
          "-bce_with_logits"),
    Fault("soft_cross_entropy: weights taken as 1", KERNELS,
          "weighted ? v_mul(v_load_m(s->weight + i, k), log_sum) : log_sum", "log_sum",
          "-soft_cross_entropy"),
    # norm.h
    Fault("layer_norm_grad: centred though it is not", KERNELS,
          "call->attr[0] ? (REAL)(w_sum(b) / (double)c) : 0", "(REAL)(w_sum(b) / (double)c)",
          "-layer_norm_grad"),
    Fault("layer_norm: the variance is not corrected for the mean's rounding", KERNELS,
          "square -= sum * sum / n;", "", "-layer_norm"),
    Fault("running_moments_step: biased variance", KERNELS, "(REAL)(f * n / (n - 1.0))", "(REAL)f",
          "-running_moments_step"),
    Fault("batch_norm_grad: 1/std once too few", KERNELS, "v_mul(v_mul(dg, share), r)",
          "v_mul(dg, share)", "-batch_norm_grad"),
    # updates
    Fault("adam: bias correction of the next step", KERNELS, "1.0 / sqrt(1.0 - pow(beta2, t));",
          "1.0 / sqrt(1.0 - pow(beta2, t + 1.0));", "-adam_step"),
    Fault("adamax: bias correction of the next step", KERNELS,
          "to->rate /= 1.0 - pow(beta1, t);\n  to->c[0] = 1.0 - beta1;",
          "to->rate /= 1.0 - pow(beta1, t + 1.0);\n  to->c[0] = 1.0 - beta1;", "-adamax_step"),
    Fault("rprop: no smallest step", KERNELS,
          "v_min(v_max(v_mul(size, factor), u->c[3]), u->c[4])",
          "v_min(v_mul(size, factor), u->c[4])", "-rprop_step"),
    Fault("rmsprop: the variance may be negative", KERNELS,
          "v_max(v_zero(), v_fnma(mean, mean, spread))", "v_fnma(mean, mean, spread)",
          "-rmsprop_step"),
    Fault("sgd: dampens the first step", KERNELS, "to->first ? 1.0 : 1.0 - dampening",
          "1.0 - dampening", "-sgd_step"),
    Fault("nadam: momentum of this step for the next", KERNELS, "(t + 1.0) * fade", "t * fade",
          "-nadam_step"),
    Fault("asgd: rate of this step for the next", KERNELS, "1.0 + lambd * lr * t, alpha",
          "1.0 + lambd * lr * (t - 1.0), alpha", "-asgd_step"),
    Fault("updates: a tail of one is skipped", KERNELS,
          "for (; i < stop; i += VL) FN(name##_one)(u, UPDATE_AT(i)",
          "for (; i + 1 < stop; i += VL) FN(name##_one)(u, UPDATE_AT(i)", "-sgd_step", "avx2"),
    # integers, casts, order, random numbers, finite
    Fault("floor_divide: towards zero", KERNELS, "x / y - (x % y != 0 && (x < 0) != (y < 0))",
          "x / y", "-floor_divide"),
    Fault("floor_divide: least int64 by -1", KERNELS,
          "if (y == -1) return (int64_t)(0 - BITS(x));", "", "-floor_divide"),
    Fault("int64: a product saturates", KERNELS, "BINARY(mul, BITS(x) * BITS(y))",
          "BINARY(mul, __builtin_mul_overflow_p(x, y, (int64_t)0) ? INT64_MAX : x * y)", "-mul"),
    Fault("int64: max starts at 0", KERNELS, "INT64_MAX : INT64_MIN)", "INT64_MAX : 0)", "-max"),
    Fault("cast: 2^62 does not fit into int64", KERNELS, "x < 0x1p63", "x < 0x1p62", "-cast"),
    Fault("argsort: not stable", KERNELS,
          "FN(order_before)(x[from[b]], x[from[a]], descending)",
          "!FN(order_before)(x[from[a]], x[from[b]], descending)", "-argsort"),
    Fault("dropout: a shift", KERNELS, "u_shift(x, 15)", "u_shift(x, 16)", "-dropout"),
    Fault("draw_key: counts by two", KERNELS, "__atomic_fetch_add(state + 1, 1,",
          "__atomic_fetch_add(state + 1, 2,", "draw_key"),
    Fault("all_finite: a tail of one is skipped", KERNELS,
          "for (; i < n; i += VL)\n    fine[0]", "for (; i + 1 < n; i += VL)\n    fine[0]",
          "finite", "avx2"),
    # gradient rules
    Fault("gradient of square: factor 3", OPS, "mul(node.input(0), 2.0)", "mul(node.input(0), 3.0)",
          "gradients and square"),
    Fault("gradient of mean: not divided", OPS, "pair(dy, 1.0 / max(node.input(0).shape[1], 1))",
          "pair(dy, 1.0)", "test_op and mean"),
    Fault("gradient of softmax: plain sum", OPS, "mul(y, sub(dy, sum(mul(dy, y), 1, True)))",
          "mul(y, sub(dy, sum(dy, 1, True)))", "test_op and softmax"),
    Fault("gradient of lerp by its weight: sign", OPS, "mul(dy, sub(end, start))",
          "mul(dy, sub(start, end))", "test_op and lerp"),
    Fault("gradient of a linear layer's bias: half", OPS, "_column_sums(dy._array)",
          "_column_sums(dy._array * 0.5)", "test_function and linear"),
    Fault("gradient of norms on the tape: a sum for a mean", OPS,
          "mul(h, mean(mul(e, h), dim, True))", "mul(h, sum(mul(e, h), dim, True))",
          "test_op and norm"),
    Fault("parametric activation: the slope of mish without its curve", KERNELS,
          "v_fma(v_mul(v_set1(4), inside), curve, straight)", "straight",
          "-parametric_activation_grad"),
    Fault("periodic embedding: cosines of two quadrants are not turned", KERNELS,
          "v_select(m_or(turned, v_eq(quadrant, one)), v_neg(other), other)", "other",
          "-periodic_embedding"),
    Fault("second derivative of gelu", OPS, "sub(2.0, square_of)", "sub(1.0, square_of)",
          "test_op and gelu"),
    Fault("gradient of maximum at ties: all to both", OPS, "where(eq(a, b), mul(dy, 0.5), dy)",
          "where(eq(a, b), dy, dy)", "kinks"),
    Fault("second derivative of bce_with_logits", OPS, "lambda z, y: sub(sigmoid(z), y)",
          "lambda z, y: sub(sigmoid(z), mul(y, 2.0))", "test_op and bce_with_logits"),
)  # fmt: skip

"""A quantized net as one file of C99."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.export.c_source import (
    CSource,
    batch,
    chain_function,
    checked_opening,
    closing,
    finished,
    predicted,
    size_of,
)
from fastnn.export.c_words import Real, checked_name, integers, remark
from fastnn.export.c_writer import Writer
from fastnn.export.quantize import Product, QuantizedNet, Table
from fastnn.export.steps import Plan

__all__ = ["int8_source_of"]

REQUANTIZE = """\
/* z multiplier 2^(shift - 31), rounded as in CMSIS-NN and in TFLite's reference; >> of a negative
   number is arithmetic in all compilers in use. */
static int32_t {n}_requantize(int32_t z, int32_t multiplier, int shift)
{{
  const int right = shift > 0 ? 0 : -shift;
  const int32_t up = (int32_t)((uint32_t)z << (shift > 0 ? shift : 0));
  const int32_t high = (int32_t)(((int64_t)up * multiplier + ((int64_t)1 << 30)) >> 31);
  const int32_t mask = (int32_t)(((int64_t)1 << right) - 1);
  const int32_t down = high >> right;
  return down + ((high & mask) > (mask >> 1) + (down < 0));
}}
"""


def int8_source_of(
    plan: Plan,
    net: QuantizedNet,
    x: NDArray[Any],
    y: NDArray[Any],
    q: NDArray[np.int8],
    tolerance: float,
    name: str,
    header: bool,
    named: bool,
) -> CSource:
    """The C file of a net in int8.

    Args:
        plan, name, header, named: as of `source_of`.
        net: the net.
        x, y, tolerance: rows, what the net gives for them, and how far it may be from that, since
            x is rounded to int8 first.
        q: rows in int8, for which it must give exactly `net.of(q)`.
    """
    w = Writer(checked_name(name), Real("float", "f", np.float32))
    n, big = w.name, w.name.upper()
    n_in, n_out = net_sizes(net, plan)
    calls, below = _parts(w, net, n_in)
    body = [_quantize(w, net, n_in), REQUANTIZE.format(n=n), *w.functions, calls]
    w.functions = []
    lines, ints = [f"int8_t q[{n_in}], z[{n_out}];"], []
    stack = n_in + n_out
    given, there = "x", "y"
    if net.head:
        below = max(below, 4 * chain_function(w, net.head, plan.shape, "_head"))
        lines += [f"float h[{n_in}];", f"{n}_chain_head(x, h);"]
        given, stack = "h", stack + 4 * n_in
    lines += [f"{n}_quantize({given}, q);", f"{n}_predict_int8(q, z);"]
    if net.tail:
        there, stack = "t", stack + 4 * n_out
        lines.insert(1, f"float t[{n_out}];")
        below = max(below, 4 * chain_function(w, net.tail, (n_out,), "_tail"))
    ints.append("i")
    lines += [
        f"for (i = 0; i < {n_out}; i++)",
        f"  {there}[i] = {_back(net)};",
        *([f"{n}_chain_tail(t, y);"] if net.tail else []),
    ]
    lines.sort(key=lambda line: not line.startswith(("int8_t", "float ")))
    grids = [
        f"#define {big}_INPUT_SCALE {w.lit(net.given.scale)}",
        f"#define {big}_INPUT_ZERO ({net.given.zero})",
        f"#define {big}_OUTPUT_SCALE {w.lit(net.to.scale)}",
        f"#define {big}_OUTPUT_ZERO ({net.to.zero})",
        f"{big}_API void {n}_predict_int8(const int8_t *x, int8_t *y);",
    ]
    parts = [
        *checked_opening(w, plan, named),
        "\n".join(grids) + "\n",
        *w.arrays,
        *body,
        *w.functions,
        predicted(w, size_of(plan.outputs), ints, lines),
        batch(n, "float"),
        *closing(w, plan, x, y, tolerance, _exact_test(n, q, net.of(q))),
    ]
    return finished(w, parts, stack + below, header)


def net_sizes(net: QuantizedNet, plan: Plan) -> tuple[int, int]:
    """Numbers that go into the net, and out of it."""
    n_in = net.head[0].size if net.head else size_of(plan.shape)
    n_out = [len(part.weight) for part in net.parts if isinstance(part, Product)][-1]
    return n_in, n_out


def _quantize(w: Writer, net: QuantizedNet, n_in: int) -> str:
    given = net.given
    return (
        f"static void {w.name}_quantize(const float *x, int8_t *q)\n{{\n  int i;\n"
        f"  for (i = 0; i < {n_in}; i++) {{\n"
        f"    const float v = x[i] * {w.lit(float(np.float32(1 / given.scale)))};\n"
        "    const float near = v < 0.0f ? v - 0.5f : v + 0.5f;\n"
        f"    const int whole = (near < 512.0f ? near > -512.0f ? (int)near : -512 : 512) + "
        f"({given.zero});\n"
        "    q[i] = (int8_t)(whole < -128 ? -128 : whole > 127 ? 127 : whole);\n  }\n}\n"
    )


def _back(net: QuantizedNet) -> str:
    scale = str(np.float32(net.to.scale))
    return f"(float)(z[i] - ({net.to.zero})) * {scale}f"


def _parts(w: Writer, net: QuantizedNet, n_in: int) -> tuple[str, int]:
    """Write the functions of the parts; the function that calls them, and bytes of its buffers."""
    n, size, here = w.name, n_in, "x"
    sizes, calls = {"a": 0, "b": 0}, []
    for i, part in enumerate(net.parts):
        size = len(part.weight) if isinstance(part, Product) else size
        comment = remark(part.layer)
        body = _product(w, part, i) if isinstance(part, Product) else _table(w, part, i, size)
        w.functions.append(
            f"/* {comment} */\nstatic void {n}_part{i}(const int8_t *x, int8_t *y)\n{{\n{body}}}\n"
        )
        there = "y" if i == len(net.parts) - 1 else "b" if here == "a" else "a"
        if there in sizes:
            sizes[there] = max(sizes[there], size)
        calls.append(f"  {n}_part{i}({here}, {there});")
        here = there
    buffers = ", ".join(f"{k}[{v}]" for k, v in sizes.items() if v)
    declared = f"  int8_t {buffers};\n" if buffers else ""
    body = "\n".join(calls)
    head = f"{n.upper()}_API void {n}_predict_int8(const int8_t *x, int8_t *y)"
    return f"{head}\n{{\n{declared}{body}\n}}\n", sum(sizes.values())


def _product(w: Writer, part: Product, i: int) -> str:
    n_out, n_in = part.weight.shape
    weight = w.put_integers(f"w{i}", part.weight, "int8_t", 1)
    bias = w.put_integers(f"b{i}", part.bias, "int32_t", 4)
    multiplier = w.put_integers(f"multiplier{i}", part.multiplier, "int32_t", 4)
    shift = w.put_integers(f"shift{i}", part.shift, "int8_t", 1)
    return (
        f"  int i, o;\n  for (o = 0; o < {n_out}; o++) {{\n    int32_t z = {bias}[o];\n"
        f"    for (i = 0; i < {n_in}; i++)\n      z += (int32_t)x[i] * {weight}[o][i];\n"
        f"    z = {w.name}_requantize(z, {multiplier}[o], {shift}[o]) + ({part.to.zero});\n"
        f"    y[o] = (int8_t)(z < {part.low} ? {part.low} : z > {part.high} ? {part.high} : z);\n"
        "  }\n"
    )


def _table(w: Writer, part: Table, i: int, size: int) -> str:
    values = w.put_integers(f"table{i}", part.values, "int8_t", 1)
    return f"  int i;\n  for (i = 0; i < {size}; i++)\n    y[i] = {values}[x[i] + 128];\n"


def _exact_test(n: str, q: NDArray[np.int8], want: NDArray[np.int8]) -> tuple[list[str], str]:
    """Arrays and lines of the self-test that compare every bit."""
    arrays = [integers("int8_t", f"{n}_test_q", q), integers("int8_t", f"{n}_test_z", want)]
    n_out = want.shape[1]
    lines = (
        f"  for (r = 0; r < {len(q)}; r++) {{\n    int8_t z[{n_out}];\n"
        f"    {n}_predict_int8({n}_test_q[r], z);\n"
        f"    for (i = 0; i < {n_out}; i++)\n      wrong += z[i] != {n}_test_z[r][i];\n  }}\n"
    )
    return arrays, lines

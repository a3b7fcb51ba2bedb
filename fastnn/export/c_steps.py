"""Each step as a C function: y from x, of one row."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.export import c_tables
from fastnn.export.c_writer import Writer, vector
from fastnn.export.steps import (
    Activation,
    Clip,
    Columns,
    Dense,
    Gate,
    Lookup,
    MeanOfMembers,
    Norm,
    Prepare,
    Scale,
    Softmax,
    Sort,
    Step,
    Take,
    Undo,
)

__all__ = ["IN_PLACE", "WRITERS", "expression"]

IN_PLACE = (Activation, Scale, Norm, Softmax, Undo, Clip, Sort)
"""Steps that may write where they read."""

SELU = "{s} * ({v} <= {0} ? {a} * expm1{f}({v}) : {v})"
MISH = "{v} * tanh{f}({v} > {20} ? {v} : log1p{f}(exp{f}({v})))"
# v: the value; f: the suffix of functions; {0}: that number as a literal; other words: options.
EXPRESSIONS = {
    "CELU": "{v} <= {0} ? {alpha} * expm1{f}({v} / {alpha}) : {v}",
    "ELU": "{v} <= {0} ? {alpha} * expm1{f}({v}) : {v}",
    "GELU": "{0.5} * {v} * erfc{f}({v} * -{r})",
    "GELUTanh": "{0.5} * {v} * ({1} + tanh{f}({t} * ({v} + {0.044715} * {v} * {v} * {v})))",
    "Hardshrink": "{v} <= {lambd} && {v} >= -{lambd} ? {0} : {v}",
    "Hardsigmoid": "{v} <= -{3} ? {0} : {v} >= {3} ? {1} : ({v} + {3}) / {6}",
    "Hardswish": "{v} <= -{3} ? {0} : {v} >= {3} ? {v} : {v} * ({v} + {3}) / {6}",
    "Hardtanh": "{v} <= {min_val} ? {min_val} : {v} >= {max_val} ? {max_val} : {v}",
    "LeakyReLU": "{v} > {0} ? {v} : {v} * {negative_slope}",
    "LogSigmoid": "{v} < {0} ? {v} - log1p{f}(exp{f}({v})) : -log1p{f}(exp{f}(-{v}))",
    "Mish": MISH,
    "PReLU": "{v} > {0} ? {v} : {v} * {slope}",
    "ParametricMish": "{v} + {alpha} * (" + MISH + " - {v})",
    "ParametricSELU": "{v} + {alpha} * (" + SELU + " - {v})",
    "ReLU": "{v} < {0} ? {0} : {v}",
    "SELU": SELU,
    "SiLU": "{v} / ({1} + exp{f}(-{v}))",
    "Sigmoid": "{1} / ({1} + exp{f}(-{v}))",
    "Softplus": ("{v} * {beta} > {threshold} ? {v} : log1p{f}(exp{f}({v} * {beta})) / {beta}"),
    "Softshrink": "{v} > {lambd} ? {v} - {lambd} : {v} < -{lambd} ? {v} + {lambd} : {0}",
    "Softsign": "{v} / ({1} + ({v} < {0} ? -{v} : {v}))",
    "SquaredReLU": "{v} < {0} ? {0} : {v} * {v}",
    "Tanh": "tanh{f}({v})",
    "Tanhshrink": "{v} - tanh{f}({v})",
    "Threshold": "{v} <= {threshold} ? {value} : {v}",
}
SHARED = {
    "s": 1.0507009873554804934193349852946,
    "a": 1.6732632423543772848170429916717,
    "r": math.sqrt(0.5),
    "t": math.sqrt(2 / math.pi),
}


def expression(writer: Writer, step: Activation, value: str, vectors: dict[str, str]) -> str:
    """The C expression of an elementwise function of `value`."""
    words: dict[str, str] = {"v": value, "f": writer.f, **vectors}
    words |= {key: f"({writer.lit(v)})" if v < 0 else writer.lit(v)
              for key, v in (SHARED | step.numbers).items()}  # fmt: skip
    out = EXPRESSIONS[step.name]
    for number in ("0", "0.5", "1", "3", "6", "20", "0.044715"):
        out = out.replace(f"{{{number}}}", writer.lit(float(number)))
    return out.format(**words)


def _activation(w: Writer, s: Activation, at: str, size: int) -> str:
    vectors = {}
    for key, values in s.vectors.items():
        flat = values.ravel()
        same = (flat == flat[0]).all()
        vectors[key] = w.lit(float(flat[0])) if same else f"{w.put(f'{key}{at}', flat)}[i]"
        if vectors[key].startswith("-"):
            vectors[key] = f"({vectors[key]})"
    return (
        f"int i;\nfor (i = 0; i < {s.size}; i++) {{\n"
        f"  const {w.real.c} v = x[i];\n"
        f"  y[i] = {expression(w, s, 'v', vectors)};\n}}"
    )


def _dense(w: Writer, s: Dense, at: str, size: int) -> str:
    groups, n_in, n_out = s.weight.shape
    weight = w.put(f"w{at}", s.weight.reshape(-1, n_out))
    rows = s.size // n_out
    row = "" if rows == 1 else f" + r * {n_in}"
    to = "" if rows == 1 else f"r * {n_out} + "
    which = "i" if groups == 1 else f"r % {groups} * {n_in} + i"
    start = w.lit(0.0)
    if s.bias is not None:
        bias = w.put(f"b{at}", s.bias.reshape(-1))
        start = f"{bias}[o]" if groups == 1 else f"{bias}[r % {groups} * {n_out} + o]"
    body = (
        f"for (o = 0; o < {n_out}; o++)\n  y[{to}o] = {start};\n"
        f"for (i = 0; i < {n_in}; i++)\n"
        f"  for (o = 0; o < {n_out}; o++)\n"
        f"    y[{to}o] += (x{row})[i] * {weight}[{which}][o];"
    ).replace("(x)[i]", "x[i]")
    if rows == 1:
        return f"int i, o;\n{body}"
    inner = body.replace("\n", "\n  ")
    return f"int i, o, r;\nfor (r = 0; r < {rows}; r++) {{\n  {inner}\n}}"


def _scale(w: Writer, s: Scale, at: str, size: int) -> str:
    value = "x[i]"
    if s.center is not None:
        value = f"({value} - {vector(w, f'center{at}', s.center)})"
    value = f"{value} * {vector(w, f'factor{at}', s.factor)}"
    if s.shift is not None:
        value = f"{value} + {vector(w, f'shift{at}', s.shift)}"
    return f"int i;\nfor (i = 0; i < {s.size}; i++)\n  y[i] = {value};"


def _norm(w: Writer, s: Norm, at: str, size: int) -> str:
    c, n, f = w.real.c, s.block, w.f
    blocks = s.size // n
    mean, centred = "", "x[b + j]"
    if s.centred:
        centred = "(x[b + j] - mean)"
        mean = f"  for (j = 0; j < {n}; j++)\n    mean += x[b + j];\n  mean /= {w.lit(n)};\n"
    value = f"{centred} * scale".replace("b + j", "b + j")
    if s.weight is not None:
        value += f" * {vector(w, f'weight{at}', s.weight).replace('[i]', '[b + j]')}"
    if s.bias is not None:
        value += f" + {vector(w, f'bias{at}', s.bias).replace('[i]', '[b + j]')}"
    declared = f"  {c} mean = {w.lit(0)};\n" if s.centred else ""
    return (
        f"int b, j;\nfor (b = 0; b < {blocks * n}; b += {n}) {{\n{declared}"
        f"  {c} scale = {w.lit(0)};\n{mean}"
        f"  for (j = 0; j < {n}; j++)\n    scale += {centred} * {centred};\n"
        f"  scale = {w.lit(1)} / sqrt{f}(scale / {w.lit(n)} + {w.lit(s.eps)});\n"
        f"  for (j = 0; j < {n}; j++)\n    y[b + j] = {value};\n}}"
    )


def _softmax(w: Writer, s: Softmax, at: str, size: int) -> str:
    c, f, n = w.real.c, w.f, s.shape[s.axis]
    inner = math.prod(s.shape[s.axis + 1 :])
    starts = [o * n * inner + i for o in range(s.size // (n * inner)) for i in range(inner)]
    sign = "-" if s.sign < 0 else ""
    step = "" if inner == 1 else f" * {inner}"
    at_j = f"b + j{step}"
    loop = f"for (j = 0; j < {n}; j++)"
    body = (
        f"{c} top = {sign}x[b], sum = {w.lit(0)};\n"
        f"{loop} {{\n  const {c} v = {sign}x[{at_j}];\n  top = v > top ? v : top;\n}}\n"
    )
    if s.logarithm:
        body += (
            f"{loop}\n  sum += exp{f}({sign}x[{at_j}] - top);\n"
            f"sum = log{f}(sum);\n"
            f"{loop}\n  y[{at_j}] = {sign}x[{at_j}] - top - sum;"
        )
    else:
        body += (
            f"{loop} {{\n  const {c} e = exp{f}({sign}x[{at_j}] - top);\n"
            f"  y[{at_j}] = e;\n  sum += e;\n}}\n"
            f"{loop}\n  y[{at_j}] /= sum;"
        )
    indented = body.replace("\n", "\n  ")
    if inner == 1:
        head = f"for (b = 0; b < {s.size}; b += {n}) {{"
        return f"int b, j;\n{head}\n  {indented}\n}}"
    return (
        f"int b, j, k;\nfor (k = 0; k < {len(starts)}; k++) {{\n"
        f"  b = k / {inner} * {n * inner} + k % {inner};\n  {{\n  {indented}\n  }}\n}}"
    )


def _gate(w: Writer, s: Gate, at: str, size: int) -> str:
    half = math.prod(s.shape[s.axis :])
    return (
        f"int i, b;\nfor (b = 0; b < {s.size}; b += {half})\n"
        f"  for (i = 0; i < {half}; i++)\n"
        f"    y[b + i] = x[2 * b + i] / ({w.lit(1)} + exp{w.f}(-x[2 * b + i + {half}]));"
    )


def _take(w: Writer, s: Take, at: str, size: int) -> str:
    index, n = s.index, s.size
    if size < n and (index == np.arange(n) % size).all():
        return f"int i;\nfor (i = 0; i < {n}; i++)\n  y[i] = x[i % {size}];"
    places = w.put_integers(f"take{at}", index, "int", 4)
    if (index >= 0).all():
        return f"int i;\nfor (i = 0; i < {n}; i++)\n  y[i] = x[{places}[i]];"
    fill = vector(w, f"fill{at}", s.fill)
    return (
        f"int i;\nfor (i = 0; i < {n}; i++)\n"
        f"  y[i] = {places}[i] < 0 ? {fill} : x[{places}[i] < 0 ? 0 : {places}[i]];"
    )


def _lookup(w: Writer, s: Lookup, at: str, size: int) -> str:
    width = s.table.shape[1]
    table = w.put(f"table{at}", s.table)
    return (
        f"int i, j;\nfor (i = 0; i < {size}; i++)\n  for (j = 0; j < {width}; j++)\n"
        f"    y[i * {width} + j] = {table}[(int)x[i]][j];"
    )


WRITERS: dict[type[Step], Callable[[Writer, Any, str, int], str]] = {
    Activation: _activation,
    Clip: c_tables.clip,
    Columns: c_tables.columns,
    Dense: _dense,
    Gate: _gate,
    Lookup: _lookup,
    MeanOfMembers: c_tables.mean,
    Norm: _norm,
    Prepare: c_tables.prepare,
    Scale: _scale,
    Softmax: _softmax,
    Sort: c_tables.sort,
    Take: _take,
    Undo: c_tables.undo,
}

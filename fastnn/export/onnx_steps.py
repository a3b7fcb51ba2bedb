"""Each step as ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.export.onnx_activations import activation
from fastnn.export.onnx_graph import Graph
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

__all__ = ["nodes_of", "prepared"]


def nodes_of(g: Graph, step: Step, x: str, before: tuple[int, ...]) -> str:
    """Add the nodes of a step; the name of its output. before: shape of the rows of x."""
    return WRITERS[type(step)](g, step, x, before)


def _dense(g: Graph, s: Dense, x: str, before: Any) -> str:
    bias = None if s.bias is None else (s.bias[0] if s.groups == 1 else s.bias)
    if s.groups > 1:
        y = g.op("MatMul", g.op("Unsqueeze", x, g.whole(2)), g.constant(s.weight))
        y = g.op("Squeeze", y, g.whole(2))
        return y if bias is None else g.op("Add", y, g.constant(bias))
    if len(s.shape) == 1:
        more = () if bias is None else (g.constant(bias),)
        return g.op("Gemm", x, g.constant(s.weight[0].T), *more, transB=1)
    y = g.op("MatMul", x, g.constant(s.weight[0]))
    return y if bias is None else g.op("Add", y, g.constant(bias))


def _scale(g: Graph, s: Scale, x: str, before: Any) -> str:
    if s.moments is not None and g.is_float and g.opset >= 15:
        *vectors, eps = s.moments
        return g.op("BatchNormalization", x, *map(g.constant, vectors), epsilon=eps)
    for kind, values in (("Sub", s.center), ("Mul", s.factor), ("Add", s.shift)):
        if values is not None:
            x = g.op(kind, x, g.constant(values.reshape(s.shape)))
    return x


def _norm(g: Graph, s: Norm, x: str, before: Any) -> str:
    blocks = s.size // s.block
    flat = s.shape == (s.block,)
    y = x if flat else g.shaped(x, (blocks, s.block))
    weight, bias = s.weight, s.bias
    if s.centred and g.is_float and g.opset >= 17:
        one = g.constant(np.ones(s.block) if weight is None or blocks > 1 else weight.ravel())
        more = () if bias is None or blocks > 1 else (g.constant(bias.ravel()),)
        y = g.op("LayerNormalization", y, one, *more, axis=-1, epsilon=s.eps)
        if blocks == 1:
            weight = bias = None
    else:
        y = g.op("Sub", y, g.mean(y, -1, True)) if s.centred else y
        square = g.mean(g.op("Mul", y, y), -1, True)
        y = g.op("Div", y, g.op("Sqrt", g.op("Add", square, g.constant(s.eps))))
    y = y if flat else g.shaped(y, s.shape)
    y = y if weight is None else g.op("Mul", y, g.constant(weight.reshape(s.shape)))
    return y if bias is None else g.op("Add", y, g.constant(bias.reshape(s.shape)))


def _softmax(g: Graph, s: Softmax, x: str, before: Any) -> str:
    x = g.op("Neg", x) if s.sign < 0 else x
    return g.op("LogSoftmax" if s.logarithm else "Softmax", x, axis=s.axis + 1)


def _gate(g: Graph, s: Gate, x: str, before: Any) -> str:
    half, axis = s.shape[s.axis], g.whole(s.axis + 1)
    a = g.op("Slice", x, g.whole(0), g.whole(half), axis)
    b = g.op("Slice", x, g.whole(half), g.whole(2 * half), axis)
    return g.op("Mul", a, g.op("Sigmoid", b))


def _take(g: Graph, s: Take, x: str, before: Any) -> str:
    if not s.moves:
        return x if s.shape == before else g.shaped(x, s.shape)
    size = int(np.prod(before))
    flat = x if before == (size,) else g.shaped(x, (size,))
    y = g.op("Gather", flat, g.constant(np.maximum(s.index, 0), np.int64), axis=1)
    if (s.index < 0).any():
        y = g.op("Where", g.constant(s.index < 0, np.bool_), g.constant(s.fill), y)
    return y if s.shape == (s.size,) else g.shaped(y, s.shape)


def _lookup(g: Graph, s: Lookup, x: str, before: Any) -> str:
    return g.op("Gather", g.constant(s.table), x)


def _columns(g: Graph, s: Columns, x: str, before: Any) -> str:
    parts, whole = [], s.numbers + s.plain
    if s.numbers:
        k, _ = s.mixing.shape[1:]
        v = g.op("Unsqueeze", g.columns(x, 0, s.numbers), g.whole(2))
        # cos(x) = sin(x + pi / 2): onnxruntime 1.20 has no Cos of float64.
        kind, more = ("Cos", 0.0) if g.is_float else ("Sin", np.pi / 2)
        angle = g.op("Add", g.op("Mul", v, g.constant(s.frequency)), g.constant(s.phase + more))
        cosines = g.op("Unsqueeze", g.op(kind, angle), g.whole(2))
        mixed = g.op("MatMul", cosines, g.constant(s.mixing.transpose(0, 2, 1)))
        y = g.op("Add", g.op("Squeeze", mixed, g.whole(2)), g.constant(s.bias))
        parts.append(g.shaped(y, (s.numbers * k,)))
    if whole:
        parts.append(g.columns(x, 0, whole))
    count = len(s.starts) - 1
    if count:
        index = g.cast(g.columns(x, whole, whole + count), np.int64)
        index = g.op("Add", index, g.constant(s.starts[:-1], np.int64))
        y = g.op("Gather", g.constant(s.table), index)
        parts.append(g.shaped(y, (count * s.table.shape[1],)))
    return parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=1)


def _mean(g: Graph, s: MeanOfMembers, x: str, before: Any) -> str:
    return g.mean(x, 1, False)


def _undo(g: Graph, s: Undo, x: str, before: Any) -> str:
    z = g.cast(x, np.float64)
    z = g.op("Exp", z) if s.log else z
    z = g.op("Mul", z, g.constant(s.deviation, np.float64))
    return g.cast(g.op("Add", z, g.constant(s.mean, np.float64)), g.real)


def _clip(g: Graph, s: Clip, x: str, before: Any) -> str:
    return g.clip(x, s.low, s.high)


def _sort(g: Graph, s: Sort, x: str, before: Any) -> str:
    return g.op("TopK", x, g.whole(s.size), outputs=2, axis=1, largest=0, sorted=1)


WRITERS: dict[type[Step], Callable[[Graph, Any, str, Any], str]] = {
    Activation: lambda g, s, x, before: activation(g, s, x),
    Clip: _clip,
    Columns: _columns,
    Dense: _dense,
    Gate: _gate,
    Lookup: _lookup,
    MeanOfMembers: _mean,
    Norm: _norm,
    Scale: _scale,
    Softmax: _softmax,
    Sort: _sort,
    Take: _take,
    Undo: _undo,
}


# ---- the columns of a table ----


def prepared(g: Graph, s: Prepare, names: tuple[str, ...]) -> str:
    """The row that the net takes, of inputs of shape (rows, 1): float32, or texts of a category."""
    parts = [_numbers(g, s, names)] if s.sources else []
    indices = []
    for k, (source, gap) in enumerate(s.codes):
        code = _code(g, s, names[source], source, gap)
        if k >= len(s.tables):
            indices.append(g.cast(code, g.real))
            continue
        table, on, off = s.tables[k], s.on[k], s.off[k]
        if table is not None:
            parts.append(g.op("Gather", g.constant(table), code))
        else:
            assert on is not None and off is not None
            hit = g.op("Equal", code, g.constant(np.arange(1, len(on) + 1), np.int64))
            parts.append(g.op("Where", hit, g.constant(on), g.constant(off)))
    parts += indices
    return parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=1)


def _numbers(g: Graph, s: Prepare, names: tuple[str, ...]) -> str:
    given = [names[source] for source in s.sources]
    x = given[0] if len(given) == 1 else g.op("Concat", *given, axis=1)
    wide = g.cast(x, np.float64)
    v = g.op("Where", g.op("IsNaN", x), g.constant(s.means, np.float64), wide)
    v = g.op("Sub", v, g.constant(s.center, np.float64))
    v = g.op("Mul" if s.robust else "Div", v, g.constant(s.factor, np.float64))
    if s.robust:
        third = g.op("Div", v, g.constant(3.0, np.float64))
        root = g.op("Sqrt", g.op("Add", g.op("Mul", third, third), g.constant(1.0, np.float64)))
        v = g.op("Div", v, root)
    return g.cast(v, g.real)


def _code(g: Graph, s: Prepare, name: str, source: int, gap: bool) -> str:
    """The index of a category, or whether a number is there, int64 of (rows, 1)."""
    if gap:
        return g.op("Where", g.op("IsNaN", name), g.whole(2), g.whole(1))
    texts = s.inputs[source].categories or ()
    return g.op(
        "LabelEncoder",
        name,
        domain="ai.onnx.ml",
        keys_strings=list(texts),
        values_int64s=list(range(1, len(texts) + 1)),
        default_int64=0,
    )

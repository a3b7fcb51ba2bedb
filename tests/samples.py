"""How to draw a call of each row of FNN_OPS: ROWS[name] makes a harness.Case.

A row that is missing here fails the parity test. Dims are the row's; for a broadcast row they are
the output's shape, of which each input may leave out axes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from bounds_real import REALS
from harness import INPUT_LAYOUTS, PACKED_LAYOUTS, STRIDED_LAYOUTS, Case
from hypothesis import strategies as st
from numpy.random import Generator
from numpy.typing import NDArray
from samples_norm import draw_key, dropout, norm, running_moments
from samples_update import UPDATES, shrink, update

Array = NDArray[Any]
Dims = tuple[int, ...]

ACTIVATIONS = ("identity", "relu", "sigmoid", "tanh")
REDUCTIONS = ("none", "sum", "mean")
TAILS = (*range(66), 127, 128, 129)
SMOOTH = ("normal", "wide")
ALL = (*SMOOTH, "ties", "special")


@dataclass(frozen=True)
class Row:
    """make(real, dims, rng, flavour) draws a case; tails are dims with every tail, big has many
    tiles; layouts are what the row's contract allows, the output's included."""

    make: Callable[[str, Dims, Generator, str], Case]
    dims: st.SearchStrategy[Dims]
    tails: tuple[Dims, ...]
    big: tuple[Dims, ...]
    flavours: tuple[str, ...] = ALL
    layouts: tuple[str, ...] = PACKED_LAYOUTS


def values(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    """normal: a few units; wide: 10^-4 to 10^4; ties: small whole numbers; special: the edges."""
    info = np.finfo(real)
    if flavour == "ties":
        x = rng.integers(-2, 3, shape).astype(np.float64)
    elif flavour == "wide":
        x = rng.choice([-1.0, 1.0], shape) * 10 ** rng.uniform(-4, 4, shape)
    else:
        x = 3 * rng.standard_normal(shape)
    if flavour == "special":
        tiny, largest = float(info.tiny), float(info.max)
        edges = [0, 1, 0.5, 2, 80, 1e3, tiny, tiny / 8, largest, largest / 2, np.inf, np.nan]
        picked = rng.choice([*edges, *(-e for e in edges)], shape)
        x = np.where(rng.random(shape) < 0.5, x, picked)
    return np.asarray(x).astype(real)


def _minus_inf(rng: Generator, x: Array) -> Array:
    """Some entries -inf, never a whole row."""
    x[:, 1:][rng.random(x[:, 1:].shape) < 0.3] = -np.inf
    return x


# Elementwise


def _broadcast_part(rng: Generator, shape: Dims) -> Dims:
    """A shape that broadcasts to this one."""
    part = [1 if rng.random() < 0.3 else n for n in shape]
    return tuple(part[rng.integers(0, len(part) + 1) if rng.random() < 0.2 else 0 :])


def _size(largest: int) -> st.SearchStrategy[int]:
    return st.integers(0, largest) | st.sampled_from([127, 128, 129])


_SHAPES = (
    st.lists(st.integers(0, 9), max_size=4).map(tuple)
    | st.tuples(_size(65))
    | st.tuples(_size(65), st.integers(0, 9))
    | st.lists(st.integers(1, 3), min_size=5, max_size=6).map(tuple)
)


def _domain(op: str, x: Array, flavour: str) -> Array:
    """Mostly where the function is defined; special values stay as they are."""
    if flavour == "special":
        return x
    if op in ("sqrt", "log", "log1p"):
        return np.abs(x)
    if op == "round":  # the halves too
        return np.asarray(np.where(np.abs(x) < 100, np.round(2 * x) / 2, x), x.dtype)
    return x


def _elementwise(op: str, n_inputs: int, flavours: tuple[str, ...] = ALL, out: Any = None) -> Row:
    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        shapes = [dims] * n_inputs
        if rng.random() < 0.5:
            shapes = [_broadcast_part(rng, dims) for _ in shapes]
        inputs: list[Array | None] = []
        for i, shape in enumerate(shapes):
            if op == "where" and i == 0:
                inputs.append(rng.random(shape) < 0.5)
            elif op in ("sigmoid_grad", "tanh_grad") and i == 1:
                inputs.append(np.tanh(np.abs(values(rng, shape, real, flavour))))
            elif op == "pow" and i == 0 and flavour in SMOOTH:
                inputs.append(np.abs(values(rng, shape, real, "normal")))
            else:
                inputs.append(_domain(op, values(rng, shape, real, flavour), flavour))
        return Case(op, real, inputs, [(dims, out or real)])

    tails = tuple((n,) for n in TAILS)
    return Row(make, _SHAPES, tails, ((150_001,), (301, 257)), flavours, INPUT_LAYOUTS)


KINDS = ("float32", "float64", "int64", "bool")  # enum fnn_real


def whole(rng: Generator, shape: Dims, kind: str) -> Array:
    """Elements of int64, small or with the edges among them, or of bool."""
    x = rng.integers(-9, 10, shape)
    if kind == "bool":
        return x > 0
    edges = rng.choice([-(2**63), 2**63 - 1, 2**31, -(2**32), 10**12, 0, -1], shape)
    return np.where(rng.random(shape) < 0.3, edges, x) if rng.random() < 0.3 else x


def _integer(op: str) -> Row:
    """A row that no float has: of bool and int64 in turn, the small and the large type."""

    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        kind = "bool" if real == "float32" and op != "floor_divide" else "int64"
        shapes = [dims if rng.random() < 0.5 else _broadcast_part(rng, dims) for _ in range(2)]
        return Case(op, real, [whole(rng, s, kind) for s in shapes], [(dims, kind)])

    return replace(_elementwise(op, 2), make=make)


def _cast() -> Row:
    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        to, source = rng.choice(KINDS), rng.choice(KINDS)
        if rng.random() < 0.5:
            to = real
        x = whole(rng, dims, source) if source in KINDS[2:] else values(rng, dims, source, flavour)
        attrs = (KINDS.index(to), KINDS.index(source))
        known = next((k for k in (to, source) if k in KINDS[:2]), real)
        return Case("cast", str(known), [x], [(dims, to)], (), {"dtype": to}, attrs)

    return replace(_elementwise("cast", 1), make=make)


# Matrix product


def _matmul() -> Row:
    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        m, n, k = dims
        a, b = values(rng, (m, k), real, flavour), values(rng, (k, n), real, flavour)
        bias = values(rng, (n,), real, flavour) if rng.random() < 0.5 else None
        activation, derivative, y = str(rng.choice(ACTIVATIONS)), "identity", None
        if rng.random() < 0.4:
            activation, derivative = "identity", str(rng.choice(ACTIVATIONS))
            y = values(rng, (m, n), real, "normal")
            y = np.tanh(y) if derivative in ("sigmoid", "tanh") else y
        keywords = {"activation": activation, "derivative": derivative}
        attrs = (ACTIVATIONS.index(activation), ACTIVATIONS.index(derivative))
        inputs = [a, b, bias, y]
        return Case("matmul", real, inputs, [((m, n), real)], (), keywords, attrs)

    tails = [(3, n, 5) for n in TAILS] + [(n, 17, 6) for n in TAILS] + [(5, 9, n) for n in TAILS]
    tails += [(7, 33, k) for k in (255, 256, 257, 511, 513, 1025)] + [(1, 1, 1), (1, 130, 300)]
    dims = st.tuples(_size(65), _size(65), _size(65)) | st.tuples(*[st.integers(0, 9)] * 3)
    big = ((513, 200, 270), (70, 600, 33))
    return Row(make, dims, tuple(tails), big, ("normal", "wide", "ties"), INPUT_LAYOUTS)


# Reductions


def _reduction(op: str, flavours: tuple[str, ...] = ALL) -> Row:
    least = 0 if op in ("sum", "mean") else 1

    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        outer, _, inner = dims
        x = values(rng, dims, real, flavour)
        out = np.int64 if op == "argmax" else real
        return Case(op, real, [x], [((outer, inner), out)], dims)

    length = st.integers(least, 65) | st.sampled_from([127, 128, 129, 1000, 5000])
    dims = st.tuples(st.integers(0, 5), length, st.integers(0, 9) | _size(40))
    tails = [(2, n, 1) for n in TAILS if n >= least] + [(2, 3, n) for n in TAILS]
    tails += [(n, 4, 2) for n in TAILS] + [(1, 4099, 3), (1, 70_001, 1)]
    big = ((1, 300_001, 1), (1, 20_011, 17), (4001, 67, 1), (23, 101, 131))
    return Row(make, dims, tuple(tails), big, flavours)


# Rows


def _rows(op: str) -> Row:
    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        x = values(rng, dims, real, flavour)
        if dims[1] and rng.random() < 0.2:
            x = _minus_inf(rng, x)
        return Case(op, real, [x], [(dims, real)], dims)

    tails = [(3, n) for n in TAILS] + [(n, 4) for n in TAILS] + [(2, 1000)]
    dims = st.tuples(_size(65), st.integers(0, 9) | _size(65))
    big = ((20_011, 10), (1501, 150))
    return Row(make, dims, tuple(tails), big, ("normal", "wide", "ties"))


def _argsort() -> Row:
    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        x = values(rng, dims, real, flavour)
        down = int(rng.integers(0, 2))
        return Case("argsort", real, [x], [(dims, np.int64)], dims, {"descending": down}, (down,))

    tails = [(3, n) for n in TAILS] + [(n, 4) for n in TAILS] + [(2, 1000), (1, 4097)]
    dims = st.tuples(_size(65), _size(65) | st.integers(0, 300))
    return Row(make, dims, tuple(tails), ((20_011, 10), (301, 150)))


def _index(rng: Generator, n: int, rows: int) -> Array:
    index = rng.integers(0, max(rows, 1), n)
    if rng.random() < 0.3 or rows == 0:
        wild = rng.choice([-1, rows, 2**31, 2**63 - 1, -(2**63)], n)
        index = np.where((rng.random(n) < 0.3) | (rows == 0), wild, index)
    return index.astype(np.int64)


def _row_moves(op: str) -> Row:
    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        n, c, rows = dims
        index = _index(rng, n, rows)
        if op == "scatter_add_rows":
            dy = values(rng, (n, c), real, flavour)
            return Case(op, real, [dy, index], [((rows, c), real)], dims, {"rows": rows})
        x = values(rng, (rows, c), real, flavour)
        return Case(op, real, [x, index], [((n, c), real)], dims, {}, (x.dtype.itemsize,))

    tails = [(5, n, 4) for n in TAILS] + [(n, 3, 7) for n in TAILS] + [(6, 5, n) for n in TAILS]
    dims = st.tuples(_size(65), _size(65), _size(65))
    big = ((50_021, 9, 1000), (301, 517, 97))
    flavours = ("normal", "wide", "ties") if op == "scatter_add_rows" else ALL
    return Row(make, dims, tuple(tails), big, flavours)


# Losses and metrics


def _loss(op: str, of_rows: bool) -> Row:
    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        n = dims[0]
        z = values(rng, dims, real, flavour)
        if op == "softmax_cross_entropy":
            y = rng.integers(0, dims[1], n)
            if rng.random() < 0.1:
                y = np.where(rng.random(n) < 0.1, dims[1], y)
        elif op == "soft_cross_entropy":
            y = rng.random(dims) * (rng.random(dims) < 0.7)
            y = (y / np.maximum(y.sum(axis=1, keepdims=True), 1e-3)).astype(real)
        elif op == "bce_with_logits":
            y = (rng.random(n) if rng.random() < 0.5 else rng.random(n) < 0.5).astype(real)
        else:
            y = values(rng, dims, real, flavour)
        reduction = str(rng.choice(REDUCTIONS))
        loss = ((n if reduction == "none" else 1,), real)
        dz = None if rng.random() < 0.2 else (dims, real)
        keywords, attrs = {"reduction": reduction}, (REDUCTIONS.index(reduction),)
        return Case(op, real, [z, y], [loss, dz], dims, keywords, attrs)

    if not of_rows:
        tails = tuple((n,) for n in TAILS)
        big: tuple[Dims, ...] = ((300_001,),)
        return Row(make, st.tuples(_size(65)), tails, big, ("normal", "wide", "ties"))
    tails = tuple((3, n) for n in TAILS if n) + tuple((n, 4) for n in TAILS) + ((2, 1000),)
    dims = st.tuples(_size(65), st.integers(1, 9) | st.integers(1, 70))
    return Row(make, dims, tails, ((30_011, 10), (1501, 150)), ("normal", "wide", "ties"))


def _metric(op: str) -> Row:
    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        z = values(rng, dims, real, flavour)
        if op == "accuracy":
            y = rng.integers(-1, dims[1] + 1, dims[0])
            # Most rows right: a share near one half hides an error of one hit.
            y = np.where(rng.random(dims[0]) < 0.6, z.argmax(axis=1), y).astype(np.int64)
        else:
            y = rng.choice([0, 1, 0.5, 0.75], dims).astype(real)
        return Case(op, real, [z, y], [((1,), real)], dims)

    if op == "accuracy":
        tails = tuple((3, n) for n in TAILS if n) + tuple((n, 4) for n in TAILS)
        return Row(make, st.tuples(_size(65), st.integers(1, 70)), tails, ((30_011, 10),), ALL)
    tails = tuple((n,) for n in TAILS)
    return Row(make, st.tuples(_size(65)), tails, ((300_001,),), ALL)


# Updates


def _update(make: Callable[[str, Dims, Generator, str], Case]) -> Row:
    tails = tuple((n,) for n in TAILS)
    return Row(make, st.tuples(_size(65)), tails, ((300_001,),), ("normal", "wide", "ties"))


# Normalisation and random numbers


def _norm(op: str) -> Row:
    tails = [(3, n) for n in TAILS if n] + [(n, 5) for n in TAILS if n] + [(300, 3), (2, 1000)]
    dims = st.tuples(st.integers(1, 65), st.integers(1, 70))
    big = ((20_011, 10), (301, 257))
    return Row(norm(op, values), dims, tuple(tails), big, ("normal", "wide", "ties"))


def _running_moments() -> Row:
    dims = st.tuples(_size(65), st.integers(2, 10**6))
    tails = tuple((n, 7) for n in TAILS)
    return Row(running_moments(values), dims, tails, ((5001, 3),), ("normal", "wide", "ties"))


def _draw_key() -> Row:
    return Row(draw_key, st.tuples(), ((),) * len(TAILS), ((),), layouts=("C", "offset"))


def _dropout() -> Row:
    tails = tuple((n,) for n in TAILS)
    return Row(dropout(values), st.tuples(_size(65)), tails, ((150_001,),), ("normal", "wide"))


ROWS: dict[str, Row] = {
    **{op: _elementwise(op, 1) for op in "copy neg abs sign square sqrt exp log".split()},
    **{op: _elementwise(op, 1) for op in "floor round expm1 log1p sin cos".split()},
    **{op: _elementwise(op, 1) for op in "erf tanh sigmoid gelu relu".split()},
    **{op: _elementwise(op, 2) for op in "add sub mul div pow remainder".split()},
    **{op: _elementwise(op, 2) for op in "maximum minimum".split()},
    **{op: _integer(op) for op in "floor_divide bitwise_and bitwise_or bitwise_xor".split()},
    "cast": _cast(),
    "relu_grad": _elementwise("relu_grad", 2),
    **{op: _elementwise(op, 2, SMOOTH) for op in ("sigmoid_grad", "tanh_grad", "gelu_grad")},
    **{op: _elementwise(op, 2, out=np.bool_) for op in "eq ne lt le gt ge".split()},
    "where": _elementwise("where", 3),
    "lerp": _elementwise("lerp", 3, ("normal", "wide", "ties")),
    "matmul": _matmul(),
    **{op: _reduction(op, ("normal", "wide", "ties")) for op in ("sum", "mean")},
    **{op: _reduction(op) for op in ("max", "min", "argmax")},
    "argsort": _argsort(),
    **{op: _rows(op) for op in ("softmax", "log_softmax")},
    **{op: _row_moves(op) for op in ("take_rows", "scatter_add_rows")},
    **{op: _loss(op, True) for op in ("softmax_cross_entropy", "soft_cross_entropy")},
    **{op: _loss(op, False) for op in ("bce_with_logits", "mse")},
    **{op: _metric(op) for op in ("accuracy", "binary_accuracy")},
    **{op: _norm(op) for op in "batch_norm batch_norm_grad layer_norm layer_norm_grad".split()},
    "running_moments_step": _running_moments(),
    "draw_key": _draw_key(),
    "dropout": _dropout(),
    **{op: _update(update(op, values)) for op in UPDATES},
    "shrink_step": _update(shrink(values)),
}

__all__ = ["ROWS", "REALS", "STRIDED_LAYOUTS", "TAILS", "Row", "values"]

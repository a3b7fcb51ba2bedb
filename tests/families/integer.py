"""Integer and bool ops: exact, wrapping around as int64 does.

The ops that no real has, `cast`, and in INTEGER what the ops of other families do when their
arrays are int64 or bool instead of real.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from families.approx import Real
from families.base import (
    KINDS,
    TAILS,
    Array,
    Case,
    Dims,
    Sample,
    exactly,
    off,
    op,
    spread,
    values,
    whole,
)
from families.elementwise import BINARY, UNARY, broadcast_part


def _draw_whole(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    """Of bool and int64 in turn, the small and the large type."""
    kind = "bool" if real == "float32" and op not in ("floor_divide", "gcd") else "int64"
    shapes = [dims if rng.random() < 0.5 else broadcast_part(rng, dims) for _ in range(2)]
    return Case(op, real, [whole(rng, s, kind) for s in shapes], [(dims, kind)])


WHOLE = replace(BINARY, draw=_draw_whole)


@op(WHOLE, exactly)
def floor_divide(a, b):
    """out = floor(a / b); 0 for b = 0."""
    return np.where(b == 0, 0, np.floor_divide(a, np.where(b == 0, 1, b)))


@op(WHOLE, exactly)
def gcd(a, b):
    """out = the greatest common divisor; of the least int64 it wraps around."""
    return np.gcd(a, b)


@op(WHOLE, exactly)
def bitwise_and(a, b):
    """out = a & b"""
    return np.bitwise_and(a, b)


@op(WHOLE, exactly)
def bitwise_or(a, b):
    """out = a | b"""
    return np.bitwise_or(a, b)


@op(WHOLE, exactly)
def bitwise_xor(a, b):
    """out = a ^ b"""
    return np.bitwise_xor(a, b)


def _draw_cast(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    to, source = rng.choice(KINDS), rng.choice(KINDS)
    if rng.random() < 0.5:
        to = real
    if source in KINDS[2:]:
        x = whole(rng, dims, source)
    else:  # among them what only just is an int64, or is not
        x = values(rng, dims, source, flavour)
        edges = rng.choice([2.0**62, 1.5 * 2.0**62, 2.0**63, -(2.0**63), -1.5 * 2.0**63], dims)
        x = np.where(rng.random(dims) < 0.2, edges, x).astype(source)
    attrs = (KINDS.index(to), KINDS.index(source))
    known = next((k for k in (to, source) if k in KINDS[:2]), real)
    return Case("cast", str(known), [x], [(dims, to)], (), {"dtype": to}, attrs)


@op(replace(UNARY, draw=_draw_cast), gradient=(Sample((spread(2, 3),), (1, 1)),))
def cast(x, *, dtype):
    """out = x as another type: towards zero to int64, x != 0 to bool; what int64 has no number for
    is the least of them."""
    if np.dtype(dtype) != np.int64 or x.dtype.kind != "f":
        return x != 0 if np.dtype(dtype) == np.bool_ else x.astype(dtype)
    fits = (x >= -(2.0**63)) & (x < 2.0**63)
    return np.where(fits, np.where(fits, x, 0).astype(np.int64), np.iinfo(np.int64).min)


@off(cast)
def _(real: Real, x: Array, *, dtype: Any) -> tuple[Any]:
    """One rounding when to a float of fewer digits; what is denormal in either type may flush."""
    if np.dtype(dtype).kind != "f":
        return (0,)
    tiny = max(real.tiny, float(np.finfo(x.dtype).tiny) if x.dtype.kind == "f" else 0)
    return (real.u * np.abs(x.astype(real.wide)) + tiny,)


# What other ops do with whole numbers


def _power(a: Array, b: Array) -> Array:
    """a^b; for b < 0 the integer part of 1 / a^-b."""
    power = np.power(a, np.where(b < 0, 0, b))
    inverse = np.where(a == 1, 1, np.where(a == -1, np.where(b % 2 == 0, 1, -1), 0))
    return np.where(b < 0, inverse, power)


def _remainder(a: Array, b: Array) -> Array:
    """a - floor(a / b) b; a for b = 0."""
    return np.asarray(a - floor_divide(a, b) * b)


def _middle(function: Callable[..., Array]) -> Callable[[Array], Array]:
    return lambda x: function(x, axis=1)


_BOTH: dict[str, Callable[..., Array]] = {
    "copy": np.array, "maximum": np.maximum, "minimum": np.minimum, "where": np.where,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "max": _middle(np.max), "min": _middle(np.min), "add": np.add,
    "mul": np.multiply, "bitwise_and": bitwise_and, "bitwise_or": bitwise_or,
    "bitwise_xor": bitwise_xor,
}  # fmt: skip
INTEGER: dict[str, dict[str, Callable[..., Array]]] = {
    "bool": _BOTH,
    "int64": {
        **_BOTH, "neg": np.negative, "abs": np.abs, "sign": np.sign, "square": np.square,
        "sub": np.subtract, "pow": _power, "floor_divide": floor_divide, "gcd": np.gcd,
        "remainder": _remainder,
        "sum": _middle(np.sum), "argmax": _middle(np.argmax),
        "argsort": lambda x: np.argsort(x, axis=1, kind="stable"),
    },
}  # fmt: skip
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
REDUCTIONS = ("max", "min", "sum", "argmax")
PACKED = (*REDUCTIONS, "argsort")
_N_INPUTS = {**dict.fromkeys(("copy", "neg", "abs", "sign", "square", *REDUCTIONS), 1), "where": 3}


def integer_case(kind: str, op: str, dims: Dims, key: int) -> Case:
    """A call of an op of INTEGER."""
    rng = np.random.default_rng(key)
    if op == "argsort":
        dims = (dims[0], dims[1] * dims[2])
        return Case(op, "float32", [whole(rng, dims, kind)], [(dims, "int64")], dims, {}, (0,))
    if op in REDUCTIONS:
        out = ((dims[0], dims[2]), "int64" if op in ("sum", "argmax") else kind)
        return Case(op, "float32", [whole(rng, dims, kind)], [out], dims)
    inputs: list[Any] = [whole(rng, dims, kind) for _ in range(_N_INPUTS.get(op, 2))]
    if op == "where":
        inputs[0] = whole(rng, dims, "bool")
    if len(inputs) > 1 and dims and rng.random() < 0.3:
        inputs[0] = inputs[0][..., :1]
    return Case(op, "float32", inputs, [(dims, "bool" if op in COMPARISONS else kind)])


def integer_shapes(op: str) -> list[Dims]:
    """Dims with every tail."""
    if op in PACKED:
        return [(2, n, 1) for n in TAILS if n] + [(3, 4, n) for n in TAILS] + [(0, 3, 2)]
    return [(n,) for n in TAILS] + [(), (3, 0), (7, 5), (2, 3, 4)]

"""The format of a family file: reference, bound and sample calls of each op.

    @op(unary(), ulps(0.5))
    def sqrt(x):
        \"\"\"out = the root of x\"\"\"
        return np.sqrt(x)

registers the op `sqrt`: its textbook form in NumPy, how to draw calls of it, and how far a kernel
may be off. Without a bound, the reference run on numbers with errors gives it; `@off(function)`
sets one that is written out. The arguments of a reference are the op's inputs in its order, its
attributes are keywords, the result is the op's outputs (a tuple where there are several). It
computes in float64, or in long double when fed long double, and shares no code, and where possible
no formula, with the kernels: the two derivations check each other.

Where bounds come from:
- Basic arithmetic, sqrt and a choice: one rounding, half a unit in the last place (ULP).
- exp, log, log1p, tanh, sigmoid, erf: 4 ULP, the promise of docs/design.md; that is 8 u relative.
- A chain of k roundings is off by at most gamma(k) = k u / (1 - k u) times the same expression in
  absolute values (Higham, Accuracy and Stability, lemma 3.1), with u = 2^-24 or 2^-53.
- Sums, means and losses add up in double (docs/design.md), so length enters as gamma of 2^-53 and
  the real type pays for one rounding of the result.
- A difference that is the argument of an exp adds |difference| u to the relative error.
- Engine calls may flush results below the smallest normal number to zero: each flush adds that
  number, times what the result is multiplied by afterwards.
The reference's own error is left out: it is computed with at least 11 bits more.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator
from numpy.typing import DTypeLike, NDArray

from families.approx import SLACK, Approx, Real

Array = NDArray[Any]
Dims = tuple[int, ...]
Reference = Callable[..., Any]
Bound = Callable[..., tuple[Any, ...]]

# How an array lies in memory; harness.place makes them.
PACKED_LAYOUTS = ("C", "offset", "bytes")
STRIDED_LAYOUTS = (*PACKED_LAYOUTS, "F", "sliced", "reversed")
INPUT_LAYOUTS = (*STRIDED_LAYOUTS, "zero")

TAILS = (*range(66), 127, 128, 129)
SMOOTH = ("normal", "wide")
TIES = (*SMOOTH, "ties")
ALL = (*TIES, "special")
KINDS = ("float32", "float64", "int64", "bool")  # enum fnn_real


@dataclass
class Case:
    """One call of one op. inputs are the op's, outputs the shape and type of those not in place.

    in_place inputs are outputs too, and come first in the op's order. keywords are for the
    reference; dims and attrs for the engine.
    """

    op: str
    real: str
    inputs: list[Array | None]
    outputs: list[tuple[Dims, DTypeLike] | None]
    dims: Dims = ()
    keywords: dict[str, Any] = field(default_factory=dict)
    attrs: Dims = ()
    in_place: int = 0


@dataclass(frozen=True)
class Calls:
    """How to draw calls: draw(op, real, dims, rng, flavour) makes one.

    dims draws what the op wants for dims (of a broadcast op: the output's shape); tails are dims
    with every tail, hard are those where the kernel goes another way, big has many tiles; layouts
    are what the op's contract allows.
    """

    draw: Callable[[str, str, Dims, Generator, str], Case]
    dims: st.SearchStrategy[Dims]
    tails: Sequence[Dims]
    big: Sequence[Dims]
    flavours: tuple[str, ...] = ALL
    layouts: tuple[str, ...] = PACKED_LAYOUTS
    hard: Sequence[Dims] = ()


@dataclass(frozen=True)
class Fixed:
    """An argument of a gradient sample that is not differentiated."""

    value: Any


@dataclass(frozen=True)
class Sample:
    """A call whose gradient is held against differences: arrays of float64, or Fixed.

    attrs: those of the op, which is called as it stands in the table; None: the function of that
    name in fastnn.ops is called, with keywords.
    """

    inputs: tuple[Any, ...]
    attrs: Dims | None = ()
    keywords: dict[str, Any] = field(default_factory=dict)


@dataclass
class Op:
    """The test case of an op.

    signed_zero: IEEE 754 or C settles the sign of a zero result. optional: arrays that may be
    missing, by position, outputs first. contiguous: arrays whose rows must be contiguous.
    exact: pairs (x, f(x)) of a function of vmath.h, which is then held to 4 ULP everywhere.
    """

    name: str
    reference: Reference
    calls: Calls
    bound: Bound
    signed_zero: bool = False
    optional: tuple[int, ...] = ()
    contiguous: tuple[int, ...] = ()
    exact: tuple[tuple[float, float], ...] = ()
    gradient: tuple[Sample, ...] = ()

    def case(self, real: str, dims: Dims, flavour: str, key: Any) -> Case:
        """The call of this key."""
        with np.errstate(all="ignore"):
            return self.calls.draw(self.name, real, dims, np.random.default_rng(key), flavour)


OPS: dict[str, Op] = {}


def op(calls: Calls, bound: Callable[[Reference], Bound] | None = None, **facts: Any) -> Any:
    """Register a reference; see the head of this file."""

    def register(function: Reference) -> Reference:
        @functools.wraps(function)
        def reference(*inputs: Any, **keywords: Any) -> Any:
            return function(*map(_wide, inputs), **keywords)

        name = function.__name__
        assert name not in OPS, name
        OPS[name] = Op(name, reference, calls, (bound or by_errors)(reference), **facts)
        return reference

    return register


def off(reference: Reference) -> Callable[[Bound], Bound]:
    """Set the bound of an op: (real, *inputs, **keywords) -> the largest error of each output."""

    def register(bound: Bound) -> Bound:
        OPS[reference.__name__].bound = bound
        return bound

    return register


def _wide(x: Any) -> Any:
    if x is None or isinstance(x, Approx):
        return x
    x = np.asarray(x)
    return x.astype(np.float64) if x.dtype.kind == "f" and x.dtype != np.longdouble else x


# Bounds


def by_errors(reference: Reference, doubles: tuple[int, ...] = ()) -> Bound:
    """The reference on numbers with errors. doubles: inputs that are float64 for both reals."""
    from families.approx import REALS

    def bound(real: Real, *inputs: Any, **keywords: Any) -> tuple[Any, ...]:
        near = [
            Approx(REALS["float64"] if i in doubles else real, x.astype(real.wide))
            if x is not None and x.dtype.kind == "f"
            else x
            for i, x in enumerate(inputs)
        ]
        found = reference(*near, **keywords)
        found = found if isinstance(found, tuple) else (found,)
        return tuple(getattr(x, "error", 0.0) for x in found)

    return bound


def ulps(n: float, flush: bool = True) -> Callable[[Reference], Bound]:
    """n units in the last place of the result."""

    def make(reference: Reference) -> Bound:
        def bound(real: Real, *inputs: Array) -> tuple[Array]:
            want = reference(*inputs)
            flushed = (np.abs(want) < 2 * real.tiny) & (want != 0) if flush else 0
            return (n * SLACK * real.ulp(want) + real.tiny * flushed,)

        return bound

    return make


def exactly(reference: Reference) -> Bound:
    """No error at all."""
    return lambda real, *inputs, **keywords: (0.0,)


def choice(reference: Reference) -> Bound:
    """Exact, but among denormals, which compare as zeros, any may be chosen."""
    return lambda real, *inputs: (
        np.where(np.abs(reference(*inputs)) < real.tiny, 2 * real.tiny, 0),
    )


# Values


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


def whole(rng: Generator, shape: Dims, kind: str) -> Array:
    """Elements of int64, small or with the edges among them, or of bool."""
    x = rng.integers(-9, 10, shape)
    if kind == "bool":
        return x > 0
    edges = rng.choice([-(2**63), 2**63 - 1, 2**31, -(2**32), 10**12, 0, -1], shape)
    return np.where(rng.random(shape) < 0.3, edges, x) if rng.random() < 0.3 else x


def size(largest: int) -> st.SearchStrategy[int]:
    """A length, most often of at most this."""
    return st.integers(0, largest) | st.sampled_from([127, 128, 129])


def bits_of(x: float) -> int:
    """A float64 as an attribute."""
    return int(struct.unpack("<q", struct.pack("<d", x))[0])


def spread(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> Array:
    """Distinct numbers at least 0.02 away from each other and from 0, in random order."""
    rng = np.random.default_rng([seed, *shape])
    n = int(np.prod(shape))
    x = np.linspace(low, high, n) if n > 1 else np.array([0.7 * high])
    x = x + np.where(np.abs(x) < 0.02, 0.05, 0.0)
    return rng.permutation(x).reshape(shape)

"""Rows of (n, c): softmax, order, gathers and scatters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from families.approx import VMATH, Real
from families.base import (
    ALL,
    TAILS,
    TIES,
    Array,
    Calls,
    Case,
    Dims,
    Fixed,
    Sample,
    exactly,
    off,
    op,
    size,
    spread,
    values,
)

# Softmax


def _draw_rows(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    """Sometimes with entries of -inf, but never a whole row."""
    x = values(rng, dims, real, flavour)
    if dims[1] and rng.random() < 0.2:
        x[:, 1:][rng.random(x[:, 1:].shape) < 0.3] = -np.inf
    return Case(op, real, [x], [(dims, real)], dims)


_TAILS = ((3, n) for n in TAILS), ((n, 4) for n in TAILS), ((2, 1000),)
# Short rows, one to a lane: all tails of the rows and of the columns.
SHORT = tuple((n, c) for n in range(1, 36, 3) for c in (1, 2, 3, 5, 8, 10, 15, 17, 24, 25))
ROWS = Calls(
    _draw_rows,
    st.tuples(size(65), st.integers(0, 9) | size(65)),
    tuple(dims for some in _TAILS for dims in some),
    ((20_011, 10), (1501, 150)),
    TIES,
    hard=(*SHORT, (70, 130)),
)
_SAMPLES = Sample((spread(2, 3),)), Sample((spread(2, 1),))


@op(ROWS, gradient=_SAMPLES)
def log_softmax(x):
    """out_ij = x_ij - ln sum_k e^x_ik, shifted by the row's maximum."""
    d = x - np.max(x, axis=1, keepdims=True, initial=-np.inf)
    return d - np.log(np.sum(np.exp(d), axis=1, keepdims=True))


@op(ROWS, gradient=_SAMPLES)
def softmax(x):
    """out_ij = e^x_ij / sum_k e^x_ik"""
    return np.exp(log_softmax(x))


@dataclass(frozen=True)
class Softmax:
    """d = x - max, p = softmax, log_s = ln sum e^d, and relative errors in units of u."""

    d: Array
    p: Array
    log_s: Array
    error_s: Array  # of sum e^d: each term |d| + 8, and c additions
    error_p: Array

    @classmethod
    def of(cls, x: Array) -> Softmax:
        """Of each row."""
        d = x - np.max(x, axis=1, keepdims=True)
        p = np.exp(d)
        s = np.sum(p, axis=1, keepdims=True)
        p = p / s
        d = np.where(np.isinf(d), 0, np.abs(d))
        error_s = np.sum(p * d, axis=1, keepdims=True) + VMATH + x.shape[1]
        return cls(d, p, np.log(s), error_s, d + VMATH + error_s + 2)

    def log_error(self, real: Real) -> Array:
        """Of d - ln s: the rounding of d, of s, of the log and of the difference."""
        rounded = real.gamma(2) * self.d + real.gamma(VMATH + 1) * self.log_s
        return real.gamma(self.error_s) + rounded + real.tiny


@off(softmax)
def _(real: Real, x: Array) -> tuple[Array | float]:
    """e^d / s, where e^d may flush to zero."""
    if x.shape[1] == 0:
        return (0.0,)
    s = Softmax.of(x)
    return (real.gamma(s.error_p) * s.p + 2 * real.tiny,)


@off(log_softmax)
def _(real: Real, x: Array) -> tuple[Array | float]:
    return (0.0 if x.shape[1] == 0 else Softmax.of(x).log_error(real),)


# Order


def _draw_order(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    x = values(rng, dims, real, flavour)
    down = int(rng.integers(0, 2))
    return Case("argsort", real, [x], [(dims, np.int64)], dims, {"descending": down}, (down,))


_ORDER = Calls(
    _draw_order,
    st.tuples(size(65), size(65) | st.integers(0, 300)),
    (*((3, n) for n in TAILS), *((n, 4) for n in TAILS), (2, 1000), (1, 4097)),
    ((20_011, 10), (301, 150)),
    hard=((3, 150), (2, 301)),
)


@op(_ORDER, exactly)
def argsort(x, *, descending):
    """out_i: where the elements of row i stand in order, of equals the first first; nan is larger
    than all numbers, denormals equal 0."""
    x = np.where(np.abs(x) < np.finfo(x.dtype).tiny, 0, x)
    if not descending:
        return np.argsort(x, axis=1, kind="stable")
    return x.shape[1] - 1 - np.argsort(x[:, ::-1], axis=1, kind="stable")[:, ::-1]


# Gathers and scatters


def _index(rng: Generator, n: int, rows: int) -> Array:
    """Numbers of rows, some of them wild."""
    index = rng.integers(0, max(rows, 1), n)
    if rng.random() < 0.3 or rows == 0:
        wild = rng.choice([-1, rows, 2**31, 2**63 - 1, -(2**63)], n)
        index = np.where((rng.random(n) < 0.3) | (rows == 0), wild, index)
    return index.astype(np.int64)


def _draw_moves(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    n, c, rows = dims
    index = _index(rng, n, rows)
    if op == "scatter_add_rows":
        dy = values(rng, (n, c), real, flavour)
        return Case(op, real, [dy, index], [((rows, c), real)], dims, {"rows": rows})
    x = values(rng, (rows, c), real, flavour)
    return Case(op, real, [x, index], [((n, c), real)], dims, {}, (x.dtype.itemsize,))


def _moves(flavours: tuple[str, ...]) -> Calls:
    tails = [(5, n, 4) for n in TAILS] + [(n, 3, 7) for n in TAILS] + [(6, 5, n) for n in TAILS]
    big = ((50_021, 9, 1000), (301, 517, 97))
    return Calls(_draw_moves, st.tuples(size(65), size(65), size(65)), tuple(tails), big, flavours)


_INDEX = Fixed(np.array([2, 0, 2, 1]))


@op(_moves(ALL), exactly, gradient=(Sample((spread(3, 2), _INDEX), (8,)),))
def take_rows(x, index):
    """out_i = x[index_i], a row of zeros where index_i is outside 0..rows-1; any element type."""
    out = np.zeros((len(index), x.shape[1]), x.dtype)
    for i, row in enumerate(index):
        if 0 <= row < len(x):
            out[i] = x[row]
    return out


@op(_moves(TIES), gradient=(Sample((spread(4, 2), _INDEX), None, {"rows": 4}),))
def scatter_add_rows(dy, index, *, rows):
    """out_r = sum of dy_i over index_i = r, the adjoint of take_rows: others are left out."""
    out = np.zeros((rows, dy.shape[1]), dy.dtype)
    inside = (index >= 0) & (index < rows)
    np.add.at(out, index[inside], dy[inside])
    return out


@off(scatter_add_rows)
def _(real: Real, dy: Array, index: Array, *, rows: int) -> tuple[Array]:
    """gamma(count) sum |dy|: the rows with one index are added in the real type."""
    magnitude = scatter_add_rows(np.abs(dy), index, rows=rows)
    count = scatter_add_rows(np.ones((len(index), 1)), index, rows=rows)
    return (real.gamma(count) * magnitude + count * real.tiny,)

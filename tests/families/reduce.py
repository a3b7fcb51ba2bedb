"""Reductions of the middle axis of (outer, len, inner)."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from families.approx import U_DOUBLE, Real, gamma
from families.base import (
    ALL,
    TAILS,
    TIES,
    Array,
    Calls,
    Case,
    Dims,
    Sample,
    choice,
    exactly,
    off,
    op,
    size,
    spread,
    values,
)


def _draw(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    x = values(rng, dims, real, flavour)
    out = np.int64 if op == "argmax" else real
    return Case(op, real, [x], [((dims[0], dims[2]), out)], dims)


def _reduction(least: int, flavours: tuple[str, ...] = ALL) -> Calls:
    """Over at least so many elements."""
    length = st.integers(least, 65) | st.sampled_from([127, 128, 129, 1000, 5000])
    dims = st.tuples(st.integers(0, 5), length, st.integers(0, 9) | size(40))
    tails = [(2, n, 1) for n in TAILS if n >= least] + [(2, 3, n) for n in TAILS]
    tails += [(n, 4, 2) for n in TAILS]
    big = ((1, 300_001, 1), (1, 20_011, 17), (4001, 67, 1), (23, 101, 131))
    hard = ((1, 4099, 3), (1, 40, 261)) if least else ((1, 4099, 3), (1, 70_001, 1), (1, 300, 261))
    return Calls(_draw, dims, tuple(tails), big, flavours, hard=hard)


_SUMS, _EXTREMES = _reduction(0, TIES), _reduction(1)
_SAMPLES = Sample((spread(2, 3, 2),)), Sample((spread(1, 1, 1),))


@op(_SUMS, gradient=_SAMPLES)
def sum(x):
    """out_oi = sum_l x_oli; 0 when len is 0."""
    return np.sum(x, axis=1)


@off(sum)
def _(real: Real, x: Array) -> tuple[Array]:
    """Added in double, in any order, and rounded once."""
    err = gamma(x.shape[1], U_DOUBLE) * np.sum(np.abs(x), axis=1)
    return (err + real.u * np.abs(sum(x)) + real.tiny,)


@op(_SUMS, gradient=_SAMPLES)
def mean(x):
    """out_oi = (1/len) sum_l x_oli; nan when len is 0."""
    return np.sum(x, axis=1) / x.dtype.type(x.shape[1])


@off(mean)
def _(real: Real, x: Array) -> tuple[Array]:
    """The sum in double, divided or multiplied by the inverse, and rounded once."""
    magnitude = np.sum(np.abs(x), axis=1) / x.dtype.type(x.shape[1])
    err = gamma(x.shape[1] + 2, U_DOUBLE) * magnitude
    return (err + real.u * np.abs(mean(x)) + real.tiny,)


@op(_EXTREMES, choice, gradient=_SAMPLES)
def max(x):
    """out_oi = max_l x_oli; nan when any is nan."""
    return np.max(x, axis=1)


@op(_EXTREMES, choice, gradient=_SAMPLES)
def min(x):
    """out_oi = min_l x_oli; nan when any is nan."""
    return np.min(x, axis=1)


@op(_EXTREMES, exactly)
def argmax(x):
    """out_oi = the first l where x_oli is largest; the first nan when any is nan."""
    return np.argmax(x, axis=1).astype(np.int64)

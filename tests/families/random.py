"""The ops that draw random numbers: from a key and a position alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from families.approx import Real
from families.base import (
    SMOOTH,
    TAILS,
    Array,
    Calls,
    Case,
    Dims,
    Fixed,
    Sample,
    bits_of,
    off,
    op,
    size,
    spread,
    values,
)

_WORD = 2**64 - 1


def _mix(z: int) -> int:
    """Steele, Lea and Flood 2014: the output function of splitmix64."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _WORD
    return z ^ z >> 31


def _draw_key(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    state = rng.integers(-(2**62), 2**62, 2)
    return Case(op, real, [state, np.zeros(2, np.int64)], [], dims, in_place=2)


@op(Calls(_draw_key, st.tuples(), ((),) * len(TAILS), ((),), layouts=("C", "offset")))
def draw_key(state, key):
    """key = state = (seed, count); state = (seed, count + 1)."""
    return state + np.array([0, 1]), state


def _draw_dropout(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    p = float(rng.choice([0.5, 0.1, 0.3, 0.9, 1e-9, 1 - 1e-9]))
    x, key = values(rng, dims, real, flavour), rng.integers(-(2**62), 2**62, 2)
    rate = np.array([bits_of(p)]) if rng.integers(2) else None  # what it holds is read instead
    attr = bits_of(0.25) if rate is not None else bits_of(p)
    return Case(op, real, [x, key, rate], [(dims, real)], dims, {"p": p}, (attr,))


_DROPOUT = Calls(
    _draw_dropout,
    st.tuples(size(65)),
    tuple((n,) for n in TAILS),
    ((150_001,),),
    SMOOTH,
    hard=((8200,),),
)
_RATES = (0.4, np.array([bits_of(0.4)]))
_SAMPLES = tuple(Sample((spread(4, 3), Fixed(p), Fixed(np.array([5, 3]))), None) for p in _RATES)


@op(_DROPOUT, gradient=_SAMPLES, optional=(3,))
def dropout(x, key, rate=None, *, p):
    """out_i = x_i / (1 - p) where bits_i >= p 2^32, else 0; the bits are Wellons' lowbias32 of i
    with half of the mixed key before each round."""
    seed, count = (int(k) & _WORD for k in key)
    mixed = _mix(_mix(_mix(seed + 0x9E3779B97F4A7C15 & _WORD) ^ count))
    h = np.arange(x.size, dtype=np.uint32) ^ np.uint32(mixed & 0xFFFFFFFF)
    h = (h ^ h >> np.uint32(16)) * np.uint32(0x7FEB352D)
    h = (h ^ h >> np.uint32(15)) + np.uint32(mixed >> 32)
    h = h * np.uint32(0x846CA68B)
    h = h ^ h >> np.uint32(16)
    return np.where(h >= int(p * 2**32), x / (1 - x.dtype.type(p)), 0)


@off(dropout)
def _(real: Real, x: Array, key: Array, rate: Array | None, *, p: float) -> tuple[Any]:
    """The factor is rounded, and the product."""
    return (real.gamma(3) * np.abs(dropout(x, key, p=p)) + real.tiny,)

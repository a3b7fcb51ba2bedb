"""Casts where a type ends: ties of float16, nan in few bits, numbers that no integer holds."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn

HALVES = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)


@pytest.mark.parametrize("sign", (1, -1))
@pytest.mark.parametrize("beside", (-1, 0, 1))
def test_ties_between_two_float16(sign: int, beside: int) -> None:
    """Halfway between each two neighbours, denormal ones too, and just beside: as NumPy rounds."""
    x = sign * ((HALVES[:-1] + HALVES[1:]) / 2)
    x = np.nextafter(x, np.float32(beside * np.inf)) if beside else x
    got = fastnn.tensor(x).to(fastnn.float16).numpy()
    assert (got.view(np.uint16) == x.astype(np.float16).view(np.uint16)).all()


@pytest.mark.parametrize("short", ("float16", "bfloat16"))
@pytest.mark.parametrize("bits", (0x7F800001, 0x7F801FFF, 0x7FC00000, 0x7FFFFFFF))
@pytest.mark.parametrize("sign", (0, 0x80000000))
def test_nan_stays_nan(short: str, bits: int, sign: int) -> None:
    """Also where the bits that say so are those that the shorter type lacks."""
    x = np.array([bits | sign], np.uint32).view(np.float32)
    got = fastnn.tensor(x).to(getattr(fastnn, short)).to(fastnn.float32).numpy()
    assert np.isnan(got[0]) and np.signbit(got[0]) == bool(sign)


@pytest.mark.parametrize(
    "whole, fits",
    (("int64", 2.0**62), ("int32", 2.0**30), ("int64", -(2.0**63)), ("int32", -(2.0**31))),
)
def test_what_no_integer_holds(whole: str, fits: float) -> None:
    """Becomes the least of them, on every machine; what fits is as it was."""
    least = np.iinfo(whole).min
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, fits])
    got = fastnn.tensor(x).to(getattr(fastnn, whole))
    assert got.tolist() == [least] * 5 + [int(fits)]

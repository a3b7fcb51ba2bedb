"""Special functions where they end: poles, infinities, nan, and where nan is the answer."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import fastnn
from fastnn import Tensor, special

INF, NAN = math.inf, math.nan
ONE: tuple[tuple[Callable[[Tensor], Tensor], float, float], ...] = (
    (special.i0e, NAN, NAN),
    (special.i1e, NAN, NAN),
    (special.i0e, INF, 0.0),
    (special.i1e, -INF, -0.0),
    (special.digamma, NAN, NAN),
    (special.digamma, INF, INF),
    (special.digamma, -INF, NAN),
    (special.digamma, -2.0, NAN),
    (special.digamma, 0.0, -INF),
    (special.digamma, -0.0, INF),
)
ZETA = (  # s, q, zeta(s, q)
    (1.0, 2.0, INF),
    (0.5, 2.0, NAN),
    (NAN, 2.0, NAN),
    (2.0, NAN, NAN),
    (2.0, -INF, NAN),
    (2.0, INF, 0.0),
    (2.0, 0.0, INF),
    (2.0, -3.0, INF),
    (2.5, -0.5, NAN),
    (2.0, 1.0, math.pi**2 / 6),
    (2.0, 0.5, math.pi**2 / 2),
    (2.0, -0.5, math.pi**2 / 2 + 4),
    (4.0, -0.5, math.pi**4 / 6 + 16),
    (900.0, 3.0, 0.0),
    (1.5, INF, 0.0),
    (INF, 2.0, 0.0),
    (INF, 1.0, 1.0),
)


def same(got: float, want: float, bound: float) -> bool:
    """The same number but for the bound; the same zero, infinity or nan."""
    if math.isnan(want) or math.isinf(want) or want == 0:
        return (math.isnan(got) and math.isnan(want)) or (
            got == want and math.copysign(1, got) == math.copysign(1, want)
        )
    return abs(got - want) <= bound * abs(want)


@pytest.mark.parametrize("function, x, want", ONE)
def test_functions_of_one_number(
    function: Callable[[Tensor], Tensor], x: float, want: float, real: str
) -> None:
    assert same(function(fastnn.tensor([x], dtype=getattr(fastnn, real))).item(), want, 0)


@pytest.mark.parametrize("s, q, want", ZETA)
def test_zeta(s: float, q: float, want: float, real: str) -> None:
    """Against closed forms; below 0 the terms up to -q come on top."""
    kind = getattr(fastnn, real)
    got = special.zeta(fastnn.tensor([s], dtype=kind), fastnn.tensor([q], dtype=kind)).item()
    assert same(got, want, 1e-6 if real == "float32" else 1e-14)


@pytest.mark.parametrize("s, q", ((1.5, 1e300), (2.0, 1e200), (3.0, 1e150), (2.0, 1e150)))
def test_zeta_of_a_huge_number(s: float, q: float) -> None:
    """Is its integral, also where the terms themselves are 0."""
    args = (fastnn.tensor([x], dtype=fastnn.float64) for x in (s, q))
    assert same(special.zeta(*args).item(), q ** (1 - s) / (s - 1), 1e-13)

"""The vmath words: at most 4 ULP, exact at the edges, every lane by itself (R3)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from conftest import PROFILE, EveryIsa
from families import OPS
from families.approx import REALS, SLACK, VMATH_ULP
from numpy.typing import NDArray

from fastnn._core import engine

Array = NDArray[Any]
FUNCTIONS = tuple(name for name, op in OPS.items() if op.exact)
SAMPLES = {"test": 100_000, "nightly": 4_000_000, "release": 2**32}[PROFILE]
CHUNK = 2**20
INF, NAN = np.inf, np.nan


def call(op: str, *inputs: Array) -> Array:
    out = np.full(inputs[0].shape, np.nan, inputs[0].dtype)
    engine.call(engine.OPS[op], (out, *inputs), (), (), 1)
    return out


def patterns(real: str, chunk: int) -> Array:
    """Bit patterns over all exponents and both signs; float32 in the release profile: all."""
    count = min(CHUNK, SAMPLES - chunk * CHUNK)
    if real == "float32":
        step = 2**32 // SAMPLES
        first = chunk * CHUNK * step
        at = first + step * np.arange(count, dtype=np.uint64)
        if step > 1:
            at = at + np.random.default_rng(chunk).integers(0, step, count, dtype=np.uint64)
        return at.astype(np.uint32).view(np.float32)
    rng = np.random.default_rng(chunk)
    x = rng.integers(0, 2**64, count, np.uint64).view(np.float64)
    # Half of them where the functions are neither flat nor overflowing.
    x[::2] = rng.choice([-1.0, 1.0], len(x[::2])) * 2 ** rng.uniform(-60, 10, len(x[::2]))
    return x


def reference(op: str, x: Array) -> Array:
    """f(x) in the finer type."""
    with np.errstate(all="ignore"):
        return np.asarray(OPS[op].reference(x.astype(REALS[str(x.dtype)].wide)))


def assert_near(op: str, real: str, every_isa: EveryIsa, x: Array, want: Array) -> None:
    """On every instruction set: nan where due, zeros of the right sign, at most 4 ULP."""
    kind = REALS[real]
    with np.errstate(all="ignore"):
        rounded, ulp = want.astype(real), kind.ulp(want)
    # The engine flushes what is below the smallest normal number; the last few ULP before
    # overflow may become infinite.
    flushed, large = np.abs(want) < kind.tiny, np.abs(want) + 4 * ulp >= kind.largest
    for isa in every_isa:
        got = call(op, x)
        assert np.array_equal(np.isnan(got), np.isnan(want))
        with np.errstate(all="ignore"):
            error = np.abs(got - want) / ulp
        error[(got == rounded) | np.isnan(got)] = 0
        error[flushed & (np.abs(got) <= kind.tiny)] = 0
        error[np.isinf(got) & large] = 0
        worst = int(np.argmax(error))
        assert error[worst] <= VMATH_ULP * SLACK, (
            f"{op}({x[worst]!r}) = {got[worst]!r}, want {want[worst]!r}: "
            f"{error[worst]:.2f} ULP on {isa}"
        )
        zero = got == 0
        assert np.array_equal(np.signbit(got[zero]), np.signbit(want[zero]))


@pytest.mark.every(8)
@pytest.mark.parametrize("op", FUNCTIONS)
def test_within_four_ulp(op: str, real: str, every_isa: EveryIsa) -> None:
    for chunk in range(-(-SAMPLES // CHUNK) if real == "float32" else min(4, -(-SAMPLES // CHUNK))):
        x = patterns(real, chunk)
        x = x[(np.abs(x) >= REALS[real].tiny) | ~np.isfinite(x) | (x == 0)]
        assert_near(op, real, every_isa, x, reference(op, x))


@pytest.mark.every(5)
@pytest.mark.parametrize("op", FUNCTIONS)
def test_near_the_hard_places(op: str, real: str, every_isa: EveryIsa) -> None:
    """Around 0, +-1, the ends of range reductions, where the result saturates; for sin and
    cos next to every multiple of pi / 2."""
    kind = REALS[real]
    centres = [0.5, 1, 2, np.sqrt(0.5), np.sqrt(2), np.log(2) / 2, np.log(2), 1.5 * np.log(2)]
    centres += [np.log(kind.largest), -np.log(kind.tiny), 0.625, 0.84375, 1.25, 3, 4, 6, 9.01, 19]
    centres += [*(np.pi / 4 * np.arange(1, 9)), 41721 * np.pi / 2, 65536, 40]
    x = np.array([s * c for c in centres for s in (1, -1)], real)
    step = np.arange(-500, 501)
    x = (x[:, None] * (1 + step * kind.dtype.type(2 * kind.u))).astype(real).ravel()
    if op in ("sin", "cos"):
        quarters = np.arange(1, 41722) * (2 * np.arctan(np.longdouble(1)))
        x = np.concatenate([x, quarters.astype(real)])
    assert_near(op, real, every_isa, x, reference(op, x))


@pytest.mark.parametrize("op", FUNCTIONS)
def test_exact_at_the_edges(op: str, real: str, every_isa: EveryIsa) -> None:
    x, want = (np.array(column, real) for column in zip(*OPS[op].exact, (NAN, NAN)))
    for _ in every_isa:
        for n in (1, 40):  # alone, and with every lane in use
            got = call(op, np.repeat(x, n))
            np.testing.assert_array_equal(got, np.repeat(want, n))
            known = ~np.isnan(got)
            assert np.array_equal(np.signbit(got)[known], np.signbit(np.repeat(want, n))[known])


GRADIENTS = ("sigmoid_grad", "tanh_grad", "gelu_grad")
LANE_OPS = (*FUNCTIONS, "gelu", "sqrt", "div", "pow", "square", *GRADIENTS)


@pytest.mark.parametrize("op", LANE_OPS)
def test_a_value_has_the_same_bits_in_any_lane(op: str, real: str, isa: str) -> None:
    """At any position of an array of any length, and at any stride, as alone."""
    rng = np.random.default_rng(7)
    n = 83
    inputs = [rng.standard_normal(n).astype(real) * 4 for _ in range(1 + (op in ("div", "pow")))]
    if op.endswith("_grad"):
        inputs.append(rng.random(n).astype(real))
    edges = np.array([0, INF, -INF, NAN, 1, 88.5, -87.9, 1e30, 1e-30, -1], real)
    inputs[0][rng.choice(n, len(edges), replace=False)] = edges
    alone = np.concatenate([call(op, *(x[i : i + 1] for x in inputs)) for i in range(n)])
    for length in (*range(2, 40), 63, 64, 65, n):
        for start in {0, 1, 5, n - length}:
            part = slice(start, start + length)
            got = call(op, *(x[part] for x in inputs))
            assert got.tobytes() == alone[part].tobytes(), (length, start)
    strided = call(op, *(np.repeat(x, 3)[::-3] for x in inputs))
    assert strided.tobytes() == alone[::-1].tobytes()


def test_gelu_keeps_digits_far_below_0(real: str, isa: str) -> None:
    """Phi is nearly 0 there, yet x Phi and its slope are right to three digits."""
    x = np.linspace(*{"float32": (-12.5, -4.5), "float64": (-36.5, -6.5)}[real], 1000).astype(real)
    wide = x.astype("float64")
    below = np.array([math.erfc(-value / math.sqrt(2)) / 2 for value in wide])
    slope = below + wide * np.exp(-wide * wide / 2) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(call("gelu", x), wide * below, rtol=4e-3)
    np.testing.assert_allclose(call("gelu_grad", np.ones_like(x), x), slope, rtol=1e-3)
    for op, inputs in (("gelu", ()), ("gelu_grad", (np.ones(3, real),))):
        got = call(op, *inputs, np.array([-50, 50, np.nan], real))
        np.testing.assert_array_equal(got, [0, 50 if op == "gelu" else 1, np.nan])

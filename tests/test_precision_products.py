"""Products whose operands are rounded to bfloat16 or to 8 bits: the same bits on every table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastnn._core import engine

Array = NDArray[Any]
MATMUL = engine.OPS["matmul"]
BF16, INT8 = 1, 2
# Tails of the tile and of groups, few rows, a column, many blocks of k, several panels and blocks.
SHAPES = [
    (1, 1, 1), (3, 5, 7), (16, 33, 40), (70, 33, 300), (64, 1, 257), (1, 130, 64), (5, 9, 256),
    (13, 16, 513), (15, 31, 2), (130, 70, 784), (300, 200, 1025), (3, 2100, 260), (4, 3, 17000),
    (7, 3, 0),
]  # fmt: skip
# activation, derivative, whether there is a bias
LAST = {
    "nothing": (0, 0, False), "bias relu": (1, 0, True), "tanh": (3, 0, True),
    "relu grad": (0, 1, False), "sigmoid grad": (0, 2, False), "both": (1, 3, True),
}  # fmt: skip


def product(
    a: Array, b: Array, bias: Array | None, y: Array | None, *attrs: int, threads: int | None = None
) -> Array:
    out = np.full((a.shape[0], b.shape[1]), np.nan, a.dtype)
    engine.call(MATMUL, (out, a, b, bias, y), (), attrs, threads)
    return out


def brain(x: Array) -> Array:
    """The bfloat16 next to each number, ties to even; nan stays."""
    bits = np.ascontiguousarray(x).view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16).astype(np.uint32)
    return np.where(np.isnan(x), x, rounded.view(np.float32).reshape(x.shape))


def eighths(x: Array, axis: int, steps: int) -> tuple[Array, Array]:
    """q and the scale of each lane, as kernels/rounding.h has them."""
    n, zero = np.float32(steps), np.float32(0)
    below = -np.minimum(x.min(axis, initial=0), zero)
    above = np.maximum(x.max(axis, initial=0), zero)
    if steps == 254:
        below = above = np.maximum(below, above)
    scale = (above + below) / n
    factor = np.divide(n, above + below, out=np.zeros_like(scale), where=scale > 0)
    low = np.expand_dims(-np.round(below * factor), axis)
    q = np.clip(np.round(x * np.expand_dims(factor, axis)), low, low + n)
    return q.astype(np.int64), scale


def in_8_bits(a: Array, b: Array, bias: Array | None) -> Array:
    """The whole numbers exactly, added in float32 for each 256 k's, then scaled and biased."""
    (p, by_row), (q, by_column) = eighths(a, 1, 255), eighths(b, 0, 254)
    total = np.zeros((len(a), b.shape[1]), np.float32)
    for k in range(0, a.shape[1], 256):
        total = total + (p[:, k : k + 256] @ q[k : k + 256]).astype(np.float32)
    return by_row[:, None] * by_column * total + (np.float32(0) if bias is None else bias)


def layouts(x: Array) -> dict[str, Array]:
    apart = np.repeat(np.repeat(x, 2, 0), 2, 1)[::2, ::2]
    return {"rows": x, "columns": np.asfortranarray(x), "apart": apart}


def drawn(m: int, n: int, k: int) -> tuple[Array, Array, Array, Array]:
    rng = np.random.default_rng(m + 10 * n + 100 * k)
    a, b = rng.normal(size=(m, k)).astype("f4"), rng.normal(size=(k, n)).astype("f4")
    a[:, ::3] = np.abs(a[:, ::3]) * 1e-3
    return a, b, rng.normal(size=n).astype("f4"), rng.normal(size=(m, n)).astype("f4")


@pytest.mark.every(8)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bf16_is_the_product_of_rounded_operands(
    shape: tuple[int, int, int], product_isa: str
) -> None:
    a, b, bias, y = drawn(*shape)
    for last, (activation, derivative, biased) in LAST.items():
        rest = bias if biased else None, y if derivative else None
        want = product(brain(a), brain(b), *rest, activation, derivative)
        for how, left in layouts(a).items():
            for other, right in layouts(b).items():
                got = product(left, right, *rest, activation, derivative, BF16)
                assert got.tobytes() == want.tobytes(), (last, how, other)


@pytest.mark.every(5)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_int8_has_the_bits_of_whole_numbers(shape: tuple[int, int, int], product_isa: str) -> None:
    a, b, bias, y = drawn(*shape)
    want = in_8_bits(a, b, bias)
    for how, left in layouts(a).items():
        for other, right in layouts(b).items():
            got = product(left, right, bias, None, 0, 0, INT8)
            assert got.tobytes() == want.tobytes(), (how, other)
    assert np.array_equal(product(a, b, bias, None, 1, 0, INT8), np.maximum(want, 0))
    assert np.array_equal(product(a, b, bias, y, 0, 1, INT8), np.where(y > 0, want, 0))
    got = product(a, b, bias, None, 3, 0, INT8)
    np.testing.assert_allclose(got, np.tanh(want), rtol=1e-6, atol=1e-7)
    assert np.array_equal(product(a, b, None, None, 0, 0, INT8), in_8_bits(a, b, None))


@pytest.mark.every(5)
@pytest.mark.parametrize("precision", [BF16, INT8])
def test_every_table_gives_the_same_bits(precision: int, product_isa: str) -> None:
    for shape in SHAPES:
        a, b, bias, _ = drawn(*shape)
        got = product(a, b, bias, None, 1, 0, precision)
        engine.set_isa("scalar")
        assert product(a, b, bias, None, 1, 0, precision).tobytes() == got.tobytes(), shape
        engine.set_isa(product_isa)


@pytest.mark.parametrize("precision", [BF16, INT8])
def test_neither_threads_nor_rows_decide_bits(precision: int, product_isa: str) -> None:
    a, b, bias, _ = drawn(300, 200, 600)
    want = product(a, b, bias, None, 1, 0, precision, threads=1)
    for threads in (2, 3):
        again = product(a, b, bias, None, 1, 0, precision, threads=threads)
        assert again.tobytes() == want.tobytes()
    for i, j in ((0, 1), (17, 40), (299, 300)):
        part = product(a[i:j], b[:, 100:], bias[100:], None, 1, 0, precision)
        assert part.tobytes() == want[i:j, 100:].tobytes()


@pytest.mark.parametrize("precision", [0, BF16, INT8])
def test_float64_is_not_rounded(precision: int, product_isa: str) -> None:
    a, b, bias, _ = (x.astype("f8") for x in drawn(20, 40, 30))
    want = product(a, b, bias, None, 1, 0)
    assert product(a, b, bias, None, 1, 0, precision).tobytes() == want.tobytes()


WILD = {
    "overflow when rounded": (3.4e38, 1.0), "overflow of the product": (1e30, 1e30),
    "tiny": (1e-38, 1.0), "denormal": (1e-41, 1e10), "vanishing": (1e-30, -1e-20),
    "inf": (np.inf, 2.0), "inf by 0": (np.inf, 0.0), "nan": (np.nan, 1.0), "-0": (-0.0, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("case", WILD)
@pytest.mark.parametrize("k", [1, 2, 3, 258])
def test_bf16_at_the_ends_of_the_range(case: str, k: int, product_isa: str) -> None:
    """As float32 of the same table: denormals are 0, and a bias of -0 stays by -0."""
    a, b = np.ones((3, k), "f4"), np.ones((k, 40), "f4")
    a[1, -1], b[-1, 3] = WILD[case]
    a[2], b[:, 5], bias = -0.0, 0.0, np.full(40, -0.0, "f4")
    want = product(brain(a), brain(b), bias, None, 0, 0)
    got = product(a, b, bias, None, 0, 0, BF16)
    assert np.array_equal(got, want, equal_nan=True)
    assert np.array_equal(np.signbit(got), np.signbit(want) | np.isnan(want) & np.signbit(got))


@pytest.mark.parametrize("wild", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("layout", ["rows", "columns", "apart"])
def test_what_is_not_finite_stays_in_its_row_and_column(
    wild: float, layout: str, product_isa: str
) -> None:
    a, b, bias, _ = drawn(20, 50, 300)
    want = product(a, b, bias, None, 0, 0, INT8)
    a[4, 299], b[0, 7] = wild, wild
    got = product(layouts(a)[layout], layouts(b)[layout], bias, None, 0, 0, INT8)
    gone = (np.arange(20) == 4)[:, None] | (np.arange(50) == 7)
    assert np.isnan(got[gone]).all() and np.array_equal(got[~gone], want[~gone])


def test_lanes_without_a_range(product_isa: str) -> None:
    """Rows and columns of 0, or of so little that the scale is 0, give the bias."""
    a, b, bias, _ = drawn(16, 40, 20)
    a[3], a[4], b[:, 6], b[:, 7] = 0, 1e-39, 0, -1e-38
    got = product(a, b, bias, None, 0, 0, INT8)
    assert np.array_equal(got[3:5], np.tile(bias, (2, 1)))
    assert np.array_equal(got[:, 6:8], np.tile(bias[6:8], (16, 1)))


def test_an_error_of_half_a_step(product_isa: str) -> None:
    """Of each operand: the bound that follows, and it is of use."""
    a, b, _, _ = drawn(60, 50, 300)
    error = np.abs(product(a, b, None, None, 0, 0, INT8) - a.astype("f8") @ b)
    (_, by_row), (_, by_column) = eighths(a, 1, 255), eighths(b, 0, 254)
    half, other = 0.51 * by_row[:, None], 0.51 * by_column
    bound = half * np.abs(b).sum(0) + np.abs(a).sum(1)[:, None] * other + 300 * half * other
    assert (error <= bound).all()
    assert error.max() < 0.03 * np.abs(a.astype("f8") @ b).max()

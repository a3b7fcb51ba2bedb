"""Large products, whose loops and packing are others than those of small ones: the same bits."""

import numpy as np
import pytest

from fastnn._core import engine

MATMUL = engine.OPS["matmul"]
SHAPES = [(169, 400, 500), (331, 517, 463), (200, 700, 449), (702, 257, 901)]


def product(out, a, b, bias, y, activation, derivative):
    engine.call(MATMUL, (out, a, b, bias, y), (), (activation, derivative))


@pytest.mark.every(8)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("order", ["x w", "x' dz", "dz w'", "apart"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("last", ["bias relu", "tanh", "relu grad", "nothing"])
def test_a_large_product_has_the_bits_of_its_parts(shape, order, dtype, last):
    """Each part is a product of few rows and columns, which is done in another order."""
    m, k, n = shape
    rng = np.random.default_rng(0)
    a = rng.normal(size=(k, m) if order == "x' dz" else (m, k)).astype(dtype)
    b = rng.normal(size=(n, k) if order == "dz w'" else (k, n)).astype(dtype)
    a, b = a.T if order == "x' dz" else a, b.T if order == "dz w'" else b
    if order == "apart":
        a, b = np.repeat(a, 2, axis=1)[:, ::2], np.repeat(b, 2, axis=1)[:, ::2]
    bias = rng.normal(size=n).astype(dtype) if last == "bias relu" else None
    y = rng.normal(size=(m, n)).astype(dtype) if last == "relu grad" else None
    attrs = {"bias relu": (1, 0), "tanh": (3, 0), "relu grad": (0, 1), "nothing": (0, 0)}[last]
    out, parts = np.empty((2, m, n), dtype)
    product(out, a, b, bias, y, *attrs)
    for i in range(0, m, 100):
        for j in range(0, n, 64):
            rows, columns = slice(i, min(i + 100, m)), slice(j, min(j + 64, n))
            part = np.empty(parts[rows, columns].shape, dtype)
            product(part, a[rows], b[:, columns], None if bias is None else bias[columns],
                    None if y is None else y[rows, columns], *attrs)  # fmt: skip
            parts[rows, columns] = part
    assert np.array_equal(out, parts)
    wanted = a.astype("f8") @ b.astype("f8")
    if last == "nothing":
        np.testing.assert_allclose(out, wanted, atol=1e-3 if dtype == "f4" else 1e-12)

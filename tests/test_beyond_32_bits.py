"""R12: arrays of more than 2^31 elements, of zero pages, which take no memory until written.

What counts lies beyond the 2^31st element, where a 32-bit index would not reach.
"""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn.tensor import of_array

pytestmark = pytest.mark.slow
N = 2**31 + 9


@pytest.fixture(scope="module")
def long() -> np.ndarray:
    """Zeros, and 1, 2, 3 at the end."""
    x = np.zeros(N, np.float32)
    x[-3:] = 1, 2, 3
    return x


def test_sum(long: np.ndarray) -> None:
    assert fastnn.sum(of_array(long)).item() == 6


def test_max_and_its_place(long: np.ndarray) -> None:
    assert fastnn.max(of_array(long)).item() == 3
    assert fastnn.argmax(of_array(long)).item() == N - 1


def test_dot(long: np.ndarray) -> None:
    assert fastnn.dot(of_array(long), of_array(long)).item() == 14


def test_rows_are_taken_from_the_end(long: np.ndarray) -> None:
    rows = of_array(long[1:].reshape(-1, 8))
    assert fastnn.index_select(rows, 0, fastnn.tensor([len(rows) - 1])).numpy()[0, -1] == 3


def test_an_elementwise_op_of_bytes() -> None:
    """bool, for the result is as long."""
    flags = np.zeros(N, bool)
    flags[-1] = True
    out = fastnn.logical_not(of_array(flags))
    assert not out.numpy()[-1] and out.numpy()[-2] and out.numpy()[0]


def test_product_of_long_rows(long: np.ndarray) -> None:
    row = of_array(long[None])
    assert (row @ row.T).item() == 14


def test_a_layer_over_more_rows_than_fit_32_bits(long: np.ndarray) -> None:
    """2^31 rows of one column; the mean of a loss over them."""
    prediction, target = of_array(long), of_array(np.broadcast_to(np.float32(0), N))
    total = fastnn.nn.functional.mse_loss(prediction, target, reduction="sum")
    assert total.item() == 14

"""Calls that the C door refuses before a kernel runs: operands that are missing or do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from fastnn._core import engine

Shape = tuple[int, ...] | None
RELU = 1  # enum fnn_activation
FIT: dict[str, Shape] = {"out": (3, 4), "a": (3, 2), "b": (2, 4), "bias": (4,), "y": (3, 4)}
MISSING, MATRICES = "an array is missing", "expected matrices"
BIAS, Y = "bias does not fit", "y does not fit"
PRODUCTS: tuple[tuple[dict[str, Shape], str], ...] = (
    ({"out": None}, MISSING),
    ({"a": None}, MISSING),
    ({"b": None}, MISSING),
    ({"out": (12,)}, MATRICES),
    ({"out": (3, 4, 1)}, MATRICES),
    ({"a": (6,)}, MATRICES),
    ({"b": (8,)}, MATRICES),
    ({"out": (2, 4)}, "shapes do not fit"),
    ({"out": (3, 5)}, "shapes do not fit"),
    ({"b": (3, 4)}, "shapes do not fit"),
    ({"bias": (1, 4)}, BIAS),
    ({"bias": (3,)}, BIAS),
    ({"y": (4,)}, Y),
    ({"y": (2, 4)}, Y),
    ({"y": (3, 5)}, Y),
    ({"y": None}, "y is missing"),
)


@pytest.mark.parametrize("change, message", PRODUCTS)
def test_operands_of_a_product(change: dict[str, Shape], message: str, real: str) -> None:
    """Of whatever fits apart from one operand; nothing is written."""
    shapes = {**FIT, **change}
    arrays = {n: None if s is None else np.ones(s, real) for n, s in shapes.items()}
    with pytest.raises(ValueError, match=message):
        engine.call(engine.OPS["matmul"], tuple(arrays.values()), (), (0, RELU, 0))
    if (out := arrays["out"]) is not None:
        assert (out == 1).all()


@pytest.mark.parametrize("which", ("out", "y"))
def test_rows_of_a_product_are_contiguous(which: str, real: str) -> None:
    """Those of the result, and those of the y that a derivative is of."""
    arrays = {n: np.ones(s, real) for n, s in FIT.items() if s is not None}
    arrays[which] = np.ones((3, 8), real)[:, ::2]
    with pytest.raises(ValueError, match="out and y need unit stride along a row"):
        engine.call(engine.OPS["matmul"], tuple(arrays.values()), (), (0, RELU, 0))


def test_axes_that_do_not_merge(real: str) -> None:
    """Six of them are too many: every second element along each axis of 64 elements."""
    x = np.ones((4,) * 9, real)[(slice(None, None, 2),) * 9]
    with pytest.raises(ValueError, match="axes that do not merge"):
        engine.call(engine.OPS["copy"], (np.empty((2,) * 9, real), x), (), ())


@pytest.mark.parametrize("label", (-1, 5, 2**31, 2**32 + 1, 2**63 - 1, -(2**63)))
@pytest.mark.parametrize("rows, classes", ((1, 5), (40, 5), (3, 80)))
def test_a_label_that_nobody_checked(
    label: int, rows: int, classes: int, isa: str, real: str
) -> None:
    """Is followed nowhere: its row's loss and gradient are nan, those of the others as before."""
    label = classes if label == 5 else label
    y = np.arange(rows) % classes
    z = np.random.default_rng(0).normal(size=(rows, classes)).astype(real)
    found = []
    for labels in (y, np.r_[label, y[1:]]):
        loss, dz = np.empty(rows, real), np.empty((rows, classes), real)
        engine.call(
            engine.OPS["softmax_cross_entropy"], (loss, dz, z, labels), (rows, classes), (0,), 1
        )
        found.append((loss, dz))
    for right, wrong in zip(*found, strict=True):
        assert np.isfinite(right).all() and np.isnan(wrong[0]).all()
        assert (wrong[1:] == right[1:]).all()

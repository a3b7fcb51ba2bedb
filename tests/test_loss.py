"""Losses: the values of golden.json, and what they refuse."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import numpy as np
import pytest

from fastnn import nn
from fastnn.nn import functional as F
from fastnn.tensor import Tensor, of_array

GOLDEN = json.loads((pathlib.Path(__file__).parent / "golden.json").read_text())


def t(values: Any, dtype: Any = np.float64, grad: bool = False) -> Tensor:
    return of_array(np.array(values, dtype), requires_grad=grad)


def classes(values: Any) -> Tensor:
    return t(values, np.int64)


def logit(p: Any) -> np.ndarray:
    return np.log(np.array(p)) - np.log1p(-np.array(p))


def test_cross_entropy() -> None:
    want = GOLDEN["ce_logits"]
    z, y = t(want["x"]), classes(want["y"])
    assert nn.CrossEntropyLoss()(z, y).item() == pytest.approx(want["mean"], rel=1e-12)
    assert nn.CrossEntropyLoss(reduction="sum")(z, y).item() == pytest.approx(want["sum"])
    each = F.cross_entropy(z, y, reduction="none")
    assert each.numpy().tolist() == pytest.approx(want["each"])
    one_hot = t([[0, 1, 0], [0, 0, 1]])
    assert F.cross_entropy(z, one_hot).item() == pytest.approx(want["mean"], rel=1e-12)
    single = F.cross_entropy(t(want["x"][0]), classes(1), reduction="none")
    assert single.shape == () and single.item() == pytest.approx(want["each"][0])
    single = F.cross_entropy(t(want["x"][0]), t([0, 1, 0]))
    assert single.shape == () and single.item() == pytest.approx(want["each"][0])


def test_cross_entropy_of_tables() -> None:
    one = GOLDEN["ce_one_hot"]
    got = F.cross_entropy(t([np.log(one["p"])]), t([one["y"]]))
    assert got.item() == pytest.approx(one["loss"], rel=1e-12)
    table = GOLDEN["nll_table"]
    z, y = t(np.log(table["P"])), classes(np.array(table["labels_1based"]) - 1)
    assert F.cross_entropy(z, y, reduction="none").numpy() == pytest.approx(table["nll"])
    assert F.cross_entropy(z, y).item() == pytest.approx(table["mean"], rel=1e-12)
    assert F.cross_entropy(z, y, reduction="sum").item() == pytest.approx(table["sum"])


@pytest.mark.parametrize("name", ["bce", "bce_three", "bce_multilabel"])
def test_bce(name: str) -> None:
    want = GOLDEN[name]
    z, y = t(logit(want["p"]), grad=True), t(want["y"])
    loss = nn.BCEWithLogitsLoss()(z, y)
    assert loss.item() == pytest.approx(want["mean"], rel=1e-12)
    if "each" in want:
        each = nn.BCEWithLogitsLoss(reduction="none")(z, y)
        assert each.detach().numpy() == pytest.approx(want["each"])
        total = nn.BCEWithLogitsLoss(reduction="sum")(z, y)
        assert total.item() == pytest.approx(want["sum"])
    if "grad_mean" in want:  # by p; by z it is that times p(1-p)
        loss.backward()
        p = np.array(want["p"])
        assert z.grad is not None
        assert z.grad.numpy() == pytest.approx(np.array(want["grad_mean"]) * p * (1 - p))


def test_bce_of_any_target() -> None:
    """max(z, 0) - z*y + log(1 + exp(-|z|)) for y outside 0..1 too, as torch."""
    z, y = np.array([1.0, -2.0]), np.array([2.0, -0.5])
    want = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
    each = F.binary_cross_entropy_with_logits(t(z), t(y), reduction="none")
    assert each.numpy() == pytest.approx(want, rel=1e-12)


def test_mse() -> None:
    want = GOLDEN["mse"]
    p, y = t(want["p"], grad=True), t(want["y"])
    loss = nn.MSELoss()(p, y)
    assert loss.item() == pytest.approx(want["mean"], rel=1e-12)
    assert nn.MSELoss(reduction="sum")(p, y).item() == pytest.approx(want["sum"])
    loss.backward()
    assert p.grad is not None and p.grad.numpy() == pytest.approx(want["grad"])
    assert F.mse_loss(p, y, reduction="none").shape == (3,)


Z = t([[0.2, 0.6, 0.2], [0.1, 0.8, 0.1]])
BAD_LOSSES: dict[str, tuple[Any, type[Exception], str]] = {
    "class": (
        lambda: F.cross_entropy(Z, classes([0, 3])),
        ValueError,
        "expected integer classes in 0..2, got 3 at row 1",
    ),
    "negative": (
        lambda: F.cross_entropy(Z, classes([-1, 0])),
        ValueError,
        "expected integer classes in 0..2, got -1 at row 0",
    ),
    "2**63-1": (
        lambda: F.cross_entropy(Z, classes([0, 2**63 - 1])),
        ValueError,
        "got 9223372036854775807 at row 1",
    ),
    "bool": (lambda: F.cross_entropy(Z, t([True, False], bool)), TypeError, "got bool"),
    "length": (
        lambda: F.cross_entropy(Z, classes([0])),
        ValueError,
        "target: expected shape (2,) like input's rows, got (1,)",
    ),
    "column": (lambda: F.cross_entropy(Z, classes([[0], [1]])), ValueError, "got (2, 1)"),
    "floats": (lambda: F.cross_entropy(Z, t([0.0, 1.0])), ValueError, "expected shape (2, 3)"),
    "3-d": (lambda: F.cross_entropy(t([[[0.0]]]), classes([0])), ValueError, "shape (1, 1)"),
    "0-d": (lambda: F.cross_entropy(t(0.0), classes(0)), ValueError, "(rows, classes)"),
    "answers": (
        lambda: F.binary_cross_entropy(t([0.5]), t([1.5])),
        ValueError,
        "target: expected numbers in 0..1",
    ),
    "weights": (
        lambda: F.mse_loss(t([0.5]), t([1.5]), weight=t([1.0, 2.0])),
        ValueError,
        "weight: expected shape (1,)",
    ),
    "int logits": (lambda: F.cross_entropy(classes([[0, 1]]), classes([0])), TypeError, "int64"),
    "bce shape": (
        lambda: F.binary_cross_entropy_with_logits(t([[1.0]]), t([1.0])),
        ValueError,
        "target: expected shape (1, 1) like input, got (1,); nothing is broadcast here",
    ),
    "mse shape": (
        lambda: F.mse_loss(t([[1.0], [2.0]]), t([1.0, 2.0])),
        ValueError,
        "target: expected shape (2, 1) like input, got (2,)",
    ),
    "bce dtype": (
        lambda: F.binary_cross_entropy(t([1.0]), t([1.0], np.float32)),
        TypeError,
        "target: expected dtype float64 like input, got float32",
    ),
    "array": (lambda: F.mse_loss(t([1.0]), np.ones(1)), TypeError, "target: expected a Tensor"),
    "reduction": (
        lambda: nn.MSELoss(reduction="avg"),  # type: ignore[arg-type]
        ValueError,
        "reduction: expected one of 'none', 'mean', 'sum', got 'avg'",
    ),
}


@pytest.mark.parametrize("case", BAD_LOSSES)
def test_bad_losses(case: str) -> None:
    call, error, message = BAD_LOSSES[case]
    with pytest.raises(error, match=re.escape(message)):
        call()

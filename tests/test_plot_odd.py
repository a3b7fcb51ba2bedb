"""Plots of odd data: a picture, or an error that says what to do."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
import pytest

from fastnn import nn, plot

matplotlib.use("Agg")
NAN = float("nan")


def ticks(ax: Any) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


# True and predicted classes without names: those that are shown.
NAMELESS: dict[str, tuple[Any, Any, list[str]]] = {
    "indices": ([0, 2, 1], [0, 2, 2], ["0", "1", "2"]),
    "one class": ([0, 0], [0, 0], ["0"]),
    "one row": ([1], [0], ["0", "1"]),
    "only predicted": ([0, 0], [0, 3], ["0", "1", "2", "3"]),
    "labels": (["no", "yes"], ["yes", "maybe"], ["maybe", "no", "yes"]),
    "an array of labels": (np.array(["b", "a"]), np.array(["b", "b"], object), ["a", "b"]),
    "booleans": (np.array([True, False]), np.array([True, True]), ["0", "1"]),
    "whole floats": ([0.0, 1.0], [1.0, 1.0], ["0", "1"]),
}


@pytest.mark.every(5)
@pytest.mark.parametrize("name", NAMELESS)
def test_a_confusion_matrix_needs_no_names(name: str) -> None:
    true, predicted, names = NAMELESS[name]
    ax = plot.confusion_matrix(true, predicted)
    assert ticks(ax) == names
    counts = sum(int(text.get_text()) for text in ax.texts)
    assert counts == len(true)
    ax.figure.savefig(io.BytesIO())


def test_labels_take_the_order_of_the_names() -> None:
    ax = plot.confusion_matrix(["b", "a", "a"], ["b", "b", "a"], ["b", "a"])
    assert ticks(ax) == ["b", "a"]
    cells = {(text.get_position()): text.get_text() for text in ax.texts}
    assert cells == {(0, 0): "1", (0, 1): "1", (1, 1): "1"}  # (predicted, true)


def test_importance_takes_a_dict() -> None:
    assert ticks(plot.importance({"low": 0.1, "high": 0.5, "negative": -0.2})) == [
        "negative", "low", "high",
    ]  # fmt: skip
    assert ticks(plot.importance({"a": 0.1, "b": 0.5}, ["x", "y"])) == ["x", "y"]


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no rows": (lambda: plot.confusion_matrix([], []), "y_true: expected a row at least"),
    "scores": (
        lambda: plot.confusion_matrix([0, 1], [0.2, 0.7]),
        r"y_pred: expected class indices, got 0.2; of scores take argmax\(1\)",
    ),
    "nan": (lambda: plot.confusion_matrix([0, NAN], [0, 1]), "y_true: expected class indices"),
    "unknown label": (
        lambda: plot.confusion_matrix(["a"], ["b"], ["a", "c"]),
        r"y_pred: expected labels among \['a', 'c'\], got 'b'",
    ),
    "fewer": (lambda: plot.confusion_matrix([0, 1], [0, 1, 1]), "y_pred: expected 2 classes"),
    "nan in the truth": (
        lambda: plot.predicted_against_true([1, NAN], [1, 2]),
        "y_true: expected finite numbers, one at least, got nan at row 1",
    ),
    "inf in predictions": (
        lambda: plot.predicted_against_true([1, 2], [np.inf, 2]),
        "y_pred: expected finite numbers, one at least, got inf at row 0",
    ),
    "texts": (lambda: plot.predicted_against_true(["a"], [1]), "y_true: expected finite numbers"),
    "no values": (lambda: plot.predicted_against_true([], []), "one at least, got none"),
    "no epochs": (lambda: plot.learning_curves({}), "history: expected what fit returned"),
    "a list": (lambda: plot.learning_curves([1.0]), "history: expected what fit returned"),
    "no columns": (lambda: plot.importance([]), "values: expected a number at least, got none"),
    "no probability": (
        lambda: plot.calibration([0, 1], [0.5, NAN]), "expected probabilities in 0..1, got nan",
    ),
    "labels of a boundary": (
        lambda: plot.decision_boundary(nn.Linear(2, 2), np.eye(2, dtype="f"), ["a", "b"]),
        "np.unique",
    ),
    "a class of activations": (
        lambda: plot.activations(nn.ReLU), r"got the class ReLU; call it, ReLU\(\)",
    ),
    "a class of losses": (
        lambda: plot.losses(nn.MSELoss), r"got the class MSELoss; call it, MSELoss\(\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_drawn_is_said(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=words):
        call()


def test_losses_say_what_they_show() -> None:
    assert plot.losses(nn.MSELoss()).get_ylabel() == "loss"

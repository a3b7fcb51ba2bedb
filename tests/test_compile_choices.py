"""Choices that a replay makes by its inputs' values, and settings that a step may not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
import fastnn.nn.functional as F
from fastnn import nn, optim
from fastnn.tensor import Tensor

WEIGHT = fastnn.tensor([0.5, 2.0, 1.25])
LABELS = [[0, 2, 1, 1], [0, -100, 1, 2], [2, 1, 0, 0], [-100, -100, 1, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight": WEIGHT},
        {"label_smoothing": 0.1},
        {"ignore_index": 1},
        {"ignore_index": 7},
        {"reduction": "none"},
        {"weight": WEIGHT, "label_smoothing": 0.2, "reduction": "sum"},
    ],
    ids=str,
)
def test_cross_entropy_with_and_without_ignored_rows(options: dict[str, Any], first: int) -> None:
    """Compiled it is the eager one bit for bit, whichever batch was recorded."""
    z = fastnn.tensor(np.random.default_rng(0).normal(size=(4, 3)), dtype=fastnn.float32)
    ignored = options.get("ignore_index", -100)

    def step(y: Tensor) -> list[Tensor]:
        logits = z.clone().requires_grad_()
        loss = F.cross_entropy(logits, y, **options)
        loss.sum().backward()
        assert logits.grad is not None
        return [loss, logits.grad]

    compiled = fastnn.compile(step)
    for _ in range(2):
        for labels in LABELS[first:]:
            y = fastnn.tensor([ignored if label == -100 else label for label in labels])
            want = [t.detach().numpy().tobytes() for t in step(y)]
            assert [t.numpy().tobytes() for t in compiled(y)] == want
    with pytest.raises(ValueError, match="got 3"):
        compiled(fastnn.tensor([0, 1, 3, 2]))
    with pytest.raises(ValueError, match="got -5"):
        compiled(fastnn.tensor([0, 1, -5, ignored]))


def test_ignored_rows_that_the_program_makes() -> None:
    z = fastnn.tensor(np.random.default_rng(0).normal(size=(4, 3)), dtype=fastnn.float32)
    step = lambda y, keep: F.cross_entropy(z, fastnn.where(keep, y, -100), weight=WEIGHT)  # noqa: E731
    compiled, y = fastnn.compile(step), fastnn.tensor([0, 1, 2, 1])
    for keep in ([1, 1, 1, 1], [1, 0, 1, 0], [0, 1, 1, 1]):
        mask = fastnn.tensor(np.array(keep, bool))
        assert compiled(y, mask).item() == step(y, mask).item()
    with pytest.raises(IndexError, match=r"test_compile_choices.py:\d+"):
        compiled(y + 1, mask)


@pytest.mark.parametrize("how", ["assigned", "a function", "update"])
def test_a_setting_assigned_inside_is_refused(how: str) -> None:
    """It would be assigned while recording alone; outside it takes effect."""
    layer = nn.Linear(2, 1)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)

    def halve() -> None:
        for group in optimizer.param_groups:
            group["lr"] *= 0.5

    def step(x: Tensor) -> Tensor:
        if how == "assigned":
            optimizer.param_groups[0]["lr"] = 0.5
        elif how == "update":
            optimizer.param_groups[0].update(lr=0.5)
        else:
            halve()
        optimizer.zero_grad()
        loss = layer(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    before = layer.weight.tolist()
    with pytest.raises(
        fastnn.RecordingError, match=r"test_compile_choices.py:\d+: .*'lr'.* set it outside"
    ):
        fastnn.compile(step)(fastnn.ones(1, 2))
    assert layer.weight.tolist() == before and optimizer.param_groups[0]["lr"] == 0.1
    halve()
    assert optimizer.param_groups[0]["lr"] == 0.05

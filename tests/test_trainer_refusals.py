"""What a Trainer refuses that other libraries take: each error says how it is given here."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cases.feeds import BATCH, CLASSES, KINDS, VALUES, TwoInputs, X

import fastnn
from fastnn import nn, optim
from fastnn.tensor import Tensor
from fastnn.utils.data import DataLoader, TensorDataset


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.classes, self.value = nn.Linear(5, 3), nn.Linear(5, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.classes(x), self.value(x)


class Plain(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(5, 3))


def trainer_of(kind: type[nn.Module], loss: Any) -> fastnn.Trainer:
    fastnn.manual_seed(3)
    model = kind()
    return fastnn.Trainer(model, loss, optim.Adam(model.parameters(), lr=0.01))


def bits(model: nn.Module) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in model.parameters()]


LOADER = DataLoader(TensorDataset(fastnn.tensor(X), fastnn.tensor(CLASSES)), batch_size=BATCH)
ODD: dict[str, tuple[type[nn.Module], Any, Any, Any, str]] = {
    "a list of inputs": (
        TwoInputs,
        "cross_entropy",
        [X, KINDS],
        CLASSES,
        "x: expected an array, or for several inputs a tuple of arrays, got a list of 2",
    ),
    "a dict of inputs": (
        TwoInputs,
        "cross_entropy",
        {"x": X, "kinds": KINDS},
        CLASSES,
        "x: expected an array, or for several inputs a tuple of arrays, got a dict of 2",
    ),
    "a loader and targets": (
        Plain,
        "cross_entropy",
        LOADER,
        CLASSES,
        "y: expected none with x as DataLoader, whose batches have it",
    ),
    "one loss of two outputs": (
        TwoHeads,
        "mse",
        X,
        (CLASSES, VALUES),
        "loss: the model gives 2 outputs; expected a loss for each, such as ['mse', 'mse']",
    ),
    "one loss and target of two outputs": (
        TwoHeads,
        nn.CrossEntropyLoss(),
        X,
        CLASSES,
        "loss: the model gives 2 outputs; expected a loss for each",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_what_other_libraries_take_is_refused_with_the_way_here(case: str) -> None:
    kind, loss, x, y, message = ODD[case]
    trainer = trainer_of(kind, loss)
    with pytest.raises(TypeError, match=re.escape(message)):
        trainer.fit(x, y, epochs=1, verbose=0)
    with pytest.raises(TypeError, match=re.escape(message)):
        trainer.evaluate(x, y)


def test_a_list_of_rows_stays_a_list_of_rows() -> None:
    trainer, other = trainer_of(Plain, "cross_entropy"), trainer_of(Plain, "cross_entropy")
    trainer.fit([*X], [*CLASSES], epochs=1, verbose=0, shuffle=False)
    other.fit(X, CLASSES, epochs=1, verbose=0, shuffle=False)
    assert bits(trainer.model) == bits(other.model)

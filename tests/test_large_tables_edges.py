"""Large tables: labels and weights that do not suit, steps in Python, what reads ahead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpi_ranks import Alone

import fastnn
from fastnn import nn, optim
from fastnn.io import open_table
from fastnn.optim import lr_scheduler
from fastnn.train.stream.ahead import _Reading, _Stopped
from fastnn.train.validation import Rows
from fastnn.train.whole_batches import WholeBatches

pytestmark = pytest.mark.filterwarnings("ignore:(fit|evaluate).* runs in Python:UserWarning")
RNG = np.random.default_rng(6)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 60)
W = RNG.random(60).astype(np.float32)


class Counting(nn.Module):
    """Its steps run in Python, as it counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.calls = nn.Linear(4, 3), 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.inner(x)


def trainer_of(kind: Callable[[], nn.Module] = lambda: nn.Linear(4, 3), **options: Any) -> Any:
    fastnn.manual_seed(1)
    model = kind()
    return fastnn.Trainer(
        model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), **options
    )


def bits(trainer: Any) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in trainer.model.parameters()]


def changed(array: Any, row: int, value: Any) -> Any:
    found = array.copy()
    found[row] = value
    return found


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("kind", [Counting, lambda: nn.Linear(4, 3)])
def test_schedules_by_step(kind: Callable[[], nn.Module], accumulate: int) -> None:
    """Of programs and of steps in Python the bits are those of arrays."""
    found = []
    for x in (open_table(X, Y), X):
        trainer = trainer_of(kind)
        scheduler = lr_scheduler.OneCycleLR(trainer.optimizer, 0.5, 40, cycle_momentum=False)
        history = trainer.fit(
            x, None if x is not X else Y, epochs=2, batch_size=8, shuffle=False, verbose=0,
            scheduler=scheduler, schedule="step", accumulate_steps=accumulate,
        )  # fmt: skip
        found.append((bits(trainer), history.history, scheduler.last_epoch))
    assert found[0] == found[1]


def test_an_evaluation_in_python() -> None:
    trainer = trainer_of(Counting)
    want = trainer.evaluate(X, Y, metrics=["accuracy"])
    assert trainer.evaluate(open_table(X, Y), metrics=["accuracy"]) == want


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "label": (lambda: trainer_of().fit(open_table(X, changed(Y, 57, 3)), batch_size=4, verbose=0),
              r"y: expected integer classes in 0\.\.2, got 3 at row 57"),
    "weight": (lambda: trainer_of().fit(
        open_table(X, Y, sample_weight=changed(W, 50, -1.0)), batch_size=4, verbose=0),
        "sample_weight: expected numbers >= 0, got -1"),
    "no rows": (lambda: trainer_of().predict(open_table(X[:0])), "x: expected at least one row"),
    "ranks": (lambda: trainer_of(comm=Alone(), reproducible=True).fit(open_table(X, Y), verbose=0),
              r"x: expected arrays, as ranks train together \(comm\), got an open_table"),
}  # fmt: skip


@pytest.mark.parametrize("rows", [8, 4096])
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among the first rows, which the model is tried on, and behind them."""
    monkeypatch.setattr("fastnn.train.stream.stream.EVALUATION_ROWS", rows)
    function, text = REFUSED[name]
    with pytest.raises(ValueError, match=text):
        function()


def test_weights_that_change_while_it_trains() -> None:
    """They were looked at before; a wrong one is named when it is read."""
    weight = W.copy()

    def change(epoch: int, logs: Any) -> None:
        weight[50] = -1.0

    table = open_table(X, Y, sample_weight=weight)
    with pytest.raises(ValueError, match=r"sample_weight: expected numbers >= 0, got -1 at row 50"):
        trainer_of().fit(table, epochs=3, batch_size=8, callbacks=[change], verbose=0)


class Of:
    """What reads windows, until it is told that nobody waits."""

    def __init__(self) -> None:
        self.calls = 0

    def _read(self, reading: Any) -> Any:
        self.calls += 1
        if self.calls == 3:
            while True:
                reading.look()
        return f"window {self.calls}"


def test_a_window_that_is_read_ahead() -> None:
    """A forked child has no thread, and reads anew; one that is stopped ends."""
    of: Any = Of()
    first = _Reading(of, None, 0, ())  # type: ignore[arg-type]
    assert first.result() == "window 1" == first.result()
    first._window = None  # as in a child of the time before it was there
    assert first.result() == "window 2"
    second = _Reading(of, None, 0, ())  # type: ignore[arg-type]
    second.stop()
    with pytest.raises(_Stopped):
        second.result()


def test_whole_batches_are_a_program() -> None:
    model = Counting()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(RuntimeError, match=r"the step does not compile: .*changes self.calls"):
        WholeBatches(model, nn.CrossEntropyLoss(), optimizer, Rows(X, Y), 8)


def test_sums_of_another_number_of_figures() -> None:
    """As of a checkpoint of another loss."""
    model = nn.Linear(4, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    whole = WholeBatches(model, nn.CrossEntropyLoss(), optimizer, Rows(X, Y), 8)
    with pytest.raises(ValueError, match=r"sums: expected shape \(1,\), got \(3,\)"):
        whole._loop.start(0, 1, None, 1, np.zeros(3))

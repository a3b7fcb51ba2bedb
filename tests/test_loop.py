"""The training loop in C: hyperparameters that change per step, and where it resumes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from test_compile import bits, data, mlp

import fastnn
from fastnn import nn, optim
from fastnn.train import Trainer, batch_order
from fastnn.train.loop import Loop
from fastnn.train.update import Update
from fastnn.train.validation import Rows

ROWS, BATCH, EPOCHS = 50, 8, 3
STEPS = EPOCHS * 7


def model_and_data() -> tuple[Any, Any, Any]:
    ((x, y),) = data("float32", 1, ROWS, 6, 3, "classes")
    return mlp("float32", [6, 40, 3]), x.numpy(), y.numpy()


def loop_of(trainer: Trainer, x: Any, y: Any) -> Any:
    steps = trainer._steps(trainer.model, trainer.loss)
    return steps.training(Rows(x, y), BATCH, True, trainer.seed, {}, Update())


def rates() -> np.ndarray[Any, np.dtype[np.float64]]:
    """The numbers of Adam at each step: enum fnn_hyper, with beta1, beta2 and eps at last."""
    table = np.tile([0.0, 0, 0, 1, 0, 0.9, 0.999, 1e-8], (STEPS, 1))
    table[:, 0] = np.linspace(0.1, 0.001, STEPS)
    table[:, 5] = np.linspace(0.8, 0.95, STEPS)
    return table


def eager() -> list[bytes]:
    model, x, y = model_and_data()
    optimizer = optim.Adam(model.parameters())
    loss, table = nn.CrossEntropyLoss(), iter(rates())
    for epoch in range(EPOCHS):
        order = batch_order(ROWS, 7, epoch)
        for begin in range(0, ROWS, BATCH):
            rows = order[begin : begin + BATCH]
            lr, *_, beta1, beta2, _ = next(table)
            optimizer.param_groups[0].update(lr=lr, betas=(beta1, beta2))
            optimizer.zero_grad()
            loss(model(fastnn.tensor(x[rows])), fastnn.tensor(y[rows])).backward()
            optimizer.step()
    return bits(list(model.parameters()))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("parts", [1, 3])
def test_rates_are_set_before_each_step(threads: int, parts: int) -> None:
    """All epochs in one start, or one start for each."""
    model, x, y = model_and_data()
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    trainer.seed = 7
    loop = loop_of(trainer, x, y)
    segment = trainer.optimizer._blocks[0][0].segments[0]
    each = EPOCHS // parts
    for part in range(parts):
        table = rates()[part * each * 7 : (part + 1) * each * 7]
        loop.start(part * each, (part + 1) * each, [(segment.hyper._array, table)])
        loop._loop.run(-1.0, threads)
        assert loop.done == each * 7
    assert bits(list(model.parameters())) == eager()


def test_a_table_of_another_length_is_refused() -> None:
    model, x, y = model_and_data()
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    loop = loop_of(trainer, x, y)
    for shape in ((STEPS - 1, 5), (STEPS, 7), (STEPS, 0)):
        with pytest.raises(ValueError, match="a row for each step"):
            loop.start(0, EPOCHS, [(np.zeros(6), np.zeros(shape))])


@pytest.mark.parametrize("at", [1, 6, 7])
def test_it_goes_on_in_the_middle(at: int) -> None:
    """At a step of an epoch, with the figures of the steps before."""
    found = []
    for split in (False, True):
        model, x, y = model_and_data()
        trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
        loop = loop_of(trainer, x, y)
        loop.start(0, 2)
        if split:
            for _ in range(at):
                loop._loop.run(0.0)
            assert (loop.epoch, loop.step) == divmod(at, 7)
            kept = loop.sums[loop.epoch].copy()
            earlier = loop.sums[: loop.epoch].copy()
            loop = loop_of(trainer, x, y)
            loop.start(at // 7, 2, step=at % 7, sums=kept)
            loop._loop.run(-1.0)
            found.append([*earlier.ravel(), *loop.sums.ravel(), bits(list(model.parameters()))])
        else:
            loop._loop.run(-1.0)
            found.append([*loop.sums.ravel(), bits(list(model.parameters()))])
    assert found[0] == found[1]


@pytest.mark.every(5)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 16, 19, 23, 24, 25, 33])
def test_rows_of_every_width_are_gathered_whole(width: int, dtype: str) -> None:
    """In random order, as by eager steps; short rows are copied in another way than long ones."""
    rng = np.random.default_rng(width)
    x, y = rng.standard_normal((2, ROWS, width)).astype(dtype)
    fastnn.manual_seed(0)
    model = nn.Linear(width, width, dtype=dtype)
    other = copy.deepcopy(model)
    trainer = Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
    trainer.fit(x, y, epochs=1, batch_size=BATCH, verbose=0)
    order, optimizer = batch_order(ROWS, trainer.seed, 0), optim.SGD(other.parameters(), lr=0.1)
    for begin in range(0, ROWS, BATCH):
        rows = order[begin : begin + BATCH]
        optimizer.zero_grad()
        nn.MSELoss()(other(fastnn.tensor(x[rows])), fastnn.tensor(y[rows])).backward()
        optimizer.step()
    assert bits(list(model.parameters())) == bits(list(other.parameters()))


@pytest.mark.parametrize(
    ("order", "first", "said"),
    [
        ([*range(41, 49)], 0, "order: expected rows of 48"),
        ([*range(-1, 7)], 0, "order: expected rows of 48"),
        ([0] * 7, 0, "window: expected the rows of the next steps"),
        ([0] * 8, 1, "window: expected the rows of the next steps"),
    ],
)
def test_a_window_lies_in_its_sources(order: list[int], first: int, said: str) -> None:
    """And has the rows of the steps before the pause; one that does not is not run."""
    model, x, y = model_and_data()
    x, y = x[:48], y[:48]
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    known = loop_of(trainer, x, y)

    def never(part: int) -> Any:
        raise AssertionError(part)

    def start() -> Any:
        recordings = [*known.recordings, None, None]
        loop = Loop(recordings, never, (x, y), BATCH, np.zeros(1, np.int64), False, 0, 1,
                    6, 48)  # fmt: skip
        loop.start(0, 1)
        return loop

    whole = start()
    whole._loop.window([x, y], np.arange(40, 48), 0, 1)
    whole.run(1)
    assert whole.done == 1
    refused = start()
    before = bits(list(model.parameters()))
    with pytest.raises(ValueError, match=said):
        refused._loop.window([x, y], np.array(order), first, 1)
    refused.run(1)
    assert refused.done == 0 and bits(list(model.parameters())) == before

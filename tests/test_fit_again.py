"""A fit like the last one: it asks little of Python, and notices whatever has changed.

The yardstick is a trainer that keeps nothing of its last fits.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 4)).astype(np.float32)
CLASSES, NUMBERS = RNG.integers(0, 3, 24), RNG.normal(size=24).astype(np.float32)
LOSSES: dict[str, tuple[Callable[[], Any], int, Any]] = {
    "cross-entropy": (nn.CrossEntropyLoss, 3, CLASSES),
    "mse of a column": (nn.MSELoss, 1, NUMBERS),
    "mse": (nn.MSELoss, 3, RNG.normal(size=(24, 3)).astype(np.float32)),
    "bce": (nn.BCEWithLogitsLoss, 1, (NUMBERS > 0).astype(np.float32)),
    "own, of classes": (lambda: lambda z, y: nn.functional.cross_entropy(z, y), 3, CLASSES),
    "margin, of lists": (nn.MultiLabelMarginLoss, 3, np.tile([0, 2, -1], (24, 1))),
}


def made(loss: str = "cross-entropy", optimizer: Any = optim.Adam) -> fastnn.Trainer:
    fastnn.manual_seed(0)
    function, outputs, _ = LOSSES[loss]
    model = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.2), nn.Tanh(), nn.Linear(5, outputs))
    return fastnn.Trainer(model, function(), optimizer(model.parameters(), lr=0.1))


def state(trainer: fastnn.Trainer) -> list[Any]:
    weights = [p.tolist() for p in trainer.model.parameters()]
    return [trainer.history.history, trainer.history.epoch, trainer.seed, weights]


@contextmanager
def functions_called() -> Iterator[list[str]]:
    """The names of the Python functions that are called within."""
    found: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            found.append(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


def compared(
    change: Callable[[fastnn.Trainer, int], dict[str, Any] | None],
    loss: str = "cross-entropy",
    **options: Any,
) -> fastnn.Trainer:
    """Compare five fits with those of a trainer that keeps nothing; `change` is called before
    each, with its number, and gives arguments that differ in it."""
    found: list[list[Any]] = []
    for keeps in (True, False):
        trainer, states = made(loss), []
        for i in range(5):
            given = {"x": X, "y": LOSSES[loss][2], "batch_size": 8, "verbose": 0, **options}
            given |= change(trainer, i) or {}
            if not keeps:
                trainer._again._kept.clear()
            try:
                trainer.fit(**given)
            except (ValueError, TypeError, RuntimeError, FloatingPointError) as error:
                states.append([type(error), str(error)])
            states.append(state(trainer))
        found.append(states)
    assert found[0] == found[1]
    return trainer


@pytest.mark.every(5)
@pytest.mark.parametrize("batch", [24, 8, 10])  # one step; several; a smaller last one
@pytest.mark.parametrize("loss", LOSSES)
def test_fits_again_are_fits(loss: str, batch: int) -> None:
    compared(lambda trainer, i: {"epochs": 1 + i % 2}, loss, batch_size=batch)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_fit_again_asks_little_of_python(loss: str) -> None:
    """235 us of Python were some 900 functions."""
    trainer, y = made(loss), LOSSES[loss][2]
    for _ in range(2):
        trainer.fit(X, y, batch_size=8, verbose=0)
    most = 100 if loss in ("bce", "margin, of lists", "own, of classes") else 78  # y is checked
    with functions_called() as called:
        trainer.fit(X, y, batch_size=8, verbose=0)
    assert len(called) <= most, called
    trainer.partial_fit(X, y)
    with functions_called() as called:
        trainer.partial_fit(X, y)
    assert len(called) <= most, called


def _double(module: Any, inputs: Any, output: Any) -> Any:
    return output * 2


CHANGES: dict[str, Callable[[fastnn.Trainer], Any]] = {
    "lr": lambda t: t.optimizer.param_groups[0].update(lr=0.01),
    "lr by item": lambda t: t.optimizer.param_groups[0].__setitem__("lr", 0.3),
    "weight_decay": lambda t: t.optimizer.param_groups[0].update(weight_decay=0.1),
    "eval": lambda t: t.model.eval(),
    "eval of a part": lambda t: t.model[1].eval(),
    "rate of dropout": lambda t: setattr(t.model[1], "p", 0.7),
    "frozen": lambda t: t.model[0].requires_grad_(False),
    "frozen, one": lambda t: setattr(t.model[3].bias, "requires_grad", False),
    "a layer": lambda t: t.model.__setitem__(2, nn.ReLU()),
    "a weight": lambda t: setattr(t.model[0], "bias", nn.Parameter(np.ones(5, np.float32))),
    "data of a weight": lambda t: setattr(t.model[0].bias, "data", fastnn.ones(5)),
    "a weight in place": lambda t: t.model[0].bias.detach().fill_(0.5),
    "a hook": lambda t: t.model[0].register_forward_hook(_double),
    "forward": lambda t: setattr(t.model[2], "forward", lambda x: x * 3),
    "the loss": lambda t: setattr(t, "loss", nn.CrossEntropyLoss(label_smoothing=0.1)),
    "setting of the loss": lambda t: setattr(t.loss, "label_smoothing", 0.2),
    "ignore_index": lambda t: setattr(t.loss, "ignore_index", 1),
    "the optimizer": lambda t: setattr(t, "optimizer", optim.SGD(t.model.parameters(), lr=0.2)),
    "a group": lambda t: t.optimizer.add_param_group(
        {"params": [nn.Parameter(np.ones(2, np.float32))], "lr": 1.0}
    ),
    "state of the optimizer": lambda t: t.optimizer.load_state_dict(t.optimizer.state_dict()),
    "gradients": lambda t: t.model(fastnn.tensor(X)).sum().backward(),
    "float64": lambda t: t.model.double(),
    "seed": lambda t: fastnn.manual_seed(7),
    "a weight that is not read": lambda t: t.model.register_parameter(
        "extra", nn.Parameter(np.ones(2, np.float32))
    ),
}


@pytest.mark.every(8)
@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("at", [1, 3])  # after the first fit, after fits again
def test_what_changes_between_fits_is_noticed(name: str, at: int) -> None:
    def change(trainer: fastnn.Trainer, i: int) -> None:
        if i == at:
            CHANGES[name](trainer)

    compared(change)


ARGUMENTS: dict[str, dict[str, Any]] = {
    "batch": {"batch_size": 5},
    "no shuffle": {"shuffle": False},
    "metrics": {"metrics": ["accuracy"]},
    "a metric over all rows": {"metrics": ["f1"]},
    "validation": {"validation_split": 0.25},
    "weights": {"sample_weight": np.arange(24.0)},
    "class weights": {"class_weight": "balanced"},
    "callback": {"callbacks": [lambda epoch, logs: True], "epochs": 3},
    "clip": {"clip_norm": 0.01},
    "accumulate": {"accumulate_steps": 2},
    "epochs": {"epochs": 4},
    "no epochs": {"epochs": 0},
    "epochs True": {"epochs": True},
    "batch of none": {"batch_size": 0},
    "verbose 7": {"verbose": 7},
    "nan": {"x": np.where(np.arange(96).reshape(24, 4) == 50, np.nan, X)},
    "inf, float32": {"x": np.where(np.arange(96).reshape(24, 4) == 50, np.float32(np.inf), X)},
    "float64": {"x": X.astype(np.float64)},
    "lists": {"x": X.tolist(), "y": CLASSES.tolist()},
    "a tensor": {"x": fastnn.tensor(X), "y": fastnn.tensor(CLASSES)},
    "not packed": {"x": np.asfortranarray(X), "y": np.repeat(CLASSES, 2)[::2]},
    "a masked array": {"x": np.ma.masked_array(X, X > 1)},
    "bytes in another order": {"x": X.astype(">f4")},
    "read-only": {"x": np.frombuffer(X.tobytes(), np.float32).reshape(24, 4)},
    "int32": {"y": CLASSES.astype(np.int32)},
    "other values": {"x": -X, "y": 2 - CLASSES},
    "a class too many": {"y": np.where(np.arange(24) == 7, 3, CLASSES)},
    "a negative class": {"y": np.where(np.arange(24) == 7, -1, CLASSES)},
    "an ignored row": {"y": np.where(np.arange(24) == 7, -100, CLASSES)},
    "fewer rows": {"x": X[:9], "y": CLASSES[:9]},
    "other features": {"x": X[:, :3]},
    "fewer targets": {"y": CLASSES[:9]},
    "none": {"y": None},
    "huge": {"x": X * np.float32(1e38)},
}


@pytest.mark.every(8)
@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("at", [1, 3])
def test_other_arguments_are_noticed(name: str, at: int) -> None:
    compared(lambda trainer, i: ARGUMENTS[name] if i == at else None)


@pytest.mark.parametrize("loss", ["bce", "margin, of lists", "mse of a column"])
def test_targets_are_checked_again(loss: str) -> None:
    wrong = LOSSES[loss][2].copy()
    wrong[3] = 7 if wrong.dtype.kind == "i" else np.nan
    compared(lambda trainer, i: {"y": wrong} if i == 3 else None, loss)


def test_a_loss_that_becomes_infinite_is_found_again() -> None:
    trainer = made("mse", optim.SGD)
    y = LOSSES["mse"][2]
    for _ in range(3):
        trainer.fit(X, y, batch_size=8, verbose=0)
    before = state(trainer)[-1]
    with pytest.raises(FloatingPointError, match=r"epoch 0, step 0; .*the loss itself"):
        trainer.fit(X, y * np.float32(1e30), batch_size=8, verbose=0)
    assert state(trainer)[-1] == before
    trainer.fit(X, y, batch_size=8, verbose=0)


def test_weights_that_are_not_finite_are_found_again() -> None:
    trainer = made("mse", optim.SGD)
    y = LOSSES["mse"][2]
    for _ in range(3):
        trainer.fit(X, y, batch_size=24, verbose=0)
    trainer.optimizer.param_groups[0]["lr"] = 3e38
    with pytest.raises(FloatingPointError, match="infinite weights after the last step"):
        trainer.fit(X, y * np.float32(1e3), batch_size=24, verbose=0)


def test_metrics_given_anew_are_the_same() -> None:
    trainer = made()
    for _ in range(2):
        trainer.fit(X, CLASSES, metrics=["accuracy"], clip_norm=float("1.5"), verbose=0)
    with functions_called() as called:
        history = trainer.fit(X, CLASSES, metrics=["accuracy"], clip_norm=float("1.5"), verbose=0)
    assert "accuracy" in history.history and "Session.again" in called
    assert "accuracy" in trainer.evaluate(X, CLASSES)


def test_data_are_not_kept() -> None:
    trainer, x, y = made(), X.copy(), CLASSES.copy()
    for _ in range(3):
        before = sys.getrefcount(x), sys.getrefcount(y), sys.getrefcount(trainer)
        trainer.fit(x, y, verbose=0)
        gc.collect()
        assert (sys.getrefcount(x), sys.getrefcount(y), sys.getrefcount(trainer)) == before


def test_only_so_many_are_kept_and_none_in_copies() -> None:
    import copy

    trainer = made()
    for n in range(10, 20):
        trainer.fit(X[:n], CLASSES[:n], verbose=0)
    assert len(trainer._again._kept) <= 4
    assert not copy.deepcopy(trainer)._again._kept


def test_a_fit_within_a_fit_is_refused_again() -> None:
    trainer = made()
    for _ in range(3):
        trainer.fit(X, CLASSES, verbose=0)
    with pytest.raises(RuntimeError, match="fitting already"):
        trainer.fit(
            X, CLASSES, verbose=0, callbacks=[lambda *_: trainer.fit(X, CLASSES, verbose=0)]
        )


def test_what_a_loss_reads_is_never_stale() -> None:
    scale = [1.0]
    trainer = made()
    trainer.loss = lambda z, y: nn.functional.cross_entropy(z, y) * scale[0]
    losses = []
    for factor in (1.0, 1.0, 1.0, 2.0, 2.0, 2.0):
        scale[0] = factor
        trainer.optimizer.param_groups[0]["lr"] = 0.0
        trainer.model[1].p = 0.0
        losses.append(trainer.fit(X, CLASSES, shuffle=False, verbose=0).history["loss"][0])
    assert losses[0] == losses[1] == losses[2]
    assert losses[3] == losses[4] == losses[5] == pytest.approx(2 * losses[0], rel=1e-6)

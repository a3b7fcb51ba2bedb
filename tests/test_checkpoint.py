"""Trainer.fit(checkpoint=...): a training that is broken off goes on with the bits of one that is
not (R18)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure_resume
import numpy as np
import pytest
from cases.schedules import BY_STEP, SCHEDULES
from test_trainer import BATCH, CLASSES, ROWS, X, fields

import fastnn
from fastnn import callbacks, nn, optim
from fastnn.io import FormatError
from fastnn.optim import lr_scheduler
from fastnn.train import loop

EPOCHS = 6
Options = dict[str, Any]


class Breaks(callbacks.Callback):
    """Ends the training by Ctrl-C: before an epoch, after it, or where a step has been reached."""

    def __init__(self, where: str, epoch: int) -> None:
        self.where, self.epoch = where, epoch

    def _at(self, where: str, epoch: int) -> None:
        if (where, epoch) == (self.where, self.epoch):
            raise KeyboardInterrupt

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._at("begin", epoch)

    def on_progress(self, epoch: int, step: int) -> None:
        self._at("progress", epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._at("end", epoch)


def adam(parameters: Any) -> tuple[Any, Options]:
    return optim.Adam(parameters, lr=0.05), {}


def by_step(parameters: Any) -> tuple[Any, Options]:
    optimizer = optim.SGD(parameters, lr=0.1, momentum=0.9)
    cycle = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=200)
    return optimizer, {"scheduler": cycle, "schedule": "step", "accumulate_steps": 2}


def plateau(parameters: Any) -> tuple[Any, Options]:
    optimizer = optim.RMSprop(parameters, lr=0.01, momentum=0.5, centered=True)
    given = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=10.0)
    return optimizer, {"scheduler": given, "validation_split": 0.2, "metrics": ["accuracy"]}


def stopping(parameters: Any) -> tuple[Any, Options]:
    early = callbacks.EarlyStopping(patience=3, min_delta=0.01)
    slower = callbacks.ReduceLROnPlateau(patience=1, min_delta=10.0)
    given: Options = {"callbacks": [early, slower], "validation_data": (X, CLASSES)}
    return optim.Adam(parameters, lr=0.05), {**given, "class_weight": {1: 2.0}, "batch_size": 7}


SETUPS: dict[str, Callable[[Any], tuple[Any, Options]]] = {
    "adam": adam, "by step": by_step, "plateau": plateau, "stopping": stopping,
}  # fmt: skip


def start(
    setup: str, path: Path | None, breaks: Breaks | None = None, **more: Any
) -> tuple[fastnn.Trainer, Callable[[], Any]]:
    """A new trainer, as a script makes it, and its fit."""
    fastnn.manual_seed(3)
    layers = nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)
    model = nn.Sequential(*layers)
    optimizer, options = SETUPS[setup](model.parameters())
    given = {"epochs": EPOCHS, "batch_size": BATCH, "verbose": 0, "checkpoint": path, **options}
    given["callbacks"] = [*given.get("callbacks", ()), breaks or Breaks("never", -1)]
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer)
    return trainer, lambda: trainer.fit(X, CLASSES, **{**given, **more})


def everything(trainer: fastnn.Trainer) -> dict[str, Any]:
    buffers = [b.numpy().tobytes() for b in trainer.model.buffers()]
    own = {k: v for k, v in fields(trainer).items() if k != "grads"}
    drawn = fastnn.random.get_rng_state().tolist()
    return {**own, "buffers": buffers, "drawn": drawn, "history": vars(trainer.history)}


@functools.cache
def unbroken(setup: str, **more: Any) -> dict[str, Any]:
    trainer, fit = start(setup, None, **more)
    fit()
    return everything(trainer)


def broken(setup: str, path: Path, breaks: Breaks, **more: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        start(setup, path, breaks, **more)[1]()


@pytest.fixture
def short_chunks(monkeypatch: Any) -> None:
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 0.0)  # a step each


@pytest.mark.every(8)
@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("every", ["epoch", 0, 1e9])
@pytest.mark.parametrize("where", ["begin", "progress", "end"])
@pytest.mark.parametrize("setup", SETUPS)
def test_it_goes_on_bit_for_bit(setup: str, where: str, every: Any, tmp_path: Path) -> None:
    path = tmp_path / "fit"
    more = {"checkpoint_every": every}
    broken(setup, path, Breaks(where, 1), **more)
    broken(setup, path, Breaks("begin", 2), **more)  # and once more
    trainer, fit = start(setup, path, **more)
    fit()
    assert everything(trainer) == unbroken(setup)
    assert [p.name for p in tmp_path.iterdir()] == ["fit"]


@pytest.mark.usefixtures("short_chunks")
def test_it_goes_on_where_it_stood(tmp_path: Path) -> None:
    path = tmp_path / "fit"
    broken("by step", path, Breaks("progress", 2))
    state = fastnn.load(path)
    assert (state["epoch"], state["step"]) == (2, 1)


@pytest.mark.every(8)
@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("name", BY_STEP)
def test_every_schedule_goes_on(name: str, tmp_path: Path) -> None:
    def fit(path: Path | None, breaks: Breaks) -> Any:
        trainer, _ = start("adam", None)
        groups = [{"params": [p]} for p in trainer.model.parameters()]
        trainer.optimizer = optim.SGD(groups[:2], 0.1, momentum=0.9)
        schedule = SCHEDULES[name].make(lr_scheduler, trainer.optimizer)
        options: Options = {"scheduler": schedule, "schedule": "step", "callbacks": [breaks]}
        trainer.fit(X, CLASSES, epochs=3, batch_size=4, verbose=0, checkpoint=path,
                    checkpoint_every=1e9, **options)  # fmt: skip
        return everything(trainer)

    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "fit", Breaks("progress", 1))
    assert fit(tmp_path / "fit", Breaks("never", 1)) == fit(None, Breaks("never", 1))


@pytest.mark.parametrize("where", ["begin", "start", "end"])
def test_callbacks_are_told_of_an_epoch_once(where: str, tmp_path: Path, monkeypatch: Any) -> None:
    """Ctrl-C before the first step of epoch 2, in a callback and after it, and at its end."""

    def fit(breaks: Breaks) -> Any:
        halved = callbacks.LearningRateScheduler(lambda epoch, lr: lr / 2)
        given = {"callbacks": [halved, breaks], "checkpoint_every": 1e9}
        return start("adam", tmp_path / "fit", **given)[1]()

    run = loop.Loop.run

    def interrupted(self: loop.Loop) -> bool:
        if self.epoch == 2:
            raise KeyboardInterrupt
        return run(self)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop.Loop, "run", interrupted if where == "start" else run)
        fit(Breaks(where, 2))
    assert fit(Breaks("never", 2)).history["lr"] == [0.05 / 2**e for e in range(1, EPOCHS + 1)]


@pytest.mark.long
def test_kill_9(tmp_path: Path) -> None:
    """`python tests/measure_resume.py 200` does more of this."""
    assert all(kill.same for kill in measure_resume.measure(2, threads=2, spread=0))


def test_a_finished_training_trains_no_more(tmp_path: Path) -> None:
    path = tmp_path / "fit"
    start("stopping", path)[1]()
    first = path.read_bytes()
    trainer, fit = start("stopping", path)
    fit()
    assert everything(trainer) == unbroken("stopping") and path.read_bytes() == first
    # More epochs than it had go on, unless somebody had stopped it.
    assert len(start("stopping", path, epochs=9)[1]().epoch) == len(trainer.history.epoch)
    start("adam", tmp_path / "more", epochs=2)[1]()
    trainer, fit = start("adam", tmp_path / "more")
    fit()
    assert everything(trainer) == unbroken("adam")


def test_begin_anew(tmp_path: Path) -> None:
    path = tmp_path / "fit"
    broken("adam", path, Breaks("end", 3))
    trainer, fit = start("adam", path, resume=False)
    assert fit().epoch == list(range(EPOCHS)) and everything(trainer) == unbroken("adam")


OTHER: dict[str, Options] = {
    "data": {"sample_weight": np.ones(ROWS)},
    "batch_size": {"batch_size": 5},
    "shuffle": {"shuffle": False},
    "metrics": {"metrics": ["accuracy"]},
    "update": {"clip_norm": 1.0},
    "validation_split": {"validation_split": 0.2},
    "list of callbacks": {"callbacks": [callbacks.TimeBudget(9)]},
}


def change(trainer: fastnn.Trainer, what: str) -> Options:
    if what == "model":
        trainer.model[3].p = 0.25
    elif what == "loss":
        trainer.loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    elif what == "optimizer":
        trainer.optimizer = optim.NAdam(trainer.model.parameters())
    elif what == "scheduler":
        return {"scheduler": lr_scheduler.StepLR(trainer.optimizer, 2)}
    return OTHER.get(what, {})


@pytest.mark.every(5)
@pytest.mark.parametrize("what", [*OTHER, "model", "loss", "optimizer", "scheduler"])
def test_of_another_fit(what: str, tmp_path: Path) -> None:
    path = tmp_path / "fit"
    given: Options = {"checkpoint": path, "epochs": 1, "batch_size": BATCH, "verbose": 0}
    start("adam", None)[0].fit(X, CLASSES, **given)
    kept = path.read_bytes()
    trainer, _ = start("adam", None)
    options = change(trainer, what)
    before = everything(trainer)
    with pytest.raises(ValueError, match=f"^checkpoint: .* another {what}: .*resume=False"):
        trainer.fit(X, CLASSES, **{**given, **options})
    assert everything(trainer) == before and path.read_bytes() == kept


def drop(state: dict[str, Any]) -> None:
    del state["sums"]


def add(state: dict[str, Any]) -> None:
    state["more"] = 1


FORGED: dict[str, Callable[[dict[str, Any]], object]] = {
    "version": lambda state: state.update(fit=99),
    "missing": drop,
    "more": add,
    "kind": lambda state: state.update(step="1"),
    "place": lambda state: state.update(step=10**12),
    "before": lambda state: state.update(epoch=-1),
    "tensor": lambda state: state["model"].pop("0.weight"),
    "shape": lambda state: state["model"].update({"0.bias": np.zeros(7, "f")}),
    "moments": lambda state: state["optimizer"]["state"][0].update(exp_avg=np.zeros(3, "f")),
}


@pytest.mark.parametrize("what", ["scheduler", "callbacks", "random", "gradients"])
def test_a_state_of_something_else(what: str, tmp_path: Path) -> None:
    path = tmp_path / "fit"
    setup = "stopping" if what == "callbacks" else "by step"
    broken(setup, path, Breaks("end", 1))
    state = fastnn.load(path)
    other: dict[str, Any] = {
        "scheduler": {"step_size": 2}, "callbacks": [{}, {}, {}], "random": np.zeros(3, np.uint8),
        "gradients": [],
    }  # fmt: skip
    fastnn.save({**state, what: other[what]}, path)
    with pytest.raises(FormatError, match=r"^checkpoint: .*: a state that does not fit: "):
        start(setup, path)[1]()


@pytest.mark.every(5)
@pytest.mark.parametrize("content", [b"", b"no safetensors", "model", "state", "cut", *FORGED])
def test_a_file_of_something_else(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "fit"
    trainer, fit = start("adam", path)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "model":
        fastnn.save(nn.Sequential(nn.Linear(2, 1)), path)
    elif content == "state":
        fastnn.save(trainer.model.state_dict(), path)
    else:
        broken("adam", path, Breaks("end", 1))
        state = fastnn.load(path)
        FORGED.get(content, lambda state: None)(state)
        fastnn.save(state, path)
        path.write_bytes(path.read_bytes()[: -1 if content == "cut" else None])
        trainer, fit = start("adam", path)
    before = everything(trainer)
    with pytest.raises(FormatError):
        fit()
    assert everything(trainer) == before


def test_weights_that_are_nan_are_not_written(tmp_path: Path) -> None:
    path, kept = tmp_path / "fit", []

    def spoil(epoch: int, logs: Any) -> None:
        if epoch == 2:
            kept.append(path.read_bytes())
            trainer.model[0].weight.data[0, 0] = np.nan

    trainer, fit = start("adam", path, callbacks=[spoil])
    with pytest.raises(FloatingPointError, match=r"^0\.weight: has nan"):
        fit()
    assert path.read_bytes() == kept[0] and fastnn.load(path)["epoch"] == 2


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    trainer, fit = start("adam", tmp_path / "no" / "folder")
    before = everything(trainer)["weights"]
    with pytest.raises(FileNotFoundError, match=r"/no'$"):
        fit()
    assert everything(trainer)["weights"] == before


def test_a_log_goes_on_too(tmp_path: Path) -> None:
    def log(name: str, breaks: Breaks) -> Callable[[], Any]:
        logger = callbacks.CSVLogger(tmp_path / f"{name}.csv")
        return start("plateau", tmp_path / name, callbacks=[logger, breaks])[1]

    log("whole", Breaks("never", 0))()
    with pytest.raises(KeyboardInterrupt):
        log("parts", Breaks("end", 2))()
    with open(tmp_path / "parts.csv", "a") as file:
        file.write("what came after the checkpoint")
    log("parts", Breaks("never", 0))()
    assert (tmp_path / "parts.csv").read_text() == (tmp_path / "whole.csv").read_text()

"""A fit that raises ValueError, TypeError or OSError leaves everything bit for bit as it was."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import callbacks, metrics, nn, optim
from fastnn.optim import lr_scheduler
from fastnn.utils.data import DataLoader, TensorDataset

ROWS = 23
rng = np.random.default_rng(0)
X = rng.normal(size=(ROWS, 3)).astype(np.float32)
CLASSES = np.arange(ROWS) % 3
VALUES = rng.normal(size=(ROWS, 1)).astype(np.float32)


def put(x: np.ndarray, value: Any, row: int = -1) -> np.ndarray:
    found = x.astype(np.result_type(x, type(value)))
    found[row] = value
    return found


class Setup:
    """A trainer that was trained before, with everything that a fit could change."""

    def __init__(self, loss: Any, outputs: int, folder: Path, normed: bool = True) -> None:
        fastnn.manual_seed(3)
        norm = [nn.BatchNorm1d(4)] if normed else []
        self.model = nn.Sequential(
            nn.Linear(3, 4), *norm, nn.Dropout(0.1), nn.ReLU(), nn.Linear(4, outputs)
        )
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.01)
        self.scheduler = lr_scheduler.StepLR(self.optimizer, 2)
        self.trainer = fastnn.Trainer(self.model, loss, self.optimizer)
        self.folder = folder
        self.y = CLASSES if outputs == 3 else VALUES
        self.trainer.fit(X, self.y, epochs=2, batch_size=8, metrics=["mse"] * (outputs == 1),
                         validation_split=0.2, scheduler=self.scheduler, verbose=0)  # fmt: skip

    def state(self) -> dict[str, Any]:
        trainer = self.trainer
        return {
            "model": pickle.dumps([p.detach().numpy() for p in self.model.parameters()]),
            "buffers": pickle.dumps([b.numpy() for b in self.model.buffers()]),
            "modes": [m.training for m in self.model.modules()],
            "gradients": [p.grad is None for p in self.model.parameters()],
            "optimizer": pickle.dumps(self.optimizer.state_dict()),
            "scheduler": pickle.dumps(self.scheduler.state_dict()),
            "generator": fastnn.get_rng_state().numpy().tobytes(),
            "history": (id(trainer.history), json.dumps(trainer.history.history)),
            "rows": pickle.dumps(trainer.validation_rows),
            "rest": (trainer.seed, trainer.stop_training, trainer._asked),
            "files": sorted(path.name for path in self.folder.iterdir()),
        }


Arguments = Callable[[Setup], dict[str, Any]]


def raises(z: Any, y: Any) -> Any:
    raise ValueError("not these")


def loader(x: np.ndarray, y: np.ndarray) -> Any:
    return DataLoader(TensorDataset(fastnn.tensor(x), fastnn.tensor(y)), batch_size=8)


def saved(setup: Setup, change: Callable[[dict[str, Any]], object] = lambda state: None) -> Path:
    """A checkpoint of another fit like this one, changed."""
    path = setup.folder / "state"
    other = Setup(setup.trainer.loss, 3, setup.folder)
    other.trainer.fit(X, CLASSES, checkpoint=path, scheduler=other.scheduler, verbose=0)
    state = fastnn.load(path)
    change(state)
    fastnn.save(state, path, finite=False)
    return path


def forged(*place: Any, value: Any) -> Arguments:
    """The arguments of a fit that finds a checkpoint with another value at a place."""

    def change(state: Any) -> None:
        for key in place[:-1]:
            state = state[key]
        state[place[-1]] = value

    return lambda s: {"checkpoint": saved(s, change), "scheduler": s.scheduler, "epochs": 3}


# What a call is given beside x and y of the set-up; "x" and "y" replace them.
OF_CLASSES: dict[str, Arguments] = {
    "x of text": lambda s: {"x": X.astype(str)},
    "x with nan": lambda s: {"x": put(X, np.nan)},
    "x with inf": lambda s: {"x": put(X, np.inf)},
    "x too large": lambda s: {"x": put(X.astype(float), 1e300)},
    "x of other width": lambda s: {"x": X[:, :2]},
    "x of one axis": lambda s: {"x": X[:, 0]},
    "x without rows": lambda s: {"x": X[:0], "y": CLASSES[:0]},
    "y too large": lambda s: {"y": put(CLASSES, 3)},
    "y negative": lambda s: {"y": put(CLASSES, -1)},
    "y of text": lambda s: {"y": CLASSES.astype(str)},
    "y with nan": lambda s: {"y": put(CLASSES.astype(float), np.nan)},
    "y too short": lambda s: {"y": CLASSES[:-1]},
    "y missing": lambda s: {"y": None},
    "epochs": lambda s: {"epochs": 0},
    "batch_size": lambda s: {"batch_size": 0},
    "one row and BatchNorm": lambda s: {"x": X[:1], "y": CLASSES[:1]},
    "batches of one row": lambda s: {"batch_size": 1},
    "a split that leaves one row": lambda s: {
        "x": X[:3], "y": CLASSES[:3], "validation_split": 0.7
    },
    "shuffle": lambda s: {"shuffle": "yes"},
    "validation of other width": lambda s: {"validation_data": (X[:, :2], CLASSES)},
    "validation of other classes": lambda s: {"validation_data": (X, CLASSES + 5)},
    "validation with nan": lambda s: {"validation_data": (put(X, np.nan), CLASSES)},
    "validation of no pair": lambda s: {"validation_data": X},
    "validation_split": lambda s: {"validation_split": -0.1},
    "weights negative": lambda s: {"sample_weight": -np.ones(ROWS)},
    "weights nan": lambda s: {"sample_weight": put(np.ones(ROWS), np.nan)},
    "class_weight": lambda s: {"class_weight": {0: -1.0}},
    "a metric of numbers": lambda s: {"metrics": ["r2"]},
    "another": lambda s: {"metrics": ["accuracy", "explained_variance"]},
    "of the validation data": lambda s: {
        "metrics": ["max_error"], "validation_data": (X, CLASSES)
    },
    "of a split": lambda s: {"metrics": ["rmse"], "validation_split": 0.2},
    "a mean of numbers": lambda s: {"metrics": ["mae"]},
    "an unknown metric": lambda s: {"metrics": ["acuracy"]},
    "metrics as text": lambda s: {"metrics": "accuracy"},
    "a metric of ours that raises": lambda s: {"metrics": [raises]},
    "callbacks": lambda s: {"callbacks": [3]},
    "a callback of another figure": lambda s: {"callbacks": [callbacks.EarlyStopping("val_x")]},
    "a callback that raises at first": lambda s: {
        "callbacks": [type("Odd", (callbacks.Callback,), {"on_train_begin": raises})()]
    },
    "scheduler": lambda s: {"scheduler": 3},
    "schedule": lambda s: {"scheduler": s.scheduler, "schedule": "year"},
    "monitor": lambda s: {"monitor": "loss"},
    "accumulate_steps": lambda s: {"accumulate_steps": 0},
    "clip_norm": lambda s: {"clip_norm": -1.0},
    "clip_value": lambda s: {"clip_value": "much"},
    "checkpoint in no folder": lambda s: {"checkpoint": s.folder / "no" / "file"},
    "checkpoint ''": lambda s: {"checkpoint": ""},
    "checkpoint with NUL": lambda s: {"checkpoint": "a\0b"},
    "checkpoint is a folder": lambda s: {"checkpoint": s.folder},
    "checkpoint of no file": lambda s: {"checkpoint": "/dev/null/file"},
    "checkpoint_every": lambda s: {"checkpoint": s.folder / "file", "checkpoint_every": -1},
    "checkpoint of another kind": lambda s: {"checkpoint": __file__},
    "resume": lambda s: {"checkpoint": s.folder / "file", "resume": "no"},
    "verbose": lambda s: {"verbose": "loud"},
    "batches of other widths": lambda s: {"x": [(X[:8], CLASSES[:8]), (X[8:, :2], CLASSES[8:])],
                                          "y": None},
    "batches and a split": lambda s: {"x": loader(X, CLASSES), "y": None,
                                      "validation_split": 0.5},
    "another training's state": lambda s: {"checkpoint": saved(s), "batch_size": 5},
    "a state without weights": forged("model", value={}),
    "a state of other weights": forged("model", "0.weight", value=fastnn.ones(2)),
    "a state of nan": forged("model", "0.weight", value=fastnn.full((4, 3), np.nan)),
    "a state of text": forged("optimizer", "state", 0, "exp_avg", value="a"),
    "a state of no numbers": forged("random", value=np.zeros(3, np.uint8)),
    "a state of a far step": forged("step", value=10**9),
    "a state of other sums": forged("sums", value=np.zeros(7)),
    "a state of other schedules": forged("scheduler", "last_epoch", value="a"),
    "a state of more callbacks": forged("callbacks", value=[{}]),
    "a state of other history": forged("history", value={"loss": "a"}),
}  # fmt: skip
OF_NUMBERS: dict[str, Arguments] = {
    "y of other shape": lambda s: {"y": np.ones((ROWS, 2))},
    "y with inf": lambda s: {"y": put(VALUES, np.inf)},
    "class_weight of numbers": lambda s: {"class_weight": "balanced"},
}


@pytest.mark.every(8)
@pytest.mark.parametrize("case", [*OF_CLASSES, *OF_NUMBERS])
def test_everything_is_as_before(case: str, tmp_path: Path) -> None:
    of_classes = case in OF_CLASSES
    loss, outputs = ("cross_entropy", 3) if of_classes else ("mse", 1)
    setup = Setup(loss, outputs, tmp_path)
    given = {"x": X, "y": setup.y, "epochs": 2, "verbose": 0}
    given |= (OF_CLASSES | OF_NUMBERS)[case](setup)
    before = setup.state()
    with pytest.raises((ValueError, TypeError, OSError)) as error:
        setup.trainer.fit(given.pop("x"), given.pop("y"), **given)
    assert setup.state() == before
    assert str(error.value)


@pytest.mark.parametrize("case", ["y too large", "a metric of numbers", "checkpoint ''"])
def test_then_a_fit_is_that_of_a_trainer_which_was_never_asked(case: str, tmp_path: Path) -> None:
    found = []
    for asked in (False, True):
        setup = Setup("cross_entropy", 3, tmp_path)
        if asked:
            given = {"x": X, "y": CLASSES, "verbose": 0} | OF_CLASSES[case](setup)
            with pytest.raises(ValueError):
                setup.trainer.fit(given.pop("x"), given.pop("y"), **given)
        setup.trainer.fit(X, CLASSES, epochs=3, batch_size=8, verbose=0)
        found.append({k: v for k, v in setup.state().items() if k not in ("history", "rows")})
    assert found[0] == found[1]


def test_our_metrics_say_which_does_not_suit() -> None:
    trainer = fastnn.Trainer(model := nn.Linear(3, 3), "cross_entropy",
                             optim.SGD(model.parameters()))  # fmt: skip
    for name in ("r2", "rmse", "mae", "msle"):
        for call in (trainer.fit, trainer.evaluate):
            with pytest.raises(ValueError, match=f"metrics: expected some that suit .*{name}"):
                call(X, CLASSES, metrics=[name])
    own = metrics.WholeSet(raises, "own")
    with pytest.raises(ValueError, match=r"^not these$"):  # what the user's own says is his
        trainer.evaluate(X, CLASSES, metrics=[own])


PATHS: dict[str, tuple[Arguments, type[Exception], str]] = {
    "half a character": (
        lambda s: {"checkpoint": "\ud800"}, ValueError,
        "checkpoint: expected a path that the system can write down, got '.ud800'"),
    "half of one in a log": (
        lambda s: {"callbacks": [callbacks.CSVLogger("\ud800")]}, ValueError, "filename: expected"),
    "resume alone": (lambda s: {"resume": "maybe"}, TypeError, "resume: expected True or False"),
    "resume as a number": (lambda s: {"resume": 2}, TypeError, "resume: expected True or False"),
    "seconds alone": (lambda s: {"checkpoint_every": "year"}, ValueError, "checkpoint_every: "),
    "a folder as log": (
        lambda s: {"callbacks": [callbacks.JSONLogger(s.folder)]}, OSError, "filename: expected"),
    "a folder for weights": (
        lambda s: {"callbacks": [callbacks.ModelCheckpoint(s.folder)]}, OSError, "filepath: expec"),
}  # fmt: skip


@pytest.mark.parametrize("case", PATHS)
def test_arguments_of_files_are_named(case: str, tmp_path: Path) -> None:
    make, kind, text = PATHS[case]
    setup = Setup("cross_entropy", 3, tmp_path)
    setup.trainer.fit(X, CLASSES, verbose=0)
    before = setup.state()
    with pytest.raises(kind, match=text):
        setup.trainer.fit(X, CLASSES, verbose=0, **make(setup))
    assert setup.state() == before


class Odd(nn.Module):
    """A model that has to run in Python at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.calls = nn.Linear(3, 1), 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.linear(x)


class Raises(callbacks.Callback):
    def on_train_begin(self, logs: Any = None) -> None:
        raise OSError("no disk")


LATE: dict[str, Callable[[Path], dict[str, Any]]] = {
    "a callback": lambda folder: {"callbacks": [Raises()]},
    "a log in no folder": lambda folder: {"callbacks": [callbacks.CSVLogger(folder / "no/log")]},
    "weights in no folder": lambda folder: {
        "callbacks": [callbacks.ModelCheckpoint(folder / "no" / "net")]},
    "accumulated": lambda folder: {"callbacks": [Raises()], "accumulate_steps": 2},
    "with a file": lambda folder: {"callbacks": [Raises()], "checkpoint": folder / "state"},
}  # fmt: skip
MAKES: dict[str, Callable[[], nn.Module]] = {"a program": lambda: nn.Linear(3, 1), "in Python": Odd}


@pytest.mark.filterwarnings("ignore:fit. Odd")
@pytest.mark.parametrize("case", LATE)
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("made", MAKES)
def test_gradients_are_as_before(case: str, given: bool, made: str, tmp_path: Path) -> None:
    """Also where a fit is refused after its first step was recorded."""
    model = MAKES[made]()
    trainer = fastnn.Trainer(model, "mse", optim.Adam(model.parameters()))
    kept = [
        fastnn.full(p.shape, 7.0) if given and p.ndim == 2 else None for p in model.parameters()
    ]
    for _ in range(3):  # with nothing known, a known recording, a fit like an earlier one
        for p, gradient in zip(model.parameters(), kept, strict=True):
            p.grad = gradient
        with pytest.raises(OSError):
            trainer.fit(X, VALUES, batch_size=8, verbose=0, **LATE[case](tmp_path))
        for p, gradient in zip(model.parameters(), kept, strict=True):
            assert p.grad is gradient
            assert gradient is None or (gradient == 7).all()
        trainer.fit(X, VALUES, batch_size=8, verbose=0)

"""What goes wrong with large tables: a clear error, everything as before, no thread left behind."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import callbacks, nn, optim
from fastnn.io import FormatError, open_table

ROWS = 400
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32)
Y = np.arange(ROWS) % 3
SMALL: dict[str, Any] = {"memory": "50KB", "window": 40, "block": 5}


def bits_of(model: Any) -> bytes:
    return pickle.dumps(
        [t.detach().numpy().copy() for t in (*model.parameters(), *model.buffers())]
    )


class Setup:
    """A trainer that was trained before, and everything that a fit could change."""

    def __init__(self) -> None:
        fastnn.manual_seed(3)
        self.model = nn.Sequential(
            nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.1), nn.Linear(4, 3)
        )
        self.trainer = fastnn.Trainer(
            self.model, nn.CrossEntropyLoss(), optim.Adam(self.model.parameters(), lr=0.01)
        )
        self.trainer.fit(X[:50], Y[:50], verbose=0)

    def state(self) -> list[Any]:
        trainer = self.trainer
        return [
            bits_of(self.model),
            pickle.dumps(trainer.optimizer.state_dict()),
            fastnn.get_rng_state().numpy().tobytes(),
            id(trainer.history),
            dict(trainer.history.history),
            trainer.seed,
        ]


def no_thread_is_left() -> bool:
    return not any(t.name == "fastnn reads ahead" for t in threading.enumerate())


def changed(array: np.ndarray, row: int, value: Any) -> np.ndarray:
    found = array.copy()
    found[row] = value
    return found


def files(folder: Path, x: np.ndarray = X, cuts: tuple[int, ...] = (0, 90, ROWS)) -> list[str]:
    paths = [str(folder / f"x{i}.npy") for i in range(len(cuts) - 1)]
    for path, begin, end in zip(paths, cuts, cuts[1:], strict=False):
        np.save(path, x[begin:end])
    return paths


def other_width(folder: Path) -> list[str]:
    paths = files(folder)
    np.save(paths[1], np.zeros((ROWS - 90, 4), np.float32))
    return paths


def cut_short(folder: Path) -> list[str]:
    paths = files(folder)
    os.truncate(paths[1], os.path.getsize(paths[1]) - 100)
    return paths


def written(folder: Path, content: bytes) -> str:
    (folder / "bad.npy").write_bytes(content)
    return str(folder / "bad.npy")


Fit = Callable[[Setup, Path], object]


def fit(setup: Setup, *given: Any, **options: Any) -> None:
    table = open_table(*given, **SMALL)
    setup.trainer.fit(table, epochs=3, batch_size=16, verbose=0, **options)


def failing(x: np.ndarray, y: np.ndarray, at: int, error: Exception | None = None) -> Any:
    """Batches that end early, or raise, in the third pass: counted, checked, then trained on."""
    passes = 0

    def make() -> Iterator[Any]:
        nonlocal passes
        passes += 1
        for begin in range(0, ROWS, 20):
            if passes > 5 and begin >= at:
                if error is not None:
                    raise error
                return
            yield x[begin : begin + 20], y[begin : begin + 20]
        if passes > 5 and at > ROWS:
            yield x[:20], y[:20]

    return make


class Cuts(callbacks.Callback):
    """Cuts a file short after an epoch."""

    def __init__(self, path: str) -> None:
        self.path = path

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        os.truncate(self.path, 1000)


def cut_while_reading(setup: Setup, folder: Path) -> None:
    paths = files(folder)
    fit(setup, paths, Y, callbacks=[Cuts(paths[1])])


def made_nan(setup: Setup, folder: Path) -> None:
    x = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float32, X.shape)
    x[:] = X

    def spoil(epoch: int, logs: Any) -> None:
        x[333, 1] = np.nan
        x.flush()

    fit(setup, folder / "x.npy", Y, callbacks=[spoil])


FAULTS: dict[str, tuple[Fit, type[Exception], str]] = {
    "nan": (
        lambda s, at: fit(s, files(at, changed(X, 333, np.nan)), Y), ValueError,
        r"x: expected finite numbers, got nan at row 333, column 0 \(row 243 of .*x1.npy\)",
    ),
    "nan in a later epoch": (made_nan, ValueError, "x: .* got nan at row 333, column 1 .*x.npy"),
    "too large": (
        lambda s, at: fit(s, changed(X.astype(np.float64), 9, 1e300), Y), ValueError,
        "x: expected numbers within float32, got 1e.300 at row 9",
    ),
    "nan target": (
        lambda s, at: fit(s, X, changed(Y.astype(float), 7, np.nan)), ValueError,
        "y: expected finite numbers, got nan at row 7",
    ),
    "a class too many": (
        lambda s, at: fit(s, X, changed(Y, 390, 3)), IndexError,
        "y: expected integer classes in 0..2, got 3 at row 390",
    ),
    "half a class": (
        lambda s, at: fit(s, X, changed(Y.astype(float), 371, 0.5)), IndexError,
        "y: expected integer classes in 0..2, got 0.5 at row 371",
    ),
    "negative weight": (
        lambda s, at: s.trainer.fit(
            open_table(X, Y, sample_weight=changed(np.ones(ROWS), 371, -1), **SMALL), verbose=0
        ),
        ValueError, "sample_weight: expected numbers >= 0, got -1 at row 371",
    ),
    "no weight": (
        lambda s, at: s.trainer.fit(
            open_table(X, Y, sample_weight=np.zeros(ROWS), **SMALL), verbose=0
        ),
        ValueError, "sample_weight: expected at least one weight > 0",
    ),
    "another width": (
        lambda s, at: fit(s, other_width(at), Y), ValueError,
        r"x: expected shards of one width and type, got \(rows, 3\) of float32 in .*x0.npy and "
        r"\(rows, 4\) of float32 in .*x1.npy",
    ),
    "another number of rows": (
        lambda s, at: fit(s, files(at), Y[:-1]), ValueError, "y: expected 400 rows like x, got 399"
    ),
    "cut short": (lambda s, at: fit(s, cut_short(at), Y), ValueError, "x1.npy has .* cut short"),
    "cut short while it is read": (
        cut_while_reading, ValueError, "x1.npy ends within row .* cut short while it was read"
    ),
    "not there": (
        lambda s, at: fit(s, [*files(at), str(at / "no.npy")], Y), FileNotFoundError, "no.npy"
    ),
    "no such files": (
        lambda s, at: fit(s, str(at / "*.npy"), Y), ValueError, "which none matches"
    ),
    "no .npy": (
        lambda s, at: fit(s, written(at, b"rubbish" * 50), Y), ValueError, "bad.npy is no .npy file"
    ),
    "an empty file": (lambda s, at: fit(s, written(at, b""), Y), ValueError, "bad.npy is no .npy"),
    "a folder": (lambda s, at: fit(s, str(at), Y), ValueError, "x: .* no kind of table"),
    "objects": (
        lambda s, at: fit(s, np.full((ROWS, 3), None), Y), TypeError, "x: expected numbers, got obj"
    ),
    "no rows": (lambda s, at: fit(s, X[:0], Y[:0]), ValueError, "x: expected at least one row"),
    "no columns": (lambda s, at: fit(s, X[:, :0], Y), ValueError, "x: expected at least one col"),
    "one axis": (lambda s, at: fit(s, X[:, 0], Y), ValueError, "x: expected 2 dimensions"),
    "no targets": (lambda s, at: fit(s, X), ValueError, "y: expected targets in the table"),
    "targets beside it": (
        lambda s, at: s.trainer.fit(open_table(X, Y), Y), TypeError, "y: expected it in the table"
    ),
    "no batches": (lambda s, at: fit(s, list), ValueError, "x: expected at least one batch"),
    "an iterator": (lambda s, at: fit(s, iter([(X, Y)])), TypeError, "x: an iterator gives its"),
    "batches of two widths": (
        lambda s, at: fit(s, [(X, Y), (X[:, :2], Y)]), ValueError, "expected batches like the first"
    ),
    "ends early": (
        lambda s, at: fit(s, failing(X, Y, 100)), ValueError, "gave 100 rows, where it gave 400"
    ),
    "ends late": (
        lambda s, at: fit(s, failing(X, Y, 999)), ValueError, "gave more than the 400 rows"
    ),
    "raises": (
        lambda s, at: fit(s, failing(X, Y, 200, ZeroDivisionError("on fire"))), ZeroDivisionError,
        "on fire",
    ),
    "raises late": (
        lambda s, at: fit(s, failing(X, Y, 380, KeyError("gone"))), KeyError, "gone"
    ),
    "too little memory": (
        lambda s, at: s.trainer.fit(open_table(X, Y, memory="8KB", window=ROWS), batch_size=400),
        ValueError, "memory: expected at least .* bytes",
    ),
    "a metric of all rows": (
        lambda s, at: fit(s, X, Y, metrics=["f1"]), ValueError, "metrics: 'f1' needs the"
    ),
    "a split of batches": (
        lambda s, at: fit(s, [(X, Y)], validation_split=0.1), ValueError, "validation_split: exp"
    ),
    "validation of another width": (
        lambda s, at: fit(s, X, Y, validation_data=open_table(X[:, :2], Y)), ValueError,
        "validation x: the model does not take shape",
    ),
    "validation with nan": (
        lambda s, at: fit(s, X, Y, validation_data=open_table(changed(X, 7, np.nan), Y)),
        ValueError, "got nan at row 7",
    ),
    "validation with a class too many": (
        lambda s, at: fit(s, X, Y, validation_data=open_table(X, changed(Y, 7, 5))),
        IndexError, "validation y: .* got 5 at row 7",
    ),
    "classes of numbers": (
        lambda s, at: fit(s, X, X[:, :1], class_weight="balanced"), ValueError, "class_weight: exp"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, error, text = FAULTS[name]
    monkeypatch.setattr("fastnn.train.stream.ahead.READ", 100)
    setup = Setup()
    before = setup.state()
    with pytest.raises(error, match=text):
        run(setup, tmp_path)
    assert setup.state() == before
    assert no_thread_is_left()
    setup.trainer.fit(open_table(X, Y, **SMALL), verbose=0)  # it still works


@pytest.mark.parametrize(
    "bad",
    [
        {"memory": "much"}, {"memory": 0}, {"memory": None}, {"memory": "-1MB"}, {"window": 0},
        {"window": 1.5}, {"block": 0}, {"block": 50, "window": 40},
    ],
)  # fmt: skip
def test_settings_that_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=f"{next(iter(bad))}: expected"):
        open_table(X, Y, **bad)


def test_optimizers_over_all_rows_are_refused() -> None:
    model = nn.Linear(3, 3)
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.LBFGS(model.parameters()))
    with pytest.raises(ValueError, match="optimizer: LBFGS takes its steps over all rows"):
        trainer.fit(open_table(X, Y))


def test_several_outputs_are_refused() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return self.linear(x), self.linear(x)

    model = Two()
    trainer = fastnn.Trainer(model, lambda z, y: z[0].sum(), optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(TypeError, match="a table has one target"):
        trainer.fit(open_table(X, Y))


def test_an_error_of_a_callback_is_no_fault_of_the_rows() -> None:
    """As with arrays, what was trained before it stays."""
    found = []
    for given in ((open_table(X, Y, **SMALL),), (X, Y)):
        setup = Setup()

        def fail(epoch: int, logs: Any) -> None:
            raise ValueError("mine")

        with pytest.raises(ValueError, match="mine"):
            setup.trainer.fit(*given, shuffle=False, verbose=0, callbacks=[fail])
        found.append(bits_of(setup.model))
    assert found[0] == found[1]
    assert no_thread_is_left()


def test_validation_rows_that_cannot_be_read(tmp_path: Path) -> None:
    setup, paths = Setup(), files(tmp_path)
    before = setup.state()
    held = open_table(paths, Y, **SMALL)
    with pytest.raises(ValueError, match="cut short while it was read"):
        fit(setup, X, Y, validation_data=held, callbacks=[Cuts(paths[1])])
    assert setup.state() == before


@pytest.mark.parametrize("where", ["a callback", "a signal"])
def test_ctrl_c(where: str) -> None:
    """The model is as after the last whole step, and no thread is left."""
    setup = Setup()

    def stop(epoch: int, logs: Any) -> None:
        if where == "a signal":
            os.kill(os.getpid(), signal.SIGINT)
        else:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(setup, X, Y, callbacks=[stop])
    assert no_thread_is_left()
    assert len(setup.trainer.history.history["loss"]) >= 1
    assert np.isfinite(setup.trainer.predict(X)).all()
    fit(setup, X, Y)


def test_divergence_names_the_layer() -> None:
    setup = Setup()
    setup.trainer.optimizer.param_groups[0]["lr"] = 1e38
    with pytest.raises(FloatingPointError, match="infinite"):
        fit(setup, X, Y)
    assert no_thread_is_left()


def test_a_fault_in_predictions(tmp_path: Path) -> None:
    setup = Setup()
    with pytest.raises(ValueError, match="got nan at row 333"):
        setup.trainer.predict(open_table(changed(X, 333, np.nan), **SMALL))
    with pytest.raises(ValueError, match="got nan at row 333"):
        setup.trainer.evaluate(open_table(changed(X, 333, np.nan), Y, **SMALL))
    with pytest.raises(ValueError, match="metrics: 'r2' needs"):
        setup.trainer.evaluate(open_table(X, Y, **SMALL), metrics=["r2"])
    with pytest.raises(ValueError, match="out: expected"):
        setup.trainer.predict(open_table(X, **SMALL), out=np.zeros((ROWS, 2), np.float32))
    assert no_thread_is_left()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_goes_on_with_the_fit() -> None:
    """A fork within a fit: the child has no reading thread, and ends with the same bits."""
    setup, parent = Setup(), os.getpid()
    read, write = os.pipe()

    def split(epoch: int, logs: Any) -> None:
        if epoch == 0 and not os.fork():
            signal.alarm(20)

    fit(setup, X, Y, callbacks=[split])
    if os.getpid() != parent:
        os.write(write, bits_of(setup.model))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        assert file.read() == bits_of(setup.model)
    assert os.wait()[1] == 0


def test_a_checkpoint_of_a_fault_is_kept(tmp_path: Path) -> None:
    """What was reached before the fault is in the file; the model is as before the fit."""
    setup, paths = Setup(), files(tmp_path)
    before = bits_of(setup.model)
    with pytest.raises(ValueError, match="cut short"):
        fit(setup, paths, Y, callbacks=[Cuts(paths[1])], checkpoint=tmp_path / "c")
    assert bits_of(setup.model) == before
    state = fastnn.io.load(tmp_path / "c")
    assert isinstance(state, dict) and state["epoch"] == 1
    assert not isinstance(state, FormatError)

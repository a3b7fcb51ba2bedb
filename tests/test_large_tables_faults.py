"""What goes wrong with large tables: a clear error, everything as before, no thread left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from large_tables import (
    ROWS,
    SMALL,
    Cuts,
    Setup,
    X,
    Y,
    changed,
    cut_short,
    files,
    fit,
    no_thread_is_left,
    other_width,
    written,
)

import fastnn
from fastnn import nn, optim
from fastnn.io import open_table

Fit = Callable[[Setup, Path], object]


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


@pytest.mark.every(8)
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

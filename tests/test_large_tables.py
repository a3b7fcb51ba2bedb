"""Tables that are larger than memory: the bits are those of arrays in the same order."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import callbacks, nn, optim
from fastnn.io import LargeTable, open_table
from fastnn.io.rows.table import bytes_of
from fastnn.io.rows.views import is_held_out
from fastnn.optim import lr_scheduler
from fastnn.train import table_order
from fastnn.train.stream import ahead

ROWS, WIDE, KINDS = 203, 6, 3
rng = np.random.default_rng(0)
X = rng.integers(0, 9, (ROWS, WIDE)).astype(np.float64)
Y = rng.integers(0, KINDS, ROWS)
DTYPES = ["f4", "f8", "f2", "u1", "i1", "i2", "i4", "i8", "?", "u2", "u4"]
SMALL: dict[str, Any] = {"memory": "200KB", "window": 40, "block": 7}


def trainer_of(*, norm: bool = False, loss: Any = None, outputs: int = KINDS) -> fastnn.Trainer:
    fastnn.manual_seed(1)
    parts = [nn.Linear(WIDE, 8), *([nn.BatchNorm1d(8)] if norm else []), nn.ReLU()]
    model = nn.Sequential(*parts, nn.Dropout(0.1), nn.Linear(8, outputs))
    return fastnn.Trainer(
        model, loss or nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01)
    )


def bits(trainer: fastnn.Trainer) -> bytes:
    model = trainer.model
    return b"".join(t.detach().numpy().tobytes() for t in (*model.parameters(), *model.buffers()))


def in_memory(
    table: LargeTable, x: Any, y: Any, seed: int, *, norm: bool = False, epochs: int = 2,
    **options: Any,
) -> tuple[fastnn.Trainer, dict[str, list[float]]]:  # fmt: skip
    """The same rows from arrays, each epoch in the order of the table."""
    other, history = trainer_of(norm=norm), dict[str, list[float]]()
    for epoch in range(epochs):
        order = table_order(table, seed, epoch)
        assert sorted(order.tolist()) == list(range(len(x)))
        own = {k: v[order] if k == "sample_weight" else v for k, v in options.items()}
        found = other.fit(x[order], y[order], shuffle=False, verbose=0, **own).history
        for name, values in found.items():
            history.setdefault(name, []).extend(values)
    return other, history


def no_thread_is_left() -> bool:
    return not any(t.name == "fastnn reads ahead" for t in threading.enumerate())


def saved(folder: Path, name: str, array: np.ndarray) -> str:
    np.save(folder / name, array)
    return str(folder / f"{name}.npy")


def shards(folder: Path, name: str, array: np.ndarray) -> str:
    for number, begin in enumerate((0, 50, 51, 180)):
        saved(folder, f"{name}-{number}", array[begin : (50, 51, 180, ROWS)[number]])
    return str(folder / f"{name}-*.npy")


def mapped(folder: Path, name: str, array: np.ndarray) -> np.ndarray:
    found = np.memmap(folder / name, array.dtype, "w+", 64, array.shape)
    found[:] = array
    return found


def batches(x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    return lambda: ((x[i : i + 13], y[i : i + 13]) for i in range(0, ROWS, 13))


Make = Callable[[Path, np.ndarray, np.ndarray], tuple[Any, ...]]
SOURCES: dict[str, Make] = {
    "an array": lambda at, x, y: (x, y),
    "columns": lambda at, x, y: (np.asfortranarray(x), y),
    "a view": lambda at, x, y: (np.repeat(x, 2, axis=0)[::2], y[::-1].copy()[::-1]),
    "a memory map": lambda at, x, y: (mapped(at, "x", x), mapped(at, "y", y)),
    "a part of a map": lambda at, x, y: (mapped(at, "x", np.vstack([x, x]))[ROWS:], y),
    "a .npy file": lambda at, x, y: (saved(at, "x", x), saved(at, "y", y)),
    ".npy shards": lambda at, x, y: (shards(at, "x", x), shards(at, "y", y)),
    "arrays": lambda at, x, y: ([x[:100], x[100:]], y),
    "a tensor": lambda at, x, y: (fastnn.tensor(x), fastnn.tensor(y)),
    "batches": lambda at, x, y: (batches(x, y),),
    "a list of batches": lambda at, x, y: ([(x[:90], y[:90]), (x[90:], y[90:])],),
}


@pytest.mark.every(8)
@pytest.mark.parametrize(
    ("source", "dtype"),
    [(s, "f4") for s in SOURCES] + [(s, d) for d in DTYPES[1:] for s in (".npy shards", "batches")],
)
def test_bits_are_those_of_arrays(source: str, dtype: str, tmp_path: Path) -> None:
    x = X.astype(dtype)
    with open_table(*SOURCES[source](tmp_path, x, Y), **SMALL) as table:
        trainer = trainer_of()
        history = trainer.fit(table, epochs=2, batch_size=16, metrics=["accuracy"], verbose=0)
        other, wanted = in_memory(table, x, Y, trainer.seed, batch_size=16, metrics=["accuracy"])
        assert bits(trainer) == bits(other)
        assert history.history == wanted
        assert trainer.evaluate(table) == other.evaluate(x, Y)
        assert trainer.predict(table).tobytes() == other.predict(x).tobytes()
        assert trainer.score(table) == other.score(x, Y)
    assert no_thread_is_left()


@pytest.mark.every(8)
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("batch", [1, 7, 101, 202, 203, 500])
@pytest.mark.parametrize("window", [3, 40, 1000])
def test_batches_go_across_windows(window: int, batch: int, norm: bool) -> None:
    """A single row that is left joins the last batch where there is a BatchNorm1d."""
    x = X.astype(np.float32)
    if norm and batch == 1:
        batch = 2
    table = open_table(x, Y, window=window, block=3)
    trainer = trainer_of(norm=norm)
    trainer.fit(table, epochs=2, batch_size=batch, verbose=0)
    other, _ = in_memory(table, x, Y, trainer.seed, norm=norm, batch_size=batch)
    assert bits(trainer) == bits(other)


@pytest.mark.parametrize("read", [1, 100, 1 << 30])
def test_bits_do_not_depend_on_reading(
    read: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = shards(tmp_path, "x", X.astype(np.int16)), saved(tmp_path, "y", Y)
    found = []
    for size, memory in ((ahead.READ, "150KB"), (read, "1GB")):
        monkeypatch.setattr(ahead, "READ", size)
        trainer = trainer_of()
        trainer.fit(open_table(*paths, **(SMALL | {"memory": memory})), epochs=3, verbose=0)
        found.append(bits(trainer))
    assert found[0] == found[1]


@pytest.mark.parametrize("missing", [["preadv"], ["preadv", "pread"]])
def test_systems_that_read_otherwise(
    missing: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS and Windows."""
    for name in missing:
        monkeypatch.delattr(os, name)
    table = open_table(shards(tmp_path, "x", X), saved(tmp_path, "y", Y), **SMALL)
    trainer = trainer_of()
    trainer.fit(table, epochs=2, validation_data=table, verbose=0)
    assert bits(trainer) == bits(in_memory(table, X, Y, trainer.seed)[0])


WEIGHTS = rng.random(ROWS).astype(np.float32)
IGNORED = np.where(rng.random(ROWS) < 0.2, -100, Y)
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulation": {"accumulate_steps": 3, "clip_norm": 0.1},
    "classes of a weight": {"class_weight": {0: 2.0, 2: 0.5}},
    "balanced": {"class_weight": "balanced"},
    "ignored labels": {"y": IGNORED, "metrics": ["accuracy"]},
    "row weights": {"sample_weight": WEIGHTS},
    "both weights": {"sample_weight": WEIGHTS, "class_weight": "balanced"},
    "validation data": {"validation_data": (X[:30], Y[:30]), "metrics": ["f1"]},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options(name: str) -> None:
    options = dict(OPTIONS[name])
    x, y, weight = X.astype(np.float32), options.pop("y", Y), options.pop("sample_weight", None)
    table = open_table(x, y, sample_weight=weight, **SMALL)
    trainer = trainer_of()
    found = trainer.fit(table, epochs=2, verbose=0, **options).history
    own = options if weight is None else options | {"sample_weight": weight}
    other, wanted = in_memory(table, x, y, trainer.seed, **own)
    assert bits(trainer) == bits(other)
    assert found == wanted
    if "metrics" in options and "f1" not in options["metrics"]:
        assert trainer.evaluate(table) == other.evaluate(x, y)


def test_schedules_by_step_and_in_order() -> None:
    found = []
    for x in (open_table(X, Y, **SMALL), X):
        trainer = trainer_of()
        schedule = lr_scheduler.OneCycleLR(trainer.optimizer, 0.1, epochs=3, steps_per_epoch=13)
        y = None if isinstance(x, LargeTable) else Y
        history = trainer.fit(
            x, y, epochs=3, batch_size=16, shuffle=False, scheduler=schedule, schedule="step",
            verbose=0,
        )  # fmt: skip
        found.append((bits(trainer), history.history))
    assert found[0] == found[1]


def test_code_that_runs_in_python() -> None:
    """It changes what it reads, so no program repeats it."""

    class Counting(nn.Linear):
        calls = 0

        def forward(self, x: Any) -> Any:
            self.calls += 1
            return super().forward(x) * (1 + 0 * self.calls)

    found = []
    for x in (open_table(X, Y, **SMALL), X):
        fastnn.manual_seed(1)
        model = Counting(WIDE, KINDS)
        trainer = fastnn.Trainer(model, "cross_entropy", optim.SGD(model.parameters(), lr=0.01))
        with pytest.warns(UserWarning, match="Python"):
            history = trainer.fit(
                x, None if isinstance(x, LargeTable) else Y, epochs=2, batch_size=16,
                shuffle=False, verbose=0, accumulate_steps=2,
            )  # fmt: skip
        found.append((bits(trainer), history.history))
    assert found[0] == found[1]


def test_validation_split(tmp_path: Path) -> None:
    """The rows that are held out depend on their numbers and the seed alone."""
    x = X.astype(np.float32)
    table = open_table(shards(tmp_path, "x", x), Y, **SMALL)
    trainer = trainer_of()
    history = trainer.fit(table, epochs=2, validation_split=0.25, metrics=["accuracy"], verbose=0)
    train, held = table.split(0.25, trainer.seed)
    mask = is_held_out(0, ROWS, 0.25, trainer.seed)
    assert held.rows == mask.sum() and train.rows == ROWS - held.rows
    np.testing.assert_array_equal(held.read()[0], x[mask])
    np.testing.assert_array_equal(train.read(3, 90)[1], Y[~mask][3:90])
    other, wanted = in_memory(
        train, x[~mask], Y[~mask], trainer.seed, metrics=["accuracy"],
        validation_data=(x[mask], Y[mask]),
    )  # fmt: skip
    assert bits(trainer) == bits(other)
    assert history.history == wanted
    again = trainer_of()
    again.fit(train, epochs=2, validation_data=held, metrics=["accuracy"], verbose=0)
    assert again.history.history.keys() == history.history.keys()


def test_moments_and_scale() -> None:
    x = (rng.normal(size=(9001, 4)) * [1, 100, 1e-3, 0] + [0, 1e4, 5, 7]).astype(np.float32)
    table = open_table(x, memory="1MB")
    mean, std = table.moments()
    np.testing.assert_allclose(mean, x.astype(np.float64).mean(0), rtol=1e-13)
    np.testing.assert_allclose(std, x.astype(np.float64).std(0), rtol=1e-12)
    scaled = table.standardized()
    wanted = (x.astype(np.float64) - mean) / np.where(std > 0, std, 1)
    np.testing.assert_array_equal(scaled.read(5, 8000)[0], wanted.astype(np.float32)[5:8000])
    np.testing.assert_array_equal(table.standardized(mean, std).read()[0], scaled.read()[0])


def test_a_checkpoint_goes_on(tmp_path: Path) -> None:
    """Also from within an epoch, and with another memory."""

    class Stop(callbacks.Callback):
        stops = True

        def on_epoch_end(self, epoch: int, logs: Any) -> Any:
            if epoch == 1 and self.stops:
                raise KeyboardInterrupt

    def fit(trainer: fastnn.Trainer, **options: Any) -> None:
        table = open_table(X, Y, **(SMALL | {"memory": options.pop("memory", "200KB")}))
        trainer.fit(table, epochs=4, batch_size=16, checkpoint=tmp_path / "c", verbose=0, **options)

    whole = trainer_of()
    fit(whole, resume=False)
    broken = trainer_of()
    with pytest.raises(KeyboardInterrupt):
        fit(broken, resume=False, callbacks=[Stop()])
    assert no_thread_is_left()
    other = trainer_of()
    with pytest.raises(ValueError, match="list of callbacks"):
        fit(other)
    Stop.stops = False
    fit(other, callbacks=[Stop()], memory="1MB")
    assert bits(other) == bits(whole)
    with pytest.raises(ValueError, match="another data"):
        other.fit(open_table(X[:-1], Y[:-1], **SMALL), checkpoint=tmp_path / "c", verbose=0)


def test_order_is_as_random_as_said() -> None:
    """The variance of a batch's mean; see `open_table`."""
    n, window, block, batch = 4096, 512, 32, 64
    for values in (np.arange(n) / n, rng.random(n)):
        table = open_table(values[:, None], window=window, block=block)
        epochs = range(60)
        means = [values[table_order(table, s, s)].reshape(-1, batch).mean(1) for s in epochs]
        blocks, m, count = values.reshape(-1, block).mean(1), window // block, n // block
        within = values.var() - blocks.var() / m * (count - m) / (count - 1)
        wanted = within / batch * (1 - batch / window)
        wanted += blocks.var() / m * (count - m) / (count - 1)
        assert abs(np.var(means) / wanted - 1) < 0.1


@pytest.mark.parametrize(
    ("given", "wanted"), [("200MB", 200_000_000), ("1.5 GiB", 3 << 29), ("7b", 7), (12, 12)]
)
def test_bytes(given: Any, wanted: int) -> None:
    assert bytes_of(given) == wanted


def test_predictions_go_where_they_are_wanted(tmp_path: Path) -> None:
    trainer, out = trainer_of(), np.memmap(tmp_path / "z", np.float32, "w+", 0, (ROWS, KINDS))
    table = open_table(X.astype(np.float32), **SMALL)
    assert trainer.predict(table, out=out) is out
    np.testing.assert_array_equal(out, trainer.predict(X.astype(np.float32)))


MEMORY = """
import sys
import numpy as np
import fastnn
from fastnn import nn, optim
from fastnn.io import open_table

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

path, rows, memory = sys.argv[1], int(sys.argv[2]), sys.argv[3]
x = np.memmap(path, np.float32, "r", 0, (rows, 256))
y = np.memmap(path, np.int64, "r", 0, (rows,))
model = nn.Sequential(nn.Linear(256, 8), nn.ReLU(), nn.Linear(8, 2))
trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
trainer.fit(open_table(x[:512].copy(), y[:512].copy()), batch_size=512, verbose=0)
before = peak()
table = open_table(x, y, memory=memory)
trainer.fit(table, batch_size=512, validation_split=0.1, verbose=0)
trainer.evaluate(table, metrics=["accuracy"])
print(before, peak(), *table.shape)
"""


def most_memory(folder: Path, rows: int, memory: str) -> tuple[int, int]:
    """Resident bytes at most, before and after training on a file of zero pages."""
    path = folder / "zeros"
    with open(path, "wb") as file:
        file.truncate(rows * 256 * 4)
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MEMORY), str(path), str(rows), memory],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    before, after, *shape = map(int, ran.stdout.split())
    assert shape == [rows, 256]
    return before, after


@pytest.mark.long
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="Linux tells the peak")
def test_memory_is_bounded(tmp_path: Path) -> None:
    """300 MB by 10 MB, beside some for programs, first rows and the heap."""
    before, after = most_memory(tmp_path, 300_000, "10MB")
    assert after - before < 10e6 + 14e6


@pytest.mark.slow
def test_20_gigabytes_by_less_than_500_megabytes(tmp_path: Path) -> None:
    _, after = most_memory(tmp_path, 20_000_000, "256MB")
    assert after < 500e6

"""What is read where it lies, and what is waited for: no copies of all rows, no silent waits."""

from __future__ import annotations

import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import guards, nn, optim
from fastnn._support import opening
from fastnn.tabular.table import read_csv

ROWS, WIDE = 50_000, 80
X = np.random.default_rng(0).normal(size=(ROWS, WIDE)).astype(np.float32)  # 16 MB
Y = X[:, :1].copy()
HELD = (X[:64], Y[:64])


def trainer_of() -> fastnn.Trainer:
    model = nn.Linear(WIDE, 1)
    return fastnn.Trainer(model, "mse", optim.SGD(model.parameters(), lr=1e-3))


def fit(t: fastnn.Trainer, x: Any, **options: Any) -> None:
    t.fit(x, Y, batch_size=4096, verbose=0, **options)


# How rows are taken, and the part of x that may be copied on the way.
USES: dict[str, tuple[float, Callable[[fastnn.Trainer, Any], object]]] = {
    "before_training": (0.01, lambda t, x: guards.before_training(t.model, t.loss, x, Y)),
    "fit": (0.3, fit),
    "fit with metrics": (0.3, lambda t, x: fit(t, x, metrics=["mae"])),
    "fit with validation": (0.5, lambda t, x: fit(t, x, validation_data=HELD)),
    "validation on all": (
        0.3, lambda t, x: t.fit(*HELD, validation_data=(x, Y), verbose=0)
    ),
    "fit with weights": (0.5, lambda t, x: fit(t, x, sample_weight=np.ones(ROWS, np.float32))),
    "fit with a checkpoint": (0.5, lambda t, x: fit(t, x, checkpoint=os.devnull + "0")),
    "partial_fit": (0.3, lambda t, x: t.partial_fit(x, Y, batch_size=4096)),
    "predict": (0.2, lambda t, x: t.predict(x)),
    "predict in bf16": (0.2, lambda t, x: t.predict(x, precision="bf16")),
    "model.predict": (0.2, lambda t, x: t.model.predict(x)),
    "evaluate": (0.3, lambda t, x: t.evaluate(x, Y)),
    "score": (0.8, lambda t, x: t.score(x, Y)),  # R2 of the targets in double
}  # fmt: skip


@pytest.mark.every(8)
@pytest.mark.parametrize("kind", ["an array", "read-only", "a memory map"])
@pytest.mark.parametrize("use", USES)
def test_rows_are_not_copied(
    use: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x: Any = X
    if kind == "read-only":
        x = X.view()
        x.flags.writeable = False
    elif kind == "a memory map":
        np.save(tmp_path / "x.npy", X)
        x = np.load(tmp_path / "x.npy", mmap_mode="r")
    monkeypatch.setattr(os, "devnull", str(tmp_path / "state"))
    trainer, (most, call) = trainer_of(), USES[use]
    tracemalloc.start()
    try:
        call(trainer, x)
        assert tracemalloc.get_traced_memory()[1] < most * X.nbytes
    finally:
        tracemalloc.stop()


def test_a_fifo_without_a_writer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is waited for; what comes at last is read, also in several pieces."""
    monkeypatch.setattr(opening, "PATIENCE", 0.05)
    path, said = tmp_path / "fifo", threading.Event()
    os.mkfifo(path)

    def write() -> None:
        said.wait(60)
        with open(path, "w") as file:
            for line in ("width,kind\n", "1.5,oak\n", "2.5,elm\n"):
                file.write(line)
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()

    def warn(text: str, *_: Any, **__: Any) -> None:
        assert text == f"{path}: a FIFO that nobody has written to yet; waiting for a writer"
        said.set()

    monkeypatch.setattr(opening.warnings, "warn", warn)
    table = read_csv(path, "kind")
    writer.join()
    assert said.is_set()
    assert table.y.tolist() == [1, 0]


def test_a_fifo_with_a_writer_is_read_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text("width,kind\n1.5,oak\n2.5,elm\n"))
    writer.start()
    assert read_csv(path, "kind").y.tolist() == [1, 0]
    writer.join()


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (0,), (2, 0, 3)])
@pytest.mark.parametrize("name", ["mean", "sum", "prod", "nanmean", "nansum", "var", "std"])
def test_the_gradient_of_an_empty_axis(shape: tuple[int, ...], name: str) -> None:
    x = fastnn.ones(shape, requires_grad=True)
    with np.errstate(all="ignore"):
        getattr(fastnn, name)(x, dim=shape.index(0)).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == shape

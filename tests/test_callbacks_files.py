"""Callbacks that write: figures, models, and what TensorBoard reads."""

from __future__ import annotations

import builtins
import csv
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_callbacks import FIT, Weights, figures, weights
from test_trainer import DEFAULTS, make

import fastnn
from fastnn import nn
from fastnn.callbacks import CSVLogger, JSONLogger, ModelCheckpoint, TensorBoard


def test_csv_and_json(tmp_path: Path) -> None:
    trainer = make()
    loggers = [CSVLogger(tmp_path / "a.csv"), JSONLogger(tmp_path / "a.jsonl")]
    options: dict[str, Any] = {"validation_split": 0.2, "validation_freq": 2, "callbacks": loggers}
    history = trainer.fit(**FIT, **options).history
    with open(tmp_path / "a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == list("012345")
    assert [float(row["loss"]) for row in rows] == history["loss"]
    assert [row["val_loss"] for row in rows][::2] == [""] * 3
    assert [float(row["val_loss"]) for row in rows[1::2]] == history["val_loss"]
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in lines] == history["loss"]
    assert "val_loss" not in lines[0] and lines[1]["val_loss"] == history["val_loss"][0]
    trainer.fit(**FIT, validation_split=0.2, callbacks=[CSVLogger(tmp_path / "a.csv", append=True)])
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 1 + 12
    trainer.fit(**FIT, callbacks=[CSVLogger(tmp_path / "a.csv", separator=";")])
    assert (tmp_path / "a.csv").read_text().startswith("epoch;loss\n0;")


def test_model_checkpoint(tmp_path: Path, capsys: Any) -> None:
    trainer, kept = make(), Weights()
    trainer.model[2] = nn.Identity()  # a layer that a file can hold
    numbers = 3, 2, 2.5, 1, 1.5, 4
    best = ModelCheckpoint(tmp_path / "best.st", "figure", save_best_only=True, verbose=1)
    each = ModelCheckpoint(tmp_path / "{epoch:02d}-{figure:.1f}.st", save_weights_only=True)
    trainer.fit(**FIT, metrics=figures(*numbers), callbacks=[kept, best, each])
    model: Any = fastnn.load(tmp_path / "best.st")
    assert [p.detach().numpy().tobytes() for p in model.parameters()] == kept.found[3]
    assert sorted(path.name for path in tmp_path.glob("0*.st")) == [
        f"0{i + 1}-{number:.1f}.st" for i, number in enumerate(numbers)
    ]
    state: Any = fastnn.load(tmp_path / "02-2.0.st")
    assert [v.numpy().tobytes() for v in state.values()] == kept.found[1]
    assert capsys.readouterr().out.count("model saved") == 3


def test_model_checkpoint_asks_first_whether_it_can(tmp_path: Path) -> None:
    trainer = make()  # has a layer of ours
    before = weights(trainer)
    with pytest.raises(TypeError, match=r"layer 2: .* got Switch; .*save_weights_only=True"):
        trainer.fit(**FIT, callbacks=[ModelCheckpoint(tmp_path / "a")])
    assert weights(trainer) == before


@pytest.mark.parametrize("only", [False, True])
def test_weights_that_are_nan_are_not_written(only: bool, tmp_path: Path) -> None:
    trainer = make()
    trainer.model[2] = nn.Identity()

    def spoil(epoch: int, logs: Any) -> None:
        if epoch == 1:
            trainer.model[0].weight.data[0, 0] = np.inf

    writer = ModelCheckpoint(tmp_path / "{epoch}", save_weights_only=only)
    with pytest.raises(FloatingPointError, match=r"^0\.weight: has nan or infinite weights"):
        trainer.fit(**FIT, callbacks=[spoil, writer])
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


class Writer:
    """What tensorboardX has."""

    made: list[Writer] = []

    def __init__(self, folder: str) -> None:
        self.folder, self.scalars, self.closed = folder, [], False  # type: ignore[var-annotated]
        Writer.made.append(self)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars.append((name, value, step))

    def flush(self) -> None: ...

    def close(self) -> None:
        self.closed = True


def test_tensorboard(monkeypatch: Any, tmp_path: Path) -> None:
    module = types.ModuleType("tensorboardX")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    trainer = make()
    history = trainer.fit(
        **DEFAULTS, epochs=2, validation_split=0.2, callbacks=[TensorBoard(tmp_path)]
    ).history
    [writer] = Writer.made
    assert writer.folder == str(tmp_path) and writer.closed
    assert writer.scalars == [
        (name, history[key][epoch], epoch)
        for epoch in range(2)
        for name, key in (("train/loss", "loss"), ("validation/loss", "val_loss"))
    ]


def test_tensorboard_without_tensorboardx(monkeypatch: Any) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "tensorboardX":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'fastnn-cpu\[tensorboard\]'"):
        TensorBoard()

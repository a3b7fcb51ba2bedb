"""Paths that lead to no file: folders, pipes, devices, links in a circle; where they are read, and
where they are to be written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import callbacks, io, nn, optim

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")

X = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)


def trainer() -> fastnn.Trainer:
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 1))
    return fastnn.Trainer(model, "mse", optim.Adam(model.parameters()))


def state(t: fastnn.Trainer) -> list[Any]:
    weights = [p.detach().numpy().tobytes() for p in t.model.parameters()]
    gradients = [None if p.grad is None else p.grad.numpy().tobytes() for p in t.model.parameters()]
    return [weights, gradients, t.history, t.seed, fastnn.get_rng_state().numpy().tobytes()]


def no_file(kind: str, folder: Path) -> str:
    path = folder / f"odd-{kind}"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "a link in a circle":
        path.symlink_to(path)
    elif kind == "a link that leads nowhere":
        path.symlink_to(folder / "nothing")
    return {
        "endless device": "/dev/zero", "device": "/dev/null",
        "long name": str(folder / ("a" * 300)), "no folder": str(folder / "none" / "a"),
        "a folder of the system": "/proc/a",
    }.get(kind, str(path))  # fmt: skip


KINDS = (
    "folder", "pipe", "endless device", "device", "a link in a circle", "a link that leads nowhere",
    "long name", "no folder", "a folder of the system",
)  # fmt: skip
LOGS = {"device", "endless device"}  # a log may go to a device, such as /dev/stderr

WRITES: dict[str, Callable[[str], dict[str, Any]]] = {
    "checkpoint": lambda path: {"checkpoint": path},
    "checkpoint anew": lambda path: {"checkpoint": path, "resume": False},
    "ModelCheckpoint": lambda path: {"callbacks": [callbacks.ModelCheckpoint(path)]},
    "CSVLogger": lambda path: {"callbacks": [callbacks.CSVLogger(path)]},
    "JSONLogger": lambda path: {"callbacks": [callbacks.JSONLogger(path)]},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", WRITES)
def test_a_file_that_cannot_be_written_is_refused_before_training(
    what: str, kind: str, tmp_path: Path
) -> None:
    t, path = trainer(), no_file(kind, tmp_path)
    if what.endswith("Logger") and kind in LOGS:
        t.fit(X, X[:, :1], verbose=0, **WRITES[what](path))
        return
    before = state(t)
    with pytest.raises((OSError, io.FormatError)) as error:
        t.fit(X, X[:, :1], verbose=0, **WRITES[what](path))
    assert state(t) == before
    assert os.path.basename(path)[:50] in str(error.value) or "folder" in kind
    argument = "checkpoint: |filepath: |filename: "
    assert isinstance(error.value, io.FormatError) or re.search(argument, str(error.value))


PLACES = {
    "net-{epoch}-{val_loss:.2f}": "expected names in braces from epoch, loss, got",
    "net-{epoch:q}": "Unknown format code",
    "net-{": "Single",
    "net-{}": "Replacement index 0",
    "net-{epoch.name}": "no attribute",
}


@pytest.mark.parametrize("name", PLACES)
def test_names_in_braces_are_looked_at_before_training(name: str, tmp_path: Path) -> None:
    t = trainer()
    before = state(t)
    with pytest.raises(ValueError, match=r"^filepath: expected names in braces") as error:
        asked = [callbacks.ModelCheckpoint(str(tmp_path / name))]
        t.fit(X, X[:, :1], verbose=0, callbacks=asked)
    assert PLACES[name] in str(error.value) and state(t) == before


def test_a_figure_that_an_epoch_has_not_is_nan_in_the_name(tmp_path: Path) -> None:
    asked = [callbacks.ModelCheckpoint(str(tmp_path / "net-{epoch}-{val_loss:.0f}"))]
    held = X, X[:, :1] + 5
    trainer().fit(X, X[:, :1], epochs=2, verbose=0, validation_data=held, validation_freq=2,
                  callbacks=asked)  # fmt: skip
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[0] == "net-1-nan" and len(names) == 2


READS: dict[str, tuple[str, str]] = {
    "load": ("", "fastnn.load(path)"),
    "from_onnx": (".onnx", "io.from_onnx(path)"),
    "npy": (".npy", "io.open_table(path)"),
    "csv": (".csv", "io.open_table(path, target='a')"),
    "parquet": (".parquet", "io.open_table(path, target='a')"),
    "read_table": (".csv", "read_table(path)"),
}
for _what, _package in (("from_onnx", "onnx"), ("parquet", "pyarrow")):
    if find_spec(_package) is None:
        READS.pop(_what)
CODE = """
import sys, fastnn
from fastnn import io
from fastnn.tabular.reading import read_table
for call, path in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        eval(call)
        print(call, path, "was read")
    except (OSError, ValueError) as error:
        print(path in str(error), error)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What reading pipes, devices and folders says, in one process that may hang."""
    folder = tmp_path_factory.mktemp("odd")
    asked: list[str] = []
    for what, (end, call) in READS.items():
        (folder / f"{what}-folder{end}").mkdir()
        (folder / f"{what}-device{end}").symlink_to("/dev/zero")
        asked += [call, f"{folder}/{what}-folder{end}", call, f"{folder}/{what}-device{end}"]
        if what in ("load", "npy", "csv", "parquet"):  # the others wait for a writer, and say so
            os.mkfifo(folder / f"{what}-pipe{end}")
            asked += [call, f"{folder}/{what}-pipe{end}"]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *asked], capture_output=True, text=True, timeout=60, check=True
    )
    yield done.stdout.splitlines()


@pytest.mark.long
def test_what_is_no_file_is_refused_where_files_are_read(answers: list[str]) -> None:
    assert len(answers) == 2 * len(READS) + 3 + ("parquet" in READS)
    assert [answer for answer in answers if not answer.startswith("True ")] == []

"""`fit` shows its progress where there is a stderr, and trains where there is none."""

from __future__ import annotations

import io
import sys
import types
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn._support import jupyter
from fastnn.callbacks import LambdaCallback
from fastnn.train import loop, progress
from fastnn.train.progress import ProgressBar


class Closing(io.StringIO):
    """Closes itself at the first write."""

    def write(self, text: str) -> int:
        self.close()
        raise ValueError("I/O operation on closed file")


class Bare:
    """Only writes, as a stand-in for stderr often does."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


STREAMS = {"none": lambda: None, "closed": closed, "closing": Closing, "bare": Bare}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_fit_needs_no_stderr(stream: str, verbose: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProgressBar, "_told_at", -1.0)
    given: Any = STREAMS[stream]()
    monkeypatch.setattr(sys, "stderr", given)
    model = nn.Linear(2, 1)
    trainer = fastnn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
    x = np.ones((8, 2), np.float32)
    history = trainer.fit(x, x[:, :1], epochs=2, verbose=verbose)
    assert len(history.history["loss"]) == 2
    if stream == "bare":
        assert given.text.count("epoch") == verbose  # verbose=1: the last of the two


class Clock:
    """Stands for the clock of progress; each epoch that is looked at takes `step` seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: float) -> None:
        self.time, self.step = 1000.0, step
        monkeypatch.setattr(progress, "now", lambda: self.time)
        monkeypatch.setattr(ProgressBar, "_told_at", 0.0)

    def __call__(self, epoch: int, logs: Any) -> None:
        self.time += self.step


def fitted(epochs: int, stderr: Any, monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[str]:
    """The lines of a fit, by their epochs."""
    monkeypatch.setattr(sys, "stderr", stderr)
    model = nn.Linear(2, 1)
    trainer = fastnn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
    x = np.ones((8, 2), np.float32)
    history = trainer.fit(x, x[:, :1], epochs=epochs, **options)
    lines: list[str] = stderr.text.splitlines()
    for line in lines:
        number = int(line.split()[1].partition("/")[0])
        assert f"loss {history.history['loss'][number - 1]:.4f}" in line
    return [line.split()[1] for line in lines]


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (2.0, ["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]),  # every epoch
        (0.5, ["2/6", "4/6", "6/6"]),
        (0.4, ["3/6", "6/6"]),
        (0.3, ["4/6", "6/6"]),  # and how it ended
        (0.001, ["6/6"]),
    ],
)
def test_a_line_at_most_every_second(
    seconds: float, wanted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, seconds)
    assert fitted(6, Bare(), monkeypatch, callbacks=[clock]) == wanted


def test_many_short_fits_share_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, 0.05)
    lines = [line for _ in range(30)  # each of 0.1 s
             for line in fitted(2, Bare(), monkeypatch, callbacks=[clock])]  # fmt: skip
    assert len(lines) in (3, 4)


def test_lines_of_a_fit_that_c_runs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without callbacks: C is asked every 50 ms, here once a second by the clock."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(progress, "now", lambda: float(next(ticks)))
    monkeypatch.setattr(ProgressBar, "_told_at", -1.0)
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 0.001)
    lines = fitted(20_000, Bare(), monkeypatch)
    assert lines[-1] == "20000/20000" and len(lines) > 2
    numbers = [int(line.partition("/")[0]) for line in lines]
    assert numbers == sorted(set(numbers))


def test_a_line_of_a_fit_that_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, 0.3)
    stop = LambdaCallback(on_epoch_end=lambda epoch, logs: epoch == 4)
    assert fitted(9, Bare(), monkeypatch, callbacks=[clock, stop]) == ["4/9", "5/9"]


def test_a_second_fit_like_the_first_tells_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it uses what was made for the first."""
    clock = Clock(monkeypatch, 0.0)
    stderr = Bare()
    monkeypatch.setattr(sys, "stderr", stderr)
    model = nn.Linear(2, 1)
    trainer = fastnn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
    x = np.ones((8, 2), np.float32)
    for n in range(1, 5):
        clock.time += 2
        trainer.fit(x, x[:, :1], epochs=3)
        assert stderr.text.count("epoch 3/3") == n == len(stderr.text.splitlines())


# ---- Jupyter ----


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """What of IPython tells that a kernel runs the code."""
    shell = types.SimpleNamespace(kernel=object(), config={"IPKernelApp": {}})
    module: Any = types.ModuleType("IPython")
    module.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", module)


def test_a_bar_in_jupyter(kernel: None, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Fake:
        def __init__(self, total: int, **options: Any) -> None:
            self.n, self.total, self.closed, self.told = 0, total, False, {}
            made.append(self)

        def update(self, more: int) -> None:
            self.n += more

        def set_postfix(self, figures: dict[str, str], refresh: bool) -> None:
            self.told = figures

        def close(self) -> None:
            self.closed = True

    auto: Any = types.ModuleType("tqdm.auto")
    auto.tqdm = Fake
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", auto)
    assert fitted(3, Bare(), monkeypatch, batch_size=4) == []
    (bar,) = made
    assert bar.n == bar.total == 6 and bar.closed and "loss" in bar.told


def test_lines_in_jupyter_without_tqdm(kernel: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    clock = Clock(monkeypatch, 0.4)
    assert fitted(6, Bare(), monkeypatch, callbacks=[clock]) == ["4/6", "6/6"]


def test_ipython_in_a_terminal_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("IPython")
    module.get_ipython = types.SimpleNamespace
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert jupyter.kernel() is None
    module.get_ipython = lambda: None  # imported by a script
    assert jupyter.kernel() is None

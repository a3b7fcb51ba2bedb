"""`fit` shows its progress where there is a stderr, and trains where there is none."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim


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
    given: Any = STREAMS[stream]()
    monkeypatch.setattr(sys, "stderr", given)
    model = nn.Linear(2, 1)
    trainer = fastnn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
    x = np.ones((8, 2), np.float32)
    history = trainer.fit(x, x[:, :1], epochs=2, verbose=verbose)
    assert len(history.history["loss"]) == 2
    if stream == "bare":
        assert given.text.count("epoch") == (2 if verbose == 2 else 0)

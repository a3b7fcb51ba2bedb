"""How fits on large tables end: errors of others, Ctrl-C, forks, divergence, checkpoints."""

from __future__ import annotations

import os
import signal
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
    bits_of,
    changed,
    files,
    fit,
    no_thread_is_left,
)  # fmt: skip

import fastnn
from fastnn.io import open_table


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


def test_validation_rows_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastnn.train.stream.stream.EVALUATION_ROWS", 32)
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

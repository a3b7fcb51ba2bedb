"""Messages are in our words: the argument as it was given, what was expected, what came."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim, tabular
from fastnn.nn import functional as F

HUGE = 10**400
X, Y = np.ones((6, 3), np.float32), np.arange(6) % 2


def a() -> fastnn.Tensor:
    return fastnn.zeros(2, 3)


def vector() -> fastnn.Tensor:
    return fastnn.zeros(3)


def weights() -> list[nn.Parameter]:
    return [nn.Parameter(fastnn.ones(2))]


def fit(rows: int = 6, **given: Any) -> Any:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    trainer = fastnn.Trainer(model, "cross_entropy", optim.SGD(model.parameters(), lr=0.1))
    return trainer.fit(X[:rows], Y[:rows], verbose=0, **given)


LARGE = "of fewer than 2\\*\\*63 bytes"
BATCH = "at least 2 rows in a batch, got "
CASES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "assigned rows": (
        lambda: a().__setitem__([0, 7], 1), IndexError, r"^index: expected -2\.\.1 .*, got 7"
    ),
    "expand": (lambda: vector()[:1].expand(2**62), ValueError, f"^expand: .*{LARGE}"),
    "pad": (lambda: F.pad(vector(), (2**62, 1)), ValueError, f"^pad: .*{LARGE}"),
    "diag": (lambda: fastnn.diag(vector(), 2**62), ValueError, f"^diag: .*{LARGE}"),
    "repeat_interleave": (
        lambda: vector().repeat_interleave(2**61), ValueError, f"^repeat_interleave: .*{LARGE}"
    ),
    "meshgrid": (
        lambda: fastnn.meshgrid(3), TypeError, r"^tensors\[0\]: expected a Tensor, got 3"  # type: ignore[arg-type]
    ),
    "a folder": (lambda: tabular.read_csv("/"), OSError, "expected a file, got a folder"),
    "max_iter": (
        lambda: optim.LBFGS(weights(), max_iter="a"),  # type: ignore[arg-type]
        TypeError, "^max_iter: expected an integer, got 'a'",
    ),
    "lr": (lambda: optim.SGD(weights(), lr=HUGE), ValueError, "^lr: expected a finite number"),
    "p": (lambda: nn.Dropout(HUGE), ValueError, "^p: expected a finite number"),
    "clip_norm": (lambda: fit(clip_norm=HUGE), ValueError, "^clip_norm: expected a finite number"),
    "q": (lambda: vector().quantile(HUGE), ValueError, "^q: expected numbers in"),
    "linspace": (lambda: fastnn.linspace(0, HUGE, 3), ValueError, "^start, end: expected finite"),
    "median": (
        lambda: fastnn.zeros(2, 0).median(1), ValueError, "^median: expected at least one element"
    ),
    "kthvalue": (
        lambda: fastnn.zeros(2, 0).kthvalue(1, 1), ValueError, "^kthvalue: expected at least one"
    ),
    "min_value": (
        lambda: nn.Hardtanh(min_value=float("nan")), ValueError, "^min_value: expected a finite"
    ),
    "max_value": (lambda: nn.Hardtanh(max_value=HUGE), ValueError, "^max_value: expected a finite"),
    "one row": (lambda: fit(1), ValueError, f"^Expected more than 1 .*{BATCH}1 "),
    "batches of one": (
        lambda: fit(batch_size=1), ValueError, f"{BATCH}6 rows to train on and batch_size=1$"
    ),
    "a split": (
        lambda: fit(3, validation_split=0.7), ValueError, f"{BATCH}1 .*validation_split=0.7$"
    ),
    "fields": (
        lambda: nn.Linear(1, 1).predict(np.zeros(3, [("a", "f4")])), TypeError, "fields; give an"
    ),
}  # fmt: skip
REDUCTIONS = ("norm", "var", "std", "any", "all", "count_nonzero", "nanmean", "nansum", "logsumexp")


@pytest.mark.parametrize("name", CASES)
def test_words(name: str) -> None:
    call, kind, said = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        with pytest.raises(kind, match=said):
            call()


@pytest.mark.parametrize("name", [*REDUCTIONS, "std_mean", "var_mean"])
def test_a_reduction_is_called_by_its_name(name: str) -> None:
    of = getattr(fastnn, name)
    with pytest.raises(ValueError, match=f"dim: expected each axis once for {name}, got"):
        of(a(), dim=(0, 0))
    with pytest.raises(IndexError, match=rf"dim: expected -2\.\.1 for {name}, got 9"):
        of(a(), dim=9)


def test_a_pipe_that_is_waited_for_shows_no_line_of_ours(tmp_path: Path) -> None:
    code = (
        "import os, threading, fastnn._support.opening as opening\n"
        "from fastnn import tabular\n"
        "opening.PATIENCE = 0.01\n"
        "os.mkfifo('f')\n"
        "write = lambda: open('f', 'w').write('a,b\\n1,2\\n')\n"
        "threading.Timer(0.3, write).start()\n"
        "tabular.read_csv('f')\n"
    )
    (tmp_path / "mine.py").write_text(code)
    ran = subprocess.run(
        [sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "mine.py:7: UserWarning: f: a FIFO" in ran.stderr


@pytest.mark.parametrize("name", ["msle", "mean_poisson_deviance", "mean_gamma_deviance"])
def test_a_metric_outside_of_its_domain_is_named(name: str) -> None:
    model = nn.Linear(3, 1)
    trainer = fastnn.Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.0))
    with pytest.warns(UserWarning, match=f"metrics: {name} is nan in some epochs: it needs ") as w:
        trainer.fit(X, np.full(6, -5.0), metrics=[name], epochs=3, verbose=0)
    assert len(w) == 1
    assert w[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.init.ones_(model.weight)
        trainer.fit(X, np.full(6, 5.0), metrics=[name], verbose=0)


@pytest.mark.parametrize("held", [{}, {"validation_data": (X, np.full(6, -5.0))}])
def test_a_metric_outside_of_its_domain_is_named_of_many_nets(held: Any) -> None:
    def build() -> nn.Module:
        model = nn.Linear(3, 1)
        nn.init.ones_(model.weight)
        return model

    options = {"configs": [{"lr": 0.0}] * 2, "metrics": ["msle"], "verbose": 0}
    options |= {"loss": nn.MSELoss(), "epochs": 3, **held}
    name = "val_msle" if held else "msle"
    y = np.full(6, 5.0 if held else -5.0)
    with pytest.warns(UserWarning, match=f"metrics: {name} is nan in some epochs: it needs ") as w:
        fastnn.fit_many(build, X, y, **options)
    assert [(warning.filename, str(warning.message).split()[1]) for warning in w] == [
        (__file__, name)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the epochs without validation have nan too
        fine = {"validation_data": (X, np.full(6, 5.0)), "validation_freq": 2}
        fastnn.fit_many(build, X, np.full(6, 5.0), **{**options, **fine})

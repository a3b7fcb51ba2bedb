"""Messages blame the right thing: the argument's own name, what was expected, what came."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import callbacks, nn, optim
from fastnn.optim import lr_scheduler

A = fastnn.ones(3, 4)
X = np.ones((12, 3), np.float32)
HUGE = 2**62


def sgd() -> Any:
    return optim.SGD([nn.Parameter(fastnn.ones(2))], lr=0.1)


def trainer_of() -> fastnn.Trainer:
    model = nn.Linear(3, 2)
    return fastnn.Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.1))


# Functions of an axis: the name of the argument, and a call with another axis than there is.
AXES: dict[str, Callable[[int], Any]] = {
    "start_dim": lambda d: A.flatten(start_dim=d),
    "end_dim": lambda d: A.flatten(end_dim=d),
    "dim0": lambda d: A.transpose(d, 0),
    "dim1": lambda d: A.transpose(0, d),
    "source": lambda d: fastnn.movedim(A, d, 0),
    "destination": lambda d: fastnn.movedim(A, 0, d),
    "dim1 of diagonal": lambda d: A.diagonal(0, d, 1),
    "dim2 of diagonal": lambda d: A.diagonal(0, 0, d),
    "dim of chunk": lambda d: A.chunk(2, d),
    "dim of sum": lambda d: A.sum(d),
    "dim of softmax": lambda d: nn.functional.softmax(A, d),
    "dim of cat": lambda d: fastnn.cat([A, A], d),
    "dim of gather": lambda d: A.gather(d, fastnn.tensor([[0]])),
}


@pytest.mark.parametrize("name", AXES)
@pytest.mark.parametrize("dim", [9, -9])
def test_axes_that_are_not_there(name: str, dim: int) -> None:
    argument = name.partition(" ")[0]
    with pytest.raises(IndexError, match=rf"^{argument}: expected -\d\.\.\d.*, got {dim}$"):
        AXES[name](dim)


INDICES: dict[str, tuple[Callable[[], Any], str]] = {
    "first": (lambda: A[7], r"expected -3\.\.2 along dimension 0 of \(3, 4\), got 7"),
    "second": (lambda: A[0, -5], r"expected -4\.\.3 along dimension 1 of \(3, 4\), got -5"),
    "select": (lambda: A.select(1, 9), r"expected -4\.\.3 along dimension 1 of \(3, 4\), got 9"),
    "written": (lambda: A.clone().__setitem__(7, 1.0), r"expected -3\.\.2 along .*, got 7"),
    "written number": (lambda: A.clone().__setitem__((0, 9), 1), r"expected -4\.\.3.*, got 9"),
    "none": (lambda: fastnn.ones(0)[0], r"expected none along dimension 0 of \(0,\), got 0"),
    "too many": (lambda: A[0, 0, 0], r"too many indices for tensor of dimension 2"),
    "a list": (lambda: A[[0, 9]], r"expected rows in -3\.\.2, got 9 at position 1"),
    "a tensor": (lambda: A[fastnn.tensor([9])], r"expected rows in -3\.\.2, got 9"),
}


@pytest.mark.parametrize("case", INDICES)
def test_indices_that_are_not_there(case: str) -> None:
    call, text = INDICES[case]
    with pytest.raises(IndexError, match=f"^index: {text}"):
        call()


SIZES: dict[str, Callable[[], Any]] = {
    "size of zeros": lambda: fastnn.zeros(2**40, 2**40),
    "size of ones": lambda: fastnn.ones(2**40, 2**40),
    "size of empty": lambda: fastnn.empty(2**40, 2**40),
    "size of rand": lambda: fastnn.rand(2**40, 2**40),
    "size of randn": lambda: fastnn.randn(2**40, 2**40),
    "size of full": lambda: fastnn.full((HUGE,), 1.0),
    "size of one": lambda: fastnn.zeros(HUGE),
    "n, m": lambda: fastnn.eye(2**40),
    "end": lambda: fastnn.arange(HUGE),
    "steps": lambda: fastnn.linspace(0, 1, HUGE),
    "repeat": lambda: A.repeat(2**40, 2**40),
}


@pytest.mark.parametrize("case", SIZES)
def test_sizes_that_no_memory_holds(case: str) -> None:
    argument = case.partition(" of ")[0]
    with pytest.raises(ValueError, match=rf"^{argument}: expected a shape of fewer than 2\*\*63"):
        SIZES[case]()


PATHS: dict[str, Callable[[Any], Any]] = {
    "path of save": lambda p: fastnn.save({"a": 1}, p),
    "path of model.save": lambda p: nn.Sequential(nn.Linear(1, 1)).save(p),
    "path of load": lambda p: fastnn.load(p),
    "path of read": lambda p: fastnn.io.read(p),
    "path of export": lambda p: nn.Sequential(nn.Linear(1, 1)).export(p),
    "checkpoint of fit": lambda p: trainer_of().fit(X, X[:, :2], checkpoint=p, verbose=0),
    "filename of CSVLogger": lambda p: callbacks.CSVLogger(p),
    "filepath of ModelCheckpoint": lambda p: callbacks.ModelCheckpoint(p),
}


@pytest.mark.parametrize("case", PATHS)
def test_paths_that_are_none(case: str) -> None:
    argument = case.partition(" of ")[0]
    for value, text in {
        "": "expected the name of a file, got ''",
        "a\0b": r"expected a path without NUL, got 'a\\x00b'",
        3: "expected a path, got 3",
    }.items():
        with pytest.raises((ValueError, TypeError), match=f"^{argument}: {text}$"):
            PATHS[case](value)


OTHERS: dict[str, tuple[Callable[[], Any], str]] = {
    "milestones": (
        lambda: lr_scheduler.MultiStepLR(sgd(), 3),  # type: ignore[arg-type]
        "milestones: expected a list of integers, got 3",
    ),
    "milestones of texts": (
        lambda: lr_scheduler.MultiStepLR(sgd(), "30"),  # type: ignore[arg-type]
        "milestones: expected a list of integers, got '30'",
    ),
    "schedulers": (
        lambda: lr_scheduler.ChainedScheduler(3),  # type: ignore[arg-type]
        "schedulers: expected a list of schedulers, got 3",
    ),
    "diagonal": (lambda: A.tril("a"), "diagonal: expected an integer, got 'a'"),
    "y of another shape": (
        lambda: trainer_of().fit(X, X[:, :1], verbose=0),
        r"y: the loss does not take it: expected shape \(2, 2\) like input, got \(2, 1\); .*",
    ),
    "a metric of numbers": (
        lambda: trainer_of().evaluate(X, X[:, :2], metrics=["f1"]),
        "metrics: expected some that suit outputs .* and targets .*, got 'f1'; .*",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_blamed(case: str) -> None:
    call, text = OTHERS[case]
    with pytest.raises((ValueError, TypeError), match=f"^{text}"):
        call()


@pytest.mark.long
def test_a_command_with_stdout_closed() -> None:
    code = "import sys; sys.stdout = None; from fastnn.cli import main; sys.exit(main(['info']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")

"""What threads share, hammered by eight of them. Under a free-threaded Python (3.13t, 3.14t) they
run at the same time; with a GIL they take turns wherever it changes hands.

docs/design.md lists what is shared and how it is guarded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_threads import run_together

import fastnn
from fastnn import nn, optim
from fastnn.tape import versions

THREADS = 8
CORE = Path(fastnn.__file__).parent / "_core"


def hammer(job: Callable[[int], Any]) -> list[Any]:
    """What each thread's job gave, by its number; an error of one is raised."""
    found: list[Any] = [None] * THREADS

    def run(i: int) -> None:
        found[i] = job(i)

    raised = run_together([lambda i=i: run(i) for i in range(THREADS)])
    assert raised == []
    return found


def test_the_import_leaves_the_gil_off() -> None:
    """Of a process that has nothing else that could put it on, nor is told to leave it off."""
    modules = ", ".join(f"fastnn._core.{path.stem}" for path in CORE.glob("*.pyx"))
    code = f"import sys, {modules}; print(getattr(sys, '_is_gil_enabled', lambda: True)())"
    env = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    command = [sys.executable, "-W", "error", "-c", code]
    gil = subprocess.check_output(command, env=env, text=True, cwd=CORE.parents[1])
    assert (gil == "False\n") == bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def test_nodes_are_numbered_in_order() -> None:
    """A backward pass goes by these numbers: a node's is above those of its inputs."""

    def job(i: int) -> list[int]:
        x = fastnn.tensor([1.0], requires_grad=True)
        orders = []
        for _ in range(3000):
            x = x * 1.0
            assert x._node is not None
            orders.append(x._node.order)
        return orders

    found = hammer(job)
    falls = [pair for orders in found for pair in pairwise(orders) if pair[0] >= pair[1]]
    twice = THREADS * 3000 - len({order for orders in found for order in orders})
    assert (falls[:3], twice) == ([], 0)


@pytest.mark.long
def test_gradients_of_one_model_add_up() -> None:
    """The sums are of whole numbers, so they are exact in any order."""
    weight = fastnn.ones(64, requires_grad=True)

    def job(i: int) -> None:
        for _ in range(200):
            (weight * float(i + 1)).sum().backward()

    hammer(job)
    assert weight.grad is not None
    assert weight.grad.tolist() == [200.0 * sum(range(1, THREADS + 1))] * 64


def test_a_compiled_function_is_called_and_changed() -> None:
    """What it reads changes meanwhile: each result is that of one of the values, of no mixture,
    or the call says that it changed while it was recorded."""
    factors = {"now": 1.0}
    calls = [fastnn.compile(lambda x: x * factors["now"] + x * factors["now"]) for _ in range(2)]

    def job(i: int) -> set[float]:
        seen = set()
        for k in range(200):
            if i == 0:
                factors["now"] = float(1 + k // 50)
            try:
                y = calls[i % 2](fastnn.full((8 + i % 3,), 0.5))
            except fastnn.RecordingError as error:
                assert "changed while it was recorded" in str(error)
            else:
                seen |= set(y.tolist())
        return seen

    values = set().union(*hammer(job))
    whole = {(a + b) / 2 for a in range(1, 5) for b in range(1, 5)}  # recorded while it changes
    assert values <= whole and 4.0 in values


def test_compiled_functions_call_each_other() -> None:
    double = fastnn.compile(lambda x: x * 2)
    outer = fastnn.compile(lambda x: double(x) + 1)
    inner = fastnn.compile(lambda x: outer(x) - 1)
    functions = [double, outer, inner]

    def job(i: int) -> list[float]:
        out = []
        for k in range(100):
            out += functions[(i + k) % 3](fastnn.full((1 + (i + k) // 3 % 4,), 1.0)).tolist()[:1]
        return out

    for i, values in enumerate(hammer(job)):
        assert values == [[2.0, 3.0, 2.0][(i + k) % 3] for k in range(100)]


@pytest.mark.long
def test_writes_in_place_are_seen_by_the_thread_that_wrote() -> None:
    """The map of writes is one for all: no write is lost while another thread reads it."""

    def job(i: int) -> int:
        caught = 0
        for _ in range(150):
            x = fastnn.ones(4, requires_grad=True)
            y = x.exp()
            z = y.sum()
            y.detach().mul_(2.0)
            try:
                z.backward()
                y2 = (x * y).sum()
                y2.backward()
            except RuntimeError as error:
                assert "modified by an inplace operation" in str(error)
                caught += 1
        return caught

    assert hammer(job) == [150] * THREADS
    assert len(versions._recent) < versions.MOST


def test_random_numbers_are_drawn_once() -> None:
    fastnn.manual_seed(3)
    want = set(fastnn.rand(THREADS * 500).tolist())
    fastnn.manual_seed(3)
    found = hammer(lambda i: [fastnn.rand(1).item() for _ in range(500)])
    assert {x for drawn in found for x in drawn} == want


def test_keys_of_dropout_are_drawn_once() -> None:
    """Two threads never get the same mask."""
    masks = hammer(
        lambda i: [nn.functional.dropout(fastnn.ones(64)).numpy().tobytes() for _ in range(100)]
    )
    assert len({mask for drawn in masks for mask in drawn}) == THREADS * 100


def test_fits_side_by_side_give_what_one_alone_gives() -> None:
    x = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    y = x @ np.ones((8, 1), np.float32)

    def fit(i: int) -> bytes:
        with fastnn.random.fork_rng():
            generator = np.random.default_rng(i)
            model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
            for p in model.parameters():
                p.data[...] = fastnn.tensor(generator.normal(size=p.shape).astype(np.float32))
        trainer = fastnn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=1e-2))
        trainer.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0)
        return b"".join(p.detach().numpy().tobytes() for p in model.parameters())

    assert hammer(fit) == [fit(i) for i in range(THREADS)]


@pytest.mark.long
def test_one_model_predicts_while_its_size_changes() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    rows = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
    want = model.predict(rows)

    def job(i: int) -> bool:
        return all(
            np.array_equal(model.predict(rows[: 1 + (i + k) % 64]), want[: 1 + (i + k) % 64])
            for k in range(100)
        )

    assert hammer(job) == [True] * THREADS


def test_one_program_runs_for_one_caller_at_a_time() -> None:
    """Calls of one shape share an arena: without turns one gets another's numbers."""
    model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
    rows = np.random.default_rng(2).normal(size=(THREADS, 4, 8)).astype(np.float32)
    want = [model.predict(part).copy() for part in rows]
    square = fastnn.compile(lambda x: (x * x + x).exp().sum(1))
    squares = [square(fastnn.tensor(part)).tolist() for part in rows]

    def job(i: int) -> int:
        x = fastnn.tensor(rows[i])
        wrong = 0
        for _ in range(500):
            wrong += not np.array_equal(model.predict(rows[i]), want[i])
            wrong += square(x).tolist() != squares[i]
        return wrong

    assert hammer(job) == [0] * THREADS

"""No thread waits for one that waits for it: locks are taken in one order, and the user's code runs
in none but `listener.lock`.

Each test holds one thread within the user's code, which runs while a model is in evaluation mode or
a function is recorded, until another has come as far as it can; then the first asks for what the
other may have. A test that fails hangs, and says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from test_threads import run_together

import fastnn
from fastnn import nn
from fastnn.compiler.compiled import is_recording
from fastnn.tensor import Tensor

ROWS = np.random.default_rng(5).normal(size=(8, 4)).astype(np.float32)
HANG = 30
AS_FAR_AS_IT_CAN = 0.2  # seconds


class Asks(nn.Module):
    """A model that runs in Python to predict, since it has a hook; its forward calls `ask`."""

    def __init__(self, ask: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.ask, self.inside = ask, threading.Event()
        self.register_forward_hook(lambda *_: None)

    def forward(self, x: Tensor) -> Tensor:
        if not is_recording():  # `predict` tries that first
            self.inside.set()
            time.sleep(AS_FAR_AS_IT_CAN)
            self.ask(x)
        return x


def other_model() -> Callable[[Any], Any]:
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh())
    return lambda x: model.predict(ROWS[: len(x)])


def other_hooked_model() -> Callable[[Any], Any]:
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh())
    model.register_forward_hook(lambda *_: None)
    return lambda x: model.predict(ROWS[: len(x)])


def compiled_function() -> Callable[[Any], Any]:
    return fastnn.compile(lambda x: (x * 2).sum())


def function_that_runs_in_python() -> Callable[[Any], Any]:
    class Unseen:
        __slots__ = ("__dict__",)

        def __getattribute__(self, name: str) -> float:
            return 2.0

    unseen: Any = Unseen()
    return fastnn.compile(lambda x: (x * unseen.factor).sum())


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "make", [other_model, other_hooked_model, compiled_function, function_that_runs_in_python]
)
def test_what_a_forward_pass_asks_for_another_thread_may_have(
    make: Callable[[], Callable[[Any], Any]],
) -> None:
    """The other has it, and waits for the first, which has all models' modes to itself."""
    asked = make()
    asked(fastnn.tensor(ROWS[:2]))
    model = Asks(asked)

    def first() -> None:
        model.predict(ROWS[:3])

    def second() -> None:
        assert model.inside.wait(HANG)
        asked(fastnn.tensor(ROWS[:4]))  # another shape: to be recorded

    assert run_together([first, second]) == []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_lock_of_the_users_and_a_function_that_runs_in_python() -> None:
    """One thread takes the lock and calls the function, the other calls it, and it takes the
    lock."""
    own, calling = threading.Lock(), threading.Event()

    class Keeper:
        __slots__ = ("__dict__",)

        def __getattribute__(self, name: str) -> float:
            return 1.0

    keeper: Any = Keeper()
    in_python = fastnn.compile(lambda x: x * keeper.factor)
    in_python(fastnn.tensor(ROWS))
    assert in_python.doubts

    def body(x: Tensor) -> Tensor:
        calling.set()
        time.sleep(AS_FAR_AS_IT_CAN)
        with own:
            return x * keeper.factor

    in_python.fn = body

    def first() -> None:
        with own:
            assert calling.wait(HANG)
            in_python.fn = lambda x: x
            in_python(fastnn.tensor(ROWS))

    assert run_together([first, lambda: in_python(fastnn.tensor(ROWS))]) == []


def test_a_key_is_recorded_once() -> None:
    """Threads that call with the same new shape wait for the one that records it."""
    f = fastnn.compile(lambda x: (x @ x.T).tanh().sum())
    jobs = [lambda: f(fastnn.ones(16, 16)) for _ in range(6)]
    assert run_together(jobs) == []
    assert f.recordings == 1
    value = f(fastnn.ones(16, 16)).item()
    assert value == (fastnn.ones(16, 16) @ fastnn.ones(16, 16).T).tanh().sum().item()


def test_every_change_of_a_module_is_another() -> None:
    """No thread's count takes another's back to where it was: programs go by it."""
    seen: list[list[int]] = [[] for _ in range(6)]

    def job(own: list[int]) -> None:
        module = nn.Module()
        for i in range(3000):
            module.setting = i
            own.append(nn.Module.changes)

    assert run_together([lambda own=own: job(own) for own in seen]) == []
    again = sum(a == b for own in seen for a, b in pairwise(own))
    assert again == 0

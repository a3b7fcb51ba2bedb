"""What a trial run changed of the user's is as it was before: `compiled.record(..., undo=True)`."""

from __future__ import annotations

import functools
import random
import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastnn.compiler import compiled
from fastnn.tensor import Tensor

X = np.ones((2, 3), np.float32)


class Slots:
    __slots__ = ("k", "other")

    def __init__(self) -> None:
        self.k = 1.0


class Named:
    k = 1.0


def frozen(values: Any) -> Any:
    values.flags.writeable = False
    return values


def _class_of(kind: Any) -> Any:
    """A user's class of this container."""
    return type(f"My{kind.__name__}", (kind,), {})


# What is there before; what the function does with it; what is looked at then.
CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "attribute": (Named, lambda o: setattr(o, "k", o.k + 1), vars),
    "slot": (Slots, lambda o: setattr(o, "k", o.k + 1), lambda o: (o.k, hasattr(o, "other"))),
    "list": (lambda: [1, 2], lambda o: o.append(3), list),
    "set": (lambda: {1, 2}, lambda o: o.add(len(o) + 1), sorted),
    "deque": (lambda: deque([1, 2], 3), lambda o: o.append(o[-1] + 1), list),
    "dict": (lambda: {"a": 1, "b": 2}, lambda o: o.update(a=o["a"] + 1), lambda o: list(o.items())),
    "its order": (lambda: {"a": 1, "b": 2}, lambda o: o.update(a=o.pop("a")), list),
    "ordered": (lambda: OrderedDict(a=1, b=2), lambda o: o.update(a=o["a"] + 1),
                lambda o: list(o.items())),
    **{f"of {kind.__name__}": (functools.partial(_class_of(kind), given), add, list)
       for kind, given, add in (
           (list, [1], lambda o: o.append(len(o))),
           (set, [1], lambda o: o.add(len(o) + 1)),
           (deque, [1], lambda o: o.append(len(o))),
           (dict, {"a": 1}, lambda o: o.update({len(o): 2})),
           (OrderedDict, {"a": 1}, lambda o: o.update({len(o): 2})))},
    "array": (lambda: np.ones(3), lambda o: o.__setitem__(0, o[0] + 1), np.ndarray.tolist),
    "beside what stays": (
        lambda: [[1], OrderedDict(a=1), {"a": 1}, frozen(np.ones(3)), {1}],
        lambda o: o[0].append(len(o[1]) + len(o[2]) + o[3].size + len(o[4])),
        lambda o: [o[0], o[1], o[2], o[3].tolist(), o[4]],
    ),
    "Random": (lambda: random.Random(3), lambda o: o.random(), random.Random.getstate),
    "Generator": (lambda: np.random.default_rng(3), lambda o: o.random(),
                  lambda o: o.bit_generator.state),
    "RandomState": (lambda: np.random.RandomState(3), lambda o: o.rand(),
                    lambda o: o.get_state()[1].tolist()),
    "global numbers": (lambda: 0, lambda _: random.random() + np.random.rand(),
                       lambda _: (random.getstate(), np.random.get_state()[1].tolist())),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_it_is_put_back(name: str) -> None:
    make, change, look = CHANGES[name]
    state, runs = make(), [0]

    def fn(x: Tensor) -> Tensor:
        runs[0] += 1
        change(state)
        return x * 2

    before = str(look(state))
    _, recording = compiled.record(fn, [X], undo=True)
    assert str(look(state)) == before
    assert runs == [0] and recording.captures.doubts
    change(state)
    assert str(look(state)) != before  # it would have been seen


def test_python_s_numbers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where NumPy's have never been used."""
    monkeypatch.delitem(sys.modules, "numpy.random")
    count = [0]

    def fn(x: Tensor) -> Tensor:
        count[0] += 1
        return x * random.random()

    before = random.getstate()
    compiled.record(fn, [X], undo=True)
    assert random.getstate() == before and count == [0]

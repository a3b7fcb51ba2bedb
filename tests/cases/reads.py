"""Forms of reading state in a function of one tensor: `name: make`, where make() gives the function
and what changes the state. Each call of make has a state of its own.

The plain forms stand in a table of source texts: (what sets the state up, the value that is read,
the change). The function multiplies its argument by the value.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable
from typing import Any

import fastnn
import fastnn.nn.functional as F
from fastnn import nn
from tests.cases import (
    reads_of_bases,
    reads_of_functions,
    reads_of_methods,
    reads_of_names,
    reads_of_parts,
    reads_of_things,
)

Function = Callable[[Any], Any]
Form = tuple[Function, Callable[[], object]]

_SETUP = """
import abc, argparse, array, builtins, collections, contextlib, contextvars, copy, dataclasses, enum
import functools, importlib, inspect, io, itertools, math, operator, os, pathlib, random, sys
import tempfile, threading, time, types, typing, weakref
import numpy as np
import fastnn
from fastnn import nn, optim
import fastnn.nn.functional as F

class Box:
    shared = 1.0
    def __init__(self, k=1.0, **more):
        self.k = k
        self.__dict__.update(more)
    def get(self):
        return self.k
    @property
    def prop(self):
        return self.k
    @classmethod
    def of_class(cls):
        return cls.shared
    @staticmethod
    def static():
        return Box.shared

box = Box()
ns = types.SimpleNamespace(k=1.0)
d = {"k": 1.0, "j": 2.0}
items = [1.0, 2.0]
one = np.ones(3)
X = fastnn.ones(3)
w = nn.Parameter(np.ones(3, np.float32))
"""

# name: (set up, value, change)
TEXTS: dict[str, tuple[str, str, str]] = {
    name: form
    for part in (
        reads_of_names,
        reads_of_methods,
        reads_of_functions,
        reads_of_things,
        reads_of_parts,
        reads_of_bases,
    )
    for name, form in part.TEXTS.items()
}

# Each call gives another value: these have to raise, or run again.
FRESH: dict[str, tuple[str, str]] = {
    "time": ("", "time.time()"),
    "perf_counter": ("from time import perf_counter", "float(perf_counter())"),
    "random": ("", "random.random()"),
    "random kept": ("draw = random.random", "draw()"),
    "own random": ("r = random.Random(0)", "r.random()"),
    "NumPy random": ("", "float(np.random.rand())"),
    "NumPy normal": ("from numpy.random import normal", "float(normal())"),
    "NumPy generator": ("g = np.random.default_rng(0)", "float(g.normal())"),
    "uuid": ("import uuid", "float(uuid.uuid4().int % 1000003)"),
    "urandom": ("", "float(int.from_bytes(os.urandom(3), 'big'))"),
    "secrets": ("import secrets", "float(secrets.randbelow(1 << 20))"),
    "counter": ("c = itertools.count()", "float(next(c))"),
    "iterator": ("i = iter(range(100))", "float(next(i))"),
    "generator": ("g = (float(v) for v in range(100))", "next(g)"),
    "appends": ("", "float(items.append(1.0) or len(items))"),
    "pops": ("l = [float(v) for v in range(100)]", "l.pop()"),
    "attribute counts": ("def count():\n    box.k += 1.0\n    return box.k", "count()"),
    "set default": ("", "float(d.setdefault(len(d), 1.0) + len(d))"),
    "datetime": ("import datetime", "datetime.datetime.now().timestamp()"),
}

_numbers = itertools.count()
_FORWARDS = [(kind, kind.forward) for kind in (nn.ReLU, nn.LeakyReLU)]


def reset() -> None:
    """Undo what forms change in this package."""
    for kind, forward in _FORWARDS:
        kind.forward = forward  # type: ignore[method-assign]
        vars(forward).clear()
    vars(F.relu).pop("k", None)
    for where in (fastnn, fastnn.Tensor, nn.ReLU):
        for name in ("spare", "k"):
            if name in vars(where):
                delattr(where, name)


def _module(setup: str, value: str) -> dict[str, Any]:
    """The names of a new module with the function `f`."""
    import sys

    reset()
    name = f"reads_{next(_numbers)}"
    made = types.ModuleType(name)
    other = types.ModuleType(f"{name}_other")
    other.k = 1.0  # type: ignore[attr-defined]
    sys.modules[name], sys.modules[other.__name__] = made, other
    space = vars(made)
    exec(_SETUP, space)
    space["module"] = other
    exec(setup, space)
    exec(f"def f(x):\n    return x * ({value})", space)
    return space


def form(name: str) -> Form:
    """The function of a form in TEXTS, and its change."""
    setup, value, change = TEXTS[name]
    space = _module(setup, value)
    return space["f"], lambda: exec(change, space)


def fresh(name: str) -> Function:
    """The function of a form in FRESH."""
    found: Function = _module(*FRESH[name])["f"]
    return found

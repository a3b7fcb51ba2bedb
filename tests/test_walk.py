"""Every argument of every constructor, with values that it cannot have: the message names it."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fastnn
from fastnn import callbacks, nn, optim
from fastnn.optim import lr_scheduler

WRONG: dict[str, Any] = {
    "a text": "wrong", "an object": object(), "a dict": {"a": 1}, "nan": float("nan"),
    "a negative number": -7.5, "lists": [[[]]],
}  # fmt: skip
SURELY = "an object"  # no argument takes it, but those without effect
# Accepted as torch has them, without effect.
IDLE = {"foreach", "capturable", "fused", "size_average", "reduce", "device", "args", "kwargs"}
# Other names of one argument: the message has the first.
NAMES = {
    "axis": "dim",
    "min_value": "min_val",
    "max_value": "max_val",
    "modules": "module",
    "parameters": "data",
}
ELSEWHERE = {("ParameterList", "values"), ("ModuleDict", "modules"), ("Optimizer", "params")}

TRIES: list[tuple[Any, ...]] = [
    (), (4,), (4, 4), (2, 4), ((4,),), (1, (2, 2)), (2, 4, 2), (4, 4, 4), (4, 2, 2, 2),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a path may write a file called "wrong"."""
    monkeypatch.chdir(tmp_path)


def sgd() -> Any:
    return optim.SGD([nn.Parameter(fastnn.ones(2))], lr=0.1, momentum=0.9)


SCHEDULES: dict[str, tuple[Any, ...]] = {
    "StepLR": (2,), "MultiStepLR": ([2],), "ExponentialLR": (0.9,), "CosineAnnealingLR": (5,),
    "CosineAnnealingWarmRestarts": (5,), "OneCycleLR": (0.1, 10), "CyclicLR": (0.01, 0.1),
    "LinearLR": (), "ConstantLR": (), "PolynomialLR": (), "ReduceLROnPlateau": (),
    "LambdaLR": (lambda t: 1.0,), "MultiplicativeLR": (lambda t: 1.0,),
}  # fmt: skip
CALLBACKS: dict[str, tuple[Any, ...]] = {
    "EarlyStopping": (), "ReduceLROnPlateau": (), "TimeBudget": (1.0,), "ModelCheckpoint": ("a",),
    "CSVLogger": ("a",),
}  # fmt: skip


def arguments_of(kind: Any) -> tuple[Any, ...] | None:
    """Arguments that make one; None where it takes others, such as modules."""
    if issubclass(kind, optim.Optimizer):
        return ([nn.Parameter(fastnn.ones(2, 2))],)
    for given in TRIES:
        try:
            kind(*given)
        except (TypeError, ValueError, AttributeError):
            continue
        return given
    return None


def kinds() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    found = [k for k in vars(nn).values() if isinstance(k, type) and issubclass(k, nn.Module)]
    found += [k for k in vars(optim).values()
              if isinstance(k, type) and issubclass(k, optim.Optimizer)
              and k is not optim.Optimizer]  # fmt: skip
    made = {k.__name__: (k, arguments_of(k)) for k in found}
    known = {name: (kind, given) for name, (kind, given) in made.items() if given is not None}
    for name, given in SCHEDULES.items():
        known[f"lr_scheduler.{name}"] = getattr(lr_scheduler, name), (sgd(), *given)
    for name, given in CALLBACKS.items():
        known[f"callbacks.{name}"] = getattr(callbacks, name), given
    return known


KINDS = kinds()


def test_nearly_all_are_there() -> None:
    assert len(KINDS) > 120


def with_argument(kind: Any, given: tuple[Any, ...], name: str, value: Any) -> Callable[[], Any]:
    bound = inspect.signature(kind).bind_partial(*given)
    bound.arguments[name] = value
    return lambda: kind(*bound.args, **bound.kwargs)


@pytest.mark.parametrize("name", KINDS)
def test_a_constructor(name: str) -> None:
    kind, given = KINDS[name]
    wrong = []
    for argument, parameter in inspect.signature(kind).parameters.items():
        variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if variadic or argument in IDLE or (name, argument) in ELSEWHERE:
            continue
        for what, value in WRONG.items():
            said = ""
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    with_argument(kind, given, argument, value)()
                except (TypeError, ValueError, RuntimeError) as error:
                    said = str(error)
                except Exception as error:
                    wrong.append((argument, what, repr(error)))
                    continue
            blamed = said.partition(":")[0]
            if said and not any(n in blamed for n in (argument, NAMES.get(argument, argument))):
                wrong.append((argument, what, said))
            if not said and what == SURELY:
                wrong.append((argument, what, "accepted"))
    assert not wrong, "\n".join(map(str, wrong))

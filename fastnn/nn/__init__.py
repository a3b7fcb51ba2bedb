"""Layers, activations, losses and what they are made of."""

import inspect as _inspect
from typing import Any as _Any

from fastnn._support.late import late as _late
from fastnn.nn import activations, functional, init, layers, losses, utils
from fastnn.nn.activations import *
from fastnn.nn.layers import *
from fastnn.nn.losses import *
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter, ParameterTuple
from fastnn.nn.summary import Summary, summary

# Of what the families hold, here are the classes; the functions are in `functional`.
for _name in functional.__all__:
    globals().pop(_name, None)


def _is_of_a_family(value: object) -> bool:
    homes = activations.__name__, layers.__name__, losses.__name__
    return _inspect.isclass(value) and value.__module__.startswith(homes)


__all__ = [
    "Module",
    "Parameter",
    "ParameterTuple",
    "Summary",
    "functional",
    "init",
    "summary",
    "utils",
    # MindSpore's
    "Cell",
    "CellList",
    "Dense",
    "SequentialCell",
    *(name for name, value in globals().items() if _is_of_a_family(value)),
]


def __getattr__(name: str) -> _Any:
    """What MindSpore has in `nn` besides: cells and optimizers."""
    return _late(__name__, name)

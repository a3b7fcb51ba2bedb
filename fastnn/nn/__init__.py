"""Neural network modules: layers, activations, losses and their base classes."""

import inspect as _inspect
from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

from fastnn._support.late import late as _late, provide as _provide
from fastnn.nn import activations, functional, init, layers, losses
from fastnn.nn.activations import *
from fastnn.nn.layers import *
from fastnn.nn.losses import *
from fastnn.nn.module import Module
from fastnn.nn.parameter import Buffer, Parameter, ParameterTuple
from fastnn.nn.summary import Summary, summary

if _TYPE_CHECKING:
    from fastnn.nn import utils

_provide("fastnn.nn", "fastnn.nn", "utils")  # loaded when it is first asked for

# This module has the classes of the families; `functional` has the functions.
_found = {**vars(activations), **vars(layers), **vars(losses)}
_classes = [name for name, value in _found.items() if _inspect.isclass(value)]
for _name in _found:
    if _name[0] != "_" and _name not in _classes:
        globals().pop(_name, None)

__all__ = [
    "Buffer",
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
    *_classes,
]


def __getattr__(name: str) -> _Any:
    """Further names of MindSpore's `nn`: cells and optimizers."""
    return _late(__name__, name)

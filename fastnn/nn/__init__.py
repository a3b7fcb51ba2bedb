"""Layers, losses and what they are made of."""

from typing import Any

from fastnn.nn import functional, init, utils
from fastnn.nn.activation import ReLU, Sigmoid, Softmax, Tanh
from fastnn.nn.cell import Cell, Dense, SequentialCell
from fastnn.nn.container import Sequential
from fastnn.nn.linear import Identity, Linear
from fastnn.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter, ParameterTuple
from fastnn.nn.summary import Summary, summary

__all__ = [
    "BCEWithLogitsLoss",
    "Cell",
    "CrossEntropyLoss",
    "Dense",
    "Identity",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ParameterTuple",
    "ReLU",
    "Sequential",
    "SequentialCell",
    "Sigmoid",
    "Softmax",
    "Summary",
    "Tanh",
    "functional",
    "init",
    "summary",
    "utils",
]


_OPTIMIZERS = ("SGD", "Adam", "Momentum")


def __getattr__(name: str) -> Any:
    """MindSpore's optimizers, which it has in `nn`, when one is asked for."""
    if name not in _OPTIMIZERS:
        raise AttributeError(f"module 'fastnn.nn' has no attribute {name!r}")
    from fastnn.mindspore import optim

    return getattr(optim, name)

"""Layers, losses and what they are made of."""

from fastnn.nn import functional, init
from fastnn.nn.activation import ReLU, Sigmoid, Softmax, Tanh
from fastnn.nn.container import Sequential
from fastnn.nn.linear import Identity, Linear
from fastnn.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.nn.summary import Summary, summary

__all__ = [
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Identity",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Summary",
    "Tanh",
    "functional",
    "init",
    "summary",
]

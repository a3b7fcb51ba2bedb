"""MindSpore's `nn`: cells, layers, losses, optimizers, learning rates, metrics."""

from fastnn.mindspore import metrics
from fastnn.mindspore.metrics import *
from fastnn.mindspore.nn import activations, layers, losses, optim, rates
from fastnn.mindspore.nn.activations import *
from fastnn.mindspore.nn.cell import Cell, CellDict, CellList, LossBase, SequentialCell
from fastnn.mindspore.nn.layers import *
from fastnn.mindspore.nn.losses import *
from fastnn.mindspore.nn.optim import *
from fastnn.mindspore.nn.rates import *
from fastnn.mindspore.nn.wrap import TrainOneStepCell, WithEvalCell, WithLossCell
from fastnn.mindspore.transforms import ForwardValueAndGrad

__all__ = [
    "Cell",
    "CellDict",
    "CellList",
    "ForwardValueAndGrad",
    "LossBase",
    "SequentialCell",
    "TrainOneStepCell",
    "WithEvalCell",
    "WithLossCell",
    *activations.__all__,
    *layers.__all__,
    *losses.__all__,
    *optim.__all__,
    *rates.__all__,
    *metrics.__all__,
]

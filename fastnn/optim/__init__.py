"""Optimizers."""

from fastnn.optim import lr_scheduler, swa_utils
from fastnn.optim.adam import Adam, AdamW
from fastnn.optim.adam_variants import Adamax, Lion, NAdam, RAdam
from fastnn.optim.adaptive import Adadelta, Adagrad, RMSprop
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.sgd import SGD, EMAMomentum
from fastnn.optim.signs import ASGD, Rprop

__all__ = [
    "ASGD",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "EMAMomentum",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "swa_utils",
]

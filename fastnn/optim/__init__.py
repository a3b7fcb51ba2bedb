"""Optimizers."""

from fastnn.optim import lr_scheduler, swa_utils
from fastnn.optim.adam import Adam, AdamW
from fastnn.optim.adam_variants import Adamax, Lion, NAdam, RAdam
from fastnn.optim.adaptive import Adadelta, Adagrad, RMSprop
from fastnn.optim.lbfgs import LBFGS
from fastnn.optim.levenberg_marquardt import LevenbergMarquardt
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.sgd import SGD, EMAMomentum
from fastnn.optim.signs import ASGD, Rprop

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "EMAMomentum",
    "LevenbergMarquardt",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "swa_utils",
]

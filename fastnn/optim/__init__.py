"""Optimizers, one file per family."""

from fastnn.optim import (
    adam,
    adaptive,
    lbfgs,
    levenberg_marquardt,
    lr_scheduler,
    sgd,
    signs,
    swa_utils,
)
from fastnn.optim.adam import *
from fastnn.optim.adaptive import *
from fastnn.optim.lbfgs import *
from fastnn.optim.levenberg_marquardt import *
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.sgd import *
from fastnn.optim.signs import *

__all__ = [
    "Optimizer",
    "lr_scheduler",
    "swa_utils",
    *adam.__all__,
    *adaptive.__all__,
    *lbfgs.__all__,
    *levenberg_marquardt.__all__,
    *sgd.__all__,
    *signs.__all__,
]

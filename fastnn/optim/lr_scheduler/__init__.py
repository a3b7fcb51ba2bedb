"""Learning rate schedulers, torch's `optim.lr_scheduler`.

A scheduler sets `lr` (some also the momentum) of an optimizer's groups when it is made, and again
at each `step()`. Call `step()` after `optimizer.step()`, once per epoch or once per batch.
`Trainer.fit` takes a scheduler as `scheduler=`; in your own loop, call it outside the compiled
function.
"""

from fastnn.optim.lr_scheduler.base import LRScheduler, settings_by_step
from fastnn.optim.lr_scheduler.chain import ChainedScheduler, SequentialLR
from fastnn.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from fastnn.optim.lr_scheduler.cyclic import CyclicLR, OneCycleLR
from fastnn.optim.lr_scheduler.factors import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from fastnn.optim.lr_scheduler.plateau import ReduceLROnPlateau

_LRScheduler = LRScheduler  # its name in older torch

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "settings_by_step",
]

"""Optimizers, one file per family."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from fastnn._support.late import late as _late, provide as _provide
from fastnn.optim import adam, adaptive, muon, sgd, signs
from fastnn.optim.adam import *
from fastnn.optim.adaptive import *
from fastnn.optim.muon import *
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.sgd import *
from fastnn.optim.signs import *

if _TYPE_CHECKING:
    from fastnn.optim import lr_scheduler, swa_utils
    from fastnn.optim.lbfgs import LBFGS
    from fastnn.optim.levenberg_marquardt import LevenbergMarquardt

# What is loaded when it is first asked for.
_provide(__name__, __name__, "lbfgs levenberg_marquardt lr_scheduler swa_utils")
_provide(__name__, "fastnn.optim.lbfgs", "LBFGS")
_provide(__name__, "fastnn.optim.levenberg_marquardt", "LevenbergMarquardt")

__all__ = [
    "Optimizer",
    "lr_scheduler",
    "swa_utils",
    *adam.__all__,
    *adaptive.__all__,
    "LBFGS",
    "LevenbergMarquardt",
    *muon.__all__,
    *sgd.__all__,
    *signs.__all__,
]


if not _TYPE_CHECKING:  # a type checker knows all the names, and refuses others

    def __getattr__(name: str) -> object:
        return _late(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

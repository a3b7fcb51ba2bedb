"""Automatic differentiation: gradients of tensors, custom functions, gradient checks."""

from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

from fastnn._support.late import late as _late, provide as _provide
from fastnn.autograd.variable import Variable
from fastnn.backward import hooks
from fastnn.backward.anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from fastnn.backward.backward import backward, zero_grad
from fastnn.backward.custom import Context, Function, once_differentiable
from fastnn.backward.gradients import leads_to
from fastnn.tape import versions
from fastnn.tape.inference import check_writable, only_reads
from fastnn.tape.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from fastnn.tape.node import GradientRule, Node

if _TYPE_CHECKING:
    from fastnn.autograd import function, functional
    from fastnn.transforms.by_tensors import grad
    from fastnn.transforms.checking import GradcheckError, gradcheck, gradgradcheck

# What a script may do without is loaded when it is first asked for.
_provide("fastnn.autograd", "fastnn.autograd", "function functional")
_provide("fastnn.autograd", "fastnn.transforms.by_tensors", "grad")
_provide("fastnn.autograd", "fastnn.transforms.checking", "GradcheckError gradcheck gradgradcheck")

__all__ = [
    "Context",
    "Function",
    "GradcheckError",
    "GradientRule",
    "Node",
    "Variable",
    "backward",
    "check_writable",
    "detect_anomaly",
    "enable_grad",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "hooks",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "leads_to",
    "no_grad",
    "once_differentiable",
    "only_reads",
    "set_detect_anomaly",
    "set_grad_enabled",
    "versions",
    "zero_grad",
]


def __getattr__(name: str) -> _Any:
    return _late(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The tape, gradients of what it holds, functions with gradients of their own, checks of them."""

from fastnn.autograd import functional, hooks, versions
from fastnn.autograd.anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from fastnn.autograd.checking import GradcheckError, gradcheck, gradgradcheck
from fastnn.autograd.custom import Context, Function, once_differentiable
from fastnn.autograd.graph import grad, leads_to
from fastnn.autograd.inference import check_writable, only_reads
from fastnn.autograd.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from fastnn.autograd.tape import GradientRule, Node, backward, zero_grad

__all__ = [
    "Context",
    "Function",
    "GradcheckError",
    "GradientRule",
    "Node",
    "backward",
    "check_writable",
    "detect_anomaly",
    "enable_grad",
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

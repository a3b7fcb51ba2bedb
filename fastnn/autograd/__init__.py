"""The tape, gradients of what it holds, functions with gradients of their own, checks of them."""

from fastnn.autograd.tape import (
    GradientRule,
    Node,
    backward,
    enable_grad,
    gradients,
    is_grad_enabled,
    leaves_of,
    no_grad,
    set_grad_enabled,
    zero_grad,
)

__all__ = [
    "GradientRule",
    "Node",
    "backward",
    "enable_grad",
    "gradients",
    "is_grad_enabled",
    "leaves_of",
    "no_grad",
    "set_grad_enabled",
    "zero_grad",
]

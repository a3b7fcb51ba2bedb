"""The way back: backward passes, hooks, anomaly mode, custom functions, pullbacks."""

import sys

from fastnn._core.backward import bind
from fastnn.backward import hooks
from fastnn.backward.backward import backward, zero_grad
from fastnn.backward.hooks import register_hook, retain_grad
from fastnn.ops.elementwise import add
from fastnn.tape import versions
from fastnn.tensor.methods import gradients

__all__ = ["backward", "register_hook", "retain_grad", "zero_grad"]

gradients.backward = sys.modules[__name__]  # Tensor's methods of these names call them
bind(
    add=add,
    checked=versions.checked,
    check_view=versions.check_view,
    hooks=hooks.live,
    after_hooks=hooks.passed,
)

"""The backward pass: hooks, anomaly mode, custom functions and pullbacks."""

from fastnn._core.backward import bind
from fastnn.backward import hooks
from fastnn.backward.backward import backward, zero_grad
from fastnn.backward.hooks import register_hook, retain_grad
from fastnn.backward.methods import METHODS
from fastnn.ops.elementwise import add
from fastnn.tape import versions
from fastnn.tensor.attach import attach

__all__ = ["backward", "register_hook", "retain_grad", "zero_grad"]

attach(METHODS)
bind(
    add=add,
    checked=versions.checked,
    check_view=versions.check_view,
    hooks=hooks.live,
    after_hooks=hooks.passed,
)

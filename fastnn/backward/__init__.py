"""The way back: backward passes, hooks, anomaly mode, custom functions, pullbacks."""

from fastnn.backward.backward import backward, zero_grad
from fastnn.backward.hooks import register_hook, retain_grad
from fastnn.backward.methods import METHODS
from fastnn.tensor.attach import attach

__all__ = ["backward", "register_hook", "retain_grad", "zero_grad"]

attach(METHODS)

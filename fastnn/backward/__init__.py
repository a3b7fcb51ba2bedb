"""The way back: backward passes, hooks, anomaly mode, custom functions, pullbacks."""

import sys

from fastnn.backward.backward import backward, zero_grad
from fastnn.backward.hooks import register_hook, retain_grad
from fastnn.tensor.methods import gradients

__all__ = ["backward", "register_hook", "retain_grad", "zero_grad"]

gradients.backward = sys.modules[__name__]  # Tensor's methods of these names call them

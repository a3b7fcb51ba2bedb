"""Model inspection: a traced forward and backward pass, input gradients, feature importance, and
what an export will contain (`contents`)."""

from typing import Any

from fastnn._support.late import late as _late
from fastnn.explain.importance import input_gradients, permutation_importance
from fastnn.explain.trace import Layer, Trace, Weight, trace

__all__ = ["Layer", "Trace", "Weight", "input_gradients", "permutation_importance", "trace"]


def __getattr__(name: str) -> Any:
    return _late("fastnn.explain", name)

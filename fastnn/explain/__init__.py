"""Model inspection: a traced forward and backward pass, importance, attributions, dependence, and
what an export will contain (`contents`)."""

import sys
from typing import Any

from fastnn._support.blame import name_arguments
from fastnn._support.late import late as _late
from fastnn.explain.attribution import integrated_gradients
from fastnn.explain.curves import Calibration, Dependence, calibration, partial_dependence
from fastnn.explain.importance import input_gradients, permutation_importance
from fastnn.explain.trace import Layer, Trace, Weight, trace

__all__ = [
    "Calibration",
    "Dependence",
    "Layer",
    "Trace",
    "Weight",
    "calibration",
    "input_gradients",
    "integrated_gradients",
    "partial_dependence",
    "permutation_importance",
    "trace",
]


def __getattr__(name: str) -> Any:
    return _late("fastnn.explain", name)


name_arguments(sys.modules[__name__])

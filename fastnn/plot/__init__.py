"""Plots with matplotlib (extra `plot`), without global state.

Every function draws on the given axes, or on a new figure, and returns the axes; no window opens
and `pyplot` is never imported. ``axes.figure.savefig(path)`` saves the plot.
"""

import sys

from fastnn._support.blame import name_arguments
from fastnn.plot.curves import activations, schedules
from fastnn.plot.explanations import calibration, importance, partial_dependence
from fastnn.plot.models import decision_boundary, loss_landscape, weight_histograms
from fastnn.plot.training import (
    confusion_matrix,
    learning_curves,
    predicted_against_true,
    training_report,
)

__all__ = [
    "activations",
    "calibration",
    "confusion_matrix",
    "decision_boundary",
    "importance",
    "learning_curves",
    "loss_landscape",
    "partial_dependence",
    "predicted_against_true",
    "schedules",
    "training_report",
    "weight_histograms",
]

name_arguments(sys.modules[__name__])

"""Plots with matplotlib (extra `plot`), without global state.

Every function draws on the given axes, or on a new figure, and returns the axes; no window opens
and `pyplot` is not imported (`callbacks.LivePlot` does both). ``axes.figure.savefig(path)`` saves
the plot; in Jupyter the plots of a cell are shown below it. Titles and labels that you set, before
or after, replace those of the plot. Truth comes before predictions, as in scikit-learn's displays;
by name any order will do.
"""

import sys

from fastnn._support.blame import name_arguments
from fastnn.plot.axes import PALETTE
from fastnn.plot.curves import activations, losses, schedules
from fastnn.plot.decisions import decision_boundary
from fastnn.plot.explanations import calibration, importance, partial_dependence
from fastnn.plot.models import gradient_norms, loss_landscape, weight_histograms
from fastnn.plot.paths import optimizer_paths
from fastnn.plot.training import (
    confusion_matrix,
    learning_curves,
    predicted_against_true,
    training_report,
)

__all__ = [
    "PALETTE",
    "activations",
    "calibration",
    "confusion_matrix",
    "decision_boundary",
    "gradient_norms",
    "importance",
    "learning_curves",
    "loss_landscape",
    "losses",
    "optimizer_paths",
    "partial_dependence",
    "predicted_against_true",
    "schedules",
    "training_report",
    "weight_histograms",
]

name_arguments(sys.modules[__name__])

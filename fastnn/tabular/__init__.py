"""Tabular data: rows as they come, encoding, splitting, and models that keep all of it."""

from fastnn.tabular.cells import MISSING
from fastnn.tabular.estimators import TabularClassifier, TabularRegressor
from fastnn.tabular.explanations import Importance, attributions, dependence, importance
from fastnn.tabular.frame import Column, Form, Frame, as_frame
from fastnn.tabular.model import TabularModel
from fastnn.tabular.notices import LeakageWarning
from fastnn.tabular.reading import read_table
from fastnn.tabular.table import DATASETS, Table, load_table, read_csv, with_target
from fastnn.tabular.training import Result, Settings, defaults, train

__all__ = [
    "DATASETS",
    "MISSING",
    "Column",
    "Form",
    "Frame",
    "Importance",
    "LeakageWarning",
    "Result",
    "Settings",
    "Table",
    "TabularClassifier",
    "TabularModel",
    "TabularRegressor",
    "as_frame",
    "attributions",
    "defaults",
    "dependence",
    "importance",
    "load_table",
    "read_csv",
    "read_table",
    "train",
    "with_target",
]

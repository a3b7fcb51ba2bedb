"""Activations: a file for each family, function and module of a thing side by side."""

from fastnn.nn.activations.exponential import *
from fastnn.nn.activations.piecewise import *
from fastnn.nn.activations.rectifiers import *
from fastnn.nn.activations.smooth import *
from fastnn.nn.activations.softmax import *

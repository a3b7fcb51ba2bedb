"""Activations, one file per family; each has the function and its module class."""

from fastnn.nn.activations.exponential import *
from fastnn.nn.activations.piecewise import *
from fastnn.nn.activations.randomized import *
from fastnn.nn.activations.rectifiers import *
from fastnn.nn.activations.smooth import *
from fastnn.nn.activations.softmax import *

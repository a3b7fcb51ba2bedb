"""Losses, one file per family; each has the function and its module class."""

from fastnn.nn.losses.binary import *
from fastnn.nn.losses.cross_entropy import *
from fastnn.nn.losses.focal import *
from fastnn.nn.losses.likelihood import *
from fastnn.nn.losses.margin import *
from fastnn.nn.losses.pairs import *
from fastnn.nn.losses.quantile import *
from fastnn.nn.losses.regression import *
from fastnn.nn.losses.zero_one import *

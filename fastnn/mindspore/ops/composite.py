"""Functions of functions, as MindSpore's `ops.composite`."""

from fastnn.mindspore.ops.functions import clip_by_global_norm, clip_by_value
from fastnn.mindspore.ops.structures import HyperMap, Map, MultitypeFuncGraph
from fastnn.mindspore.transforms import GradOperation

__all__ = [
    "GradOperation",
    "HyperMap",
    "Map",
    "MultitypeFuncGraph",
    "clip_by_global_norm",
    "clip_by_value",
]

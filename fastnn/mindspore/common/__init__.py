"""MindSpore's `common`: tensors, parameters, dtypes, seeds, initializers."""

from fastnn.mindspore.common import dtype, initializer
from fastnn.mindspore.common.initializer import Initializer
from fastnn.mindspore.seeds import get_seed, set_seed
from fastnn.mindspore.tensor import Parameter, Tensor
from fastnn.nn.parameter import ParameterTuple

__all__ = [
    "Initializer",
    "Parameter",
    "ParameterTuple",
    "Tensor",
    "dtype",
    "get_seed",
    "initializer",
    "set_seed",
]

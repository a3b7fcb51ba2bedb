"""fastnn: neural nets of dense layers on the CPU, trained as one compiled program."""

from fastnn import nn, ops, optim, random, train
from fastnn import tensor as _tensor  # first: everything else is built on it
from fastnn import threads as _threads
from fastnn._core.engine import isa, isas
from fastnn._recording import RecordingError
from fastnn._version import __version__
from fastnn.autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from fastnn.compile import compile
from fastnn.io import FormatError, load, save
from fastnn.nn import Parameter
from fastnn.ops import (
    abs,
    argmax,
    clamp,
    erf,
    exp,
    log,
    log1p,
    log_softmax,
    matmul,
    maximum,
    mean,
    minimum,
    pow,
    relu,
    sigmoid,
    sign,
    softmax,
    sqrt,
    square,
    sum,
    tanh,
    where,
)
from fastnn.random import manual_seed, rand, randint, randn
from fastnn.tensor import (
    Tensor,
    bool_,
    float32,
    float64,
    from_numpy,
    int64,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from fastnn.threads import num_threads, set_num_threads
from fastnn.train import History, Trainer
from fastnn.transforms import grad, stop_gradient, value_and_grad

__all__ = [
    "FormatError",
    "History",
    "Parameter",
    "RecordingError",
    "Tensor",
    "Trainer",
    "__version__",
    "abs",
    "argmax",
    "bool_",
    "clamp",
    "compile",
    "enable_grad",
    "erf",
    "exp",
    "float32",
    "float64",
    "from_numpy",
    "grad",
    "int64",
    "is_grad_enabled",
    "isa",
    "isas",
    "load",
    "log",
    "log1p",
    "log_softmax",
    "manual_seed",
    "matmul",
    "maximum",
    "mean",
    "minimum",
    "nn",
    "no_grad",
    "num_threads",
    "ones",
    "ones_like",
    "ops",
    "optim",
    "pow",
    "rand",
    "randint",
    "randn",
    "random",
    "relu",
    "save",
    "set_grad_enabled",
    "set_num_threads",
    "sigmoid",
    "sign",
    "softmax",
    "sqrt",
    "square",
    "stop_gradient",
    "sum",
    "tanh",
    "tensor",
    "train",
    "value_and_grad",
    "where",
    "zeros",
    "zeros_like",
]

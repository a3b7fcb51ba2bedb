"""fastnn: neural nets of dense layers on the CPU, trained as one compiled program."""

from math import e, inf, nan, pi
from typing import Any as _Any

from numpy import finfo, iinfo

from fastnn import tensor as _tensor  # first: everything else is built on it

# isort: split
from fastnn import (
    autograd,
    creation,
    dtype,
    func,
    functions,
    guards,
    nn,
    ops,
    optim,
    random,
    sampling,
    train,
)
from fastnn import threads as _threads
from fastnn._core.engine import isa, isas
from fastnn._device import (
    accelerator,
    backends,
    cuda,
    device,
    get_default_device,
    set_default_device,
    set_float32_matmul_precision,
)
from fastnn._recording import RecordingError
from fastnn._version import __version__
from fastnn.autograd import (
    enable_grad,
    inference_mode,
    is_anomaly_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from fastnn.batching import vmap
from fastnn.compile import compile
from fastnn.creation import *
from fastnn.dtype import (
    bool,
    bool_,
    double,
    float,
    float16,
    float32,
    float64,
    half,
    int,
    int8,
    int16,
    int32,
    int64,
    long,
    short,
    uint8,
)
from fastnn.functions import *
from fastnn.io import FormatError, load, save
from fastnn.jacobians import hessian, hvp, jacfwd, jacrev, jvp, vjp
from fastnn.methods.printing import get_printoptions, set_printoptions
from fastnn.nn import Parameter, ParameterTuple
from fastnn.profile import profile
from fastnn.random import (
    Generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    rand,
    randint,
    randn,
    randperm,
    seed,
    set_rng_state,
)
from fastnn.sampling import *
from fastnn.tensor import Tensor
from fastnn.threads import num_threads, set_num_threads
from fastnn.train import History, Trainer, metrics
from fastnn.transforms import get_grad, grad, stop_gradient, value_and_grad

get_num_threads = num_threads
newaxis = None
Size: _Any = tuple  # what shapes are

__all__ = [
    # Tensors, and types of their elements
    "Size",
    "Tensor",
    "get_printoptions",
    "set_printoptions",
    "bool",
    "bool_",
    "double",
    "dtype",
    "float",
    "float16",
    "float32",
    "float64",
    "half",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "long",
    "short",
    "uint8",
    "finfo",
    "iinfo",
    # Constants
    "e",
    "inf",
    "nan",
    "newaxis",
    "pi",
    # Gradients, and functions as programs
    "RecordingError",
    "autograd",
    "compile",
    "enable_grad",
    "func",
    "get_grad",
    "grad",
    "hessian",
    "hvp",
    "inference_mode",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "jacfwd",
    "jacrev",
    "jvp",
    "no_grad",
    "set_grad_enabled",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "vmap",
    # Nets and training
    "History",
    "Parameter",
    "ParameterTuple",
    "Trainer",
    "callbacks",
    "explain",
    "guards",
    "info",
    "metrics",
    "nn",
    "optim",
    "plot",
    "train",
    "utils",
    # Random numbers; functions of tensors and ways to make them
    "Generator",
    "ops",
    "rand",
    "randint",
    "randn",
    "randperm",
    *creation.__all__,
    *functions.__all__,
    *sampling.__all__,
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "random",
    "seed",
    "set_rng_state",
    # Files
    "FormatError",
    "load",
    "save",
    # The machine
    "accelerator",
    "backends",
    "cuda",
    "device",
    "get_default_device",
    "get_num_threads",
    "isa",
    "isas",
    "num_threads",
    "profile",
    "set_default_device",
    "set_float32_matmul_precision",
    "set_num_threads",
    "__version__",
    # MindSpore's
    "GRAPH_MODE",
    "PYNATIVE_MODE",
    "context",
    "get_seed",
    "jit",
    "load_checkpoint",
    "load_param_into_net",
    "mindspore",
    "save_checkpoint",
    "set_context",
    "set_device",
    "set_seed",
]

# What few scripts need is loaded when it is asked for.
_MODULES = ("callbacks", "explain", "info", "mindspore", "plot", "utils")
_MINDSPORE = frozenset(__all__[__all__.index("GRAPH_MODE") :])


def __getattr__(name: str) -> _Any:
    import importlib

    if name in _MODULES:
        return importlib.import_module(f"fastnn.{name}")
    if name in _MINDSPORE:
        return getattr(importlib.import_module("fastnn.mindspore"), name)
    raise AttributeError(f"module 'fastnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

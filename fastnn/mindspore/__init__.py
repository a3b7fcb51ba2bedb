"""MindSpore's names with MindSpore's meaning: `import fastnn.mindspore as mindspore`.

A script for MindSpore 2.10 runs with its import lines changed: `from fastnn.mindspore import nn,
ops, Tensor, Parameter, dataset, train`. Defaults and semantics are MindSpore's; `fastnn` itself is
torch's. The kernels are the same, and `mindspore.jit` is `fastnn.compile`.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any, Final as _Final

from fastnn import dtype
from fastnn._support.late import late as _late, provide as _provide
from fastnn.dtype import (
    bool_,
    double,
    float16,
    float32,
    float64,
    half,
    int8,
    int16,
    int32,
    int64,
    long,
    short,
    uint8,
)
from fastnn.mindspore import common, context, methods, nn, ops
from fastnn.mindspore.common.dtype import dtype_to_nptype
from fastnn.mindspore.common.initializer import Initializer
from fastnn.mindspore.compiled import jit, mutable
from fastnn.mindspore.context import (
    GRAPH_MODE,
    PYNATIVE_MODE,
    get_context,
    set_context,
    set_device,
)
from fastnn.mindspore.files import export, load_checkpoint, load_param_into_net, save_checkpoint
from fastnn.mindspore.seeds import get_seed, set_seed
from fastnn.mindspore.tensor import Parameter, Tensor
from fastnn.mindspore.transforms import (
    get_grad,
    grad,
    jacfwd,
    jacrev,
    jvp,
    value_and_grad,
    vjp,
    vmap,
)
from fastnn.nn.parameter import ParameterTuple

if _TYPE_CHECKING:
    from fastnn.mindspore import dataset, numpy, train
    from fastnn.mindspore.train import Model

# What a script may do without is loaded when it is first asked for.
_MODULES = "dataset numpy train"
_provide("fastnn.mindspore", "fastnn.mindspore", _MODULES)
_provide("fastnn.mindspore", "fastnn.mindspore.train", "Model")

tensor = Tensor
from_numpy: _Final = Tensor.from_numpy
ms_function = jit
bool: _Any = bool_

__all__ = [
    "GRAPH_MODE",
    "Initializer",
    "Model",
    "PYNATIVE_MODE",
    "Parameter",
    "ParameterTuple",
    "Tensor",
    "bool",
    "bool_",
    "common",
    "context",
    "dataset",
    "double",
    "dtype",
    "dtype_to_nptype",
    "export",
    "float16",
    "float32",
    "float64",
    "from_numpy",
    "get_context",
    "get_grad",
    "get_seed",
    "grad",
    "half",
    "int16",
    "int32",
    "int64",
    "int8",
    "jacfwd",
    "jacrev",
    "jit",
    "jvp",
    "load_checkpoint",
    "load_param_into_net",
    "long",
    "ms_function",
    "mutable",
    "nn",
    "numpy",
    "ops",
    "save_checkpoint",
    "set_context",
    "set_device",
    "set_seed",
    "short",
    "tensor",
    "train",
    "uint8",
    "value_and_grad",
    "vjp",
    "vmap",
]


def __getattr__(name: str) -> _Any:
    return _late(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

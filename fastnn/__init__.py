"""fastnn: small neural networks on the CPU, each training step compiled to one program."""

from math import e, inf, nan, pi
from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

from fastnn import autograd, dtype, ops, random, settings as _settings
from fastnn._core.engine import isa, isas
from fastnn._support import threads as _threads
from fastnn._support.device import (
    accelerator,
    backends,
    cuda,
    device,
    get_default_device,
    set_default_device,
    set_float32_matmul_precision,
)
from fastnn._support.dtype_info import finfo, iinfo
from fastnn._support.late import late as _late, provide as _provide
from fastnn._support.threads import num_threads, set_num_threads
from fastnn._version import __version__
from fastnn.backward.anomaly import is_anomaly_enabled
from fastnn.dtype import (
    bfloat16,
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
    uint16,
    uint32,
    uint64,
)
from fastnn.ops import creation, in_place_names as _in_place, typed_tensors as _typed_tensors
from fastnn.ops.arithmetic import *
from fastnn.ops.axes import *
from fastnn.ops.conversions import *
from fastnn.ops.counting import *
from fastnn.ops.creation import *
from fastnn.ops.cumulative import *
from fastnn.ops.diagonals import *
from fastnn.ops.differences import *
from fastnn.ops.distances import *
from fastnn.ops.einstein import *
from fastnn.ops.elementwise import *
from fastnn.ops.extremes import *
from fastnn.ops.filling import *
from fastnn.ops.in_place_names import *
from fastnn.ops.incomplete_gamma import *
from fastnn.ops.indexing import *
from fastnn.ops.interpolation import *
from fastnn.ops.join import *
from fastnn.ops.matrices import *
from fastnn.ops.parts import *
from fastnn.ops.placing import *
from fastnn.ops.pointwise import *
from fastnn.ops.products import *
from fastnn.ops.promote import *
from fastnn.ops.putting import *
from fastnn.ops.quantiles import *
from fastnn.ops.reflections import *
from fastnn.ops.rows import *
from fastnn.ops.scattering import *
from fastnn.ops.searching import *
from fastnn.ops.shapes import *
from fastnn.ops.sorting import *
from fastnn.ops.special import *
from fastnn.ops.spectral import *
from fastnn.ops.statistics import *
from fastnn.ops.summaries import *
from fastnn.ops.transcendental import *
from fastnn.ops.triangular import *
from fastnn.ops.typed_tensors import *
from fastnn.ops.views import *
from fastnn.ops.whole import *
from fastnn.random import counts, lowrank, sampling
from fastnn.random.counts import *
from fastnn.random.generator import (
    Generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from fastnn.random.lowrank import *
from fastnn.random.sampling import *
from fastnn.settings import *
from fastnn.tape.listener import RecordingError
from fastnn.tape.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from fastnn.tensor import Tensor
from fastnn.tensor.printing import get_printoptions, set_printoptions
from fastnn.tensor.size import Size

if _TYPE_CHECKING:
    from fastnn import (
        amp,
        callbacks,
        distributions,
        explain,
        func,
        guards,
        info,
        io,
        linalg,
        nn,
        optim,
        plot,
        population,
        special,
        testing,
        train,
        utils,
    )
    from fastnn.amp import GradScaler, autocast
    from fastnn.compiler.compiled import compile
    from fastnn.explain.profile import profile
    from fastnn.io import FormatError, load, save
    from fastnn.nn import Parameter, ParameterTuple
    from fastnn.nn.layers.distance import cosine_similarity, pairwise_distance
    from fastnn.nn.top import *
    from fastnn.population import Ensemble, Population, fit_many
    from fastnn.train import History, Trainer, metrics
    from fastnn.transforms.gradients import get_grad, grad, stop_gradient, value_and_grad
    from fastnn.transforms.jacobians import hessian, hvp, jacfwd, jacrev, jvp, vjp
    from fastnn.transforms.vmap import vmap

# What a script may do without is loaded when it is first asked for.
_MODULES = (
    "amp callbacks compiler distributions explain export func guards info io linalg mindspore nn "
    "optim plot population sklearn special tabular testing train utils"
)
_provide("fastnn", "fastnn", _MODULES)
_provide("fastnn", "fastnn.amp", "GradScaler autocast")
_provide("fastnn", "fastnn.compiler.compiled", "compile")
_provide("fastnn", "fastnn.explain.profile", "profile")
_provide("fastnn", "fastnn.io", "FormatError load save")
_provide("fastnn", "fastnn.nn", "Parameter ParameterTuple")
_provide("fastnn", "fastnn.nn.layers.distance", "cosine_similarity pairwise_distance")
_NN_FUNCTIONS = (  # fastnn.nn.top
    "alpha_dropout batch_norm bilinear celu channel_shuffle dropout embedding "
    "feature_alpha_dropout group_norm hardshrink instance_norm layer_norm prelu rms_norm rrelu "
    "selu threshold"
)
_provide("fastnn", "fastnn.nn.top", _NN_FUNCTIONS)
_provide("fastnn", "fastnn.population", "Ensemble Population fit_many")
_provide("fastnn", "fastnn.train", "History Trainer metrics")
_provide("fastnn", "fastnn.transforms", "get_grad grad stop_gradient value_and_grad")
_provide("fastnn", "fastnn.transforms.jacobians", "hessian hvp jacfwd jacrev jvp vjp")
_provide("fastnn", "fastnn.transforms.vmap", "vmap")
_provide(
    "fastnn",
    "fastnn.mindspore.plain.top",
    "GRAPH_MODE PYNATIVE_MODE context get_seed jit load_checkpoint load_param_into_net "
    "save_checkpoint set_context set_device set_seed",
)

# What lower packages offer and higher ones define.
_provide("fastnn.nn.module", "fastnn.train.predict", "predict")
_provide("fastnn.nn.module", "fastnn.io.model", "save")
_provide("fastnn.nn.module", "fastnn.export.files", "export")
_provide("fastnn.nn.summary", "fastnn.export.contents", "contents")
_provide("fastnn.explain", "fastnn.export.contents", "contents")
_provide("fastnn.train.history", "fastnn.plot.training", "histories")
_provide("fastnn.train.live", "fastnn.plot.live", "LiveCurves")
_provide("fastnn.nn", "fastnn.mindspore.plain.cell", "Cell CellList Dense SequentialCell")
_provide("fastnn.nn", "fastnn.mindspore.plain.optim", "SGD Adam Momentum")
_provide(
    "fastnn.ops",
    "fastnn.mindspore.plain.ops",
    "GradOperation binary_cross_entropy binary_cross_entropy_with_logits clip_by_global_norm "
    "clip_by_value cross_entropy derivative expand_dims get_grad grad jacfwd jacrev jet jvp "
    "kl_div l1_loss mse_loss ones ones_like reduce_max reduce_mean reduce_min reduce_sum "
    "smooth_l1_loss stop_gradient value_and_grad vjp vmap zeros zeros_like",
)

get_num_threads = num_threads
newaxis = None

__all__ = [
    # Tensors and dtypes
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
    "bfloat16",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "finfo",
    "iinfo",
    # Constants
    "e",
    "inf",
    "nan",
    "newaxis",
    "pi",
    # Gradients and compilation
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
    "Ensemble",
    "History",
    "Parameter",
    "ParameterTuple",
    "Population",
    "Trainer",
    "callbacks",
    "distributions",
    "explain",
    "fit_many",
    "guards",
    "info",
    "linalg",
    "metrics",
    "nn",
    "optim",
    "plot",
    "population",
    "train",
    "utils",
    # Random numbers, creation and functions of tensors
    "Generator",
    "ops",
    *creation.__all__,
    *_typed_tensors.__all__,
    "cosine_similarity",
    "pairwise_distance",
    *ops.FUNCTIONS,
    *counts.__all__,
    *lowrank.__all__,
    *sampling.__all__,
    *_NN_FUNCTIONS.split(),
    *_in_place.__all__,
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "random",
    "seed",
    "set_rng_state",
    "special",
    # Files
    "FormatError",
    "load",
    "save",
    # Devices, threads, precision and instruction sets
    "GradScaler",
    "amp",
    "autocast",
    *_settings.__all__,
    "testing",
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


def __getattr__(name: str) -> _Any:
    value = globals()[name] = _late("fastnn", name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES.split()})

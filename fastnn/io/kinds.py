"""The layers that a file may name, with the options and tensors of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Config = dict[str, Any]
Shapes = dict[str, tuple[int, ...]]

COUNT = "num_batches_tracked"  # the one tensor of int64
MAX_WIDTH = 2**31 - 1


def _is_width(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_WIDTH


def _is_dim(value: object) -> bool:
    return type(value) is int and -8 <= value < 8


def _is_bool(value: object) -> bool:
    return type(value) is bool


def _is_widths(value: object) -> bool:
    return isinstance(value, list | tuple) and 0 < len(value) <= 8 and all(map(_is_width, value))


def _is_sizes(value: object) -> bool:
    return isinstance(value, list | tuple) and all(n == -1 or _is_width(n) for n in value)


def _is_index(value: object) -> bool:
    return value is None or (type(value) is int and 0 <= value <= MAX_WIDTH)


def _is_number_or_none(value: object) -> bool:
    return value is None or _is_number(value)


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Kind:
    """One type of layer that a file may name.

    Attributes:
        options: the constructor's keywords, with the test that a value read from a file must pass.
        shapes: the tensors of a layer with these options.
        typed: whether the constructor takes a `dtype`.
    """

    options: Mapping[str, Callable[[object], bool]] = field(default_factory=dict)
    shapes: Callable[[Config], Shapes] = lambda options: {}
    typed: bool = False


def _linear(options: Config) -> Shapes:
    shapes: Shapes = {"weight": (options["out_features"], options["in_features"])}
    if options["bias"]:
        shapes["bias"] = (options["out_features"],)
    return shapes


def _batch_norm(options: Config) -> Shapes:
    vectors = ["weight", *["bias"] * options["bias"]] * options["affine"]
    shapes: Shapes = {}
    if options["track_running_stats"]:
        vectors += ["running_mean", "running_var"]
        shapes[COUNT] = ()
    return shapes | dict.fromkeys(vectors, (options["num_features"],))


def _by_rows(options: Config) -> Shapes:
    names = ["weight", *["bias"] * options.get("bias", False)] * options["elementwise_affine"]
    return dict.fromkeys(names, tuple(options["normalized_shape"]))


_PLAIN = "ReLU6 Hardsigmoid Hardswish SELU Mish LogSigmoid Softsign Tanhshrink".split()
_BY_ROWS = {
    "normalized_shape": _is_widths,
    "eps": _is_number,
    "elementwise_affine": _is_bool,
}

# Loading builds these and nothing else, whatever a file says.
KINDS: dict[str, Kind] = {
    "Linear": Kind(
        {"in_features": _is_width, "out_features": _is_width, "bias": _is_bool}, _linear, typed=True
    ),
    "ReLU": Kind(),
    "Sigmoid": Kind(),
    "Tanh": Kind(),
    "Softmax": Kind({"dim": _is_dim}),
    "Identity": Kind(),
    "LogSoftmax": Kind({"dim": _is_dim}),
    "LeakyReLU": Kind({"negative_slope": _is_number}),
    "ELU": Kind({"alpha": _is_number}),
    "SiLU": Kind(),
    "GELU": Kind({"approximate": lambda value: value in ("none", "tanh")}),
    "Softplus": Kind({"beta": _is_number, "threshold": _is_number}),
    "Flatten": Kind({"start_dim": _is_dim, "end_dim": _is_dim}),
    "Unflatten": Kind({"dim": _is_dim, "unflattened_size": _is_sizes}),
    **{name: Kind() for name in _PLAIN},
    "CELU": Kind({"alpha": _is_number}),
    "Softmin": Kind({"dim": _is_dim}),
    "GLU": Kind({"dim": _is_dim}),
    "Hardtanh": Kind({"min_val": _is_number, "max_val": _is_number}),
    "Softshrink": Kind({"lambd": _is_number}),
    "Hardshrink": Kind({"lambd": _is_number}),
    "Threshold": Kind({"threshold": _is_number, "value": _is_number}),
    "PReLU": Kind(
        {"num_parameters": _is_width, "init": _is_number},
        lambda options: {"weight": (options["num_parameters"],)},
        typed=True,
    ),
    "Embedding": Kind(
        {
            "num_embeddings": _is_width,
            "embedding_dim": _is_width,
            "padding_idx": _is_index,
            "max_norm": _is_number_or_none,
            "norm_type": _is_number,
            "scale_grad_by_freq": _is_bool,
        },
        lambda options: {"weight": (options["num_embeddings"], options["embedding_dim"])},
        typed=True,
    ),
    "Dropout": Kind({"p": _is_number}),
    "AlphaDropout": Kind({"p": _is_number}),
    "BatchNorm1d": Kind(
        {
            "num_features": _is_width,
            "eps": _is_number,
            "momentum": _is_number_or_none,
            "affine": _is_bool,
            "track_running_stats": _is_bool,
            "bias": _is_bool,
        },
        _batch_norm,
        typed=True,
    ),
    "LayerNorm": Kind({**_BY_ROWS, "bias": _is_bool}, _by_rows, typed=True),
    "RMSNorm": Kind({**_BY_ROWS, "eps": _is_number_or_none}, _by_rows, typed=True),
}

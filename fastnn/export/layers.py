"""The steps of each layer that files know."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastnn import nn
from fastnn.export.steps import (
    Activation,
    Array,
    Columns,
    Dense,
    ExportError,
    Gate,
    Lookup,
    Norm,
    Scale,
    Shape,
    Softmax,
    Step,
    Take,
)
from fastnn.nn.layer import Layer
from fastnn.nn.layers import columns, members
from fastnn.tensor import Tensor, of_array

__all__ = ["ELEMENTWISE", "GONE", "RULES", "steps_of"]

GONE: tuple[type[Layer], ...] = (
    nn.Identity,
    nn.Dropout,
    nn.Dropout1d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
    columns.ScheduledDropout,
)
"""Layers that do nothing in evaluation."""
MOVING: tuple[type[Layer], ...] = (
    nn.Flatten,
    nn.Unflatten,
    nn.ChannelShuffle,
    nn.CircularPad1d,
    nn.ConstantPad1d,
    nn.ReflectionPad1d,
    nn.ReplicationPad1d,
    nn.ZeroPad1d,
)
"""Layers that move values and add constants."""
ELEMENTWISE: dict[type[Layer], tuple[str, ...]] = {
    nn.CELU: ("alpha",),
    nn.ELU: ("alpha",),
    nn.GELU: (),
    nn.Hardshrink: ("lambd",),
    nn.Hardsigmoid: (),
    nn.Hardswish: (),
    nn.Hardtanh: ("min_val", "max_val"),
    nn.LeakyReLU: ("negative_slope",),
    nn.LogSigmoid: (),
    nn.Mish: (),
    nn.ReLU: (),
    nn.ReLU6: (),
    nn.RReLU: ("lower", "upper"),
    nn.SELU: (),
    nn.Sigmoid: (),
    nn.SiLU: (),
    nn.Softplus: ("beta", "threshold"),
    nn.Softshrink: ("lambd",),
    nn.Softsign: (),
    nn.SquaredReLU: (),
    nn.Tanh: (),
    nn.Tanhshrink: (),
    nn.Threshold: ("threshold", "value"),
}
"""Elementwise functions without parameters, with their options."""

Make = Callable[[Any, str, Shape], Iterator[Step]]
RULES: dict[type[Layer], Make] = {}


def rule(*kinds: type[Layer]) -> Callable[[Make], Make]:
    """Register the steps of layers."""

    def keep(make: Make) -> Make:
        RULES.update(dict.fromkeys(kinds, make))
        return make

    return keep


def steps_of(layer: Layer, name: str, shape: Shape) -> Iterator[Step]:
    """The steps of one layer for rows of a shape.

    Raises:
        ExportError: it cannot be exported; the text says why.
    """
    yield from RULES[type(layer)](layer, name, shape)


def wide(x: Tensor | None) -> Array | None:
    """The values of a parameter, float64."""
    return None if x is None else np.array(x._array, np.float64)


def _wide(x: Tensor) -> Array:
    return np.array(x._array, np.float64)


def _expect(holds: bool, name: str, expected: str, shape: Shape) -> None:
    if not holds:
        raise ExportError(f"{name}: expected rows of {expected}, got rows of shape {shape}")


@rule(*GONE)
def _gone(layer: Layer, name: str, shape: Shape) -> Iterator[Step]:
    return iter(())


@rule(*ELEMENTWISE)
def _elementwise(layer: Layer, name: str, shape: Shape) -> Iterator[Step]:
    kind, numbers = type(layer).__name__, {}
    for option in ELEMENTWISE[type(layer)]:
        numbers[option] = float(getattr(layer, option))
    if isinstance(layer, nn.RReLU):
        kind, numbers = "LeakyReLU", {"negative_slope": (layer.lower + layer.upper) / 2}
    elif isinstance(layer, nn.ReLU6):
        kind, numbers = "Hardtanh", {"min_val": 0.0, "max_val": 6.0}
    elif isinstance(layer, nn.GELU) and layer.approximate == "tanh":
        kind = "GELUTanh"
    yield Activation(name, shape, kind, layer, numbers)


@rule(nn.PReLU)
def _prelu(layer: nn.PReLU, name: str, shape: Shape) -> Iterator[Step]:
    slope = _wide(layer.weight)
    _expect(len(slope) in (1, *shape[:1]), name, f"{len(slope)} channels", shape)
    yield Activation(name, shape, "PReLU", layer, vectors={"slope": _by_channel(slope, shape)})


@rule(columns.ParametricActivation)
def _parametric(layer: columns.ParametricActivation, name: str, shape: Shape) -> Iterator[Step]:
    _expect(shape[-1:] == (layer.features,), name, f"{layer.features} columns", shape)
    alpha = np.array(np.broadcast_to(_wide(layer.weight), shape))
    kind = {"selu": "ParametricSELU", "mish": "ParametricMish"}[layer.activation]
    yield Activation(name, shape, kind, layer, vectors={"alpha": alpha})


def _by_channel(x: Array, shape: Shape) -> Array:
    """A number for each entry of the first axis, or one for all, for each element."""
    return np.array(np.broadcast_to(x.reshape(-1, *(1,) * (len(shape) - 1)), shape))


@rule(nn.Linear)
def _linear(layer: nn.Linear, name: str, shape: Shape) -> Iterator[Step]:
    _expect(shape[-1:] == (layer.in_features,), name, f"{layer.in_features} numbers", shape)
    w, b = _wide(layer.weight), wide(layer.bias)
    yield Dense(
        name, (*shape[:-1], layer.out_features), w.T[None].copy(), None if b is None else b[None]
    )


@rule(members.Spread)
def _spread(layer: members.Spread, name: str, shape: Shape) -> Iterator[Step]:
    _expect(shape == (layer.features,), name, f"{layer.features} columns", shape)
    k = layer.members
    index = np.tile(np.arange(layer.features), k)
    yield Take(name, (k, layer.features), index, np.zeros(len(index)))
    yield Scale(name, (k, layer.features), factor=_wide(layer.weight))


@rule(members.Heads)
def _heads(layer: members.Heads, name: str, shape: Shape) -> Iterator[Step]:
    wanted = (layer.members, layer.in_features)
    _expect(shape == wanted, name, f"shape {wanted}", shape)
    w, b = _wide(layer.weight), _wide(layer.bias)[:, 0]
    yield Dense(name, (layer.members, layer.out_features), w, b)


@rule(columns.ScaleColumns)
def _scale_columns(layer: columns.ScaleColumns, name: str, shape: Shape) -> Iterator[Step]:
    _expect(shape[-1:] == (layer.features,), name, f"{layer.features} columns", shape)
    yield Scale(name, shape, factor=np.array(np.broadcast_to(_wide(layer.weight), shape)))


@rule(columns.Columns)
def _columns(layer: columns.Columns, name: str, shape: Shape) -> Iterator[Step]:
    width = layer.numbers + layer.plain + len(layer.sizes)
    _expect(shape == (width,), name, f"{width} columns", shape)
    if not layer._embeds and not layer.sizes:
        return
    none = np.zeros((0, 0))
    embeds = layer._embeds
    yield Columns(
        name,
        (layer.width,),
        layer.numbers if embeds else 0,
        layer.plain + (0 if embeds else layer.numbers),
        2 * math.pi * _wide(layer.frequency)[:, :, 0] if embeds else none,
        _wide(layer.phase)[:, :, 0] if embeds else none,
        _wide(layer.mixing) if embeds else none,
        _wide(layer.shift)[:, :, 0] if embeds else none,
        np.concatenate([[0], np.cumsum(layer.sizes)]).astype(np.int64),
        _wide(layer.categories) if layer.sizes else none,
    )


@rule(nn.Embedding)
def _embedding(layer: nn.Embedding, name: str, shape: Shape) -> Iterator[Step]:
    every = of_array(np.arange(layer.num_embeddings))
    table = copy.deepcopy(layer)(every)  # looking rows up limits their norm, in place
    yield Lookup(name, (*shape, layer.embedding_dim), _wide(table))


def _moments(layer: Any, name: str, shape: Shape) -> Scale:
    """Normalization by moments that were kept."""
    mean, var, w, b = (
        wide(v) for v in (layer.running_mean, layer.running_var, layer.weight, layer.bias)
    )
    assert mean is not None and var is not None
    weight = np.ones(len(mean)) if w is None else w
    return Scale(
        name,
        shape,
        _by_channel(weight / np.sqrt(var + layer.eps), shape),
        _by_channel(mean, shape),
        None if b is None else _by_channel(b, shape),
        (weight, np.zeros(len(mean)) if b is None else b, mean, var, layer.eps),
    )


@rule(nn.BatchNorm1d)
def _batch_norm(layer: nn.BatchNorm1d, name: str, shape: Shape) -> Iterator[Step]:
    _expect(shape[:1] == (layer.num_features,), name, f"{layer.num_features} channels", shape)
    if layer.running_mean is None or layer.running_var is None:
        raise ExportError(
            f"{name}: without running moments its output for a row depends on the other rows; "
            "make it with track_running_stats=True"
        )
    yield _moments(layer, name, shape)


@rule(nn.InstanceNorm1d)
def _instance_norm(layer: nn.InstanceNorm1d, name: str, shape: Shape) -> Iterator[Step]:
    holds = len(shape) == 2 and shape[0] == layer.num_features
    _expect(holds, name, f"({layer.num_features}, length)", shape)
    if layer.running_mean is not None:
        yield _moments(layer, name, shape)
        return
    yield _norm(layer, name, shape, shape[1], (layer.weight, layer.bias))


@rule(nn.GroupNorm)
def _group_norm(layer: nn.GroupNorm, name: str, shape: Shape) -> Iterator[Step]:
    _expect(shape[:1] == (layer.num_channels,), name, f"{layer.num_channels} channels", shape)
    block = math.prod(shape) // layer.num_groups
    yield _norm(layer, name, shape, block, (layer.weight, layer.bias))


def _norm(layer: Any, name: str, shape: Shape, block: int, affine: tuple[Any, Any]) -> Norm:
    w, b = (None if p is None else _by_channel(_wide(p), shape) for p in affine)
    return Norm(name, shape, block, layer.eps, True, w, b)


@rule(nn.LayerNorm, nn.RMSNorm)
def _by_rows(layer: Any, name: str, shape: Shape) -> Iterator[Step]:
    own = layer.normalized_shape
    _expect(shape[-len(own) :] == own, name, f"shape {own}", shape)
    affine = (layer.weight, getattr(layer, "bias", None))
    w, b = (None if p is None else np.array(np.broadcast_to(_wide(p), shape)) for p in affine)
    yield Norm(name, shape, math.prod(own), layer.eps, isinstance(layer, nn.LayerNorm), w, b)


@rule(nn.Softmax, nn.LogSoftmax, nn.Softmin)
def _softmax(layer: Any, name: str, shape: Shape) -> Iterator[Step]:
    dim = layer.dim
    if dim is None:
        dim = 0 if len(shape) == 2 else 1
    axis = _axis(dim, name, shape)
    sign = -1.0 if isinstance(layer, nn.Softmin) else 1.0
    yield Softmax(name, shape, axis, isinstance(layer, nn.LogSoftmax), sign)


@rule(nn.Softmax2d)
def _softmax2d(layer: nn.Softmax2d, name: str, shape: Shape) -> Iterator[Step]:
    _expect(len(shape) == 3, name, "(channels, height, width)", shape)
    yield Softmax(name, shape, 0)


@rule(nn.GLU)
def _glu(layer: nn.GLU, name: str, shape: Shape) -> Iterator[Step]:
    axis = _axis(layer.dim, name, shape)
    _expect(shape[axis] % 2 == 0, name, f"an even size along axis {layer.dim}", shape)
    yield Gate(name, (*shape[:axis], shape[axis] // 2, *shape[axis + 1 :]), axis)


def _axis(dim: int, name: str, shape: Shape) -> int:
    """An axis of a row, of one of the rows together."""
    axis = dim + len(shape) if dim < 0 else dim - 1
    if axis == -1:
        raise ExportError(f"{name}: along dim={dim} a row depends on the other rows")
    _expect(0 <= axis < len(shape), name, f"an axis {dim}", shape)
    return axis


@rule(*MOVING)
def _moving(layer: Layer, name: str, shape: Shape) -> Iterator[Step]:
    """Found out by moving the numbers of the places, twice: what is added does not change."""
    size = math.prod(shape)
    places = np.arange(2 * size, dtype=np.float64).reshape(2, *shape)
    try:
        first, second = (np.asarray(layer(of_array(places[i : i + 1]))._array) for i in (0, 1))
    except (ValueError, RuntimeError) as error:
        raise ExportError(f"{name}: {error}") from None
    if first.ndim < 1 or len(first) != 1:
        raise ExportError(f"{name}: it mixes the rows with their values")
    moved = second - first == size
    index = np.where(moved, first, -1).astype(np.int64)[0]
    fill = np.where(moved, 0.0, first)[0]
    yield Take(name, index.shape, index.ravel(), fill.ravel())

"""From a model to the steps of an export, or to the reason why there is none."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastnn import nn
from fastnn._support import check
from fastnn._support.dtypes import float32, float64
from fastnn.export.layers import ELEMENTWISE, GONE, RULES, steps_of
from fastnn.export.steps import Chain, Dense, ExportError, Plan, Scale, Shape, Step
from fastnn.export.tables import tables_of
from fastnn.nn.layer import Layer
from fastnn.nn.layers import columns, members
from fastnn.tabular.base import Tabular
from fastnn.tabular.model import TabularModel

__all__ = ["plan_of"]


def plan_of(model: Any, input_shape: Sequence[int] | None = None, fold: bool = False) -> Plan:
    """The steps of a model's export.

    Args:
        model: a layer, an `nn.Sequential` of layers, or a model of tables. It is exported as it
            is in evaluation mode; a dropout is gone.
        input_shape: of one row, such as (16,); default: what the first layer takes.
        fold: put each batch normalization into the Linear before it.

    Raises:
        TypeError: no module.
        ExportError: the model cannot be exported exactly; the text says which layer, and why.
    """
    model, fold = _module(model), check.flag("fold", fold)
    layers = list(_layers(model, "layer "))
    real = _dtype(model)
    own = copy.deepcopy(model).eval()
    for layer in own.modules():
        if isinstance(layer, nn.RMSNorm) and layer.eps is None:
            layer.eps = float(np.finfo(real).eps)
    if isinstance(own, TabularModel):
        if input_shape is not None:
            raise ExportError("input_shape: the model's columns give it; leave it out")
        found = tables_of(own, real, chain_of)
    else:
        layers = list(_layers(own, "layer "))
        shape = _given(input_shape) if input_shape is not None else _first_shape(layers)
        chain = chain_of(own, shape)
        whole = bool(layers) and isinstance(layers[0][1], nn.Embedding)
        found = Plan(own, shape, (chain,), real, integers=whole)
    return replace(found, chains=tuple(map(folded, found.chains))) if fold else found


def _module(model: Any) -> nn.Module:
    """The module: of an estimator of tables, its model."""
    if isinstance(model, nn.Module):
        return model
    if isinstance(model, Tabular):
        return model._trained()
    hint = "a net is an nn.Sequential of layers"
    held = [
        name for name in ("model", "module_") if isinstance(getattr(model, name, None), nn.Module)
    ]
    if isinstance(model, type):
        hint = "this is a class: make a model of it first"
    elif held:
        hint = f"export its .{held[0]}"
    elif isinstance(model, str | os.PathLike):
        hint = "fastnn.load(path) gives the model in a file"
    elif callable(model):
        hint = (
            "a function, recorded or not, may hold state that a file cannot; export the module "
            "that it calls"
        )
    raise TypeError(f"model: expected an nn.Module, got {check.show(model)}; {hint}")


def chain_of(net: nn.Module, shape: Shape, name: str = "layer ") -> Chain:
    """The steps of one net."""
    steps: list[Step] = []
    for place, layer in _layers(net, name):
        if isinstance(layer, nn.Embedding | columns.Columns) and steps:
            raise ExportError(f"{place}: a layer of indices must be the first of a net")
        steps += steps_of(layer, place, shape)
        shape = steps[-1].shape if steps else shape
    return tuple(steps)


def folded(chain: Chain) -> Chain:
    """Each Scale right behind a Dense goes into its weights."""
    out: list[Step] = []
    for step in chain:
        last = out[-1] if out else None
        if isinstance(step, Scale) and isinstance(last, Dense) and _is_foldable(step, last):
            rows = (-1, last.groups, last.weight.shape[2])
            factor = step.factor.reshape(rows)[0]
            center, shift = (
                None if v is None else v.reshape(rows)[0] for v in (step.center, step.shift)
            )
            bias = np.zeros(rows[1:]) if last.bias is None else last.bias
            bias = bias if center is None else bias - center
            bias = bias * factor if shift is None else bias * factor + shift
            weight = last.weight * factor[:, None]
            name = f"{last.layer}, {step.layer.removeprefix('layer ')}"
            out[-1] = replace(last, layer=name, weight=weight, bias=bias)
        else:
            out.append(step)
    return tuple(out)


def _is_foldable(step: Scale, dense: Dense) -> bool:
    """Whether all rows that a matrix makes are scaled alike."""
    rows = (-1, dense.groups * dense.weight.shape[2])
    vectors = [v for v in (step.center, step.factor, step.shift) if v is not None]
    return all((v.reshape(rows) == v.reshape(rows)[0]).all() for v in vectors)


# ---- the layers ----


def _layers(module: nn.Module, name: str) -> Iterator[tuple[str, Layer]]:
    """The layers in the order in which they are called, with their places."""
    _refuse_own(module, name)
    if isinstance(module, TabularModel):
        yield from _layers(module.nets, name)
    elif isinstance(module, nn.Sequential):
        if type(module).forward is not nn.Sequential.forward:
            raise ExportError(f"{_called(module, name)}: has a forward of its own; {ADVICE}")
        for key, child in module._modules.items():
            assert child is not None
            yield from _layers(child, f"{name}{key}.")
    elif isinstance(module, Layer):
        if type(module) not in RULES:
            raise ExportError(f"{_called(module, name)}: {_why(module)}")
        yield _called(module, name), module
    else:
        raise ExportError(f"{_called(module, name)}: {_why(module)}")


ADVICE = "an export knows fastnn's layers, and nn.Sequential of these"


def _why(module: nn.Module) -> str:
    """Why a module is no layer of an export."""
    kind = type(module)
    if kind.__name__.startswith("Lazy"):
        return "has not been called yet; call the model once"
    if kind.__module__.partition(".")[0] == "fastnn":
        return "files have no form for it: an export knows layers from one input to one output"
    what = "layer" if isinstance(module, Layer) else "module"
    return f"is a {what} of your own; {ADVICE}"


def _called(module: nn.Module, name: str) -> str:
    place = name.removesuffix(".")
    return f"{place} ({type(module).__name__})" if place != "layer " else type(module).__name__


def _refuse_own(module: nn.Module, name: str) -> None:
    """Refuse what may compute something else than the module's type says."""
    own = _called(module, name)
    if "forward" in vars(module):
        raise ExportError(f"{own}: has a forward of its own; {ADVICE}")
    if module._forward_hooks or module._forward_pre_hooks:
        raise ExportError(f"{own}: has hooks, which no file can keep; remove them first")
    computed = any(module._modules.values()) or type(module).__name__.startswith("Parametrized")
    if isinstance(module, Layer) and computed:
        raise ExportError(
            f"{own}: its weights are computed (parametrizations); remove_parametrizations or "
            "remove_weight_norm first"
        )


def _dtype(model: nn.Module) -> Any:
    """The one dtype of the parameters, float32 or float64; all of them are finite."""
    found: dict[Any, str] = {}
    for name, tensor in model.state_dict().items():
        array = getattr(tensor, "_array", None)
        if array is None or array.dtype.kind in "iub":
            continue
        if tensor.dtype not in (float32, float64):
            raise ExportError(f"{name}: is {tensor.dtype}; use model.float() first")
        if not np.isfinite(array).all():
            raise ExportError(f"{name}: holds nan or inf; train it again with a smaller lr")
        found.setdefault(array.dtype, name)
    if len(found) > 1:
        raise ExportError(
            f"{' and '.join(found.values())} have different dtypes; use model.float() first"
        )
    return next(iter(found), float32)


# ---- the shape of a row ----


def _given(shape: Sequence[int]) -> Shape:
    if isinstance(shape, int):
        shape = (shape,)
    return tuple(check.integer("input_shape", n, 1) for n in shape)


def _first_shape(layers: list[tuple[str, Layer]]) -> Shape:
    """What the first layer takes that says it; those before it keep the shape."""
    for i, (_, layer) in enumerate(layers):
        found = _fixed(layer)
        if found is not None:
            return found
        if isinstance(layer, nn.Embedding):
            found = _of_indices(layer, [behind for _, behind in layers[i + 1 :]])
            if found is not None:
                return found
        if not isinstance(layer, (*GONE, *ELEMENTWISE)):
            break
    raise ExportError(
        "input_shape: the first layer does not say how many numbers a row has; give the shape of "
        "one row, such as input_shape=(16,)"
    )


def _fixed(layer: Layer) -> Shape | None:
    if isinstance(layer, nn.Linear):
        return (layer.in_features,)
    if isinstance(layer, nn.BatchNorm1d):
        return (layer.num_features,)
    if isinstance(layer, nn.LayerNorm | nn.RMSNorm):
        return layer.normalized_shape
    if isinstance(layer, nn.GroupNorm):
        return (layer.num_channels,)
    if isinstance(layer, columns.Columns):
        return (layer.numbers + layer.plain + len(layer.sizes),)
    if isinstance(layer, columns.ScaleColumns | columns.ParametricActivation | members.Spread):
        return (layer.features,)
    if isinstance(layer, members.Heads):
        return (layer.members, layer.in_features)
    return None


def _of_indices(first: nn.Embedding, behind: list[Layer]) -> Shape | None:
    """How many indices a row has: an Embedding, Flatten and Linear say it."""
    rest = [layer for layer in behind if not isinstance(layer, GONE)]
    if not rest or not isinstance(rest[0], nn.Flatten):
        return None
    linear = next((layer for layer in rest if isinstance(layer, nn.Linear)), None)
    if linear is None or linear.in_features % first.embedding_dim:
        return None
    return (linear.in_features // first.embedding_dim,)

"""Gradient clipping and other tools over all parameters, torch's `nn.utils`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import check
from fastnn._support.blame import name_arguments
from fastnn.nn.module import Module
from fastnn.nn.utils import parametrizations, parametrize, prune, rnn
from fastnn.nn.utils.fusion import fuse_linear_bn_eval, fuse_linear_bn_weights
from fastnn.nn.utils.parametrizations import (
    old_spectral_norm as spectral_norm,
    old_weight_norm as weight_norm,
    remove_spectral_norm,
    remove_weight_norm,
)
from fastnn.random.generator import default_generator
from fastnn.tape import listener
from fastnn.tape.listener import computes
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, of_array

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
    "get_total_norm",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "prune",
    "remove_spectral_norm",
    "remove_weight_norm",
    "rnn",
    "skip_init",
    "spectral_norm",
    "vector_to_parameters",
    "weight_norm",
]

EPSILON = 1e-6  # torch's, so that a norm of 0 divides


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [p.grad for p in given if p.grad is not None and p.grad.numel()]


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The joint norm of all tensors: (sum |x|**norm_type) ** (1 / norm_type).

    Args:
        tensors: one, or several of one dtype.
        norm_type: > 0, default 2; inf takes the largest element.
        error_if_nonfinite: raise when the norm is nan or infinite, default False.
        foreach: without effect.

    Raises:
        RuntimeError: the norm is not finite, if asked for.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.utils.get_total_norm([fastnn.tensor([3.0]), fastnn.tensor([4.0])]).item()
    5.0
    """
    check.flags_or_none(foreach=foreach)
    order = math.inf if norm_type in (math.inf, "inf") else check.real("norm_type", norm_type, 0.0)
    found = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    with no_grad():
        norm = (
            _norm(found, order)
            if (found := [x for x in found if x.numel()])
            else of_array(np.zeros((), np.float32))
        )
        if error_if_nonfinite:
            text = f"The total norm of order {norm_type} for gradients is non-finite, so they "
            text += "cannot be clipped; error_if_nonfinite=False scales them all the same"
            listener.finite(norm, text)
    return norm


@computes("update")
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale all gradients by min(1, max_norm / (total_norm + 1e-6)).

    Args:
        parameters: Tensors; those without a gradient are skipped.
        max_norm: >= 0.
        total_norm: the result of `get_total_norm`.
        foreach: without effect.
    """
    check.flags_or_none(foreach=foreach)
    limit = check.real("max_norm", max_norm, 0.0)
    with no_grad():
        factor = ops.smaller(ops.div(limit, ops.add(total_norm, EPSILON)), 1.0)
        for gradient in _gradients(parameters):
            ops.mul_(gradient, factor)


@computes("update")
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Clip gradients by their joint norm: scale them so that it is at most `max_norm`.

    g *= min(1, max_norm / (norm + 1e-6)), norm = (sum |g|**norm_type) ** (1 / norm_type).

    Args:
        parameters: Tensors; those without a gradient are passed over.
        max_norm: >= 0.
        norm_type, error_if_nonfinite: as for `get_total_norm`.
        foreach: without effect.

    Returns:
        The norm before scaling.

    Raises:
        RuntimeError: the norm is not finite, if asked for; nothing was scaled.

    >>> import fastnn
    >>> from fastnn import nn
    >>> w = fastnn.tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w / 2).sum().backward()
    >>> nn.utils.clip_grad_norm_([w], 1.0).item(), round(w.grad[0].item(), 4)
    (5.0, 0.6)
    """
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    check.flags_or_none(foreach=foreach)
    check.real("max_norm", max_norm, 0.0)
    norm = get_total_norm(_gradients(given), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(given, max_norm, norm)
    return norm


clip_grad_norm = clip_grad_norm_  # its name in older torch


def _norm(found: list[Tensor], order: float) -> Tensor:
    """The joint norm of all tensors."""
    total: Tensor | None = None
    for g in map(_along_memory, found):
        if order == math.inf:
            part = ops.max(ops.abs(g))
            total = part if total is None else ops.maximum(total, part)
        else:
            part = ops.sum(ops.square(g) if order == 2 else ops.pow(ops.abs(g), order))
            total = part if total is None else ops.add(total, part)
    assert total is not None
    if order == math.inf:
        return total
    return ops.sqrt(total) if order == 2 else ops.pow(total, 1.0 / order)


def _along_memory(g: Tensor) -> Tensor:
    """g, or where its columns lie along memory, as a weight's gradient often has it, g.T."""
    return g.T if g.ndim == 2 and g.stride(0) < g.stride(1) else g


@computes("update")
def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clip every gradient element to -clip_value .. clip_value.

    Args:
        parameters: Tensors; those without a gradient are passed over.
        clip_value: >= 0.
        foreach: without effect.

    >>> import fastnn
    >>> from fastnn import nn
    >>> w = fastnn.tensor([3.0, 0.5], requires_grad=True)
    >>> (w * w / 2).sum().backward()
    >>> nn.utils.clip_grad_value_(w, 1.0)
    >>> print(w.grad.numpy())
    [1.  0.5]
    """
    check.flags_or_none(foreach=foreach)
    limit = check.real("clip_value", clip_value, 0.0)
    with no_grad():
        for gradient in _gradients(parameters):
            ops.copy_(gradient, ops.clamp(gradient, -limit, limit))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Concatenate all parameters to one 1-D tensor, on the tape."""
    vector: Tensor = ops.cat([p.reshape(-1) for p in parameters])
    return vector


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy a vector, as from `parameters_to_vector`, into the parameters.

    Args:
        vec: 1-D.
        parameters: Tensors.

    Raises:
        ValueError: another number of elements; nothing was changed.

    >>> import fastnn
    >>> from fastnn import nn
    >>> w = fastnn.zeros(1, 2)
    >>> nn.utils.vector_to_parameters(fastnn.tensor([1.0, 2.0]), [w])
    >>> w
    tensor([[1., 2.]])
    """
    check.a_tensor("vec", vec)
    targets = list(parameters)
    check.same_shape("vec", vec.shape, (sum(p.numel() for p in targets),), "the parameters")
    begin = 0
    with no_grad():
        for p in targets:
            p.copy_(vec[begin : begin + p.numel()].reshape(p.shape))
            begin += p.numel()


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """Make a module whose values are to be loaded: the random stream is as if none were drawn.

    Args:
        module_cls: a class of modules.
        args, kwargs: its arguments.

    >>> from fastnn import nn
    >>> nn.utils.skip_init(nn.Linear, 3, 2)
    Linear(in_features=3, out_features=2, bias=True)
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise RuntimeError(f"module_cls: expected a class of modules, got {module_cls!r}")
    before = default_generator.get_state()
    try:
        return module_cls(*args, **kwargs)
    finally:
        default_generator.set_state(before)


name_arguments(sys.modules[__name__])

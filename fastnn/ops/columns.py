"""Ops of tabular nets: activations with a learned bend, and numbers embedded by cosines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import engine
from fastnn._support.dtypes import HALVES
from fastnn.ops.axes import expand, permute, reshape, sum, view_of
from fastnn.ops.elementwise import (
    add,
    cos,
    div,
    exp,
    expm1,
    le,
    mul,
    neg,
    sin,
    smaller,
    square,
    sub,
    where,
)
from fastnn.ops.promote import cast
from fastnn.ops.table import apply, contiguous_array, execute, row
from fastnn.tape import batch
from fastnn.tape.modes import is_grad_enabled
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, float32, float64, wrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

SELU_SCALE = 1.0507009873554804934193349852946
SELU_BELOW = 1.6732632423543772848170429916717 * SELU_SCALE
MISH_STRAIGHT = 40.0  # from here on mish(x) is x, in double too
MIXED = 3  # numbers that the cosines of a column are mixed to


def _of_one_type(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Call with inputs of one type that has kernels; the result of half floats is of their type."""
    kinds = {x._array.dtype for x in inputs}
    if len(kinds) == 1 and not kinds.intersection(HALVES):
        return function(*inputs)
    real = float64 if float64 in kinds else float32
    y = function(*(cast(x, real) for x in inputs))
    return cast(y, kinds.pop()) if len(kinds) == 1 else y


def _by_expression(node: Node, dy: Tensor) -> bool:
    """Whether a gradient must be made of ops: it is itself recorded, or batched."""
    return is_grad_enabled() or batch.batched(dy, *(node.inputs or ()))


# x + alpha (f(x) - x)


def _bend(x: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """f(x) and f'(x), as expressions of ops; see `kernels/bend.h`."""
    if kind == "selu":
        below = le(x.detach(), 0.0)
        m = mul(expm1(where(below, x, 0.0)), SELU_BELOW)
        slope = where(below, add(m, SELU_BELOW), SELU_SCALE)
        return where(below, m, mul(x, SELU_SCALE)), slope
    inside = smaller(x, MISH_STRAIGHT / (1 if x.dtype == float64 else 2))
    e = exp(inside)
    t = mul(e, add(e, 2.0))
    straight = div(t, add(t, 2.0))
    curve = div(mul(e, add(e, 1.0)), square(add(t, 2.0)))
    return mul(x, straight), add(straight, mul(mul(inside, 4.0), curve))


def _bend_shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    return [(arrays[0].shape, arrays[0].dtype)], arrays[0].shape


def _bend_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    x, alpha = node.input(0), node.input(1)
    (kind,) = node.attrs
    if _by_expression(node, dy):
        f, slope = _bend(x, kind)
        dx = mul(dy, add(mul(alpha, sub(slope, 1.0)), 1.0)) if node.needs(0) else None
        return dx, sum(mul(dy, sub(f, x)), 0) if node.needs(1) else None
    xa = contiguous_array(x._array)
    dx_, dalpha = np.empty(xa.shape, xa.dtype), np.empty(xa.shape[1:], xa.dtype)
    arrays = (contiguous_array(dy._array), xa, contiguous_array(alpha._array))
    execute(_bend_grad, (dx_, dalpha), arrays, xa.shape, (engine.BENDS[kind],))
    return wrap(dx_), wrap(dalpha)


def _no_shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    raise NotImplementedError("an op of several outputs")


_bend_row = row("parametric_activation", _bend_shape, _bend_gradient)
_bend_grad = row("parametric_activation_grad", _no_shape)


def parametric_activation(x: Tensor, alpha: Tensor, kind: str) -> Tensor:
    """x + alpha (f(x) - x) for x (..., c), alpha (c); f is "selu" or "mish"."""
    code = engine.BENDS[kind]

    def bent(x: Tensor, alpha: Tensor) -> Tensor:
        rows = x if x.ndim == 2 else reshape(x, (-1, x.shape[-1]))
        y = apply(_bend_row, (rows, alpha), (code,), (kind,))
        return y if y.shape == x.shape else reshape(y, x.shape)

    return _of_one_type(bent, x, alpha)


# Numbers embedded by cosines


def _turns(x: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """2 pi w and the angles 2 pi w x + b, (d, 1, f) and (d, n, f)."""
    d, f = w.shape
    turns = mul(reshape(w, (d, 1, f)), 2 * math.pi)
    return turns, add(mul(reshape(x.T, (d, -1, 1)), turns), reshape(b, (d, 1, f)))


def _embedded_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """The gradient, written in differentiable ops."""
    x, w, b, mixing = (node.input(i) for i in range(4))
    (n, d), f = x.shape, w.shape[1]
    turns, angle = _turns(x, w, b)
    parts = reshape(view_of(dy, (slice(None), slice(0, MIXED * d))), (n, d, MIXED))
    dz = reshape(permute(parts, (1, 0, 2)), (d, n, MIXED, 1))
    dcos = sum(mul(dz, reshape(mixing, (d, 1, MIXED, f))), 2)
    da = neg(mul(dcos, sin(angle)))
    dx = None
    if node.needs(0):
        beside = view_of(dy, (slice(None), slice(MIXED * d, None)))
        dx = add(sum(mul(da, expand(turns, da.shape)), 2).T, beside)
    return (
        dx,
        mul(sum(mul(da, reshape(x.T, (d, n, 1))), 1), 2 * math.pi),
        sum(da, 1),
        sum(mul(dz, reshape(cos(angle), (d, n, 1, f))), 1),
        reshape(sum(dz, 1), (d, MIXED)),
    )


def _periodic_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    if _by_expression(node, dy) or node.needs(0):
        return _embedded_gradient(node, dy)
    x, w, b, mixing = (contiguous_array(node.input(i)._array) for i in range(4))
    (n, d), f = x.shape, w.shape[1]
    dp = np.empty((d, (2 + MIXED) * f + MIXED), x.dtype)
    execute(_periodic_grad, (dp,), (contiguous_array(dy._array), x, w, b, mixing), (n, d, f), ())
    cuts = (0, f, 2 * f, (2 + MIXED) * f, (2 + MIXED) * f + MIXED)
    parts = [view_of(wrap(dp), (slice(None), slice(a, z))) for a, z in pairwise(cuts)]
    parts[2] = reshape(parts[2], (d, MIXED, f))
    return (None, *parts)


def _periodic_shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    n, d = arrays[0].shape
    return [((n, (MIXED + 1) * d), arrays[0].dtype)], (n, d, arrays[1].shape[1])


_periodic = row("periodic_embedding", _periodic_shape, _periodic_gradient)
_periodic_grad = row("periodic_embedding_grad", _no_shape)


def periodic_embedding(x: Tensor, w: Tensor, b: Tensor, mixing: Tensor, shift: Tensor) -> Tensor:
    """(z, x) for x (n, d), z (n, 3 d): three mixtures of the cosines of each number.

    z_{3j+m} = sum_k mixing_{j,m,k} cos(2 pi w_{j,k} x_j + b_{j,k}) + shift_{j,m}, for w and b
    (d, f), mixing (d, 3, f), shift (d, 3).
    """
    return _of_one_type(lambda *inputs: apply(_periodic, inputs), x, w, b, mixing, shift)

"""Reductions over axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.ops.shape import expand, permute, reshape
from fastnn.ops.table import Op, apply, real, row
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_, int64
from fastnn.tensor.methods.names import both_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.tape.node import GradientRule

    Axes = int | Sequence[int] | None


def _shape(dtype: Any = None) -> Callable[..., Any]:
    def shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
        outer, _, inner = dims = arrays[0].shape
        return [((outer, inner), dtype or arrays[0].dtype)], dims

    return shape


def _axes(name: str, x: Tensor, dim: Axes) -> list[int]:
    wanted = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    bound = x.ndim or 1
    for d in wanted:
        if not -bound <= d < bound:
            raise IndexError(f"dim: expected {-x.ndim}..{x.ndim - 1} for {name}, got {d}")
    return sorted({d % x.ndim for d in wanted}) if x.ndim else []


def reduce_axes(
    name: str, run: Callable[[Tensor], Tensor], x: Tensor, dim: Axes, keepdim: bool
) -> Tensor:
    """run, from (outer, len, inner) to (outer, inner), over any axes of x."""
    axes = _axes(name, x, dim)
    if axes and axes != list(range(axes[0], axes[-1] + 1)):  # bring them together, at the end
        kept = [i for i in range(x.ndim) if i not in axes]
        inner = permute(x, (*kept, *axes))
        y = reduce_axes(name, run, inner, list(range(len(kept), x.ndim)), False)
    else:
        first, last = (axes[0], axes[-1] + 1) if axes else (0, 0)
        sizes = [math.prod(part) for part in (x.shape[:first], x.shape[first:last], x.shape[last:])]
        y = run(reshape(x, tuple(sizes)))
    shape = [1 if i in axes else n for i, n in enumerate(x.shape) if keepdim or i not in axes]
    return reshape(y, tuple(shape))


def _reduce(op: Op, x: Tensor, dim: Axes, keepdim: bool) -> Tensor:
    return reduce_axes(op.name, lambda parts: apply(op, (parts,)), x, dim, keepdim)


def _spread(node: Node, dy: Tensor) -> Tensor:
    """dy (outer, inner) as a view of the input's shape (outer, len, inner)."""
    outer, length, inner = node.input(0).shape
    return expand(reshape(dy, (outer, 1, inner)), (outer, length, inner))


def _sum_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (_spread(node, dy),)


def _mean_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    from fastnn.ops.elementwise import mul

    return (_spread(node, mul(dy, 1.0 / node.input(0).shape[1])),)


def _extreme_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """Shared equally among the elements that attain the extreme."""
    from fastnn.ops.elementwise import div, eq, mul, where

    x, y = node.input(0), node.output().detach()
    hits = where(eq(x.detach(), _spread(node, y)), Tensor(np.ones((), x.dtype)), 0.0)
    count = apply(_sum, (hits,))
    return (mul(hits, _spread(node, div(dy, count))),)


def _reduction(name: str, rule: GradientRule) -> Op:
    return row(name, _shape(), rule, batch="fold")


_sum = _reduction("sum", _sum_gradient)
_mean = _reduction("mean", _mean_gradient)
_max = _reduction("max", _extreme_gradient)
_min = _reduction("min", _extreme_gradient)
_argmax = row("argmax", _shape(int64), batch="fold")


def _whole(x: Tensor) -> Tensor:
    from fastnn.ops.promote import cast

    return cast(x, int64)


@both_names
def sum(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """The sum over `dim` (default: all axes), accumulated in double; of int64 and bool, int64."""
    return _reduce(_sum, x if x._array.dtype.kind == "f" else _whole(x), dim, keepdim)


@both_names
def mean(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """The mean over `dim` (default: all axes), accumulated in double; of nothing, nan."""
    return _reduce(_mean, real(x), dim, keepdim)


def _extreme(op: Op, x: Tensor, dim: Axes, keepdim: bool) -> Tensor:
    if math.prod(x.shape[d] for d in _axes(op.name, x, dim)) == 0:
        raise ValueError(f"{op.name}: expected at least one element, got shape {x.shape}")
    return _reduce(op, x, dim, keepdim)


@both_names
def amax(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """The largest element over `dim` (default: all axes); nan if there is one."""
    return _extreme(_max, x, dim, keepdim)


@both_names
def amin(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """The smallest element over `dim` (default: all axes); nan if there is one."""
    return _extreme(_min, x, dim, keepdim)


@both_names
def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The int64 index of the first largest element along `dim` (default: of all, flattened)."""
    x = x.detach()
    return _extreme(_argmax, x if x.dtype != bool_ else _whole(x), dim, keepdim)


@both_names
def any(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Whether some element over `dim` (default: all axes) is not 0."""
    return _reduce(_max, _truth(x), dim, keepdim)


@both_names
def all(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Whether no element over `dim` (default: all axes) is 0."""
    return _reduce(_min, _truth(x), dim, keepdim)


def _truth(x: Tensor) -> Tensor:
    from fastnn.ops.functions import truth

    return truth(x)

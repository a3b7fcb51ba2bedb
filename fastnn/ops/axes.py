"""Views, sums and means. They share a file because their gradients are made of one another."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastnn._support import check
from fastnn._support.errors import (
    InvalidIndexError,
    InvalidTypeError,
    InvalidValueError,
    too_large,
)
from fastnn.ops.layout import lies_as_torchs
from fastnn.ops.names import both_names
from fastnn.ops.promote import cast, pair
from fastnn.ops.table import TABLE, Op, apply, execute, row, view
from fastnn.tape import batch
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, int64, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["mean", "permute", "reshape", "sum"]


_OUTSIDE = re.compile(r"index (-?\d+) is out of bounds for axis (\d+) with size (\d+)")
Axes: TypeAlias = int | Sequence[int] | None

# ---- views: no kernel, only NumPy strides and a node on the tape ----


def permute(input: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Permute the axes to the order `dims`, as a view."""
    try:
        turned = input._array.transpose(dims)
    except ValueError:
        raise InvalidValueError(
            f"dims: expected each axis of {input.ndim} once, got {dims}"
        ) from None
    return view(input, turned, _permute_gradient, (dims,))


def _permute_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    (dims,) = node.attrs
    back = tuple(int(i) for i in np.argsort([d % len(dims) for d in dims]))
    return (permute(dy, back),)


def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """`input` itself if it is C-contiguous, else such a copy; memory_format has no effect."""
    return input if input._array.flags.c_contiguous else apply(TABLE["copy"], (input,))


def reshape(input: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Reshape: a view where the strides allow it, else a copy."""
    try:
        new = input._array.reshape(shape, copy=False)
    except (AttributeError, TypeError):
        check.a_tensor("input", input)
        raise InvalidTypeError(f"shape: expected sizes, got {check.show(shape)}") from None
    except ValueError:
        if input._array.flags.c_contiguous:
            raise InvalidValueError(f"reshape: {input.shape} does not fit into {shape}") from None
        return reshape(contiguous(input), shape)
    return view(input, new, _reshape_gradient)


def _reshape_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (reshape(dy, node.input(0).shape),)


def expand(input: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Broadcast to `shape`, as a view (-1 keeps a size)."""
    array = input._array
    lead = len(shape) - array.ndim
    sizes = tuple(array.shape[i - lead] if n == -1 else n for i, n in enumerate(shape))
    return view(input, _broadcast(array, sizes), _expand_gradient)


def _broadcast(array: NDArray[Any], sizes: tuple[int, ...]) -> NDArray[Any]:
    """`np.broadcast_to`, which can be written to; faster for most arrays."""
    lead = len(sizes) - array.ndim
    if array.__class__ is np.ndarray and array.flags.c_contiguous and array.size and lead >= 0:
        steps = [0] * lead
        for n, wanted, step in zip(array.shape, sizes[lead:], array.strides, strict=True):
            if n != wanted and n != 1:
                break
            steps.append(step if n == wanted else 0)
        else:
            try:
                return np.ndarray(sizes, array.dtype, array, 0, steps)
            except ValueError:
                raise too_large("expand", sizes) from None
    try:
        return writable(np.broadcast_to(array, sizes), array)
    except ValueError:
        raise InvalidValueError(f"expand: shape {array.shape} does not fit into {sizes}") from None


def writable(view: NDArray[Any], array: NDArray[Any]) -> NDArray[Any]:
    """A view that NumPy made read-only; as in torch it can be written to as the array can."""
    if view.__class__ is np.ndarray and array.flags.writeable:
        view.flags.writeable = True
    return view


def _expand_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (unbroadcast(dy, node.input(0).shape),)


def unbroadcast(dy: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Undo a broadcast: sum dy over the axes along which `shape` was broadcast."""
    if dy.shape == shape:
        return dy
    lead = dy.ndim - len(shape)
    axes = [i for i in range(dy.ndim) if i < lead or shape[i - lead] == 1 != dy.shape[i]]
    return reshape(sum(dy, axes) if axes else dy, shape)


def view_of(x: Tensor, index: Any) -> Tensor:
    """Basic indexing, x[index] with integers, slices, None and ...: a view."""
    return view(x, _part(x._array, index), _getitem_gradient, (index,))


def _part(array: NDArray[Any], index: Any) -> NDArray[Any]:
    """array[index] as a view, also for a single element, where NumPy would return a scalar."""
    parts = index if isinstance(index, tuple) else (index,)
    try:
        whole: NDArray[Any] = array[parts if Ellipsis in parts else (*parts, Ellipsis)]
    except IndexError as error:
        raise outside(array.shape, error) from None
    return whole


def outside(shape: tuple[int, ...], error: IndexError) -> IndexError:
    """The error of an index that NumPy does not take, in our words."""
    found = _OUTSIDE.search(str(error))
    if found is None:
        return InvalidIndexError(f"index: {error}") if "many" not in str(error) else _many(shape)
    number, dim, size = found.groups()
    expected = f"{-int(size)}..{int(size) - 1}" if int(size) else "none"
    return InvalidIndexError(
        f"index: expected {expected} along dimension {dim} of {shape}, got {number} (out of bounds)"
    )


def _many(shape: tuple[int, ...]) -> InvalidIndexError:
    return InvalidIndexError(
        f"index: too many indices for tensor of dimension {len(shape)}, {shape}"
    )


def _getitem_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    x = node.input(0)
    (index,) = node.attrs
    return (place(blank(x.shape, x.dtype), dy, index),)


def blank(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Tensor:
    """A new tensor of zeros, which a recorder sees written."""
    whole = of_array(np.empty(shape, dtype))
    execute(TABLE["copy"], (whole._array,), (np.zeros((), dtype),), (), ())
    return whole


def place(whole: Tensor, part: Tensor, index: Any) -> Tensor:
    """Write `part` into `whole`, a new tensor, at the index; the gradient is that of `part`."""
    if batch.batched(part):
        return view(
            part, batch.rules.place(whole._array, part._array, index), _place_gradient, (index,)
        )
    execute(TABLE["copy"], (_part(whole._array, index),), (part._array,), (), ())
    return view(part, whole._array, _place_gradient, (index,))


def _place_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (view_of(dy, node.attrs[0]),)


for _rule in (
    _permute_gradient, _reshape_gradient, _expand_gradient, _getitem_gradient, _place_gradient,
):  # fmt: skip
    only_reads(_rule)

# ---- sums over axes ----


def axis(name: str, dim: int, ndim: int, argument: str = "dim") -> int:
    """`dim` as a non-negative axis number; `argument` is what the caller calls it."""
    if not -ndim <= dim < ndim:
        raise InvalidIndexError(f"{argument}: expected {-ndim}..{ndim - 1} for {name}, got {dim}")
    return dim % ndim


def axis_or_none(name: str, dim: int, ndim: int, argument: str = "dim") -> int:
    """As `axis`, for what takes a 0-d tensor as a vector of one element: there 0 and -1 are 0."""
    return axis(name, dim, ndim or 1, argument)


def lifted(x: Tensor) -> Tensor:
    """The tensor with at least one axis, as a view."""
    return x if x.ndim else reshape(x, (1,))


def reduced_shape(dtype: Any = None) -> Callable[..., Any]:
    def shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
        outer, _, inner = dims = arrays[0].shape
        return [((outer, inner), dtype or arrays[0].dtype)], dims

    return shape


def axes_of(name: str, x: Tensor, dim: Axes) -> list[int]:
    wanted = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    bound = x.ndim or 1
    for d in wanted:
        if not -bound <= d < bound:
            raise InvalidIndexError(f"dim: expected {-x.ndim}..{x.ndim - 1} for {name}, got {d}")
    found = sorted(d % (x.ndim or 1) for d in wanted)
    if len(set(found)) < len(found):
        raise InvalidValueError(f"dim: expected each axis once for {name}, got {dim}")
    return found if x.ndim else []


def reduce_axes(
    name: str, run: Callable[[Tensor], Tensor], x: Tensor, dim: Axes, keepdim: bool
) -> Tensor:
    """Apply `run`, which reduces (outer, len, inner) to (outer, inner), over any axes of x."""
    if dim is None and not keepdim:
        return reshape(run(reshape(x, (1, x._array.size, 1))), ())
    axes, given = axes_of(name, x, dim), x._array.shape
    if axes and axes != list(range(axes[0], axes[-1] + 1)):  # bring them together, at the end
        kept = [i for i in range(x.ndim) if i not in axes]
        inner = permute(x, (*kept, *axes))
        y = reduce_axes(name, run, inner, list(range(len(kept), x.ndim)), False)
    else:
        first, last = (axes[0], axes[-1] + 1) if axes else (0, 0)
        parts = given[:first], given[first:last], given[last:]
        y = run(reshape(x, tuple([math.prod(part) for part in parts])))
    shape = [1 if i in axes else n for i, n in enumerate(given) if keepdim or i not in axes]
    return reshape(y, tuple(shape))


def reduced(op: Op, x: Tensor, dim: Axes, keepdim: bool) -> Tensor:
    return reduce_axes(op.name, lambda parts: apply(op, (parts,)), x, dim, keepdim)


def spread(node: Node, dy: Tensor) -> Tensor:
    """dy (outer, inner) broadcast to the input's shape (outer, len, inner), as a view."""
    outer, length, inner = node.input(0).shape
    return expand(reshape(dy, (outer, 1, inner)), (outer, length, inner))


def _sum_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (spread(node, dy),)


def _mean_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    part = apply(TABLE["mul"], pair(dy, 1.0 / max(node.input(0).shape[1], 1)))
    return (spread(node, part),)


_sum = row("sum", reduced_shape(), only_reads(_sum_gradient), batch="fold")
_mean = row("mean", reduced_shape(), only_reads(_mean_gradient), batch="fold")


def floating(name: str, x: Tensor) -> Tensor:
    """The tensor itself.

    Raises:
        TypeError: it is not of floating point.
    """
    if x._array.dtype.kind not in "fV":
        raise InvalidTypeError(f"{name}: expected floating point, got {x.dtype}; use .float()")
    return x


@both_names
def sum(
    input: Tensor, dim: Axes = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Sum over `dim` (default: all axes), accumulated in double; int64 for integers and bool.

    dtype: convert the input to it before.
    """
    input = input if dtype is None else cast(input, dtype)
    numbers = input if input._array.dtype.kind in "fV" else cast(input, int64)
    y = reduced(_sum, numbers, dim, keepdim)
    return y if dtype is None else cast(y, dtype)


@both_names
def mean(
    input: Tensor, dim: Axes = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Mean over `dim` (default: all axes), accumulated in double; nan for no elements.

    dtype: convert the input to it before.

    Raises:
        TypeError: whole numbers or bool, as in torch.
    """
    input = input if dtype is None else cast(input, dtype)
    return reduced(_mean, floating("mean", input), dim, keepdim)


# ---- methods ----


def sizes_of(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sizes given as f(2, 3) or as f((2, 3))."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], Sequence) else sizes


def _permute(self: Tensor, *axes: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
    """Permute the axes to the order given, as a view; `dims=` is the same."""
    return permute(self, sizes_of(axes) if dims is None else tuple(dims))


def _reshape(
    self: Tensor, *sizes: int | Sequence[int], shape: Sequence[int] | None = None
) -> Tensor:
    """Reshape; one size may be -1 and is then inferred; `shape=` is the same."""
    return reshape(self, sizes_of(sizes) if shape is None else tuple(shape))


def _view(self: Tensor, *sizes: int | Sequence[int], size: Sequence[int] | None = None) -> Tensor:
    """Reshape, as a view; one size may be -1 and is then inferred; `size=` is the same.

    Raises:
        RuntimeError: the strides do not allow it, and they are known to be torch's. Where the
            memory may lie in another order than torch's, as after `relu` of a transposed tensor,
            the result is a copy.

    >>> import fastnn
    >>> fastnn.arange(6).view(2, -1).shape
    (2, 3)
    """
    return _as_view(self, sizes_of(sizes) if size is None else tuple(size))


def _as_view(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    array = x._array
    try:
        new = array.reshape(shape, copy=False)
    except ValueError:
        y = reshape(x, shape)
        if array.size and lies_as_torchs(x):
            raise InvalidValueError(
                "view size is not compatible with input tensor's size and stride (at least one "
                "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
            ) from None
        return y
    return view(x, new, _reshape_gradient)


def _expand(
    self: Tensor,
    *sizes: int | Sequence[int],
    size: Sequence[int] | None = None,
    implicit: bool = False,
) -> Tensor:
    """Broadcast to a shape, as a view; `size=` is the same, `implicit` has no effect."""
    return expand(self, sizes_of(sizes) if size is None else tuple(size))


def view_as(self: Tensor, other: Tensor) -> Tensor:
    """Reshape to the shape of another tensor, as a view; see `view`."""
    return _as_view(self, other.shape)


def _reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """Reshape to the shape of another tensor."""
    return reshape(self, other.shape)


def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """Broadcast to the shape of another tensor, as a view."""
    return expand(self, other.shape)


METHODS = methods(
    contiguous, sum, mean, view_as, expand_as,
    permute=_permute, reshape=_reshape, view=_view, expand=_expand, reshape_as=_reshape_as,
)  # fmt: skip

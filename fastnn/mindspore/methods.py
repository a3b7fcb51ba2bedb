"""The methods of Tensor that differ from fastnn's, which are torch's; attached when imported.

MindSpore's methods take torch's keywords (`dim`, `keepdim`) as well as NumPy's (`axis`,
`keepdims`). A reduction by `x.max(1)` is torch's, (values, indices); by `x.max(axis=1)` NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import ops as base
from fastnn._support import check
from fastnn.mindspore.ops import arrays, creation, functions, reductions
from fastnn.mindspore.tensor import Tensor, adopting
from fastnn.tensor import Tensor as Plain

DType = npt.DTypeLike | None
_ABSENT: Any = object()


def _axis(axis: Any, dim: Any) -> Any:
    return axis if dim is _ABSENT else dim


def _extreme(function: Callable[..., Any], along: Callable[..., Any]) -> Callable[..., Any]:
    def extreme(
        self: Any,
        *args: Any,
        axis: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
        return_indices: bool = False,
        **torchs: Any,
    ) -> Any:
        """The extreme of all; with a position, `dim`, or return_indices (values, indices)."""
        if args and (isinstance(args[0], Plain) or len(args) > 2):
            return getattr(Plain, function.__name__)(self, *args)
        if "dim" in torchs or (args and isinstance(args[0], int)):
            dim = args[0] if args else torchs.pop("dim")
            keep = args[1] if len(args) > 1 else torchs.pop("keepdim", keepdims)
            return_indices, axis, keepdims = True, dim, keep
        elif args:
            axis = args[0]
        if torchs:
            raise TypeError(f"{function.__name__}: expected dim and keepdim, got {torchs}")
        mask = None if where is True else where
        if return_indices:
            return function(self, axis, keepdims, initial=initial, where=mask)
        return along(self, axis, keepdims, initial=initial, where=mask)

    return extreme


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    def spread(
        self: Any,
        axis: Any = None,
        ddof: int = 0,
        keepdims: bool = False,
        *,
        dim: Any = _ABSENT,
        correction: int | None = None,
        keepdim: bool = False,
    ) -> Any:
        """By n - ddof, ddof 0; torch's `correction` is the same."""
        by = ddof if correction is None else correction
        return function(self, _axis(axis, dim), by, keepdims or keepdim)

    return spread


def _sum(
    self: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    *,
    dim: Any = _ABSENT,
    keepdim: bool = False,
) -> Any:
    if isinstance(dtype, bool):  # sum(axis, keepdim), as torch
        dtype, keepdims = None, dtype
    found = reductions.sum(self, _axis(axis, dim), keepdims or keepdim, dtype=dtype)
    return found if initial is None else base.add(found, initial)


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduced(
        self: Any,
        axis: Any = None,
        keep_dims: bool = False,
        *,
        dim: Any = _ABSENT,
        keepdim: bool = False,
        keepdims: bool = False,
        dtype: DType = None,
    ) -> Any:
        """Over axes, default all."""
        x = self if dtype is None else self.to(dtype)
        return function(x, _axis(axis, dim), keep_dims or keepdim or keepdims)

    return reduced


def _transpose(self: Any, *axes: Any) -> Any:
    """All axes in this order, in the opposite one by default: NumPy's `transpose`."""
    given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
    order = tuple(given) if given else tuple(range(self.ndim))[::-1]
    if len(order) != self.ndim:
        raise ValueError(f"transpose: expected the {self.ndim} axes in some order, got {order}")
    return base.permute(self, order)


def _gather(self: Any, input_indices: Any, axis: Any = 0, batch_dims: int = 0) -> Any:
    """Slices by index; torch's form, gather(dim, index), too."""
    if isinstance(input_indices, int) and isinstance(axis, Plain):
        return base.gather(self, input_indices, axis)
    return arrays.gather(self, input_indices, axis, batch_dims)


def _split(self: Any, split_size_or_sections: Any, axis: int = 0, *, dim: Any = _ABSENT) -> Any:
    """Parts of this size, or of these sizes."""
    return arrays.split(self, split_size_or_sections, _axis(axis, dim))


def _chunk(self: Any, chunks: int, axis: int = 0, *, dim: Any = _ABSENT) -> Any:
    """As many parts."""
    return arrays.chunk(self, chunks, _axis(axis, dim))


def _flatten(self: Any, order: Any = "C", *args: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """All axes joined into one, or start_dim..end_dim; order 'F': by columns."""
    if isinstance(order, int):  # flatten(start_dim, end_dim), as torch
        return base.flatten(self, order, *(args or (end_dim,)))
    if check.choice("order", order, ("C", "F")) == "F":
        self = base.permute(self, tuple(range(self.ndim))[::-1])
    return base.flatten(self, start_dim, end_dim)


def _astype(self: Any, dtype: npt.DTypeLike, copy: bool = True) -> Any:
    """A copy of another dtype; copy=False: itself if it has that dtype."""
    same = self.dtype == np.dtype(dtype)
    return (base.clone(self) if copy else self) if same else self.to(dtype)


def _copy(self: Any) -> Any:
    """A copy."""
    return base.clone(self)


def _itemset(self: Any, *args: Any) -> Any:
    """A copy with one element changed: itemset(value), or itemset(index, value)."""
    if len(args) not in (1, 2):
        raise ValueError(f"itemset: expected a value, or an index and a value, got {args}")
    values = self.asnumpy().copy()
    index = args[0] if len(args) == 2 else 0
    place = np.unravel_index(index, values.shape) if isinstance(index, int) else tuple(index)
    values[place] = args[-1]
    return Tensor(values)


def _item(self: Any, index: Any = None) -> Any:
    """The value of a single element, or of that at an index, as a Python number."""
    if index is None:
        return Plain.item(self)
    place = np.unravel_index(index, self.shape) if isinstance(index, int) else tuple(index)
    return self.asnumpy()[place].item()


def _fill(self: Any, value: Any) -> Any:
    """One value in the shape and dtype of the tensor."""
    return creation.fills(self, value)


def _ptp(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Maximum minus minimum."""
    return base.sub(reductions.amax(self, axis, keepdims), reductions.amin(self, axis, keepdims))


def _argmax(
    self: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = _ABSENT,
    keepdim: bool = False,
) -> Any:
    """The index of the maximum, default of all."""
    return reductions.argmax(self, _axis(axis, dim), keepdims or keepdim)


def _argmin(
    self: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = _ABSENT,
    keepdim: bool = False,
) -> Any:
    """The index of the minimum, default of all."""
    return reductions.argmin(self, _axis(axis, dim), keepdims or keepdim)


def _ordered(function: Callable[..., Any]) -> Callable[..., Any]:
    def ordered(self: Any, axis: int = -1, descending: bool = False, *, dim: Any = _ABSENT) -> Any:
        """Along an axis, the last by default."""
        return function(self, _axis(axis, dim), descending)

    return ordered


def _cumsum(self: Any, axis: Any = None, dtype: DType = None, *, dim: Any = _ABSENT) -> Any:
    """Sums of the elements so far; without an axis of the flattened ones."""
    along = _axis(axis, dim)
    x = self if along is not None else base.reshape(self, (-1,))
    return reductions.cumsum(x, 0 if along is None else along, dtype)


def _tile(self: Any, *dims: Any) -> Any:
    """The whole, repeated along each axis."""
    given = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    return arrays.tile(self, given)


def _squeeze(self: Any, axis: Any = None, *, dim: Any = _ABSENT) -> Any:
    """Without axes of size 1: all, or these."""
    return arrays.squeeze(self, _axis(axis, dim))


def _swapaxes(self: Any, axis0: int, axis1: int) -> Any:
    """Two axes swapped."""
    return base.swapaxes(self, axis0, axis1)


def _broadcast_to(self: Any, *shape: Any) -> Any:
    """Repeated along axes of size 1."""
    given = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
    return arrays.broadcast_to(self, given)


def _argmax_with_value(self: Any, axis: int = 0, keep_dims: bool = False) -> Any:
    """(the maximum, its index) along an axis."""
    return reductions.max(self, axis, keep_dims)


def _argmin_with_value(self: Any, axis: int = 0, keep_dims: bool = False) -> Any:
    """(the minimum, its index) along an axis."""
    return reductions.min(self, axis, keep_dims)


def _top_k(self: Any, k: int, sorted: bool = True) -> Any:
    """(the k largest of the last axis, their indices)."""
    return reductions.topk(self, k)


METHODS: dict[str, Callable[..., Any]] = {
    "all": _reduced(reductions.all),
    "amax": _reduced(reductions.amax),
    "amin": _reduced(reductions.amin),
    "any": _reduced(reductions.any),
    "approximate_equal": functions.approximate_equal,
    "argmax": _argmax,
    "argmax_with_value": _argmax_with_value,
    "argmin": _argmin,
    "argmin_with_value": _argmin_with_value,
    "argsort": _ordered(reductions.argsort),
    "astype": _astype,
    "bitwise_and": base.bitwise_and,
    "bitwise_or": base.bitwise_or,
    "bitwise_xor": base.bitwise_xor,
    "broadcast_to": _broadcast_to,
    "chunk": _chunk,
    "copy": _copy,
    "cumsum": _cumsum,
    "equal": functions.equal,
    "expand_dims": arrays.expand_dims,
    "fill": _fill,
    "fills": _fill,
    "flatten": _flatten,
    "gather": _gather,
    "gather_elements": arrays.gather_elements,
    "gather_nd": arrays.gather_nd,
    "item": _item,
    "hypot": base.hypot,
    "invert": base.bitwise_not,
    "itemset": _itemset,
    "max": _extreme(reductions.max, reductions.amax),
    "mean": _reduced(reductions.mean),
    "median": reductions.median,
    "min": _extreme(reductions.min, reductions.amin),
    "prod": _reduced(reductions.prod),
    "ptp": _ptp,
    "sort": _ordered(reductions.sort),
    "split": _split,
    "squeeze": _squeeze,
    "std": _spread(reductions.std),
    "sum": _sum,
    "swapaxes": _swapaxes,
    "tile": _tile,
    "top_k": _top_k,
    "topk": reductions.topk,
    "transpose": _transpose,
    "var": _spread(reductions.var),
}

for _name, _function in METHODS.items():
    _method = adopting(_function)
    _method.__name__ = _name
    setattr(Tensor, _name, _method)

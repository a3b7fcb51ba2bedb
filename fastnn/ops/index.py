"""An index as torch reads it: the part of it that gives a view, and the tensors of positions."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn._support import maps
from fastnn._support.dtypes import int8, int16, uint8
from fastnn._support.errors import InvalidIndexError
from fastnn.ops.promote import cast
from fastnn.tape import listener
from fastnn.tensor import Tensor, bool_, int64, of_array

# The types of the parts of an index that gives a view; bool, which is an int too, is none of them.
VIEW_PARTS = frozenset({int, slice, type(None), type(Ellipsis)})
_SHORT = 32  # a longer list is one index, whatever is in it


class Index(NamedTuple):
    """An index of a tensor of some shape.

    view: integers, slices and None, one integer or slice for each axis; it is applied first.
    named: by axis of that view, the int64 positions along it, or a mask of it and the axes after.
    """

    view: tuple[Any, ...]
    named: dict[int, Tensor]


def gives_view(index: Any) -> bool:
    """Whether the index is of integers, slices, None and ... alone."""
    if index.__class__ is tuple:
        return VIEW_PARTS.issuperset(map(type, index))
    return index.__class__ in VIEW_PARTS


def is_mask(x: Tensor) -> bool:
    """Whether an index tensor says for each element whether it is meant; uint8 does so too."""
    return x.dtype == bool_ or x.dtype == uint8


def read(index: Any, shape: tuple[int, ...]) -> Index:
    """Read an index of a tensor of this shape.

    Raises:
        IndexError: too many axes, a mask of another shape, or something that is no index.
    """
    given = _parts(index)
    parts = [_part(part) for part in given]
    known = sum(_axes(part) for part in parts)
    if known > len(shape):
        raise InvalidIndexError(f"index: too many indices for tensor of dimension {len(shape)}")
    if not any(part is Ellipsis for part in parts):
        parts.append(Ellipsis)
    view: list[Any] = []
    named: dict[int, Tensor] = {}
    at = out = 0  # axis of the tensor, and of its view
    rest = len(shape) - known
    for i, part in enumerate(parts):
        axes = 0 if part is None else 1
        if part is Ellipsis:
            axes, rest = rest, 0
            view += [slice(None)] * axes
            at, out = at + axes, out + axes
        elif isinstance(part, Tensor):
            axes = _axes(part)
            if is_mask(part) and part.shape != shape[at : at + axes]:
                raise InvalidIndexError(
                    f"index: the shape of the mask {list(part.shape)} at index {at} does not match "
                    f"the shape of the indexed tensor {list(shape)} at index {at}"
                )
            if is_mask(part) and not isinstance(given[i], Tensor):  # known: no need to keep it
                found = np.nonzero(np.atleast_1d(part._array))
                named |= {out + d: of_array(positions) for d, positions in enumerate(found)}
            else:
                named[out] = part
            view += [slice(None)] * axes or [None]
            at, out = at + axes, out + (axes or 1)
        else:
            view.append(part)
            at, out = at + axes, out + (part.__class__ is not int)
    return Index(tuple(view), named)


def _parts(index: Any) -> Sequence[Any]:
    """The parts of an index. A short list that has a list, a slice or the like in it is a tuple."""
    if isinstance(index, tuple):
        return index
    if _is_list(index) and len(index) < _SHORT:
        for part in index:
            if part is None or part is Ellipsis or isinstance(part, slice | Tensor | np.ndarray):
                return tuple(index)
            if _is_list(part):
                return tuple(index)
    return (index,)


def _is_list(part: Any) -> bool:
    """Whether it is a list, range, deque, array.array and the like: numbers in order."""
    if isinstance(part, str | bytes | dict | Tensor | np.ndarray | np.generic):
        return False
    return hasattr(part, "__len__") and hasattr(part, "__getitem__")


def _part(part: Any) -> Any:
    """One part: an int, slice, None, ..., or a tensor of positions or a mask."""
    kind = part.__class__
    if kind in VIEW_PARTS:
        return part
    if isinstance(part, Tensor):
        return _tensor(part)
    if isinstance(part, bool | np.bool_ | np.ndarray):
        array = maps.array_of(part, "index")
        whole = array.dtype.kind in "iu" and array.dtype != uint8
        return _tensor(of_array(array.astype(int64) if whole else array))
    if _is_list(part):
        maps.refuse_closed(part, "index")
        values = np.asarray([_number(value) for value in part])
        return _tensor(of_array(values if values.size else values.astype(int64)))
    if hasattr(part, "__index__"):
        return operator.index(part)
    raise InvalidIndexError(
        f"index: expected integers, slices, ..., None, lists, or tensors of int64 or bool, "
        f"got {part!r}"
    )


def _number(value: Any) -> Any:
    """A value of a list: a number, or a list of them."""
    if isinstance(value, Tensor):
        return value.numpy()
    return [_number(v) for v in value] if _is_list(value) else value


def _tensor(x: Tensor) -> Any:
    if x.dtype.kind == "f" or x.dtype in (int8, int16):
        raise InvalidIndexError(
            "index: tensors used as indices must be long, int, byte or bool tensors, "
            f"got {x.dtype}; convert by .long()"
        )
    if is_mask(x):
        return x
    if x.ndim == 0 and listener.active is None:
        return int(x._array.item())
    return cast(x, int64)


def _axes(part: Any) -> int:
    """How many axes of the tensor a part is for."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, Tensor) and is_mask(part) else 1

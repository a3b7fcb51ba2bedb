"""Changes in place of tensors that are on the tape, or come onto it by what is written.

The new values are computed beside the old ones, by the operation that gives a new tensor, and put
into the tensor's memory; the tensor takes the place of that result on the tape. What had used it
before still leads to its former place (`rebase`), and raises in a backward pass if it needs the
values that are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fastnn._core.tape import owner, rebase
from fastnn.ops.elementwise import copy, where
from fastnn.ops.indexing import parts_of, setitem, view_array
from fastnn.ops.promote import cast
from fastnn.ops.rows import take_rows
from fastnn.ops.shape import contiguous, reshape, unbroadcast
from fastnn.ops.table import taped
from fastnn.ops.write import copy_
from fastnn.tape import versions
from fastnn.tape.inference import only_reads
from fastnn.tape.modes import no_grad
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.tensor.methods.operators import Operand


def changes_tape(x: Tensor, value: Any, name: str) -> bool:
    """Whether a change of `x` by `value` belongs on the tape; grad mode is on.

    Raises:
        RuntimeError: x is a leaf that requires grad.
    """
    if x.requires_grad and x.is_leaf:
        raise RuntimeError(
            f"{name}: a leaf Variable that requires grad is being used in an in-place operation: "
            "it is changed in place; do so under fastnn.no_grad()"
        )
    return x.requires_grad or (isinstance(value, Tensor) and value.requires_grad)


def moved(x: Tensor, y: Tensor, name: str) -> None:
    """x was changed in place, and y is its memory at its new place on the tape.

    Raises:
        RuntimeError: x is a leaf that requires grad, or a view of one, or of a tensor that is not
            contiguous.
    """
    changes_tape(x, None, name)
    _settle(x, _bases(x, name), None, y)


def change(x: Tensor, name: str, compute: Callable[[Tensor], Tensor]) -> None:
    """x = compute(x), in the memory of x and on the tape.

    Raises:
        RuntimeError: a view of a tensor that is not contiguous.
        ValueError: the result does not fit.
    """
    bases = _bases(x, name)
    with no_grad():
        before = copy(x)  # the operation may need the old values in its gradient
    before._node, before._index, before._past = x._node, x._index, x._past
    before.requires_grad = x.requires_grad
    y = cast(compute(before), x.dtype)
    if y.shape != x.shape:
        raise ValueError(f"{name}: shape {y.shape} does not fit into {x.shape}")
    with no_grad():
        copy_(x, y)
    _settle(x, bases, None, y)


def assign(x: Tensor, index: Any, value: Operand) -> None:
    """x[index] = value, on the tape.

    Raises:
        RuntimeError: as of `change`.
        RecordingError: positions given by a tensor while recording; a mask with one value is
            recorded.
    """
    given = value if isinstance(value, Tensor) else Tensor(np.asarray(value, x.dtype))
    given = cast(given, x.dtype)
    if isinstance(index, Tensor) and index.dtype == bool_ and given.numel() == 1:
        mask = reshape(index, (*index.shape, *(1,) * (x.ndim - index.ndim)))
        one = reshape(given, ())
        change(x, "assignment", lambda old: where(mask, one, old))
        return
    if _is_there(x, index, given):
        return
    bases = _bases(x, "assignment")
    with no_grad():
        setitem(x, index, given)
    place = tuple(p._array if isinstance(p, Tensor) else p for p in parts_of(index))
    positions = np.asarray(np.arange(x.numel()).reshape(x.shape)[place])
    _settle(x, bases, positions, given)


def _is_there(x: Tensor, index: Any, value: Tensor) -> bool:
    """Whether x[index] is the memory of the value: what `x[index] += 1` assigns at last."""
    if any(isinstance(p, Tensor) for p in parts_of(index)):
        return False
    view, given = view_array(x._array, index), value._array
    same = view.shape == given.shape and view.strides == given.strides
    return same and _address(view) == _address(given)


def _bases(x: Tensor, name: str) -> list[Tensor]:
    """x, what it is a view of on the tape, and so on."""
    bases = [x]
    while (node := bases[-1]._node) is not None and len(node.inputs or ()) == 1:
        source = node.input(0)
        if owner(source._array) is not owner(x._array):
            break
        bases.append(source)
    if len(bases) > 1 and bases[-1].is_leaf and bases[-1].requires_grad:
        raise RuntimeError(
            f"{name}: a view of a leaf Variable that requires grad is being used in an in-place "
            "operation: it is changed in place; do so under fastnn.no_grad()"
        )
    if len(bases) > 1 and not bases[-1]._array.flags.c_contiguous:
        raise RuntimeError(
            f"{name}: a view of a tensor that is not contiguous is changed in place; use "
            "contiguous() or clone() first, or the operation that gives a new tensor"
        )
    return bases


def _settle(x: Tensor, bases: list[Tensor], at: NDArray[Any] | None, y: Tensor) -> None:
    """Give x and what it is a view of their new places: `y` was written to x, all or `at`."""
    base = bases[-1]
    if x is base and at is None:
        rebase(x, y)
        versions.changed_on_tape(x._array, x)
        return
    seen = _positions(x._array, base._array) if x is not base else np.arange(x.numel())
    seen = seen.reshape(x.shape)
    positions = seen if at is None else seen.ravel()[at]
    mask = np.zeros(base.shape, bool)
    mask.flat[positions] = True
    rebase(base, taped(_put_gradient, (base, y), base._array, (mask, positions)))
    versions.changed_on_tape(x._array, base)
    if x is not base:
        rebase(x, taped(_seen_gradient, (base,), x._array, (seen,)))


def _positions(view: NDArray[Any], base: NDArray[Any]) -> NDArray[np.int64]:
    """Where each element of a view lies in its C-contiguous base."""
    first = (_address(view) - _address(base)) // view.itemsize
    steps = [8 * s // view.itemsize for s in view.strides]
    return as_strided(np.arange(base.size)[first:], view.shape, steps)


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _put_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """y is x, but v at some positions."""
    mask, positions = node.attrs
    dx = where(Tensor(mask), 0.0, dy) if node.needs(0) else None
    if not node.needs(1):
        return dx, None
    return dx, unbroadcast(_picked(dy, positions), node.input(1).shape)


only_reads(_put_gradient)


def _seen_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """y is x at some positions."""
    (positions,) = node.attrs
    x = node.input(0)
    source = np.full(x.shape, -1, np.int64)
    source.flat[positions] = np.arange(positions.size).reshape(positions.shape)
    return (where(Tensor(source >= 0), _picked(dy, np.maximum(source, 0)), 0.0),)


def _picked(x: Tensor, positions: NDArray[Any]) -> Tensor:
    """The elements of x at flat positions."""
    rows = reshape(contiguous(x), (x.numel(), 1))
    return reshape(take_rows(rows, Tensor(positions.ravel())), positions.shape)

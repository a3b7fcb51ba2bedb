"""In-place ops on tensors that are on the tape, or get there by the value that is written.

The out-of-place op computes the new values. They are copied into the tensor's memory, and the
tensor takes the node of that result on the tape. Ops that used the tensor before still lead to its
former node (`rebase`), and raise in a backward pass if they need the values that were overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fastnn._core.tape import grad_enabled, owner, rebase
from fastnn.ops import elementwise, write
from fastnn.ops.arithmetic import scaled
from fastnn.ops.axes import contiguous, reshape, unbroadcast
from fastnn.ops.elementwise import (
    abs,
    copy,
    cos,
    exp,
    lerp,
    log,
    neg,
    pow,
    relu,
    sigmoid,
    sin,
    sqrt,
    square,
    tanh,
    where,
)
from fastnn.ops.indexing import as_mask, parts_of, setitem, view_array
from fastnn.ops.pointwise import (
    addcdiv,
    addcmul,
    clamp,
    fmod,
    masked_fill,
    nan_to_num,
    reciprocal,
    rsqrt,
)
from fastnn.ops.promote import cast, fits
from fastnn.ops.rows import take_rows
from fastnn.ops.scattering import index_add, index_fill, scatter, scatter_add
from fastnn.ops.table import taped
from fastnn.tape import versions
from fastnn.tape.inference import only_reads
from fastnn.tape.modes import no_grad
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.ops.table import Operand


def changes_tape(x: Tensor, value: Any, name: str) -> bool:
    """Whether changing `x` by `value` has to be recorded on the tape; grad mode is on.

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
    """Rebase x, whose memory was changed in place, to y's node on the tape.

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
        write.copy_(x, y)
    _settle(x, bases, None, y)


def assign(x: Tensor, index: Any, value: Operand) -> None:
    """x[index] = value, on the tape.

    Raises:
        RuntimeError: as `change`.
        RecordingError: positions given by a tensor while recording; a mask with one value is
            recorded.
    """
    given = value if isinstance(value, Tensor) else write.value_of(value, x)
    given = cast(given, x.dtype)
    index = as_mask(index)
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
    """Whether x[index] already is the value's memory: the last step of `x[index] += 1`."""
    if any(isinstance(p, Tensor) for p in parts_of(index)):
        return False
    view, given = view_array(x._array, index), value._array
    same = view.shape == given.shape and view.strides == given.strides
    return same and _address(view) == _address(given)


def _bases(x: Tensor, name: str) -> list[Tensor]:
    """x and, if it is a view on the tape, its base, the base of that, and so on."""
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
    """Rebase x and its bases on the tape after `y` was written to x, or to its positions `at`."""
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
    """Flat positions of a view's elements in its C-contiguous base."""
    first = (_address(view) - _address(base)) // view.itemsize
    steps = [8 * s // view.itemsize for s in view.strides]
    return as_strided(np.arange(base.size)[first:], view.shape, steps)


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _put_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """Gradient of a write: y is x with v at some positions."""
    mask, positions = node.attrs
    dx = where(Tensor(mask), 0.0, dy) if node.needs(0) else None
    if not node.needs(1):
        return dx, None
    return dx, unbroadcast(_picked(dy, positions), node.input(1).shape)


only_reads(_put_gradient)


def _seen_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """Gradient of a view: y is x at some positions."""
    (positions,) = node.attrs
    x = node.input(0)
    source = np.full(x.shape, -1, np.int64)
    source.flat[positions] = np.arange(positions.size).reshape(positions.shape)
    return (where(Tensor(source >= 0), _picked(dy, np.maximum(source, 0)), 0.0),)


def _picked(x: Tensor, positions: NDArray[Any]) -> Tensor:
    """The elements of x at flat positions."""
    rows = reshape(contiguous(x), (x.numel(), 1))
    return reshape(take_rows(rows, Tensor(positions.ravel())), positions.shape)


# ---- the methods ----


def _write(
    x: Tensor,
    name: str,
    value: Operand,
    plain: Callable[[Tensor, Operand], Tensor],
    compute: Callable[[Tensor], Tensor],
) -> Tensor:
    """Run plain(x, value) off the tape, else compute(x), the same op out of place."""
    if grad_enabled() and changes_tape(x, value, name):
        change(x, name, compute)
        return x
    return plain(x, value)


def _replace(
    x: Tensor, name: str, compute: Callable[[Tensor], Tensor], values: Iterable[Any]
) -> Tensor:
    """Replace x by `compute(x)`, which also uses these values."""
    if grad_enabled() and any(changes_tape(x, v, name) for v in (None, *values)):
        change(x, name, compute)
        return x
    return write.copy_(x, compute(x))


def copy_(self: Tensor, source: Operand) -> Tensor:
    """Copy the values of `source`, which is broadcast to this shape."""
    if grad_enabled() and changes_tape(self, source, "copy_"):
        assign(self, ..., source)
        return self
    return write.copy_(self, source)


def zero_(self: Tensor) -> Tensor:
    """Set every element to 0."""
    return copy_(self, 0)


def fill_(self: Tensor, value: Operand) -> Tensor:
    """Set every element to `value`."""
    return copy_(self, value)


def add_(self: Tensor, other: Operand, *, alpha: float = 1) -> Tensor:
    """self += alpha other."""
    term = other if alpha == 1 else scaled(other, alpha)
    return _write(self, "add_", term, write.add_, lambda old: elementwise.add(old, term))


def sub_(self: Tensor, other: Operand, *, alpha: float = 1) -> Tensor:
    """self -= alpha other."""
    term = other if alpha == 1 else scaled(other, alpha)
    return _write(self, "sub_", term, write.sub_, lambda old: elementwise.sub(old, term))


def mul_(self: Tensor, other: Operand) -> Tensor:
    """self *= other."""
    return _write(self, "mul_", other, write.mul_, lambda old: elementwise.mul(old, other))


def div_(self: Tensor, other: Operand) -> Tensor:
    """self /= other."""
    return _write(self, "div_", other, write.div_, lambda old: elementwise.div(old, other))


def _in_place(function: Callable[..., Tensor], checked: bool) -> Callable[..., Tensor]:
    """Make the in-place method of a function.

    checked: refuse a result of a higher kind, such as floats for an int64 tensor.
    """
    name = f"{function.__name__}_"

    @wraps(function)
    def method(self: Tensor, *args: Any, **named: Any) -> Tensor:
        def changed(old: Tensor) -> Tensor:
            y = function(old, *args, **named)
            if checked:
                fits(name, old, y.dtype)
            return y

        return _replace(self, name, changed, (*args, *named.values()))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"`{function.__name__}` in place."
    return method


def _data(self: Tensor) -> Tensor:
    """The same memory, off the tape."""
    return self.detach()


def _set_data(self: Tensor, value: Tensor) -> None:
    with no_grad():
        copy_(self, value)


METHODS = methods(
    copy_, zero_, fill_, add_, sub_, mul_, div_,
    _in_place(masked_fill, checked=False),
    *(_in_place(f, checked=True) for f in (
        abs, cos, exp, log, neg, reciprocal, relu, rsqrt, sigmoid, sin, sqrt, square, tanh,
        pow, clamp, addcmul, addcdiv, fmod, lerp, nan_to_num, scatter, scatter_add, index_add,
        index_fill,
    )),
    __iadd__=add_, __isub__=sub_, __imul__=mul_, __itruediv__=div_,
    data=property(_data, _set_data),
)  # fmt: skip

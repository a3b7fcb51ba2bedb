"""In-place ops on tensors that are on the tape, or get there by the value that is written.

The out-of-place op computes the new values. They are copied into the tensor's memory, and the
tensor takes the node of that result on the tape (`rebase`). Nodes that used the tensor before keep
to its former node, and raise in a backward pass if they need the values that were overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import tape
from fastnn._core.tape import grad_enabled, owner, rebase
from fastnn._support import check
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops import elementwise, places, write
from fastnn.ops.arithmetic import div, scaled
from fastnn.ops.assignment import as_value, put, seen_part, setitem, view_array
from fastnn.ops.axes import blank
from fastnn.ops.elementwise import copy
from fastnn.ops.index import gives_view, is_mask
from fastnn.ops.promote import cast, fits
from fastnn.ops.table import taped
from fastnn.tape import listener, versions
from fastnn.tape.inference import only_reads
from fastnn.tape.modes import no_grad
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.places import Place
    from fastnn.ops.table import Operand


def changes_tape(x: Tensor, value: Any, name: str) -> bool:
    """Whether changing `x` by `value` has to be recorded on the tape; grad mode is on.

    Raises:
        RuntimeError: x is a leaf that requires grad.
    """
    try:
        refused = x.requires_grad and x.is_leaf
    except AttributeError:
        check.a_tensor("input", x)
        raise
    if refused:
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
    before._node, before._index = x._node, x._index
    before.requires_grad = x.requires_grad
    y = cast(compute(before), x.dtype)
    if y.shape != x.shape:
        raise InvalidValueError(f"{name}: shape {y.shape} does not fit into {x.shape}")
    if before.requires_grad and not y.requires_grad:  # x stays on the tape, as in torch
        y = taped(_zero_gradient, (before,), y._array)
    with no_grad():
        write.copy_(x, y)
    _settle(x, bases, None, y)


def _zero_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (blank(dy.shape, dy.dtype),)


only_reads(_zero_gradient)


def assign(x: Tensor, index: Any, value: Operand) -> None:
    """x[index] = value, on the tape.

    Raises:
        RuntimeError: as `change`.
        RecordingError: a mask while recording, and more than one value.
    """
    given = value if isinstance(value, Tensor) else write.value_of(value, x)
    given = cast(given, x.dtype)
    plain = gives_view(index)
    if plain and _is_there(x, index, given):
        return
    given = as_value(given)
    mask = isinstance(index, Tensor) and is_mask(index) and given.numel() == 1
    if mask or (not plain and listener.active is not None):
        change(x, "assignment", lambda old: put(old, index, given))
        return
    bases = _bases(x, "assignment")
    with no_grad():
        setitem(x, index, given)
    _settle(x, bases, _place(x, bases[-1], index), given)


def _place(x: Tensor, base: Tensor, index: Any) -> Place:
    """Where x[index] lies in the memory of a base; of x itself, in the order of its elements."""
    if base._array.flags.c_contiguous and gives_view(index):
        return places.strided(view_array(x._array, index), base._array)
    own = np.arange(x.numel()).reshape(x.shape)
    if x is not base:
        own = places.strided(x._array, base._array).positions()
    seen, place = seen_part(own, index)
    return np.asarray(seen[place])


def _is_there(x: Tensor, index: Any, value: Tensor) -> bool:
    """Whether x[index] already is the value's memory: the last step of `x[index] += 1`."""
    view, given = view_array(x._array, index), value._array
    same = view.shape == given.shape and view.strides == given.strides
    return same and places.address(view) == places.address(given)


def _bases(x: Tensor, name: str) -> list[Tensor]:
    """x and, if it is a view, its base, the base of that, and so on."""
    bases = [x]
    while (source := _source(bases[-1])) is not None:
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


def _source(x: Tensor) -> Tensor | None:
    """The one tensor that x was made of; of a leaf that requires grad nothing is asked."""
    node = x._node
    if node is None:
        return None if x.requires_grad else x._base
    return node.input(0) if len(node.inputs or ()) == 1 else None


def _renew(x: Tensor) -> None:
    """Put a view that was made off the tape where its base has come to on the tape since."""
    base = x._base
    assert base is not None
    if x.requires_grad:
        return
    if not base._array.flags.c_contiguous:
        raise RuntimeError(
            "a view of a tensor that is not contiguous is used after the tensor was changed in "
            "place on the tape; make the view after the change, or call contiguous() or clone() "
            "first"
        )
    rebase(x, places.seen(base, x._array, places.strided(x._array, base._array)))


tape.bind(renew=_renew)


def _settle(x: Tensor, bases: list[Tensor], at: Place | None, y: Tensor) -> None:
    """Rebase x and its bases on the tape after `y` was written to x, or to a place of the memory of
    the last base."""
    base = bases[-1]
    if x is base and at is None:
        rebase(x, y)
        versions.changed_on_tape(x._array, x)
        return
    own = None if x is base else places.strided(x._array, base._array)
    place = own if at is None else at
    assert place is not None
    rebase(base, places.put(base, y, place))
    versions.changed_on_tape(x._array, base)
    if own is not None:
        rebase(x, places.seen(base, x._array, own))


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


def replace(
    x: Tensor, name: str, compute: Callable[[Tensor], Tensor], values: Iterable[Any]
) -> Tensor:
    """Replace x by `compute(x)`, which also uses these values."""
    if grad_enabled() and any(changes_tape(x, v, name) for v in (None, *values)):
        change(x, name, compute)
        return x
    y = compute(x)
    if y.shape != x.shape:
        raise InvalidValueError(f"{name}: shape {y.shape} does not fit into {x.shape}")
    return write.copy_(x, cast(y, x.dtype))


def copy_(self: Tensor, other: Operand, non_blocking: bool = False) -> Tensor:
    """Copy the values of `other`, which is broadcast to this shape; non_blocking has no effect."""
    if grad_enabled() and changes_tape(self, other, "copy_"):
        assign(self, ..., other)
        return self
    return write.copy_(self, other)


def zero_(input: Tensor) -> Tensor:
    """Set every element to 0."""
    return fill_(input, 0)


def fill_(input: Tensor, value: Operand) -> Tensor:
    """Set every element to `value`, a number or a 0-d tensor.

    Raises:
        ValueError: a tensor with axes.
    """
    if isinstance(value, Tensor) and value.ndim:
        raise InvalidValueError(
            f"fill_: fill_ only supports 0-dimension value tensor but got shape {value.shape}; "
            "use copy_"
        )
    if grad_enabled() and changes_tape(input, value, "fill_"):
        assign(input, ..., value)
        return input
    return write.fill_(input, value)


def fill_diagonal_(self: Tensor, fill_value: Operand, wrap: bool = False) -> Tensor:
    """Set the elements whose indices are all equal to a number.

    Args:
        wrap: of a matrix with more rows than columns, begin a new diagonal after a row's gap.

    Raises:
        ValueError: fewer than two axes, or more than two that are not of one size.

    Example:
        >>> import fastnn
        >>> fastnn.zeros(2, 3).fill_diagonal_(5)
        tensor([[5., 0., 0.],
                [0., 5., 0.]])
    """
    if self.ndim < 2 or (self.ndim > 2 and len(set(self.shape)) > 1):
        raise InvalidValueError(
            f"fill_diagonal_: expected a matrix, or axes of one size, got shape {self.shape}"
        )
    places = np.arange(min(self.shape))
    rows = columns = places
    if wrap and self.ndim == 2:
        flat = np.arange(0, self.numel(), self.shape[1] + 1)
        rows, columns = flat // self.shape[1], flat % self.shape[1]
    index = (rows, columns) if self.ndim == 2 else (places,) * self.ndim
    put_at = tuple(of_array(i) for i in index)
    if grad_enabled() and changes_tape(self, fill_value, "fill_diagonal_"):
        assign(self, put_at, fill_value)
    else:
        setitem(self, put_at, fill_value)
    return self


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


def div_(self: Tensor, other: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """self /= other, rounded as by `fastnn.div` with a mode."""
    if rounding_mode is not None:
        return _divide_rounded(self, other, rounding_mode=rounding_mode)
    return _write(self, "div_", other, write.div_, lambda old: elementwise.div(old, other))


def in_place(function: Callable[..., Tensor], base: str) -> Callable[..., Tensor]:
    """Make the in-place method of a function; a result of a higher kind, such as floats for an
    int64 tensor, is refused."""
    name = f"{base}_"

    @wraps(function)
    def method(self: Tensor, *args: Any, **named: Any) -> Tensor:
        if named.get("out") is not None:
            raise InvalidTypeError(f"out: expected None in {name}, which writes into its tensor")

        def changed(old: Tensor) -> Tensor:
            y = function(old, *args, **named)
            fits(name, old, y.dtype)
            return y

        return replace(self, name, changed, (*args, *named.values()))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"`{base}` in place."
    return method


_divide_rounded = in_place(div, "div")


def _data(self: Tensor) -> Tensor:
    """The same memory, off the tape."""
    return self.detach()


def _set_data(self: Tensor, value: Tensor) -> None:
    with no_grad():
        copy_(self, value)


METHODS = methods(
    copy_, zero_, fill_, fill_diagonal_, add_, sub_, mul_, div_,
    __iadd__=add_, __isub__=sub_, __imul__=mul_, __itruediv__=div_,
    data=property(_data, _set_data),
)  # fmt: skip

"""In-place writes: a backward pass must not read memory that changed since the forward pass.

A node knows its number in the order of all nodes. An in-place write is logged with its memory and
the number of nodes at that time. A gradient rule must not read memory that was written after its
node was made. Tensors have no version counters: a backward pass compares two numbers per node, and
looks closer only at nodes older than the last write.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.lib.array_utils import byte_bounds

from fastnn._core.tape import TensorBase, note_write, span
from fastnn.tape import listener
from fastnn.tape.node import GradientRule, Node

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn._core.watch import Watch

    Span = tuple[int, int]

MOST = 4096  # writes that are kept
_written: dict[Span, tuple[int, str]] = {}  # (first byte, end) -> (number of nodes, op)
_on_tape: list[tuple[int, Span]] = []  # (node number, memory) of in-place changes on the tape
_programs: WeakKeyDictionary[Watch, list[Span]] = WeakKeyDictionary()  # memory that each run writes


def _span(array: NDArray[Any]) -> Span:
    if array.flags.c_contiguous:
        return span(array)
    low, high = byte_bounds(array)
    return low, high


def wrote(array: NDArray[Any], name: str) -> None:
    """Log that `name` changed the elements of an array in place."""
    at = note_write()
    if len(_written) >= MOST:
        for key in list(_written)[: MOST // 2]:
            del _written[key]
    _written[_span(array)] = (at, name)


def changed_on_tape(array: NDArray[Any], x: TensorBase) -> None:
    """Log that an array was changed in place on the tape; the change is x's node."""
    if len(_on_tape) >= MOST:
        del _on_tape[: MOST // 2]
    if x._node is not None:
        _on_tape.append((x._node.order, _span(array)))


def _number(change: tuple[int, Span]) -> int:
    return change[0]


def check_view(x: TensorBase, order: int) -> None:
    """Raise if x, an input of the node with this number, is a view that was made before its memory
    was changed on the tape, and used after."""
    if x._node is None or not _on_tape:
        return
    since = bisect_right(_on_tape, x._node.order, key=_number)
    between = _on_tape[since : bisect_left(_on_tape, order, key=_number)]
    if not between:
        return
    first, end = _span(x._array)
    for _, (low, high) in between:
        if low < end and first < high:
            raise RuntimeError(
                f"backward: a view of shape {x._array.shape} was used after the memory that it "
                "sees was changed in place, a change that is not on the view's tape; make a new "
                "view after the change"
            )


def writes(watch: Watch, arrays: Iterable[NDArray[Any]]) -> None:
    """Register arrays that every run of a program writes; its watch knows when it last ran."""
    _programs[watch] = [_span(array) for array in arrays]


def _changed(node: Node, arrays: Iterable[Any]) -> dict[Span, str]:
    """The writes into a node's arrays that came after the node."""
    late = {span: name for span, (at, name) in _written.items() if at >= node.order}
    for watch, spans in list(_programs.items()):
        if watch.ran_at >= node.order:
            late |= dict.fromkeys(spans, "a compiled function")
    held = [_span(a) for a in arrays if isinstance(a, np.ndarray)]
    return {
        span: name
        for span, name in late.items()
        if any(span[0] < end and first < span[1] for first, end in held)
    }


def check(array: Any, changed: dict[Span, str]) -> None:
    """Raise if the array was changed."""
    if not isinstance(array, np.ndarray):
        return
    first, end = _span(array)
    for (low, high), name in changed.items():
        if low < end and first < high:
            raise RuntimeError(
                "backward: one of the variables needed for gradient computation has been modified "
                f"by an inplace operation: {name} changed a tensor of shape {array.shape} after "
                "the tape had used it; change it after backward, or use its clone()"
            )


class _Watch:
    """A listener that checks what a gradient rule reads, and passes its ops to the recorder."""

    def __init__(self, changed: dict[Span, str]) -> None:
        self.changed, self.recorder = changed, listener.active

    def record(self, op: Any, arrays: tuple[Any, ...], n_outputs: int, *rest: Any) -> None:
        for array in arrays[n_outputs:]:
            check(array, self.changed)
        if self.recorder is not None:
            self.recorder.record(op, arrays, n_outputs, *rest)

    def reads(self, arrays: Iterable[Any]) -> None:
        """Values are read by no op."""
        for array in arrays:
            check(array, self.changed)

    def __getattr__(self, name: str) -> Any:
        if self.recorder is None:
            return lambda *args, **kwargs: None
        return getattr(self.recorder, name)


def checked(rule: GradientRule, node: Node, cotangents: list[Any]) -> Any:
    """Run a gradient rule; raise if it reads memory that changed since the node was made."""
    saved = [x._array for x in node.attrs[0].saved()] if hasattr(rule, "custom") else ()
    inputs = () if node.inputs is None else (x._array for x in node.inputs if x is not None)
    changed = _changed(node, [*inputs, *node.outputs, *saved])
    if not changed:
        return rule(node, *cotangents)
    if hasattr(rule, "custom"):  # its backward may read values
        for array in saved:
            check(array, changed)
        return rule(node, *cotangents)
    before = listener.active
    watch = _Watch(changed)
    listener.listen(watch)
    try:
        return rule(node, *cotangents)
    finally:
        listener.listen(before)

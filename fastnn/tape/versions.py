"""What was written in place, and when: the tape must not use memory that changed since.

A node knows its place in the order of all nodes. A write in place is remembered by its memory and
by the number of nodes that there were. Memory that a gradient rule reads was changed too early
when it was written after the node was made. No tensor counts its versions: a backward pass
compares two numbers a node, and looks closer only at nodes older than the last write.
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

    from fastnn._core.replay import Watch

    Span = tuple[int, int]

MOST = 4096  # writes that are remembered
_written: dict[Span, tuple[int, str]] = {}  # (first byte, end) -> (number of nodes, op)
_on_tape: list[tuple[int, Span]] = []  # (number of the node, memory) of changes that are nodes
_programs: WeakKeyDictionary[Watch, list[Span]] = WeakKeyDictionary()  # what each run writes


def _span(array: NDArray[Any]) -> Span:
    if array.flags.c_contiguous:
        return span(array)
    low, high = byte_bounds(array)
    return low, high


def wrote(array: NDArray[Any], name: str) -> None:
    """The elements of an array were changed in place by `name`."""
    at = note_write()
    if len(_written) >= MOST:
        for key in list(_written)[: MOST // 2]:
            del _written[key]
    _written[_span(array)] = (at, name)


def changed_on_tape(array: NDArray[Any], x: TensorBase) -> None:
    """The change in place of an array is a node on the tape, the one that x is at now."""
    if len(_on_tape) >= MOST:
        del _on_tape[: MOST // 2]
    if x._node is not None:
        _on_tape.append((x._node.order, _span(array)))


def _number(change: tuple[int, Span]) -> int:
    return change[0]


def check_view(x: TensorBase, order: int) -> None:
    """Raise if x, an input of the node of this number, is a view made before its memory was changed
    on the tape, and was used after."""
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
                "sees was changed in place, a change that it is not on the tape of; make the view "
                "anew after the change"
            )


def writes(watch: Watch, arrays: Iterable[NDArray[Any]]) -> None:
    """Every run of a program changes these arrays; its watch knows when it ran last."""
    _programs[watch] = [_span(array) for array in arrays]


def _changed(node: Node, arrays: Iterable[Any]) -> dict[Span, str]:
    """The writes, after the node was made, into arrays that it has held since."""
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
    """Takes the recorder's place while a gradient rule runs, and checks what is read."""

    def __init__(self, changed: dict[Span, str]) -> None:
        self.changed, self.recorder = changed, listener.active

    def record(self, op: Any, arrays: tuple[Any, ...], n_outputs: int, *rest: Any) -> None:
        for array in arrays[n_outputs:]:
            check(array, self.changed)
        if self.recorder is not None:
            self.recorder.record(op, arrays, n_outputs, *rest)

    def __getattr__(self, name: str) -> Any:
        if self.recorder is None:
            return lambda *args, **kwargs: None
        return getattr(self.recorder, name)


def checked(rule: GradientRule, node: Node, cotangents: list[Any]) -> Any:
    """Run a gradient rule; it raises when it reads what was changed since the node was made."""
    saved = [x._array for x in node.attrs[0].saved()] if hasattr(rule, "custom") else ()
    inputs = () if node.inputs is None else (x._array for x in node.inputs if x is not None)
    changed = _changed(node, [*inputs, *node.outputs, *saved])
    if not changed:
        return rule(node, *cotangents)
    if hasattr(rule, "custom"):  # its backward may look at values
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

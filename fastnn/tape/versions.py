"""In-place writes: a backward pass must not read memory that changed since the forward pass.

A node knows its number in the order of all nodes. An in-place write is logged with its memory and
the number of nodes at that time. A gradient rule must not read memory that was written after its
node was made. Tensors have no version counters: a backward pass compares two numbers per node, and
looks closer only at nodes older than the last write.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from numpy.lib.array_utils import byte_bounds

from fastnn._core.tape import TensorBase, note_write, span
from fastnn._support import forks
from fastnn.tape import listener
from fastnn.tape.intervals import Intervals, Span
from fastnn.tape.node import GradientRule, Node

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn._core.watch import Watch

    Write = tuple[int, str]  # (number of nodes at that time, op)

MOST = 65536  # ranges of memory of which writes are kept
_lock = forks.lock()  # held by who uses one of the maps or lists; `_recent` needs none
_recent: dict[Span, Write] = {}  # writes that are not in the map yet; the map is made when needed
_last: Intervals[Write] = Intervals()  # the last write into each range
_on_tape: list[tuple[int, Span]] = []  # (node number, memory) of changes in place on the tape
_last_on_tape: Intervals[int] = Intervals()  # the number of the last of them in each range
_programs: dict[ref[Watch], list[Span]] = {}  # memory that each run writes; needs no lock either


def _span(array: NDArray[Any]) -> Span:
    flags = array.flags
    if flags.c_contiguous:
        return span(array)
    if flags.f_contiguous:
        return span(array.T)
    low, high = byte_bounds(array)
    return low, high


def wrote(array: NDArray[Any], name: str) -> None:
    """Log that `name` changed the elements of an array in place."""
    at = note_write()
    place = _span(array)
    _recent.pop(place, None)  # so that the order is that of time
    _recent[place] = (at, name)
    if len(_recent) >= MOST:
        _to_the_map()


def _to_the_map() -> None:
    """Enter the recent writes into the map; beyond MOST ranges, the older half is forgotten."""
    with _lock:
        for place, write in _taken():
            _last.put(place, write)
        if len(_last) > MOST:
            ages = sorted(at for _, (at, _) in _last.over((0, 1 << 64)))
            _last.keep(lambda write: write[0] > ages[len(ages) // 2])


def _taken() -> list[tuple[Span, Write]]:
    """The recent writes, taken out one by one, since other threads go on writing; by time."""
    taken = []
    while True:
        try:
            taken.append(_recent.popitem())
        except KeyError:
            break
    taken.sort(key=lambda entry: entry[1][0])
    return taken


def changed_on_tape(array: NDArray[Any], x: TensorBase) -> None:
    """Log that an array was changed in place on the tape; the change is x's node."""
    if x._node is None:
        return
    number, place = x._node.order, _span(array)
    with _lock:
        insort(_on_tape, (number, place), key=_number)  # other threads' nodes may be younger
        _last_on_tape.put(place, number)
        if len(_on_tape) > MOST:
            del _on_tape[: MOST // 2]
            oldest = _on_tape[0][0]
            _last_on_tape.keep(lambda number: number >= oldest)


def _number(change: tuple[int, Span]) -> int:
    return change[0]


def check_view(x: Any, source: int, order: int) -> None:
    """Raise if x, an input of the node numbered `order`, is a view made by the node numbered
    `source`, and its memory was changed on the tape between the two."""
    array = getattr(x, "_array", None)  # none is left where a node gave its memory back
    with _lock:
        since = bisect_right(_on_tape, source, key=_number)
        until = bisect_left(_on_tape, order, key=_number)
        if since == until or not isinstance(array, np.ndarray):
            return
        first, end = _span(array)
        if not any(number > source for _, number in _last_on_tape.over((first, end))):
            return
        changes = _on_tape[since:until]
    for _, (low, high) in changes:
        if low < end and first < high:
            raise RuntimeError(
                f"backward: a view of shape {array.shape} was used after the memory that it "
                "sees was changed in place, a change that is not on the view's tape; make a new "
                "view after the change"
            )


def writes(watch: Watch, arrays: Iterable[NDArray[Any]]) -> None:
    """Register arrays that every run of a program writes; its watch knows when it last ran."""
    _programs[ref(watch, _let_go)] = [_span(array) for array in arrays]


def _let_go(watch: ref[Watch]) -> None:
    _programs.pop(watch, None)


def _changed(node: Node, arrays: Iterable[Any]) -> dict[Span, str]:
    """The writes into a node's arrays that came after the node."""
    held = [_span(a) for a in arrays if isinstance(a, np.ndarray)]
    with _lock:
        _to_the_map()
        late = {
            place: name for own in held for place, (at, name) in _last.over(own) if at >= node.order
        }
    for known, spans in _programs.copy().items():  # other threads, and gc, add and let go
        watch = known()
        if watch is not None and watch.ran_at >= node.order:
            late |= {
                place: "a compiled function"
                for place in spans
                if any(place[0] < end and first < place[1] for first, end in held)
            }
    return late


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

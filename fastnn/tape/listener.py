"""The listener to the ops of this thread: a recorder, while a function is compiled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from fastnn._core import engine
from fastnn._core.engine import reads as reads
from fastnn._support import forks
from fastnn._support.forks import PatientLock
from fastnn.tape import batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    active: Recorder | None  # of this thread


class Recorder(Protocol):
    """The interface of a listener; `compiler.recorder` has the one that records programs."""

    refused: RecordingError | None

    def record(
        self,
        op: Any,
        arrays: tuple[NDArray[Any] | None, ...],
        n_outputs: int,
        dims: tuple[int, ...],
        attrs: tuple[int, ...],
    ) -> None: ...
    def take_back(self) -> None: ...
    def location(self) -> str: ...
    def uses(self, tensors: Iterable[Any]) -> None: ...
    def uses_module(self, module: Any) -> None: ...
    def writes(self, array: NDArray[Any]) -> None: ...
    def turns(self, array: NDArray[Any], name: str) -> None: ...
    def reads_grad(self, leaf: Any) -> None: ...
    def sets_grad(self, leaf: Any) -> None: ...
    def clears_grad(self, leaf: Any) -> None: ...
    def checks_input(
        self, array: NDArray[Any], check: Callable[[Any], object], classes: int, besides: int = 0
    ) -> None: ...
    def needs_finite(self, array: NDArray[Any], text: str) -> None: ...
    def chooses(self, array: NDArray[Any], test: Callable[[Any], bool], found: bool) -> None: ...
    def valid_while(
        self, holds: Callable[[], bool], before_run: Callable[[], object], places: Any
    ) -> None: ...
    def refuse_rebound(self, name: str) -> None: ...
    def refuse_setting(self, name: str) -> None: ...


lock: PatientLock = (
    forks.PatientLock()
)  # one recording at a time, and models switched to evaluation for it


def __getattr__(name: str) -> Any:
    if name == "active":
        return engine.recorder()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def listen(recorder: Recorder | None) -> None:
    """Set this thread's listener, or None; the caller keeps it alive."""
    engine.set_recorder(recorder)


_Function = TypeVar("_Function", bound=Callable[..., Any])

_parts: dict[CodeType, str] = {}


def computes(part: str) -> Callable[[_Function], _Function]:
    """A decorator: ops that run within the function belong to this `part` of a step."""

    def note(function: _Function) -> _Function:
        _parts[function.__code__] = part
        return function

    return note


def part_of(frame: FrameType | None) -> str:
    """The part of a step that a frame runs: forward, backward or update."""
    while frame is not None:
        if frame.f_code in _parts:
            return _parts[frame.f_code]
        frame = frame.f_back
    return "forward"


class RecordingError(RuntimeError):
    """A compiled function does something that a replay cannot repeat.

    The recorder keeps the error, so that it is raised even if the function catches it.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        active = engine.recorder()
        if active is not None:
            active.refused = self


def refuse(what: str) -> None:
    """Raise if a recorder is listening, since a replay could not repeat `what` happened."""
    active = engine.recorder()
    if active is not None and getattr(active, "recorder", active) is not None:
        raise RecordingError(
            f"{active.location()}: cannot compile this: {what}. A replay runs without Python, so "
            "the result would stay what it is at this call. Do it outside and pass the result in, "
            "return the tensor and look at it outside, or choose with fastnn.where"
        )


def read(arrays: tuple[Any, ...]) -> None:
    """Tell who watches the memory of a gradient rule that these arrays are read without an op."""
    watch = getattr(engine.recorder(), "reads", None)
    if watch is not None:
        watch(arrays)


def drawn(draw: Callable[[tuple[int, ...]], Any], shape: tuple[int, ...]) -> Any:
    """An array of random numbers of a shape; within vmap for one sample, by its `randomness`.

    draw: makes an array of any shape that ends in this one.
    """
    return draw(shape) if batch.rules is None else batch.rules.drawn(draw, shape)


def checked(x: Any, check: Callable[[Any], object], classes: int = -1, besides: int = 0) -> None:
    """Check the values of a tensor now and, if it is an input, in every replay.

    classes: if not negative, `check` only wants int64 values in 0..classes-1.
    besides: a value that is allowed as well.
    """
    if batch.rules is not None:
        x = batch.rules.whole(x)
    check(x)
    active = engine.recorder()
    if active is not None:
        active.checks_input(x._array, check, classes, besides)


def finite(x: Any, text: str) -> None:
    """Raise if a scalar is not finite, now and in every replay, which stops there."""
    if not math.isfinite(x._array.item()):
        raise RuntimeError(text)
    active = engine.recorder()
    if active is not None:
        active.needs_finite(x._array, text)


def chosen(x: Any, test: Callable[[Any], bool], found: bool) -> None:
    """Note that the computation depends on `test(x)`: a replay needs the same answer."""
    active = engine.recorder()
    if active is not None:
        if batch.rules is not None:
            x = batch.rules.whole(x)
        active.chooses(x._array, test, found)

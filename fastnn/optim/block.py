"""Block: the parameters of one dtype in a group, with flat vectors, moments and step counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn import ops
from fastnn._core import engine
from fastnn._core.tape import take_gradients
from fastnn.optim.flat import FlatParameters
from fastnn.tape import listener
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

ShapeOf = Callable[[str, Tensor], tuple[int, ...] | None]  # of a moment, None: there is none
Counts = tuple[float, ...]  # the steps done, and other numbers that the op keeps from step to step


class Segment(NamedTuple):
    """Neighbouring parameters with equal step counts, as slices: one update call.

    `hyper` is what the kernel reads: the group's hyperparameters and the step count. `views` has
    value and gradient of each parameter, in its shape.
    """

    first: int
    last: int  # exclusive
    values: Tensor
    gradients: Tensor
    moments: dict[str, Tensor]
    hyper: Tensor
    views: list[tuple[Tensor, Tensor]]


class Block:
    """Values, gradients and moments of parameters of one dtype.

    The parameters that have a gradient are grouped into segments, one update call each. Normally
    all have one, so that one segment covers the whole vectors. A parameter without a gradient is
    left unchanged and keeps its own step count, as in torch.

    Args:
        params: the parameters, all of one dtype.
        n_counts: how many numbers the op keeps from step to step; the first counts steps.
        shape_of: the shape of each moment of each parameter, which then has memory of its own and
            needs a segment of its own; None: that of the parameter, in a vector beside the values.
    """

    flat: FlatParameters

    def __init__(
        self, params: Sequence[Tensor], n_counts: int = 1, shape_of: ShapeOf | None = None
    ) -> None:
        self.params: list[Tensor] = list(params)
        self.flat = FlatParameters.of(params)
        self.moments: dict[str, Tensor] = {}
        self.moment_names: list[str] = []
        self._shape_of = shape_of
        self._shaped: dict[str, list[Tensor | None]] = {}
        self.segments: list[Segment] = []
        self._made: dict[tuple[int, int], Segment] = {}  # a program keeps their addresses
        self._place = slice(engine.HYPER_STEPS, engine.HYPER_STEPS + n_counts)
        self._counts: list[Counts] = [(0.0,) * n_counts] * len(params)  # of what has no segment
        self.taken: tuple[tuple[bool, ...], bool] | None = None
        self.numbers: tuple[float, ...] = ()
        self.source: tuple[object, ...] | None = None  # the settings `numbers` was made from

    def add_moment(self, name: str) -> None:
        """Add a moment of zeros: a vector laid out as the values, or what `shape_of` says."""
        self.set_counts(self.counts())
        self._made.clear()
        self.moment_names.append(name)
        if self._shape_of is None:
            self.moments[name] = self.flat.vector()
            return
        shapes = [self._shape_of(name, p) for p in self.params]
        zeros = [None if s is None else np.zeros(s, self.flat.dtype) for s in shapes]
        self._shaped[name] = [None if z is None else of_array(z) for z in zeros]

    def moment_views(self, name: str) -> Sequence[NDArray[Any] | None]:
        """A moment of each parameter; None where it has none."""
        if name in self._shaped:
            return [None if m is None else m._array for m in self._shaped[name]]
        return self.flat.views(self.moments[name])

    def counts(self) -> list[Counts]:
        """The step count and other kept numbers, for each parameter."""
        for segment in self.segments:
            done = tuple(segment.hyper._array[self._place].tolist())
            self._counts[segment.first : segment.last] = [done] * (segment.last - segment.first)
        return list(self._counts)

    def steps(self) -> list[float]:
        """The steps done, for each parameter."""
        return [done for done, *_ in self.counts()]

    def set_counts(self, counts: Sequence[Counts]) -> None:
        """Set the step counts; the next update forms the segments anew."""
        self._counts = list(counts)
        self.segments, self.taken = [], None

    def restart(self) -> None:
        """Reset the step counts to 0."""
        self.set_counts([(0.0,) * len(count) for count in self._counts])

    def repack(self) -> None:
        """Move the parameters back into one vector after something else moved them."""
        if listener.active is not None:
            raise RuntimeError(
                "optimizer: its parameters were moved (by another optimizer or a conversion); "
                "call optimizer.pack() before compiling"
            )
        old = self.flat
        if any(p.dtype != old.dtype for p in self.params):
            raise RuntimeError(
                f"optimizer: expected {old.dtype} parameters as when it was made, got "
                f"{self.params[0].dtype}; make the optimizer after converting the model"
            )
        self.set_counts(self.counts())
        self._made.clear()
        moments = {name: old.views(vector) for name, vector in self.moments.items()}
        self.flat = FlatParameters.of(self.params)
        for name, views in moments.items():
            self.moments[name] = self.flat.vector()
            for target, view in zip(self.flat.views(self.moments[name]), views, strict=True):
                np.copyto(target, view)

    def renew_gradients(self) -> None:
        """Switch to a new vector of gradients, because someone holds a view of the current one."""
        self.set_counts(self.counts())
        self._made.clear()
        self.flat.renew_gradients()

    def take_gradients(self) -> tuple[bool, ...]:
        """Copy every gradient into the flat vector; returns which parameters have one."""
        recorder = engine.recorder()
        if recorder is None:
            taken = take_gradients(self.params, self.flat.grads)
            if taken is not None:
                return taken
        active = []
        for i, (p, view) in enumerate(zip(self.params, self.flat.grads, strict=True)):
            grad = p.grad
            if recorder is not None:
                recorder.reads_grad(p)
            active.append(grad is not None)
            if grad is None or grad is view or _same_memory(grad._array, view._array):
                continue
            if grad.shape != p.shape or grad.dtype != p.dtype:
                raise ValueError(
                    f"grad of parameter {i}: expected {p.dtype} of shape {p.shape}, "
                    f"got {grad.dtype} of shape {grad.shape}"
                )
            if recorder is None:
                np.copyto(view._array, grad._array)
            else:
                ops.copy_(view, grad)
                p.grad = view
                recorder.sets_grad(p)
        return tuple(active)

    def cut(self, active: tuple[bool, ...], whole: bool = True) -> list[Segment]:
        """The segments that cover the active parameters; one each, if not `whole`."""
        if self.taken != (active, whole):
            counts = self.counts()
            self.segments = []
            for first, last in _runs(active, counts, whole):
                segment = self._segment(first, last)
                segment.hyper._array[: len(self.numbers)] = self.numbers
                segment.hyper._array[self._place] = counts[first]
                self.segments.append(segment)
            self._counts = counts
            self.taken = (active, whole)
        return self.segments

    def write(self, numbers: tuple[float, ...]) -> None:
        """Write the group's hyperparameters where the kernels read them."""
        self.numbers = numbers
        for segment in self.segments:
            segment.hyper._array[: len(numbers)] = numbers

    def _segment(self, first: int, last: int) -> Segment:
        if (first, last) not in self._made:
            begin, end = self.flat.starts[first], self.flat.starts[last]
            shaped = {name: own[first] for name, own in self._shaped.items()}
            views = zip(self.flat.views(self.flat.values), self.flat.grads, strict=True)
            self._made[first, last] = Segment(
                first,
                last,
                of_array(self.flat.values._array[begin:end]),
                of_array(self.flat.gradients._array[begin:end]),
                {name: of_array(vector._array[begin:end]) for name, vector in self.moments.items()}
                | {name: moment for name, moment in shaped.items() if moment is not None},
                of_array(np.zeros(engine.HYPER_SIZE, np.float64)),
                [(of_array(values), gradient) for values, gradient in [*views][first:last]],
            )
        return self._made[first, last]


def _same_memory(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a is b or (
        a.shape == b.shape
        and a.strides == b.strides
        and a.__array_interface__["data"] == b.__array_interface__["data"]
    )


def _runs(active: tuple[bool, ...], counts: list[Counts], whole: bool) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for i, taken in enumerate(active):
        if not taken:
            continue
        if whole and runs and runs[-1][1] == i and counts[i - 1] == counts[i]:
            runs[-1] = (runs[-1][0], i + 1)
        else:
            runs.append((i, i + 1))
    return runs

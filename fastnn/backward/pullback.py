"""The base of all transforms: run a function on the tape, then pull cotangents back through it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._core.backward import place_of, reaches
from fastnn._core.tape import owner
from fastnn._support import tree
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.backward.gradients import gradients_by, ones
from fastnn.tape import listener
from fastnn.tape.modes import enable_grad, is_grad_enabled
from fastnn.tape.node import node_count
from fastnn.tensor import Tensor, of_array


class _Running(threading.local):
    """The transforms whose functions are running in this thread."""

    def __init__(self) -> None:
        self.watched: Counter[int] = Counter()  # ids of the weights that they ask for
        self.open: set[int] = set()  # ids of what stands for their arguments
        self.depth = 0


_running = _Running()


@contextmanager
def _watching(weights: Sequence[Tensor]) -> Iterator[None]:
    frozen = [w for w in weights if not w.requires_grad]
    for w in frozen:
        w.requires_grad_(True)
    watched = _running.watched
    watched.update(id(w) for w in weights)
    _running.depth += 1
    try:
        yield
    finally:
        _running.depth -= 1
        for w in weights:
            watched[id(w)] -= 1
            if not watched[id(w)]:
                del watched[id(w)]
        for w in frozen:
            w.requires_grad = False


def _alias(x: Tensor, linked: bool) -> Tensor:
    """A tensor on the same memory. First gradients stop at it; higher ones reach x."""
    if linked and x.requires_grad:
        return ops.reshape(x, x.shape)
    y = of_array(x._array, requires_grad=True)
    y._stand_in = True
    return y


@contextmanager
def _opened(aliases: Sequence[Tensor]) -> Iterator[None]:
    """While a function runs, transforms within may have to lead to these tensors; later, what a
    transform put in the place of an argument is its own affair."""
    places = {id(x) for x in aliases if x._stand_in} - _running.open
    _running.open |= places
    try:
        yield
    finally:
        _running.open -= places


def _is_parameter(x: Tensor) -> bool:
    return type(x) is not Tensor and x._node is None


class Run:
    """One run of a function on the tape.

    value: the return value.
    inputs: the tensor arguments; weights: further tensors to differentiate with respect to.
    numbers: a Parameter among the inputs counts for its values only, unless the function of another
        transform is running: the gradients are not on its tape.
    outer: whether the value also depends on tensors that an outer transform may differentiate with
        respect to. With weights given, these are the only ones, unless a surrounding transform
        asks for more.
    """

    def __init__(
        self,
        call: Callable[[list[Tensor]], Any],
        inputs: Sequence[Tensor],
        weights: Sequence[Tensor] = (),
        numbers: bool = False,
    ) -> None:
        enabled = is_grad_enabled()
        loose_leaves = numbers and not _running.depth
        self.inputs: list[Tensor] = [
            _alias(x, enabled and not (loose_leaves and _is_parameter(x))) for x in inputs
        ]
        self.weights: list[Tensor] = list(weights)
        loose = {place_of(t) for t in self.inputs if t._node is None}
        loose |= {id(w) for w in weights if not _running.watched[id(w)]}
        with _watching(weights), _opened(self.inputs), enable_grad():
            self.start: int = node_count()
            self.value: Any = call(self.inputs)
            tensors = [y for y in tree.leaves(self.value) if isinstance(y, Tensor)]
            self.reached: dict[Any, Tensor] = reaches(tensors, self.start)
        places = [
            place
            for place, x in self.reached.items()
            if place not in loose and (not x._stand_in or place in _running.open)
        ]
        if weights and not _running.depth:  # other parameters count as constants
            places = [place for place in places if isinstance(place, tuple)]
        self.outer: bool = enabled and bool(places)

    @property
    def by(self) -> list[Tensor]:
        """The tensors it can be differentiated with respect to."""
        return self.inputs + self.weights

    def result(self, value: Any) -> Any:
        """The function's return value (or a part of it), as given to the user."""
        return value if self.outer else detached(value)

    def pull(self, outputs: Sequence[Tensor], cotangents: Sequence[Tensor]) -> list[Tensor]:
        """Gradients of sum(cotangent * output) with respect to each input and weight; on the tape
        if an outer gradient may need them."""
        graph = is_grad_enabled() and (self.outer or any(c.requires_grad for c in cotangents))
        with _watching(self.weights):
            found = gradients_by(outputs, self.by, cotangents, graph, start=self.start)
        return owned(self.by, found, cotangents)

    def push(self, outputs: Sequence[Tensor]) -> Callable[[Sequence[Tensor]], list[Tensor]]:
        """Push tangents of the inputs forward to tangents of the outputs.

        The gradients are linear in the cotangents u, so their gradient with respect to u is the
        tangent.
        """
        u = [of_array(np.zeros(y.shape, y.dtype), requires_grad=True) for y in outputs]
        for cotangent in u:
            cotangent._stand_in = True
        found = gradients_by(outputs, self.inputs, u, True, start=self.start)
        pairs = [(g, i) for i, g in enumerate(found) if g is not None and g.requires_grad]

        def push(tangents: Sequence[Tensor]) -> list[Tensor]:
            graph = is_grad_enabled() and (self.outer or any(t.requires_grad for t in tangents))
            back = gradients_by(
                [g for g, _ in pairs], u, [tangents[i] for _, i in pairs], graph, start=self.start
            )
            return owned(u, back, tangents)

        return push


def owned(
    like: Sequence[Tensor], found: Sequence[Tensor | None], given: Sequence[Tensor] = ()
) -> list[Tensor]:
    """Gradients in memory of their own, shared with no other gradient or argument."""
    taken = {id(owner(c._array)) for c in given}
    result = []
    for x, gradient in zip(like, found, strict=True):
        if gradient is None:
            gradient = of_array(np.zeros(x.shape, x.dtype))
            if listener.active is not None:  # a constant would be the same memory every time
                gradient = ops.copy(gradient)
        if id(owner(gradient._array)) in taken or 0 in gradient._array.strides:
            gradient = ops.copy(gradient)
        taken.add(id(owner(gradient._array)))
        result.append(gradient)
    return result


def detached(value: Any) -> Any:
    """The same structure with detached tensors."""
    return tree.mapped(lambda x: x.detach() if isinstance(x, Tensor) else x, value)


def tensors_in(value: Any, name: str) -> list[Tensor]:
    """The leaves of a structure, which must be tensors."""
    found = tree.leaves(value)
    for x in found:
        if not isinstance(x, Tensor):
            raise InvalidTypeError(f"{name}: expected tensors, got {type(x).__name__}")
    if not found:
        raise InvalidTypeError(f"{name}: expected tensors, got {value!r}")
    return found


def cotangents_for(outputs: Sequence[Tensor], given: Any, name: str) -> list[Tensor]:
    """A cotangent (or tangent) for each output: of its shape and dtype; None means ones."""
    found = [ones(y) for y in outputs] if given is None else tree.leaves(given)
    if len(found) != len(outputs):
        raise InvalidValueError(f"{name}: expected {len(outputs)} tensors, got {len(found)}")
    for i, (y, c) in enumerate(zip(outputs, found)):
        if not isinstance(c, Tensor):
            raise InvalidTypeError(f"{name}[{i}]: expected a Tensor, got {type(c).__name__}")
        if c.shape != y.shape or c.dtype != y.dtype:
            raise InvalidValueError(
                f"{name}[{i}]: expected shape {y.shape} and dtype {y.dtype}, got {c.shape} and "
                f"{c.dtype}"
            )
    return found

"""The recorder: the ops that a function runs, and what a replay has to repeat or check."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support import default
from fastnn._support.stack import outside
from fastnn.compiler.lowering import Instruction, Storage, Value
from fastnn.tape import listener
from fastnn.tape.listener import RecordingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.ops import Op
    from fastnn.tensor import Tensor

Module = Any  # nn.Module, which stands above


class Check(NamedTuple):
    """A check that the values of an input must pass in every run."""

    value: Value  # the input, or a view of all of it
    check: Callable[[Tensor], object]
    classes: int  # the check only wants int64 values in 0..classes-1; negative: something else
    besides: int  # a value that is allowed as well
    line: str  # of the user's code


class Choice(NamedTuple):
    """A test of an input's values that decided which computation was recorded."""

    value: Value  # as in Check
    test: Callable[[Tensor], bool]
    found: bool


class ArgumentWrittenError(RecordingError):
    """The function changes an argument in place."""


class Recorder:
    """Records every op that is run, and what else a replay has to repeat or check."""

    def __init__(self, inputs: Iterable[NDArray[Any]], leaves: Iterable[Tensor] = ()) -> None:
        """leaves: tensors that may get a gradient. One that has a gradient now and later has none,
        without a call of `clears_grad`, lost it by an assignment."""
        self._had_grad = {id(leaf) for leaf in leaves if leaf.grad is not None}
        self.instructions: list[Instruction] = []
        self.storages: dict[int, Storage] = {}  # by id of the array that owns the memory
        self.inputs: list[Storage] = []
        self.take(inputs)
        self.modules: dict[int, tuple[Module, bool]] = {}
        self.parameters: dict[int, tuple[Tensor, NDArray[Any], bool]] = {}
        self.grads_read: dict[int, tuple[Tensor, Any]] = {}
        self.grads_set: dict[int, Tensor] = {}
        self.before_run: list[Callable[[], object]] = []
        dtype = default.dtype
        self.refused: RecordingError | None = None
        self.renewals: list[Callable[[], object]] = []  # new memory for gradients the user holds
        self.conditions: list[Callable[[], bool]] = [lambda: default.dtype is dtype]
        self.checks: list[Check] = []
        self.choices: list[Choice] = []
        self.finite: list[tuple[Value, str]] = []  # scalars, and the error if one is not finite
        self.watched: list[tuple[Any, Any]] = [(vars(default), "dtype")]
        self.before: list[tuple[NDArray[Any], NDArray[Any]]] = []  # memory written, old values
        self._saved: set[int] = set()

    def take(self, inputs: Iterable[NDArray[Any]]) -> None:
        """Add inputs."""
        self.inputs += [self._add(array, "input") for array in inputs]

    # Calls from the rest of the library

    def record(
        self,
        op: Op,
        arrays: tuple[NDArray[Any] | None, ...],
        n_outputs: int,
        dims: tuple[int, ...],
        attrs: tuple[int, ...],
    ) -> None:
        """An op is about to run on these arrays, outputs first."""
        values = [None if a is None else self.value(a) for a in arrays]
        for value in values[:n_outputs]:
            if value is not None and value.storage.kind in ("external", "kept"):
                self._save(value.storage)
        line, part = self.location(), listener.part_of(sys._getframe(1))
        self.instructions.append(
            Instruction(op.name, values, n_outputs, op.in_place > 0, dims, attrs, line, part)
        )

    def take_back(self) -> None:
        """The op that was recorded last raised, and its caller goes on without it."""
        del self.instructions[-1:]

    def uses_module(self, module: Module) -> None:
        """A module was called, or its parts were read: a replay needs the same training mode."""
        self.modules.setdefault(id(module), (module, module.training))

    def uses(self, tensors: Iterable[Tensor | None]) -> None:
        """Tensors were read: in a replay, parameters must have the same memory."""
        for x in tensors:
            if x is None or x._node is not None or not isinstance(x._array, np.ndarray):
                continue  # a batched array of vmap has no memory of its own
            if x.requires_grad or hasattr(x, "_flat"):
                self.parameters.setdefault(id(x), (x, x._array, x.requires_grad))

    def reads_grad(self, leaf: Tensor) -> None:
        """A gradient from before the recording is accumulated into."""
        if leaf.grad is None and id(leaf) in self._had_grad:
            self.grads_set.setdefault(id(leaf), leaf)
        if id(leaf) not in self.grads_set:
            self.grads_read.setdefault(id(leaf), (leaf, leaf.grad))

    def sets_grad(self, leaf: Tensor) -> None:
        """`leaf.grad` becomes another tensor."""
        told = id(leaf) in self.grads_set
        if not told and leaf.grad is None and id(leaf) not in self._had_grad:
            self.grads_read.setdefault(id(leaf), (leaf, None))
        self.grads_set[id(leaf)] = leaf

    def clears_grad(self, leaf: Tensor) -> None:
        """`leaf.grad` becomes None, whatever it was."""
        self.grads_set[id(leaf)] = leaf

    def needs_gradients(self, found: Iterable[tuple[Tensor, Any]], asked: bool) -> None:
        """The function names `.grad`: these tensors had these gradients before it ran. A replay
        needs the same where the program reads it first, and if the function may have asked whether
        there is one, the same answer."""
        for leaf, grad in found:
            if id(leaf) in self.grads_read:
                continue
            if grad is not None and self._read_first(grad._array):
                self.grads_read[id(leaf)] = leaf, grad
            elif asked:
                self.conditions.append(partial(_has_gradient, leaf, grad is not None))
                self.watched.append((leaf, "grad"))

    def _read_first(self, array: NDArray[Any]) -> bool:
        """Whether the program reads memory before it writes there."""
        storage = self.storages.get(id(owner_of(array)))
        for instruction in self.instructions if storage is not None else ():
            if any(v.storage is storage for v in instruction.reads()):
                return True
            if any(v.storage is storage for v in instruction.writes()):
                return False
        return False

    def valid_while(
        self, holds: Callable[[], bool], before_run: Callable[[], object], places: Any
    ) -> None:
        """The recording is valid as long as `holds()`, and `before_run()` is called before each
        run; neither is called while the same objects are at `places`."""
        self.conditions.append(holds)
        self.before_run.append(before_run)
        self.watched += places

    def checks_input(
        self,
        array: NDArray[Any],
        check: Callable[[Tensor], object],
        classes: int,
        besides: int = 0,
    ) -> None:
        """The values of an input were checked; those of other inputs must be checked too."""
        value = self.value(array)
        if value.storage.kind == "input" and value.whole():
            self.checks.append(Check(value, check, classes, besides, self.location()))

    def needs_finite(self, array: NDArray[Any], text: str) -> None:
        """A scalar was finite; a run stops if it is not."""
        self.finite.append((self.value(array), f"{self.location()}: {text}"))

    def chooses(self, array: NDArray[Any], test: Callable[[Tensor], bool], found: bool) -> None:
        """The values of an input decided which computation was recorded."""
        value = self.value(array)
        if value.storage.kind == "input" and value.whole():
            self.choices.append(Choice(value, test, found))

    def writes(self, array: NDArray[Any]) -> None:
        """An existing array is written in place; it outlives the run unless the run made it."""
        known = len(self.storages)
        storage = self.value(array).storage
        if len(self.storages) > known:
            storage.kind = "kept"
        elif storage.kind == "input":
            raise ArgumentWrittenError(
                f"{self.location()}: cannot compile this: an argument is changed in place; "
                "return the new values instead"
            )

    def turns(self, array: NDArray[Any], name: str) -> None:
        """The axes of a tensor change in place: nothing that a replay does to the user's tensor."""
        storage = self.value(array).storage
        made = any(
            value is not None and value.storage is storage
            for instruction in self.instructions
            for value in instruction.values[: instruction.n_outputs]
        )
        if storage.kind == "input" or not made:
            raise RecordingError(
                f"{self.location()}: cannot compile this: {name} changes the axes of a tensor that "
                "was there before; use the form that gives a new tensor"
            )

    def refuse_rebound(self, name: str) -> None:
        """Raise: a buffer of a module was assigned a new tensor."""
        raise RecordingError(
            f"{self.location()}: cannot compile this: the buffer {name!r} is assigned another "
            "tensor, which a replay would not do; write into it by copy_() or add_()"
        )

    def refuse_setting(self, name: str) -> None:
        """Raise: a hyperparameter of an optimizer was assigned."""
        raise RecordingError(
            f"{self.location()}: cannot compile this: the optimizer's setting {name!r} is assigned "
            "(by a scheduler's step() too), which a replay would not do; set it outside of the "
            "compiled function, where a change takes effect at the next call"
        )

    def _save(self, storage: Storage) -> None:
        if storage.index not in self._saved:
            self._saved.add(storage.index)
            self.before.append((storage.array, storage.array.copy()))

    def undo(self) -> None:
        """Restore all memory that was written to its values before the recording."""
        for array, values in self.before:
            np.copyto(array, values)

    # Arrays as values

    def memory(self) -> set[int]:
        """The ids of the arrays that own what the program reads and writes."""
        return set(self.storages)

    def _add(self, owner: NDArray[Any], kind: str) -> Storage:
        storage = Storage(len(self.storages), kind, owner.nbytes, owner)
        self.storages[id(owner)] = storage
        return storage

    def value(self, array: NDArray[Any]) -> Value:
        """The storage, offset, shape and strides of an array."""
        owner = owner_of(array)
        storage = self.storages.get(id(owner))
        if storage is None:
            storage = self._add(owner, "external")
        offset = _address(array) - _address(owner)
        size = array.itemsize
        strides = tuple(s // size for s in array.strides)
        return Value(storage, offset, array.shape, strides, array.dtype)

    def location(self) -> str:
        """file:line of the user's code that is running."""
        frame, _ = outside()
        return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


class Listener(Recorder):
    """For a trial run: records which inputs are checked and which memory is written, to undo it,
    but no instructions."""

    def record(self, op: Op, arrays: tuple[NDArray[Any] | None, ...], *_: Any) -> None:
        """An op is about to run: only the arrays that it changes matter."""
        for array in arrays[: op.in_place]:
            assert array is not None
            self._save(self.value(array).storage)

    def writes(self, array: NDArray[Any]) -> None:
        """An existing array is written in place; the input is a copy that may be."""
        if self.value(array).storage.kind != "input":
            super().writes(array)
        self._save(self.value(array).storage)


@contextmanager
def listening(recorder: Recorder) -> Iterator[Recorder]:
    """Within it the recorder records every op; after an exception, memory is restored."""
    if listener.active is not None:
        raise RecordingError("a compiled function was called while another one is recorded")
    with listener.lock:
        listener.listen(recorder)
        try:
            yield recorder
        except BaseException:
            recorder.undo()
            for leaf, grad in recorder.grads_read.values():
                leaf.grad = grad
            raise
        finally:
            listener.listen(None)


def _has_gradient(leaf: Tensor, asked: bool) -> bool:
    return (leaf.grad is not None) == asked


class _Lent:
    """The base of an array and of its views; its reference count tells whether there are any."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__


def lent(array: NDArray[Any]) -> NDArray[Any]:
    """The same memory as a new array; views of that one refer to it, not to the memory's owner."""
    return np.asarray(_Lent(array))


def owner_of(array: NDArray[Any]) -> NDArray[Any]:
    """The array that owns the memory."""
    while True:
        base = array.base.array if isinstance(array.base, _Lent) else array.base
        if not isinstance(base, np.ndarray):
            return array
        array = base


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address

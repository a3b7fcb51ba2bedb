"""`fastnn.compile`: record a function of tensors once, then replay it as one program in C."""

from __future__ import annotations

import functools
import gc
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from inspect import ismethod
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core.frames import Frames
from fastnn._core.replay import Front
from fastnn._support import forks, tree
from fastnn.compiler import lowering
from fastnn.compiler.advice import MANY_SHAPES, in_python, many_shapes, name_of, on_tape
from fastnn.compiler.arguments import array_of, as_leaves, given_back, with_gradients
from fastnn.compiler.captures import Captures, ChangedError
from fastnn.compiler.recorder import Recorder, listening
from fastnn.compiler.recording import Recording, rebuilt, tensors_of
from fastnn.tape import listener
from fastnn.tape.modes import is_grad_enabled
from fastnn.tape.rounding import operands
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray


MAX_RECORDINGS = 32  # per compiled function; the least recently used one is dropped first

RecordingError = listener.RecordingError


def is_recording() -> bool:
    """Whether a compiled function is being recorded right now."""
    return listener.active is not None


def record(
    fn: Callable[..., Any],
    arrays: list[NDArray[Any]],
    guard: bool = False,
    undo: bool = False,
    functions: Iterable[Any] | None = None,
    strict: bool = False,
    leaves: Iterable[Tensor] = (),
) -> tuple[Any, Recording]:
    """Run `fn` once on tensors of these arrays, and lower what it did to a program.

    If fn raises, the memory that it has written is restored.

    Args:
        fn: a function of as many tensors.
        arrays: its inputs, C-contiguous and owning their memory; the recording keeps them.
        guard: stop a run, before anything further is computed, when the first tensor that fn
            returns (the loss) is not finite, or what fn writes before that one is computed, such
            as running moments, would not be.
        undo: restore the memory that fn wrote even if it succeeds.
        functions: the user's functions whose captured variables are watched; default: fn.
        strict: raise if fn changes one of these variables.
        leaves: those in which earlier recordings left a gradient.

    Returns:
        What fn returned, and the recording.
    """
    seen = [fn] if functions is None else list(functions)
    run = functools.partial(_record, fn, arrays, guard, undo, seen, leaves=list(leaves))
    start = Captures(seen, [], stores=False).saved() if undo else None
    try:
        return run(strict=strict or undo)
    except ChangedError:  # allowed once: fn may have cached something, such as a mask
        pass
    try:
        return run(strict=strict or undo)
    except ChangedError as error:
        if start is None or error.lost:
            raise
    start.put_back()
    result, recording = run(strict=False)
    start.put_back()
    return result, recording


@listener.computes("forward")
def _record(
    fn: Callable[..., Any],
    arrays: list[NDArray[Any]],
    guard: bool,
    undo: bool,
    seen: list[Any],
    leaves: list[Tensor],
    strict: bool,
) -> tuple[Any, Recording]:
    before = Captures(seen, [], stores=not undo)
    found = [(x, x.grad) for x in before.tensors]
    with listening(Recorder(arrays, leaves)) as recorder:
        with _undisturbed(), Frames() as frames:
            result = fn(*(of_array(a) for a in arrays))
        if recorder.refused is not None:  # fn caught the error and went on
            raise recorder.refused
        modules = [module for module, _ in recorder.modules.values()]
        captures = Captures(seen, modules, recorder.memory(), frames.calls, not undo)
        if strict:
            before.refuse_changes(recorder.location(), captures)
        else:
            captures.doubts += tuple(f"it changes {name}" for name in before.changes(captures))
        captures.refuse_large()
        if captures.grads:
            recorder.needs_gradients(found, "asked" in captures.grads)
        outputs = [recorder.value(t._array) for t in tensors_of(result)]
        kept = [
            recorder.value(leaf.grad._array).storage
            for leaf in recorder.grads_set.values()
            if leaf.grad is not None
        ]
        if undo:
            recorder.undo()
    recorder.before = []
    watched = outputs[: int(guard)] + [value for value, _ in recorder.finite]
    lowered = lowering.lower(recorder.instructions, recorder.inputs, outputs, kept, watched, guard)
    _forget_own_leaves(recorder)
    detached = [
        of_array(t._array.copy()) if v.storage.kind == "kept" else Tensor.detach(t)
        for t, v in zip(tensors_of(result), outputs, strict=True)
    ]
    recording = Recording(
        program=lowered.program,
        structure=result if not detached else rebuilt(result, detached),
        outputs=outputs,
        bound=lowered.bound,
        n_inputs=len(recorder.inputs),
        instructions=lowered.instructions,
        watched=lowered.watched,
        recorder=recorder,
        captures=captures,
    )
    recorder.instructions = []
    return rebuilt(result, detached), recording


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without garbage collection, which may call functions that the recorded code does not."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _forget_own_leaves(recorder: Recorder) -> None:
    """Drop the leaves that the function made: they are new in every run."""
    known = {key: found[0] for key, found in recorder.parameters.items()}
    known |= {key: found[0] for key, found in recorder.grads_read.items()}
    known |= recorder.grads_set
    for key, leaf in known.items():
        if recorder.value(leaf._array).storage.kind not in ("external", "kept"):
            recorder.parameters.pop(key, None)
            recorder.grads_read.pop(key, None)
            recorder.grads_set.pop(key, None)


class Compiled(Front):
    """A compiled function: recorded once for each signature of its arguments, then replayed."""

    models_on_tape = True  # gradients may be asked of what a model in training mode returns

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.__doc__ = fn.__doc__
        self.__wrapped__ = fn
        self._turn = forks.lock()
        self._cache: OrderedDict[Any, list[Recording]] = OrderedDict()
        self.recordings: int = 0  # made so far
        self.doubts: tuple[str, ...] = ()  # why the function runs in Python at every call
        self._last: Recording | None = None  # the one that the last call used
        self._shapes: set[tuple[tuple[int, ...], ...]] = set()  # of the arguments, recorded so far
        self._warned = False  # that the model runs in Python while it is trained

    def _located(self, error: IndexError) -> IndexError:
        """An error of the fast path, with the lines of user code that it may come from."""
        assert self._last is not None
        return self._last.located(error)

    def __get__(self, owner: Any, kind: type | None = None) -> Compiled:
        """Bind to an object: each object has its own recordings."""
        if owner is None:
            return self
        method: Compiled = vars(owner).setdefault(
            f"_compiled_{self.fn.__name__}", Compiled(self.fn.__get__(owner))
        )
        return method

    def __reduce__(self) -> tuple[Any, ...]:
        return Compiled, (self.fn,)  # a copy makes its own recordings

    def __getattr__(self, name: str) -> Any:
        """Attributes of the function, such as the parameters of a compiled module."""
        if name == "fn":
            raise AttributeError(name)
        return getattr(self.fn, name)

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function, to record it."""
        return self.fn(*args, **kwargs)

    def _look(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if listener.active is not None:  # called from a function that is being recorded
            return self.fn(*args, **kwargs)
        if self.models_on_tape and is_grad_enabled() and _is_trained(self.fn):
            if not self._warned:
                warnings.warn(on_tape(self.fn), stacklevel=2)
                self._warned = True
            return self.fn(*args, **kwargs)
        leaves = tree.leaves((args, kwargs))
        inputs = [isinstance(leaf, Tensor | np.ndarray) for leaf in leaves]
        given = [leaf for leaf, is_input in zip(leaves, inputs, strict=True) if is_input]
        arrays = [array_of(leaf) for leaf in given]
        trained = [isinstance(x, Tensor) and x.requires_grad for x in given]
        key = self._key(args, kwargs)

        def call(*tensors: Tensor) -> Any:
            left = iter(as_leaves(tensors, trained))
            new = [next(left) if i else leaf for leaf, i in zip(leaves, inputs, strict=True)]
            new_args, new_kwargs = tree.rebuilt((args, kwargs), new)
            return with_gradients(self._run(new_args, new_kwargs), tensors, trained)

        if self.doubts:
            result = call(*map(of_array, arrays))
            detached = rebuilt(result, [Tensor.detach(t) for t in tensors_of(result)])
            return given_back(detached, given, trained)
        before = self.recordings
        found = self._replayed(key, arrays)
        if found is None:
            flat = not kwargs and len(arrays) == len(args) and not any(trained)
            with listener.lock:  # before `_turn`, which nobody has for long
                if self.recordings != before:  # by another thread, meanwhile
                    found = self._replayed(key, arrays)
                if found is None:
                    found = self._recorded(key, call, arrays, flat)
        return given_back(found[0], given, trained)

    def _replayed(self, key: Any, arrays: list[NDArray[Any]]) -> tuple[Any] | None:
        """The result by a recording that holds, or None."""
        with self._turn:
            for recording in self._cache.get(key, ()):
                if recording.matches() and recording.suits(arrays):
                    recording.check(arrays)
                    self._cache.move_to_end(key)
                    self._last = recording
                    self._shortcut = recording.shortcut
                    return (recording.replay(arrays),)
        return None

    def _recorded(
        self, key: Any, call: Callable[..., Any], arrays: list[NDArray[Any]], flat: bool
    ) -> tuple[Any]:
        """The result of a call that is recorded; flat: the arguments are a list of arrays."""
        known = self._cache.get(key, ())
        left = [leaf for r in known for leaf in r.recorder.grads_set.values()]
        result, recording = record(
            call, [a.copy() for a in arrays], functions=[self.fn], strict=True, leaves=left
        )
        with self._turn:
            self.recordings += 1
            if recording.captures.doubts:
                self.doubts, self._shortcut, self._last = recording.captures.doubts, None, None
                self._cache.clear()
            else:
                self._keep(key, recording, flat)
        if recording.captures.doubts:
            warnings.warn(in_python("compile", self.fn, self.doubts), stacklevel=3)
        else:
            self._count(arrays)
        return (result,)

    def _keep(self, key: Any, recording: Recording, flat: bool) -> None:
        if not flat:
            recording.shortcut = None  # it only takes a flat list of arrays
        recording.settle()
        self._last, self._shortcut = recording, recording.shortcut
        self._cache.setdefault(key, []).insert(0, recording)
        del self._cache[key][4:]
        if len(self._cache) > MAX_RECORDINGS:
            self._cache.popitem(last=False)

    def _count(self, arrays: list[NDArray[Any]]) -> None:
        """Warn once if there are recordings for many shapes."""
        before = len(self._shapes)
        self._shapes.add(tuple(array.shape for array in arrays))
        if before < len(self._shapes) == MANY_SHAPES:
            shapes = {shape[0] if len(shape) == 1 else shape for shape in self._shapes}
            warnings.warn(many_shapes("compile", name_of(self.fn), shapes), stacklevel=4)

    @staticmethod
    def _key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The cache key: modes, structure, shapes and dtypes, values of other arguments."""

        def entry(leaf: Any) -> Any:
            if isinstance(leaf, Tensor | np.ndarray):
                return leaf.shape, str(leaf.dtype), getattr(leaf, "requires_grad", False)
            if not isinstance(leaf, bool | int | float | str):
                raise TypeError(
                    "compile: expected arguments that are tensors, arrays, numbers or strings, or "
                    f"lists, tuples and dicts of them, got {type(leaf).__name__}"
                )
            return type(leaf).__name__, leaf

        return is_grad_enabled(), operands(), repr(tree.mapped(entry, (args, kwargs)))


def _is_trained(fn: Any) -> bool:
    """Whether fn is a model in training mode, or its forward, that has something to learn."""
    model = fn.__self__ if getattr(fn, "__name__", "") == "forward" and ismethod(fn) else fn
    if getattr(model, "training", False) is not True or not hasattr(model, "parameters"):
        return False
    return any(p.requires_grad for p in model.parameters())


def compile(fn: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function: record its first call, then replay it as one program in C.

    The recording captures every op that fn runs, including an optimizer's update of parameters, so
    a whole training step can be compiled. fn is recorded again for new shapes, dtypes, numbers,
    training modes and layers; for many shapes a warning advises fewer. The tensors that it returns
    are detached from the tape, but for those of a model in training mode, `compile(model)`, whose
    parameters require grad: it runs in Python, and a warning says so.

    The rule: a compiled function gives what fn gives, with the same bits, or raises. All that fn
    can read is watched: variables, attributes, containers, arrays, other functions. When some of it
    has a new value, fn is recorded again. NumPy arrays that fn turns into tensors are read in every
    call. Where fn may read what cannot be watched (the clock, files, an object written in C, a
    library that is not known), it runs in Python at every call instead, and a warning says why;
    `doubts` of the compiled function lists the reasons.

    Printing happens only while recording. Side effects that a replay would miss raise an error:
    counting, appending to a list, drawing from generators, setting an optimizer's hyperparameters.
    A gradient that you hold on to keeps its values: the next call copies it first.

    Args:
        fn: a function, method or module. It takes tensors, arrays, numbers and strings and returns
            tensors, both in nested tuples, lists and dicts as needed.
        options: torch's (mode, fullgraph, dynamic, backend ...), accepted and ignored.

    Returns:
        A function of the same arguments, whose first call for each signature runs eagerly; without
        fn, a decorator.

    Raises:
        RecordingError: fn reads a value (a branch, `item`, `numpy`), which a replay cannot do;
            changes a variable that it captures; or returns a tensor whose gradient would have to
            flow to an argument.
        TypeError: an argument is on the tape, or of an unsupported type.

    Example:
        >>> import fastnn
        >>> double = fastnn.compile(lambda x: x * 2)
        >>> double(fastnn.tensor([1.0, 2.0])), double(fastnn.tensor([3.0, 4.0]))
        (tensor([2., 4.]), tensor([6., 8.]))
    """
    return Compiled if fn is None else Compiled(fn)

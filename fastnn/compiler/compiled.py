"""Record a function of tensors once; afterwards replay it as one program in C."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core.replay import Front
from fastnn._support import tree
from fastnn.backward.flow import leads_to
from fastnn.compiler import lowering
from fastnn.compiler.captures import Captures, ChangedError
from fastnn.compiler.recorder import Recorder, listening
from fastnn.compiler.recording import Recording, rebuilt, tensors_of
from fastnn.tape import listener
from fastnn.tape.modes import is_grad_enabled
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


MAX_RECORDINGS = 32  # per compiled function; the one used longest ago goes first

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
    """Run `fn` on tensors of these arrays, once and for real, and lower what it did.

    When fn raises, the memory that it had written gets its values back.

    Args:
        fn: a function of as many tensors.
        arrays: its inputs, C-contiguous and owning their memory; the recording keeps them.
        guard: a run stops, before anything further is computed, when the first tensor that fn
            returns (the loss) is not finite.
        undo: give the memory that fn wrote its values back also when all went well.
        functions: those of the user whose names are to be watched; default: fn.
        strict: raise when one of these names has another value after fn than before.
        leaves: those in which earlier recordings left a gradient.

    Returns:
        What fn returned, and the recording.
    """
    seen = [fn] if functions is None else list(functions)
    run = functools.partial(_record, fn, arrays, guard, undo, seen, strict, list(leaves))
    try:
        return run()
    except ChangedError:  # once is no harm: it may have made, say, a mask that is there from now on
        pass
    return run()


@listener.computes("forward")
def _record(
    fn: Callable[..., Any],
    arrays: list[NDArray[Any]],
    guard: bool,
    undo: bool,
    seen: list[Any],
    strict: bool,
    leaves: list[Tensor],
) -> tuple[Any, Recording]:
    before = Captures(seen, []) if strict else None
    with listening(Recorder(arrays, leaves)) as recorder:
        result = fn(*(Tensor(a) for a in arrays))
        if recorder.refused is not None:  # and fn went on all the same
            raise recorder.refused
        if before is not None:
            before.refuse_changes(recorder.location())
            before.refuse_large(recorder.memory())
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
    lowered = lowering.lower(recorder.instructions, recorder.inputs, outputs, kept, watched)
    _forget_own_leaves(recorder)
    detached = [
        Tensor(t._array.copy()) if v.storage.kind == "kept" else t.detach()
        for t, v in zip(tensors_of(result), outputs, strict=True)
    ]
    modules = [module for module, _ in recorder.modules.values()]
    recording = Recording(
        program=lowered.program,
        structure=result if not detached else rebuilt(result, detached),
        outputs=outputs,
        bound=lowered.bound,
        n_inputs=len(recorder.inputs),
        instructions=lowered.instructions,
        recorder=recorder,
        captures=Captures(seen, modules, recorder.memory()),
    )
    recorder.instructions = []
    return rebuilt(result, detached), recording


def _forget_own_leaves(recorder: Recorder) -> None:
    """Leaves that the function made are new at every run: nobody can have changed them since."""
    known = {key: found[0] for key, found in recorder.parameters.items()}
    known |= {key: found[0] for key, found in recorder.grads_read.items()}
    known |= recorder.grads_set
    for key, leaf in known.items():
        if recorder.value(leaf._array).storage.kind not in ("external", "kept"):
            recorder.parameters.pop(key, None)
            recorder.grads_read.pop(key, None)
            recorder.grads_set.pop(key, None)


class Compiled(Front):
    """A function that is recorded for each signature of its arguments, and replayed after."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.__doc__ = fn.__doc__
        self.__wrapped__ = fn
        self._cache: OrderedDict[Any, list[Recording]] = OrderedDict()
        self._last: Recording | None = None  # that of the last call

    def _located(self, error: IndexError) -> IndexError:
        """The error of the short way, with the lines that it may come from."""
        assert self._last is not None
        return self._last.located(error)

    def __get__(self, owner: Any, kind: type | None = None) -> Compiled:
        """As a method: each object has recordings of its own."""
        if owner is None:
            return self
        method: Compiled = vars(owner).setdefault(
            f"_compiled_{self.fn.__name__}", Compiled(self.fn.__get__(owner))
        )
        return method

    def __reduce__(self) -> tuple[Any, ...]:
        return Compiled, (self.fn,)  # a copy records for itself

    def __getattr__(self, name: str) -> Any:
        """What the function has, such as the parameters of a compiled module."""
        if name == "fn":
            raise AttributeError(name)
        return getattr(self.fn, name)

    def _look(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if listener.active is not None:  # a part of what is being recorded
            return self.fn(*args, **kwargs)
        leaves = tree.leaves((args, kwargs))
        inputs = [isinstance(leaf, Tensor | np.ndarray) for leaf in leaves]
        given = [leaf for leaf, is_input in zip(leaves, inputs, strict=True) if is_input]
        arrays = [_array(leaf) for leaf in given]
        trained = [isinstance(x, Tensor) and x.requires_grad for x in given]
        key = self._key(args, kwargs)
        for recording in self._cache.get(key, ()):
            if recording.matches() and recording.suits(arrays):
                recording.check(arrays)
                self._cache.move_to_end(key)
                self._last = recording
                self._shortcut = recording.shortcut
                return _given_back(recording.replay(arrays), given, trained)

        def call(*tensors: Tensor) -> Any:
            left = iter(_as_leaves(tensors, trained))
            new = [next(left) if i else leaf for leaf, i in zip(leaves, inputs, strict=True)]
            new_args, new_kwargs = tree.rebuilt((args, kwargs), new)
            return _with_gradients(self.fn(*new_args, **new_kwargs), tensors, trained)

        known = self._cache.get(key, ())
        left = [leaf for r in known for leaf in r.recorder.grads_set.values()]
        result, recording = record(
            call, [a.copy() for a in arrays], functions=[self.fn], strict=True, leaves=left
        )
        if kwargs or len(arrays) != len(args) or any(trained):
            recording.shortcut = None  # it knows of arrays in a row alone
        self._last, self._shortcut = recording, recording.shortcut
        self._cache.setdefault(key, []).insert(0, recording)
        del self._cache[key][4:]
        if len(self._cache) > MAX_RECORDINGS:
            self._cache.popitem(last=False)
        return _given_back(result, given, trained)

    @staticmethod
    def _key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What recordings are kept by: grad mode, structure, shapes and dtypes, other values."""

        def entry(leaf: Any) -> Any:
            if isinstance(leaf, Tensor | np.ndarray):
                return leaf.shape, str(leaf.dtype), getattr(leaf, "requires_grad", False)
            if not isinstance(leaf, bool | int | float | str):
                raise TypeError(
                    "compile: expected arguments that are tensors, arrays, numbers or texts, or "
                    f"lists, tuples and dicts of them, got {type(leaf).__name__}"
                )
            return type(leaf).__name__, leaf

        return is_grad_enabled(), repr(tree.mapped(entry, (args, kwargs)))


def _array(value: Any) -> NDArray[Any]:
    if isinstance(value, Tensor):
        if value._node is not None:
            raise TypeError(
                "compile: a compiled function cannot take a tensor that an operation on the tape "
                "made; pass it detached"
            )
        value = value._array
    array: NDArray[Any] = value
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def _as_leaves(tensors: tuple[Tensor, ...], trained: list[bool]) -> list[Tensor]:
    """The arguments while recording: they require grad as those of the call do."""
    return [x.requires_grad_() if t else x for x, t in zip(tensors, trained, strict=True)]


def _with_gradients(result: Any, tensors: tuple[Tensor, ...], trained: list[bool]) -> Any:
    """What a function returned, and what gradients it left in arguments that require one."""
    if not any(trained):
        return result
    leaves = [x for x, t in zip(tensors, trained, strict=True) if t]
    if any(leads_to(y, leaves) for y in tensors_of(result)):
        assert listener.active is not None
        raise RecordingError(
            f"{listener.active.location()}: cannot compile this: the function returns what "
            "depends, on the tape, on an argument that requires grad, but gradients do not pass "
            "through a compiled function: let it call backward() or autograd.grad itself, and "
            "detach what it returns; or pass the argument detached"
        )
    return result, [x.grad for x in leaves]


def _given_back(result: Any, given: list[Any], trained: list[bool]) -> Any:
    """The result proper; the gradients are added to those of the arguments."""
    if not any(trained):
        return result
    result, gradients = result
    leaves = [x for x, t in zip(given, trained, strict=True) if t]
    for leaf, gradient in zip(leaves, gradients, strict=True):
        if gradient is not None:
            leaf.grad = gradient if leaf.grad is None else leaf.grad.add_(gradient)
    return result


def compile(fn: Callable[..., Any] | None = None, **options: Any) -> Any:
    """A function that runs `fn` once while recording and afterwards replays it as one program.

    Everything fn does to tensors is caught, updates of parameters by an optimizer too, so a whole
    training step can be compiled. It is recorded anew for other shapes, dtypes, numbers, training
    modes, layers, and for other values of the names that it takes from around it. The replay gives
    the same bits as the eager run. Tensors that fn returns are off the tape.

    What Python does besides, such as printing, happens while recording alone. What a replay would
    not do raises: counting, logging to a list, drawing from generators, setting an optimizer's
    numbers inside fn. NumPy arrays that fn makes tensors of are read at every call. A gradient that
    is kept keeps its values, by a copy that the next call makes.

    Args:
        fn: a function, method or module: of tensors and arrays, numbers and texts, nested as it
            likes, that returns tensors, nested as it likes.
        options: torch's (mode, fullgraph, dynamic, backend ...), which change nothing here.

    Returns:
        A function of the same arguments, whose first call for a signature is the eager run; without
        fn, a decorator.

    Raises:
        RecordingError: fn looks at a value (a branch, `item`, `numpy`), which a replay cannot;
            changes what it reads from around it; or returns what leads to an argument that
            requires grad.
        TypeError: an argument that is on the tape, or of another kind.

    Example:
        >>> import fastnn
        >>> double = fastnn.compile(lambda x: x * 2)
        >>> double(fastnn.tensor([1.0, 2.0])), double(fastnn.tensor([3.0, 4.0]))
        (tensor([2., 4.]), tensor([6., 8.]))
    """
    return Compiled if fn is None else Compiled(fn)

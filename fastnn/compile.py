"""Record a function of tensors once; afterwards replay it as one program in C."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _recording, _tree, lowering
from fastnn._core import engine
from fastnn._core.tape import Watch, wrap
from fastnn.autograd import is_grad_enabled, versions
from fastnn.lowering import Instruction, Storage, Value
from fastnn.recorder import Recorder, listening
from fastnn.surroundings import Surroundings
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


MAX_RECORDINGS = 32  # per compiled function; the one used longest ago goes first

RecordingError = _recording.RecordingError


def is_recording() -> bool:
    """Whether a compiled function is being recorded right now."""
    return _recording.active is not None


def _tensors(result: Any) -> list[Tensor]:
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, tuple | list):
        return [t for part in result for t in _tensors(part)]
    if isinstance(result, dict):
        return [t for part in result.values() for t in _tensors(part)]
    return []


def _rebuild(result: Any, tensors: Iterable[Tensor]) -> Any:
    """The structure of `result` with other tensors in it."""
    left = iter(tensors)

    def build(part: Any) -> Any:
        if isinstance(part, Tensor):
            return next(left)
        if isinstance(part, tuple | list):
            return type(part)(build(p) for p in part)
        if isinstance(part, dict):
            return {key: build(p) for key, p in part.items()}
        return part

    return build(result)


@dataclass
class Recording:
    """One recorded run of a function, lowered."""

    program: engine.Program
    structure: Any  # what the function returned, with its tensors taken out
    outputs: list[Value]  # where the tensors it returned lie
    bound: list[Storage]  # the arrays a run is given: inputs, then new memory for the outputs
    n_inputs: int
    instructions: list[Instruction]
    recorder: Recorder = field(repr=False)
    surroundings: Surroundings = field(repr=False)
    parts: tuple[Any, ...] = ()  # what the owner of the recording wants kept alive

    def matches(self) -> bool:
        """Whether what was true while recording is true now."""
        r = self.recorder
        return (
            all(module.training == mode for module, mode in r.modules.values())
            and all(
                p._array is array and p.requires_grad == asked
                for p, array, asked in r.parameters.values()
            )
            and all(leaf.grad is grad for leaf, grad in r.grads_read.values())
            and all(holds() for holds in r.conditions)
            and self.surroundings.unchanged()
        )

    def suits(self, arrays: list[NDArray[Any]]) -> bool:
        """Whether the computation that was recorded is the one for these input values."""
        return all(
            choice.test(Tensor(arrays[choice.storage.index])) == choice.found
            for choice in self.recorder.choices
        )

    def check(self, arrays: list[NDArray[Any]]) -> None:
        """Raise for input values that the function would not take."""
        for asked in self.recorder.checks:
            try:
                asked.check(Tensor(arrays[asked.storage.index]))
            except (ValueError, IndexError) as error:
                raise type(error)(f"{error} (at {asked.line})") from None

    def replay(self, arrays: list[NDArray[Any]]) -> Any:
        """Run the program on these inputs (checked, contiguous) and give back its outputs."""
        for sync in self.recorder.before_run:
            sync()
        memory = {s.index: arrays[i] for i, s in enumerate(self.bound[: self.n_inputs])}
        for s in self.bound[self.n_inputs :]:
            memory[s.index] = np.empty(s.array.shape, s.array.dtype)
        try:
            self.program.run(tuple(memory.values()))
        except IndexError as error:
            raise self.located(error) from None
        for leaf, grad in self._grads:
            leaf.grad = grad
        self._watch.take()
        return _rebuild(self.structure, [self._tensor(v, memory) for v in self.outputs])

    def __post_init__(self) -> None:
        # The gradients that the recorded run left behind; their memory is the program's.
        self._grads = [(leaf, leaf.grad) for leaf in self.recorder.grads_set.values()]
        self.plain = isinstance(self.structure, Tensor)
        r = self.recorder
        leaves = [leaf for leaf, _, _ in r.parameters.values()]
        leaves += [leaf for leaf, _ in [*r.grads_read.values(), *self._grads]]
        self._watch = Watch(
            list({id(leaf): leaf for leaf in leaves}.values()),
            [(type(module), "changes") for module, _ in list(r.modules.values())[:1]]
            + r.watched
            + self.surroundings.places,
        )
        written = {v.storage.index: v.storage for i in self.instructions for v in i.writes()}
        kept = [s.array for s in written.values() if s.kind in ("external", "kept")]
        versions.writes(self._watch, kept)
        self.shortcut = self._shortcut()

    def _shortcut(self) -> engine.Replay | None:
        """The replay without Python around it, where the outputs are plain new arrays."""
        made = self.bound[self.n_inputs :]
        values = self.outputs
        if [v.storage for v in values] != made or any(
            not (v.whole() and v.packed()) for v in values
        ):
            return None
        if any(asked.classes < 0 for asked in self.recorder.checks):
            return None
        if any(choice.found for choice in self.recorder.choices):
            return None  # where nothing is found, a check of `labels` would not pass
        if not self.surroundings.fixed:
            return None
        if any(leaf.grad is not grad for leaf, grad in self.recorder.grads_read.values()):
            return None  # a run leaves another gradient than the one it has to find
        return engine.Replay(
            self.program,
            self._watch.same,
            [s.array for s in self.bound[: self.n_inputs]],
            [(v.shape, v.dtype) for v in values],
            [(c.storage.index, c.classes, c.besides) for c in self.recorder.checks],
            Tensor,
            np.empty,
        )

    def located(self, error: IndexError) -> IndexError:
        """The error with the lines that it may come from; nothing after them was run."""
        lines = dict.fromkeys(i.line for i in self.instructions if i.op in lowering.INDEX)
        return IndexError(f"{', '.join(lines)}: {error}")

    def result(self, arrays: list[NDArray[Any]]) -> Any:
        """What the function returns, of the arrays that `shortcut` returned."""
        return _rebuild(self.structure, map(wrap, arrays))

    @staticmethod
    def _tensor(value: Value, memory: dict[int, NDArray[Any]]) -> Tensor:
        base = memory.get(value.storage.index, value.storage.array)
        if value.storage.kind == "kept":  # the next run will write there again
            base = base.copy()
        strides = tuple(s * value.dtype.itemsize for s in value.strides)
        same = base.shape == value.shape and base.strides == strides and base.dtype == value.dtype
        if value.offset == 0 and same:
            return Tensor(base)
        flat = base.reshape(-1, copy=False).view(np.uint8)
        return Tensor(np.ndarray(value.shape, value.dtype, flat.data, value.offset, strides))


def record(
    fn: Callable[..., Any],
    arrays: list[NDArray[Any]],
    guard: bool = False,
    undo: bool = False,
    functions: Iterable[Any] | None = None,
    strict: bool = False,
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

    Returns:
        What fn returned, and the recording.
    """
    seen = [fn] if functions is None else list(functions)
    before = Surroundings(seen, []) if strict else None
    with listening(Recorder(arrays)) as recorder:
        result = fn(*(Tensor(a) for a in arrays))
        if before is not None:
            before.refuse_changes(recorder.location())
        outputs = [recorder.value(t._array) for t in _tensors(result)]
        kept = [
            recorder.value(leaf.grad._array).storage
            for leaf in recorder.grads_set.values()
            if leaf.grad is not None
        ]
        if undo:
            recorder.undo()
    recorder.before = []
    lowered = lowering.lower(recorder.instructions, recorder.inputs, outputs, kept, guard)
    _forget_own_leaves(recorder)
    detached = [
        Tensor(t._array.copy()) if v.storage.kind == "kept" else t.detach()
        for t, v in zip(_tensors(result), outputs, strict=True)
    ]
    recording = Recording(
        program=lowered.program,
        structure=result if not detached else _rebuild(result, detached),
        outputs=outputs,
        bound=lowered.bound,
        n_inputs=len(recorder.inputs),
        instructions=lowered.instructions,
        recorder=recorder,
        surroundings=Surroundings(seen, [m for m, _ in recorder.modules.values()]),
    )
    recorder.instructions = []
    return _rebuild(result, detached), recording


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


class Compiled:
    """A function that is recorded for each signature of its arguments, and replayed after."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.__doc__ = fn.__doc__
        self.__wrapped__ = fn
        self._cache: OrderedDict[Any, list[Recording]] = OrderedDict()
        self._last: Recording | None = None  # and, at hand, what it offers
        self._shortcut: engine.Replay | None = None
        self._plain = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._shortcut is not None and not kwargs:
            try:
                arrays = self._shortcut(*args)
            except IndexError as error:
                raise self._last.located(error) from None  # type: ignore[union-attr]
            if arrays is not None:
                return wrap(arrays[0]) if self._plain else self._last.result(arrays)  # type: ignore[union-attr]
        return self._look(args, kwargs)

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
        if _recording.active is not None:  # a part of what is being recorded
            return self.fn(*args, **kwargs)
        leaves = _tree.leaves((args, kwargs))
        inputs = [isinstance(leaf, Tensor | np.ndarray) for leaf in leaves]
        arrays = [_array(leaf) for leaf, is_input in zip(leaves, inputs, strict=True) if is_input]
        key = self._key(args, kwargs)
        for recording in self._cache.get(key, ()):
            if recording.matches() and recording.suits(arrays):
                recording.check(arrays)
                self._cache.move_to_end(key)
                self._last, self._plain = recording, recording.plain
                self._shortcut = recording.shortcut
                return recording.replay(arrays)

        def call(*tensors: Tensor) -> Any:
            left = iter(tensors)
            given = [next(left) if i else leaf for leaf, i in zip(leaves, inputs, strict=True)]
            new_args, new_kwargs = _tree.rebuilt((args, kwargs), given)
            return self.fn(*new_args, **new_kwargs)

        result, recording = record(
            call, [a.copy() for a in arrays], functions=[self.fn], strict=True
        )
        if kwargs or len(arrays) != len(args):
            recording.shortcut = None  # it knows of arrays in a row alone
        self._cache.setdefault(key, []).insert(0, recording)
        del self._cache[key][4:]
        if len(self._cache) > MAX_RECORDINGS:
            self._cache.popitem(last=False)
        return result

    @staticmethod
    def _key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What recordings are kept by: grad mode, structure, shapes and dtypes, other values."""

        def entry(leaf: Any) -> Any:
            if isinstance(leaf, Tensor | np.ndarray):
                return leaf.shape, str(leaf.dtype)
            if not isinstance(leaf, bool | int | float | str):
                raise TypeError(
                    "compile: expected arguments that are tensors, arrays, numbers or texts, or "
                    f"lists, tuples and dicts of them, got {type(leaf).__name__}"
                )
            return type(leaf).__name__, leaf

        return is_grad_enabled(), repr(_tree.mapped(entry, (args, kwargs)))


def _array(value: Any) -> NDArray[Any]:
    if isinstance(value, Tensor):
        if value.requires_grad:
            raise TypeError(
                "compile: a compiled function cannot take a tensor that requires grad; let it use "
                "the parameter from outside, or pass it detached"
            )
        value = value._array
    array: NDArray[Any] = value
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def compile(fn: Callable[..., Any] | None = None, **options: Any) -> Any:
    """A function that runs `fn` once while recording and afterwards replays it as one program.

    Everything fn does to tensors is caught, updates of parameters by an optimizer too, so a whole
    training step can be compiled. It is recorded anew for other shapes, dtypes, numbers, training
    modes, layers, and for other values of the names that it takes from around it. The replay gives
    the same bits as the eager run. Tensors that fn returns are off the tape.

    What Python does besides happens while recording alone: printing, counting, drawing from
    NumPy's generators, setting an optimizer's numbers inside fn. A gradient that fn leaves in
    `grad` lies in memory that the next call writes again: clone it to keep it.

    Args:
        fn: a function, method or module: of tensors and arrays, numbers and texts, nested as it
            likes, that returns tensors, nested as it likes.
        options: torch's (mode, fullgraph, dynamic, backend ...), which change nothing here.

    Returns:
        A function of the same arguments, whose first call for a signature is the eager run; without
        fn, a decorator.

    Raises:
        RecordingError: fn looks at a value (a branch, `item`, `numpy`), which a replay cannot.
        TypeError: an argument that requires grad, or of another kind.

    Example:
        >>> import fastnn
        >>> double = fastnn.compile(lambda x: x * 2)
        >>> double(fastnn.tensor([1.0, 2.0])), double(fastnn.tensor([3.0, 4.0]))
        (tensor([2., 4.]), tensor([6., 8.]))
    """
    return Compiled if fn is None else Compiled(fn)

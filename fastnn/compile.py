"""Record a function of tensors once; afterwards replay it as one program in C."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _recording, lowering
from fastnn._core import engine
from fastnn._core.tape import wrap
from fastnn.lowering import Instruction, Storage, Value
from fastnn.recorder import Recorder, listening
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


MAX_RECORDINGS = 32  # per compiled function; the one used longest ago goes first

RecordingError = _recording.RecordingError


def is_recording() -> bool:
    """Whether a compiled function is being recorded right now."""
    return _recording.active is not None


<<<<<<< Updated upstream
=======
class Recorder:
    """Listens to every row that is run, and to what else a replay has to repeat or to check."""

    def __init__(self, inputs: Iterable[NDArray[Any]]) -> None:
        self.instructions: list[Instruction] = []
        self.storages: dict[int, Storage] = {}  # by id of the array that owns the memory
        self.inputs: list[Storage] = [self._add(array, "input") for array in inputs]
        self.modules: dict[int, tuple[Module, bool]] = {}
        self.parameters: dict[int, tuple[Tensor, NDArray[Any]]] = {}
        self.grads_read: dict[int, tuple[Tensor, Any]] = {}
        self.grads_set: dict[int, Tensor] = {}
        self.before_run: list[Callable[[], object]] = []
        self.conditions: list[Callable[[], bool]] = []
        self.checks: list[tuple[Storage, Callable[[Tensor], object], int]] = []
        self.watched: list[tuple[Any, str]] = []
        self.before: list[tuple[NDArray[Any], NDArray[Any]]] = []  # memory written, as it was
        self._saved: set[int] = set()

    # What the rest of the library tells it

    def record(
        self,
        op: Op,
        arrays: tuple[NDArray[Any] | None, ...],
        n_outputs: int,
        dims: tuple[int, ...],
        attrs: tuple[int, ...],
    ) -> None:
        """A row is about to run on these arrays, outputs first."""
        values = [None if a is None else self.value(a) for a in arrays]
        for value in values[:n_outputs]:
            if value is not None and value.storage.kind in ("external", "kept"):
                self._save(value.storage)
        line = self.location()
        self.instructions.append(
            Instruction(op.name, values, n_outputs, op.in_place > 0, dims, attrs, line)
        )

    def uses_module(self, module: Module) -> None:
        """A module was called: its training mode belongs to the key."""
        self.modules.setdefault(id(module), (module, module.training))

    def uses(self, tensors: Iterable[Tensor | None]) -> None:
        """Tensors were read: parameters must have the same memory at a replay."""
        for x in tensors:
            if x is None or x._node is not None or not isinstance(x._array, np.ndarray):
                continue  # what stands for a batch has no memory of its own
            if x.requires_grad or hasattr(x, "_flat"):
                self.parameters.setdefault(id(x), (x, x._array))

    def reads_grad(self, leaf: Tensor) -> None:
        """A gradient from before the recording is accumulated into."""
        if id(leaf) not in self.grads_set:
            self.grads_read.setdefault(id(leaf), (leaf, leaf.grad))

    def sets_grad(self, leaf: Tensor) -> None:
        """`leaf.grad` becomes another tensor."""
        if id(leaf) not in self.grads_set and leaf.grad is None:
            self.grads_read.setdefault(id(leaf), (leaf, None))
        self.grads_set[id(leaf)] = leaf

    def clears_grad(self, leaf: Tensor) -> None:
        """`leaf.grad` becomes None, whatever it was."""
        self.grads_set[id(leaf)] = leaf

    def valid_while(
        self, holds: Callable[[], bool], before_run: Callable[[], object], places: Any
    ) -> None:
        """The recording is one of this step only as long as `holds()`, and a run needs
        `before_run()` first; neither is asked while the same objects are at `places`."""
        self.conditions.append(holds)
        self.before_run.append(before_run)
        self.watched += places

    def checks_input(
        self, array: NDArray[Any], check: Callable[[Tensor], object], classes: int
    ) -> None:
        """The values of an input were checked; other inputs have to be."""
        value = self.value(array)
        if value.storage.kind == "input" and value.whole():
            self.checks.append((value.storage, check, classes))

    def writes(self, array: NDArray[Any]) -> None:
        """An array that exists is written in place: unless made by the recording, it outlives."""
        known = len(self.storages)
        storage = self.value(array).storage
        if len(self.storages) > known:
            storage.kind = "kept"
        elif storage.kind == "input":
            raise RecordingError(
                f"{self.location()}: cannot compile this: an argument is changed in place; "
                "return the new values instead"
            )

    def _save(self, storage: Storage) -> None:
        if storage.index not in self._saved:
            self._saved.add(storage.index)
            self.before.append((storage.array, storage.array.copy()))

    def undo(self) -> None:
        """Give all memory that was written its values from before the recording."""
        for array, values in self.before:
            np.copyto(array, values)

    # Arrays as values

    def _add(self, owner: NDArray[Any], kind: str) -> Storage:
        storage = Storage(len(self.storages), kind, owner.nbytes, owner)
        self.storages[id(owner)] = storage
        return storage

    def value(self, array: NDArray[Any]) -> Value:
        """Where an array lies: its storage, offset, shape and strides."""
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        storage = self.storages.get(id(owner))
        if storage is None:
            storage = self._add(owner, "external")
        offset = _address(array) - _address(owner)
        size = array.itemsize
        strides = tuple(s // size for s in array.strides)
        return Value(storage, offset, array.shape, strides, array.dtype)

    def location(self) -> str:
        """file:line of the user's code that is running."""
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
            frame = frame.f_back
        return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


@contextmanager
def listening(recorder: Recorder) -> Iterator[Recorder]:
    """Within it the recorder hears every row; when it ends by an exception, memory is restored."""
    if _recording.active is not None:
        raise RecordingError("a compiled function was called while another one is recorded")
    with _recording.lock:
        _recording.listen(recorder)
        try:
            yield recorder
        except BaseException:
            recorder.undo()
            raise
        finally:
            _recording.listen(None)


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


>>>>>>> Stashed changes
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

    def matches(self) -> bool:
        """Whether what was true while recording is true now."""
        r = self.recorder
        return (
            all(module.training == mode for module, mode in r.modules.values())
            and all(p._array is array for p, array in r.parameters.values())
            and all(leaf.grad is grad for leaf, grad in r.grads_read.values())
            and all(holds() for holds in r.conditions)
        )

    def check(self, arrays: list[NDArray[Any]]) -> None:
        """Raise for input values that the function would not take."""
        for storage, check, _ in self.recorder.checks:
            check(Tensor(arrays[storage.index]))

    def replay(self, arrays: list[NDArray[Any]]) -> Any:
        """Run the program on these inputs (checked, contiguous) and give back its outputs."""
        for sync in self.recorder.before_run:
            sync()
        memory = {s.index: arrays[i] for i, s in enumerate(self.bound[: self.n_inputs])}
        for s in self.bound[self.n_inputs :]:
            memory[s.index] = np.empty(s.array.shape, s.array.dtype)
        self.program.run(tuple(memory.values()))
        for leaf, grad in self._grads:
            leaf.grad = grad
        self._watch.take()
        return _rebuild(self.structure, [self._tensor(v, memory) for v in self.outputs])

    def __post_init__(self) -> None:
        # The gradients that the recorded run left behind; their memory is the program's.
        self._grads = [(leaf, leaf.grad) for leaf in self.recorder.grads_set.values()]
        self.plain = isinstance(self.structure, Tensor)
        r = self.recorder
        self._watch = engine.Watch(
            [(type(module), "changes") for module, _ in list(r.modules.values())[:1]]
            + [(p, "_array") for p, _ in r.parameters.values()]
            + [(leaf, "grad") for leaf, _ in [*r.grads_read.values(), *self._grads]]
            + r.watched
            + [(_recording, "active")]
        )
        self.shortcut = self._shortcut()

    def _shortcut(self) -> engine.Replay | None:
        """The replay without Python around it, where the outputs are plain new arrays."""
        made = self.bound[self.n_inputs :]
        values = self.outputs
        if [v.storage for v in values] != made or any(
            v.shape != v.storage.array.shape or not v.whole() for v in values
        ):
            return None
        if any(classes < 0 for _, _, classes in self.recorder.checks):
            return None
        if any(leaf.grad is not grad for leaf, grad in self.recorder.grads_read.values()):
            return None  # a run leaves another gradient than the one it has to find
        return engine.Replay(
            self.program,
            self._watch,
            [s.array for s in self.bound[: self.n_inputs]],
            [(s.array.shape, s.array.dtype) for s in made],
            [(storage.index, classes) for storage, _, classes in self.recorder.checks],
            Tensor,
            np.empty,
        )

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
    fn: Callable[..., Any], arrays: list[NDArray[Any]], guard: bool = False, undo: bool = False
) -> tuple[Any, Recording]:
    """Run `fn` on tensors of these arrays, once and for real, and lower what it did.

    When fn raises, the memory that it had written gets its values back.

    Args:
        fn: a function of as many tensors.
        arrays: its inputs, C-contiguous and owning their memory; the recording keeps them.
        guard: a run stops, before anything further is computed, when the first tensor that fn
            returns (the loss) is not finite.
        undo: give the memory that fn wrote its values back also when all went well.

    Returns:
        What fn returned, and the recording.
    """
    with listening(Recorder(arrays)) as recorder:
        result = fn(*(Tensor(a) for a in arrays))
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
    detached = [t.detach() for t in _tensors(result)]
    recording = Recording(
        program=lowered.program,
        structure=result if not detached else _rebuild(result, detached),
        outputs=outputs,
        bound=lowered.bound,
        n_inputs=len(recorder.inputs),
        instructions=lowered.instructions,
        recorder=recorder,
    )
    recorder.instructions = []
    return _rebuild(result, detached), recording


def _forget_own_leaves(recorder: Recorder) -> None:
    """Leaves that the function made are new at every run: nobody can have changed them since."""
    known = {**recorder.parameters, **recorder.grads_read}
    known |= {key: (leaf, None) for key, leaf in recorder.grads_set.items()}
    for key, (leaf, _) in known.items():
        if recorder.value(leaf._array).storage.kind not in ("external", "kept"):
            for table in (recorder.parameters, recorder.grads_read, recorder.grads_set):
                table.pop(key, None)


class Compiled:
    """A function that is recorded for each signature of its arguments, and replayed after."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.__doc__ = fn.__doc__
        self.__wrapped__ = fn
        self._cache: OrderedDict[Any, list[Recording]] = OrderedDict()
        self._last: Recording | None = None

    def __call__(self, *args: Any) -> Any:
        last = self._last
        if last is not None and last.shortcut is not None:
            arrays = last.shortcut(args)
            if arrays is not None:
                return wrap(arrays[0]) if last.plain else last.result(arrays)
        return self._look(args)

    def _look(self, args: tuple[Any, ...]) -> Any:
        arrays = [self._array(a, i) for i, a in enumerate(args)]
        key = tuple((a.shape, a.dtype) for a in arrays)
        known = self._cache.get(key)
        if known is not None:
            for recording in known:
                if recording.matches():
                    recording.check(arrays)
                    self._cache.move_to_end(key)
                    self._last = recording
                    return recording.replay(arrays)
        result, recording = record(self.fn, [a.copy() for a in arrays])
        self._cache.setdefault(key, []).insert(0, recording)
        del self._cache[key][4:]
        if len(self._cache) > MAX_RECORDINGS:
            self._cache.popitem(last=False)
        return result

    @staticmethod
    def _array(value: Any, position: int) -> NDArray[Any]:
        if isinstance(value, Tensor):
            if value.requires_grad:
                raise TypeError(
                    f"argument {position}: a compiled function cannot take a tensor that requires "
                    "grad; let it use the parameter from outside, or pass it detached"
                )
            value = value._array
        if not isinstance(value, np.ndarray):
            raise TypeError(
                f"argument {position}: expected a tensor or an array, got {type(value).__name__}"
            )
        return value if value.flags.c_contiguous else np.ascontiguousarray(value)


def compile(fn: Callable[..., Any]) -> Compiled:
    """A function that runs `fn` once while recording and afterwards replays it as one program.

    Everything fn does to tensors is caught, updates of parameters by an optimizer too, so a whole
    training step can be compiled. It is recorded anew for other shapes, dtypes and training modes.
    The replay gives the same bits as the eager run. Tensors that fn returns are off the tape.

    Args:
        fn: a function of tensors (or arrays) that returns tensors, nested as it likes.

    Returns:
        A function of the same arguments. Its first call for a signature is the eager run.

    Raises:
        RecordingError: fn looks at a value (a branch, `item`, `numpy`), which a replay cannot.

    Example:
        >>> import fastnn
        >>> double = fastnn.compile(lambda x: x * 2)
        >>> double(fastnn.tensor([1.0, 2.0])), double(fastnn.tensor([3.0, 4.0]))
        (tensor([2., 4.]), tensor([6., 8.]))
    """
    return Compiled(fn)

"""One recorded run of a function: its program, the conditions of its use, and the replay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import engine, program as programs
from fastnn._core.program import Program
from fastnn._core.replay import Replay
from fastnn._core.watch import Watch
from fastnn._support import forks
from fastnn._support.tree import alike
from fastnn.compiler.captures import Captures
from fastnn.compiler.lowering import Instruction, Storage, Value
from fastnn.compiler.recorder import Recorder, lent
from fastnn.tape import versions
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

forks.run_around(programs.close, programs.running, programs.renew)


def tensors_of(result: Any) -> list[Tensor]:
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, tuple | list):
        return [t for part in result for t in tensors_of(part)]
    if isinstance(result, dict):
        return [t for part in result.values() for t in tensors_of(part)]
    return []


def rebuilt(result: Any, tensors: Iterable[Tensor]) -> Any:
    """The structure of `result` with these tensors in it."""
    left = iter(tensors)

    def build(part: Any) -> Any:
        if isinstance(part, Tensor):
            return next(left)
        if isinstance(part, tuple | list):
            return alike(part, (build(p) for p in part))
        if isinstance(part, dict):
            return {key: build(p) for key, p in part.items()}
        return part

    return build(result)


@dataclass
class Recording:
    """One recorded run of a function, lowered."""

    program: Program
    structure: Any  # what the function returned; a replay puts its own tensors into it
    outputs: list[Value]  # the memory of the tensors that it returned
    bound: list[Storage]  # arrays passed to a run: inputs, then new memory for the outputs
    n_inputs: int
    instructions: list[Instruction]
    watched: list[Value]  # a run stops if one is not finite
    recorder: Recorder = field(repr=False)
    captures: Captures = field(repr=False)
    parts: tuple[Any, ...] = ()  # objects that must live as long as the recording

    def matches(self) -> bool:
        """Whether the conditions of the recording still hold, and a run has memory to write."""
        return self._holds() and self.captures.unchanged() and self._has_memory()

    def settle(self) -> None:
        """After the recording: the next call need not ask Python if nothing changes until then."""
        if self.shortcut is not None and self._holds():
            for sync in self.recorder.before_run:
                sync()
            self._watch.take(self.captures.contents())

    def _holds(self) -> bool:
        """Whether the tensors are what they were, and the conditions of others hold."""
        r = self.recorder
        return (
            all(module.training == mode for module, mode in r.modules.values())
            and all(
                p._array is array and p.requires_grad == asked
                for p, array, asked in r.parameters.values()
            )
            and all(
                x._array is array and x.requires_grad == asked for x, array, asked in self._tensors
            )
            and all(leaf.grad is grad for leaf, grad in r.grads_read.values())
            and all(holds() for holds in r.conditions)
        )

    def look(self) -> bool:
        """Whether the conditions hold; if so, hyperparameters are written for a run, and `same` is
        about everything as it is now."""
        self._seen = False
        if not self.matches():
            return False
        for sync in self.recorder.before_run:
            sync()
        contents = self.captures.contents()
        self._watch.take(contents)
        self._seen = contents is not None
        return True

    def same(self) -> bool:
        """Whether nothing has changed since `look` returned True, by a comparison in C."""
        return self._seen and self._watch.same()

    def _has_memory(self) -> bool:
        """Whether the gradients may be overwritten; a gradient that the user holds is copied."""
        if self._watch.release():
            return True
        for renew in self.recorder.renewals:
            renew()
        return False

    def suits(self, arrays: list[NDArray[Any]]) -> bool:
        """Whether these input values lead to the computation that was recorded."""
        return all(
            choice.test(_as_seen(choice.value, arrays[choice.value.storage.index])) == choice.found
            for choice in self.recorder.choices
        )

    def check(self, arrays: list[NDArray[Any]]) -> None:
        """Raise for input values that the function would not accept."""
        for asked in self.recorder.checks:
            try:
                asked.check(_as_seen(asked.value, arrays[asked.value.storage.index]))
            except (ValueError, IndexError) as error:
                raise type(error)(f"{error} (at {asked.line})") from None

    def replay(self, arrays: list[NDArray[Any]]) -> Any:
        """Run the program on these inputs (checked, contiguous) and return its outputs."""
        for sync in self.recorder.before_run:
            sync()
        memory = {s.index: arrays[i] for i, s in enumerate(self.bound[: self.n_inputs])}
        for s in self.bound[self.n_inputs :]:
            memory[s.index] = np.empty(s.array.shape, s.array.dtype)
        try:
            self.program.run(tuple(memory.values()))
        except IndexError as error:
            raise self.located(error) from None
        except FloatingPointError as error:
            self._watch.leave()
            texts = dict.fromkeys(text for _, text in self.recorder.finite)
            raise (RuntimeError("; ".join(texts)) if texts else error) from None
        self._watch.leave()
        self._watch.take(self.captures.contents())
        return rebuilt(self.structure, [self._tensor(v, memory) for v in self.outputs])

    def __post_init__(self) -> None:
        r = self.recorder
        for leaf in r.grads_set.values():
            leaf.grad = None if leaf.grad is None else of_array(lent(leaf.grad._array))
        self._tensors = [(x, x._array, x.requires_grad) for x in self.captures.tensors]
        leaves = [leaf for leaf, _, _ in (*r.parameters.values(), *self._tensors)]
        leaves += [*(leaf for leaf, _ in r.grads_read.values()), *r.grads_set.values()]
        self._watch = Watch(
            list({id(leaf): leaf for leaf in leaves}.values()),
            r.watched + self.captures.counter + self.captures.places,
            list(r.grads_read.values()),
            [(leaf, leaf.grad) for leaf in r.grads_set.values()],
        )
        written = {v.storage.index: v.storage for i in self.instructions for v in i.writes()}
        kept = [s.array for s in written.values() if s.kind in ("external", "kept")]
        versions.writes(self._watch, kept)
        self._seen = False
        self.shortcut: Replay | None = self._shortcut()

    def _shortcut(self) -> Replay | None:
        """The replay in C alone, possible if the outputs are plain new arrays; else None."""
        made = self.bound[self.n_inputs :]
        values = self.outputs
        if [v.storage for v in values] != made or any(
            not (v.whole() and v.packed()) for v in values
        ):
            return None
        if any(asked.classes < 0 for asked in self.recorder.checks):
            return None
        if self.recorder.finite:
            return None
        if any(choice.found for choice in self.recorder.choices):
            return None  # if the test is False, the check of labels fails on its own
        if self.captures.contents() is None:
            return None
        structure = self.structure
        return Replay(
            self.program,
            self._watch,
            [s.array for s in self.bound[: self.n_inputs]],
            [(v.shape, v.dtype) for v in values],
            [(c.value.storage.index, c.classes, c.besides) for c in self.recorder.checks],
            None if isinstance(structure, Tensor) else partial(rebuilt, structure),
        )

    def located(self, error: IndexError) -> IndexError:
        """The error with the lines that it may come from; no later line was run."""
        lines = dict.fromkeys(i.line for i in self.instructions if i.op in engine.INDEX)
        return IndexError(f"{', '.join(lines)}: {error}")

    @staticmethod
    def _tensor(value: Value, memory: dict[int, NDArray[Any]]) -> Tensor:
        base = memory.get(value.storage.index, value.storage.array)
        if value.storage.kind == "kept":  # the next run will overwrite it
            base = base.copy()
        strides = tuple(s * value.dtype.itemsize for s in value.strides)
        same = base.shape == value.shape and base.strides == strides and base.dtype == value.dtype
        if value.offset == 0 and same:
            return of_array(base)
        flat = base.reshape(-1, copy=False).view(np.uint8)
        return of_array(np.ndarray(value.shape, value.dtype, flat.data, value.offset, strides))


def _as_seen(value: Value, array: NDArray[Any]) -> Tensor:
    """An input as the recorded function saw its own: as the same view."""
    strides = [stride * array.itemsize for stride in value.strides]
    return of_array(np.ndarray(value.shape, array.dtype, array, value.offset, strides))

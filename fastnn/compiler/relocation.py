"""Relocatable programs: recorded once, replayed on the memory of many models of the same shapes."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core.program import BOUND, Program
from fastnn._support.dtypes import CODES
from fastnn.compiler.lowering.emission import encoded
from fastnn.compiler.lowering.ir import Storage, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.compiler.recording import Recording


class NotRelocatableError(Exception):
    """The program writes memory that belongs to no model."""


class Relocatable:
    """A recorded program all of whose arrays are bound when it is run.

    Each array of each instruction is patched (`fnn_patch` in fastnn.h), so that a copy of the
    program can be pointed at one model after another: a table of addresses is all that it takes.

    Args:
        recording: of one model.
        own: the ids of the arrays that own this model's memory: parameters, moments, buffers ...

    Attributes:
        shared: what lies elsewhere for each thread, in the order of binding: inputs, outputs,
            arrays that a run writes before it reads them, and constants.
        n_bound: how many of these are inputs and outputs.
        dropout, rates: the numbers of the instructions that drop, and the rate of each, as the
            bits of a float64: a net may have others.
        own: the arrays of the recorded model, which come next; then the arena, of `arena` bytes.

    Raises:
        NotRelocatableError: the program writes something else than these.
    """

    def __init__(self, recording: Recording, own: Container[int]) -> None:
        self._recording = recording
        self.arena: int = recording.program.arena_bytes
        self.cost: float = recording.program.cost
        self.own: list[NDArray[Any]] = []
        instructions, bound = recording.instructions, recording.bound
        written = {v.storage.index for i in instructions for v in i.writes()}
        keys = {
            v.storage.index for i in instructions if i.op == "draw_key" for v in [*i.writes()][1:]
        }
        known = {s.index for s in bound}
        others: list[Storage] = []
        mine: list[Storage] = []
        for value in (v for i in instructions for v in i.values if v is not None):
            storage = value.storage
            if storage.kind == "temporary" or storage.index in known:
                continue
            known.add(storage.index)
            if id(storage.array) in own:
                mine.append(storage)
                continue
            if storage.index in written - keys and storage.kind != "kept":
                raise NotRelocatableError("it changes memory that is no part of the model")
            others.append(storage)
        self.n_bound: int = len(bound)
        self.shared: list[Storage] = [*bound, *others]
        self.own = [s.array for s in mine]
        self._written = written
        self.dropout: list[int] = [
            i for i, found in enumerate(instructions) if found.op == "dropout"
        ]
        self.rates: list[int] = [instructions[i].attrs[0] for i in self.dropout]
        self._positions = {s.index: i for i, s in enumerate([*self.shared, *mine])}
        self._emitted = encoded(instructions, recording.watched, self._place)

    def _place(self, value: Value) -> tuple[int, int, int]:
        storage = value.storage
        if storage.kind == "temporary":
            return BOUND, len(self._positions), storage.offset + value.offset
        return BOUND, self._positions[storage.index], value.offset

    def copy(self) -> Program:
        """A program that may be bound and run beside other copies."""
        return Program(self._emitted, [], (0,) * (len(self._positions) + 1), 0)

    def arrays(self, inputs: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """New memory for `shared`: these inputs, and outputs; constants stay where they are."""
        made = list(inputs)
        for storage in self.shared[len(inputs) :]:
            is_new = storage.index in self._written
            made.append(np.zeros_like(storage.array) if is_new else storage.array)
        return made

    def inputs(self) -> list[NDArray[Any]]:
        """The recorded inputs: what a run is given has their shapes and types."""
        return [s.array for s in self.shared[: self._recording.n_inputs]]

    def totals(self) -> list[tuple[int, int]]:
        """For each output of the recorded function: its place among `shared`, and its type."""
        found, bound = self._recording.outputs, self._recording.bound
        return [(bound.index(v.storage), CODES[v.dtype]) for v in found]

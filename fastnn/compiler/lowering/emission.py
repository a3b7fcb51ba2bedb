"""Emission: addresses, barriers and guards, then the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn._core import engine
from fastnn._core.program import ARENA, BOUND, EXTERNAL, Program
from fastnn._support.dtypes import CODES, bool_
from fastnn.compiler.lowering.ir import Instruction, Storage, Value

BOOL = CODES[bool_]
Range = tuple[Any, int, int]  # (what memory, first byte, end)


Operand = tuple[int, int, int, tuple[int, ...], tuple[int, ...]]
Place = Callable[[Value], tuple[int, int, int]]  # (space, base, offset in bytes)


def emit(
    instructions: list[Instruction], bound: list[Storage], arena: int, watched: list[Value]
) -> Program:
    """Build the program.

    bound: the storages whose arrays are passed to every run, in order.
    watched: the last instruction that writes one stops the run if it is not finite: a scalar,
        which is the first output, or the moments of a batch_norm.
    """
    positions = {s.index: i for i, s in enumerate(bound)}
    externals: list[Any] = []
    slots: dict[int, int] = {}

    def place(value: Value) -> tuple[int, int, int]:
        storage = value.storage
        if storage.kind == "temporary":
            return ARENA, 0, storage.offset + value.offset
        if storage.index in positions:
            return BOUND, positions[storage.index], value.offset
        if storage.index not in slots:
            slots[storage.index] = len(externals)
            externals.append(storage.array)
        return EXTERNAL, slots[storage.index], value.offset

    emitted = encoded(instructions, watched, place)
    sizes = tuple(s.nbytes for s in bound)
    return Program(emitted, externals, sizes, arena)


def encoded(
    instructions: list[Instruction], watched: list[Value], place: Place
) -> list[tuple[Any, ...]]:
    """The instructions as `Program` takes them, each array where `place` says.

    watched: as for `emit`.
    """

    def operand(value: Value | None) -> Operand | None:
        return None if value is None else (*place(value), value.shape, value.strides)

    guards = _guards(instructions, watched)
    waits = _barriers(instructions)
    return [
        (
            engine.OPS[instruction.op],
            _table(instruction),
            [operand(v) for v in instruction.values],
            instruction.dims,
            instruction.attrs,
            waits[at],
            engine.GUARDS[guards[at]],
        )
        for at, instruction in enumerate(instructions)
    ]


def _table(instruction: Instruction) -> int:
    """The kernel table, chosen as engine.call does: that of the first float, else of an int64,
    else of bool."""
    codes = [CODES[v.dtype] for v in instruction.values if v is not None]
    kinds = [min(code, BOOL) for code in codes]  # what moves types without kernels is in all tables
    return min(kinds) if min(kinds) >= 2 else next(kind for kind in kinds if kind < 2)


def _guards(instructions: list[Instruction], watched: list[Value]) -> list[str]:
    """What may stop the run at each instruction."""
    guards = [_guard(instruction) for instruction in instructions]
    for value in watched:
        for at in reversed(range(len(instructions))):
            first, *others = instructions[at].writes()
            if first.storage is value.storage:
                guards[at] = "loss"
                break
            if any(other.storage is value.storage for other in others):
                guards[at] = "moments"
                break
    return guards


def _guard(instruction: Instruction) -> str:
    """ "index" if an op reads by class or row indices that are not checked before a run."""
    place = engine.INDEX.get(instruction.op)
    index = instruction.values[place] if place is not None else None
    if index is None or (index.storage.kind == "input" and index.whole()):
        return "none"
    return "index"


def _range(value: Value) -> Range:
    begin, end = value.span()
    if value.storage.kind == "temporary":  # two temporaries may share bytes of the arena
        return "arena", begin + value.storage.offset, end + value.storage.offset
    return value.storage.index, begin, end


def _meet(a: Range, b: Range) -> bool:
    return a[0] == b[0] and a[1] < b[2] and b[1] < a[2]


def _barriers(instructions: list[Instruction]) -> list[bool]:
    """For each instruction, whether a barrier goes before it: if it reads or writes what was
    written since the last barrier, or writes what was read since then."""
    waits = []
    written: list[Range] = []
    read: list[Range] = []
    for instruction in instructions:
        reads = [_range(v) for v in instruction.reads()]
        writes = [_range(v) for v in instruction.writes()]
        wait = any(_meet(a, b) for a in reads + writes for b in written) or any(
            _meet(a, b) for a in writes for b in read
        )
        if wait:
            written, read = [], []
        written += writes
        read += reads
        waits.append(wait)
    return waits

"""Late writes: what a step changes of memory that it found is written after the check of the loss.

A run stops where a watched scalar, such as the loss, is not finite. Running moments, which the
forward pass writes, are then as before the step, as weights are.

A step that trains also stops where they would become nan or infinite themselves. The moments of a
batch that running moments go towards are watched where batch_norm computes them, which costs next
to nothing; anything else is computed in copies, which are looked at before anything is written.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fastnn._support.dtypes import CODES, is_float, wide
from fastnn.compiler.lowering.ir import Instruction, Storage, Value

__all__ = ["write_late"]

FIXED = ("external", "kept")  # memory that outlives a run


def write_late(
    instructions: list[Instruction], watched: list[Value], stops: bool
) -> tuple[list[Instruction], list[Value]]:
    """The instructions, with those that only write memory which outlives a run moved behind the
    last one that writes a watched scalar, where none between reads or writes the same; and all
    that is to be watched.

    stops: a run stops as well where what they write is not finite, and writes none of it.
    """
    storages = {value.storage.index for value in watched}
    ends = [
        at
        for at, instruction in enumerate(instructions)
        if any(value.storage.index in storages for value in instruction.writes())
    ]
    if not ends:
        return instructions, watched
    before, rest = instructions[: ends[-1] + 1], instructions[ends[-1] + 1 :]
    stay: list[Instruction] = []  # from the last one on
    moved: list[Instruction] = []
    for instruction in reversed(before):
        fixed = all(value.storage.kind in FIXED for value in instruction.writes())
        if fixed and not any(_depend(instruction, other) for other in stay):
            moved.append(instruction)
        else:
            stay.append(instruction)
    stay, moved, flags = stay[::-1], moved[::-1], list[Value]()
    if stops:
        used = (v.storage.index for i in instructions for v in i.values if v is not None)
        moved, flags = _written_if_finite(moved, stay, max(used) + 1)
    return [*stay, *moved, *rest], [*watched, *flags]


def _depend(first: Instruction, second: Instruction) -> bool:
    """Whether the order of the two matters."""
    written, read = list(first.writes()), [*first.reads(), *first.writes()]
    return any(w.overlaps(v) for w in written for v in (*second.reads(), *second.writes())) or any(
        r.overlaps(w) for r in read for w in second.writes()
    )


def _written_if_finite(
    moved: list[Instruction], stay: list[Instruction], index: int
) -> tuple[list[Instruction], list[Value]]:
    """The moved instructions, such that a run stops before what they write would not be finite, if
    it stops where one of the values is not.

    index: of the first new storage.
    """
    made = {v.storage.index: v for i in stay if i.op == "batch_norm" for v in [*i.writes()][1:]}
    steps, others, moments = list[Instruction](), list[Instruction](), list[Value]()
    for instruction in moved:
        *_, last = instruction.reads()
        if instruction.op == "running_moments_step" and last.storage.index in made:
            steps.append(instruction)
            moments.append(made[last.storage.index])
        else:
            others.append(instruction)
    if any(_depend(step, other) for step in steps for other in others):
        steps, others, moments = [], moved, []
    copied, flags = _on_copies(others, index)
    return [*copied, *steps], [*flags, *moments]


def _on_copies(
    instructions: list[Instruction], index: int
) -> tuple[list[Instruction], list[Value]]:
    """The same on copies of what they change, then a scalar for each copy, which is nan if a number
    in it is not finite, then the copies back; and the scalars. What they read or write in more than
    one form, such as a part of a queue and all of it, is written as before.

    index: of the first new storage.
    """
    copies: dict[int, tuple[Value, Value]] = {}  # by storage: what is changed, and its copy
    for value in (v for i in instructions for v in i.writes()):
        known = (v for i in instructions for v in i.values if v is not None)
        alike = all(v.same_place(value) for v in known if v.storage is value.storage)
        if alike and value.packed() and value.storage.index not in copies:
            copies[value.storage.index] = value, _new(value.shape, value.dtype, index)
            index += 1
    into, tests, back, flags = [], [], [], []
    for value, copy in copies.values():
        line = next(i for i in instructions if value in i.writes())
        into.append(_cast(copy, value, line))
        back.append(_cast(value, copy, line))
        instructions = [i.moved(value.storage, copy.storage, -value.offset) for i in instructions]
        if is_float(value.dtype):
            found, flag = _test(copy, index, line)
            index += 4
            tests += found
            flags.append(flag)
    return [*into, *instructions, *tests, *back], flags


def _test(value: Value, index: int, line: Instruction) -> tuple[list[Instruction], Value]:
    """The sum of the numbers times 0: 0, or nan."""
    real = wide(value.dtype)
    zero = Storage(index, "external", real.itemsize, np.zeros((), real))
    factor = Value(zero, 0, (), (), real)
    number, product = (_new(value.shape, real, index + i) for i in (1, 2))
    flag = _new((1, 1), real, index + 3)
    n = int(np.prod(value.shape))
    rows = replace(product, shape=(1, n, 1), strides=(n, 1, 1))
    widened = [_cast(number, value, line)]
    if value.dtype == real:
        widened, number = [], value
    return [
        *widened,
        _row("mul", [product, number, factor], (), line),
        _row("sum", [flag, rows], (1, n, 1), line),
    ], flag


def _cast(out: Value, x: Value, of: Instruction) -> Instruction:
    return _row("cast", [out, x], (), of, (CODES[out.dtype], CODES[x.dtype]))


def _new(shape: tuple[int, ...], dtype: np.dtype[np.generic], index: int) -> Value:
    array = np.empty(shape, dtype)
    strides = tuple(stride // dtype.itemsize for stride in array.strides)
    return Value(Storage(index, "temporary", array.nbytes, array), 0, shape, strides, dtype)


def _row(
    op: str,
    values: list[Value | None],
    dims: tuple[int, ...],
    of: Instruction,
    attrs: tuple[int, ...] = (),
) -> Instruction:
    return Instruction(op, values, 1, False, dims, attrs, of.line, of.part)

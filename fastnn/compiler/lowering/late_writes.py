"""Late writes: what a step changes of memory that it found is written after the check of the loss.

A run stops where a watched scalar, such as the loss, is not finite. Running moments, which the
forward pass writes, are then as before the step, as weights are.
"""

from __future__ import annotations

from fastnn.compiler.lowering.ir import Instruction, Value

__all__ = ["write_late"]

FIXED = ("external", "kept")  # memory that outlives a run


def write_late(instructions: list[Instruction], watched: list[Value]) -> list[Instruction]:
    """The instructions, with those that only write memory which outlives a run moved behind the
    last one that writes a watched scalar, where none between reads or writes the same."""
    storages = {value.storage.index for value in watched}
    ends = [
        at
        for at, instruction in enumerate(instructions)
        if any(value.storage.index in storages for value in instruction.writes())
    ]
    if not ends:
        return instructions
    before, rest = instructions[: ends[-1] + 1], instructions[ends[-1] + 1 :]
    stay: list[Instruction] = []  # from the last one on
    moved: list[Instruction] = []
    for instruction in reversed(before):
        fixed = all(value.storage.kind in FIXED for value in instruction.writes())
        if fixed and not any(_depend(instruction, other) for other in stay):
            moved.append(instruction)
        else:
            stay.append(instruction)
    return [*reversed(stay), *reversed(moved), *rest]


def _depend(first: Instruction, second: Instruction) -> bool:
    """Whether the order of the two matters."""
    written, read = list(first.writes()), [*first.reads(), *first.writes()]
    return any(w.overlaps(v) for w in written for v in (*second.reads(), *second.writes())) or any(
        r.overlaps(w) for r in read for w in second.writes()
    )

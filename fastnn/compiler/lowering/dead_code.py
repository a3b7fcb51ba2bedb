"""Dead code: what nobody reads is not computed."""

from __future__ import annotations

from collections.abc import Iterable

from fastnn.compiler.lowering.ir import Instruction, Value


def remove_dead_code(
    instructions: list[Instruction], watched: Iterable[Value] = ()
) -> list[Instruction]:
    """Keep what writes memory that outlives the run or is watched, and what those need."""
    live = {value.storage.index for value in watched}
    kept = []
    for instruction in reversed(instructions):
        if any(v.storage.kind != "temporary" or v.storage.index in live
               for v in instruction.writes()):  # fmt: skip
            live.update(v.storage.index for v in instruction.reads())
            kept.append(instruction)
    return kept[::-1]

"""Dead code: what nobody reads is not computed."""

from __future__ import annotations

from fastnn.lowering.ir import Instruction


def remove_dead_code(instructions: list[Instruction]) -> list[Instruction]:
    """Keep what writes memory that outlives the run, and what those need."""
    live: set[int] = set()
    kept = []
    for instruction in reversed(instructions):
        if any(v.storage.kind != "temporary" or v.storage.index in live
               for v in instruction.writes()):  # fmt: skip
            live.update(v.storage.index for v in instruction.reads())
            kept.append(instruction)
    return kept[::-1]

"""Lowering: from recorded instructions to a program, one file per pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastnn.compiler.lowering.dead_code import remove_dead_code
from fastnn.compiler.lowering.emission import emit
from fastnn.compiler.lowering.fusion import fuse
from fastnn.compiler.lowering.ir import Instruction, Storage, Value
from fastnn.compiler.lowering.late_writes import write_late
from fastnn.compiler.lowering.memory_plan import plan_memory

if TYPE_CHECKING:
    from fastnn._core.program import Program

__all__ = ["Instruction", "Lowered", "Storage", "Value", "lower"]


@dataclass
class Lowered:
    """A program, with its instructions, its bound storages, and what stops a run."""

    program: Program
    bound: list[Storage]
    instructions: list[Instruction]
    watched: list[Value]


def lower(
    instructions: list[Instruction],
    inputs: list[Storage],
    outputs: list[Value],
    kept: list[Storage],
    watched: list[Value],
    trains: bool = False,
) -> Lowered:
    """Classify the storages, then run the passes: dead code, fusion, late writes, memory
    plan, emission.

    inputs: bound to the caller's arrays in every run, as are the storages of `outputs` that the
        instructions make.
    kept: made by the instructions, but outlive a run (gradients): they keep the memory of the
        recording.
    watched: scalars; a run stops if one is not finite.
    trains: a run also stops where what the forward pass writes, such as running moments, would
        become nan or infinite.
    """
    _find_temporaries(instructions)
    for storage in kept:
        if storage.kind == "temporary":
            storage.kind = "kept"
    returned: dict[int, Storage] = {}
    for value in outputs:
        if value.storage.kind == "temporary":
            value.storage.kind = "output"
            returned[value.storage.index] = value.storage
    bound = inputs + list(returned.values())
    code = remove_dead_code(instructions, watched)
    code = remove_dead_code(fuse(code), watched)
    code, watched = write_late(code, watched, trains)
    arena = plan_memory(code)
    return Lowered(emit(code, bound, arena, watched), bound, code, watched)


def _find_temporaries(instructions: list[Instruction]) -> None:
    """Mark as temporary the storages whose first access overwrites all of them."""
    seen: set[int] = set()
    for instruction in instructions:
        seen.update(v.storage.index for v in instruction.reads())
        for value in instruction.fresh():
            if value.storage.index not in seen and value.storage.kind == "external":
                value.storage.kind = "temporary"
        seen.update(v.storage.index for v in instruction.writes())

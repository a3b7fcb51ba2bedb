"""Memory plan: temporaries that are never alive together share the arena."""

from __future__ import annotations

from fastnn.compiler.lowering.ir import Instruction, Storage

ALIGN = 64


def _round_up(nbytes: int) -> int:
    return max(-(-nbytes // ALIGN) * ALIGN, ALIGN)


def plan_memory(instructions: list[Instruction]) -> int:
    """Give every temporary its offset; return the arena's size in bytes.

    Largest first, each at the lowest offset that is free over all of its life.
    """
    life: dict[int, tuple[Storage, int, int]] = {}
    for at, instruction in enumerate(instructions):
        for v in instruction.values:
            if v is not None and v.storage.kind == "temporary":
                _, first, _ = life.get(v.storage.index, (v.storage, at, at))
                life[v.storage.index] = (v.storage, first, at)
    placed: list[tuple[Storage, int, int]] = []
    for storage, first, last in sorted(life.values(), key=lambda item: -item[0].nbytes):
        size = _round_up(storage.nbytes)
        storage.offset = 0
        together = [s for s, begin, end in placed if begin <= last and first <= end]
        for other in sorted(together, key=lambda s: s.offset):
            if storage.offset + size <= other.offset:
                break
            storage.offset = max(storage.offset, other.offset + _round_up(other.nbytes))
        placed.append((storage, first, last))
    return max((s.offset + _round_up(s.nbytes) for s, _, _ in placed), default=0)

"""Fusion: activations and their derivatives into the matmul's epilogue; copies into their source.

A fused kernel gives the same bits as the separate ops, so these rewrites change no result.
"""

from __future__ import annotations

from dataclasses import replace

from fastnn._core import engine
from fastnn.compiler.lowering.ir import Instruction, Value


def fuse(instructions: list[Instruction]) -> list[Instruction]:
    """Apply all fusions."""
    return _write_in_place(_fuse_derivatives(_fuse_activations(instructions)))


def _accesses(instructions: list[Instruction]) -> dict[int, list[int]]:
    """storage -> positions of the instructions that touch it, in order."""
    found: dict[int, list[int]] = {}
    for at, instruction in enumerate(instructions):
        for v in instruction.values:
            if v is not None and (
                not (seen := found.setdefault(v.storage.index, [])) or seen[-1] != at
            ):
                seen.append(at)
    return found


def _product_of(value: Value, at: int, code: list[Instruction], uses: dict[int, list[int]]) -> int:
    """The position of the plain matmul whose result is `value`, used at `at` alone; else -1."""
    made = uses[value.storage.index]
    if value.storage.kind != "temporary" or len(made) != 2 or made[1] != at:
        return -1
    product = code[made[0]]
    if product.op != "matmul" or product.attrs[:2] != (0, 0):
        return -1
    out = product.values[0]
    return made[0] if out is not None and out.same_place(value) else -1


def _untouched(value: Value, begin: int, end: int, code: list[Instruction]) -> bool:
    """Whether no instruction strictly between the two positions touches the value."""
    return not any(
        v is not None and v.overlaps(value) for i in code[begin + 1 : end] for v in i.values
    )


def _fuse_activations(instructions: list[Instruction]) -> list[Instruction]:
    """y = act(a b + bias) in one pass over y."""
    code: list[Instruction | None] = list(instructions)
    uses = _accesses(instructions)
    for at, instruction in enumerate(instructions):
        if instruction.op not in engine.EPILOGUES:
            continue
        y, z = instruction.values
        assert y is not None and z is not None
        source = _product_of(z, at, instructions, uses)
        if source < 0 or not y.packed() or not _untouched(y, source, at, instructions):
            continue
        product = instructions[source]
        values = [y, *product.values[1:]]
        attrs = (engine.EPILOGUES[instruction.op], 0, *product.attrs[2:])
        code[source] = replace(product, values=values, attrs=attrs)
        code[at] = None
    return [i for i in code if i is not None]


def _fuse_derivatives(instructions: list[Instruction]) -> list[Instruction]:
    """dz = (dy w^T) * act'(y) in one pass over dz."""
    code: list[Instruction | None] = list(instructions)
    uses = _accesses(instructions)
    for at, instruction in enumerate(instructions):
        if instruction.op not in engine.DERIVATIVES:
            continue
        dz, dy, y = instruction.values
        assert dz is not None and dy is not None and y is not None
        source = _product_of(dy, at, instructions, uses)
        if source < 0 or y.shape != dz.shape or not (y.packed() and dz.packed()):
            continue
        if not _untouched(dz, source, at, instructions) or any(
            v.overlaps(y) for i in instructions[source + 1 : at] for v in i.writes()
        ):
            continue
        product = instructions[source]
        values = [dz, *product.values[1:4], y]
        attrs = (0, engine.DERIVATIVES[instruction.op], *product.attrs[2:])
        code[source] = replace(product, values=values, attrs=attrs)
        code[at] = None
    return [i for i in code if i is not None]


def _write_in_place(instructions: list[Instruction]) -> list[Instruction]:
    """Remove copies: compute a result where a `copy` would move it (a gradient into the flat
    vector)."""
    code = list(instructions)
    at = 0
    while at < len(code):
        moved = _without_copy(code, at) if code[at].op == "copy" else None
        if moved is None:
            at += 1
        else:
            code = moved
    return code


def _without_copy(code: list[Instruction], at: int) -> list[Instruction] | None:
    target, source = code[at].values
    assert target is not None and source is not None
    uses = _accesses(code)[source.storage.index]
    if (
        source.storage.kind != "temporary"
        or target.storage is source.storage
        or target.strides != source.strides
        or target.shape != source.shape
        or source.offset != 0
        or not source.whole()
    ):
        return None
    first = code[uses[0]]
    if not any(v.storage is source.storage for v in first.fresh()):
        return None
    if not _untouched(target, uses[0] - 1, at, code):
        return None
    later = code[at + 1 : uses[-1] + 1]
    if any(v.overlaps(target) or v.storage is source.storage for i in later for v in i.writes()):
        return None
    moved = [i.moved(source.storage, target.storage, target.offset) for i in code]
    return moved[:at] + moved[at + 1 :]

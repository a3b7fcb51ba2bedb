"""Write calls of all ops for the C tests: inputs, and lower and upper bounds of the results.

    python tests/write_cases.py build/cases.bin

Takes calls and bounds from families/, imports no fastnn, and so serves every processor. Results
are kept as the smallest and the largest number of their type that is right; nan stands for nan.
tests/c/replay.c says how the file is laid out.
"""

from __future__ import annotations

import math
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from families import OPS
from families.approx import REALS, Real
from families.base import INPUT_LAYOUTS, KINDS, Array, Case, Dims, whole
from families.integer import INTEGER, integer_case, integer_shapes

LONGEST, LARGEST = 36, 700  # of tails: twice the widest vector and some; elements
INPUT, OUTPUT, IN_PLACE = 1, 2, 3
MAX_DIMS, MAX_ATTRS = 6, 4  # of fnn_call
PATTERNS = 4096  # numbers of all exponents for each function of vmath.h


@dataclass
class Placed:
    """An array of a call: element i of axis a is step[a] elements further; the first element is
    the one at `first` of `span`. parts: what it holds before, if anything, and then its limits."""

    role: int
    shape: Dims
    step: Dims
    first: int
    span: int
    parts: list[Array]


# What is right


def limits(kind: np.dtype[Any], want: Array, err: Any, real: Real) -> list[Array]:
    """The smallest and the largest correct result in a type."""
    if kind.kind != "f":
        return [want.astype(kind)] * 2
    err = np.where(np.isfinite(want) & ~np.isnan(err), err, 0)
    low, high = want - err, want + err
    least, most = low.astype(kind), high.astype(kind)
    least = np.where(least < low, np.nextafter(least, kind.type(np.inf)), least)
    most = np.where(most > high, np.nextafter(most, kind.type(-np.inf)), most)
    zero = (least == 0) & (most == 0)
    least, most = (np.where(zero, np.copysign(0, want), x) for x in (least, most))
    beyond = np.abs(want) + err >= real.largest  # may overflow
    return [np.where(beyond & (want < 0), -np.inf, least).astype(kind),
            np.where(beyond & (want > 0), np.inf, most).astype(kind)]  # fmt: skip


def results(case: Case) -> list[list[Array]]:
    """The limits of what a call writes; of an array that is missing, nothing."""
    op, real, kind = OPS[case.op], REALS[case.real], table_of(case)
    wide = [x.astype(real.wide) if x is not None and x.dtype == real.dtype else x
            for x in case.inputs]  # fmt: skip
    if case.op in INTEGER.get(kind, ()):
        wants, errors = INTEGER[kind][case.op](*case.inputs), (0,)
    else:
        wants, errors = op.reference(*wide, **case.keywords), op.bound(real, *wide, **case.keywords)
    written = [*case.outputs]
    written += [None if x is None else (x.shape, x.dtype) for x in case.inputs[: case.in_place]]
    return [
        [] if to is None else limits(np.dtype(to[1]), np.broadcast_to(want, to[0]), err, real)
        for to, want, err in zip(written, wants if isinstance(wants, tuple) else (wants,), errors)
    ]


def table_of(case: Case) -> str:
    """The table that runs a call: that of its first float, else of int64, else of bool. What
    take_rows moves has a kernel of its own."""
    if case.op == "take_rows" and case.inputs[0] is not None:
        return str(case.inputs[0].dtype)
    kinds = [str(np.dtype(to[1])) for to in case.outputs if to]
    kinds += [str(x.dtype) for x in case.inputs if x is not None]
    return next((kind for kind in kinds if kind[0] == "f"), min(kinds, key=KINDS.index))


# Where arrays lie


def packed(role: int, parts: list[Array]) -> Placed:
    """Element after element."""
    n = parts[0].size
    return Placed(role, (n,), (1,), 0, n, parts)


def stepped(role: int, parts: list[Array], dims: Dims, step: int) -> Placed:
    """For a broadcast op: `step` apart along the last axis, axes of one element not at all."""
    shape = (1,) * (len(dims) - parts[0].ndim) + parts[0].shape
    width = (shape[-1] - 1) * abs(step) + 1 if shape[-1] else 0
    steps, span = [step if shape[-1] > 1 else 0 if dims[-1] != 1 else 1], width
    for n in reversed(shape[:-1]):
        steps.append(span if n > 1 else 0)
        span *= n
    return Placed(role, shape, tuple(reversed(steps)), width - 1 if step < 0 and width else 0,
                  span, parts)  # fmt: skip


def matrix(role: int, parts: list[Array], order: str, gap: int) -> Placed:
    """By rows or by columns ("C", "F"), which are `gap` elements further apart than they must."""
    shape = parts[0].shape
    rows, columns = shape if order == "C" else shape[::-1]
    width = columns + gap
    span = max((rows - 1) * width + columns, 0) if columns else 0
    step = (width, 1) if order == "C" else (1, width)
    return Placed(role, shape, step, 0, span, parts)


def place(case: Case, arrays: list[tuple[int, list[Array]] | None], turn: int) -> Iterator[Placed]:
    """The arrays of a call in memory; `turn` chooses how."""
    dims = case.outputs[0][0] or (1,) if case.outputs and case.outputs[0] else ()
    for i, array in enumerate(arrays):
        if array is None:
            yield Placed(0, (), (), 0, 0, [])
        elif case.op == "matmul" and i != 3:
            order = "F" if i in (1, 2) and turn >> i & 1 else "C"
            yield matrix(*array, order, turn % 3 if i in (0, 4) else 0)
        elif case.op == "matmul":
            yield stepped(*array, array[1][0].shape, 1 + turn // 3 % 2)
        elif OPS[case.op].calls.layouts is INPUT_LAYOUTS:
            yield stepped(*array, dims, (1, 3, 1, -2)[(turn + i * (turn // 4)) % 4])
        else:
            yield packed(*array)


# Records


def record(case: Case, turn: int) -> bytes:
    """One call as tests/c/replay.c reads it."""
    case.inputs = [flushed(x) for x in case.inputs]
    with np.errstate(all="ignore"):
        right = results(case)
    arrays: list[tuple[int, list[Array]] | None] = []
    for found in right[: len(case.outputs)]:
        arrays.append((OUTPUT, found) if found else None)
    for i, x in enumerate(case.inputs):
        new = right[len(case.outputs) + i] if i < case.in_place else []
        arrays.append(None if x is None else (IN_PLACE if new else INPUT, [x, *new]))
    dims = case.dims
    if OPS[case.op].calls.layouts is INPUT_LAYOUTS and case.outputs[0]:
        dims = case.outputs[0][0] or (1,)
    if case.op == "matmul":
        dims = (*dims, case.inputs[0].shape[1])  # type: ignore[union-attr]
    body, heads = b"", []
    for at in place(case, arrays, turn):
        type_of = KINDS.index(str(at.parts[0].dtype)) if at.parts else 0
        heads += [at.role, type_of, at.first, at.span, len(at.shape)]
        heads += [*padded(at.shape, MAX_DIMS), *padded(at.step, MAX_DIMS)]
        for part in at.parts:
            data = np.ascontiguousarray(part).tobytes()
            body += data + bytes(-len(data) % 8)
    head = [KINDS.index(table_of(case)), len(dims), len(arrays), OPS[case.op].signed_zero]
    head += [*padded(dims, MAX_DIMS), *padded(case.attrs, MAX_ATTRS), *heads]
    packed_head = case.op.encode().ljust(32, b"\0") + struct.pack(f"<{len(head)}q", *head)
    return struct.pack("<q", 8 + len(packed_head) + len(body)) + packed_head + body


def padded(numbers: Dims, n: int) -> list[int]:
    return [*numbers, *[0] * (n - len(numbers))]


def flushed(x: Array | None) -> Array | None:
    """Denormals as zeros, which is what the engine takes them for."""
    if x is None or x.dtype.kind != "f":
        return x
    return np.where(np.abs(x) < np.finfo(x.dtype).tiny, np.copysign(x.dtype.type(0), x), x)


# Which calls


def zeros_of_waves(real: str) -> Array:
    """The numbers next to multiples of pi / 2, up to 2^16, that are nearest to one: there a
    function of period pi loses most."""
    at = np.arange(1, 41722) * (2 * np.arctan(np.longdouble(1)))
    x = at.astype(real)
    return x[np.argsort(np.abs(x - at))[:64]]


def patterns(real: str, edges: tuple[tuple[float, float], ...]) -> Array:
    """Numbers of all exponents and signs, half of them where functions bend, and the edges."""
    rng = np.random.default_rng(11)
    bits = rng.integers(0, 2**64, PATTERNS, np.uint64)
    x = bits.view(np.float64) if real == "float64" else bits.astype(np.uint32).view(np.float32)
    x[::2] = rng.choice([-1.0, 1.0], len(x[::2])) * 2 ** rng.uniform(-30, 8, len(x[::2]))
    x[: len(edges)] = [at for at, _ in edges]
    hard = zeros_of_waves(real)
    x[len(edges) : len(edges) + len(hard)] = hard
    return x


def of_reals() -> Iterator[Case]:
    """Every op of both reals: tails, where the kernel goes another way, and functions all over."""
    for name, op in OPS.items():
        calls = op.calls
        short = [dims for dims in calls.tails
                 if max(dims, default=0) <= LONGEST and math.prod(dims) <= LARGEST]  # fmt: skip
        for real in REALS:
            for i, dims in enumerate([*short, *calls.hard]):
                key = zlib.crc32(repr((name, real, i)).encode())
                yield op.case(real, dims, calls.flavours[i % len(calls.flavours)], key)
            if op.exact:
                x = patterns(real, op.exact)
                yield Case(name, real, [x], [(x.shape, real)])


def of_whole_numbers() -> Iterator[Case]:
    """Every op of int64 and bool."""
    for kind, ops in INTEGER.items():
        for name in ops:
            for i, dims in enumerate(integer_shapes(name)):
                if max(dims, default=0) <= LONGEST and dims:
                    yield integer_case(kind, name, dims, i)
        for n in range(9):
            rng = np.random.default_rng(n)
            x, index = whole(rng, (5, 7), kind), rng.integers(-1, 6, n)
            out = ((n, 7), x.dtype)
            yield Case("take_rows", "float64", [x, index], [out], (n, 7, 5), {}, (x.itemsize,))


def main(path: str) -> None:
    cases = [*of_reals(), *of_whole_numbers()]
    records = [record(case, turn) for turn, case in enumerate(cases)]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(b"fnncase1" + b"".join(records))


if __name__ == "__main__":
    main(*sys.argv[1:])

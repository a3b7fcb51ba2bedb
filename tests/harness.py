"""Run one op on awkward memory layouts, and compare its result with the reference.

`place` puts values into a larger buffer with the wanted strides and alignment; every byte beside
the elements is a canary. Outputs start as nan (0x5a for integers). `run` gives the outputs after
checking the canaries and that no input changed; `check` compares with the reference in families/.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from families import OPS
from families.approx import REALS, Real
from families.base import PACKED_LAYOUTS, Case
from numpy.typing import NDArray

from fastnn._core import engine

Array = NDArray[Any]

# How an array lies in memory (families.base has the lists). "bytes" is one byte off its alignment,
# "offset" one element off that of a vector; "zero" has stride 0 on every other axis and so repeats
# its values; "sliced" steps over elements on every axis, "rows" on all but the last.
GUARD = 96  # bytes of canary before and after


def place(values: Array, layout: str, *, hide: bool = False) -> tuple[Array, Array]:
    """An array of these values in this layout, and the bytes of all its buffer.

    hide leaves the values out: the array holds nan or 0x5a bytes, an output not yet written.
    """
    shape, size = values.shape, values.dtype.itemsize
    if layout == "zero":
        values = values[tuple(slice(0, None if axis % 2 else 1) for axis in range(values.ndim))]
    steps = [3 if layout in ("sliced", "rows") else 1] * values.ndim
    if layout == "rows":
        steps[-1:] = [1] * len(steps[-1:])
    padded = tuple(n * step for n, step in zip(values.shape, steps))
    count = math.prod(padded) * size
    raw = np.full(count + 2 * GUARD + 64, 0x5A, np.uint8)
    start = GUARD + -(raw.ctypes.data + GUARD) % 64 + {"offset": size, "bytes": 1}.get(layout, 0)
    array = raw[start : start + count].view(values.dtype)
    array = array.reshape(padded, order="F" if layout == "F" else "C")
    if max(steps, default=1) > 1:
        array = array[(..., *(slice(step // 2, None, step) for step in steps))]
    elif layout == "reversed":
        array = array[(..., *(slice(None, None, -1) for _ in padded))]
    if not hide:
        array[...] = values
    elif values.dtype.kind == "f":
        array[...] = np.nan
    return (np.broadcast_to(array, shape) if layout == "zero" else array), raw


def _assert_canaries(case: Case, array: Array, raw: Array, before: Array) -> None:
    """Put the array's old elements back: a byte that still differs lies outside of it."""
    after = raw.copy()
    if array.size:
        offset = array.__array_interface__["data"][0] - raw.__array_interface__["data"][0]
        old, new = (
            np.ndarray(array.shape, array.dtype, buffer, offset, array.strides)
            for buffer in (before, after)
        )
        new[...] = old
    assert after.tobytes() == before.tobytes(), f"{case.op}: wrote outside an output"


def run(
    case: Case, layouts: Sequence[str] = ("C",), read_only: bool = False, threads: int = 1
) -> tuple[list[Array | None], list[Array | None]]:
    """Call the engine: the outputs in the op's order, and the inputs as it saw them."""
    cycle = itertools.cycle(layouts)

    def layout(array: int) -> str:
        chosen = next(cycle)
        if array in OPS[case.op].contiguous and chosen not in (*PACKED_LAYOUTS, "zero"):
            return "rows"
        return "C" if chosen == "zero" and array < len(case.outputs) else chosen

    outputs: list[Array | None] = []
    inputs: list[Array | None] = []
    written, kept = [], []
    for i, want in enumerate(case.outputs):
        array = None
        if want is not None:
            array, raw = place(np.empty(*want), layout(i), hide=True)
            written.append((array, raw, raw.copy()))
        outputs.append(array)
    for i, values in enumerate(case.inputs):
        array = None
        if values is not None:
            array, raw = place(values, layout(len(case.outputs) + i))
            if i < case.in_place:
                written.append((array, raw, raw.copy()))
            else:
                kept.append((raw, raw.copy()))
                array.flags.writeable = array.flags.writeable and not read_only
        inputs.append(array)
    seen = [None if x is None else x.copy() for x in inputs]
    engine.call(engine.OPS[case.op], (*outputs, *inputs), case.dims, case.attrs, threads)
    for array, raw, before in written:
        _assert_canaries(case, array, raw, before)
    for raw, before in kept:
        assert raw.tobytes() == before.tobytes(), f"{case.op}: changed an input"
    return [*outputs, *inputs[: case.in_place]], seen


Variants = list[tuple[list[Any], tuple[Any, ...]]]


def check(case: Case, outputs: Sequence[Array | None], inputs: Sequence[Array | None]) -> None:
    """Each output is within its bound of the reference, with nan, inf and zeros where due."""
    compare(case, outputs, expected(case, inputs))


def expected(case: Case, inputs: Sequence[Array | None]) -> Variants:
    """What the reference says, and how far an output may be off.

    A denormal input may count as zero of its sign: the engine runs with denormals flushed. So there
    may be two answers, of which each element is to be near one.
    """
    op, real = OPS[case.op], REALS[case.real]
    wide = [x.astype(real.wide) if _is_real(x, real) else x for x in inputs]
    variants = [wide]
    if case.op != "copy":
        flushed = [_flush(x, real) if _is_real(y, real) else x for x, y in zip(wide, inputs)]
        if any(x is not y for x, y in zip(wide, flushed)):
            variants.append(flushed)
    with np.errstate(all="ignore"):
        return [
            (
                list(_tuple(op.reference(*arguments, **case.keywords))),
                op.bound(real, *arguments, **case.keywords),
            )
            for arguments in variants
        ]


def compare(case: Case, outputs: Sequence[Array | None], variants: Variants) -> None:
    """Each element of the outputs is what one of the variants says."""
    real = REALS[case.real]
    agree = [np.zeros(np.shape(got), bool) for got in outputs]
    for wants, errors in variants:
        assert len(wants) == len(errors) == len(outputs), case.op
        for i, (got, want, err) in enumerate(zip(outputs, wants, errors)):
            if got is not None:
                if engine.LAYOUTS[case.op] == "broadcast":
                    want = wants[i] = np.broadcast_to(want, got.shape)
                assert got.shape == want.shape, f"{case.op}: bad shape of output {i}"
                with np.errstate(all="ignore"):
                    agree[i] |= _agree(case.op, got, want, err, real)
    for i, (got, want, err, good) in enumerate(zip(outputs, *variants[-1], agree)):
        if got is not None and not good.all():
            at = tuple(np.argwhere(~good)[0])
            raise AssertionError(
                f"{case.op} {case.real} output {i}: {np.sum(~good)} of {good.size} wrong, first at "
                f"{at}: got {got[at]!r}, want {want[at]!r} +- {np.broadcast_to(err, got.shape)[at]}"
                f"; dims {case.dims}, {case.keywords}"
            )


def _agree(op: str, got: Array, want: Array, err: Any, real: Real) -> Array:
    if got.dtype.kind != "f":  # hyper is float64 whatever the real type is
        return np.asarray(got == want)
    wide = got.astype(real.wide)
    overflow = np.isinf(got) & (np.sign(wide) == np.sign(want))
    overflow &= np.abs(want) + err >= real.largest
    same = (wide == want) | (np.isnan(got) & np.isnan(want)) | overflow
    same |= np.isfinite(want) & (np.abs(wide - want) <= err)
    if OPS[op].signed_zero:
        same &= (got != 0) | (np.signbit(got) == np.signbit(want))
    return np.asarray(same)


def _is_real(x: Array | None, real: Real) -> bool:
    return x is not None and x.dtype == real.dtype


def _flush(x: Array, real: Real) -> Array:
    denormal = (np.abs(x) < real.tiny) & (x != 0)
    return np.where(denormal, np.copysign(x.dtype.type(0), x), x) if denormal.any() else x


def _tuple(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


def bits(x: Array | None) -> bytes | None:
    """The bits of all elements, in C order."""
    return None if x is None else x.tobytes()

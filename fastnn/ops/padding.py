"""Padding: values put around a tensor, or cut off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._support import check
from fastnn._support.errors import InvalidValueError
from fastnn.ops.axes import place, view_of
from fastnn.ops.elementwise import clone
from fastnn.ops.indexing import index_select
from fastnn.ops.table import TABLE, execute
from fastnn.ops.views import slice_of
from fastnn.ops.write import value_of
from fastnn.tensor import Tensor, of_array

__all__ = ["pad"]

_MODES = ("constant", "reflect", "replicate", "circular")


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """Put values before and after the axes, from the last one on.

    Args:
        pad: (before, after) of the last axis, then of the one before it, ..; negative: cut off.
        mode: "constant" (default); "reflect": mirrored at the first and last element;
            "replicate": those repeated; "circular": from the other end. All but the first pad
            axes of images and the like: at least one axis more than is padded.
        value: of "constant"; default 0.

    Raises:
        ValueError: another mode, more numbers than axes have ends, more cut off than there is, a
            reflection or a turn wider than the axis.

    Example:
        >>> import fastnn
        >>> import fastnn.nn.functional as F
        >>> F.pad(fastnn.tensor([[1.0, 2.0, 3.0]]), (2, 1), "reflect")
        tensor([[3., 2., 1., 2., 3., 2.]])
    """
    if mode not in _MODES:
        raise InvalidValueError(f"mode: expected one of {list(_MODES)}, got {mode!r}")
    ends = [int(n) for n in pad]
    if len(ends) % 2 or len(ends) > 2 * input.ndim:
        raise InvalidValueError(
            f"pad: expected two numbers for each of at most {input.ndim} axes, got {tuple(ends)}"
        )
    if mode != "constant" and value not in (None, 0):
        raise InvalidValueError(f"value: expected None with mode={mode!r}, got {value}")
    if mode != "constant" and len(ends) >= 2 * input.ndim:
        raise InvalidValueError(
            f"pad: expected at least one axis that is not padded with mode={mode!r}, "
            f"got shape {input.shape} and {tuple(ends)}"
        )
    sides = [(input.ndim - 1 - i, *ends[2 * i : 2 * i + 2]) for i in range(len(ends) // 2)]
    for at, before, after in sides:
        n = input.shape[at]
        if before + after + n < 0 or (mode != "constant" and n + before + after < 1):
            raise InvalidValueError(
                f"pad: {before} and {after} leave nothing of the {n} of axis {at}"
            )
        most = n - 1 if mode == "reflect" else n
        if mode in ("reflect", "circular") and max(before, after) > most:
            raise InvalidValueError(
                f"pad: expected at most {most} for axis {at} with mode={mode!r}, got "
                f"{(before, after)}"
            )
    if mode == "constant":
        return _constant(input, sides, 0 if value is None else value)
    for at, before, after in sides:
        if before or after:
            input = index_select(input, at, _sources(input.shape[at], before, after, mode))
    return input if any(before or after for _, before, after in sides) else clone(input)


def _constant(x: Tensor, sides: list[tuple[int, ...]], value: Any) -> Tensor:
    shape, region = list(x.shape), [slice(None)] * x.ndim
    for at, before, after in sides:
        n = x.shape[at]
        first, last = max(-before, 0), n - max(-after, 0)
        x = view_of(x, slice_of(at, min(first, n), max(last, min(first, n))))
        shape[at] = n + before + after
        start = max(before, 0)
        region[at] = slice(start, start + x.shape[at])
    whole = of_array(np.empty(check.elements("pad", tuple(shape)), x.dtype))
    execute(TABLE["copy"], (whole._array,), (value_of(value, x)._array,), (), ())
    return place(whole, x, tuple(region)) if x.ndim else clone(x)


def _sources(n: int, before: int, after: int, mode: str) -> Tensor:
    """Which element comes to each place."""
    at = np.arange(-before, n + after)
    if mode == "replicate":
        at = at.clip(0, n - 1)
    elif mode == "circular":  # what a negative side cuts off does not come back
        rest = n + min(before, 0) + min(after, 0)
        at = max(-before, 0) + np.arange(-max(before, 0), rest + max(after, 0)) % max(rest, 1)
    else:
        at = np.abs(at)
        at = np.where(at >= n, 2 * (n - 1) - at, at)
    return of_array(at.astype(np.int64))

"""Batching rules of ops: one for each value of `Op.batch`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import engine
from fastnn.ops.table import TABLE, Batch, Op, contiguous_array, execute, new_array
from fastnn.transforms.vmap.array import BatchedArray, Unbatchable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    # (op, arrays, which of them have the batch first, attrs, batch size) -> outputs, batch first
    Rule = Callable[[Op, list[Any], list[bool], tuple[int, ...], int], Any]


class _Running(threading.local):
    """The vmap levels that run in this thread, the innermost last."""

    def __init__(self) -> None:
        self.levels: list[int] = []


running: _Running = _Running()


def outermost(arrays: Sequence[Any]) -> int | None:
    """The outermost level among batched arrays: the one to unwrap first."""
    levels = {a.level for a in arrays if type(a) is BatchedArray}
    if len(levels) < 2:
        return levels.pop() if levels else None
    active = running.levels
    return max(levels, key=lambda n: active.index(n) if n in active else -1)


def run(op: Op, arrays: Sequence[Any], attrs: tuple[int, ...]) -> Any:
    """Run an op of one output on plain or batched arrays."""
    level = outermost(arrays)
    if level is None:
        given = [packed(a) if op.packed and a is not None else a for a in arrays]
        specs, dims = op.shape(given, attrs)
        shape, dtype = specs[0]
        out: NDArray[Any] = np.empty(shape, dtype)
        execute(op, (out,), tuple(given), dims, attrs)
        return out
    inside = [type(a) is BatchedArray and a.level == level for a in arrays]
    physical = [a.physical if i else a for a, i in zip(arrays, inside)]
    size = next(p.shape[0] for p, i in zip(physical, inside) if i)
    return BatchedArray(level, RULES[op.batch](op, physical, inside, attrs, size))


def packed(array: Any) -> Any:
    """The array, or a C-contiguous copy."""
    if type(array) is not BatchedArray:
        return contiguous_array(array)
    return array if array.flags.c_contiguous else run(TABLE["copy"], [array], ())


def reshaped(array: Any, shape: tuple[int, ...]) -> Any:
    """Reshape, with a copy where the strides do not allow a view."""
    try:
        return array.reshape(shape, copy=False)
    except ValueError:
        return packed(array).reshape(shape)


def spread(array: Any, size: int) -> Any:
    """A new array that repeats one sample `size` times along a first axis."""
    return run(TABLE["copy"], [np.broadcast_to(array, (size, *array.shape))], ())


def stacked(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Stack arrays of one shape along a new axis."""
    level = outermost(arrays)
    if level is not None:
        size = next(a.physical.shape[0] for a in arrays if type(a) is BatchedArray)
        parts = [
            a.physical if type(a) is BatchedArray and a.level == level else spread(a, size)
            for a in arrays
        ]
        return BatchedArray(level, stacked(parts, axis + 1))
    shape = list(arrays[0].shape)
    out = new_array((*shape[:axis], len(arrays), *shape[axis:]), arrays[0].dtype)
    for i, array in enumerate(arrays):
        execute(TABLE["copy"], (out[(slice(None),) * axis + (i, ...)],), (array,), (), ())
    return out


def _one_by_one(op: Op, arrays: list[Any], inside: list[bool], attrs: Any, size: int) -> Any:
    """Rule "each": a loop over the samples."""
    if size == 0:
        raise Unbatchable(f"vmap: {op.name} of no samples")
    return stacked([
        run(op, [a[i, ...] if b else a for a, b in zip(arrays, inside)], attrs)
        for i in range(size)
    ])  # fmt: skip


def _broadcast(op: Op, arrays: list[Any], inside: list[bool], attrs: Any, size: int) -> Any:
    """Rule "broadcast": axes align from the right, so axes of size 1 go behind the batch axis."""
    rank = max(len(a.shape) - b for a, b in zip(arrays, inside))
    if rank + 1 > engine.MAX_DIMS:
        return _one_by_one(op, arrays, inside, attrs, size)
    aligned = [
        a.reshape((size, *(1,) * (rank + 1 - len(a.shape)), *a.shape[1:]), copy=False) if b else a
        for a, b in zip(arrays, inside)
    ]
    return run(op, aligned, attrs)


def _fold(op: Op, arrays: list[Any], inside: list[bool], attrs: Any, size: int) -> Any:
    """Rule "fold" for (outer, len, inner) and (n, c): the batch joins the first axis."""
    (a,) = arrays
    first, *rest = a.shape[1:]
    y = run(op, [reshaped(a, (size * first, *rest))], attrs)
    return reshaped(y, (size, first, *y.shape[1:]))


def _product(op: Op, arrays: list[Any], inside: list[bool], attrs: Any, size: int) -> Any:
    """Rule "product": if one matrix has no batch, the other's batch joins its rows or columns. Else
    outer products of a column and a row, or a loop over the samples."""
    a, b, bias, _ = arrays  # the last, and activations, are of programs alone
    if inside[0] and not inside[1]:
        m, k = a.shape[1:]
        late = bias if inside[2] else None
        y = run(op, [reshaped(a, (size * m, k)), b, None if inside[2] else bias, None], attrs)
        y, bias = reshaped(y, (size, m, y.shape[1])), late
    elif inside[1] and not inside[0]:
        k, n = b.shape[1:]
        y = run(op, [a, reshaped(b.transpose((1, 0, 2)), (k, size * n)), None, None], attrs)
        y = reshaped(y, (y.shape[0], size, n)).transpose((1, 0, 2))
    elif inside[0] and a.shape[2] == 1:
        y = run(TABLE["mul"], [a, b], ())
    elif inside[0]:
        given = [a, b, None, None]
        y = _one_by_one(op, given, [True, True, False, False], attrs, size)
    else:  # only the bias
        y, bias = run(op, [a, b, None, None], attrs), reshaped(bias, (size, 1, bias.shape[1]))
        return run(TABLE["add"], [y, bias], ())
    if bias is None:
        return y
    return run(TABLE["add"], [y, reshaped(bias, (size, 1, -1)) if inside[2] else bias], ())


def _gather(op: Op, arrays: list[Any], inside: list[bool], attrs: Any, size: int) -> Any:
    """Rule "gather": with one shared index the batch joins the columns; with one shared matrix it
    joins the index."""
    x, index = arrays
    if inside[0] and inside[1]:
        return _one_by_one(op, arrays, inside, attrs, size)
    if inside[1]:
        y = run(op, [x, reshaped(index, (size * index.shape[1],))], attrs)
        return reshaped(y, (size, index.shape[1], *y.shape[1:]))
    axes = tuple(range(2, len(x.shape)))
    y = run(op, [x.transpose((1, 0, *axes)), index], attrs)
    return y.transpose((1, 0, *axes))


def _scatter(op: Op, arrays: list[Any], inside: list[bool], attrs: Any, size: int) -> Any:
    dy, index = arrays
    if inside[1]:
        return _one_by_one(op, arrays, inside, attrs, size)
    n, c = dy.shape[1:]
    y = run(op, [reshaped(dy.transpose((1, 0, 2)), (n, size * c)), index], attrs)
    return reshaped(y, (y.shape[0], size, c)).transpose((1, 0, 2))


RULES: dict[Batch, Rule] = {
    "broadcast": _broadcast,
    "fold": _fold,
    "product": _product,
    "gather": _gather,
    "scatter": _scatter,
    "each": _one_by_one,
}


def batched_call(function: Callable[..., Any], arrays: Sequence[Any]) -> tuple[Any, ...]:
    """Call a function of arrays, which takes leading axes for batches, on some batched ones."""
    level = outermost(arrays)
    if level is None:
        whole: tuple[Any, ...] = function(*arrays)
        return whole
    inside = [type(a) is BatchedArray and a.level == level for a in arrays]
    size = next(a.physical.shape[0] for a, i in zip(arrays, inside) if i)
    given = [a.physical if i else spread(a, size) for a, i in zip(arrays, inside)]
    return tuple(BatchedArray(level, y) for y in batched_call(function, given))


def batched_loss(op: Op, z: Any, y: Any, *, rows: bool) -> tuple[Any, Any]:
    """The loss per row (or element) and its gradient: the batch joins the rows."""
    level = outermost([z, y])
    if level is None:
        z, y = packed(z), packed(y)
        loss, dz = np.empty(z.shape[:1] if rows else z.shape, z.dtype), np.empty(z.shape, z.dtype)
        dims = z.shape if rows else (z.size,)
        execute(op, (loss, dz), (z, y), dims, (engine.REDUCTIONS["none"],))
        return loss, dz
    size = next(a.physical.shape[0] for a in (z, y) if type(a) is BatchedArray and a.level == level)
    parts = [
        a.physical if type(a) is BatchedArray and a.level == level
        else np.broadcast_to(a, (size, *a.shape))
        for a in (z, y)
    ]  # fmt: skip
    shape = parts[0].shape
    if rows:
        n = shape[1]
        parts = [reshaped(p, (size * n, *p.shape[2:])) for p in parts]
    loss, dz = batched_loss(op, *parts, rows=rows)
    each = (size, shape[1]) if rows else shape
    return (
        BatchedArray(level, reshaped(loss, tuple(each))),
        BatchedArray(level, reshaped(dz, tuple(shape))),
    )


def batched_place(whole: Any, part: Any, index: tuple[Any, ...]) -> Any:
    """A copy of `whole` with `part` written at the index."""
    level = outermost([whole, part])
    if level is None:
        out = run(TABLE["copy"], [whole], ())
        at = index if Ellipsis in index else (*index, ...)
        execute(TABLE["copy"], (out[at],), (part,), (), ())
        return out
    size = next(a.physical.shape[0] for a in (whole, part) if type(a) is BatchedArray)
    both = [
        a.physical if type(a) is BatchedArray and a.level == level
        else np.broadcast_to(a, (size, *a.shape))
        for a in (whole, part)
    ]  # fmt: skip
    return BatchedArray(level, batched_place(both[0], both[1], (slice(None), *index)))

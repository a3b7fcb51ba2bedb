"""Normalisation ops: the value with the moments that its gradient needs, and the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.ops.axes import mean, sum, view_of
from fastnn.ops.elementwise import add, div, mul, sqrt, square, sub
from fastnn.ops.promote import same_real
from fastnn.ops.random import bits_of
from fastnn.ops.table import TABLE, Op, contiguous_array, execute, row
from fastnn.tape import batch, listener, versions
from fastnn.tape.modes import is_grad_enabled
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, wrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Parameters = tuple[Tensor | None, Tensor | None]  # gain and shift


def _no_shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    raise NotImplementedError("an op of two outputs")


def _packed(x: Tensor | None) -> NDArray[Any] | None:
    return None if x is None else contiguous_array(x._array)


def _scaled(x: Tensor, gain: Tensor | None, shift: Tensor | None) -> Tensor:
    y = x if gain is None else mul(x, gain)
    return y if shift is None else add(y, shift)


# As expressions of ops: within vmap, and for higher derivatives


def _moments(x: Tensor, dim: int, centred: bool, eps: float) -> tuple[Tensor, Tensor]:
    """Normalised values (x - m) r and r = 1 / std along an axis of a matrix."""
    d = sub(x, mean(x, dim, True)) if centred else x
    r = div(1.0, sqrt(add(mean(square(d), dim, True), eps)))
    return mul(d, r), r


def _gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """The gradient, written in differentiable ops."""
    x, gain, _ = node.inputs or ()
    assert x is not None
    _, dim, centred, eps = node.attrs
    h, r = _moments(x, dim, centred, eps)
    e = dy if gain is None else mul(dy, gain)
    rest = sub(e, mul(h, mean(mul(e, h), dim, True)))
    if centred:
        rest = sub(rest, mean(e, dim, True))
    return (
        mul(rest, r) if node.needs(0) else None,
        sum(mul(dy, h), 0) if node.needs(1) else None,
        sum(dy, 0) if node.needs(2) else None,
    )


def _rule(node: Node, dy: Tensor, _: Tensor | None) -> Sequence[Tensor | None]:
    """The gradient rule: the gradient op, or expressions where the gradient is itself recorded."""
    if is_grad_enabled() or batch.batched(dy, *(node.inputs or ())):
        return _gradient(node, dy)
    op, dim, centred, _ = node.attrs
    inputs = node.inputs or ()
    x, gain, stats = _packed(inputs[0]), _packed(inputs[1]), node.outputs[1]
    assert x is not None
    dx, dp = np.empty(x.shape, x.dtype), np.empty((2, x.shape[1]), x.dtype)
    attrs = (int(centred),) if dim else ()
    execute(op, (dx, dp), (_packed(dy), x, stats, gain), x.shape, attrs)
    return wrap(dx), view_of(wrap(dp), 0), view_of(wrap(dp), 1)


def _rows(name: str) -> tuple[Op, Op]:
    rule: Any = _rule
    return row(name, _no_shape, rule), row(f"{name}_grad", _no_shape)


_batch_norm = _rows("batch_norm")
_layer_norm = _rows("layer_norm")


def _run(
    rows: tuple[Op, Op], x: Tensor, parameters: Parameters, dim: int, centred: bool, eps: float
) -> tuple[Tensor, NDArray[Any]]:
    """Run a normalisation op: its output, on the tape, and its moments."""
    op, backward = rows
    gain, shift = parameters
    same_real(op.name, *(None if t is None else t._array for t in (x, gain, shift)))
    xa = _packed(x)
    assert xa is not None
    n, c = xa.shape
    out, stats = np.empty(xa.shape, xa.dtype), np.empty((n, 2) if dim else (3, c), xa.dtype)
    attrs = (bits_of(eps), int(centred)) if dim else (bits_of(eps),)
    execute(op, (out, stats), (xa, _packed(gain), _packed(shift)), xa.shape, attrs)
    y = wrap(out)
    recorder = listener.active
    if recorder is not None:
        recorder.uses((x, gain, shift))
    if is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, gain, shift)):
        assert op.gradient is not None
        note = (backward, dim, centred, eps)
        y._node = Node(op.gradient, (x, gain, shift), (out, stats), note)
        y.requires_grad = True
    return y, stats


def layer_norm(
    x: Tensor,
    gain: Tensor | None = None,
    shift: Tensor | None = None,
    eps: float = 1e-5,
    centred: bool = True,
) -> Tensor:
    """(x - m) / sqrt(v + eps) * gain + shift along each row of x (n, c).

    centred: m and v are the row's mean and variance; False: 0 and the mean square (RMSNorm).
    """
    if batch.batched(x, gain, shift):
        return _scaled(_moments(x, 1, centred, eps)[0], gain, shift)
    return _run(_layer_norm, x, (gain, shift), 1, centred, eps)[0]


Running = tuple[Tensor, Tensor, Tensor, float]  # mean, variance, count, momentum


def batch_norm(
    x: Tensor,
    gain: Tensor | None = None,
    shift: Tensor | None = None,
    eps: float = 1e-5,
    running: Running | None = None,
) -> Tensor:
    """(x - m) / sqrt(v + eps) * gain + shift by the mean and variance of each column of x (n, c).

    running: averages of m and of the unbiased v to bring up to date, in place: mean (c),
        variance (c), int64 count (1), and the weight of the new values; nan: 1 / count.
    """
    if batch.batched(x, gain, shift):
        if running is not None:
            raise RuntimeError("vmap: running statistics cannot be changed for each sample")
        return _scaled(_moments(x, 0, True, eps)[0], gain, shift)
    y, stats = _run(_batch_norm, x, (gain, shift), 0, True, eps)
    if running is not None:
        _keep(running, stats, x._array.shape)
    return y


def _keep(running: Running, stats: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Update the running moments."""
    *averages, momentum = running
    arrays = tuple(t._array for t in averages)
    same_real("batch_norm", stats, *arrays[:2])
    for array in arrays:
        if listener.active is not None:
            listener.active.writes(array)
    packed = tuple(contiguous_array(array) for array in arrays)
    execute(_running_moments_step, packed, (stats,), shape[::-1], (bits_of(momentum),))
    for array, new in zip(arrays, packed, strict=True):
        if new is not array:
            execute(TABLE["copy"], (array,), (new,), (), ())
        versions.wrote(array, "batch_norm")


_running_moments_step = row("running_moments_step", lambda arrays, attrs: ([], (arrays[0].size,)))

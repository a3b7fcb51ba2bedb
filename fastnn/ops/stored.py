"""Ops on the types that have no kernels: cast to one that has, run there, and rounded back.

The tape does not see it: a node keeps tensors of the types that were given. A recorder hears of the
casts as of any op.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import tape
from fastnn._support.dtypes import CODES, STORED, wide
from fastnn.ops.table import TABLE, execute

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.ops.table import Op

    Arrays = tuple[NDArray[Any] | None, ...]


def widened(
    op: Op, outputs: Arrays, inputs: Arrays, dims: tuple[int, ...], attrs: tuple[int, ...]
) -> None:
    """Run an op on arrays of which some have no kernels."""
    if op.name == "copy":
        _cast(outputs[0], inputs[0])
        return
    results = tuple(_room(a) for a in outputs)
    for i in range(op.in_place):
        if results[i] is not outputs[i]:
            _cast(results[i], outputs[i])
    execute(op, results, tuple(_wide(a) for a in inputs), dims, attrs)
    for result, out in zip(results, outputs, strict=True):
        if result is not out:
            _cast(out, result)


def _cast(out: NDArray[Any] | None, x: NDArray[Any] | None) -> None:
    assert out is not None and x is not None
    execute(TABLE["cast"], (out,), (x,), (), (CODES[out.dtype], CODES[x.dtype]))


def _room(out: NDArray[Any] | None) -> NDArray[Any] | None:
    """The array, or one of its shape in the type that is computed in."""
    if out is None or out.dtype not in STORED:
        return out
    return np.empty(out.shape, wide(out.dtype))


def _wide(x: NDArray[Any] | None) -> NDArray[Any] | None:
    """The array in the type that is computed in; what is broadcast stays so."""
    if x is None or x.dtype not in STORED:
        return x
    kept = (slice(1) if step == 0 else slice(None) for step in x.strides)
    own = x[(*kept, ...)]  # the dots: a number without axes would be copied, unseen by a recorder
    out = np.empty(own.shape, wide(x.dtype))
    _cast(out, own)
    return out if own.shape == x.shape else np.broadcast_to(out, x.shape)


tape.bind(widened=widened)

"""How functions of NumPy's LAPACK come on the tape.

They have no row in the table: NumPy computes them, for all matrices of a batch at once. So a
program cannot hold them, and recording one raises. Their gradient rules are written in ops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core.tape import grad_enabled
from fastnn._support import pieces
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.tape import batch, listener
from fastnn.tape.node import GradientRule, Node
from fastnn.tensor import Tensor, float32, float64, wrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = tuple[NDArray[Any], ...]


class LinAlgError(RuntimeError):
    """A matrix that a decomposition or a solver cannot take: a singular one, say."""


def run(
    name: str,
    function: Callable[..., Any],
    inputs: tuple[Tensor, ...],
    rule: GradientRule | None = None,
    note: tuple[Any, ...] = (),
    why: str = "matrices were given to LAPACK",
) -> tuple[Tensor, ...]:
    """The results of a function of arrays, on the tape if it has a gradient rule.

    function: arrays of the inputs -> one array, or a tuple of them; leading axes are batches.
    why: what a program cannot hold, for its error.
    rule: (node, *gradients by the outputs, each a tensor or None) -> gradients by the inputs.

    Raises:
        RecordingError: within a function that is compiled.
        LinAlgError: what NumPy raises of that kind.
    """
    listener.refuse(f"{why} ({name})")
    listener.read(tuple(x._array for x in inputs))
    arrays = _computed(name, function, [x._array for x in inputs])
    if rule is None or not grad_enabled() or not any(x.requires_grad for x in inputs):
        return tuple(wrap(a) for a in arrays)
    node = Node(rule, inputs, arrays, note)
    made = []
    for i, array in enumerate(arrays):
        y = wrap(array)
        if array.dtype.kind == "f":
            y._node, y._index, y.requires_grad = node, i, True
        made.append(y)
    return tuple(made)


def _computed(name: str, function: Callable[..., Any], arrays: list[Any]) -> Arrays:
    if batch.rules is not None and any(isinstance(a, batch.Batch) for a in arrays):
        found: Arrays = batch.rules.each(lambda *a: _computed(name, function, list(a)), arrays)
        return found
    try:
        with np.errstate(all="ignore"):
            return _by_blocks(function, arrays)
    except np.linalg.LinAlgError as error:
        raise LinAlgError(f"{name}: {error}") from None


def _by_blocks(function: Callable[..., Any], arrays: list[Any]) -> Arrays:
    """The results for one block of a batch after the other, so that Ctrl-C comes between two."""
    step = pieces.PIECE // max(sum(a[:1].size for a in arrays if a.ndim), 1)
    same = len({(a.ndim, a.shape[:1]) for a in arrays}) == 1 and arrays[0].ndim > 2
    starts = range(0, len(arrays[0]), max(step, 1)) if same else ()
    if len(starts) < 2:
        result = function(*arrays)
        results = result if isinstance(result, tuple) else (result,)
        return tuple(np.asarray(r) for r in results)
    blocks = [_by_blocks(function, [a[i : i + starts.step] for a in arrays]) for i in starts]
    return tuple(np.concatenate(parts) for parts in zip(*blocks, strict=True))


def real_matrices(name: str, *tensors: Tensor, square: bool = False) -> None:
    """Check that these are matrices, or batches of them, of one floating-point dtype.

    Raises:
        TypeError: another dtype. ValueError: fewer than two axes, or not square.
    """
    for x in tensors:
        if not isinstance(x, Tensor):
            raise InvalidTypeError(f"{name}: expected a tensor, got {type(x).__name__}")
        if x.ndim < 2:
            raise InvalidValueError(f"{name}: expected a matrix or matrices, got shape {x.shape}")
        if x.dtype not in (float32, float64):
            raise InvalidTypeError(
                f"{name}: expected float32 or float64, got {x.dtype}; use .float()"
            )
        if square and x.shape[-1] != x.shape[-2]:
            raise InvalidValueError(f"{name}: expected square matrices, got shape {x.shape}")
    if len({x.dtype for x in tensors}) > 1:
        names = " and ".join(str(x.dtype) for x in tensors)
        raise InvalidTypeError(f"{name}: expected tensors of one dtype, got {names}")

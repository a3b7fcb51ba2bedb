"""Integrated gradients: how much each feature of a row adds to an output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import autograd
from fastnn._support import check, maps
from fastnn._support.columns import in_order
from fastnn.explain.inputs import a_module, leaf_for, outputs_of
from fastnn.nn import Module
from fastnn.nn.modes import training_mode
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BLOCK = 1024  # rows whose gradients are computed at once


def integrated_gradients(
    model: Module,
    x: ArrayLike,
    baseline: ArrayLike | None = None,
    output: int | ArrayLike = 0,
    *,
    steps: int = 32,
) -> NDArray[np.float64]:
    """How much each feature of a row adds to an output, compared with a baseline.

    a_ij = (x_ij - b_j) integral_0^1 d model(b + t (x_i - b))_output / d x_ij dt

    The integral is a mean over the midpoints of `steps` equal parts. The attributions of a row add
    up to model(x_i) - model(b), up to the error of that mean.

    Args:
        model: maps each row to an output row, independently of other rows; runs in evaluation mode.
        x: (rows, features).
        baseline: (features,), what counts as no information; default: the mean of several rows x.
        output: the column of the output, or one for each row; ignored if the output has one axis.
        steps: default 32.

    Returns:
        (rows, features).

    Raises:
        TypeError, ValueError: model is not a module, a column that does not exist, shapes that do
            not fit, a single row without a baseline.

    Source: Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks".

    Example:
        >>> import fastnn
        >>> from fastnn import explain, nn
        >>> net = nn.Linear(2, 1, bias=False)
        >>> _ = net.weight.detach().copy_(fastnn.tensor([[2.0, -1.0]]))
        >>> explain.integrated_gradients(net, [[1.0, 1.0], [0.0, 5.0]], [0.0, 0.0]).tolist()
        [[2.0, -1.0], [0.0, -5.0]]
    """
    a_module(model)
    steps, x = check.integer("steps", steps, 1), in_order(model, x)
    maps.refuse_closed(x, "x")
    maps.refuse_closed(baseline, "baseline")
    rows = np.asarray(leaf_for(model, x if isinstance(x, Tensor) else np.asarray(x, float))._array)
    if rows.ndim != 2:
        raise ValueError(f"x: expected shape (rows, features), got {rows.shape}")
    if baseline is None and len(rows) == 1:
        raise ValueError("baseline: expected one for a single row, such as the mean of other rows")
    base = rows.mean(axis=0, dtype=np.float64) if baseline is None else np.asarray(baseline, float)
    if base.shape != rows.shape[1:]:
        raise ValueError(f"baseline: expected shape {rows.shape[1:]}, got {base.shape}")
    chosen = np.broadcast_to(np.asarray(output, np.int64), (len(rows),))
    found = np.zeros(rows.shape)
    with training_mode(model, False), autograd.enable_grad():
        for begin in range(0, len(rows), BLOCK):
            part = slice(begin, begin + BLOCK)
            far = rows[part] - base
            for step in range(steps):
                at = np.asarray(base + (step + 0.5) / steps * far, rows.dtype)
                found[part] += _gradients(model, at, chosen[part])
            found[part] *= far / steps
    return found


def _gradients(model: Module, x: NDArray[Any], output: NDArray[np.int64]) -> NDArray[Any]:
    leaf = of_array(x).requires_grad_()
    y = outputs_of(model, leaf)
    if y.ndim > 1:
        columns = y.shape[-1]
        if int(output.min()) < 0 or int(output.max()) >= columns:
            raise ValueError(f"output: expected 0..{columns - 1}, got {int(output.max())}")
        mask = (output[:, None] == np.arange(columns)).astype(x.dtype)
        y = y * of_array(mask.reshape(len(x), *(1,) * (y.ndim - 2), columns))
    (gradient,) = autograd.grad(y.sum(), leaf, materialize_grads=True)
    assert gradient is not None
    return gradient.numpy()

"""The Jacobian of residuals by parameters, in time linear in the number of residuals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import autograd
from fastnn.tensor import Tensor, of_array

Array = npt.NDArray[Any]

ELEMENTS = 1 << 18  # of the vectors that go through the tape side by side


def jacobian_of(residuals: Tensor, params: Sequence[Tensor]) -> Array:
    """J[i, j] = d residuals[i] / d params[j], float64, the parameters one after the other.

    A row is one way back through the tape, a column one way forward: the fewer of them are taken.
    Either way costs residuals x parameters, so J costs no more than J'J with few parameters.
    """
    by_rows = residuals.numel() <= sum(p.numel() for p in params)
    return (_by_rows if by_rows else _by_columns)(residuals, params)


def _by_rows(residuals: Tensor, params: Sequence[Tensor]) -> Array:
    m = residuals.numel()
    rows = autograd.grad(
        residuals,
        list(params),
        of_array(np.eye(m, dtype=residuals.dtype)),
        is_grads_batched=True,
        allow_unused=True,
    )
    parts = [
        np.zeros((m, p.numel())) if row is None else row._array.reshape(m, -1)
        for p, row in zip(params, rows, strict=True)
    ]
    return np.concatenate(parts, axis=1, dtype=np.float64)


def _by_columns(residuals: Tensor, params: Sequence[Tensor]) -> Array:
    """J t for each unit vector t. J'v is linear in v, and its gradient by v with J'v weighted by t
    is J t."""
    m = residuals.numel()
    v = of_array(np.zeros(m, residuals.dtype), requires_grad=True)
    back = autograd.grad(residuals, list(params), v, create_graph=True, allow_unused=True)
    found = np.zeros((sum(p.numel() for p in params), m))
    begin = 0
    for p, of_p in zip(params, back, strict=True):
        if of_p is not None and of_p.requires_grad:
            units = np.eye(p.numel(), dtype=of_p.dtype).reshape(-1, *p.shape)
            step = max(ELEMENTS // m, 1)
            for first in range(0, p.numel(), step):
                (columns,) = autograd.grad(
                    of_p,
                    v,
                    of_array(units[first : first + step]),
                    is_grads_batched=True,
                    retain_graph=True,
                )
                assert columns is not None
                found[begin + first : begin + first + len(columns)] = columns._array
        begin += p.numel()
    return found.T

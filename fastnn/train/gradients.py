"""Gradients from before a fit, which leaves them as they were where it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fastnn.nn import Module


class Gradients:
    """The gradients of all parameters of a model and its optimizer, and their values."""

    def __init__(self, model: Module, optimizer: Any) -> None:
        leaves = [*model.parameters(), *(p for g in optimizer.param_groups for p in g["params"])]
        self._kept = [
            (p, p.grad, None if p.grad is None else p.grad._array.copy())
            for p in {id(p): p for p in leaves}.values()
        ]

    def put_back(self) -> None:
        """Give the parameters these gradients again."""
        for p, grad, values in self._kept:
            p.grad = grad
            if grad is not None and values is not None:
                np.copyto(grad._array, values)

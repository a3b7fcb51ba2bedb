"""Tensor's methods that go back on the tape."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.backward.backward import backward as _backward
from fastnn.backward.hooks import register_hook, retain_grad
from fastnn.tensor import Tensor
from fastnn.tensor.attach import methods


def backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add d(self)/d(leaf) to `grad` of every leaf that requires it.

    Args:
        gradient: the gradient by this tensor; needed unless it has one element (then 1).
        retain_graph: keep the tape for another backward; defaults to `create_graph`.
        create_graph: record the backward pass too, for gradients of gradients.
        inputs: only these get a gradient, and they may be no leaves.
    """
    _backward(self, gradient, retain_graph, create_graph, inputs)


METHODS = methods(backward, register_hook, retain_grad)

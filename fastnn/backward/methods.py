"""The Tensor methods `backward`, `register_hook` and others of the backward pass."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.backward.backward import backward as _backward
from fastnn.backward.hooks import (
    register_hook,
    register_post_accumulate_grad_hook,
    retain_grad,
    retains_grad,
)
from fastnn.tensor import Tensor
from fastnn.tensor.attach import methods


def backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Accumulate d(self)/d(leaf) into `grad` of every leaf that requires grad.

    Args:
        gradient: the gradient with respect to this tensor; required unless it has one element
            (default 1).
        retain_graph: keep the tape for another backward; defaults to `create_graph`.
        create_graph: record the backward pass too, for higher derivatives.
        inputs: accumulate only into these tensors, which need not be leaves.
    """
    _backward(self, gradient, retain_graph, create_graph, inputs)


def _output_nr(self: Tensor) -> int:
    """Which output of the operation that made it the tensor is; 0 for a leaf."""
    return 0 if self._node is None else self._index


METHODS = methods(
    backward, register_hook, register_post_accumulate_grad_hook, retain_grad,
    output_nr=property(_output_nr), retains_grad=property(retains_grad),
)  # fmt: skip

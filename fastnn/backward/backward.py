"""`backward` and `zero_grad`: accumulate gradients in leaves, and clear them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import ops
from fastnn._core import engine
from fastnn._core.backward import hand_over, place_of, propagate
from fastnn._core.tape import owner, wrap
from fastnn._support import dtypes, forks
from fastnn._support.errors import InvalidValueError
from fastnn.backward import anomaly, hooks
from fastnn.tape.listener import computes
from fastnn.tape.modes import set_grad_enabled
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


_adding = forks.lock()  # one backward pass at a time adds to the gradients of leaves


def _seed(y: Tensor, gradient: Tensor | None) -> Tensor:
    if not y.requires_grad:
        raise RuntimeError(
            "backward: this tensor does not require grad: nothing it was computed from does, it "
            "was computed under no_grad, or a compiled function gave it, which has to hold the "
            "backward pass itself"
        )
    if gradient is None:
        if y.numel() != 1:
            raise RuntimeError(
                f"gradient: expected one, since the tensor has shape {y.shape}; only a tensor of "
                "one element starts from 1"
            )
        gradient = wrap(_ones(y._array))
        gradient._unit = True
    elif gradient.shape != y.shape or gradient.dtype != y.dtype:
        raise InvalidValueError(
            f"gradient: expected shape {y.shape} and dtype {y.dtype}, got {gradient.shape} and "
            f"{gradient.dtype}"
        )
    return gradient


def _ones(array: NDArray[Any]) -> NDArray[Any]:
    """1 for each element of an array."""
    if array.dtype == dtypes.BRAIN:
        return dtypes.filled(array.shape, 1, array.dtype)
    ones = np.empty(array.shape, array.dtype)
    ones.fill(1)
    return ones


@computes("backward")
def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Accumulate the gradient of the sum of the tensors into `grad` of every leaf requiring grad.

    Args:
        tensors: one, or several.
        grad_tensors: the gradient with respect to each; None for tensors of one element.
        retain_graph, create_graph, inputs: see `Tensor.backward`.
    """
    roots = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if grad_tensors is None or isinstance(grad_tensors, Tensor):
        grad_tensors = [grad_tensors] * len(roots)
    seeds = [_seed(y, gradient) for y, gradient in zip(roots, grad_tensors, strict=True)]
    keep = create_graph if retain_graph is None else retain_graph
    check = anomaly.checker()
    if inputs is None:
        left = list(propagate(roots, seeds, None, create_graph, keep, -1, check).values())
    else:
        wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        if not wanted:
            raise RuntimeError("inputs: expected at least one tensor")
        places = {place_of(x): x for x in wanted}
        by_place = propagate(roots, seeds, set(places), create_graph, keep, -1, check)
        left = [(x, by_place[place]) for place, x in places.items() if place in by_place]
    leaves = [leaf for leaf, _ in left] if hooks.accumulated else ()
    taken = {id(owner(seed._array)) for seed in seeds}
    with _adding:
        if not create_graph and engine.recorder() is None:
            left = hand_over(left, taken)
        for leaf, found in left:
            _accumulate(leaf, found, create_graph, taken)
    hooks.after_accumulation(leaves)


def _accumulate(leaf: Tensor, found: Tensor, create_graph: bool, taken: set[int]) -> None:
    """leaf.grad += found; a first gradient is set in memory that no other gradient shares."""
    recorder = engine.recorder()
    with set_grad_enabled(create_graph):
        if leaf.grad is not None:
            if create_graph:
                leaf.grad = ops.add(leaf.grad, found)
            else:
                if recorder is not None:
                    recorder.reads_grad(leaf)
                ops.add_(leaf.grad, found)
            return
        shared = id(owner(found._array)) in taken or 0 in found._array.strides
        if not create_graph and shared:
            found = ops.copy(found)
        taken.add(id(owner(found._array)))
        if recorder is not None:
            recorder.sets_grad(leaf)
        leaf.grad = found if create_graph else found.detach()


def zero_grad(leaf: Tensor, set_to_none: bool = True) -> None:
    """Clear the gradient of a leaf: set it to None or to zeros."""
    recorder = engine.recorder()
    if set_to_none:
        leaf.grad = None
        if recorder is not None:
            recorder.clears_grad(leaf)
        return
    if recorder is not None:
        recorder.reads_grad(leaf)
    if leaf.grad is not None:
        leaf.grad.zero_()

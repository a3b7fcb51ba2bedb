"""The tape: nodes and the backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._core import engine
from fastnn._core.tape import Flow, hand_over, last_write, owner, set_grad_enabled as set_mode, wrap
from fastnn.backward import anomaly, hooks
from fastnn.tape import versions
from fastnn.tape.listener import computes
from fastnn.tape.modes import set_grad_enabled
from fastnn.tensor import Tensor


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
        ones = np.empty(y.shape, y.dtype)
        ones.fill(1)
        gradient = wrap(ones)
        gradient._unit = True
    elif gradient.shape != y.shape or gradient.dtype != y.dtype:
        raise ValueError(
            f"gradient: expected shape {y.shape} and dtype {y.dtype}, got {gradient.shape} and "
            f"{gradient.dtype}"
        )
    return gradient


def _add(a: Tensor, b: Tensor) -> Tensor:
    return ops.add(a, b)


def _propagate(
    roots: Sequence[Tensor], seeds: Sequence[Tensor], create_graph: bool, keep: bool
) -> dict[int, tuple[Tensor, Tensor]]:
    """id of each leaf that requires grad -> (the leaf, its gradient)."""
    flow = Flow(_add, last_write(), versions.checked, versions.check_view)
    before = set_mode(create_graph)
    try:
        if hooks.live or anomaly.is_anomaly_enabled():
            from fastnn.backward.flow import flow as slow  # the same, with more to look at

            return slow(roots, seeds, None, create_graph, keep)  # type: ignore[return-value]
        for y, seed in zip(roots, seeds, strict=True):
            if y.requires_grad:
                flow.send(y, seed)
        flow.run(keep)
    finally:
        set_mode(before)
    leaves: dict[int, tuple[Tensor, Tensor]] = flow.leaves
    return leaves


def _arriving(
    roots: Sequence[Tensor],
    seeds: Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    create_graph: bool,
    keep: bool,
) -> dict[Any, tuple[Tensor, Tensor]]:
    """place -> (the tensor, its gradient) for these inputs."""
    from fastnn.backward.flow import flow

    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if not wanted:
        raise RuntimeError("inputs: expected at least one tensor")
    places = {hooks.key(x): x for x in wanted}
    found = flow(roots, seeds, set(places), create_graph, keep)
    return {place: (x, found[place][1]) for place, x in places.items() if place in found}


@computes("backward")
def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradient of the sum of the tensors to `grad` of every leaf that requires it.

    Args:
        tensors: one, or several.
        grad_tensors: the gradient by each; None for those of one element.
        retain_graph, create_graph, inputs: see `Tensor.backward`.
    """
    roots = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if grad_tensors is None or isinstance(grad_tensors, Tensor):
        grad_tensors = [grad_tensors] * len(roots)
    seeds = [_seed(y, gradient) for y, gradient in zip(roots, grad_tensors, strict=True)]
    keep = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        leaves: dict[Any, tuple[Tensor, Tensor]] = _propagate(roots, seeds, create_graph, keep)
    else:
        leaves = _arriving(roots, seeds, inputs, create_graph, keep)
    taken = {id(owner(seed._array)) for seed in seeds}
    left = list(leaves.values())
    if not create_graph and engine.recorder() is None:
        left = hand_over(left, taken)
    for leaf, found in left:
        _accumulate(leaf, found, create_graph, taken)


def _accumulate(leaf: Tensor, found: Tensor, create_graph: bool, taken: set[int]) -> None:
    """leaf.grad += found, or = found in memory of its own, which no other gradient shares."""
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
    """Drop the gradient of a leaf, or fill it with zeros."""
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


@computes("backward")
def gradients(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor] | None = None,
    create_graph: bool = False,
) -> list[Tensor]:
    """The gradients of sum(cotangent * output) by each input; zeros where nothing depends on it."""
    if cotangents is None:
        cotangents = [Tensor(np.ones(y.shape, y.dtype)) for y in outputs]
        for seed in cotangents:
            seed._unit = seed.numel() == 1
    leaves = _propagate(outputs, cotangents, create_graph, create_graph)
    found = []
    taken = {id(owner(seed._array)) for seed in cotangents}
    for x in inputs:
        pair = leaves.get(id(x))
        if pair is None:
            found.append(Tensor(np.zeros(x.shape, x.dtype)))
        else:  # memory of its own: a view of a broadcast or of another gradient is copied
            own = ops.own(pair[1])
            if id(owner(own._array)) in taken:
                with set_grad_enabled(create_graph):
                    own = ops.copy(own)
            taken.add(id(owner(own._array)))
            found.append(own)
    return found

"""The tape: nodes and the backward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ContextDecorator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fastnn.autograd import hooks, versions
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

_enabled = True


def is_grad_enabled() -> bool:
    """Whether operations are recorded on the tape."""
    return _enabled


class set_grad_enabled(ContextDecorator):
    """Within it, operations are recorded on the tape, or not."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        global _enabled
        self.before, _enabled = _enabled, self.mode

    def __exit__(self, *_: object) -> None:
        global _enabled
        _enabled = self.before


class no_grad(set_grad_enabled):
    """Within it nothing is recorded on the tape; also a decorator.

    Example:
        >>> import fastnn
        >>> w = fastnn.ones(2, requires_grad=True)
        >>> with fastnn.no_grad():
        ...     (w * 2).requires_grad
        False
    """

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(set_grad_enabled):
    """Within it operations are recorded on the tape, also inside `no_grad`; also a decorator."""

    def __init__(self) -> None:
        super().__init__(True)


class GradientRule(Protocol):
    """Gradients by each input of a node (None: none), given those by its outputs, in ops."""

    def __call__(self, node: Node, *cotangents: Any) -> Sequence[Tensor | None]: ...


class Node:
    """One op on the tape: what went in, what came out, how to go back."""

    __slots__ = ("attrs", "inputs", "order", "outputs", "rule")

    _count = 0

    def __init__(
        self,
        rule: GradientRule,
        inputs: tuple[Tensor | None, ...],
        outputs: tuple[NDArray[Any] | None, ...],
        attrs: tuple[Any, ...],
    ) -> None:
        self.rule = rule
        self.inputs: tuple[Tensor | None, ...] | None = inputs
        self.outputs = outputs  # arrays, not tensors: a tensor would point back here
        self.attrs = attrs
        Node._count += 1
        self.order = Node._count

    def input(self, i: int) -> Tensor:
        """An input that is known to be a tensor."""
        x = self.inputs[i] if self.inputs is not None else None
        assert x is not None
        return x

    def output(self, i: int = 0) -> Tensor:
        """An output as a tensor on the tape."""
        array = self.outputs[i]
        assert array is not None
        y = Tensor(array)
        y._node, y._index, y.requires_grad = self, i, True
        return y

    def needs(self, i: int) -> bool:
        """Whether a gradient by input `i` is wanted."""
        x = self.inputs[i] if self.inputs is not None else None
        return x is not None and x.requires_grad


def node_count() -> int:
    """How many nodes have been made."""
    return Node._count


def _seed(y: Tensor, gradient: Tensor | None) -> Tensor:
    if not y.requires_grad:
        raise RuntimeError(
            "backward: this tensor does not require grad: nothing it was computed from does, or "
            "it was computed under no_grad"
        )
    if gradient is None:
        if y.numel() != 1:
            raise RuntimeError(
                f"gradient: expected one, since the tensor has shape {y.shape}; only a tensor of "
                "one element starts from 1"
            )
        gradient = Tensor(np.ones(y.shape, y.dtype))
        gradient._unit = True
    elif gradient.shape != y.shape or gradient.dtype != y.dtype:
        raise ValueError(
            f"gradient: expected shape {y.shape} and dtype {y.dtype}, got {gradient.shape} and "
            f"{gradient.dtype}"
        )
    return gradient


def _nodes_from(roots: Sequence[Tensor]) -> list[Node]:
    """Every node that the roots depend on, last made first."""
    seen: dict[int, Node] = {}
    waiting = [y._node for y in roots if y._node is not None]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen[id(node)] = node
        if node.inputs is None:
            raise RuntimeError(
                "backward a second time through the same tape, whose memory was given back; "
                "call the first one with retain_graph=True"
            )
        waiting.extend(x._node for x in node.inputs if x is not None and x._node is not None)
    return sorted(seen.values(), key=lambda node: -node.order)


def _propagate(
    roots: Sequence[Tensor], seeds: Sequence[Tensor], create_graph: bool, keep: bool
) -> dict[int, tuple[Tensor, Tensor]]:
    """id of each leaf that requires grad -> (the leaf, its gradient)."""
    from fastnn import ops

    leaves: dict[int, tuple[Tensor, Tensor]] = {}
    flowing: dict[tuple[int, int], Tensor] = {}  # (id of node, output) -> gradient

    def add(x: Tensor, gradient: Tensor) -> None:
        if x._node is None:
            before = leaves.get(id(x))
            leaves[id(x)] = (x, gradient if before is None else ops.add(before[1], gradient))
        else:
            key = (id(x._node), x._index)
            known = flowing.get(key)
            flowing[key] = gradient if known is None else ops.add(known, gradient)

    with set_grad_enabled(create_graph):
        nodes = _nodes_from(roots)
        if hooks.live or (nodes and versions.last >= nodes[-1].order):
            from fastnn.autograd.graph import flow  # as below, with more to look at

            return flow(roots, seeds, None, create_graph, keep)  # type: ignore[return-value]
        for y, seed in zip(roots, seeds, strict=True):
            if y.requires_grad:
                add(y, seed)
        for node in nodes:
            arriving = [flowing.pop((id(node), i), None) for i in range(len(node.outputs))]
            if any(gradient is not None for gradient in arriving):
                assert node.inputs is not None
                for x, gradient in zip(node.inputs, node.rule(node, *arriving), strict=True):
                    if gradient is not None and x is not None and x.requires_grad:
                        add(x, gradient)
            if not keep:
                node.inputs = None
                node.outputs = (None,) * len(node.outputs)
    return leaves


def _owner(array: NDArray[Any]) -> NDArray[Any]:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def backward(
    tensor: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> None:
    """Add d(tensor)/d(leaf) to `grad` of every leaf that requires it; see `Tensor.backward`."""
    from fastnn import _recording, ops

    seed = _seed(tensor, gradient)
    keep = create_graph if retain_graph is None else retain_graph
    leaves = _propagate([tensor], [seed], create_graph, keep)
    taken = {id(_owner(seed._array))}
    with set_grad_enabled(create_graph):
        for leaf, found in leaves.values():
            if leaf.grad is not None:
                if create_graph:
                    leaf.grad = ops.add(leaf.grad, found)
                else:
                    if _recording.active is not None:
                        _recording.active.reads_grad(leaf)
                    ops.add_(leaf.grad, found)
                continue
            owner = id(_owner(found._array))
            if not create_graph and (owner in taken or 0 in found._array.strides):
                found = ops.copy(found)  # a gradient of its own, not memory shared with another
            taken.add(id(_owner(found._array)))
            if _recording.active is not None:
                _recording.active.sets_grad(leaf)
            leaf.grad = found if create_graph else found.detach()


def zero_grad(leaf: Tensor, set_to_none: bool = True) -> None:
    """Drop the gradient of a leaf, or fill it with zeros."""
    from fastnn import _recording

    if set_to_none or leaf.grad is None:
        leaf.grad = None
        if _recording.active is not None:
            _recording.active.clears_grad(leaf)
    else:
        if _recording.active is not None:
            _recording.active.reads_grad(leaf)
        leaf.grad.zero_()


def _as_tensors(values: Any, name: str) -> tuple[Tensor, ...]:
    found = values if isinstance(values, tuple | list) else (values,)
    for value in found:
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: expected tensors, got {type(value).__name__}")
    return tuple(found)


def gradients(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor] | None = None,
    create_graph: bool = False,
) -> list[Tensor]:
    """The gradients of sum(cotangent * output) by each input; zeros where nothing depends on it."""
    from fastnn import ops

    if cotangents is None:
        cotangents = [Tensor(np.ones(y.shape, y.dtype)) for y in outputs]
        for seed in cotangents:
            seed._unit = seed.numel() == 1
    leaves = _propagate(outputs, cotangents, create_graph, create_graph)
    found = []
    taken = {id(_owner(seed._array)) for seed in cotangents}
    for x in inputs:
        pair = leaves.get(id(x))
        if pair is None:
            found.append(Tensor(np.zeros(x.shape, x.dtype)))
        else:  # memory of its own: a view of a broadcast or of another gradient is copied
            own = ops.own(pair[1])
            if id(_owner(own._array)) in taken:
                with set_grad_enabled(create_graph):
                    own = ops.copy(own)
            taken.add(id(_owner(own._array)))
            found.append(own)
    return found


def leaves_of(tensors: Sequence[Tensor]) -> Iterator[Tensor]:
    """The leaves that require grad among what the tensors were computed from."""
    seen: set[int] = set()
    for node in _nodes_from(tensors):
        for x in node.inputs or ():
            if x is not None and x._node is None and x.requires_grad and id(x) not in seen:
                seen.add(id(x))
                yield x

"""Gradients by chosen tensors, through the part of the tape that leads to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._core.tape import last_write
from fastnn.backward import anomaly, hooks
from fastnn.backward.hooks import Key, key
from fastnn.tape import versions
from fastnn.tape.listener import computes
from fastnn.tape.modes import is_grad_enabled, set_grad_enabled
from fastnn.tape.node import Node
from fastnn.tensor import Tensor


class _Part:
    """A node, as its gradient rule sees it, of which not every input is asked for."""

    __slots__ = ("asked", "whole")

    def __init__(self, whole: Node, asked: list[bool]) -> None:
        self.whole, self.asked = whole, asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)

    def needs(self, i: int) -> bool:
        return self.asked[i]


def inputs_of(node: Node) -> tuple[Tensor | None, ...]:
    """What went into a node whose memory was not given back."""
    if node.inputs is None:
        raise RuntimeError(
            "backward a second time through the same tape, whose memory was given back; "
            "call the first one with retain_graph=True"
        )
    return node.inputs


def nodes_since(outputs: Iterable[Tensor], start: int) -> list[Node]:
    """The nodes made after number `start` that the outputs depend on, last made first."""
    seen: dict[int, Node] = {}
    waiting = [y._node for y in outputs if y._node is not None]
    while waiting:
        node = waiting.pop()
        if id(node) in seen or node.order <= start:
            continue
        seen[id(node)] = node
        waiting.extend(x._node for x in inputs_of(node) if x is not None and x._node is not None)
    return sorted(seen.values(), key=lambda node: -node.order)


def reaches(outputs: Iterable[Tensor], start: int) -> dict[Key, Tensor]:
    """The tensors that require grad, are not made since `start`, and lead to the outputs."""
    found: dict[Key, Tensor] = {}

    def look(x: Tensor | None) -> None:
        if x is not None and x.requires_grad and (x._node is None or x._node.order <= start):
            found.setdefault(key(x), x)

    outputs = list(outputs)
    for y in outputs:
        look(y)
    for node in nodes_since(outputs, start):
        for x in inputs_of(node):
            look(x)
    return found


def leads_to(y: Tensor, leaves: Iterable[Tensor]) -> bool:
    """Whether gradients could still go from `y` to one of the leaves: not on a tape whose memory
    was given back."""
    wanted = {id(leaf) for leaf in leaves}
    seen: set[int] = set()
    waiting = [y]
    while waiting:
        x = waiting.pop()
        if id(x) in wanted:
            return True
        if x._node is not None and id(x._node) not in seen:
            seen.add(id(x._node))
            waiting.extend(source for source in x._node.inputs or () if source is not None)
    return False


def _leading(nodes: list[Node], wanted: set[Key]) -> dict[int, list[bool]]:
    """id of node -> which of its inputs lead to what is wanted; only nodes where any does."""
    leading: dict[int, list[bool]] = {}
    for node in reversed(nodes):
        asked = [
            x is not None and (key(x) in wanted or (x._node is not None and id(x._node) in leading))
            for x in inputs_of(node)
        ]
        if any(asked):
            leading[id(node)] = asked
    return leading


def _ask(node: Node, asked: list[bool] | None, arriving: list[Tensor | None]) -> Any:
    """The gradients by the inputs of a node."""
    view: Any = node if asked is None or all(asked) else _Part(node, asked)
    if last_write() >= node.order:
        gradients = versions.checked(node.rule, view, arriving)
    else:
        gradients = node.rule(view, *arriving)
    if anomaly.is_anomaly_enabled():
        anomaly.check(node, gradients)
    return gradients


def flow(
    outputs: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    wanted: set[Key] | None,
    create_graph: bool = False,
    keep: bool = True,
    start: int = -1,
) -> dict[Key, tuple[Tensor, Tensor]]:
    """Send cotangents back from the outputs.

    Args:
        outputs: where to begin; those that require no grad are left out.
        cotangents: one for each output.
        wanted: the places whose gradients are asked for; None: those of all leaves.
        create_graph: put what is computed on the tape.
        keep: else the nodes give back what they hold.
        start: nodes up to this number are not entered.

    Returns:
        place -> (a tensor there, its gradient).
    """
    found: dict[Key, tuple[Tensor, Tensor]] = {}

    def add(x: Tensor, gradient: Tensor) -> None:
        place = key(x)
        before = found.get(place)
        found[place] = (x, gradient if before is None else ops.add(before[1], gradient))

    with set_grad_enabled(create_graph):
        nodes = nodes_since(outputs, start)
        leading = None if wanted is None else _leading(nodes, wanted)
        for y, cotangent in zip(outputs, cotangents, strict=True):
            if y.requires_grad:
                add(y, cotangent)
        for node in nodes:
            asked = None if leading is None else leading.get(id(node))
            arriving = [_arrived(found, (id(node), i), wanted) for i in range(len(node.outputs))]
            if (leading is None or asked is not None) and any(g is not None for g in arriving):
                gradients = _ask(node, asked, arriving)
                for i, (x, gradient) in enumerate(zip(inputs_of(node), gradients, strict=True)):
                    if gradient is None or x is None:
                        continue
                    if x.requires_grad if asked is None else asked[i]:
                        versions.check_view(x, node.order)
                        add(x, gradient)
            if not keep and (leading is None or asked is not None):
                node.inputs, node.outputs = None, (None,) * len(node.outputs)
    return _finished(found, {id(node) for node in nodes})


def _arrived(
    found: dict[Key, tuple[Tensor, Tensor]], place: tuple[int, int], wanted: set[Key] | None
) -> Tensor | None:
    """The whole gradient by an output of a node, after its hooks."""
    pair = found.pop(place, None)
    if pair is None:
        return None
    gradient = hooks.passed(place, pair[1]) if place in hooks.live else pair[1]
    if wanted is not None and place in wanted:
        found[place] = (pair[0], gradient)
    return gradient


def _finished(
    found: dict[Key, tuple[Tensor, Tensor]], nodes: set[int]
) -> dict[Key, tuple[Tensor, Tensor]]:
    """Hooks of the places that were not passed as outputs of a node: leaves."""
    if hooks.live:
        for place, (x, gradient) in found.items():
            if place in hooks.live and (isinstance(place, int) or place[0] not in nodes):
                found[place] = (x, hooks.passed(place, gradient))
    return found


@computes("backward")
def gradients_by(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor] | None = None,
    create_graph: bool = False,
    keep: bool = True,
    start: int = -1,
) -> list[Tensor | None]:
    """The gradient of sum(cotangent * output) by each input; None where nothing leads to it."""
    if cotangents is None:
        cotangents = [ones(y) for y in outputs]
    found = flow(outputs, cotangents, {key(x) for x in inputs}, create_graph, keep, start)
    return [found[key(x)][1] if key(x) in found else None for x in inputs]


def ones(y: Tensor) -> Tensor:
    """The cotangent 1 for each element."""
    one = Tensor(np.ones(y.shape, y.dtype))
    one._unit = y.numel() == 1
    return one


def _sequence(value: Any, name: str) -> list[Tensor]:
    found = list(value) if isinstance(value, tuple | list) else [value]
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}[{i}]: expected a Tensor, got {type(x).__name__}")
    return found


def _cotangents(outputs: list[Tensor], grad_outputs: Any) -> list[Tensor]:
    given = [None] * len(outputs) if grad_outputs is None else grad_outputs
    given = list(given) if isinstance(given, tuple | list) else [given]
    if len(given) != len(outputs):
        raise ValueError(
            f"grad_outputs: expected one for each of {len(outputs)} outputs, got {len(given)}"
        )
    found = []
    for i, (y, cotangent) in enumerate(zip(outputs, given)):
        if not y.requires_grad:
            raise RuntimeError(
                f"outputs[{i}]: element {i} of tensors does not require grad and does not have a "
                "grad_fn: nothing it was computed from requires grad, or no_grad was on"
            )
        if cotangent is None:
            if y.numel() != 1:
                raise RuntimeError(
                    "grad_outputs: grad can be implicitly created only for scalar outputs; "
                    f"outputs[{i}] has shape {y.shape}"
                )
            cotangent = ones(y)
        elif cotangent.shape != y.shape or cotangent.dtype != y.dtype:
            raise RuntimeError(
                f"grad_outputs[{i}]: expected shape {y.shape} and dtype {y.dtype}, got "
                f"{cotangent.shape} and {cotangent.dtype}"
            )
        found.append(cotangent)
    return found


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of outputs by inputs, of which only these are computed.

    g_j = sum_i (d outputs_i / d inputs_j)^T grad_outputs_i

    Args:
        outputs: a tensor, or several.
        inputs: a tensor or several, leaves or not; `grad` of no tensor changes.
        grad_outputs: the cotangents; None for a scalar means 1.
        retain_graph: keep the tape for another pass; default: create_graph.
        create_graph: put the gradients on the tape, for gradients of gradients.
        only_inputs: True, as in torch: `grad` of tensors is left alone.
        allow_unused: None is returned for an input that no output depends on; default:
            materialize_grads.
        is_grads_batched: grad_outputs have a leading axis of several cotangents; so have the
            gradients.
        materialize_grads: zeros in place of None.

    Returns:
        a tuple, one for each input.

    Raises:
        RuntimeError: outputs or inputs that require no grad, cotangents of another shape, an
            unused input without allow_unused, a tape that was given back or changed in place.

    Source: torch.autograd.grad.

    Example:
        >>> import fastnn
        >>> x = fastnn.tensor(2.0, requires_grad=True)
        >>> (g,) = fastnn.autograd.grad(x**3, x, create_graph=True)
        >>> fastnn.autograd.grad(g, x)
        (tensor(12.),)
    """
    ys, xs = _sequence(outputs, "outputs"), _sequence(inputs, "inputs")
    keep = create_graph if retain_graph is None else retain_graph
    for i, x in enumerate(xs):
        if not x.requires_grad:
            raise RuntimeError(
                f"inputs[{i}]: One of the differentiated Tensors does not require grad; set "
                "requires_grad before the outputs are computed"
            )
    if is_grads_batched:
        found = _batched(ys, xs, grad_outputs, create_graph, keep)
    else:
        found = gradients_by(ys, xs, _cotangents(ys, grad_outputs), create_graph, keep)
    return _complete(xs, found, materialize_grads, allow_unused)


def _complete(
    inputs: list[Tensor], found: list[Tensor | None], zeros: bool, allow_unused: bool | None
) -> tuple[Tensor | None, ...]:
    """None for unused inputs, or zeros, or the error."""
    if zeros and allow_unused is False:
        raise ValueError(
            "allow_unused: expected True or None with materialize_grads=True, got False"
        )
    if zeros:
        blank = [Tensor(np.zeros(x.shape, x.dtype)) for x in inputs]
        return tuple(g if g is not None else z for g, z in zip(found, blank))
    if not allow_unused and any(g is None for g in found):
        at = [g is None for g in found].index(True)
        raise RuntimeError(
            f"inputs[{at}]: One of the differentiated Tensors appears to not have been used in "
            "the graph. Set allow_unused=True if this is the desired behavior."
        )
    return tuple(None if g is None else g for g in found)


def _batched(
    outputs: list[Tensor], inputs: list[Tensor], grad_outputs: Any, create_graph: bool, keep: bool
) -> list[Tensor | None]:
    from fastnn.transforms.vmap import vmap

    unused: list[bool] = []

    def one(*cotangents: Tensor) -> tuple[Tensor, ...]:
        found = gradients_by(outputs, inputs, cotangents, create_graph or is_grad_enabled(), True)
        unused[:] = [g is None for g in found]
        return tuple(g for g in found if g is not None)

    with set_grad_enabled(create_graph):
        result = iter(vmap(one)(*_sequence(grad_outputs, "grad_outputs")))
    return [None if none else next(result) for none in unused]

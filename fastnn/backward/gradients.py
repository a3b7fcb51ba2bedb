"""Gradients with respect to chosen tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastnn._core.backward import place_of, propagate
from fastnn._support import dtypes
from fastnn.backward import anomaly
from fastnn.tape.listener import computes
from fastnn.tensor import Tensor, of_array


def leads_to(y: Tensor, leaves: Iterable[Tensor]) -> bool:
    """Whether gradients may still have to flow from `y` to one of the leaves: not where they have
    flown already, and the tape gave back its memory."""
    wanted = {id(leaf) for leaf in leaves}
    seen: set[int] = set()
    waiting = [y]
    while waiting:
        x = waiting.pop()
        if id(x) in wanted:
            return True
        if x._node is not None and id(x._node) not in seen:
            seen.add(id(x._node))
            if all(output is None for output in x._node.outputs):
                continue
            waiting.extend(source for source in x._node.inputs or () if source is not None)
    return False


@computes("backward")
def gradients_by(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor] | None = None,
    create_graph: bool = False,
    keep: bool = True,
    start: int = -1,
) -> list[Tensor | None]:
    """Gradients of sum(cotangent * output) with respect to each input; None for unused inputs."""
    if cotangents is None:
        cotangents = [ones(y) for y in outputs]
    places = [place_of(x) for x in inputs]
    found = propagate(
        outputs, cotangents, set(places), create_graph, keep, start, anomaly.checker()
    )
    return [found.get(place) for place in places]


def ones(y: Tensor) -> Tensor:
    """Cotangents of ones."""
    one = of_array(dtypes.filled(y.shape, 1, y.dtype))
    one._unit = y.numel() == 1
    return one

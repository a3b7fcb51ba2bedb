"""Nets dealt to ranks: each trains its own, and in the end all ranks have all nets."""

from __future__ import annotations

import zlib
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.columns import columns_of, to_json
from fastnn._support.nullable import array_of
from fastnn.population.net import Net
from fastnn.ranks import Ranks, agree, ranks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["dealt_to", "gather_nets", "own_nets", "together"]

_SETTINGS = "epochs batch_size seed shuffle folds bags validation_split precision".split()


def dealt_to(comm: Any, halving: int | None) -> Ranks | None:
    """The ranks that share the nets of a population; None where there is one.

    Raises:
        TypeError, ImportError: no communicator.
        ValueError: halving, which compares all nets while they are trained.
    """
    ranks = ranks_of(comm)
    if ranks is None or ranks.size == 1:
        return None
    if halving:
        raise ValueError(
            "halving: it compares all nets while they are trained, which ranks do not; leave it "
            "out, or train without comm"
        )
    return ranks


def together(ranks: Ranks | None) -> AbstractContextManager[None]:
    """Within it all ranks train, or all end."""
    return nullcontext() if ranks is None else ranks.ending_together()


def own_nets(ranks: Ranks, nets: list[Net], given: Mapping[str, Any]) -> list[Net]:
    """The nets that this rank trains: every `size`-th.

    given: the arguments of `fit_many`.

    Raises:
        ValueError: on all ranks, if they have other arguments or nets.
    """
    told = {name: repr(given[name]) for name in _SETTINGS}
    told |= {name: _digest([array_of(given[name])]) for name in ("x", "y")}
    told["columns of x"] = repr(to_json(columns_of(given["x"])))
    told["configs"] = repr([net.recipe.config for net in nets])
    told["the nets that build makes"] = _digest([t for net in nets for t in _tensors(net)])
    agree(ranks, told)
    return [net for net in nets if net.number % ranks.size == ranks.rank]


def gather_nets(ranks: Ranks, nets: list[Net], history: dict[str, NDArray[np.float64]]) -> None:
    """Give each rank the weights, moments and figures of the nets that others have trained."""
    mine = [
        (
            net.number,
            (net.epochs, net.best_epoch, net.error),
            _tensors(net),
            net.optimizer.state_dict(),
            {name: figures[net.number] for name, figures in history.items()},
        )
        for net in nets
        if net.number % ranks.size == ranks.rank
    ]
    for rank, found in enumerate(ranks.gather(mine)):
        for number, course, tensors, state, figures in found if rank != ranks.rank else ():
            net = nets[number]
            net.epochs, net.best_epoch, net.error = course
            for own, values in zip(_tensors(net), tensors, strict=True):
                np.copyto(own, values)
            net.optimizer.load_state_dict(state)
            for name, row in figures.items():
                history[name][number] = row


def _tensors(net: Net) -> list[NDArray[Any]]:
    return [t._array for t in (*net.model.parameters(), *net.model.buffers())]


def _digest(arrays: list[NDArray[Any]]) -> str:
    found = 0
    for array in arrays:
        found = zlib.crc32(f"{array.dtype}{array.shape}".encode(), found)
        found = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, found)
    return f"{found:08x}"

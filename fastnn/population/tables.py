"""Columns of tables by name: for all nets of a population, what a fit does for its model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fastnn._support import columns
from fastnn.population.net import Net

if TYPE_CHECKING:
    from fastnn.nn import Module


def put_in_order(nets: list[Net], given: dict[str, Any]) -> bool:
    """Put the columns of x and y in the order that the models know, where `build` makes models that
    were trained on tables; whether they had another.

    given: the arguments of `fit_many`, which all nets share.

    Raises:
        ValueError: other columns; models that know different ones.
        TypeError: as `columns.in_order`.
    """
    tables = [given[name] for name in ("x", "y")]
    first = nets[0].model
    if any(columns.columns_of(table) for table in tables):
        known = columns.remembered(first)
        for net in nets:
            if columns.remembered(net.model) != known:
                raise ValueError(
                    "build: expected models that know the same columns, as all nets read the same "
                    f"rows, got others in net {net.number} than in net 0"
                )
    given["x"] = columns.in_order(first, given["x"])
    given["y"] = columns.targets_in_order(first, given["y"])
    return tables[0] is not given["x"] or tables[1] is not given["y"]


def remember(models: Iterable[Module], given: dict[str, Any]) -> None:
    """Let models know the columns of x and y, the arguments of `fit_many`."""
    known = columns.columns_of(given["x"])
    for model in models:
        if known is not None:
            columns.remember(model, known)
        columns.remember_targets(model, given["y"])

"""Net: one member of a population, with its model, its rows and its random numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check
from fastnn.nn import Module, Parameter
from fastnn.population.configs import Maker, Recipe
from fastnn.population.parts import Part
from fastnn.random.generator import derive_seed, engine_state, manual_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.optim.block_optimizer import BlockOptimizer


@dataclass(eq=False)
class Net:
    """One net of a population.

    Attributes:
        number: its place in the population.
        rows: the numbers of its training rows, in the order of a fit on x[rows]; None: all.
        held: the numbers of its validation rows, if it has its own.
        key: the seed of its shuffles.
        state: of the random numbers that its dropout draws.
        parameters: of the model.
        epochs: how many it was trained for.
        best_epoch: the epoch whose weights it has, or -1: those of the last.
        error: why it stopped before its time, or "".
    """

    number: int
    recipe: Recipe
    model: Module
    optimizer: BlockOptimizer
    key: int
    state: NDArray[np.int64]
    parameters: list[Parameter]
    rows: NDArray[np.int64] | None = None
    held: NDArray[np.int64] | None = None
    best: list[tuple[NDArray[Any], NDArray[Any]]] = field(default_factory=list)
    epochs: int = 0
    best_epoch: int = -1
    error: str = ""

    def count(self, n: int) -> int:
        """The number of its training rows, of n."""
        return n if self.rows is None else len(self.rows)


def made(number: int, recipe: Recipe, part: Part, maker: Maker) -> Net:
    """A new net, as `manual_seed`, `build` and the optimizer make it.

    Raises:
        TypeError: `build` returned no model; an optimizer that calls closures.
        Exception: whatever `build` or the optimizer raise, with a note of the configuration.
    """
    model, parameters, optimizer = model_and_optimizer(recipe, maker)
    key, state = derive_seed(), engine_state.copy()
    return Net(number, recipe, model, optimizer, key, state, parameters, *part)


def model_and_optimizer(recipe: Recipe, maker: Maker) -> tuple[Module, list[Parameter], Any]:
    """A new model, its parameters and its optimizer; the generator is then where a fit begins."""
    manual_seed(recipe.seed)
    try:
        model = maker.build(**recipe.build)
        if not isinstance(model, Module):
            raise TypeError(f"build: expected it to return a model, got {check.show(model)}")
        parameters = list(model.parameters())
        optimizer = maker.optimizer(parameters, **recipe.optimizer)
        if getattr(optimizer, "calls_closure", False):
            raise TypeError(
                f"optimizer: {type(optimizer).__name__} calls a function several times a step; "
                "expected one that does not"
            )
        return model, parameters, optimizer
    except Exception as error:
        error.add_note(f"configs[{recipe.number}]: {recipe.config}")
        raise


def refuse_shared(nets: list[Net]) -> None:
    """Check that no two nets have a parameter in common.

    Raises:
        ValueError: two have.
    """
    owner: dict[int, int] = {}
    for net in nets:
        for p in net.parameters:
            first = owner.setdefault(id(p), net.number)
            if first != net.number:
                raise ValueError(
                    f"build: expected a new model at every call, got one that shares parameters "
                    f"for net {first} and net {net.number}"
                )

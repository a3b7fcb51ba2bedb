"""Batches that a DataLoader, a list or a generator makes: the rows of an epoch, in their order."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support import check, maps
from fastnn._support.dtypes import readable
from fastnn._support.signatures import signature
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from fastnn.nn import Module

__all__ = ["Batches", "Epoch", "arranged", "inputs_of", "inputs_taken", "makes_batches"]


class Epoch(NamedTuple):
    """The rows of all batches, one after another.

    x, y: arrays, or tuples of arrays. weight: of the rows, or None. size: rows of a batch; the last
    may have fewer.
    """

    x: Any
    y: Any
    weight: Any
    size: int


def makes_batches(given: Any) -> bool:
    """Whether x, for predictions, is no array but something that makes batches."""
    return hasattr(given, "dataset") or hasattr(given, "__next__")


def inputs_taken(model: Module) -> int:
    """How many inputs `forward` has to be given; 1 where its signature does not tell.

    >>> from fastnn import nn
    >>> from fastnn.train.batches import inputs_taken
    >>> inputs_taken(nn.Linear(2, 1)), inputs_taken(nn.Bilinear(2, 2, 1))
    (1, 2)
    """
    try:
        asked = signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return max(1, sum(p.default is p.empty and p.kind in positional for p in asked))


def arranged(batch: Sequence[Any], inputs: int, name: str = "x") -> tuple[Any, ...]:
    """(x, y) or (x, y, sample_weight) of what stands side by side in a batch.

    A model of one input takes the first as x. One of several takes as many as it has inputs, as
    x = (a, b), if they are not in a tuple already.

    Raises:
        TypeError: too few or too many.

    >>> from fastnn.train.batches import arranged
    >>> arranged(("x", "y", "w"), 1), arranged(("a", "b", "y"), 2), arranged((("a", "b"), "y"), 2)
    (('x', 'y', 'w'), (('a', 'b'), 'y'), (('a', 'b'), 'y'))
    """
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        pass
    elif inputs > 1 and not isinstance(batch[0], tuple):
        if len(batch) - inputs in (1, 2):
            return tuple(batch[:inputs]), *batch[inputs:]
    elif len(batch) in (2, 3):
        return tuple(batch)
    several = "" if inputs == 1 else f" with a tuple of {inputs} inputs as x, as the model takes"
    got = f"{len(batch)} parts" if isinstance(batch, tuple | list) else check.show(batch)
    raise TypeError(f"{name}: expected batches (x, y) or (x, y, sample_weight){several}, got {got}")


class Batches:
    """Something that makes the batches of each epoch.

    Args:
        given: a `DataLoader`, a list of batches, a function that makes an iterator of them, or such
            an iterator, which has one epoch. A batch is (x, y) or (x, y, sample_weight); x and y
            are arrays or tuples of arrays; see `arranged`.
        name: its name in messages.
        inputs: how many the model takes.

    Raises:
        TypeError: nothing of the kind.
    """

    def __init__(self, given: Any, name: str = "x", inputs: int = 1) -> None:
        self._given, self._name, self._inputs, self._over = given, name, inputs, False
        iterable = callable(given) or hasattr(given, "__iter__")
        if isinstance(given, str | bytes | dict | np.ndarray | Tensor) or not iterable:
            raise TypeError(
                f"y: expected targets for {name}; without them {name} has to be a DataLoader, a "
                f"list of batches (x, y), or a function that makes an iterator of them, got "
                f"{check.show(given)}"
            )
        self.once: bool = hasattr(given, "__next__")

    def epoch(self) -> Epoch:
        """The rows of the next epoch.

        Raises:
            ValueError: an iterator that is used up, no batches, batches of several sizes.
            TypeError: a batch that is no pair.
        """
        if self._over:
            self.check_again()
        self._over = self.once
        batches = list(self._each())
        if not batches:
            raise ValueError(f"{self._name}: expected at least one batch, got none")
        sizes = [_rows(batch[0]) for batch in batches]
        wrong = next((n for n in sizes[1:-1] if n != sizes[0]), 0)
        if wrong or sizes[-1] > sizes[0]:
            raise ValueError(
                f"{self._name}: expected batches of one size, of which the last may be smaller, "
                f"got {sizes[0]} and {wrong or sizes[-1]} rows"
            )
        x, y, *weight = (_joined(parts, self._name) for parts in zip(*batches, strict=True))
        return Epoch(x, y, weight[0] if weight else None, sizes[0])

    def check_again(self) -> None:
        """Check that it gives batches for more than one epoch.

        Raises:
            ValueError: it is an iterator.
        """
        if self.once:
            raise ValueError(
                f"{self._name}: an iterator gives its batches once, for one epoch; give a "
                "DataLoader, a list of batches, or a function that makes the iterator"
            )

    def _each(self) -> Iterator[Any]:
        makes = callable(self._given) and not hasattr(self._given, "__iter__")
        count = None
        for made in self._given() if makes else self._given:
            batch = arranged(made, self._inputs, self._name)
            count = count or len(batch)
            if len(batch) != count:
                raise TypeError(f"{self._name}: expected sample_weight in all batches, or in none")
            yield batch


def inputs_of(given: Any, inputs: int = 1) -> Any:
    """The inputs of all batches, for predictions: of (x, y, ...) the first, of (a, b, ...) as many
    as the model takes, else the batch."""
    batches = [_inputs(batch, inputs) for batch in given]
    if not batches:
        raise ValueError("x: expected at least one batch, got none")
    return _joined(batches, "x")


def _inputs(batch: Any, inputs: int) -> Any:
    if not isinstance(batch, tuple | list):
        return batch
    return batch[0] if inputs == 1 or isinstance(batch[0], tuple) else tuple(batch[:inputs])


def _rows(part: Any) -> int:
    first = part[0] if isinstance(part, tuple) else part
    return len(first)


def _array(part: Any, name: str) -> Any:
    return readable(part._array) if isinstance(part, Tensor) else maps.array_of(part, name)


def _joined(parts: Any, name: str) -> Any:
    """The parts of all batches, one below the other; of tuples each."""
    if isinstance(parts[0], tuple):
        return tuple(_joined(each, name) for each in zip(*parts, strict=True))
    arrays = [_array(part, name) for part in parts]
    try:
        return np.concatenate(arrays)
    except ValueError as error:
        raise ValueError(f"{name}: expected batches of one shape: {error}") from None

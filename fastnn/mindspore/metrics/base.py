"""The base of metrics."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._support import maps
from fastnn.tensor import Tensor as Plain

Array = npt.NDArray[Any]


def rearrange_inputs(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of `update`: it gets the inputs that `set_indexes` chose, in that order."""

    @functools.wraps(function)
    def rearranged(self: Any, *inputs: Any) -> Any:
        chosen = self.indexes
        return function(self, *(inputs if chosen is None else [inputs[i] for i in chosen]))

    return rearranged


class Metric(ABC):
    """The base of metrics: a subclass defines clear, update and eval."""

    indexes: list[int] | None = None

    def set_indexes(self, indexes: list[int]) -> Metric:
        """Choose the inputs that `update` uses, by position; returns self."""
        self.indexes = list(indexes)
        return self

    @abstractmethod
    def clear(self) -> None:
        """Forget everything."""

    @abstractmethod
    def update(self, *inputs: Any) -> None:
        """Take a batch into account."""

    @abstractmethod
    def eval(self) -> Any:
        """The metric of the batches since `clear`."""

    @staticmethod
    def _convert_data(data: Any) -> Array:
        return data._array if isinstance(data, Plain) else maps.array_of(data, "inputs")


class OfPairs(Metric):
    """A metric of outputs and labels."""

    def __init__(self) -> None:
        self.clear()

    @rearrange_inputs
    def update(self, *inputs: Any) -> None:
        """Take a batch into account: outputs and labels."""
        if len(inputs) != 2:
            raise ValueError(
                f"update: expected 2 inputs, outputs and labels, got {len(inputs)}; set_indexes "
                "chooses among more"
            )
        self._add(self._convert_data(inputs[0]), self._convert_data(inputs[1]))

    @abstractmethod
    def _add(self, outputs: Array, labels: Array) -> None:
        """Take a batch into account."""

    def _refuse_none(self, count: Any) -> None:
        if count == 0:
            raise RuntimeError(
                f"{type(self).__name__}: expected update() with samples before eval(), got none"
            )


def classes_of(outputs: Array, labels: Array) -> Array:
    """Labels as classes, where they are one-hot."""
    if outputs.ndim != labels.ndim:
        return labels
    if not ((labels == 0) | (labels == 1)).all() or not (labels.sum(axis=1) == 1).all():
        raise ValueError("labels: expected classes, or a single 1 for each sample")
    return np.asarray(labels.argmax(axis=1))


def check_range(name: str, classes: Array, count: int) -> None:
    """Raise ValueError unless all classes are in 0..count-1."""
    wrong = classes[(classes < 0) | (classes >= count)]
    if wrong.size:
        raise ValueError(f"{name}: expected classes in 0..{count - 1}, got {wrong[0]}")

"""Metrics of numbers: losses, errors, perplexity."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from fastnn.mindspore.metrics.base import Array, Metric, OfPairs, rearrange_inputs


class Loss(Metric):
    """The mean of the losses of batches."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._sum, self._count = 0.0, 0

    @rearrange_inputs
    def update(self, *inputs: Any) -> None:
        """Take the loss of a batch into account: a number, or one for each sample."""
        if len(inputs) != 1:
            raise ValueError(f"update: expected 1 input, the loss, got {len(inputs)}")
        loss = self._convert_data(inputs[0])
        if loss.ndim > 1:
            raise ValueError(f"update: expected a number or a row of losses, got {loss.shape}")
        self._sum += float(loss.mean())
        self._count += 1

    def eval(self) -> float:
        """The mean loss."""
        if not self._count:
            raise RuntimeError("Loss: expected update() before eval(), got no losses")
        return self._sum / self._count


class _Error(OfPairs):
    """What MAE and MSE have in common."""

    def clear(self) -> None:
        """Forget everything."""
        self._sum, self._count = 0.0, 0

    def _add(self, outputs: Array, labels: Array) -> None:
        distance = np.abs(labels.reshape(outputs.shape) - outputs)
        self._sum += float(self._of(distance).sum())
        self._count += labels.shape[0]

    @abstractmethod
    def _of(self, distance: Array) -> Array:
        """What is added up."""

    def eval(self) -> float:
        """The error by sample."""
        self._refuse_none(self._count)
        return self._sum / self._count


class MAE(_Error):
    """The sum of |output - label|, divided by the number of samples."""

    def _of(self, distance: Array) -> Array:
        return distance


class MSE(_Error):
    """The sum of (output - label)^2, divided by the number of samples."""

    def _of(self, distance: Array) -> Array:
        return np.square(distance)


class Perplexity(OfPairs):
    """exp of the mean of -log(probability of the label).

    Args:
        ignore_label: a class that does not count.
    """

    def __init__(self, ignore_label: int | None = None) -> None:
        self.ignore_label = ignore_label
        super().__init__()

    def clear(self) -> None:
        """Forget everything."""
        self._sum, self._count = 0.0, 0

    def _add(self, outputs: Array, labels: Array) -> None:
        flat = labels.reshape(-1).astype(int)
        found = outputs.reshape(-1, outputs.shape[-1])[np.arange(flat.size), flat]
        kept = np.ones(flat.size, bool) if self.ignore_label is None else flat != self.ignore_label
        self._sum -= float(np.log(np.maximum(1e-10, found[kept])).sum())
        self._count += int(kept.sum())

    def eval(self) -> float:
        """The perplexity."""
        self._refuse_none(self._count)
        return float(np.exp(self._sum / self._count))

"""The model of cost of a step that several ranks share."""

from __future__ import annotations

from typing import NamedTuple


class Costs(NamedTuple):
    """Microseconds of the parts of a step.

    whole: a step of one process. update: of the weights, on every rank. beside: what a dealt step
    costs more, on one rank. latency: a small sum over all ranks. byte: a byte more of it.
    gradients: their bytes.
    """

    whole: float
    update: float
    beside: float
    latency: float
    byte: float
    gradients: int

    def sum_us(self) -> float:
        """To sum the gradients over all ranks."""
        return self.latency + self.byte * self.gradients

    def step_us(self, ranks: int) -> float:
        """A step of so many ranks."""
        return (self.whole - self.update) / ranks + self.update + self.beside + self.sum_us()

    def crossover(self, batch: int, ranks: int) -> float:
        """The batch from which on so many ranks are faster than one process; the costs are those
        of this batch."""
        if ranks == 1:
            return 0.0
        gained = (self.whole - self.update) * (1 - 1 / ranks)
        return batch * (self.beside + self.sum_us()) / gained

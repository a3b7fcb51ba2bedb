"""Layers of TabM-mini: several nets in one, which share all weights but the first and last."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check
from fastnn.nn.layer import Layer
from fastnn.nn.losses.base import Reduction
from fastnn.nn.losses.cross_entropy import cross_entropy
from fastnn.nn.losses.quantile import quantile_loss
from fastnn.nn.losses.regression import mse_loss
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor

__all__ = ["Heads", "MeanOverMembers", "Spread"]


class Spread(Layer):
    """Each row becomes k rows r_k x, one below the other, with a learned factor for each number.

    Args:
        members: k.
        features: columns.
        dtype: float32 (default) or float64.

    Attributes:
        weight: r of (members, features), N(0, 1) at first: what makes the members differ.

    Source: Gorishniy, Kotelnikov and Babenko 2024 (TabM).

    >>> import fastnn
    >>> from fastnn.nn.layers.members import Spread
    >>> Spread(3, 2)(fastnn.ones(4, 2)).shape
    (12, 2)
    """

    def __init__(self, members: int, features: int, dtype: npt.DTypeLike | None = None) -> None:
        super().__init__()
        self.members: int = check.width("members", members)
        self.features: int = check.width("features", features)
        shape = (self.members, self.features)
        self.weight: Parameter = Parameter(self._empty(shape, check.real_dtype(dtype)))
        self._begin()

    def reset_parameters(self) -> None:
        """Draw r with NumPy's generator, which is given no seed here."""
        self.draw(np.random.default_rng())

    def draw(self, rng: np.random.Generator) -> None:
        """r ~ N(0, 1)."""
        self.weight._array[...] = rng.standard_normal(self.weight.shape)

    def forward(self, input: Tensor) -> Tensor:
        """(rows k, features)."""
        x = ops.mul(ops.reshape(input, (len(input), 1, self.features)), self.weight)
        return ops.reshape(x, (-1, self.features))

    def extra_repr(self) -> str:
        """The options."""
        return f"members={self.members}, features={self.features}"


class Heads(Layer):
    """A linear layer of its own for each of the k members: z_k = W_k x_k + b_k.

    Args:
        members: k.
        in_features, out_features: widths.
        dtype: float32 (default) or float64.

    Attributes:
        weight: W of (members, in_features, out_features); bias: b of (members, 1, out_features);
            both U(-1 / sqrt(in_features), 1 / sqrt(in_features)) at first.

    Source: as of `Spread`, whose rows it takes; it gives (rows, k, out_features).

    >>> import fastnn
    >>> from fastnn.nn.layers.members import Heads
    >>> Heads(3, 2, 5)(fastnn.ones(12, 2)).shape
    (4, 3, 5)
    """

    def __init__(
        self,
        members: int,
        in_features: int,
        out_features: int,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.members: int = check.width("members", members)
        self.in_features: int = check.width("in_features", in_features)
        self.out_features: int = check.width("out_features", out_features)
        real, shape = check.real_dtype(dtype), (self.members, self.in_features, self.out_features)
        self.weight: Parameter = Parameter(self._empty(shape, real))
        self.bias: Parameter = Parameter(self._empty((self.members, 1, self.out_features), real))
        self._begin()

    def reset_parameters(self) -> None:
        """Draw W and b with NumPy's generator, which is given no seed here."""
        self.draw(np.random.default_rng())

    def draw(self, rng: np.random.Generator) -> None:
        """W and b, uniform."""
        bound = 1 / math.sqrt(self.in_features)
        for p in (self.weight, self.bias):
            p._array[...] = rng.uniform(-bound, bound, p.shape)

    def forward(self, input: Tensor) -> Tensor:
        """(rows, k, out_features)."""
        x = ops.reshape(input, (-1, self.members, self.in_features)).transpose(0, 1)
        return ops.add(ops.matmul(x, self.weight), self.bias).transpose(0, 1)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"members={self.members}, in_features={self.in_features}, "
            f"out_features={self.out_features}"
        )


class MeanOverMembers(Module):
    """The mean of the members' losses: each learns by itself.

    Args:
        classes: the cross-entropy of (rows, k, classes) and (rows,); else the mean squared error of
            (rows, k, 1) and (rows, 1).
        smoothing: share of a label spread over all classes, default 0.
        quantiles: of (rows, k, quantiles), the pinball loss instead of the squared error.

    >>> import fastnn
    >>> from fastnn.nn.layers.members import MeanOverMembers
    >>> MeanOverMembers(False)(fastnn.ones(4, 3, 1), fastnn.zeros(4, 1))
    tensor(1.)
    """

    classes: bool
    smoothing: float
    quantiles: tuple[float, ...]

    def __init__(
        self, classes: bool, smoothing: float = 0.0, quantiles: Sequence[float] = ()
    ) -> None:
        super().__init__()
        self.classes, self.smoothing, self.quantiles = classes, smoothing, tuple(quantiles)
        self.reduction: Reduction = "mean"

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """One number; with reduction "none" one for each row and member."""
        rows, members, outputs = input.shape
        z = ops.reshape(input, (rows * members, outputs))
        y = ops.reshape(target, (rows, 1)).expand(rows, members).reshape(-1)
        if self.classes:
            smoothing, reduction = self.smoothing, self.reduction
            loss = cross_entropy(z, y, label_smoothing=smoothing, reduction=reduction)
        elif self.quantiles:
            loss = quantile_loss(z, y, self.quantiles, reduction=self.reduction)
        else:
            loss = mse_loss(z, ops.reshape(y, (-1, 1)), reduction=self.reduction)
        return loss.reshape(rows, -1) if self.reduction == "none" else loss

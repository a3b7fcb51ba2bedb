"""Layers for tables, those of RealMLP: columns, their factors, parametric activation, dropout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check
from fastnn._support.errors import InvalidValueError
from fastnn.nn.layer import Layer
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor, int64, of_array

__all__ = ["Columns", "ParametricActivation", "ScaleColumns", "ScheduledDropout"]

FREQUENCIES = 16  # cosines of each number
EMBEDDED = 4  # numbers that the embedding of a number has, itself among them
CATEGORY = 8  # numbers that the embedding of a category has


class Columns(Layer):
    """The columns of a table side by side, with embeddings of numbers and categories.

    A row of x has `numbers` numbers, `plain` columns that are passed on, and the index of a
    category for each of `sizes`. With `periodic`, a number x becomes
    (W2 cos(2 pi w1 x + b1) + b2, x) in R^4, w1 and b1 in R^16 ("PBLD"); without, it stays.
    An index becomes a row of a table of 8 columns.

    Args:
        numbers, plain: how many columns, in this order.
        sizes: how many indices each category has.
        periodic: whether numbers are embedded.
        dtype: float32 (default) or float64.

    Attributes:
        frequency, phase: w1 and b1 of (numbers, 16, 1); without `periodic` there are none.
        mixing, shift: W2 of (numbers, 3, 16) and b2 of (numbers, 3, 1).
        categories: (sum of sizes, 8), the tables of the categories one after another.

    The output has the 3 cosines of each number, the numbers, the plain columns, the categories:
    the order of the reference.

    Source: Holzmueller, Grinsztajn and Steinwart 2024.

    >>> import fastnn
    >>> from fastnn.nn.layers.columns import Columns
    >>> columns = Columns(2, 1, (12,), periodic=True)
    >>> columns.width, columns(fastnn.zeros(5, 4)).shape
    (17, (5, 17))
    """

    def __init__(
        self,
        numbers: int,
        plain: int,
        sizes: Sequence[int] = (),
        periodic: bool = True,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.numbers: int = check.integer("numbers", numbers, 0)
        self.plain: int = check.integer("plain", plain, 0)
        self.sizes: tuple[int, ...] = tuple(
            check.integer("sizes", size, 1, 2**24) for size in sizes
        )
        self.periodic: bool = check.flag("periodic", periodic)
        real = check.real_dtype(dtype)
        if self._embeds:
            shape, cosines = (self.numbers, FREQUENCIES, 1), EMBEDDED - 1
            self.frequency: Parameter = Parameter(self._empty(shape, real))
            self.phase: Parameter = Parameter(self._empty(shape, real))
            self.mixing: Parameter = Parameter(
                self._empty((self.numbers, cosines, FREQUENCIES), real)
            )
            self.shift: Parameter = Parameter(self._empty((self.numbers, cosines, 1), real))
        if self.sizes:
            self.categories: Parameter = Parameter(self._empty((sum(self.sizes), CATEGORY), real))
            starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
            self._starts = of_array(np.asarray(starts, int64))
        self._begin()

    @property
    def _embeds(self) -> bool:
        return self.periodic and self.numbers > 0

    @property
    def width(self) -> int:
        """Columns of the output."""
        each = EMBEDDED if self.periodic else 1
        return self.numbers * each + self.plain + CATEGORY * len(self.sizes)

    def reset_parameters(self) -> None:
        """Draw the parameters with NumPy's generator, which is given no seed here."""
        self.draw(np.random.default_rng())

    def draw(self, rng: np.random.Generator) -> None:
        """w1 ~ N(0, .1^2), b1 ~ U(-pi, pi), W2 and b2 ~ U(-1/4, 1/4), categories ~ N(0, 1)."""
        if self._embeds:
            bound = 1 / math.sqrt(FREQUENCIES)
            self.frequency._array[...] = 0.1 * rng.standard_normal(self.frequency.shape)
            self.phase._array[...] = rng.uniform(-math.pi, math.pi, self.phase.shape)
            self.mixing._array[...] = rng.uniform(-bound, bound, self.mixing.shape)
            self.shift._array[...] = rng.uniform(-bound, bound, self.shift.shape)
        if self.sizes:
            self.categories._array[...] = rng.standard_normal(self.categories.shape)

    def forward(self, input: Tensor) -> Tensor:
        """(rows, width) from (rows, numbers + plain + len(sizes))."""
        rows, whole = len(input), self.numbers + self.plain
        if not self._embeds and not self.sizes:
            return input
        parts = []
        if self._embeds:
            parts.append(
                self._embedded(
                    input if input.shape[1] == self.numbers else input[:, : self.numbers]
                )
            )
        left = self.numbers if self._embeds else 0  # the embedding has the numbers themselves too
        if whole > left:
            parts.append(input[:, left:whole])
        if self.sizes:
            index = ops.add(ops.cast(input[:, whole:], int64), self._starts)
            parts.append(ops.reshape(self._looked_up(index), (rows, -1)))
        return ops.cat(parts, 1) if len(parts) > 1 else parts[0]

    def _embedded(self, x: Tensor) -> Tensor:
        """The cosines of each number, and the numbers."""
        by_column = (self.numbers, FREQUENCIES)
        w, b = ops.reshape(self.frequency, by_column), ops.reshape(self.phase, by_column)
        shift = ops.reshape(self.shift, (self.numbers, EMBEDDED - 1))
        return ops.periodic_embedding(x, w, b, self.mixing, shift)

    def _looked_up(self, index: Tensor) -> Tensor:
        # An index from an encoder is in range, so that no check has to look at each batch.
        return ops.take_rows(self.categories, ops.reshape(index, (-1,)))

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"numbers={self.numbers}, plain={self.plain}, sizes={self.sizes}, "
            f"periodic={self.periodic}"
        )


class ScaleColumns(Layer):
    """y = s x, one learned factor a column, which starts at 1.

    Args:
        features: columns.
        dtype: float32 (default) or float64.

    Attributes:
        weight: s of (features,).

    Source: Holzmueller, Grinsztajn and Steinwart 2024; the absolute factors tell which columns
    the net came to read.

    >>> import fastnn
    >>> from fastnn.nn.layers.columns import ScaleColumns
    >>> ScaleColumns(2)(fastnn.tensor([[1.0, 2.0]])).detach()
    tensor([[1., 2.]])
    """

    def __init__(self, features: int, dtype: npt.DTypeLike | None = None) -> None:
        super().__init__()
        self.features: int = check.width("features", features)
        self.weight: Parameter = Parameter(self._empty(self.features, check.real_dtype(dtype)))
        self._begin()

    def reset_parameters(self) -> None:
        """All factors 1."""
        self.weight._array[...] = 1.0

    def forward(self, input: Tensor) -> Tensor:
        """s x."""
        return ops.mul(input, self.weight)

    def extra_repr(self) -> str:
        """The columns."""
        return f"features={self.features}"


ACTIVATIONS = ("selu", "mish")


class ParametricActivation(Layer):
    """y = x + alpha (f(x) - x), one learned alpha a column, which starts at 1.

    Args:
        features: columns.
        activation: f, "selu" or "mish".
        dtype: float32 (default) or float64.

    Attributes:
        weight: alpha of (features,).

    Raises:
        ValueError: another activation.

    Source: Holzmueller, Grinsztajn and Steinwart 2024.

    >>> import fastnn
    >>> from fastnn.nn.layers.columns import ParametricActivation
    >>> ParametricActivation(1, "mish")(fastnn.tensor([[0.0], [1.0]])).detach()
    tensor([[0.0000],
            [0.8651]])
    """

    def __init__(
        self, features: int, activation: str = "selu", dtype: npt.DTypeLike | None = None
    ) -> None:
        super().__init__()
        self.features: int = check.width("features", features)
        self.activation: Any = check.choice("activation", activation, ACTIVATIONS)
        self.weight: Parameter = Parameter(self._empty(self.features, check.real_dtype(dtype)))
        self._begin()

    def reset_parameters(self) -> None:
        """All alphas 1: the plain activation."""
        self.weight._array[...] = 1.0

    def forward(self, input: Tensor) -> Tensor:
        """x + alpha (f(x) - x)."""
        return ops.parametric_activation(input, self.weight, self.activation)

    def extra_repr(self) -> str:
        """The options."""
        return f"features={self.features}, activation={self.activation}"


class ScheduledDropout(Layer):
    """Dropout whose rate a schedule may change between two runs of a compiled step.

    y = x m / (1 - p) in training, m 0 with probability p and else 1, elementwise; else y = x.
    The masks are a function of a seed of the layer's own, so that fits in several threads do not
    disturb each other; see `nn.Dropout`.

    Args:
        p: the rate at first, 0 <= p < 1; default 0.15.

    Attributes:
        rate: float64 of (1,), p: writing into it changes the rate of recorded programs too.
        state: int64 of (2,), the seed, and how many masks were drawn.

    Raises:
        ValueError: p outside 0..1.

    >>> import fastnn
    >>> from fastnn.nn.layers.columns import ScheduledDropout
    >>> layer = ScheduledDropout(0.5)
    >>> sorted(set(layer(fastnn.ones(1, 100)).tolist()[0]))
    [0.0, 2.0]
    >>> layer.rate[0] = 0.0
    >>> set(layer(fastnn.ones(1, 100)).tolist()[0])
    {1.0}
    """

    def __init__(self, p: float = 0.15) -> None:
        super().__init__()
        self.p: float = check.probability(p)
        if self.p == 1.0:
            raise InvalidValueError("p: expected less than 1; all would be dropped")
        self._bits = of_array(np.array([self.p], np.float64).view(int64))
        self._state = of_array(np.zeros(2, int64))

    @property
    def state(self) -> npt.NDArray[np.int64]:
        """Seed and count of the masks, as their memory."""
        state: npt.NDArray[np.int64] = self._state._array
        return state

    @property
    def rate(self) -> npt.NDArray[np.float64]:
        """The rate, as its memory."""
        bits: npt.NDArray[np.float64] = self._bits._array.view(np.float64)
        return bits

    def forward(self, input: Tensor) -> Tensor:
        """x m / (1 - p), or x outside training."""
        if not self.training:
            return input
        return ops.dropout(input, self._bits, ops.draw_key(self._state._array))

    def extra_repr(self) -> str:
        """The rate at first."""
        return f"p={self.p}"

"""What a net does to one row, as a straight list of steps that the writers of files know.

A step takes the values of one row, C-contiguous, and gives those of the next. Axes are those of a
row: that of the rows themselves is left out. Numbers are float64; a writer rounds them to the
model's type once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.nn.module import Module

__all__ = [
    "Activation",
    "Chain",
    "Clip",
    "Columns",
    "Dense",
    "ExportError",
    "Gate",
    "Input",
    "Lookup",
    "MeanOfMembers",
    "Norm",
    "Plan",
    "Prepare",
    "Scale",
    "Softmax",
    "Sort",
    "Step",
    "Take",
    "Undo",
    "index_sizes",
]

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Shape = tuple[int, ...]


class ExportError(ValueError):
    """The model cannot be exported exactly; the text says which layer, and why."""


@dataclass(frozen=True)
class Step:
    """layer: its name and type, for messages and comments; shape: of the row that it gives."""

    layer: str
    shape: Shape

    @property
    def size(self) -> int:
        """How many numbers the row has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Dense(Step):
    """z_j = sum_i x_i w_ij + b_j along the last axis; w of (groups, n_in, n_out), b of (groups,
    n_out). More groups than one: the last axis but one has a matrix for each of its places."""

    weight: Array
    bias: Array | None

    @property
    def groups(self) -> int:
        """Matrices."""
        return len(self.weight)


@dataclass(frozen=True)
class Activation(Step):
    """An elementwise function, by the name of its layer.

    numbers: its options, one number each; vectors: one number for each element of the row;
    module: computes it.
    """

    name: str
    module: Module
    numbers: dict[str, float] = field(default_factory=dict)
    vectors: dict[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Scale(Step):
    """y = (x - center) factor + shift, a number of each for each element; center and shift may be
    None.

    moments: of a batch normalization weight, bias, mean and variance of each channel, and eps.
    """

    factor: Array
    center: Array | None = None
    shift: Array | None = None
    moments: tuple[Array, Array, Array, Array, float] | None = None


@dataclass(frozen=True)
class Norm(Step):
    """Blocks of `block` neighbours to mean 0 and variance 1, or to mean square 1 if not centred;
    weight and bias for each element of the row, or None."""

    block: int
    eps: float
    centred: bool
    weight: Array | None
    bias: Array | None


@dataclass(frozen=True)
class Softmax(Step):
    """softmax(sign x) along an axis, or its logarithm."""

    axis: int
    logarithm: bool = False
    sign: float = 1.0


@dataclass(frozen=True)
class Gate(Step):
    """a sigmoid(b) of the halves of x along an axis."""

    axis: int


@dataclass(frozen=True)
class Take(Step):
    """y_i = x[index_i], or fill_i where index_i is -1."""

    index: Indices
    fill: Array

    @property
    def moves(self) -> bool:
        """Whether it does more than to give the row another shape."""
        return not np.array_equal(self.index, np.arange(self.size))


@dataclass(frozen=True)
class Lookup(Step):
    """Rows of a table by their numbers; the first step, if there is one."""

    table: Array


@dataclass(frozen=True)
class Columns(Step):
    """`numbers` numbers as W2 cos(2 pi w1 x + b1) + b2 each, then the numbers and `plain` others,
    then rows of tables, of `starts` and up, for the indices that come last."""

    numbers: int
    plain: int
    frequency: Array  # 2 pi w1, (numbers, 16)
    phase: Array
    mixing: Array  # (numbers, 3, 16)
    bias: Array  # (numbers, 3)
    starts: Indices
    table: Array


@dataclass(frozen=True)
class MeanOfMembers(Step):
    """The mean along the first of two axes."""

    members: int


@dataclass(frozen=True)
class Undo(Step):
    """y = exp(z deviation + mean) or without exp, or exp first, in this order: z is `exp`-ed if
    `log`, then scaled and shifted."""

    mean: float
    deviation: float
    log: bool


@dataclass(frozen=True)
class Clip(Step):
    """min(max(x, low), high)."""

    low: float
    high: float


@dataclass(frozen=True)
class Sort(Step):
    """The numbers of the row in increasing order: quantiles do not cross."""


@dataclass(frozen=True)
class Input:
    """A column of a table. categories: the texts with the indices 1, 2, ...; 0 is for others.
    meaning: of a number."""

    name: str
    categories: tuple[str, ...] | None = None
    meaning: str = "number"


@dataclass(frozen=True)
class Prepare(Step):
    """A row of a table as the net takes it.

    Numbers: v, or `means` where it is nan; then `smooth_clip((v - center) factor)` if robust, else
    (v - center) / factor. Codes: that of a category, or 1 where a number is there and 2 where it
    is missing. Behind the numbers, for each code but the last `indices` ones: one column of
    `tables`, which has a number for each code; or a column for each of the codes 1, 2, ..., which
    has its number of `on` there and that of `off` elsewhere.

    Attributes:
        sources: the input of each number.
        codes: for each code, its input, and whether it says that a number is there.
        tables: for each code a table, or None.
        on, off: for each code the two vectors, or None.
        indices: how many of the last codes follow as they are.
    """

    inputs: tuple[Input, ...]
    sources: tuple[int, ...]
    means: Array
    center: Array
    factor: Array
    robust: bool
    codes: tuple[tuple[int, bool], ...]
    tables: tuple[Array | None, ...]
    on: tuple[Array | None, ...]
    off: tuple[Array | None, ...]
    indices: int


Chain = tuple[Step, ...]


@dataclass(frozen=True)
class Plan:
    """What an export will contain.

    Attributes:
        model: the model, in evaluation mode; a copy.
        shape: of one row that goes in.
        chains: the steps of each net; the mean of what they give is the output.
        real: float32 or float64.
        names: of the inputs, if they have any.
        classes: of the outputs, if they have any.
        integers: the inputs are row numbers of a table.
    """

    model: Module
    shape: Shape
    chains: tuple[Chain, ...]
    real: Any
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    integers: bool = False

    @property
    def outputs(self) -> Shape:
        """Shape of what one row gives."""
        return self.chains[0][-1].shape if self.chains[0] else self.shape

    @property
    def prepare(self) -> Prepare | None:
        """How rows of a table are prepared, if they are."""
        first = self.chains[0][0] if self.chains[0] else None
        return first if isinstance(first, Prepare) else None


def index_sizes(plan: Plan) -> dict[int, int]:
    """Which numbers of a row are indices, and how many rows their tables have; of a table, whose
    rows are prepared, none."""
    first = plan.chains[0][0] if plan.chains[0] else None
    if isinstance(first, Lookup):
        return dict.fromkeys(range(math.prod(plan.shape)), len(first.table))
    if isinstance(first, Columns):
        whole = first.numbers + first.plain
        return {whole + i: int(n) for i, n in enumerate(np.diff(first.starts))}
    return {}

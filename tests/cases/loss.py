"""The format of loss cases: inputs for comparisons, and targets for training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Call = Callable[[Any, Any, Any], Any]  # of a loss, what a model gives, and targets
REDUCTIONS = ("none", "mean", "sum")

# What values are compared on
N, C = 7, 4
_draw = np.random.RandomState(0)
NORMAL, OTHER, THIRD = (_draw.randn(N, C) for _ in range(3))
PROBABILITY, ANSWER = _draw.uniform(0.02, 0.98, (N, C)), _draw.uniform(0, 1, (N, C))
SIGNS = np.where(_draw.rand(N, C) < 0.5, -1.0, 1.0)
LABELS = _draw.randint(0, C, N)
IGNORED = np.where(np.arange(N) % 3 == 1, -100, LABELS)
ROWS = ANSWER / ANSWER.sum(1, keepdims=True)
LOG_ROWS = NORMAL - np.log(np.exp(NORMAL).sum(1, keepdims=True))
COUNTS = _draw.poisson(2.0, (N, C)).astype(float)
SETS = np.array([[2, 0, -1, 1], [1, -1, 0, 0], [3, 2, 1, -1], [0, 1, 2, 3], [-1] * 4, [0, -1, 2, 3],
                 [1, 3, -1, -1]])  # fmt: skip
WEIGHT, POSITIVE = np.array([1.0, 2.0, 0.5, 3.0]), np.array([2.0, 0.5, 1.0, 4.0])
EXTREME = np.array([[1e4, -1e4, 0, 1.0], [-80, 80, 30, -30], *np.zeros((N - 2, C))])
ROW_SIGNS = SIGNS[:, 0]
VARIANCE = PROBABILITY + 0.1
MASKED = np.where(np.arange(C) == (LABELS[:, None] + 1) % C, -np.inf, NORMAL)
PLACES = np.stack([NORMAL, OTHER], 2)  # classes along axis 1, and two places
POSITIVES = np.abs(OTHER) + 0.3
YES = np.round(ANSWER)
OF_LABEL = LOG_ROWS[range(N), LABELS]
QUANTILES = [0.1, 0.4, 0.6, 0.9]

# What nets of four outputs are trained on
SAMPLES = 22
_fit = np.random.RandomState(1)
X = _fit.randn(SAMPLES, 6)
Y_NUMBERS, Y_SIGNS = _fit.randn(SAMPLES, C), np.where(_fit.rand(SAMPLES, C) < 0.5, -1.0, 1.0)
Y_SHARES, Y_LABELS = _fit.uniform(0.1, 0.9, (SAMPLES, C)), _fit.randint(0, C, SAMPLES)
Y_LISTS = np.array([_fit.permutation(C) for _ in range(SAMPLES)])
Y_LISTS[_fit.rand(SAMPLES, C) < 0.3] = -1  # a list ends there
Y_ROWS = Y_SHARES / Y_SHARES.sum(1, keepdims=True)
Y_YES, Y_COUNTS = np.round(Y_SHARES), np.round(4 * Y_SHARES)
Y_IGNORED = np.where(np.arange(SAMPLES) % 3 == 1, -100, Y_LABELS)
ROW, COLUMN = np.array([0.5, 1.0, 2.0, 0.3]), np.array([2.0, 0.5, 1.0, 3.0])


def plainly(loss: Any, z: Any, y: Any) -> Any:
    return loss(z, y)


def probably(loss: Any, z: Any, y: Any) -> Any:
    return loss(z.sigmoid(), y)


def logarithmically(loss: Any, z: Any, y: Any) -> Any:
    return loss(z.log_softmax(1), y)


def with_variance(loss: Any, z: Any, y: Any) -> Any:
    return loss(z[:, :2], y, (1 + z[:, 2:].exp()).log() + 0.1)


def with_one_variance(loss: Any, z: Any, y: Any) -> Any:
    return loss(z[:, :2], y, (1 + z[:, 2:3].exp()).log())


def in_pairs(loss: Any, z: Any, y: Any) -> Any:
    return loss(z, z.flip(1), y)


def in_halves(loss: Any, z: Any, y: Any) -> Any:
    return loss(z[:, :2], z[:, 2:], y)


def in_threes(loss: Any, z: Any, y: Any) -> Any:
    return loss(z, y, z.flip(1))


@dataclass(frozen=True)
class Values:
    """Inputs on which a loss is compared with torch (in goldens/losses.json), or its equation."""

    options: dict[str, Any]
    inputs: tuple[Array, ...]
    wanted: tuple[int, ...]  # the inputs that get a gradient
    rtol: float  # in float64, where torch's value is rough
    each: Array | None = None  # the equation in NumPy: of each element or row


def of(
    *inputs: Array, wanted: tuple[int, ...] = (0,), rtol: float = 1e-10, **options: Any
) -> Values:
    """What torch has values of."""
    return Values(options, inputs, wanted, rtol)


def equation(each: Array, *inputs: Array, **options: Any) -> Values:
    """The NumPy equation of a loss that torch lacks, per element or row."""
    return Values(options, inputs, (0,), 1e-10, each)


@dataclass(frozen=True)
class Fit:
    """Targets of a net and how the loss is called: it is trained in a program and eagerly, and its
    gradient goes through the net."""

    targets: Array
    call: Call
    every_layer: bool  # else through a net of one layer
    every_row: bool  # counts: no row is ignored
    reductions: tuple[str, ...]
    options: dict[str, Any]


def fit(
    targets: Array,
    call: Call = plainly,
    every_layer: bool = False,
    every_row: bool = True,
    reductions: tuple[str, ...] = REDUCTIONS,
    **options: Any,
) -> Fit:
    return Fit(targets, call, every_layer, every_row, reductions, options)


def through_all(targets: Array, call: Call = plainly, **options: Any) -> Fit:
    """A fit whose gradient is taken through every layer."""
    return fit(targets, call, every_layer=True, **options)


@dataclass(frozen=True)
class Loss:
    """The test case of one loss.

    torch, equations: its values, by a name that no other loss uses.
    fits: what it is trained on, by what is special; by default numbers, as many as outputs.
    tested_in: the file that holds the values of one with neither.
    signature, functions: as in layers.Layer.
    reductions: of its values; those of its fits are their own.
    """

    torch: Mapping[str, Values] = field(default_factory=dict)
    fits: Mapping[str, Fit] = field(default_factory=lambda: {"": through_all(Y_NUMBERS)})
    equations: Mapping[str, Values] = field(default_factory=dict)
    tested_in: str = ""
    signature: str | None = None
    functions: Mapping[str, str] = field(default_factory=dict)
    reductions: tuple[str, ...] = REDUCTIONS


def direction(shape: tuple[int, ...]) -> Array:
    """The direction on which a non-scalar result is projected."""
    return np.cos(np.arange(1, int(np.prod(shape)) + 1)).reshape(shape)


def summary(lib: Any, kind: str, values: Values, reduction: str, dtype: Any) -> list[list[float]]:
    """The value, or its projection and first entries; and the gradients alike."""
    made = {
        key: lib.tensor(value, dtype=dtype) if isinstance(value, np.ndarray) else value
        for key, value in values.options.items()
    }
    loss = getattr(lib.nn, kind)(**made, reduction=reduction)
    inputs = [
        lib.tensor(a, dtype=dtype) if a.dtype.kind == "f" else lib.tensor(a) for a in values.inputs
    ]
    for i in values.wanted:
        inputs[i].requires_grad_()
    value = loss(*inputs)
    shape = tuple(value.shape)
    (value * lib.tensor(direction(shape), dtype=dtype)).sum().backward()
    results = [value.detach().numpy()] + [inputs[i].grad.numpy() for i in values.wanted]
    return [described(r) for r in results]


def described(array: Any) -> list[float]:
    """A projection, and the first three entries; a sum of inf and -inf is nan."""
    a = np.asarray(array, np.float64)
    with np.errstate(invalid="ignore"):
        projected = float((a * direction(a.shape)).sum())
    return [float(f"{v:.13g}") for v in (projected, *a.ravel()[:3])]

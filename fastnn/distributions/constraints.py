"""Which values a parameter or a sample may have: torch.distributions.constraints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastnn._support.dtypes import converted, readable
from fastnn.tensor import Tensor

Array: TypeAlias = NDArray[Any]

__all__ = [
    "Constraint",
    "boolean",
    "dependent",
    "greater_than",
    "greater_than_eq",
    "half_open_interval",
    "independent",
    "integer_interval",
    "interval",
    "is_dependent",
    "less_than",
    "lower_cholesky",
    "multinomial",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "positive",
    "positive_definite",
    "positive_integer",
    "real",
    "real_vector",
    "simplex",
    "unit_interval",
]


class Constraint:
    """A set of values.

    Args:
        text: what the values are, for error messages.
        holds: which elements (or vectors, matrices: `event_dim` trailing axes) of an array belong.
        is_discrete: whether the values are whole numbers.
        event_dim: how many trailing axes make one value.
    """

    def __init__(
        self,
        text: str,
        holds: Callable[[Array], Any],
        is_discrete: bool = False,
        event_dim: int = 0,
    ) -> None:
        self.text, self.holds = text, holds
        self.is_discrete, self.event_dim = is_discrete, event_dim

    def check(self, value: Tensor) -> Tensor:
        """Which values belong to the set, as bool."""
        return Tensor(self.of(value._array))

    def of(self, array: Array) -> Array:
        """The same of an array as tensors hold it."""
        return np.asarray(self.holds(readable(array)))

    def __repr__(self) -> str:
        return f"Constraint({self.text})"


def greater_than(lower_bound: Any) -> Constraint:
    """Numbers > lower_bound."""
    low = _bound(lower_bound)
    return Constraint(f"numbers > {_text(low)}", lambda x: x > low)


def greater_than_eq(lower_bound: Any) -> Constraint:
    """Numbers >= lower_bound."""
    low = _bound(lower_bound)
    return Constraint(f"numbers >= {_text(low)}", lambda x: x >= low)


def less_than(upper_bound: Any) -> Constraint:
    """Numbers < upper_bound."""
    high = _bound(upper_bound)
    return Constraint(f"numbers < {_text(high)}", lambda x: x < high)


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers in [lower_bound, upper_bound]."""
    low, high = _bound(lower_bound), _bound(upper_bound)
    text = f"numbers in [{_text(low)}, {_text(high)}]"
    return Constraint(text, lambda x: (x >= low) & (x <= high))


def half_open_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers in [lower_bound, upper_bound)."""
    low, high = _bound(lower_bound), _bound(upper_bound)
    text = f"numbers in [{_text(low)}, {_text(high)})"
    return Constraint(text, lambda x: (x >= low) & (x < high))


def integer_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Whole numbers from lower_bound to upper_bound, both included."""
    low, high = _bound(lower_bound), _bound(upper_bound)
    text = f"whole numbers from {_text(low)} to {_text(high)}"
    return Constraint(text, lambda x: (x % 1 == 0) & (x >= low) & (x <= high), True)


def independent(base: Constraint, reinterpreted_batch_ndims: int) -> Constraint:
    """Arrays of values of a constraint: all must belong to it."""
    if not reinterpreted_batch_ndims:
        return base
    axes = tuple(range(-reinterpreted_batch_ndims, 0))
    dim = base.event_dim + reinterpreted_batch_ndims
    return Constraint(base.text, lambda x: base.holds(x).all(axes), base.is_discrete, dim)


def multinomial(total_count: int) -> Constraint:
    """Vectors of whole numbers from 0 up that sum to total_count at most."""
    return Constraint(
        f"vectors of counts that sum to at most {total_count}",
        lambda x: ((x % 1 == 0) & (x >= 0)).all(-1) & (x.sum(-1) <= total_count),
        is_discrete=True,
        event_dim=1,
    )


def _bound(value: Any) -> Any:
    return readable(value._array) if isinstance(value, Tensor) else value


def _text(bound: Any) -> str:
    if isinstance(bound, np.ndarray):
        return f"{bound.item():g}" if bound.size == 1 else "its bound"
    return f"{bound:g}"


def _lower(x: Array) -> Any:
    diagonal = np.diagonal(x, 0, -2, -1)
    return (np.tril(x) == x).all((-2, -1)) & (diagonal > 0).all(-1)


def _definite(x: Array) -> Any:
    if not np.isfinite(x).all():
        return np.zeros(x.shape[:-2], bool)
    close = np.isclose(x, np.swapaxes(x, -1, -2), atol=1e-6).all((-2, -1))
    return close & (np.linalg.eigvalsh(x) > 0).all(-1)


real = Constraint("numbers that are not nan", lambda x: x == x)
real_vector = Constraint("vectors without nan", lambda x: (x == x).all(-1), event_dim=1)
positive = greater_than(0.0)
nonnegative = greater_than_eq(0.0)
unit_interval = interval(0.0, 1.0)
boolean = Constraint("0 or 1", lambda x: (x == 0) | (x == 1), True)
nonnegative_integer = Constraint("whole numbers >= 0", lambda x: (x % 1 == 0) & (x >= 0), True)
positive_integer = Constraint("whole numbers >= 1", lambda x: (x % 1 == 0) & (x >= 1), True)


class _Simplex(Constraint):
    """Vectors of numbers >= 0 whose sum, rounded to their dtype, is 1."""

    def of(self, array: Array) -> Array:
        x = readable(array)
        sums = readable(converted(np.asarray(x.sum(-1)), array.dtype))
        return np.asarray((x >= 0).all(-1) & (np.abs(sums - 1) < 1e-6))


def _on_simplex(x: Array) -> Array:
    return simplex.of(x)


simplex = _Simplex("vectors of numbers >= 0 that sum to 1", _on_simplex, event_dim=1)
one_hot = Constraint(
    "vectors with one 1 and else 0",
    lambda x: ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1),
    is_discrete=True,
    event_dim=1,
)
lower_cholesky = Constraint(
    "lower triangular matrices with a positive diagonal", _lower, event_dim=2
)
positive_definite = Constraint("symmetric positive definite matrices", _definite, event_dim=2)
dependent = Constraint("values that other parameters limit", lambda x: x == x)


def is_dependent(constraint: Constraint) -> bool:
    """Whether a constraint depends on other parameters."""
    return constraint is dependent

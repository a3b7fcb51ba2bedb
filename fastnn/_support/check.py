"""Checks of user input, with their error messages.

A message names the argument, what was expected, what was passed, and what to do:
`y: expected integer classes in 0..9, got 10 at row 317`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fastnn._core.tape import TensorBase
from fastnn._support import dtypes
from fastnn._support.arrays import (
    are_finite,
    as_input,
    binary_targets,
    class_labels,
    class_lists,
    class_range,
    index_range,
    label_range,
    real_dtype,
    regression_targets,
    sample_weight,
    show,
)
from fastnn._support.errors import InvalidIndexError, InvalidTypeError, InvalidValueError, too_large

__all__ = [
    "a_tensor",
    "are_finite",
    "as_input",
    "axis",
    "batch_size",
    "binary_targets",
    "choice",
    "class_labels",
    "elements",
    "class_lists",
    "class_range",
    "epochs",
    "flag",
    "flags_or_none",
    "index_range",
    "integer",
    "label_range",
    "learning_rate",
    "probability",
    "real",
    "real_dtype",
    "regression_targets",
    "same_dtype",
    "same_shape",
    "sample_weight",
    "seed",
    "shape",
    "show",
    "threads",
    "weight_shape",
    "width",
]

MAX_WIDTH = 1 << 24  # units of one layer
MAX_WEIGHTS = 1 << 31  # elements of one weight
MAX_THREADS = 1024


# ---- scalars -------------------------------------------------------------------------------


def integer(name: str, value: Any, low: int, high: int | None = None) -> int:
    """An integer in low..high, or at least low; bool and float are rejected."""
    if isinstance(value, (bool, np.bool_)):
        raise InvalidTypeError(f"{name}: expected an integer, got {value!r}")
    try:
        number = operator.index(value)
    except (TypeError, ValueError, RuntimeError):  # of a Tensor of several elements
        raise InvalidTypeError(f"{name}: expected an integer, got {show(value)}") from None
    if number < low or (high is not None and number > high):
        allowed = f">= {low}" if high is None else f"in {low}..{high}"
        raise InvalidValueError(f"{name}: expected an integer {allowed}, got {number}")
    return number


def real(
    name: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
    torch_says: str = "",
) -> float:
    """A finite number in a range; `torch_says` adds torch's wording to the message."""
    number = _number(name, value)
    inside = (low < number if open_low else low <= number) and (
        number < high if open_high else number <= high
    )
    if math.isfinite(number) and inside:
        return number
    lower = "" if low == -math.inf else f" {'>' if open_low else '>='} {low:g}"
    upper = "" if high == math.inf else f" {'<' if open_high else '<='} {high:g}"
    joint = " and" if lower and upper else ""
    also = f" ({torch_says}: {value})" if torch_says else ""
    raise InvalidValueError(
        f"{name}: expected a finite number{lower}{joint}{upper}, got {value}{also}"
    )


def _number(name: str, value: Any) -> float:
    if isinstance(value, (str, bytes, bool, np.bool_)) or value is None:
        raise InvalidTypeError(f"{name}: expected a number, got {show(value)}")
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise InvalidTypeError(f"{name}: expected a number, got {show(value)}") from None
    except OverflowError:
        raise InvalidValueError(f"{name}: expected a finite number, got {show(value)}") from None


def flag(name: str, value: Any) -> bool:
    """True or False; a number is rejected, which catches misplaced arguments."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise InvalidTypeError(f"{name}: expected True or False, got {show(value)}")


def flags_or_none(**values: Any) -> None:
    """Check that each is True, False or None, by the argument's name."""
    for name, value in values.items():
        if value is not None:
            flag(name, value)


def learning_rate(value: Any, name: str = "lr") -> float:
    """A finite number >= 0; 0 is allowed, as in torch, for schedules that start at 0."""
    return real(name, value, 0.0, torch_says="Invalid learning rate")


def probability(value: Any, name: str = "p") -> float:
    """A number in 0..1; 1 is allowed, as in torch's Dropout."""
    return real(name, value, 0.0, 1.0)


_CHOSEN = (str, int, type(None))


def choice(name: str, value: Any, known: Iterable[Any]) -> Any:
    """One of the allowed values; the error lists them."""
    options = known if isinstance(known, tuple) else list(known)
    if isinstance(value, _CHOSEN) and value in options:
        return value
    listed = ", ".join(repr(option) for option in options)
    raise InvalidValueError(f"{name}: expected one of {listed}, got {show(value)}")


def seed(value: Any, name: str = "seed") -> int:
    """0 .. 2**64 - 1."""
    return integer(name, value, 0, 2**64 - 1)


def epochs(value: Any, name: str = "epochs") -> int:
    """At least 1."""
    return integer(name, value, 1, 2**63 - 1)


def batch_size(value: Any, n: int | None = None, name: str = "batch_size") -> int:
    """At least 1; more than the n rows means one batch of all rows, as in torch."""
    size = integer(name, value, 1, 2**63 - 1)
    return size if n is None else max(1, min(size, n))


def threads(value: Any, name: str = "threads") -> int:
    """1 .. 1024."""
    return integer(name, value, 1, MAX_THREADS)


# ---- shapes and dtypes ---------------------------------------------------------------------


def width(name: str, value: Any) -> int:
    """The number of units of a layer, 1 .. 2**24."""
    return integer(name, value, 1, MAX_WIDTH)


def weight_shape(n_in: Any, n_out: Any, names: tuple[str, str]) -> tuple[int, int]:
    """Two widths whose product is bounded; checked before anything is allocated."""
    rows, columns = width(names[0], n_in), width(names[1], n_out)
    if rows * columns > MAX_WEIGHTS:
        raise InvalidValueError(
            f"{names[0]} * {names[1]}: expected at most {MAX_WEIGHTS} weights, "
            f"got {rows} * {columns} = {rows * columns}"
        )
    return rows, columns


def shape(name: str, value: Sequence[Any]) -> tuple[int, ...]:
    """A shape given as integers or as one sequence of integers."""
    if len(value) == 1 and isinstance(value[0], (tuple, list)):
        value = value[0]
    sizes = tuple(integer(f"{name}[{i}]", size, 0, 2**48) for i, size in enumerate(value))
    return elements(name, sizes)


def elements(name: str, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that memory can hold."""
    if math.prod(sizes) > 2**59:
        raise too_large(name, sizes)
    return sizes


def axis(whose: str, dim: Any, ndim: int) -> int:
    """An axis of a tensor, from -ndim to ndim - 1."""
    if not isinstance(dim, int | np.integer):
        raise InvalidTypeError(f"dim: expected an integer, got {show(dim)}")
    if not -ndim <= dim < ndim:
        raise InvalidIndexError(f"dim: expected {-ndim}..{ndim - 1} for {whose}, got {dim}")
    return int(dim)


def same_shape(name: str, got: tuple[int, ...], expected: tuple[int, ...], whose: str) -> None:
    """Equal shapes, so that nothing broadcasts by accident in a loss."""
    if got != expected:
        raise InvalidValueError(
            f"{name}: expected shape {expected} like {whose}, got {got}; "
            f"nothing is broadcast here, reshape one of them"
        )


def same_dtype(name: str, got: np.dtype[Any], expected: np.dtype[Any], whose: str) -> None:
    """Equal dtypes; nothing is converted silently."""
    if got != expected:
        got, expected = dtypes.public(got), dtypes.public(expected)
        raise InvalidTypeError(
            f"{name}: expected dtype {expected} like {whose}, got {got}; convert it"
        )


def a_tensor(name: str, value: Any) -> None:
    """A Tensor, not an array."""
    if not isinstance(value, TensorBase):
        raise InvalidTypeError(
            f"{name}: expected a Tensor, got {show(value)}; wrap an array by fastnn.tensor(...)"
        )

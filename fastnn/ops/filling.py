"""Copies filled with one value, as a whole or where a mask says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.elementwise import where
from fastnn.ops.promote import cast
from fastnn.ops.write import value_of
from fastnn.tensor import Tensor, bool_, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.table import Operand

__all__ = ["fill", "masked_fill"]


def masked_fill(input: Tensor, mask: Tensor, value: Operand) -> Tensor:
    """`value`, a number or a 0-d tensor, where the mask is True, else input; of input's dtype.

    Raises:
        TypeError: a mask that is not bool. ValueError: a value with axes.
        RuntimeError: a number beyond an integer dtype.
    """
    if isinstance(value, Tensor) and value.ndim:
        raise InvalidValueError(
            f"value: expected a number or a 0-d tensor, got shape {value.shape}; use where"
        )
    if mask.dtype != bool_:
        raise InvalidTypeError(
            f"mask: expected a bool tensor, got {mask.dtype}; convert by .bool()"
        )
    value = cast(value, input.dtype) if isinstance(value, Tensor) else value_of(value, input)
    return where(mask, value, input)


def fill(input: Tensor, value: Operand) -> Tensor:
    """A tensor of input's shape and dtype with `value`, a number or a 0-d tensor, everywhere.

    Raises:
        ValueError: a tensor with axes. RuntimeError: a number beyond an integer dtype.

    Source: torch.fill. The gradient by input is 0.

    Example:
        >>> import fastnn
        >>> fastnn.fill(fastnn.zeros(2), 3.5)
        tensor([3.5000, 3.5000])
    """
    if isinstance(value, Tensor) and value.ndim:
        raise InvalidValueError(
            f"value: expected a number or a 0-d tensor, got shape {value.shape}"
        )
    return masked_fill(input, of_array(np.array(True)), value)


METHODS = methods(masked_fill)

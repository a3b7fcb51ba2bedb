"""Errors of calls with tensors, which users of NumPy and of torch catch by different names.

What NumPy says with ValueError, TypeError or IndexError, torch mostly says with RuntimeError: that
shapes do not fit, that a dtype has no kernel, that an index is too large. These are both.

>>> import fastnn
>>> try:
...     fastnn.ones(2, 3) @ fastnn.ones(2, 3)
... except RuntimeError as error:
...     print(isinstance(error, ValueError))
True
"""

from __future__ import annotations

import numpy as np

from fastnn._core.engine import InvalidTypeError, InvalidValueError

__all__ = [
    "InvalidIndexError",
    "InvalidTypeError",
    "InvalidValueError",
    "broadcast_shapes",
    "too_large",
]


NUMPY_OF_TAPED = (
    "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
)


class InvalidIndexError(IndexError, ValueError, RuntimeError):
    """An axis or a position that is not there."""


def too_large(name: str, shape: tuple[int, ...]) -> InvalidValueError:
    """The error of a shape that no memory can hold."""
    return InvalidValueError(
        f"{name}: expected a shape of fewer than 2**63 bytes, got {tuple(shape)}"
    )


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """`np.broadcast_shapes`, with an error of ours. Shapes that need no broadcasting, numbers
    among them, are not shown to NumPy, which takes 2 us.

    >>> from fastnn._support.errors import broadcast_shapes
    >>> broadcast_shapes((2, 3), (3,))
    (2, 3)
    """
    size: tuple[int, ...] = ()
    for shape in shapes:
        if not size:
            size = shape
        elif shape and shape != size:
            break
    else:
        return size
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        shown = " and ".join(map(str, shapes))
        raise InvalidValueError(f"shapes {shown} do not broadcast") from None

"""Size: the shape of a tensor, a tuple that can count the elements."""

from __future__ import annotations

import math

from fastnn._core import tape


class Size(tape.Sizes):
    """The shape of a tensor: a tuple of the sizes of its axes. Its slices are sizes too.

    Example:
        >>> import fastnn
        >>> fastnn.zeros(2, 3).shape.numel()
        6
        >>> fastnn.zeros(2, 3, 4).shape[1:].numel()
        12
        >>> print(fastnn.zeros(2, 3).shape)
        torch.Size([2, 3])
    """

    __slots__ = ()

    def numel(self) -> int:
        """The number of elements: the product of the sizes."""
        return math.prod(self)

    def __str__(self) -> str:
        return f"torch.Size({list(self)})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)  # messages say (2, 3)

    def __add__(self, other: object) -> Size:
        """This size, then the sizes of another tuple."""
        if not isinstance(other, tuple):
            return NotImplemented
        return Size((*self, *other))

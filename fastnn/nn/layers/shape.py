"""Identity, Flatten and Unflatten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnn import ops
from fastnn._support import check
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.nn.layer import Layer
from fastnn.tensor import Tensor

__all__ = ["Flatten", "Identity", "Unflatten"]


class Identity(Layer):
    """Identity layer: y = x; arguments are ignored, so that it can take any layer's place.

    >>> from fastnn import nn
    >>> nn.Identity(54, unused=True)
    Identity()
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """x."""
        return input


class Flatten(Layer):
    """Flatten axes start_dim..end_dim into one: (n, a, b) becomes (n, a * b).

    Args:
        start_dim: default 1.
        end_dim: default -1.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Flatten()(fastnn.zeros(5, 2, 3)).shape
    (5, 6)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim: int = check.integer("start_dim", start_dim, -64, 63)
        self.end_dim: int = check.integer("end_dim", end_dim, -64, 63)

    def forward(self, input: Tensor) -> Tensor:
        """x with fewer axes."""
        check.a_tensor("input", input)
        return ops.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Layer):
    """Split one axis into several: (n, a * b) becomes (n, a, b).

    Args:
        dim: the axis.
        unflattened_size: the sizes it is split into; one of them may be -1.

    Raises:
        ValueError: sizes that do not multiply to that of the axis.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Unflatten(1, (2, 3))(fastnn.zeros(5, 6)).shape
    (5, 2, 3)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim: int = check.integer("dim", dim, -64, 63)
        if not isinstance(unflattened_size, Sequence):
            raise InvalidTypeError(
                f"unflattened_size: expected sizes, got {check.show(unflattened_size)}"
            )
        self.unflattened_size: tuple[int, ...] = tuple(
            check.integer("unflattened_size", n, -1, 2**31) for n in unflattened_size
        )

    def forward(self, input: Tensor) -> Tensor:
        """x with more axes."""
        check.a_tensor("input", input)
        at = check.integer("dim", self.dim, -input.ndim, input.ndim - 1) % input.ndim
        sizes = self.unflattened_size
        known = math.prod(n for n in sizes if n != -1)
        if sizes.count(-1) == 1 and known:
            sizes = tuple(input.shape[at] // known if n == -1 else n for n in sizes)
        if math.prod(sizes) != input.shape[at] or -1 in sizes:
            raise InvalidValueError(
                f"unflattened_size: expected sizes that multiply to {input.shape[at]}, "
                f"got {self.unflattened_size}"
            )
        return ops.reshape(input, (*input.shape[:at], *sizes, *input.shape[at + 1 :]))

    def extra_repr(self) -> str:
        """The axis and its sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"

"""Padding of sequences: values put before and after the last axis."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn._support import check
from fastnn._support.errors import InvalidValueError
from fastnn.nn.layer import Layer
from fastnn.ops.padding import pad
from fastnn.tensor import Tensor

__all__ = ["CircularPad1d", "ConstantPad1d", "ReflectionPad1d", "ReplicationPad1d", "ZeroPad1d"]


class _Pad(Layer):
    mode = "constant"
    value: float = 0.0

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        ends = (padding, padding) if isinstance(padding, int) else padding
        if not isinstance(ends, Sequence) or len(ends) != 2:
            raise InvalidValueError(
                f"padding: expected a number, or (before, after), got {padding}"
            )
        self.padding: tuple[int, ...] = tuple(
            check.integer("padding", n, -(2**31), 2**31) for n in ends
        )

    def forward(self, input: Tensor) -> Tensor:
        """x with a longer, or shorter, last axis."""
        check.a_tensor("input", input)
        if self.mode == "constant":
            return pad(input, self.padding, value=self.value)
        if input.ndim not in (2, 3):
            raise InvalidValueError(
                "input: expected (channels, length) or (rows, channels, length), got shape "
                f"{input.shape}"
            )
        return pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """The padding."""
        return f"{self.padding}"


class ConstantPad1d(_Pad):
    """Put a number before and after the last axis.

    Args:
        padding: how many, or (before, after); below 0 places are cut off.
        value: the number.

    Raises:
        ValueError: more is cut off than there is.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.ConstantPad1d((1, 2), 7.0)(fastnn.zeros(1, 2))
    tensor([[7., 0., 0., 7., 7.]])
    """

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value: float = check.real("value", value)

    def extra_repr(self) -> str:
        """The padding and the number."""
        return f"padding={self.padding}, value={self.value}"


class ZeroPad1d(_Pad):
    """Put zeros before and after the last axis.

    Args:
        padding: how many, or (before, after); below 0 places are cut off.

    Raises:
        ValueError: more is cut off than there is.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.ZeroPad1d(1)(fastnn.ones(1, 2))
    tensor([[0., 1., 1., 0.]])
    """


class ReflectionPad1d(_Pad):
    """Continue the last axis as its mirror image at the first and at the last element.

    Args:
        padding: how many places, or (before, after), each less than the axis is long.

    Called with (rows, channels, length) or (channels, length).

    Raises:
        ValueError: another number of axes; a padding that is too wide.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.ReflectionPad1d(2)(fastnn.arange(3.0)[None])
    tensor([[2., 1., 0., 1., 2., 1., 0.]])
    """

    mode = "reflect"


class ReplicationPad1d(_Pad):
    """Continue the last axis by its first and its last element.

    Args:
        padding: how many places, or (before, after).

    Called with (rows, channels, length) or (channels, length).

    Raises:
        ValueError: another number of axes.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.ReplicationPad1d((0, 2))(fastnn.arange(3.0)[None])
    tensor([[0., 1., 2., 2., 2.]])
    """

    mode = "replicate"


class CircularPad1d(_Pad):
    """Continue the last axis around: before its begin comes its end.

    Args:
        padding: how many places, or (before, after), at most as many as the axis is long.

    Called with (rows, channels, length) or (channels, length).

    Raises:
        ValueError: another number of axes; a padding that is too wide.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.CircularPad1d(1)(fastnn.arange(3.0)[None])
    tensor([[2., 0., 1., 2., 0.]])
    """

    mode = "circular"

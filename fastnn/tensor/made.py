"""Tensors made of values, whose memory lies as torch's would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray


def made(array: NDArray[Any], requires_grad: bool = False) -> Tensor:
    """A tensor of an array that torch would have at the same strides: `Tensor.view` asks for it."""
    y = of_array(array, requires_grad)
    y._given = True
    return y

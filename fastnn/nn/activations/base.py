"""What activations share: the checks, the argument `inplace`, and their short names."""

from __future__ import annotations

from fastnn._support import check
from fastnn._support.presets import Presets
from fastnn.nn.layer import Layer
from fastnn.tensor import Tensor

# By the names that MindSpore's `Dense` and the command line take; hidden=False: not between layers.
ACTIVATIONS: Presets[Layer] = Presets()


def checked(input: Tensor, inplace: bool = False) -> None:
    """A tensor, and a flag without effect."""
    if type(input) is not Tensor:  # most often it is: no call for that
        check.a_tensor("input", input)
    if inplace is not False:
        check.flag("inplace", inplace)


class Elementwise(Layer):
    """An activation that computes each element from the element of its place alone."""


class Plain(Elementwise):
    """An activation without numbers.

    Args:
        inplace: accepted, and has no effect: x stays what it is.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)

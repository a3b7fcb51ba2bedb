"""Shared parts of activations: argument checks, `inplace`, and the short names."""

from __future__ import annotations

from fastnn._support import check
from fastnn._support.presets import Presets
from fastnn.nn.layer import Layer
from fastnn.tensor import Tensor

# By the names that MindSpore's `Dense` and the command line take; hidden=False: not between layers.
ACTIVATIONS: Presets[Layer] = Presets()


def checked(input: Tensor, inplace: bool = False) -> None:
    """Check the input tensor and the `inplace` flag, which has no effect."""
    if type(input) is not Tensor:  # most often it is: no call for that
        check.a_tensor("input", input)
    if inplace is not False:
        check.flag("inplace", inplace)


class Elementwise(Layer):
    """Base class of elementwise activations."""


class Plain(Elementwise):
    """Base class of elementwise activations without parameters.

    Args:
        inplace: accepted without effect: x is not modified.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)

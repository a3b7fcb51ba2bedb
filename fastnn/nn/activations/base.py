"""Shared parts of activations: argument checks, `inplace`, and the short names."""

from __future__ import annotations

from collections.abc import Callable

from fastnn._support import check, dtypes
from fastnn._support.presets import Presets
from fastnn.nn.layer import Layer
from fastnn.ops.inplace import replace
from fastnn.tensor import Tensor

# By the names that MindSpore's `Dense` and the command line take; hidden=False: not between layers.
ACTIVATIONS: Presets[Layer] = Presets()


def checked(input: Tensor, inplace: bool = False) -> None:
    """Check the input tensor and the `inplace` flag."""
    if type(input) is not Tensor:  # most often it is: no call for that
        check.a_tensor("input", input)
    if inplace is not False:
        check.flag("inplace", inplace)


def limit_for(input: Tensor, value: float) -> float:
    """A number as it stands beside x: whole beside whole numbers, which then stay ones."""
    return value if dtypes.is_float(input._array.dtype) else int(value)


def into(input: Tensor, name: str, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """compute(input), written into the memory of input; returns input.

    Raises:
        RuntimeError: a leaf that requires grad.
    """
    return replace(input, name, compute, ())


class Elementwise(Layer):
    """Base class of elementwise activations."""

    inplace = False

    def _and_inplace(self, text: str) -> str:
        """The options as text, and `inplace` if it is set."""
        return ", ".join([text] * bool(text) + ["inplace=True"] * self.inplace)


class Plain(Elementwise):
    """Base class of elementwise activations without parameters.

    Args:
        inplace: write the result into x, default False.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace: bool = check.flag("inplace", inplace)

    def extra_repr(self) -> str:
        """`inplace`, if it is set."""
        return self._and_inplace("")

"""FlatParameters: the parameters of a group as views of one vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._core.tape import hold, span
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor, of_array

ALIGN_BYTES = 64
ALIGN_ELEMENTS = 16  # each parameter begins at a multiple of this; the gap holds zeros

Array = npt.NDArray[Any]


class FlatParameters:
    """Values and gradients of parameters of one dtype, each in one 64-byte-aligned vector.

    The parameters become views of `values`, each in the memory order it had: a weight
    (out, in) that was the transpose of an (in, out) array stays that.

    Attributes:
        params: the parameters, in order.
        values: all values, a 1-D Tensor.
        gradients: all gradients, a 1-D Tensor laid out alike.
        grads: for each parameter, its view of `gradients`.
        starts: where each parameter begins, and at last the length of the vectors.

    >>> import numpy as np
    >>> from fastnn import Parameter
    >>> from fastnn.optim.flat import FlatParameters
    >>> a, b = Parameter(np.ones((2, 3), np.float32)), Parameter(np.ones(3, np.float32))
    >>> flat = FlatParameters.of([a, b])
    >>> flat.starts, np.shares_memory(a.detach().numpy(), flat.values.numpy())
    ([0, 16, 32], True)
    """

    def __init__(self, params: Sequence[Tensor]) -> None:
        self.params: tuple[Tensor, ...] = tuple(params)
        self.dtype: np.dtype[Any] = params[0].dtype
        self.starts: list[int] = [0]
        for p in params:
            gap = -p.numel() % ALIGN_ELEMENTS
            self.starts.append(self.starts[-1] + p.numel() + gap)
        self._orders = [_memory_order(p._array) for p in params]
        self._axes = [tuple(map(order.index, range(len(order)))) for order in self._orders]
        self.values: Tensor = self.vector()
        self.renew_gradients()
        self._views = self.views(self.values)
        for p, view in zip(self.params, self._views, strict=True):
            np.copyto(view, p._array)
            p._array = view
            if isinstance(p, Parameter):
                p._flat = self

    def renew_gradients(self) -> None:
        """Switch to a new vector of gradients."""
        self.gradients: Tensor = self.vector()
        self.grads: list[Tensor] = [of_array(view) for view in self.views(self.gradients)]

    @classmethod
    def of(cls, params: Sequence[Tensor]) -> FlatParameters:
        """The existing vector that holds exactly these parameters, else a new one."""
        first = params[0]
        flat: FlatParameters | None = first._flat if isinstance(first, Parameter) else None
        if flat is not None and flat._holds(params) and flat.is_intact():
            return flat
        return cls(params)

    def _holds(self, params: Sequence[Tensor]) -> bool:
        return len(params) == len(self.params) and all(
            mine is theirs for mine, theirs in zip(self.params, params, strict=True)
        )

    def is_intact(self) -> bool:
        """Whether every parameter still is a view of `values`."""
        return hold(self.params, self._views)

    def vector(self) -> Tensor:
        """A new aligned vector of zeros with the layout of `values`."""
        return of_array(_aligned_zeros(self.starts[-1], self.dtype))

    def views(self, vector: Tensor) -> list[Array]:
        """For each parameter, its view of a vector with this layout."""
        views = []
        for i, (p, order) in enumerate(zip(self.params, self._orders, strict=True)):
            begin, shape = self.starts[i], p._array.shape
            stored = vector._array[begin : begin + p._array.size]
            views.append(stored.reshape([shape[axis] for axis in order]).transpose(self._axes[i]))
        return views


def _memory_order(array: Array) -> list[int]:
    """The axes in order of decreasing stride."""
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


def _aligned_zeros(n: int, dtype: np.dtype[Any]) -> Array:
    raw = np.zeros(n * dtype.itemsize + ALIGN_BYTES, np.uint8)
    offset = -span(raw)[0] % ALIGN_BYTES
    return raw[offset : offset + n * dtype.itemsize].view(dtype)

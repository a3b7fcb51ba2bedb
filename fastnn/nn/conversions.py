"""The methods of modules that convert their parameters to another dtype."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check, dtypes
from fastnn._support.device import is_device

if TYPE_CHECKING:
    from typing import Self

    from fastnn.tensor import Tensor


class Conversions:
    """What `Module` inherits: `to` and its short forms."""

    if TYPE_CHECKING:

        def parameters(self, recurse: bool = True) -> Iterator[Any]: ...
        def buffers(self, recurse: bool = True) -> Iterator[Tensor]: ...
        def _changed(self) -> None: ...

    def to(self, *args: Any, dtype: Any = None, device: Any = None) -> Self:
        """Convert parameters and floating buffers to a dtype, and return self.

        Of float16 and bfloat16 every operation is computed in float32 and rounded: that halves the
        memory of the weights, and is slower than float32. Inputs must be of the same dtype.

        The arrays change, so make optimizers and compiled functions afterwards. A device, alone
        or before the dtype, must be the CPU; another raises RuntimeError.
        """
        for value in (*args, device):
            if not (value is None or is_device(value)):
                dtype = value
        if dtype is None:
            return self
        real = check.real_dtype(dtype)
        self._changed()
        for tensor in [*self.parameters(), *self.buffers()]:
            if tensor.dtype.kind == "f" and tensor.dtype != real:
                tensor._array = dtypes.converted(tensor._array, real)
                tensor.grad = None if tensor.grad is None else tensor.grad.detach().to(real)
        return self

    def float(self) -> Self:
        """Convert to float32, and return self."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert to float64, and return self."""
        return self.to(np.float64)

    def half(self) -> Self:
        """Convert to float16, and return self."""
        return self.to(np.float16)

    def bfloat16(self) -> Self:
        """Convert to bfloat16, and return self."""
        return self.to("bfloat16")

    def cpu(self) -> Self:
        """No effect: the module is on the CPU. Returns self."""
        return self

"""Changes to the memory of all tensors of a Module: dtypes, devices, sharing."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fastnn._support import check, device as _device, dtypes
from fastnn._support.device import is_device
from fastnn.tensor import Tensor


def _shared(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy that lies in memory in the same order, and is shared with forked processes."""
    if not array.size:
        return array
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    memory = np.frombuffer(mmap.mmap(-1, array.nbytes), array.dtype)
    copy = memory.reshape([array.shape[axis] for axis in order]).transpose(np.argsort(order))
    copy[...] = array
    return copy


class Converted:
    """The part of a Module that is about the memory of its tensors."""

    parameters: Callable[..., Iterator[Tensor]]
    buffers: Callable[..., Iterator[Tensor]]
    _changed: Callable[[], None]

    def to(self, *args: Any, dtype: Any = None, device: Any = None, **options: Any) -> Self:
        """Convert parameters and floating buffers to a dtype, and return self.

        Of float16 and bfloat16 every operation is computed in float32 and rounded: that halves the
        memory of the weights, and is slower than float32. Inputs must be of the same dtype.

        The arrays change, so make optimizers and compiled functions afterwards. A device, alone
        or before the dtype, must be the CPU; another raises RuntimeError. A Tensor stands for its
        dtype.

        Args:
            dtype: float32, float64, float16 or bfloat16.
            device: 'cpu'.
            options: non_blocking, copy and memory_format, without effect.
        """
        for name in options:
            check.choice("to", name, ("non_blocking", "copy", "memory_format"))
        for value in (*args, device):
            if not (value is None or isinstance(value, bool) or is_device(value)):
                dtype = value.dtype if isinstance(value, Tensor) else value
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

    def type(self, dst_type: Any) -> Self:
        """Convert to a dtype, as `to`, and return self."""
        return self.to(dst_type)

    def half(self) -> Self:
        """Convert to float16, and return self."""
        return self.to(np.float16)

    def bfloat16(self) -> Self:
        """Convert to bfloat16, and return self."""
        return self.to("bfloat16")

    def cpu(self) -> Self:
        """No effect: the module is on the CPU. Returns self."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """Refused.

        Raises:
            RuntimeError: always; the CPU is the only device.
        """
        _device.device("cuda")
        return self

    def ipu(self, device: Any = None) -> Self:
        """Refused, as `cuda`."""
        return self.cuda()

    xpu = ipu
    mtia = ipu

    def to_empty(self, *, device: Any = None, recurse: bool = True) -> Self:
        """Accept the CPU, and return self; values stay, as they are on no other device."""
        if device is not None:
            _device.device(device)
        check.flag("recurse", recurse)
        return self

    def share_memory(self) -> Self:
        """Move all tensors to memory that processes forked from now on share, and return self.

        The arrays change, so make optimizers and compiled functions afterwards, which would move
        the parameters out of there: share a model for reading, or write to it by `copy_`.
        """
        self._changed()
        for tensor in [*self.parameters(), *self.buffers()]:
            tensor._array = _shared(tensor._array)
        return self

    def compile(self, *args: Any, **options: Any) -> None:
        """No effect, in place of torch's in-place compilation: `fastnn.compile` compiles a whole
        step, with the backward pass and the update, and `Trainer.fit` does so itself."""

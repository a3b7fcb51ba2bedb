"""LazyBatchNorm1d: a batch normalization that infers `num_features` at the first call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

from fastnn._support import check, device as _device
from fastnn._support.errors import InvalidValueError
from fastnn.nn.layers.batch_norm import BatchNorm1d, share_of_new
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tape import listener
from fastnn.tensor import Tensor

__all__ = ["LazyBatchNorm1d"]


class LazyBatchNorm1d(BatchNorm1d):
    """A BatchNorm1d that infers `num_features` from the first x, and becomes one then.

    Args:
        eps, momentum, affine, track_running_stats, device, dtype, bias: as for BatchNorm1d.

    Call the model on a batch before its parameters are needed: by an optimizer, by `state_dict`,
    by `compile`.

    Raises:
        RuntimeError: parameters that are asked for before the first call.

    >>> import fastnn
    >>> from fastnn import nn
    >>> layer = nn.LazyBatchNorm1d(affine=False)
    >>> layer(fastnn.zeros(4, 3)).shape, layer.num_features
    ((4, 3), 3)
    """

    _is_kept = False  # it has no values yet

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        Module.__init__(self)
        if device is not None:
            _device.device(device)
        self.num_features = 0
        self.eps: float = check.real("eps", eps, 0.0)
        self.momentum: float | None = share_of_new(momentum)
        self.affine: bool = check.flag("affine", affine)
        self.track_running_stats: bool = check.flag("track_running_stats", track_running_stats)
        self._wanted = check.flag("bias", bias), check.real_dtype(dtype)

    def _own_parameters(self) -> Iterable[tuple[str, Parameter | None]]:
        raise RuntimeError(
            "LazyBatchNorm1d: expected a first call before the parameters are used; "
            "call the model once on a batch, then make optimizers and compiled functions"
        )

    def reset_parameters(self) -> None:
        """No effect: there are no values yet."""

    reset_running_stats = reset_parameters

    def forward(self, input: Tensor) -> Tensor:
        """y of x's shape; makes the parameters."""
        check.a_tensor("input", input)
        if listener.active is not None:
            self._own_parameters()
        if input.ndim not in (2, 3):
            raise InvalidValueError(
                "input: expected shape (rows, features) or (rows, features, length), got "
                f"{input.shape}"
            )
        bias, dtype = self._wanted
        made = BatchNorm1d(
            input.shape[1], self.eps, self.momentum, self.affine, self.track_running_stats,
            dtype=dtype, bias=bias,
        )  # fmt: skip
        del self._wanted
        self.__class__ = BatchNorm1d  # type: ignore[assignment]
        self.num_features: int = made.num_features
        for name, parameter in made._parameters.items():
            self.register_parameter(name, parameter)
        for name, buffer in made._buffers.items():
            self.register_buffer(name, buffer)
        return self.forward(input)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.num_features}, eps={self.eps:g}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}"
        )

"""LazyLinear: a linear layer that infers `in_features` at the first call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

from fastnn._support import check, device as _device
from fastnn._support.errors import InvalidValueError
from fastnn.nn.layers.linear import Linear
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tape import listener
from fastnn.tensor import Tensor

__all__ = ["LazyLinear"]


class LazyLinear(Linear):
    """A Linear that infers `in_features` from the first x, and becomes a Linear then.

    Args:
        out_features: columns of y.
        bias: default True; False leaves b out.
        device: None (default) or 'cpu'.
        dtype: float32 or float64; default: `get_default_dtype()`.

    Call the model on a batch before its parameters are needed: by an optimizer, by `state_dict`,
    by `compile`.

    Raises:
        RuntimeError: parameters that are asked for before the first call.

    >>> import fastnn
    >>> from fastnn import nn
    >>> layer = nn.LazyLinear(2)
    >>> layer(fastnn.zeros(4, 3)).shape
    (4, 2)
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """

    _is_kept = False  # it has no values yet

    def __init__(
        self,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        Module.__init__(self)
        if device is not None:
            _device.device(device)
        self.in_features = 0
        self.out_features: int = check.width("out_features", out_features)
        self._wanted = check.flag("bias", bias), check.real_dtype(dtype)

    def _own_parameters(self) -> Iterable[tuple[str, Parameter | None]]:
        raise RuntimeError(
            "LazyLinear: expected a first call before the parameters are used; "
            "call the model once on a batch, then make optimizers and compiled functions"
        )

    def reset_parameters(self) -> None:
        """No effect: there are no values yet."""

    def forward(self, input: Tensor) -> Tensor:
        """y of shape (..., out_features); makes the parameters."""
        check.a_tensor("input", input)
        if listener.active is not None:
            self._own_parameters()
        if input.ndim == 0:
            raise InvalidValueError("input: expected at least one axis, got shape ()")
        bias, dtype = self._wanted
        made = Linear(input.shape[-1], self.out_features, bias, dtype=dtype)
        made.training = self.training
        del self._wanted
        self.__class__ = Linear  # type: ignore[assignment]
        self.in_features: int = made.in_features
        self.weight: Parameter = made.weight
        self.register_parameter("bias", made.bias)
        return self.forward(input)

    def extra_repr(self) -> str:
        """The sizes."""
        bias = self._wanted[0]
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"

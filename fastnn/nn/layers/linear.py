"""The affine layer."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, device as _device
from fastnn.nn import init
from fastnn.nn.layer import Layer
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor

__all__ = ["Linear", "linear"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Affine map: y = x W^T + b.

    Args:
        input: x, shape (..., in).
        weight: W, shape (out, in).
        bias: b, shape (out,), or None (default).

    Raises:
        TypeError: not a Tensor, or another dtype than the weight's.
        ValueError: shapes that do not fit.

    >>> import fastnn
    >>> import fastnn.nn.functional as F
    >>> w = fastnn.tensor([[1.0, 2.0]])
    >>> print(F.linear(fastnn.tensor([[3.0, 4.0]]), w).numpy())
    [[11.]]
    """
    if type(input) is not Tensor:
        check.a_tensor("input", input)
    return ops.linear(input, weight, bias)


class Linear(Layer):
    """Affine layer: y = x W^T + b.

    Args:
        in_features: columns of x.
        out_features: columns of y.
        bias: default True; False leaves b out.
        device: None (default) or 'cpu'.
        dtype: float32 or float64; default: `get_default_dtype()`.

    Attributes:
        weight: W, shape (out_features, in_features), stored by columns: the array in memory is
            (in_features, out_features), as the kernels read it.
        bias: b, shape (out_features,), or None.

    Both start as U(-1/sqrt(in_features), 1/sqrt(in_features)), weight first, and equal torch's
    for the same `manual_seed`.

    Raises:
        TypeError, ValueError: a size that is not an integer >= 1, or weights beyond 2**31.
        RuntimeError: another device.

    >>> import fastnn
    >>> from fastnn import nn
    >>> _ = fastnn.manual_seed(0)
    >>> layer = nn.Linear(2, 1)
    >>> layer.weight.detach()
    tensor([[-0.0053,  0.3793]])
    >>> layer.bias.detach()
    tensor([-0.5820])
    """

    in_features: int
    out_features: int
    _by_columns = frozenset({"weight"})
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if device is not None:
            _device.device(device)
        names = ("in_features", "out_features")
        n_in, n_out = check.weight_shape(in_features, out_features, names)
        real = check.real_dtype(dtype)
        self.in_features, self.out_features = n_in, n_out
        stored = self._empty((n_in, n_out), real)
        self.weight = Parameter(stored.T)
        if check.flag("bias", bias):
            self.bias = Parameter(self._empty(n_out, real))
        else:
            self.register_parameter("bias", None)
        self._begin()

    def reset_parameters(self) -> None:
        """Draw the starting values anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # the bound is 1/sqrt(in_features)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """y of shape (..., out_features) for x of shape (..., in_features)."""
        p = self._parameters  # faster than the attributes
        weight = p.get("weight")
        return linear(input, self.weight if weight is None else weight, p["bias"])

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )

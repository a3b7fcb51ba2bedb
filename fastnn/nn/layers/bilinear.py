"""The bilinear layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, device as _device
from fastnn._support.errors import InvalidValueError
from fastnn.nn import init
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor

__all__ = ["Bilinear", "bilinear"]


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Bilinear map: y_k = sum_ij u_i W_kij v_j + b_k; see `nn.Bilinear`.

    Args:
        input1: u, (..., in1).
        input2: v, (..., in2), the same leading axes.
        weight: W, (out, in1, in2).
        bias: b, (out,), or None (default).

    Raises:
        TypeError, ValueError: dtypes or shapes that do not fit.
    """
    for name, x in (("input1", input1), ("input2", input2), ("weight", weight)):
        check.a_tensor(name, x)
        check.same_dtype(name, x.dtype, weight.dtype, "weight")
    if weight.ndim != 3:
        raise InvalidValueError(f"weight: expected shape (out, in1, in2), got {weight.shape}")
    n_out, n_1, n_2 = weight.shape
    check.same_shape("input1", input1.shape[-1:], (n_1,), "weight")
    check.same_shape("input2", input2.shape, (*input1.shape[:-1], n_2), "input1 and weight")
    products = ops.mul(
        ops.reshape(input1, (*input1.shape, 1)), ops.reshape(input2, (*input2.shape[:-1], 1, n_2))
    )
    flat = ops.reshape(products, (*input1.shape[:-1], n_1 * n_2))
    return ops.linear(flat, ops.reshape(weight, (n_out, n_1 * n_2)), bias)


class Bilinear(Module):
    """Bilinear layer: y_k = sum_ij u_i W_kij v_j + b_k of two inputs u and v.

    Args:
        in1_features, in2_features: columns of u and v.
        out_features: columns of y.
        bias: default True; False leaves b out.
        device: None (default) or 'cpu'.
        dtype: float32 or float64; default: `get_default_dtype()`.

    Attributes:
        weight: W, (out_features, in1_features, in2_features).
        bias: b, (out_features,), or None.

    Both start as U(-1/sqrt(in1_features), 1/sqrt(in1_features)), weight first, and equal torch's
    for the same `manual_seed`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> layer = nn.Bilinear(2, 1, 1, bias=False)
    >>> _ = fastnn.nn.init.ones_(layer.weight)
    >>> layer(fastnn.tensor([[1.0, 2.0]]), fastnn.tensor([[4.0]])).detach()
    tensor([[12.]])
    """

    in1_features: int
    in2_features: int
    out_features: int
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if device is not None:
            _device.device(device)
        names = ("in1_features", "in2_features")
        self.in1_features, self.in2_features = check.weight_shape(in1_features, in2_features, names)
        names = ("in1_features * in2_features", "out_features")
        _, self.out_features = check.weight_shape(
            self.in1_features * self.in2_features, out_features, names
        )
        real = check.real_dtype(dtype)
        shape = self.out_features, self.in1_features, self.in2_features
        self.weight = Parameter(np.empty(shape, real))
        wanted = check.flag("bias", bias)
        self.register_parameter(
            "bias", Parameter(np.empty(self.out_features, real)) if wanted else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the starting values anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """y of shape (..., out_features)."""
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )

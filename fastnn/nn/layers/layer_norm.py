"""Layer and RMS normalization."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, device as _device
from fastnn._support.dtype_info import finfo
from fastnn._support.errors import InvalidValueError
from fastnn.nn import init
from fastnn.nn.layer import Layer
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor

__all__ = ["LayerNorm", "RMSNorm", "layer_norm", "rms_norm"]


def _by_rows(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
    centred: bool,
) -> Tensor:
    check.a_tensor("input", input)
    shape = tuple(normalized_shape)
    axes = len(shape)
    if not axes:
        raise InvalidValueError("normalized_shape: expected at least one size, got ()")
    check.same_shape("input", input.shape[max(input.ndim - axes, 0) :], shape, "normalized_shape")
    for name, x in (("weight", weight), ("bias", bias)):
        if x is not None:
            check.same_shape(name, x.shape, shape, "normalized_shape")
    if axes != 1:
        weight = None if weight is None else ops.reshape(weight, (-1,))
        bias = None if bias is None else ops.reshape(bias, (-1,))
    eps = check.real("eps", eps, 0.0)
    width = math.prod(shape)
    if input.ndim == 2 and axes == 1:
        return ops.layer_norm(input, weight, bias, eps, centred)
    rows = math.prod(input.shape[: input.ndim - axes])
    y = ops.layer_norm(ops.reshape(input, (rows, width)), weight, bias, eps, centred)
    return ops.reshape(y, input.shape)


class _ByRows(Layer):
    """Base class of normalization over the last axes."""

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None, affine: bool, device: Any
    ) -> None:
        super().__init__()
        if device is not None:
            _device.device(device)
        sizes = normalized_shape if isinstance(normalized_shape, Sequence) else [normalized_shape]
        self.normalized_shape: tuple[int, ...] = tuple(
            check.width("normalized_shape", n) for n in sizes
        )
        if not self.normalized_shape:
            raise InvalidValueError("normalized_shape: expected at least one size")
        self.eps: float | None = None if eps is None else check.real("eps", eps, 0.0)
        self.elementwise_affine: bool = check.flag("elementwise_affine", affine)

    def _register(self, name: str, wanted: bool, dtype: npt.DTypeLike | None) -> None:
        shape, real = self.normalized_shape, check.real_dtype(dtype)
        self.register_parameter(name, Parameter(self._empty(shape, real)) if wanted else None)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Layer normalization: the last axes to mean 0 and variance 1; see `nn.LayerNorm`.

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the last axes.
        weight, bias: of that shape, or None.
        eps: added to the variance, default 1e-5.
    """
    return _by_rows(input, normalized_shape, weight, bias, eps, centred=True)


class LayerNorm(_ByRows):
    """Layer normalization.

    y = (x - m) / sqrt(v + eps) * weight + bias, m and v the moments over the last axes.

    Args:
        normalized_shape: sizes of the last axes, or one size.
        eps: default 1e-5.
        elementwise_affine: default True; False leaves weight and bias out.
        bias: default True; False leaves the bias out.
        device: None (default) or 'cpu'.
        dtype: float32 (default) or float64.

    Attributes:
        weight, bias: of normalized_shape, ones and zeros, or None.

    Raises:
        ValueError: x whose last axes are others.

    Source: Ba, Kiros & Hinton 2016.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.LayerNorm(4)(fastnn.tensor([1.0, 2.0, 3.0, 4.0])).detach()
    tensor([-1.3416, -0.4472,  0.4472,  1.3416])
    """

    eps: float

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(normalized_shape, check.real("eps", eps, 0.0), elementwise_affine, device)
        self._register("weight", elementwise_affine, dtype)
        self._register("bias", check.flag("bias", bias) and elementwise_affine, dtype)
        self._begin()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def extra_repr(self) -> str:
        """The options."""
        return f"{super().extra_repr()}, bias={self.bias is not None}"

    def forward(self, input: Tensor) -> Tensor:
        """y of x's shape."""
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """RMS normalization: the last axes to mean square 1; see `nn.RMSNorm`.

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the last axes.
        weight: of that shape, or None.
        eps: added to the mean square, default None: the spacing of the dtype's numbers at 1.
    """
    check.a_tensor("input", input)
    if eps is None:
        eps = finfo(input.dtype).eps
    return _by_rows(input, normalized_shape, weight, None, eps, centred=False)


class RMSNorm(_ByRows):
    """RMS normalization: y = x / sqrt(mean(x**2) + eps) * weight, the mean over the last axes.

    Args:
        normalized_shape: sizes of the last axes, or one size.
        eps: default None: the spacing of the dtype's numbers at 1.
        elementwise_affine: default True; False leaves the weight out.
        device: None (default) or 'cpu'.
        dtype: float32 (default) or float64.

    Attributes:
        weight: of normalized_shape, ones, or None.

    Raises:
        ValueError: x whose last axes are others.

    Source: Zhang & Sennrich 2019.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.RMSNorm(2)(fastnn.tensor([3.0, 4.0])).detach()
    tensor([0.8485, 1.1314])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine, device)
        self._register("weight", elementwise_affine, dtype)
        self._begin()

    def reset_parameters(self) -> None:
        """Weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        """y of x's shape."""
        return rms_norm(input, self.normalized_shape, self.weight, self.eps)

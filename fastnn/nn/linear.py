"""The affine layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, device as _device
from fastnn.nn import functional, init
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor


class Linear(Module):
    """y = x W^T + b.

    Args:
        in_features: columns of x.
        out_features: columns of y.
        bias: default True; False leaves b out.
        device: default None; 'cpu' is the same.
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
    >>> _ = fastnn.manual_seed(0)
    >>> layer = Linear(2, 1)
    >>> layer.weight.detach()
    tensor([[-0.0053,  0.3793]])
    >>> layer.bias.detach()
    tensor([-0.5820])
    """

    in_features: int
    out_features: int
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
        stored = np.empty((n_in, n_out), real)
        self.weight = Parameter(stored.T)
        if check.flag("bias", bias):
            self.bias = Parameter(np.empty(n_out, real))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

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
        return functional.linear(input, self.weight if weight is None else weight, p["bias"])

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Identity(Module):
    """y = x; arguments are ignored, so that it can take any layer's place.

    >>> Identity(54, unused=True)
    Identity()
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """x."""
        return input


class Flatten(Module):
    """Axes start_dim..end_dim merged into one: (n, a, b) becomes (n, a * b).

    Args:
        start_dim: default 1.
        end_dim: default -1.

    >>> import fastnn
    >>> Flatten()(fastnn.zeros(5, 2, 3)).shape
    (5, 6)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = check.integer("start_dim", start_dim, -64, 63)
        self.end_dim = check.integer("end_dim", end_dim, -64, 63)

    def forward(self, input: Tensor) -> Tensor:
        """x with fewer axes."""
        check.a_tensor("input", input)
        return ops.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis split into several: (n, a * b) becomes (n, a, b).

    Args:
        dim: the axis.
        unflattened_size: the sizes it is split into; one of them may be -1.

    Raises:
        ValueError: sizes that do not multiply to that of the axis.

    >>> import fastnn
    >>> Unflatten(1, (2, 3))(fastnn.zeros(5, 6)).shape
    (5, 2, 3)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim = check.integer("dim", dim, -64, 63)
        self.unflattened_size = tuple(
            check.integer("unflattened_size", n, -1, 2**31) for n in unflattened_size
        )

    def forward(self, input: Tensor) -> Tensor:
        """x with more axes."""
        check.a_tensor("input", input)
        at = check.integer("dim", self.dim, -input.ndim, input.ndim - 1) % input.ndim
        sizes = self.unflattened_size
        known = math.prod(n for n in sizes if n != -1)
        if sizes.count(-1) == 1 and known:
            sizes = tuple(input.shape[at] // known if n == -1 else n for n in sizes)
        if math.prod(sizes) != input.shape[at] or -1 in sizes:
            raise ValueError(
                f"unflattened_size: expected sizes that multiply to {input.shape[at]}, "
                f"got {self.unflattened_size}"
            )
        return ops.reshape(input, (*input.shape[:at], *sizes, *input.shape[at + 1 :]))

    def extra_repr(self) -> str:
        """The axis and its sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"

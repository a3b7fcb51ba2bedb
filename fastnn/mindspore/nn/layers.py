"""MindSpore's layers. Their arguments, defaults and parameter names are MindSpore's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import nn, ops
from fastnn._support import check
from fastnn.mindspore.common.initializer import Init, drawn
from fastnn.mindspore.nn.activations import get_activation
from fastnn.mindspore.nn.cell import Cell, parameter
from fastnn.mindspore.plain import cell as plain
from fastnn.mindspore.tensor import Tensor
from fastnn.nn import functional as F


class Identity(Cell):
    """x as it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def construct(self, x: Any) -> Any:
        """x."""
        return x


class Flatten(Cell):
    """Join the axes start_dim..end_dim into one; by default all but the first."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim: int = start_dim
        self.end_dim: int = end_dim

    def construct(self, x: Tensor) -> Any:
        """x of fewer axes."""
        if x.ndim == 1 and self.start_dim == 1:
            return ops.reshape(x, (-1, 1))
        return ops.flatten(x, self.start_dim, self.end_dim)


class Dense(plain.Dense, Cell):
    """y = x W^T + b, through an activation if there is one.

    Args:
        in_channels: columns of x.
        out_channels: columns of y.
        weight_init, bias_init: an initializer, its name ('normal', 'he_uniform' ...), a number or a
            tensor. Default: U(-1/sqrt(in_channels), 1/sqrt(in_channels)).
        has_bias: default True.
        activation: a cell, a function, a name such as 'relu', or None (default).
        dtype: default float32.

    Raises:
        TypeError, ValueError: a size that is not an integer >= 1, or initial values of another
            shape.

    >>> import fastnn.mindspore as mindspore
    >>> from fastnn.mindspore import nn
    >>> layer = nn.Dense(2, 1, weight_init="ones", bias_init="zeros", activation="relu")
    >>> print(layer(mindspore.Tensor([[3.0, 4.0], [-1.0, 0.0]])))
    [[7.]
     [0.]]
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        weight_init: Init | None = None,
        bias_init: Init | None = None,
        has_bias: bool = True,
        activation: str | Callable[[Any], Any] | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        if isinstance(activation, str):
            activation = get_activation(activation)
        super().__init__(
            in_channels, out_channels, has_bias=has_bias, activation=activation, dtype=dtype
        )
        for name, given in (("weight", weight_init), ("bias", bias_init)):
            values = getattr(self, name)
            if given is not None and values is not None:
                values.set_data(drawn(given, values.shape, values.dtype, f"{name}_init"))

    def extend_repr(self) -> str:
        """The sizes."""
        return plain.Dense.extra_repr(self)

    def extra_repr(self) -> str:
        """The sizes."""
        return self.extend_repr()


class Dropout(Cell):
    """While training each element is 0 with probability p, else divided by 1 - p.

    Args:
        keep_prob: deprecated: 1 - p, used if p is None; default 0.5.
        p: the probability of 0; default: 1 - keep_prob.
        dtype: without effect.
    """

    def __init__(
        self, keep_prob: float = 0.5, p: float | None = None, dtype: Any = np.float32
    ) -> None:
        super().__init__()
        drop = 1.0 - check.real("keep_prob", keep_prob, 0.0, 1.0) if p is None else p
        self.p: float = check.real("p", drop, 0.0, 1.0)
        self.keep_prob: float = 1.0 - self.p

    def construct(self, x: Tensor) -> Any:
        """x with some zeros."""
        return F.dropout(x, self.p, self.training)

    def extend_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class Embedding(Cell):
    """Rows of a trained table by index.

    Args:
        vocab_size: rows of the table.
        embedding_size: its columns.
        use_one_hot: without effect.
        embedding_table: its initial values, default 'normal': N(0, 0.01^2).
        dtype: default float32.
        padding_idx: a row that starts as zeros.

    >>> import fastnn.mindspore as mindspore
    >>> from fastnn.mindspore import nn
    >>> layer = nn.Embedding(4, 2, embedding_table="ones")
    >>> layer(mindspore.Tensor([[0, 3, 3]])).shape
    (1, 3, 2)
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        use_one_hot: bool = False,
        embedding_table: Init = "normal",
        dtype: npt.DTypeLike = np.float32,
        padding_idx: int | None = None,
    ) -> None:
        super().__init__()
        self.vocab_size: int = check.integer("vocab_size", vocab_size, 1)
        self.embedding_size: int = check.integer("embedding_size", embedding_size, 1)
        self.padding_idx = padding_idx
        shape = (self.vocab_size, self.embedding_size)
        table = drawn(embedding_table, shape, dtype, "embedding_table")
        if padding_idx is not None:
            table[check.integer("padding_idx", padding_idx, 0, vocab_size - 1)] = 0
        self.embedding_table: Any = parameter(table, shape, "embedding_table", dtype)

    def construct(self, ids: Tensor) -> Any:
        """The rows, of shape (*ids.shape, embedding_size)."""
        return F.embedding(ids, self.embedding_table)


class _Norm(Cell):
    """What BatchNorm1d and LayerNorm have in common: gamma and beta."""

    def _scale(self, shape: tuple[int, ...], gamma: Init, beta: Init, dtype: Any) -> None:
        self.gamma: Any = parameter(gamma, shape, "gamma", dtype)
        self.beta: Any = parameter(beta, shape, "beta", dtype)


class BatchNorm1d(_Norm):
    """y = gamma * (x - mean) / sqrt(var + eps) + beta, by columns.

    While training mean and var are of the batch, and moving = momentum * moving + (1 - momentum) *
    batch: torch's momentum is 1 - momentum. Else they are the moving ones.

    Args:
        num_features: columns.
        eps: default 1e-5.
        momentum: default 0.9.
        affine: whether gamma and beta are trained, default True.
        gamma_init, beta_init, moving_mean_init, moving_var_init: initial values.
        use_batch_statistics: True or False decides whatever the mode; default None.
        data_format: 'NCHW' only.
        dtype: default float32.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.9,
        affine: bool = True,
        gamma_init: Init = "ones",
        beta_init: Init = "zeros",
        moving_mean_init: Init = "zeros",
        moving_var_init: Init = "ones",
        use_batch_statistics: bool | None = None,
        data_format: str = "NCHW",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        check.choice("data_format", data_format, ("NCHW",))
        self.num_features: int = check.integer("num_features", num_features, 1)
        self.eps: float = check.real("eps", eps, 0.0)
        self.momentum: float = check.real("momentum", momentum, 0.0, 1.0)
        self.use_batch_statistics = use_batch_statistics
        shape = (self.num_features,)
        self.moving_mean: Any = parameter(moving_mean_init, shape, "moving_mean", dtype)
        self.moving_variance: Any = parameter(moving_var_init, shape, "moving_variance", dtype)
        self._scale(shape, gamma_init, beta_init, dtype)
        for still in (self.moving_mean, self.moving_variance):
            still.requires_grad = False
        self.gamma.requires_grad = self.beta.requires_grad = check.flag("affine", affine)

    def construct(self, x: Tensor) -> Any:
        """y, of the shape of x: (rows, columns)."""
        batch = self.training if self.use_batch_statistics is None else self.use_batch_statistics
        return F.batch_norm(
            x,
            self.moving_mean,
            self.moving_variance,
            self.gamma,
            self.beta,
            batch,
            1.0 - self.momentum,
            self.eps,
        )

    def extend_repr(self) -> str:
        """The arguments."""
        return f"num_features={self.num_features}, eps={self.eps}, momentum={self.momentum}"


class LayerNorm(_Norm):
    """y = gamma * (x - mean) / sqrt(var + epsilon) + beta, over the axes from begin_norm_axis on.

    Args:
        normalized_shape: the sizes of the last axes, the shape of gamma and beta.
        begin_norm_axis: the first axis of mean and var, default -1, the last.
        begin_params_axis: the first axis of gamma and beta, default -1; the same axis.
        gamma_init, beta_init: initial values.
        epsilon: default 1e-7, where torch has 1e-5.
        dtype: default float32.
    """

    def __init__(
        self,
        normalized_shape: Sequence[int],
        begin_norm_axis: int = -1,
        begin_params_axis: int = -1,
        gamma_init: Init = "ones",
        beta_init: Init = "zeros",
        epsilon: float = 1e-7,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        if not isinstance(normalized_shape, tuple | list):
            shown = check.show(normalized_shape)
            raise TypeError(f"normalized_shape: expected a tuple or list of sizes, got {shown}")
        self.normalized_shape: tuple[int, ...] = tuple(normalized_shape)
        self.begin_norm_axis: int = begin_norm_axis
        self.begin_params_axis: int = begin_params_axis
        self.epsilon: float = check.real("epsilon", epsilon, 0.0)
        self._scale(self.normalized_shape, gamma_init, beta_init, dtype)

    def construct(self, input_x: Tensor) -> Any:
        """y, of the shape of x."""
        axis = self.begin_norm_axis % input_x.ndim
        if self.begin_params_axis % input_x.ndim == axis:
            return F.layer_norm(input_x, input_x.shape[axis:], self.gamma, self.beta, self.epsilon)
        normal = F.layer_norm(input_x, input_x.shape[axis:], None, None, self.epsilon)
        return normal * self.gamma + self.beta

    def extend_repr(self) -> str:
        """The shape."""
        return f"normalized_shape={self.normalized_shape}"


class GroupNorm(_Norm):
    """y = gamma * (x - mean) / sqrt(var + eps) + beta, over each row's groups of channels.

    Args:
        num_groups: into which the channels, axis 1, are divided.
        num_channels: a multiple of num_groups.
        eps: default 1e-5.
        affine: with gamma and beta, default True.
        gamma_init, beta_init: initial values.
        dtype: default float32.

    >>> import fastnn.mindspore as mindspore
    >>> from fastnn.mindspore import nn
    >>> print(nn.GroupNorm(1, 2)(mindspore.Tensor([[1.0, 3.0]])).asnumpy().round(2))
    [[-1.  1.]]
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        gamma_init: Init = "ones",
        beta_init: Init = "zeros",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        self.num_groups: int = check.integer("num_groups", num_groups, 1)
        self.num_channels: int = check.integer("num_channels", num_channels, 1)
        if num_channels % num_groups:
            raise ValueError(
                f"num_channels: expected a multiple of {num_groups} groups, got {num_channels}"
            )
        self.eps: float = check.real("eps", eps, 0.0)
        self.affine: bool = check.flag("affine", affine)
        if affine:
            self._scale((num_channels,), gamma_init, beta_init, dtype)

    def construct(self, x: Tensor) -> Any:
        """y, of the shape of x."""
        gamma, beta = (self.gamma, self.beta) if self.affine else (None, None)
        return F.group_norm(x, self.num_groups, gamma, beta, self.eps)

    def extend_repr(self) -> str:
        """The sizes."""
        return f"num_groups={self.num_groups}, num_channels={self.num_channels}"


class ClipByNorm(Cell):
    """x, scaled to the norm clip_norm over `axis` where it is longer."""

    def __init__(self, axis: int | None = None) -> None:
        super().__init__()
        self.axis = axis

    def construct(self, x: Tensor, clip_norm: Any) -> Any:
        """The scaled tensor."""
        squares = ops.sum(ops.square(x), self.axis, self.axis is not None)
        norm = ops.sqrt(ops.where(squares > 0, squares, ops.mul(squares, 0.0) + 1.0))
        return x * clip_norm / ops.larger(norm, clip_norm)


class Unflatten(Cell):
    """Axis `axis` of x as several axes of the sizes `unflattened_size`."""

    def __init__(self, axis: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.axis: int = axis
        self.unflattened_size: tuple[int, ...] = tuple(unflattened_size)

    def construct(self, input_x: Tensor) -> Any:
        """x of more axes."""
        shape, axis = input_x.shape, self.axis % input_x.ndim
        return ops.reshape(input_x, (*shape[:axis], *self.unflattened_size, *shape[axis + 1 :]))


class BiDense(nn.Bilinear, Cell):
    """y_k = x1 W_k x2^T + b_k.

    Args:
        in1_channels, in2_channels: columns of the inputs.
        out_channels: columns of y.
        weight_init, bias_init: initial values; default: U(-1/sqrt(in1), 1/sqrt(in1)).
        has_bias: default True.
        dtype: default float32.
    """

    def __init__(
        self,
        in1_channels: int,
        in2_channels: int,
        out_channels: int,
        weight_init: Init | None = None,
        bias_init: Init | None = None,
        has_bias: bool = True,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(in1_channels, in2_channels, out_channels, has_bias, dtype=dtype)
        self.training = False
        for name, given in (("weight", weight_init), ("bias", bias_init)):
            values = getattr(self, name)
            if given is not None and values is not None:
                values.set_data(drawn(given, values.shape, values.dtype, f"{name}_init"))

    def construct(self, input1: Tensor, input2: Tensor) -> Any:
        """y for rows of both inputs."""
        return F.bilinear(input1, input2, self.weight, self.bias)


__all__ = [
    "BatchNorm1d", "BiDense", "ClipByNorm", "Dense", "Dropout", "Embedding", "Flatten", "Identity",
    "GroupNorm", "LayerNorm", "Unflatten",
]  # fmt: skip

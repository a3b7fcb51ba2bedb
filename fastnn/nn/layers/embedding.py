"""Embedding: a learned vector for each category."""

from __future__ import annotations

from typing import Any, Self

import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, device as _device, dtypes
from fastnn._support.dtypes import int32
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.nn import init
from fastnn.nn.layer import Layer
from fastnn.nn.parameter import Parameter
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, int64, of_array

__all__ = ["Embedding", "embedding"]


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Look up rows of the weight by index; see `nn.Embedding`.

    Args:
        input: int64 of any shape, 0 .. rows - 1.
        weight: (rows, width).
        padding_idx: a row that gets no gradient, default None; negative counts from the end.
        max_norm: rows that are read and longer than this are shortened to it first, in the weight;
            default None.
        norm_type: of the length, default 2.
        scale_grad_by_freq: divide the gradient of a row by how often it is read. Default False.
        sparse: accepted without effect: the gradient has the same values in a dense tensor.

    Returns:
        (*input.shape, width).

    Raises:
        TypeError: an input that is neither int64 nor int32.
        ValueError: max_norm not above 0.
        IndexError: one out of range.
    """
    check.a_tensor("input", input)
    check.a_tensor("weight", weight)
    input = ops.cast(input, int64) if input.dtype == int32 else input
    if input.dtype != int64:
        raise InvalidTypeError(f"input: expected int64 categories, got {input.dtype}; use .long()")
    if weight.ndim != 2:
        raise InvalidValueError(f"weight: expected shape (rows, width), got {weight.shape}")
    check.flag("sparse", sparse)
    index = ops.reshape(input, (-1,))
    if max_norm is not None:
        _shorten(weight, index, check.real("max_norm", max_norm, 0.0, open_low=True), norm_type)
    if check.flag("scale_grad_by_freq", scale_grad_by_freq) and weight.requires_grad:
        weight = _with_scaled_gradient(weight, ops.clamp(_counts(index, weight), 1.0))
    y = ops.take_rows(weight, index)
    if padding_idx is not None:
        padding = ops.eq(index, _row(padding_idx, weight.shape[0]))
        y = ops.where(ops.reshape(padding, (-1, 1)), y.detach(), y)
    return ops.reshape(y, (*input.shape, weight.shape[1]))


def _counts(index: Tensor, weight: Tensor) -> Tensor:
    """How often each row is read, (rows, 1)."""
    ones = of_array(dtypes.filled((index.shape[0], 1), 1, weight.dtype))
    return ops.scatter_add_rows(ones, index, weight.shape[0])


def _shorten(weight: Tensor, index: Tensor, longest: float, norm_type: float) -> None:
    with no_grad():
        rows = weight.detach()
        length = ops.norm(rows, check.real("norm_type", norm_type, 0.0), 1, True)
        factor = ops.div(longest, ops.add(length, 1e-7))  # torch's, against a length of 0
        read = ops.gt(_counts(index, rows), 0.0)
        factor = ops.where(read, ops.where(ops.gt(length, longest), factor, 1.0), 1.0)
        weight.mul_(factor)


def _with_scaled_gradient(weight: Tensor, divisor: Tensor) -> Tensor:
    """The weight, with its gradient divided by the row counts."""
    fixed = weight.detach()
    return ops.add(fixed, ops.div(ops.sub(weight, fixed), divisor))


def _row(padding_idx: int, rows: int) -> int:
    return check.integer("padding_idx", padding_idx, -rows, rows - 1) % rows


class Embedding(Layer):
    """Embedding table.

    y = weight[x]: a row for each category, for tables with columns of categories.

    Args:
        num_embeddings: how many categories.
        embedding_dim: the width of a row.
        padding_idx: a category whose row starts at 0 and gets no gradient, default None.
        max_norm: rows that are read and longer than this are shortened to it first; default None.
        norm_type: of the length, default 2.
        scale_grad_by_freq: divide the gradient of a row by how often it is read. Default False.
        sparse: accepted without effect: gradients have the same values in dense tensors.
        device: None (default) or 'cpu'.
        dtype: float32 or float64; default: `get_default_dtype()`.

    Attributes:
        weight: (num_embeddings, embedding_dim), N(0, 1), torch's for the same `manual_seed`.

    Raises:
        ValueError: max_norm not above 0, padding_idx outside the rows.
        TypeError, IndexError: x that is not int64 in 0 .. num_embeddings - 1.

    >>> import fastnn
    >>> from fastnn import nn
    >>> layer = nn.Embedding.from_pretrained(fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]))
    >>> layer(fastnn.tensor([1, 0, 1]))
    tensor([[3., 4.],
            [1., 2.],
            [3., 4.]])
    """

    num_embeddings: int
    embedding_dim: int
    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if device is not None:
            _device.device(device)
        self.sparse: bool = check.flag("sparse", sparse)
        self.max_norm = max_norm
        if max_norm is not None:
            self.max_norm = check.real("max_norm", max_norm, 0.0, open_low=True)
        self.norm_type: float = check.real("norm_type", norm_type, 0.0)
        self.scale_grad_by_freq: bool = check.flag("scale_grad_by_freq", scale_grad_by_freq)
        names = ("num_embeddings", "embedding_dim")
        rows, width = check.weight_shape(num_embeddings, embedding_dim, names)
        self.num_embeddings, self.embedding_dim = rows, width
        self.padding_idx: int | None = None if padding_idx is None else _row(padding_idx, rows)
        trained = not check.flag("_freeze", _freeze)
        if _weight is not None:
            check.a_tensor("_weight", _weight)
            check.same_shape("_weight", _weight.shape, (rows, width), "the embeddings")
            self.weight = Parameter(_weight, requires_grad=trained)
            return
        empty = self._empty((rows, width), check.real_dtype(dtype))
        self.weight = Parameter(empty, requires_grad=trained)
        self._begin()

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """Make a layer from the given weight (num_embeddings, embedding_dim), which it shares.

        freeze: default True: they are not trained.
        """
        check.a_tensor("embeddings", embeddings)
        if embeddings.ndim != 2:
            raise InvalidValueError(f"embeddings: expected (rows, width), got {embeddings.shape}")
        rows, width = embeddings.shape
        options = padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
        return cls(rows, width, *options, embeddings, freeze)

    def reset_parameters(self) -> None:
        """Draw the starting values anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            init.zeros_(self.weight.detach()[self.padding_idx])

    def forward(self, input: Tensor) -> Tensor:
        """(*x.shape, embedding_dim)."""
        options = self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq
        return embedding(input, self.weight, *options)

    def extra_repr(self) -> str:
        """The sizes, and the options that are not the defaults."""
        shown = {"padding_idx": None, "max_norm": None, "norm_type": 2, "scale_grad_by_freq": False}
        options = [
            (n, getattr(self, n)) for n, default in shown.items() if getattr(self, n) != default
        ]
        return ", ".join(
            [f"{self.num_embeddings}, {self.embedding_dim}", *(f"{n}={v}" for n, v in options)]
        )

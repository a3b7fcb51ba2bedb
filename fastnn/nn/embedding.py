"""A learned vector for each of a number of categories."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fastnn import _check, _device, ops
from fastnn.nn import init
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor, int64


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of the weight that the input names; see `nn.Embedding`.

    Args:
        input: int64 of any shape, 0 .. rows - 1.
        weight: (rows, width).
        padding_idx: a row that gets no gradient, default None; negative counts from the end.

    Returns:
        (*input.shape, width).

    Raises:
        TypeError: an input that is not int64.
        IndexError: one out of range.
    """
    _check.a_tensor("input", input)
    _check.a_tensor("weight", weight)
    if input.dtype != int64:
        raise TypeError(f"input: expected int64 categories, got {input.dtype}; use .long()")
    if weight.ndim != 2:
        raise ValueError(f"weight: expected shape (rows, width), got {weight.shape}")
    index = ops.reshape(input, (-1,))
    y = ops.take_rows(weight, index)
    if padding_idx is not None:
        padding = ops.eq(index, _row(padding_idx, weight.shape[0]))
        y = ops.where(ops.reshape(padding, (-1, 1)), y.detach(), y)
    return ops.reshape(y, (*input.shape, weight.shape[1]))


def _row(padding_idx: int, rows: int) -> int:
    return _check.integer("padding_idx", padding_idx, -rows, rows - 1) % rows


class Embedding(Module):
    """y = weight[x]: a row for each category, for tables with columns of categories.

    Args:
        num_embeddings: how many categories.
        embedding_dim: the width of a row.
        padding_idx: a category whose row starts at 0 and gets no gradient, default None.
        max_norm: None; renorming rows as they are read is not supported.
        norm_type: of max_norm.
        scale_grad_by_freq, sparse: False; not supported.
        device: default None; 'cpu' is the same.
        dtype: float32 or float64; default: `get_default_dtype()`.

    Attributes:
        weight: (num_embeddings, embedding_dim), N(0, 1), torch's for the same `manual_seed`.

    Raises:
        ValueError: an option that is not supported.
        TypeError, IndexError: x that is not int64 in 0 .. num_embeddings - 1.

    >>> import fastnn
    >>> layer = Embedding.from_pretrained(fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]))
    >>> layer(fastnn.tensor([1, 0, 1]))
    tensor([[3., 4.],
            [1., 2.],
            [3., 4.]])
    """

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
        *,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if device is not None:
            _device.device(device)
        given = {"scale_grad_by_freq": scale_grad_by_freq, "sparse": sparse}
        for name in [name for name, value in given.items() if _check.flag(name, value)]:
            raise ValueError(f"{name}: expected False; gradients of embeddings are dense sums")
        if max_norm is not None:
            raise ValueError(
                "max_norm: expected None; clip the weight after a step where its norm matters"
            )
        names = ("num_embeddings", "embedding_dim")
        rows, width = _check.weight_shape(num_embeddings, embedding_dim, names)
        self.num_embeddings, self.embedding_dim = rows, width
        self.padding_idx = None if padding_idx is None else _row(padding_idx, rows)
        self.weight = Parameter(np.empty((rows, width), _check.real_dtype(dtype)))
        self.reset_parameters()

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None
    ) -> Self:
        """A layer with these rows, (num_embeddings, embedding_dim), which it shares.

        freeze: default True: they are not trained.
        """
        _check.a_tensor("embeddings", embeddings)
        if embeddings.ndim != 2:
            raise ValueError(f"embeddings: expected (rows, width), got {embeddings.shape}")
        rows, width = embeddings.shape
        layer = cls(rows, width, padding_idx, dtype=embeddings.dtype)
        layer.weight = Parameter(embeddings, requires_grad=not _check.flag("freeze", freeze))
        return layer

    def reset_parameters(self) -> None:
        """Draw the starting values anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight._array[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        """(*x.shape, embedding_dim)."""
        return embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """The sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"

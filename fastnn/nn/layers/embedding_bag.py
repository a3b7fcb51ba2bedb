"""EmbeddingBag: sums, means or maxima of the vectors of several categories."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, device as _device, dtypes
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.nn import init
from fastnn.nn.layer import Layer
from fastnn.nn.layers.embedding import embedding
from fastnn.nn.parameter import Parameter
from fastnn.tape import listener
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, int64, of_array

__all__ = ["EmbeddingBag", "embedding_bag"]

MODES = ("sum", "mean", "max")


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Reduce the rows of the weight that bags of indices name; see `nn.EmbeddingBag`.

    Args:
        input: int64 (bags, length); or (n,) with offsets.
        weight: (rows, width).
        offsets: int64 (bags,), where in input each bag begins, in increasing order from 0.
        max_norm, norm_type, scale_grad_by_freq, sparse: as for `embedding`.
        mode: "sum", "mean" (default) or "max"; an empty bag gives 0.
        per_sample_weights: of input's shape, by which vectors are multiplied in mode "sum".
        include_last_offset: the last offset is the end of the last bag, default False.
        padding_idx: an index that does not count, default None.

    Returns:
        (bags, width). Weight and input in torch's older order are taken with a warning.

    Raises:
        TypeError, ValueError: shapes, dtypes or settings that do not fit.
        IndexError: an index out of range.
    """
    check.choice("mode", mode, MODES)
    if _in_older_order(input, weight):
        warnings.warn(
            "embedding_bag(weight, input) is deprecated; use embedding_bag(input, weight)",
            UserWarning,
            2,
        )
        input, weight = weight, input
    index, bag, bags, length = _bags(input, offsets, include_last_offset)
    if per_sample_weights is not None:
        if mode != "sum":
            raise InvalidValueError(
                f"per_sample_weights: expected mode 'sum', got {mode!r}; leave the weights out"
            )
        check.same_shape("per_sample_weights", per_sample_weights.shape, input.shape, "input")
    rows = embedding(index, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    counted = None
    if padding_idx is not None:
        at = check.integer("padding_idx", padding_idx, -weight.shape[0], weight.shape[0] - 1)
        counted = ops.reshape(ops.ne(index, at % weight.shape[0]), (-1, 1))
    if mode == "max":
        return _largest(rows, counted, bag, bags, length)
    if per_sample_weights is not None:
        rows = ops.mul(rows, ops.reshape(per_sample_weights, (-1, 1)))
    if counted is not None:
        rows = ops.where(counted, rows, 0.0)
    total = ops.scatter_add_rows(rows, bag, bags)
    if mode == "sum":
        return total
    ones = of_array(dtypes.filled((index.shape[0], 1), 1, weight.dtype))
    if counted is not None:
        ones = ops.cast(counted, weight.dtype)
    return ops.div(total, ops.clamp(ops.scatter_add_rows(ones, bag, bags), 1.0))


def _in_older_order(input: Tensor, weight: Tensor) -> bool:
    check.a_tensor("input", input)
    check.a_tensor("weight", weight)
    return input.dtype.kind == "f" and weight.dtype == int64


def _bags(
    input: Tensor, offsets: Tensor | None, include_last: bool
) -> tuple[Tensor, Tensor, int, int]:
    """The indices in a row, the bag of each, the number of bags, and their length, 0 if it is not
    the same for all."""
    check.a_tensor("input", input)
    if input.dtype != int64:
        raise InvalidTypeError(f"input: expected int64 categories, got {input.dtype}; use .long()")
    if input.ndim == 2:
        if offsets is not None:
            raise InvalidValueError(
                "offsets: expected None with input (bags, length), got a Tensor of shape "
                f"{offsets.shape}"
            )
        bags, length = input.shape
        bag = of_array(np.repeat(np.arange(bags, dtype=np.int64), length))
        return ops.reshape(input, (-1,)), bag, bags, length
    if input.ndim != 1:
        raise InvalidValueError(f"input: expected (bags, length) or (n,), got shape {input.shape}")
    if not isinstance(offsets, Tensor):
        raise InvalidValueError("offsets: expected an int64 Tensor with input (n,), got None")
    if offsets.ndim != 1 or offsets.dtype != int64:
        raise InvalidValueError(
            f"offsets: expected int64 (bags,), got {offsets.dtype} of shape {offsets.shape}"
        )
    listener.checked(offsets, lambda begin: _in_order(begin, input.shape[0]))
    begins = offsets[:-1] if check.flag("include_last_offset", include_last) else offsets
    places = of_array(np.arange(input.shape[0], dtype=np.int64))
    bag = ops.sub(ops.searchsorted(begins, places, right=True), 1)
    return input, bag, begins.shape[0], 0


def _in_order(offsets: Tensor, n: int) -> None:
    begin = offsets._array
    if not len(begin) or begin[0] != 0 or (np.diff(begin) < 0).any() or begin[-1] > n:
        raise InvalidValueError(
            f"offsets: expected numbers from 0 up to {n} in increasing order, got {begin.tolist()}"
        )


def _largest(rows: Tensor, counted: Tensor | None, bag: Tensor, bags: int, length: int) -> Tensor:
    """The maximum of each bag, 0 of an empty one."""
    low = -np.inf
    if counted is not None:
        rows = ops.where(counted, rows, low)
    if not length:  # one more row stands for what a bag is short of
        listener.refuse("bags of several lengths were reduced by mode 'max'")
        table, places = _padded(rows, bag._array, bags, low)
        rows, length = ops.take_rows(table, places), places.shape[0] // max(bags, 1)
    whole = ops.reshape(rows, (bags, length, rows.shape[1]))
    top = ops.amax(whole, 1)
    return ops.where(ops.eq(top.detach(), low), 0.0, top)


def _padded(
    rows: Tensor, bag: npt.NDArray[np.int64], bags: int, low: float
) -> tuple[Tensor, Tensor]:
    counts = np.bincount(bag, minlength=bags)
    length = max(int(counts.max(initial=0)), 1)
    table = np.full((bags, length), len(bag), np.int64)
    table[np.arange(length) < counts[:, None]] = np.arange(len(bag))
    last = of_array(dtypes.filled((1, rows.shape[1]), low, rows.dtype))
    return ops.cat([rows, last]), of_array(table.reshape(-1))


class EmbeddingBag(Layer):
    """Sums, means or maxima of the vectors of bags of categories, as for columns with lists.

    y_b = reduce over i in bag b of weight[x_i].

    Args:
        num_embeddings: how many categories.
        embedding_dim: the width of a vector.
        max_norm, norm_type, scale_grad_by_freq, sparse: as for `Embedding`.
        mode: "sum", "mean" (default) or "max"; an empty bag gives 0.
        include_last_offset: the last offset is the end of the last bag, default False.
        padding_idx: a category that does not count, default None.
        device: None (default) or 'cpu'.
        dtype: float32 or float64; default: `get_default_dtype()`.

    Attributes:
        weight: (num_embeddings, embedding_dim), N(0, 1), torch's for the same `manual_seed`.

    Called with int64 (bags, length), or with (n,) and offsets; see `F.embedding_bag`.

    Raises:
        TypeError, ValueError, IndexError: as `F.embedding_bag`.

    Source: torch's `nn.EmbeddingBag`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> layer = nn.EmbeddingBag.from_pretrained(fastnn.tensor([[1.0], [3.0], [8.0]]))
    >>> layer(fastnn.tensor([0, 1, 2]), fastnn.tensor([0, 2])).tolist()
    [[2.0], [8.0]]
    """

    num_embeddings: int
    embedding_dim: int
    max_norm: float | None
    norm_type: float
    mode: Any
    sparse: bool
    weight: Parameter
    _is_kept = False  # files do not have bags

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if device is not None:
            _device.device(device)
        names = ("num_embeddings", "embedding_dim")
        shape = check.weight_shape(num_embeddings, embedding_dim, names)
        self.num_embeddings, self.embedding_dim = shape
        self.max_norm, self.norm_type = max_norm, check.real("norm_type", norm_type, 0.0)
        if max_norm is not None:
            check.real("max_norm", max_norm, 0.0, open_low=True)
        self.scale_grad_by_freq: bool = check.flag("scale_grad_by_freq", scale_grad_by_freq)
        self.mode, self.sparse = check.choice("mode", mode, MODES), check.flag("sparse", sparse)
        self.include_last_offset: bool = check.flag("include_last_offset", include_last_offset)
        self.padding_idx = padding_idx
        if padding_idx is not None:
            at = check.integer("padding_idx", padding_idx, -shape[0], shape[0] - 1)
            self.padding_idx = at % shape[0]
        if _weight is not None:
            check.a_tensor("_weight", _weight)
            check.same_shape("_weight", _weight.shape, shape, "the table")
            self.weight = Parameter(_weight)
        else:
            self.weight = Parameter(self._empty(shape, check.real_dtype(dtype)))
            self._begin()

    def reset_parameters(self) -> None:
        """Draw the vectors from N(0, 1); that of padding_idx is 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0.0)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """A layer with these vectors (categories, width); freeze: they are not trained."""
        check.a_tensor("embeddings", embeddings)
        if embeddings.ndim != 2:
            raise InvalidValueError(
                f"embeddings: expected (categories, width), got {embeddings.shape}"
            )
        rows, width = embeddings.shape
        layer = cls(
            rows,
            width, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings,
            include_last_offset, padding_idx,
        )  # fmt: skip
        layer.weight.requires_grad = not check.flag("freeze", freeze)
        return layer

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        """(bags, embedding_dim)."""
        return embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
            self.mode, self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The sizes and the settings that are not defaults."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += ", scale_grad_by_freq=True"
        text += f", mode={self.mode!r}"
        return text if self.padding_idx is None else f"{text}, padding_idx={self.padding_idx}"

"""Dropout: functions, and modules that drop only in training."""

from __future__ import annotations

import math

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn.nn.layer import Layer
from fastnn.ops.axes import floating
from fastnn.ops.inplace import replace
from fastnn.random.generator import engine_state
from fastnn.tensor import Tensor, of_array

__all__ = ["AlphaDropout", "Dropout", "alpha_dropout", "dropout"]

SELU_FLOOR = 1.7580993408473766  # -SELU(-inf): the scale times alpha


def _dropped(input: Tensor, p: float, training: bool) -> float:
    """The effective dropout rate: 0 if nothing is dropped."""
    check.a_tensor("input", input)
    rate = check.probability(p)
    return rate if check.flag("training", training) else 0.0


def all_dropped(input: Tensor) -> Tensor:
    """x times 0, in the dtype of x: nan stays nan, as in torch."""
    return ops.mul(input, of_array(dtypes.number(0, input._array.dtype)))


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """0 with probability p, else x / (1 - p), elementwise; see `nn.Dropout`.

    Args:
        input: x, float32 or float64.
        p: default 0.5. With 0 there is nothing drawn, with 1 all is 0.
        training: default True; False gives x back.
        inplace: write the result into x, default False.
    """
    rate = _dropped(input, p, training)
    if check.flag("inplace", inplace) and rate > 0.0:
        return replace(input, "dropout_", lambda x: dropout(x, rate, True), ())
    if rate == 0.0:
        return input
    if rate == 1.0:
        return all_dropped(input)
    return ops.dropout(input, rate, ops.draw_key(engine_state))


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Alpha dropout: drops to SELU's minimum, keeping mean and variance; see `nn.AlphaDropout`.

    Args:
        input: x, float32 or float64.
        p: default 0.5.
        training: default False, as in torch: x back.
        inplace: write the result into x, default False.
    """
    rate = _dropped(input, p, training)
    if check.flag("inplace", inplace) and rate > 0.0:
        return replace(input, "alpha_dropout_", lambda x: alpha_dropout(x, rate, True), ())
    if rate == 0.0:
        return input
    if rate == 1.0:
        return all_dropped(input)
    floating("alpha_dropout", input)
    key = ops.draw_key(engine_state)
    kept = ops.dropout(ops.add(input, SELU_FLOOR), rate, key)
    scale = math.sqrt((1 - rate) / (SELU_FLOOR**2 * rate + 1))  # (1 - p) a
    return ops.mul(ops.sub(kept, SELU_FLOOR), scale)


class _Dropping(Layer):
    """Base class of dropout layers.

    Args:
        p: the probability that an element is dropped, default 0.5.
        inplace: write the result into x, default False.

    Raises:
        ValueError: p outside 0..1.
    """

    p: float
    inplace: bool

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = check.probability(p), check.flag("inplace", inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropping):
    """Dropout.

    y = x m / (1 - p) in training, m 0 with probability p and else 1, elementwise; else y = x.

    Args:
        p: default 0.5; 1 gives zeros.
        inplace: write the result into x, default False.

    The mask is a function of a key and of the element's position: the same for every number of
    threads and on every processor, and not stored for the gradient. The keys count up from the
    seed that `fastnn.manual_seed` gives, in programs too. The numbers are not torch's.

    Raises:
        ValueError: p outside 0..1.

    Source: Srivastava et al. 2014.

    >>> import fastnn
    >>> from fastnn import nn
    >>> _ = fastnn.manual_seed(0)
    >>> layer = nn.Dropout(0.5)
    >>> sorted(set(layer(fastnn.ones(100)).tolist()))
    [0.0, 2.0]
    >>> layer.eval()(fastnn.ones(2))
    tensor([1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x with elements dropped, in training."""
        return dropout(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropping):
    """Alpha dropout, for nets of SELU.

    y = a (x m - s (1 - m)) + a s p in training, which keeps mean 0 and variance 1; else y = x.

    m is 0 with probability p and else 1, s = 1.7581 the floor of SELU,
    a = 1 / sqrt((1 - p) (1 + p s**2)).

    Args:
        p: default 0.5; 1 gives zeros.
        inplace: without effect, as in torch.

    Raises:
        ValueError: p outside 0..1.

    Source: Klambauer et al. 2017, section on dropout.

    >>> import fastnn
    >>> from fastnn import nn
    >>> _ = fastnn.manual_seed(0)
    >>> sorted({round(y, 4) for y in nn.AlphaDropout(0.5)(fastnn.zeros(100)).tolist()})
    [-0.7792, 0.7792]
    """

    def forward(self, input: Tensor) -> Tensor:
        """x with elements dropped, in training."""
        return alpha_dropout(input, self.p, self.training)

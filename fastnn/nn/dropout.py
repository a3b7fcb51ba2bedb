"""Dropout: as functions, and as modules that drop in training alone."""

from __future__ import annotations

import math

from fastnn import ops
from fastnn._support import check
from fastnn.nn.module import Module
from fastnn.random.generator import engine_state
from fastnn.tensor import Tensor

SELU_FLOOR = 1.7580993408473766  # -SELU(-inf): the scale times alpha


def _dropped(input: Tensor, p: float, training: bool) -> float:
    """The rate, and 0 where nothing is to be done."""
    check.a_tensor("input", input)
    rate = check.probability(p)
    return rate if check.flag("training", training) else 0.0


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """0 with probability p, else x / (1 - p), by element; see `nn.Dropout`.

    Args:
        input: x, float32 or float64.
        p: default 0.5. With 0 there is nothing drawn, with 1 all is 0.
        training: default True; False gives x back.
        inplace: accepted, and has no effect: x stays what it is.
    """
    check.flag("inplace", inplace)
    rate = _dropped(input, p, training)
    if rate == 0.0:
        return input
    if rate == 1.0:
        return ops.mul(input, 0.0)
    return ops.dropout(input, rate, ops.draw_key(engine_state))


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout to the floor of SELU, mean and variance kept; see `nn.AlphaDropout`.

    Args:
        input: x, float32 or float64.
        p: default 0.5.
        training: default False, as in torch: x back.
        inplace: accepted, and has no effect.
    """
    check.flag("inplace", inplace)
    rate = _dropped(input, p, training)
    if rate == 0.0:
        return input
    if rate == 1.0:
        return ops.mul(input, 0.0)
    key = ops.draw_key(engine_state)
    kept = ops.dropout(ops.add(input, SELU_FLOOR), rate, key)
    scale = math.sqrt((1 - rate) / (SELU_FLOOR**2 * rate + 1))  # (1 - p) a
    return ops.mul(ops.sub(kept, SELU_FLOOR), scale)


class _Dropping(Module):
    """What has a rate p.

    Args:
        p: the probability that an element is dropped, default 0.5.
        inplace: accepted, and has no effect: x stays what it is.

    Raises:
        ValueError: p outside 0..1.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = check.probability(p), check.flag("inplace", inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropping):
    """y = x m / (1 - p) in training, m 0 with probability p and else 1, by element; else y = x.

    Args:
        p: default 0.5; 1 gives zeros.
        inplace: accepted, and has no effect: x stays what it is.

    The mask is a function of a key and of the element's position: the same for every number of
    threads and on every processor, and not stored for the gradient. The keys count up from the
    seed that `fastnn.manual_seed` gives, in programs too. The numbers are not torch's.

    Raises:
        ValueError: p outside 0..1.

    Source: Srivastava et al. 2014.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(0)
    >>> layer = Dropout(0.5)
    >>> sorted(set(layer(fastnn.ones(100)).tolist()))
    [0.0, 2.0]
    >>> layer.eval()(fastnn.ones(2))
    tensor([1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x with elements dropped, in training."""
        return dropout(input, self.p, self.training)


class AlphaDropout(_Dropping):
    """y = a (x m - s (1 - m)) + a s p in training, which keeps mean 0 and variance 1; else y = x.

    m is 0 with probability p and else 1, s = 1.7581 the floor of SELU,
    a = 1 / sqrt((1 - p) (1 + p s**2)).

    Args:
        p: default 0.5; 1 gives zeros.
        inplace: accepted, and has no effect: x stays what it is.

    Raises:
        ValueError: p outside 0..1.

    Source: Klambauer et al. 2017, section on dropout.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(0)
    >>> sorted({round(y, 4) for y in AlphaDropout(0.5)(fastnn.zeros(100)).tolist()})
    [-0.7792, 0.7792]
    """

    def forward(self, input: Tensor) -> Tensor:
        """x with elements dropped, in training."""
        return alpha_dropout(input, self.p, self.training)

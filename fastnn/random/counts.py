"""Random counts: Poisson and binomial numbers, with torch's values."""

from __future__ import annotations

import numpy as np

from fastnn._support import dtypes
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.random import rejection
from fastnn.random.generator import Generator
from fastnn.random.sampling import _without_influence
from fastnn.tape import listener
from fastnn.tensor import Tensor

__all__ = ["binomial", "poisson"]


def _floating(name: str, **given: Tensor) -> None:
    listener.refuse(f"random numbers were drawn ({name})")
    for argument, x in given.items():
        if not isinstance(x, Tensor) or x.dtype.kind != "f":
            kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise InvalidTypeError(
                f"{argument}: expected a floating-point tensor in {name}, got {kind}"
            )


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson numbers with the mean given by each element, in its dtype; equal to torch's.

    Args:
        input: means >= 0; as in torch, the gradient by them is 0.
        generator: default: the one that `manual_seed` seeds.

    Raises:
        TypeError: whole numbers. ValueError: a mean below 0.

    Example:
        >>> import fastnn
        >>> fastnn.poisson(fastnn.zeros(2))
        tensor([0., 0.])
    """
    _floating("poisson", input=input)
    return _without_influence(rejection.poisson(input, generator=generator), input)


def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """The number of successes in `count` trials, each of probability `prob`; equal to torch's.

    Args:
        count: whole numbers >= 0 as floating-point numbers. prob: in 0..1. Both broadcast.
        generator: default: the one that `manual_seed` seeds.

    Raises:
        TypeError: whole numbers. ValueError: a count below 0, a probability outside of 0..1.

    Example:
        >>> import fastnn
        >>> fastnn.binomial(fastnn.full((2,), 5.0), fastnn.tensor([0.0, 1.0]))
        tensor([0., 5.])
    """
    _floating("binomial", count=count, prob=prob)
    n, p = (dtypes.readable(x._array) for x in (count, prob))
    if not (np.asarray(n >= 0).all() and np.asarray(n % 1 == 0).all()):
        raise InvalidValueError("count: expected whole numbers >= 0")
    if not np.asarray((p >= 0) & (p <= 1)).all():
        raise InvalidValueError("prob: expected probabilities in 0..1")
    return _without_influence(rejection.binomial(count, prob, generator=generator), count, prob)

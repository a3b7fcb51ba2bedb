"""New tensors of random numbers: like others, and by the numbers of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _recording, random
from fastnn.creation import dtype_of, sizes_of
from fastnn.tensor import Tensor, float64, int64

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = ["bernoulli", "multinomial", "normal", "rand_like", "randn_like"]


def rand_like(x: Tensor, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Uniform numbers in [0, 1) of the shape of `x`; see `fastnn.rand`."""
    return random.rand(*x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def randn_like(x: Tensor, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Normal numbers of the shape of `x`; see `fastnn.randn`."""
    return random.randn(*x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def normal(
    mean: Tensor | float = 0.0,
    std: Tensor | float = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: Any = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers of a mean and a standard deviation, of each element if they are tensors.

    Args:
        size: the shape; needed where both are numbers.

    Raises:
        TypeError: two numbers and no size.
    """
    drawn: Any = random.default_generator if generator is None else generator
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError("size: expected a shape where mean and std are numbers")
        values = drawn.normal(sizes_of((size,)), float(mean), float(std), dtype_of(dtype))
        return Tensor(values, requires_grad)
    shapes = [t.shape for t in (mean, std) if isinstance(t, Tensor)]
    like = mean if isinstance(mean, Tensor) else std
    assert isinstance(like, Tensor)
    kind = like.dtype if dtype is None else dtype_of(dtype)
    z = Tensor(drawn.normal(np.broadcast_shapes(*shapes), 0.0, 1.0, kind))
    made: Tensor = z * std + mean
    return made.detach().requires_grad_(requires_grad)


def bernoulli(input: Tensor, *, generator: Any = None) -> Tensor:
    """1 with the probability that each element is, else 0; torch's numbers.

    Raises:
        ValueError: an element outside of 0..1.
    """
    _recording.refuse("random numbers were drawn (bernoulli)")
    p = input.detach()
    if input.numel() and not bool(((p >= 0) & (p <= 1)).all().item()):
        raise ValueError("input: expected probabilities in 0..1")
    drawn: Any = random.default_generator if generator is None else generator
    return (Tensor(drawn.uniform(p.shape, 0.0, 1.0, p.dtype)) < p).to(p.dtype)


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None
) -> Tensor:
    """Positions drawn by weight, int64: of each row of `input`. The numbers are not torch's.

    Args:
        input: weights from 0 up, a vector or rows of them.
        num_samples: how many; without replacement at most those that are not 0.
        replacement: whether a position may come again.

    Raises:
        ValueError: weights that are negative, not finite or all 0; too many samples.
    """
    _recording.refuse("random numbers were drawn (multinomial)")
    weights = input.detach().numpy().astype(float64)
    if weights.ndim not in (1, 2) or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("input: expected finite weights from 0 up, a vector or rows of them")
    rows = np.atleast_2d(weights)
    least = (rows > 0).sum(1).min()
    if least < (1 if replacement else num_samples) or num_samples < 1:
        raise ValueError(f"num_samples: expected 1..{least} without replacement, got {num_samples}")
    drawn: Any = random.default_generator if generator is None else generator
    if replacement:
        ends = np.cumsum(rows / rows.sum(1, keepdims=True), 1)
        u = drawn.uniform((len(rows), num_samples), 0.0, 1.0, float64) * ends[:, -1:]
        found = (u[:, :, None] >= ends[:, None, :]).sum(2)
    else:  # the smallest of exponential waiting times (Efraimidis and Spirakis 2006)
        u = drawn.uniform(rows.shape, 0.0, 1.0, float64)
        with np.errstate(divide="ignore"):
            found = np.argsort(-np.log1p(-u) / rows, 1, kind="stable")[:, :num_samples]
    return Tensor(found.astype(int64).reshape(*weights.shape[:-1], num_samples))

"""Random tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check
from fastnn.ops.creation import dtype_of, sizes_of
from fastnn.random.generator import Generator, default_generator
from fastnn.tape import listener
from fastnn.tensor import Tensor, float64, int64

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = [
    "bernoulli",
    "multinomial",
    "normal",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
]


def rand(
    *size: int | Sequence[int],
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform numbers: x = draw * 2**-24 in [0, 1); float64 takes 53 bits.

    Args:
        size: the shape, as integers or one sequence.
        generator: default: the one that `manual_seed` seeds.
        dtype: float32 or float64; default: `get_default_dtype()`.
        requires_grad: default False.

    Raises:
        ValueError: a negative size, or another dtype.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(0)
    >>> rand(4)
    tensor([0.4963, 0.7682, 0.0885, 0.1320])
    """
    shape = check.shape("size", size)
    array = (generator or default_generator).uniform(shape, 0.0, 1.0, check.real_dtype(dtype))
    return Tensor(array, requires_grad=requires_grad)


def randn(
    *size: int | Sequence[int],
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers by Box-Muller: r*cos(t), r*sin(t) with r = sqrt(-2 log u1), t = 2 pi u2.

    Args:
        size: the shape, as integers or one sequence.
        generator: default: the one that `manual_seed` seeds.
        dtype: float32 or float64; default: `get_default_dtype()`.
        requires_grad: default False.

    Raises:
        ValueError: a negative size, or another dtype.

    Source: Box & Muller 1958; torch's `normal_fill`.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(2019)
    >>> randn(3)
    tensor([-0.1187,  0.2110,  0.7463])
    """
    shape = check.shape("size", size)
    array = (generator or default_generator).normal(shape, 0.0, 1.0, check.real_dtype(dtype))
    return Tensor(array, requires_grad=requires_grad)


def randint(*bounds_and_size: Any, generator: Generator | None = None, **named: Any) -> Tensor:
    """Random integers: draw % (high - low) + low, int64. Called `randint(low=0, high, size)`.

    Args:
        low: smallest value, default 0.
        high: one above the largest value.
        size: the shape, a sequence of integers.
        generator: default: the one that `manual_seed` seeds.

    Raises:
        TypeError: arguments missing or too many.
        ValueError: high <= low, or a negative size.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(0)
    >>> print(randint(0, 10, (5,)).numpy())
    [4 9 3 0 3]
    """
    low, high, size = _randint_arguments(bounds_and_size, named)
    low = check.integer("low", low, -(2**63), 2**63 - 1)
    high = check.integer("high", high, low + 1, low + 2**64 - 1)
    shape = check.shape("size", (size,))
    array = (generator or default_generator).integers(shape, low, min(high, 2**63))
    return Tensor(array)


def randperm(n: int, *, generator: Generator | None = None) -> Tensor:
    """A random permutation of 0 .. n-1, int64.

    Args:
        n: how many, at least 0.
        generator: default: the one that `manual_seed` seeds.

    Raises:
        ValueError: a negative number.

    >>> import fastnn
    >>> _ = fastnn.manual_seed(0)
    >>> print(randperm(5).numpy())
    [4 0 1 3 2]
    """
    count = check.integer("n", n, 0, 2**31)
    return Tensor((generator or default_generator).permutation(count))


def _randint_arguments(given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any, Any]:
    names = ("low", "high", "size")
    count = len(given) + len(named)
    skipped = 0 if "low" in named or count == 3 else 1
    values: dict[str, Any] = {"low": 0} if skipped else {}
    values.update(zip(names[skipped:], given, strict=False))
    if len(given) > 3 - skipped or set(named) & set(names[skipped : skipped + len(given)]):
        raise TypeError(f"randint: expected (low=0, high, size), got {count} arguments")
    values.update(named)
    if set(values) != set(names):
        raise TypeError(f"randint: expected (low=0, high, size), got {sorted(values)}")
    return values["low"], values["high"], values["size"]


def rand_like(input: Tensor, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers in [0, 1) with the shape of `input`; see `fastnn.rand`."""
    return rand(*input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def randn_like(
    input: Tensor, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Normal random numbers with the shape of `input`; see `fastnn.randn`."""
    return randn(*input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def normal(
    mean: Tensor | float = 0.0,
    std: Tensor | float = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: Any = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal random numbers with a mean and a standard deviation, elementwise if they are tensors.

    Args:
        size: the shape; required if both are numbers.

    Raises:
        TypeError: two numbers and no size.
    """
    drawn: Any = default_generator if generator is None else generator
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
    """Bernoulli samples: 1 with the probability given by each element, else 0; equal to torch's.

    Raises:
        ValueError: an element outside of 0..1.
    """
    listener.refuse("random numbers were drawn (bernoulli)")
    p = input.detach()
    if input.numel() and not bool(((p >= 0) & (p <= 1)).all().item()):
        raise ValueError("input: expected probabilities in 0..1")
    drawn: Any = default_generator if generator is None else generator
    return (Tensor(drawn.uniform(p.shape, 0.0, 1.0, p.dtype)) < p).to(p.dtype)


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None
) -> Tensor:
    """Indices drawn with probability proportional to the weights in each row of `input`, int64.

    The samples differ from torch's.

    Args:
        input: weights >= 0, a vector or rows of them.
        num_samples: how many; without replacement, at most the number of positive weights.
        replacement: whether an index may be drawn again.

    Raises:
        ValueError: weights that are negative, not finite or all 0; too many samples.
    """
    listener.refuse("random numbers were drawn (multinomial)")
    weights = input.detach().double().numpy()
    if weights.ndim not in (1, 2) or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("input: expected finite weights from 0 up, a vector or rows of them")
    rows = np.atleast_2d(weights)
    least = (rows > 0).sum(1).min()
    if least < (1 if replacement else num_samples) or num_samples < 1:
        raise ValueError(f"num_samples: expected 1..{least} without replacement, got {num_samples}")
    drawn: Any = default_generator if generator is None else generator
    if replacement:
        ends = np.cumsum(rows / rows.sum(1, keepdims=True), 1)
        u = drawn.uniform((len(rows), num_samples), 0.0, 1.0, float64) * ends[:, -1:]
        found = (u[:, :, None] >= ends[:, None, :]).sum(2)
    else:  # the smallest of exponential waiting times (Efraimidis and Spirakis 2006)
        u = drawn.uniform(rows.shape, 0.0, 1.0, float64)
        with np.errstate(divide="ignore"):
            found = np.argsort(-np.log1p(-u) / rows, 1, kind="stable")[:, :num_samples]
    return Tensor(found.astype(int64).reshape(*weights.shape[:-1], num_samples))

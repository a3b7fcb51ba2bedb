"""New tensors: of one value, of ranges, of random numbers (of fastnn's generator)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import fastnn
from fastnn import ops as base
from fastnn._support import check
from fastnn.mindspore.ops.arrays import sizes
from fastnn.mindspore.tensor import Tensor
from fastnn.nn import functional as F
from fastnn.tensor import Tensor as Plain

DType = npt.DTypeLike | None


def _of(dtype: DType, otherwise: Any = np.float32) -> Any:
    return otherwise if dtype is None else dtype


def zeros(size: Any, dtype: DType = None) -> Any:
    """A tensor of zeros, float32 by default."""
    return fastnn.zeros(*sizes(size), dtype=_of(dtype))


def ones(shape: Any, dtype: DType = None) -> Any:
    """A tensor of ones, float32 by default."""
    return fastnn.ones(*sizes(shape), dtype=_of(dtype))


def full(size: Any, fill_value: Any, *, dtype: DType = None) -> Any:
    """A tensor of one value, by default of its type: int64, float32 or bool."""
    value = fill_value.item() if isinstance(fill_value, Plain) else fill_value
    return Tensor(np.full(sizes(size), value, _of(dtype, Tensor(value).dtype)))


def fill(type: npt.DTypeLike, shape: Any, value: Any) -> Any:
    """A tensor of one value."""
    return full(shape, value, dtype=type)


def zeros_like(input: Any, *, dtype: DType = None) -> Any:
    """Zeros in the shape of a tensor, and by default of its dtype."""
    return fastnn.zeros_like(input, dtype=_of(dtype, input.dtype))


def ones_like(input: Any, *, dtype: DType = None) -> Any:
    """Ones in the shape of a tensor, and by default of its dtype."""
    return fastnn.ones_like(input, dtype=_of(dtype, input.dtype))


def full_like(input: Any, fill_value: Any, *, dtype: DType = None) -> Any:
    """One value in the shape of a tensor, and by default of its dtype."""
    return full(input.shape, fill_value, dtype=_of(dtype, input.dtype))


def fills(x: Any, value: Any) -> Any:
    """One value in the shape and dtype of a tensor."""
    return full(x.shape, value, dtype=x.dtype)


def arange(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: DType = None) -> Any:
    """start, start + step ... before end; int64 for whole numbers, else float32."""
    given = [x.item() if isinstance(x, Plain) else x for x in (start, end, step)]
    if given[1] is None:
        given[:2] = [0, given[0]]
    whole = all(isinstance(x, int | np.integer) for x in given)
    return Tensor(np.arange(*given), _of(dtype, np.int64 if whole else np.float32))


def range(start: Any, end: Any, step: Any, maxlen: int = 1000000) -> Any:
    """start, start + step ... before end."""
    return arange(start, end, step)


def linspace(start: Any, end: Any, steps: int) -> Any:
    """`steps` numbers from start to end, both included; float32."""
    low, high = (float(x) for x in (start, end))
    return Tensor(np.linspace(low, high, steps), np.float32)


def logspace(
    start: Any, end: Any, steps: int, base: int = 10, *, dtype: npt.DTypeLike = np.float32
) -> Any:
    """base to the power of `steps` numbers from start to end."""
    return Tensor(float(base) ** np.linspace(float(start), float(end), steps), dtype)


def eye(n: int, m: int | None = None, dtype: DType = None) -> Any:
    """Ones on the diagonal of an (n, m) matrix; float32."""
    return Tensor(np.eye(n, m), _of(dtype))


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: npt.DTypeLike = np.int64) -> Any:
    """Rows and columns of the lower triangle."""
    return Tensor(np.array(np.tril_indices(row, offset, col)), dtype)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: npt.DTypeLike = np.int64) -> Any:
    """Rows and columns of the upper triangle."""
    return Tensor(np.array(np.triu_indices(row, offset, col)), dtype)


# ---- random numbers ----


@contextlib.contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """With a seed the numbers are those of a generator seeded so; the default one goes on after."""
    if seed is None:
        yield
        return
    before = fastnn.get_rng_state()
    fastnn.manual_seed(check.integer("seed", seed, 0))
    try:
        yield
    finally:
        fastnn.set_rng_state(before)


def _flat(size: tuple[Any, ...]) -> tuple[int, ...]:
    return sizes(size[0]) if len(size) == 1 else sizes(size)


def rand(*size: Any, dtype: DType = None, seed: int | None = None) -> Any:
    """U(0, 1)."""
    with _seeded(seed):
        return fastnn.rand(*_flat(size)).to(_of(dtype))


def randn(*size: Any, dtype: DType = None, seed: int | None = None) -> Any:
    """N(0, 1)."""
    with _seeded(seed):
        return fastnn.randn(*_flat(size)).to(_of(dtype))


def rand_like(input: Any, seed: int | None = None, *, dtype: DType = None) -> Any:
    """U(0, 1) in the shape of a tensor."""
    return rand(input.shape, dtype=_of(dtype, input.dtype), seed=seed)


def randn_like(input: Any, seed: int | None = None, *, dtype: DType = None) -> Any:
    """N(0, 1) in the shape of a tensor."""
    return randn(input.shape, dtype=_of(dtype, input.dtype), seed=seed)


def randint(low: int, high: int, size: Any, seed: int | None = None, *, dtype: DType = None) -> Any:
    """Whole numbers in low..high - 1."""
    with _seeded(seed):
        return fastnn.randint(low, high, sizes(size)).to(_of(dtype, np.int64))


def randperm(n: int, seed: int = 0, offset: int = 0, dtype: npt.DTypeLike = np.int64) -> Any:
    """0..n-1 in random order; seed 0: the default generator goes on."""
    with _seeded(seed or None):
        return fastnn.randperm(n).to(dtype)


def normal(shape: Any, mean: Any, stddev: Any, seed: int | None = None) -> Any:
    """N(mean, stddev^2); the arguments broadcast."""
    return base.add(base.mul(randn(sizes(shape), seed=seed), stddev), mean)


def standard_normal(shape: Any, seed: int | None = None) -> Any:
    """N(0, 1)."""
    return randn(sizes(shape), seed=seed)


def uniform(
    shape: Any,
    minval: Any,
    maxval: Any,
    seed: int | None = None,
    dtype: npt.DTypeLike = np.float32,
) -> Any:
    """U(minval, maxval); whole numbers in minval..maxval - 1 for an integer dtype."""
    if np.dtype(dtype).kind in "iu":
        low, high = (int(x.item() if isinstance(x, Plain) else x) for x in (minval, maxval))
        return randint(low, high, shape, seed, dtype=dtype)
    low_, high_ = (x if isinstance(x, Plain) else float(x) for x in (minval, maxval))
    return base.add(
        base.mul(
            rand(sizes(shape), seed=seed),
            base.sub(high_, low_)
            if isinstance(high_, Plain) or isinstance(low_, Plain)
            else high_ - low_,
        ),
        low_,
    )


def bernoulli(input: Any, p: Any = 0.5, seed: int | None = None) -> Any:
    """1 with probability p, else 0, in the shape and dtype of a tensor."""
    return base.lt(rand(input.shape, seed=seed), p).to(input.dtype)


def multinomial(
    input: Any, num_samples: int, replacement: bool = True, seed: int | None = None
) -> Any:
    """Columns drawn with the probability that their weights give; replacement is the default."""
    with _seeded(seed):
        return fastnn.multinomial(input, num_samples, replacement)


def shuffle(x: Any, seed: int | None = None) -> Any:
    """The rows in random order."""
    with _seeded(seed):
        return base.index_select(x, 0, fastnn.randperm(x.shape[0]))


def dropout(input: Any, p: float = 0.5, training: bool = True, seed: int | None = None) -> Any:
    """While training each element is 0 with probability p, else divided by 1 - p."""
    with _seeded(seed):
        return F.dropout(input, p, training)


__all__ = [
    "arange", "bernoulli", "dropout", "eye", "fill", "fills", "full", "full_like", "linspace",
    "logspace", "multinomial", "normal", "ones", "ones_like", "rand", "rand_like", "randint",
    "randn", "randn_like", "randperm", "range", "shuffle", "standard_normal", "tril_indices",
    "triu_indices", "uniform", "zeros", "zeros_like",
]  # fmt: skip

"""Functions that are made of others, as torch names them; gradients and programs come with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.ops.elementwise import (
    abs,
    add,
    div,
    eq,
    exp,
    gt,
    log1p,
    lt,
    maximum,
    mul,
    ne,
    neg,
    remainder,
    sqrt,
    square,
    sub,
    where,
)
from fastnn.ops.functions import isfinite, isnan, logical_and, logical_not, trunc
from fastnn.ops.indexing import index_select
from fastnn.ops.join import axis, cat
from fastnn.ops.products import bmm, matmul, mm
from fastnn.ops.promote import cast, pair
from fastnn.ops.reduce import mean, sum
from fastnn.ops.shape import expand, getitem, permute, reshape
from fastnn.ops.statistics import Axes, norm, std, var
from fastnn.tensor import Tensor, int64
from fastnn.tensor.methods.names import both_names

if TYPE_CHECKING:
    from fastnn.ops.table import Scalar

    Operand = Tensor | Scalar

# By element


def frac(x: Tensor) -> Tensor:
    """What is left of x without its whole part: x - trunc(x)."""
    return sub(x, trunc(x))


def fmod(x: Operand, y: Operand) -> Tensor:
    """x - trunc(x / y) y, exactly: the remainder with the sign of x."""
    a, b = pair(x, y)
    below = lt(a, 0)
    left = remainder(where(below, neg(a), a), abs(b))
    return where(below, neg(left), left)


def logaddexp(x: Tensor, y: Tensor) -> Tensor:
    """log(exp(x) + exp(y)), shifted by the larger of the two."""
    a, b = pair(x, y)
    low = neg(abs(sub(a, b)))
    return add(maximum(a, b), log1p(exp(where(isnan(low), 0.0, low))))


def hypot(x: Tensor, y: Tensor) -> Tensor:
    """sqrt(x^2 + y^2), scaled by the larger of the two."""
    a, b = pair(x, y)
    most = maximum(abs(a.detach()), abs(b.detach()))
    scale = where(logical_and(isfinite(most), gt(most, 0)), most, 1.0)
    return mul(sqrt(add(square(div(a, scale)), square(div(b, scale)))), scale)


def nan_to_num(
    x: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """x with numbers in place of nan and the infinities: by default the largest of the dtype."""
    if x.dtype.kind != "f":
        return x
    most = float(np.finfo(x.dtype).max)
    y = where(eq(x, math.inf), most if posinf is None else posinf, x)
    y = where(eq(x, -math.inf), -most if neginf is None else neginf, y)
    return where(isnan(x), nan, y)


def addcdiv(x: Tensor, a: Tensor, b: Tensor, value: float = 1.0) -> Tensor:
    """x + value a / b."""
    return add(x, mul(div(a, b), value))


# Products


def _plus(x: Tensor, y: Tensor, beta: float, alpha: float) -> Tensor:
    y = y if alpha == 1 else mul(y, alpha)
    if beta == 0:  # whatever x is, nan too
        return y
    return add(expand(x if beta == 1 else mul(x, beta), y.shape), y)


def addmm(
    x: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0
) -> Tensor:
    """beta x + alpha mat1 @ mat2 of two matrices."""
    return _plus(x, mm(mat1, mat2), beta, alpha)


def baddbmm(
    x: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1.0, alpha: float = 1.0
) -> Tensor:
    """beta x + alpha batch1 @ batch2 of two batches of matrices."""
    return _plus(x, bmm(batch1, batch2), beta, alpha)


def inner(x: Tensor, y: Tensor) -> Tensor:
    """The sums of products over the last axes: x y^T."""
    if x.ndim == 0 or y.ndim == 0:
        return mul(x, y)
    return tensordot(x, y, ([x.ndim - 1], [y.ndim - 1]))


def tensordot(x: Tensor, y: Tensor, dims: int | Sequence[Sequence[int]] = 2) -> Tensor:
    """The sums of products over axes of x and of y.

    Args:
        dims: how many, the last of x and the first of y; or those of x, and those of y.

    Raises:
        ValueError: axes of different sizes.
    """
    if isinstance(dims, int):
        if not 0 <= dims <= min(x.ndim, y.ndim):
            raise ValueError(f"dims: expected 0..{min(x.ndim, y.ndim)}, got {dims}")
        mine, its = list(range(x.ndim - dims, x.ndim)), list(range(dims))
    else:
        mine = [axis("tensordot", d, x.ndim) for d in dims[0]]
        its = [axis("tensordot", d, y.ndim) for d in dims[1]]
    if [x.shape[d] for d in mine] != [y.shape[d] for d in its]:
        raise ValueError(f"tensordot: shapes {x.shape} and {y.shape} differ in the axes {dims}")
    left = [d for d in range(x.ndim) if d not in mine]
    right = [d for d in range(y.ndim) if d not in its]
    size = int(np.prod([x.shape[d] for d in mine]))
    a = reshape(permute(x, (*left, *mine)), (int(np.prod([x.shape[d] for d in left])), size))
    b = reshape(permute(y, (*its, *right)), (size, int(np.prod([y.shape[d] for d in right]))))
    return reshape(matmul(a, b), tuple([x.shape[d] for d in left] + [y.shape[d] for d in right]))


def dist(x: Tensor, y: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm of x - y."""
    return norm(sub(x, y), p)


def cdist(x: Tensor, y: Tensor, p: float = 2.0) -> Tensor:
    """The p-norms of the differences of each row of x (.., n, d) and each of y (.., m, d).

    Raises:
        ValueError: a p below 0, no rows, or rows of different lengths.
    """
    if not p >= 0:
        raise ValueError(f"p: expected a number of at least 0, got {p}")
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"cdist: expected rows of one length, got shapes {x.shape} and {y.shape}")
    rows = getitem(x, (..., slice(None), None, slice(None)))
    return norm(sub(rows, getitem(y, (..., None, slice(None), slice(None)))), p, -1)


# Statistics


@both_names
def var_mean(
    x: Tensor, dim: Axes = None, unbiased: bool | None = None, keepdim: bool = False, *,
    correction: float = 1,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """(variance, mean) over `dim` (default: all axes); see `var`."""
    axes = None if isinstance(dim, bool) else dim
    return var(x, dim, unbiased, keepdim, correction=correction), mean(x, axes, keepdim)


@both_names
def std_mean(
    x: Tensor, dim: Axes = None, unbiased: bool | None = None, keepdim: bool = False, *,
    correction: float = 1,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """(standard deviation, mean) over `dim` (default: all axes); see `std`."""
    axes = None if isinstance(dim, bool) else dim
    return std(x, dim, unbiased, keepdim, correction=correction), mean(x, axes, keepdim)


@both_names
def nansum(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """The sum of what is not nan."""
    return sum(where(isnan(x), 0.0, x) if x.dtype.kind == "f" else x, dim, keepdim)


@both_names
def nanmean(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """The mean of what is not nan."""
    count = sum(cast(logical_not(isnan(x)), x.dtype), dim, keepdim)
    return div(nansum(x, dim, keepdim), count)


@both_names
def count_nonzero(x: Tensor, dim: Axes = None) -> Tensor:
    """How many elements are not 0, int64."""
    return sum(cast(ne(x, 0), int64), dim)


# Shapes


def broadcast_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """x in a shape that it broadcasts to, as a view."""
    return expand(x, tuple(shape))


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors in the shape that they broadcast to together, as views."""
    shape = np.broadcast_shapes(*(t.shape for t in tensors))
    return tuple(expand(t, shape) for t in tensors)


def movedim(x: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """The axes `source` at the places `destination`, the others in their order."""
    start, end = ([v] if isinstance(v, int) else list(v) for v in (source, destination))
    if len(start) != len(end):
        raise ValueError(f"movedim: expected as many places as axes, got {start} and {end}")
    at, to = ([axis("movedim", d, x.ndim) for d in dims] for dims in (start, end))
    if len({*at}) < len(at) or len({*to}) < len(to):
        raise ValueError(f"movedim: an axis comes twice in {source} or {destination}")
    rest = [d for d in range(x.ndim) if d not in at]
    for place, d in sorted(zip(to, at)):
        rest.insert(place, d)
    return permute(x, tuple(rest))


def tensor_split(x: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts along `dim`: so many, as equal as can be, or cut before these positions."""
    at = axis("tensor_split", dim, x.ndim)
    n = x.shape[at]
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        parts = indices_or_sections
        if parts < 1:
            raise ValueError(f"tensor_split: expected at least 1 section, got {parts}")
        ends = [(n // parts) * i + min(i, n % parts) for i in range(1, parts)]
    else:
        ends = [int(i) for i in indices_or_sections]
    before = (slice(None),) * at
    return tuple(getitem(x, (*before, slice(a, b))) for a, b in zip([0, *ends], [*ends, n]))


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Vectors, and the columns of matrices, side by side."""
    return cat([reshape(t, (-1, 1)) if t.ndim < 2 else t for t in tensors], 1)


def select(x: Tensor, dim: int, index: int) -> Tensor:
    """The part at one position along `dim`, as a view without that axis."""
    return getitem(x, (*(slice(None),) * axis("select", dim, x.ndim), index))


def repeat_interleave(x: Tensor, repeats: Any = None, dim: int | None = None) -> Tensor:
    """Each element, or each part along `dim`, several times in a row.

    Args:
        repeats: how often; a vector has a number for each part, which no program can be made of.
            Without it x are the repeats, of 0, 1, ..

    Raises:
        TypeError: repeats that are not whole numbers. ValueError: below 0, or too few.
    """
    if repeats is None:
        repeats, x = x, Tensor(np.arange(x.numel()))
    x, at = (reshape(x, (-1,)), 0) if dim is None else (x, axis("repeat_interleave", dim, x.ndim))
    times = repeats.numpy() if isinstance(repeats, Tensor) else np.asarray(repeats)
    if times.dtype.kind != "i" or times.ndim > 1:
        raise TypeError(f"repeats: expected a whole number or a vector of them, got {repeats!r}")
    if times.size not in (1, x.shape[at]) or (times < 0).any():
        raise ValueError(f"repeats: expected 1 or {x.shape[at]} numbers from 0 up, got {repeats}")
    return index_select(x, at, Tensor(np.repeat(np.arange(x.shape[at]), times)))


@both_names
def diff(
    x: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """x_(i+1) - x_i along `dim`, n times over.

    Args:
        prepend, append: what is put before and after x first.

    Raises:
        ValueError: n below 0.
    """
    at = axis("diff", dim, x.ndim)
    if n < 0:
        raise ValueError(f"n: expected at least 0, got {n}")
    parts = [t for t in (prepend, x, append) if t is not None]
    x = cat(parts, at) if len(parts) > 1 else x
    before = (slice(None),) * at
    for _ in range(n):
        following, own = (getitem(x, (*before, s)) for s in (slice(1, None), slice(None, -1)))
        x = sub(following, own) if x.dtype.kind != "b" else ne(following, own)
    return x

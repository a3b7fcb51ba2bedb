"""Functions that are made of others, as torch names them; gradients and programs come with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.methods.names import both_names
from fastnn.ops.arrange import diag
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
    sqrt,
    square,
    sub,
    where,
)
from fastnn.ops.functions import isfinite, isnan, logical_not, trunc
from fastnn.ops.index import gather, index_select, positions, row_by_row
from fastnn.ops.join import axis, cat
from fastnn.ops.products import matmul
from fastnn.ops.promote import cast, pair
from fastnn.ops.reduce import any, mean, sum
from fastnn.ops.rows import scatter_add_rows
from fastnn.ops.shape import expand, getitem, permute, reshape
from fastnn.ops.statistics import Axes, norm, std, var
from fastnn.ops.table import real
from fastnn.tensor import Tensor, int64

if TYPE_CHECKING:
    from fastnn.ops.table import Scalar

    Operand = Tensor | Scalar

# By element


def frac(x: Tensor) -> Tensor:
    """What is left of x without its whole part: x - trunc(x)."""
    return sub(x, trunc(x))


def fmod(x: Operand, y: Operand) -> Tensor:
    """x - trunc(x / y) y: the remainder with the sign of x."""
    a, b = pair(x, y)
    return sub(a, mul(trunc(div(a, b)) if a.dtype.kind == "f" else _towards_zero(a, b), b))


def _towards_zero(a: Tensor, b: Tensor) -> Tensor:
    from fastnn.ops.variants import div as divided

    return divided(a, b, rounding_mode="trunc")


def logaddexp(x: Tensor, y: Tensor) -> Tensor:
    """log(exp(x) + exp(y)), shifted by the larger of the two."""
    a, b = pair(x, y)
    low = neg(abs(sub(a, b)))
    return add(maximum(a, b), log1p(exp(where(isnan(low), 0.0, low))))


def hypot(x: Tensor, y: Tensor) -> Tensor:
    """sqrt(x^2 + y^2)."""
    return sqrt(add(square(x), square(y)))


def nan_to_num(
    x: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """x with numbers in place of nan and the infinities: by default the largest of the dtype."""
    if x.dtype.kind != "f":
        return x
    most = float(np.finfo(x.dtype).max)
    y = where(isnan(x), nan, x)
    infinite = logical_not(isfinite(y))
    high, low = most if posinf is None else posinf, -most if neginf is None else neginf
    y = where(infinite & gt(y, 0.0), high, y)
    return where(infinite & lt(y, 0.0), low, y)


def addcdiv(x: Tensor, a: Tensor, b: Tensor, value: float = 1.0) -> Tensor:
    """x + value a / b."""
    return add(x, mul(div(a, b), value))


# Products


def addmm(
    x: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0
) -> Tensor:
    """beta x + alpha mat1 @ mat2; of stacks of matrices too (baddbmm)."""
    y = matmul(mat1, mat2)
    return add(x if beta == 1 else mul(x, beta), y if alpha == 1 else mul(y, alpha))


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
    """The p-norms of the differences of each row of x (.., n, d) and each of y (.., m, d)."""
    rows = getitem(x, (..., slice(None), None, slice(None)))
    return norm(sub(rows, getitem(y, (..., None, slice(None), slice(None)))), p, -1)


# Statistics


@both_names
def var_mean(
    x: Tensor, dim: Axes = None, unbiased: bool | None = None, keepdim: bool = False, *,
    correction: float = 1,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """(variance, mean) over `dim` (default: all axes); see `var`."""
    return var(x, dim, unbiased, keepdim, correction=correction), mean(x, dim, keepdim)


@both_names
def std_mean(
    x: Tensor, dim: Axes = None, unbiased: bool | None = None, keepdim: bool = False, *,
    correction: float = 1,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """(standard deviation, mean) over `dim` (default: all axes); see `std`."""
    return std(x, dim, unbiased, keepdim, correction=correction), mean(x, dim, keepdim)


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
    at = [axis("movedim", d, x.ndim) for d in start]
    rest = [d for d in range(x.ndim) if d not in at]
    for place, d in sorted(zip((axis("movedim", d, x.ndim) for d in end), at)):
        rest.insert(place, d)
    return permute(x, tuple(rest))


def tensor_split(x: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts along `dim`: so many, as equal as can be, or cut before these positions."""
    at = axis("tensor_split", dim, x.ndim)
    n = x.shape[at]
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


def diagonal(x: Tensor, offset: int = 0) -> Tensor:
    """The diagonal of a matrix, as a view.

    Raises:
        ValueError: no matrix.
    """
    if x.ndim != 2:
        raise ValueError(f"diagonal: expected a matrix, got shape {x.shape}")
    return diag(x, offset)


def repeat_interleave(x: Tensor, repeats: int, dim: int | None = None) -> Tensor:
    """Each element, or each part along `dim`, `repeats` times in a row."""
    x, at = (reshape(x, (-1,)), 0) if dim is None else (x, axis("repeat_interleave", dim, x.ndim))
    if isinstance(repeats, bool) or not isinstance(repeats, int):
        raise TypeError(f"repeats: expected an integer, got {repeats!r}")
    n = x.shape[at]
    wide = expand(getitem(x, (*(slice(None),) * (at + 1), None)),
                  (*x.shape[: at + 1], repeats, *x.shape[at + 1 :]))  # fmt: skip
    return reshape(wide, (*x.shape[:at], n * repeats, *x.shape[at + 1 :]))


@both_names
def diff(x: Tensor, n: int = 1, dim: int = -1) -> Tensor:
    """x_(i+1) - x_i along `dim`, n times over."""
    before = (slice(None),) * axis("diff", dim, x.ndim)
    for _ in range(n):
        following, own = (getitem(x, (*before, s)) for s in (slice(1, None), slice(None, -1)))
        x = sub(following, own) if x.dtype.kind != "b" else ne(following, own)
    return x


# By positions


def take(x: Tensor, index: Tensor) -> Tensor:
    """The elements at these positions of x laid out row by row."""
    found: Tensor = index_select(reshape(x, (-1,)), 0, reshape(index, (-1,)))
    return reshape(found, index.shape)


def take_along_dim(x: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """As `gather`; the other axes broadcast. Without `dim`, as `take`."""
    if dim is None:
        return take(x, indices)
    at = axis("take_along_dim", dim, x.ndim)
    shape = list(np.broadcast_shapes(
        *((*t.shape[:at], 1, *t.shape[at + 1 :]) for t in (x, indices))
    ))  # fmt: skip
    given = [(*shape[:at], t.shape[at], *shape[at + 1 :]) for t in (x, indices)]
    return gather(expand(x, given[0]), dim, expand(indices, given[1]))


def _fitting(name: str, x: Tensor, dim: int, index: Tensor) -> int:
    """The axis, for an index of x's shape but for that axis."""
    at = axis(name, dim, x.ndim)
    wanted = (*x.shape[:at], *index.shape[at : at + 1], *x.shape[at + 1 :])
    if index.shape != wanted:
        raise ValueError(
            f"{name}: expected an index of shape {x.shape}, but for axis {at}, got {index.shape}"
        )
    return at


def scatter(x: Tensor, dim: int, index: Tensor, src: Operand) -> Tensor:
    """x with src_i at position index_i along `dim`: the last one where several are meant.

    Args:
        index: int64, of x's shape but for `dim`.
        src: a number, or a tensor of index's shape.

    Raises:
        ValueError: an index of another shape. IndexError: outside of x.
    """
    at = _fitting("scatter", x, dim, index)
    index = positions(index, x.shape[at], "index", False)
    numbers = Tensor(np.arange(x.shape[at]).reshape(-1, *(1,) * (x.ndim - 1 - at)))
    for i in range(index.shape[at]):
        part = (*(slice(None),) * at, slice(i, i + 1))
        value = getitem(src, part) if isinstance(src, Tensor) else src
        x = cast(where(eq(getitem(index, part), numbers), value, x), x.dtype)
    return x


def scatter_add(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """x with src_i added at position index_i along `dim`; index and src as of `scatter`."""
    at = _fitting("scatter_add", x, dim, index)
    if src.shape != index.shape:
        raise ValueError(f"src: expected the index's shape {index.shape}, got {src.shape}")
    column = reshape(real(src), (-1, 1))
    total = scatter_add_rows(column, row_by_row(x.shape, at, index), x.numel())
    return add(x, cast(reshape(total, x.shape), x.dtype))


def index_add(x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """x with alpha source_i added at position index_i along `dim`.

    Raises:
        ValueError: a source of another shape. IndexError: outside of x.
    """
    at = axis("index_add", dim, x.ndim)
    if index.ndim != 1 or source.shape != (*x.shape[:at], len(index), *x.shape[at + 1 :]):
        raise ValueError(
            f"source: expected the shape {x.shape}, but for axis {at} the {index.numel()} of the "
            f"index, got {source.shape}"
        )
    rows = movedim(real(source), at, 0)
    index = positions(index, x.shape[at], "index", False)
    total = scatter_add_rows(reshape(rows, (rows.shape[0], -1)), index, x.shape[at])
    there = movedim(reshape(total, (x.shape[at], *rows.shape[1:])), 0, at)
    return add(x, cast(there if alpha == 1 else mul(there, alpha), x.dtype))


def index_fill(x: Tensor, dim: int, index: Tensor, value: Operand) -> Tensor:
    """x with `value` at each of these positions along `dim`."""
    at = axis("index_fill", dim, x.ndim)
    index = positions(index, x.shape[at], "index", False)
    numbers = Tensor(np.arange(x.shape[at]).reshape(-1, 1))
    meant = any(eq(numbers, index), 1)
    return cast(where(reshape(meant, (-1, *(1,) * (x.ndim - 1 - at))), value, x), x.dtype)

"""Tensor's methods that are made of others, and torch's second names; each calls the op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.tensor.methods.operators import Operand
    from fastnn.tensor.tensor import Tensor

    Axes = int | Sequence[int] | None

ops: Any = None  # fastnn.ops, put here by `connect`


class Combined:
    """`x.addmm`, `x.scatter`, `x.median` and the like."""

    __slots__ = ()

    ndim: Any
    _replace: Callable[..., Any]
    copy_: Any
    uniform_: Any

    # By element

    def frac(self) -> Tensor:
        """x - trunc(x)."""
        return ops.combined.frac(self)

    def fmod(self, other: Operand) -> Tensor:
        """The remainder with the sign of x."""
        return ops.combined.fmod(self, other)

    def nan_to_num(
        self, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
    ) -> Tensor:
        """Numbers in place of nan and the infinities."""
        return ops.combined.nan_to_num(self, nan, posinf, neginf)

    def logaddexp(self, other: Tensor) -> Tensor:
        """log(exp(x) + exp(other))."""
        return ops.combined.logaddexp(self, other)

    def lerp(self, end: Tensor, weight: Operand) -> Tensor:
        """x + weight (end - x)."""
        return ops.lerp(self, end, weight)

    def addcmul(self, a: Tensor, b: Tensor, *, value: float = 1) -> Tensor:
        """x + value a b."""
        return ops.addcmul(self, a, b, value)

    def addcdiv(self, a: Tensor, b: Tensor, *, value: float = 1) -> Tensor:
        """x + value a / b."""
        return ops.combined.addcdiv(self, a, b, value)

    # Products

    def addmm(self, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta x + alpha mat1 @ mat2."""
        return ops.combined.addmm(self, mat1, mat2, beta=beta, alpha=alpha)

    def baddbmm(
        self, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
    ) -> Tensor:
        """beta x + alpha batch1 @ batch2."""
        return ops.combined.baddbmm(self, batch1, batch2, beta=beta, alpha=alpha)

    def inner(self, other: Tensor) -> Tensor:
        """The sums of products over the last axes."""
        return ops.combined.inner(self, other)

    def dist(self, other: Tensor, p: float = 2) -> Tensor:
        """The p-norm of x - other."""
        return ops.combined.dist(self, other, p)

    # Statistics

    def median(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The middle element, the lower of two; along `dim`, (values, indices)."""
        return ops.counting.median(self, dim, keepdim)

    def quantile(
        self,
        q: float | Tensor,
        dim: int | None = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
    ) -> Tensor:
        """The q-th quantiles."""
        return ops.counting.quantile(self, q, dim, keepdim, interpolation=interpolation)

    def kthvalue(self, k: int, dim: int = -1, keepdim: bool = False) -> Any:
        """(values, indices) of the k-th smallest along `dim`."""
        return ops.counting.kthvalue(self, k, dim, keepdim)

    def nansum(self, dim: Axes = None, keepdim: bool = False) -> Tensor:
        """The sum of what is not nan."""
        return ops.combined.nansum(self, dim, keepdim)

    def nanmean(self, dim: Axes = None, keepdim: bool = False) -> Tensor:
        """The mean of what is not nan."""
        return ops.combined.nanmean(self, dim, keepdim)

    def count_nonzero(self, dim: Axes = None) -> Tensor:
        """How many elements are not 0."""
        return ops.combined.count_nonzero(self, dim)

    def unique(
        self,
        sorted: bool = True,
        return_inverse: bool = False,
        return_counts: bool = False,
        dim: int | None = None,
    ) -> Any:
        """The different values, in order."""
        return ops.counting.unique(self, sorted, return_inverse, return_counts, dim)

    def bincount(self, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
        """How often each of 0, 1, .. comes."""
        return ops.counting.bincount(self, weights, minlength)

    def histc(self, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
        """How many elements are in each of `bins` equal parts."""
        return ops.counting.histc(self, bins, min, max)

    # Shapes

    def swapaxes(self, axis0: int, axis1: int) -> Tensor:
        """Two axes exchanged."""
        return ops.transpose(self, axis0, axis1)

    swapdims = swapaxes

    def movedim(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
        """Axes at other places."""
        return ops.combined.movedim(self, source, destination)

    moveaxis = movedim

    def broadcast_to(self, shape: Sequence[int]) -> Tensor:
        """x in a shape that it broadcasts to."""
        return ops.combined.broadcast_to(self, shape)

    def tensor_split(self, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Parts along `dim`."""
        return ops.combined.tensor_split(self, indices_or_sections, dim)

    def select(self, dim: int, index: int) -> Tensor:
        """The part at one position along `dim`."""
        return ops.combined.select(self, dim, index)

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """The diagonals along two axes."""
        return ops.layout.diagonal_of(self, offset, dim1, dim2)

    def repeat_interleave(self, repeats: int | Tensor, dim: int | None = None) -> Tensor:
        """Each element, or part along `dim`, several times in a row."""
        return ops.combined.repeat_interleave(self, repeats, dim)

    def diff(
        self,
        n: int = 1,
        dim: int = -1,
        prepend: Tensor | None = None,
        append: Tensor | None = None,
    ) -> Tensor:
        """The differences of neighbours along `dim`."""
        return ops.combined.diff(self, n, dim, prepend, append)

    # By positions

    def take(self, index: Tensor) -> Tensor:
        """The elements at these positions, counted row by row."""
        return ops.scatter.take(self, index)

    def take_along_dim(self, indices: Tensor, dim: int | None = None) -> Tensor:
        """As `gather`; the other axes broadcast."""
        return ops.scatter.take_along_dim(self, indices, dim)

    def scatter(self, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
        """src_i at position index_i along `dim`."""
        return ops.scatter.scatter(self, dim, index, value if src is None else src)

    def scatter_add(self, dim: int, index: Tensor, src: Tensor) -> Tensor:
        """src_i added at position index_i along `dim`."""
        return ops.scatter.scatter_add(self, dim, index, src)

    def index_add(self, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
        """alpha source_i added at position index_i along `dim`."""
        return ops.scatter.index_add(self, dim, index, source, alpha=alpha)

    def index_fill(self, dim: int, index: Tensor, value: Operand) -> Tensor:
        """`value` at these positions along `dim`."""
        return ops.scatter.index_fill(self, dim, index, value)

    # In place

    def bernoulli_(self, p: float = 0.5) -> Tensor:
        """1 with probability p, else 0, by fastnn's generator."""
        return self.copy_(ops.lt(self.uniform_(), p))


_SECOND_NAMES = {
    "absolute": "abs", "negative": "neg", "multiply": "mul", "divide": "div", "subtract": "sub",
    "true_divide": "div", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le",
    "not_equal": "ne",
}  # fmt: skip


def _named(name: str, ours: str) -> Callable[..., Any]:
    def method(self: Combined, *args: Any, **named: Any) -> Any:
        return getattr(self, ours)(*args, **named)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"As `{ours}`."
    return method


for _name, _ours in _SECOND_NAMES.items():
    setattr(Combined, _name, _named(_name, _ours))


def _in_place(name: str) -> Callable[..., Any]:
    def method(self: Combined, *args: Any, **named: Any) -> Any:
        def changed(old: Any) -> Any:
            y = getattr(old, name)(*args, **named)
            ops.promote.fits(name + "_", old, y.dtype)
            return y

        values = [v for v in (*args, *named.values()) if isinstance(v, Combined)]
        return self._replace(name + "_", changed, *values)

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"`{name}` in place."
    return method


for (
    _name
) in "addcmul addcdiv fmod lerp nan_to_num scatter scatter_add index_add index_fill".split():
    setattr(Combined, _name + "_", _in_place(_name))

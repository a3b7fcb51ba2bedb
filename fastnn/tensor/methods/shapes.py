"""Tensor's methods of shape, indexing, reduction and product: each calls the op of that name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnn.tensor.methods.names import both_names

if TYPE_CHECKING:
    from typing import TypeAlias

    from fastnn.tensor.tensor import Tensor

    Operand: TypeAlias = Tensor | bool | int | float
    Axes: TypeAlias = int | Sequence[int] | None

ops: Any = None  # fastnn.ops, put here by `connect`


def _sizes(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """f(2, 3) and f((2, 3)) are the same."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], Sequence) else sizes


class Shapes:
    """`x.sum()`, `x.reshape(2, 3)`, `x.exp()` and the like."""

    __slots__ = ()

    shape: Any

    # Shape

    @property
    def T(self) -> Tensor:
        """The axes in reverse order, as a view."""
        return ops.permute(self, tuple(range(len(self.shape) - 1, -1, -1)))

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged, as a view."""
        return ops.transpose(self, -2, -1)

    def t(self) -> Tensor:
        """The transpose of a matrix, as a view."""
        return self.T

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Two axes exchanged, as a view."""
        return ops.transpose(self, dim0, dim1)

    def permute(self, *dims: int | Sequence[int]) -> Tensor:
        """The axes in the order given, as a view."""
        return ops.permute(self, _sizes(dims))

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        """Another shape for the same elements; one size may be -1."""
        return ops.reshape(self, _sizes(shape))

    view = reshape

    def view_as(self, other: Tensor) -> Tensor:
        """In the shape of another tensor."""
        return ops.reshape(self, other.shape)

    reshape_as = view_as

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Axes start_dim..end_dim merged into one."""
        return ops.flatten(self, start_dim, end_dim)

    def ravel(self) -> Tensor:
        """As one axis."""
        return ops.flatten(self)

    @both_names
    def squeeze(self, dim: int | Sequence[int] | None = None) -> Tensor:
        """Without its axes of size 1 (or those of `dim`, where of size 1)."""
        return ops.squeeze(self, dim)

    @both_names
    def unsqueeze(self, dim: int) -> Tensor:
        """With an axis of size 1 before axis `dim`."""
        return ops.unsqueeze(self, dim)

    def expand(self, *shape: int | Sequence[int]) -> Tensor:
        """Broadcast to a shape, as a view."""
        return ops.expand(self, _sizes(shape))

    def expand_as(self, other: Tensor) -> Tensor:
        """Broadcast to the shape of another, as a view."""
        return ops.expand(self, other.shape)

    def repeat(self, *sizes: int | Sequence[int]) -> Tensor:
        """Copies side by side, sizes[i] of them along axis i."""
        return ops.repeat(self, _sizes(sizes))

    def tile(self, *dims: int | Sequence[int]) -> Tensor:
        """Copies side by side, dims[i] of them along axis i; of the first axes 1 if too few."""
        return ops.tile(self, _sizes(dims))

    def narrow(self, dim: int, start: int, length: int) -> Tensor:
        """The elements start .. start + length - 1 along `dim`, as a view."""
        return ops.narrow(self, dim, start, length)

    def diag(self, diagonal: int = 0) -> Tensor:
        """The diagonal of a matrix, or the matrix with this vector on its diagonal."""
        return ops.diag(self, diagonal)

    def trace(self) -> Tensor:
        """The sum of the diagonal of a matrix."""
        return ops.trace(self)

    def split(self, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Views of `split_size` along `dim`."""
        return ops.split(self, split_size, dim)

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` views along `dim`."""
        return ops.chunk(self, chunks, dim)

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The parts at each position of an axis."""
        return ops.unbind(self, dim)

    def flip(self, *dims: int | Sequence[int]) -> Tensor:
        """In reverse order along the axes."""
        return ops.flip(self, _sizes(dims))

    def roll(self, shifts: int, dims: int | None = None) -> Tensor:
        """Moved along an axis, around the end."""
        return ops.roll(self, shifts, dims)

    def tril(self, diagonal: int = 0) -> Tensor:
        """The lower triangle, else 0."""
        return ops.tril(self, diagonal)

    def triu(self, diagonal: int = 0) -> Tensor:
        """The upper triangle, else 0."""
        return ops.triu(self, diagonal)

    def contiguous(self) -> Tensor:
        """Itself when C-contiguous, else a copy that is."""
        return ops.contiguous(self)

    def clone(self) -> Tensor:
        """A copy with memory of its own; gradients pass through."""
        return ops.copy(self)

    # By index and by value

    def gather(self, dim: int, index: Tensor) -> Tensor:
        """The elements that the index names along `dim`."""
        return ops.gather(self, dim, index)

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """The parts along `dim` that the index names."""
        return ops.index_select(self, dim, index)

    def masked_fill(self, mask: Tensor, value: Operand) -> Tensor:
        """`value` where the mask holds."""
        return ops.masked_fill(self, mask, value)

    def masked_select(self, mask: Tensor) -> Tensor:
        """The elements where the mask holds, flat."""
        return ops.masked_select(self, mask)

    def where(self, condition: Tensor, other: Operand) -> Tensor:
        """This where the condition holds, else `other`."""
        return ops.where(condition, self, other)

    def nonzero(self, as_tuple: bool = False) -> Any:
        """The positions of what is not 0."""
        return ops.nonzero(self, as_tuple)

    @both_names
    def sort(self, dim: int = -1, descending: bool = False, stable: bool = True) -> Any:
        """(values, indices): the elements in order along `dim`."""
        return ops.sort(self, dim, descending)

    @both_names
    def argsort(self, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
        """The positions of the elements in order along `dim`."""
        return ops.argsort(self, dim, descending)

    @both_names
    def topk(self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
        """(values, indices) of the k largest (or smallest) elements along `dim`, in order."""
        return ops.topk(self, k, dim, largest)

    # Reductions

    @both_names
    def sum(self, dim: Axes = None, keepdim: bool = False) -> Tensor:
        """The sum over `dim` (default: all), accumulated in double."""
        return ops.sum(self, dim, keepdim)

    @both_names
    def mean(self, dim: Axes = None, keepdim: bool = False) -> Tensor:
        """The mean over `dim` (default: all), accumulated in double."""
        return ops.mean(self, dim, keepdim)

    @both_names
    def prod(self, dim: Axes = None, keepdim: bool = False) -> Tensor:
        """The product over `dim` (default: all)."""
        return ops.prod(self, dim, keepdim)

    @both_names
    def amax(self, dim: Axes = None, keepdim: bool = False) -> Tensor:
        """The largest element over `dim` (default: all)."""
        return ops.amax(self, dim, keepdim)

    @both_names
    def amin(self, dim: Axes = None, keepdim: bool = False) -> Tensor:
        """The smallest element over `dim` (default: all)."""
        return ops.amin(self, dim, keepdim)

    @both_names
    def any(self, dim: Axes = None, keepdim: bool = False) -> Tensor:
        """Whether some element over `dim` (default: all) is not 0."""
        return ops.any(self, dim, keepdim)

    @both_names
    def all(self, dim: Axes = None, keepdim: bool = False) -> Tensor:
        """Whether no element over `dim` (default: all) is 0."""
        return ops.all(self, dim, keepdim)

    @both_names
    def max(self, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
        """The largest element; along `dim`, (values, indices); or of two tensors by element."""
        return ops.max(self, dim, keepdim)

    @both_names
    def min(self, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
        """The smallest element; along `dim`, (values, indices); or of two tensors by element."""
        return ops.min(self, dim, keepdim)

    @both_names
    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The index of the first largest element over `dim` (default: of all, flattened)."""
        return ops.argmax(self, dim, keepdim)

    @both_names
    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The index of the first smallest element over `dim` (default: of all, flattened)."""
        return ops.argmin(self, dim, keepdim)

    @both_names
    def var(
        self,
        dim: Axes = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float = 1,
    ) -> Tensor:
        """The variance over `dim` (default: all), with Bessel's correction."""
        return ops.var(self, dim, unbiased, keepdim, correction=correction)

    @both_names
    def std(
        self,
        dim: Axes = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float = 1,
    ) -> Tensor:
        """The standard deviation over `dim` (default: all), with Bessel's correction."""
        return ops.std(self, dim, unbiased, keepdim, correction=correction)

    @both_names
    def logsumexp(self, dim: Axes, keepdim: bool = False) -> Tensor:
        """log(sum(exp(x))) over `dim`."""
        return ops.logsumexp(self, dim, keepdim)

    @both_names
    def cumsum(self, dim: int) -> Tensor:
        """The sums of all up to each element along `dim`."""
        return ops.cumsum(self, dim)

    @both_names
    def norm(
        self, p: float | str | None = "fro", dim: Axes = None, keepdim: bool = False
    ) -> Tensor:
        """sum(|x|**p)**(1/p) over `dim` (default: all)."""
        return ops.norm(self, p, dim, keepdim)

    @both_names
    def softmax(self, dim: int = -1) -> Tensor:
        """exp(x - max) / sum(exp(x - max)) along `dim`."""
        return ops.softmax(self, dim)

    @both_names
    def log_softmax(self, dim: int = -1) -> Tensor:
        """x - max - log(sum(exp(x - max))) along `dim`."""
        return ops.log_softmax(self, dim)

    # Products

    def matmul(self, other: Tensor) -> Tensor:
        """The matrix product self @ other."""
        return ops.matmul(self, other)

    def mm(self, other: Tensor) -> Tensor:
        """The product of two matrices."""
        return ops.mm(self, other)

    def mv(self, other: Tensor) -> Tensor:
        """The product of a matrix and a vector."""
        return ops.mv(self, other)

    def bmm(self, other: Tensor) -> Tensor:
        """The products of two batches of matrices."""
        return ops.bmm(self, other)

    def dot(self, other: Tensor) -> Tensor:
        """The sum of products of two vectors."""
        return ops.dot(self, other)

    def outer(self, other: Tensor) -> Tensor:
        """The products of all pairs of two vectors."""
        return ops.outer(self, other)

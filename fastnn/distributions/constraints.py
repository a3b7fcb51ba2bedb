"""Which values a parameter or a sample may have: torch.distributions.constraints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastnn._support.dtypes import converted, readable
from fastnn.tensor import Tensor, of_array

Array: TypeAlias = NDArray[Any]

__all__ = [
    "Constraint",
    "boolean",
    "cat",
    "corr_cholesky",
    "dependent",
    "dependent_property",
    "greater_than",
    "greater_than_eq",
    "half_open_interval",
    "independent",
    "integer_interval",
    "interval",
    "is_dependent",
    "less_than",
    "lower_cholesky",
    "lower_triangular",
    "multinomial",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "positive",
    "positive_definite",
    "positive_integer",
    "positive_semidefinite",
    "real",
    "real_vector",
    "simplex",
    "square",
    "stack",
    "symmetric",
    "unit_interval",
]


class Constraint:
    """A set of values. One of one's own defines `check`, or gives `holds`.

    Args:
        text: what the values are, for error messages.
        holds: which elements (or vectors, matrices: `event_dim` trailing axes) of an array belong.
        is_discrete: whether the values are whole numbers.
        event_dim: how many trailing axes make one value.
        kind: its name in this module, by which `transform_to` knows it.
        settings: what it was made of, such as its bounds; they are its attributes.
    """

    text: str
    kind: str
    is_discrete: bool = False
    event_dim: int = 0

    def __init__(
        self,
        text: str = "values of its set",
        holds: Callable[[Array], Any] | None = None,
        is_discrete: bool | None = None,
        event_dim: int | None = None,
        kind: str = "",
        **settings: Any,
    ) -> None:
        self.text, self.kind, self._settings = text, kind, settings
        self.holds: Callable[[Array], Any] = holds or (lambda x: self.check(of_array(x))._array)
        if is_discrete is not None:
            self.is_discrete = is_discrete
        if event_dim is not None:
            self.event_dim = event_dim

    def check(self, value: Tensor) -> Tensor:
        """Which values belong to the set, as bool."""
        return of_array(self.of(value._array))

    def of(self, array: Array) -> Array:
        """The same of an array as tensors hold it."""
        return np.asarray(self.holds(readable(array)))

    def __getattr__(self, name: str) -> Any:
        if name != "_settings" and name in self._settings:
            return self._settings[name]
        raise AttributeError(f"{self!r} has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"Constraint({self.text})"


class dependent_property(property):
    """A property of a distribution that gives a Constraint, such as its `support`.

    Args:
        fn: the function. is_discrete, event_dim: of the constraint; accepted, and not needed.
    """

    def __init__(
        self,
        fn: Callable[[Any], Any] | None = None,
        *,
        is_discrete: bool | None = None,
        event_dim: int | None = None,
    ) -> None:
        super().__init__(fn)

    def __call__(self, fn: Callable[[Any], Any]) -> dependent_property:
        """As a decorator with arguments."""
        return dependent_property(fn)


def greater_than(lower_bound: Any) -> Constraint:
    """Numbers > lower_bound."""
    low = _bound(lower_bound)
    return Constraint(
        f"numbers > {_text(low)}", lambda x: x > low, kind="greater_than", lower_bound=lower_bound
    )


def greater_than_eq(lower_bound: Any) -> Constraint:
    """Numbers >= lower_bound."""
    low = _bound(lower_bound)
    return Constraint(
        f"numbers >= {_text(low)}",
        lambda x: x >= low,
        kind="greater_than_eq",
        lower_bound=lower_bound,
    )


def less_than(upper_bound: Any) -> Constraint:
    """Numbers < upper_bound."""
    high = _bound(upper_bound)
    return Constraint(
        f"numbers < {_text(high)}", lambda x: x < high, kind="less_than", upper_bound=upper_bound
    )


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers in [lower_bound, upper_bound]."""
    low, high = _bound(lower_bound), _bound(upper_bound)
    text = f"numbers in [{_text(low)}, {_text(high)}]"
    return Constraint(
        text,
        lambda x: (x >= low) & (x <= high),
        kind="interval",
        lower_bound=lower_bound,
        upper_bound=upper_bound,
    )


def half_open_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers in [lower_bound, upper_bound)."""
    low, high = _bound(lower_bound), _bound(upper_bound)
    text = f"numbers in [{_text(low)}, {_text(high)})"
    return Constraint(
        text,
        lambda x: (x >= low) & (x < high),
        kind="half_open_interval",
        lower_bound=lower_bound,
        upper_bound=upper_bound,
    )


def integer_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Whole numbers from lower_bound to upper_bound, both included."""
    low, high = _bound(lower_bound), _bound(upper_bound)
    text = f"whole numbers from {_text(low)} to {_text(high)}"
    return Constraint(text, lambda x: (x % 1 == 0) & (x >= low) & (x <= high), True)


def independent(base: Constraint, reinterpreted_batch_ndims: int) -> Constraint:
    """Arrays of values of a constraint: all must belong to it."""
    if not reinterpreted_batch_ndims:
        return base
    axes = tuple(range(-reinterpreted_batch_ndims, 0))
    dim = base.event_dim + reinterpreted_batch_ndims
    return Constraint(
        base.text,
        lambda x: np.asarray(base.holds(x)).all(axes),
        base.is_discrete,
        dim,
        kind="independent",
        base_constraint=base,
        reinterpreted_batch_ndims=reinterpreted_batch_ndims,
    )


def cat(
    cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None
) -> Constraint:
    """Tensors whose parts along an axis belong to one constraint each.

    Args:
        cseq: the constraints. dim: the axis, default 0. lengths: of the parts, default 1 each.
    """
    sizes = [1] * len(cseq) if lengths is None else list(lengths)
    ends = np.cumsum(sizes)[:-1]

    def holds(x: Array) -> Any:
        parts = zip(cseq, np.split(x, ends, dim), strict=True)
        return np.concatenate([np.asarray(c.holds(part)) for c, part in parts], dim)

    return Constraint(
        f"parts of {[c.text for c in cseq]}",
        holds,
        any(c.is_discrete for c in cseq),
        max(c.event_dim for c in cseq),
        kind="cat",
        cseq=list(cseq),
        dim=dim,
        lengths=sizes,
    )


def stack(cseq: Sequence[Constraint], dim: int = 0) -> Constraint:
    """Tensors whose slices along an axis belong to one constraint each.

    Args:
        cseq: the constraints. dim: the axis, default 0.
    """
    events = max(c.event_dim for c in cseq)

    def holds(x: Array) -> Any:
        slices = zip(cseq, np.moveaxis(x, dim, 0), strict=True)
        return np.stack([np.asarray(c.holds(part)) for c, part in slices], dim)

    return Constraint(
        f"slices of {[c.text for c in cseq]}",
        holds,
        any(c.is_discrete for c in cseq),
        events + (dim + events < 0),
        kind="stack",
        cseq=list(cseq),
        dim=dim,
    )


def multinomial(total_count: int) -> Constraint:
    """Vectors of numbers from 0 up, counts or parts of them, that sum to total_count at most."""
    return Constraint(
        f"vectors of counts that sum to at most {total_count}",
        lambda x: (x >= 0).all(-1) & (x.sum(-1) <= total_count),
        is_discrete=True,
        event_dim=1,
    )


def _bound(value: Any) -> Any:
    return readable(value._array) if isinstance(value, Tensor) else value


def _text(bound: Any) -> str:
    if isinstance(bound, np.ndarray):
        return f"{bound.item():g}" if bound.size == 1 else "its bound"
    return f"{bound:g}"


def _square(x: Array) -> Any:
    return np.full(x.shape[:-2], x.shape[-2] == x.shape[-1])


def _triangular(x: Array) -> Any:
    return (np.tril(x) == x).all((-2, -1))


def _lower(x: Array) -> Any:
    return _triangular(x) & (np.diagonal(x, 0, -2, -1) > 0).all(-1)


def _of_correlations(x: Array) -> Any:
    near = np.finfo(x.dtype).eps * x.shape[-1] * 10
    return _lower(x) & (np.abs(np.linalg.norm(x, axis=-1) - 1) <= near).all(-1)


def _symmetric(x: Array) -> Any:
    if x.shape[-2] != x.shape[-1]:
        return _square(x)
    return np.isclose(x, np.swapaxes(x, -1, -2), atol=1e-6).all((-2, -1))


def _with_eigenvalues(x: Array, fit: Callable[[Array], Any]) -> Any:
    fine = _symmetric(x) & np.isfinite(x).all((-2, -1))
    return fine & fit(np.linalg.eigvalsh(x)).all(-1) if fine.all() else fine


def _definite(x: Array) -> Any:
    return _with_eigenvalues(x, lambda w: w > 0)


def _semidefinite(x: Array) -> Any:
    return _with_eigenvalues(x, lambda w: w >= 0)


real: Constraint = Constraint("numbers that are not nan", lambda x: x == x, kind="real")
real_vector: Constraint = independent(real, 1)
positive: Constraint = greater_than(0.0)
nonnegative: Constraint = greater_than_eq(0.0)
unit_interval: Constraint = interval(0.0, 1.0)
boolean: Constraint = Constraint("0 or 1", lambda x: (x == 0) | (x == 1), True)
nonnegative_integer: Constraint = Constraint(
    "whole numbers >= 0", lambda x: (x % 1 == 0) & (x >= 0), True
)
positive_integer: Constraint = Constraint(
    "whole numbers >= 1", lambda x: (x % 1 == 0) & (x >= 1), True
)


class _Simplex(Constraint):
    """Vectors of numbers >= 0 whose sum, rounded to their dtype, is 1."""

    def of(self, array: Array) -> Array:
        x = readable(array)
        sums = readable(converted(np.asarray(x.sum(-1)), array.dtype))
        return np.asarray((x >= 0).all(-1) & (np.abs(sums - 1) < 1e-6))


def _on_simplex(x: Array) -> Array:
    return simplex.of(x)


simplex: _Simplex = _Simplex(
    "vectors of numbers >= 0 that sum to 1", _on_simplex, event_dim=1, kind="simplex"
)
one_hot: Constraint = Constraint(
    "vectors with one 1 and else 0",
    lambda x: ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1),
    is_discrete=True,
    event_dim=1,
)
square: Constraint = Constraint("square matrices", _square, event_dim=2, kind="square")
symmetric: Constraint = Constraint("symmetric matrices", _symmetric, event_dim=2, kind="symmetric")
lower_triangular: Constraint = Constraint(
    "lower triangular matrices", _triangular, event_dim=2, kind="lower_triangular"
)
lower_cholesky: Constraint = Constraint(
    "lower triangular matrices with a positive diagonal",
    _lower,
    event_dim=2,
    kind="lower_cholesky",
)
corr_cholesky: Constraint = Constraint(
    "lower triangular matrices with a positive diagonal and rows of length 1",
    _of_correlations,
    event_dim=2,
    kind="corr_cholesky",
)
positive_semidefinite: Constraint = Constraint(
    "symmetric positive semidefinite matrices",
    _semidefinite,
    event_dim=2,
    kind="positive_semidefinite",
)
positive_definite: Constraint = Constraint(
    "symmetric positive definite matrices", _definite, event_dim=2, kind="positive_definite"
)
dependent: Constraint = Constraint("values that other parameters limit", lambda x: x == x)


def is_dependent(constraint: Constraint) -> bool:
    """Whether a constraint depends on other parameters."""
    return constraint is dependent

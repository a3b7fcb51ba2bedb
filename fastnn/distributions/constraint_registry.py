"""biject_to and transform_to: a transform from all real numbers to the values of a constraint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn.distributions import constraints, transforms
from fastnn.distributions.constraints import Constraint
from fastnn.distributions.transforms import Transform

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]

Factory = Callable[[Any], Transform]


class ConstraintRegistry:
    """A table of transforms by constraints; called with a constraint, it gives the transform.

    >>> import fastnn
    >>> from fastnn.distributions import constraints, transform_to
    >>> transform_to(constraints.positive)(fastnn.zeros(1))
    tensor([1.])
    """

    def __init__(self, name: str) -> None:
        self._name, self._factories = name, dict[Any, Factory]()

    def register(self, constraint: Any, factory: Factory | None = None) -> Any:
        """Add what makes the transform of constraints of one kind; without factory a decorator.

        Args:
            constraint: a constraint, a class of one's own, or such as `constraints.interval`.
            factory: a constraint -> a Transform.
        """
        if factory is None:
            return lambda function: self.register(constraint, function)
        own = isinstance(constraint, type) and issubclass(constraint, Constraint)
        key = constraint if own else _kind(constraint)
        if key is None:
            raise TypeError(
                f"constraint: expected a constraint or a class of them, got {constraint!r}"
            )
        self._factories[key] = factory
        return factory

    def __call__(self, constraint: Constraint) -> Transform:
        """The transform.

        Raises:
            NotImplementedError: there is none for this kind.
        """
        for key in (_kind(constraint), *type(constraint).__mro__):
            if key in self._factories:
                return self._factories[key](constraint)
        raise NotImplementedError(
            f"{self._name}: no transform to {constraint!r}; add one with {self._name}.register"
        )


def _kind(constraint: Any) -> str | None:
    """The kind of a constraint, or of those that a function makes."""
    if isinstance(constraint, Constraint):
        return constraint.kind or None
    name = getattr(constraint, "__name__", "")
    return name if name in constraints.__all__ else None


biject_to: ConstraintRegistry = ConstraintRegistry("biject_to")
transform_to: ConstraintRegistry = ConstraintRegistry("transform_to")


def _above(c: Constraint) -> Transform:
    if isinstance(c.lower_bound, float | int) and c.lower_bound == 0:
        return transforms.ExpTransform()
    return transforms.ComposeTransform(
        [transforms.ExpTransform(), transforms.AffineTransform(c.lower_bound, 1)]
    )


def _below(c: Constraint) -> Transform:
    return transforms.ComposeTransform(
        [transforms.ExpTransform(), transforms.AffineTransform(c.upper_bound, -1)]
    )


def _between(c: Constraint) -> Transform:
    low, high = c.lower_bound, c.upper_bound
    plain = isinstance(low, float | int) and isinstance(high, float | int)
    if plain and (low, high) == (0, 1):
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform(
        [transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)]
    )


def _fill(to: ConstraintRegistry) -> None:
    """Add what both have in common."""

    def independent(c: Constraint) -> Transform:
        return transforms.IndependentTransform(to(c.base_constraint), c.reinterpreted_batch_ndims)

    def cat(c: Constraint) -> Transform:
        return transforms.CatTransform([to(part) for part in c.cseq], c.dim, c.lengths)

    def stack(c: Constraint) -> Transform:
        return transforms.StackTransform([to(part) for part in c.cseq], c.dim)

    to.register(constraints.real, lambda c: transforms.identity_transform)
    to.register(constraints.greater_than, _above)
    to.register(constraints.greater_than_eq, _above)
    to.register(constraints.less_than, _below)
    to.register(constraints.interval, _between)
    to.register(constraints.half_open_interval, _between)
    to.register(constraints.corr_cholesky, lambda c: transforms.CorrCholeskyTransform())
    to.register(constraints.independent, independent)
    to.register(constraints.cat, cat)
    to.register(constraints.stack, stack)


_fill(biject_to)
_fill(transform_to)
biject_to.register(constraints.simplex, lambda c: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda c: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda c: transforms.LowerCholeskyTransform())
transform_to.register(
    constraints.positive_definite, lambda c: transforms.PositiveDefiniteTransform()
)
transform_to.register(
    constraints.positive_semidefinite, lambda c: transforms.PositiveDefiniteTransform()
)

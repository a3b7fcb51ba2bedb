"""Transforms of parts of a tensor, of its shape, and by a distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from fastnn import ops
from fastnn.distributions import constraints
from fastnn.distributions.constraints import Constraint
from fastnn.distributions.transforms.base import Transform
from fastnn.tensor import Tensor

__all__ = [
    "CatTransform",
    "CumulativeDistributionTransform",
    "ReshapeTransform",
    "StackTransform",
]


def _of_transforms(given: Sequence[Transform]) -> list[Transform]:
    for i, part in enumerate(given):
        if not isinstance(part, Transform):
            raise ValueError(f"tseq[{i}]: expected a Transform, got {part!r}")
    return list(given)


class _Parts(Transform):
    """Transforms of the parts of a tensor along one axis."""

    transforms: list[Transform]
    dim: int

    def __init__(self, tseq: Sequence[Transform], dim: int, cache_size: int) -> None:
        super().__init__(cache_size)
        self.transforms, self.dim = _of_transforms(tseq), dim
        self.bijective: bool = all(part.bijective for part in self.transforms)

    def _split(self, x: Tensor) -> Sequence[Tensor]:
        raise NotImplementedError

    def _join(self, parts: list[Tensor]) -> Tensor:
        raise NotImplementedError

    def _each(self, function: Callable[..., Tensor], *given: Tensor) -> Tensor:
        parts = zip(self.transforms, *map(self._split, given), strict=True)
        return self._join([function(*part) for part in parts])

    def _call(self, x: Tensor) -> Tensor:
        return self._each(lambda t, a: t(a), x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self._each(lambda t, a: t.inv(a), y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return self._each(lambda t, a, b: t.log_abs_det_jacobian(a, b), x, y)


class CatTransform(_Parts):
    """Transforms of the parts of a tensor along one axis, joined as `cat` joins them.

    Args:
        tseq: a transform for each part. dim: the axis, default 0.
        lengths: of the parts, default 1 each.

    >>> import fastnn
    >>> from fastnn.distributions import CatTransform
    >>> from fastnn.distributions.transforms import ExpTransform, identity_transform
    >>> CatTransform([ExpTransform(), identity_transform])(fastnn.zeros(2))
    tensor([1., 0.])
    """

    def __init__(
        self,
        tseq: Sequence[Transform],
        dim: int = 0,
        lengths: Sequence[int] | None = None,
        cache_size: int = 0,
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths: list[int] = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise ValueError(
                f"lengths: expected one for each of {len(self.transforms)} transforms, got "
                f"{self.lengths}"
            )
        domains = [part.domain for part in self.transforms]
        codomains = [part.codomain for part in self.transforms]
        self.domain: Constraint = constraints.cat(domains, dim, self.lengths)
        self.codomain: Constraint = constraints.cat(codomains, dim, self.lengths)

    @property
    def length(self) -> int:
        """Of the axis."""
        return sum(self.lengths)

    def _split(self, x: Tensor) -> Sequence[Tensor]:
        if x.shape[self.dim] != self.length:
            raise ValueError(f"x: expected {self.length} along axis {self.dim}, got {x.shape}")
        return x.split(self.lengths, self.dim)

    def _join(self, parts: list[Tensor]) -> Tensor:
        return ops.cat(parts, self.dim)


class StackTransform(_Parts):
    """Transforms of the slices of a tensor along one axis, joined as `stack` joins them.

    Args:
        tseq: a transform for each slice. dim: the axis, default 0.
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(tseq, dim, cache_size)
        self.domain: Constraint = constraints.stack([part.domain for part in self.transforms], dim)
        self.codomain: Constraint = constraints.stack(
            [part.codomain for part in self.transforms], dim
        )

    def _split(self, x: Tensor) -> Sequence[Tensor]:
        count = len(self.transforms)
        if x.shape[self.dim] != count:
            raise ValueError(f"x: expected {count} along axis {self.dim}, got {x.shape}")
        return x.unbind(self.dim)

    def _join(self, parts: list[Tensor]) -> Tensor:
        return ops.stack(parts, self.dim)


class ReshapeTransform(Transform):
    """y = x with the last axes, of in_shape, reshaped to out_shape.

    >>> import fastnn
    >>> from fastnn.distributions import ReshapeTransform
    >>> ReshapeTransform((4,), (2, 2))(fastnn.zeros(3, 4)).shape
    (3, 2, 2)
    """

    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]

    def __init__(
        self, in_shape: Sequence[int], out_shape: Sequence[int], cache_size: int = 0
    ) -> None:
        super().__init__(cache_size)
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        if math.prod(self.in_shape) != math.prod(self.out_shape):
            raise ValueError(
                f"out_shape: expected as many elements as in_shape {self.in_shape}, got "
                f"{self.out_shape}"
            )
        self.domain: Constraint = constraints.independent(constraints.real, len(self.in_shape))
        self.codomain: Constraint = constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x.new_zeros(x.shape[: x.ndim - len(self.in_shape)])

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return _with_end(tuple(shape), self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return _with_end(tuple(shape), self.out_shape, self.in_shape)


def _with_end(
    shape: tuple[int, ...], old: tuple[int, ...], new: tuple[int, ...]
) -> tuple[int, ...]:
    cut = len(shape) - len(old)
    if cut < 0 or shape[cut:] != old:
        raise ValueError(f"shape: expected one that ends in {old}, got {shape}")
    return shape[:cut] + new


class CumulativeDistributionTransform(Transform):
    """y = the probability of a sample <= x; log |dy/dx| is the log density.

    Args:
        distribution: one with `cdf`.

    >>> import fastnn
    >>> from fastnn.distributions import CumulativeDistributionTransform, Normal
    >>> CumulativeDistributionTransform(Normal(0.0, 1.0))(fastnn.zeros(1))
    tensor([0.5000])
    """

    codomain: Constraint = constraints.unit_interval
    sign = 1

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.distribution = distribution
        self.domain: Constraint = distribution.support

    def _call(self, x: Tensor) -> Tensor:
        found: Tensor = self.distribution.cdf(x)
        return found

    def _inverse(self, y: Tensor) -> Tensor:
        found: Tensor = self.distribution.icdf(y)
        return found

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        found: Tensor = self.distribution.log_prob(x)
        return found

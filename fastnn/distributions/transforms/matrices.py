"""Transforms to vectors of probabilities, and to triangular and positive definite matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fastnn import ops
from fastnn._support.dtype_info import finfo
from fastnn.distributions import constraints
from fastnn.distributions.constraints import Constraint, _Simplex
from fastnn.distributions.transforms.base import Transform
from fastnn.distributions.triangles import cholesky
from fastnn.nn.functional import softplus
from fastnn.ops import creation
from fastnn.ops.padding import pad
from fastnn.tensor import Tensor, of_array

__all__ = [
    "CorrCholeskyTransform",
    "LowerCholeskyTransform",
    "PositiveDefiniteTransform",
    "StickBreakingTransform",
]


class StickBreakingTransform(Transform):
    """y_i = z_i times the product of 1 - z_j over j < i, z_i = sigmoid(x_i - log(n - i + 1)).

    A vector of n numbers becomes one of n + 1 that are >= 0 and sum to 1: each z is the share of
    what is left. At x = 0 all are equal.

    >>> import fastnn
    >>> from fastnn.distributions import StickBreakingTransform
    >>> StickBreakingTransform()(fastnn.zeros(1))
    tensor([0.5000, 0.5000])
    """

    codomain: _Simplex
    domain: Constraint
    domain, codomain = constraints.real_vector, constraints.simplex

    def _offset(self, n: int, like: Tensor) -> Tensor:
        return of_array(np.log(np.arange(n, 0, -1)).astype(like.dtype))

    def _call(self, x: Tensor) -> Tensor:
        info = finfo(x.dtype)
        z = (x - self._offset(x.shape[-1], x)).sigmoid()
        z = ops.clamp(z, float(info.tiny), 1.0 - float(info.eps))
        left = (1 - z).cumprod(-1)
        return pad(z, (0, 1), value=1.0) * pad(left, (1, 0), value=1.0)

    def _inverse(self, y: Tensor) -> Tensor:
        head = y[..., :-1]
        left = ops.clamp(1 - head.cumsum(-1), float(finfo(y.dtype).tiny))
        return head.log() - left.log() + self._offset(head.shape[-1], y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        x = x - self._offset(x.shape[-1], x)
        return (y[..., :-1].log() - x - softplus(-x)).sum(-1)

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return (*shape[:-1], _last(shape) + 1)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return (*shape[:-1], _last(shape) - 1)


def _last(shape: Sequence[int]) -> int:
    if not len(shape):
        raise ValueError("shape: expected at least one axis, got ()")
    return shape[-1]


class LowerCholeskyTransform(Transform):
    """A matrix to its strictly lower part and exp of its diagonal."""

    domain: Constraint = constraints.independent(constraints.real, 2)
    codomain: Constraint = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(Transform):
    """A matrix to L L^T, L what `LowerCholeskyTransform` makes of it."""

    domain: Constraint = constraints.independent(constraints.real, 2)
    codomain: Constraint = constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        lower = LowerCholeskyTransform()(x)
        return lower @ lower.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform()._inverse(cholesky(y))


class CorrCholeskyTransform(Transform):
    """A vector of n (n - 1) / 2 numbers to the Cholesky factor of a correlation matrix of n.

    Its rows have length 1: in row i, r_j = tanh(x_ij) is the share, with a sign, of the length that
    is left: y_ij = r_j times the product of sqrt(1 - r_k^2) over k < j.

    Source: torch's; the Stan reference manual, "Cholesky factors of correlation matrices".

    >>> import fastnn
    >>> from fastnn.distributions import CorrCholeskyTransform
    >>> CorrCholeskyTransform()(fastnn.zeros(1))
    tensor([[1., 0.],
            [0., 1.]])
    """

    codomain: Constraint
    domain: Constraint
    domain, codomain = constraints.real_vector, constraints.corr_cholesky

    def _call(self, x: Tensor) -> Tensor:
        n, eps = self.forward_shape(x.shape)[-1], float(finfo(x.dtype).eps)
        r = _in_rows(ops.clamp(x.tanh(), eps - 1, 1 - eps), n)
        left = (1 - r.square()).sqrt().cumprod(-1)
        unit = of_array(np.eye(n, dtype=x.dtype))
        return (r + unit) * pad(left[..., :-1], (1, 0), value=1.0)

    def _inverse(self, y: Tensor) -> Tensor:
        before = pad((1 - y.square().cumsum(-1))[..., :-1], (1, 0), value=1.0)
        t = _below(y, -1) / _below(before, -1).sqrt()
        return (t.log1p() - (-t).log1p()) / 2

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        left = _below(1 - y.square().cumsum(-1), -2)
        of_tanh = -2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)
        return 0.5 * left.log().sum(-1) + of_tanh

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        count = _last(shape)
        n = round((0.25 + 2 * count) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != count:
            raise ValueError(f"shape: expected n (n - 1) / 2 numbers for some n, got {shape}")
        return (*shape[:-1], n, n)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        if len(shape) < 2 or shape[-1] != shape[-2]:
            raise ValueError(f"shape: expected square matrices, got {tuple(shape)}")
        return (*shape[:-2], shape[-1] * (shape[-1] - 1) // 2)


def _in_rows(x: Tensor, n: int) -> Tensor:
    """The numbers below the diagonals of n x n matrices, row after row."""
    rows, columns = np.tril_indices(n, -1)
    flat = creation.zeros(*x.shape[:-1], n * n, dtype=x.dtype)
    flat[..., of_array(rows * n + columns)] = x
    return flat.reshape(*x.shape[:-1], n, n)


def _below(x: Tensor, offset: int) -> Tensor:
    """What is on and below a diagonal, row after row."""
    n = x.shape[-1]
    rows, columns = np.tril_indices(n, offset)
    return x.reshape(*x.shape[:-2], n * n)[..., of_array(rows * n + columns)]

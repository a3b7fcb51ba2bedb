"""Distributions of matrices: of correlations and of covariances."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import check
from fastnn._support.dtype_info import finfo
from fastnn._support.errors import broadcast_shapes
from fastnn.distributions import constraints
from fastnn.distributions.constraints import Constraint
from fastnn.distributions.distribution import Distribution, ExponentialFamily, broadcast_all
from fastnn.distributions.gamma import Beta, Chi2
from fastnn.distributions.multivariate import ByMatrix
from fastnn.distributions.triangles import cholesky, log_diagonal, lower_solve
from fastnn.ops import creation
from fastnn.random.sampling import randn
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, of_array

__all__ = ["LKJCholesky", "Wishart"]


class LKJCholesky(Distribution):
    """Cholesky factors L of correlation matrices, whose density is that of det(L L^T)^(c - 1).

    Args:
        dim: rows of the matrices, >= 2.
        concentration: c, > 0, default 1: all correlation matrices are equally likely.

    Source: torch's; Lewandowski, Kurowicka and Joe 2009.

    >>> import fastnn
    >>> from fastnn.distributions import LKJCholesky
    >>> round(LKJCholesky(2).log_prob(fastnn.eye(2)).item(), 4)  # density 1/2 of a correlation
    -0.6931
    """

    arg_constraints: dict[str, Constraint] = {"concentration": constraints.positive}
    support: Any = constraints.corr_cholesky
    concentration: Tensor

    def __init__(
        self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        self.dim: int = check.integer("dim", dim, 2)
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.shape, (dim, dim), validate_args)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            c, dtype = self.concentration, self.concentration.dtype
            place = of_array(np.maximum(np.arange(self.dim) - 1, 0).astype(dtype))
            rest = (c + 0.5 * (self.dim - 2)).unsqueeze(-1) - 0.5 * place
            share = Beta((place + 0.5).expand(rest.shape), rest, validate_args=False)
            y = share.sample(sample_shape).unsqueeze(-1)
            z = randn(*self._shape(sample_shape), dtype=dtype).tril(-1)
            length = z.square().sum(-1, True).sqrt()
            w = y.sqrt() * (z / ops.where(length == 0, 1.0, length))
            own = ops.clamp(1 - w.square().sum(-1), float(finfo(dtype).tiny)).sqrt()
            return w + own.diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        n, c = self.dim, self.concentration
        powers = of_array(np.arange(n - 2, -1, -1).astype(c.dtype)) + 2 * (c - 1).unsqueeze(-1)
        logs = value.diagonal(dim1=-2, dim2=-1)[..., 1:].log()
        a = c + 0.5 * (n - 1)
        constant = 0.5 * (n - 1) * math.log(math.pi) - ops.lgamma(a) * (n - 1)
        return (powers * logs).sum(-1) - constant - ops.mvlgamma(a - 0.5, n - 1)


class Wishart(ByMatrix, ExponentialFamily):
    """Sums of df outer products x x^T of normal vectors x of mean 0: random covariance matrices.

    Args:
        df: degrees of freedom, > n - 1.
        covariance_matrix: of x, (.., n, n); or precision_matrix: its inverse; or scale_tril: its
            lower triangular Cholesky factor.

    Raises:
        ValueError: not exactly one matrix, or df <= n - 1.

    Source: torch's; Odell and Feiveson 1966 (Bartlett's decomposition).

    >>> import fastnn
    >>> from fastnn.distributions import Wishart
    >>> Wishart(3.0, fastnn.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    support: Any = constraints.positive_definite
    has_rsample = True
    arg_constraints: Mapping[str, Constraint] = {
        "df": constraints.real,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    df: Tensor

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        matrix = self._take(covariance_matrix, precision_matrix, scale_tril)
        n = matrix.shape[-1]
        given = df if isinstance(df, Tensor) else creation.tensor(df, matrix.dtype)
        batch = broadcast_shapes(matrix.shape[:-2], given.shape)
        self._keep(matrix, batch)
        self.df = given.expand(batch)
        self.arg_constraints = {**type(self).arg_constraints, "df": constraints.greater_than(n - 1)}
        super().__init__(batch, (n, n), validate_args)
        if validate_args is not False and self._few():
            warnings.warn(
                f"df: below {n} samples are likely to be singular", UserWarning, stacklevel=2
            )
        self._factor()

    def _few(self) -> bool:
        return bool((np.asarray(self.df._array) < self._event_shape[0]).any())

    def _over_df(self) -> Tensor:
        return self.df.reshape(*self._batch_shape, 1, 1)

    @property
    def mean(self) -> Tensor:
        return self._over_df() * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self._over_df() - self._event_shape[0] - 1
        return ops.where(factor > 0, factor, math.nan) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        v = self.covariance_matrix
        own = v.diagonal(dim1=-2, dim2=-1)
        return self._over_df() * (v.square() + own.unsqueeze(-1) * own.unsqueeze(-2))

    def _drawn(self, sample_shape: tuple[int, ...]) -> Tensor:
        n, dtype = self._event_shape[0], self._tril.dtype
        less = of_array(np.arange(n).astype(dtype))
        chi2 = Chi2(self.df.unsqueeze(-1) - less, validate_args=False)
        roots = ops.clamp(chi2.rsample(sample_shape).sqrt(), float(finfo(dtype).eps))
        rows, columns = np.tril_indices(n, -1)
        below = randn(*sample_shape, *self._batch_shape, len(rows), dtype=dtype)
        flat = creation.zeros(*sample_shape, *self._batch_shape, n * n, dtype=dtype)
        flat[..., of_array(rows * n + columns)] = below
        noise = flat.reshape(*flat.shape[:-1], n, n) + roots.diag_embed()
        lower = self._tril @ noise
        return lower @ lower.mT

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = tuple(sample_shape)
        with no_grad():
            self._drawn(shape)  # torch draws all once more
        return self._drawn(shape)

    def log_prob(self, value: Tensor) -> Tensor:
        nu, n = self.df, self._event_shape[0]
        root = cholesky(self._checked(value))
        trace = lower_solve(self._tril, root).square().sum((-2, -1))
        constant = nu * (0.5 * n * math.log(2.0) + log_diagonal(self._tril))
        found = (nu - n - 1) * log_diagonal(root) - 0.5 * trace
        return found - constant - ops.mvlgamma(nu / 2, n)

    def entropy(self) -> Tensor:
        nu, n = self.df, self._event_shape[0]
        halves = of_array((np.arange(n) / 2).astype(nu.dtype))
        slopes = ops.digamma((nu / 2).unsqueeze(-1) - halves).sum(-1)
        found = (n + 1) * (0.5 * n * math.log(2.0) + log_diagonal(self._tril))
        return found + ops.mvlgamma(nu / 2, n) - (nu - n - 1) / 2 * slopes + nu * n / 2

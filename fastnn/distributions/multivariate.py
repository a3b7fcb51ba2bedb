"""Normal distributions of vectors, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._support.errors import broadcast_shapes
from fastnn.distributions import constraints
from fastnn.distributions.constraints import Constraint
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.normal import standard_normal
from fastnn.distributions.triangles import cholesky, log_diagonal, lower_solve, precision_factor
from fastnn.tensor import Tensor, of_array

__all__ = ["LowRankMultivariateNormal", "MultivariateNormal"]

_LOG_2PI = math.log(2.0 * math.pi)
FORMS = ("covariance_matrix", "precision_matrix", "scale_tril")


class ByMatrix(Distribution):
    """A matrix given as covariance, as precision or as Cholesky factor; the others are computed
    when asked for."""

    covariance_matrix: Tensor
    precision_matrix: Tensor
    scale_tril: Tensor
    _tril: Tensor
    _form: str

    def _take(self, *given: Tensor | None) -> Tensor:
        found = [(name, m) for name, m in zip(FORMS, given, strict=True) if m is not None]
        if len(found) != 1:
            raise ValueError(f"{', '.join(FORMS)}: expected exactly one of them")
        self._form, matrix = found[0]
        if matrix.ndim < 2:
            raise ValueError(f"{self._form}: expected at least two axes, got shape {matrix.shape}")
        return matrix

    def _keep(self, matrix: Tensor, batch: tuple[int, ...]) -> None:
        """Keep it expanded under its name, and its Cholesky factor as it is."""
        self.__dict__[self._form] = matrix.expand((*batch, *matrix.shape[-2:]))
        self._given = matrix

    def _factor(self) -> None:
        make = {"covariance_matrix": cholesky, "precision_matrix": precision_factor}.get(self._form)
        self._tril = self._given if make is None else make(self._given)

    def __getattr__(self, name: str) -> Any:
        if name not in FORMS or "_tril" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name == "scale_tril":
            found = self._tril
        elif name == "covariance_matrix":
            found = self._tril @ self._tril.mT
        else:
            inverse = lower_solve(
                self._tril, of_array(np.eye(self._tril.shape[-1], dtype=self._tril.dtype))
            )
            found = inverse.mT @ inverse
        return found.expand((*self._batch_shape, *found.shape[-2:]))


class MultivariateNormal(ByMatrix):
    """The normal distribution of vectors: density exp(-d^T C^-1 d / 2) / sqrt((2 pi)^n det C).

    d = x - loc.

    Args:
        loc: the mean, (.., n).
        covariance_matrix: C, (.., n, n), symmetric positive definite; or
        precision_matrix: its inverse; or
        scale_tril: the lower triangular L of C = L L^T, which saves a factorization.

    Raises:
        ValueError: not exactly one matrix, a shape that does not fit, a matrix that is not positive
        definite.

    Source: torch's `MultivariateNormal`.

    >>> import fastnn
    >>> from fastnn.distributions import MultivariateNormal
    >>> d = MultivariateNormal(fastnn.zeros(2), fastnn.eye(2))
    >>> d.log_prob(fastnn.zeros(2)), d.entropy()
    (tensor(-1.8379), tensor(2.8379))
    """

    arg_constraints: dict[str, Constraint] = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support: Any = constraints.real_vector
    has_rsample = True
    loc: Tensor

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("loc: expected at least one axis, got a 0-d tensor")
        matrix = self._take(covariance_matrix, precision_matrix, scale_tril)
        batch = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self._keep(matrix, batch)
        self.loc = loc.expand((*batch, loc.shape[-1]))
        super().__init__(batch, loc.shape[-1:], validate_args)
        self._factor()

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self._tril.square().sum(-1).expand((*self._batch_shape, *self._event_shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        z = standard_normal(self._shape(sample_shape), self.loc)
        return self.loc + (self._tril @ z.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        d = self._checked(value) - self.loc
        square = lower_solve(self._tril, d.unsqueeze(-1)).square().sum((-2, -1))
        return -0.5 * (self._event_shape[0] * _LOG_2PI + square) - log_diagonal(self._tril)

    def entropy(self) -> Tensor:
        found = 0.5 * self._event_shape[0] * (1.0 + _LOG_2PI) + log_diagonal(self._tril)
        return found.expand(self._batch_shape)


class LowRankMultivariateNormal(Distribution):
    """The normal distribution of vectors with the covariance W W^T + diag(D), W of few columns.

    What is inverted is the m x m matrix I + W^T D^-1 W.

    Args:
        loc: the mean, (.., n). cov_factor: W, (.., n, m). cov_diag: D, (.., n), > 0.

    Raises:
        ValueError: shapes that do not fit, D not > 0.

    Source: torch's `LowRankMultivariateNormal`; Woodbury's identity.

    >>> import fastnn
    >>> from fastnn.distributions import LowRankMultivariateNormal
    >>> d = LowRankMultivariateNormal(fastnn.zeros(2), fastnn.ones(2, 1), fastnn.ones(2))
    >>> d.covariance_matrix
    tensor([[2., 1.],
            [1., 2.]])
    """

    arg_constraints: dict[str, Constraint] = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support: Any = constraints.real_vector
    has_rsample = True
    loc: Tensor
    cov_factor: Tensor
    cov_diag: Tensor

    def __init__(
        self,
        loc: Tensor,
        cov_factor: Tensor,
        cov_diag: Tensor,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("loc: expected at least one axis, got a 0-d tensor")
        event = loc.shape[-1:]
        if cov_factor.ndim < 2 or cov_factor.shape[-2:-1] != event:
            raise ValueError(
                f"cov_factor: expected matrices of {event[0]} rows, got shape {cov_factor.shape}"
            )
        if cov_diag.shape[-1:] != event:
            raise ValueError(
                f"cov_diag: expected vectors of {event[0]} numbers, got shape {cov_diag.shape}"
            )
        batch = broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        self._w, self._d = cov_factor, cov_diag
        self.loc, self.cov_diag = (x.expand((*batch, *event)) for x in (loc, cov_diag))
        self.cov_factor = cov_factor.expand((*batch, *cov_factor.shape[-2:]))
        super().__init__(batch, event, validate_args)
        unit = of_array(np.eye(cov_factor.shape[-1], dtype=cov_factor.dtype))
        self._capacitance = cholesky(self._weighted() @ self._w + unit)

    def _weighted(self) -> Tensor:
        """W^T D^-1."""
        return self._w.mT / self._d.unsqueeze(-2)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    def _whole(self, x: Tensor, events: int) -> Tensor:
        return x.expand((*self._batch_shape, *self._event_shape * events))

    @property
    def variance(self) -> Tensor:
        return self._whole(self._w.square().sum(-1) + self._d, 1)

    @property
    def covariance_matrix(self) -> Tensor:
        """W W^T + diag(D)."""
        return self._whole(self._w @ self._w.mT + self._d.diag_embed(), 2)

    @property
    def _tril(self) -> Tensor:
        root = self._d.sqrt().unsqueeze(-1)
        w = self._w / root
        unit = of_array(np.eye(w.shape[-2], dtype=w.dtype))
        return root * cholesky(w @ w.mT + unit)

    @property
    def scale_tril(self) -> Tensor:
        """The lower triangular Cholesky factor of the covariance."""
        return self._whole(self._tril, 2)

    @property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        a = lower_solve(self._capacitance, self._weighted())
        return self._whole(self._d.reciprocal().diag_embed() - a.mT @ a, 2)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._shape(sample_shape)
        of_factor = standard_normal((*shape[:-1], self._w.shape[-1]), self.loc)
        of_diagonal = standard_normal(shape, self.loc)
        along = (self._w @ of_factor.unsqueeze(-1)).squeeze(-1)
        return self.loc + along + self._d.sqrt() * of_diagonal

    def _log_det(self) -> Tensor:
        return 2 * log_diagonal(self._capacitance) + self._d.log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        d = self._checked(value) - self.loc
        along = lower_solve(self._capacitance, self._weighted() @ d.unsqueeze(-1))
        square = (d.square() / self._d).sum(-1) - along.square().sum((-2, -1))
        return -0.5 * (self._event_shape[0] * _LOG_2PI + self._log_det() + square)

    def entropy(self) -> Tensor:
        found = 0.5 * (self._event_shape[0] * (1.0 + _LOG_2PI) + self._log_det())
        return found.expand(self._batch_shape)


def divergence(p: Any, q: Any) -> Tensor:
    """KL(p || q) = (tr(Cq^-1 Cp) + d^T Cq^-1 d - n) / 2 + log det Lq - log det Lp, by the Cholesky
    factors L of the covariances C, d = the difference of the means."""
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"kl_divergence: expected vectors of one length, got {p.event_shape} and "
            f"{q.event_shape}"
        )
    ours, theirs = p._tril, q._tril
    spread = lower_solve(theirs, ours).square().sum((-2, -1))
    apart = lower_solve(theirs, (q.loc - p.loc).unsqueeze(-1)).square().sum((-2, -1))
    logs = log_diagonal(theirs) - log_diagonal(ours)
    found: Tensor = logs + 0.5 * (spread + apart - p.event_shape[0])
    return found

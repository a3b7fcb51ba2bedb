"""Weights with orthonormal rows or columns, torch's `parametrizations.orthogonal`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check
from fastnn.nn.module import Module
from fastnn.nn.utils.parametrize import parameter_of, register_parametrization
from fastnn.random.generator import default_generator
from fastnn.tensor import Tensor, of_array

__all__ = ["orthogonal"]

MAPS = ("matrix_exp", "householder", "cayley")
TERMS = 18  # of the series of exp: up to a norm of 1 the rest is below a rounding of float64
HALVINGS = 6  # so up to a norm of 64


def _exponential(a: Tensor) -> Tensor:
    """exp(a) of a square matrix: the series of a / 2**HALVINGS, squared that often."""
    scaled, unit = ops.mul(a, 0.5**HALVINGS), of_array(np.eye(len(a), dtype=a.dtype))
    total = unit
    for k in range(TERMS, 0, -1):  # Horner's scheme
        total = ops.add(ops.div(ops.matmul(scaled, total), float(k)), unit)
    for _ in range(HALVINGS):
        total = ops.matmul(total, total)
    return total


def _cayley(a: Tensor) -> Tensor:
    """(1 - a/2)^-1 (1 + a/2) of a skew-symmetric matrix, by elimination.

    The symmetric part of 1 - a/2 is 1, so that no rows need to be exchanged.
    """
    unit, half = np.eye(len(a), dtype=a.dtype), ops.mul(a, 0.5)
    left, right = ops.sub(of_array(unit), half), ops.add(of_array(unit), half)
    for i in range(len(a)):
        row = left[i : i + 1]
        share = ops.div(
            ops.sub(left[:, i : i + 1], of_array(unit[:, i : i + 1])), row[:, i : i + 1]
        )
        right = ops.sub(right, ops.matmul(share, right[i : i + 1]))
        left = ops.sub(left, ops.matmul(share, row))
    return right


def _reflections(x: Tensor) -> Tensor:
    """The first columns of H_1 H_2 ..., H_k the reflection by column k of x, 0 above a 1."""
    n, k = x.shape
    lower = ops.tril(x, -1)
    q = of_array(np.eye(n, k, dtype=x.dtype))
    unit = np.eye(n, dtype=x.dtype)
    for i in range(k - 1, -1, -1):
        v = ops.reshape(ops.add(lower[:, i], of_array(unit[i])), (n, 1))
        q = ops.sub(
            q, ops.mul(ops.matmul(v, ops.matmul(v.T, q)), ops.div(2.0, ops.sum(ops.square(v))))
        )
    return q


def _orthonormal(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The orthogonal factor of a, with the signs by which the other has a positive diagonal."""
    q, r = np.linalg.qr(a)
    return np.asarray(q * np.sign(np.diagonal(r)), a.dtype)


class _Orthogonal(Module):
    """The recipe: X of the weight's shape to a matrix with orthonormal columns, or rows."""

    base: Tensor | None

    def __init__(self, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.orthogonal_map, self.use_trivialization = orthogonal_map, use_trivialization
        self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        """The orthonormal matrix."""
        wide = x.shape[0] < x.shape[1]
        x = x.T if wide else x
        n, k = x.shape
        if self.orthogonal_map != "householder":
            lower = ops.tril(x)
            if n != k:
                lower = ops.cat([lower, of_array(np.zeros((n, n - k), x.dtype))], 1)
            whole = _exponential if self.orthogonal_map == "matrix_exp" else _cayley
            q = whole(ops.sub(lower, lower.T))[:, :k]
        else:
            signs = ops.sign(ops.diagonal(x).detach())
            q = ops.mul(_reflections(x), signs)
        if self.base is not None:
            q = ops.matmul(self.base, q)
        return q.T if wide else q

    def right_inverse(self, weight: Tensor) -> Tensor:
        """X for an orthonormal weight, to which another is rounded first."""
        wide = weight.shape[0] < weight.shape[1]
        q = weight._array.T if wide else weight._array
        n, k = q.shape
        if self.use_trivialization:
            if n != k:
                more = default_generator.normal((n, n - k), 0.0, 1.0, q.dtype)
                q = np.concatenate([q, more], 1)
            base = of_array(_orthonormal(q))
            if self.base is None:
                self.base = base
            else:
                ops.copy_(self.base, base)
            start = -np.eye(n, k, dtype=q.dtype)  # of which both maps make the identity
        elif self.orthogonal_map != "householder":
            raise NotImplementedError(
                "orthogonal: no weight can be assigned with "
                f"orthogonal_map={self.orthogonal_map!r} and use_trivialization=False"
            )
        else:
            start = _reflectors(_orthonormal(q))
        return of_array(start.T.copy() if wide else start)


def _reflectors(q: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The vectors of `_reflections` below the diagonal, and the signs on it, that make q."""
    k, rest = q.shape[1], q.copy()
    made = np.zeros_like(q)
    for i in range(k):
        x = rest[i:, i]
        sign = -1.0 if x[0] > 0 else 1.0  # away from x[0], so that nothing cancels
        v = x.copy()
        v[0] -= sign * np.linalg.norm(x)
        v /= v[0]
        made[i + 1 :, i], made[i, i] = v[1:], sign
        rest[i:] -= np.outer(v, 2 / (v @ v) * (v @ rest[i:]))
    return made


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Compute a weight as a matrix with orthonormal columns, or rows if it has more of these.

    Args:
        module: what has the weight; it is changed, and returned.
        name: of the parameter, default 'weight'.
        orthogonal_map: "matrix_exp", exp(L - L^T) of the lower triangle L, the default of a square
            weight; "cayley", (1 - A/2)^-1 (1 + A/2) with A = L - L^T; or "householder", a product
            of reflections, the default of a weight that is not square.
        use_trivialization: begin at the weight, B of the product B Q(X), for easier training. A
            weight that is not orthonormal is replaced by its factor Q of W = QR. Default True.
            With False, "matrix_exp" and "cayley" begin at Q(W), and take no assigned weight.

    Raises:
        ValueError: no such parameter; not a matrix; another map.

    Source: torch's `nn.utils.parametrizations.orthogonal`; Lezcano-Casado 2019.

    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.nn.utils import parametrizations
    >>> layer = parametrizations.orthogonal(nn.Linear(3, 5))
    >>> q = layer.weight.detach()
    >>> bool(abs(q.T @ q - fastnn.eye(3)).max() < 1e-5)
    True
    """
    weight = parameter_of(module, name)
    if weight.ndim != 2:
        raise ValueError(
            f"name: expected a matrix, as Only matrices are supported, got shape {weight.shape}"
        )
    if orthogonal_map is None:
        orthogonal_map = MAPS[weight.shape[0] != weight.shape[1]]
    check.choice("orthogonal_map", orthogonal_map, MAPS)
    check.flag("use_trivialization", use_trivialization)
    recipe = _Orthogonal(orthogonal_map, use_trivialization)
    return register_parametrization(module, name, recipe)

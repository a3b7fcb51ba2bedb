"""Weight and spectral normalisation, torch's `nn.utils.parametrizations` and the older forms."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn._support import check
from fastnn.nn.functional import normalize
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.nn.utils.orthogonal import orthogonal
from fastnn.nn.utils.parametrize import compute, parameter_of, register, restore
from fastnn.random.generator import default_generator
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, of_array

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _length(v: Tensor, dim: int | None) -> Tensor:
    """The norm of the slices along `dim`, with axes of size 1; of all of v for None."""
    if dim is None:
        return ops.norm(v)
    return ops.norm(v, 2, [d for d in range(v.ndim) if d != dim % v.ndim], keepdim=True)


def _scaled(g: Tensor, v: Tensor, dim: int | None) -> Tensor:
    return ops.mul(v, ops.div(g, _length(v, dim)))


def _dim(dim: int | None, weight: Tensor) -> int | None:
    return None if dim is None else check.integer("dim", dim, -weight.ndim, weight.ndim - 1)


class _WeightNorm(Module):
    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        """g v / |v|."""
        return _scaled(g, v, self.dim)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Weight normalisation: compute a weight as g v / |v|, with trained length and direction.

    Args:
        module: what has the weight; it is changed, and returned.
        name: of the parameter, default 'weight'.
        dim: slices along this axis have lengths of their own, default 0: the rows; None: one
            length.

    g is `parametrizations.weight.original0`, v `original1`.

    Raises:
        ValueError: no such parameter or axis.

    Source: Salimans & Kingma 2016.

    >>> from fastnn import nn
    >>> from fastnn.nn.utils import parametrizations
    >>> layer = parametrizations.weight_norm(nn.Linear(3, 2))
    >>> list(layer.state_dict())
    ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    v = parameter_of(module, name)
    axis = _dim(dim, v)
    g = Parameter(_length(v.detach(), axis))
    return register(module, name, _WeightNorm(axis), {"original0": g, "original1": v})


def old_weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """`parametrizations.weight_norm` under torch's older names: `weight_g` and `weight_v`."""
    v = parameter_of(module, name)
    axis = _dim(dim, v)
    length, direction = f"{name}_g", f"{name}_v"
    compute(module, name, lambda m: _scaled(m._parameters[length], m._parameters[direction], axis))
    module.register_parameter(length, Parameter(_length(v.detach(), axis)))
    module.register_parameter(direction, v)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Undo `nn.utils.weight_norm`: the weight is a parameter again.

    Raises:
        ValueError: there is none.
    """
    v = parameter_of(module, f"{name}_v")
    restore(module, name, getattr(module, name), v)
    for suffix in ("g", "v"):
        delattr(module, f"{name}_{suffix}")
    return module


def _matrix(weight: Tensor, dim: int) -> Tensor:
    """The weight as (size of `dim`, the rest)."""
    if dim:
        weight = ops.permute(weight, (dim, *(d for d in range(weight.ndim) if d != dim)))
    return ops.reshape(weight, (weight.shape[0], -1))


def _iterate(matrix: Tensor, u: Tensor, v: Tensor, eps: float, left_first: bool) -> None:
    """One step of the power method, in place: u = W v / |W v| and v = W^T u / |W^T u|."""
    with no_grad():
        w = matrix.detach()
        steps = [(u, w, v), (v, ops.permute(w, (1, 0)), u)]
        for to, by, source in steps if left_first else steps[::-1]:
            ops.copy_(to, normalize(ops.mv(by, source), dim=0, eps=eps))


def _divided(weight: Tensor, matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """W / (u^T W v), with the vectors as they are now."""
    u, v = ops.copy(u.detach()), ops.copy(v.detach())
    return ops.div(weight, ops.dot(u, ops.mv(matrix, v)))


def _start(matrix: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Random unit vectors."""
    drawn = [of_array(default_generator.normal((n,), 0.0, 1.0, matrix.dtype)) for n in matrix.shape]
    u, v = (normalize(x, dim=0, eps=eps) for x in drawn)
    return u, v


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int, eps: float, dim: int) -> None:
        super().__init__()
        self.dim, self.n_power_iterations, self.eps = dim, n_power_iterations, eps
        matrix = _matrix(weight.detach(), dim)
        u, v = _start(matrix, eps)
        for _ in range(15):
            _iterate(matrix, u, v, eps, left_first=True)
        self.register_buffer("_u", u)
        self.register_buffer("_v", v)

    def forward(self, weight: Tensor) -> Tensor:
        """W / sigma; in training the vectors are improved first."""
        matrix = _matrix(weight, self.dim)
        for _ in range(self.n_power_iterations if self.training else 0):
            _iterate(matrix, self._u, self._v, self.eps, left_first=True)
        return _divided(weight, matrix, self._u, self._v)


def _spectral_options(
    module: Module, name: str, n_power_iterations: Any, eps: Any, dim: Any
) -> tuple[Parameter, int, float, int]:
    weight = parameter_of(module, name)
    if weight.ndim < 2:
        raise ValueError(f"name: expected a weight of 2 or more axes, got shape {weight.shape}")
    axis = check.integer("dim", 0 if dim is None else dim, -weight.ndim, weight.ndim - 1)
    count = check.integer("n_power_iterations", n_power_iterations, 1, 10**6)
    return weight, count, check.real("eps", eps, 0.0), axis % weight.ndim


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Spectral normalisation: compute a weight as W / sigma, sigma = u^T W v its spectral norm.

    Args:
        module: what has the weight; it is changed, and returned.
        name: of the parameter, default 'weight'.
        n_power_iterations: steps of the power method each time the weight is read in training,
            default 1.
        eps: the least length to divide by, default 1e-12.
        dim: the axis of the rows of W, default 0.

    W is `parametrizations.weight.original`; u and v are buffers.

    Raises:
        ValueError: no such parameter or axis.

    Source: Miyato et al. 2018.

    >>> import numpy as np
    >>> from fastnn import nn
    >>> from fastnn.nn.utils import parametrizations
    >>> layer = parametrizations.spectral_norm(nn.Linear(3, 2))
    >>> bool(np.linalg.norm(layer.weight.detach().numpy(), 2) < 1.01)
    True
    """
    weight, count, least, axis = _spectral_options(module, name, n_power_iterations, eps, dim)
    recipe = _SpectralNorm(weight, count, least, axis)
    return register(module, name, recipe, {"original": weight})


def old_spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """`parametrizations.spectral_norm` under torch's older names, `weight_orig`, `weight_u` and
    `weight_v`, and from its older start: no steps before the first."""
    weight, count, least, axis = _spectral_options(module, name, n_power_iterations, eps, dim)
    u, v = _start(_matrix(weight.detach(), axis), least)

    def value(m: Any) -> Tensor:
        original, left, right = (getattr(m, f"{name}_{suffix}") for suffix in ("orig", "u", "v"))
        matrix = _matrix(original, axis)
        for _ in range(count if m.training else 0):
            _iterate(matrix, left, right, least, left_first=False)
        return _divided(original, matrix, left, right)

    compute(module, name, value)
    module.register_parameter(f"{name}_orig", weight)
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Undo `nn.utils.spectral_norm`: the weight is a parameter again.

    Raises:
        ValueError: there is none.
    """
    weight = parameter_of(module, f"{name}_orig")
    restore(module, name, getattr(module, name), weight)
    for suffix in ("orig", "u", "v"):
        delattr(module, f"{name}_{suffix}")
    return module

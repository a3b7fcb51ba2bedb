"""Muon: momentum whose matrices are made orthogonal."""

from __future__ import annotations

import math
from typing import Any

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn.optim import settings
from fastnn.optim.block import Segment
from fastnn.optim.block_optimizer import BlockOptimizer, Group, Params
from fastnn.tensor import Tensor, float32, of_array

__all__ = ["Muon"]

_RATES = (None, "original", "match_rms_adamw")


def _own_shape(name: str, p: Tensor) -> tuple[int, ...]:
    """The shape of a moment: that of its parameter."""
    return p.shape


def _rounded(x: Tensor) -> Tensor:
    """float32 with the digits of bfloat16, in which torch keeps what follows."""
    return ops.cast(ops.cast(x, dtypes.bfloat16), float32)


def _orthogonal(x: Tensor, coefficients: tuple[float, ...], steps: int, eps: float) -> Tensor:
    """About U V^T of x = U S V^T, by the iteration of Newton and Schulz from X = x / |x|:
    X = a X + (b X X^T + c (X X^T)^2) X."""
    a, b, c = coefficients
    x = _rounded(x)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = ops.transpose(x, 0, 1)
    x = _rounded(ops.div(x, _rounded(ops.clamp(_rounded(ops.norm(x)), eps))))
    for _ in range(steps):
        gram = _rounded(ops.mm(x, ops.transpose(x, 0, 1)))
        both = _rounded(ops.addmm(gram, gram, gram, beta=b, alpha=c))
        x = _rounded(ops.addmm(x, both, x, beta=a))
    return ops.transpose(x, 0, 1) if tall else x


class Muon(BlockOptimizer):
    """Momentum made orthogonal, for the weight matrices of hidden layers.

    B = momentum*B + (1 - momentum)*g; G = nesterov ? momentum*B + (1 - momentum)*g : B;
    p *= 1 - lr*weight_decay; p -= lr * s * NS(G). NS(G) is about U V^T of G = U S V^T: X = G / |G|
    and ns_steps times X = a X + (b X X^T + c (X X^T)^2) X, computed in bfloat16. For a matrix of
    m x n, s = sqrt(max(1, m/n)), or 0.2 sqrt(max(m, n)) with "match_rms_adamw", by which rates and
    decays found for AdamW carry over. Train biases, embeddings and the last layer by AdamW.

    Args:
        params: matrices, or dicts with "params" and settings.
        lr: >= 0, default 1e-3.
        weight_decay: >= 0, default 0.1; decoupled.
        momentum: >= 0, default 0.95.
        nesterov: default True.
        ns_coefficients: (a, b, c), default (3.4445, -4.775, 2.0315).
        eps: >= 0, default 1e-7: the least norm that G is divided by.
        ns_steps: 0..99, default 5.
        adjust_lr_fn: "original", the default None too, or "match_rms_adamw".
        l1: >= 0, default 0: see Optimizer.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters, one that is no matrix.

    Source: Jordan et al. 2024, Liu et al. 2025, "Muon is scalable for LLM training"; the form of
    torch's `optim.Muon`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.eye(2).requires_grad_()
    >>> optimizer = optim.Muon([w], lr=0.1, weight_decay=0.0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> bool(abs(w - 0.9 * fastnn.eye(2)).max() < 0.05)
    True
    """

    row = ""  # composed of ops
    moment_names: tuple[str, ...] = ("momentum_buffer",)
    moment_shape: Any = staticmethod(_own_shape)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        l1: float = 0.0,
    ) -> None:
        given = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
            "l1": l1,
        }
        super().__init__(params, given)

    def _prepared(self, given: Group) -> Group:
        group = super()._prepared(given)
        for i, p in enumerate(group["params"]):
            if p.ndim != 2:
                raise ValueError(
                    f"params[{i}]: Muon only supports 2D parameters: expected a matrix, got shape "
                    f"{p.shape}; give it to another optimizer, such as AdamW"
                )
        return group

    def _own(self, group: Group) -> tuple[float, ...]:
        self._form(group)
        return (settings.at_least_zero(group, "momentum"),)

    @staticmethod
    def _form(group: Group) -> tuple[bool, tuple[float, ...], float, int, str | None]:
        """The settings that select the computation, checked."""
        given = group["ns_coefficients"]
        if not isinstance(given, (tuple, list)) or len(given) != 3:
            raise ValueError(f"ns_coefficients: expected three numbers, got {given!r}")
        coefficients = tuple(check.real(f"ns_coefficients[{i}]", v) for i, v in enumerate(given))
        return (
            check.flag("nesterov", group["nesterov"]),
            coefficients,
            settings.eps(group),
            check.integer("ns_steps", group["ns_steps"], 0, 99),
            check.choice("adjust_lr_fn", group["adjust_lr_fn"], _RATES),
        )

    def _variant(self, group: Group) -> tuple[object, ...]:
        return *super()._variant(group), self._form(group)

    def _whole(self, group: Group) -> bool:
        return False  # each matrix has singular values of its own

    def _update(self, segment: Segment, group: Group) -> None:
        nesterov, coefficients, eps, steps, rate = self._form(group)
        (p, gradient), dtype = segment.views[0], segment.values.dtype
        numbers = segment.hyper._array

        def number(i: int) -> Tensor:
            return of_array(numbers[i : i + 1].reshape(()))

        lr, decay, momentum = number(0), number(1), number(5)
        ops.add_(number(self.steps_at), 1.0)
        buffer = segment.moments["momentum_buffer"]
        ops.lerp_(buffer, gradient, ops.sub(1.0, momentum).to(dtype))
        mean = ops.lerp(gradient, buffer, momentum.to(dtype)) if nesterov else buffer
        update = ops.cast(_orthogonal(mean, coefficients, steps, eps), dtype)
        m, n = p.shape
        scale = 0.2 * math.sqrt(max(m, n)) if rate == _RATES[2] else math.sqrt(max(1.0, m / n))
        ops.mul_(p, ops.sub(1.0, ops.mul(lr, decay)).to(dtype))
        ops.sub_(p, ops.mul(update, ops.mul(lr, scale).to(dtype)))
        if group["l1"]:
            ops.update_step("shrink_step", segment.values, segment.hyper)

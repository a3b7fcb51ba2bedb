"""Levenberg-Marquardt for small regression nets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check
from fastnn.optim import settings, state
from fastnn.optim.block_optimizer import OPTIMIZERS, BlockOptimizer, Group, Params
from fastnn.optim.residuals import jacobian_of
from fastnn.tape import listener, versions
from fastnn.tape.modes import enable_grad, no_grad
from fastnn.tensor import Tensor, of_array

__all__ = ["LevenbergMarquardt"]

Array = npt.NDArray[Any]

MOST_PARAMETERS = 5000  # J'J is dense, and solved anew at every try


@OPTIMIZERS.named("levenberg_marquardt")
class LevenbergMarquardt(BlockOptimizer):
    """Levenberg-Marquardt: damped Gauss-Newton for sums of squares; small nets, full batches.

    F = 0.5 * sum(r**2) + 0.5 * weight_decay * sum(p**2), J = dr/dp;
    (J'J + (weight_decay + damping) I) d = -(J'r + weight_decay p); p += d if F falls.
    gain = decrease of F / decrease predicted by the linear model; gain > 0: damping *=
    max(1/3, 1 - (2 gain - 1)**3); else damping *= 2, 4, 8, ..., and again.
    It converges in tens of steps where first-order methods take thousands. A step costs the
    Jacobian (rows x parameters), in time rows x parameters**2, and a Cholesky factor of parameters
    x parameters, in float64.

    Args:
        params: parameters of one dtype, in one group, at most 5000 elements in all.
        damping: > 0, the first, as a share of the largest element on the diagonal of J'J;
            default 1e-3.
        weight_decay: >= 0, default 0.
        max_tries: solutions with more and more damping in one step, default 10.
        tolerance_grad: >= 0, no step where no element of the gradient is larger, default 1e-10.

    Raises:
        TypeError, ValueError: a setting out of range, more than one group or dtype, too many
            parameters.

    Source: Marquardt 1963; Nielsen 1999, Damping parameter in Marquardt's method, as in Madsen,
    Nielsen & Tingleff 2004, algorithm 3.16; Hagan & Menhaj 1994 for nets.

    >>> import fastnn
    >>> from fastnn import optim
    >>> x = fastnn.tensor([0.0, 1.0, 2.0, 3.0])
    >>> w = fastnn.tensor([1.0, 0.0], requires_grad=True)
    >>> optimizer = optim.LevenbergMarquardt([w])
    >>> residuals = lambda: w[0] * (w[1] * x).exp() - 2 * (0.5 * x).exp()
    >>> for _ in range(10):
    ...     loss = optimizer.step(residuals)
    >>> [round(v, 4) for v in w.tolist()]
    [2.0, 0.5]
    """

    row = ""
    moment_names: tuple[str, ...] = ()
    calls_closure = True

    def __init__(
        self,
        params: Params,
        damping: float = 1e-3,
        weight_decay: float = 0,
        max_tries: int = 10,
        tolerance_grad: float = 1e-10,
    ) -> None:
        given = {
            "damping": damping,
            "weight_decay": weight_decay,
            "max_tries": max_tries,
            "tolerance_grad": tolerance_grad,
        }
        super().__init__(params, given)
        if len(self._blocks) != 1 or len(self._blocks[0]) != 1:
            raise ValueError(
                "LevenbergMarquardt: expected one group of parameters of one dtype, got more"
            )
        count = sum(p.numel() for p in self.param_groups[0]["params"])
        if count > MOST_PARAMETERS:
            raise ValueError(
                f"params: expected at most {MOST_PARAMETERS} elements in all, got {count}; "
                "use LBFGS"
            )
        self._damping: float | None = None  # before the first step
        self._growth = 2.0

    def _own(self, group: Group) -> tuple[float, ...]:
        return ()

    def _numbers(self, group: Group) -> tuple[float, ...]:
        check.integer("max_tries", group["max_tries"], 1, 2**31)
        settings.at_least_zero(group, "weight_decay")
        settings.at_least_zero(group, "tolerance_grad")
        return (check.real("damping", group["damping"], 0.0, open_low=True),)

    def step(self, closure: Callable[[], Any] | None = None) -> float:
        """Make one step that decreases F, or none.

        Args:
            closure: gives the residuals r, a Tensor of any shape that is made of the parameters:
                `lambda: model(x) - y`. No `backward` in it.

        Returns:
            F before the step.

        Raises:
            TypeError: no closure, or one that gives no Tensor.
            RecordingError: within a compiled function.
        """
        if closure is None:
            raise TypeError("closure: expected a function that gives the residuals")
        listener.refuse("LevenbergMarquardt looks at the residuals")
        self._call_hooks(0, closure)
        self.pack()
        group = self.param_groups[0]
        self._numbers(group)
        loss, normal, gradient = self._linearized(closure, group)
        steep = np.abs(gradient).max(initial=0.0) > group["tolerance_grad"]
        if steep and np.isfinite(normal).all():
            self._descend(closure, group, loss, normal, gradient)
        self._call_hooks(1, closure)
        return loss

    def _residuals(self, closure: Callable[[], Any]) -> Tensor:
        residuals = closure()
        check.a_tensor("closure: residuals", residuals)
        flat: Tensor = residuals.reshape(-1)
        return flat

    def _loss(self, residuals: Tensor, group: Group) -> float:
        r, p = np.asarray(residuals._array, np.float64), self._gathered(group)
        return 0.5 * float(np.sum(r * r) + group["weight_decay"] * np.sum(p * p))

    def _gathered(self, group: Group) -> Array:
        return np.concatenate([p._array.ravel() for p in group["params"]], dtype=np.float64)

    def _linearized(self, closure: Callable[[], Any], group: Group) -> tuple[float, Array, Array]:
        """F, J'J and the gradient of F at the current parameters."""
        with enable_grad():
            residuals = self._residuals(closure)
            made = jacobian_of(residuals, group["params"])
        jacobian, decay = of_array(made), group["weight_decay"]
        gradient = ops.matmul(jacobian.T, residuals.detach().double())._array
        normal = ops.matmul(jacobian.T, jacobian)._array + decay * np.eye(gradient.size)
        return self._loss(residuals, group), normal, gradient + decay * self._gathered(group)

    def _descend(
        self,
        closure: Callable[[], Any],
        group: Group,
        loss: float,
        normal: Array,
        gradient: Array,
    ) -> None:
        if self._damping is None:
            self._damping = group["damping"] * max(float(normal.diagonal().max()), 1e-300)
        start = [p._array.copy() for p in group["params"]]
        for _ in range(group["max_tries"]):
            damped = normal + self._damping * np.eye(gradient.size)
            move = np.linalg.solve(damped, -gradient)
            self._place(group, start, move)
            with no_grad():
                now = self._loss(self._residuals(closure), group)
            foreseen = 0.5 * float(np.sum(move * (self._damping * move - gradient)))
            gain = (loss - now) / foreseen if foreseen > 0 else -1.0
            if gain > 0:
                self._damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
                self._growth = 2.0
                return
            self._damping *= self._growth
            self._growth *= 2
        self._place(group, start, np.zeros_like(gradient))

    def _place(self, group: Group, start: list[Array], move: Array) -> None:
        """Set the parameters to their old values plus a step."""
        begin = 0
        for p, origin in zip(group["params"], start, strict=True):
            part = move[begin : begin + origin.size].reshape(origin.shape)
            np.copyto(p._array, origin + part, casting="same_kind")
            versions.wrote(p._array, "LevenbergMarquardt.step")
            begin += origin.size

    # ---- state ----

    def _state(self) -> Group:
        """The settings and the damping."""
        saved = state.state_dict(self.param_groups, [], ())
        if self._damping is not None:
            saved["state"][0] = {"damping": self._damping, "growth": self._growth}
        return saved

    def _load(self, given: Mapping[str, Any]) -> None:
        saved = state.matched(given, self.param_groups)
        known = {k: v for k, v in saved.groups[0].items() if k in self.defaults}
        self._numbers({**self.param_groups[0], **known})
        entry = saved.entries[0]
        self.param_groups[0].update(known)
        self._damping, self._growth = entry.get("damping"), entry.get("growth", 2.0)

"""L-BFGS: scipy's minimiser on a compiled value and gradient, as in scikit-learn."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from sklearn.utils.optimize import _check_optimize_result

from fastnn import ops
from fastnn.autograd import grad
from fastnn.nn.modes import training_mode
from fastnn.sklearn.objective import Objective
from fastnn.train.loop import team
from fastnn.train.own_input import recorded

if TYPE_CHECKING:
    from fastnn.sklearn.net import Net
    from fastnn.tensor import Tensor

Array = NDArray[Any]


class Function:
    """Loss and gradient as a function of one vector: all weights, (in, out) each, then all biases.

    Args:
        net: in float64; its parameters are set at every call.
        objective: the loss.
        arrays: x, y and maybe weights of all rows.
        threads: at most so many; None leaves it to the engine.
    """

    def __init__(
        self, net: Net, objective: Objective, arrays: tuple[Array, ...], threads: int | None
    ) -> None:
        self._net, self._objective, self._threads = net, objective, threads
        self._parts = [*net.coefs(), *net.intercepts()]
        self._loss = np.empty(())
        self._gradient = np.empty(sum(a.size for a in self._parts))
        with training_mode(net, True):
            _, self._recording = recorded(self._run, list(arrays), [net])
        self._given = (*arrays, self._loss, *_cut(self._gradient, self._parts))

    def _run(self, x: Tensor, y: Tensor, *w: Tensor) -> list[Tensor]:
        value, shown = self._objective(self._net(x), y, *w)
        weights = [linear.weight for linear in self._net.linears]
        biases = [linear.bias for linear in self._net.linears if linear.bias is not None]
        found = [g for g in grad(value, [*weights, *biases]) if g is not None]
        turned = [ops.transpose(g, 0, 1).contiguous() for g in found[: len(weights)]]
        return [shown, *turned, *found[len(weights) :]]

    def __call__(self, packed: Array) -> tuple[float, Array]:
        """The loss, and a new vector with the gradient."""
        self.set(packed)
        program = self._recording.program
        program.run(self._given, team(program.cost, self._threads))
        return float(self._loss), self._gradient.copy()

    def start(self) -> Array:
        """The parameters as they are."""
        return np.concatenate([a.ravel() for a in self._parts])

    def set(self, packed: Array) -> None:
        """Set the parameters."""
        for part, values in zip(self._parts, _cut(packed, self._parts), strict=True):
            np.copyto(part, values)


def _cut(packed: Array, parts: list[Array]) -> list[Array]:
    """Views of a vector in the shapes of these arrays."""
    ends = np.cumsum([a.size for a in parts])
    return [packed[end - a.size : end].reshape(a.shape) for end, a in zip(ends, parts, strict=True)]


def minimise(function: Function, estimator: Any) -> None:
    """Minimise by L-BFGS-B within the estimator's limits; it gets `loss_` and `n_iter_`."""
    deadline = None
    if estimator.time_limit is not None:
        deadline = time.monotonic() + estimator.time_limit
    done = 0

    def after(intermediate_result: Any) -> None:
        nonlocal done
        done += 1
        if estimator.verbose:
            print(f"Iteration {done}, loss = {intermediate_result.fun:.8f}")
        if deadline is not None and time.monotonic() >= deadline:
            raise StopIteration

    found = scipy.optimize.minimize(
        function,
        function.start(),
        method="L-BFGS-B",
        jac=True,
        callback=after,
        options={
            "maxfun": estimator.max_fun,
            "maxiter": estimator.max_iter,
            "gtol": estimator.tol,
        },
    )
    estimator.n_iter_ = _check_optimize_result("lbfgs", found, estimator.max_iter)
    estimator.loss_ = float(found.fun)
    function.set(found.x)

"""L-BFGS, a quasi-Newton method for full batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._support import check
from fastnn.optim import settings, state
from fastnn.optim.block_optimizer import OPTIMIZERS, BlockOptimizer, Group, Params
from fastnn.optim.line_search import Point, StrongWolfe, dot
from fastnn.tape import listener, versions
from fastnn.tape.modes import enable_grad, no_grad
from fastnn.tensor import Tensor, of_array

__all__ = ["LBFGS"]

Array = npt.NDArray[Any]

LEAST_CURVATURE = 1e-10  # y.s of a step that is remembered


@OPTIMIZERS.named("lbfgs", lr=1.0, line_search_fn="strong_wolfe")
class LBFGS(BlockOptimizer):
    """L-BFGS: quasi-Newton steps from the last changes of the gradient; for full batches.

    d = -H g, H from the last `history_size` pairs of s = t d and y = the change of g, scaled at
    first by s.y / y.y; p += t d, t = lr (in the very first step lr / sum|g| if that is less), or
    what the line search finds. One `step` makes up to `max_iter` of these. `fastnn.Trainer` takes
    it as well, and makes the closure: a program, for each batch.

    Args:
        params: parameters of one dtype, in one group.
        lr: >= 0, default 1.
        max_iter: of one step, default 20.
        max_eval: evaluations in one step, default max_iter * 5 // 4.
        tolerance_grad: stop when no element of the gradient is larger, default 1e-7.
        tolerance_change: stop when loss or parameters change by less, default 1e-9.
        history_size: default 100.
        line_search_fn: None or "strong_wolfe".

    Raises:
        TypeError, ValueError: a setting out of range, more than one group or dtype.

    Source: Nocedal & Wright 2006, algorithms 7.4 and 7.5, the form of torch's `optim.LBFGS`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([3.0, -2.0], requires_grad=True)
    >>> optimizer = optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - 1) ** 4).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item()
    97.0
    >>> bool((w - 1).abs().max() < 0.1)
    True
    """

    row = ""
    moment_names = ()
    calls_closure = True
    closure_gives_loss = True

    def __init__(
        self,
        params: Params,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        given = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, given)
        if len(self._blocks) != 1 or len(self._blocks[0]) != 1:
            raise ValueError(
                "LBFGS doesn't support per-parameter options (parameter groups): expected one "
                "group of parameters of one dtype"
            )
        self._memory = _Memory()

    def _own(self, group: Group) -> tuple[float, ...]:
        return ()

    def _numbers(self, group: Group) -> tuple[float, ...]:
        for name in ("max_iter", "max_eval", "history_size"):
            check.integer(name, group[name], 1, 2**63 - 1)
        for name in ("tolerance_grad", "tolerance_change"):
            settings.at_least_zero(group, name)
        check.choice("line_search_fn", group["line_search_fn"], (None, "strong_wolfe"))
        return (settings.learning_rate(group),)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Run up to `max_iter` iterations.

        Args:
            closure: clears the gradients, computes the loss, calls `backward` and returns the loss.
                It is called several times; `fastnn.compile` makes it fast.

        Returns:
            what the closure first returned.

        Raises:
            TypeError: no closure. RecordingError: within a compiled function.
        """
        if closure is None:
            raise TypeError("closure: LBFGS calls it several times a step, expected a function")
        listener.refuse("LBFGS looks at the loss (compile its closure instead)")
        self._call_hooks(0, closure)
        self.pack()
        group = self.param_groups[0]
        self._numbers(group)
        first = self._evaluate(closure)
        with no_grad():
            if np.abs(self._gradient).max(initial=0.0) > group["tolerance_grad"]:
                self._iterate(closure, group)
        self._call_hooks(1, closure)
        return first

    def _evaluate(self, closure: Callable[[], Any]) -> Any:
        """Evaluate the loss, and set `_loss` and `_gradient` at the current parameters."""
        with enable_grad():
            loss = closure()
        block = self._blocks[0][0]
        for view, taken in zip(block.flat.grads, block.take_gradients(), strict=True):
            if not taken:
                view._array[...] = 0
        self._loss = float(loss)
        self._gradient = block.flat.gradients._array.copy()
        self._memory.evaluations += 1
        return loss

    def _iterate(self, closure: Callable[[], Any], group: Group) -> None:
        memory, evaluations = self._memory, self._memory.evaluations - 1
        for i in range(1, group["max_iter"] + 1):
            gradient, loss = self._gradient, self._loss
            t = memory.turn(gradient, loss, settings.number(group["lr"]), group["history_size"])
            memory.t, slope = t, dot(gradient, memory.direction)
            if slope > -group["tolerance_change"]:
                return
            if group["line_search_fn"] is None:
                self._move(t)
                if i < group["max_iter"]:
                    self._evaluate(closure)
            else:
                t = memory.t = self._search(closure, Point(0.0, loss, gradient, slope), t, group)
            if (
                i == group["max_iter"]
                or memory.evaluations - evaluations >= group["max_eval"]
                or np.abs(self._gradient).max() <= group["tolerance_grad"]
                or np.abs(memory.direction * t).max() <= group["tolerance_change"]
                or abs(self._loss - loss) < group["tolerance_change"]
            ):
                return

    def _search(self, closure: Callable[[], Any], start: Point, t: float, group: Group) -> float:
        """Move to the point that the line search finds; returns its step length."""
        direction, values = self._memory.direction, self._blocks[0][0].flat.values._array
        origin = values.copy()

        def look(t: float) -> Point:
            self._move(t)
            self._evaluate(closure)
            values[...] = origin
            return Point(t, self._loss, self._gradient, dot(self._gradient, direction))

        size = float(np.abs(direction).max())
        found = StrongWolfe(look, start, size, group["tolerance_change"]).search(t)
        self._loss, self._gradient = found.value, found.gradient
        self._move(found.t)
        return found.t

    def _move(self, t: float) -> None:
        values = self._blocks[0][0].flat.values._array
        values += values.dtype.type(t) * self._memory.direction
        versions.wrote(values, "LBFGS.step")

    # ---- state ----

    def _state(self) -> Group:
        """The settings and, in torch's layout, the history as flat vectors."""
        saved = state.state_dict(self.param_groups, [], ())
        if self._memory.iterations:
            saved["state"][0] = self._memory.saved(self._flattened)
        return saved

    def _load(self, given: Mapping[str, Any]) -> None:
        saved = state.matched(given, self.param_groups)
        known = {k: v for k, v in saved.groups[0].items() if k in self.defaults}
        self._numbers({**self.param_groups[0], **known})
        self.pack()
        entry = saved.entries[0]
        memory = _Memory.of(entry, self._unflattened) if entry else _Memory()
        self.param_groups[0].update(known)
        self._memory = memory

    def _flattened(self, array: Array) -> Tensor:
        """A flat vector reordered to torch's layout: parameter after parameter."""
        views = self._blocks[0][0].flat.views(of_array(array))
        return of_array(np.concatenate([view.ravel() for view in views]))

    def _unflattened(self, given: Any) -> Array:
        values = np.asarray(given._array if isinstance(given, Tensor) else given)
        flat = self._blocks[0][0].flat
        expected = sum(p.numel() for p in flat.params)
        if values.shape != (expected,):
            raise ValueError(
                f"state_dict: expected vectors of {expected} elements, got shape {values.shape}"
            )
        vector, begin = flat.vector(), 0
        for p, view in zip(flat.params, flat.views(vector), strict=True):
            view[...] = values[begin : begin + p.numel()].reshape(p.shape)
            begin += p.numel()
        array: Array = vector._array
        return array


class _Memory:
    """The state of L-BFGS between iterations; `saved` maps to torch's names."""

    def __init__(self) -> None:
        self.evaluations = self.iterations = 0
        self.direction: Array = np.zeros(0)
        self.t = 0.0
        self.changes: list[Array] = []  # y, of the gradient
        self.steps: list[Array] = []  # s, of the parameters
        self.inverses: list[float] = []  # 1 / y.s
        self.scale = 1.0
        self.gradient: Array = np.zeros(0)
        self.loss = 0.0

    def turn(self, gradient: Array, loss: float, lr: float, most: int) -> float:
        """The direction of the next iteration, and its first trial step length."""
        self.iterations += 1
        if self.iterations == 1:
            self.direction = -gradient
            t = min(1.0, 1.0 / float(np.abs(gradient).sum())) * lr
        else:
            self._remember(gradient - self.gradient, self.direction * self._real(self.t), most)
            self.direction = -self._newton(gradient)
            t = lr
        self.gradient, self.loss = gradient, loss
        return t

    def _real(self, x: float) -> Any:
        return self.direction.dtype.type(x)

    def _remember(self, change: Array, step: Array, most: int) -> None:
        curvature = dot(change, step)
        if curvature <= LEAST_CURVATURE:
            return
        self.changes = [*self.changes, change][-most:]
        self.steps = [*self.steps, step][-most:]
        self.inverses = [*self.inverses, 1.0 / curvature][-most:]
        self.scale = curvature / dot(change, change)

    def _newton(self, gradient: Array) -> Array:
        """H g by the two loops of algorithm 7.4."""
        pairs = list(zip(self.changes, self.steps, self.inverses, strict=True))
        shares, q = [], gradient.copy()
        for change, step, inverse in reversed(pairs):
            shares.append(inverse * dot(step, q))
            q -= self._real(shares[-1]) * change
        q *= self._real(self.scale)
        for (change, step, inverse), share in zip(pairs, reversed(shares), strict=True):
            q += self._real(share - inverse * dot(change, q)) * step
        return q

    def saved(self, flattened: Callable[[Array], Tensor]) -> Group:
        return {
            "func_evals": self.evaluations,
            "n_iter": self.iterations,
            "d": flattened(self.direction),
            "t": self.t,
            "old_dirs": [flattened(y) for y in self.changes],
            "old_stps": [flattened(s) for s in self.steps],
            "ro": list(self.inverses),
            "H_diag": self.scale,
            "prev_flat_grad": flattened(self.gradient),
            "prev_loss": self.loss,
        }

    @classmethod
    def of(cls, saved: Group, unflattened: Callable[[Any], Array]) -> _Memory:
        memory = cls()
        memory.evaluations, memory.iterations = saved["func_evals"], saved["n_iter"]
        memory.direction, memory.t = unflattened(saved["d"]), float(saved["t"])
        memory.changes = [unflattened(y) for y in saved["old_dirs"]]
        memory.steps = [unflattened(s) for s in saved["old_stps"]]
        memory.inverses = [float(ro) for ro in saved["ro"]]
        memory.scale = float(saved["H_diag"])
        memory.gradient = unflattened(saved["prev_flat_grad"])
        memory.loss = float(saved["prev_loss"])
        return memory

"""The vectors that L-BFGS works on, and what it remembers from step to step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from fastnn._core import engine
from fastnn._core.lbfgs import SLOTS, Lbfgs

__all__ = ["Memory"]

Array = npt.NDArray[Any]
Group = Mapping[str, Any]


class Memory:
    """The memory of L-BFGS for vectors of n elements, float32 or float64.

    Attributes:
        machine: what computes, in C.
        slots, direction, origin: its vectors; the gradients of a few points, and a point.
        changes, steps: y, of the gradient, and s, of the parameters: (rows, n), a ring.
    """

    machine: Lbfgs
    direction: NDArray[Any]
    origin: NDArray[Any]
    changes: NDArray[Any]
    steps: NDArray[Any]
    inverses: NDArray[Any]
    shares: NDArray[Any]

    def __init__(self, n: int, dtype: npt.DTypeLike) -> None:
        self.machine = Lbfgs()
        self.slots: NDArray[Any] = np.zeros((SLOTS, n), dtype)
        self.direction, self.origin = np.zeros(n, dtype), np.zeros(n, dtype)
        self._allocate(1)

    def _allocate(self, rows: int) -> None:
        n, dtype = len(self.direction), self.direction.dtype
        self.changes, self.steps = np.empty((rows, n), dtype), np.empty((rows, n), dtype)
        self.inverses, self.shares = np.zeros(rows), np.zeros(rows)

    def begin(self, values: Array, gradients: Array, lr: float, group: Group) -> None:
        """Begin a step: the parameters are in `values`, their gradients will be in `gradients`."""
        self._make_room(group["history_size"], group["max_iter"])
        real = engine.DTYPES.index(self.direction.dtype.name)
        self.machine.place(
            real, values, gradients, self.slots, self.direction, self.origin, self.changes,
            self.steps, self.inverses, self.shares,
        )  # fmt: skip
        self.machine.begin(
            lr, group["max_iter"], group["max_eval"], group["tolerance_grad"],
            group["tolerance_change"], group["line_search_fn"] is not None,
        )  # fmt: skip

    def _make_room(self, most: int, more: int) -> None:
        """Let there be rows for the pairs of so many more iterations, and one that is free."""
        evaluations, iterations, _, count, t, scale, loss, last = self.machine.state
        rows, have = min(most, count + more) + 1, len(self.changes)
        if have == most + 1 or (rows <= have <= most):
            return
        order = self.order()[-most:]
        kept = self.changes[order], self.steps[order], self.inverses[order]
        self._allocate(rows)
        for target, source in zip((self.changes, self.steps, self.inverses), kept, strict=True):
            target[: len(order)] = source
        self.machine.remember(evaluations, iterations, 0, len(order), t, scale, loss, last)

    def order(self) -> list[int]:
        """The rows that are remembered, the oldest first."""
        _, _, first, count, *_ = self.machine.state
        return [(first + i) % len(self.changes) for i in range(count)]

    def saved(self, flattened: Callable[[Array], Any]) -> dict[str, Any]:
        """The state under torch's names."""
        evaluations, iterations, _, _, t, scale, loss, last = self.machine.state
        order = self.order()
        return {
            "func_evals": evaluations,
            "n_iter": iterations,
            "d": flattened(self.direction),
            "t": t,
            "old_dirs": [flattened(self.changes[row]) for row in order],
            "old_stps": [flattened(self.steps[row]) for row in order],
            "ro": self.inverses[order].tolist(),
            "H_diag": scale,
            "prev_flat_grad": flattened(self.slots[last]),
            "prev_loss": loss,
        }

    def restore(self, saved: Group, unflattened: Callable[[Any], Array]) -> None:
        """Take the state that `saved` gave."""
        count = len(saved["old_dirs"])
        self._allocate(count + 1)
        for i, (y, s) in enumerate(zip(saved["old_dirs"], saved["old_stps"], strict=True)):
            self.changes[i], self.steps[i] = unflattened(y), unflattened(s)
        self.inverses[:count] = saved["ro"]
        self.direction[:] = unflattened(saved["d"])
        self.slots[0] = unflattened(saved["prev_flat_grad"])
        numbers = float(saved["t"]), float(saved["H_diag"]), float(saved["prev_loss"])
        self.machine.remember(saved["func_evals"], saved["n_iter"], 0, count, *numbers, 0)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles."""
        return {**vars(self), "machine": self.machine.state}

    def __setstate__(self, given: dict[str, Any]) -> None:
        vars(self).update(given)
        self.machine = Lbfgs()
        self.machine.remember(*given["machine"])

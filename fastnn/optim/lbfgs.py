"""L-BFGS, a quasi-Newton method for full batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._core import engine
from fastnn._support import check, maps
from fastnn._support.dtypes import converted, wide
from fastnn.optim import settings, state
from fastnn.optim.block_optimizer import OPTIMIZERS, BlockOptimizer, Group, Params
from fastnn.optim.lbfgs_memory import Memory
from fastnn.tape import listener, versions
from fastnn.tape.modes import enable_grad, no_grad
from fastnn.tensor import Tensor, of_array

__all__ = ["LBFGS"]

Array = npt.NDArray[Any]


@OPTIMIZERS.named("lbfgs", lr=1.0, line_search_fn="strong_wolfe")
class LBFGS(BlockOptimizer):
    """L-BFGS: quasi-Newton steps from the last changes of the gradient; for full batches.

    d = -H g, H from the last `history_size` pairs of s = t d and y = the change of g, scaled at
    first by s.y / y.y; p += t d, t = lr (in the very first step lr / sum|g| if that is less), or
    what the line search finds. One `step` makes up to `max_iter` of these, in C. `fastnn.Trainer`
    takes it as well, and makes the closure: a program, so that no Python runs within a step.

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
    moment_names: tuple[str, ...] = ()
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
        check.integer("max_iter", max_iter, 1)
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
        self._memory: Memory | None = None  # from the first step on

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
        memory, flat = self._remembered(), self._blocks[0][0].flat
        values = converted(flat.values._array, memory.direction.dtype).copy()
        gradients = np.zeros_like(values)
        self._begin(values, gradients)
        first = loss = self._evaluate(closure, gradients)
        iterations = memory.machine.state[1]
        try:
            with no_grad():
                while memory.machine.told(float(loss)):
                    self._move(values)
                    loss = self._evaluate(closure, gradients)
        except BaseException:
            memory.machine.abandon()
            raise
        finally:
            if memory.machine.state[1] > iterations:
                self._move(values)
        self._call_hooks(1, closure)
        return first

    def _step_by(
        self, program: Any, arrays: tuple[Array, ...], places: Sequence[int]
    ) -> list[float]:
        """`step`, by a program that evaluates.

        arrays: of the program. places: those among them of the loss and of other figures.

        Returns:
            the loss and the figures at the start.

        Raises:
            FloatingPointError: the loss is not finite there; nothing was changed.
        """
        flat, machine = self._blocks[0][0].flat, self._remembered().machine
        flat.gradients._array[...] = 0  # of parameters that the loss does not depend on
        self._begin(flat.values._array, flat.gradients._array)
        program.run(arrays)
        figures = [arrays[place].item() for place in places]
        if not math.isfinite(figures[0]):
            raise FloatingPointError("loss: not finite")
        try:
            if machine.told(figures[0]):
                real = engine.DTYPES.index(arrays[places[0]].dtype.name)
                machine.run(program, arrays, places[0], real)
        finally:
            versions.wrote(flat.values._array, "LBFGS.step")
        return figures

    def _remembered(self) -> Memory:
        if self._memory is None:
            flat = self._blocks[0][0].flat
            self._memory = Memory(flat.starts[-1], wide(flat.dtype))
        return self._memory

    def _begin(self, values: Array, gradients: Array) -> None:
        """Begin a step of vectors that hold the values and will hold the gradients."""
        group = self.param_groups[0]
        self._numbers(group)
        self._remembered().begin(values, gradients, settings.number(group["lr"]), group)

    def _evaluate(self, closure: Callable[[], Any], gradients: Array) -> Any:
        """Evaluate the loss at the parameters as they are, and its gradients."""
        with enable_grad():
            loss = closure()
        block = self._blocks[0][0]
        for view, taken in zip(block.flat.grads, block.take_gradients(), strict=True):
            if not taken:
                view._array[...] = 0
        np.copyto(gradients, converted(block.flat.gradients._array, gradients.dtype))
        return loss

    def _move(self, values: Array) -> None:
        array = self._blocks[0][0].flat.values._array
        np.copyto(array, converted(values, array.dtype))
        versions.wrote(array, "LBFGS.step")

    @property
    def _loss(self) -> float:
        """The loss where the last step ended."""
        return self._remembered().machine.value

    # ---- state ----

    def _state(self) -> Group:
        """The settings and, in torch's layout, the history as flat vectors."""
        saved = state.state_dict(self.param_groups, [], ())
        if self._memory is not None and self._memory.machine.state[1]:
            saved["state"][0] = self._memory.saved(self._flattened)
        return saved

    def _load(self, given: Mapping[str, Any]) -> None:
        saved = state.matched(given, self.param_groups)
        known = {k: v for k, v in saved.groups[0].items() if k in self.defaults}
        self._numbers({**self.param_groups[0], **known})
        self.pack()
        entry, flat = saved.entries[0], self._blocks[0][0].flat
        memory = Memory(flat.starts[-1], wide(flat.dtype))
        if entry:
            memory.restore(entry, self._unflattened)
        self.param_groups[0].update(known)
        self._memory = memory

    def _flattened(self, array: Array) -> Tensor:
        """A flat vector reordered to torch's layout: parameter after parameter."""
        views = self._blocks[0][0].flat.views(of_array(array))
        return of_array(np.concatenate([view.ravel() for view in views]))

    def _unflattened(self, given: Any) -> Array:
        values = given._array if isinstance(given, Tensor) else maps.array_of(given, "state_dict")
        flat = self._blocks[0][0].flat
        expected = sum(p.numel() for p in flat.params)
        if values.shape != (expected,):
            raise ValueError(
                f"state_dict: expected vectors of {expected} elements, got shape {values.shape}"
            )
        state.check_finite("state_dict", "a vector", values)
        array, begin = np.zeros(flat.starts[-1], wide(flat.dtype)), 0
        for p, view in zip(flat.params, flat.views(of_array(array)), strict=True):
            view[...] = values[begin : begin + p.numel()].reshape(p.shape)
            begin += p.numel()
        return array

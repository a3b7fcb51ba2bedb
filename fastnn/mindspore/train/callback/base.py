"""The base of callbacks, and what they get."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from fastnn._support import check
from fastnn.tensor import Tensor as Plain


class Arguments(dict[str, Any]):
    """What callbacks read: entries that are attributes too."""

    def __getattr__(self, key: str) -> Any:
        if key not in self:
            raise AttributeError(key)
        return self[key]

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value


class RunContext:
    """What callbacks get: `original_args()`, `request_stop()`.

    Args:
        original_args: a dict with cur_epoch_num, cur_step_num, batch_num, epoch_num, net_outputs,
            network, train_network, optimizer, metrics, ...
    """

    def __init__(self, original_args: Any) -> None:
        if not isinstance(original_args, dict):
            shown = check.show(original_args)
            raise TypeError(f"original_args: expected a dict, got {shown}")
        self._original_args = original_args
        self._stop_requested = False

    def original_args(self) -> Any:
        """What is known of the run; entries are attributes too."""
        return self._original_args

    def request_stop(self) -> None:
        """End the training after this step."""
        self._stop_requested = True

    def get_stop_requested(self) -> bool:
        """Whether `request_stop` was called."""
        return self._stop_requested


class Callback:
    """The base of callbacks. `begin`, `epoch_begin`, `step_begin`, `step_end`, `epoch_end` and
    `end` are called in training and in evaluation, `on_train_...` and `on_eval_...` in one."""

    def __enter__(self) -> Callback:
        return self

    def __exit__(self, *error: Any) -> None:
        """The end of the run."""

    def begin(self, run_context: RunContext) -> None:
        """Before the first epoch."""

    def epoch_begin(self, run_context: RunContext) -> None:
        """Before an epoch."""

    def epoch_end(self, run_context: RunContext) -> None:
        """After an epoch."""

    def step_begin(self, run_context: RunContext) -> None:
        """Before a step."""

    def step_end(self, run_context: RunContext) -> None:
        """After a step."""

    def end(self, run_context: RunContext) -> None:
        """After the last epoch."""

    def on_train_begin(self, run_context: RunContext) -> None:
        """Before the first epoch of training."""
        self.begin(run_context)

    def on_train_epoch_begin(self, run_context: RunContext) -> None:
        """Before an epoch of training."""
        self.epoch_begin(run_context)

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        """After an epoch of training."""
        self.epoch_end(run_context)

    def on_train_step_begin(self, run_context: RunContext) -> None:
        """Before a step of training."""
        self.step_begin(run_context)

    def on_train_step_end(self, run_context: RunContext) -> None:
        """After a step of training."""
        self.step_end(run_context)

    def on_train_end(self, run_context: RunContext) -> None:
        """After the training."""
        self.end(run_context)

    def on_eval_begin(self, run_context: RunContext) -> None:
        """Before an evaluation."""
        self.begin(run_context)

    def on_eval_epoch_begin(self, run_context: RunContext) -> None:
        """Before the pass of an evaluation."""
        self.epoch_begin(run_context)

    def on_eval_epoch_end(self, run_context: RunContext) -> None:
        """After the pass of an evaluation."""
        self.epoch_end(run_context)

    def on_eval_step_begin(self, run_context: RunContext) -> None:
        """Before a batch of an evaluation."""
        self.step_begin(run_context)

    def on_eval_step_end(self, run_context: RunContext) -> None:
        """After a batch of an evaluation."""
        self.step_end(run_context)

    def on_eval_end(self, run_context: RunContext) -> None:
        """After an evaluation."""
        self.end(run_context)


class Callbacks(contextlib.ExitStack):
    """Several callbacks, called in their order.

    Raises:
        TypeError: something that is not a Callback.
    """

    def __init__(self, given: Any) -> None:
        super().__init__()
        found = [] if given is None else given if isinstance(given, list | tuple) else [given]
        for i, one in enumerate(found):
            if not isinstance(one, Callback):
                raise TypeError(f"callbacks[{i}]: expected a Callback, got {check.show(one)}")
        self.each: list[Any] = [self.enter_context(one) for one in found]

    def call(self, event: str, run_context: RunContext) -> None:
        """Call a method of each."""
        for one in self.each:
            getattr(one, event)(run_context)


def loss_of(run_context: RunContext) -> float:
    """The loss of the last step, a number."""
    outputs = run_context.original_args().net_outputs
    first = outputs[0] if isinstance(outputs, tuple | list) else outputs
    values = first._array if isinstance(first, Plain) else np.asarray(first)
    return float(values.mean())

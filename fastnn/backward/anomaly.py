"""Anomaly mode: finds the op whose gradient is nan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fastnn.ops.table import made_by
from fastnn.tape.node import Node
from fastnn.tensor import Tensor

_enabled = False


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on: backward passes check gradients for nan."""
    return _enabled


class set_detect_anomaly:
    """Turn anomaly mode on or off; as a context manager, until the end of the `with` block.

    Args:
        mode: whether to check.
        check_nan: True, as in torch; False turns the check off.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        global _enabled
        self._before = _enabled
        _enabled = mode and check_nan

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        global _enabled
        _enabled = self._before


class detect_anomaly(set_detect_anomaly):
    """Context manager: a backward pass raises at the first nan gradient and names the operation.

    In a compiled function the first call checks, replays do not.

    Source: torch.autograd.detect_anomaly.

    Example:
        >>> import fastnn
        >>> x = fastnn.tensor(0.0, requires_grad=True)
        >>> with fastnn.autograd.detect_anomaly():
        ...     (x.sqrt() * 0).backward()
        Traceback (most recent call last):
        RuntimeError: backward: Function 'SqrtBackward0' returned nan values in its 0th output
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(True, check_nan)


def check(node: Node, gradients: Sequence[Tensor | None]) -> None:
    """Raise if a gradient rule returned nan."""
    for i, gradient in enumerate(gradients):
        if gradient is not None and np.isnan(gradient._array).any():
            raise RuntimeError(
                f"backward: Function '{made_by(node)}' returned nan values in its {i}th output"
            )


def checker() -> Callable[[Node, Sequence[Tensor | None]], None] | None:
    """The check that a backward pass calls with the gradients of each node, or None."""
    return check if _enabled else None

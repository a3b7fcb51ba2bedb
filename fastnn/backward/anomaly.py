"""Anomaly mode: the gradient rule that gives nan is named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastnn.ops.table import made_by
from fastnn.tape.node import Node
from fastnn.tensor import Tensor

_enabled = False


def is_anomaly_enabled() -> bool:
    """Whether backward passes look for nan."""
    return _enabled


class set_detect_anomaly:
    """From now on backward passes look for nan, or not; in a `with`, until its end.

    Args:
        mode: whether to look.
        check_nan: True, as in torch; False looks for nothing.
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
    """Within it a backward pass in which a gradient becomes nan raises, and names the operation.

    In a compiled function the first call looks, replays do not.

    Source: torch.autograd.detect_anomaly.

    Example:
        >>> import fastnn
        >>> x = fastnn.tensor(0.0, requires_grad=True)
        >>> with detect_anomaly():
        ...     (x.sqrt() * 0).backward()
        Traceback (most recent call last):
        RuntimeError: backward: Function 'SqrtBackward0' returned nan values in its 0th output
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(True, check_nan)


def check(node: Node, gradients: Sequence[Tensor | None]) -> None:
    """Raise where a gradient rule gave nan."""
    for i, gradient in enumerate(gradients):
        if gradient is not None and np.isnan(gradient._array).any():
            raise RuntimeError(
                f"backward: Function '{made_by(node)}' returned nan values in its {i}th output"
            )

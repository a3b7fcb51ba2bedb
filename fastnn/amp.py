"""Mixed precision, torch's `amp`: accepted, and without effect, as the CPU computes in float32.

`autocast` and `GradScaler` let scripts written for a GPU run unchanged. The first use of each that
is not `enabled=False` warns that nothing is converted.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from fastnn._support import check

__all__ = ["GradScaler", "autocast", "is_autocast_available"]

_warned: set[str] = set()


def _say(name: str, text: str) -> None:
    if name not in _warned:
        _warned.add(name)
        warnings.warn(f"{name}: {text}", UserWarning, stacklevel=3)


class autocast:  # torch's name
    """A context manager or decorator without effect: everything stays in its own dtype.

    Args:
        device_type: such as 'cpu' or 'cuda'.
        dtype: what torch would compute in.
        enabled: False says that no effect is wanted, and so does not warn.
        cache_enabled: without effect.

    >>> import fastnn
    >>> with autocast("cpu", enabled=False):
    ...     y = fastnn.ones(2) * 2
    >>> str(y.dtype)
    'float32'
    """

    def __init__(
        self,
        device_type: str = "cpu",
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise TypeError(f"device_type: expected text, got {check.show(device_type)}")
        if check.flag("enabled", enabled):
            _say("autocast", "without effect, float32 and float64 are computed as they are")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is to be undone."""

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def call(*args: Any, **kwargs: Any) -> Any:
            return func(*args, **kwargs)

        return call


class GradScaler:
    """A scaler of the loss whose scale is 1: float32 gradients need none.

    Args:
        device: such as 'cpu' or 'cuda'.
        init_scale, growth_factor, backoff_factor, growth_interval: without effect.
        enabled: False says that no effect is wanted, and so does not warn.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.ones(1, requires_grad=True)
    >>> optimizer, scaler = optim.SGD([w], lr=0.5), GradScaler(enabled=False)
    >>> scaler.scale((w * w).sum()).backward()
    >>> scaler.step(optimizer)
    >>> scaler.update()
    >>> w.item()
    0.0
    """

    def __init__(
        self,
        device: str = "cpu",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if check.flag("enabled", enabled):
            _say("GradScaler", "without effect, the scale is 1: gradients are float32 or float64")

    def scale(self, outputs: Any) -> Any:
        """The outputs."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """No effect."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step(*args, **kwargs)`."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """No effect."""

    def get_scale(self) -> float:
        """1."""
        return 1.0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Empty, as of a disabled scaler in torch."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any] | Iterable[Any]) -> None:
        """No effect: there is no state."""


def is_autocast_available(device_type: str) -> bool:
    """False: there is none for any device."""
    if not isinstance(device_type, str):
        raise TypeError(f"device_type: expected text, got {check.show(device_type)}")
    return False

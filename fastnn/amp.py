"""Mixed precision, torch's `amp`: products of bfloat16 on the CPU.

`GradScaler`, and `autocast` for another device or dtype, are accepted and have no effect, so that
scripts written for a GPU run unchanged; the first use that is not `enabled=False` warns.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

from fastnn._support import check
from fastnn._support.dtypes import BRAIN, bfloat16
from fastnn.tape.rounding import MODES, rounding

__all__ = ["GradScaler", "autocast", "is_autocast_available"]

_warned: set[str] = set()


def _say(name: str, text: str) -> None:
    if name not in _warned:
        _warned.add(name)
        warnings.warn(f"{name}: {text}", UserWarning, stacklevel=3)


class autocast:  # torch's name
    """Within it, matrix products of float32 round their operands to bfloat16, and so do their
    gradients, wherever `backward` is called.

    y = r(x) r(W)^T + b, where r(v) is the bfloat16 next to v.

    Everything else is float32: the sums of a product, its result (torch's is bfloat16), weights,
    activations, losses, optimizers. Products are nearly twice as fast where the processor has
    AVX512_BF16 (`fastnn.isa()` is "avx512_bf16"), and give the same bits elsewhere, no faster than
    float32. It holds for the thread that enters it.

    Args:
        device_type: "cpu"; for another device it is without effect.
        dtype: bfloat16 (default); for another one it is without effect.
        enabled: False switches it off, also within another one.
        cache_enabled: without effect.

    >>> import fastnn
    >>> x = fastnn.tensor([[1.001]])
    >>> with fastnn.autocast("cpu", dtype=fastnn.bfloat16):
    ...     y = x @ x
    >>> y, x @ x
    (tensor([[1.]]), tensor([[1.0020]]))
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
        known = device_type.split(":")[0] == "cpu" and dtype in (None, bfloat16, BRAIN)
        if check.flag("enabled", enabled) and not known:
            _say("autocast", "without effect but for device_type='cpu' and dtype=bfloat16")
        self._mode = MODES["bf16"] if enabled and known else 0
        self._keeps = enabled and not known
        self._open: list[AbstractContextManager[None]] = []

    def _within(self) -> AbstractContextManager[None]:
        return nullcontext() if self._keeps else rounding(self._mode)

    def __enter__(self) -> Self:
        self._open.append(self._within())
        self._open[-1].__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.pop().__exit__(None, None, None)

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._within():
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
    >>> optimizer, scaler = optim.SGD([w], lr=0.5), fastnn.GradScaler(enabled=False)
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
    """Whether `autocast` has an effect on a device: True for the CPU."""
    if not isinstance(device_type, str):
        raise TypeError(f"device_type: expected text, got {check.show(device_type)}")
    return device_type == "cpu"

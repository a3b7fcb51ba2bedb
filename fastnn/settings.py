"""Settings of torch's top level that fastnn meets by itself, or that stand for a dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._support import check
from fastnn.ops.creation import set_default_dtype
from fastnn.tape.rounding import MODES, operands

__all__ = [
    "are_deterministic_algorithms_enabled",
    "get_deterministic_debug_mode",
    "is_autocast_enabled",
    "is_deterministic_algorithms_warn_only_enabled",
    "set_default_tensor_type",
    "set_deterministic_debug_mode",
    "set_flush_denormal",
    "use_deterministic_algorithms",
]

_TYPES = {"FloatTensor": np.float32, "DoubleTensor": np.float64}


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """No effect: results are the same bits for any number of threads, always."""
    check.flag("mode", mode)
    check.flag("warn_only", warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """True: there are no others."""
    return True


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """False."""
    return False


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """No effect, as `use_deterministic_algorithms`."""
    check.choice("debug_mode", debug_mode, (0, 1, 2, "default", "warn", "error"))


def get_deterministic_debug_mode() -> int:
    """2: nothing that is not deterministic runs."""
    return 2


def set_flush_denormal(mode: bool) -> bool:
    """No effect: kernels flush denormal numbers to zero, the rest of the process does not. Returns
    False, as torch does where it cannot be set."""
    check.flag("mode", mode)
    return False


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether this thread is within `amp.autocast`; for another device than the CPU, False."""
    return operands() == MODES["bf16"] and device_type in (None, "cpu")


def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype by the name of a type of tensors.

    Args:
        t: 'torch.FloatTensor' or 'torch.DoubleTensor', or such a type.

    Raises:
        TypeError: another one.

    >>> import fastnn
    >>> fastnn.set_default_tensor_type("torch.DoubleTensor")
    >>> str(fastnn.ones(1).dtype)
    'float64'
    >>> fastnn.set_default_tensor_type("torch.FloatTensor")
    """
    name = t if isinstance(t, str) else getattr(t, "__name__", str(t))
    kind = _TYPES.get(name.rpartition(".")[2])
    if kind is None:
        raise TypeError(f"t: expected one of {', '.join(_TYPES)}, got {check.show(t)}")
    set_default_dtype(kind)

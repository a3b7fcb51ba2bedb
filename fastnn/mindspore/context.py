"""MindSpore's `context`: device and mode settings, accepted without effect."""

from __future__ import annotations

from typing import Any

from fastnn._support import check

__all__ = ["GRAPH_MODE", "PYNATIVE_MODE", "get_context", "set_context", "set_device"]

GRAPH_MODE, PYNATIVE_MODE = 0, 1
_options: dict[str, Any] = {"mode": PYNATIVE_MODE, "device_target": "CPU", "device_id": 0}


def set_device(device_target: str, device_id: int | None = None) -> None:
    """No effect: tensors are on the CPU.

    Raises:
        ValueError: another device.
    """
    if not isinstance(device_target, str) or device_target.upper() != "CPU":
        raise ValueError(
            f"device_target: expected 'CPU', got {device_target!r}: fastnn computes on the CPU "
            "alone"
        )


def set_context(**options: Any) -> None:
    """No effect: there is one device, and `compile` selects what runs as a program.

    Args:
        options: `mode` (GRAPH_MODE or PYNATIVE_MODE), `device_target` ('CPU'); others are without
            effect.

    Raises:
        ValueError: another device or mode.
    """
    if "mode" in options:
        check.choice("mode", options["mode"], (GRAPH_MODE, PYNATIVE_MODE))
    if "device_target" in options:
        set_device(options["device_target"])
    _options.update(options)


def get_context(attr_key: str) -> Any:
    """A setting: 'mode', 'device_target', or another that was set.

    Raises:
        ValueError: nothing of the name was set.
    """
    if attr_key not in _options:
        raise ValueError(f"attr_key: expected one of {sorted(_options)}, got {attr_key!r}")
    return _options[attr_key]

"""MindSpore's `context`: device and mode settings, accepted without effect."""

from __future__ import annotations

from typing import Any

from fastnn._support import check

__all__ = ["GRAPH_MODE", "PYNATIVE_MODE", "set_context", "set_device"]

GRAPH_MODE, PYNATIVE_MODE = 0, 1


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

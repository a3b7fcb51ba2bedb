"""Attaches the Tensor methods that higher modules define: ops, random numbers, backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastnn.tensor.tensor import Tensor


def methods(*functions: Callable[..., Any], **named: Any) -> dict[str, Any]:
    """Methods by name: functions under their own, keywords (also properties) under theirs."""
    return {function.__name__: function for function in functions} | named


def attach(members: Mapping[str, Any]) -> None:
    """Make methods of these functions: `Tensor.exp` is `ops.exp`."""
    for name, member in members.items():
        setattr(Tensor, name, member)

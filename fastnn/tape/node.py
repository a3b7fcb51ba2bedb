"""Nodes of the tape, and the form of their gradient rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fastnn._core.tape import Node as Node, node_count as node_count


class GradientRule(Protocol):
    """Gradients by each input of a node (None: none), given those by its outputs, in ops."""

    def __call__(self, node: Node, *cotangents: Any) -> Sequence[Any]: ...

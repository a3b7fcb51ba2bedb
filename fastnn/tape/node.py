"""Nodes of the tape, and the signature of their gradient rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fastnn._core.tape import Node as Node, node_count as node_count, unused as unused


class GradientRule(Protocol):
    """Gradients by each input of a node (or None), given those by its outputs; written in ops."""

    def __call__(self, node: Node, *cotangents: Any) -> Sequence[Any]: ...

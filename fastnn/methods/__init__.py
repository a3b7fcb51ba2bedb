"""Tensor's methods by kind. They are ops, which need Tensor first: `connect` joins the two."""

from collections.abc import Callable
from typing import Any

from fastnn.methods import combined, conversions, elementwise, operators, shapes
from fastnn.methods.combined import Combined
from fastnn.methods.conversions import Conversions
from fastnn.methods.elementwise import Elementwise
from fastnn.methods.operators import Operators
from fastnn.methods.shapes import Shapes


class Methods(Operators, Shapes, Elementwise, Combined, Conversions):
    """All of them."""

    __slots__ = ()


def connect(ops: Any, is_grad_enabled: Callable[[], bool]) -> None:
    """Let the methods call these ops."""
    combined.ops = conversions.ops = elementwise.ops = operators.ops = shapes.ops = ops
    operators.is_grad_enabled = is_grad_enabled

"""Tensor's methods by kind. They are ops, which need Tensor first: `connect` joins the two."""

from collections.abc import Callable
from typing import Any

from fastnn.tensor.methods import combined, conversions, elementwise, gradients, operators, shapes
from fastnn.tensor.methods.combined import Combined
from fastnn.tensor.methods.conversions import Conversions
from fastnn.tensor.methods.elementwise import Elementwise
from fastnn.tensor.methods.gradients import Gradients
from fastnn.tensor.methods.operators import Operators
from fastnn.tensor.methods.shapes import Shapes


class Methods(Operators, Shapes, Elementwise, Combined, Conversions, Gradients):
    """All of them."""

    __slots__ = ()


def connect(ops: Any, is_grad_enabled: Callable[[], bool]) -> None:
    """Let the methods call these ops."""
    combined.ops = conversions.ops = elementwise.ops = operators.ops = shapes.ops = ops
    operators.is_grad_enabled = is_grad_enabled

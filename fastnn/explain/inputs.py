"""Helpers for model inspection: input checks, leaf tensors, a scalar loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._support import check, maps
from fastnn._support.columns import in_order
from fastnn.nn import Module
from fastnn.tensor import Tensor, of_array


def a_module(model: Any) -> None:
    """Raise TypeError unless model is a Module."""
    if not isinstance(model, Module):
        raise TypeError(f"model: expected a Module, got {check.show(model)}")


def leaf_for(model: Module, value: Any) -> Tensor:
    """A leaf tensor with a copy of the value; an array of floats takes the model's dtype."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    array = maps.array_of(in_order(model, value), "x")
    dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float32))
    return of_array(np.array(array, dtype if array.dtype.kind == "f" else None))


def outputs_of(model: Module, x: Tensor) -> Tensor:
    """What a model gives for rows.

    Raises:
        ValueError: it does not take their shape.
    """
    try:
        z: Tensor = model(x)
    except ValueError as error:
        raise ValueError(f"x: the model does not take shape {tuple(x.shape)}: {error}") from None
    return z


def one_number(loss: Any) -> Tensor:
    """The loss as a scalar tensor, of shape ().

    Raises:
        ValueError: it has more than one element, or is not a tensor.
    """
    if isinstance(loss, Tensor) and loss.numel() == 1:
        return loss.sum()
    raise ValueError(
        f"loss: expected a function that gives a tensor of one element, got {check.show(loss)}"
    )

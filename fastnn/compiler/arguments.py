"""What a compiled function takes and gives: arrays of its arguments, and gradients given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import maps
from fastnn.backward.gradients import leads_to
from fastnn.compiler.recording import tensors_of
from fastnn.tape import listener
from fastnn.tape.listener import RecordingError
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


def array_of(value: Any) -> NDArray[Any]:
    """The packed array of an argument that is a tensor or an array."""
    if isinstance(value, Tensor):
        if value._node is not None:
            raise TypeError(
                "compile: a compiled function cannot take a tensor that was computed on the tape; "
                "pass it detached"
            )
        if value.compiled_by != "fastnn.compile":
            raise TypeError(
                f"compile: got a tensor of {type(value).__module__}; use {value.compiled_by}, "
                "which keeps what its methods mean"
            )
        value = value._array
    maps.refuse_closed(value, "compile: an argument")
    array: NDArray[Any] = value
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def as_leaves(tensors: tuple[Tensor, ...], trained: list[bool]) -> list[Tensor]:
    """The arguments for recording: those that require grad in the call do so here."""
    return [x.requires_grad_() if t else x for x, t in zip(tensors, trained, strict=True)]


def with_gradients(result: Any, tensors: tuple[Tensor, ...], trained: list[bool]) -> Any:
    """The result, and the gradients that the function left in arguments that require grad."""
    if not any(trained):
        return result
    leaves = [x for x, t in zip(tensors, trained, strict=True) if t]
    if any(leads_to(y, leaves) for y in tensors_of(result)):
        place = "compile" if listener.active is None else listener.active.location()
        raise RecordingError(
            f"{place}: cannot compile this: the result depends on an argument "
            "that requires grad, but gradients do not pass through a compiled function: let it "
            "call backward() or autograd.grad itself, and detach what it returns; or pass the "
            "argument detached"
        )
    return result, [x.grad for x in leaves]


def given_back(result: Any, given: list[Any], trained: list[bool]) -> Any:
    """The result alone; the gradients are added to those of the arguments."""
    if not any(trained):
        return result
    result, gradients = result
    leaves = [x for x, t in zip(given, trained, strict=True) if t]
    for leaf, gradient in zip(leaves, gradients, strict=True):
        if gradient is not None:
            leaf.grad = gradient if leaf.grad is None else leaf.grad.add_(gradient)
    return result

"""torch's `autograd.grad`: gradients of computed outputs with respect to chosen tensors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.backward.gradients import gradients_by, ones
from fastnn.tape.modes import is_grad_enabled, set_grad_enabled
from fastnn.tensor import Tensor, of_array
from fastnn.transforms.vmap import vmap


def _listed(value: Any) -> list[Any]:
    """A tensor or several, also from a generator such as `parameters()`, as a list."""
    return list(value) if isinstance(value, Iterable) and not isinstance(value, Tensor) else [value]


def _sequence(value: Any, name: str) -> list[Tensor]:
    found = _listed(value)
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise InvalidTypeError(f"{name}[{i}]: expected a Tensor, got {type(x).__name__}")
    return found


def _cotangents(outputs: list[Tensor], grad_outputs: Any) -> list[Tensor]:
    given = [None] * len(outputs) if grad_outputs is None else _listed(grad_outputs)
    if len(given) != len(outputs):
        raise InvalidValueError(
            f"grad_outputs: expected one for each of {len(outputs)} outputs, got {len(given)}"
        )
    found = []
    for i, (y, cotangent) in enumerate(zip(outputs, given)):
        if not y.requires_grad:
            raise RuntimeError(
                f"outputs[{i}]: element {i} of tensors does not require grad and does not have a "
                "grad_fn: nothing it was computed from requires grad, or no_grad was on"
            )
        if cotangent is None:
            if y.numel() != 1:
                raise RuntimeError(
                    "grad_outputs: grad can be implicitly created only for scalar outputs; "
                    f"outputs[{i}] has shape {y.shape}"
                )
            cotangent = ones(y)
        elif cotangent.shape != y.shape or cotangent.dtype != y.dtype:
            raise RuntimeError(
                f"grad_outputs[{i}]: expected shape {y.shape} and dtype {y.dtype}, got "
                f"{cotangent.shape} and {cotangent.dtype}"
            )
        found.append(cotangent)
    return found


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """Gradients of the sum of outputs with respect to the inputs, and nothing else.

    g_j = sum_i (d outputs_i / d inputs_j)^T grad_outputs_i

    Args:
        outputs: a tensor, or an iterable of several.
        inputs: a tensor or an iterable of several, leaves or not; `grad` of no tensor changes.
        grad_outputs: the cotangents; None for a scalar means 1.
        retain_graph: keep the tape for another pass; default: create_graph.
        create_graph: put the gradients on the tape, for higher derivatives.
        only_inputs: True, as in torch: `grad` of tensors is left alone.
        allow_unused: return None for an input that no output depends on; default:
            materialize_grads.
        is_grads_batched: grad_outputs have a leading batch axis of cotangents; so do the
            gradients.
        materialize_grads: return zeros in place of None.

    Returns:
        a tuple, one for each input.

    Raises:
        RuntimeError: outputs or inputs that require no grad, cotangents of another shape, an
            unused input without allow_unused, a tape that was freed or changed in place.

    Source: torch.autograd.grad.

    Example:
        >>> import fastnn
        >>> x = fastnn.tensor(2.0, requires_grad=True)
        >>> (g,) = fastnn.autograd.grad(x**3, x, create_graph=True)
        >>> fastnn.autograd.grad(g, x)
        (tensor(12.),)
    """
    ys, xs = _sequence(outputs, "outputs"), _sequence(inputs, "inputs")
    keep = create_graph if retain_graph is None else retain_graph
    for i, x in enumerate(xs):
        if not x.requires_grad:
            raise RuntimeError(
                f"inputs[{i}]: One of the differentiated Tensors does not require grad; set "
                "requires_grad before the outputs are computed"
            )
    if is_grads_batched:
        found = _batched(ys, xs, grad_outputs, create_graph, keep)
    else:
        found = gradients_by(ys, xs, _cotangents(ys, grad_outputs), create_graph, keep)
    return _complete(xs, found, materialize_grads, allow_unused)


def _complete(
    inputs: list[Tensor], found: list[Tensor | None], zeros: bool, allow_unused: bool | None
) -> tuple[Tensor | None, ...]:
    """Handle unused inputs: None, zeros, or an error."""
    if zeros and allow_unused is False:
        raise InvalidValueError(
            "allow_unused: expected True or None with materialize_grads=True, got False"
        )
    if zeros:
        blank = [of_array(np.zeros(x.shape, x.dtype)) for x in inputs]
        return tuple(g if g is not None else z for g, z in zip(found, blank))
    if not allow_unused and any(g is None for g in found):
        at = [g is None for g in found].index(True)
        raise RuntimeError(
            f"inputs[{at}]: One of the differentiated Tensors appears to not have been used in "
            "the graph. Set allow_unused=True if this is the desired behavior."
        )
    return tuple(None if g is None else g for g in found)


def _batched(
    outputs: list[Tensor], inputs: list[Tensor], grad_outputs: Any, create_graph: bool, keep: bool
) -> list[Tensor | None]:
    unused: list[bool] = []

    def one(*cotangents: Tensor) -> tuple[Tensor, ...]:
        found = gradients_by(outputs, inputs, cotangents, create_graph or is_grad_enabled(), True)
        unused[:] = [g is None for g in found]
        return tuple(g for g in found if g is not None)

    with set_grad_enabled(create_graph):
        result = iter(vmap(one)(*_sequence(grad_outputs, "grad_outputs")))
    return [None if none else next(result) for none in unused]

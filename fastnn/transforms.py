"""Transforms of functions, with MindSpore's semantics."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from fastnn.autograd.tape import _as_tensors, enable_grad, gradients, is_grad_enabled
from fastnn.tensor import Tensor

Function = Callable[..., Any]


def _positions(grad_position: int | Sequence[int], n: int) -> tuple[int, ...]:
    positions = (grad_position,) if isinstance(grad_position, int) else tuple(grad_position)
    for p in positions:
        if not isinstance(p, int):
            raise TypeError(f"grad_position: expected int or tuple of int, got {p!r}")
        if not 0 <= p < n:
            raise ValueError(f"grad_position: expected 0..{n - 1} for {n} arguments, got {p}")
    if len(set(positions)) != len(positions):
        raise ValueError(f"grad_position: expected each position once, got {positions}")
    return positions


def value_and_grad(
    fn: Function, grad_position: int | Sequence[int] = 0, has_aux: bool = False
) -> Function:
    """A function that returns `(fn(*args), gradient)`.

    The gradient is that of the sum of fn's output (of its outputs, when there are several) by the
    arguments at `grad_position`. It can be differentiated again.

    Args:
        fn: takes tensors and returns a tensor or a tuple of tensors.
        grad_position: an int gives one gradient, a tuple gives a tuple.
        has_aux: only the first output is differentiated, the others are returned as they are.

    Returns:
        A function of the same arguments: `(outputs, gradient)`.

    Raises:
        ValueError: a position that is negative, too large, or there twice.
        TypeError: outputs or arguments that are not tensors.

    Example:
        >>> import fastnn
        >>> fastnn.value_and_grad(lambda x: x**2)(fastnn.tensor(3.0))
        (tensor(9.), tensor(6.))

    Source: the semantics are those of MindSpore's value_and_grad.
    """

    @functools.wraps(fn)
    def with_grad(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        positions = _positions(grad_position, len(args))
        outer = is_grad_enabled() and any(isinstance(a, Tensor) and a.requires_grad for a in args)
        inputs = list(args)
        for p in positions:
            (x,) = _as_tensors(args[p], f"argument {p}")
            # A new tensor on the same tape: its gradient stops here, yet a gradient of the
            # gradient reaches x.
            inputs[p] = _alias(x, outer)
        with enable_grad():
            result = fn(*inputs, **kwargs)
        if has_aux and (not isinstance(result, tuple | list) or len(result) < 2):
            raise ValueError("has_aux: expected fn to return more than one output")
        outputs = _as_tensors(result[0] if has_aux else result, "fn's output")
        wanted = [inputs[p] for p in positions]
        found = _gradients_by(outputs, wanted, outer)
        value = result if outer else _detached(result)
        return value, found[0] if isinstance(grad_position, int) else tuple(found)

    return with_grad


def _alias(x: Tensor, outer: bool) -> Tensor:
    from fastnn import ops

    if outer and x.requires_grad:
        return ops.reshape(x, x.shape)
    return Tensor(x._array, requires_grad=True)


def _gradients_by(
    outputs: Sequence[Tensor], wanted: list[Tensor], create_graph: bool
) -> list[Tensor]:
    """As `gradients`, for tensors that may have a node: the backward pass stops at them."""
    held = [(x, x._node) for x in wanted]
    for x, _ in held:
        x._node = None
    try:
        return gradients(outputs, wanted, create_graph=create_graph)
    finally:
        for x, node in held:
            x._node = node


def _detached(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, tuple | list):
        return type(value)(_detached(v) for v in value)
    return value


def grad(fn: Function, grad_position: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that returns the gradient of `fn`; with `has_aux`, `(gradient, aux)`.

    As `value_and_grad`, without the value; `aux` is the tuple of the outputs after the first.

    Example:
        >>> import fastnn
        >>> fastnn.grad(fastnn.grad(lambda x: x**3))(fastnn.tensor(2.0))
        tensor(12.)
    """
    with_value = value_and_grad(fn, grad_position, has_aux)

    @functools.wraps(fn)
    def only_grad(*args: Any, **kwargs: Any) -> Any:
        value, gradient = with_value(*args, **kwargs)
        return (gradient, tuple(value[1:])) if has_aux else gradient

    return only_grad


def stop_gradient(x: Tensor) -> Tensor:
    """The same values, off the tape: no gradient flows through."""
    return x.detach()

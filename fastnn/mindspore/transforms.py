"""MindSpore's function transforms: fastnn's, on tensors of MindSpore's class.

Their signatures are MindSpore's: `grad(fn, grad_position=0, weights=None, has_aux=False)` ...
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from fastnn.mindspore.plain import higher
from fastnn.mindspore.plain.ops import GradOperation as _GradOperation
from fastnn.mindspore.tensor import adopt, adopting
from fastnn.nn.module import Module
from fastnn.transforms import gradients, jacobians, vmap as batched
from fastnn.transforms.gradients import plain

__all__ = [
    "ForwardValueAndGrad", "GradOperation", "derivative", "get_grad", "grad", "jacfwd", "jacrev",
    "jet", "jvp", "stop_gradient", "value_and_grad", "vjp", "vmap",
]  # fmt: skip


def _inner(fn: Any) -> Any:
    """The function, called with tensors of MindSpore's class."""
    function = plain(fn)
    if isinstance(function, Module):
        return function  # a cell does so itself
    within = getattr(function, "eager", function)

    @functools.wraps(within)
    def run(*args: Any, **kwargs: Any) -> Any:
        return adopt(within(*adopt(args), **adopt(kwargs)))

    return run


def _of_functions(transform: Callable[..., Any]) -> Callable[..., Any]:
    """A transform whose first argument is a function and whose result is one."""

    @functools.wraps(transform)
    def transformed(fn: Any, *args: Any, **kwargs: Any) -> Any:
        return adopting(transform(_inner(fn), *args, **kwargs))

    return transformed


grad: Callable[..., Any] = _of_functions(gradients.grad)
value_and_grad: Callable[..., Any] = _of_functions(gradients.value_and_grad)
jacrev: Callable[..., Any] = _of_functions(jacobians.jacrev)
jacfwd: Callable[..., Any] = _of_functions(jacobians.jacfwd)
vmap: Callable[..., Any] = _of_functions(batched.vmap)
get_grad: Callable[..., Any] = adopting(gradients.get_grad)
stop_gradient: Callable[..., Any] = adopting(gradients.stop_gradient)


def _at_once(transform: Callable[..., Any]) -> Callable[..., Any]:
    """A transform that takes a function and its arguments."""

    @functools.wraps(transform)
    def transformed(fn: Any, *args: Any, **kwargs: Any) -> Any:
        found = transform(_inner(fn), *args, **kwargs)
        parts = found if isinstance(found, tuple) else (found,)
        made = tuple(adopting(x) if callable(x) else adopt(x) for x in parts)
        return made if isinstance(found, tuple) else made[0]

    return transformed


jvp: Callable[..., Any] = _at_once(jacobians.jvp)
vjp: Callable[..., Any] = _at_once(jacobians.vjp)
jet: Callable[..., Any] = _at_once(higher.jet)
derivative: Callable[..., Any] = _at_once(higher.derivative)


class GradOperation(_GradOperation):
    """MindSpore's older form of `grad`: `GradOperation(get_all=True)(fn)(x, y)`.

    Args:
        get_all: a tuple of the gradients by all inputs; default: the one by the first.
        get_by_list: a tuple of the gradients by weights; with get_all, after that by the inputs.
        sens_param: the last argument is the gradient of the output.
    """

    def __call__(self, fn: Any, weights: Any = None) -> Any:
        """A function that returns the gradients of fn."""
        if self.get_by_list and weights is None:
            weights = fn.trainable_params()
        return adopting(super().__call__(_inner(fn), weights))


class ForwardValueAndGrad:
    """Value and gradients of a net at once: the call gives (value, gradients).

    Args:
        network: a cell or a function.
        weights: parameters, for get_by_list.
        get_all, get_by_list, sens_param: as of GradOperation.
    """

    network: Any
    weights: Any
    sens_param: bool

    def __init__(
        self,
        network: Any,
        weights: Any = None,
        get_all: bool = False,
        get_by_list: bool = False,
        sens_param: bool = False,
    ) -> None:
        self.network, self.weights, self.sens_param = network, weights, sens_param
        self.gradients: GradOperation = GradOperation(get_all, get_by_list, sens_param)

    def __call__(self, *inputs: Any) -> Any:
        value = self.network(*(inputs[:-1] if self.sens_param else inputs))
        return value, self.gradients(self.network, self.weights)(*inputs)

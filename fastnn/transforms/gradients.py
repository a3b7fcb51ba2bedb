"""Gradients as functions, with MindSpore's semantics; torch's and JAX's are in `fastnn.func`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from fastnn._core.replay import Front
from fastnn._support import check
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.backward.pullback import Run, cotangents_for, detached, tensors_in
from fastnn.tensor import Tensor

Function = Callable[..., Any]
Positions = int | Sequence[int] | None
Weights = Tensor | Sequence[Tensor] | None


def named_after(fn: Any, wrapper: Function, what: str) -> Function:
    """`wrapper` with the name and docstring of `fn`."""
    wrapper.__name__ = wrapper.__qualname__ = (
        f"{what}({getattr(fn, '__name__', type(fn).__name__)})"
    )
    wrapper.__doc__ = getattr(fn, "__doc__", None)
    return wrapper


def plain(fn: Any) -> Function:
    """The original function of a compiled one, which itself cannot be differentiated."""
    if isinstance(fn, Front):
        return fn.fn  # type: ignore[attr-defined,no-any-return]
    if not callable(fn):
        raise InvalidTypeError(f"fn: expected a function or a module, got {check.show(fn)}")
    return fn  # type: ignore[no-any-return]


def _position(value: Any, name: str) -> int:
    try:
        p = operator.index(value)
    except TypeError:
        raise InvalidTypeError(f"{name}: expected int or tuple of int, got {value!r}") from None
    if p < 0:
        raise InvalidValueError(f"{name}: expected positions >= 0, got {p}")
    return p


def positions_of(grad_position: Any, name: str = "grad_position") -> tuple[int, ...]:
    """Argument positions as a tuple, checked as far as possible without the arguments."""
    given = grad_position if isinstance(grad_position, tuple | list) else (grad_position,)
    positions = tuple(_position(p, name) for p in given)
    if not positions:
        raise InvalidValueError(f"{name}: expected at least one position, got ()")
    if len(set(positions)) != len(positions):
        raise InvalidValueError(
            f"{name}: expected each position once, got duplicate positions {given}"
        )
    return positions


def weights_of(weights: Any) -> list[Tensor]:
    found = [weights] if isinstance(weights, Tensor) else weights
    if not isinstance(found, tuple | list):
        raise InvalidTypeError(
            f"weights: expected a Parameter, or a list, tuple or ParameterTuple of them, got "
            f"{check.show(weights)}"
        )
    for i, w in enumerate(found):
        if not isinstance(w, Tensor):
            raise InvalidTypeError(f"weights[{i}]: expected a Parameter, got {check.show(w)}")
        if w._node is not None:
            raise InvalidTypeError(
                f"weights[{i}]: expected a Parameter, got a tensor that was computed from others; "
                "make it an argument of fn"
            )
    return list(found)


class Plan:
    """What a function is differentiated with respect to, and how the gradients are returned."""

    def __init__(self, fn: Any, grad_position: Positions, weights: Weights, flags: dict[str, Any]):
        self.fn: Function = plain(fn)
        if grad_position is None and weights is None:
            raise InvalidValueError(
                "grad_position and weights: `grad_position` and `weights` can not be None at the "
                "same time; give a position, or the parameters"
            )
        self.single: bool = not isinstance(grad_position, tuple | list)
        self.positions: tuple[int, ...] = (
            () if grad_position is None else positions_of(grad_position)
        )
        self.by_inputs: bool = grad_position is not None
        self.by_weights: bool = weights is not None
        self.one_weight: bool = isinstance(weights, Tensor)
        self.weights: list[Tensor] = weights_of(weights) if weights is not None else []
        for name, value in flags.items():
            check.flag(name, value)

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Run:
        """Run the function on the tape."""
        for p in self.positions:
            if p >= len(args):
                raise InvalidValueError(
                    f"grad_position: expected 0..{len(args) - 1} for {len(args)} arguments, got {p}"
                )
            if not isinstance(args[p], Tensor):
                raise InvalidTypeError(
                    f"argument {p}: expected tensors, got {type(args[p]).__name__}"
                )

        def call(aliases: list[Tensor]) -> Any:
            given = list(args)
            for p, alias in zip(self.positions, aliases):
                given[p] = alias
            return self.fn(*given, **kwargs)

        return Run(call, [args[p] for p in self.positions], self.weights, numbers=True)

    def arranged(self, gradients: list[Tensor], ids: bool) -> Any:
        """The gradients as requested: for inputs, for weights, or a pair of both."""
        n = len(self.positions)
        names: list[Any] = [*self.positions, *(getattr(w, "name", "") for w in self.weights)]
        named: list[Any] = list(zip(names, gradients)) if ids else gradients
        by_inputs = named[0] if self.single and n else tuple(named[:n])
        by_weights = named[n] if self.one_weight else tuple(named[n:])
        if self.by_inputs and self.by_weights:
            return by_inputs, by_weights
        return by_inputs if self.by_inputs else by_weights


def first_of(value: Any) -> tuple[Any, tuple[Any, ...]]:
    """The first output and the others."""
    if not isinstance(value, tuple | list) or len(value) < 2:
        raise InvalidValueError(
            "has_aux: expected fn to return more than one output, of which only the first is "
            f"differentiated; got {check.show(value)}"
        )
    return value[0], tuple(value[1:])


def _sens(args: tuple[Any, ...], kwargs: dict[str, Any], wanted: bool) -> Any:
    """The cotangent among the arguments, and the arguments without it."""
    if not wanted:
        return None, args, kwargs
    if "sens" in kwargs:
        rest = {k: v for k, v in kwargs.items() if k != "sens"}
        return kwargs["sens"], args, rest
    if not args:
        raise InvalidValueError(
            "sens: expected the gradient by the output as last argument or as sens="
        )
    return args[-1], args[:-1], kwargs


def value_and_grad(
    fn: Function,
    grad_position: Positions = 0,
    weights: Weights = None,
    has_aux: bool = False,
    return_ids: bool = False,
    sens_param: bool = False,
) -> Function:
    """Transform `fn` into a function that returns `(fn(*args), gradient)`.

    gradient = d sum_i <s_i, fn_i(*args)> / d x, where s is 1 for every element of every output

    It is the gradient of the sum over all outputs, so the output need not be a scalar. The result
    can be differentiated again: transforms nest.

    Args:
        fn: takes tensors and returns tensors; a function or a module.
        grad_position: an int gives one gradient, a tuple gives a tuple, None (then weights are
            needed) gives none. Default 0.
        weights: a Parameter gives one gradient, a list, tuple or ParameterTuple a tuple. With
            positions too, the gradient is a pair (by inputs, by weights).
        has_aux: differentiate only the first output; the others are returned unchanged.
        return_ids: return (position or parameter name, gradient) in place of each gradient, for
            `get_grad`.
        sens_param: s is passed, as last argument or as `sens=`.

    Returns:
        a function of the same arguments that returns `(outputs, gradient)`.

    Raises:
        ValueError: a position that is negative, too large or there twice; neither positions nor
            weights; has_aux for a function of one output.
        TypeError: a position that is no int, arguments, weights or outputs that are no tensors.

    Source: MindSpore's value_and_grad.

    Example:
        >>> import fastnn
        >>> fastnn.value_and_grad(lambda x: x**2)(fastnn.tensor(3.0))
        (tensor(9.), tensor(6.))
    """
    flags = {"has_aux": has_aux, "return_ids": return_ids, "sens_param": sens_param}
    plan = Plan(fn, grad_position, weights, flags)

    def with_grad(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        sens, args, kwargs = _sens(args, kwargs, sens_param)
        run = plan.run(args, kwargs)
        first = first_of(run.value)[0] if has_aux else run.value
        outputs = tensors_in(first, "fn's output")
        cotangents = cotangents_for(outputs, sens, "sens")
        gradients = run.pull(outputs, cotangents)
        return run.result(run.value), plan.arranged(gradients, return_ids)

    return named_after(fn, with_grad, "value_and_grad")


def grad(
    fn: Function,
    grad_position: Positions = 0,
    weights: Weights = None,
    has_aux: bool = False,
    return_ids: bool = False,
    sens_param: bool = False,
) -> Function:
    """Transform `fn` into a function that returns its gradient; with has_aux, `(gradient, aux)`.

    grad(fn)(x) = d sum(fn(x)) / d x

    Args:
        fn, grad_position, weights, has_aux, return_ids, sens_param: as in `value_and_grad`.

    Returns:
        a function of the same arguments; aux is the tuple of the outputs after the first.

    Raises:
        ValueError, TypeError: as `value_and_grad`.

    Source: MindSpore's grad.

    Example:
        >>> import fastnn
        >>> fastnn.grad(fastnn.grad(lambda x: x**3))(fastnn.tensor(2.0))
        tensor(12.)
    """
    with_value = value_and_grad(fn, grad_position, weights, has_aux, return_ids, sens_param)

    def only_grad(*args: Any, **kwargs: Any) -> Any:
        value, gradient = with_value(*args, **kwargs)
        return (gradient, tuple(value[1:])) if has_aux else gradient

    return named_after(fn, only_grad, "grad")


def get_grad(gradients: Any, identifier: Any) -> Tensor:
    """Look a gradient up by id in the result of `grad(..., return_ids=True)`.

    Args:
        gradients: (id, gradient), or tuples of these, nested.
        identifier: a position, a Parameter or a parameter's name.

    Returns:
        the gradient.

    Raises:
        TypeError: an identifier or gradients of another type.
        RuntimeError: there is no such gradient.

    Source: MindSpore's get_grad.

    Example:
        >>> import fastnn
        >>> found = fastnn.grad(lambda x, y: x * y, (0, 1), return_ids=True)(
        ...     fastnn.tensor(2.0), fastnn.tensor(5.0))
        >>> fastnn.get_grad(found, 1)
        tensor(2.)
    """
    if isinstance(identifier, bool) or not isinstance(identifier, int | str | Tensor):
        raise InvalidTypeError(
            f"identifier: expected an int or a Parameter, got {check.show(identifier)}"
        )
    if not isinstance(gradients, tuple | list):
        raise InvalidTypeError(
            "gradients: expected what grad(..., return_ids=True) returned, got "
            f"{check.show(gradients)}"
        )
    wanted = identifier if isinstance(identifier, int | str) else getattr(identifier, "name", "")
    waiting: list[Any] = [gradients]
    while waiting:
        part = waiting.pop(0)
        if not isinstance(part, tuple | list):
            raise InvalidTypeError(
                "gradients: expected pairs of an id and a gradient, from return_ids=True, got "
                f"{check.show(part)}"
            )
        if len(part) == 2 and isinstance(part[0], int | str) and isinstance(part[1], Tensor):
            if part[0] == wanted:
                return part[1]
        else:
            waiting.extend(part)
    raise RuntimeError(f"identifier: expected the id of one of the gradients, got {wanted!r}")


def stop_gradient(x: Any) -> Any:
    """Detach tensors: no gradient flows through the result.

    Args:
        x: a tensor, or tensors in tuples, lists and dicts.

    Returns:
        the same structure; the memory is shared.

    Source: MindSpore's ops.stop_gradient.

    Example:
        >>> import fastnn
        >>> fastnn.grad(lambda x: x * fastnn.stop_gradient(x))(fastnn.tensor(3.0))
        tensor(3.)
    """
    return detached(x)

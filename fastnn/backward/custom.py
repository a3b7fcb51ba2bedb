"""Function: a custom operation with a user-written gradient."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn._support.errors import InvalidTypeError
from fastnn.ops import inplace
from fastnn.ops.axes import unbroadcast
from fastnn.tape import listener
from fastnn.tape.modes import is_grad_enabled, no_grad
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array


class Context:
    """The `ctx` argument: what `forward` saves for `backward`. It accepts any attribute."""

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._saved: tuple[Any, ...] = ()
        self._plain: set[int] = set()
        self._dirty: tuple[Tensor, ...] = ()
        self._materialize = True
        self._outputs: dict[int, int] = {}  # id of an output tensor of forward -> its place
        self._node: Node | None = None  # while backward runs

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Save inputs, outputs or other tensors for `saved_tensors`."""
        for i, x in enumerate(tensors):
            if x is not None and not isinstance(x, Tensor):
                raise InvalidTypeError(
                    f"save_for_backward: expected Tensors or None, got {type(x).__name__} at "
                    f"position {i}; keep other values as attributes of ctx"
                )
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The saved tensors; outputs are on the tape again."""
        found = []
        for x in self._saved:
            place = self._outputs.get(id(x)) if x is not None else None
            if place is not None and self._node is not None:
                found.append(self._node.output(place))
            else:
                found.append(x)
        return tuple(found)

    def saved(self) -> list[Tensor]:
        """The saved tensors, unchanged."""
        return [x for x in self._saved if x is not None]

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Mark outputs as not differentiable."""
        self._plain.update(id(y) for y in outputs)

    def set_materialize_grads(self, value: bool) -> None:
        """Choose whether `backward` gets zeros (default) or None for outputs without a gradient."""
        self._materialize = value

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Mark inputs that `forward` changed in place; it has to return them too."""
        self._dirty = tensors


def _alike(gradient: Any, x: Any, name: str, i: int) -> Tensor | None:
    """Check what backward returned for one input."""
    if gradient is None:
        return None
    if not isinstance(gradient, Tensor):
        raise InvalidTypeError(
            f"{name}.backward: expected a Tensor or None for input {i}, got "
            f"{type(gradient).__name__}"
        )
    if not isinstance(x, Tensor):
        raise RuntimeError(
            f"{name}.backward: expected None for input {i}, which is no Tensor, got a gradient"
        )
    if gradient.shape != x.shape:
        try:
            fits = np.broadcast_shapes(gradient.shape, x.shape) == gradient.shape
        except ValueError:
            fits = False
        if not fits:
            raise RuntimeError(
                f"{name}.backward: expected a gradient of shape {x.shape} for input {i}, got "
                f"{gradient.shape}"
            )
        gradient = unbroadcast(gradient, x.shape)
    if gradient.dtype != x.dtype:
        raise RuntimeError(
            f"{name}.backward: expected a gradient of dtype {x.dtype} for input {i}, got "
            f"{gradient.dtype}"
        )
    found: Tensor = gradient
    return found


def _gradients(
    function: type[Function], node: Node, cotangents: Sequence[Tensor | None]
) -> Sequence[Tensor | None]:
    """What the backward of a Function gives, checked."""
    ctx, count, shapes = node.attrs
    name = function.__name__
    if ctx._materialize:
        cotangents = tuple(
            of_array(np.zeros(shape, dtype)) if g is None else g
            for g, (shape, dtype) in zip(cotangents, shapes)
        )
    ctx._node = node
    try:
        given = function.backward(ctx, *cotangents)
    finally:
        ctx._node = None
    gradients = given if isinstance(given, tuple | list) else (given,)
    if len(gradients) > count and all(g is None for g in gradients[count:]):
        gradients = gradients[:count]
    if len(gradients) != count:
        raise RuntimeError(
            f"{name}.backward: returned an incorrect number of gradients (expected {count}, got "
            f"{len(gradients)}); return one for each input of forward, None where there is none"
        )
    inputs = node.inputs or (None,) * count
    return [_alike(g, x, name, i) for i, (g, x) in enumerate(zip(gradients, inputs))]


class Function:
    """A custom operation with a user-written gradient: subclass it, then call `apply`.

    backward(ctx, dL/dy) = dL/dx, for y = forward(ctx, x)

    `forward(ctx, *args)` computes, off the tape; or `forward(*args)` and
    `setup_context(ctx, inputs, output)`. `backward(ctx, *grads)` gets a gradient for each output
    and returns one for each input, None where there is none. A backward written in ops of this
    library can be differentiated again.

    Source: torch.autograd.Function.

    Example:
        >>> import fastnn
        >>> class Cube(fastnn.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x * x * x
        ...     @staticmethod
        ...     def backward(ctx, dy):
        ...         (x,) = ctx.saved_tensors
        ...         return dy * 3 * x * x
        >>> x = fastnn.tensor(2.0, requires_grad=True)
        >>> Cube.apply(x).backward()
        >>> x.grad
        tensor(12.)
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """Save what `backward` needs; called after a `forward` without ctx."""
        raise NotImplementedError("setup_context")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward`, and put it on the tape when an input requires grad.

        Args:
            args: the arguments of forward after ctx; gradients reach the tensors among them.

        Returns:
            the result of forward.

        Raises:
            TypeError: forward returns anything but tensors.
        """
        ctx = Context()
        tensors = tuple(a if isinstance(a, Tensor) else None for a in args)
        ctx.needs_input_grad = tuple(x is not None and x.requires_grad for x in tensors)
        on_tape = is_grad_enabled() and any(ctx.needs_input_grad)
        if listener.active is not None:
            listener.active.uses(tensors)
        with no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
        outputs = result if isinstance(result, tuple) else (result,)
        for i, y in enumerate(outputs):
            if not isinstance(y, Tensor):
                raise InvalidTypeError(
                    f"{cls.__name__}.forward: expected Tensors, got {type(y).__name__} as "
                    f"output {i}"
                )
        if not {id(x) for x in ctx._dirty} <= {id(y) for y in outputs}:
            raise RuntimeError(
                f"{cls.__name__}.forward: expected all that mark_dirty was given as outputs: what "
                "is changed in place must be returned"
            )
        made = cls._taped(ctx, tensors, outputs) if on_tape else outputs
        return tuple(made) if isinstance(result, tuple) else made[0]

    @classmethod
    def _rule(cls, node: Node, *cotangents: Tensor | None) -> Sequence[Tensor | None]:
        return _gradients(cls, node, cotangents)

    @classmethod
    def _rule_of_nothing(cls, node: Node, *cotangents: Tensor | None) -> Sequence[Tensor | None]:
        return _gradients(cls, node, cotangents)

    _rule.__func__.custom = True  # type: ignore[attr-defined]  # backward may look at values
    _rule_of_nothing.__func__.custom = True  # type: ignore[attr-defined]
    _rule_of_nothing.__func__.free = True  # type: ignore[attr-defined]  # nothing was saved

    @classmethod
    def _taped(
        cls, ctx: Context, tensors: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]
    ) -> list[Tensor]:
        shapes = [(y.shape, y.dtype) for y in outputs]
        arrays = tuple(y._array for y in outputs)
        inputs = {id(x) for x in tensors if x is not None}
        ctx._outputs = {id(y): i for i, y in enumerate(outputs) if id(y) not in inputs}
        rule = cls._rule if ctx.saved() else cls._rule_of_nothing
        node = Node(rule, tensors, arrays, (ctx, len(tensors), shapes))
        dirty = {id(x) for x in ctx._dirty}
        made = []
        for i, y in enumerate(outputs):
            out = of_array(y._array)
            if y.dtype.kind == "f" and id(y) not in ctx._plain:
                out._node, out._index, out.requires_grad = node, i, True
            if id(y) in dirty:
                inplace.moved(y, out, f"{cls.__name__}.apply")
            made.append(y if id(y) in dirty else out)
        return made


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for a `backward` that cannot be differentiated again: double backward raises.

    Source: torch.autograd.function.once_differentiable.

    Example:
        >>> import fastnn
        >>> class Double(fastnn.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return x * 2
        ...     @staticmethod
        ...     @fastnn.autograd.once_differentiable
        ...     def backward(ctx, dy):
        ...         return dy * 2
    """

    @functools.wraps(backward)
    def once(ctx: Context, *cotangents: Any) -> Any:
        with no_grad():
            found = backward(ctx, *cotangents)
        if not is_grad_enabled():
            return found
        inputs = tuple(g for g in cotangents if isinstance(g, Tensor)) + tuple(
            x for x in ctx.saved_tensors if x is not None
        )
        if not any(x.requires_grad for x in inputs):
            return found
        many = isinstance(found, tuple | list)
        made = [
            _refusing(g, inputs) if isinstance(g, Tensor) else g
            for g in (found if many else [found])
        ]
        return tuple(made) if many else made[0]

    return once


def _refusing(gradient: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
    y = of_array(gradient._array)
    y._node = Node(_refuse, inputs, (gradient._array,), ())
    y.requires_grad = True
    return y


def _refuse(node: Node, *_: Any) -> Sequence[Tensor | None]:
    raise RuntimeError(
        "trying to differentiate twice a function that was marked with @once_differentiable"
    )


__all__ = ["Context", "Function", "once_differentiable"]

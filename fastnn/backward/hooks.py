"""Tensor hooks: functions that see, and may replace, a gradient during a backward pass."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable

from fastnn import ops
from fastnn._core.backward import place_of
from fastnn._core.tape import unused
from fastnn._support.errors import InvalidTypeError
from fastnn.tensor import Tensor

Hook = Callable[[Tensor], Tensor | None]
Place = int | tuple[int, int]  # see fastnn._core.backward

Table = dict[Place, dict[int, Hook]]

live: Table = {}  # empty as long as no tensor that lives has a hook
accumulated: Table = {}  # the hooks of leaves that run when `grad` is complete


class RemovableHandle:
    """Removes a hook."""

    def __init__(self, table: Table, place: Place, number: int) -> None:
        self._table, self._place, self._number = table, place, number

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        hooks = self._table.get(self._place)
        if hooks is not None:
            hooks.pop(self._number, None)
            if not hooks:
                self._table.pop(self._place, None)


def _add(x: Tensor, hook: Hook, table: Table = live) -> RemovableHandle:
    place = place_of(x)
    number = unused()
    hooks = table.setdefault(place, {})
    hooks[number] = hook
    for n, other in hooks.copy().items():  # gc may remove some meanwhile
        if getattr(other, "retains", False) and hooks.pop(n, None):
            hooks[n] = other  # what `retain_grad` keeps is what all hooks made of it
    handle = RemovableHandle(table, place, number)
    weakref.finalize(x, handle.remove).atexit = False
    return handle


def register_hook(x: Tensor, hook: Hook) -> RemovableHandle:
    """Call `hook(gradient)` in a backward pass once the gradient with respect to `x` is complete.

    Its result, if not None, replaces the gradient. For a leaf it runs before the gradient is added
    to `grad`. The hook lives as long as the tensor, or until the handle's `remove()`.

    Args:
        x: a tensor that requires grad.
        hook: takes a Tensor, returns a Tensor of the same shape or None.

    Returns:
        a handle with `remove()`.

    Raises:
        RuntimeError: x does not require grad.

    Source: torch's Tensor.register_hook.

    Example:
        >>> import fastnn
        >>> from fastnn.backward.hooks import register_hook
        >>> x = fastnn.tensor([1.0, 2.0], requires_grad=True)
        >>> handle = register_hook(x, lambda g: g * 10)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([20., 40.])
    """
    if not x.requires_grad:
        raise RuntimeError(
            "register_hook: cannot register a hook on a tensor that does not require gradient"
        )
    if not callable(hook):
        raise InvalidTypeError(
            f"hook: expected a function of a gradient, got {type(hook).__name__}"
        )
    return _add(x, hook)


def retain_grad(x: Tensor) -> None:
    """Make backward fill `x.grad` for a non-leaf tensor, after its hooks; no effect on a leaf.

    Raises:
        RuntimeError: x does not require grad.

    Source: torch's Tensor.retain_grad.

    Example:
        >>> import fastnn
        >>> from fastnn.backward.hooks import retain_grad
        >>> x = fastnn.tensor([1.0, 2.0], requires_grad=True)
        >>> y = x * 3
        >>> retain_grad(y)
        >>> (y * y).sum().backward()
        >>> y.grad
        tensor([ 6., 12.])
    """
    if not x.requires_grad:
        raise RuntimeError("retain_grad: expected a tensor that requires grad")
    if x._node is None:
        return
    target = weakref.ref(x)

    def keep(gradient: Tensor) -> None:
        y = target()
        if y is not None:
            gradient = ops.copy(gradient)
            y.grad = gradient if y.grad is None else ops.add(y.grad, gradient)

    keep.retains = True  # type: ignore[attr-defined]
    _add(x, keep)


def retains_grad(x: Tensor) -> bool:
    """Whether `retain_grad` was called for a tensor that is not a leaf."""
    hooks = {} if x._node is None else live.get(place_of(x), {})
    return any(getattr(hook, "retains", False) for hook in hooks.values())


def register_post_accumulate_grad_hook(
    x: Tensor, hook: Callable[[Tensor], None]
) -> RemovableHandle:
    """Call `hook(x)` after every backward pass that added to `x.grad`, when that is complete.

    Args:
        x: a leaf that requires grad.
        hook: takes the tensor, and may change its `grad`, or step an optimizer and clear it;
            returns None.

    Returns:
        a handle with `remove()`.

    Raises:
        RuntimeError: x is no leaf that requires grad.

    Source: torch's Tensor.register_post_accumulate_grad_hook; here the hooks of all leaves run at
        the end of the pass.

    Example:
        >>> import fastnn
        >>> from fastnn.backward.hooks import register_post_accumulate_grad_hook
        >>> x = fastnn.tensor([1.0, 2.0], requires_grad=True)
        >>> def enlarge(x):
        ...     x.grad.mul_(10)
        >>> handle = register_post_accumulate_grad_hook(x, enlarge)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([20., 40.])
    """
    if not x.requires_grad or x._node is not None:
        raise RuntimeError(
            "register_post_accumulate_grad_hook: expected a leaf that requires grad; for other "
            "tensors there is register_hook"
        )
    if not callable(hook):
        raise InvalidTypeError(f"hook: expected a function of a tensor, got {type(hook).__name__}")
    return _add(x, hook, accumulated)


def after_accumulation(leaves: Iterable[Tensor]) -> None:
    """Run the hooks of leaves whose `grad` is complete."""
    for x in leaves:
        for hook in list(accumulated.get(place_of(x), {}).values()):
            if hook(x) is not None:
                raise RuntimeError("hooks should not return any values: expected None of this one")


def passed(place: Place, gradient: Tensor) -> Tensor:
    """The gradient after all hooks of a tensor."""
    for hook in list(live.get(place, {}).values()):
        replaced = hook(gradient)
        if replaced is None:
            continue
        if not isinstance(replaced, Tensor):
            raise InvalidTypeError(
                f"hook: expected a Tensor or None, got {type(replaced).__name__}"
            )
        if replaced.shape != gradient.shape or replaced.dtype != gradient.dtype:
            raise RuntimeError(
                f"hook: expected a gradient of shape {gradient.shape} and dtype "
                f"{gradient.dtype}, got {replaced.shape} and {replaced.dtype}"
            )
        gradient = replaced
    return gradient

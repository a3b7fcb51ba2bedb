"""Hooks on tensors: functions that see, and may replace, a gradient as it passes."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable

from fastnn import ops
from fastnn.tensor import Tensor

Hook = Callable[[Tensor], Tensor | None]
Key = int | tuple[int, int]

live: dict[Key, dict[int, Hook]] = {}  # empty as long as no tensor that lives has a hook
_numbers = itertools.count()


def key(x: Tensor) -> Key:
    """What names a tensor's place on the tape: itself if a leaf, else its node and output."""
    return id(x) if x._node is None else (id(x._node), x._index)


class RemovableHandle:
    """Ends a hook."""

    def __init__(self, place: Key, number: int) -> None:
        self._place, self._number = place, number

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        hooks = live.get(self._place)
        if hooks is not None:
            hooks.pop(self._number, None)
            if not hooks:
                del live[self._place]


def _add(x: Tensor, hook: Hook) -> RemovableHandle:
    place = key(x)
    number = next(_numbers)
    live.setdefault(place, {})[number] = hook
    handle = RemovableHandle(place, number)
    weakref.finalize(x, handle.remove).atexit = False
    return handle


def register_hook(x: Tensor, hook: Hook) -> RemovableHandle:
    """Call `hook(gradient)` when the gradient by `x` is known in a backward pass.

    What it returns, if not None, replaces the gradient. Of a leaf it is called before the
    gradient is added to `grad`. It ends with the tensor, or with the handle's `remove()`.

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
        raise TypeError(f"hook: expected a function of a gradient, got {type(hook).__name__}")
    return _add(x, hook)


def retain_grad(x: Tensor) -> None:
    """Let `x.grad` be filled by backward although `x` is no leaf; a leaf is left as it is.

    Raises:
        RuntimeError: x does not require grad.

    Source: torch's Tensor.retain_grad.

    Example:
        >>> import fastnn
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

    _add(x, keep)


def passed(place: Key, gradient: Tensor) -> Tensor:
    """The gradient after the hooks of a place."""
    for hook in list(live.get(place, {}).values()):
        replaced = hook(gradient)
        if replaced is None:
            continue
        if not isinstance(replaced, Tensor):
            raise TypeError(f"hook: expected a Tensor or None, got {type(replaced).__name__}")
        if replaced.shape != gradient.shape or replaced.dtype != gradient.dtype:
            raise RuntimeError(
                f"hook: expected a gradient of shape {gradient.shape} and dtype "
                f"{gradient.dtype}, got {replaced.shape} and {replaced.dtype}"
            )
        gradient = replaced
    return gradient

"""Module hooks: user functions around a module's forward, and in the backward pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from fastnn._support import check
from fastnn.tape import listener
from fastnn.tape.modes import is_grad_enabled
from fastnn.tape.node import Node
from fastnn.tensor import Tensor

PreHook = Callable[..., Any]
ForwardHook = Callable[..., Any]
BackwardHook = Callable[[Any, tuple[Any, ...], tuple[Any, ...]], Any]


HOOKS = (
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_hooks",
    "_state_dict_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


class HookHandle:
    """Removes the hook that it was returned for."""

    def __init__(self, hooks: dict[int, Any], key: int, changed: Callable[[], None]) -> None:
        self._hooks, self._key, self._changed = hooks, key, changed

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        self._hooks.pop(self._key, None)
        self._changed()


def _callable(hook: Any) -> Any:
    if not callable(hook):
        raise TypeError(f"hook: expected a function, got {type(hook).__name__}")
    return hook


class _Given:
    """A registered hook, called with or without keyword arguments, and, if always, after errors."""

    def __init__(
        self, hook: Callable[..., Any], with_kwargs: bool, always_call: bool = False
    ) -> None:
        self.always = check.flag("always_call", always_call)
        self.hook, self.with_kwargs = _callable(hook), check.flag("with_kwargs", with_kwargs)

    def __call__(self, module: Any, args: Any, kwargs: Any, *output: Any) -> Any:
        keywords = (kwargs,) if self.with_kwargs else ()
        return self.hook(module, args, *keywords, *output)


class _Before:
    """A hook among the backward hooks that is called before the module's backward pass."""

    def __init__(self, hook: Callable[..., Any]) -> None:
        self.hook = _callable(hook)

    def __call__(self, *given: Any) -> Any:
        return self.hook(*given)


class Hooked:
    """The callable part of a Module, with its hooks.

    A compiled function calls hooks when it is recorded; a replay repeats their tensor ops.
    """

    forward: Callable[..., Any]
    _forward_pre_hooks: dict[int, _Given]
    _forward_hooks: dict[int, _Given]
    _backward_hooks: dict[int, BackwardHook]
    _state_dict_pre_hooks: dict[int, Callable[..., Any]]
    _state_dict_hooks: dict[int, Callable[..., Any]]
    _load_state_dict_pre_hooks: dict[int, Callable[..., Any]]
    _load_state_dict_post_hooks: dict[int, Callable[..., Any]]

    def _changed(self) -> None:
        """Note that a hook was added or removed."""

    def _add_hook(self, hooks: dict[int, Any], hook: Any, prepend: bool) -> HookHandle:
        key = max(hooks, default=-1) + 1
        given = {key: _callable(hook)}
        ordered = {**given, **hooks} if check.flag("prepend", prepend) else {**hooks, **given}
        hooks.clear()
        hooks.update(ordered)
        self._changed()
        return HookHandle(hooks, key, self._changed)

    def register_forward_pre_hook(
        self, hook: PreHook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> HookHandle:
        """Call `hook(module, args)` before every forward. Its result, if not None, replaces the
        arguments: a tuple of them, or a single one.

        prepend: run before existing hooks. with_kwargs: call `hook(module, args, kwargs)`, which
        returns None or both.
        """
        return self._add_hook(self._forward_pre_hooks, _Given(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: ForwardHook,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> HookHandle:
        """Call `hook(module, args, output)` after every forward. Its result, if not None, replaces
        the output. The handle's `remove()` removes the hook.

        prepend: run before existing hooks. with_kwargs: call
        `hook(module, args, kwargs, output)`. always_call: call it, with None for the output, even
        if forward raises.
        """
        given = _Given(hook, with_kwargs, always_call)
        return self._add_hook(self._forward_hooks, given, prepend)

    def register_full_backward_hook(self, hook: BackwardHook, prepend: bool = False) -> HookHandle:
        """Call `hook(module, grad_input, grad_output)` once the gradients with respect to the
        module's inputs are complete; a tuple that it returns replaces grad_input.

        Both are tuples, one entry for each positional argument and each output; None where there
        is no gradient.
        """
        return self._add_hook(self._backward_hooks, hook, prepend)

    register_backward_hook = register_full_backward_hook

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> HookHandle:
        """Call `hook(module, grad_output)` before the gradients with respect to the module's inputs
        are computed; a tuple that it returns, or one Tensor, replaces grad_output."""
        return self._add_hook(self._backward_hooks, _Before(hook), prepend)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        listener.reads(self)
        if self._forward_pre_hooks or self._forward_hooks or self._backward_hooks:
            return self._hooked(args, kwargs)
        return self.forward(*args, **kwargs)

    def _hooked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the module with its hooks; after an error those that are always called."""
        called: set[int] = set()
        try:
            return self._through_hooks(args, kwargs, called)
        except Exception:
            for key, hook in list(self._forward_hooks.items()):
                if hook.always and key not in called:
                    with contextlib.suppress(Exception):
                        hook(self, args, kwargs, None)
            raise

    def _through_hooks(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], called: set[int]
    ) -> Any:
        for pre in list(self._forward_pre_hooks.values()):
            replaced = pre(self, args, kwargs)
            if replaced is not None and pre.with_kwargs:
                args, kwargs = replaced
            elif replaced is not None:
                args = replaced if isinstance(replaced, tuple) else (replaced,)
        if self._backward_hooks and is_grad_enabled():
            watched = _Backward(self, args)
            output = watched.outputs(self.forward(*watched.args, **kwargs))
        else:
            output = self.forward(*args, **kwargs)
        for key, hook in list(self._forward_hooks.items()):
            called.add(key)
            replaced = hook(self, args, kwargs, output)
            if replaced is not None:
                output = replaced
        return output


class _Backward:
    """The backward hooks of one call: collects gradients until those of all inputs are complete."""

    def __init__(self, module: Hooked, args: tuple[Any, ...]) -> None:
        self._module = module
        self._wanted = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
        self._out: list[Tensor | None] = []
        self._places: list[int] = []  # of the outputs that have a gradient
        self._size = len(args)
        self.args = self._through(args) if self._wanted else args

    def _through(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Pass the inputs through one node, so that their gradients arrive together."""
        inputs = tuple(args[i] for i in self._wanted)
        node = Node(self._back, inputs, tuple(x._array for x in inputs), ())
        passed = list(args)
        for place, i in enumerate(self._wanted):
            passed[i] = node.output(place)
        return tuple(passed)

    def _back(self, node: Node, *arrived: Tensor | None) -> Sequence[Tensor | None]:
        """The gradients of the inputs after the hooks."""
        grads: list[Tensor | None] = [None] * self._size
        for i, gradient in zip(self._wanted, arrived, strict=True):
            grads[i] = gradient
        given = self._call(tuple(grads))
        return [given[i] for i in self._wanted]

    def _call(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in list(self._module._backward_hooks.values()):
            if isinstance(hook, _Before):
                continue
            replaced = hook(self._module, grads, tuple(self._out))
            if replaced is not None:
                grads = replaced if isinstance(replaced, tuple) else (replaced,)
                if len(grads) != self._size:
                    raise RuntimeError(
                        f"backward hook: expected {self._size} gradients, got {len(grads)}"
                    )
        return grads

    def outputs(self, output: Any) -> Any:
        """Watch the gradients of the output, or of a tuple of outputs, by one node."""
        several = isinstance(output, tuple | list)
        given = list(output) if several else [output]
        self._out = [None] * len(given)
        self._places = [i for i, y in enumerate(given) if isinstance(y, Tensor) and y.requires_grad]
        if self._places:
            ys = tuple(given[i] for i in self._places)
            node = Node(self._seen, ys, tuple(y._array for y in ys), ())
            for place, i in enumerate(self._places):
                given[i] = node.output(place)
        return type(output)(given) if several else given[0]

    def _seen(self, node: Node, *arrived: Tensor | None) -> Sequence[Tensor | None]:
        for i, gradient in zip(self._places, arrived, strict=True):
            self._out[i] = gradient
        for hook in list(self._module._backward_hooks.values()):
            if not isinstance(hook, _Before):
                continue
            replaced = hook(self._module, tuple(self._out))
            if replaced is not None:
                given = replaced if isinstance(replaced, tuple) else (replaced,)
                if len(given) != len(self._out):
                    raise RuntimeError(
                        f"backward pre-hook: expected {len(self._out)} gradients, got {len(given)}"
                    )
                self._out = list(given)
        if not self._wanted:
            self._call((None,) * self._size)
        return [self._out[i] for i in self._places]

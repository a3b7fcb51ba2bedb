"""Hooks of an optimizer: around its steps, and around taking and loading its state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from fastnn._support import check
from fastnn.nn.hooks import HookHandle
from fastnn.optim.groups import Group

Hook = Callable[..., Any]

_KINDS = ("before step", "after step", "before state", "after state", "before load", "after load")


def no_hooks() -> tuple[dict[int, Hook], ...]:
    """An empty dict for each kind of hook."""
    return tuple({} for _ in _KINDS)


class Hooked(ABC):
    """The part of an Optimizer that is about its hooks."""

    OptimizerPreHook = OptimizerPostHook = Hook  # torch's names of their types
    _hooks: tuple[dict[int, Hook], ...]

    @staticmethod
    def profile_hook_step(func: Hook) -> Hook:
        """The function itself: torch's marks steps for its profiler, here `fastnn.profile` does."""
        return func

    def _register(self, kind: str, hook: Hook, prepend: bool = False) -> HookHandle:
        if not callable(hook):
            raise TypeError(f"hook: expected a function, got {check.show(hook)}")
        hooks = self._hooks[_KINDS.index(kind)]
        key = 1 + max(hooks, default=0)
        ordered = {key: hook, **hooks} if check.flag("prepend", prepend) else {**hooks, key: hook}
        hooks.clear()
        hooks.update(ordered)
        return HookHandle(hooks, key, lambda: None)

    def _call_hooks(self, after: int, closure: Callable[[], Any] | None) -> None:
        for hook in list(self._hooks[after].values()):
            hook(self, (closure,), {})

    def register_step_pre_hook(self, hook: Hook) -> HookHandle:
        """Call `hook(optimizer, args, kwargs)` before every step.

        A compiled step calls it once, when it is recorded; its tensor ops are replayed.
        """
        return self._register("before step", hook)

    def register_step_post_hook(self, hook: Hook) -> HookHandle:
        """Call `hook(optimizer, args, kwargs)` after every step, as `register_step_pre_hook`."""
        return self._register("after step", hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> HookHandle:
        """Call `hook(optimizer)` before `state_dict`. prepend: before existing hooks."""
        return self._register("before state", hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> HookHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict`; its result, if not None, is what
        that returns. prepend: before existing hooks."""
        return self._register("after state", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> HookHandle:
        """Call `hook(optimizer, state_dict)` before `load_state_dict`, with a copy of the dict; its
        result, if not None, is loaded. prepend: before existing hooks."""
        return self._register("before load", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> HookHandle:
        """Call `hook(optimizer)` after `load_state_dict`. prepend: before existing hooks."""
        return self._register("after load", hook, prepend)

    def state_dict(self) -> Group:
        """Moments, step counts and settings, in torch's layout; the moments share memory.

        `state[i]` belongs to the i-th parameter over all groups and has "step" and the moments.
        """
        for before in list(self._hooks[_KINDS.index("before state")].values()):
            before(self)
        state = self._state()
        for after in list(self._hooks[_KINDS.index("after state")].values()):
            replaced = after(self, state)
            state = state if replaced is None else replaced
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore the result of `state_dict`, ours or torch's, after checking all of it.

        Raises:
            ValueError: other groups, other parameters, or moments of another shape.
        """
        for before in list(self._hooks[_KINDS.index("before load")].values()):
            state_dict = dict(state_dict)
            replaced = before(self, state_dict)
            state_dict = state_dict if replaced is None else replaced
        self._load(state_dict)
        for after in list(self._hooks[_KINDS.index("after load")].values()):
            after(self)

    @abstractmethod
    def _state(self) -> Group:
        """What `state_dict` returns."""

    @abstractmethod
    def _load(self, given: Mapping[str, Any]) -> None:
        """What `load_state_dict` does."""

"""The state of a Module by names: taking it, loading it, and the hooks around both."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fastnn._support import check
from fastnn.nn.hooks import Hooked, HookHandle
from fastnn.nn.parameter import Parameter
from fastnn.nn.state import Check, IncompatibleKeys, Place, assign, load, loadable
from fastnn.tensor import Tensor, of_array

EXTRA = "_extra_state"  # the name of what get_extra_state returns


class Saved(Hooked):
    """The part of a Module that is about its state."""

    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _transient: set[str]
    _own_parameters: Callable[[], Iterable[tuple[str, Parameter | None]]]
    named_modules: Callable[..., Iterator[tuple[str, Any]]]
    _may_lack: frozenset[str] = frozenset()  # names that old states have not

    # ---- taking it ----

    def state_dict(
        self,
        *args: Any,
        destination: dict[str, Any] | None = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> dict[str, Any]:
        """Parameters and persistent buffers by torch's names; the tensors share memory.

        Args:
            destination: a dict to fill and return; default: a new one.
            prefix: what the names begin with, such as 'body.'; default ''.
            keep_vars: the Parameters themselves in place of detached tensors, default False.
            args: destination, prefix and keep_vars by position, deprecated in torch.

        A module that defines `get_extra_state` has its result under the name '_extra_state'.

        >>> from fastnn import nn
        >>> list(nn.Linear(2, 1).state_dict(prefix="head."))
        ['head.weight', 'head.bias']
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead: "
                "state_dict(destination=, prefix=, keep_vars=)",
                FutureWarning,
                stacklevel=2,
            )
            destination = args[0] if destination is None else destination
            prefix = args[1] if len(args) > 1 and not prefix else prefix
            keep_vars = args[2] if len(args) > 2 else keep_vars
        state: dict[str, Any] = {} if destination is None else destination
        check.flag("keep_vars", keep_vars)
        for before in list(self._state_dict_pre_hooks.values()):
            before(self, prefix, keep_vars)
        for name, tensor in self._own_state():
            state[prefix + name] = tensor if keep_vars else tensor.detach()
        if self._has_own("get_extra_state"):
            state[prefix + EXTRA] = self.get_extra_state()
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for after in list(self._state_dict_hooks.values()):
            replaced = after(self, state, prefix, {"version": 1})
            state = state if replaced is None else replaced
        return state

    def _own_state(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self._own_parameters():
            if parameter is not None:
                yield name, parameter
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._transient:
                yield name, buffer

    def _has_own(self, method: str) -> bool:
        """Whether a subclass defines this method."""
        return getattr(type(self), method) is not getattr(Saved, method)

    def get_extra_state(self) -> Any:
        """What `state_dict` is to hold besides tensors; a subclass may define it."""
        raise RuntimeError(
            "get_extra_state: expected a subclass that defines it, got "
            f"{type(self).__name__}, which does not"
        )

    def set_extra_state(self, state: Any) -> None:
        """Take the result of `get_extra_state` back; a subclass that has the one has the other."""
        raise RuntimeError(
            "set_extra_state: expected a subclass that defines it, got "
            f"{type(self).__name__}, which does not"
        )

    # ---- loading it ----

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy values by name into parameters and buffers, after checking all of them.

        Args:
            state_dict: names to Tensors or arrays of the same shapes.
            strict: True (default): the names must be exactly those of `state_dict()`.
            assign: take the tensors themselves, with their dtypes, in place of copying their
                values; make optimizers and compiled functions afterwards. Default False.

        Returns:
            the names missing and unexpected.

        Raises:
            TypeError: not a mapping.
            RuntimeError: names or shapes do not fit; nothing was changed.

        >>> from fastnn import nn
        >>> a, b = nn.Linear(2, 1), nn.Linear(2, 1)
        >>> b.load_state_dict(a.state_dict())
        <All keys matched successfully>
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"state_dict: expected a mapping, got {check.show(state_dict)}")
        versions = getattr(state_dict, "_metadata", None) or {}
        given, checked = dict(state_dict), Check(strict, type(self).__name__)
        modules = list(self.named_modules(remove_duplicate=False))
        for path, module in modules:
            prefix, known = (f"{path}." if path else ""), versions.get(path, {})
            for hook in list(module._load_state_dict_pre_hooks.values()):
                hook(module, given, prefix, known, strict, *checked.lists())
            if known.get("version", 1) < 2:
                given.update(
                    (prefix + name, tensor)
                    for name, tensor in module._own_state()
                    if name in module._may_lack and prefix + name not in given
                )
        places = {
            (f"{path}.{name}" if path else name): Place(module, name, tensor)
            for path, module in modules
            for name, tensor in module._own_state()
        }
        extras = {
            (f"{path}.{EXTRA}" if path else EXTRA): module
            for path, module in modules
            if module._has_own("set_extra_state")
        }
        values, report = loadable(places, given, extras, checked)
        if check.flag("assign", assign):
            _assigned(places, values, given)
        else:
            load(places, values)
        for name, module in extras.items():
            if name in given:
                module.set_extra_state(given[name])
        for _, module in reversed(modules):
            for done in list(module._load_state_dict_post_hooks.values()):
                done(module, report)
        return report

    # ---- hooks ----

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(module, prefix, keep_vars)` before this module's part of `state_dict`."""
        return self._add_hook(self._state_dict_pre_hooks, hook, False)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after this module's part of
        `state_dict`, which it may change in place."""
        return self._add_hook(self._state_dict_hooks, hook, False)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)` before values are loaded; it may change the dict, which is a
        copy, and add to the lists."""
        return self._add_hook(self._load_state_dict_pre_hooks, hook, False)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(module, incompatible_keys)` after `load_state_dict`."""
        return self._add_hook(self._load_state_dict_post_hooks, hook, False)


def _assigned(
    places: Mapping[str, Place], values: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    for name, array in values.items():
        value = given[name]
        assign(places[name], value if isinstance(value, Tensor) else of_array(array))

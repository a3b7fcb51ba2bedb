"""Optimizer: the base of all optimizers, and of those that users write: groups and state."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastnn import autograd
from fastnn._core import engine
from fastnn._support import check, dtypes
from fastnn.optim import settings
from fastnn.optim.groups import Group as Group, Params as Params, Settings
from fastnn.optim.hooks import Hooked, no_hooks
from fastnn.optim.state import matched
from fastnn.tape import listener
from fastnn.tensor import Tensor


def groups_of(params: Params) -> list[Any]:
    """The parameter groups that an optimizer is made from.

    Raises:
        TypeError: not an iterable. ValueError: nothing in it.
    """
    if isinstance(params, (Tensor, str, Mapping)) or not isinstance(params, Iterable):
        raise TypeError(
            f"params: expected an iterable of Tensors or dicts, got {check.show(params)}; "
            "use [parameter] or model.parameters()"
        )
    groups = list(params)
    if not groups:
        raise ValueError("params: expected parameters, got an empty parameter list")
    return groups if isinstance(groups[0], dict) else [{"params": groups}]


def _counted(step: Callable[..., Any]) -> Callable[..., Any]:
    """A user's `step` with the hooks around it; a compiled function refuses it."""

    @functools.wraps(step)
    def counted(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        listener.refuse(
            f"{type(self).__name__}.step is Python code, whose numbers a replay would not renew; "
            "call it outside the compiled function"
        )
        for before in list(self._hooks[0].values()):
            replaced = before(self, args, kwargs)
            if replaced is not None:
                args, kwargs = replaced
        result = step(self, *args, **kwargs)
        for after in list(self._hooks[1].values()):
            after(self, args, kwargs)
        self.has_stepped = True
        return result

    return counted


class Optimizer(Hooked):
    """The base class of optimizers, torch's `optim.Optimizer`; write your own from it.

    `param_groups` is a list of dicts with "params", "lr" and so on. A number assigned there takes
    effect at the next step, also in a compiled one. `state` is a dict for each parameter.

    Those of fastnn accept `l1`: after the update p = sign(p) * max(|p| - lr * l1, 0), the proximal
    step of the penalty l1 * |p|, which makes weights exactly zero; with `weight_decay` it is the
    elastic net. An optimizer of your own defines `step`, which runs eagerly: call it outside
    compiled functions.

    Args:
        params: Tensors, (name, Tensor) pairs, or dicts with "params" and settings of their own.
        defaults: the settings of groups without their own.

    Raises:
        TypeError: anything but leaf Tensors.
        ValueError: no parameters, a parameter in two groups.

    Source: torch's `optim.Optimizer`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> class Descent(optim.Optimizer):
    ...     @fastnn.no_grad()
    ...     def step(self):
    ...         for group in self.param_groups:
    ...             for p in group["params"]:
    ...                 p -= group["lr"] * p.grad
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = Descent([w], {"lr": 0.25})
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.item()
    0.5
    """

    defaults: Group
    param_groups: list[Group]
    state: defaultdict[Any, Group]
    has_stepped = False
    _calls_hooks = False  # whether `step` does so itself

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "step" in vars(cls) and not cls._calls_hooks:
            cls.step = _counted(vars(cls)["step"])  # type: ignore[method-assign]

    def __init__(self, params: Params, defaults: Group) -> None:
        self.defaults = dict(defaults)
        self.state = defaultdict(dict)
        self.param_groups = []
        self._hooks = no_hooks()
        for group in groups_of(params):
            self.add_param_group(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; each optimizer defines how.

        Args:
            closure: called first, to compute loss and gradients; its result is returned.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__}: define step(self, closure=None)")

    def add_param_group(self, param_group: Group) -> None:
        """Add a parameter group; missing settings take the defaults.

        Raises:
            TypeError, ValueError: as for the class; nothing is added.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group: expected a dict, got {check.show(param_group)}")
        group = Settings({**self.defaults, **param_group, **settings.parameters_of(param_group)})
        settings.refuse_twice([p for g in [*self.param_groups, group] for p in g["params"]])
        settings.refuse_some_names([*self.param_groups, group])
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear every gradient: set it to None, or fill it with zeros."""
        recorder = engine.recorder()
        plain = recorder is None and set_to_none
        for group in self.param_groups:
            for p in group["params"]:
                if plain:
                    p.grad = None
                elif p.grad is not None or recorder is not None:
                    autograd.zero_grad(p, set_to_none)

    def _state(self) -> Group:
        """State by the number of its parameter over all groups, and the groups."""
        every = [p for group in self.param_groups for p in group["params"]]
        numbers = {id(p): i for i, p in reversed(list(enumerate(every)))}
        groups = [
            {**group, "params": [numbers[id(p)] for p in group["params"]]}
            for group in self.param_groups
        ]
        state = {
            numbers[id(key)] if isinstance(key, Tensor) else key: value
            for key, value in self.state.items()
        }
        return {"state": state, "param_groups": groups}

    def _load(self, given: Mapping[str, Any]) -> None:
        saved = matched(given, self.param_groups)
        parameters = [p for group in self.param_groups for p in group["params"]]
        numbered = {i for group in saved.groups for i in group["params"]}
        state: defaultdict[Any, Group] = defaultdict(dict)
        state.update({k: v for k, v in given["state"].items() if k not in numbered})
        for p, entry in zip(parameters, saved.entries, strict=True):
            if entry:
                state[p] = {k: v if k == "step" else _as(v, p) for k, v in entry.items()}
        for own, group in zip(self.param_groups, saved.groups, strict=True):
            own.update({key: value for key, value in group.items() if key != "params"})
        self.state = state

    def __getstate__(self) -> Group:
        """For copies and pickles: all but the hooks."""
        return {k: v for k, v in vars(self).items() if k != "_hooks"}

    def __setstate__(self, given: Group) -> None:
        vars(self).update(given)
        self._hooks = no_hooks()

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {k}: {v}" for k, v in sorted(group.items()) if k != "params"]
        return f"{type(self).__name__} (\n" + "\n".join(lines) + "\n)"


def _as(value: Any, p: Tensor) -> Any:
    """A loaded value, its tensors in the parameter's dtype."""
    if isinstance(value, Tensor):
        return value.to(p.dtype) if dtypes.is_float(p._array.dtype) else value
    if isinstance(value, dict):
        return {key: _as(part, p) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_as(part, p) for part in value)
    return value

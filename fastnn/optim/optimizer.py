"""What all optimizers share: parameter groups, state, and when the numbers are read."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from fastnn import _check, autograd
from fastnn._core import engine
from fastnn.autograd import enable_grad, no_grad
from fastnn.optim.block import Block, Segment
from fastnn.tensor import Tensor

Group = dict[str, Any]
Params = Iterable[Any]  # Tensors, (name, Tensor) pairs or dicts with "params"

_EXTRA = ("params", "param_names", "name", "initial_lr")


class _Settings(Group):
    """A parameter group; its settings are assigned outside of what is compiled."""

    def __setitem__(self, key: str, value: Any) -> None:
        recorder = engine.recorder()
        if recorder is not None:
            recorder.refuse_setting(key)
        super().__setitem__(key, value)

    def update(self, *given: Any, **settings: Any) -> None:
        """As of a dict."""
        for key, value in dict(*given, **settings).items():
            self[key] = value


class _Update(NamedTuple):
    """A recorded update: what it was for, and the segments whose memory it uses."""

    group: Group
    block: Block
    variant: tuple[object, ...]
    cut: tuple[tuple[bool, ...], bool]
    segments: list[Segment]


class Optimizer(ABC):
    """The base of optimizers, torch's `optim.Optimizer`.

    `param_groups` is a list of dicts with "params", "lr" and so on. A number assigned there takes
    effect at the next step, in a compiled one too. When what decides which computation runs changes
    (momentum zero or not, nesterov), a compiled step is recorded anew.

    Each group keeps its parameters in one vector, the gradients and each moment beside it, and
    updates all of it by one operation. A parameter whose `grad` is None is left as it is.

    Args:
        params: Tensors, (name, Tensor) pairs, or dicts with "params" and settings of their own.
        defaults: the settings of groups that have none.

    Raises:
        TypeError: something that is no leaf Tensor.
        ValueError: no parameters, a parameter twice, a setting out of range.
    """

    steps_at: int  # where in `hyper` the kernel counts steps
    moment_names: tuple[str, ...]

    def __init__(self, params: Params, defaults: Group) -> None:
        self.defaults = dict(defaults)
        self.param_groups: list[Group] = []
        self._blocks: list[list[Block]] = []  # for each group, by dtype
        if isinstance(params, (Tensor, str, Mapping)) or not isinstance(params, Iterable):
            raise TypeError(
                f"params: expected an iterable of Tensors or dicts, got {_check.show(params)}; "
                "use [parameter] or model.parameters()"
            )
        groups = list(params)
        if not groups:
            raise ValueError("params: expected parameters, got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        prepared = [self._prepared(group) for group in groups]
        _refuse_twice([p for group in prepared for p in group["params"]])
        for group in prepared:
            self._add(group)

    # ---- what a kind of optimizer defines ----

    @abstractmethod
    def _numbers(self, group: Group) -> tuple[float, ...]:
        """The group's settings, checked, as the kernel wants them in `hyper`."""

    @abstractmethod
    def _settings(self, group: Group) -> tuple[object, ...]:
        """The group's settings as they are, to notice a change."""

    @abstractmethod
    def _update(self, segment: Segment, group: Group) -> None:
        """One step of one segment."""

    def _wants(self, group: Group) -> tuple[str, ...]:
        """The moments that the group's settings need."""
        return self.moment_names

    # ---- groups ----

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with settings of their own; missing ones are the defaults.

        Raises:
            TypeError, ValueError: as of the class; nothing was added.
        """
        group = self._prepared(param_group)
        _refuse_twice([p for g in [*self.param_groups, group] for p in g["params"]])
        self._add(group)

    def _prepared(self, given: Group) -> Group:
        if not isinstance(given, dict):
            raise TypeError(f"param_group: expected a dict, got {_check.show(given)}")
        for key in given:
            _check.choice("param_group key", key, [*_EXTRA, *self.defaults])
        group = _Settings({**self.defaults, **given, **_parameters_of(given)})
        self._numbers(group)
        return group

    def _add(self, group: Group) -> None:
        dtypes = list(dict.fromkeys(p.dtype for p in group["params"]))
        blocks = []
        for dtype in dtypes:
            block = Block([p for p in group["params"] if p.dtype == dtype], self.steps_at)
            for name in self._wants(group):
                block.add_moment(name)
            blocks.append(block)
        self.param_groups.append(group)
        self._blocks = [*self._blocks, blocks]  # another list: a compiled step notices

    # ---- stepping ----

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: called first, to compute loss and gradients; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self.pack()
        updates = []
        with no_grad():
            for group, blocks in zip(self.param_groups, self._blocks, strict=True):
                updates += [self._advance(group, block) for block in blocks]
        recorder = engine.recorder()
        if recorder is not None:
            recorder.valid_while(
                functools.partial(self._unchanged, updates),
                functools.partial(self._resume, updates),
                [(u.group, key) for u in updates for key in u.group if key != "params"]
                + [(update.block, name) for update in updates for name in ("_cut", "source")]
                + [(self, "_blocks")],
            )
        return loss

    def _advance(self, group: Group, block: Block) -> _Update:
        """One step of one block, and what a replay of it relies on."""
        for name in self._wants(group):
            if name not in block.moments:
                block.add_moment(name)
                block.set_steps([0.0] * len(block.params))
        cut = block.take_gradients(), self._whole(group)
        segments = block.cut(*cut)
        self._sync(group, block)
        for segment in segments:
            self._update(segment, group)
        return _Update(group, block, self._variant(group), cut, segments)

    def _resume(self, updates: list[_Update]) -> None:
        """Before a replay of recorded updates: the step counts and numbers where they read them.

        Raises:
            RuntimeError: other updates would be needed now.
        """
        if not self._unchanged(updates):
            raise RuntimeError(
                "optimizer: its groups, a setting that chooses the computation (momentum zero or "
                "not, nesterov, decoupled decay, eps zero or not) or which parameters it had "
                "skipped changed after the step was compiled; compile it again"
            )
        self.sync_hyper()

    def _unchanged(self, updates: list[_Update]) -> bool:
        """Whether a step now would be these updates."""
        return len(updates) == sum(map(len, self._blocks)) and all(
            self._variant(update.group) == update.variant
            and self._whole(update.group) == update.cut[1]
            and list(map(id, update.block.cut(*update.cut))) == list(map(id, update.segments))
            for update in updates
        )

    def _variant(self, group: Group) -> tuple[object, ...]:
        """The settings that choose the computation; the others are numbers in `hyper`."""
        return self._wants(group)

    def _whole(self, group: Group) -> bool:
        """Whether the padding between parameters survives an update."""
        return True

    def sync_hyper(self) -> None:
        """Write the groups' settings where the kernels read them.

        `step` does so itself, and a compiled step before a replay, when a setting has changed.

        Raises:
            ValueError: a setting out of range.
        """
        for group, blocks in zip(self.param_groups, self._blocks, strict=True):
            for block in blocks:
                self._sync(group, block)

    def _sync(self, group: Group, block: Block) -> None:
        settings = self._settings(group)
        if settings != block.source:
            block.write(self._numbers(group))
            block.source = settings

    def pack(self) -> None:
        """Take parameters back that another optimizer has moved; otherwise nothing happens.

        Raises:
            RuntimeError: a parameter changed its dtype, or a program is being recorded.
        """
        for blocks in self._blocks:
            for block in blocks:
                if not block.flat.is_intact():
                    block.repack()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop every gradient, or fill it with zeros."""
        recorder = engine.recorder()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None or recorder is not None:
                    autograd.zero_grad(p, set_to_none)

    # ---- state ----

    def _located(self) -> list[tuple[Block, int]]:
        """For each parameter, in the order of the groups, its block and place there."""
        located = []
        for group, blocks in zip(self.param_groups, self._blocks, strict=True):
            place = {id(p): (b, i) for b in blocks for i, p in enumerate(b.params)}
            located += [place[id(p)] for p in group["params"]]
        return located

    def state_dict(self) -> dict[str, Any]:
        """Moments, step counts and settings, in torch's layout; the moments share memory.

        `state[i]` belongs to the i-th parameter over all groups and has "step" and the moments.
        """
        state: dict[int, dict[str, Any]] = {}
        for index, (block, i) in enumerate(self._located()):
            done = block.steps()[i]
            if done:
                state[index] = {"step": done}
                for name, vector in block.moments.items():
                    state[index][name] = Tensor(block.flat.views(vector)[i])
        groups, begin = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            kept = {key: value for key, value in group.items() if key != "params"}
            groups.append({**kept, "params": list(range(begin, begin + count))})
            begin += count
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` gave. All is checked before anything changes.

        Raises:
            ValueError: other groups, other parameters, or moments of another shape.
        """
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            raise ValueError('state_dict: expected a mapping with "state" and "param_groups"')
        saved_groups = state_dict["param_groups"]
        sizes = [len(group["params"]) for group in self.param_groups]
        saved_sizes = [len(group["params"]) for group in saved_groups]
        if sizes != saved_sizes:
            raise ValueError(
                "state_dict: loaded state dict has a different number of parameter groups or "
                f"doesn't match their sizes: expected {sizes}, got {saved_sizes}"
            )
        known = set(_EXTRA) | set(self.defaults)
        groups = [
            {**own, **{k: v for k, v in saved.items() if k in known and k != "params"}}
            for own, saved in zip(self.param_groups, saved_groups, strict=True)
        ]
        for group in groups:
            self._numbers(group)
        self.pack()
        order = [index for group in saved_groups for index in group["params"]]
        saved_state = [dict(state_dict["state"].get(index, {})) for index in order]
        located = self._located()
        for (block, i), saved in zip(located, saved_state, strict=True):
            self._check_state(block.params[i], saved)
        for own, group in zip(self.param_groups, groups, strict=True):
            own.update(group)
        self._restore(located, saved_state)

    def _check_state(self, p: Tensor, saved: Mapping[str, Any]) -> None:
        for name in self.moment_names:
            value = saved.get(name)
            if value is not None and np.shape(_array(value)) != p.shape:
                raise ValueError(
                    f"state_dict: expected {name} of shape {p.shape}, got {np.shape(_array(value))}"
                )
        if saved.get("step") is not None:
            _check.real("state_dict: step", _array(saved["step"]), 0.0)

    def _restore(self, located: list[tuple[Block, int]], states: list[dict[str, Any]]) -> None:
        steps = {id(block): [0.0] * len(block.params) for block, _ in located}
        for (block, i), saved in zip(located, states, strict=True):
            for name in self.moment_names:
                value = saved.get(name)
                if name not in block.moments:
                    if value is None:
                        continue
                    block.add_moment(name)
                array = 0.0 if value is None else _array(value)
                np.copyto(block.flat.views(block.moments[name])[i], array, casting="unsafe")
            started = any(saved.get(name) is not None for name in self.moment_names)
            steps[id(block)][i] = float(_array(saved.get("step", float(started))))
        for block, _ in located:
            block.set_steps(steps[id(block)])
            block.source = None

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {k}: {v}" for k, v in sorted(group.items()) if k != "params"]
        return f"{type(self).__name__} (\n" + "\n".join(lines) + "\n)"


def _array(value: Any) -> Any:
    return value._array if isinstance(value, Tensor) else np.asarray(value)


def _parameters_of(given: Group) -> Group:
    """The "params" of a group as a list, with "param_names" if they came with names."""
    params = given.get("params")
    if isinstance(params, Tensor):
        params = [params]
    if params is None or isinstance(params, (str, set)) or not isinstance(params, Iterable):
        raise TypeError(f"params: expected a list of Tensors, got {_check.show(params)}")
    entries = list(params)
    if not entries:
        raise ValueError("params: expected parameters, got an empty parameter list")
    named = [entry for entry in entries if isinstance(entry, tuple)]
    if named and len(named) != len(entries):
        raise ValueError("params: expected all with names or all without names")
    tensors = [entry[1] for entry in named] if named else entries
    for i, p in enumerate(tensors):
        if not isinstance(p, Tensor):
            raise TypeError(f"params[{i}]: expected a Tensor, got {_check.show(p)}")
        if not p.is_leaf:
            raise ValueError(f"params[{i}]: can't optimize a non-leaf Tensor")
        _check.real_dtype(p.dtype, f"params[{i}]")
    names = {"param_names": [entry[0] for entry in named]} if named else {}
    return {"params": tensors, **names}


def _refuse_twice(params: list[Tensor]) -> None:
    if len({id(p) for p in params}) != len(params):
        raise ValueError("params: some parameters appear more than once or in more than one group")

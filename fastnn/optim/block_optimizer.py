"""BlockOptimizer: the base of the optimizers whose updates are ops of whole vectors."""

from __future__ import annotations

import functools
import operator
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fastnn import ops
from fastnn._core import engine
from fastnn._core.tape import set_grad_enabled as set_mode
from fastnn._support import check
from fastnn._support.presets import Presets
from fastnn.optim import settings, state
from fastnn.optim.block import Block, Segment, ShapeOf
from fastnn.optim.groups import Group as Group, Params as Params, Settings, fixed, tensors_of
from fastnn.optim.hooks import no_hooks
from fastnn.optim.optimizer import Optimizer, groups_of
from fastnn.tape.listener import computes
from fastnn.tape.modes import enable_grad
from fastnn.tensor import Tensor

# By their command line names, with the settings that differ from the defaults there.
OPTIMIZERS: Presets[BlockOptimizer] = Presets()

_EXTRA = ("params", "param_names", "name", "initial_lr")


class _Update(NamedTuple):
    """A recorded update: its settings, and the segments whose memory it uses."""

    group: Group
    block: Block
    variant: tuple[object, ...]
    cut: tuple[tuple[bool, ...], bool]
    segments: list[Segment]


class BlockOptimizer(Optimizer):
    """The base of the optimizers that update whole groups by one op, also in compiled steps.

    When a setting that selects the computation changes (momentum zero or not, nesterov), a compiled
    step is recorded anew. Each group keeps its parameters in one vector, with vectors of the same
    layout for the gradients and each moment, and updates them by one op. A parameter whose `grad`
    is None is left unchanged.

    Args:
        params: Tensors, (name, Tensor) pairs, or dicts with "params" and settings of their own.
        defaults: the settings of groups without their own.

    Raises:
        TypeError: anything but leaf Tensors.
        ValueError: no parameters, a parameter twice, a setting out of range.
    """

    row: str  # the name of the update op
    moment_names: tuple[str, ...]  # torch's names, in the op's order
    count_names: tuple[str, ...] = ("step",)  # what `hyper` keeps, from `steps_at` on
    steps_at: int = engine.HYPER_STEPS
    moment_shape: ShapeOf | None = None  # None: every moment has the shape of its parameter
    closure_gives_loss = False  # `step` calls a closure, several times, for loss and gradients
    restarts = False  # whether adding a moment later restarts the step count
    _calls_hooks = True

    def __init__(self, params: Params, defaults: Group) -> None:
        self.defaults: Group = dict(defaults)
        self._numbers(self.defaults)
        self._settings = operator.itemgetter(*self.defaults)
        self._lr_at = [*self.defaults, "lr"].index("lr")
        self._hooks = no_hooks()
        self.param_groups: list[Group] = []
        self._blocks: list[list[Block]] = []  # for each group, by dtype
        prepared = [self._prepared(group) for group in groups_of(params)]
        settings.refuse_twice([p for group in prepared for p in group["params"]])
        settings.refuse_some_names(prepared)
        for group in prepared:
            self._add(group)

    # ---- what each optimizer defines ----

    @abstractmethod
    def _own(self, group: Group) -> tuple[float, ...]:
        """The op's own hyperparameters, checked, in their order in `hyper`."""

    def _attrs(self, group: Group) -> tuple[int, ...]:
        """The op's attributes: settings that select the computation."""
        return ()

    def _wants(self, group: Group) -> tuple[str, ...]:
        """The moments that the group's settings need."""
        return self.moment_names

    def _numbers(self, group: Group) -> tuple[float, ...]:
        """The group's settings, checked, as the kernel reads them from `hyper`."""
        return (*settings.common(group), *self._own(group))

    def _update(self, segment: Segment, group: Group) -> None:
        """One step of one segment."""
        wanted = self._wants(group)
        moments = [segment.moments[m] if m in wanted else None for m in self.moment_names]
        values, hyper = segment.values, segment.hyper
        ops.update_step(self.row, values, hyper, moments, segment.gradients, self._attrs(group))
        if group["l1"]:
            ops.update_step("shrink_step", values, hyper)

    # ---- groups ----

    def add_param_group(self, param_group: Group) -> None:
        """Add a parameter group; missing settings take the defaults.

        Raises:
            TypeError, ValueError: as for the class; nothing is added.
        """
        group = self._prepared(param_group)
        settings.refuse_twice([p for g in [*self.param_groups, group] for p in g["params"]])
        settings.refuse_some_names([*self.param_groups, group])
        self._add(group)

    def _prepared(self, given: Group) -> Group:
        if not isinstance(given, dict):
            raise TypeError(f"param_group: expected a dict, got {check.show(given)}")
        if not isinstance(given, Settings):  # one of another optimizer may have more
            for key in given:
                check.choice("param_group key", key, [*_EXTRA, *self.defaults])
        known = {key: fixed(key, value) for key, value in {**self.defaults, **given}.items()}
        group = Settings({**known, **settings.parameters_of(given)})
        self._numbers(group)
        return group

    def _add(self, group: Group) -> None:
        dtypes = list(dict.fromkeys(p.dtype for p in group["params"]))
        blocks = []
        for dtype in dtypes:
            own = [p for p in group["params"] if p.dtype == dtype]
            block = Block(own, len(self.count_names), self.moment_shape)
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
        if self._hooks[0]:
            self._call_hooks(0, closure)
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self.pack()
        before = set_mode(False)
        try:
            for group, blocks in zip(self.param_groups, self._blocks, strict=True):
                for block in blocks:
                    self._advance(group, block)
        finally:
            set_mode(before)
        recorder = engine.recorder()
        if recorder is not None:
            self._recorded(recorder)
        if self._hooks[1]:
            self._call_hooks(1, closure)
        return loss

    def _recorded(self, recorder: Any) -> None:
        """Tell the recorder what a replay of this step depends on."""
        updates = [
            _Update(group, block, self._variant(group), block.taken, block.segments)
            for group, blocks in zip(self.param_groups, self._blocks, strict=True)
            for block in blocks
            if block.taken is not None
        ]
        recorder.valid_while(
            functools.partial(self._unchanged, updates),
            functools.partial(self._resume, updates),
            [(update.group, None) for update in updates]
            + [(update.block, name) for update in updates for name in ("taken", "source")]
            + [(self, "_blocks")]
            + [(t._array, None) for group in self.param_groups for t in tensors_of(group)],
        )
        recorder.renewals += [update.block.renew_gradients for update in updates]

    @computes("update")
    def _advance(self, group: Group, block: Block) -> None:
        """One step of one block."""
        for name in self._wants(group):
            if name not in block.moment_names:
                block.add_moment(name)
                if self.restarts:
                    block.restart()
        segments = block.cut(block.take_gradients(), self._whole(group))
        self._sync(group, block)
        for segment in segments:
            self._update(segment, group)

    def _resume(self, updates: list[_Update]) -> None:
        """Before a replay of recorded updates: write step counts and hyperparameters for them.

        Raises:
            RuntimeError: the settings now need other updates.
        """
        if not self._unchanged(updates):
            raise RuntimeError(
                "optimizer: its groups, a setting that chooses the computation (momentum, eps or "
                "l1 zero or not, nesterov, amsgrad, centered) or which parameters it had "
                "skipped changed after the step was compiled; compile it again"
            )
        self.sync_hyper()

    def _unchanged(self, updates: list[_Update]) -> bool:
        """Whether a step now would consist of these updates."""
        return len(updates) == sum(map(len, self._blocks)) and all(
            self._variant(update.group) == update.variant
            and self._whole(update.group) == update.cut[1]
            and list(map(id, update.block.cut(*update.cut))) == list(map(id, update.segments))
            for update in updates
        )

    def _variant(self, group: Group) -> tuple[object, ...]:
        """The settings that select the computation; the others are numbers in `hyper`."""
        return self._wants(group), self._attrs(group), bool(group["l1"])

    def _whole(self, group: Group) -> bool:
        """Whether the padding between parameters survives an update: without eps it is 0/0."""
        return bool(group.get("eps", 1.0) > 0)

    def sync_hyper(self) -> None:
        """Write the groups' settings to the memory that the kernels read.

        `step` does so itself, and a compiled step before a replay, when a setting has changed.

        Raises:
            ValueError: a setting out of range.
        """
        for group, blocks in zip(self.param_groups, self._blocks, strict=True):
            for block in blocks:
                self._sync(group, block)

    def _sync(self, group: Group, block: Block) -> None:
        if tensors_of(group):
            group = {key: settings.number(group[key]) for key in group if key != "params"}
        given = self._settings(group)
        if given != block.source:
            block.write(self._numbers_of(group, given, block.source, block.numbers))
            block.source = given

    def _numbers_of(
        self,
        group: Group,
        given: tuple[object, ...],
        before: tuple[object, ...] | None,
        numbers: tuple[float, ...],
    ) -> tuple[float, ...]:
        """`_numbers(group)`, as from the settings `given`; `numbers` were those of `before`. Where
        a schedule has changed the learning rate alone, the others are not checked again."""
        at = self._lr_at
        if before and given[:at] == before[:at] and given[at + 1 :] == before[at + 1 :]:
            return (settings.learning_rate(group), *numbers[1:])
        return self._numbers(group)

    def pack(self) -> None:
        """Repack parameters that another optimizer has moved; no effect otherwise.

        Raises:
            RuntimeError: a parameter changed its dtype, or a program is being recorded.
        """
        for blocks in self._blocks:
            for block in blocks:
                if not block.flat.is_intact():
                    block.repack()

    # ---- state ----

    def _located(self) -> list[tuple[Block, int]]:
        """For each parameter, in the order of the groups, its block and index there."""
        located = []
        for group, blocks in zip(self.param_groups, self._blocks, strict=True):
            place = {id(p): (b, i) for b in blocks for i, p in enumerate(b.params)}
            located += [place[id(p)] for p in group["params"]]
        return located

    @property
    def state(self) -> Mapping[Tensor, Group]:  # type: ignore[override]
        """The "step" and moments of each updated parameter; the moments share memory."""
        return state.by_parameter(self._located(), self.count_names)

    def _state(self) -> Group:
        return state.state_dict(self.param_groups, self._located(), self.count_names)

    def _load(self, given: Mapping[str, Any]) -> None:
        saved = state.matched(given, self.param_groups)
        known = set(_EXTRA) | set(self.defaults)
        groups = [
            {**own, **{k: v for k, v in group.items() if k in known and k != "params"}}
            for own, group in zip(self.param_groups, saved.groups, strict=True)
        ]
        for group in groups:
            self._numbers(group)
        self.pack()
        located = self._located()
        for (block, i), entry in zip(located, saved.entries, strict=True):
            state.check(
                block.params[i], entry, self.moment_names, self.count_names, self.moment_shape
            )
        for own, group in zip(self.param_groups, groups, strict=True):
            own.update(group)
        state.restore(located, saved.entries, self.moment_names, self.count_names)

    def __getstate__(self) -> Group:
        """For copies and pickles: without hooks, and without vectors, which copies do not share."""
        kept = {k: v for k, v in vars(self).items() if k not in ("_blocks", "_hooks")}
        return {**kept, "state": self._state()["state"]}

    def __setstate__(self, given: Group) -> None:
        entries = given["state"]
        vars(self).update({k: v for k, v in given.items() if k != "state"}, _blocks=[])
        self._hooks = no_hooks()
        groups, self.param_groups = self.param_groups, []
        for group in groups:
            self._add(group)
        located = self._located()
        found = [entries.get(i, {}) for i in range(len(located))]
        state.restore(located, found, self.moment_names, self.count_names)

"""Checkpoints: the state of a fit in one file, from which it resumes bit for bit."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fastnn import random
from fastnn._support import check
from fastnn._support.columns import Parts
from fastnn._support.paths import a_path, writable
from fastnn.io.model import load as load_file, save as save_file
from fastnn.io.safetensors import FormatError, faults_of
from fastnn.nn import Module
from fastnn.nn.state import Check, Place, load, loadable
from fastnn.optim.loop import blocks_of
from fastnn.train.callbacks import Training
from fastnn.train.history import History
from fastnn.train.plan import Plan, name_of
from fastnn.train.resumed import check_history, check_like, check_place, check_read, check_sound
from fastnn.train.steps import Steps
from fastnn.train.validation import Rows, check_finite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.tensor import Tensor

VERSION = 1
# The entries of a file besides "fit", and their types.
HOLDS: dict[str, type | tuple[type, ...]] = {
    "identity": dict,
    "model": dict,
    "optimizer": dict,
    "gradients": list,
    "scheduler": (dict, type(None)),
    "callbacks": list,
    "random": np.ndarray,
    "seed": int,
    "epoch": int,
    "step": int,
    "begun": bool,
    "sums": (np.ndarray, type(None)),
    "history": dict,
    "epochs": list,
    "stopped": bool,
}

State = dict[str, Any]
EPOCH = "epoch"  # a value of `checkpoint_every`


class Running(Protocol):
    """The part of a running fit that a checkpoint writes and reads."""

    trainer: Training
    steps: Steps
    plan: Plan
    history: History
    seed: int
    epoch: int
    step: int
    begun: bool
    sums: NDArray[np.float64] | None

    @property
    def count(self) -> int: ...


class Checkpoint:
    """A checkpoint file: where and when it is written, and the state read from it.

    Args:
        path: the file.
        every: "epoch", or seconds.
        resume: resume from the file if it exists.

    Attributes:
        found: the state in the file, or None.

    Raises:
        TypeError, ValueError: `every` is neither; no path.
        OSError: the file could not be written.
        FormatError: the file is not a checkpoint.
    """

    def __init__(self, path: str | os.PathLike[str], every: str | float, resume: bool) -> None:
        self.path: str = a_path(path, "checkpoint")
        self._seconds: float | None = seconds_of(every)
        self.identity: dict[str, str] = {}
        self.found: State | None = None
        self._written = time.monotonic()
        check.flag("resume", resume)
        writable(path, "checkpoint")
        if resume and os.path.exists(self.path):
            self.found = self._read()

    def _read(self) -> State:
        found = load_file(self.path)
        if not isinstance(found, dict) or found.pop("fit", None) != VERSION:
            raise FormatError(
                f"{self.path}: no checkpoint of this version of fit in it; pass resume=False "
                "to write one over it"
            )
        for name in HOLDS.keys() | found.keys():
            if not (name in HOLDS and name in found and isinstance(found[name], HOLDS[name])):
                raise FormatError(
                    f"{self.path}: no checkpoint: {name} is missing, of another kind, or too much"
                )
        with faults_of(self.path):
            check_read(found["identity"], found["seed"])
        return found

    def identify(self, identity: Mapping[str, str]) -> None:
        """Record what is trained, and on what data.

        Raises:
            ValueError: the state in the file is of another training.
            FormatError: the file does not say of which.
        """
        self.identity = dict(identity)
        kept = self.identity if self.found is None else self.found["identity"]
        kept.setdefault("columns", self.identity["columns"])  # older files have none
        if missing := [what for what in self.identity if what not in kept]:
            raise FormatError(f"{self.path}: identity: expected {missing[0]!r}, got no such name")
        for what, now in self.identity.items():
            if kept.get(what) != now:
                raise ValueError(
                    f"checkpoint: {self.path} is of a fit with another {what}: expected "
                    f"{check.show(kept[what])}, got {check.show(now)}; pass resume=False to begin "
                    "anew"
                )

    def after_epoch(self) -> bool:
        """Whether to write after every epoch."""
        return self._seconds is None

    def is_due(self) -> bool:
        """Whether a write is due."""
        seconds = self._seconds
        return seconds is not None and time.monotonic() - self._written >= seconds

    def write(self, session: Running) -> None:
        """Write the state of a fit between two steps.

        Raises:
            FloatingPointError: weights that are nan or infinite; the file stays as it is.
        """
        check_finite(session.trainer.model)
        save_file({"fit": VERSION, "identity": self.identity, **_state(session)}, self.path)
        self._written = time.monotonic()


def seconds_of(every: str | float) -> float | None:
    """The seconds between two writes; None for one after every epoch.

    Raises:
        TypeError, ValueError: neither.
    """
    if isinstance(every, str):
        check.choice("checkpoint_every", every, (EPOCH,))
        return None
    return check.real("checkpoint_every", every, 0.0)


def identity(
    trainer: Training,
    plan: Plan,
    rows: Rows,
    held_out: Rows | None,
    share: float,
    names: Parts | None,
) -> dict[str, str]:
    """The fingerprint that a checkpoint has to match: data, model and arguments, as text."""
    data = digest([*rows.arrays(), *(held_out.arrays() if held_out else ())])
    return identity_of(trainer, plan, data, share, names)


def identity_of(
    trainer: Training, plan: Plan, data: str, share: float, names: Parts | None
) -> dict[str, str]:
    """`identity`, of data that have this digest."""
    sizes = [len(g["params"]) for g in getattr(trainer.optimizer, "param_groups", [])]
    loss = trainer.loss
    settings = f" {_described(loss, values=True)}" if isinstance(loss, Module) else ""
    rounded = " in bf16" if getattr(trainer, "_mode", 0) else ""
    return {
        "data": data,
        "model": _described(trainer.model),
        "loss": f"{name_of(loss)}{settings}",
        "optimizer": f"{name_of(trainer.optimizer)} of {sizes}{rounded}",
        "validation_split": str(share),
        "columns": "" if names is None else str([own and own.names for own in names]),
        **plan.words(),
    }


def digest(arrays: list[NDArray[Any]]) -> str:
    """A hash of arrays, as text."""
    import hashlib  # late, since it loads OpenSSL

    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.hexdigest()[:32]


def _described(module: Module, values: bool = False) -> str:
    """A text that describes a module: its children, their settings, and its tensors' names, shapes
    and dtypes; optionally their values."""
    import hashlib  # late, since it loads OpenSSL

    parts = [repr(module)]
    for name, part in module.named_modules():
        settings = {k: v for k, v in vars(part).items() if isinstance(v, bool | int | float | str)}
        settings.pop("training", None)
        parts.append(f"{name}{settings}")
    tensors = tensors_of_model(module)
    parts += [f"{name}{t.shape}{t.dtype}" for name, t in tensors.items()]
    parts += [digest([t._array for t in tensors.values()])] if values else []
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def tensors_of_model(model: Module) -> dict[str, Tensor]:
    """All parameters and buffers, also those that state_dict leaves out."""
    return {name: t.detach() for name, t in [*model.named_parameters(), *model.named_buffers()]}


def _gradients(session: Running) -> list[Tensor]:
    """The arrays in which gradients accumulate over batches."""
    if session.plan.update.accumulate == 1:
        return []
    return [block.flat.gradients for block in blocks_of(session.trainer.optimizer)]


def _state(session: Running) -> State:
    sums = session.sums
    return {
        "model": tensors_of_model(session.trainer.model),
        "optimizer": session.trainer.optimizer.state_dict(),
        "gradients": _gradients(session),
        "scheduler": _of(session.plan.schedule.scheduler),
        "callbacks": [callback.state_dict() for callback in session.plan.callbacks],
        "random": random.get_rng_state().numpy(),
        "seed": session.seed,
        "epoch": session.epoch,
        "step": session.step,
        "begun": session.begun,
        "sums": None if sums is None else sums.copy(),
        "history": session.history.history,
        "epochs": session.history.epoch,
        "stopped": session.trainer.stop_training and session.step == 0,
    }


def restore(session: Running, state: State) -> None:
    """Restore weights, optimizer, schedule, random state, metrics and position."""
    steps, *_ = session.steps.parted(session.count, session.plan.batch)
    check_place(state, steps, len(session.plan.metrics))
    check_history(state, _lengths(session.plan, state["epoch"]))
    scheduler, optimizer = session.plan.schedule.scheduler, session.trainer.optimizer
    tensors = tensors_of_model(session.trainer.model)
    own = {name: Place(None, name, tensor) for name, tensor in tensors.items()}
    values, _ = loadable(own, state["model"], {}, Check(True, "the model"))
    check_sound(state["model"], "model")
    check_like(optimizer.state_dict()["param_groups"], state["optimizer"].get("param_groups"),
               "optimizer.param_groups")  # fmt: skip
    check_sound(state["optimizer"], "optimizer")
    check_like(_of(scheduler), state["scheduler"], "scheduler")
    optimizer.load_state_dict(state["optimizer"])  # when all that can be checked was
    random.set_rng_state(state["random"])
    if scheduler is not None:
        scheduler.load_state_dict(state["scheduler"])
    load(own, values)
    session.epoch, session.step, session.begun = state["epoch"], state["step"], state["begun"]
    session.sums = None if state["sums"] is None else np.array(state["sums"])
    session.history.history.update(state["history"])
    session.history.epoch.extend(state["epochs"])
    session.trainer.stop_training = state["stopped"]


def _lengths(plan: Plan, epochs: int) -> dict[str, int]:
    """How many numbers of each figure a history of so many epochs has."""
    names = plan.names()
    held = {f"val_{name}" for name in ("loss", *plan.metrics, *plan.whole) if plan.validates}
    return {name: epochs // plan.every if name in held else epochs for name in names}


def _of(scheduler: Any) -> Any:
    return None if scheduler is None else scheduler.state_dict()


def restore_rest(session: Running, state: State) -> None:
    """Restore what exists once a fit has begun: accumulated gradients and callbacks."""
    check_like(_gradients(session), state["gradients"], "gradients")
    for gradient, kept in zip(_gradients(session), state["gradients"], strict=True):
        np.copyto(gradient._array, np.asarray(kept))
    callbacks = session.plan.callbacks
    check_like([c.state_dict() for c in callbacks], state["callbacks"], "callbacks")
    for callback, kept in zip(callbacks, state["callbacks"], strict=True):
        callback.load_state_dict(kept)

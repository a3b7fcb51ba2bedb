"""Checks for every layer, loss and optimizer: one program that trains exactly as the eager loop.

The members are what fastnn exports; cases/ has what must be known of them beside their defaults.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar
from unittest.mock import patch

import numpy as np
from cases.activations import ACTIVATIONS
from cases.layers import LAYERS, Layer
from cases.loss import Loss
from cases.losses import LOSSES
from cases.optimizers import OPTIMIZERS, Optimizer, tries
from test_compile import bits
from test_trainer import eager_fit

from fastnn import nn, optim
from fastnn._core import engine
from fastnn.tensor import Tensor
from fastnn.train import Trainer, loop as train_loop

Array = np.ndarray[Any, Any]
Entry = TypeVar("Entry")


def public_classes(module: ModuleType, base: type) -> set[str]:
    """Names of a module under which a user finds subclasses of base, listed or not."""
    names = {*module.__all__, *(n for n in vars(module) if not n.startswith("_"))}
    found = {name: getattr(module, name) for name in names}
    return {n for n, v in found.items() if inspect.isclass(v) and issubclass(v, base)} - {
        base.__name__
    }


def entries(names: set[str], table: Mapping[str, Entry], default: Entry) -> dict[str, Entry]:
    """An entry for each name: the table's, or the default. Entries for unknown names fail."""
    assert not table.keys() - names, f"not exported: {sorted(table.keys() - names)}"
    return {name: table.get(name, default) for name in [*table, *sorted(names - table.keys())]}


def layers() -> dict[str, Layer]:
    """Every class of `nn` except losses, activations included."""
    names = {name for name in public_classes(nn, nn.Module) if not name.endswith("Loss")}
    return entries(names - {"Cell"}, LAYERS | ACTIVATIONS, Layer())


def losses() -> dict[str, Loss]:
    """Every loss of `nn`."""
    names = {name for name in public_classes(nn, nn.Module) if name.endswith("Loss")}
    return entries(names, LOSSES, Loss())


def optimizers() -> dict[str, Optimizer]:
    """Every optimizer of `optim`."""
    return entries(public_classes(optim, optim.Optimizer), OPTIMIZERS, Optimizer())


def tried_optimizers() -> dict[str, tuple[str, dict[str, Any]]]:
    """All whose step needs no closure: by a name, the class and its settings."""
    return {
        name: (kind, settings)
        for kind, entry in optimizers().items()
        for name, settings in tries(kind, entry, getattr(optim, kind)).items()
    }


def functions(module: ModuleType) -> set[str]:
    """Public ones that are its own or taken for its users."""
    found = {n for n, f in vars(module).items() if inspect.isfunction(f) and not n.startswith("_")}
    return found & set(getattr(module, "__all__", found))


def public_names() -> list[str]:
    """Of classes and functions that mirror torch's, but MindSpore's containers."""
    schedulers = optim.lr_scheduler
    public = {
        "nn": public_classes(nn, nn.Module) - {"Cell", "CellList", "SequentialCell"},
        "nn.init": functions(nn.init),
        "nn.functional": functions(nn.functional),
        "optim": public_classes(optim, optim.Optimizer),
        "optim.lr_scheduler": public_classes(schedulers, schedulers.LRScheduler) | {"LRScheduler"},
        "optim.swa_utils": set(optim.swa_utils.__all__),
    }
    return [f"{module}.{name}" for module, names in public.items() for name in sorted(names)]


@contextmanager
def described_in(place: str) -> Iterator[None]:
    """Errors within name the table that says how the object is built."""
    try:
        yield
    except Exception as error:
        error.add_note(f"described in tests/cases/{place}")
        raise


@dataclass
class Costs:
    """Of each run of the loop in C: steps, calls and returns seen by Python, allocations."""

    steps: list[int] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    allocations: list[int] = field(default_factory=list)


@contextmanager
def costs() -> Iterator[Costs]:
    """Counts while fits run, each in one go: no chunks after which Python looks at signals."""
    found, run = Costs(), train_loop.Loop.run

    def counted(loop: train_loop.Loop) -> bool:
        events = 0

        def seen(*_: Any) -> None:
            nonlocal events
            events += 1

        before = engine.allocations()
        sys.setprofile(seen)
        try:
            return run(loop)
        finally:
            sys.setprofile(None)
            found.allocations.append(engine.allocations() - before)
            found.events.append(events)
            found.steps.append(loop.done)

    with (
        patch.object(train_loop.Loop, "run", counted),
        patch.object(train_loop, "CHUNK_SECONDS", -1.0),
    ):
        yield found


def everything(trainer: Trainer) -> Any:
    """The bits of weights, buffers and moments, and the optimizer's counts."""
    state = trainer.optimizer.state_dict()["state"]
    counts = [[v for v in s.values() if not isinstance(v, Tensor)] for s in state.values()]
    moments = [[v for v in s.values() if isinstance(v, Tensor)] for s in state.values()]
    return bits([list(trainer.model.state_dict().values()), moments]), counts


def check_fit(
    make: Callable[[], Trainer], x: Array, y: Array, batch: int, over_rows: bool = True
) -> tuple[Any, Any]:
    """Two epochs are those of the eager loop, bit for bit; both trainers.

    make: a trainer just after `fastnn.manual_seed`, which dropout begins with.
    over_rows: the loss of an epoch is the mean over all rows; not so where some are ignored.
    """
    fitted = make()
    history = fitted.fit(x, y, epochs=2, batch_size=batch, verbose=0)
    looped = make()
    losses = eager_fit(looped, x, y, fitted.seed, 2, batch=batch)
    assert history.history["loss"] == losses or not over_rows
    assert everything(fitted) == everything(looped)
    assert everything(fitted)[0] != everything(make())[0]
    return fitted, looped


def check_costs(trainer: Trainer, x: Array, y: Array, batch: int) -> None:
    """No step allocates, and none calls Python: ten epochs cost what one costs."""
    with costs() as found:
        for epochs in (1, 10):
            trainer.fit(x, y, epochs=epochs, batch_size=batch, verbose=0)
    each = -(-len(x) // batch)
    assert found.steps == [each, 10 * each]
    assert found.allocations == [0, 0]
    assert found.events[0] == found.events[1]

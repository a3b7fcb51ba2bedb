"""Dealing: how the rows of a batch are dealt to the ranks of an MPI communicator."""

from __future__ import annotations

import os
import pickle
import time
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn import random
from fastnn._core.engine import isa
from fastnn._support import check
from fastnn._support.paths import a_path
from fastnn.nn import BatchNorm1d
from fastnn.optim.loop import REALS, blocks_of
from fastnn.ranks import Ranks, agree, bounds, from_first, ranks_of
from fastnn.train.checkpoint import Checkpoint, Running, State, seconds_of, tensors_of_model
from fastnn.train.losses import SumOfLosses
from fastnn.train.plan import Plan, name_of
from fastnn.train.update import Update
from fastnn.train.validation import Rows

if TYPE_CHECKING:
    from fastnn.nn import Module
    from fastnn.train.callbacks import Training

SLICES = 8  # of a batch, with reproducible=True
_SAMPLED_BYTES = 1 << 22  # of larger arrays that ranks compare, only some rows are looked at


class Dealing(NamedTuple):
    """How a batch is dealt.

    A batch is cut into slices of neighbouring rows; each rank computes the gradients of some of
    them, and all are summed by a tree that depends on the number of slices alone.

    ranks: who computes.
    slices: of a batch.
    """

    ranks: Ranks
    slices: int

    def cuts(self, model: Module, rows: int) -> list[tuple[int, int]]:
        """Where the slices of a batch begin and end. There are fewer for few rows: each has one at
        least, and two where a BatchNorm1d needs a variance."""
        least = 2 if any(isinstance(module, BatchNorm1d) for module in model.modules()) else 1
        slices = min(self.slices, max(1, rows // least))
        return [bounds(number, slices, rows) for number in range(slices)]


def dealing_of(comm: Any, reproducible: bool | int) -> Dealing | None:
    """From the arguments of `Trainer`; None where one process trains alone, as without them.

    Raises:
        TypeError, ValueError, ImportError: bad arguments; more ranks than slices.
    """
    ranks = ranks_of(comm)
    if reproducible is not True and reproducible is not False:
        check.integer("reproducible", reproducible, 1, 4096)
    slices = SLICES if reproducible is True else int(reproducible)
    if ranks is None:
        if slices:
            raise ValueError(
                "reproducible: it says how a batch is dealt to ranks, expected it with comm=; "
                "without, results are the same for any number of threads anyway"
            )
        return None
    if slices and ranks.size > slices:
        raise ValueError(
            f"reproducible: a batch has {slices} slices, expected at most as many ranks, got "
            f"{ranks.size}; reproducible={ranks.size} makes more of them, with other bits"
        )
    return None if ranks.size == 1 and not slices else Dealing(ranks, slices or ranks.size)


def together(dealing: Dealing | None) -> AbstractContextManager[None]:
    """Within it a fit runs on all ranks, or ends on all."""
    return nullcontext() if dealing is None else dealing.ranks.ending_together()


# ---- before the first step ----


def synchronise(dealing: Dealing, trainer: Training, update: Update) -> None:
    """Give all ranks the model, optimizer state and random numbers of rank 0.

    Raises:
        ValueError: models or optimizers of another kind; what cannot be dealt to ranks.
    """
    ranks, model, optimizer = dealing.ranks, trainer.model, trainer.optimizer
    sizes = [len(group["params"]) for group in optimizer.param_groups]
    tensors = tensors_of_model(model)
    agree(
        ranks,
        {
            "the optimizer": f"{name_of(optimizer)} of {sizes} parameters",
            "the loss": repr(trainer.loss) if isinstance(trainer.loss, type(model)) else "",
            "reproducible": f"{dealing.slices} slices",
            "the instruction set": isa(),
            **{f"model: {name}": f"{tuple(t.shape)} of {t.dtype}" for name, t in tensors.items()},
        },
    )
    _refuse(trainer, update)
    optimizer.pack()
    own = zlib.crc32(pickle.dumps(optimizer.state_dict()["param_groups"]))
    for array in [t._array for t in tensors.values()]:
        own = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, own)
    moments = [m for entry in optimizer.state_dict()["state"].values() for m in entry.values()]
    for moment in moments:
        own = zlib.crc32(np.ascontiguousarray(np.asarray(moment)).tobytes(), own)
    random_state = random.get_rng_state().numpy()
    found = ranks.gather((own, zlib.crc32(random_state.tobytes())))
    if len(set(found)) == 1:
        return
    values, state, numbers = from_first(
        ranks,
        lambda: ([t._array for t in tensors.values()], optimizer.state_dict(), random_state),
    )
    if ranks.rank:
        for tensor, value in zip(tensors.values(), values, strict=True):
            np.copyto(tensor._array, value)
        optimizer.load_state_dict(state)
        random.set_rng_state(numbers)


def _refuse(trainer: Training, update: Update) -> None:
    """Raise for what cannot be dealt to ranks."""
    optimizer, parts = trainer.optimizer, getattr(trainer.loss, "parts", (trainer.loss,))
    if getattr(optimizer, "calls_closure", False):
        raise ValueError(
            f"comm: {name_of(optimizer)} evaluates a batch several times a step, which is not "
            "dealt to ranks; expected an optimizer of one gradient a step, such as Adam"
        )
    if update.accumulate > 1:
        raise ValueError(
            "accumulate_steps: with comm a batch is dealt to ranks and the gradients are added up "
            f"anyway; expected 1 and a larger batch_size, got {update.accumulate}"
        )
    kinds = {str(block.flat.dtype) for block in blocks_of(optimizer)}
    if odd := kinds - {str(real) for real in REALS}:
        raise ValueError(
            f"comm: expected parameters of float32 or float64, got {', '.join(sorted(odd))}"
        )
    sums = [is_sum(part) for part in parts]
    if any(sums) and not all(sums):
        raise ValueError("loss: with comm expected all losses to be means, or all to be sums")


def is_sum(loss: Any) -> bool:
    """Whether a loss adds up over rows; otherwise it is taken to be a mean over them."""
    loss = getattr(loss, "inner", loss)
    if isinstance(loss, SumOfLosses):
        return all(map(is_sum, loss.parts))
    return getattr(loss, "reduction", "mean") == "sum"


def check_plan(
    dealing: Dealing, trainer: Training, plan: Plan, rows: Rows, held: Rows | None
) -> None:
    """Check that all ranks train on the same rows in the same way.

    Raises:
        ValueError: on all ranks.
    """
    ranks = dealing.ranks
    words = {"epochs": str(plan.epochs), **plan.words()}
    agree(ranks, words | {"x, y or weights": _sampled(rows), "validation data": _sampled(held)})
    if isinstance(trainer.loss, SumOfLosses) and rows.weight is not None:
        raise ValueError("sample_weight: with comm it needs one loss, got one for each output")
    size = min(plan.batch, len(rows.x))
    if size < ranks.size:
        raise ValueError(
            f"batch_size: expected a row for each of {ranks.size} ranks at least, got batches of "
            f"{size}; it is the number of rows of all ranks together"
        )


def _sampled(rows: Rows | None) -> str:
    """A text that tells rows from others, of many by some of them."""
    if rows is None:
        return ""
    found = 0
    for array in rows.arrays():
        step = max(1, array.nbytes // _SAMPLED_BYTES)
        sample = np.ascontiguousarray(array[::step])
        found = zlib.crc32(f"{array.dtype.str}{array.shape}".encode(), found)
        found = zlib.crc32(sample.reshape(-1).view(np.uint8).data, found)
    return f"{len(rows.x)} rows of digest {found:08x}"


def renewed(dealing: Dealing, rows: Rows) -> Rows:
    """The rows of another epoch, which some loader made.

    Raises:
        ValueError: on all ranks, where they are not the same.
    """
    agree(dealing.ranks, {"the batches of an epoch": _sampled(rows)})
    return rows


def weights_digest(model: Module) -> int:
    """A number that tells weights from others."""
    found = 0
    for p in model.parameters():
        found = zlib.crc32(np.ascontiguousarray(p._array).reshape(-1).view(np.uint8).data, found)
    return found


# ---- files ----


class DealtCheckpoint(Checkpoint):
    """A checkpoint that rank 0 reads and writes, for all."""

    path: str
    identity: dict[str, str]
    found: State | None

    def __init__(
        self, ranks: Ranks, path: str | os.PathLike[str], every: str | float, resume: bool
    ) -> None:
        def read() -> Any:
            Checkpoint.__init__(self, path, every, resume)
            return self._seconds, self.found

        self._ranks = ranks
        self.path, self.identity = a_path(path, "checkpoint"), {}
        self._seconds, self.found = from_first(ranks, read)
        self._written = time.monotonic()

    def write(self, session: Running) -> None:
        """As `Checkpoint.write`, on rank 0."""
        if self._ranks.rank == 0:
            super().write(session)
        self._written = time.monotonic()


def checkpoint_of(
    dealing: Dealing | None,
    path: str | os.PathLike[str] | None,
    every: str | float,
    resume: bool,
) -> Checkpoint | None:
    """The file of a fit, if it has one; the arguments are checked where it has none too."""
    check.flag("resume", resume)
    seconds_of(every)
    if path is None:
        return None
    if dealing is None:
        return Checkpoint(path, every, resume)
    return DealtCheckpoint(dealing.ranks, path, every, resume)


# ---- random numbers ----


@contextmanager
def stream_of(slice_: int) -> Iterator[None]:
    """Within it dropout draws the numbers of a slice. Afterwards the generator is as if one slice
    had drawn, whichever it was."""
    state = random.default_generator.engine_state
    seed = int(state[0])
    mixed = (seed % 2**64 + slice_ * 0x9E3779B97F4A7C15) % 2**64
    state[0] = np.uint64(mixed).view(np.int64)
    try:
        yield
    finally:
        state[0] = seed

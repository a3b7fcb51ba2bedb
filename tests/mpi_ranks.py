"""What the tests of MPI run on every rank: `mpiexec -n 2 python tests/mpi_ranks.py NAME ...`.

Each case gives something for JSON, which rank 0 prints with what the other ranks got. The cases run
in one process too, with a communicator of one rank, to compare.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from fastnn import callbacks, nn, optim
from fastnn.optim import lr_scheduler
from fastnn.ranks import communicator
from fastnn.utils.data import DataLoader, TensorDataset

RNG = np.random.default_rng(0)
ROWS = 203
X = RNG.normal(size=(ROWS, 7)).astype(np.float32)
CLASSES, NUMBERS = RNG.integers(0, 3, ROWS), RNG.normal(size=(ROWS, 3)).astype(np.float32)
WEIGHTS = np.arange(ROWS) % 4 * 1.0


class Alone:
    """A communicator of one rank, without MPI."""

    class _Done:
        def Test(self) -> bool:
            return True

    def Get_rank(self) -> int:
        return 0

    def Get_size(self) -> int:
        return 1

    def Dup(self) -> Alone:
        return self

    def Iallgather(self, mine: Any, rows: Any) -> Any:
        rows[:] = mine
        return self._Done()

    def Iallgatherv(self, mine: Any, rows: Any) -> Any:
        rows[0][:] = mine
        return self._Done()

    def Ialltoallv(self, mine: Any, theirs: Any) -> Any:
        raise AssertionError("one rank exchanges nothing")

    Ibarrier = Ialltoallv


def digest(model: nn.Module) -> str:
    tensors = [*model.parameters(), *model.buffers()]
    arrays = [np.ascontiguousarray(t.detach().numpy()) for t in tensors]
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()[:16]


def net(*middle: nn.Module, outputs: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(7, 16), *middle, nn.Tanh(), nn.Linear(16, outputs))


class Counted(nn.Module):
    """Its step runs in Python, as it counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.calls = net(nn.Dropout(0.2)), 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.inner(x)


def trained(
    comm: Any, model: nn.Module, loss: Any = "cross_entropy", y: Any = CLASSES, *, by: Any = None,
    reproducible: bool | int = True, x: Any = X, **options: Any,
) -> tuple[fastnn.Trainer, list[Any]]:  # fmt: skip
    """A fit; the trainer, and what has to be the same everywhere."""
    optimizer = (by or optim.Adam)(model.parameters(), lr=0.01)
    trainer = fastnn.Trainer(model, loss, optimizer, comm=comm, reproducible=reproducible)
    if "scheduler" in options:
        options["scheduler"] = options["scheduler"](optimizer)
    given = {"epochs": 3, "batch_size": 32, "verbose": 0, **options}
    history = trainer.fit(x, y, **given)
    return trainer, [digest(model), history.history, fastnn.get_rng_state().sum().item()]


# ---- the same bits for any number of ranks ----


def plain(comm: Any) -> Any:
    return trained(comm, net(), validation_split=0.2, metrics=["accuracy", "f1"])[1]


def large(comm: Any) -> Any:
    """Messages that are too large to be sent to everybody."""
    model = nn.Sequential(nn.Linear(7, 150), nn.ReLU(), nn.Linear(150, 100), nn.Linear(100, 3))
    return trained(comm, model, by=optim.SGD, epochs=1)[1]


def random(comm: Any) -> Any:
    model = net(nn.BatchNorm1d(16), nn.Dropout(0.3), nn.Dropout(0.1))
    return trained(comm, model, clip_norm=0.5, batch_size=29)[1]


def weighted(comm: Any) -> Any:
    loss = nn.CrossEntropyLoss(weight=fastnn.tensor([1.0, 2.0, 5.0]))
    return [
        trained(comm, net(), loss)[1],
        trained(comm, net(), loss, sample_weight=WEIGHTS)[1],
        trained(comm, net(), nn.MSELoss(reduction="sum"), NUMBERS, sample_weight=WEIGHTS)[1],
        trained(comm, net(), nn.MSELoss(), NUMBERS, class_weight=None, sample_weight=WEIGHTS)[1],
    ]


def scheduled(comm: Any) -> Any:
    def cycle(optimizer: Any) -> Any:
        return lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=21)

    float64 = nn.Sequential(nn.Linear(7, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    return [
        trained(comm, net(), scheduler=cycle, schedule="step")[1],
        trained(comm, float64, nn.MSELoss(), NUMBERS, scheduler=lr_scheduler.ReduceLROnPlateau)[1],
    ]


def loaded(comm: Any) -> Any:
    data = TensorDataset(fastnn.tensor(X), fastnn.tensor(CLASSES))
    return trained(comm, net(), x=DataLoader(data, batch_size=50, shuffle=True), y=None)[1]


def in_python(comm: Any) -> Any:
    return trained(comm, Counted())[1]


def several(comm: Any) -> Any:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = net(), net(outputs=1)

        def forward(self, x: Any) -> Any:
            return self.a(x), self.b(x)

    y = CLASSES, NUMBERS[:, :1]
    return trained(comm, Two(), ["cross_entropy", "mse"], y)[1]


def many(comm: Any) -> Any:
    """fit_many: nets of two kinds, of which one runs in Python, in folds; and one that fails."""

    def build(width: int = 4, odd: bool = False) -> Any:
        return (
            Counted()
            if odd
            else nn.Sequential(nn.Linear(7, width), nn.Dropout(0.1), nn.Linear(width, 3))
        )

    configs: list[dict[str, Any]] = [{"width": 3 + i % 2, "lr": 10.0**-i} for i in range(3)]
    configs += [{"odd": True}, {"lr": 1e38}]
    population = fastnn.fit_many(
        build, X, CLASSES, configs=configs, epochs=2, folds=2, loss=nn.CrossEntropyLoss(),
        optimizer="sgd", metrics=["accuracy"], verbose=0, comm=comm, early_stopping=1,
    )  # fmt: skip
    history = {name: np.nan_to_num(v, nan=-1.0).tolist() for name, v in population.history.items()}
    errors = {str(number): text for number, text in population.errors.items()}
    counts = population.epochs.tolist(), population.best_epochs.tolist()
    steps = [len(optimizer.state_dict()["state"]) for optimizer in population.optimizers]
    return [[*map(digest, population.models)], history, errors, *counts, steps]


SAME = [plain, large, random, weighted, scheduled, loaded, in_python, several, many]

# ---- what ranks agree on ----


def own_tree(comm: Any) -> Any:
    """Without reproducible=True: the same bits again."""
    found = []
    for _ in range(2):
        fastnn.manual_seed(1)
        found.append(trained(comm, net(nn.Dropout(0.2)), reproducible=False)[1])
    assert found[0] == found[1]
    return found[0]


def first_weights(comm: Any) -> Any:
    """Weights, moments and random numbers are those of rank 0, whatever the others have."""
    fastnn.manual_seed(10 + comm.Get_rank())
    model = net(nn.Dropout(0.2))
    trainer, _ = trained(comm, model)
    fastnn.manual_seed(20 + comm.Get_rank())
    with fastnn.no_grad():
        model[0].weight += comm.Get_rank()
        for entry in trainer.optimizer.state.values():
            entry["exp_avg"] += comm.Get_rank()
    trainer.optimizer.param_groups[0]["lr"] = 0.02 + comm.Get_rank()
    history = trainer.fit(X, CLASSES, batch_size=32, verbose=0)
    return [digest(model), history.history, trainer.optimizer.param_groups[0]["lr"]]


def stopped(comm: Any) -> Any:
    """One rank stops: after an epoch, before one, within one."""
    last = comm.Get_rank() == comm.Get_size() - 1

    class Within(callbacks.Callback):
        def on_progress(self, epoch: int, step: int) -> bool:
            return last

    class Begins(callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.trainer.stop_training = last and epoch == 2

    ends = trained(comm, net(), epochs=9, callbacks=[lambda epoch, _: last and epoch == 3])[1]
    begins = trained(comm, net(), epochs=9, callbacks=[Begins()])[1]
    many = {"x": np.tile(X, (99, 1)), "y": np.tile(CLASSES, 99), "epochs": 1, "batch_size": 8}
    within = trained(comm, net(), callbacks=[Within()], **many)[1]
    assert not within[1]
    early = callbacks.EarlyStopping(monitor="val_loss", patience=1, min_delta=0.01)
    waits = trained(comm, net(), epochs=99, validation_split=0.5, callbacks=[early])[1]
    return [len(each[1]["loss"]) for each in (ends, begins)], within[0], waits


def written(comm: Any) -> Any:
    """Rank 0 writes, and reads a checkpoint for all; the others need not see the file."""
    mine = Path(tempfile.mkdtemp())
    log = callbacks.CSVLogger(mine / "log.csv")
    best = callbacks.ModelCheckpoint(mine / "best.st", save_best_only=True, monitor="loss")
    fastnn.manual_seed(3)
    whole = trained(comm, net(nn.Dropout(0.1)), epochs=6)[1]
    for epochs in (2, 6):
        fastnn.manual_seed(3)
        model = net(nn.Dropout(0.1))
        options = {"checkpoint": mine / "state.st", "checkpoint_every": 0.0}
        broken = trained(comm, model, epochs=epochs, callbacks=[log, best], **options)[1]
    assert broken == whole
    files = sorted(path.name for path in mine.iterdir())
    lines = (mine / "log.csv").read_text().count("\n") if files else 0
    all_files = ["best.st", "log.csv", "state.st"], 7
    assert (files, lines) == (([], 0) if comm.Get_rank() else all_files)
    return whole


def refused(comm: Any) -> Any:
    """What differs, or cannot be dealt; nothing has changed then."""
    rank, found = comm.Get_rank(), []

    def wide() -> nn.Sequential:
        return nn.Sequential(nn.Linear(7, 3 + rank), nn.Linear(3 + rank, 3))

    cases: list[tuple[Callable[[], nn.Module], dict[str, Any]]] = [
        (net, {"batch_size": 32 + rank}),
        (net, {"epochs": 1 + rank}),
        (net, {"x": X + rank}),
        (net, {"shuffle": rank == 0}),
        (net, {"by": optim.SGD if rank else optim.Adam}),
        (net, {"reproducible": 16 - rank}),
        (net, {"accumulate_steps": 2}),
        (net, {"by": optim.LBFGS}),
        (net, {"batch_size": 1, "reproducible": False}),
        (net, {"validation_data": (X, CLASSES) if rank else (X[1:], CLASSES[1:])}),
        (wide, {}),
        (net, {"y": CLASSES + 5}),
    ]
    for make, options in cases:
        model = make()
        before = digest(model)
        try:
            trained(comm, model, **options)
        except ValueError as error:
            found.append(str(error))
        else:
            found.append("trained")
        assert digest(model) == before or rank
    return found


def diverged(comm: Any) -> Any:
    """A loss that is not finite on one rank is an error on all; the weights are as before."""
    model, y = net(nn.BatchNorm1d(16)), NUMBERS.copy()
    y[-3:] = 1e30
    try:
        trained(comm, model, "mse", y, shuffle=False, by=optim.SGD)
    except FloatingPointError as error:
        return [str(error), digest(model)]
    return "trained"


def failed(comm: Any) -> Any:
    """An error that all ranks have is an exception on all, and they go on."""

    def no_disk(epoch: int, _: Any) -> None:
        raise OSError("no disk")

    try:
        trained(comm, net(), callbacks=[no_disk])
    except OSError as error:
        fastnn.manual_seed(0)
        return [str(error), plain(comm)]
    return "trained"


AGREED = [own_tree, first_weights, stopped, written, refused, diverged, failed]
CASES = {case.__name__: case for case in [*SAME, *AGREED]}


# ---- ways to end ----


def fails(comm: Any, how: str, path: str) -> list[Any]:
    """A fit of which the last rank ends in this way, after an epoch."""
    last = comm.Get_rank() == comm.Get_size() - 1

    def end(epoch: int, _: Any) -> None:
        if epoch == 3 and last and how == "kill":
            os.kill(os.getpid(), 9)
        if epoch == 3 and last and how == "raise":
            raise OSError("no disk")
        if epoch == 3 and last and how == "interrupt":
            os.kill(os.getpid(), 2)

    fastnn.manual_seed(5)
    return trained(comm, net(nn.Dropout(0.2)), epochs=8, callbacks=[end], checkpoint=path)[1]


def main(names: list[str]) -> None:
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    if names[0] == "fails":
        communicator.GRACE_SECONDS = 1.0
        try:
            fails(comm, *names[1:])
        except KeyboardInterrupt:
            print(f"rank {comm.Get_rank()} was interrupted", flush=True)
        return
    for name in names:
        fastnn.manual_seed(0)
        found = comm.gather(CASES[name](comm))
        if found is not None:
            print(json.dumps({name: found}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

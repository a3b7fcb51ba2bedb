"""Ranks that take turns in one process: the bits of one rank, an error on all, an end of all.

`test_mpi.py` has the same on processes of MPI.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import mpi_ranks
import numpy as np
import pytest
from mpi_ranks import AGREED, SAME, Alone, X, digest, net, trained
from rank_turns import on_ranks

import fastnn
from fastnn import nn, optim
from fastnn.population import fit_many
from fastnn.ranks import Ranks, Sums, communicator, from_first, launch
from fastnn.ranks.tree import bounds

Case = Callable[[Any], Any]


@pytest.mark.every(8)
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("case", SAME, ids=lambda case: case.__name__)
def test_ranks_have_the_bits_of_one(case: Case, size: int) -> None:
    fastnn.manual_seed(0)
    one = json.loads(json.dumps(case(Alone())))
    found, _ = on_ranks(size, case)
    assert json.loads(json.dumps(found)) == [one] * size


@pytest.mark.every(5)
@pytest.mark.parametrize("case", AGREED, ids=lambda case: case.__name__)
def test_ranks_agree(case: Case) -> None:
    first, second = on_ranks(2, case)[0]
    assert not isinstance(first, BaseException), first
    assert json.dumps(first) == json.dumps(second)


# ---- messages ----


@pytest.mark.parametrize("small", [0, 1 << 18])
@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("slices", [3, 8])
def test_sums_by_both_ways_of_sending(
    size: int, slices: int, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything to everybody, or each rank a part, of which some have nothing of a vector."""
    monkeypatch.setattr("fastnn.ranks.sums.SMALL_BYTES", small)
    rng = np.random.default_rng(1)
    given = [rng.normal(size=(slices, 90)).astype(np.float32), rng.normal(size=(slices, 3))]

    def compute(number: int, vectors: list[Any]) -> None:
        for vector, values in zip(vectors, given, strict=True):
            vector[:] = values[number]

    def work(comm: Any) -> list[list[float]]:
        sums = Sums(Ranks(comm), [a[0] for a in given])
        return [[v.tolist() for v in sums.run(slices, compute)] for _ in range(2)][1]

    sums = Sums(Ranks(Alone()), [a[0] for a in given])
    want = [v.tolist() for v in sums.run(slices, compute)]
    assert on_ranks(size, work)[0] == [want] * size
    np.testing.assert_allclose(want[1], given[1].sum(0))


def test_small_messages() -> None:
    def work(comm: Any) -> Any:
        ranks = Ranks(comm)
        sent = ranks.gather({"rank": comm.rank, "pad": "x" * comm.rank})
        flags = ranks.any(comm.rank == 1), ranks.any(False)
        return sent, flags, from_first(ranks, lambda: f"of {comm.rank}")

    for given in on_ranks(3, work)[0]:
        assert given == ([{"rank": r, "pad": "x" * r} for r in range(3)], (True, False), "of 0")
    alone = Ranks(Alone())
    assert alone.any(True) and not alone.any(False) and from_first(alone, lambda: 3) == 3


def test_an_error_of_the_first_is_everybodys() -> None:
    def fail() -> None:
        raise OSError("no file")

    for error in on_ranks(2, lambda comm: from_first(Ranks(comm), fail))[0]:
        assert isinstance(error, OSError) and str(error) == "no file"


class Never:
    """A message that does not come."""

    def Test(self) -> bool:
        return False


class Late:
    """One that is there at the third look."""

    looks = 0

    def Test(self) -> bool:
        self.looks += 1
        return self.looks == 3


def test_a_message_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rank lets others run while it waits, and gives up in the end."""
    pauses: list[float] = []
    monkeypatch.setenv("FASTNN_MPI_TIMEOUT", "1e-9")
    ranks = Ranks(Alone())
    ranks.wait(Late())
    with pytest.raises(RuntimeError, match=r"rank 0 of 1 has waited 1e-09 s for the others"):
        ranks.wait(Never())
    monkeypatch.delattr(os, "sched_yield", raising=False)  # as on Windows
    monkeypatch.setattr(communicator, "time", SimpleNamespace(
        sleep=pauses.append, monotonic=time.monotonic))  # fmt: skip
    with pytest.raises(RuntimeError, match="FASTNN_MPI_TIMEOUT sets the seconds"):
        ranks.wait(Never())
    assert set(pauses) == {0}


@pytest.mark.parametrize("text", ["0", "-1", "nan", "soon"])
def test_a_timeout_that_is_none(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_MPI_TIMEOUT", text)
    with pytest.raises(ValueError, match=f"FASTNN_MPI_TIMEOUT: expected .* above 0, got '{text}'"):
        Ranks(Alone())


def test_what_a_launcher_started(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in launch._SIZES:
        monkeypatch.delenv(name, raising=False)
    assert launch.launched() is None
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setattr(launch, "ranks_of", lambda comm: SimpleNamespace(size=2, comm=comm))
    found = launch.launched()
    assert found is not None and found.size == 2
    monkeypatch.setattr(launch, "ranks_of", lambda comm: SimpleNamespace(size=1))
    with pytest.raises(RuntimeError, match="comm: 2 processes were started, and mpi4py sees one"):
        launch.launched()


# ---- failures ----


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(communicator, "GRACE_SECONDS", 0.02)


@pytest.mark.parametrize("failing", [{0}, {1}, {0, 1}])
def test_who_fails(failing: set[int], capsys: pytest.CaptureFixture[str]) -> None:
    """Alone it ends all, with what it says; together each has its error."""

    def work(comm: Any) -> None:
        ranks = Ranks(comm)
        with ranks.ending_together():
            if comm.rank in failing:
                raise OSError(f"no disk {comm.rank}")

    found, turns = on_ranks(2, work)
    errors = {r: str(e) for r, e in enumerate(found) if e is not None}
    assert errors == {r: f"no disk {r}" for r in failing}
    told = capsys.readouterr().err
    if len(failing) == 2:
        assert turns.aborts == [] and told == ""
    else:
        (rank,) = failing
        assert turns.aborts == [(rank, 1)] and f"OSError: no disk {rank}\n" in told
        assert f"fastnn: rank {rank} of 2 failed and the others did not" in told


@contextmanager
def ctrl_c(handler: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals are of the main thread")
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_second_interrupt_is_one() -> None:
    ranks = Ranks(Alone())
    with ctrl_c(signal.default_int_handler):
        with ranks.ending_together():
            signal.raise_signal(signal.SIGINT)
            assert ranks.interrupts == 1
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        with pytest.raises(KeyboardInterrupt), ranks.ending_together():
            assert ranks.interrupts == 0
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)
        assert ranks.interrupts == 2


def test_a_users_handler_is_left_alone() -> None:
    ranks, seen = Ranks(Alone()), []
    with ctrl_c(lambda number, frame: seen.append(number)), ranks.ending_together():
        signal.raise_signal(signal.SIGINT)
    assert seen == [signal.SIGINT] and ranks.interrupts == 0


# ---- fits ----


def interrupted(comm: Any) -> Any:
    """The last rank has Ctrl-C in a callback; all end after the same epoch."""

    class Presses(fastnn.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1 and comm.rank:
                self.trainer._dealing.ranks.interrupts += 1

    model = net()
    try:
        trained(comm, model, epochs=5, callbacks=[Presses()])
    except KeyboardInterrupt:
        return digest(model)
    return "trained"


def interrupted_within(comm: Any) -> Any:
    """Between two steps: all end after the next one."""
    steps: list[tuple[int, int]] = []

    class Presses(fastnn.callbacks.Callback):
        def on_progress(self, epoch: int, step: int) -> None:
            steps.append((epoch, step))
            if (epoch, step) == (1, 3) and comm.rank:
                self.trainer._dealing.ranks.interrupts += 1

    model = net()
    try:
        trained(comm, model, callbacks=[Presses()])
    except KeyboardInterrupt:
        assert max(steps) == (1, 3)
        return digest(model)
    return "trained"


def drifted(comm: Any) -> str:
    """A callback that changes the weights of one rank."""

    class Changes(fastnn.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if comm.rank:
                next(self.model.parameters()).data[0, 0] = 7.0

    try:
        trained(comm, net(), callbacks=[Changes()])
    except RuntimeError as error:
        return str(error)
    return "trained"


@pytest.mark.parametrize("case", [interrupted, interrupted_within])
def test_an_interrupt_of_one_rank_ends_all(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastnn.train.dealt_loop.CHUNK_SECONDS", 0.0)
    first, second = on_ranks(2, case)[0]
    assert first == second != "trained" and not isinstance(first, BaseException)


def test_weights_that_differ() -> None:
    for text in on_ranks(2, drifted)[0]:
        assert text.startswith("comm: the weights differ between ranks after epoch 0")


def test_progress_is_told_between_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """To all who ask, on all ranks, and the weights are as without."""
    monkeypatch.setattr("fastnn.train.dealt_loop.CHUNK_SECONDS", 0.0)

    class Watches(fastnn.callbacks.Callback):
        def __init__(self) -> None:
            self.seen: list[tuple[int, int]] = []

        def on_progress(self, epoch: int, step: int) -> None:
            self.seen.append((epoch, step))

    def work(comm: Any) -> Any:
        watching = [Watches(), Watches()]
        got = trained(comm, net(), callbacks=watching)[1]
        assert watching[0].seen == watching[1].seen
        return got, watching[0].seen

    fastnn.manual_seed(0)
    want = trained(Alone(), net())[1]
    steps = [(epoch, step) for epoch in range(3) for step in range(1, 7)]
    for got, seen in on_ranks(2, work)[0]:
        assert got == want and set(steps) <= set(seen)


def of_two(comm: Any, parts: list[nn.Module], **options: Any) -> Any:
    """A net of two outputs."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(7, 3), nn.Linear(7, 3)

        def forward(self, x: Any) -> Any:
            return self.a(x), self.b(x)

    return trained(comm, Two(), parts, (mpi_ranks.NUMBERS,) * 2, **options)


def in_bfloat16(comm: Any) -> Any:
    return trained(comm, net().to(fastnn.bfloat16), "mse", mpi_ranks.NUMBERS)


REFUSED: dict[str, tuple[Case, str]] = {
    "closure": (lambda comm: trained(comm, net(), by=optim.LBFGS), "comm: LBFGS evaluates a batch"),
    "accumulate": (lambda comm: trained(comm, net(), accumulate_steps=2), "got 2"),
    "losses": (lambda comm: of_two(comm, [nn.MSELoss(), nn.MSELoss(reduction="sum")]),
               "expected all losses to be means, or all to be sums"),
    "weights": (lambda comm: of_two(comm, [nn.MSELoss(), nn.MSELoss()],
                                    sample_weight=mpi_ranks.WEIGHTS),
                "sample_weight: with comm it needs one loss"),
    "dtype": (in_bfloat16, "comm: expected parameters of float32 or float64, got bfloat16"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    case, text = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=text):
        case(Alone())


def test_state_is_compared() -> None:
    """Of an optimizer that has moments: those of all ranks become the first's."""

    def work(comm: Any) -> Any:
        model = net()
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        model(fastnn.tensor(X) * (1.0 + comm.rank)).sum().backward()
        optimizer.step()
        trainer = fastnn.Trainer(model, "cross_entropy", optimizer, comm=comm, reproducible=True)
        trainer.fit(X, mpi_ranks.CLASSES, epochs=1, batch_size=32, verbose=0)
        state = optimizer.state_dict()["state"]
        return digest(model), [m.tolist() for m in state[0].values() if hasattr(m, "tolist")]

    first, second = on_ranks(2, work)[0]
    assert not isinstance(first, BaseException) and first == second


def test_halving_needs_all_nets() -> None:
    def work(comm: Any) -> Any:
        return fit_many(
            net, X, mpi_ranks.CLASSES, configs=[{"lr": 0.1}] * 4, loss=nn.CrossEntropyLoss(),
            comm=comm, halving=2, epochs=4, verbose=0,
        )  # fmt: skip

    for error in on_ranks(2, work)[0]:
        assert isinstance(error, ValueError)
        assert str(error).startswith("halving: it compares all nets")


def test_bounds_deal_everything() -> None:
    assert [bounds(rank, 3, 8) for rank in range(3)] == [(0, 2), (2, 5), (5, 8)]

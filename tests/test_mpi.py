"""Trainer(comm=): ranks of an MPI communicator train together.

What runs on every rank is in mpi_ranks.py. Here is what has to come of it: the bits of one rank, an
error on all ranks, an end without a hang.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mpi_ranks
import numpy as np
import pytest
from mpi_ranks import AGREED, SAME, Alone, fails

import fastnn
from bench.mpi_model import Costs
from fastnn import nn, optim, tabular
from fastnn.cli import arguments, tables
from fastnn.cli.command import COMMANDS
from fastnn.ranks import Ranks, Sums, own, roots, total
from fastnn.ranks.launch import started
from fastnn.ranks.tree import Node

TESTS = Path(__file__).parent
NEXT_TO_PYTHON = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(NEXT_TO_PYTHON) if NEXT_TO_PYTHON.exists() else shutil.which("mpiexec")
on_mpi = pytest.mark.skipif(
    MPIEXEC is None or find_spec("mpi4py") is None, reason="mpi4py and mpiexec are not installed"
)


def run(
    ranks: int, *words: str, of: tuple[str, ...] = (str(TESTS / "mpi_ranks.py"),)
) -> subprocess.CompletedProcess[str]:
    """mpi_ranks.py, or another program, on so many ranks."""
    paths = os.pathsep.join([str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    command = [MPIEXEC or "", "-n", str(ranks), sys.executable, *of, *words]
    env = {**os.environ, "PYTHONPATH": paths, "PYTHONWARNINGS": "ignore"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)


@cache
def results(ranks: int) -> dict[str, list[Any]]:
    """What each case gave on each rank."""
    done = run(ranks, *mpi_ranks.CASES)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, list[Any]] = {}
    for line in done.stdout.splitlines():
        found |= json.loads(line)
    return found


@cache
def alone(case: Callable[[Any], Any]) -> Any:
    """What a case gives on one rank."""
    fastnn.manual_seed(0)
    return json.loads(json.dumps(case(Alone())))


# ---- the tree ----


@pytest.mark.parametrize("slices", [1, 2, 5, 8, 13])
def test_the_order_of_a_sum_does_not_depend_on_the_ranks(slices: int) -> None:
    def bracketed(left: str, right: str) -> str:
        return f"({left}+{right})"

    whole = {Node(i, i + 1): str(i) for i in range(slices)}
    wanted = total(Node(0, slices), whole, bracketed)
    for ranks in range(1, 2 * slices):
        known = {}
        for rank in range(ranks):
            mine = own(rank, ranks, slices)
            covered = [i for node in roots(rank, ranks, slices) for i in range(*node)]
            assert covered == list(range(*mine))
            known |= {n: total(n, whole, bracketed) for n in roots(rank, ranks, slices)}
        assert total(Node(0, slices), known, bracketed) == wanted


def test_a_sum_is_that_of_the_tree() -> None:
    rng = np.random.default_rng(1)
    given = rng.normal(size=(5, 33)).astype(np.float32), rng.normal(size=(5, 2))
    counts = rng.integers(0, 9, (5, 3))
    sums = Sums(Ranks(Alone()), [given[0][0], given[1][0], counts[0]])

    def compute(number: int, vectors: list[Any]) -> None:
        for vector, values in zip(vectors, (*given, counts), strict=True):
            vector[:] = values[number]

    for _ in range(2):
        for found, a in zip(sums.run(5, compute), (*given, counts), strict=True):
            assert found.dtype == a.dtype
            assert np.array_equal(found, (a[0] + a[1]) + (a[2] + (a[3] + a[4])))


# ---- one rank ----


def test_one_rank_without_slices_is_a_fit_as_ever() -> None:
    found = []
    for comm in (None, Alone()):
        fastnn.manual_seed(0)
        found.append(mpi_ranks.trained(comm, mpi_ranks.net(), reproducible=False)[1])
    assert found[0] == found[1]


@pytest.mark.every(5)
@pytest.mark.parametrize("case", SAME, ids=lambda case: case.__name__)
def test_slices_give_what_a_whole_batch_gives(
    case: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for roundings; and but for the moments and the dropout of slices."""
    sliced = alone(case)
    if case.__name__ in ("random", "in_python", "many"):
        return
    whole = mpi_ranks.trained

    def as_ever(comm: Any, *given: Any, **options: Any) -> Any:
        return whole(None, *given, reproducible=False, **options)

    monkeypatch.setattr(mpi_ranks, "trained", as_ever)
    fastnn.manual_seed(0)
    wanted = json.loads(json.dumps(case(None)))
    fits = [(sliced, wanted)] if isinstance(wanted[0], str) else zip(sliced, wanted, strict=True)
    for (_, got, state), (_, figures, states) in fits:
        assert state == states
        assert got.keys() == figures.keys()
        for name in figures:
            assert got[name] == pytest.approx(figures[name], rel=2e-5, abs=1e-6), name


def test_dropout_of_slices_differs() -> None:
    """Each slice has numbers of its own; the generator goes on as after one step."""

    def loss_of(rows: int) -> float:
        fastnn.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 40), nn.Dropout(0.5), nn.Linear(40, 1))
        trainer = fastnn.Trainer(
            model, nn.MSELoss(reduction="sum"), optim.SGD(model.parameters(), lr=0.0),
            comm=Alone(), reproducible=rows,
        )  # fmt: skip
        before = fastnn.random.default_generator.engine_state.tolist()
        x, y = np.ones((rows, 2), np.float32), np.zeros((rows, 1))
        history = trainer.fit(x, y, batch_size=rows, verbose=0)
        after = fastnn.random.default_generator.engine_state.tolist()
        assert after == [before[0], before[1] + 1]
        return float(history.history["loss"][0])

    first, both = loss_of(1), loss_of(2)
    assert abs(both - 2 * first) > 1e-3 * first


# ---- arguments ----


def test_arguments_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = mpi_ranks.net()

    def make(**options: Any) -> fastnn.Trainer:
        return fastnn.Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.1), **options)

    with pytest.raises(TypeError, match=r"comm: .*MPI\.COMM_WORLD.*got 3.*fastnn-cpu\[mpi\]"):
        make(comm=3)
    with pytest.raises(ValueError, match="comm: expected"):
        make(comm="all")
    with pytest.raises(ValueError, match=r"reproducible: .*comm="):
        make(reproducible=True)
    with pytest.raises(ValueError, match="reproducible"):
        make(comm=Alone(), reproducible=-1)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r"pip install 'fastnn-cpu\[mpi\]'"):
        make(comm="world")


def test_mpi4py_is_not_imported_unless_asked_for() -> None:
    alone(SAME[0])
    assert "mpi4py.MPI" not in sys.modules


# ---- several ranks ----


@pytest.mark.long
@on_mpi
@pytest.mark.parametrize("case", SAME, ids=lambda case: case.__name__)
def test_two_ranks_have_the_bits_of_one(case: Callable[[Any], Any]) -> None:
    assert results(2)[case.__name__] == [alone(case)] * 2


@pytest.mark.long
@on_mpi
@pytest.mark.parametrize("case", AGREED, ids=lambda case: case.__name__)
def test_two_ranks_agree(case: Callable[[Any], Any]) -> None:
    first, second = results(2)[case.__name__]
    assert first == second
    if case.__name__ == "refused":
        named = ["batch_size", "epochs", "x, y or weights", "shuffle", "the optimizer"]
        named += ["reproducible", "accumulate_steps", "LBFGS", "batch_size", "validation data"]
        assert all(
            name in text for name, text in zip([*named, "0.weight", "y"], first, strict=True)
        )
    if case.__name__ == "diverged":
        assert "epoch 0, step 6" in first[0] and "as before that step" in first[0]
    if case.__name__ == "failed":
        assert first == ["no disk", alone(SAME[0])]
    if case.__name__ == "stopped":
        assert first[0] == [4, 2]


@pytest.mark.long
@on_mpi
def test_a_rank_that_is_killed_ends_all_and_others_resume(tmp_path: Path) -> None:
    path = str(tmp_path / "state.st")
    done = run(2, "fails", "kill", path)
    assert done.returncode != 0 and "KILLED" in (done.stdout + done.stderr).upper()
    whole = fails(Alone(), "none", str(tmp_path / "other.st"))
    assert fails(Alone(), "none", path) == whole


@pytest.mark.long
@on_mpi
def test_an_error_of_one_rank_ends_all(tmp_path: Path) -> None:
    done = run(2, "fails", "raise", str(tmp_path / "state.st"))
    assert done.returncode != 0
    assert "OSError: no disk" in done.stderr
    assert "fastnn: rank 1 of 2 failed and the others did not, so all are ended" in done.stderr
    assert (tmp_path / "state.st").exists()


@pytest.mark.long
@on_mpi
def test_the_command_trains_on_all_ranks(tmp_path: Path) -> None:
    """Rank 0 prints and writes; the weights are those of one rank."""
    words = ["train", "iris", "--epochs", "2", "--reproducible", "--json", "--quiet"]
    done = run(2, *words, "--out", str(tmp_path / "net"), of=("-m", "fastnn"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"]
    settings = tabular.Settings(**{**tabular.defaults("iris"), "epochs": 2})
    table = tabular.load_table("iris")
    one = tabular.train(table, settings, comm=Alone(), reproducible=True).model
    made = tabular.TabularModel.load(tmp_path / "net.safetensors")
    assert np.array_equal(made.predict_proba(table.rows), one.predict_proba(table.rows))


def test_the_command_refuses_presets_on_several_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    args = arguments.parser(COMMANDS).parse_args(["train", "iris", "--preset", "td"])
    table = tabular.load_table("iris")
    with pytest.raises(ValueError, match="--preset td: with several ranks"):
        tables.preset_of(args, True, table, dealt=True)
    for name in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.setenv(name, "3")
        assert started() == 3
        monkeypatch.delenv(name)


# ---- the model of cost ----


def test_the_crossover_is_where_ranks_take_as_long_as_one() -> None:
    costs = Costs(whole=500.0, update=20.0, beside=60.0, latency=15.0, byte=1e-3, gradients=40_000)
    for ranks in (2, 4, 8):
        factor = costs.crossover(64, ranks) / 64
        there = costs._replace(whole=costs.update + factor * (costs.whole - costs.update))
        assert there.step_us(ranks) == pytest.approx(there.whole)


@on_mpi
@pytest.mark.slow
@pytest.mark.parametrize("ranks", [3, 4, 7])
def test_many_ranks_have_the_bits_of_one(ranks: int) -> None:
    """More than there are processors, perhaps."""
    for case in SAME:
        assert results(ranks)[case.__name__] == [alone(case)] * ranks, case.__name__
    for case in AGREED:
        found = results(ranks)[case.__name__]
        assert found == found[:1] * ranks, case.__name__


@on_mpi
@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 4])
def test_an_interrupt_of_one_rank_ends_all_after_the_same_step(ranks: int, tmp_path: Path) -> None:
    path = str(tmp_path / "state.st")
    done = run(ranks, "fails", "interrupt", path)
    assert done.stdout.count("was interrupted") == ranks
    whole = fails(Alone(), "none", str(tmp_path / "other.st"))
    assert fails(Alone(), "none", path) == whole

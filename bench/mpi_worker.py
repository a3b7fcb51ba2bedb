"""One rank of `python -m bench.mpi`: `mpiexec -n P python -m bench.mpi_worker SECONDS CASE ...`.

Rank 0 prints JSON: what messages take, and for each case the time of a step of all ranks.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from mpi4py import MPI

import fastnn
from bench import data
from bench.cases import CASES, Case
from bench.rival_fastnn import LOSSES, Rival
from fastnn.ranks import Ranks, Sums, ranks_of

LATENCY_BYTES, LARGE_BYTES = 64, 1 << 22
REPEATS = 7


def median_us(run: Callable[[], object], ranks: Ranks, seconds: float) -> float:
    """Microseconds of a run, which every rank begins at the same time: the median of some."""
    run()
    begin = time.perf_counter()
    run()
    own = time.perf_counter() - begin
    count = max(1, int(seconds / REPEATS / max(ranks.gather(own))))
    found = []
    for _ in range(REPEATS):
        ranks.any(False)
        begin = time.perf_counter()
        for _ in range(count):
            run()
        found.append((time.perf_counter() - begin) / count)
    return 1e6 * sorted(found)[REPEATS // 2]


def summing_us(ranks: Ranks, size: int, seconds: float) -> float:
    """Microseconds to sum float32 vectors of so many bytes over all ranks."""
    vector = np.ones(size // 4, np.float32)
    sums = Sums(ranks, [vector])

    def compute(number: int, vectors: list[Any]) -> None:
        vectors[0][:] = vector

    return median_us(lambda: sums.run(ranks.size, compute), ranks, seconds)


def step_us(rival: Rival, comm: Any, ranks: Ranks, seconds: float, slices: int = 0) -> float:
    """Microseconds of a step of Trainer.fit with this communicator; None: by itself."""
    case, made = rival.case, rival.data
    reproducible = slices if slices else False
    trainer = fastnn.Trainer(
        rival.model, LOSSES[case.loss](), rival.trainer.optimizer, comm=comm,
        reproducible=reproducible,
    )  # fmt: skip

    def run() -> None:
        trainer.fit(made.x, made.y, epochs=2, batch_size=case.batch, verbose=0)

    return median_us(run, ranks, seconds) / (2 * case.steps)


def update_us(rival: Rival, ranks: Ranks, seconds: float) -> float:
    """Microseconds of an optimizer's step, which every rank does."""
    rival.epochs(1)
    step = fastnn.compile(rival.trainer.optimizer.step)
    return median_us(step, ranks, seconds)


def overlap_us(rival: Rival, ranks: Ranks, seconds: float) -> tuple[float, float]:
    """Microseconds of a backward pass and a message of all gradients: one after the other; and with
    half of the message on its way while the pass runs, more than could be in a step."""
    case, comm = rival.case, MPI.COMM_WORLD
    x, y = rival.data.x[: case.batch // ranks.size], rival.data.y[: case.batch // ranks.size]
    loss, model = LOSSES[case.loss](), rival.model

    def step(x: fastnn.Tensor, y: fastnn.Tensor) -> fastnn.Tensor:
        value: fastnn.Tensor = loss(model(x), y)
        value.backward()
        return value

    backward = fastnn.compile(step)
    xs, ys = fastnn.tensor(x), fastnn.tensor(y)
    whole = np.ones(case.parameters, np.float32)
    half = whole[: case.parameters // 2].copy()
    rows, rows_of_half = (np.empty((ranks.size, a.size), np.float32) for a in (whole, half))

    def after() -> None:
        backward(xs, ys)
        ranks.wait(comm.Iallgather(whole, rows))

    def beside() -> None:
        request = comm.Iallgather(half, rows_of_half)
        backward(xs, ys)
        ranks.wait(request)
        ranks.wait(comm.Iallgather(half, rows_of_half))

    return median_us(after, ranks, seconds), median_us(beside, ranks, seconds)


def measured(case: Case, ranks: Ranks, seconds: float) -> dict[str, Any]:
    """The times of a case on these ranks."""
    rival = Rival(case, data.make(case), 1)
    if ranks.size > 1:
        after, beside = overlap_us(rival, ranks, seconds)
        return {
            "step": step_us(rival, MPI.COMM_WORLD, ranks, seconds),
            "after": after,
            "beside": beside,
        }
    return {
        "plain": step_us(rival, None, ranks, seconds),
        "update": update_us(rival, ranks, seconds),
        "step": step_us(rival, MPI.COMM_WORLD, ranks, seconds, slices=1),
    }


def main() -> None:
    seconds, names = float(sys.argv[1]), sys.argv[2:]
    ranks = ranks_of(MPI.COMM_WORLD)
    assert ranks is not None
    fastnn.set_num_threads(1)
    found: dict[str, Any] = {
        "latency": summing_us(ranks, LATENCY_BYTES, seconds),
        "large": summing_us(ranks, LARGE_BYTES, seconds),
        "cases": {name: measured(CASES[name], ranks, seconds) for name in names},
    }
    if ranks.rank == 0:
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()

"""Memory: every allocation of the engine may fail, and nothing grows (R13, R14)."""

from __future__ import annotations

import copy
import ctypes
import gc
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PROFILE
from test_compile import Form, bits, data, mlp

import fastnn
from fastnn import nn, optim
from fastnn._core import engine
from fastnn.tensor import of_array
from fastnn.train import Trainer, batch_order
from fastnn.train.update import Update
from fastnn.train.validation import Rows

STATM = Path("/proc/self/statm")
CYCLES = 10_000 if PROFILE == "release" else 500


@pytest.fixture(autouse=True)
def _allocations_work_again() -> Iterator[None]:
    yield
    engine.fail_allocation(-1)


def sweep(work: Callable[[], Any], after: Callable[[], None]) -> int:
    """Fail the n-th allocation of the work, for every n; how many there are.

    `after` is called with allocations working again.
    """
    work()
    before = engine.allocations()
    work()
    count = engine.allocations() - before
    for n in range(count):
        engine.fail_allocation(n)
        with pytest.raises(MemoryError, match=r"^fastnn: "):
            work()
        engine.fail_allocation(-1)
        after()
    engine.fail_allocation(count)  # one too far: nothing fails
    work()
    engine.fail_allocation(-1)
    return count


def test_compiling_and_running_a_step(real: str) -> None:
    it, want = Form(real), Form(real)
    ((x, y),) = data(real, 1, 5, 6, 6, "squares")
    steps = [bits([want.skip_connection(x, y), list(want.model.parameters())]) for _ in range(60)]

    def work() -> None:
        f = fastnn.compile(it.skip_connection)
        f(x, y)
        f(x, y)

    def after() -> None:  # whole steps were made: the next one is one of the eager run
        loss = it.skip_connection(x, y)
        assert bits([loss, list(it.model.parameters())]) in steps

    assert sweep(work, after) >= 5


def test_predict(real: str) -> None:
    x = np.random.default_rng(0).standard_normal((5, 6)).astype(real)
    model = mlp(real, [6, 4, 2])
    want = model.predict(x)

    def work() -> None:
        mlp(real, [6, 4, 2]).predict(x)

    def after() -> None:
        np.testing.assert_array_equal(model.predict(x), want)
        np.testing.assert_array_equal(mlp(real, [6, 4, 2]).predict(x), want)

    assert sweep(work, after) >= 5


@pytest.mark.parametrize(("rows", "least"), [(24, 5), (22, 10)])
def test_fit(rows: int, least: int) -> None:
    """Before the loop starts nothing has changed; during it nothing is allocated, but once for a
    smaller last batch: then the steps before it were made, to the bit."""
    x, y = np.random.default_rng(0).standard_normal((rows, 6)), np.arange(rows) % 3
    model = mlp("float32", [6, 4, 3])
    optimizer, loss = optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    trainers = [Trainer(model, loss, optimizer)]

    def work() -> None:
        trainers.append(Trainer(model, loss, optimizer))
        trainers[-1].fit(x, y, batch_size=8, verbose=0)
        before[:] = [bits(list(model.parameters())), copy.deepcopy((model, optimizer))]

    before: list[Any] = []

    def after() -> None:
        found = bits(list(model.parameters()))
        if found != before[0]:
            assert rows % 8
            assert found == bits(two_steps(*before[1], trainers[-1].seed))
        assert model.predict(x).shape == (rows, 3)
        work()
        assert bits(list(model.parameters())) != found

    def two_steps(model: Any, optimizer: Any, seed: int) -> list[Any]:
        for chosen in np.split(batch_order(rows, seed, 0)[:16], 2):
            optimizer.zero_grad()
            loss(model(of_array(x[chosen].astype("f"))), of_array(y[chosen])).backward()
            optimizer.step()
        return list(model.parameters())

    assert sweep(work, after) >= least  # one program or two


@pytest.mark.parametrize("threads", [1, 2])
def test_an_eager_call_with_a_large_workspace(threads: int, real: str) -> None:
    x = np.random.default_rng(0).standard_normal((100_000, 3)).astype(real)
    big = np.ones((1, 20_011, 170), real)

    def softmax_loss() -> tuple[Any, ...]:
        loss = np.full((), np.nan, real)
        y = np.zeros(len(x), np.int64)
        engine.call(engine.OPS["softmax_cross_entropy"], (loss, None, x, y), x.shape, (1,), threads)
        return (loss,)

    def total() -> tuple[Any, ...]:
        out = np.full((1, 170), np.nan, real)
        engine.call(engine.OPS["sum"], (out, big), big.shape, (), threads)
        return (out,)

    want = bits(tuple(map(of_array, softmax_loss())))

    def after() -> None:
        assert (total()[0] == 20_011).all()
        assert bits(tuple(map(of_array, softmax_loss()))) == want

    assert sweep(softmax_loss, after) == sweep(total, after) == 1


@pytest.mark.parametrize("nth", [0, 1, 5])
def test_a_loop_that_gets_no_helpers(nth: int) -> None:
    """No memory for a team or for the scratch of its threads: as many as there are do the work."""
    model = mlp("float32", [70, 300, 130, 10])
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    ((x, y),) = data("float32", 1, 300, 70, 10, "classes")
    steps = trainer._steps(trainer.model, trainer.loss)
    loop = steps.training(Rows(x.numpy(), y.numpy()), 300, True, 0, {}, Update())
    before, helpers = bits(list(model.parameters())), engine.team_counts()["helpers"]
    loop.start(0, 1)
    team = helpers + 20  # new threads, which need their scratch
    engine.fail_allocation(nth)
    loop._loop.run(-1.0, team)
    engine.fail_allocation(-1)
    assert engine.team_counts()["helpers"] < team - 1
    assert loop.epoch == 1 and bits(list(model.parameters())) != before
    assert np.isfinite(loop.sums_of(0)[0])


def resident() -> int:
    """Bytes of this process in memory, without the holes that earlier tests have left."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.long
@pytest.mark.skipif(not STATM.exists(), reason="reads /proc/self/statm")
def test_fit_and_predict_do_not_grow() -> None:
    """R14: CYCLES, each with a new trainer and programs, every other one with a new model."""
    x = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
    y = np.arange(40) % 3

    def cycle(model: nn.Module) -> None:
        trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
        trainer.fit(x, y, batch_size=16, verbose=0)
        model.predict(x)

    kept = mlp("float32", [6, 64, 3])
    for _ in range(100):
        cycle(kept)
        cycle(mlp("float32", [6, 64, 3]))
    before = resident()
    for _ in range(CYCLES // 2):
        cycle(kept)
        cycle(mlp("float32", [6, 64, 3]))
    assert resident() - before <= 1 << 20


@pytest.mark.long
@pytest.mark.skipif(not STATM.exists(), reason="reads /proc/self/statm")
def test_a_thread_takes_its_scratch_with_it() -> None:
    """Products pack their operands in it: 2 MB a thread."""

    def product() -> None:
        a = fastnn.ones(300, 400)
        a @ a.T

    def run(threads: int) -> None:
        for _ in range(threads):
            thread = threading.Thread(target=product)
            thread.start()
            thread.join()

    run(5)
    before = resident()
    run(40)
    assert resident() - before <= 32 << 20  # of 80 MB, were it kept

"""DataLoader with samplers, streams and worker processes."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn.utils import data
from fastnn.utils.data import DataLoader, TensorDataset, get_worker_info


class Squares(data.Dataset):
    """Item i is i * i; items in `wrong` raise, item `dies` ends the process."""

    def __init__(self, n: int, wrong: tuple[int, ...] = (), dies: int = -1) -> None:
        self.n, self.wrong, self.dies = n, wrong, dies

    def __getitem__(self, index: int) -> int:
        if index == self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        if index in self.wrong:
            raise KeyError(f"item {index} is missing")
        return index * index

    def __len__(self) -> int:
        return self.n


class Numbers(data.IterableDataset):
    """A stream of 0 .. n-1, dealt to the workers."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self) -> Iterator[int]:
        worker = get_worker_info()
        return iter(
            range(self.n) if worker is None else range(worker.id, self.n, worker.num_workers)
        )

    def __len__(self) -> int:
        return self.n


class Seen(data.Dataset):
    """What a worker knows of itself, and the first numbers of its generators."""

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        worker = get_worker_info()
        numbers = fastnn.rand(()).item(), random.random(), float(np.random.rand())
        return (os.getpid(), *((-1, 0) if worker is None else (worker.id, worker.seed)), *numbers)

    def __len__(self) -> int:
        return 4


def lists(loader: Any) -> list[Any]:
    return [batch.tolist() for batch in loader]


SQUARES = [[0, 1, 4], [9, 16, 25], [36]]


@pytest.mark.long
@pytest.mark.parametrize(
    "options",
    [
        {}, {"num_workers": 1}, {"num_workers": 2}, {"num_workers": 5},
        {"num_workers": 2, "prefetch_factor": 1}, {"num_workers": 2, "persistent_workers": True},
        {"num_workers": 2, "multiprocessing_context": "spawn"}, {"num_workers": 2, "timeout": 60},
    ],
)  # fmt: skip
def test_batches_come_in_order(options: dict[str, Any]) -> None:
    loader = DataLoader(Squares(7), batch_size=3, **options)
    assert lists(loader) == SQUARES
    assert lists(loader) == SQUARES  # the second epoch
    assert len(loader) == 3


def test_shuffled_batches_do_not_depend_on_workers() -> None:
    found = []
    for workers in (0, 2):
        fastnn.manual_seed(5)
        loader = DataLoader(Squares(20), batch_size=3, shuffle=True, num_workers=workers)
        found.append((lists(loader), lists(loader), fastnn.rand(1).item()))
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]


def test_out_of_order() -> None:
    loader = DataLoader(Squares(7), batch_size=3, num_workers=2, in_order=False)
    assert sorted(lists(loader)) == SQUARES


@pytest.mark.every(5)
@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("drop_last", [False, True])
def test_streams(workers: int, drop_last: bool) -> None:
    loader = DataLoader(Numbers(8), batch_size=3, num_workers=workers, drop_last=drop_last)
    found = sorted(number for batch in lists(loader) for number in batch)
    if not drop_last:
        assert found == list(range(8))
    share = [len(range(w, 8, max(workers, 1))) for w in range(max(workers, 1))]
    assert len(found) == sum(n - n % 3 if drop_last else n for n in share)
    assert len(loader) == (2 if drop_last else 3)


def test_single_items() -> None:
    assert list(DataLoader(Numbers(3), batch_size=None)) == [0, 1, 2]
    rows = list(DataLoader([np.ones(2, np.float32), np.zeros(2, np.float32)], batch_size=None))
    assert isinstance(rows[0], fastnn.Tensor) and rows[1].tolist() == [0, 0]
    workers = DataLoader(Squares(5), batch_size=None, num_workers=2)
    assert list(workers) == [0, 1, 4, 9, 16]


def test_workers_have_seeds_of_their_own() -> None:
    fastnn.manual_seed(1)
    state = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
    first = list(DataLoader(Seen(), batch_size=None, num_workers=2))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == state  # type: ignore[index]
    fastnn.manual_seed(1)
    again = list(DataLoader(Seen(), batch_size=None, num_workers=2))
    assert [item[1:] for item in first] == [item[1:] for item in again]
    assert [item[1] for item in first] == [0, 1, 0, 1]
    assert first[0][0] == first[2][0] != first[1][0] != os.getpid()
    assert first[1][2] == first[0][2] + 1
    assert len({item[3:] for item in first}) == 4
    assert get_worker_info() is None


def note(folder: Path, worker: int) -> None:
    (folder / f"{worker}-{os.getpid()}").touch()


def test_init_function_and_persistence(tmp_path: Any) -> None:
    loader = DataLoader(
        Squares(7), batch_size=3, num_workers=2, worker_init_fn=partial(note, tmp_path),
        persistent_workers=True,
    )  # fmt: skip
    next(iter(loader))  # an epoch that is left early
    assert lists(loader) == SQUARES and lists(loader) == SQUARES
    assert sorted(p.name[0] for p in tmp_path.iterdir()) == ["0", "1"]
    processes = loader._workers.processes  # type: ignore[union-attr]
    del loader
    assert not any(process.is_alive() for process in processes)


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"num_workers": 2, "in_order": False}])
def test_an_error_of_the_data_set_arrives(options: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="item 4 is missing"):
        lists(DataLoader(Squares(7, wrong=(4,)), batch_size=3, **options))


def wrong(worker: int) -> None:
    raise LookupError(f"no luck in {worker}")


def test_an_error_of_the_init_function_arrives() -> None:
    with pytest.raises(LookupError, match="no luck in 0"):
        lists(DataLoader(Squares(7), num_workers=2, worker_init_fn=wrong))


def unsent(items: Any) -> Any:
    return lambda: items


def test_a_batch_that_cannot_be_sent() -> None:
    loader = DataLoader(Squares(2), num_workers=1, collate_fn=unsent)
    with pytest.raises(RuntimeError, match=r"pickle|local object"):  # 3.13 and newer say that
        list(loader)


def test_a_worker_that_dies() -> None:
    with pytest.raises(RuntimeError, match=r"worker 1 \(pid \d+\) ended .* exit code -9"):
        lists(DataLoader(Squares(9, dies=4), batch_size=3, num_workers=2))


class Slow(Squares):
    def __getitem__(self, index: int) -> int:
        signal.pause()
        return 0


@pytest.mark.long
def test_timeout() -> None:
    with pytest.raises(RuntimeError, match=r"timeout=0\.1 "):
        lists(DataLoader(Slow(3), num_workers=1, timeout=0.1))


@pytest.mark.parametrize("context", ["spawn", "forkserver"])
@pytest.mark.parametrize(
    "name, given",
    [("dataset", [lambda: 0]), ("collate_fn", lambda items: items),
     ("worker_init_fn", lambda worker: None), ("dataset", [threading.Lock()])],
)  # fmt: skip
def test_what_does_not_pickle_is_named(name: str, given: Any, context: str) -> None:
    options = {"dataset": Squares(2), "num_workers": 1, "multiprocessing_context": context}
    with pytest.raises(TypeError, match=f"^{name}: expected what can be pickled"):
        list(DataLoader(**{**options, name: given}))


def test_large_tasks_and_batches_cannot_block_each_other() -> None:
    n = 200_000  # more than a pipe holds, both ways
    loader = DataLoader(TensorDataset(fastnn.arange(2 * n)), batch_size=n, num_workers=1)
    assert [batch[0].shape for batch in loader] == [(n,), (n,)]


def test_batch_sampler() -> None:
    order = data.BatchSampler([4, 3, 2, 1, 0], 2, drop_last=True)
    assert list(order) == [[4, 3], [2, 1]] and len(order) == 2
    for workers in (0, 2):
        loader = DataLoader(Squares(5), batch_sampler=order, num_workers=workers)
        assert lists(loader) == [[16, 9], [4, 1]] and len(loader) == 2
        assert loader.batch_size is None and loader.batch_sampler is order


@pytest.mark.parametrize(
    ("dataset", "options", "named"),
    [
        (Squares(3), {"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler"),
        (Squares(3), {"batch_sampler": [[0]], "shuffle": True}, "batch_sampler"),
        (Squares(3), {"batch_sampler": [[0]], "drop_last": True}, "batch_sampler"),
        (Squares(3), {"sampler": [0], "shuffle": True}, "sampler"),
        (Squares(3), {"batch_size": None, "drop_last": True}, "drop_last"),
        (Squares(3), {"batch_size": 0}, "batch_size"),
        (Squares(3), {"num_workers": -1}, "num_workers"),
        (Squares(3), {"prefetch_factor": 2}, "num_workers"),
        (Squares(3), {"persistent_workers": True}, "num_workers"),
        (Squares(3), {"timeout": 1}, "num_workers"),
        (Squares(3), {"timeout": -1, "num_workers": 1}, "timeout"),
        (Squares(3), {"prefetch_factor": 0, "num_workers": 1}, "prefetch_factor"),
        (Numbers(3), {"shuffle": True}, "shuffle"),
        (Numbers(3), {"sampler": [0]}, "sampler"),
        (Numbers(3), {"batch_sampler": [[0]]}, "batch_sampler"),
    ],
)  # fmt: skip
def test_loader_refuses(dataset: Any, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        DataLoader(dataset, **options)


def test_data_sets_joined() -> None:
    both = Squares(2) + Squares(3)
    assert isinstance(both, data.ConcatDataset)
    assert [both[i] for i in range(-5, 5)] == [0, 1, 0, 1, 4] * 2
    with pytest.raises(IndexError, match=r"-5\.\.4, got 5"):
        both[5]
    with pytest.raises(ValueError, match="datasets"):
        data.ConcatDataset([])
    with pytest.raises(TypeError, match=r"datasets\[1\]"):
        data.ConcatDataset([Squares(1), Numbers(1)])
    chain = Numbers(2) + Numbers(3)
    assert list(chain) == [0, 1, 0, 1, 2] and len(chain) == 5
    with pytest.raises(TypeError, match=r"datasets\[0\]"):
        data.ChainDataset([Squares(1)])
    stacked = data.StackDataset(Squares(3), [5, 6, 7])
    assert stacked[2] == (4, 7) and len(stacked) == 3
    for parts, named in (((), {}), ((Squares(1),), {"a": [1]}), ((Squares(1), Squares(2)), {})):
        with pytest.raises(ValueError, match="datasets"):
            data.StackDataset(*parts, **named)


def test_samplers_refuse() -> None:
    for call in (
        lambda: data.RandomSampler(range(3), num_samples=0),
        lambda: data.WeightedRandomSampler([[1.0]], 1),
        lambda: data.WeightedRandomSampler([1.0], 0),
        lambda: data.BatchSampler(range(3), 0, False),
    ):
        with pytest.raises(ValueError):
            call()
    assert list(data.RandomSampler([])) == []

"""DataLoader: the batches of a data set, epoch by epoch."""

from __future__ import annotations

import multiprocessing
import pickle
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import repeat
from multiprocessing.reduction import ForkingPickler
from typing import Any

from fastnn._support import check
from fastnn._support.arrays import show
from fastnn.random import Generator, derive_seed
from fastnn.utils.data.datasets import IterableDataset
from fastnn.utils.data.fetch import Fetcher
from fastnn.utils.data.samplers import BatchSampler, RandomSampler, SequentialSampler
from fastnn.utils.data.workers import Workers

__all__ = ["DataLoader"]


class DataLoader:
    """Iterate over a data set in batches, in order or shuffled anew for each epoch.

    Args:
        dataset: has `__len__` and `__getitem__`, or is an `IterableDataset`.
        batch_size: items per batch, default 1; None yields single items.
        shuffle: shuffle in each epoch, default False; the order for a seed is torch's.
        sampler: iterable of indices, instead of `shuffle`.
        batch_sampler: iterable of lists of indices, instead of batch_size, shuffle, sampler and
            drop_last.
        num_workers: processes that fetch the batches; default 0: this process does.
        collate_fn: function that makes a batch of a list of items, default `default_collate`.
        pin_memory, pin_memory_device: without effect on a CPU.
        drop_last: drop a smaller last batch, default False.
        timeout: seconds to wait for a worker's batch; default 0: for ever.
        worker_init_fn: called in each worker with its number, after seeding.
        multiprocessing_context: "fork", "spawn", "forkserver" or a context of multiprocessing;
            default: Python's own, "fork" on Linux, and "forkserver" there from Python 3.14 on.
        generator: random generator of the order; default: seeded from that of `manual_seed`.
        prefetch_factor: batches that each worker may be ahead, default 2.
        persistent_workers: keep the processes from epoch to epoch, default False.
        in_order: False: yield a worker's batch as soon as it is there, default True.

    Raises:
        ValueError: sizes below 1 or arguments that exclude each other.
        RuntimeError: a worker ended, or no batch came within `timeout`.

    >>> import fastnn
    >>> from fastnn.utils.data import DataLoader, TensorDataset
    >>> data = TensorDataset(fastnn.tensor([[1.0], [2.0], [3.0]]), fastnn.tensor([1, 2, 3]))
    >>> [tuple(x.shape) for x, y in DataLoader(data, batch_size=2)]
    [(2, 1), (1, 1)]
    """

    dataset: Any
    generator: Generator | None

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], object] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        self.dataset, self.generator = dataset, generator
        self.drop_last: bool = check.flag("drop_last", drop_last)
        self.collate_fn = collate_fn
        self.num_workers: int = check.integer("num_workers", num_workers, 0)
        self.timeout: float = check.real("timeout", timeout, 0.0)
        if worker_init_fn is not None and not callable(worker_init_fn):
            raise TypeError(
                f"worker_init_fn: expected a function of a worker's number, got "
                f"{show(worker_init_fn)}"
            )
        self.worker_init_fn = worker_init_fn
        if isinstance(multiprocessing_context, str):
            known = multiprocessing.get_all_start_methods()
            check.choice("multiprocessing_context", multiprocessing_context, known)
        self.multiprocessing_context = multiprocessing_context
        self.persistent_workers: bool = check.flag("persistent_workers", persistent_workers)
        self.in_order: bool = check.flag("in_order", in_order)
        if not num_workers and (prefetch_factor is not None or timeout or persistent_workers):
            raise ValueError(
                "num_workers: expected at least 1 with prefetch_factor, timeout or "
                "persistent_workers, got 0"
            )
        self.prefetch_factor: int = (
            2 if prefetch_factor is None else check.integer("prefetch_factor", prefetch_factor, 1)
        )
        self._set_order(batch_size, shuffle, sampler, batch_sampler)
        self._workers: Workers | None = None

    def _set_order(
        self, batch_size: int | None, shuffle: bool | None, sampler: Any, batch_sampler: Any
    ) -> None:
        streams = isinstance(self.dataset, IterableDataset)
        if streams:
            for name, value in (
                ("shuffle", shuffle), ("sampler", sampler), ("batch_sampler", batch_sampler)
            ):  # fmt: skip
                if value not in (None, False):
                    raise ValueError(f"{name}: expected None for an IterableDataset")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or self.drop_last:
                raise ValueError(
                    "batch_sampler: expected None with batch_size, shuffle, sampler or drop_last"
                )
            batch_size = None
        elif batch_size is None and self.drop_last:
            raise ValueError("drop_last: expected False without batches")
        if sampler is not None and shuffle:
            raise ValueError("sampler: expected None with shuffle=True")
        self.batch_size: int | None = None if batch_size is None else check.batch_size(batch_size)
        if streams:
            sampler = repeat(None)
        elif sampler is None:
            sampler = (
                RandomSampler(self.dataset, generator=self.generator)
                if shuffle
                else SequentialSampler(self.dataset)
            )
        self.sampler = sampler
        if batch_sampler is None and self.batch_size is not None and not streams:
            batch_sampler = BatchSampler(sampler, self.batch_size, self.drop_last)
        self.batch_sampler = batch_sampler

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self._indices())  # type: ignore[arg-type]
        n = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def _indices(self) -> Iterable[Any]:
        """What is fetched at once: lists of indices, or single ones."""
        if isinstance(self.dataset, IterableDataset):
            return repeat(None if self.batch_size is None else [None] * self.batch_size)
        order: Iterable[Any] = self.sampler if self.batch_sampler is None else self.batch_sampler
        return order

    def __iter__(self) -> Iterator[Any]:
        seed = derive_seed(self.generator)  # of the workers; torch draws it also without them
        fetcher = partial(Fetcher, self.dataset, self.collate_fn, self.drop_last)
        if not self.num_workers:
            return self._here(fetcher())
        return self._in_workers(fetcher, seed)

    def _here(self, fetch: Fetcher) -> Iterator[Any]:
        for index in self._indices():
            try:
                batch = fetch(index)
            except StopIteration:
                return
            yield batch

    def _refuse_what_cannot_be_sent(self, error: Exception) -> None:
        """Say which argument does not pickle, where processes do not begin as copies."""
        for name in ("dataset", "collate_fn", "worker_init_fn"):
            value = getattr(self, name)
            try:
                ForkingPickler.dumps(value)
            except Exception:
                raise TypeError(
                    f"{name}: expected what can be pickled, as the workers are not forks of this "
                    f"process, got {show(value)}: {error}. Define it at the top of a module, or "
                    'give multiprocessing_context="fork" where the system has it'
                ) from error

    def _in_workers(self, fetcher: Callable[[], Fetcher], seed: int) -> Iterator[Any]:
        workers = self._workers
        if workers is None:
            try:
                workers = Workers(
                    self.num_workers, self.prefetch_factor, self.dataset, fetcher,
                    self.worker_init_fn, self.timeout, self.multiprocessing_context, self.in_order,
                )  # fmt: skip
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                self._refuse_what_cannot_be_sent(error)
                raise
            except (ConnectionError, EOFError) as error:
                raise RuntimeError(
                    "num_workers: expected worker processes that begin, got ones that ended as "
                    "they read this script again. Put what it does under `if __name__ == "
                    '"__main__":`, or give multiprocessing_context="fork" where the system has it'
                ) from error
            if self.persistent_workers:
                self._workers = workers
                weakref.finalize(self, workers.close)
        try:
            yield from workers.batches(iter(self._indices()), seed)
        finally:
            if workers is not self._workers:
                workers.close()

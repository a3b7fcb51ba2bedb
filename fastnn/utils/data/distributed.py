"""Shares of a data set, one for each of several processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastnn._support import check
from fastnn.random import Generator, randperm
from fastnn.utils.data.samplers import Sampler

__all__ = ["DistributedSampler"]

MOST = 2**31 - 1


class DistributedSampler(Sampler):
    """Every num_replicas-th index of an order that all processes agree on, from the rank-th on.

    There are no process groups here: say which share a process has by num_replicas and rank.

    Args:
        dataset: the data set.
        num_replicas: how many processes share it, default 1.
        rank: which one this is, from 0, default 0.
        shuffle: default True: a random order, the same in all processes, another for each epoch
            that `set_epoch` names.
        seed: of the order, the same in all processes, default 0.
        drop_last: leave out what does not fill all shares, default False: the first indices come
            again, so that all shares are of one length.

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range.

    Source: torch.utils.data.distributed.DistributedSampler, with its order for a seed.

    >>> from fastnn.utils.data import DistributedSampler
    >>> [list(DistributedSampler(range(5), 2, rank, shuffle=False)) for rank in (0, 1)]
    [[0, 2, 4], [1, 3, 0]]
    """

    epoch: int
    dataset: Any
    seed: int

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        count = 1 if num_replicas is None else num_replicas
        self.num_replicas: int = check.integer("num_replicas", count, 1, MOST)
        self.rank: int = check.integer(
            "rank", 0 if rank is None else rank, 0, self.num_replicas - 1
        )
        self.dataset, self.seed, self.epoch = dataset, check.seed(seed), 0
        self.shuffle: bool = check.flag("shuffle", shuffle)
        self.drop_last: bool = check.flag("drop_last", drop_last)
        n = len(dataset)
        least = n // self.num_replicas
        self.num_samples: int = least if self.drop_last else -(-n // self.num_replicas)
        self.total_size: int = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        order = np.arange(n)
        if self.shuffle:
            order = randperm(n, generator=Generator(self.seed + self.epoch)).numpy()
        share: list[int] = np.resize(order, self.total_size)[
            self.rank :: self.num_replicas
        ].tolist()
        return iter(share)

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """The epoch that comes next, which has an order of its own if shuffle is True."""
        self.epoch = check.integer("epoch", epoch, 0)

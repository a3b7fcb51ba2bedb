"""What a loader does for one batch: take its items from the data set and collate them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from fastnn.ops.creation import tensor
from fastnn.tensor import Tensor
from fastnn.utils.data.collate import default_collate, default_convert
from fastnn.utils.data.datasets import IterableDataset, Subset, TensorDataset


class Fetcher:
    """Makes batches of a data set, in the loader's process or in a worker.

    Args:
        dataset: with indices, or a stream, which is started here.
        collate_fn: default: `default_collate` for lists of items, `default_convert` for one.
        drop_last: for a stream, leave out a smaller last batch.
    """

    dataset: Any
    collate_fn: Callable[[Any], Any] | None
    drop_last: bool

    def __init__(
        self, dataset: Any, collate_fn: Callable[[Any], Any] | None, drop_last: bool
    ) -> None:
        self.dataset, self.collate_fn, self.drop_last = dataset, collate_fn, drop_last
        self.stream: Iterator[Any] | None = (
            iter(dataset) if isinstance(dataset, IterableDataset) else None
        )

    def __call__(self, index: Any) -> Any:
        """The batch of a list of indices, or one item; of a stream, as many items as come next.

        Raises:
            StopIteration: the stream has ended.
        """
        if self.stream is not None:
            return self._next(index)
        if not isinstance(index, list):
            return (self.collate_fn or default_convert)(self.dataset[index])
        if self.collate_fn is None:
            rows = _rows(self.dataset, index)
            if rows is not None:
                return rows
        if hasattr(self.dataset, "__getitems__"):
            items = self.dataset.__getitems__(index)
        else:
            items = [self.dataset[i] for i in index]
        return (self.collate_fn or default_collate)(items)

    def _next(self, index: Any) -> Any:
        assert self.stream is not None
        if not isinstance(index, list):
            return (self.collate_fn or default_convert)(next(self.stream))
        items = list(islice(self.stream, len(index)))
        if not items or (self.drop_last and len(items) < len(index)):
            raise StopIteration
        return (self.collate_fn or default_collate)(items)


def _rows(dataset: Any, indices: list[int]) -> list[Tensor] | None:
    """Fetch rows of a TensorDataset (or of a Subset of one) at once; None for other data sets."""
    if type(dataset) is Subset:
        return _rows(dataset.dataset, [dataset.indices[i] for i in indices])
    if type(dataset) is not TensorDataset:
        return None
    index = np.array(indices, np.int64)
    return [tensor(x._array[index]) for x in dataset.tensors]

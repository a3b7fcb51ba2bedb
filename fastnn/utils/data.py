"""Data sets and loaders of torch.utils.data: one process, torch's batches for the same seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._support import check
from fastnn.ops.creation import tensor
from fastnn.random import Generator, derive_seed, randperm
from fastnn.tensor import Tensor

__all__ = [
    "DataLoader",
    "Dataset",
    "RandomSampler",
    "SequentialSampler",
    "Subset",
    "TensorDataset",
    "default_collate",
    "random_split",
]


class Dataset:
    """Base class of data sets; subclasses define `__len__` and `__getitem__`."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: expected a __getitem__() method")

    def __class_getitem__(cls, item: Any) -> type[Dataset]:
        return cls  # Dataset[tuple[Tensor, Tensor]]


class TensorDataset(Dataset):
    """Data set over the rows of tensors: item i is the tuple of their rows i.

    Args:
        tensors: tensors with the same number of rows.

    Raises:
        ValueError: the numbers of rows differ.

    >>> import fastnn
    >>> data = TensorDataset(fastnn.tensor([[1.0], [2.0]]), fastnn.tensor([3, 4]))
    >>> len(data), data[1]
    (2, (tensor([2.]), tensor(4)))
    """

    def __init__(self, *tensors: Tensor) -> None:
        for i, x in enumerate(tensors):
            check.a_tensor(f"tensors[{i}]", x)
            if x.ndim == 0 or len(x) != len(tensors[0]):
                raise ValueError(
                    f"tensors[{i}]: expected {len(tensors[0]) if i else 'some'} rows, got shape "
                    f"{tuple(x.shape)}"
                )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(x[index] for x in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0]) if self.tensors else 0


class Subset(Dataset):
    """Subset of a data set at the given indices.

    >>> import fastnn
    >>> data = TensorDataset(fastnn.tensor([1.0, 2.0, 3.0]))
    >>> Subset(data, [2, 0])[0]
    (tensor(3.),)
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


def _permutation(n: int, generator: Generator | None) -> list[int]:
    """A random permutation of 0..n-1, torch's for the same seed."""
    order: list[int] = randperm(n, generator=generator).tolist()
    return order


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset]:
    """Randomly split a data set into disjoint subsets, torch's for the same seed.

    Args:
        dataset: the data set.
        lengths: number of items of each part, or fractions that sum to 1.
        generator: default: the one that `manual_seed` seeds.

    Raises:
        ValueError: the lengths do not sum to the number of items.
    """
    counts = list(lengths)
    n = len(dataset)
    if math.isclose(sum(counts), 1) and sum(counts) <= 1:
        counts = [math.floor(n * share) for share in counts]
        for i in range(n - int(sum(counts))):
            counts[i % len(counts)] += 1
    if sum(counts) != n:
        raise ValueError(f"lengths: expected a sum of {n} items, got {sum(counts)}")
    order = _permutation(n, generator)
    ends = np.cumsum(counts).astype(int).tolist()
    return [Subset(dataset, order[end - int(c) : end]) for end, c in zip(ends, counts, strict=True)]


class SequentialSampler:
    """Indices of a data set in order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(SequentialSampler):
    """Indices of a data set in a random order, drawn anew for each epoch; torch's order.

    Args:
        data_source: the data set.
        generator: default: one seeded from the generator that `manual_seed` seeds.
    """

    def __init__(self, data_source: Any, generator: Generator | None = None) -> None:
        super().__init__(data_source)
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        generator = self.generator or Generator(derive_seed())
        return iter(_permutation(len(self.data_source), generator))


def default_collate(batch: Sequence[Any]) -> Any:
    """Collate items into a batch: stack tensors, arrays and numbers, also in tuples and dicts.

    >>> default_collate([(1.0, 2), (3.0, 4)])
    [tensor([1., 3.], dtype=fastnn.float64), tensor([2, 4])]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return tensor(np.stack([x._array for x in batch]))
    if isinstance(first, np.ndarray | np.generic | float | int):
        return tensor(np.stack([np.asarray(x) for x in batch]))
    if isinstance(first, Mapping):
        return {key: default_collate([item[key] for item in batch]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(part) for part in zip(*batch, strict=True)))
    if isinstance(first, tuple | list):
        return [default_collate(part) for part in zip(*batch, strict=True)]
    if isinstance(first, str | bytes):
        return list(batch)
    raise TypeError(
        "collate: expected tensors, arrays, numbers, texts, tuples or dicts, got "
        f"{check.show(first)}"
    )


class DataLoader:
    """Iterate over a data set in batches, in order or shuffled anew for each epoch.

    Args:
        dataset: has `__len__` and `__getitem__`.
        batch_size: items per batch, default 1; None yields single items.
        shuffle: shuffle in each epoch, default False; the order for a seed is torch's.
        sampler: iterable of indices, instead of `shuffle`.
        num_workers: only 0 (default): this process loads the items.
        collate_fn: function that makes a batch of a list of items, default `default_collate`.
        pin_memory: without effect.
        drop_last: drop a smaller last batch, default False.
        generator: random generator of the order; default: seeded from that of `manual_seed`.

    Raises:
        ValueError: batch size below 1, workers, or both shuffle and sampler.

    >>> import fastnn
    >>> data = TensorDataset(fastnn.tensor([[1.0], [2.0], [3.0]]), fastnn.tensor([1, 2, 3]))
    >>> [tuple(x.shape) for x, y in DataLoader(data, batch_size=2)]
    [(2, 1), (1, 1)]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        generator: Generator | None = None,
    ) -> None:
        self.dataset = dataset
        self.batch_size = None if batch_size is None else check.batch_size(batch_size)
        self.drop_last = check.flag("drop_last", drop_last)
        self.collate_fn = collate_fn
        self.generator = generator
        if num_workers != 0:
            raise ValueError(f"num_workers: expected 0, got {num_workers!r}: one process loads")
        if sampler is not None and shuffle:
            raise ValueError("sampler: expected None with shuffle=True")
        if batch_size is None and drop_last:
            raise ValueError("drop_last: expected False without batches")
        if sampler is None:
            sampler = RandomSampler(dataset, generator) if shuffle else SequentialSampler(dataset)
        self.sampler = sampler

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        derive_seed(self.generator)  # torch draws a seed for its workers, also without workers
        return self._items() if self.batch_size is None else self._batches(self.batch_size)

    def _items(self) -> Iterator[Any]:
        for index in self.sampler:
            item = self.dataset[index]
            yield item if self.collate_fn is None else self.collate_fn(item)

    def _batches(self, size: int) -> Iterator[Any]:
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == size:
                yield self._fetch(batch)
                batch = []
        if batch and not self.drop_last:
            yield self._fetch(batch)

    def _fetch(self, indices: list[int]) -> Any:
        if self.collate_fn is None:
            rows = _rows(self.dataset, indices)
            if rows is not None:
                return rows
        return (self.collate_fn or default_collate)([self.dataset[i] for i in indices])


def _rows(dataset: Any, indices: list[int]) -> list[Tensor] | None:
    """Fetch rows of a TensorDataset (or of a Subset of one) at once; None for other data sets."""
    if type(dataset) is Subset:
        return _rows(dataset.dataset, [dataset.indices[i] for i in indices])
    if type(dataset) is not TensorDataset:
        return None
    index: NDArray[Any] = np.array(indices, np.int64)
    return [tensor(x._array[index]) for x in dataset.tensors]

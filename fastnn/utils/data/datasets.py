"""Data sets of torch.utils.data."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from fastnn._support import check
from fastnn.random import Generator, randperm
from fastnn.tensor import Tensor

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]


class Dataset:
    """Base class of data sets; subclasses define `__len__` and `__getitem__`."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: expected a __getitem__() method")

    def __add__(self, other: Any) -> Any:
        return ConcatDataset([self, other])

    def __class_getitem__(cls, item: Any) -> type[Dataset]:
        return cls  # Dataset[tuple[Tensor, Tensor]]


class IterableDataset(Dataset):
    """Base class of data sets that are streams; subclasses define `__iter__`.

    With workers, each of them iterates a copy: `get_worker_info` tells which part is whose.
    """

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__}: expected an __iter__() method")

    def __add__(self, other: Any) -> Any:
        return ChainDataset([self, other])


class ChainDataset(IterableDataset):
    """The items of one stream after another.

    Args:
        datasets: IterableDatasets.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets: list[Any] = list(datasets)
        for i, part in enumerate(self.datasets):
            _a_stream(f"datasets[{i}]", part, True)

    def __iter__(self) -> Iterator[Any]:
        for part in self.datasets:
            yield from part

    def __len__(self) -> int:
        return sum(len(part) for part in self.datasets)


def _a_stream(name: str, dataset: Any, wanted: bool) -> None:
    if isinstance(dataset, IterableDataset) is not wanted:
        kind = "an IterableDataset" if wanted else "a data set with indices"
        raise TypeError(f"{name}: expected {kind}, got {type(dataset).__name__}")


class ConcatDataset(Dataset):
    """The items of one data set after another.

    Args:
        datasets: one or more data sets with a length.

    Raises:
        ValueError: no data set. TypeError: an IterableDataset; use a ChainDataset.

    >>> from fastnn.utils.data import ConcatDataset
    >>> both = ConcatDataset(["ab", "cde"])
    >>> len(both), both[2], both[-1]
    (5, 'c', 'e')
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets: list[Any] = list(datasets)
        if not self.datasets:
            raise ValueError("datasets: expected at least one data set")
        for i, part in enumerate(self.datasets):
            _a_stream(f"datasets[{i}]", part, False)
        self.cumulative_sizes: Any = np.cumsum([len(part) for part in self.datasets]).tolist()

    def __getitem__(self, index: Any) -> Any:
        i = _in_range(index, len(self))
        part = bisect_right(self.cumulative_sizes, i)
        return self.datasets[part][i - (self.cumulative_sizes[part - 1] if part else 0)]

    def __len__(self) -> int:
        return int(self.cumulative_sizes[-1])


def _in_range(index: int, n: int) -> int:
    if not -n <= index < n:
        raise IndexError(f"index: expected {-n}..{n - 1}, got {index}")
    return index % n


class StackDataset(Dataset):
    """Items of several data sets side by side: tuples, or dicts by keyword.

    Raises:
        ValueError: data sets of several lengths, both forms at once, or none.

    >>> from fastnn.utils.data import StackDataset
    >>> StackDataset(text="ab", number=[1, 2])[1]
    {'text': 'b', 'number': 2}
    """

    datasets: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("datasets: expected some by position or some by keyword")
        self.datasets = args or kwargs
        parts = list(args or kwargs.values())
        if any(len(part) != len(parts[0]) for part in parts):
            raise ValueError(f"datasets: expected one length, got {[len(part) for part in parts]}")
        self._length = len(parts[0])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: part[index] for name, part in self.datasets.items()}
        return tuple(part[index] for part in self.datasets)

    def __len__(self) -> int:
        return self._length


class TensorDataset(Dataset):
    """Data set over the rows of tensors: item i is the tuple of their rows i.

    Args:
        tensors: tensors with the same number of rows.

    Raises:
        ValueError: the numbers of rows differ.

    >>> import fastnn
    >>> from fastnn.utils.data import TensorDataset
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
    >>> from fastnn.utils.data import Subset, TensorDataset
    >>> data = TensorDataset(fastnn.tensor([1.0, 2.0, 3.0]))
    >>> Subset(data, [2, 0])[0]
    (tensor(3.),)
    """

    dataset: Any
    indices: Sequence[int]

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

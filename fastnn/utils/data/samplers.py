"""Orders of a data set: indices, or lists of them; torch's for the same seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastnn._support import check, maps
from fastnn.random import Generator, derive_seed, randint, randperm
from fastnn.random.sampling import multinomial
from fastnn.tensor import Tensor, float64, of_array

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]


class Sampler:
    """Base class of samplers; subclasses define `__iter__`, and `__len__` where it is known."""

    def __init__(self, data_source: Any = None) -> None:
        """data_source: ignored, for older scripts."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__}: expected an __iter__() method")

    def __class_getitem__(cls, item: Any) -> type[Sampler]:
        return cls  # Sampler[int]


class SequentialSampler(Sampler):
    """Indices of a data set in order.

    >>> from fastnn.utils.data import SequentialSampler
    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """Indices of a data set in a random order, drawn anew for each epoch.

    Args:
        data_source: the data set.
        replacement: draw each index anew, default False: each comes once before one comes again.
        num_samples: how many indices an epoch has; default: the number of items.
        generator: default: one seeded from the generator that `manual_seed` seeds.

    Raises:
        ValueError: num_samples below 1.
    """

    data_source: Any
    generator: Generator | None

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source, self.generator = data_source, generator
        self.replacement: bool = check.flag("replacement", replacement)
        if num_samples is not None:
            num_samples = check.integer("num_samples", num_samples, 1)
        self._num_samples = num_samples

    @property
    def num_samples(self) -> int:
        """How many indices an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, left = len(self.data_source), self.num_samples
        generator = self.generator or Generator(derive_seed())
        if self.replacement:  # in torch's portions
            for _ in range(left // 32):
                yield from randint(high=n, size=(32,), generator=generator).tolist()
            yield from randint(high=n, size=(left % 32,), generator=generator).tolist()
            return
        for _ in range(left // n if n else 0):
            yield from randperm(n, generator=generator).tolist()
        yield from randperm(n, generator=generator).tolist()[: left % n if n else 0]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices in a random order, drawn anew for each epoch.

    Args:
        indices: a sequence of indices.
        generator: default: the one that `manual_seed` seeds.
    """

    indices: Sequence[int]
    generator: Generator | None

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        for i in randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Indices 0 .. n-1 drawn with probability proportional to n weights.

    Args:
        weights: n numbers >= 0; they need not sum to 1.
        num_samples: how many are drawn.
        replacement: whether an index may come again, default True.
        generator: default: the one that `manual_seed` seeds.

    Raises:
        ValueError: num_samples below 1, or weights that are no vector.

    >>> from fastnn.utils.data import WeightedRandomSampler
    >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], 2))
    [1, 1]
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        values = (
            weights._array if isinstance(weights, Tensor) else maps.array_of(weights, "weights")
        )
        if values.ndim != 1:
            raise ValueError(f"weights: expected a vector, got shape {values.shape}")
        self.weights: Tensor = of_array(values.astype(float64))
        self.num_samples: int = check.integer("num_samples", num_samples, 1)
        self.replacement: bool = check.flag("replacement", replacement)
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        drawn = multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )
        yield from drawn.tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of batch_size indices of another sampler.

    Args:
        sampler: yields indices.
        batch_size: at least 1.
        drop_last: leave out a smaller last list.

    >>> from fastnn.utils.data import BatchSampler, SequentialSampler
    >>> list(BatchSampler(SequentialSampler(range(5)), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        self.sampler = sampler
        self.batch_size: int = check.batch_size(batch_size)
        self.drop_last: bool = check.flag("drop_last", drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

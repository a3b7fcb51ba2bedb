"""Data sets: where rows come from, MindSpore's `GeneratorDataset` and `NumpySlicesDataset`.

A data set has named columns. Its rows are tuples of NumPy arrays; a pass over it begins anew for
each iterator. Random orders come from fastnn's default generator, so `set_seed` repeats them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from fastnn._support import check, maps
from fastnn._support.signatures import signature
from fastnn.mindspore.tensor import Tensor
from fastnn.random import sampling
from fastnn.tensor import Tensor as Plain

Row = tuple[npt.NDArray[Any], ...]


def as_array(value: Any) -> npt.NDArray[Any]:
    """A value of a row as an array."""
    return value._array if isinstance(value, Plain) else maps.array_of(value, "data")


def permutation(n: int) -> npt.NDArray[np.int64]:
    """0..n-1 in random order, of the default generator."""
    order: npt.NDArray[np.int64] = sampling.randperm(n).numpy()
    return order


def columns_of(names: str | Sequence[str] | None) -> list[str]:
    """Column names as a list."""
    return [] if names is None else [names] if isinstance(names, str) else list(names)


class Pass:
    """An iterator over a data set; a `for` begins anew, as often as it is asked to."""

    def __init__(self, rows: Callable[[], Iterator[Any]], epochs: int) -> None:
        self._rows, self._left = rows, epochs
        self._current: Iterator[Any] | None = None

    def __iter__(self) -> Pass:
        if self._left == 0:
            raise RuntimeError("num_epochs: the iterator was used as often as it said")
        self._left -= 1
        self._current = self._rows()
        return self

    def __next__(self) -> Any:
        if self._current is None:
            iter(self)
        assert self._current is not None
        return next(self._current)


class Dataset:
    """The base of data sets. Methods such as `batch` and `map` are in `dataset.pipeline`."""

    names: list[str]

    def rows(self) -> Iterator[Row]:
        """One pass over the rows."""
        raise NotImplementedError

    def table(self) -> Row | None:
        """All rows as one array for each column, in the order of this pass; None where they are
        made one by one."""
        return None

    def count(self) -> int | None:
        """The number of rows; None where only a pass tells."""
        return None

    # ---- what users read ----

    def get_dataset_size(self) -> int:
        """The number of rows: of batches, after `batch`."""
        known = self.count()
        return sum(1 for _ in self.rows()) if known is None else known

    def __len__(self) -> int:
        return self.get_dataset_size()

    def get_col_names(self) -> list[str]:
        """The names of the columns."""
        return list(self.names)

    def get_batch_size(self) -> int:
        """The size of the batches, 1 before `batch`."""
        return 1

    def get_repeat_count(self) -> int:
        """How often `repeat` repeats."""
        return 1

    def output_shapes(self, estimate: bool = False) -> list[list[int]]:
        """The shapes of the columns, of the first row."""
        return [list(x.shape) for x in next(self.rows())]

    def output_types(self) -> list[Any]:
        """The dtypes of the columns, of the first row."""
        return [x.dtype for x in next(self.rows())]

    def create_tuple_iterator(
        self,
        columns: Sequence[str] | None = None,
        num_epochs: int = -1,
        output_numpy: bool = False,
        do_copy: bool = False,
    ) -> Pass:
        """An iterator over rows, as lists of tensors.

        Args:
            columns: these, in this order; default all.
            num_epochs: how often it may be iterated over; default -1: without end.
            output_numpy: arrays instead of tensors.
            do_copy: without effect.
        """
        chosen = [self._place(c) for c in columns_of(columns)] or list(range(len(self.names)))
        plain = check.flag("output_numpy", output_numpy)

        def rows() -> Iterator[list[Any]]:
            return ([shown(row[i], plain) for i in chosen] for row in self.rows())

        return Pass(rows, num_epochs)

    def create_dict_iterator(
        self, num_epochs: int = -1, output_numpy: bool = False, do_copy: bool = False
    ) -> Pass:
        """An iterator over rows, as dicts from column names to tensors.

        Args:
            num_epochs, output_numpy, do_copy: as of create_tuple_iterator.
        """
        plain = check.flag("output_numpy", output_numpy)

        def rows() -> Iterator[dict[str, Any]]:
            names = self.names
            return (
                {name: shown(x, plain) for name, x in zip(names, row, strict=True)}
                for row in self.rows()
            )

        return Pass(rows, num_epochs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.create_tuple_iterator(num_epochs=1))

    def _place(self, name: str) -> int:
        check.choice("column", name, self.names)
        return self.names.index(name)


def shown(x: npt.NDArray[Any], plain: bool) -> Any:
    """A value of a row for the user: a tensor, or the array; text stays an array."""
    return x if plain or x.dtype.kind not in "biuf" else Tensor(x)


def _checked_samples(num_samples: int | None, num_shards: int | None) -> int | None:
    """num_samples, if there is one shard."""
    if num_shards is not None and num_shards != 1:
        raise ValueError(f"num_shards: expected 1, got {num_shards}: there is one process")
    return None if num_samples is None else check.integer("num_samples", num_samples, 1)


class GeneratorDataset(Dataset):
    """Rows that Python makes: of an object with `__getitem__` and `__len__`, of an iterable, or of
    a function that returns an iterator.

    Args:
        source: the object or the function. A row is a value, or a tuple of them.
        column_names: a name for each value.
        column_types: dtypes to convert to.
        num_samples: at most so many rows.
        shuffle: in random order in each pass; default: True for an object with `__getitem__`,
            as in MindSpore.
        sampler: an iterable of positions, for an object with `__getitem__`.
        others: without effect.

    Raises:
        TypeError, ValueError: a source that is none of these, other numbers of values and names.

    >>> from fastnn.mindspore.dataset import GeneratorDataset
    >>> class Squares:
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, i):
    ...         return i, i * i
    >>> data = GeneratorDataset(Squares(), ["x", "square"], shuffle=False)
    >>> [[int(value) for value in row] for row in data.create_tuple_iterator()]
    [[0, 0], [1, 1], [2, 4]]
    """

    source: Any
    sampler: Iterable[int] | None

    def __init__(
        self,
        source: Any,
        column_names: str | Sequence[str] | None = None,
        column_types: Sequence[Any] | None = None,
        schema: None = None,
        num_samples: int | None = None,
        num_parallel_workers: int = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        num_shards: int | None = None,
        shard_id: int | None = None,
        python_multiprocessing: bool = True,
        max_rowsize: Any = None,
        **others: Any,
    ) -> None:
        self.source, self.sampler = source, sampler
        self.names: list[str] = columns_of(column_names)
        if not self.names:
            raise ValueError("column_names: expected a name for each value of a row, got none")
        self.types: list[Any] | None = None if column_types is None else list(column_types)
        self.indexed: bool = hasattr(source, "__getitem__") and hasattr(source, "__len__")
        if not self.indexed and not isinstance(source, Iterable) and not callable(source):
            raise TypeError(
                "source: expected an object with __getitem__ and __len__, an iterable or a "
                f"function, got {check.show(source)}"
            )
        if not self.indexed and (shuffle or sampler is not None):
            raise ValueError("shuffle: expected a source with __getitem__ and __len__")
        self.shuffled: bool = self.indexed and sampler is None if shuffle is None else shuffle
        self.num_samples: int | None = _checked_samples(num_samples, num_shards)

    def count(self) -> int | None:
        """The number of rows, of an object with a length."""
        if not self.indexed:
            return None
        known = len(self.source) if self.sampler is None else len(list(self.sampler))
        return known if self.num_samples is None else min(known, self.num_samples)

    def rows(self) -> Iterator[Row]:
        """One pass over the rows."""
        for n, value in enumerate(self._values()):
            if n == self.num_samples:
                return
            yield self._row(value)

    def _values(self) -> Iterator[Any]:
        if not self.indexed:
            source = self.source
            return iter(source() if callable(source) else source)
        n = len(self.source)
        if self.sampler is not None:
            order: Iterable[int] = self.sampler
        else:
            order = permutation(n).tolist() if self.shuffled else range(n)
        return (self.source[i] for i in order)

    def _row(self, value: Any) -> Row:
        parts = value if isinstance(value, tuple) else (value,)
        if len(parts) != len(self.names):
            raise ValueError(
                f"column_names: expected {len(parts)}, one for each value of a row, got "
                f"{self.names}"
            )
        if self.types is None:
            return tuple(as_array(part) for part in parts)
        return tuple(as_array(p).astype(t) for p, t in zip(parts, self.types, strict=True))


class NumpySlicesDataset(Dataset):
    """Rows of arrays.

    Args:
        data: an array or list; a tuple of them; or a dict of them by column name.
        column_names: a name for each; default: the dict's, or column_0, column_1, ...
        num_samples: at most so many rows.
        shuffle: in random order in each pass; default True, as in MindSpore.
        sampler: an iterable of positions.
        num_parallel_workers: without effect.

    Raises:
        ValueError: arrays of different lengths, other numbers of arrays and names.

    >>> import numpy as np
    >>> from fastnn.mindspore.dataset import NumpySlicesDataset
    >>> data = NumpySlicesDataset((np.arange(4), np.ones(4)), ["x", "y"], shuffle=False)
    >>> [row[0].shape for row in data.batch(2)]
    [(2,), (2,)]
    """

    sampler: Iterable[int] | None
    num_samples: int | None

    def __init__(
        self,
        data: Any,
        column_names: str | Sequence[str] | None = None,
        num_samples: int | None = None,
        num_parallel_workers: int = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        num_shards: int | None = None,
        shard_id: int | None = None,
    ) -> None:
        if isinstance(data, dict):
            given, names = list(data.values()), list(data)
        else:
            given = list(data) if isinstance(data, tuple) else [data]
            names = [f"column_{i}" for i in range(len(given))]
        self.arrays: tuple[NDArray[Any], ...] = tuple(as_array(x) for x in given)
        self.names: list[str] = columns_of(column_names) or names
        if len(self.names) != len(self.arrays):
            raise ValueError(
                f"column_names: expected {len(self.arrays)}, one for each array, got {self.names}"
            )
        lengths = {len(x) for x in self.arrays}
        if len(lengths) != 1:
            raise ValueError(f"data: expected arrays of one length, got lengths {sorted(lengths)}")
        self.n: int = lengths.pop()
        self.sampler, self.num_samples = sampler, _checked_samples(num_samples, num_shards)
        self.shuffled: bool = sampler is None if shuffle is None else check.flag("shuffle", shuffle)

    def count(self) -> int:
        """The number of rows."""
        known = self.n if self.sampler is None else len(list(self.sampler))
        return known if self.num_samples is None else min(known, self.num_samples)

    def table(self) -> Row:
        """All rows, in the order of this pass."""
        if self.sampler is not None:
            order = np.asarray(list(self.sampler), int)
        elif self.shuffled:
            order = permutation(self.n)
        else:
            return tuple(x[: self.num_samples] for x in self.arrays)
        order = order[: self.num_samples]
        return tuple(x[order] for x in self.arrays)

    def rows(self) -> Iterator[Row]:
        """One pass over the rows."""
        columns = self.table()
        return (tuple(np.asarray(x[i]) for x in columns) for i in range(len(columns[0])))


def arguments_of(function: Callable[..., Any], available: int) -> int:
    """How many columns a function takes; 1 where it does not tell."""
    try:
        found = signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    if any(p.kind is p.VAR_POSITIONAL for p in found):
        return available
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    wanted = [p for p in found if p.kind in positional and p.default is p.empty]
    return min(max(1, len(wanted)), available)

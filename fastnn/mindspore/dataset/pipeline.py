"""What data sets do with their rows: `batch`, `shuffle`, `map`, `repeat`, `take`, `skip` ..."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn._support import check
from fastnn.mindspore.dataset import sources, steps
from fastnn.mindspore.dataset.sources import Dataset, columns_of

Columns = str | Sequence[str] | None


def batch(
    self: Dataset,
    batch_size: int,
    drop_remainder: bool = False,
    num_parallel_workers: int | None = None,
    *,
    per_batch_map: Callable[..., Any] | None = None,
    input_columns: Columns = None,
    output_columns: Columns = None,
    **others: Any,
) -> Dataset:
    """Join so many rows into one, along a new first axis.

    Args:
        batch_size: >= 1.
        drop_remainder: leave out a smaller last batch, default False.
        per_batch_map: called with the lists of the rows' values of each input column and None;
            returns such lists.
        input_columns, output_columns: its columns.
        others: without effect.

    Raises:
        ValueError: rows of different shapes.
    """
    size = check.integer("batch_size", batch_size, 1)
    drop = check.flag("drop_remainder", drop_remainder)
    ends = columns_of(input_columns), columns_of(output_columns)
    return steps.Batched(self, size, drop, per_batch_map, *ends)


def shuffle(self: Dataset, buffer_size: int) -> Dataset:
    """Rows in random order, drawn from a buffer of this size; a new order in each pass."""
    return steps.Shuffled(self, check.integer("buffer_size", buffer_size, 1))


def map(
    self: Dataset,
    operations: Any,
    input_columns: Columns = None,
    output_columns: Columns = None,
    num_parallel_workers: int | None = None,
    **others: Any,
) -> Dataset:
    """Replace columns by what functions make of them.

    Args:
        operations: a function of arrays, or a list of them, called one after the other.
        input_columns: its arguments; default: the first ones, as many as it takes.
        output_columns: the names of what it returns; default: those of the input.
        others: without effect.

    Raises:
        TypeError: operations that are no functions.
        ValueError: another number of results than of names.
    """
    given = list(operations) if isinstance(operations, list | tuple) else [operations]
    for one in given:
        if not callable(one):
            raise TypeError(f"operations: expected functions, got {check.show(one)}")
    return steps.Mapped(self, given, columns_of(input_columns), columns_of(output_columns))


def repeat(self: Dataset, count: int | None = None) -> Dataset:
    """So many passes one after the other; None or -1: without end."""
    endless = count is None or count == -1
    return steps.Repeated(self, None if endless else check.integer("count", count, 1))


def take(self: Dataset, count: int = -1) -> Dataset:
    """The first rows; -1: all."""
    return self if count == -1 else steps.Part(self, 0, check.integer("count", count, 1))


def skip(self: Dataset, count: int) -> Dataset:
    """All but the first rows."""
    return steps.Part(self, check.integer("count", count, 0), None)


def project(self: Dataset, columns: Columns) -> Dataset:
    """These columns, in this order."""
    chosen = columns_of(columns)
    return steps.Columns(self, [self._place(name) for name in chosen], chosen)


def rename(self: Dataset, input_columns: Columns, output_columns: Columns) -> Dataset:
    """Columns under other names."""
    old, new = columns_of(input_columns), columns_of(output_columns)
    if len(old) != len(new):
        raise ValueError(f"output_columns: expected {len(old)} names, got {new}")
    for name in old:
        self._place(name)
    names = {a: b for a, b in builtins.zip(old, new)}
    return steps.Columns(self, list(range(len(self.names))), [names.get(n, n) for n in self.names])


def filter(
    self: Dataset,
    predicate: Callable[..., Any],
    input_columns: Columns = None,
    num_parallel_workers: int | None = None,
) -> Dataset:
    """The rows for which a function of the columns is true."""
    return steps.Filtered(self, predicate, columns_of(input_columns))


def concat(self: Dataset, datasets: Any) -> Dataset:
    """The rows of this data set, then those of others."""
    others = list(datasets) if isinstance(datasets, list | tuple) else [datasets]
    return steps.Joined([self, *others], False)


def zip_(self: Dataset, datasets: Any) -> Dataset:
    """The columns of this data set beside those of others."""
    others = list(datasets) if isinstance(datasets, list | tuple) else [datasets]
    return steps.Joined([self, *others], True)


def split(self: Dataset, sizes: Sequence[Any], randomize: bool = True) -> list[Dataset]:
    """Parts of these numbers of rows, or of these shares; randomize: rows drawn at random.

    Raises:
        ValueError: sizes that do not add up.
    """
    n = self.get_dataset_size()
    if all(isinstance(size, float) for size in sizes):
        counts = [round(size * n) for size in sizes]
        counts[0] += n - sum(counts)
    else:
        counts = [check.integer("sizes", size, 1) for size in sizes]
    if sum(counts) != n:
        raise ValueError(f"sizes: expected to add up to {n}, got {list(sizes)}")
    source, order = self, np.arange(n)
    if check.flag("randomize", randomize):
        order = sources.permutation(n)
    ends = np.cumsum([0, *counts])
    return [steps.Picked(source, order[a:b]) for a, b in itertools.pairwise(ends)]


def apply(self: Dataset, apply_func: Callable[[Dataset], Dataset]) -> Dataset:
    """What a function makes of the data set."""
    made = apply_func(self)
    if not isinstance(made, Dataset):
        raise TypeError(f"apply_func: expected to return a data set, got {check.show(made)}")
    return made


METHODS: dict[str, Callable[..., Any]] = {
    "apply": apply,
    "batch": batch,
    "concat": concat,
    "filter": filter,
    "map": map,
    "project": project,
    "rename": rename,
    "repeat": repeat,
    "shuffle": shuffle,
    "skip": skip,
    "split": split,
    "take": take,
    "zip": zip_,
    "__add__": concat,
}
for _name, _method in METHODS.items():
    setattr(Dataset, _name, _method)


def zip(datasets: Sequence[Dataset]) -> Dataset:
    """Data sets side by side: the columns of all."""
    return steps.Joined(datasets, True)

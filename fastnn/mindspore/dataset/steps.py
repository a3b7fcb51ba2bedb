"""Data sets made of another one: batches, orders, parts, columns of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from fastnn.mindspore.dataset import sources
from fastnn.mindspore.dataset.sources import Dataset, Row, arguments_of, as_array


class Of(Dataset):
    """A data set made of another one, with the same columns unless it says otherwise."""

    def __init__(self, source: Dataset) -> None:
        self.source = source
        self.names: list[str] = list(source.names)

    def count(self) -> int | None:
        """The number of rows."""
        return self.source.count()

    def rows(self) -> Iterator[Row]:
        """One pass over the rows."""
        return self.source.rows()

    def get_batch_size(self) -> int:
        """The size of the batches."""
        return self.source.get_batch_size()

    def get_repeat_count(self) -> int:
        """How often `repeat` repeats."""
        return self.source.get_repeat_count()


class Batched(Of):
    """Rows joined, so many into one."""

    size: int
    drop: bool
    per_batch: Callable[..., Any] | None

    def __init__(
        self,
        source: Dataset,
        size: int,
        drop: bool,
        per_batch: Callable[..., Any] | None,
        inputs: list[str],
        outputs: list[str],
    ) -> None:
        super().__init__(source)
        self.size, self.drop, self.per_batch = size, drop, per_batch
        self.inputs: list[int] = [self._place(name) for name in inputs or self.names]
        if per_batch is not None and outputs:
            kept = [n for i, n in enumerate(self.names) if i not in self.inputs]
            self.names: list[str] = [*outputs, *kept]

    def count(self) -> int | None:
        """The number of batches."""
        rows = self.source.count()
        if rows is None:
            return None
        return rows // self.size if self.drop else -(-rows // self.size)

    def get_batch_size(self) -> int:
        """The size of the batches."""
        return self.size

    def rows(self) -> Iterator[Row]:
        """One pass over the batches."""
        columns = self.source.table()
        if columns is not None and self.per_batch is None:
            n = len(columns[0])
            ends = range(self.size, n + 1, self.size) if self.drop else None
            for start in range(0, n, self.size) if ends is None else (e - self.size for e in ends):
                yield tuple(x[start : start + self.size] for x in columns)
            return
        waiting: list[Row] = []
        for row in self.source.rows():
            waiting.append(row)
            if len(waiting) == self.size:
                yield self._joined(waiting)
                waiting = []
        if waiting and not self.drop:
            yield self._joined(waiting)

    def _joined(self, rows: list[Row]) -> Row:
        columns = [list(column) for column in zip(*rows, strict=True)]
        if self.per_batch is not None:
            made = self.per_batch(*(columns[i] for i in self.inputs), None)
            made = made if isinstance(made, tuple) else (made,)
            rest = [column for i, column in enumerate(columns) if i not in self.inputs]
            columns = [*made, *rest]
        shapes = [{np.shape(x) for x in column} for column in columns]
        for name, found in zip(self.names, shapes):
            if len(found) > 1:
                raise ValueError(f"batch: column {name!r} has rows of the shapes {sorted(found)}")
        return tuple(np.stack([as_array(x) for x in column]) for column in columns)


class Shuffled(Of):
    """Rows in random order."""

    def __init__(self, source: Dataset, size: int) -> None:
        super().__init__(source)
        self.size = size

    def table(self) -> Row | None:
        """All rows, if they all fit into the buffer."""
        columns = self.source.table()
        if columns is None or len(columns[0]) > self.size:
            return None
        order = sources.permutation(len(columns[0]))
        return tuple(x[order] for x in columns)

    def rows(self) -> Iterator[Row]:
        """Rows drawn from a buffer that the next ones fill."""
        rng = np.random.default_rng(sources.permutation(2**16)[:4].tolist())
        buffer: list[Row] = []
        for row in self.source.rows():
            if len(buffer) < self.size:
                buffer.append(row)
                continue
            i = int(rng.integers(self.size))
            yield buffer[i]
            buffer[i] = row
        for i in rng.permutation(len(buffer)):
            yield buffer[i]


class Mapped(Of):
    """Rows with some columns replaced by what functions make of them."""

    def __init__(
        self,
        source: Dataset,
        operations: list[Callable[..., Any]],
        inputs: list[str],
        outputs: list[str],
    ) -> None:
        super().__init__(source)
        self.operations = operations
        first = arguments_of(operations[0], len(self.names))
        self.inputs: list[int] = [self._place(name) for name in inputs or self.names[:first]]
        if outputs:
            kept = [n for i, n in enumerate(self.names) if i not in self.inputs]
            at = min(self.inputs)
            self.names: list[str] = [*kept[:at], *outputs, *kept[at:]]
            self.n_outputs: int | None = len(outputs)
        else:
            self.n_outputs = len(self.inputs)

    def rows(self) -> Iterator[Row]:
        """Rows with the results of the operations."""
        at = min(self.inputs)
        for row in self.source.rows():
            values: tuple[Any, ...] = tuple(row[i] for i in self.inputs)
            for operation in self.operations:
                made = operation(*values)
                values = made if isinstance(made, tuple) else (made,)
            if len(values) != self.n_outputs:
                raise ValueError(
                    f"output_columns: expected {len(values)} names, one for each value that the "
                    f"operations return, got {self.n_outputs}"
                )
            kept = [x for i, x in enumerate(row) if i not in self.inputs]
            yield (*kept[:at], *map(as_array, values), *kept[at:])


class Part(Of):
    """Rows first..last - 1."""

    first: int
    last: int | None

    def __init__(self, source: Dataset, first: int, last: int | None) -> None:
        super().__init__(source)
        self.first, self.last = first, last

    def count(self) -> int | None:
        """The number of rows."""
        known = self.source.count()
        if known is None:
            return None
        return max(0, (known if self.last is None else min(known, self.last)) - self.first)

    def table(self) -> Row | None:
        """All rows."""
        columns = self.source.table()
        return None if columns is None else tuple(x[self.first : self.last] for x in columns)

    def rows(self) -> Iterator[Row]:
        """One pass over the part."""
        for i, row in enumerate(self.source.rows()):
            if i == self.last:
                return
            if i >= self.first:
                yield row


class Picked(Of):
    """Rows at positions of a pass, drawn once."""

    def __init__(self, source: Dataset, order: Any) -> None:
        super().__init__(source)
        self.order = order

    def count(self) -> int:
        """The number of rows."""
        return len(self.order)

    def rows(self) -> Iterator[Row]:
        """The rows."""
        rows = list(self.source.rows())
        return (rows[i] for i in self.order)


class Repeated(Of):
    """Several passes."""

    def __init__(self, source: Dataset, times: int | None) -> None:
        super().__init__(source)
        self.times = times

    def count(self) -> int | None:
        """The number of rows of all passes."""
        known = self.source.count()
        return None if known is None or self.times is None else known * self.times

    def get_repeat_count(self) -> int:
        """How often it repeats; -1 without end."""
        return -1 if self.times is None else self.times

    def rows(self) -> Iterator[Row]:
        """The passes, one after the other."""
        done = 0
        while self.times is None or done < self.times:
            yield from self.source.rows()
            done += 1


class Columns(Of):
    """Some columns, under these names."""

    chosen: list[int]
    names: list[str]

    def __init__(self, source: Dataset, chosen: list[int], names: list[str]) -> None:
        super().__init__(source)
        self.chosen, self.names = chosen, names

    def table(self) -> Row | None:
        """All rows."""
        columns = self.source.table()
        return None if columns is None else tuple(columns[i] for i in self.chosen)

    def rows(self) -> Iterator[Row]:
        """One pass over the rows."""
        return (tuple(row[i] for i in self.chosen) for row in self.source.rows())


class Filtered(Of):
    """The rows that a function keeps."""

    def __init__(self, source: Dataset, keep: Callable[..., Any], inputs: list[str]) -> None:
        super().__init__(source)
        self.keep = keep
        self.inputs: list[int] = [self._place(name) for name in inputs or self.names]

    def count(self) -> None:
        """Only a pass tells."""
        return None

    def rows(self) -> Iterator[Row]:
        """The rows that are kept."""
        return (r for r in self.source.rows() if self.keep(*(r[i] for i in self.inputs)))


class Joined(Dataset):
    """Data sets one after the other, or side by side."""

    parts: list[Dataset]
    beside: bool

    def __init__(self, parts: Sequence[Dataset], beside: bool) -> None:
        self.parts, self.beside = list(parts), beside
        names = [part.names for part in self.parts]
        self.names: list[str] = [n for own in names for n in own] if beside else list(names[0])
        if beside and len(set(self.names)) != len(self.names):
            raise ValueError(f"zip: expected different column names, got {self.names}")
        if not beside and any(len(own) != len(self.names) for own in names):
            raise ValueError(f"concat: expected the same columns, got {names}")

    def count(self) -> int | None:
        """The number of rows."""
        counts = [part.count() for part in self.parts]
        known = [n for n in counts if n is not None]
        if len(known) < len(counts):
            return None
        return min(known) if self.beside else sum(known)

    def rows(self) -> Iterator[Row]:
        """One pass over all."""
        passes = [part.rows() for part in self.parts]
        if self.beside:
            return (tuple(x for row in rows for x in row) for rows in zip(*passes))
        return (row for rows in passes for row in rows)

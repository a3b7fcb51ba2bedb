"""Rows of Parquet files and Arrow tables, read by pyarrow a row group at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.arrays import show
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn._support.paths import regular
from fastnn.io.rows.arrays import labelled_shards, paths_of
from fastnn.io.rows.named import MANY_CLASSES, Asked, Roles, roles_of
from fastnn.io.rows.source import Part, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["arrow_source"]

ENDINGS = (".parquet", ".pq")


class _Groups(Source):
    """Row groups of one file or table.

    Args:
        name: in messages. schema: of the columns. sizes: rows of each group.
        group: gives the columns of these names of a group, as an Arrow table.
        roles: which columns are what.
    """

    def __init__(
        self,
        name: str,
        schema: Any,
        sizes: Sequence[int],
        group: Callable[[int, list[str]], Any],
        roles: Roles,
        classes: tuple[str, ...] | None = None,
    ) -> None:
        self.name, self._schema, self._sizes, self._group = name, schema, sizes, group
        self._roles, self.names = roles, roles.features
        self.cuts = np.cumsum([0, *sizes]).astype(np.int64)
        self.rows = int(self.cuts[-1])
        wide = np.result_type(*(self._dtype(column) for column in roles.features))
        parts = [Part((len(roles.features),), wide)]
        if roles.target is not None:
            self._texts = _is_text(schema.field(roles.target).type)
            self.classes = (self._labels() if self._texts else ()) if classes is None else classes
            own = np.dtype(np.int64) if self._texts else self._dtype(roles.target)
            parts.append(Part((), own))
        if roles.weight is not None:
            parts.append(Part((), self._dtype(roles.weight)))
        self.parts = tuple(parts)
        self.extra = 2 * max(sizes, default=0) * sum(part.nbytes for part in self.parts)
        self._held: tuple[int, tuple[NDArray[Any], ...]] | None = None

    def _dtype(self, column: str) -> np.dtype[Any]:
        kind = self._schema.field(column).type
        try:
            found: np.dtype[Any] = np.dtype(kind.to_pandas_dtype())
        except (NotImplementedError, TypeError):
            found = np.dtype(object)
        if found.kind not in "biuf":
            who = "y" if column == self._roles.target else "x"
            raise InvalidTypeError(
                f"{who}: expected numbers, got column {column!r} of {kind} in {self.name}; leave "
                "it out by features=[...], or see fastnn.tabular for texts and dates"
            )
        return found

    def _labels(self) -> tuple[str, ...]:
        """The texts of the target, sorted, by a pass over this column."""
        found: set[str] = set()
        for number in range(len(self._sizes)):
            column = self._group(number, [self._roles.target or ""]).column(0)
            found.update(str(text) for text in column.unique().to_pylist() if text is not None)
            if len(found) > MANY_CLASSES:
                raise InvalidValueError(
                    f"y: expected at most {MANY_CLASSES} classes, got more in "
                    f"{self._roles.target!r}"
                )
        return tuple(sorted(found))

    def _arrays(self, number: int) -> tuple[NDArray[Any], ...]:
        if self._held is not None and self._held[0] == number:
            return self._held[1]
        self._held = None
        roles = self._roles
        beside = [column for column in (roles.target, roles.weight) if column is not None]
        try:
            table = self._group(number, [*roles.features, *beside])
        except (OSError, ValueError) as error:
            raise InvalidValueError(f"x: {self.name} cannot be read: {error}") from error
        x = np.empty((table.num_rows, len(roles.features)), self.parts[0].dtype)
        for place, column in enumerate(roles.features):
            x[:, place] = self._values(table, column, number)
        made = [x]
        for column in beside:
            made.append(self._values(table, column, number))
        self._held = number, tuple(made)
        return self._held[1]

    def _values(self, table: Any, column: str, number: int) -> NDArray[Any]:
        values = table.column(column)
        if values.null_count:
            assert self.cuts is not None
            row = int(np.argmax(values.is_null().to_numpy()))
            who = "y" if column == self._roles.target else "x"
            raise InvalidValueError(
                f"{who}: expected no missing values, got one at row {self.cuts[number] + row} of "
                f"column {column!r} in {self.name}"
            )
        if column == self._roles.target and self._texts:
            index = {text: place for place, text in enumerate(self.classes)}
            texts = values.to_pylist()
            if (odd := next((text for text in texts if str(text) not in index), None)) is not None:
                raise InvalidValueError(f"y: class {odd!r:.40} is not one of {self.classes}")
            return np.array([index[str(text)] for text in texts], np.int64)
        return np.asarray(values.to_numpy())

    def read(self, begin: int, end: int, into: Sequence[NDArray[Any]]) -> None:
        """Read the groups that have them; the last one is kept."""
        assert self.cuts is not None
        done = begin
        while done < end:
            number = int(np.searchsorted(self.cuts, done, "right")) - 1
            first = int(self.cuts[number])
            last = min(end, int(self.cuts[number + 1]))
            for array, part in zip(into, self._arrays(number), strict=False):
                array[done - begin : last - begin] = part[done - first : last - first]
            done = last

    def cursor(self) -> Source:
        """With a group of its own."""
        return _Groups(self.name, self._schema, self._sizes, self._group, self._roles, self.classes)

    def select(self, names: Sequence[str]) -> Source:
        """These columns."""
        roles = self._roles.selected(names, self.name)
        return _Groups(self.name, self._schema, self._sizes, self._group, roles, self.classes)

    def relabelled(self, classes: tuple[str, ...]) -> Source:
        """With class numbers of these texts."""
        return _Groups(self.name, self._schema, self._sizes, self._group, self._roles, classes)

    def where(self, row: int) -> str:
        """The file."""
        return self.name


def arrow_source(given: Any, asked: Asked) -> Source | None:
    """The source of Arrow tables, Arrow datasets of Parquet files, or paths of such files; None for
    other things.

    Raises:
        ImportError: pyarrow is not there.
    """
    if hasattr(given, "schema") and hasattr(given, "to_struct_array"):  # a Table or RecordBatch
        return _of_table(_as_table(given), asked)
    if hasattr(given, "schema") and hasattr(given, "read_next_batch"):
        raise InvalidTypeError(
            f"x: expected what can be read again, got {show(given)}; give its read_all()"
        )
    if hasattr(given, "to_batches") and hasattr(given, "schema"):
        if hasattr(given, "files"):
            return _of_paths(list(given.files), asked)
        raise InvalidTypeError(
            f"x: expected an Arrow table, or an Arrow dataset of Parquet files, got {show(given)}"
        )
    paths = paths_of(given, "x")
    if paths is None or not all(path.endswith(ENDINGS) for path in paths):
        return None
    return _of_paths(paths, asked)


def _as_table(batch: Any) -> Any:
    from pyarrow import Table

    return batch if hasattr(batch, "to_batches") else Table.from_batches([batch])


def _of_table(table: Any, asked: Asked) -> Source:
    sizes = [batch.num_rows for batch in table.to_batches()] or [0]
    begins = np.cumsum([0, *sizes]).tolist()

    def group(number: int, names: list[str]) -> Any:
        return table.select(names).slice(begins[number], sizes[number])

    roles = roles_of(table.schema.names, asked, "x")
    return _Groups("an Arrow table", table.schema, sizes, group, roles)


def _of_paths(paths: list[str], asked: Asked) -> Source:
    try:
        from pyarrow import parquet
    except ImportError:
        raise ImportError(
            f"{paths[0]}: Parquet files are read by pyarrow; run: pip install 'fastnn-cpu[arrow]'"
        ) from None
    return labelled_shards([_of_parquet(parquet, path, asked) for path in paths])


def _of_parquet(parquet: Any, path: str, asked: Asked) -> _Groups:
    try:
        file = parquet.ParquetFile(regular(path, "x"))
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.filename is not None:  # nothing that can be read
            raise
        raise InvalidValueError(f"x: {path} is no Parquet file: {error}") from None
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]

    def group(number: int, names: list[str]) -> Any:
        return file.read_row_group(number, columns=names, use_threads=False)

    schema = file.schema_arrow
    roles = roles_of(schema.names, asked, path)
    return _Groups(path, schema, sizes or [0], group, roles)


def _is_text(kind: Any) -> bool:
    return str(kind).startswith(("string", "large_string", "dictionary<values=string"))

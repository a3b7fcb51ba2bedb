"""open_table: a table that is larger than memory, for Trainer.fit, evaluate and predict."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check, maps
from fastnn._support.dtypes import BRAIN, STORED
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.io.rows.arrays import array_source, paths_of
from fastnn.io.rows.arrow import arrow_source
from fastnn.io.rows.batches import BatchSource
from fastnn.io.rows.looks import Moments, Summary, look, moments_of
from fastnn.io.rows.named import Asked
from fastnn.io.rows.source import Part, SideBySide, Source
from fastnn.io.rows.text import csv_source
from fastnn.io.rows.views import Scaled, SomeRows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["LargeTable", "bytes_of", "open_table"]

MOST = 2**63  # of any unit
DEFAULT = "64MB"  # windows that a cache of some MB still helps with
BLOCK = 1 << 18  # bytes of a block, about
BLOCKS = 64  # in a window, at least, if blocks may be of any size
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def bytes_of(memory: Any, name: str = "memory") -> int:
    """Bytes, from a number or a text such as "200MB" (10**6 bytes each) or "1GiB" (2**30).

    Raises:
        TypeError, ValueError: neither.

    >>> from fastnn.io.rows.table import bytes_of
    >>> bytes_of("1.5 MB"), bytes_of("2KiB"), bytes_of(4096)
    (1500000, 2048, 4096)
    """
    if not isinstance(memory, str):
        return check.integer(name, memory, 1)
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([a-zA-Z]*)\s*", memory)
    known = found is not None and found[2].upper() in _UNITS
    if found is None or not known or not 0 < float(found[1]) < MOST:
        raise InvalidValueError(
            f'{name}: expected bytes, as a number or such as "200MB" or "1GiB", got {memory!r:.40}'
        )
    return max(int(float(found[1]) * _UNITS[found[2].upper()]), 1)


class LargeTable:
    """Rows that are read while they are needed; made by `open_table`.

    Attributes:
        rows: how many there are; of batches they are counted when this is first asked.
        shape: of x, (rows, features).
        columns: the names of the columns of x, or None.
        classes: the texts of the class numbers in y, if it has texts; else ().
        memory: bytes that the rows in memory take at most.
        window: rows that are shuffled with each other.
        cuts: int64; block i is the rows cuts[i]..cuts[i+1]-1, which lie side by side in a window.
    """

    source: Source
    memory: int
    window: int

    def __init__(self, source: Source, memory: int, window: int | None, block: int | None) -> None:
        self.source, self.memory = source, memory
        self._asked = window, block
        each = sum(map(_held_bytes, source.parts))
        own = max(memory // 4 // max(each, 1), 1)
        self.window = own if window is None else check.integer("window", window, 1)
        self._block = max(min(BLOCK // max(each, 1), self.window // BLOCKS), 1)
        if block is not None:
            self._block = check.integer("block", block, 1, self.window)
        self._summary: tuple[str, Summary] | None = None
        if source.cuts is not None:
            longest = int(np.diff(source.cuts).max(initial=0))
            if longest > self.window:
                name, least, got = "memory", f"{4 * longest * each} bytes", memory
                if window is not None:
                    name, least, got = "window", f"{longest} rows", window
                raise InvalidValueError(
                    f"{name}: {source.name} is stored in groups of {longest} rows, of which one "
                    f"has to fit a window; expected at least {least}, got {got}; or write it with "
                    "smaller groups (row_group_size)"
                )

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.source.count()

    def __len__(self) -> int:
        return self.rows

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, features)."""
        return (self.rows, *self.source.parts[0].shape)

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of the columns of x."""
        return self.source.names

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The type of each column."""
        return (str(self.source.parts[0].dtype),) * len(self.columns or ())

    @property
    def classes(self) -> tuple[str, ...]:
        """The texts of the class numbers."""
        return self.source.classes

    @property
    def cuts(self) -> NDArray[np.int64]:
        """Where blocks begin and end."""
        if self.source.cuts is not None:
            return self.source.cuts
        return np.append(np.arange(0, self.rows, self._block), self.rows).astype(np.int64)

    @property
    def has_targets(self) -> bool:
        """Whether there is y."""
        return len(self.source.parts) > 1

    def select(self, names: Sequence[str]) -> LargeTable:
        """The same table with the columns of x in this order.

        Raises:
            ValueError: columns that it has not.
        """
        return self._of(self.source.select(list(names)))

    def read(self, begin: int = 0, end: int | None = None) -> tuple[NDArray[Any], ...]:
        """Rows begin..end-1 as arrays: x, and y and sample_weight if there are any."""
        end = self.rows if end is None else min(end, self.rows)
        made = tuple(np.empty((end - begin, *p.shape), p.dtype) for p in self.source.parts)
        if end > begin:
            self.source.cursor().read(begin, end, made)
        return made

    def look(self) -> Summary:
        """Read it once and check that all numbers are finite; kept while the files do not change.

        Raises:
            ValueError: they are not. OSError: it cannot be read.
        """
        self.source.count()
        stamp = self.source.stamp()
        if self._summary is None or self._summary[0] != stamp:
            self._summary = stamp, look(self.source)
        return self._summary[1]

    def moments(self, of: str = "x") -> Moments:
        """Mean and standard deviation of each column of x, or of y, by one pass, in double."""
        part = check.choice("of", of, ("x", "y")) == "y"
        if part and not self.has_targets:
            raise InvalidValueError("y: expected targets in the table, got x alone")
        self.look()
        return moments_of(self.source, int(part))

    def standardized(
        self, mean: ArrayLike | None = None, std: ArrayLike | None = None
    ) -> LargeTable:
        """The table with (x - mean) / std in place of x, as float32; 1 for a std of 0.

        Args:
            mean, std: of each column; default: those of this table, by `moments`. For a test table
                give those of the training table.

        Raises:
            ValueError: not one number a column.

        Example:
            >>> import numpy as np
            >>> from fastnn.io import open_table
            >>> table = open_table(np.array([[1.0, 5.0], [3.0, 5.0]])).standardized()
            >>> table.read()[0].tolist()
            [[-1.0, 0.0], [1.0, 0.0]]
        """
        if (mean is None) != (std is None):
            raise InvalidValueError("mean, std: expected both, or neither")
        found = self.moments() if mean is None or std is None else (mean, std)
        shape = self.source.parts[0].shape
        numbers = [np.asarray(values, np.float64) for values in found]
        for name, values in zip(("mean", "std"), numbers, strict=True):
            if values.shape != shape or not np.isfinite(values).all():
                raise InvalidValueError(
                    f"{name}: expected a finite number for each column, {shape}, got {values.shape}"
                )
        return self._of(Scaled(self.source, numbers[0], np.where(numbers[1] > 0, numbers[1], 1.0)))

    def scaled_targets(self, mean: float, std: float) -> LargeTable:
        """The table with (y - mean) / std in place of y, as float32.

        Raises:
            ValueError: no targets; numbers that are not finite; a std of 0.
        """
        mean = check.real("mean", mean)
        std = check.real("std", std, 0.0, open_low=True)
        if not self.has_targets:
            raise InvalidValueError("y: expected targets in the table, got x alone")
        return self._of(Scaled(self.source, np.array(mean), np.array(std), 1))

    def split(self, share: float, seed: int = 0) -> tuple[LargeTable, LargeTable]:
        """Two tables: the rows to train on, and about this share of them, held out at random.

        Row r is held out if u(seed, r) < share, with a hash u of the row's number alone
        (`fastnn.io.rows.views.is_held_out`), so the split does not depend on memory, window or
        block. It is not stratified.

        Raises:
            ValueError: a share outside 0..1; a part without rows; batches, whose rows come once.
        """
        share = check.real("share", share, 0.0, 1.0, open_low=True, open_high=True)
        seed = check.seed(seed)
        if self.source.once:
            raise InvalidValueError(
                "validation_split: expected rows that can be read in any order, got batches; give "
                "validation_data"
            )
        cuts, source = self.cuts, self.source
        parts = [SomeRows(source, cuts, share, seed, held) for held in (False, True)]
        if not all(part.rows for part in parts):
            raise InvalidValueError(
                f"validation_split: expected rows in both parts of {self.rows}, got "
                f"{parts[0].rows} and {parts[1].rows}"
            )
        train, held = map(self._of, parts)
        longest = int(np.diff(held.cuts).max(initial=1))
        held.window = max(self.window // 4, longest)  # so that both take the memory of one
        return train, held

    def _of(self, source: Source) -> LargeTable:
        made = LargeTable(source, self.memory, *self._asked)
        made._block = self._block
        return made

    def close(self) -> None:
        """Close its files."""
        self.source.close()

    def __enter__(self) -> LargeTable:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        rows = "?" if self.source.rows < 0 else f"{self.source.rows:,}"
        x = self.source.parts[0]
        return (
            f"LargeTable({rows} rows of {'x'.join(map(str, x.shape))} {x.dtype}, "
            f"{self.memory:,} bytes, window of {self.window:,} rows)"
        )


def _held_bytes(part: Part) -> int:
    """Bytes of a row of it in memory, where types without kernels that read them become float32."""
    small = part.dtype.kind in "iub" and part.dtype not in STORED
    one = 4 if small or part.dtype == BRAIN else part.dtype.itemsize
    return int(np.prod(part.shape, dtype=np.int64)) * one


def open_table(
    x: Any,
    y: Any = None,
    *,
    target: str | None = None,
    features: Sequence[str] | None = None,
    drop: Collection[str] = (),
    sample_weight: Any = None,
    memory: int | str = DEFAULT,
    window: int | None = None,
    block: int | None = None,
) -> LargeTable:
    """Open a table that may be larger than memory. `Trainer.fit`, `evaluate` and `predict` take it
    where arrays go; its rows are read while they are needed, by a thread ahead of the engine.

    Order: an epoch of `fit(shuffle=True)` takes the blocks in random order, as many at a time as
    fill a window, and the rows of a window in random order (`fastnn.train.table_order`). With n
    rows in N = n / block blocks, m = window / block of them in a window, and batches of B rows, the
    mean of a number over a batch has the variance

        s_w^2 / B (1 - B / window) + s_b^2 / m (N - m) / (N - 1),

    s_w^2 being the variance within a window and s_b^2 that of the blocks' means: of rows in random
    order the second is next to nothing, of rows sorted by the number it is s^2 / m. It depends on
    seed, window and block, not on how much is read at a time or ahead.

    Memory: the rows at hand take at most `memory` bytes: two windows, one in use and one that is
    read. Beside it are Python, NumPy, and weights and activations of the model.

    Args:
        x: (rows, features): an array, such as a numpy.memmap; the path of a .npy file, a list of
            such paths, or a pattern ("part-*.npy"); a list of arrays; Parquet files, an Arrow table
            or an Arrow data set of Parquet files (with pyarrow, the extra `arrow`); CSV files of
            numbers in UTF-8 with the columns' names in the first line; or a function that makes an
            iterator of batches x, (x, y) or (x, y, sample_weight), a list or a `DataLoader` of
            them, whose rows are shuffled within windows only. Any type of numbers: it is kept in
            memory and converted by the engine.
        y: (rows,) or (rows, outputs), of the same kinds; not with batches or columns that have
            names, where it is `target`.
        target: the name of the column that is y: numbers, or texts, which become class numbers in
            the order of the sorted texts, `LargeTable.classes`.
        features: the names of the columns of x; default: all but target, weight and `drop`.
        drop: names of columns to leave out.
        sample_weight: (rows,), likewise; of named columns the name of one.
        memory: bytes, or a text such as "200MB" or "1GiB".
        window: rows that are shuffled with each other; default: as many as take a quarter of
            `memory`. Give it to have the same order with another `memory`.
        block: rows that are read side by side; default: those of 256 KiB, and at most window / 64.
            Of Parquet files and Arrow tables the row groups are the blocks, whatever is given.

    Raises:
        TypeError, ValueError: no such source; shards of several widths; files that are cut short.
        OSError: a file that cannot be opened.

    Example:
        >>> import numpy as np
        >>> from fastnn import Trainer, nn, optim
        >>> from fastnn.io import open_table
        >>> x = np.arange(2000, dtype=np.float32).reshape(1000, 2) / 2000
        >>> table = open_table(x, x[:, :1], memory="1MB")
        >>> model = nn.Linear(2, 1)
        >>> trainer = Trainer(model, "mse", optim.Adam(model.parameters()))
        >>> history = trainer.fit(table, epochs=2, verbose=0)
        >>> trainer.predict(table).shape
        (1000, 1)
    """
    budget = bytes_of(memory)
    weight = sample_weight if isinstance(sample_weight, str) else None
    asked = Asked(target, features, weight, drop)
    source = arrow_source(x, asked) or csv_source(x, asked)
    if source is not None and (y is not None or sample_weight is not weight):
        raise InvalidTypeError(
            "y, sample_weight: expected the names of columns, target= and sample_weight=, as x has "
            "named columns"
        )
    if source is None:
        if asked != Asked():
            raise InvalidTypeError(
                "target, features: expected None where x has no named columns; give y, got "
                f"{check.show(x)} as x"
            )
        source = _side_by_side(x, y, sample_weight)
    shape = source.parts[0].shape
    if len(shape) != 1:
        raise InvalidValueError(
            f"x: expected 2 dimensions (rows, columns), got {len(shape) + 1} in {source.name}"
        )
    if shape == (0,):
        raise InvalidValueError("x: expected at least one column, got none")
    return LargeTable(source, budget, window, block)


def _side_by_side(x: Any, y: Any, sample_weight: Any) -> Source:
    """The source of arrays, or of batches."""
    source = array_source(x, "x")
    if source is None:
        if paths_of(x, "x") is not None:
            raise InvalidValueError(
                f"x: {str(x)!r:.80} is no kind of table that is known: expected .npy, .parquet or "
                ".csv files"
            )
        if y is not None or sample_weight is not None:
            raise InvalidTypeError(
                "y: expected it within the batches (x, y) of x, or x as array or files, got x as "
                f"{check.show(x)}"
            )
        return BatchSource(x, "x")
    if y is None and sample_weight is not None:
        raise InvalidValueError("sample_weight: expected y with it")
    sides = [source]
    for name, given in (("y", y), ("sample_weight", sample_weight)):
        if given is not None:
            side = array_source(given, name)
            if side is None:
                side = array_source(maps.array_of(given, name), name)
            assert side is not None
            sides.append(side)
    return SideBySide(sides) if len(sides) > 1 else source

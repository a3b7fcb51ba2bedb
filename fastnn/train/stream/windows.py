"""In which order the rows of a large table are taken: windows of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastnn.io.rows.table import LargeTable
from fastnn.train.loop import batch_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Windows", "table_order"]

_STEP = 0x9E3779B97F4A7C15  # between the keys of windows


@dataclass(frozen=True)
class Windows:
    """The windows of an epoch.

    blocks: the blocks of the table in the order in which they are read.
    first: the place in `blocks` of the first block of each window, and their number.
    begins: the number of rows before each window, and of all rows.
    cuts: between the blocks.
    seed: the key of the order within windows; None: as they are read.
    epoch: of the order.
    """

    blocks: NDArray[np.int64]
    first: NDArray[np.int64]
    begins: NDArray[np.int64]
    cuts: NDArray[np.int64]
    seed: int | None
    epoch: int

    @classmethod
    def of(cls, table: LargeTable, seed: int | None, epoch: int) -> Windows:
        """Of an epoch of a fit with this seed; without one, of the rows as they are stored."""
        cuts = table.cuts
        count = len(cuts) - 1
        mixes = seed is not None and not table.source.once
        blocks = batch_order(count, seed or 0, epoch) if mixes else np.arange(count)
        ends = np.cumsum(np.diff(cuts)[blocks])
        first, begins = [0], [0]
        while first[-1] < count:
            last = int(np.searchsorted(ends, begins[-1] + table.window, "right"))
            first.append(max(last, first[-1] + 1))
            begins.append(int(ends[first[-1] - 1]))
        return cls(blocks, np.array(first), np.array(begins), cuts, seed, epoch)

    def __len__(self) -> int:
        return len(self.first) - 1

    def runs(self, number: int) -> list[tuple[int, int]]:
        """(begin, end) of the rows of a window, in the order in which they are read. Blocks that
        are neighbours in the table are read at once."""
        found: list[tuple[int, int]] = []
        for block in self.blocks[self.first[number] : self.first[number + 1]].tolist():
            begin, end = int(self.cuts[block]), int(self.cuts[block + 1])
            if found and found[-1][1] == begin:
                found[-1] = found[-1][0], end
            else:
                found.append((begin, end))
        return found

    def rows(self, number: int) -> int:
        """How many rows a window has."""
        return int(self.begins[number + 1] - self.begins[number])

    def order(self, number: int) -> NDArray[np.int64]:
        """The order in which the rows of a window are taken, by their places in it."""
        rows = self.rows(number)
        if self.seed is None:
            return np.arange(rows)
        return batch_order(rows, (self.seed + (number + 1) * _STEP) % 2**64, self.epoch)

    def at(self, row: int) -> int:
        """The window with this row of the epoch."""
        return int(np.searchsorted(self.begins, row, "right")) - 1


def table_order(table: LargeTable, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of the rows of a table in an epoch of a `Trainer.fit` with this seed.

    With shuffle(n, key, epoch) the permutation of `batch_order`: blocks are taken in the order
    shuffle(blocks, seed, epoch), as many at a time as fit the window; window k has its rows in the
    order shuffle(rows, seed + (k + 1) * 0x9e3779b97f4a7c15 mod 2^64, epoch). Of batches that come
    in one order, blocks keep theirs.

    Example:
        >>> import numpy as np
        >>> from fastnn.io import open_table
        >>> from fastnn.train import table_order
        >>> table = open_table(np.zeros((8, 1)), window=4, block=2)
        >>> table_order(table, 0, 0).tolist()
        [7, 6, 4, 5, 3, 0, 2, 1]
    """
    windows, parts = Windows.of(table, seed, epoch), []
    for number in range(len(windows)):
        runs = windows.runs(number)
        rows = np.concatenate([np.arange(begin, end) for begin, end in runs])
        parts.append(rows[windows.order(number)])
    return np.concatenate(parts)

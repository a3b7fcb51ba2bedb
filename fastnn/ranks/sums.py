"""Sums: adds up vectors over the slices of a batch, in the order of the tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.ranks.tree import Node, bounds, roots, total

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.ranks.communicator import Ranks

ALIGN = 64
SMALL_BYTES = 1 << 18  # up to so many everyone is sent everything, in one message

Vectors = list["NDArray[Any]"]
Slice = Callable[[int, Vectors], None]


class Sums:
    """Sums of some vectors over slices, on all ranks.

    Each rank computes its slices, sums the subtrees within them, and sends their sums: small ones,
    and those of two ranks, to everybody, who sums them up; of large ones each rank sums a part, and
    sends that to all: 2 (P - 1) / P times the bytes of a vector for P ranks, not P - 1 times.
    Either way an element is summed by the same tree, so the bits are the same.

    Args:
        ranks: who sums.
        like: arrays of the shapes and types of the vectors.

    Attributes:
        bytes: of a vector of each kind together.
    """

    def __init__(self, ranks: Ranks, like: Sequence[NDArray[Any]]) -> None:
        self._ranks = ranks
        self._kinds = [(a.size, a.dtype) for a in like]
        self._starts = [0]
        for size, dtype in self._kinds:
            self._starts.append(self._starts[-1] + -(-size * dtype.itemsize // ALIGN) * ALIGN)
        self.bytes: int = self._starts[-1]
        self._spare: list[NDArray[np.uint8]] = []  # a row for each level of the tree
        self._rows: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self._nodes: dict[int, list[list[Node]]] = {}  # of each rank, by the number of slices
        self._views: dict[int, Vectors] = {}  # by the place of a row in memory

    def run(self, slices: int, compute: Slice) -> Vectors:
        """The sums over so many slices.

        compute: writes the vectors of one slice.

        Returns:
            Vectors, valid until the next run.
        """
        ranks = self._ranks
        nodes = self._nodes.get(slices)
        if nodes is None:
            nodes = [roots(rank, ranks.size, slices) for rank in range(ranks.size)]
            self._nodes[slices] = nodes
        most = max(map(len, nodes))
        mine = self._buffer(0, most)
        for row, node in zip(mine, nodes[ranks.rank], strict=False):
            self._grow(node, row, compute, 0)
        if ranks.size == 1:
            return self._vectors(mine[0])
        if ranks.size == 2 or ranks.size * most * self.bytes <= SMALL_BYTES:
            rows = self._buffer(1, ranks.size * most)
            ranks.gather_rows(mine, rows)
            known = {
                node: rows[rank * most + place]
                for rank, own in enumerate(nodes)
                for place, node in enumerate(own)
            }
            return self._vectors(total(Node(0, slices), known, self._add))
        return self._vectors(self._in_parts(nodes, mine, slices))

    def _in_parts(
        self, nodes: list[list[Node]], mine: NDArray[np.uint8], slices: int
    ) -> NDArray[np.uint8]:
        """The sum of rows of which each rank sums a part."""
        ranks = self._ranks
        lines = self.bytes // ALIGN
        parts = [bounds(rank, ranks.size, lines) for rank in range(ranks.size)]
        sizes = [(end - begin) * ALIGN for begin, end in parts]
        begin, size = parts[ranks.rank][0] * ALIGN, sizes[ranks.rank]
        pieces = self._buffer(2, len(mine) * ranks.size, size)
        known: dict[Node, NDArray[np.uint8]] = {}
        for place, row in enumerate(mine):
            have = [len(own) > place for own in nodes]
            sent = sizes if have[ranks.rank] else [0] * ranks.size
            theirs = pieces[place * ranks.size :][: sum(have)]
            ranks.exchange(row, sent, theirs, [size if has else 0 for has in have])
            senders = [own[place] for own in nodes if len(own) > place]
            known.update(zip(senders, theirs, strict=True))

        def add(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return self._add(left, right, begin)

        found: NDArray[np.uint8] = self._buffer(3, 1)[0]
        ranks.gather_parts(total(Node(0, slices), known, add), found, sizes)
        return found

    def _grow(self, node: Node, row: NDArray[np.uint8], compute: Slice, level: int) -> None:
        """Sum a subtree of the rank's own slices."""
        if node.last - node.first == 1:
            compute(node.first, self._vectors(row))
            return
        left, right = node.halves()
        if level == len(self._spare):
            self._spare.append(np.zeros(self.bytes, np.uint8))
        self._grow(left, row, compute, level + 1)
        self._grow(right, self._spare[level], compute, level + 1)
        self._add(row, self._spare[level])

    def _add(
        self, left: NDArray[np.uint8], right: NDArray[np.uint8], begin: int = 0
    ) -> NDArray[np.uint8]:
        """left += right, of bytes from `begin` on of a row."""
        end = begin + left.size
        for start, (size, dtype) in zip(self._starts, self._kinds, strict=False):
            first, last = max(begin, start), min(end, start + size * dtype.itemsize)
            if first < last:
                a = left[first - begin : last - begin].view(dtype)
                np.add(a, right[first - begin : last - begin].view(dtype), out=a)
        return left

    def _vectors(self, row: NDArray[np.uint8]) -> Vectors:
        found = self._views.get(row.ctypes.data)
        if found is None:  # no row is ever given back
            places = zip(self._starts, self._kinds, strict=False)
            found = [row[at : at + size * kind.itemsize].view(kind) for at, (size, kind) in places]
            self._views[row.ctypes.data] = found
        return found

    def _buffer(self, use: int, rows: int, width: int | None = None) -> NDArray[np.uint8]:
        """Memory that is kept from run to run; it begins with zeros."""
        found = self._rows.get((use, rows))
        if found is None:
            shape = rows, self.bytes if width is None else width
            found = self._rows[use, rows] = np.zeros(shape, np.uint8)
        return found

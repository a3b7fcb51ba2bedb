"""A map of memory: which write came last to each range of addresses."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Value = TypeVar("Value")
Span = tuple[int, int]  # first byte, and the byte after the last


class Intervals(Generic[Value]):
    """Disjoint ranges of addresses in order, each with a value.

    `over` looks at the ranges that it finds and at no others, and `put` leaves at most three of
    those that it touches, so that writes take constant time each, but for two binary searches.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._values: list[Value] = []

    def __len__(self) -> int:
        return len(self._starts)

    def _touched(self, span: Span) -> tuple[int, int]:
        """The first range that reaches into the span, and the one after the last."""
        first, end = span
        return bisect_right(self._ends, first), bisect_left(self._starts, end)

    def over(self, span: Span) -> Iterator[tuple[Span, Value]]:
        """The ranges that reach into the span, with their values."""
        low, high = self._touched(span)
        for i in range(low, high):
            yield (self._starts[i], self._ends[i]), self._values[i]

    def put(self, span: Span, value: Value) -> None:
        """Set the value of a span, in place of what is there."""
        first, end = span
        if first >= end:
            return
        low, high = self._touched(span)
        pieces = [(first, end, value)]
        if low < high and self._starts[low] < first:
            pieces.insert(0, (self._starts[low], first, self._values[low]))
        if low < high and self._ends[high - 1] > end:
            pieces.append((end, self._ends[high - 1], self._values[high - 1]))
        self._starts[low:high] = [start for start, _, _ in pieces]
        self._ends[low:high] = [stop for _, stop, _ in pieces]
        self._values[low:high] = [kept for _, _, kept in pieces]

    def keep(self, wanted: Callable[[Value], bool]) -> None:
        """Forget the ranges whose values are not wanted."""
        kept = [i for i, value in enumerate(self._values) if wanted(value)]
        self._starts = [self._starts[i] for i in kept]
        self._ends = [self._ends[i] for i in kept]
        self._values = [self._values[i] for i in kept]

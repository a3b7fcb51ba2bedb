"""A map of memory: what was written last, or when, to each range of addresses."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from copy import copy
from typing import Generic, TypeVar

Value = TypeVar("Value")
Span = tuple[int, int]  # first byte, and the byte after the last


class Intervals(Generic[Value]):
    """Disjoint ranges of addresses in order, each with a value.

    Both `put` and `over` look at the ranges that they touch and at no others.
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

    def put(self, span: Span, value: Callable[[Value | None], Value]) -> None:
        """Set the values within the span: to value(old), old being None where there is none; it
        may change old, of which ranges that are cut have copies."""
        first, end = span
        if first >= end:
            return
        low, high = self._touched(span)
        pieces: list[tuple[int, int, Value]] = []
        at = first
        for i in range(low, high):
            start, stop, old = self._starts[i], self._ends[i], self._values[i]
            if start < first:
                pieces.append((start, first, copy(old)))
            if at < start:
                pieces.append((at, start, value(None)))
            rest = [(end, stop, copy(old))] if stop > end else []
            pieces += [(max(start, first), min(stop, end), value(old)), *rest]
            at = min(stop, end)
        if at < end:
            pieces.append((at, end, value(None)))
        self._starts[low:high] = [start for start, _, _ in pieces]
        self._ends[low:high] = [stop for _, stop, _ in pieces]
        self._values[low:high] = [kept for _, _, kept in pieces]

    def keep(self, wanted: Callable[[Value], bool]) -> None:
        """Forget the ranges whose values are not wanted."""
        kept = [i for i, value in enumerate(self._values) if wanted(value)]
        self._starts = [self._starts[i] for i in kept]
        self._ends = [self._ends[i] for i in kept]
        self._values = [self._values[i] for i in kept]

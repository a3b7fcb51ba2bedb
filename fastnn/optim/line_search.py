"""Line search for a step length that satisfies the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Point(NamedTuple):
    """An evaluated point on the line: step length, value, gradient, and slope along the line."""

    t: float
    value: float
    gradient: Array
    slope: float


Look = Callable[[float], Point]


def dot(a: Array, b: Array) -> float:
    """Inner product, summed in double in an order that does not depend on the threads."""
    return float(np.sum(a * b, dtype=np.float64))


def cubic_minimum(a: Point, b: Point, low: float, high: float) -> float:
    """The minimizer of the cubic through two points with their slopes, clamped to low..high.

    Source: Nocedal & Wright 2006, equation 3.59.
    """
    if a.t == b.t:
        return (low + high) / 2
    a, b = (a, b) if a.t < b.t else (b, a)
    first = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = first * first - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    root = math.sqrt(square)
    rise, span = b.slope + root - first, b.slope - a.slope + 2 * root
    if span == 0 and rise != 0:  # a straight line, unbounded to one side
        return high if rise < 0 else low
    t = b.t - (b.t - a.t) * (rise / span) if span else (low + high) / 2
    return min(max(t, low), high)


class StrongWolfe:
    """Searches for t with f(t) <= f(0) + c1 t f'(0) and |f'(t)| <= c2 |f'(0)|.

    First the steps grow until an interval brackets such a t, then the interval shrinks. The choices
    and the constants are those of torch's L-BFGS.

    Args:
        look: evaluates the function on the line.
        start: t = 0; its slope is negative.
        size: the largest element of the direction, for `tolerance`.
        tolerance: stop when the interval moves no parameter by more.

    Source: Nocedal & Wright 2006, algorithms 3.5 and 3.6.
    """

    C1, C2 = 1e-4, 0.9
    MOST = 25  # evaluations after the first

    def __init__(self, look: Look, start: Point, size: float, tolerance: float) -> None:
        self.start, self.size, self.tolerance = start, size, tolerance
        self.looks = 0
        self._look = look

    def search(self, t: float) -> Point:
        """The point found, or the best one after `MOST` evaluations."""
        found, interval = self._bracket(t)
        return found if interval is None else self._zoom(*interval)

    def _at(self, t: float) -> Point:
        self.looks += 1
        return self._look(t)

    def _too_high(self, point: Point) -> bool:
        return point.value > self.start.value + self.C1 * point.t * self.start.slope

    def _flat(self, point: Point) -> bool:
        return abs(point.slope) <= -self.C2 * self.start.slope

    def _bracket(self, t: float) -> tuple[Point, tuple[Point, Point] | None]:
        """A point that satisfies the conditions, or the two ends of an interval with one inside."""
        last, now = self.start, self._at(t)
        for i in range(self.MOST):
            if self._too_high(now) or (i > 1 and now.value >= last.value):
                return now, (last, now)
            if self._flat(now):
                return now, None
            if now.slope >= 0:
                return now, (last, now)
            low, high = now.t + 0.01 * (now.t - last.t), now.t * 10
            last, now = now, self._at(cubic_minimum(last, now, low, high))
        return now, (self.start, now)

    def _zoom(self, a: Point, b: Point) -> Point:
        ends, stalled = [a, b], False
        low = _lower(ends)
        while self.looks <= self.MOST and abs(b.t - a.t) * self.size >= self.tolerance:
            t, stalled = self._inside(a, b, stalled)
            now = self._at(t)
            if self._too_high(now) or now.value >= ends[low].value:
                ends[1 - low] = now
                low = _lower(ends)
            elif self._flat(now):
                return now
            else:
                if now.slope * (ends[1 - low].t - ends[low].t) >= 0:
                    ends[1 - low] = ends[low]
                ends[low] = now
            a, b = ends
        return ends[low]

    def _inside(self, a: Point, b: Point, stalled: bool) -> tuple[float, bool]:
        """The next t, moved away from the ends if it came near one twice or left the interval."""
        left, right = min(a.t, b.t), max(a.t, b.t)
        t = cubic_minimum(a, b, left, right)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) >= margin:
            return t, False
        if not stalled and left < t < right:
            return t, True
        return (right - margin if abs(t - right) < abs(t - left) else left + margin), False


def _lower(ends: list[Point]) -> int:
    return 0 if ends[0].value <= ends[1].value else 1

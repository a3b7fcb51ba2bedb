"""L-BFGS in NumPy, by the textbook: the yardstick of the one in C.

Nocedal & Wright 2006, algorithms 7.4 and 7.5 with 3.5 and 3.6; choices and constants as torch's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[[Array], tuple[float, Array]]

C1, C2, MOST = 1e-4, 0.9, 25
LEAST_CURVATURE = 1e-10


class Point(NamedTuple):
    """A point on the line: step length, value, gradient, and slope along the line."""

    t: float
    value: float
    gradient: Array
    slope: float


def cubic_minimum(a: Point, b: Point, low: float, high: float) -> float:
    """The minimizer of the cubic through two points with their slopes, within low..high."""
    if a.t == b.t:
        return (low + high) / 2
    a, b = (a, b) if a.t < b.t else (b, a)
    first = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = first * first - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    root = math.sqrt(square)
    rise, span = b.slope + root - first, b.slope - a.slope + 2 * root
    if span == 0 and rise != 0:
        return high if rise < 0 else low
    t = b.t - (b.t - a.t) * (rise / span) if span else (low + high) / 2
    return min(max(t, low), high)


class StrongWolfe:
    """Searches for t with f(t) <= f(0) + c1 t f'(0) and |f'(t)| <= c2 |f'(0)|."""

    def __init__(
        self, look: Callable[[float], Point], start: Point, size: float, tolerance: float
    ) -> None:
        self.start, self.size, self.tolerance, self.looks, self._look = (
            start,
            size,
            tolerance,
            0,
            look,
        )

    def search(self, t: float) -> Point:
        found, interval = self._bracket(t)
        return found if interval is None else self._zoom(*interval)

    def _at(self, t: float) -> Point:
        self.looks += 1
        return self._look(t)

    def _too_high(self, p: Point) -> bool:
        return p.value > self.start.value + C1 * p.t * self.start.slope

    def _flat(self, p: Point) -> bool:
        return abs(p.slope) <= -C2 * self.start.slope

    def _bracket(self, t: float) -> tuple[Point, tuple[Point, Point] | None]:
        last, now = self.start, self._at(t)
        for i in range(MOST):
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
        low = 0 if a.value <= b.value else 1
        while self.looks <= MOST and abs(b.t - a.t) * self.size >= self.tolerance:
            t, stalled = self._inside(a, b, stalled)
            now = self._at(t)
            if self._too_high(now) or now.value >= ends[low].value:
                ends[1 - low] = now
                low = 0 if ends[0].value <= ends[1].value else 1
            elif self._flat(now):
                return now
            else:
                if now.slope * (ends[1 - low].t - ends[low].t) >= 0:
                    ends[1 - low] = ends[low]
                ends[low] = now
            a, b = ends
        return ends[low]

    def _inside(self, a: Point, b: Point, stalled: bool) -> tuple[float, bool]:
        left, right = min(a.t, b.t), max(a.t, b.t)
        t = cubic_minimum(a, b, left, right)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) >= margin:
            return t, False
        if not stalled and left < t < right:
            return t, True
        return (right - margin if abs(t - right) < abs(t - left) else left + margin), False


class Reference:
    """L-BFGS from a point, of a function that gives value and gradient."""

    def __init__(self, function: Function, x: Array, settings: dict[str, Any]) -> None:
        self.function, self.x = function, x.astype(np.float64)
        self.lr = settings.get("lr", 1.0)
        self.max_iter = settings.get("max_iter", 20)
        self.max_eval = settings.get("max_eval", self.max_iter * 5 // 4)
        self.tolerance_grad = settings.get("tolerance_grad", 1e-7)
        self.tolerance_change = settings.get("tolerance_change", 1e-9)
        self.history_size = settings.get("history_size", 100)
        self.searches = settings.get("line_search_fn") is not None
        self.pairs: list[tuple[Array, Array, float]] = []  # y, s, 1 / y.s
        self.scale, self.evaluations, self.iterations, self.t = 1.0, 0, 0, 0.0
        self.d, self.g = np.zeros_like(self.x), np.zeros_like(self.x)

    def step(self) -> float:
        """One step; the value where it began."""
        before = self.evaluations
        first, g = value, _ = self._evaluate()
        if np.abs(g).max() <= self.tolerance_grad:
            return first
        for i in range(1, self.max_iter + 1):
            self._turn(g)
            loss, slope = value, float(g @ self.d)
            if slope > -self.tolerance_change:
                return first
            if self.searches:
                value, g = self._search(Point(0.0, value, g, slope))
            else:
                self.x = self.x + self.t * self.d
                if i < self.max_iter:
                    value, g = self._evaluate()
            if (
                i == self.max_iter
                or self.evaluations - before >= self.max_eval
                or np.abs(g).max() <= self.tolerance_grad
                or np.abs(self.d * self.t).max() <= self.tolerance_change
                or abs(value - loss) < self.tolerance_change
            ):
                return first
        raise AssertionError

    def _evaluate(self) -> tuple[float, Array]:
        self.evaluations += 1
        return self.function(self.x)

    def _turn(self, g: Array) -> None:
        self.iterations += 1
        if self.iterations == 1:
            self.d, self.t = -g, min(1.0, 1.0 / np.abs(g).sum()) * self.lr
        else:
            y, s = g - self.g, self.d * self.t
            if y @ s > LEAST_CURVATURE:
                self.pairs = [*self.pairs, (y, s, 1.0 / (y @ s))][-self.history_size :]
                self.scale = (y @ s) / (y @ y)
            self.d, self.t = -self._newton(g), self.lr
        self.g = g

    def _newton(self, g: Array) -> Array:
        shares, q = [], g.copy()
        for y, s, inverse in reversed(self.pairs):
            shares.append(inverse * (s @ q))
            q = q - shares[-1] * y
        q = q * self.scale
        for (y, s, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            q = q + (share - inverse * (y @ q)) * s
        return q

    def _search(self, start: Point) -> tuple[float, Array]:
        origin = self.x

        def look(t: float) -> Point:
            self.x = origin + t * self.d
            value, g = self._evaluate()
            return Point(t, value, g, float(g @ self.d))

        size = float(np.abs(self.d).max())
        found = StrongWolfe(look, start, size, self.tolerance_change).search(self.t)
        self.x, self.t = origin + found.t * self.d, found.t
        return found.value, found.gradient

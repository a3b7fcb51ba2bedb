"""Pictures as SVG, written as text: lines, bands, points, bars; their colours come from CSS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Series", "chart", "histogram", "number", "scatter", "ticks"]

WIDTH, HEIGHT = 340, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 10, 38
MOST_POINTS = 600  # of a scatter or a line; of more a part is drawn

Reals = NDArray[np.float64]


class Series(NamedTuple):
    """A line, with a band around it if `low` and `high` are given.

    kind: "line", "dots" (points joined), "points", or "faint".
    """

    x: Any
    y: Any
    label: str = ""
    kind: str = "line"
    low: Any = None
    high: Any = None
    sizes: Any = None


def number(value: float) -> str:
    """A number in few characters.

    >>> from fastnn.cli.page.draw import number
    >>> number(0.12345), number(12345.6), number(1.5e9), number(3.0)
    ('0.123', '12,346', '1.5e+09', '3')
    """
    if not math.isfinite(value):
        return "-"
    size = abs(value)
    if size >= 1e7 or 0 < size < 1e-4:
        return f"{value:.3g}"
    if size >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.0f}"


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers from low to high.

    >>> from fastnn.cli.page.draw import ticks
    >>> ticks(0.0, 1.0), ticks(-3.0, 47.0)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 10.0, 20.0, 30.0, 40.0])
    """
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    found = [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]
    return [0.0 if value == 0 else value for value in found]


class _Axis:
    """Where values lie, from `begin` to `end` of the picture."""

    def __init__(self, values: Reals, begin: float, end: float, log: bool = False) -> None:
        self.log = log
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
        if log:
            low, high = math.log10(low), math.log10(high)
        if high <= low:
            pad = abs(low) * 0.05 or 0.5
            low, high = low - pad, high + pad
        self.low, self.high, self.begin, self.end = low, high, begin, end

    def at(self, value: Any) -> Reals:
        values = np.log10(value) if self.log else np.asarray(value, float)
        share = (values - self.low) / (self.high - self.low)
        return np.asarray(np.round(self.begin + share * (self.end - self.begin), 1))

    def marks(self) -> list[tuple[float, str]]:
        if not self.log:
            return [(value, number(value)) for value in ticks(self.low, self.high)]
        first, last = math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9)
        if last - first >= 1:
            step = (last - first) // 5 + 1
            return [(10.0**p, number(10.0**p)) for p in range(first, last + 1, step)]
        return [(value, number(value)) for value in ticks(10**self.low, 10**self.high, 4)]


def chart(
    series: Sequence[Series],
    title: str,
    x: str,
    y: str,
    *,
    log: bool = False,
    names: Sequence[str] = (),
    span: tuple[float, float] | None = None,
    diagonal: bool = False,
    dates: bool = False,
) -> str:
    """Lines, bands and points on axes, as an <svg> element.

    Args:
        series: what is drawn, the first in the first colour; "faint" ones in grey.
        title: for those who cannot see it.
        x, y: what the axes are.
        log: whether y is drawn by its logarithm; all of it is positive then.
        names: of the places 0, 1, ... on the x axis, where it has texts.
        span: of both axes, such as (0, 1).
        diagonal: a line from corner to corner.
        dates: whether x is microseconds since 1970.
    """
    xs = [np.asarray(s.x, float) for s in series]
    ys = [
        np.asarray(part, float) for s in series for part in (s.y, s.low, s.high) if part is not None
    ]
    all_x, all_y = np.concatenate(xs), np.concatenate(ys)
    if span is not None:
        all_x = all_y = np.array(span)
    bottom = BOTTOM + (34 if names else 0)
    across = _Axis(all_x, LEFT, WIDTH - RIGHT)
    if names:
        across.low, across.high = -0.5, len(names) - 0.5
    up = _Axis(all_y[np.isfinite(all_y)], HEIGHT - bottom, TOP, log)
    parts = [_frame(across, up, x, y, names, bottom, dates)]
    if diagonal:
        ends = np.array([max(across.low, up.low), min(across.high, up.high)])
        parts.append(_polyline(across.at(ends), up.at(ends), "diagonal"))
    color = 0
    for one in series:
        color += one.kind != "faint"
        parts.append(_series(one, across, up, f"c{(color - 1) % 8}", bool(names)))
    labels = [s.label for s in series if s.label]
    return _svg(title, parts) + (_legend(series) if len(labels) > 1 else "")


def _series(one: Series, across: _Axis, up: _Axis, color: str, texts: bool) -> str:
    some = _thinned(len(one.x))
    x, y = across.at(np.asarray(one.x, float)[some]), up.at(np.asarray(one.y, float)[some])
    parts = []
    if one.low is not None and one.high is not None:
        low, high = up.at(np.asarray(one.low)[some]), up.at(np.asarray(one.high)[some])
        if texts:
            lines = [f"M{a} {b}V{c}" for a, b, c in zip(x, low, high, strict=True)]
            parts.append(f'<path class="whisker {color}" d="{"".join(lines)}"/>')
        else:
            there = " ".join(f"{a},{b}" for a, b in zip(x, high, strict=True))
            back = " ".join(f"{a},{b}" for a, b in zip(x[::-1], low[::-1], strict=True))
            parts.append(f'<polygon class="band {color}" points="{there} {back}"/>')
    if one.kind == "faint":
        parts.append(_polyline(x, y, "line faint"))
    elif one.kind in ("line", "dots"):
        parts.append(_polyline(x, y, f"line {color}"))
    if one.kind in ("dots", "points"):
        sizes = np.full(len(x), 3.5) if one.sizes is None else np.asarray(one.sizes)[some]
        parts += [
            f'<circle class="dot {color}" cx="{a}" cy="{b}" r="{r:.1f}"/>'
            for a, b, r in zip(x, y, sizes, strict=True)
        ]
    return "".join(parts)


def scatter(x: Any, y: Any, title: str, label_x: str, label_y: str, *, diagonal: bool) -> str:
    """Points, and a line from corner to corner or at 0; of many points a part."""
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    some = _thinned(len(xs))
    both = np.concatenate([xs, ys]) if diagonal else None
    across = _Axis(xs if both is None else both, LEFT, WIDTH - RIGHT)
    up = _Axis(ys if both is None else both, HEIGHT - BOTTOM, TOP)
    parts = [_frame(across, up, label_x, label_y, (), BOTTOM, False)]
    ends = np.array([across.low, across.high])
    parts.append(_polyline(across.at(ends), up.at(ends if diagonal else 0 * ends), "diagonal"))
    pairs = zip(across.at(xs[some]), up.at(ys[some]), strict=True)
    parts.append("".join(f'<circle class="point" cx="{a}" cy="{b}" r="2.5"/>' for a, b in pairs))
    return _svg(title, parts)


def histogram(values: Any, title: str, label: str, bins: int = 24) -> str:
    """How many values lie in each of some bins of equal width."""
    numbers = np.asarray(values, float)
    counts, edges = np.histogram(numbers[np.isfinite(numbers)], bins)
    across = _Axis(edges, LEFT, WIDTH - RIGHT)
    up = _Axis(np.array([0.0, counts.max()]), HEIGHT - BOTTOM, TOP)
    parts = [_frame(across, up, label, "rows", (), BOTTOM, False)]
    left, right, top = across.at(edges[:-1]), across.at(edges[1:]), up.at(counts)
    parts.append("".join(
        f'<rect class="bar" x="{a + 0.5:.1f}" y="{t}" width="{max(b - a - 1, 0.5):.1f}" '
        f'height="{HEIGHT - BOTTOM - t:.1f}"/>'
        for a, b, t in zip(left, right, top, strict=True)
    ))  # fmt: skip
    return _svg(title, parts)


def _thinned(count: int) -> NDArray[np.int64]:
    if count <= MOST_POINTS:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, MOST_POINTS).astype(np.int64))


def _polyline(x: Reals, y: Reals, kind: str) -> str:
    points = " ".join(f"{a},{b}" for a, b in zip(x, y, strict=True) if math.isfinite(b))
    return f'<polyline class="{kind}" points="{points}"/>'


def _text(x: float, y: float, text: str, kind: str, turned: str = "") -> str:
    turn = f' transform="{turned}"' if turned else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{turn}>{escape(text)}</text>'


def _frame(
    across: _Axis, up: _Axis, x: str, y: str, names: Sequence[str], bottom: int, dates: bool
) -> str:
    """Grid, numbers at the axes, and what they are."""
    floor = HEIGHT - bottom
    parts = []
    for value, text in up.marks():
        at = float(up.at(value))
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(_text(LEFT - 5, at + 4, text, "tick end"))
    if names:
        for place, name in enumerate(names):
            at = float(across.at(place))
            short = name if len(name) <= 12 else name[:11] + "…"
            turned = f"rotate(-35 {at:.1f} {floor + 14:.1f})"
            parts.append(_text(at, floor + 14, short, "tick end", turned))
    else:
        marks = _date_marks(across) if dates else across.marks()
        for value, text in marks[:: 1 + len(marks) // 7]:
            parts.append(_text(float(across.at(value)), floor + 15, text, "tick middle"))
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(_text(middle, HEIGHT - 5, _short(x, 44), "label middle"))
    turned = f"rotate(-90 11 {(TOP + floor) / 2:.1f})"
    parts.append(_text(11, (TOP + floor) / 2, _short(y, 28), "label middle", turned))
    return "".join(parts)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _date_marks(across: _Axis) -> list[tuple[float, str]]:
    """Three dates."""
    found = np.linspace(across.low, across.high, 5)[1::2][:2]
    days = found.astype(np.int64).astype("M8[us]").astype("M8[D]")
    return [(float(at), str(day)) for at, day in zip(found, days, strict=True)]


def _legend(series: Sequence[Series]) -> str:
    items, color = [], 0
    for one in series:
        color += one.kind != "faint"
        kind = "faint" if one.kind == "faint" else f"c{(color - 1) % 8}"
        if one.label:
            items.append(f'<span class="key {kind}"></span>{escape(one.label)}')
    return f'<p class="legend">{" ".join(f"<span>{item}</span>" for item in items)}</p>'


def _svg(title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )

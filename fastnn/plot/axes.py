"""Helpers of all plots: new axes, their style, their titles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check
from fastnn.nn import Module
from fastnn.plot.notebook import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from numpy.typing import NDArray

INK, FAINT, GUIDE = "#30343b", "#d5d9df", "#8a919c"
# Those of Okabe and Ito, but for the yellow, which white swallows; then four more.
PALETTE = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5d3a9b", "#8a6d4f",
    "#6c737d", "#1b1b1b",
)  # fmt: skip
"""Colours of lines and classes in their order; the colour-blind can tell the first six apart."""
TRAIN, VALIDATION = PALETTE[:2]
PLACES = ("left", "center", "right")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure without a window."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "plots need matplotlib, which is not installed; run: pip install 'fastnn-cpu[plot]'"
        ) from None
    return Figure(figsize=(width, height), dpi=130, layout="constrained", facecolor="white")


def axes_or_new(ax: Axes | None, width: float = 5.2, height: float = 4.2) -> Axes:
    """The given axes, or those of a new figure. A notebook shows them."""
    if ax is not None and not hasattr(ax, "get_figure"):
        raise TypeError(f"ax: expected Axes of Matplotlib, got {check.show(ax)}")
    return shown(new_figure(width, height).add_subplot() if ax is None else ax)


def dress(ax: Axes, title: str, x: str, y: str, *, grid: bool = True) -> None:
    """Set title, labels, spines and grid. What the user has set stays, and replaces ours later."""
    _set_title(ax, title)
    for label, text in ((ax.xaxis.label, x), (ax.yaxis.label, y)):
        if _is_ours(label):
            _write(label, text)
            label.set_color(INK)
    ax.tick_params(colors=INK, labelsize=9, length=3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GUIDE)
    if grid:
        ax.grid(True, color=FAINT, linewidth=0.7, alpha=0.7)
        ax.set_axisbelow(True)


def _write(text: Text, words: str) -> None:
    """Set a text and note in its label, which is not drawn, that it is ours."""
    text.set_text(words)
    text.set_label(words)


def _is_ours(text: Text) -> bool:
    return text.get_text() in ("", text.get_label())


def _set_title(ax: Axes, title: str) -> None:
    texts = {place: _title_at(ax, place) for place in PLACES}
    if not all(map(_is_ours, texts.values())):
        return
    ours = ax.set_title(title, fontsize=11, fontweight="bold", color=INK, pad=10)
    _write(ours, title)

    for text in texts.values():
        if text is not ours:
            text.add_callback(partial(_make_room, ours))


def _make_room(ours: Text, other: Any) -> None:
    """A title at another place takes ours away, so that they do not meet."""
    if other.get_text() and _is_ours(ours):
        _write(ours, "")


def _title_at(ax: Axes, place: Any) -> Text:
    """One of the three titles; matplotlib hands them out only when they are set."""
    text = ax.get_title(loc=place)
    if not text:
        return ax.set_title("", loc=place)
    from matplotlib.text import Text

    texts = [child for child in ax.get_children() if isinstance(child, Text)]
    return next(t for t in texts if t.get_text() == text and t.get_horizontalalignment() == place)


def name_of(function: Any) -> str:
    """A legend's name of a function or module: the class alone where its arguments are defaults."""
    if not isinstance(function, Module):
        return getattr(function, "__name__", type(function).__name__)
    name = repr(function)
    try:
        usual = name == repr(type(function)())
    except TypeError:  # it has arguments without defaults
        usual = False
    return type(function).__name__ if usual else name


def two(name: str, value: Any) -> tuple[Any, Any]:
    """The two entries of a pair.

    Raises:
        ValueError: value is not a pair.
    """
    if isinstance(value, tuple | list) and len(value) == 2:
        return value[0], value[1]
    raise ValueError(f"{name}: expected a pair, got {check.show(value)}")


def ends(name: str, value: Any) -> tuple[float, float]:
    """The two ends of a range, the lower first.

    Raises:
        ValueError: value is no such pair.
    """
    low, high = (check.real(f"{name}[{i}]", end) for i, end in enumerate(two(name, value)))
    if not low < high:
        raise ValueError(f"{name}: expected (low, high) with low < high, got {(low, high)}")
    return low, high


def wide_range(*values: NDArray[Any]) -> bool:
    """Whether a logarithmic scale suits: all values positive, spanning a factor above 20."""
    joined = np.concatenate([part.ravel() for part in values]) if values else np.zeros(0)
    joined = joined[np.isfinite(joined)]
    return bool(joined.size and joined.min() > 0 and joined.max() > 20 * joined.min())

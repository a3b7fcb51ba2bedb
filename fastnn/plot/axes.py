"""Helpers of all plots: new axes and their style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

TRAIN, VALIDATION, INK, FAINT = "#3b6fb6", "#e07b39", "#30343b", "#d5d9df"
# Colours of lines and classes, in order of use.
PALETTE = (
    TRAIN, VALIDATION, "#4a9b62", "#b5485d", "#7d62b0", "#8a6d4f", "#c971b5", "#6c737d", "#a9a533",
    "#3fa7b5",
)  # fmt: skip


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
    """The given axes, or those of a new figure."""
    if ax is None:
        return new_figure(width, height).add_subplot()
    if not hasattr(ax, "get_figure"):
        raise TypeError(f"ax: expected Axes of Matplotlib, got {check.show(ax)}")
    return ax


def dress(ax: Axes, title: str, x: str, y: str, *, grid: bool = True) -> None:
    """Set title, labels, spines and grid; `ax.set_title` afterwards replaces the title."""
    ax.set_title(title, fontsize=11, fontweight="bold", color=INK, pad=10)
    ax.set_xlabel(x, color=INK)
    ax.set_ylabel(y, color=INK)
    ax.tick_params(colors=INK, labelsize=9, length=3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color("#8a919c")
    if grid:
        ax.grid(True, color=FAINT, linewidth=0.7, alpha=0.7)
        ax.set_axisbelow(True)


def legend(ax: Axes) -> None:
    """A legend that covers no curve: two entries find room, more stand beside the axes."""
    if len(ax.get_legend_handles_labels()[1]) > 2:
        ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    else:
        ax.legend(frameon=False, fontsize=9)


def two(name: str, value: Any) -> tuple[Any, Any]:
    """The two entries of a pair.

    Raises:
        ValueError: value is not a pair.
    """
    if isinstance(value, tuple | list) and len(value) == 2:
        return value[0], value[1]
    raise ValueError(f"{name}: expected a pair, got {check.show(value)}")


def wide_range(*values: NDArray[Any]) -> bool:
    """Whether a logarithmic scale suits: all values positive, spanning a factor above 20."""
    joined = np.concatenate([part.ravel() for part in values]) if values else np.zeros(0)
    joined = joined[np.isfinite(joined)]
    return bool(joined.size and joined.min() > 0 and joined.max() > 20 * joined.min())

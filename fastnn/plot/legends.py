"""Legends that cover nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OURS = "fastnn's"
STYLE: dict[str, Any] = {"frameon": False, "fontsize": 9, "borderaxespad": 0.5}


def legend(ax: Axes) -> None:
    """A legend beside the axes; in a figure that does not make room for it, above the curves.

    A figure with a layout, such as `layout="constrained"`, makes room for what is beside its axes.
    In others it would be cut off, or lie on the next plot: there the range of y grows.
    """
    if not ax.get_legend_handles_labels()[1]:
        return
    engine = ax.figure.figure.get_layout_engine()
    if engine is not None:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), **STYLE)
    else:
        _above(ax)


def shared(figure: Figure, ax: Axes) -> None:
    """One legend below all axes of a figure of ours, of what is drawn in one of them."""
    handles, labels = ax.get_legend_handles_labels()
    if labels:
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=len(labels),
            frameon=False,
            fontsize=9,
        )


def _above(ax: Axes) -> None:
    """A legend within the axes, and so much more range that all curves are below it."""
    old = ax.get_legend()
    if old is not None and old.get_label() == OURS:
        ax.autoscale(axis="y")  # as before its legend
    height = _in_columns(ax)
    low, high = ax.get_ylim()
    scale = ax.yaxis.get_transform()
    a, b = scale.transform([low, high])
    share = min(height + 0.02, 0.8)
    ax.set_ylim(low, scale.inverted().transform([a + (b - a) / (1 - share)])[0])


def _in_columns(ax: Axes) -> float:
    """Set the legend in as many columns as there is room for; its share of the axes' height."""
    box = ax.get_window_extent()
    count = len(ax.get_legend_handles_labels()[1])
    for columns in range(min(count, 4), 0, -1):
        made = ax.legend(loc="upper right", ncols=columns, **STYLE)
        made.set_label(OURS)
        size = made.get_window_extent()
        if size.width <= box.width:
            break
    return float((box.y1 - size.y0) / box.height)

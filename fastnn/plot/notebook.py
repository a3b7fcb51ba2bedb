"""Pictures in Jupyter: the plots of a cell are shown below it, as pyplot's are."""

from __future__ import annotations

import base64
import io
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastnn._support import jupyter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Figures of the cell that is running, in order; the end of the cell shows and forgets them.
_waiting: list[Figure] = []


class Panels(np.ndarray[Any, np.dtype[np.object_]]):
    """An array of axes; in a notebook it is their picture."""

    def _repr_png_(self) -> bytes:
        return axes_png(cast("Axes", self.flat[0]))


def shown(ax: Axes) -> Axes:
    """The axes, whose figure Jupyter shows at the end of the cell, and wherever `ax` is displayed.

    Figures of pyplot are left to it.
    """
    shell, figure = jupyter.kernel(), root_of(ax)
    if shell is None or figure.canvas.manager is not None:
        return ax
    vars(ax)["_repr_png_"] = partial(axes_png, ax)
    wait(figure, shell)
    return ax


def root_of(ax: Axes) -> Figure:
    """The whole figure, where axes are in a part of one."""
    root: Figure = ax.figure.figure
    return root


def wait(figure: Figure, shell: Any) -> None:
    """Show a figure at the end of the cell that runs."""
    vars(figure)["_ipython_display_"] = partial(display, figure)
    if not any(one is figure for one in _waiting):
        _waiting.append(figure)
    shell.events.register("post_execute", _end_of_cell)  # once, as IPython sees to


def _end_of_cell() -> None:
    while _waiting:
        display(_waiting[0])


def _forget(figure: Figure) -> None:
    _waiting[:] = [one for one in _waiting if one is not figure]


def png(figure: Figure) -> bytes:
    """The picture of a figure."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def axes_png(ax: Axes) -> bytes:
    """The picture of the figure that axes are in; it is not shown once more."""
    figure = root_of(ax)
    _forget(figure)
    return png(figure)


def bundle(figure: Figure) -> dict[str, str]:
    """What Jupyter displays for a figure."""
    return {"image/png": base64.b64encode(png(figure)).decode(), "text/plain": repr(figure)}


def display(figure: Figure) -> None:
    """Show a figure where the cell's output is now."""
    from IPython.display import display as publish

    _forget(figure)
    publish(bundle(figure), raw=True)

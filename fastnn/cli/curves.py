"""`fastnn train --curves`: learning curves in block characters, on a plain terminal."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import perf_counter as now
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from fastnn.plot.axes import wide_range

__all__ = ["Live", "chart", "of_run"]

BLOCKS, PLAIN = " ▁▂▃▄▅▆▇█", "   ...###"  # by eighths of a character
HEIGHT, LEAST = 6, 12  # lines of a panel; columns at least, where the line has room for them
SIDE, BETWEEN = 8, 2  # characters before a panel, and between two
SECONDS = 0.2  # between two live updates
Curves = Mapping[str, Sequence[float]]
Values = NDArray[np.float64]


def chart(curves: Curves, *, width: int = 80, blocks: str = BLOCKS) -> str:
    """Curves as areas of block characters, "val_loss" beside "loss" and at its scale.

    Args:
        curves: name -> one number an epoch; nan leaves a gap.
        width: of a line, in characters.
        blocks: the characters of 0 to 8 eighths.

    >>> from fastnn.cli.curves import chart
    >>> print(chart({"loss": [4.0, 3.0, 2.0, 1.0]}, width=20).replace(" ", "-").rstrip())
    loss
    -----4-|███
    -------|███
    -------|██████
    -------|██████▁▁▁
    -------|█████████
    -----1-|█████████▁▁▁
    --------1----------4
    """
    parts = []
    for name in curves:
        if name.removeprefix("val_") != name and name.removeprefix("val_") in curves:
            continue  # it stands beside the other one
        pair = {key: np.asarray(curves.get(key, ()), float) for key in (name, f"val_{name}")}
        pair = {key: values for key, values in pair.items() if values.size}
        if pair:
            parts.append(_panels(pair, width, blocks))
    return "\n".join(parts)


def _panels(values: dict[str, Values], width: int, blocks: str) -> str:
    """One or two panels at one scale: side by side, or one below the other on a narrow terminal."""
    logarithmic = "loss" in next(iter(values)) and wide_range(*values.values())
    heights = {k: np.log(v) if logarithmic else v for k, v in values.items()}
    joined = np.concatenate(list(heights.values()))
    joined = joined[np.isfinite(joined)]
    low, high = (joined.min(), joined.max()) if joined.size else (0.0, 0.0)
    across = len(values) if width >= len(values) * (SIDE + LEAST + BETWEEN) - BETWEEN else 1
    columns = max((width - BETWEEN * (across - 1)) // across - SIDE, 1)
    drawn = [_area(v, low, high, columns, blocks) for v in heights.values()]
    ends = [math.exp(v) if logarithmic else v for v in (high, low)]
    sides = [f"{ends[0]:6.4g} |", *["       |"] * (HEIGHT - 2), f"{ends[1]:6.4g} |"]
    panels = [
        [f"{k:{SIDE + columns}}", *(side + part[row] for row, side in enumerate(sides)),
         _epochs(len(v), columns)]
        for (k, v), part in zip(values.items(), drawn, strict=True)
    ]  # fmt: skip
    rows = [(" " * BETWEEN).join(line).rstrip() for line in zip(*panels, strict=True)]
    lines = rows if across == len(panels) else [line.rstrip() for panel in panels for line in panel]
    if logarithmic:
        lines[0] += "  (log scale)"
    return "\n".join(line[:width] for line in lines)


def _epochs(count: int, columns: int) -> str:
    return " " * SIDE + "1" + f"{count:>{columns - 1}}"


def _area(values: Values, low: float, high: float, columns: int, blocks: str) -> list[str]:
    """The lines of a panel, from the top: each column as high as its value, one eighth at least."""
    at = (np.arange(columns) * len(values)) // columns
    share = (values[at] - low) / (high - low) if high > low else np.where(values[at] == low, 0.5, 0)
    eighths = np.where(np.isfinite(share), 1 + np.round(share * (8 * HEIGHT - 1)), 0).astype(int)
    return [
        "".join(blocks[min(max(n - 8 * row, 0), 8)] for n in eighths.tolist())
        for row in range(HEIGHT - 1, -1, -1)
    ]


def blocks_for(stream: TextIO) -> str:
    """The block characters, or plain ones where the stream's encoding has none."""
    try:
        BLOCKS.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BLOCKS


def size_of(stream: TextIO) -> tuple[int, int]:
    """Columns and lines of a terminal: COLUMNS and LINES of the environment, else its own."""
    with suppress(
        AttributeError, OSError, ValueError
    ):  # no terminal, closed, or none of the system
        own = os.get_terminal_size(stream.fileno())
        if own.columns and own.lines:
            return shutil.get_terminal_size(own) if os.environ.get("COLUMNS") else own
    return shutil.get_terminal_size((80, 24))


def of_run(history: Curves, nets: Sequence[Curves], stream: TextIO) -> str:
    """The chart of a run: of a plain net its history, else of each net its losses and scores."""
    width, blocks = min(size_of(stream)[0], 120), blocks_for(stream)
    if history:
        return chart(history, width=width, blocks=blocks)
    charts = [chart(curves, width=width, blocks=blocks) for curves in nets]
    if len(charts) > 1:
        charts = [f"net {i + 1} of {len(nets)}\n{text}" for i, text in enumerate(charts)]
    return "\n".join(charts)


class Live:
    """A chart on a terminal that is drawn over itself while a net trains.

    Args:
        stream: the terminal.
        epochs: how many there will be.
    """

    def __init__(self, stream: TextIO, epochs: int) -> None:
        self._stream, self._epochs = stream, epochs
        self._history: dict[str, list[float]] = {}
        self._lines, self._drawn = 0, now()

    def add(self, logs: Mapping[str, float]) -> None:
        """Take the metrics of one epoch, and draw if it is time."""
        for name, value in logs.items():
            self._history.setdefault(name, []).append(value)
        if now() - self._drawn >= SECONDS:
            done = len(next(iter(self._history.values())))
            lines = of_run(self._history, [], self._stream).splitlines()
            most = size_of(self._stream)[1] - 2  # what has left the screen cannot be drawn over
            text = "\n".join(lines[: max(most, 1)])
            self._draw(f"{text}\nepoch {done}/{self._epochs}\n")
            self._drawn = now()

    def close(self) -> None:
        """Take the chart away."""
        self._draw("")

    def _draw(self, text: str) -> None:
        up = f"\x1b[{self._lines}F\x1b[J" if self._lines else ""
        self._stream.write(up + text)
        self._stream.flush()
        self._lines = text.count("\n")

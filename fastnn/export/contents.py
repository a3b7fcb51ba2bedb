"""What an export of a model will contain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastnn.export.plan import folded, plan_of
from fastnn.export.quantize import split
from fastnn.export.steps import ExportError, Plan

__all__ = ["Contents", "contents"]


@dataclass(frozen=True)
class Contents:
    """The steps of an export, or the reason why there is none; `str()` is a table.

    Attributes:
        rows: a step each: the layer, what becomes of it, the shape of a row behind it.
        problem: why the model cannot be exported; '' if it can.
        int8: why it cannot in int8; '' if it can.
    """

    rows: tuple[tuple[str, str, tuple[int, ...]], ...]
    problem: str = ""
    int8: str = ""

    @property
    def line(self) -> str:
        """One line: what the model can be exported to, or why it cannot."""
        if self.problem:
            return f"No export: {self.problem}"
        return f"Exports to C, ONNX, torch code; int8: {self.int8 or 'yes'}"

    def __str__(self) -> str:
        if self.problem:
            return self.line
        cells = [("Layer", "Becomes", "Row"), *((a, b, str(c)) for a, b, c in self.rows)]
        widths = [max(len(cell[i]) for cell in cells) for i in (0, 1)]
        lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in cells]
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, self.line])

    __repr__ = __str__


def contents(
    model: Any, input_shape: Sequence[int] | None = None, *, fold: bool = False
) -> Contents:
    """What an export of the model will contain, or which layer keeps it from being one.

    Args:
        model, input_shape, fold: as of `fastnn.export.export`.

    >>> from fastnn import nn
    >>> from fastnn.export import contents
    >>> print(contents(nn.Sequential(nn.Linear(4, 3), nn.Dropout(), nn.Softmax(1))))
    Layer              Becomes  Row
    --------------------------------
    layer 0 (Linear)   Dense    (3,)
    layer 2 (Softmax)  Softmax  (3,)
    --------------------------------
    Exports to C, ONNX, torch code; int8: yes
    >>> bare = nn.BatchNorm1d(4, track_running_stats=False)
    >>> print(contents(nn.Sequential(nn.Linear(4, 4), bare)))
    No export: layer 1 (BatchNorm1d): without running moments its output for a row depends on the
    other rows; make it with track_running_stats=True
    """
    try:
        plan: Plan = plan_of(model, input_shape, fold)
    except ExportError as error:
        return Contents((), str(error), str(error))
    rows = ((s.layer, type(s).__name__, s.shape) for chain in plan.chains for s in chain)
    try:
        split(replace(plan, chains=tuple(map(folded, plan.chains))))
    except ExportError as error:
        return Contents(tuple(rows), int8=str(error))
    return Contents(tuple(rows))

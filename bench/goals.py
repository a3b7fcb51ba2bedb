"""Figures with a limit: what was measured, what was wanted, whether it holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """value in `unit`; `wanted` is its least value, or its greatest where `most` is True."""

    what: str
    value: float
    wanted: float
    unit: str = "x"
    most: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.wanted if self.most else self.value >= self.wanted

    def plain(self) -> dict[str, Any]:
        return asdict(self) | {"met": self.met}


def number(value: float, unit: str) -> str:
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}"
    return f"{value:.0%}" if unit == "%" else f"{text}{'' if unit == 'x' else ' '}{unit}"


def rows(goals: list[dict[str, Any]]) -> list[list[str]]:
    """A table of them, as strings."""
    table = [["what", "measured", "wanted", "met"]]
    for goal in goals:
        sign = "<=" if goal["most"] else ">="
        table.append(
            [
                goal["what"],
                number(goal["value"], goal["unit"]),
                f"{sign} {number(goal['wanted'], goal['unit'])}",
                "yes" if goal["met"] else "no",
            ]
        )
    return table

"""Performance goals: measured value, limit, and whether it is met."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

# Maximal microseconds of a step, and minimal ratio to the fastest rival of the same run.
STEPS = {
    "tiny": (5.0, 8.0),
    "digits": (12.0, 5.0),
    "mnist1": (400.0, 1.75),
    "mnist2": (2850.0, 1.45),
    "deep": (550.0, 1.8),
    "large": (150_000.0, 1.15),
}
SHARES = {"mnist2": 0.68, "deep": 0.68, "large": 0.68}  # of the measured peak, over a step
# By number of rows: maximal microseconds, and minimal ratio to onnxruntime.
PREDICTIONS = {1: (1.5, 3.0), 4096: (95.0, 1.7)}


@dataclass(frozen=True)
class Goal:
    """A value in `unit`; `wanted` is its minimum, or its maximum if `most` is True."""

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


def ratios(times: dict[str, float], wanted: list[tuple[str, str, str, float]]) -> list[Goal]:
    """A goal for each (what, slower, faster, minimal ratio) if both have a time."""
    return [
        Goal(what, times[slower] / times[faster], least)
        for what, slower, faster, least in wanted
        if slower in times and faster in times
    ]


def _training(result: dict[str, Any]) -> list[Goal]:
    name, ours = result["name"], result["rivals"].get("fastnn")
    if ours is None or name not in STEPS:
        return []
    most, least = STEPS[name]
    found = [Goal(f"{name}, a step", ours["median_us"], most, "us", most=True)]
    if result["ratio"]:
        found.append(Goal(f"{name}, best rival / fastnn", result["ratio"], least))
    if name in SHARES and "peak_share" in ours:
        found.append(Goal(f"{name}, of the peak", ours["peak_share"], SHARES[name], "%"))
    return found


def _prediction(result: dict[str, Any]) -> list[Goal]:
    rivals, rows = result["rivals"], result["rows"]
    if "fastnn" not in rivals:
        return []
    ours = rivals["fastnn"]["median_us"]
    most, least = PREDICTIONS[rows]
    what = f"predict {rows:,} rows" if rows > 1 else "predict a row"
    found = [Goal(what, ours, most, "us", most=True)]
    if "onnxruntime" in rivals:
        ratio = rivals["onnxruntime"]["median_us"] / ours
        found.append(Goal(f"{what}, onnxruntime / fastnn", ratio, least))
    return found


def of(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Every goal that these results hold a measurement for."""
    found = [goal.plain() for result in results["train"] for goal in _training(result)]
    found += [goal.plain() for result in results["predict"] for goal in _prediction(result)]
    for part in results.values():
        if isinstance(part, dict):
            found += part.get("goals", ())
    return found


def number(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:.0%}"
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}"
    return f"{text}{'' if unit == 'x' else ' '}{unit}"


def rows(goals: list[dict[str, Any]]) -> list[list[str]]:
    """Table of the goals, as strings."""
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

"""`fastnn tune`: presets and settings of tabular nets, tried within the seconds given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.cli.run import Run
from fastnn.cli.tables import train
from fastnn.tabular.recipes import recipe_of
from fastnn.tabular.table import Table

__all__ = ["Trial", "listing", "search", "settings_of"]

FIRST = ("td", "td-s", "tabm-mini", "mlp")  # with their defaults, before variations
SHARES = (0.5, 0.25, 0.15, 0.1)  # of the variations
HIDDEN = ((128, 128), (256, 256), (128, 128, 128), (256, 256, 256), (512, 256, 128))
BATCHES = (64, 128, 256, 512)
LONGEST = 0.25  # share of the budget that one trial may take
LEAST = 0.02  # share of the budget that is no longer worth a trial


@dataclass
class Trial:
    """One try: settings, the validation score, lower is better, and the seconds it took."""

    number: int
    preset: str
    settings: dict[str, Any]
    metric: str
    score: float
    seconds: float
    stopped: bool

    def words(self) -> dict[str, Any]:
        """For JSON."""
        return {"preset": self.preset, **self.settings, self.metric: self.score,
                "seconds": self.seconds, "stopped": self.stopped}  # fmt: skip


def candidates(classes: bool, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Presets with their defaults, then random variations without end."""
    for preset in FIRST:
        yield preset, {}
    rng = np.random.default_rng(seed)
    while True:
        preset = str(rng.choice(FIRST, p=SHARES))
        yield (
            preset,
            {
                "lr": round(float(recipe_of(preset, classes).lr * 10 ** rng.uniform(-0.5, 0.5)), 6),
                "hidden": HIDDEN[rng.integers(len(HIDDEN))],
                "batch_size": int(rng.choice(BATCHES)),
            },
        )


def settings_of(args: Any) -> dict[str, Any]:
    """The arguments that all trials have."""
    return {
        "hidden": None,
        "epochs": None,
        "batch_size": None,
        "lr": None,
        "time_limit": None,
        "folds": 1,
        "test_size": 0.25 if args.test_size is None else args.test_size,
        "seed": args.seed or 0,
    }


def search(
    name: str,
    table: Table,
    settings: dict[str, Any],
    budget: float,
    most: int | None,
    tell: Callable[[Trial], object],
) -> tuple[Run | None, list[Trial], bool]:
    """Try settings until the seconds are over, all on the same training and validation rows.

    Args:
        name, table, settings: as for `fastnn.cli.tables.train`.
        budget: seconds for all trials.
        most: trials at most; None: as many as there is time for.
        tell: called after each trial.

    Returns:
        the run of the best trial, all trials, and whether Ctrl-C stopped the search.
    """
    end = time.perf_counter() + budget
    best: Run | None = None
    trials: list[Trial] = []
    try:
        for preset, changes in candidates(bool(table.classes), settings["seed"]):
            left = end - time.perf_counter()
            if len(trials) == most or (trials and left < LEAST * budget):
                break
            limit = max(min(left, LONGEST * budget), 0.01)
            run = train(name, table, preset, {**settings, **changes, "time_limit": limit})
            trial = _trial(len(trials) + 1, run, changes)
            if best is None or trial.score < min(t.score for t in trials):
                best = run
                best.words |= {"trial": str(trial.number), **_shown(changes)}
                best.words.pop("time limit", None)
            trials.append(trial)
            tell(trial)
    except KeyboardInterrupt:
        return best, trials, True
    return best, trials, False


def _trial(number: int, run: Run, changes: dict[str, Any]) -> Trial:
    score = float(np.mean([s[b] for s, b in zip(run.scores, run.best, strict=True)]))
    epochs = recipe_of(run.preset, bool(run.table.classes)).epochs
    stopped = any(len(scores) < epochs for scores in run.scores)
    return Trial(number, run.preset, changes, run.metric, score, run.seconds, stopped)


def _shown(changes: dict[str, Any]) -> dict[str, str]:
    return {
        key.replace("_", " "): ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for key, value in changes.items()
    }


def listing(trials: list[Trial]) -> str:
    """Table of what was tried, the best first."""
    if not trials:
        return "no trial ended"
    lines = [f"{'trial':>5}  {'preset':9}  {'hidden':13} {'lr':>9} {'batch':>6} {'seconds':>8} "
             f"{trials[0].metric:>10}"]  # fmt: skip
    for trial in sorted(trials, key=lambda t: t.score):
        shown = _shown(trial.settings)
        lines.append(
            f"{trial.number:>5}  {trial.preset:9}  {shown.get('hidden', '-'):13} "
            f"{shown.get('lr', '-'):>9} {shown.get('batch size', '-'):>6} {trial.seconds:8.2f} "
            f"{trial.score:10.5g}{'  stopped' if trial.stopped else ''}"
        )
    return "\n".join(lines)

"""`fastnn train` with a tabular net: which preset, the training, what is printed and kept."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

import fastnn
from fastnn import tabular
from fastnn.cli.run import Run, aligned
from fastnn.tabular.holdout import Split, fingerprint
from fastnn.tabular.notices import ids_in
from fastnn.tabular.recipes import PRESETS, recipe_of
from fastnn.tabular.table import Table
from fastnn.tabular.validation import metric_of

__all__ = ["CHOICES", "PLAIN_OPTIONS", "headline", "preset_for", "preset_of", "train"]

CHOICES = ("auto", *PRESETS, "plain")
PLAIN_OPTIONS = ("activation", "optimizer", "loss", "compare")  # of the plain net alone
SHARED_OPTIONS = ("hidden", "epochs", "batch_size", "lr")  # that presets have as well
TABULAR_OPTIONS = ("time_limit", "folds")
NAMES = {
    "td": "RealMLP-TD",
    "td-s": "RealMLP-TD-S",
    "tabm-mini": "TabM-mini",
    "mlp": "plain MLP",
}


def preset_for(rows: int, columns: int) -> str:
    """The preset that suits the size of a table: the whole recipe, unless it takes minutes.

    >>> from fastnn.cli.tables import preset_for
    >>> preset_for(2_000, 10), preset_for(60_000, 20), preset_for(1_000_000, 20)
    ('td', 'td-s', 'mlp')
    """
    cells = rows * max(columns, 10)
    if cells <= 500_000:
        return "td"
    return "td-s" if cells <= 5_000_000 else "mlp"


def preset_of(args: Any, is_set: bool, table: Table, dealt: bool = False) -> str:
    """The preset that the arguments ask for; "plain" if they describe a net.

    dealt: several ranks train one net together, which is a plain one.

    Raises:
        ValueError: options that do not go together.
    """
    given = [name for name in (*PLAIN_OPTIONS, *SHARED_OPTIONS) if getattr(args, name)]
    asked = [name for name in TABULAR_OPTIONS if getattr(args, name) is not None]
    preset: str = args.preset
    if dealt and (asked or preset not in ("auto", "plain")):
        wrong = f"--{asked[0].replace('_', '-')}" if asked else f"--preset {preset}"
        raise ValueError(
            f"{wrong}: with several ranks a plain net is trained; leave it out, or train without "
            "mpiexec"
        )
    if preset == "auto" and (given or is_set or dealt) and not asked:
        return "plain"
    if preset == "auto":
        preset = preset_for(len(table), len(table.rows.names))
    option = next((name for name in given if name in PLAIN_OPTIONS), None)
    if preset != "plain" and option is not None:
        raise ValueError(
            f"--{option}: the preset {preset!r} has its own; leave it out, or use --preset plain"
        )
    if preset == "plain" and asked:
        raise ValueError(
            f"--{asked[0].replace('_', '-')}: is for tabular nets; use --preset td, or leave it out"
        )
    return preset


def headline(name: str, table: Table, preset: str, settings: dict[str, Any]) -> str:
    """Summary of data, net and settings, in two lines."""
    kind = f"{len(table.classes)} classes" if table.classes else f"regression of {table.target!r}"
    epochs = settings["epochs"] or recipe_of(preset, bool(table.classes)).epochs
    parts = [f"{NAMES[preset]} (--preset {preset})", f"up to {epochs} epochs"]
    if settings["folds"] > 1:
        parts.append(f"{settings['folds']} folds, a net each")
    if settings["time_limit"] is not None:
        parts.append(f"at most {settings['time_limit']:g} s")
    return (
        f"{name}: {len(table)} rows, {len(table.rows.names)} columns, {kind}; "
        f"{settings['test_size']:.0%} held out\nnet {', '.join(parts)}, seed {settings['seed']}"
    )


def settings_of(args: Any) -> dict[str, Any]:
    """The arguments that a tabular net takes."""
    return {
        "hidden": args.hidden,
        "epochs": args.epochs,
        "batch_size": args.batch_size,
        "lr": args.lr,
        "time_limit": args.time_limit,
        "precision": args.precision or "float32",
        "folds": args.folds or 1,
        "test_size": 0.25 if args.test_size is None else args.test_size,
        "seed": args.seed or 0,
    }


def train(name: str, table: Table, preset: str, settings: dict[str, Any], **more: Any) -> Run:
    """Hold out rows, train the estimator of a preset on the others.

    settings: as from `settings_of`. more: further arguments of the estimator.

    Raises:
        ValueError: as of the estimators.
    """
    table = aligned(table, tuple(sorted(table.classes)))  # as estimators order labels
    dealt = Split("", settings["test_size"], settings["seed"])
    if len(table) < 4:
        raise ValueError(
            f"table: expected at least 4 rows, to learn from and to hold out, got {len(table)}"
        )
    fit_on, hold_out = dealt.parts(table)
    if settings["folds"] > len(fit_on):
        raise ValueError(
            f"--folds: expected at most {len(fit_on)}, the training rows, got {settings['folds']}"
        )
    kind = tabular.TabularClassifier if table.classes else tabular.TabularRegressor
    names = ("hidden", "epochs", "batch_size", "lr", "time_limit", "precision")
    options = {key: settings[key] for key in names if key in settings}
    estimator = kind(
        preset, n_cv=settings["folds"], random_state=settings["seed"], **(options | more)
    )
    begun = time.perf_counter()
    fastnn.manual_seed(settings["seed"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tabular.LeakageWarning)  # it is among the notes
        estimator.fit(fit_on.rows, targets(fit_on))
    seconds = time.perf_counter() - begun
    model = estimator.predictor_
    model.target = table.target
    model.split = replace(dealt, table=fingerprint(table, model.features))
    reports = estimator.reports_
    return Run(
        name, table, fit_on, hold_out, model, preset,
        metric_of(estimator.val_metric, bool(table.classes))[0], [r.losses for r in reports],
        [r.scores for r in reports], [r.best_epoch for r in reports], seconds,
        _notes(estimator.notes_, table, fit_on),
        _words(preset, settings),
    )  # fmt: skip


def _notes(found: list[str], table: Table, fit_on: Table) -> list[str]:
    """What the estimator noticed; ids by all rows, as a part of them has gaps in its numbers."""
    known = {*table.rows.notes, *ids_in(fit_on.rows)}
    return [note for note in found if note not in known] + ids_in(table.rows)


def targets(table: Table) -> Any:
    """Labels as texts, or values."""
    assert table.y is not None
    return np.array(table.classes)[table.y] if table.classes else table.y[:, 0]


def _words(preset: str, settings: dict[str, Any]) -> dict[str, str]:
    found = {"net": f"{NAMES[preset]} (preset {preset})"}
    names = {"folds": "folds", "time_limit": "time limit", "epochs": "epochs", "seed": "seed"}
    for key, label in names.items():
        if settings[key] is not None and (key, settings[key]) != ("folds", 1):
            found[label] = f"{settings[key]:g}{' s' * (key == 'time_limit')}"
    if settings.get("precision", "float32") != "float32":
        found["precision"] = settings["precision"]
    return found

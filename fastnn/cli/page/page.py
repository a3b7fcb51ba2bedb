"""The report: data, curves, errors, calibration, importance and dependence of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._version import __version__
from fastnn.cli.page.draw import Series, chart, histogram, number, scatter
from fastnn.cli.page.parts import bars, cards, figure, figures, matrix, section, table
from fastnn.cli.page.style import STYLE
from fastnn.cli.run import Run, answers
from fastnn.explain.curves import calibration
from fastnn.plot.axes import wide_range
from fastnn.plot.training import count_confusion
from fastnn.tabular.explanations import Importance, dependence, importance
from fastnn.tabular.frame import Column

__all__ = ["page"]

MOST_COLUMNS = 200  # that the table of columns has
MOST_CLASSES = 20  # whose confusions are shown
MOST_BARS = 20
SHARES = ("error", "brier", "auc")  # metrics that lie within 0..1
DEPENDENCES = 6  # columns, the most important ones
MOST_LINES = 6  # classes in such a picture


def page(run: Run, files: dict[str, str | None]) -> str:
    """The whole page.

    Args:
        run: what was trained.
        files: paths of what was written, by what it is.
    """
    name = Path(run.name).stem
    found = importance(run.model, run.test.rows, _labels(run), repeats=3)
    title = f"{name}: {run.table.target}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(_what(run))}</p>',
        cards(_figures(run)),
        section("Data", *_data(run)),
        section("Training", *_training(run)),
        section("Errors", *_errors(run)),
        section("Importance", *_importance(run, found)),
        section("Dependence", *_dependence(run, found)),
        section("Use it", *_use(run, files)),
        f'<p class="note">Written by fastnn {__version__}.</p>',
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _labels(run: Run) -> Any:
    """Targets of the held-out rows, as the model's labels."""
    assert run.test.y is not None
    if not run.model.class_names:
        return run.test.y[:, 0]
    return np.asarray(run.model.classes)[run.test.y]


def _what(run: Run) -> str:
    kind = f"{len(run.table.classes)} classes" if run.table.classes else "numbers"
    words = ", ".join(f"{key} {value}" for key, value in run.words.items())
    return f"Predicts {run.table.target!r} ({kind}) from {run.name}; {words}."


def _figures(run: Run) -> Iterator[tuple[str, str]]:
    scores = run.model.evaluate(run.test)
    told = {"loss": "log-loss", "rmse": "RMSE", "mae": "mean error", "r2": "R²"}
    for name, value in scores.items():
        text = f"{value:.1%}" if name == "accuracy" else number(value)
        yield f"{told.get(name, name)}, held out", text
    yield "rows trained on", f"{len(run.train):,}"
    yield "rows held out", f"{len(run.test):,}"
    yield "columns read", f"{len(run.model.features):,}"
    yield "training", f"{run.seconds:.3g} s"


# ---- data ----


def _data(run: Run) -> Iterator[str]:
    assert run.table.y is not None
    notes = [*run.table.rows.notes, *run.table.notes, *run.notes]
    yield "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    columns = list(run.table.rows.columns.items())
    kinds = run.model.design.encoder.kinds
    rows = [_described(name, column, name in kinds) for name, column in columns[:MOST_COLUMNS]]
    yield table(("column", "kind", "missing", "different", "values"), rows, (2, 3))
    if len(columns) > MOST_COLUMNS:
        yield f'<p class="note">and {len(columns) - MOST_COLUMNS} more columns</p>'
    yield f"<h3>Target: {escape(run.table.target)}</h3>"
    if run.table.classes:
        counts = np.bincount(run.table.y, minlength=len(run.table.classes))
        order = np.argsort(-counts, kind="stable")[:MOST_BARS]
        yield bars([run.table.classes[i] for i in order], counts[order].tolist())
        return
    title = f"Histogram of {run.table.target}"
    yield figures([f"<figure>{histogram(run.table.y, title, run.table.target)}</figure>"])


def _described(name: str, column: Column, is_read: bool) -> tuple[str, ...]:
    gone = column.missing()
    present = column.values[~gone]
    share = f"{gone.mean():.1%}" if gone.any() else "-"
    if column.kind == "category":
        counts = Counter(present.tolist())
        told = ", ".join(f"{_cut(text)} ({count})" for text, count in counts.most_common(4))
        different = f"{len(counts):,}"
    else:
        different = f"{len(np.unique(present)):,}"
        told = "-"
        if len(present) and column.kind == "date":
            told = f"{present.min().astype('M8[D]')} to {present.max().astype('M8[D]')}"
        elif len(present):
            low, middle, high = np.quantile(present, (0, 0.5, 1))
            told = f"{number(low)} to {number(high)}, median {number(middle)}"
    kind = {"number": "numbers", "category": "texts", "date": "dates"}[column.kind]
    return name, kind if is_read else f"{kind}, not read", share, different, told


def _cut(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"


# ---- training ----


def _training(run: Run) -> Iterator[str]:
    if not run.losses or not run.losses[0]:
        yield "<p>The training was stopped before its first epoch ended.</p>"
        return
    many = len(run.losses) > 1
    pictures = []
    for title, curves in (("Training loss", run.losses), (f"Validation {run.metric}", run.scores)):
        lines = [
            Series(np.arange(1, len(c) + 1), c, "", "faint" if many else "line") for c in curves
        ]
        length = min(map(len, curves))
        if many:
            mean = np.mean([c[:length] for c in curves], axis=0)
            lines.append(Series(np.arange(1, length + 1), mean))
        flat = np.concatenate([np.asarray(c, float) for c in curves])
        of_shares = curves is run.scores and run.metric in SHARES
        log = not of_shares and bool(np.isfinite(flat).all()) and wide_range(flat)
        caption = "logarithmic scale" if log else ""
        pictures.append(figure(title, chart(lines, title, "epoch", "", log=log), caption))
    yield figures(pictures)
    pairs = zip(run.best, run.losses, strict=True)
    best = ", ".join(f"{epoch + 1} of {len(losses)}" for epoch, losses in pairs)
    nets = f"{len(run.best)} nets, whose predictions are averaged. " if many else ""
    yield f'<p class="note">{nets}Kept: epoch {best}.</p>'


# ---- errors ----


def _errors(run: Run) -> Iterator[str]:
    assert run.test.y is not None
    found, p = answers(run.model, run.test.rows)
    truth, names = run.test.y.ravel(), run.model.class_names
    yield f'<p class="note">On the {len(truth):,} rows that were held out.</p>'
    if p is None:
        yield figures(_residuals(found, truth, run.table.target))
        return
    counts = count_confusion(truth, found, len(names))
    if len(names) <= MOST_CLASSES:
        yield f"<h3>Confusion matrix</h3>{matrix(counts, names)}"
    yield "<h3>By class</h3>" + table(
        ("class", "rows", "found", "right where predicted"), list(_by_class(counts, names)),
        (1, 2, 3),
    )  # fmt: skip
    two = len(names) == 2
    curve = calibration(truth == 1, p[:, 1]) if two else calibration(truth, p)
    sizes = 2.5 + 5 * np.sqrt(curve.rows / curve.rows.max())
    dots = [Series(curve.predicted, curve.observed, "", "dots", sizes=sizes)]
    what = f"probability of {names[1]}" if two else "probability of the predicted class"
    picture = chart(
        dots, "Calibration", what, "share that came true", span=(0.0, 1.0), diagonal=True
    )
    caption = (
        f"How often it came true; the dashed line is perfect. Mean difference {curve.error:.3f}."
    )
    each = p[:, 1] if two else p.max(axis=1)
    yield figures([
        figure("Calibration", picture, caption),
        figure("How sure it is", histogram(each, f"Histogram of the {what}", what, 20)),
    ])  # fmt: skip


def _by_class(counts: NDArray[np.int64], names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for k, name in list(enumerate(names))[:100]:
        true, told, right = counts[k].sum(), counts[:, k].sum(), counts[k, k]
        yield (
            name,
            f"{true:,}",
            f"{right / true:.1%}" if true else "-",
            f"{right / told:.1%}" if told else "-",
        )


def _residuals(found: Any, truth: Any, target: str) -> list[str]:
    wrong = found - truth
    inside = np.quantile(np.abs(wrong), (0.5, 0.9))
    half, most = (number(float(value)) for value in inside)
    caption = f"Half of the errors are below {half}, nine of ten below {most}."
    true, predicted = f"true {target}", f"predicted {target}"
    return [
        figure("Predicted and true",
               scatter(truth, found, "Predicted and true values", true, predicted, diagonal=True)),
        figure("Residuals",
               scatter(found, wrong, "Residuals", predicted, "predicted - true", diagonal=False)),
        figure("Size of the errors",
               histogram(wrong, "Histogram of the errors", "predicted - true"), caption),
    ]  # fmt: skip


# ---- what it goes by ----


def _importance(run: Run, found: Importance) -> Iterator[str]:
    unit = escape(found.unit[0].upper() + found.unit[1:])
    yield f'<p class="note">{unit} on held-out rows where the column is shuffled.</p>'
    yield bars(found.names[:MOST_BARS], found.values[:MOST_BARS].tolist())
    if len(found.names) > MOST_BARS:
        yield f'<p class="note">and {len(found.names) - MOST_BARS} more columns</p>'


def _dependence(run: Run, found: Importance) -> Iterator[str]:
    names = run.model.class_names
    target = f"probability of {names[1]}" if len(names) == 2 else run.table.target
    band = "" if len(names) > 2 else "; the band has the middle half of the rows"
    yield (
        '<p class="note">The mean prediction for held-out rows, were this column the same in all '
        f"of them{band}.</p>"
    )
    rows = run.model.rows_of(run.test.rows)
    there = [name for name in found.names if not rows.columns[name].missing().all()]
    yield figures(_one_dependence(run, column, names, target) for column in there[:DEPENDENCES])


def _one_dependence(run: Run, column: str, names: tuple[str, ...], target: str) -> str:
    curve = dependence(run.model, run.test.rows, column)
    texts = [] if curve.grid.dtype.kind != "O" else [str(text) for text in curve.grid]
    dates = curve.grid.dtype.kind == "M"
    at: Any = np.arange(len(texts)) if texts else curve.grid.astype(np.float64)
    kind = "points" if texts else "line"
    if curve.mean.ndim == 1:
        lines = [Series(at, curve.mean, "", kind, curve.low, curve.high)]
    else:
        spread = np.ptp(curve.mean, axis=0)
        chosen = sorted(np.argsort(-spread, kind="stable")[:MOST_LINES].tolist())
        lines = [Series(at, curve.mean[:, k], names[k], kind) for k in chosen]
        target = "probability"
    picture = chart(lines, f"Dependence on {column}", column, target, names=texts, dates=dates)
    return figure(column, picture)


def _use(run: Run, files: dict[str, str | None]) -> Iterator[str]:
    model = files.get("model") or "model.safetensors"
    yield f"<pre>fastnn predict {escape(model)} new.csv</pre>"
    yield (
        "<pre>import fastnn\n\n"
        f'model = fastnn.load("{escape(model)}")\n'
        "model.predict(rows)  # a DataFrame, a dict of columns or an array, as it comes</pre>"
    )

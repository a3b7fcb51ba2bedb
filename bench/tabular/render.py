"""Tables and a critical-difference picture of what was measured, into docs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from . import ablation, twin
from .models import MODELS
from .tables import TABLES, Table

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
INK = "#333333"
HEAD = """# Tabular nets on public tables

Written by `python -m bench.tabular --render` from `bench/tabular/results.json`. {tables} tables
that come inside packages of the Python index, {least:,} to {most:,} rows, up to 5 folds with each
class spread over all (how many: by table), **defaults only**, one thread. Scores are those of
held-out folds: accuracy, or R2. Seconds are the processor's for a fit; one row is the median time
of a call of `predict` with a DataFrame of one row. All get the same DataFrame. scikit-learn's MLP
and the linear models (logistic regression, ridge) stand behind median imputation, standardization
and one-hot columns; pytabkit, which takes no gaps in numbers, gets the medians of the training
rows. A normalized score is 0 for the worst of the models on a table and 1 for the best.

`fastnn td` is RealMLP-TD (Holzmueller et al. 2024), made from scratch. It and its kin are nets that
are *trained on the table alone*. Pretrained ones (TabPFN, TabICL) do better on tables of this size;
they want torch, and take longer for a row.

"""
REFERENCE = "pytabkit RealMLP-TD"
TWIN = """## Is it the same recipe?

`python -m bench.tabular.twin` trains td and td-s beside pytabkit's from the same first weights,
with the same held-out rows and orders of the rows, without dropout. Columns, scaling, loss, rates,
decay and the judgement of an epoch are each one's own. The table has the largest relative
difference of the mean training losses, in the first {first} epochs and in all {epochs}, and the
validation error (accuracy's, or RMSE) after the last. Rounding grows with the steps; apart from
that the curves are the same. So what differs above comes from random numbers: which rows are held
out, first weights, orders, masks. On mlc_churn's first fold, where td has {churn_ours:.3f} and
pytabkit {churn_theirs:.3f}, eight seeds of td gave .936 to .957, mean .951, and three of pytabkit
.948 to .959, mean .955; on ames' five gave .847 to .912, mean .880, and three .856 to .897, mean
.875.

"""
ABLATION = """## What the parts are for

`python -m bench.tabular.ablation` leaves out one part of td at a time, on {folds} fold(s) of six
tables, one seed. Errors are 1 - accuracy, or sqrt(1 - R2); the first two columns have the mean
change of the error (geometric over the tables; positive: the part helps). On so few rows several
per cent are chance; RealMLP's authors give, over many tables, for classes / numbers: embedding
2.3 / 20.6, beta2 2.0 / 22.8, schedule 1.8 / 13.4, smoothing 1.8, scaling layer 1.4 / 1.0,
parametric activation .5 / 4.8, dropout .8 / .8, first weights .9 / 1.2.

"""
SUMMARY = "mean rank|normalized score|accuracy|log-loss|R2|a fit, CPU s|one row, ms".split("|")


def folds_of(results: dict[str, Any], table: str) -> set[str]:
    """The folds that all models have."""
    return set.intersection(*(set(found) for found in results[table].values()))


def score(results: dict[str, Any], table: str, model: str, key: str) -> float:
    """The mean over these folds."""
    folds = folds_of(results, table)
    return float(np.mean([results[table][model][fold][key] for fold in folds]))


def complete(results: dict[str, Any]) -> list[Table]:
    """Tables that every model was measured on, on one fold at least."""
    return [
        table for table in TABLES
        if set(results.get(table.name, ())) == set(MODELS) and folds_of(results, table.name)
    ]  # fmt: skip


def ranks(scores: np.ndarray) -> np.ndarray:
    """(tables, models): 1 for the best; equal scores share."""
    from scipy.stats import rankdata

    return np.stack([rankdata(-row) for row in scores])


def critical_difference(models: int, tables: int) -> float:
    """Nemenyi's: mean ranks that differ by more differ, at 5%."""
    from scipy.stats import studentized_range

    q = studentized_range.ppf(0.95, models, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(models * (models + 1) / (6 * tables)))


def summary(results: dict[str, Any], tables: list[Table], scores: np.ndarray) -> str:
    """One line for each model, the best rank first."""
    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    normal = ((scores - low) / np.where(high > low, high - low, 1)).mean(axis=0)
    rank, names = ranks(scores).mean(axis=0), list(MODELS)
    kind = np.array([table.classes for table in tables])
    lines = [f"| | {' | '.join(SUMMARY)} |", "|---" * (1 + len(SUMMARY)) + "|"]
    for i in np.argsort(rank):
        name = names[i]
        loss = [score(results, t.name, name, "log_loss") for t in tables if t.classes]
        seconds = [score(results, t.name, name, "seconds") for t in tables]
        row = [results[t.name][name]["0"]["one_row_ms"] for t in tables]
        lines.append(
            f"| {name} | {rank[i]:.2f} | {normal[i]:.3f} | {scores[kind, i].mean():.4f} "
            f"| {np.mean(loss):.4f} | {scores[~kind, i].mean():.4f} "
            f"| {np.mean(seconds):.2f} | {np.median(row):.2f} |"
        )
    return "\n".join(lines)


def apart(results: dict[str, Any], tables: list[Table], scores: np.ndarray) -> str:
    """How far the nets' normalized scores are from the reference's, and how sure that is; and the
    time of a row that is an array."""
    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    normal = (scores - low) / np.where(high > low, high - low, 1)
    names, found, rows = list(MODELS), [], []
    for name in names[:4]:
        differs = normal[:, names.index(name)] - normal[:, names.index(REFERENCE)]
        error = differs.std(ddof=1) / len(differs) ** 0.5
        found.append(f"{name} {differs.mean():+.3f} (standard error {error:.3f})")
        known = [results[t.name][name]["0"].get("one_array_ms") for t in tables]
        rows.append(f"{name} {1e3 * np.median([v for v in known if v]):.0f} us")
    return (
        f"Normalized scores beside {REFERENCE}'s, by table: {', '.join(found)}. A difference "
        "within two standard errors is none that these tables show.\n\nA row of numbers as a NumPy "
        f"array ({sum(v is not None for v in known)} tables, the median): {', '.join(rows)}."
    )


def twins(results: dict[str, Any]) -> str:
    """Curves from the same first weights."""
    kept = json.loads(twin.KEPT.read_text())
    columns = ("preset", "table", "first epochs", "all epochs", "pytabkit", "fastnn")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    curves = [(preset, *pair) for preset, found in kept.items() for pair in found.items()]
    first, epochs = 4, max(found["epochs"] for _, _, found in curves)
    for preset, name, found in curves:
        theirs, ours = (scores[-1] for scores in found["scores"])
        early, all_over = max(found["apart"][:first]), max(found["apart"])
        lines.append(
            f"| {preset} | {name} | {early:.1e} | {all_over:.1e} | {theirs:.5g} | {ours:.5g} |"
        )
    churn = [results["mlc_churn"][m]["0"]["score"] for m in ("fastnn td", REFERENCE)]
    head = TWIN.format(first=first, epochs=epochs, churn_ours=churn[0], churn_theirs=churn[1])
    return head + "\n".join(lines)


def parts() -> str:
    """What leaving out a part of the recipe costs."""
    folds = max(len(found) for found in ablation.load()[ablation.WHOLE].values())
    return ABLATION.format(folds=folds) + ablation.summary()


def by_table(results: dict[str, Any], tables: list[Table], scores: np.ndarray) -> str:
    """Scores of all models on each table; the best is bold."""
    lines = [
        "| table | rows | columns | folds | " + " | ".join(MODELS) + " |",
        "|---" * (4 + len(MODELS)) + "|",
    ]
    for table, row in zip(tables, scores):
        x, _ = table.load()
        best = f"{row.max():.4f}"
        cells = [f"**{v:.4f}**" if f"{v:.4f}" == best else f"{v:.4f}" for v in row]
        columns = f"{x.shape[1]} ({sum(x[c].dtype == 'category' for c in x)} categories)"
        folds = len(folds_of(results, table.name))
        lines.append(f"| {table.name} | {len(x):,} | {columns} | {folds} | {' | '.join(cells)} |")
    return "\n".join(lines)


def sources(tables: list[Table]) -> str:
    """Where each table comes from."""
    lines = ["| table | target | package | licence |", "|---|---|---|---|"]
    lines += [f"| {t.name} | {t.target} | {t.source} | {t.licence} |" for t in tables]
    return "\n".join(lines)


def draw(rank: np.ndarray, difference: float, path: Path) -> None:
    """Mean ranks on a line; bars join those that do not differ (Demsar 2006)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names, order = list(MODELS), np.argsort(rank)
    figure, axes = plt.subplots(figsize=(9, 0.42 * len(names) + 1), dpi=160)
    for place, i in enumerate(order):
        colour = "#d1495b" if names[i].startswith("fastnn") else "#30638e"
        axes.plot(rank[i], place, "o", color=colour, markersize=7)
        axes.plot([rank[i], rank[i] + difference], [place, place], color=colour, linewidth=1.4)
        text = f"{names[i]}  {rank[i]:.2f}"
        axes.annotate(text, (rank[i], place), xytext=(-8, 0), textcoords="offset points",
                      ha="right", va="center", color=INK, fontsize=9)  # fmt: skip
    axes.invert_yaxis()
    axes.set_yticks([])
    axes.set_xlim(rank.min() - 3.2, rank.max() + difference + 0.3)
    what = f"a line is as long as ranks must differ, at 5% (Nemenyi, {difference:.2f})"
    axes.set_xlabel(f"mean rank over the tables, less is better; {what}", color=INK, fontsize=8)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=INK, labelsize=8)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def render(results: dict[str, Any]) -> None:
    """Write docs/tabular-results.md and its picture."""
    tables = complete(results)
    scores = np.array([[score(results, t.name, m, "score") for m in MODELS] for t in tables])
    rows = [len(table.load()[1]) for table in tables]
    difference = critical_difference(len(MODELS), len(tables))
    draw(ranks(scores).mean(axis=0), difference, DOCS / "tabular-ranks.png")
    text = HEAD.format(tables=len(tables), least=min(rows), most=max(rows))
    text += summary(results, tables, scores) + "\n\n" + apart(results, tables, scores)
    text += "\n\n![Mean ranks, with the critical difference](tabular-ranks.png)\n\n## By table\n\n"
    text += (
        by_table(results, tables, scores)
        + "\n\n"
        + twins(results)
        + "\n\n"
        + parts()
        + "\n\n## Where the tables come from\n\n"
        + sources(tables)
    )
    (DOCS / "tabular-results.md").write_text(text + "\n")
    print(text)

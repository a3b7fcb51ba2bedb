"""Tables and a critical-difference picture of what was measured, into docs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .models import MODELS
from .tables import TABLES, Table

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
INK = "#333333"
HEAD = """# Tabular nets on public tables

Written by `python -m bench.tabular --render` from `bench/tabular/results.json`. {tables} tables
that come inside packages of the Python index, {least:,} to {most:,} rows, up to 5 folds with each
class spread over all (how many: by table), **defaults only**, one thread. Scores are those of
held-out folds: accuracy, or R2. Seconds are the processor's for a fit; one row is the median time
of a call of `predict` with one row. All get the same DataFrame. scikit-learn's MLP and the linear
models (logistic regression, ridge) stand behind median imputation, standardization and one-hot
columns; pytabkit, which takes no gaps in numbers, gets the medians of the training rows. A
normalized score is 0 for the worst of the models on a table and 1 for the best.

`fastnn td` is RealMLP-TD (Holzmueller et al. 2024), made from scratch. It and its kin are nets that
are *trained on the table alone*. Pretrained ones (TabPFN, TabICL) do better on tables of this size;
they want torch, and take longer for a row.

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
    text += summary(results, tables, scores)
    text += "\n\n![Mean ranks, with the critical difference](tabular-ranks.png)\n\n## By table\n\n"
    text += (
        by_table(results, tables, scores)
        + "\n\n## Where the tables come from\n\n"
        + sources(tables)
    )
    (DOCS / "tabular-results.md").write_text(text + "\n")
    print(text)

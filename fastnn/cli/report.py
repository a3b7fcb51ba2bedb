"""Output of the command line: progress, tables of metrics, system information."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from fastnn import nn, plot as plots
from fastnn._support.threads import team_provider
from fastnn.cli.compare import Comparison
from fastnn.cli.curves import Live, of_run
from fastnn.cli.run import Run, answers
from fastnn.tabular import Result, Settings, Table, TabularModel
from fastnn.tabular.presets import rate_of, takes_all_rows

__all__ = [
    "Talk",
    "closing",
    "closing_of",
    "comparison",
    "curves_of",
    "document",
    "document_of",
    "figures",
    "headline",
    "info",
    "plot",
    "run_of",
]


class Talk:
    """Messages and progress on stderr: a tqdm bar on a terminal, else about ten lines.

    Args:
        epochs: total number of epochs.
        quiet: print nothing.
        curves: on a terminal, draw the curves that grow instead of the bar.
    """

    epochs: int
    quiet: bool
    curves: bool
    done: int
    stride: int

    def __init__(self, epochs: int, *, quiet: bool, curves: bool = False) -> None:
        self.epochs, self.quiet, self.curves = epochs, quiet, curves
        self.bar: Any = None
        self.chart: Live | None = None
        self.done, self.stride = 0, max(1, epochs // 10)

    def say(self, text: str) -> None:
        """Print one message."""
        if not self.quiet:
            print(text, file=sys.stderr)

    def __enter__(self) -> Talk:
        if not self.quiet and sys.stderr.isatty() and self.curves:
            if os.environ.get("TERM") != "dumb":  # which cannot draw over what it has drawn
                self.chart = Live(sys.stderr, self.epochs)
        elif not self.quiet and sys.stderr.isatty():
            with contextlib.suppress(ImportError):
                from tqdm import tqdm

                self.bar = tqdm(total=self.epochs, unit="epoch", leave=False, file=sys.stderr)
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
        if self.chart is not None:
            self.chart.close()

    def on_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Callback for `fit`: show progress."""
        self.done += 1
        text = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        if self.chart is not None:
            self.chart.add(logs)
        elif self.bar is not None:
            self.bar.set_postfix_str(text)
            self.bar.update()
        elif self.done % self.stride == 0 or self.done == self.epochs:
            self.say(f"epoch {self.done:>{len(str(self.epochs))}}/{self.epochs}  {text}")


def _widths(model: TabularModel) -> str:
    linears = [layer for layer in model.net if isinstance(layer, nn.Linear)]
    return "-".join(map(str, (model.design.width, *(layer.out_features for layer in linears))))


def headline(name: str, table: Table, model: TabularModel, settings: Settings) -> str:
    """Summary of data, net and settings, in two lines."""
    kind = f"{len(table.classes)} classes" if table.classes else f"regression of {table.target!r}"
    rate = rate_of(settings.optimizer, settings.lr)
    batch = "all rows" if takes_all_rows(settings.optimizer) else f"batch {settings.batch_size}"
    loss = "" if settings.loss is None else f"{settings.loss}; "
    return (
        f"{name}: {len(table)} rows, {len(model.features)} features, {kind}; "
        f"{settings.test_size:.0%} held out\n"
        f"net {_widths(model)}, {settings.activation}; {loss}{settings.optimizer}"
        f"{'' if rate is None else f' lr {rate:g}'}, {batch}, {settings.epochs} epochs, "
        f"seed {settings.seed}"
    )


def _best(result: Result) -> int:
    """Index of the epoch with the lowest validation loss, from 0."""
    return int(np.argmin(result.history["val_loss"]))


def figures(result: Result) -> str:
    """Table of training and validation metrics: the first, some, the best and the last epoch."""
    history = result.history
    names = [n for n in ("loss", "val_loss", "accuracy", "val_accuracy") if n in history]
    count, best = len(history["loss"]), _best(result)
    shown = {0, count - 1, best, *(round(f * (count - 1)) for f in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8))}
    lines = ["epoch" + "".join(f"{name:>14}" for name in names)]
    for epoch in sorted(shown):
        mark = "  best val_loss" * (epoch == best) + "  last" * (epoch == count - 1)
        cells = "".join(f"{history[name][epoch]:14.4f}" for name in names)
        lines.append(f"{epoch + 1:5}{cells}{mark}")
    return "\n".join(lines)


def closing(result: Result, files: dict[str, str | None]) -> str:
    """Metrics on the held-out rows, the time, and the files written."""
    held_out = result.model.evaluate(result.test)
    text = ", ".join(f"{name} {value:.4g}" for name, value in held_out.items())
    lines = [f"held out: {text} on {len(result.test)} rows"]
    if result.steps:
        each = 1e6 * result.seconds / result.steps
        lines.append(
            f"time: {result.seconds:.3f} s for {result.steps} steps, {each:.1f} us a step, "
            "validation after each epoch included"
        )
    lines += [f"{name}: {path}" for name, path in files.items() if path]
    return "\n".join(lines)


def comparison(found: Comparison) -> str:
    """Table of `--compare`: time per step, its ratio to fastnn's, and the kernels that ran."""
    times = found.times
    lines = ["one step, one thread      us     ratio  kernels"]
    lines += [
        f"{name:20} {us:8.1f} {us / times['fastnn']:8.2f}x  {found.kernels[name]}"
        for name, us in times.items()
    ]
    return "\n".join(lines)


def document(
    name: str, table: Table, settings: Settings, result: Result, files: dict[str, str | None]
) -> dict[str, Any]:
    """All data of a run, for JSON."""
    return {
        "data": name,
        "task": table.task,
        "classes": list(table.classes),
        "rows": {"train": len(result.train), "test": len(result.test)},
        "net": _widths(result.model),
        "settings": {**vars(settings), "lr": rate_of(settings.optimizer, settings.lr)},
        "history": result.history,
        "best_epoch": _best(result) + 1 if result.history else None,
        "held_out": result.model.evaluate(result.test),
        "seconds": result.seconds,
        "steps": result.steps,
        "us_per_step": 1e6 * result.seconds / result.steps if result.steps else None,
        "interrupted": result.interrupted,
        "files": files,
    }


def run_of(name: str, table: Table, result: Result, settings: Settings) -> Run:
    """A plain net's run, as the report wants it."""
    history = result.history
    words = {"net": _widths(result.model), "activation": settings.activation,
             "optimizer": settings.optimizer, "seed": str(settings.seed)}  # fmt: skip
    return Run(
        name, table, result.train, result.test, result.model, "plain", "loss", [history["loss"]],
        [history["val_loss"]], [len(history["loss"]) - 1], result.seconds, list(result.notes),
        words, history,
    )  # fmt: skip


def plot(run: Run, path: Path, talk: Talk) -> str | None:
    """Save the plot of a run; without matplotlib print a message and return None."""
    found, _ = answers(run.model, run.test.rows)
    assert run.test.y is not None
    history = run.history or {"loss": run.losses[0]}
    try:
        plots.training_report(
            history,
            run.test.y,
            found,
            path,
            classes=run.model.class_names,
            title=f"{Path(run.name).stem}: {len(history['loss'])} epochs",
        )
    except ImportError as error:
        talk.say(f"no plot: {error}")
        return None
    return str(path)


def curves_of(run: Run) -> str:
    """The curves of a run in block characters, for stdout."""
    nets = [{"loss": losses, run.metric: scores}
            for losses, scores in zip(run.losses, run.scores, strict=True)]  # fmt: skip
    return of_run(run.history, nets, sys.stdout)


def closing_of(run: Run, files: dict[str, str | None]) -> str:
    """Metrics of a tabular net on the held-out rows, the time, and the files written."""
    found = run.model.evaluate(run.test)
    text = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
    pairs = zip(run.best, run.losses, strict=True)
    best = ", ".join(f"{epoch + 1} of {len(losses)}" for epoch, losses in pairs)
    nets = f"{len(run.best)} nets" if len(run.best) > 1 else "net"
    lines = [
        f"held out: {text} on {len(run.test)} rows",
        f"{nets}: best epoch {best}, by the {run.metric} on validation rows",
        f"time: {run.seconds:.3f} s",
    ]
    return "\n".join(lines + [f"{name}: {path}" for name, path in files.items() if path])


def document_of(run: Run, files: dict[str, str | None]) -> dict[str, Any]:
    """All data of a tabular net's run, for JSON."""
    return {
        "data": run.name,
        "task": run.table.task,
        "classes": list(run.model.class_names),
        "rows": {"train": len(run.train), "test": len(run.test)},
        "preset": run.preset,
        "settings": run.words,
        "history": [
            {"loss": losses, run.metric: scores}
            for losses, scores in zip(run.losses, run.scores, strict=True)
        ],
        "best_epoch": [epoch + 1 for epoch in run.best],
        "held_out": run.model.evaluate(run.test),
        "seconds": run.seconds,
        "notes": run.notes,
        "files": files,
    }


def info() -> dict[str, Any]:
    """Versions, instruction sets, threads, and the OpenMP libraries loaded in this process."""
    return {
        "fastnn": fastnn.__version__,
        "isa": fastnn.isa(),
        "isas": list(fastnn.isas()),
        "threads": fastnn.num_threads(),
        "team": team_provider(),
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "openmp": _openmp(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _openmp() -> list[str]:
    """Paths of the loaded OpenMP libraries; each has its own thread pool."""
    try:
        lines = Path("/proc/self/maps").read_text(errors="replace").splitlines()
    except OSError:
        return []
    paths = {line.split(maxsplit=5)[-1] for line in lines if "/" in line}
    kinds = ("libgomp", "libomp", "libiomp")
    return sorted(path for path in paths if os.path.basename(path).startswith(kinds))

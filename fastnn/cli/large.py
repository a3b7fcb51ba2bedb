"""`fastnn train --memory`: tables that memory does not hold."""

from __future__ import annotations

from typing import Any

import fastnn
from fastnn.cli.report import Talk
from fastnn.tabular import Settings
from fastnn.tabular.large import LargeResult, train_large

__all__ = ["check_arguments", "closing", "document", "settings_of", "train"]

# What needs all rows at once.
REFUSED = ("time_limit", "folds", "compare", "report", "sep", "decimal", "na", "encoding")


def check_arguments(args: Any) -> None:
    """Check that nothing is asked for that needs all rows in memory.

    Raises:
        ValueError: something is.
    """
    for name in REFUSED:
        if getattr(args, name):
            raise ValueError(
                f"--{name.replace('_', '-')}: needs all rows in memory; leave it out, or --memory"
            )
    if args.preset not in ("auto", "plain"):
        raise ValueError(f"--preset: expected plain with --memory, got {args.preset}")
    if not args.header:
        raise ValueError("--no-header: expected a header with --memory")
    if args.target is None:
        raise ValueError("--target: expected the column to predict; name it")


def settings_of(args: Any) -> Settings:
    """The settings that were given; fewer epochs by default than of a table in memory."""
    given = {key: getattr(args, key) for key in Settings.__dataclass_fields__}
    chosen = {key: value for key, value in given.items() if value is not None}
    return Settings(**({"epochs": 10, "batch_size": 256} | chosen))


def train(args: Any) -> LargeResult:
    """Train as the arguments say."""
    settings = settings_of(args)
    talk = Talk(settings.epochs, quiet=args.quiet)
    if args.threads is not None:
        fastnn.set_num_threads(args.threads)

    def start(result: LargeResult) -> None:
        model = result.model
        kind = f"{len(model.class_names)} classes" if model.class_names else "regression"
        talk.say(f"{args.data}: {result.rows} rows and {result.held_out} held out, "
                 f"{len(model.columns)} features, {kind}; {args.memory} of them in memory\n"
                 f"{settings.optimizer}, batch {settings.batch_size}, {settings.epochs} epochs, "
                 f"seed {settings.seed}")  # fmt: skip

    with talk:
        return train_large(
            args.data, args.target, settings, memory=args.memory, task=args.task,
            features=args.features, drop=args.drop, on_epoch=talk.on_epoch, on_start=start,
        )  # fmt: skip


def document(args: Any, result: LargeResult, path: str) -> dict[str, Any]:
    """What happened, for --json."""
    return {
        "data": args.data,
        "rows": result.rows,
        "held_out": result.held_out,
        "features": list(result.model.columns),
        "target": result.model.target,
        "classes": list(result.model.class_names),
        "memory": args.memory,
        "history": result.history,
        "seconds": result.seconds,
        "interrupted": result.interrupted,
        "files": {"model": path},
    }


def closing(result: LargeResult, path: str) -> str:
    """The figures of the last epoch, the time, and the file."""
    last = {name: values[-1] for name, values in result.history.items() if values}
    text = ", ".join(f"{name} {value:.4g}" for name, value in last.items())
    return f"{text}\ntime: {result.seconds:.3f} s\nmodel: {path}"

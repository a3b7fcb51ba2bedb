"""The command line: train, predict, evaluate, export, info, bench.

Results go to stdout, messages to stderr. Exit codes: 0 success, 1 failure, 2 wrong usage or
invalid input, 130 stopped by Ctrl-C. ``FASTNN_DEBUG=1`` shows the traceback of a failure.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import fastnn
from fastnn import tabular
from fastnn.cli import export, report
from fastnn.cli.compare import compare
from fastnn.plot.training import count_confusion
from fastnn.tabular import presets, table as data

__all__ = ["main"]


class Parser(argparse.ArgumentParser):
    """Argument parser with one-line error messages."""

    def error(self, message: str) -> NoReturn:
        """Print the error and a pointer to the help, and exit with 2."""
        print(f"fastnn: error: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def _number(kind: type, low: float, high: float, what: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected {what}, got {text!r}")
        return value

    return parse


def _widths(text: str) -> tuple[int, ...]:
    try:
        widths = tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        widths = (0,)
    if not all(1 <= width <= 100_000 for width in widths):
        raise argparse.ArgumentTypeError(f"expected widths such as 128,64, got {text!r}")
    return widths


def parser() -> argparse.ArgumentParser:
    """Build the argument parser."""
    top = Parser(prog="fastnn", description="Small neural nets, trained fast on the CPU.")
    top.add_argument("--version", action="version", version=f"fastnn {fastnn.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[Any], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    sub = command("train", _train, "Train a net on a table; save the model and a plot of the run.")
    _add_train_arguments(sub)
    sub = command("predict", _predict, "Predict each row of a CSV file.")
    sub.add_argument("model", help="a .safetensors file that train wrote")
    sub.add_argument(
        "data", help="a table with the columns the model reads, - for standard input, or a data set"
    )
    _add_reading_arguments(sub)
    sub.add_argument("--out", metavar="FILE", help="write a CSV file instead of to stdout")
    sub.add_argument("--json", action="store_true", help="one JSON document on stdout")
    sub = command("evaluate", _evaluate, "Compare the predictions for a table with its target: of "
                  "the table that the model was trained on, the rows held out.")  # fmt: skip
    sub.add_argument("model", help="a .safetensors file that train wrote")
    sub.add_argument("data", help="a table, - for standard input, or a data set")
    _add_reading_arguments(sub)
    sub.add_argument("--target", metavar="NAME", help="the column to compare with")
    sub.add_argument("--all", action="store_true",
                     help="score the rows that the model was trained on too")  # fmt: skip
    sub.add_argument("--json", action="store_true", help="one JSON document on stdout")
    export.add_arguments(command("export", lambda args: export.run(args, _print_json), export.TEXT))
    sub = command("info", _info, "Show version, instruction sets and threads.")
    sub.add_argument("--json", action="store_true", help="one JSON document on stdout")
    sub = command("bench", _bench, "Run the benchmarks of a source checkout.")
    sub.add_argument("rest", nargs="*", help="arguments for python -m bench")
    return top


def _add_train_arguments(sub: argparse.ArgumentParser) -> None:
    names = ", ".join(data.DATASETS)
    sub.add_argument("data", help="a CSV file with a header row, plain or .gz, a pipe, - for "
                     f"standard input, a Parquet file, or one of: {names}")  # fmt: skip
    _add_reading_arguments(sub)
    sub.add_argument("--features", type=_names, metavar="A,B", help="the columns to learn from")
    sub.add_argument("--drop", type=_names, default=(), metavar="A,B", help="columns to leave out")
    sub.add_argument("--target", metavar="NAME", help="the column to predict (CSV files)")
    sub.add_argument("--task", choices=["auto", "classification", "regression"], default="auto",
                     help="auto: classes if not all numbers, or few whole numbers")  # fmt: skip
    sub.add_argument("--hidden", type=_widths, metavar="W,W", help="hidden widths, such as 128,64")
    sub.add_argument("--activation", choices=list(presets.ACTIVATIONS))
    count = _number(int, 1, 10**9, "a whole number from 1 up")
    sub.add_argument("--epochs", type=count, metavar="N")
    sub.add_argument("--batch-size", type=count, metavar="N")
    sub.add_argument("--lr", type=_number(float, 1e-12, 1e3, "a rate such as 0.001"), metavar="X",
                     help="by default what suits the optimizer")  # fmt: skip
    sub.add_argument("--optimizer", choices=list(presets.OPTIMIZERS), metavar="NAME",
                     help=f"one of: {', '.join(presets.OPTIMIZERS)} (adam)")  # fmt: skip
    sub.add_argument("--loss", choices=list(presets.LOSSES), metavar="NAME", help=_losses())
    share = _number(float, 1e-9, 1 - 1e-9, "a share between 0 and 1")
    sub.add_argument("--test-size", type=share, metavar="X", help="share held out (0.25)")
    seed = _number(int, 0, 2**63 - 1, "a whole number from 0 up")
    sub.add_argument("--seed", type=seed, metavar="N", help="of split, weights and order (0)")
    sub.add_argument("--threads", type=_number(int, 1, 1024, "a number from 1 to 1024"),
                     metavar="N", help="as many as pay off by default")  # fmt: skip
    sub.add_argument("--out", default=".", metavar="PATH", help="folder, or prefix of the files")
    sub.add_argument("--compare", action="store_true",
                     help="time a step beside NumPy and scikit-learn")  # fmt: skip
    sub.add_argument("--json", action="store_true", help="one JSON document on stdout")
    sub.add_argument("--quiet", action="store_true", help="no progress, no messages")


def _add_reading_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--sep", metavar="CHAR", type=lambda t: t.replace("\\t", "\t"),
                     help="what separates cells; found out by default")  # fmt: skip
    sub.add_argument("--decimal", choices=[".", ","], help="decimal mark; found out by default")
    sub.add_argument("--na", type=_names, default=(), metavar="A,B",
                     help="more texts that mean: no value")  # fmt: skip
    sub.add_argument("--encoding", metavar="NAME", help="of the text, such as cp1252 (utf-8)")
    sub.add_argument("--no-header", dest="header", action="store_false",
                     help="the first row is data; columns are called x0, x1, ...")  # fmt: skip


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in next(csv.reader([text]), []))


def _losses() -> str:
    fits: dict[str, list[str]] = {}
    for name, loss in presets.LOSSES.items():
        fits.setdefault(loss.task, []).append(name)
    return "; ".join(f"{task}: {', '.join(names)}" for task, names in fits.items())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments after ``fastnn``; default: those of the process.

    Returns:
        The exit code: 0 success, 1 failure, 2 wrong usage or invalid input, 130 stopped by Ctrl-C.

    Example:
        >>> main(["train", "iris", "--epochs", "5"])  # doctest: +SKIP
        0
    """
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == ["bench"]:
        # Without this, argparse would parse the options of the benchmarks itself.
        words.insert(1, "--")
    try:
        args = parser().parse_args(words)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _error("stopped by Ctrl-C", 130)
    except BrokenPipeError:
        # The reader closed stdout; without this Python prints another error while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("FASTNN_DEBUG"):
            raise
        usage = isinstance(error, ValueError | FileNotFoundError | IsADirectoryError)
        return _error(_text(error), 2 if usage else 1)


def _error(text: str, code: int) -> int:
    print(f"fastnn: error: {text}", file=sys.stderr)
    return code


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror}"
    if isinstance(error, MemoryError):
        return "not enough memory; use a smaller table, net or batch"
    kind = "" if isinstance(error, ValueError | ImportError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())


def _print_json(document: dict[str, Any]) -> None:
    def strict(value: Any) -> Any:
        """Replace nan and infinities by None: JSON has neither."""
        if isinstance(value, dict):
            return {key: strict(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [strict(item) for item in value]
        return None if isinstance(value, float) and not np.isfinite(value) else value

    print(json.dumps(strict(document), allow_nan=False))


def _is_set(name: str) -> bool:
    """Whether it is a bundled data set, not a file."""
    return name in data.DATASETS and not os.path.exists(name)


def _open(args: Any, target: str | None, **options: Any) -> data.Table:
    """Open a bundled data set by name, or a file; say on stderr what was noticed."""
    name = args.data
    if _is_set(name):
        return data.load_table(name)
    if not os.path.exists(name) and not name.endswith(".csv") and name != "-":
        known = ", ".join(data.DATASETS)
        raise ValueError(f"data: no file {name!r}, and no such data set; data sets: {known}")
    text = {key: getattr(args, key) for key in ("sep", "decimal", "na", "encoding", "header")}
    table = data.read_csv(name, target, **text, **options)
    if not getattr(args, "quiet", False):
        for note in (*table.rows.notes, *table.notes):
            print(f"note: {note}", file=sys.stderr)
    return table


def _train(args: Any) -> int:
    is_set = _is_set(args.data)
    if is_set and args.target is not None:
        raise ValueError(f"--target: the data set {args.data!r} has its own; leave it out")
    table = _open(args, args.target, task=args.task, features=args.features, drop=args.drop)
    if table.y is None:
        columns = ", ".join(table.rows.names[:20])
        raise ValueError(f"--target: expected one of the columns {columns}; name it")
    if args.task not in ("auto", table.task):
        raise ValueError(f"--task: {args.data} is a {table.task}, got {args.task}")
    given = {key: getattr(args, key) for key in tabular.Settings.__dataclass_fields__}
    chosen = {key: value for key, value in given.items() if value is not None}
    settings = tabular.Settings(**(tabular.defaults(args.data if is_set else "") | chosen))
    if args.threads is not None:
        fastnn.set_num_threads(args.threads)
    model_path, plot_path = _outputs(args.out, Path(args.data).stem)
    talk = report.Talk(settings.epochs, quiet=args.quiet)

    def start(result: tabular.Result) -> None:
        for note in result.notes:
            talk.say(f"note: {note}")
        talk.say(report.headline(args.data, table, result.model, settings))

    with talk:
        result = tabular.train(table, settings, talk.on_epoch, start)
    result.model.save(model_path)
    files = {"model": str(model_path), "plot": None}
    document = report.document(args.data, table, settings, result, files)
    if result.history:
        files["plot"] = report.plot(result, plot_path, args.data, talk)
        if not args.json:
            print(report.figures(result))
    if not args.json:
        print(report.closing(result, files))
    if args.compare and not result.interrupted:
        x, y = result.model.encode(result.train)
        found = compare(x, y, len(table.classes) or 1, settings)
        document["compare"], document["kernels"] = found
        if not args.json:
            print(report.comparison(found))
    if args.json:
        _print_json(document)
    if result.interrupted:
        return _error(f"stopped by Ctrl-C; the model so far is in {model_path}", 130)
    return 0


def _outputs(out: str, stem: str) -> tuple[Path, Path]:
    """Paths of the model file and the plot."""
    if os.path.isdir(out) or out.endswith(os.sep):
        os.makedirs(out, exist_ok=True)
        prefix = os.path.join(out, stem)
    else:
        prefix = out.removesuffix(".safetensors")
        folder = os.path.dirname(prefix) or "."
        if not os.path.isdir(folder):
            raise ValueError(f"--out: no folder {folder!r}; make it, or end --out with {os.sep}")
    return Path(prefix + ".safetensors"), Path(prefix + ".png")


def _predict(args: Any) -> int:
    model = tabular.TabularModel.load(args.model)
    table = _open_for(args, model, None)
    p = model.predict_proba(table.rows) if model.classes else None
    if p is None:
        names = model.predict(table.rows).tolist()
    else:
        names = [model.classes[index] for index in p.argmax(axis=1)]
    if args.json:
        document: dict[str, Any] = {"target": model.target, "predictions": names}
        if p is not None:
            document |= {"classes": list(model.classes), "probabilities": p.tolist()}
        _print_json(document)
    if args.out is not None or not args.json:
        header = [model.target, *(f"p_{name}" for name in model.classes)]
        shares = p if p is not None else np.empty((len(names), 0))
        rows = ([name, *(f"{q:.6g}" for q in row)] for name, row in zip(names, shares))
        if args.out is None:
            csv.writer(sys.stdout, lineterminator="\n").writerows([header, *rows])
        else:
            with open(args.out, "w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows([header, *rows])
            print(f"{len(names)} predictions in {args.out}", file=sys.stderr)
    return 0


def _evaluate(args: Any) -> int:
    model = tabular.TabularModel.load(args.model)
    target = args.target if args.target is not None else model.target
    table = _open_for(args, model, target)
    if table.classes != model.classes:
        raise ValueError(f"{args.data}: its classes are not those of {args.model}")
    rows, held_out = len(table), model.held_out(table)
    scope = "all; the table is not the one that the model was trained on"
    if held_out is not None and args.all:
        scope = "all, those trained on too"
    elif held_out is not None:
        table, scope = held_out, f"held out of {rows}; the others were trained on"
    elif model.split is None:
        scope = "all; the model's file does not say which rows it was trained on"
    figures: dict[str, Any] = model.evaluate(table)
    if args.json:
        figures = {"rows": len(table), "scored": scope, **figures}
        if model.classes:
            assert table.y is not None
            counts = count_confusion(
                table.y, model.predict_proba(table.rows).argmax(axis=1), len(model.classes)
            )
            figures |= {"classes": list(model.classes), "confusion": counts.tolist()}
        _print_json(figures)
    else:
        print(f"{'rows':9} {len(table)} ({scope})")
        for name, value in figures.items():
            print(f"{name:9} {value:.6g}")
    return 0


def _open_for(args: Any, model: tabular.TabularModel, target: str | None) -> data.Table:
    """Open the columns that a model reads, as what it took them for."""
    task = "classification" if model.classes else "regression"
    names, kinds = model.features, model.design.encoder.kinds
    table = _open(args, target, task=task, features=names, classes=model.classes, kinds=kinds)
    if table.rows.names != names:
        wanted = ", ".join(names[:6])
        raise ValueError(f"{args.data}: expected the columns {wanted} ... that the model reads")
    return table


def _info(args: Any) -> int:
    found = report.info()
    if args.json:
        _print_json(found)
    else:
        for name, value in found.items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            print(f"{name:12} {text if text != '' else 'none'}")
    return 0


def _bench(args: Any) -> int:
    root = Path(__file__).resolve().parents[2]
    if not (root / "bench" / "__main__.py").is_file():
        return _error("bench: it lives in the source checkout; run it there: make bench", 2)
    return subprocess.run([sys.executable, "-m", "bench", *args.rest], cwd=root).returncode

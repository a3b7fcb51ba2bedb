"""Arguments of the command line."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import fastnn
from fastnn.cli import export, playground
from fastnn.cli.tables import CHOICES
from fastnn.tabular import presets, table as data
from fastnn.train.precision import TRAINING

__all__ = ["parser"]


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


COUNT = _number(int, 1, 10**9, "a whole number from 1 up")
SECONDS = _number(float, 1e-3, 1e9, "seconds such as 60")


def _widths(text: str) -> tuple[int, ...]:
    try:
        widths = tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        widths = (0,)
    if not all(1 <= width <= 100_000 for width in widths):
        raise argparse.ArgumentTypeError(f"expected widths such as 128,64, got {text!r}")
    return widths


def parser(runs: Mapping[str, Callable[[Any], int]]) -> argparse.ArgumentParser:
    """Build the argument parser.

    runs: what runs each command, by its name.
    """
    top = Parser(prog="fastnn", description="Small neural nets, trained fast on the CPU.")
    top.add_argument("--version", action="version", version=f"fastnn {fastnn.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=runs[name])
        return sub

    sub = command("train", "Train a net on a table; save the model and a plot of the run.")
    _add_table_arguments(sub)
    _add_net_arguments(sub)
    _add_result_arguments(sub)
    sub.add_argument("--memory", metavar="BYTES", help="such as 200MB: for tables of numbers, CSV "
                     "or Parquet, that memory does not hold; a plain net")  # fmt: skip
    sub.add_argument("--curves", action="store_true",
                     help="draw the learning curves in block characters")  # fmt: skip
    sub.add_argument("--compare", action="store_true",
                     help="time a step beside NumPy and scikit-learn")  # fmt: skip
    sub.add_argument("--reproducible", action="store_true",
                     help="with mpiexec: the same bits for any number of ranks")  # fmt: skip
    sub = command("tune", "Try presets and settings on a table for some seconds; save the best.")
    _add_table_arguments(sub)
    sub.add_argument("--budget", type=SECONDS, default=60.0, metavar="S", help="seconds (60)")
    sub.add_argument("--trials", type=COUNT, metavar="N", help="as many as there is time for")
    _add_result_arguments(sub)
    sub = command("predict", "Predict each row of a CSV file.")
    sub.add_argument("model", help="a .safetensors file that train wrote")
    sub.add_argument(
        "data", help="a table with the columns the model reads, - for standard input, or a data set"
    )
    _add_reading_arguments(sub)
    sub.add_argument("--out", metavar="FILE", help="write a CSV file instead of to stdout")
    sub.add_argument("--json", action="store_true", help="one JSON document on stdout")
    sub = command("evaluate", "Compare the predictions for a table with its target: of "
                  "the table that the model was trained on, the rows held out.")  # fmt: skip
    sub.add_argument("model", help="a .safetensors file that train wrote")
    sub.add_argument("data", help="a table, - for standard input, or a data set")
    _add_reading_arguments(sub)
    sub.add_argument("--target", metavar="NAME", help="the column to compare with")
    sub.add_argument("--all", action="store_true",
                     help="score the rows that the model was trained on too")  # fmt: skip
    sub.add_argument("--json", action="store_true", help="one JSON document on stdout")
    export.add_arguments(command("export", export.TEXT))
    playground.add_arguments(command("playground", playground.TEXT))
    sub = command("info", "Show version, instruction sets and threads.")
    sub.add_argument("--json", action="store_true", help="one JSON document on stdout")
    sub = command("bench", "Run the benchmarks of a source checkout.")
    sub.add_argument("rest", nargs="*", help="arguments for python -m bench")
    return top


def _add_table_arguments(sub: argparse.ArgumentParser) -> None:
    names = ", ".join(data.DATASETS)
    sub.add_argument("data", help="a CSV file with a header row, plain or .gz, a pipe, - for "
                     f"standard input, a Parquet file, or one of: {names}")  # fmt: skip
    _add_reading_arguments(sub)
    sub.add_argument("--features", type=_names, metavar="A,B", help="the columns to learn from")
    sub.add_argument("--drop", type=_names, default=(), metavar="A,B", help="columns to leave out")
    sub.add_argument("--target", metavar="NAME", help="the column to predict (CSV files)")
    sub.add_argument("--task", choices=["auto", "classification", "regression"], default="auto",
                     help="auto: classes if not all numbers, or few whole numbers")  # fmt: skip
    share = _number(float, 1e-9, 1 - 1e-9, "a share between 0 and 1")
    sub.add_argument("--test-size", type=share, metavar="X", help="share held out (0.25)")
    seed = _number(int, 0, 2**63 - 1, "a whole number from 0 up")
    sub.add_argument("--seed", type=seed, metavar="N", help="of split, weights and order (0)")
    sub.add_argument("--threads", type=_number(int, 1, 1024, "a number from 1 to 1024"),
                     metavar="N", help="as many as pay off by default")  # fmt: skip


def _add_net_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--preset", choices=CHOICES, default="auto",
                     help="tabular net; auto: by the size of the table, plain if the options below "
                     "describe a net")  # fmt: skip
    sub.add_argument("--time-limit", type=SECONDS, metavar="S", help="seconds for the training")
    folds = _number(int, 2, 1000, "a whole number from 2 to 1000")
    sub.add_argument("--folds", type=folds, metavar="K",
                     help="a net for each of K folds; their predictions are averaged")  # fmt: skip
    sub.add_argument("--hidden", type=_widths, metavar="W,W", help="hidden widths, such as 128,64")
    sub.add_argument("--activation", choices=list(presets.ACTIVATIONS))
    sub.add_argument("--epochs", type=COUNT, metavar="N")
    sub.add_argument("--batch-size", type=COUNT, metavar="N")
    sub.add_argument("--lr", type=_number(float, 1e-12, 1e3, "a rate such as 0.001"), metavar="X",
                     help="by default what suits the optimizer")  # fmt: skip
    sub.add_argument("--precision", choices=TRAINING,
                     help="of products (float32); bf16 is faster in wide layers")  # fmt: skip
    sub.add_argument("--optimizer", choices=list(presets.OPTIMIZERS), metavar="NAME",
                     help=f"one of: {', '.join(presets.OPTIMIZERS)} (adam)")  # fmt: skip
    sub.add_argument("--loss", choices=list(presets.LOSSES), metavar="NAME", help=_losses())


def _add_result_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--report", metavar="FILE",
                     help="an HTML page with data, curves, errors, importance")  # fmt: skip
    sub.add_argument("--out", default=".", metavar="PATH", help="folder, or prefix of the files")
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
    try:
        return tuple(part.strip() for part in next(csv.reader([text]), []))
    except csv.Error as error:
        raise argparse.ArgumentTypeError(f"expected A,B,..., got {text!r:.60}: {error}") from None


def _losses() -> str:
    fits: dict[str, list[str]] = {}
    for name, loss in presets.LOSSES.items():
        fits.setdefault(loss.task, []).append(name)
    return "; ".join(f"{task}: {', '.join(names)}" for task, names in fits.items())

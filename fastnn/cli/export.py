"""`fastnn export`: a model's file as C, ONNX or torch code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from fastnn import nn
from fastnn.tabular import table as data

__all__ = ["TEXT", "add_arguments", "run"]

TEXT = "Write a model as a file that runs without fastnn: C, ONNX or torch code."


def add_arguments(sub: argparse.ArgumentParser) -> None:
    """The options of the command."""
    sub.add_argument("model", help="a .safetensors file that train or model.save wrote")
    sub.add_argument("out", help="the file to write; its suffix says what: .c, .h, .onnx, .py")
    sub.add_argument("--input-shape", type=_sizes, metavar="N,N",
                     help="of one row, if the first layer does not say it")  # fmt: skip
    sub.add_argument("--fold", action="store_true", default=None,
                     help="put batch normalizations into the layers before them")  # fmt: skip
    sub.add_argument("--name", help="of C: what all its names begin with (net)")
    sub.add_argument("--header-only", action="store_true", default=None,
                     help="of C: everything static, to be included")  # fmt: skip
    sub.add_argument("--names", type=_words, metavar="A,B", help="of the inputs, in their order")
    sub.add_argument("--classes", type=_words, metavar="A,B", help="of the outputs, in their order")
    sub.add_argument("--no-constants", dest="constants", action="store_false", default=None,
                     help="of C: none by the names of inputs and classes")  # fmt: skip
    sub.add_argument("--compiler", metavar="CC",
                     help="of C: compile the file and run its self-test first")  # fmt: skip
    sub.add_argument("--int8", metavar="DATA",
                     help="of C: compute in int8, by the ranges of these rows")  # fmt: skip
    sub.add_argument("--opset", type=int, metavar="N", help="of ONNX: version of operators (18)")
    sub.add_argument("--ir-version", type=int, metavar="N", help="of ONNX: version of the file")
    sub.add_argument("--dry-run", action="store_true",
                     help="show what the file would contain, and write none")  # fmt: skip
    sub.add_argument("--json", action="store_true", help="one JSON document on stdout")


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected sizes such as 3,8, got {text!r}") from None


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _rows(name: str) -> Any:
    """The rows of a bundled data set, a table or an array."""
    if name.endswith(".npy"):
        return np.load(name)
    is_set = name in data.DATASETS and not os.path.exists(name)
    return (data.load_table(name) if is_set else data.read_csv(name, None)).rows


def run(args: Any, print_json: Callable[[dict[str, Any]], None]) -> int:
    """Write the file, and say how large it is."""
    model = fastnn.load(args.model)
    if not isinstance(model, nn.Module):
        raise ValueError(f"{args.model}: holds weights without their layers; save the model")
    names = ("input_shape", "fold", "names", "classes", "name", "header_only", "constants",
             "compiler", "opset", "ir_version")  # fmt: skip
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if args.dry_run:
        return _dry_run(model, args, given, print_json)
    if args.int8 is not None:
        given |= {"dtype": "int8", "calibration": _rows(args.int8)}
    found = fastnn.export.export(model, args.out, **given)
    if args.json:
        print_json({k: v for k, v in asdict(found).items() if v is not None})
    else:
        print(found)
    sys.stdout.flush()
    return 0


def _dry_run(
    model: nn.Module, args: Any, given: dict[str, Any], print_json: Callable[[dict[str, Any]], None]
) -> int:
    """Show what the file would contain."""
    options = {k: v for k, v in given.items() if k not in ("input_shape", "names", "classes")}
    fastnn.export.files.kind_of(
        Path(args.out), options | ({} if args.int8 is None else {"dtype": "int8"})
    )
    found = fastnn.export.contents(model, args.input_shape, fold=args.fold is True)
    if args.json:
        print_json(asdict(found) | {"line": found.line})
    else:
        print(found)
    return 0

"""`fastnn export`: a model's file as C, ONNX or torch code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import fastnn
from fastnn import nn

__all__ = ["TEXT", "add_arguments", "run"]

TEXT = "Write a model as one C file (.c, .h) that runs without fastnn."


def add_arguments(sub: argparse.ArgumentParser) -> None:
    """The options of the command."""
    sub.add_argument("model", help="a .safetensors file that train or model.save wrote")
    sub.add_argument("out", help="the file to write; its suffix says what: .c, .h")
    sub.add_argument("--input-shape", type=_sizes, metavar="N,N",
                     help="of one row, if the first layer does not say it")  # fmt: skip
    sub.add_argument("--fold", action="store_true", default=None,
                     help="put batch normalizations into the layers before them")  # fmt: skip
    sub.add_argument("--name", help="of C: what all its names begin with (net)")
    sub.add_argument("--header-only", action="store_true", default=None,
                     help="of C: everything static, to be included")  # fmt: skip
    sub.add_argument("--compiler", metavar="CC",
                     help="of C: compile the file and run its self-test first")  # fmt: skip
    sub.add_argument("--dry-run", action="store_true",
                     help="show what the file would contain, and write none")  # fmt: skip
    sub.add_argument("--json", action="store_true", help="one JSON document on stdout")


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected sizes such as 3,8, got {text!r}") from None


def run(args: Any, print_json: Callable[[dict[str, Any]], None]) -> int:
    """Write the file, and say how large it is."""
    model = fastnn.load(args.model)
    if not isinstance(model, nn.Module):
        raise ValueError(f"{args.model}: holds weights without their layers; save the model")
    if args.dry_run:
        print(fastnn.export.contents(model, args.input_shape, fold=args.fold is True))
        return 0
    names = ("input_shape", "fold", "name", "header_only", "compiler")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    found = fastnn.export.export(model, args.out, **given)
    if args.json:
        print_json({k: v for k, v in asdict(found).items() if v is not None})
    else:
        print(found)
    sys.stdout.flush()
    return 0

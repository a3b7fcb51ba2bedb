"""The command `fastnn playground`."""

from __future__ import annotations

import argparse
from typing import Any

from fastnn import playground

__all__ = ["TEXT", "add_arguments", "run"]

TEXT = "Train small nets in the browser, on a page served to this machine alone."


def add_arguments(sub: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    sub.add_argument("--port", type=_port, default=8377, metavar="N", help="8377; 0: any free one")
    sub.add_argument("--no-browser", action="store_true", help="only print the address")
    sub.add_argument("--data", metavar="FILE", help="a CSV file with a header row")
    sub.add_argument("--x", metavar="NAME", help="its column for the first input")
    sub.add_argument("--y", metavar="NAME", help="its column for the second input")
    sub.add_argument("--target", metavar="NAME", help="its column to learn (the last)")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)


def run(args: Any) -> int:
    """Serve until Ctrl-C."""
    table = None
    if args.data is not None:
        table = playground.columns_of(args.data, args.x, args.y, args.target)
    elif args.x or args.y or args.target:
        raise ValueError("--data: name the CSV file that --x, --y and --target are columns of")
    playground.serve(args.port, table, browser=not args.no_browser)
    return 0

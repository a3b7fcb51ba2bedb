"""Where the command writes: its files, JSON, and errors."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastnn.io.atomic import write_atomically

__all__ = ["Paths", "failed", "outputs_of", "print_json", "refuse_same", "write"]


class Paths(NamedTuple):
    """Files that are written."""

    model: Path
    plot: Path
    report: Path | None


def failed(text: str, code: int) -> int:
    print(f"fastnn: error: {text}", file=sys.stderr)
    return code


def print_json(document: dict[str, Any]) -> None:
    def strict(value: Any) -> Any:
        """Replace nan and infinities by None: JSON has neither."""
        if isinstance(value, dict):
            return {key: strict(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [strict(item) for item in value]
        return None if isinstance(value, float) and not np.isfinite(value) else value

    print(json.dumps(strict(document), allow_nan=False))


def outputs_of(args: Any, stem: str) -> Paths:
    """Paths of model, plot and report; that they can be written is seen before the training."""
    out: str = args.out
    if os.path.isdir(out) or out.endswith(os.sep):
        os.makedirs(out, exist_ok=True)
        prefix = os.path.join(out, stem)
    else:
        prefix = out.removesuffix(".safetensors")
        folder = os.path.dirname(prefix) or "."
        if not os.path.isdir(folder):
            raise ValueError(f"--out: no folder {folder!r}; make it, or end --out with {os.sep}")
    page_file = None if args.report is None else Path(args.report)
    if page_file is not None and not page_file.parent.is_dir():
        raise ValueError(f"--report: no folder {str(page_file.parent)!r}; make it")
    if page_file is not None and page_file.is_dir():
        raise ValueError(f"--report: {args.report!r} is a folder; expected a file such as r.html")
    if page_file is not None and page_file.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--report: expected a file such as report.html, got {args.report!r}")
    paths = Paths(Path(prefix + ".safetensors"), Path(prefix + ".png"), page_file)
    refuse_same([str(path) for path in paths if path is not None], [args.data])
    return paths


def refuse_same(written: Sequence[str], read: Sequence[str]) -> None:
    """Raise ValueError if a file that is read would be written over."""
    for path in written:
        for other in read:
            if os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other):
                raise ValueError(f"{path}: would be written over, but it is read; name another")


def write(path: str, content: bytes) -> None:
    """Write a file at once, as a whole; to a pipe or a device as it comes."""
    if os.path.isfile(path) or not os.path.exists(path):
        return write_atomically(path, [content])
    with open(path, "wb") as file:
        file.write(content)
    return None

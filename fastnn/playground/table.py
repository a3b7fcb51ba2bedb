"""A CSV file for the page, which reads it as it reads one that is opened there."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

__all__ = ["Columns", "columns_of"]

MOST_BYTES = 5_000_000


class Columns(NamedTuple):
    """A table's text, and the columns to begin with: two inputs and a target."""

    name: str
    text: str
    x: str
    y: str
    target: str


def columns_of(
    path: str, x: str | None = None, y: str | None = None, target: str | None = None
) -> Columns:
    """Read a CSV file with a header row, of at most 5 MB; cells are separated by commas,
    semicolons or tabs.

    Args:
        path: the file, in UTF-8.
        x, y: names of the two input columns; default: the first two that are not the target.
        target: name of the column to learn; default: the last one.

    Raises:
        ValueError: too large, not UTF-8, fewer than three columns, or no such column.
        OSError: the file cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> from fastnn.playground import columns_of
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "t.csv")
        ...     _ = path.write_text("a,b,kind\\n1,2,yes\\n3,4,no\\n")
        ...     columns_of(str(path))[2:]
        ('a', 'b', 'kind')
    """
    raw = Path(path).read_bytes()
    if len(raw) > MOST_BYTES:
        raise ValueError(f"--data: expected at most {MOST_BYTES} bytes, {path} has {len(raw)}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"--data: expected UTF-8, {path} is not (byte {error.start})") from None
    names = _header(text, path)
    if len(names) < 3:
        raise ValueError(
            f"--data: expected a header of three columns or more, separated by commas, semicolons "
            f"or tabs; {path} has {names}"
        )
    target = _column("--target", target, names, names[-1:])
    others = [name for name in names if name != target]
    first = _column("--x", x, names, [name for name in others if name != y])
    second = _column("--y", y, names, [name for name in others if name != first])
    return Columns(Path(path).name, text, first, second, target)


def _header(text: str, path: str) -> list[str]:
    """The names of the columns, by the separator that gives the most of them, as in the page."""
    try:
        found = [next(csv.reader(io.StringIO(text, newline=None), delimiter=c), []) for c in ",;\t"]
    except csv.Error as error:
        raise ValueError(f"--data: expected a CSV file, {path} is none ({error})") from None
    return [name.strip() for name in max(found, key=len)]


def _column(option: str, name: str | None, names: list[str], free: list[str]) -> str:
    """The column of that name, or the first that is free."""
    if name is None and free:
        return free[0]
    if name is None or name not in names:
        got = "none that is free: columns need names of their own" if name is None else repr(name)
        raise ValueError(f"{option}: expected one of {', '.join(names[:20])}, got {got}")
    return name

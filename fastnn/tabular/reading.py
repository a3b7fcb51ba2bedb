"""Read a table from a file, a pipe or a stream: CSV text, plain or gzipped, and Parquet.

One reader for files of any size, Python's own csv module, so that a table means the same however
long it is. The file is opened once: a pipe works as well.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import sys
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnn._support.opening import content_of
from fastnn.tabular.cells import Mark, Wanted, decimal_mark, typed
from fastnn.tabular.frame import Column, Form, Frame, as_frame

__all__ = ["SEPARATORS", "read_table"]

SEPARATORS = (",", ";", "\t", "|")
LOOK = 20  # rows that tell how a file is separated
BLOCK = 20_000  # rows that are kept as Python objects at a time
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_table(
    source: Any,
    *,
    sep: str | None = None,
    decimal: Mark | None = None,
    na: Collection[str] = (),
    encoding: str | None = None,
    header: bool = True,
    kinds: Mapping[str, Wanted] | None = None,
    form: Form | None = None,
) -> Frame:
    """Read a table.

    Columns become numbers (float64), texts or dates by what their cells are; see
    `fastnn.tabular.cells.typed` and, for the cells that mean "no value", `fastnn.tabular.MISSING`.
    An index column without a name, as pandas writes it, is left out.

    Args:
        source: path of a CSV file, which may be gzipped or a pipe, or "-" for standard input; a
            path of a Parquet file; an open file; or what `as_frame` takes, such as a DataFrame.
        sep: what separates cells; None finds out: a comma, a semicolon, a tab or a bar.
        decimal: "." or ","; None finds out, where cells are not separated by commas.
        na: more texts that mean "no value".
        encoding: of the text; None means UTF-8, or UTF-16 with its mark.
        header: whether the first row has the columns' names; else they are called x0, x1, ...
        kinds: what columns must be, by name: "number", "category", "date", or "day first"
            for dates of which 03/04 is in April.
        form: how such a file was written before, the `Frame.form` of its rows: it decides where the
            text alone leaves separator or decimal mark open, and its `na` count too.

    Returns:
        the rows; `Frame.notes` says what was noticed.

    Raises:
        ValueError: the text is no table: empty, rows of different lengths, a name twice, an open
            quote. The message has the line.
        OSError: the file cannot be read.

    Example:
        >>> import io
        >>> from fastnn.tabular import read_table
        >>> frame = read_table(io.StringIO("width;kind\\n1,5;oak\\n?;elm\\n"))
        >>> frame.columns["width"].values.tolist(), frame.columns["kind"].values.tolist()
        ([1.5, nan], ['oak', 'elm'])
    """
    name, data = _opened(source)
    if data is None:
        return _of_kinds(as_frame(source, "data"), kinds or {})
    if isinstance(data, bytes) and data.startswith(PARQUET):
        return _of_kinds(_parquet(data, name), kinds or {})
    text = data if isinstance(data, str) else _decoded(data, encoding, name)
    sep = _separator(text, form) if sep is None else sep
    if len(sep) != 1:
        raise ValueError(f"sep: expected one character, got {sep!r}")
    names, columns, lines = _split(text, sep, name, header)
    decimal = _decimal(columns, sep, form) if decimal is None else decimal
    na = tuple(na) if form is None else (*na, *form.na)
    return _frame(names, columns, lines, Form(sep, decimal, na), kinds or {})


def _opened(source: Any) -> tuple[str, bytes | str | None]:
    """A name for messages, and the content; no content of what is no file."""
    if isinstance(source, str | os.PathLike):
        if os.fspath(source) == "-":
            return "standard input", sys.stdin.buffer.read()
        return os.fsdecode(source), content_of(source)
    if hasattr(source, "read"):
        return str(getattr(source, "name", "file")), source.read()
    return "data", None


def _fail(path: str, what: str) -> NoReturn:
    raise ValueError(f"{path}: {what}")


def _decoded(data: bytes, encoding: str | None, path: str) -> str:
    if data.startswith(GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            _fail(path, f"not a whole gzip file: {error}")
    if encoding is None:
        encoding = "utf-16" if data.startswith(UTF16) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except LookupError:
        raise ValueError(f"encoding: no such encoding, {encoding!r}; try latin-1") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        _fail(path, f"line {line}: not {encoding.removesuffix('-sig').upper()} text; "
                    "if it is of Windows, read it with encoding cp1252")  # fmt: skip


def _parquet(data: bytes, path: str) -> Frame:
    try:
        from pyarrow import BufferReader, parquet
    except ImportError:
        raise ImportError(
            f"{path}: Parquet files are read by pyarrow; run: pip install 'fastnn-cpu[arrow]'"
        ) from None
    return as_frame(parquet.read_table(BufferReader(data)), path)


def _separator(text: str, form: Form | None) -> str:
    """The character under which the first rows have the same number of cells, and most; the one of
    before if that number is more than one."""
    best, most = ",", 1
    for sep in SEPARATORS if form is None else (form.sep, *SEPARATORS):
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=sep, skipinitialspace=True)
        try:
            widths = [len(cells) for cells, _ in zip((r for r in rows if r), range(LOOK))]
        except csv.Error:
            continue
        if widths and min(widths) == max(widths) > most:
            if form is not None and sep == form.sep:
                return sep
            best, most = sep, widths[0]
    return best


def _decimal(columns: Sequence[NDArray[Any]], sep: str, form: Form | None) -> Mark:
    """The decimal mark: a point where commas separate cells, if it was not a comma before."""
    usual: Mark = "." if form is None else form.decimal
    if sep == "," and usual == ".":
        return "."
    return decimal_mark([cells[:1000].tolist() for cells in columns], usual)


def _records(text: str, sep: str, path: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of every row that is not blank."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=sep, strict=True, skipinitialspace=True
    )
    try:
        for cells in reader:
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        _fail(path, f"line {reader.line_num}: {error}")


def _split(
    text: str, sep: str, path: str, header: bool
) -> tuple[list[str], list[NDArray[Any]], list[int]]:
    """Names, columns of texts, and the line of each row."""
    records = _records(text, sep, path)
    line, first = next(records, (0, list[str]()))
    if not first:
        _fail(path, "empty; expected rows" + " below a header with the columns' names" * header)
    names = _header(first, path) if header else [f"x{i}" for i in range(len(first))]
    lines: list[int] = [] if header else [line]
    rows: list[list[str]] = [] if header else [first]
    parts: list[list[NDArray[Any]]] = [[] for _ in names]
    for line, cells in records:
        if len(cells) != len(names):
            _fail(path, f"line {line}: expected {len(names)} cells, got {len(cells)}")
        lines.append(line)
        rows.append(cells)
        if len(rows) == BLOCK:
            _keep(rows, parts)
    _keep(rows, parts)
    if not lines:
        _fail(path, "no rows below the header")
    return names, [np.concatenate(part) for part in parts], lines


def _keep(rows: list[list[str]], parts: list[list[NDArray[Any]]]) -> None:
    """Move rows to columns, in 16 bytes a short cell."""
    for part, cells in zip(parts, zip(*rows)):
        part.append(np.array(cells, np.dtypes.StringDType()))
    rows.clear()


def _header(cells: list[str], path: str) -> list[str]:
    for index, column in enumerate(cells):
        if not column and index:
            _fail(path, f"line 1: column {index + 1} has no name")
        if column in cells[:index]:
            _fail(path, f"line 1: two columns are called {column!r}")
    if all(typed([cell]).kind == "number" for cell in cells):
        _fail(path, "line 1 holds numbers only; expected a header row with the columns' names, "
                    "or say that there is no header")  # fmt: skip
    return cells


def _frame(
    names: Sequence[str],
    columns: Sequence[NDArray[Any]],
    lines: list[int],
    form: Form,
    kinds: Mapping[str, Wanted],
) -> Frame:
    made: dict[str, Column] = {}
    notes: list[str] = []
    for index, (name, cells) in enumerate(zip(names, columns)):
        found = typed(cells.tolist(), kind=kinds.get(name), na=form.na, decimal=form.decimal)
        column = Column(*found)
        if index == 0 and name not in kinds and is_index(name, column):
            notes.append(f"column {name!r} counts the rows: left out")
            continue
        if column.note:
            notes.append(f"column {name!r}: {column.note}")
        made[name] = column
    return Frame(made, len(lines), lines, notes, form)


def is_index(name: str, column: Column) -> bool:
    """Whether a first column is the index that pandas or R writes."""
    if name not in ("", "Unnamed: 0", "index", "rownames") or column.kind != "number":
        return False
    return bool((np.diff(column.values) == 1).all() and column.values[0] in (0, 1))


def _of_kinds(frame: Frame, kinds: Mapping[str, Wanted]) -> Frame:
    columns = {
        name: column.as_kind(kinds[name]) if name in kinds else column
        for name, column in frame.columns.items()
    }
    notes = [
        f"column {name!r}: {column.note}"
        for name, column in columns.items()
        if column.note and column is not frame.columns[name]
    ]
    return Frame(columns, frame.rows, frame.lines, [*frame.notes, *notes])

"""Rows of CSV files of numbers, with a header; the places of some rows are remembered."""

from __future__ import annotations

import csv
import functools
import itertools
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.errors import InvalidValueError
from fastnn._support.paths import regular
from fastnn.io.rows.arrays import labelled_shards, paths_of
from fastnn.io.rows.named import MANY_CLASSES, Asked, Roles, roles_of
from fastnn.io.rows.source import Part, Source, with_row

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["csv_source"]

ENDINGS = (".csv", ".tsv", ".txt")
TOGETHER = 256  # rows between two places that are remembered
LOOK = 100  # rows by which a target is of numbers or of texts
SEPARATORS = (",", ";", "\t", "|")
MOST = 1 << 24  # bytes of a row, with the line breaks within its quotes
NOT_UTF8 = "expected UTF-8 text; save it as that"


class _Text(Source):
    """Rows of one file, read from the remembered place before them.

    Args:
        path: of the file, UTF-8. roles: which columns are what. sep: between cells.
        names: all columns. like: another of the same file, whose places are taken over.
    """

    def __init__(
        self,
        path: str,
        names: Sequence[str],
        roles: Roles,
        sep: str,
        classes: tuple[str, ...] | None = None,
        like: _Text | None = None,
    ) -> None:
        self.name, self.names, self._all, self._sep = path, roles.features, list(names), sep
        self._roles = roles
        self._texts: bool = like._texts if like else self._has_texts()
        self.classes = classes or ()
        if like is None:
            self._places, self.rows, found = self._scan()
            self.classes = found if classes is None else classes
        else:
            self._places, self.rows = like._places, like.rows
        real = np.dtype(np.float64)
        parts = [Part((len(roles.features),), real)]
        if roles.target is not None:
            parts.append(Part((), np.dtype(np.int64) if self._texts else real))
        if roles.weight is not None:
            parts.append(Part((), real))
        self.parts = tuple(parts)
        self.extra = TOGETHER * len(names) * 200  # of cells as texts

    def _lines(self, file: Any) -> Iterator[bytes]:
        """The records that are not blank."""
        return (record for record in self._records(file) if record.strip())

    def _records(self, file: Any) -> Iterator[bytes]:
        """Lines, of which those within quotes belong together."""
        held: list[bytes] = []
        size, quoted = 0, False
        for number, line in enumerate(iter(functools.partial(file.readline, MOST), b"")):
            held.append(line)
            size += len(line)
            quoted ^= line.count(b'"') % 2 == 1
            if size >= MOST:
                begun = f"begins in line {number + 2 - len(held)}"
                why = (
                    f"a row that {begun} has more than {MOST} bytes" + ": is a quote open?" * quoted
                )
                raise InvalidValueError(f"x: {self.name}: {why}")
            if not quoted:
                yield line if len(held) == 1 else b"".join(held)
                held.clear()
                size = 0
        if held:
            raise InvalidValueError(f"x: {self.name}: a quote is open at the end")

    def _has_texts(self) -> bool:
        """Whether the target has texts, not numbers, by its first rows."""
        target = self._roles.target
        if target is None:
            return False
        with open(self.name, "rb") as file:
            lines = list(itertools.islice(self._lines(file), 1, LOOK + 1))
        return not all(_is_number(text) for text in self._cells(lines, target, 0))

    def _cells(self, lines: Sequence[bytes], column: str, begin: int) -> list[str]:
        """The texts of a column."""
        place = self._all.index(column)
        return [cells[place].strip() for cells in self._parsed(lines, begin)]

    def _parsed(self, lines: Sequence[bytes], begin: int) -> Iterator[list[str]]:
        """The cells of records. begin: the row of the first, for messages."""
        for number, line in enumerate(lines):
            try:
                cells = next(csv.reader([line.decode()], delimiter=self._sep), [])
            except (UnicodeDecodeError, csv.Error) as error:
                why = NOT_UTF8 if isinstance(error, UnicodeDecodeError) else error
                raise _refusal(self.name, f"{why}, at row {begin + number}") from None
            if len(cells) != len(self._all):
                said = f"expected {len(self._all)} cells, got {len(cells)} at row {begin + number}"
                raise _refusal(self.name, said)
            yield cells

    def _check_cells(self, lines: Sequence[bytes], begin: int) -> None:
        """Check that each record has as many cells as there are names."""
        wanted, sep = len(self._all) - 1, self._sep.encode()
        for number, line in enumerate(lines):
            if line.count(sep) != wanted or b'"' in line:
                for _ in self._parsed([line], begin + number):
                    pass

    def _scan(self) -> tuple[list[int], int, tuple[str, ...]]:
        """Go through the file once: the place of each TOGETHER-th row, the rows, the classes."""
        places: list[int] = []
        labels: set[str] = set()
        rows, place, held = 0, 0, list[bytes]()
        with open(self.name, "rb") as file:
            for number, record in enumerate(self._records(file)):
                if number and record.strip():
                    if rows % TOGETHER == 0:
                        places.append(place)
                    rows += 1
                    if self._texts:
                        held.append(record)
                        if len(held) == TOGETHER:
                            self._add(labels, held, rows - len(held))
                place += len(record)
        if held:
            self._add(labels, held, rows - len(held))
        return places, rows, tuple(sorted(labels))

    def _add(self, labels: set[str], lines: list[bytes], begin: int) -> None:
        labels.update(self._cells(lines, self._roles.target or "", begin))
        lines.clear()
        if len(labels) > MANY_CLASSES:
            raise InvalidValueError(
                f"y: expected at most {MANY_CLASSES} classes, got more in {self._roles.target!r}"
            )

    def read(self, begin: int, end: int, into: Sequence[NDArray[Any]]) -> None:
        """Parse them, from the place before."""
        first = begin // TOGETHER
        with open(self.name, "rb") as file:
            file.seek(self._places[first])
            lines = list(
                itertools.islice(
                    self._lines(file), begin - first * TOGETHER, end - first * TOGETHER
                )
            )
        if len(lines) != end - begin:
            raise InvalidValueError(
                f"x: {self.name} ends after {begin + len(lines)} of {self.rows} rows: it was cut "
                "short while it was read"
            )
        roles = self._roles
        self._check_cells(lines, begin)
        into[0][...] = self._numbers(lines, roles.features, begin)
        if roles.target is not None and len(into) > 1:
            into[1][...] = self._targets(lines, roles.target, begin)
        if roles.weight is not None and len(into) > 2:
            into[2][...] = self._numbers(lines, (roles.weight,), begin)[:, 0]

    def _numbers(self, lines: list[bytes], names: Sequence[str], begin: int) -> NDArray[np.float64]:
        places = [self._all.index(column) for column in names]
        try:
            return np.loadtxt(
                lines, np.float64, comments=None, delimiter=self._sep, usecols=places, ndmin=2,
                encoding="utf-8", quotechar='"',
            )  # fmt: skip
        except ValueError as error:
            for row, cells in enumerate(self._parsed(lines, begin)):
                for name, place in zip(names, places, strict=True):
                    if not _is_number(cells[place]):
                        said = f"row {begin + row} of column {name!r:.40}"
                        said = f"expected numbers, got {cells[place]!r:.40} at {said}"
                        raise _refusal(self.name, said) from None
            text = _refusal(self.name, str(error))
            raise with_row(text, lambda row: begin + row, lambda row: "") from None

    def _targets(self, lines: list[bytes], column: str, begin: int) -> NDArray[Any]:
        if not self._texts:
            return self._numbers(lines, (column,), begin)[:, 0]
        index = {text: place for place, text in enumerate(self.classes)}
        texts = self._cells(lines, column, begin)
        odd = next((row for row, text in enumerate(texts) if text not in index), None)
        if odd is not None:
            said = f"class {texts[odd]!r:.40} is not known, at row {begin + odd}"
            raise InvalidValueError(f"y: {self.name}: {said}")
        return np.array([index[text] for text in texts], np.int64)

    def _like(self, roles: Roles, classes: tuple[str, ...]) -> _Text:
        return _Text(self.name, self._all, roles, self._sep, classes, self)

    def select(self, names: Sequence[str]) -> Source:
        """These columns."""
        return self._like(self._roles.selected(names, self.name), self.classes)

    def relabelled(self, classes: tuple[str, ...]) -> Source:
        """With class numbers of these texts."""
        return self._like(self._roles, classes)

    def where(self, row: int) -> str:
        """The file."""
        return self.name

    def stamp(self) -> str:
        """Size and time of the file too."""
        found = os.stat(self.name)
        return f"{super().stamp()} {self.name} {found.st_size} {found.st_mtime_ns}"


def _refusal(path: str, said: str) -> InvalidValueError:
    return InvalidValueError(f"x: {path}: {said}")


def _names_in(path: str) -> tuple[list[str], str]:
    """The columns' names in the first line of a file, and what is between cells."""
    with open(regular(path, "x"), "rb") as file:
        line = file.readline(MOST)
    try:
        first = line.decode("utf-8-sig").strip("\r\n")
        sep = max(SEPARATORS, key=first.count)
        names = [cell.strip() for cell in next(csv.reader([first], delimiter=sep), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        broken = f"expected lines that end in \\n or \\r\\n: {error}"
        why = NOT_UTF8 if isinstance(error, UnicodeDecodeError) else broken
        raise _refusal(path, f"{why}, in the first line") from None
    if not names or any(not name or _is_number(name) for name in names):
        said = f"expected a first line with the columns' names, got {first!r:.60}"
        raise _refusal(path, said)
    return names, sep


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def csv_source(given: Any, asked: Asked) -> Source | None:
    """The source of CSV files, which have their columns' names in the first line; None for other
    things.

    Raises:
        ValueError: no header, or a file without rows.
    """
    paths = paths_of(given, "x")
    if paths is None or not all(path.endswith(ENDINGS) for path in paths):
        return None
    made: list[_Text] = []
    for path in paths:
        names, sep = _names_in(path)
        made.append(_Text(path, names, roles_of(names, asked, path), sep))
    return labelled_shards(made)

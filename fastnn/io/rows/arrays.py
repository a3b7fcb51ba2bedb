"""Rows in arrays, memory maps and .npy files."""

from __future__ import annotations

import glob
import mmap
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from fastnn._support import maps
from fastnn._support.arrays import show
from fastnn._support.dtypes import BRAIN
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn._support.paths import a_path, regular
from fastnn.io.rows.source import Part, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ArrayFile", "ArrayInMemory", "Shards", "array_source", "check_numbers", "labelled_shards",
    "paths_of",
]  # fmt: skip

MOST = 1 << 30  # bytes that one call of the system reads at most
PIECE = 1 << 20  # where it does not read into an array
SHOWN = 10  # names in a message


def paths_of(given: Any, name: str) -> list[str] | None:
    """The files that are meant by a path, a pattern such as "part-*.npy", or a list of paths; None
    if it is none of these.

    Raises:
        ValueError: a pattern that no file matches, an empty path.
    """
    if isinstance(given, str | os.PathLike):
        text = a_path(given, name)
        if not os.path.exists(text) and glob.has_magic(text):
            found = sorted(glob.glob(text))
            if not found:
                raise InvalidValueError(f"{name}: expected files, got {text!r}, which none matches")
            return found
        return [text]
    listed = isinstance(given, list | tuple) and bool(given)
    if listed and all(isinstance(part, str | os.PathLike) for part in given):
        return [a_path(part, name) for part in given]
    return None


class ArrayInMemory(Source):
    """Rows of an array, or of a memory map that is not read as a file."""

    name: str
    rows: int
    parts: tuple[Part, ...]

    def __init__(self, array: NDArray[Any], name: str) -> None:
        maps.refuse_closed(array, name)
        self.name, self._array = name, _numbers(array, name)
        self.rows, self.parts = len(array), (Part(array.shape[1:], self._array.dtype),)

    def read(self, begin: int, end: int, into: Sequence[NDArray[Any]]) -> None:
        """Copy them."""
        maps.refuse_closed(self._array, self.name)
        np.copyto(into[0], self._array[begin:end])


class ArrayFile(Source):
    """Rows of an array that lies in a file in C order. They are read, not mapped: a file that is
    cut short meanwhile is an error, where a map would end the process.

    Args:
        path: of the file. offset: of the first element, in bytes.
        shape, dtype: of the array.
    """

    path: str
    name: str
    rows: int
    parts: tuple[Part, ...]

    def __init__(
        self, path: str, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any], name: str
    ) -> None:
        self.path, self._offset, self.name = path, offset, name
        self.rows, self.parts = shape[0], (Part(shape[1:], dtype),)
        self._bytes = self.parts[0].nbytes
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        size = os.fstat(self._file).st_size
        if size < offset + self.rows * self._bytes:
            self.close()
            raise InvalidValueError(
                f"{name}: {path} has {size} bytes; expected {offset + self.rows * self._bytes} "
                f"for {shape} of {dtype}: it was cut short"
            )

    def read(self, begin: int, end: int, into: Sequence[NDArray[Any]]) -> None:
        """Read them from the file."""
        data = into[0].reshape(-1).view(np.uint8).data
        place, done = self._offset + begin * self._bytes, 0
        while done < len(data):
            got = _read_at(self._file, data[done : done + MOST], place + done)
            if not got:
                raise InvalidValueError(
                    f"{self.name}: {self.path} ends within row {begin + done // self._bytes} of "
                    f"{self.rows}: it was cut short while it was read"
                )
            done += got

    def cursor(self) -> Source:
        """Itself, as a read does not move its place; where it does, a file of its own."""
        if hasattr(os, "pread"):
            return self
        (shape, dtype), rows = self.parts[0], self.rows
        return ArrayFile(self.path, self._offset, (rows, *shape), dtype, self.name)

    def where(self, row: int) -> str:
        """The file."""
        return self.path

    def stamp(self) -> str:
        """Size and time of the file too."""
        found = os.fstat(self._file)
        return f"{super().stamp()} {self.path} {found.st_size} {found.st_mtime_ns}"

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        if getattr(self, "_file", -1) >= 0:
            self.close()


def _read_at(file: int, into: memoryview, place: int) -> int:
    """Read from a place in a file; the number of bytes, 0 at its end."""
    if hasattr(os, "preadv"):
        return os.preadv(file, [into], place)
    most = min(len(into), PIECE)
    if hasattr(os, "pread"):  # macOS
        data = os.pread(file, most, place)
    else:  # Windows: each reader has a file of its own, see `cursor`
        os.lseek(file, place, os.SEEK_SET)
        data = os.read(file, most)
    into[: len(data)] = data
    return len(data)


class Shards(Source):
    """Rows of several sources of one kind, one after another."""

    name: str
    rows: int
    parts: tuple[Part, ...]
    names: tuple[str, ...] | None
    cuts: NDArray[np.int64] | None
    extra: int

    def __init__(self, sources: Sequence[Source], name: str) -> None:
        first = sources[0]
        for other in sources:
            if other.names != first.names:
                raise InvalidValueError(
                    f"{name}: expected the same columns in all files, got {_listed(first)} and "
                    f"{_listed(other)}"
                )
            for place, (own, part) in enumerate(zip(first.parts, other.parts, strict=True)):
                if own != part:
                    raise InvalidValueError(
                        f"{(name, 'y', 'sample_weight')[place]}: expected shards of one width and "
                        f"type, got {_kind(first, place)} and {_kind(other, place)}"
                    )
        self._sources, self.name = list(sources), name
        self.parts, self.names = first.parts, first.names
        self.extra = max(source.extra for source in sources)
        self._begins = np.cumsum([0, *(source.rows for source in sources)])
        self.rows = int(self._begins[-1])
        if any(source.cuts is not None for source in sources):
            each = [
                begin + (np.array([0, s.rows]) if s.cuts is None else s.cuts)
                for begin, s in zip(self._begins, sources, strict=False)
            ]
            self.cuts = np.unique(np.concatenate(each))

    def read(self, begin: int, end: int, into: Sequence[NDArray[Any]]) -> None:
        """Read from each that has some of the rows."""
        at = int(np.searchsorted(self._begins, begin, "right")) - 1
        done = begin
        while done < end:
            first = int(self._begins[at])
            until = min(end, int(self._begins[at + 1]))
            if until > done:
                part = [array[done - begin : until - begin] for array in into]
                self._sources[at].read(done - first, until - first, part)
            done, at = max(done, until), at + 1

    def cursor(self) -> Source:
        """Of cursors of all."""
        return self._with([source.cursor() for source in self._sources])

    def select(self, names: Sequence[str]) -> Source:
        """In all shards."""
        return self._with([source.select(names) for source in self._sources])

    def _with(self, sources: list[Source]) -> Shards:
        made = Shards(sources, self.name)
        made.classes = self.classes
        return made

    def where(self, row: int) -> str:
        """The shard, and the row in it."""
        at = int(np.searchsorted(self._begins, row, "right")) - 1
        inner = row - int(self._begins[at])
        return f"row {inner} of {self._sources[at].where(inner)}"

    def stamp(self) -> str:
        """Of all shards."""
        return " ".join(source.stamp() for source in self._sources)

    def close(self) -> None:
        """Close all."""
        for source in self._sources:
            source.close()


def labelled_shards(sources: Sequence[Any]) -> Source:
    """One source of several with named columns: in the order of the first, with the same class
    numbers for texts in all. Files without rows are left out."""
    sources = [source for source in sources if source.rows] or sources[:1]
    names = sources[0].names
    sources = [
        source.select(names) if sorted(source.names) == sorted(names) else source
        for source in sources
    ]
    if len(sources) == 1:
        found: Source = sources[0]
        return found
    for source in sources:
        if bool(source.classes) != bool(sources[0].classes):
            raise InvalidValueError(
                f"y: expected texts in all files, or numbers in all, got {sources[0].name} and "
                f"{source.name}"
            )
    texts = tuple(sorted({text for source in sources for text in source.classes}))
    made = Shards([source.relabelled(texts) if texts else source for source in sources], "x")
    made.classes = texts
    return made


def _kind(source: Source, place: int) -> str:
    shape, dtype = source.parts[place]
    return f"({', '.join(('rows', *map(str, shape)))}) of {dtype} in {source.where(0)}"


def _listed(source: Source) -> str:
    names = source.names or ()
    shown = ", ".join(names[:SHOWN]) + (" and more" if len(names) > SHOWN else "")
    return f"{shown} in {source.where(0)}"


def _numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    check_numbers(array.dtype, name)
    return array


def check_numbers(dtype: np.dtype[Any], name: str) -> None:
    """Check that the engine can read numbers of this type.

    Raises:
        TypeError: no numbers; too large ones; another byte order.
    """
    if dtype == BRAIN:
        return
    if dtype.hasobject or dtype.kind not in "biuf":
        raise InvalidTypeError(f"{name}: expected numbers, got {dtype}")
    if dtype.itemsize > 8:
        raise InvalidTypeError(f"{name}: expected numbers of 8 bytes at most, got {dtype}")
    if not dtype.isnative:
        raise InvalidTypeError(
            f"{name}: expected numbers in the byte order of this machine, got {dtype.str}; "
            f"convert them by .astype({dtype.newbyteorder('=').str!r})"
        )


def _of_map(array: NDArray[Any], name: str) -> Source | None:
    """A memory map as the file that it is of, if it lies there as in memory."""
    path, offset = getattr(array, "filename", None), getattr(array, "offset", None)
    if not isinstance(array, np.memmap) or path is None or offset is None:
        return None
    whole = isinstance(array.base, mmap.mmap)  # no part of another map, whose offset is its own
    if not (whole and array.flags.c_contiguous and array.mode in ("r", "r+", "w+")):
        return None
    if not array.dtype.isnative:
        return None
    return ArrayFile(os.fspath(path), offset, array.shape, _numbers(array, name).dtype, name)


def _of_npy(path: str, name: str) -> Source:
    """The array in a .npy file."""
    with open(regular(path, name), "rb") as file:
        try:
            version = npy.read_magic(file)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = read(file)
            if any(n < 0 for n in shape):
                raise ValueError(f"a shape of {shape}")
        except OSError:
            raise
        except Exception as error:  # of tokenize and ast too
            raise InvalidValueError(f"{name}: {path} is no .npy file: {error!s:.200}") from None
        offset = file.tell()
    check_numbers(dtype.newbyteorder("="), f"{name}: {path}")
    if not shape or fortran or not dtype.isnative:
        raise InvalidValueError(
            f"{name}: {path}: expected rows in C order and in the byte order of this machine, got "
            f"{dtype.str} of {shape}{' in Fortran order' if fortran else ''}; save it by "
            "numpy.save(path, numpy.ascontiguousarray(...))"
        )
    return ArrayFile(path, offset, shape, dtype, name)


def array_source(given: Any, name: str) -> Source | None:
    """The source of arrays, memory maps, .npy files or several of these; None for other things.

    Raises:
        TypeError, ValueError, OSError: no numbers; files that are none, or cannot be read.
    """
    if isinstance(given, np.ndarray):
        if isinstance(given, np.ma.MaskedArray):
            raise InvalidTypeError(f"{name}: expected no mask, got a masked array")
        if given.ndim == 0:
            raise InvalidValueError(f"{name}: expected rows, got a single number")
        return _of_map(given, name) or ArrayInMemory(given, name)
    if hasattr(given, "_array") and isinstance(given._array, np.ndarray):  # a Tensor
        return ArrayInMemory(given._array, name)
    paths = paths_of(given, name)
    if paths is not None and all(path.endswith(".npy") for path in paths):
        made = [_of_npy(path, name) for path in paths]
        return made[0] if len(made) == 1 else Shards(made, name)
    listed = isinstance(given, list | tuple) and bool(given)
    if listed and all(isinstance(part, np.ndarray) and part.ndim for part in given):
        many = [array_source(part, f"{name}[{i}]") for i, part in enumerate(given)]
        return Shards([part for part in many if part is not None], name)
    if paths is not None and any(path.endswith(".npy") for path in paths):
        raise InvalidValueError(f"{name}: expected files of one kind, got {show(given)}")
    return None

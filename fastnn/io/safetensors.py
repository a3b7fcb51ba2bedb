"""The safetensors file format: a strict reader and a writer whose files survive a crash.

A file is an 8-byte little-endian header length, a JSON header padded with spaces, and the bytes of
the tensors, one after the other. The header maps a name to ``{"dtype", "shape", "data_offsets"}``,
and ``__metadata__`` to a map of text to text.

Source: https://github.com/huggingface/safetensors (README, "Format"). This reader refuses whatever
leaves room for two readings: duplicate keys, holes, overlaps, trailing bytes. Nothing in a file is
ever executed or imported, and memory stays within a small multiple of the size of the file.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import reprlib
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnn._support import maps
from fastnn._support.paths import a_path
from fastnn.io.atomic import write_atomically

__all__ = ["FormatError", "read", "write"]

Array = NDArray[Any]
File = str | os.PathLike[str] | IO[bytes]
Entry = tuple[np.dtype[Any], tuple[int, ...], int, int]

DTYPES = {
    "F64": "<f8", "I64": "<i8", "U64": "<u8", "F32": "<f4", "I32": "<i4", "U32": "<u4",
    "F16": "<f2", "I16": "<i2", "U16": "<u2", "BOOL": "|b1", "I8": "|i1", "U8": "|u1",
    "BF16": "|V2",
}  # fmt: skip
CODES = {np.dtype(text): code for code, text in DTYPES.items()}
MAX_HEADER = 100_000_000
MAX_DIMS = 32
NOT_OURS = "not a safetensors file"
# One JSON value costs Python about this many bytes; few values but long ones are no concern.
VALUE_BYTES, VALUE_BYTES_FREE = 200, 16_000_000
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 60
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class FormatError(ValueError):
    """Raised for an invalid file; the message names the file and the defect."""


@contextmanager
def faults_of(path: str) -> Iterator[None]:
    """Within it whatever the content of a file causes becomes a FormatError that names the file."""
    try:
        yield
    except FormatError as error:
        if path in str(error):
            raise
        raise FormatError(f"{path}: {error}") from error
    except (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError) as error:
        raise FormatError(f"{path}: {type(error).__name__}: {error}") from error
    except (RuntimeError, TypeError, ValueError) as error:  # RecursionError too
        raise FormatError(f"{path}: {error}") from error


def _fail(path: str, what: str) -> NoReturn:
    raise FormatError(f"{path}: {what}")


def name_of(file: File) -> str:
    """What messages call a file."""
    if isinstance(file, str | os.PathLike):
        return os.fsdecode(file)
    return str(getattr(file, "name", f"<{type(file).__name__}>"))


def _known(file: File, does: str) -> File:
    """The file, if it is a path or can do this."""
    if not hasattr(file, does) or isinstance(file, str | os.PathLike):
        a_path(file)
    return file


def _short(value: object) -> str:
    """`value` as a short one-line text for a message, whatever its size."""
    return SHORT.repr(value)


def read(path: File) -> tuple[dict[str, Array], dict[str, str]]:
    """Read every tensor of a safetensors file, and its metadata.

    Args:
        path: a regular file, a link to one, or an open binary file, read from where it stands.

    Returns:
        ``(tensors, metadata)``: new, writable, C-contiguous arrays by name, in the order of the
        header, and the text stored beside them. bfloat16 comes as two raw bytes ("V2").

    Raises:
        FormatError: the file breaks the format, or holds a dtype of 8-bit floats (F8).
        OSError: the file cannot be opened or read.

    Example:
        >>> import numpy as np, os, tempfile
        >>> from fastnn.io import read, write
        >>> path = os.path.join(tempfile.mkdtemp(), "a.safetensors")
        >>> write(path, {"w": np.arange(3.0)}, {"note": "three"})
        >>> read(path)
        ({'w': array([0., 1., 2.])}, {'note': 'three'})
    """
    name = name_of(_known(path, "read"))
    if not isinstance(path, str | os.PathLike):
        data = path.read()
        return _read_open(io.BytesIO(data), name, len(data))
    # Without O_NONBLOCK, opening a FIFO would wait for a writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            _fail(name, "not a regular file")
        with open(handle, "rb", buffering=0, closefd=False) as file:
            return _read_open(file, name, status.st_size)
    finally:
        os.close(handle)


def _read_open(file: IO[bytes], path: str, size: int) -> tuple[dict[str, Array], dict[str, str]]:
    if size < 8:
        _fail(path, f"not a safetensors file: too short, {size} bytes, expected at least 8")
    head = bytearray(8)
    _fill(file, memoryview(head), path)
    length = int.from_bytes(head, "little")
    if length > MAX_HEADER or length > size - 8:
        limit = min(MAX_HEADER, size - 8)
        _fail(path, _foreign(head) or f"{NOT_OURS}: header length {length} exceeds {limit}")
    raw = bytearray(length)
    _fill(file, memoryview(raw), path)
    header = parse_json(raw, path, "header", size)
    for key in header:
        _check_unicode(key, path)
    metadata = _metadata(header.pop("__metadata__", {}), path)
    entries = {name: _entry(name, value, path) for name, value in header.items()}
    order = sorted(entries, key=lambda name: entries[name][2:])
    _check_layout(order, entries, size - 8 - length, path)
    tensors = dict.fromkeys(entries, np.empty(0))
    for name in order:
        dtype, shape, _, _ = entries[name]
        array = np.empty(math.prod(shape), dtype)
        _fill(file, array.view(np.uint8).data, path)
        if dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
            _fail(path, f"tensor {_short(name)}: a BOOL byte is neither 0 nor 1")
        tensors[name] = array.astype(dtype.newbyteorder("="), copy=False).reshape(shape)
    return tensors, metadata


def _foreign(head: bytearray) -> str:
    """An error message for a file that starts like one of another format, else nothing."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        found = "a zip archive, as torch.save and numpy.savez write"
    elif head[0] == 0x80 and 2 <= head[1] <= 5:
        found = "a pickle, as old versions of torch.save write"
    elif head.startswith(b"\x89HDF"):
        found = "an HDF5 file, as Keras writes"
    else:
        return ""
    return (
        f"{NOT_OURS} but {found}; pickles are never read, as they can run code. Where it was made, "
        "save its tensors with safetensors.torch.save_file(model.state_dict(), path), or "
        "safetensors.numpy.save_file"
    )


def _fill(file: Any, buffer: memoryview, path: str) -> None:
    done = 0
    while done < len(buffer):
        count = file.readinto(buffer[done:])
        if not count:
            _fail(path, f"truncated while reading: {len(buffer) - done} bytes are missing")
        done += count


def parse_json(raw: bytearray, path: str, what: str, size: int) -> dict[str, Any]:
    """Parse the JSON object in `raw`, with unique keys, in O(size) memory; clears `raw`.

    `what` names the text in messages; `size` is what the file itself takes, in bytes.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) < len(pairs):
            twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
            _fail(path, f"{what}: duplicate key {_short(twice)}")
        return result

    def constant(text: str) -> NoReturn:
        _fail(path, f"{what}: {text} is not JSON")

    bare = STRING.sub(b"", raw)
    if sum(bare.count(sign) for sign in b"[{,:") * VALUE_BYTES > VALUE_BYTES_FREE + size:
        _fail(path, f"{what}: more values, or deeper nesting, than a file of this size can need")
    try:
        text = raw.decode("utf-8")
        del bare
        raw.clear()
        value = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except FormatError:
        raise
    except UnicodeDecodeError as error:
        _fail(path, f"{what} is not UTF-8: {error.reason} at byte {error.start}")
    except RecursionError:
        _fail(path, f"{what}: nested too deeply")
    except ValueError as error:
        _fail(path, f"{what} is not JSON: {str(error)[:80]}")
    if not isinstance(value, dict) or not text.startswith("{"):
        _fail(path, f"{what}: expected a JSON object, got {_short(text[:20])}")
    return value


def _check_unicode(text: str, path: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        _fail(path, f"header: {_short(text)} is not valid Unicode")


def _metadata(value: object, path: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        _fail(path, f"__metadata__: expected an object of strings, got {_short(value)}")
    for pair in value.items():
        for text in pair:
            _check_unicode(text, path)
    return value


def _entry(name: str, value: object, path: str) -> Entry:
    """dtype, shape, begin and end of one tensor, checked for consistency."""
    who = f"tensor {_short(name)}"
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        _fail(path, f"{who}: expected dtype, shape and data_offsets, got {_short(value)}")
    code, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(code, str) or code not in DTYPES:
        _fail(path, f"{who}: dtype {_short(code)} is not one of {', '.join(DTYPES)}")
    if not _is_sizes(shape) or len(shape) > MAX_DIMS:
        _fail(path, f"{who}: shape {_short(shape)} is not a list of at most {MAX_DIMS} sizes")
    if not _is_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        _fail(path, f"{who}: data_offsets {_short(offsets)} is not [begin, end] with begin <= end")
    dtype = np.dtype(DTYPES[code])
    # A size of 0 must not hide an overflow in the others: NumPy would refuse such a shape.
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > 2**63 - 1:
        _fail(path, f"{who}: shape {_short(shape)} overflows")
    bytes_wanted = math.prod(shape) * dtype.itemsize
    if offsets[1] - offsets[0] != bytes_wanted:
        _fail(
            path,
            f"{who}: {code} of shape {_short(shape)} takes {_short(bytes_wanted)} bytes, "
            f"but data_offsets {_short(offsets)} holds {_short(offsets[1] - offsets[0])}",
        )
    return dtype, tuple(shape), offsets[0], offsets[1]


def _is_sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**63 for n in value)


def _check_layout(order: list[str], entries: Mapping[str, Entry], size: int, path: str) -> None:
    """Check that the tensors, ordered by offset, cover the `size` bytes of data exactly."""
    position = 0
    for name in order:
        begin, end = entries[name][2:]
        if begin != position:
            problem = "an overlap with" if begin < position else "a hole after"
            what = f"begins at {begin}, expected {position}: {problem} the tensor before it"
            _fail(path, f"tensor {_short(name)}: {what}")
        position = end
    if position > size:
        _fail(path, f"truncated: the tensors take {position} bytes, the file holds {size}")
    if position < size:
        _fail(path, f"{size - position} trailing bytes after the last tensor")


def write(
    path: File,
    tensors: Mapping[str, Array],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write arrays as a safetensors file; a crash leaves the old file or the whole new one.

    Args:
        path: the file to make or replace, where a link to a file stays, and its file is replaced;
            or an open binary file, which is written from where it stands.
        tensors: arrays by name, of bool, integers, float16, float32 or float64, in any memory
            layout and byte order; of bfloat16 as two raw bytes ("V2").
        metadata: text to keep beside them.

    Raises:
        TypeError: a name or a piece of metadata is not text, or an array has another dtype.
        ValueError: a tensor is called ``__metadata__``, or the header would be longer than 100 MB.
        OSError: the file cannot be written; the old file is intact and no temporary file is left.

    Example: see `read`.
    """
    _known(path, "write")
    arrays = {name: _storable(name, value) for name, value in tensors.items()}
    # Wide items first, then by name, as the reference writer does: so every item is aligned.
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    begin, offsets = 0, {}
    for name in order:
        offsets[name] = [begin, begin + arrays[name].nbytes]
        begin += arrays[name].nbytes
    header: dict[str, Any] = {}
    if metadata:
        for key, text in metadata.items():
            if not isinstance(key, str) or not isinstance(text, str):
                raise TypeError(f"metadata: expected text, got {_short(key)}: {_short(text)}")
        header["__metadata__"] = dict(metadata)
    for name, array in arrays.items():
        header[name] = {
            "dtype": CODES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": offsets[name],
        }
    raw = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    raw += b" " * (-len(raw) % 8)
    if len(raw) > MAX_HEADER:
        raise ValueError(
            f"metadata: the header takes {len(raw)} bytes, expected at most {MAX_HEADER}"
        )

    def chunks() -> Iterator[memoryview]:
        yield memoryview(len(raw).to_bytes(8, "little") + raw)
        for name in order:
            yield arrays[name].reshape(-1).view(np.uint8).data

    if isinstance(path, str | os.PathLike):
        write_atomically(path, chunks())
    else:
        for chunk in chunks():
            path.write(chunk)


def _storable(name: object, value: Array) -> Array:
    if not isinstance(name, str):
        raise TypeError(f"tensors: expected names that are text, got {_short(name)}")
    if name == "__metadata__":
        raise ValueError("tensors: '__metadata__' cannot be the name of a tensor; rename it")
    array = maps.array_of(value, f"tensor {_short(name)}")
    if array.dtype.newbyteorder("<") not in CODES:
        raise TypeError(
            f"tensor {_short(name)}: expected bool, integers, float16, float32 or float64, got "
            f"{array.dtype}; convert it with .astype"
        )
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C")

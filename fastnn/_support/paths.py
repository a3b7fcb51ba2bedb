"""Paths that users give: the checks of them, before anything is opened."""

from __future__ import annotations

import errno
import os
import stat
from typing import Any

from fastnn._support.arrays import show
from fastnn._support.errors import InvalidTypeError, InvalidValueError

__all__ = ["a_file", "a_path", "regular", "writable"]


def a_path(value: Any, name: str = "path") -> str:
    """A path as text.

    Raises:
        TypeError: neither text nor a path.
        ValueError: it is empty, or has a character that no name of a file has.
    """
    if not isinstance(value, str | bytes | os.PathLike):
        raise InvalidTypeError(f"{name}: expected a path, got {show(value)}")
    text = os.fsdecode(value)
    if not text:
        raise InvalidValueError(f"{name}: expected the name of a file, got ''")
    if "\0" in text:
        raise InvalidValueError(f"{name}: expected a path without NUL, got {text!r:.60}")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise InvalidValueError(
            f"{name}: expected a path that the system can write down, got {text!r:.60}"
        ) from None
    return text


def a_file(value: Any, name: str = "path") -> str:
    """As `a_path`, of what is no folder.

    Raises:
        OSError: it is one.
    """
    text = a_path(value, name)
    if os.path.isdir(text):
        raise IsADirectoryError(errno.EISDIR, f"{name}: expected a file, got a folder", text)
    return text


def regular(path: str, name: str = "path") -> str:
    """A path of a file that is there, and has an end: a table is read more than once.

    Raises:
        OSError: nothing is there; it is a folder, a pipe or a device.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, f"{name}: expected a file, got a folder", path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"{name}: expected a regular file, got a pipe or device", path)
    return path


def writable(value: Any, name: str = "path", *, whole: bool = True) -> str:
    """As `a_path`, of a file that can be made or replaced, as far as can be seen.

    Args:
        value: the path.
        name: the argument's.
        whole: the file is replaced as a whole; else it is written to, and may be a device, such
            as /dev/stderr.

    Raises:
        OSError: its folder is not there or takes no files; or it is a folder, a FIFO, a device, a
            link that leads nowhere, or a name that the system does not take.
    """
    text = a_file(value, name)
    folder = os.path.dirname(os.path.realpath(text))
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"{name}: expected a folder that is there", folder)
    mode = _mode_of(text, name)
    if mode is not None and not stat.S_ISREG(mode) and (whole or not stat.S_ISCHR(mode)):
        raise OSError(errno.EINVAL, f"{name}: expected a regular file, got a pipe or device", text)
    if not os.access(folder if whole or mode is None else text, os.W_OK):
        raise PermissionError(errno.EACCES, f"{name}: expected a file that may be written", text)
    if whole or mode is None:
        _try_in(folder, name)
    return text


def _try_in(folder: str, name: str) -> None:
    """Make a file in a folder and remove it: what the system says that may be done fails in /proc,
    and on a disk without room for another name."""
    path = os.path.join(folder, f".fastnn-{os.urandom(8).hex()}.tmp")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.unlink(path)
    except OSError as error:
        said = f"{name}: expected a folder that takes files, got {error.strerror}"
        raise OSError(error.errno, said, folder) from None


def _mode_of(path: str, name: str) -> int | None:
    """The mode of what a path leads to; None if nothing is there."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        if os.path.islink(path):
            said = f"{name}: expected a file, got a link that leads nowhere"
            raise FileNotFoundError(errno.ENOENT, said, path) from None
        return None
    except OSError as error:  # a name too long, links in a circle
        raise OSError(error.errno, f"{name}: expected a file, got {error.strerror}", path) from None

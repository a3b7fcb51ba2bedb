"""Paths that users give: the checks of them, before anything is opened."""

from __future__ import annotations

import errno
import os
from typing import Any

from fastnn._support.arrays import show
from fastnn._support.errors import InvalidTypeError, InvalidValueError

__all__ = ["a_path", "writable"]


def a_path(value: Any, name: str = "path") -> str:
    """A path as text.

    Raises:
        TypeError: neither text nor a path.
        ValueError: it is empty, or has a NUL in it.
    """
    if not isinstance(value, str | bytes | os.PathLike):
        raise InvalidTypeError(f"{name}: expected a path, got {show(value)}")
    text = os.fsdecode(value)
    if not text:
        raise InvalidValueError(f"{name}: expected the name of a file, got ''")
    if "\0" in text:
        raise InvalidValueError(f"{name}: expected a path without NUL, got {text!r:.60}")
    return text


def writable(value: Any, name: str = "path") -> str:
    """As `a_path`, of a file that can be made or replaced, as far as can be seen.

    Raises:
        OSError: its folder is not there or may not be written to; or it is a folder.
    """
    text = a_path(value, name)
    folder = os.path.dirname(os.path.realpath(text))
    if os.path.isdir(text):
        raise IsADirectoryError(errno.EISDIR, f"{name}: expected a file, got a folder", text)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"{name}: expected a folder that is there", folder)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, f"{name}: expected a folder to write to", folder)
    return text

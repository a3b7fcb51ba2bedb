"""Reading whole files: what is no regular file may have to be waited for, or never ends."""

from __future__ import annotations

import errno
import os
import select
import stat
import warnings

from fastnn._support.paths import a_path
from fastnn._support.stack import outside

__all__ = ["content_of"]

PATIENCE = 2.0  # seconds


def content_of(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file; of a FIFO all until its writers have closed it.

    Warns:
        UserWarning: a FIFO that nobody has written to for two seconds; it is waited for.

    Raises:
        OSError: the file cannot be read, or is a device that is no terminal, such as /dev/zero,
            which has no end.
    """
    name = a_path(path)
    mode = os.stat(name).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "expected a file, got a folder", name)
    if not stat.S_ISFIFO(mode):
        with open(name, "rb") as file:
            if stat.S_ISCHR(mode) and not file.isatty():
                raise OSError(errno.EINVAL, "expected a file, got a device", name)
            return file.read()
    # Without O_NONBLOCK, opening it would wait for a writer without a word.
    with open(os.open(name, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not select.select([file], [], [], PATIENCE)[0]:
            warnings.warn(
                f"{name}: a FIFO that nobody has written to yet; waiting for a writer",
                UserWarning,
                stacklevel=outside()[1],
            )
            select.select([file], [], [])
        os.set_blocking(file.fileno(), True)
        return file.read()

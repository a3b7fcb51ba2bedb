"""Atomic file replacement: a crash or a full disk leaves the old file or the whole new one."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator

if sys.platform != "win32":
    from fcntl import LOCK_EX, LOCK_NB, flock
else:  # No such locks: stray temporary files are left alone.
    LOCK_EX = LOCK_NB = 0

    def flock(handle: int, operation: int) -> None:
        raise OSError


__all__ = ["write_atomically"]

PREFIX, SUFFIX = ".fastnn-", ".tmp"


def write_atomically(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview]) -> None:
    """Write `chunks` one after the other as the new content of `path`.

    The bytes go to a temporary file beside the target, then to the disk (fsync), and only then take
    the target's name. The mode is the old file's, or 0666 less the umask. Temporary files of
    writers that were killed are removed on the way.

    Args:
        path: the file to make or replace. A link is followed: the file it points to is replaced.
        chunks: bytes, or views of bytes.

    Raises:
        OSError: anything failed, or `path` is a directory, a device or a dangling link. The old
            file is intact and no temporary file is left.
    """
    target = _target(os.fsdecode(path))
    folder = os.path.dirname(target) or "."
    _remove_strays(folder)
    mode = stat.S_IMODE(os.stat(target).st_mode) & 0o777 if os.path.exists(target) else None
    with _temporary(folder, 0o666 if mode is None else 0o600) as (handle, temporary):
        if mode is not None:
            os.chmod(temporary, mode)
        for chunk in chunks:
            _write_all(handle, memoryview(chunk))
        os.fsync(handle)
        os.replace(temporary, target)
    _sync_folder(folder)


def _target(path: str) -> str:
    """The file that `path` refers to, with links resolved."""
    target = os.path.realpath(path) if os.path.islink(path) else path
    if target != path and not os.path.exists(target):
        raise FileNotFoundError(errno.ENOENT, "a link that leads nowhere; remove it", path)
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, "a directory; expected the name of a file", path)
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError(errno.EINVAL, "not a regular file", path)
    return target


@contextlib.contextmanager
def _temporary(folder: str, mode: int) -> Iterator[tuple[int, str]]:
    """A temporary file, locked while its writer runs, and removed unless it was renamed."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        name = os.path.join(folder, f"{PREFIX}{os.urandom(8).hex()}{SUFFIX}")
        try:
            handle = os.open(name, flags, mode)
        except OSError as error:
            raise OSError(error.errno, error.strerror, folder) from None
        try:
            _lock(handle, wait=True)
            # Another saver may have taken the file for a stray one before it was locked.
            if os.fstat(handle).st_nlink:
                yield handle, name
                return
        finally:
            # Gone after a rename. Else removed before the handle closes and frees the lock.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            os.close(handle)


def _lock(handle: int, *, wait: bool) -> bool:
    """Lock a file for this process; False when another holds it or there are no locks here."""
    try:
        flock(handle, LOCK_EX | (0 if wait else LOCK_NB))
    except OSError:
        return False
    return True


def _remove_strays(folder: str) -> None:
    """Remove temporary files whose writer has died: those that nobody holds locked."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        strays = [e.path for e in entries if e.name.startswith(PREFIX) and e.name.endswith(SUFFIX)]
        for stray in strays:
            with contextlib.suppress(OSError):
                flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                handle = os.open(stray, flags)
                try:
                    if stat.S_ISREG(os.fstat(handle).st_mode) and _lock(handle, wait=False):
                        os.unlink(stray)
                finally:
                    os.close(handle)


def _write_all(handle: int, view: memoryview) -> None:
    while len(view):
        count = os.write(handle, view)
        if count <= 0:
            raise OSError(errno.EIO, "the system wrote nothing")
        view = view[count:]


def _sync_folder(folder: str) -> None:
    """Sync the directory, so that the new name is on disk too, if the file system can do that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)

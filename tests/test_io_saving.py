"""Saves that survive: faults, kills, modes and links leave the old file or the new one."""

import errno
import itertools
import os
import signal
import stat
import threading

import numpy as np
import pytest

from fastnn.io import read, write
from fastnn.io.atomic import PREFIX, SUFFIX


def strays(folder):
    return [name for name in os.listdir(folder) if name.startswith(PREFIX)]


OLD, NEW = {"x": np.zeros(1000)}, {"x": np.ones(1000)}


@pytest.mark.parametrize("fault", ["write", "short", "zero", "fsync", "replace", "interrupt"])
def test_failed_save_keeps_the_old_file(tmp_path, monkeypatch, fault):
    path = tmp_path / "a"
    write(path, OLD)
    before = path.read_bytes()

    def fail(*args):
        raise KeyboardInterrupt if fault == "interrupt" else OSError(errno.ENOSPC, "disk is full")

    calls = []
    real = os.write

    def short_then_full(handle, view):
        calls.append(len(view))
        return real(handle, view[:100]) if len(calls) < 10 else fail()

    def nothing(handle, view):
        return 0

    name, replacement = {
        "write": ("write", fail),
        "short": ("write", short_then_full),
        "zero": ("write", nothing),
        "fsync": ("fsync", fail),
        "replace": ("replace", fail),
        "interrupt": ("fsync", fail),
    }[fault]
    with monkeypatch.context() as patch:
        patch.setattr(os, name, replacement)
        with pytest.raises(KeyboardInterrupt if fault == "interrupt" else OSError):
            write(path, NEW)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a"]


def test_short_writes_write_everything(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, view: real(handle, view[:997]))
    write(tmp_path / "a", NEW)
    assert read(tmp_path / "a")[0]["x"].tobytes() == NEW["x"].tobytes()


def test_order_on_disk(tmp_path, monkeypatch):
    seen = []
    for name in ("write", "fsync", "replace"):
        real = getattr(os, name)

        def spy(first, *rest, name=name, real=real):
            is_folder = name == "fsync" and stat.S_ISDIR(os.fstat(first).st_mode)
            seen.append("fsync folder" if is_folder else name)
            return real(first, *rest)

        monkeypatch.setattr(os, name, spy)
    write(tmp_path / "a", NEW)
    assert seen == ["write", "write", "fsync", "replace", "fsync folder"]


def test_mode(tmp_path):
    path = tmp_path / "a"
    before = os.umask(0o027)
    try:
        write(path, OLD)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write(path, NEW)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(before)


def test_targets(tmp_path):
    with pytest.raises(IsADirectoryError):
        write(tmp_path, NEW)
    dangling = tmp_path / "dangling"
    dangling.symlink_to("nowhere")
    with pytest.raises(FileNotFoundError, match="leads nowhere"):
        write(dangling, NEW)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        write(tmp_path / "fifo", NEW)
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "no" / "folder", NEW)
    write(tmp_path / "a", OLD)
    (tmp_path / "link").symlink_to("a")
    write(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink()
    assert read(tmp_path / "a")[0]["x"][0] == 1
    assert strays(tmp_path) == []


def die_at(point):
    """Kill this process by SIGKILL at the n-th system call of a save."""
    count = itertools.count(1)

    def dying(real):
        def call(*args):
            if next(count) == point:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        return call

    real = os.write
    os.write = lambda handle, view: real(handle, view[:4000])
    for name in ("open", "write", "fsync", "replace", "unlink", "close"):
        setattr(os, name, dying(getattr(os, name)))


@pytest.mark.parametrize("point", range(1, 11))
def test_kill_while_saving(tmp_path, point):
    path = tmp_path / "a"
    write(path, OLD)
    child = os.fork()
    if not child:
        try:
            die_at(point)
            write(path, NEW)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert read(path)[0]["x"].tobytes() in (OLD["x"].tobytes(), NEW["x"].tobytes())
    write(path, NEW)
    assert os.listdir(tmp_path) == ["a"]


def test_savers_at_once_leave_each_other_alone(tmp_path):
    errors = []

    def work(number):
        try:
            for _ in range(10):
                write(tmp_path / f"f{number % 2}", {"x": np.full(5, number)})
        except Exception as error:  # reported by the main thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(os.listdir(tmp_path)) == ["f0", "f1"]
    assert len(set(read(tmp_path / "f0")[0]["x"])) == 1


def test_other_files_are_left_alone(tmp_path):
    keep = ["b.tmp", PREFIX + "notes", "x" + PREFIX + SUFFIX]
    for name in keep:
        (tmp_path / name).touch()
    (tmp_path / (PREFIX + "folder" + SUFFIX)).mkdir()
    (tmp_path / (PREFIX + "old" + SUFFIX)).touch()
    write(tmp_path / "a", NEW)
    assert sorted(os.listdir(tmp_path)) == sorted([*keep, "a", PREFIX + "folder" + SUFFIX])

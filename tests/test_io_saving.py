"""Saves that survive: faults, kills, modes and links leave the old file or the new one."""

import errno
import itertools
import os
import signal
import stat
import threading

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.io import atomic, read, safetensors, write
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


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_errors_at_every_point(tmp_path, monkeypatch, call, error):
    """The n-th call of its kind fails, n = 1, 2, ...; a failure once the new name is on the disk
    leaves the new file."""
    path, real = tmp_path / "a", getattr(os, call)
    write(path, OLD)
    old = path.read_bytes()
    write(path, NEW)
    new = path.read_bytes()
    for point in range(1, 20):
        path.write_bytes(old)
        count = itertools.count(1)

        def failing(*args, count=count, point=point):
            if next(count) == point:
                raise OSError(error, os.strerror(error))
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            if call == "write":
                patch.setattr(os, "write", lambda h, v, f=failing: f(h, v[:3000]))
            try:
                write(path, NEW)
            except OSError as raised:
                assert raised.errno == error
            else:
                break
        assert path.read_bytes() == (new if (call, point) in AFTER else old)
        assert os.listdir(tmp_path) == ["a"]
    assert point > 1 and path.read_bytes() == new


AFTER = {("open", 2), ("fsync", 2)}  # those of the folder, after the rename


def test_a_folder_that_cannot_be_written(tmp_path):
    path = tmp_path / "a"
    write(path, OLD)
    before = path.read_bytes()
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(PermissionError):
            write(path, NEW)
    finally:
        tmp_path.chmod(0o700)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a"]


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


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_folders_that_cannot_be_synced(tmp_path, monkeypatch, code):
    """Some file systems cannot; a fault of the disk is told."""
    real = os.fsync

    def sync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(code, "no")
        real(handle)

    monkeypatch.setattr(os, "fsync", sync)
    if code == errno.EIO:
        with pytest.raises(OSError, match="no"):
            write(tmp_path / "a", NEW)
    else:
        write(tmp_path / "a", NEW)
    assert read(tmp_path / "a")[0]["x"][0] == 1 and os.listdir(tmp_path) == ["a"]


def test_a_temporary_file_that_another_saver_removed(tmp_path, monkeypatch):
    """Taken for a stray one, between its opening and its lock: another is made."""
    real, made = atomic._lock, []

    def lock(handle, *, wait):
        if wait:
            made.append(strays(tmp_path)[0])
            if len(made) == 1:
                os.unlink(tmp_path / made[0])
        return real(handle, wait=wait)

    monkeypatch.setattr(atomic, "_lock", lock)
    write(tmp_path / "a", NEW)
    assert len(set(made)) == 2 and os.listdir(tmp_path) == ["a"]
    assert read(tmp_path / "a")[0]["x"][0] == 1


def test_a_header_that_no_reader_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(safetensors, "MAX_HEADER", 100)
    with pytest.raises(ValueError, match=r"metadata: the header takes 1.. bytes, expected at most"):
        write(tmp_path / "a", NEW, {"text": "long" * 25})
    assert os.listdir(tmp_path) == []


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


def die_at(point, chunk):
    """Kill this process by SIGKILL at the n-th system call of a save, which writes by chunks."""
    count = itertools.count(1)

    def dying(real):
        def call(*args):
            if next(count) == point:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        return call

    real = os.write
    os.write = lambda handle, view: real(handle, view[:chunk])
    for name in ("open", "write", "fsync", "replace", "unlink", "close"):
        setattr(os, name, dying(getattr(os, name)))


def checkpoint(value):
    """A net and its optimizer after some steps towards a value."""
    fastnn.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = optim.Adam(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        ((net(fastnn.ones(2, 4)) - value) ** 2).sum().backward()
        optimizer.step()
    return {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "value": value}


@pytest.mark.long
def test_kill_while_saving(tmp_path):
    """At each of the system calls of a save, 50 and more, until one ends: old or new, whole."""
    path, files = tmp_path / "a", {}
    states = {name: checkpoint(value) for name, value in (("new", 1.0), ("old", -1.0))}
    for name, state in states.items():
        fastnn.save(state, path)
        files[name] = path.read_bytes()
    found = []
    for point in range(1, 200):
        path.write_bytes(files["old"])
        child = os.fork()
        if not child:
            try:
                die_at(point, len(files["new"]) // 45)
                fastnn.save(states["new"], path)
            finally:
                os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        content = path.read_bytes()
        assert content in files.values()
        found.append(content == files["new"])
        if code == 0:
            break
        assert code == -signal.SIGKILL
        assert fastnn.load(path)["value"] == (1.0 if found[-1] else -1.0)
        fastnn.save(states["old"], path)
        assert os.listdir(tmp_path) == ["a"]
    assert code == 0 and len(found) > 50 and found == sorted(found) and found.count(False) > 45


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

"""Files: the safetensors codec against its oracle and against hostile files; saves that survive."""

import errno
import itertools
import json
import os
import random
import signal
import stat
import threading

import numpy as np
import pytest
import safetensors.numpy as oracle

import fastnn
from fastnn import nn
from fastnn.io import FormatError, load, load_with_extra, read, save, write
from fastnn.io.atomic import PREFIX, SUFFIX

F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def put(path, header, data=b"", length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(raw) if length is None else length).to_bytes(8, "little") + raw + data)
    return path


def entry(**changes):
    return {"a": F32 | changes}


def strays(folder):
    return [name for name in os.listdir(folder) if name.startswith(PREFIX)]


ARRAYS = {
    "f32": np.array([[1.5, -0.0], [np.inf, 1e-45]], np.float32),
    "f64": np.array([np.nan, 5e-324, -np.inf]),
    "i64": np.array([-(2**63), 2**63 - 1]),
    "i32": np.array([[[-(2**31)]]], np.int32),
    "u8": np.arange(7, dtype=np.uint8),
    "bool": np.array([True, False, True]),
    "scalar": np.array(2.5, np.float32),
    "empty": np.empty((0, 3), np.int64),
    "ключ ☃": np.ones(1),
}
LAYOUTS = {
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(10, dtype=np.float32)[::3],
    "reversed": np.arange(5)[::-1],
    "transposed": np.arange(6, dtype=np.int32).reshape(2, 3).T,
    "big-endian": np.arange(4, dtype=">f4"),
    "broadcast": np.broadcast_to(np.float32(3), (2, 2)),
    "read-only": np.frombuffer(b"abc", np.uint8),
}


@pytest.mark.parametrize("arrays", [{}, ARRAYS, LAYOUTS], ids=["none", "dtypes", "layouts"])
def test_round_trip_and_oracle(tmp_path, arrays):
    path = tmp_path / "a.safetensors"
    write(path, arrays, {"note": "ünï"})
    tensors, metadata = read(path)
    theirs = oracle.load_file(path)
    assert metadata == {"note": "ünï"}
    assert list(tensors) == list(arrays)
    assert theirs.keys() == arrays.keys()
    for name, array in arrays.items():
        for got in (tensors[name], theirs[name]):
            assert got.shape == array.shape
            assert got.dtype == array.dtype.newbyteorder("=")
            assert got.tobytes() == array.astype(got.dtype).tobytes(), name
        assert tensors[name].flags.c_contiguous and tensors[name].flags.writeable


def test_reads_what_the_oracle_writes(tmp_path):
    path = tmp_path / "a.safetensors"
    oracle.save_file(ARRAYS, path, {"k": "v"})
    tensors, metadata = read(path)
    assert metadata == {"k": "v"}
    assert {name: a.tobytes() for name, a in tensors.items()} == {
        name: a.tobytes() for name, a in ARRAYS.items()
    }


@pytest.mark.parametrize(
    "tensors, metadata, error, text",
    [
        ({"a": np.ones(1, np.float16)}, None, TypeError, "float16"),
        ({"a": np.array(["x"])}, None, TypeError, "<U1"),
        ({"a": np.array([None])}, None, TypeError, "object"),
        ({1: np.ones(1)}, None, TypeError, "names that are text"),
        ({"__metadata__": np.ones(1)}, None, ValueError, "__metadata__"),
        ({}, {"a": 1}, TypeError, "metadata"),
    ],
)
def test_write_refuses(tmp_path, tensors, metadata, error, text):
    with pytest.raises(error, match=text):
        write(tmp_path / "a", tensors, metadata)
    assert os.listdir(tmp_path) == []


BAD = {
    "empty": (b"", "too short"),
    "7 bytes": (b"1234567", "too short"),
    "length 2^63": ((2**63).to_bytes(8, "little") + b"{}", "header length 9223372036854775808"),
    "length past the end": ((3).to_bytes(8, "little") + b"{}", "header length 3"),
    "not UTF-8": ({"header": b'{"\xff":1}'}, "not UTF-8"),
    "UTF-16": ({"header": "{}".encode("utf-16-le")}, "not JSON|Expecting"),
    "byte order mark": ({"header": b"\xef\xbb\xbf{}"}, "not JSON"),
    "not JSON": ({"header": b"{'a':1}"}, "not JSON"),
    "list": ({"header": b"[]"}, "expected a JSON object"),
    "leading space": ({"header": b" {}"}, "expected a JSON object"),
    "nested": ({"header": b'{"a":' * 900 + b"1" + b"}" * 900}, "nested|expected dtype"),
    "nested 10^5": ({"header": b"[" * 10**5 + b"]" * 10**5}, "nest"),
    "nested, big file": ({"header": b"[" * 10**5, "data": bytes(10**7)}, "nested too deeply"),
    "many values": ({"header": b'{"a":[' + b"[]," * 10**5 + b"[]]}"}, "more values"),
    "duplicate tensor": ({"header": b'{"a":1,"a":1}'}, "duplicate key 'a'"),
    "duplicate field": (
        {"header": b'{"a":{"dtype":"F32","dtype":"F32"}}'},
        "duplicate key 'dtype'",
    ),
    "nan": ({"header": b'{"a":NaN}'}, "NaN is not JSON"),
    "infinity": ({"header": b'{"a":-Infinity}'}, "-Infinity is not JSON"),
    "surrogate": ({"header": rb'{"\ud800":1}'}, "not valid Unicode"),
    "long number": ({"header": b'{"a":' + b"9" * 5000 + b"}"}, "not JSON"),
    "tensor is a list": ({"header": {"a": []}}, "expected dtype, shape and data_offsets"),
    "missing field": ({"header": {"a": {"dtype": "F32"}}}, "expected dtype, shape"),
    "extra field": ({"header": entry(x=1)}, "expected dtype, shape"),
    "dtype": ({"header": entry(dtype="F8_E4M3")}, "dtype 'F8_E4M3'"),
    "dtype type": ({"header": entry(dtype=["F32"])}, "dtype"),
    "shape text": ({"header": entry(shape="2")}, "shape '2'"),
    "shape float": ({"header": entry(shape=[2.0])}, r"shape \[2.0\]"),
    "shape bool": ({"header": entry(shape=[True, 2])}, r"shape \[True, 2\]"),
    "shape negative": ({"header": entry(shape=[-2])}, r"shape \[-2\]"),
    "shape overflow": ({"header": entry(shape=[2**62, 4])}, "overflows"),
    "shape overflow by 0": ({"header": entry(shape=[0, 2**62, 4])}, "overflows"),
    "shape wraps": ({"header": entry(shape=[2**32, 2**32, 2])}, "overflows"),
    "shape 10^9": ({"header": entry(shape=[10**9])}, "4000000000 bytes"),
    "too many dims": ({"header": entry(shape=[1] * 40)}, "at most 32"),
    "offset negative": ({"header": entry(data_offsets=[-8, 0])}, r"data_offsets \[-8, 0\]"),
    "begin > end": ({"header": entry(data_offsets=[8, 0])}, "begin <= end"),
    "three offsets": ({"header": entry(data_offsets=[0, 4, 8])}, "begin <= end"),
    "size against shape": ({"header": entry(shape=[3])}, "takes 12 bytes.*holds 8"),
    "overlap": (
        {"header": {"a": F32, "b": F32 | {"data_offsets": [4, 12]}}, "data": bytes(12)},
        "'b'.*overlap",
    ),
    "same place twice": ({"header": {"a": F32, "b": F32}, "data": bytes(8)}, "'b'.*overlap"),
    "hole": ({"header": entry(data_offsets=[4, 12]), "data": bytes(12)}, "'a'.*hole"),
    "trailing bytes": ({"header": {"a": F32}, "data": bytes(9)}, "1 trailing bytes"),
    "truncated": ({"header": {"a": F32}, "data": bytes(7)}, "truncated.*8 bytes.*holds 7"),
    "bool byte": (
        {"header": entry(dtype="BOOL", data_offsets=[0, 2]), "data": b"\1\2"},
        "neither 0 nor 1",
    ),
    "metadata list": ({"header": {"__metadata__": []}}, "__metadata__"),
    "metadata number": ({"header": {"__metadata__": {"a": 1}}}, "__metadata__"),
}


@pytest.mark.parametrize("content, text", BAD.values(), ids=BAD.keys())
def test_bad_files(tmp_path, content, text):
    path = tmp_path / "bad.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        put(path, **content)
    for function in (read, load):
        with pytest.raises(FormatError, match=text) as caught:
            function(path)
        assert str(path) in str(caught.value)
        assert len(str(caught.value)) < len(str(path)) + 300


def test_special_files(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, tmp_path, "/dev/zero"):
        with pytest.raises(FormatError, match="not a regular file"):
            read(path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none")
    link = tmp_path / "link"
    write(tmp_path / "a", {"x": np.ones(2)})
    link.symlink_to("a")
    assert read(link)[0]["x"].tolist() == [1, 1]


def test_truncated_while_reading(tmp_path, monkeypatch):
    path = put(tmp_path / "a", {"a": F32}, bytes(4))
    real = os.fstat

    def longer(handle):
        status = list(real(handle))
        status[stat.ST_SIZE] += 4
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", longer)
    with pytest.raises(FormatError, match="truncated while reading: 4 bytes"):
        read(path)


def test_mutations(tmp_path):
    path = tmp_path / "a.safetensors"
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    save(model, path, extra={"names": ["a", "b"]})
    good = path.read_bytes()
    size = 8 + int.from_bytes(good[:8], "little")
    rng = random.Random(0)
    refused = 0
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(rng.choice([1, 1, 2, 5])):
            place = rng.randrange(size if rng.random() < 0.9 else len(bad))
            kind = rng.randrange(4)
            if kind == 0:
                bad[place] = rng.randrange(256)
            elif kind == 1:
                bad[place] ^= 1 << rng.randrange(8)
            elif kind == 2:
                del bad[place : place + rng.randrange(1, 5)]
            else:
                bad[place:place] = bytes(rng.choices(b'0189-"[]{},:eE.', k=rng.randrange(1, 4)))
            size = max(min(size, len(bad)), 1)
        path.write_bytes(bad)
        try:
            load(path)
        except FormatError:
            refused += 1
    assert refused > 150


# ---- saving ----


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


# ---- models ----


def net(dtype=np.float32):
    return nn.Sequential(
        nn.Linear(4, 5, dtype=dtype),
        nn.Tanh(),
        nn.Sequential(nn.Linear(5, 3, bias=False, dtype=dtype), nn.Sigmoid(), nn.Identity()),
        nn.ReLU(),
        nn.Linear(3, 2, dtype=dtype),
        nn.Softmax(1),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_model_round_trip(tmp_path, dtype):
    path = tmp_path / "net.safetensors"
    model = net(dtype)
    save(model, path, extra={"classes": ["a", "ü"], "mean": [0.1, 1e300]})
    again, extra = load_with_extra(path)
    assert extra == {"classes": ["a", "ü"], "mean": [0.1, 1e300]}
    assert repr(again) == repr(model)
    state, other = model.state_dict(), again.state_dict()
    assert list(state) == list(other)
    for name in state:
        left, right = np.asarray(state[name]), np.asarray(other[name])
        assert left.dtype == right.dtype == dtype
        assert left.tobytes() == right.tobytes()
    x = np.linspace(-1, 1, 12).reshape(3, 4).astype(dtype)
    assert np.array_equal(np.asarray(model.predict(x)), np.asarray(again.predict(x)))
    theirs = oracle.load_file(path)
    assert theirs["0.weight"].shape == (5, 4)
    assert np.array_equal(theirs["0.weight"], np.asarray(state["0.weight"]))


def test_public_names(tmp_path):
    model = net()
    model.save(tmp_path / "a")
    assert repr(fastnn.load(tmp_path / "a")) == repr(model)
    fastnn.save(model, tmp_path / "a")


def test_model_not_saved(tmp_path):
    class Mine(nn.ReLU):
        pass

    path = tmp_path / "net"
    with pytest.raises(TypeError, match=r"layer 1.*one of Sequential, Linear.*Mine"):
        save(nn.Sequential(nn.Linear(1, 1), Mine()), path)
    with pytest.raises(TypeError, match=r"model: expected nn.Sequential, got Linear"):
        save(nn.Linear(1, 1), path)
    with pytest.raises(TypeError, match="could not be loaded again"):
        save(nn.Sequential({"first": nn.Linear(1, 1)}), path)
    with pytest.raises(TypeError, match="extra"):
        save(net(), path, extra={"a": object()})
    with pytest.raises(TypeError, match="extra"):
        save(net(), path, extra={"a": float("nan")})
    model = net()
    state = {name: np.array(tensor) for name, tensor in model.state_dict().items()}
    state["4.bias"][1] = np.nan
    model.load_state_dict(state)
    with pytest.raises(ValueError, match=r"4\.bias holds nan"):
        save(model, path)
    assert os.listdir(tmp_path) == []


LINEAR = {"type": "Linear", "in_features": 2, "out_features": 1, "bias": False}
WEIGHT = {"0.weight": np.ones((1, 2), np.float32)}


def model_file(path, tensors=WEIGHT, text=None, **changes):
    config = {"schema": 1, "layers": [LINEAR]} | changes
    write(path, tensors, {"fastnn": json.dumps(config) if text is None else text})
    return path


def layer(**changes):
    return {"layers": [LINEAR | changes]}


BAD_MODELS = {
    "no schema": ({"schema": None}, "schema None, expected 1"),
    "later schema": ({"schema": 2}, "schema 2, expected 1"),
    "schema true": ({"schema": True}, "schema True"),
    "not JSON": ({"text": "{"}, "not JSON"),
    "not an object": ({"text": "[]"}, "expected a JSON object"),
    "deep": ({"text": '{"a":' * 10**5}, "nest"),
    "extra": ({"extra": 1}, "extra"),
    "no layers": ({"layers": None}, "layers is not a list"),
    "layer is text": ({"layers": ["ReLU"]}, "type None"),
    "unknown type": (layer(type="os.system"), "'os.system' is not one of"),
    "hidden type": (layer(type="Module"), "'Module' is not one of"),
    "type is a list": (layer(type=["Linear"]), "is not one of"),
    "unknown option": (layer(device="cuda"), "takes in_features, out_features, bias"),
    "missing option": ({"layers": [{"type": "Linear", "in_features": 2}]}, "takes in_features"),
    "10^9 units": (layer(out_features=10**9), "configuration says"),
    "10^30 units": (layer(out_features=10**30), "cannot have out_features"),
    "no units": (layer(out_features=0), "cannot have out_features = 0"),
    "width float": (layer(in_features=2.0), "cannot have in_features = 2.0"),
    "width true": (layer(out_features=True), "cannot have out_features = True"),
    "bias 1": (layer(bias=1), "cannot have bias = 1"),
    "bias without tensor": (layer(bias=True), "'0.bias' is missing"),
    "shape": (layer(in_features=3), r"shape \(1, 2\), but the configuration says \(1, 3\)"),
    "missing tensor": ({"tensors": {}}, "'0.weight' is missing"),
    "extra tensor": ({"tensors": WEIGHT | {"z": np.ones(1)}}, "'z': not in the configuration"),
    "wrong dtype": ({"tensors": {"0.weight": np.ones((1, 2), np.int32)}}, "got int32"),
    "softmax dim": ({"layers": [{"type": "Softmax", "dim": 99}]}, "cannot have dim = 99"),
    "self-containing": (
        {"layers": json.loads('[{"type":"Sequential","layers":' * 50 + "[]" + "}]" * 50)},
        "deeper than 20",
    ),
}


@pytest.mark.parametrize("changes, text", BAD_MODELS.values(), ids=BAD_MODELS.keys())
def test_bad_models(tmp_path, changes, text):
    path = model_file(tmp_path / "net", **changes)
    with pytest.raises(FormatError, match=text) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_weights_without_configuration(tmp_path):
    write(tmp_path / "a", WEIGHT)
    with pytest.raises(FormatError, match="no fastnn configuration"):
        load(tmp_path / "a")

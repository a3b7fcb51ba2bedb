"""Files: the safetensors codec against its oracle and against hostile files."""

import io
import json
import os
import random
import stat
import tracemalloc

import numpy as np
import pytest
import safetensors.numpy as oracle
from conftest import PROFILE

from fastnn import nn, optim
from fastnn.io import FormatError, load, read, save, write

F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def put(path, header, data=b"", length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(raw) if length is None else length).to_bytes(8, "little") + raw + data)
    return path


def entry(**changes):
    return {"a": F32 | changes}


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
        ({"a": np.ones(1, np.longdouble)}, None, TypeError, "float128|longdouble|float96"),
        ({"a": np.ones(1, np.complex64)}, None, TypeError, "complex64"),
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


MUTATIONS = {"test": 1000, "nightly": 20_000, "release": 50_000}[PROFILE]  # of each file and seed


def mutated(good, rng, header):
    """Some bytes changed, taken out or put in, most of them in the header."""
    bad = bytearray(good)
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(header if rng.random() < 0.9 else len(bad))
        kind = rng.randrange(4)
        if kind == 0:
            bad[place] = rng.randrange(256)
        elif kind == 1:
            bad[place] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del bad[place : place + rng.randrange(1, 5)]
        else:
            bad[place:place] = bytes(rng.choices(b'0189-"[]{},:eE.', k=rng.randrange(1, 4)))
        header = max(min(header, len(bad)), 1)
    return bad


def mutate(path, kind, seed, count=MUTATIONS):
    """Of a model or a checkpoint: FormatError, or something else that is loaded. Returns how many
    were refused, and the memory that loads may take. Most are read from memory: to write a file
    again takes ten times as long as to read it."""
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    if kind == "model":
        save(net, path, extra={"names": ["a", "b"]})
    else:
        optimizer = optim.Adam(net.parameters()).state_dict()
        save({"net": net.state_dict(), "optimizer": optimizer, "best": float("inf")}, path)
    good = path.read_bytes()
    size = 8 + int.from_bytes(good[:8], "little")
    rng = random.Random(seed)
    refused = 0
    for i in range(count):
        bad = mutated(good, rng, size)
        if i % 100 == 0:
            path.write_bytes(bad)
        try:
            load(io.BytesIO(bad) if i % 100 else path)
        except FormatError:
            refused += 1
    return refused, 2 * len(good) + 16_000_000


@pytest.mark.parametrize("kind", ["model", "state"])
def test_mutations(tmp_path, kind):
    """`make test-release ROWS=R25` does more of this."""
    tracemalloc.start()
    refused, most = mutate(tmp_path / "a.safetensors", kind, 0)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > MUTATIONS // 2 and taken < most

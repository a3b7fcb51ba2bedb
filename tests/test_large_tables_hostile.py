"""Tables that somebody has changed: an error that names the file, soon, and in little memory."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastnn.cli import main
from fastnn.io import open_table
from fastnn.io.rows import text
from fastnn.playground import columns_of
from fastnn.tabular.reading import read_table

LONG = "w" * 200_000  # more than the csv module takes for a cell
CSV: dict[str, tuple[bytes, str]] = {
    "a long cell": (f"a,kind\n1,u\n2,{LONG}\n".encode(), "field larger than .* at row 1"),
    "a long name": (f"a,{LONG}\n1,u\n".encode(), "field larger than .* in the first line"),
    "UTF-16": ("a,kind\n1,u\n".encode("utf-16"), "expected UTF-8 text.* in the first line"),
    "another encoding, a name": ("a,größe\n1,u\n".encode("latin-1"), "expected UTF-8.* first line"),
    "another encoding, a class": ("a,kind\n1,u\n1,ü\n".encode("latin-1"), "UTF-8.* at row 1"),
    "another encoding, a number": ("a,b,kind\n1,2ü,u\n".encode("latin-1"), "expected UTF-8 text"),
    "an open quote": (b'a,kind\n1,u\n2,"v\n' + b"3,w\n" * 500, "line 3 has more than 1000 .*quote"),
    "a long line": (b"a,kind\n1,u\n" + b"2" * 5000, "line 3 has more than 1000 bytes$"),
    "no line": (b"7" * 5000, "expected a first line with the columns' names"),
    "one cell more": (b"a,kind\n1,u\n1,u,v\n", "expected 2 cells, got 3 at row 1"),
}


def refused(read: Callable[[str], Any], path: Path, says: str | None = None) -> None:
    """By a ValueError or TypeError that names the file."""
    with pytest.raises((ValueError, TypeError), match=says) as caught:
        read(str(path))
    assert path.name in str(caught.value), caught.value


def rows(path: str) -> list[np.ndarray]:
    """All rows of a table with classes."""
    table = open_table(path, target="kind")
    return [part.copy() for part in table.read()]


@pytest.mark.parametrize("name", CSV)
def test_text(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, says = CSV[name]
    if b"quote" in name.encode() or "line" in name:
        monkeypatch.setattr(text, "MOST", 1000)
    (tmp_path / "t.csv").write_bytes(content)
    refused(rows, tmp_path / "t.csv", says)


def test_an_open_quote_is_found_in_linear_time(tmp_path: Path) -> None:
    """The lines after it were joined one by one: hours for a large file."""
    (tmp_path / "t.csv").write_bytes(b'a,kind\n"1,u\n' + b"2,v\n" * 400_000)
    refused(rows, tmp_path / "t.csv", "a quote is open")


def npy(header: str, data: bytes = bytes(48)) -> bytes:
    raw = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw)) + raw + data


KEYS = "'fortran_order': False, 'shape': (2, 3)"
NPY: dict[str, bytes] = {
    "rubbish": b"rubbish" * 50,
    "magic alone": b"\x93NUMPY\x01\x00",
    "keys of two types": npy(f"{{'descr': '<f8', 1: 2, {KEYS}}}"),
    "a key that is a list": npy("{[]: 1}"),
    "many signs": npy("-" * 9000 + "1"),
    "deep": npy("(" * 9000),
    "no dict": npy("[1, 2]"),
    "rows below zero": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 3)}"),
    "columns below zero": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, -3)}"),
    "more rows than bytes": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2**0, 3)}"),
    "10^30 rows": npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**30}, 3)}}"),
    "no type": npy(f"{{'descr': '<q9', {KEYS}}}"),
    "a type that is a list": npy(f"{{'descr': [()], {KEYS}}}"),
    "a type that is a dict": npy(f"{{'descr': {{'names': 3}}, {KEYS}}}"),
    "objects": npy(f"{{'descr': '|O', {KEYS}}}"),
    "texts": npy(f"{{'descr': '<U2', {KEYS}}}"),
    "arrays": npy(f"{{'descr': '(3,)<f4', {KEYS}}}"),
    "cut short": npy(f"{{'descr': '<f8', {KEYS}}}", bytes(40)),
}


@pytest.mark.parametrize("name", NPY)
def test_npy(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(NPY[name])
    refused(lambda path: open_table(path).read(), tmp_path / "x.npy")


def changed(good: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, taken out or put in."""
    bad = bytearray(good)
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(len(bad))
        if rng.random() < 0.5:
            bad[place] ^= 1 << rng.randrange(8)
        else:
            bad[place : place + rng.randrange(3)] = rng.choice(
                [b"", b'"', b"\0", b"-", b"9", b"\n"]
            )
    return bytes(bad)


@pytest.mark.filterwarnings("ignore:Reading `.npy`")
@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_changed_bytes(kind: str, tmp_path: Path) -> None:
    """Another table, or refused."""
    path = tmp_path / f"t.{kind}"
    read: Callable[[str], Any] = rows if kind == "csv" else lambda p: open_table(p).read()
    np.save(tmp_path / "good.npy", np.arange(6.0).reshape(2, 3))
    good = b'a,"b c",kind\n1,2,u\n-3.5,4e1,"v ""w"""\n'
    good = good if kind == "csv" else (tmp_path / "good.npy").read_bytes()
    rng, bad = random.Random(0), 0
    for _ in range(150):
        path.write_bytes(changed(good, rng))
        try:
            read(str(path))
        except (ValueError, TypeError) as error:
            assert path.name in str(error) or str(error).startswith(("y:", "target")), error
            bad += 1
    assert bad > 15


def test_other_readers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the csv module and zlib raise of their own kinds."""
    packed = bytearray(gzip.compress(b"a,b\n" + b"1,2\n" * 500))
    packed[12] ^= 0x7
    (tmp_path / "t.csv.gz").write_bytes(packed)
    refused(read_table, tmp_path / "t.csv.gz", "not a whole gzip file")
    (tmp_path / "t.csv").write_bytes(CSV["a long name"][0])
    refused(columns_of, tmp_path / "t.csv", "field larger than")
    refused(read_table, tmp_path / "t.csv", "field larger than")
    assert main(["train", str(tmp_path / "t.csv"), "--na", "a\rb"]) == 2
    assert "argument --na: expected A,B" in capsys.readouterr().err

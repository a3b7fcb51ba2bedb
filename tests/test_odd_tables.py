"""Tables of odd content that `open_table` refuses, by the argument and the file, or reads as meant:
ragged rows, columns in another order, files without rows, byte orders, texts beside numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.io import LargeTable, open_table

X = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
ROWS = [f"{a:.4f},{b:.4f},{c}" for (a, b), c in zip(X, Y, strict=True)]
GOOD = "\n".join(["a,b,t", *ROWS])


def text(tmp_path: Path, *contents: str | bytes) -> list[str]:
    """CSV files of these contents."""
    paths = [tmp_path / f"{i}.csv" for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [str(path) for path in paths]


def trained(table: LargeTable) -> bytes:
    fastnn.manual_seed(0)
    model = nn.Linear(2, 2)
    fastnn.Trainer(model, "cross_entropy", optim.Adam(model.parameters())).fit(table, verbose=0)
    return model.weight.detach().numpy().tobytes()


# The second of two files: what it has -> what is said. The first one is GOOD.
BAD_FILES: dict[str, tuple[str | bytes, str]] = {
    "a cell too many": (f"{GOOD}\n1,2,1,4\n", r"x: \S*1\.csv: expected 3 cells, got 4 at row 40"),
    "a comma at the end": (f"{GOOD}\n1,2,1,\n", "expected 3 cells, got 4 at row 40"),
    "a cell too few": (f"{GOOD}\n1,2\n", "expected 3 cells, got 2 at row 40"),
    "quoted, one too many": (f'{GOOD}\n"1",2,1,4\n', "expected 3 cells, got 4 at row 40"),
    "a gap": (f"{GOOD}\n,2,1\n", r"expected numbers, got '' at row 40 of column 'a'"),
    "a text": (f"{GOOD}\n1,NA,1\n", r"expected numbers, got 'NA' at row 40 of column 'b'"),
    "no UTF-8": (GOOD.encode() + b"\n\xff,2,1\n", r"1\.csv: expected UTF-8 text; .*, at row 40"),
    "UTF-16": (GOOD.encode("utf-16"), r"1\.csv: expected UTF-8 text; .*, in the first line"),
    "lines that end in CR": (GOOD.replace("\n", "\r"), r"1\.csv: expected lines that end in"),
    "other columns": (GOOD.replace("b", "c", 1), "the same columns in all files, got a, b in .*0"),
    "a name twice": (GOOD.replace("b", "a", 1), "each column name once, got 'a' twice in .*1.csv"),
    "texts for numbers": (
        GOOD.replace(",0\n", ",no\n").replace(",1\n", ",yes\n"),
        r"y: expected texts in all files, or numbers in all, got \S*0\.csv and",
    ),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_bad_csv_files(what: str, tmp_path: Path) -> None:
    content, said = BAD_FILES[what]
    with pytest.raises(ValueError, match=said):
        trained(open_table(text(tmp_path, GOOD, content), target="t"))


def turned() -> str:
    cells = [line.split(",") for line in GOOD.split("\n")]
    return "\n".join(",".join([t, b, a]) for a, b, t in cells)


def test_columns_in_another_order_are_put_in_that_of_the_first_file(tmp_path: Path) -> None:
    want = trained(open_table(text(tmp_path, GOOD, GOOD), target="t"))
    found = open_table(text(tmp_path, GOOD, turned()), target="t")
    assert trained(found) == want and found.columns == ("a", "b")


@pytest.mark.parametrize("at", [0, 1])
def test_files_without_rows_are_left_out(at: int, tmp_path: Path) -> None:
    want = trained(open_table(text(tmp_path, GOOD), target="t"))
    both = [GOOD, "a,b,t\n"] if at else ["a,b,t\n", GOOD]
    assert trained(open_table(text(tmp_path, *both), target="t")) == want


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "another byte order": (lambda: open_table(X.astype(">f4"), Y), "x: expected .* byte order"),
    "16 bytes": (lambda: open_table(X.astype(np.longdouble), Y), "x: expected numbers of 8 bytes"),
    "objects": (lambda: open_table(X.astype(object), Y), "x: expected numbers, got object"),
    "texts in batches": (lambda: open_table([(X.astype(str), Y)]), "x: expected numbers, got <U"),
    "classes of texts": (lambda: open_table([(X, Y.astype(str))]), "y: expected numbers, got <U"),
    "byte order in batches": (lambda: open_table([(X, Y.astype(">i8"))]), "y: expected .* byte or"),
    "no iterator": (lambda: open_table(lambda: 3), "x: expected a function .*, it gave 3"),
    "None": (lambda: open_table(lambda: None), "x: expected a function .*, it gave None"),
    "too much memory": (lambda: open_table(X, Y, memory="9" * 400 + "GB"), "memory: expected byt"),
}


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize <= 8, reason="no longer numbers here")
@pytest.mark.parametrize("what", WRONG)
def test_wrong_arguments(what: str) -> None:
    make, said = WRONG[what]
    with pytest.raises((TypeError, ValueError), match=said):
        make()


NAMES: dict[str, tuple[dict[str, Any], str]] = {
    "features": ({"features": "ab"}, "features: expected a list of names, got 'ab'"),
    "drop": ({"drop": "a"}, "drop: expected a list of names, got 'a'"),
    "weight": ({"sample_weight": "t"}, "sample_weight: expected another column than target, 't'"),
}


@pytest.mark.parametrize("what", NAMES)
def test_wrong_names(what: str, tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError), match=NAMES[what][1]):
        open_table(text(tmp_path, GOOD), target="t", **NAMES[what][0])


def test_a_weight_below_0_is_named_with_its_row() -> None:
    weights = np.where(np.arange(40) == 33, -2.0, 1.0)
    with pytest.raises(ValueError, match="sample_weight: expected numbers >= 0, got -2 at row 33"):
        trained(open_table(X, Y, sample_weight=weights))


def test_a_header_with_a_negative_shape(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    data = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(data.replace(b"(40, 2), ", b"(-40, 2),"))
    with pytest.raises(ValueError, match=r"x\.npy is no \.npy file: a shape of \(-40, 2\)"):
        open_table(str(tmp_path / "x.npy"))


# ---- Arrow ----


def parquet(tmp_path: Path, *columns: dict[str, Any]) -> list[str]:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as writer

    paths = [str(tmp_path / f"{i}.parquet") for i in range(len(columns))]
    for path, each in zip(paths, columns, strict=True):
        writer.write_table(arrow.table(each), path)
    return paths


ARROW = {"a": X[:, 0], "b": X[:, 1], "t": Y}
BAD_ARROW: dict[str, tuple[dict[str, Any], str]] = {
    "other columns": ({"a": X[:, 0], "c": X[:, 1], "t": Y}, "expected the same columns in all"),
    "another type": ({**ARROW, "a": X[:, 0].astype(float)}, "x: expected shards of one width and"),
    "another type of y": ({**ARROW, "t": Y.astype(np.int32)}, "y: expected shards of one width"),
    "texts beside numbers": ({**ARROW, "t": Y.astype(str)}, "y: expected texts in all files, or"),
    "bytes": ({**ARROW, "t": [b"a", b"b"] * 20}, "y: expected numbers, got column 't' of binary"),
}


@pytest.mark.parametrize("what", BAD_ARROW)
def test_bad_parquet_files(what: str, tmp_path: Path) -> None:
    columns, said = BAD_ARROW[what]
    with pytest.raises((TypeError, ValueError), match=said):
        open_table(parquet(tmp_path, ARROW, columns), target="t")


def test_parquet_columns_in_another_order_and_without_rows(tmp_path: Path) -> None:
    want = trained(open_table(parquet(tmp_path, ARROW, ARROW), target="t"))
    other = {name: ARROW[name] for name in ("t", "b", "a")}
    nothing = {name: values[:0] for name, values in ARROW.items()}
    assert trained(open_table(parquet(tmp_path, ARROW, other, nothing), target="t")) == want


def test_names_that_are_there_twice() -> None:
    arrow = pytest.importorskip("pyarrow")
    twice = arrow.Table.from_arrays([arrow.array(Y)] * 3, names=["a", "a", "t"])
    with pytest.raises(ValueError, match="expected each column name once, got 'a' twice"):
        open_table(twice, target="t")


def test_a_record_batch_is_a_table_and_a_reader_is_none() -> None:
    arrow = pytest.importorskip("pyarrow")
    want = trained(open_table(arrow.table(ARROW), target="t"))
    assert trained(open_table(arrow.record_batch(ARROW), target="t")) == want
    with pytest.raises(TypeError, match=r"RecordBatchReader; give its read_all\(\)"):
        open_table(arrow.table(ARROW).to_reader(), target="t")

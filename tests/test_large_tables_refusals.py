"""Large tables that are refused as a whole, and rows of kinds that are rare."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from large_tables import X, Y, files, written

import fastnn
from fastnn.io import open_table
from fastnn.io.rows import arrow, looks, text
from fastnn.io.rows.source import with_row

CSV = "a,b,kind\n1,2,u\n3,4,v\n5,6,w\n"
Open = Callable[[Path], object]


def csv(folder: Path, content: str = CSV, **options: Any) -> Any:
    (folder / "t.csv").write_text(content)
    return open_table(folder / "t.csv", **options)


def table_of(**columns: Any) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


def csv_data_set(folder: Path) -> Any:
    pytest.importorskip("pyarrow")
    from pyarrow import dataset

    (folder / "t.csv").write_text(CSV)
    return dataset.dataset([dataset.dataset(folder / "t.csv", format="csv")])


def changed_after_opening(folder: Path, content: str) -> None:
    table = csv(folder, target="kind")
    (folder / "t.csv").write_text(content)
    table.read()


REFUSED: dict[str, tuple[Open, type[Exception], str]] = {
    "no table": (lambda at: open_table(5), TypeError, "x: expected an array, files, or something"),
    "a folder": (lambda at: open_table(at), ValueError, "x: .* is no kind of table that is known"),
    "a mask": (lambda at: open_table(np.ma.array(X)), TypeError, "x: expected no mask"),
    "one number": (lambda at: open_table(np.array(3.0)), ValueError, "x: expected rows, got a sin"),
    "files of two kinds": (
        lambda at: open_table([*files(at), str(at / "t.csv")]), ValueError, "x: expected files of"
    ),
    "names for an array": (
        lambda at: open_table(X, target="a"), TypeError, "target, features: expected None"
    ),
    "y beside batches": (
        lambda at: open_table([(X, Y)], Y), TypeError, r"y: expected it within the batches \(x, y\)"
    ),
    "weights alone": (
        lambda at: open_table(X, sample_weight=np.ones(len(X))), ValueError,
        "sample_weight: expected y with it",
    ),
    "four parts of a batch": (
        lambda at: open_table([(X, Y, Y, Y)]), ValueError, r"batches \(x, y\) or .* in batch 0"
    ),
    "parts of two lengths": (
        lambda at: open_table([(X, Y[1:])]), ValueError, r"of as many rows each, got \[\(400, 3\)"
    ),
    "bytes turned round, in a map": (
        lambda at: open_table(np.memmap(written(at, bytes(48)), ">f4", "r", shape=(4, 3))),
        TypeError, "x: expected numbers in the byte order of this machine, got >f4; convert",
    ),
    "moments of no targets": (
        lambda at: open_table(X).moments("y"), ValueError, "y: expected targets in the table"
    ),
    "targets that are not there": (
        lambda at: open_table(X).scaled_targets(0.0, 1.0), ValueError, "y: expected targets in the"
    ),
    "a mean alone": (
        lambda at: open_table(X).standardized(mean=np.zeros(3)), ValueError, "mean, std: expected b"
    ),
    "a mean for two columns": (
        lambda at: open_table(X).standardized(np.zeros(2), np.ones(3)), ValueError,
        r"mean: expected a finite number for each column, \(3,\), got \(2,\)",
    ),
    "an infinite std": (
        lambda at: open_table(X).standardized(np.zeros(3), np.full(3, np.inf)), ValueError,
        "std: expected a finite number for each column",
    ),
    "a split of one row": (
        lambda at: open_table(X[:1]).split(0.5), ValueError,
        "validation_split: expected rows in both parts of 1, got",
    ),
    "a column to drop": (
        lambda at: csv(at, drop=["c"]), ValueError, "drop: expected some of the columns a, b, kind"
    ),
    "a column to select": (
        lambda at: csv(at, target="kind").select(["a", "c"]), ValueError, "x: no column 'c' in"
    ),
    "many classes": (lambda at: csv(at, target="kind"), ValueError, "at most 2 classes, got more"),
    "many classes of Arrow": (
        lambda at: open_table(table_of(a=[1, 2, 3], kind=["u", "v", "w"]), target="kind"),
        ValueError, "y: expected at most 2 classes, got more in 'kind'",
    ),
    "no class known to Arrow": (
        lambda at: arrow.arrow_source(
            table_of(a=[1, 2], kind=["u", "v"]), arrow.Asked("kind", None, None, ())
        ).relabelled(("u", "w")).read(0, 2, [np.empty((2, 1)), np.empty(2, np.int64)]),
        ValueError, r"y: class 'v' is not one of \('u', 'w'\)",
    ),
    "a data set in memory": (
        lambda at: open_table(csv_data_set(at)), TypeError, "or an Arrow dataset of Parquet files"
    ),
    "no such Parquet file": (
        lambda at: open_table(at / "none.parquet"), FileNotFoundError, "none.parquet"
    ),
    "cut short after it was opened": (
        lambda at: changed_after_opening(at, "a,b,kind\n1,2,u\n"), ValueError,
        "t.csv ends after 1 of 3 rows: it was cut short while it was read",
    ),
    "another class after it was opened": (
        lambda at: changed_after_opening(at, CSV.replace("w", "x")), ValueError,
        "y: .*t.csv: class 'x' is not known, at row 2",
    ),
    "a number that only Python reads": (
        lambda at: csv(at, "a,b\n1,2\n1,2_0\n").read(), ValueError,
        "x: .*t.csv: could not convert string '2_0' .* at row 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, error, says = REFUSED[name]
    if "many" in name:
        monkeypatch.setattr(text, "MANY_CLASSES", 2)
        monkeypatch.setattr(arrow, "MANY_CLASSES", 2)
    with pytest.raises(error, match=says):
        run(tmp_path)


def test_an_error_that_names_no_row_stays_as_it_is() -> None:
    error = ValueError("x: no numbers")
    assert with_row(error, lambda row: row + 1, lambda row: "a.npy") is error


def test_files_are_given_back_once(tmp_path: Path) -> None:
    """Another file may have the number by then."""
    source = open_table(files(tmp_path)[0]).source
    source.close()
    with open(tmp_path / "other", "wb") as other:
        source.close()
        os.fstat(other.fileno())
        assert source._file == -1


def test_a_shard_without_rows(tmp_path: Path) -> None:
    table = open_table(files(tmp_path, cuts=(0, 90, 90, len(X))))
    np.testing.assert_array_equal(table.read(80, 100)[0], X[80:100])


def test_bfloat16_is_read_as_it_is_stored() -> None:
    x = fastnn.tensor(X).to(fastnn.bfloat16)
    table = open_table(x)
    assert table.read(3, 9)[0].dtype == np.dtype("V2")
    np.testing.assert_array_equal(table.standardized([0] * 3, [1] * 3).read()[0], x.float().numpy())


def test_targets_from_a_list() -> None:
    np.testing.assert_array_equal(open_table(X, Y.tolist()).read(5, 9)[1], Y[5:9])


def test_scaled_targets_of_some_columns() -> None:
    """x alone is read as it is, and columns may be selected."""
    table = open_table(table_of(a=X[:, 0], b=X[:, 1], y=X[:, 2]), target="y").scaled_targets(2.0, 4)
    x = np.empty((4, 2), np.float32)
    table.source.read(6, 10, [x])
    np.testing.assert_array_equal(x, X[6:10, :2])
    x, y = table.select(["b"]).read(6, 10)
    np.testing.assert_array_equal(x, X[6:10, 1:2])
    np.testing.assert_array_equal(y, ((X[6:10, 2].astype(np.float64) - 2) / 4).astype(np.float32))


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (Y, {0: 134, 1: 133, 2: 133}),
        (Y + 0.5, None),
        (np.where(np.arange(len(Y)) == 0, 0.5, Y), None),
        (np.where(np.arange(len(Y)) == 399, 0.5, Y), None),
        (np.arange(400.0), None),
        (np.float64(2.0**60) * Y, None),
    ],
    ids=["classes", "halves", "a half at first", "a half at the end", "many", "far apart"],
)
def test_classes_are_counted(y: Any, labels: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where targets are classes, whatever is read at a time."""
    monkeypatch.setattr(looks, "PIECE", 1000)
    monkeypatch.setattr(looks, "MANY", 20)
    assert open_table(X, y).look().labels == labels

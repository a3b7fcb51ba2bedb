"""Tables: CSV files good and bad, the rule for tasks, the split, scaling, the bundled sets."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from fastnn.tabular.design import Standardizer
from fastnn.tabular.table import load_table, read_csv, split


@pytest.fixture
def table_file(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "t.csv"
        path.write_text(text, encoding=encoding)
        return path

    return write


def test_classes(table_file):
    table = read_csv(table_file("a,kind,b\n1,oak,2e1\n-3.5, elm ,+4\n\n0,oak,.5\n"), "kind")
    assert numbers(table) == [[1, 20], [-3.5, 4], [0, 0.5]]
    assert table.y.dtype == np.int64
    assert (table.rows.names, table.classes, table.target) == (("a", "b"), ("elm", "oak"), "kind")
    assert table.y.tolist() == [1, 0, 1]
    assert table.task == "classification"


def numbers(table):
    return np.stack([c.values for c in table.rows.columns.values()], axis=1).tolist()


@pytest.mark.parametrize(
    "cells, classes",
    [
        (["0", "1", "0", "1"], ("0", "1")),
        (["10", "9", "10", "9"], ("9", "10")),
        (["1.0", "2", "1", "2.0"], ("1", "2")),
        (["a", "1", "b", "2"], ("1", "2", "a", "b")),
        (["007", "7", "007", "7"], ("007", "7")),
        (["01", "02", "01", "02"], ("01", "02")),
        (["1", "2", "3", "3"], ()),  # whole, but hardly any comes twice
        (["0.5", "1", "0.5", "1"], ()),
        ([str(i % 21) for i in range(100)], ()),
        ([str(i % 20) for i in range(100)], tuple(map(str, range(20)))),
    ],
)
def test_task_rule(table_file, cells, classes):
    path = table_file("x,y\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells)))
    table = read_csv(path, "y")
    assert table.classes == classes
    if not classes:
        assert table.y.tolist() == [[float(cell)] for cell in cells]
    forced = read_csv(path, "y", task="classification")
    assert len(forced.classes) == len({*map(str, forced.classes)}) >= 2
    if "a" not in cells and "007" not in cells and "01" not in cells:
        assert read_csv(path, "y", task="regression").y.shape == (len(cells), 1)


def test_chosen_columns_and_classes(table_file):
    path = table_file("name,b,a,y\nx,1,2,q\nz,3,4,q\n", encoding="utf-8-sig")
    table = read_csv(path, "y", features=("a", "b"), classes=("p", "q"))
    assert numbers(table) == [[2, 1], [4, 3]]
    assert table.y.tolist() == [1, 1]
    assert read_csv(path, features=["b"]).y is None
    assert read_csv(path, "y", drop=["name"], classes=("p", "q")).rows.names == ("b", "a")


BAD = {
    "empty": ("", "empty"),
    "header only": ("a,y\n", "no rows"),
    "no header": ("1,2\n3,4\n", "line 1 holds numbers only"),
    "column twice": ("a,a,y\n1,2,3\n", "two columns are called 'a'"),
    "unnamed column": ("a,,y\n1,2,3\n", "line 1: column 2 has no name"),
    "no target": ("a,b\n1,2\n", "no column 'y'.*'a', 'b'"),
    "no feature": ("y\n1\n2\n", "no feature column"),
    "short row": ("a,y\n1,1\n2\n", "line 3: expected 2 cells, got 1"),
    "long row": ("a,y\n1,1,1\n", "line 2: expected 2 cells, got 3"),
    "long row after a blank line": ("a,y\n1,1\n\n1,1,1\n", "line 4: expected 2 cells, got 3"),
    "no label": ("a,y\n1,\n", "column 'y': the target has no values at all"),
    "infinite target": ("a,y\n1,.5\n2,inf\n3,.7", "line 3, column 'y'.*finite number, got inf"),
    "one class": ("a,y\n1,p\n2,p\n", "at least two classes, got only 'p'"),
    "open quote": ('a,y\n"1,2\n', "line 2: unexpected end"),
}


@pytest.mark.parametrize("text, message", BAD.values(), ids=BAD.keys())
def test_bad_tables(table_file, text, message):
    path = table_file(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_csv(path, "y")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_targets(table_file):
    path = table_file("a,y\n1,p\n2,q\n")
    with pytest.raises(ValueError, match="expected numbers for a regression, got 'p'"):
        read_csv(path, "y", task="regression")
    with pytest.raises(ValueError, match="class 'q' is not one of 'p', 'r'"):
        read_csv(path, "y", classes=("p", "r"))
    for arguments in ({"features": ("a", "b", "c")}, {"drop": ("b", "c")}):
        with pytest.raises(ValueError, match="no column 'b', 'c'; it has 'a', 'y'"):
            read_csv(path, "y", **arguments)
    path.write_bytes(b"a,y\n1,\xff\n")
    with pytest.raises(ValueError, match=r"line 2: not UTF-8 text.*cp1252"):
        read_csv(path, "y")
    with pytest.raises(FileNotFoundError):
        read_csv(path.with_name("none.csv"), "y")


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    counts=st.lists(st.integers(1, 30), min_size=2, max_size=5),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
    stratify=st.booleans(),
)
def test_split(counts, share, seed, stratify):
    y = np.repeat(np.arange(len(counts)), counts)
    train, test = split(y, share, seed, stratify=stratify)
    n = len(y)
    assert sorted([*train, *test]) == list(range(n))
    assert len(test) == min(max(round(n * share), 1), n - 1)
    if stratify:
        for label, count in enumerate(counts):
            assert abs((y[test] == label).sum() - count * len(test) / n) < 1
    again = split(y, share, seed, stratify=stratify)
    assert np.array_equal(train, again[0]) and np.array_equal(test, again[1])


def test_split_by_seed_and_errors():
    y = np.arange(100) % 4
    assert not np.array_equal(split(y, seed=0)[1], split(y, seed=1)[1])
    assert np.bincount(y[split(y)[1]]).tolist() in ([6, 6, 6, 7], [6, 6, 7, 6], [6, 7, 6, 6],
                                                   [7, 6, 6, 6])  # fmt: skip
    with pytest.raises(ValueError, match="at least 2 rows"):
        split(np.zeros(1))
    for share in (0, 1, -1, float("nan")):
        with pytest.raises(ValueError, match="test_size"):
            split(y, share)


def test_standardizer():
    x = np.random.default_rng(0).normal(5, 3, (200, 3)).astype(np.float32)
    x[:, 1] = 0.1
    scale = Standardizer.fit(x)
    z = scale.apply(x)
    assert z.dtype == np.float32 and z.flags.c_contiguous
    assert np.allclose(z.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(z.std(axis=0), [1, 0, 1], atol=1e-6)
    assert scale.std[1] == 1
    assert np.allclose(scale.undo(z), x, rtol=1e-6)
    for value in (1e300, float("nan")):
        with pytest.raises(ValueError, match="row 1, column 0"):
            scale.apply([[0, 0, 0], [value, 0, 0]])


@pytest.mark.parametrize(
    "name, shape, classes",
    [
        ("digits", (1797, 64), 10),
        ("breast_cancer", (569, 30), 2),
        ("wine", (178, 13), 3),
        ("iris", (150, 4), 3),
        ("diabetes", (442, 10), 0),
    ],
)
def test_bundled(name, shape, classes):
    pytest.importorskip("sklearn")
    table = load_table(name)
    assert np.shape(numbers(table)) == shape == (len(table.y), len(table.rows.names))
    assert len(table.classes) == classes
    assert table.y.dtype == (np.int64 if classes else np.float64)
    assert table.y.ndim == (1 if classes else 2)


def test_bundled_errors(monkeypatch):
    with pytest.raises(ValueError, match=r"expected one of digits.*got 'mnist'"):
        load_table("mnist")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"pip install 'fastnn-cpu\[demo\]'"):
        load_table("iris")

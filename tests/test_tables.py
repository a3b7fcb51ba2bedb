"""Rows as they come: where tables are read from, how rows are encoded, and the one
file that a trained model is."""

import gzip
import importlib
import io
import os
import sys
import threading
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn.cli.command import main
from fastnn.tabular import Settings, TabularModel, train
from fastnn.tabular.encoding import MAX_CATEGORIES, Encoder
from fastnn.tabular.frame import Frame, as_frame
from fastnn.tabular.reading import read_table
from fastnn.tabular.table import with_target

NAN = float("nan")


# ---- where tables come from ----

PLAIN = "a,kind,b\n1,oak,2\n3,elm,4\n"
SAME = {
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "bars": PLAIN.replace(",", "|"),
    "crlf": PLAIN.replace("\n", "\r\n"),
    "cr": PLAIN.replace("\n", "\r"),
    "quotes": 'a,"kind",b\n"1",oak,2\n3,"elm",4\n',
    "blank lines": "\n" + PLAIN.replace("\n", "\n\n"),
    "spaces": PLAIN.replace(",", " , "),
    "no end of line": PLAIN.rstrip(),
    "an index": ",a,kind,b\n0,1,oak,2\n1,3,elm,4\n",
    "an index with a name": "Unnamed: 0,a,kind,b\n0,1,oak,2\n1,3,elm,4\n",
}


def content(frame):
    return {name: column.values.tolist() for name, column in frame.columns.items()}


WANTED = {"a": [1, 3], "kind": ["oak", "elm"], "b": [2, 4]}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME.keys())
def test_forms_of_text(text, tmp_path):
    assert content(read_table(io.StringIO(text))) == WANTED
    for name, data in {
        "plain": text.encode(), "bom": text.encode("utf-8-sig"), "utf16": text.encode("utf-16"),
        "gz": gzip.compress(text.encode()),
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
        assert content(read_table(tmp_path / name)) == WANTED, name


def test_options_of_reading():
    text = "1/2;3,5;\xfcx;none\n3/4;1.000,5;yx;b\n".encode("cp1252")
    frame = read_table(io.BytesIO(text), header=False, encoding="cp1252", na=["none"])
    assert content(frame) == {
        "x0": ["1/2", "3/4"], "x1": [3.5, 1000.5], "x2": ["\xfcx", "yx"], "x3": [None, "b"],
    }  # fmt: skip
    assert content(read_table(io.StringIO("a\n1,5\n2,5\n"), sep=";")) == {"a": [1.5, 2.5]}
    kinds = {"a": "category", "b": "number"}
    frame = read_table(io.StringIO("a,b\n1.50,x\n2,3\n"), kinds=kinds)
    assert content(frame)["a"] == ["1.50", "2"] and frame.columns["b"].values[1] == 3
    assert frame.notes == ["column 'b': 1 of 2 cells are no numbers ('x'): read as missing"]
    for bad, message in [({"sep": ";;"}, "sep: expected one"), ({"encoding": "x"}, "no such enc")]:
        with pytest.raises(ValueError, match=message):
            read_table(io.BytesIO(PLAIN.encode()), **bad)
    with pytest.raises(ValueError, match="not a whole gzip file"):
        read_table(io.BytesIO(gzip.compress(text)[:20]))


def test_a_long_table_means_what_a_short_one_does(monkeypatch):
    """Rows are moved to columns block by block."""
    texts = ["a,b,c", *(f"{i},{'x' if i == 30 else i / 7!r},k{i % 3}" for i in range(40))]
    whole = read_table(io.StringIO("\n".join(texts)))
    monkeypatch.setattr("fastnn.tabular.reading.BLOCK", 7)
    parts = read_table(io.StringIO("\n".join(texts)))
    assert whole.fingerprint() == parts.fingerprint() and whole.notes == parts.notes
    assert parts.lines == [*range(2, 42)] and len(parts) == 40


def test_a_pipe_is_read_once(tmp_path, capsys):
    """10,000 rows through a FIFO, and a model's command that reads from one."""
    lines = ["a,y", *(f"{i},{'pq'[i % 2]}" for i in range(10_000))]
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write():
        path.write_text("\n".join(lines))

    writer = threading.Thread(target=write)
    writer.start()
    words = ["--target", "y", "--epochs", "1", "--out", str(tmp_path / "m"), "--hidden", "2"]
    assert main(["train", str(path), *words]) == 0
    writer.join()
    assert "10000 rows, 1 features, 2 classes" in capsys.readouterr().err


def test_standard_input(monkeypatch, tmp_path, capsys):
    def says(text):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    says("a;y\n" + "\n".join(f"{i},5;{i % 2}" for i in range(40)))
    out = str(tmp_path / "m")
    assert main(["train", "-", "--target", "y", "--epochs", "1", "--out", out, "--quiet"]) == 0
    capsys.readouterr()
    says("a\n1.5\n2.5\n")
    assert main(["predict", out + ".safetensors", "-"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


# ---- rows from Python ----


def test_rows_from_python():
    frames = [as_frame({"a": [1, None], "kind": ["oak", None]})]
    frames += [as_frame({"a": np.array([1, NAN]), "kind": np.array(["oak", None], object)})]
    for frame in frames:
        np.testing.assert_array_equal(frame.columns["a"].values, [1, NAN])
        assert frame.columns["kind"].values.tolist() == ["oak", None]
    mixed = as_frame([[1, "oak", True], [2.5, "elm", False]])
    assert content(mixed) == {"x0": [1, 2.5], "x1": ["oak", "elm"], "x2": ["True", "False"]}
    dates = as_frame({"d": np.array(["2024-01-01", "NaT"], "M8[D]"), "t": ["2024-01-02", None]})
    assert [column.kind for column in dates.columns.values()] == ["date", "date"]
    assert as_frame(np.eye(2, dtype=np.float16)).columns["x1"].values.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["pandas", "polars", "pyarrow"])
def test_data_frames(name, tmp_path):
    module = pytest.importorskip(name)
    make = module.table if name == "pyarrow" else module.DataFrame
    columns = {
        "a": [1, None], "b": [1.5, 2], "c": ["oak", None], "d": [True, False], "e": [None, None],
        "f": [datetime(2024, 1, 2, 3), None], "g": [date(2024, 1, 2), date(2024, 1, 3)],
        "h": [1, 2], "i": ["1,000", "7"],
    }  # fmt: skip
    given = make(columns)
    frames = [as_frame(given)]
    if name != "pandas":
        write = importlib.import_module("pyarrow.parquet").write_table
        write(given if name == "pyarrow" else given.to_arrow(), tmp_path / "t.parquet")
        frames.append(read_table(tmp_path / "t.parquet"))
    for frame in frames:
        kinds = "".join(column.kind[0] for column in frame.columns.values())
        assert kinds == "nncc" + kinds[4] + "ddnn"
        assert np.array_equal(frame.columns["a"].values, [1, NAN], equal_nan=True)
        assert frame.columns["c"].values.tolist() == ["oak", None]
        assert frame.columns["d"].values.tolist() == ["True", "False"]
        assert frame.columns["e"].missing().all()
        assert str(frame.columns["f"].values[0]) == "2024-01-02T03:00:00.000000"
        assert frame.columns["f"].missing().tolist() == [False, True]
        assert frame.columns["i"].values.tolist() == [1000, 7]


def test_categories_of_pandas_stay_categories():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": pandas.Categorical(["1", "2", None]),
                              "b": pandas.array([1, None, 3], "Int64"),
                              "c": pandas.array([True, None, False], "boolean")})  # fmt: skip
    assert content(as_frame(frame[["a", "c"]])) == {
        "a": ["1", "2", None], "c": ["True", None, "False"],
    }  # fmt: skip
    assert np.array_equal(as_frame(frame).columns["b"].values, [1, NAN, 3], equal_nan=True)


@pytest.mark.parametrize(
    "rows, error, message",
    [
        ([1, 2], ValueError, r"x: expected rows of columns.*got list of shape \(2,\)"),
        ([[1], [2, 3]], ValueError, "x: expected rows of columns"),
        ({"a": [1], "b": [1, 2]}, ValueError, "columns of one length, got 'a' 1, 'b' 2"),
        ({"a": [[1], [2]]}, ValueError, "column 'a': expected one axis"),
        ({"a": [object()]}, TypeError, "column 'a': expected numbers, texts.*got object"),
        ({"a": [1j]}, TypeError, "column 'a': expected numbers, texts.*got complex"),
    ],
)
def test_what_is_no_table(rows, error, message):
    with pytest.raises(error, match=message):
        as_frame(rows)


# ---- encoding ----


def test_encoding():
    rows = as_frame(
        {
            "n": [1.0, 3.0, None, 2.0],
            "k": ["b", "a", "b", None],
            "d": ["2024-01-01", "2024-01-31", None, "2024-01-01"],
            "same": [7, 7, 7, 7],
            "word": ["w", "w", "w", "w"],
        }
    )
    encoder, notes = Encoder.fit(rows)
    assert notes == ["column 'same' is 7 in every row: left out",
                     "column 'word' is 'w' in every row: left out"]  # fmt: skip
    assert encoder.numbers == ("n", "d.days", "d.day", "d.weekday")
    assert encoder.coded == ("n is missing", "d is missing", "k") and encoder.sizes == (3, 3, 3)
    numbers, codes = encoder.encode(rows)
    days = 19723.0  # of 2024-01-01, a Monday
    assert numbers.tolist() == [[1, days, 1, 0], [3, days + 30, 31, 2],
                                [2, days + 10, 11, 2 / 3], [2, days, 1, 0]]  # fmt: skip
    assert codes.tolist() == [[1, 1, 1], [1, 1, 2], [2, 2, 1], [1, 1, 0]]
    again = Encoder.from_json(encoder.to_json())
    assert again == encoder
    new = as_frame({"d": ["2025-01-01"], "k": ["z"], "n": ["4"], "more": [1]})
    numbers, codes = again.encode(new)
    assert numbers[0, 0] == 4 and codes.tolist() == [[1, 1, 0]]


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"a": [None, None], "b": [1, 2]}, "column 'a': has no values at all"),
        ({"a": [1, float("inf")]}, "row 1, column 'a': expected a finite number, got inf"),
        ({"a": [1, 1]}, "no column tells the rows apart"),
        ({"a": [f"t{i // 2}" for i in range(2 * MAX_CATEGORIES + 2)]}, "at most 100000 diff"),
    ],
)
def test_what_cannot_be_learned(columns, message):
    with pytest.raises(ValueError, match=message):
        Encoder.fit(as_frame(columns))


@pytest.mark.parametrize("count, kept", [(29, True), (30, False)])
def test_a_column_that_names_the_rows(count, kept):
    rows = as_frame({"id": [f"r{i}" for i in range(count)], "a": [*range(count)]})
    encoder, notes = Encoder.fit(rows)
    assert (encoder.names == ("id", "a")) is kept and bool(notes) is not kept


# ---- one file ----


def noisy(rows, seed=0):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 7, rows)
    width = rng.normal(size=rows)
    when = 1.7e9 + rng.integers(0, 3600, rows)
    price = 1e12 + 3 * width + kind + (when - 1.7e9) / 1000
    columns = {"width": [None if i % 9 == 0 else w for i, w in enumerate(width.tolist())],
               "kind": [f"k{k}" for k in kind], "when": when}  # fmt: skip
    return columns, price


def test_a_model_reads_raw_rows(tmp_path):
    """Unix times within an hour and a target of 1e12 keep their digits; the file has it all."""
    columns, price = noisy(400)
    table = with_target(as_frame(columns | {"price": price}), "price")
    result = train(table, Settings(hidden=(32,), epochs=60, lr=0.01))
    assert result.model.evaluate(result.test)["r2"] > 0.9
    result.model.save(tmp_path / "m")
    again = fastnn.load(tmp_path / "m")
    assert isinstance(again, TabularModel)
    found = again.predict(columns)
    assert np.array_equal(found, result.model.predict(as_frame(columns)))
    assert abs(found - price).mean() < 2
    order = {name: columns[name] for name in reversed(columns)} | {"more": [0] * 400}
    assert np.array_equal(again.predict(order), found)
    plain = np.array(list(zip(*columns.values())), object)
    assert np.array_equal(again.predict(plain), found)
    with pytest.raises(ValueError, match="reads 3 columns, and 'kind' is not among 'when', 'width"):
        again.predict({"when": [1.0], "width": [2.0]})
    with pytest.raises(ValueError, match="row 0, column 'width': expected a finite number"):
        again.predict({"when": [1.0], "width": [float("inf")], "kind": ["k1"]})
    assert again.net[0].weight.grad is None and set(again.state_dict()) == {
        f"nets.0.{layer}.{name}" for layer in (0, 2) for name in ("weight", "bias")
    }  # fmt: skip


def test_classes_and_probabilities(tmp_path):
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=200)}
    labels = np.where(columns["a"] > 0, "007", "7")
    table = with_target(as_frame(columns | {"y": labels}), "y")
    model = train(table, Settings(hidden=(8,), epochs=60, lr=0.05)).model
    model.save(tmp_path / "m")
    again = fastnn.load(tmp_path / "m")
    assert again.class_names == ("007", "7")
    assert (again.predict(columns) == labels).mean() > 0.95
    p = again.predict_proba(columns)
    assert p.shape == (200, 2) and np.allclose(p.sum(axis=1), 1)
    assert (p.argmax(axis=1) == (labels == "7")).mean() > 0.95


def test_a_file_of_another_kind(tmp_path):
    net = fastnn.nn.Sequential(fastnn.nn.Linear(2, 1))
    fastnn.io.save(net, tmp_path / "m", kind="forest")
    with pytest.raises(fastnn.io.FormatError, match="kind 'forest' is not one of tabular"):
        fastnn.load(tmp_path / "m")
    fastnn.io.save(net, tmp_path / "m", kind="tabular")
    with pytest.raises(fastnn.io.FormatError, match="no tabular model in it"):
        fastnn.load(tmp_path / "m")


def test_one_row_is_not_enough():
    table = with_target(as_frame({"a": [1.0], "y": [2.0]}), "y")
    with pytest.raises(ValueError, match="expected at least 2 rows"):
        train(table, Settings())
    assert Frame({}, 0).names == ()


@pytest.mark.long
def test_a_price_with_a_missing_cell_is_a_regression(tmp_path, capsys):
    """One "NA", "nan" or "?" among numbers makes no classes, of a target and of a feature."""
    for mark in ("NA", "nan", "?"):
        lines = ["a,price", *(f"{mark if i == 3 else i},{i * 1.5}" for i in range(60))]
        lines[10] = f"10,{mark}"
        (tmp_path / "t.csv").write_text("\n".join(lines))
        words = ["--target", "price", "--epochs", "1", "--out", str(tmp_path / "m")]
        assert main(["train", str(tmp_path / "t.csv"), *words]) == 0
        talk = capsys.readouterr().err
        assert "1 of 60 rows have no 'price': left out" in talk
        assert "59 rows, 1 features, regression of 'price'" in talk


def test_the_page_of_tables(tmp_path, monkeypatch):
    """It lists what means missing, and its example runs."""
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs/tables.md").read_text()
    listed = page.partition("## Missing values")[2].partition("##")[0]
    for word in ("NA", "?", "-", ".", "null", "None", "missing"):
        assert f"`{word}`" in listed and word in fastnn.tabular.MISSING
    names: dict = {}
    exec(page.partition("```python\n")[2].partition("```")[0], names)
    assert len(names["result"].test) == 10

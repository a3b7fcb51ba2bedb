"""Large tables whose columns have names: CSV and Parquet files, Arrow tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.cli.command import main
from fastnn.io import open_table
from fastnn.io.rows import text
from fastnn.tabular import TabularModel, read_csv
from fastnn.train import table_order

ROWS = 900
rng = np.random.default_rng(0)
A, B = rng.normal(size=ROWS).round(4), rng.integers(0, 50, ROWS)
LABELS = np.array(["oak", "elm", "ash, dry"])[rng.integers(0, 3, ROWS)]
CLASSES = {"ash, dry": 0, "elm": 1, "oak": 2}
X = np.stack([A, B], 1)
Y = np.array([CLASSES[label] for label in LABELS])
WEIGHT = rng.integers(1, 4, ROWS)


def csv(folder: Path, begin: int = 0, end: int = ROWS, name: str = "t.csv") -> str:
    lines = ["a,kind,b,w"]
    for i in range(begin, end):
        lines.append(f'{A[i]},"{LABELS[i]}",{B[i]},{WEIGHT[i]}' + "\n" * (i % 7 == 0))
    (folder / name).write_text("\n".join(lines) + "\n")
    return str(folder / name)


def arrow(begin: int = 0, end: int = ROWS) -> Any:
    pyarrow = pytest.importorskip("pyarrow")
    here = slice(begin, end)
    columns = {"a": A[here], "kind": LABELS[here], "b": B[here], "w": WEIGHT[here]}
    return pyarrow.table(columns)


def parquet(folder: Path, begin: int = 0, end: int = ROWS, name: str = "t.parquet") -> str:
    pytest.importorskip("pyarrow")
    from pyarrow import parquet as files

    files.write_table(arrow(begin, end), folder / name, row_group_size=130)
    return str(folder / name)


def data_set(folder: Path) -> Any:
    pytest.importorskip("pyarrow")
    from pyarrow import dataset

    return dataset.dataset([parquet(folder, 0, 500, "a.parquet"), parquet(folder, 500, ROWS)])


SOURCES: dict[str, Callable[[Path], Any]] = {
    "CSV": csv,
    "CSV shards": lambda at: [csv(at, 0, 301, "a.csv"), csv(at, 301, ROWS, "b.csv")],
    "an Arrow table": lambda at: arrow(),
    "Parquet": parquet,
    "Parquet shards": lambda at: [parquet(at, 0, 500, "a.parquet"), parquet(at, 500, ROWS)],
    "an Arrow data set": data_set,
}


def trainer_of() -> fastnn.Trainer:
    fastnn.manual_seed(1)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    return fastnn.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.01))


def bits(trainer: fastnn.Trainer) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in trainer.model.parameters())


@pytest.mark.every(8)
@pytest.mark.parametrize("kind", SOURCES)
def test_bits_are_those_of_arrays(kind: str, tmp_path: Path) -> None:
    given = SOURCES[kind](tmp_path)
    window = ROWS if kind == "an Arrow table" else 300
    table = open_table(given, target="kind", sample_weight="w", memory="2MB", window=window)
    assert table.shape == (ROWS, 2)
    assert table.columns == ("a", "b")
    assert table.classes == tuple(CLASSES)
    np.testing.assert_array_equal(table.read()[0], X)
    np.testing.assert_array_equal(table.read(250, 700)[1], Y[250:700])
    trainer = trainer_of()
    trainer.fit(table, epochs=2, class_weight="balanced", verbose=0)
    other, x = trainer_of(), X.astype(np.float32)
    for epoch in range(2):
        order = table_order(table, trainer.seed, epoch)
        other.fit(
            x[order], Y[order], sample_weight=WEIGHT[order], class_weight="balanced",
            shuffle=False, verbose=0,
        )  # fmt: skip
    assert bits(trainer) == bits(other)
    # The model knows the columns, in whatever order they are given.
    swapped = open_table(given, target="kind", features=["b", "a"], memory="2MB", window=window)
    assert trainer.predict(swapped).tobytes() == other.predict(x).tobytes()
    assert trainer.evaluate(swapped, metrics=["accuracy"]).keys() == {"loss", "accuracy"}
    with pytest.raises(ValueError, match="x: expected the columns of the fit"):
        trainer.predict(open_table(given, features=["a"], memory="2MB", window=window))
    table.close()


@pytest.mark.parametrize("target", ["b", "w"])
def test_targets_of_numbers(target: str, tmp_path: Path) -> None:
    table = open_table(csv(tmp_path), target=target, features=["a"])
    assert not table.classes
    np.testing.assert_array_equal(table.read()[1], {"b": B, "w": WEIGHT}[target])
    mean, std = table.moments()
    np.testing.assert_allclose([mean[0], std[0]], [A.mean(), A.std()])


def test_parquet_is_read_by_row_groups(tmp_path: Path) -> None:
    """Its blocks are the groups; one that fits no window is refused."""
    path = parquet(tmp_path)
    table = open_table(path, target="kind", features=["a"], window=300)
    assert table.cuts.tolist() == [*range(0, ROWS, 130), ROWS]
    for options, said in (
        ({"window": 100}, r"window: .* groups of 130 rows, .* at least 130 rows, got 100;"),
        ({"memory": 999}, r"memory: .* groups of 130 rows, .* at least 6240 bytes, got 999;"),
    ):
        with pytest.raises(ValueError, match=said):
            open_table(path, target="kind", features=["a"], **options)


@pytest.mark.parametrize("kind", ["CSV", "CSV shards"])
def test_rows_of_text_have_the_order_of_arrays(kind: str, tmp_path: Path) -> None:
    """Window and block are the user's, whatever places of the file are remembered."""
    for options in ({"window": 300, "block": 70}, {"window": 40, "block": 3}):
        table = open_table(SOURCES[kind](tmp_path), target="kind", features=["a", "b"], **options)
        array = open_table(X, Y, **options)
        for epoch in range(2):
            assert table_order(table, 7, epoch).tolist() == table_order(array, 7, epoch).tolist()


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such column": ("a,b\n1,2\n", {"target": "c"}, "target: expected one of the columns a, b"),
    "no such feature": ("a,b\n1,2\n", {"features": ["c"]}, "features: expected columns"),
    "no feature": ("a\n1\n", {"target": "a"}, "at least one column beside the target"),
    "no header": ("1,2\n3,4\n", {}, "a first line with the columns' names"),
    "an empty file": ("", {}, "a first line with the columns' names"),
    "no rows": ("a,b\n", {"target": "b"}, "x: expected at least one row"),
    "a text": ("a,b\n1,2\nx,3\n", {"target": "b"}, "expected numbers, got 'x' at row 1 of"),
    "a gap": ("a,b\n1,2\n,3\n", {"target": "b"}, "expected numbers, got '' at row 1 of"),
    "a nan": ("a,b\n1,2\nnan,3\n", {"target": "b"}, "got nan at row 1, column 0"),
    "a short row": ("a,b\n1,2\n3\n", {"target": "b"}, "row 1"),
    "an open quote": ('a,b\n1,2\n"3,4\n', {"target": "b"}, "a quote is open"),
    "a weight alone": ("a,b\n1,2\n", {"sample_weight": "b"}, "sample_weight: expected a target"),
    "y beside it": ("a,b\n1,2\n", {"y": [1]}, "expected the names of columns"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(name: str, tmp_path: Path) -> None:
    content, options, match = BAD[name]
    (tmp_path / "t.csv").write_text(content)
    before = bits(trainer_of())
    trainer = trainer_of()
    with pytest.raises((TypeError, ValueError), match=match):
        trainer.fit(open_table(tmp_path / "t.csv", **options), verbose=0)
    assert bits(trainer) == before


def test_missing_values_of_arrow(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    given = pyarrow.table({"a": [1.0, None], "b": [1, 2]})
    with pytest.raises(ValueError, match="x: expected no missing values, got one at row 1"):
        open_table(given, target="b").look()
    dates = pyarrow.table({"a": np.array(["2024-01-01"], "M8[D]"), "b": [1]})
    with pytest.raises(TypeError, match="x: expected numbers, got column 'a' of date32"):
        open_table(dates, target="b")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match=r"t.parquet is no Parquet file"):
        open_table(tmp_path / "t.parquet")


def test_places_within_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many rows lie between two places that are remembered changes nothing."""
    path = csv(tmp_path)
    wanted = open_table(path, target="kind", features=["a"]).read(137, 501)
    for together in (1, 7, 4096):
        monkeypatch.setattr(text, "TOGETHER", together)
        found = open_table(path, target="kind", features=["a"], window=ROWS).read(137, 501)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(a, b)


def run(*words: str) -> int:
    return main(["train", *words, "--quiet", "--hidden", "8", "--epochs", "2"])


@pytest.mark.parametrize("target", ["kind", "b"])
def test_the_command(target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its file predicts as that of any other training."""
    given = [csv(tmp_path, 0, 301, "a.csv"), csv(tmp_path, 301, ROWS, "b.csv")]
    drop, task = ("w", "auto") if target == "kind" else ("w,kind", "regression")
    words = [f"{tmp_path}/*.csv", "--memory", "1MB", "--target", target, "--drop", drop]
    assert run(*words, "--task", task, "--out", f"{tmp_path}/m", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] + found["held_out"] == ROWS
    assert found["history"]["val_loss"][-1] < 2
    model = TabularModel.load(f"{tmp_path}/m.safetensors")
    assert model.class_names == (tuple(CLASSES) if target == "kind" else ())
    table = read_csv(
        given[0], target, drop=drop.split(","), classes=model.class_names,
        task="auto" if target == "kind" else "regression",
    )  # fmt: skip
    assert len(model.predict(table.rows)) == 301
    assert np.isfinite(list(model.evaluate(table).values())).all()


@pytest.mark.parametrize(
    "words",
    [
        ("--preset", "td"), ("--folds", "3"), ("--optimizer", "lbfgs"), ("--loss", "mse"),
        ("--memory", "none"), ("--no-header",), ("--drop", "a,b,w"), ("--report", "r.html"),
    ],
)  # fmt: skip
def test_what_the_command_refuses(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [csv(tmp_path), "--memory", "1MB", "--target", "kind", "--out", str(tmp_path / "m")]
    assert run(*asked, *words) == 2
    said = capsys.readouterr().err
    assert said.startswith("fastnn: error: ")
    assert not (tmp_path / "m.safetensors").exists()
    assert run(csv(tmp_path), "--memory", "1MB") == 2

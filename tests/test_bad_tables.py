"""Tables that nothing can be learned from: a clear error by every door, and nothing else."""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn.cli import report
from fastnn.cli.command import main
from fastnn.tabular import TabularClassifier, TabularRegressor, read_csv
from fastnn.tabular.frame import Column, Frame

PRESETS = ("td", "td-s", "tabm-mini", "mlp")
GOOD = "".join(f"{i % 7}.5,{'ab'[i % 2]},{'yes' if i % 3 else 'no'}\n" for i in range(40))

FILES: dict[str, tuple[str, str]] = {
    "an empty file": ("", "empty; expected rows below a header"),
    "blank lines": ("\n\n\n", "empty; expected rows below a header"),
    "a header alone": ("width,kind,y\n", "no rows below the header"),
    "no header": ("1,2,3\n4,5,6\n", "expected a header row"),
    "one class": ("width,y\n1,yes\n2,yes\n", "expected at least two classes, got only 'yes'"),
    "the target is missing": ("width,kind\n" + "1,a\n2,b\n" * 9, "no column 'y' to use as target"),
    "a target of nothing": ("width,y\n1,\n2,NA\n3,\n", "the target has no values at all"),
    "a target alone": ("y\nyes\nno\n", "no feature column"),
    "one row": ("width,y\n1,yes\n", "expected at least two classes, got only 'yes'"),
    "one row of numbers": ("width,y\n1,2.5\n", "expected at least 2 rows"),
    "a column of nothing": ("width,gone,y\n" + "1,,yes\n2,NA,no\n" * 20, "'gone': has no values"),
    "an infinite number": (
        "width,y\n" + "1,yes\n2,no\n" * 20 + "inf,no\n",
        "line 42, column 'width': expected a finite number, got inf",
    ),
    "an infinite target": (
        "width,y\n" + "1,1.5\n2,2.5\n" * 20 + "3,-inf\n",
        "line 42, column 'y': expected a finite number",
    ),
    "constant columns": ("a,b,y\n" + "1,x,yes\n1,x,no\n" * 20, "no column tells the rows apart"),
    "lines of two lengths": ("width,y\n1,yes\n2\n", "line 3: expected 2 cells, got 1"),
    "two columns of one name": ("y,y\n1,2\n", "two columns are called 'y'"),
    "not a text": ("width,y\n\x00\ud800", "UTF-8"),
}  # fmt: skip


def written(folder: Path, text: str) -> Path:
    path = folder / "rows.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def by_estimator(path: Path, preset: str) -> None:
    table = read_csv(path, "y")
    assert table.y is not None
    if table.classes:
        labels = np.array(table.classes)[table.y]
        TabularClassifier(preset, epochs=2).fit(table.rows, labels)
    else:
        TabularRegressor(preset, epochs=2).fit(table.rows, table.y)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", FILES)
def test_an_estimator_says_what_is_wrong(name: str, preset: str, tmp_path: Path) -> None:
    text, message = FILES[name]
    path = written(tmp_path, text)
    before = files_of(tmp_path)
    with pytest.raises(ValueError) as caught:
        by_estimator(path, preset)
    assert message in str(caught.value)
    assert files_of(tmp_path) == before


@pytest.mark.every(5)
@pytest.mark.parametrize("name", FILES)
def test_the_command_says_so_too_and_leaves_an_old_model(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report, "plot", lambda *args: None)
    text, message = FILES[name]
    path = written(tmp_path, "width,kind,y\n" + GOOD)
    arguments = ["train", str(path), "--target", "y", "--out", str(tmp_path / "model")]
    assert main([*arguments, "--epochs", "1", "--quiet"]) == 0
    written(tmp_path, text)
    capsys.readouterr()
    before = files_of(tmp_path)
    assert main([*arguments, "--epochs", "1", "--quiet"]) != 0
    assert message in capsys.readouterr().err
    assert files_of(tmp_path) == before
    kept = fastnn.load(tmp_path / "model.safetensors")
    assert len(kept.predict({"width": [1.0], "kind": ["a"]})) == 1


@functools.cache
def million() -> Frame:
    """A column of 10^6 different texts, one of them twice."""
    texts = np.empty(10**6 + 1, object)
    texts[:] = [f"t{i % 10**6}" for i in range(10**6 + 1)]
    return Frame({"a": Column("category", texts)}, len(texts))


@pytest.mark.long
@pytest.mark.parametrize("preset", PRESETS)
def test_a_million_categories(preset: str) -> None:
    model = TabularClassifier(preset, epochs=2)
    with pytest.raises(
        ValueError, match="column 'a': expected at most 100000 different texts, got"
    ):
        model.fit(million(), np.arange(10**6 + 1) % 2)
    assert not hasattr(model, "predictor_")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_million_labels(preset: str) -> None:
    model = TabularClassifier(preset, epochs=2)
    with pytest.raises(ValueError, match="y: expected at most 10000 different labels, got 1000000"):
        model.fit({"a": np.zeros(10**6)}, np.arange(10**6))
    assert not hasattr(model, "predictor_")


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Path, Path]:
    table, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    table.write_text("width,kind,y\n" + GOOD)
    words = ["train", str(table), "--target", "y", "--preset", "mlp", "--epochs", "2"]
    assert main([*words, "--out", str(model)]) == 0
    return table, model


def test_predictions_never_replace_what_is_read(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    table, model = trained
    link = table.with_name("link.csv")
    link.symlink_to(table)
    before = table.read_bytes(), model.read_bytes()
    for out in (table, model, link):
        assert main(["predict", str(model), str(table), "--out", str(out)]) == 2
        assert "would be written over, but it is read; name another" in capsys.readouterr().err
    page = table.with_name("t.html")
    page.write_bytes(before[0])
    words = ["train", str(page), "--target", "y", "--preset", "mlp", "--epochs", "2"]
    assert main([*words, "--out", str(table.with_name("x")), "--report", str(page)]) == 2
    assert (table.read_bytes(), model.read_bytes(), page.read_bytes()) == (*before, before[0])


def test_predictions_are_written_whole_or_not_at_all(
    trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    table, model = trained
    out = table.with_name("out.csv")
    assert main(["predict", str(model), str(table), "--out", str(out)]) == 0
    before = out.read_bytes()
    assert before.count(b"\n") == 41

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    assert main(["predict", str(model), str(table), "--out", str(out)]) != 0
    assert out.read_bytes() == before


def test_predictions_go_into_a_pipe(trained: tuple[Path, Path]) -> None:
    table, model = trained
    pipe = table.with_name("pipe")
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(pipe.read_text)
        assert main(["predict", str(model), str(table), "--out", str(pipe)]) == 0
    assert found.result().startswith("y,p_no,p_yes\n")

"""A model's file keeps how the file of its rows was written: separator, decimal mark, --na."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import tabular
from fastnn.cli import command, report


@pytest.fixture(autouse=True)
def no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing with matplotlib takes longer than training."""
    monkeypatch.setattr(report, "plot", lambda *args: None)


def run(capsys: Any, *words: object) -> tuple[int, str]:
    code = command.main([str(word) for word in words])
    return code, capsys.readouterr().out


def test_what_a_file_leaves_open_is_as_in_training(tmp_path: Path, capsys: Any) -> None:
    """1.500 is 1500 where decimal commas were, and 'none known' is no text where --na said so."""
    lines = ["size;kind;price"]
    for i in range(80):
        size, kind = f"{i % 9}.{100 + i},5", ("oak", "elm", "none known")[i % 3]
        lines.append(f"{size};{kind};{1000 * (i % 9) + i},25")
    (tmp_path / "all.csv").write_text("\n".join(lines))
    words = ["train", tmp_path / "all.csv", "--target", "price", "--na", "none known"]
    assert (
        run(capsys, *words, "--out", f"{tmp_path}/", "--preset", "td-s", "--epochs", "12")[0] == 0
    )
    file = tmp_path / "all.safetensors"
    model = fastnn.load(file)
    assert model.form == tabular.Form(";", ",", ("none known",))

    (tmp_path / "new.csv").write_text("size;kind\n1.500;none known\n2.750;elm\n")
    code, out = run(capsys, "predict", file, tmp_path / "new.csv")
    known = model.predict({"size": [1500.0, 2750.0], "kind": [None, "elm"]})
    found = [float(row["price"]) for row in csv.DictReader(out.splitlines())]
    assert code == 0
    np.testing.assert_allclose(found, known)
    with_a_point = model.predict({"size": [1.5, 2.75], "kind": [None, "elm"]})
    assert abs(with_a_point - known).min() > 1e-3

    # What is said, and what the cells tell, come first.
    code, out = run(capsys, "predict", file, tmp_path / "new.csv", "--decimal", ".")
    found = [float(row["price"]) for row in csv.DictReader(out.splitlines())]
    np.testing.assert_allclose(found, with_a_point)
    (tmp_path / "other.csv").write_text("size,kind\n1.5,elm\n2.7512,elm\n")
    frame = tabular.read_table(tmp_path / "other.csv", form=model.form)
    assert frame.columns["size"].values.tolist() == [1.5, 2.7512]


@pytest.mark.parametrize("form", [3, {"sep": ";"}, {"sep": ";;", "decimal": ",", "na": []},
                                  {"sep": ";", "decimal": "x", "na": []},
                                  {"sep": ";", "decimal": ",", "na": [1]}])  # fmt: skip
def test_a_file_whose_form_is_none(form: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        tabular.Form.from_json(form)

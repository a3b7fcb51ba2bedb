"""Exports to plain torch code, run here with fastnn in torch's place; check_torch_export.py runs
them with torch."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.exports import NETS, S, table, trained, values

import fastnn
from fastnn import nn, tabular
from fastnn.explain import contents
from fastnn.export import ExportError, torch_parts
from fastnn.tabular.table import load_table

PROMISE = "equal to 1e-6 on 16 random rows, with fastnn in torch's place"


def built(path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "torch", fastnn)
    return runpy.run_path(str(path))["build"]()


@pytest.mark.every(5)
@pytest.mark.parametrize("name", NETS)
def test_each_layer(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code imports torch and the standard library alone; the state has its names and values."""
    net, shape = NETS[name]
    file = tmp_path / "net.py"
    assert net.export(file, input_shape=shape).checked == PROMISE
    tree = ast.parse(file.read_text())
    modules = {n.names[0].name for n in ast.walk(tree) if isinstance(n, ast.Import)}
    modules |= {str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert modules == {"base64", "math", "struct", "collections", "torch"}
    again = built(file, monkeypatch)
    assert not again.training
    got, want = again.state_dict(), net.state_dict()
    assert list(got) == list(want)
    for key in want:
        assert got[key].dtype == want[key].dtype
        np.testing.assert_array_equal(got[key].numpy(), want[key].numpy())


def test_named_and_nested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = 'é" \\ {0}'
    net = S({"body": S(nn.Linear(2, 3), nn.ReLU()), odd: nn.Linear(3, 1)})
    net.export(tmp_path / "net.py")
    again = built(tmp_path / "net.py", monkeypatch)
    assert list(again.state_dict()) == list(net.state_dict()) and "body.0.weight" in dict(
        again.named_parameters()
    )


@pytest.mark.every(8)
@pytest.mark.parametrize("preset", ["td", "td-s", "tabm-mini", "mlp"])
@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_models_of_tables(
    preset: str, classes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = table()
    model = trained(preset, classes, x)
    assert model.export(tmp_path / "net.py").checked == PROMISE
    monkeypatch.setitem(sys.modules, "torch", fastnn)
    space = runpy.run_path(str(tmp_path / "net.py"))
    assert space["INPUTS"][:3] == ["width", "gap", "kind"]
    assert set(space["CATEGORIES"]["kind"]) == {"oak", "elm"}


def test_quantiles(tmp_path: Path) -> None:
    x = table()
    model = tabular.TabularRegressor("td-s", epochs=1, hidden=(8,), quantiles=(0.1, 0.5, 0.9))
    assert model.fit(x, values(x)).export(tmp_path / "net.py").checked == PROMISE


def test_what_train_saves(tmp_path: Path) -> None:
    for name in ("iris", "diabetes"):
        model = tabular.train(load_table(name), tabular.Settings(epochs=1, hidden=(8,))).model
        assert model.export(tmp_path / "net.py").checked == PROMISE


def test_another_result_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = torch_parts.PARTS["SquaredReLU"].replace("** 2", "** 3")
    monkeypatch.setitem(torch_parts.PARTS, "SquaredReLU", wrong)
    with pytest.raises(ExportError, match="computes something else"):
        S(nn.Linear(2, 2), nn.SquaredReLU()).export(tmp_path / "net.py")
    with pytest.raises(ExportError, match="fold: says nothing to torch code"):
        nn.Linear(2, 2).export(tmp_path / "net.py", fold=True)
    assert list(tmp_path.iterdir()) == []


# ---- what summary and explain say of exports ----


def test_summary_says_what_can_be_exported() -> None:
    net = S(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    assert nn.summary(net, (1, 3)).export == ""
    found = nn.summary(net, (1, 3), export=True)
    assert found.export == "Exports to C, ONNX, torch code; int8: yes"
    assert str(found).splitlines()[-1] == found.export


def test_contents_name_the_layer() -> None:
    class Own(nn.Module):
        def forward(self, x: Any) -> Any:
            return x

    found = contents(S(nn.Linear(3, 4), Own()))
    assert found.problem.startswith("layer 1 (Own): is a module of your own") and found.rows == ()
    assert nn.summary(S(nn.Linear(3, 4), Own()), (1, 3), export=True).export.startswith("No export")
    norm = contents(S(nn.Linear(3, 4), nn.LayerNorm(4)))
    assert norm.problem == "" and norm.int8.startswith("layer 1 (LayerNorm): has no form in int8")

"""Exports to ONNX: each layer, each version of the operators, tables; and what is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.reference
import pytest
from cases.exports import NETS, S, table, trained, values

import fastnn
from fastnn import nn, tabular
from fastnn.export import ExportError
from fastnn.export.layers import ELEMENTWISE
from fastnn.export.onnx_graph import Graph
from fastnn.tabular.table import load_table

BOTH = "equal to 1e-6 in onnx.reference and onnxruntime, on 64 random rows"


@pytest.mark.every(2)
@pytest.mark.parametrize("opset", [13, 17, 18, 20])
def test_each_layer(opset: int, tmp_path: Path) -> None:
    """The checker accepts it, two runtimes give what the model gives."""
    for name, (net, shape) in NETS.items():
        found = net.export(tmp_path / "net.onnx", input_shape=shape, opset=opset)
        assert found.checked == BOTH, name
        model = onnx.load(tmp_path / "net.onnx")
        assert model.opset_import[0].version == opset
        kinds = {node.op_type for node in model.graph.node}
        assert "Dropout" not in kinds and found.flash is None


@pytest.mark.parametrize("opset", [13, 20])
def test_each_function_in_float64(opset: int, tmp_path: Path) -> None:
    """For which onnxruntime lacks operators, such as Erf."""
    functions = [kind(*{nn.Threshold: (0.5, -0.25)}.get(kind, ())) for kind in ELEMENTWISE]
    norms = [nn.LayerNorm(7), nn.RMSNorm(7), nn.GroupNorm(1, 7), nn.BatchNorm1d(7)]
    net = S(nn.Linear(5, 7), *functions, *norms, nn.GELU("tanh"), nn.PReLU(), nn.Softmin(1))
    cosines = copy.deepcopy(NETS["columns"][0])
    for each in (net, cosines):
        found = each.double().export(tmp_path / "net.onnx", opset=opset)
        assert found.checked == BOTH


def run(path: Path, feed: dict[str, Any]) -> list[Any]:
    found: list[Any] = onnx.reference.ReferenceEvaluator(str(path)).run(None, feed)
    return found


def test_any_number_of_rows(tmp_path: Path) -> None:
    net = S(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    net.export(tmp_path / "net.onnx")
    for rows in (1, 7):
        x = np.random.default_rng(0).standard_normal((rows, 3)).astype(np.float32)
        np.testing.assert_allclose(run(tmp_path / "net.onnx", {"x": x})[0], net.predict(x), 1e-5)
    model = onnx.load(tmp_path / "net.onnx")
    assert [
        d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim
    ] == [
        "rows",
        3,
    ]


def test_operators_that_readers_know(tmp_path: Path) -> None:
    """A net of layers is as many operators; weights as torch has them; folding leaves products."""
    net = S(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.LayerNorm(4), nn.Linear(4, 2), nn.ELU()
    )
    net.export(tmp_path / "net.onnx", fold=True)
    model = onnx.load(tmp_path / "net.onnx")
    kinds = [node.op_type for node in model.graph.node]
    assert kinds == ["Gemm", "Relu", "LayerNormalization", "Gemm", "Elu", "Identity"]
    shapes = [tuple(c.dims) for c in model.graph.initializer]
    assert {(4, 3), (2, 4)} <= set(shapes)
    net.export(tmp_path / "net.onnx")
    assert onnx.load(tmp_path / "net.onnx").graph.node[1].op_type == "BatchNormalization"
    net.export(tmp_path / "net.onnx", opset=13)
    assert [n.op_type for n in onnx.load(tmp_path / "net.onnx").graph.node][1:3] == ["Sub", "Mul"]


def test_names_are_kept(tmp_path: Path) -> None:
    net = S(nn.Linear(2, 3), nn.Softmax(1))
    net.export(tmp_path / "net.onnx", names=["a", "b"], classes=["ä", "y", "z"], ir_version=9)
    model = onnx.load(tmp_path / "net.onnx")
    kept = {p.key: json.loads(p.value) for p in model.metadata_props}
    assert kept == {"inputs": ["a", "b"], "classes": ["ä", "y", "z"]}
    assert (model.ir_version, model.producer_name) == (9, "fastnn")
    x = np.array([[1.0, -1.0], [-2.0, 0.5]], np.float32)
    p, labels = run(tmp_path / "net.onnx", {"x": x})
    want = net.predict(x)
    np.testing.assert_allclose(p, want, 1e-5)
    assert labels.tolist() == [["ä", "y", "z"][i] for i in want.argmax(1)]


@pytest.mark.every(8)
@pytest.mark.parametrize("preset", ["td", "td-s", "tabm-mini", "mlp"])
@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_models_of_tables(preset: str, classes: bool, tmp_path: Path) -> None:
    """Rows as they come: an input for each column, texts of categories among them."""
    x = table()
    model = trained(preset, classes, x)
    path = tmp_path / "net.onnx"
    assert model.export(path).checked == BOTH
    feed = {name: np.array(x[name], object)[:, None] for name in ("kind", "town", "colour")}
    feed |= {name: x[name].astype(np.float32)[:, None] for name in ("width", "gap")}
    day = x["when"]
    month = day.astype("M8[M]")
    parts = {
        "days": day.astype(np.int64),
        "year": day.astype("M8[Y]").astype(np.int64) + 1970,
        "month": month.astype(np.int64) % 12 + 1,
        "day": (day - month.astype("M8[D]")).astype(np.int64) + 1,
        "weekday": (day.astype(np.int64) + 3) % 7,
    }
    feed |= {f"when.{k}": v.astype(np.float32)[:, None] for k, v in parts.items()}
    found = run(path, feed)
    if classes:
        np.testing.assert_allclose(found[0], model.predict_proba(x), atol=1e-5)
        assert (found[1] == model.predict(x)).mean() > 0.99
    else:
        np.testing.assert_allclose(found[0][:, 0], model.predict(x), rtol=1e-5)


def test_quantiles(tmp_path: Path) -> None:
    x = table()
    model = tabular.TabularRegressor("td-s", epochs=1, hidden=(8,), quantiles=(0.1, 0.5, 0.9))
    assert model.fit(x, values(x)).export(tmp_path / "net.onnx").checked == BOTH
    assert onnx.load(tmp_path / "net.onnx").graph.output[0].name == "value"


def test_whole_labels_and_taken_names(tmp_path: Path) -> None:
    """Labels that are numbers stay so; outputs get other names where columns have theirs."""
    rng = np.random.default_rng(0)
    x = {"label": rng.normal(size=60), "probabilities": rng.normal(size=60)}
    y = np.where(x["label"] > 0, 7, 3)
    model = tabular.TabularClassifier("mlp", epochs=5, random_state=0).fit(x, y).predictor_
    model.export(tmp_path / "net.onnx")
    graph = onnx.load(tmp_path / "net.onnx").graph
    assert [o.name for o in graph.output] == ["probabilities_", "label_"]
    feed = {k: v.astype(np.float32)[:, None] for k, v in x.items()}
    assert run(tmp_path / "net.onnx", feed)[1].tolist() == model.predict(x).tolist()


def test_what_train_saves(tmp_path: Path) -> None:
    for name, output in (("iris", "probabilities"), ("diabetes", "value")):
        model = tabular.train(load_table(name), tabular.Settings(epochs=1, hidden=(8,))).model
        model.save(tmp_path / "net.safetensors")
        found = fastnn.load(tmp_path / "net.safetensors").export(tmp_path / "net.onnx")
        assert found.checked == BOTH
        assert onnx.load(tmp_path / "net.onnx").graph.output[0].name == output


# ---- what is refused ----


def test_another_result_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph that computes something else is seen, by a part in a hundred thousand too."""
    op = Graph.op

    def wrong(self: Graph, kind: str, *inputs: str, **attributes: Any) -> str:
        y = op(self, kind, *inputs, **attributes)
        return op(self, "Mul", y, self.constant(1 + 1e-5)) if kind == "Tanh" else y

    monkeypatch.setattr(Graph, "op", wrong)
    with pytest.raises(ExportError, match=r"onnx\.reference gives outputs that are off by"):
        S(nn.Linear(3, 2), nn.Tanh()).export(tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_an_invalid_graph_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Graph, "name", lambda self, word: "same")
    with pytest.raises(ExportError, match=r"onnx\.checker"):
        S(nn.Linear(3, 2), nn.Tanh()).export(tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "old": ({"opset": 9}, r"opset: expected 13\.\."),
    "new": ({"opset": 999}, r"opset: expected 13\.\."),
    "c": ({"name": "net"}, "name: says nothing to an ONNX file"),
    "int8": ({"dtype": "int8"}, "dtype: says nothing to an ONNX file"),
}


@pytest.mark.parametrize("name", BAD)
def test_options_that_cannot_be(name: str, tmp_path: Path) -> None:
    options, text = BAD[name]
    with pytest.raises(ExportError, match=text):
        nn.Linear(2, 2).export(tmp_path / "net.onnx", **options)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ExportError, match="opset: says nothing to a C file"):
        nn.Linear(2, 2).export(tmp_path / "net.c", opset=18)


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'fastnn-cpu\[onnx\]'"):
        nn.Linear(2, 2).export(tmp_path / "net.onnx")

"""Exports of nets and tables in rarer forms, and what their checks refuse."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cases.exports import CC, S, moving

import fastnn
from fastnn import nn, tabular
from fastnn.cli.command import main
from fastnn.export import ExportError, export, onnx_file, quantize
from fastnn.export.c_check import run_self_test
from fastnn.export.c_words import Real
from fastnn.export.c_writer import Writer
from fastnn.export.onnx_graph import Graph
from fastnn.export.plan import plan_of
from fastnn.nn.layers import members
from fastnn.tabular.model import TabularModel

RNG = np.random.default_rng(0)
ROWS = 60
X = RNG.normal(size=(ROWS, 3))
KINDS = np.array(["oak", "elm", "fir"])[np.arange(ROWS) % 3]
QUICK: dict[str, Any] = {"epochs": 1, "random_state": 0, "hidden": (4,), "n_threads": 1}


def fitted(preset: str, rows: Any) -> TabularModel:
    return tabular.TabularRegressor(preset, **QUICK).fit(rows, X[:, 0]).predictor_


def sloped(slope: float) -> nn.Module:
    layer = nn.PReLU()
    layer.weight._array[:] = slope
    return layer


def rms(eps: float | None = None) -> nn.Module:
    return S(nn.RMSNorm(3, eps), nn.Linear(3, 2))


# ---- nets, checked where they are written: C by its self-test, ONNX by a second run ----


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...] | None]] = {
    "a slope below zero": (lambda: S(nn.Linear(3, 4), sloped(-0.5)), None),
    "a norm without weights": (
        lambda: S(nn.LayerNorm(3, elementwise_affine=False), nn.Linear(3, 2)), None
    ),
    "moments folded, without bias": (
        lambda: S(nn.Linear(3, 4, bias=False), moving(nn.BatchNorm1d(4, affine=False))), None
    ),
    "moments without weights": (
        lambda: S(nn.Linear(3, 4), moving(nn.BatchNorm1d(4, affine=False)), nn.ReLU()), None
    ),
    "a softmax of the usual axis": (lambda: S(nn.Linear(3, 4), nn.Softmax()), None),
    "the eps of the type": (rms, None),
    "the eps of the type, double": (lambda: rms().double(), None),
    "groups first": (lambda: S(nn.GroupNorm(2, 12), nn.Linear(12, 2)), None),
    "heads first": (lambda: S(members.Heads(3, 4, 2)), None),
    "an embedding of two": (lambda: nn.Embedding(4, 2), (2,)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Implicit dimension")
@pytest.mark.every(5)
@pytest.mark.parametrize("name", NETS)
def test_files_compute_what_the_model_does(name: str, tmp_path: Path) -> None:
    fastnn.manual_seed(0)
    make, shape = NETS[name]
    model = make()
    for suffix, options in (("c", {"compiler": CC}), ("onnx", {})):
        found = export(
            model, tmp_path / f"net.{suffix}", input_shape=shape, fold="folded" in name, **options
        )
        assert found.checked and (tmp_path / f"net.{suffix}").stat().st_size > 100


TABLES: dict[str, Any] = {
    "numbers": {"a": X[:, 0], "b": X[:, 1]},
    "texts": {"kind": KINDS, "town": KINDS[::-1]},
    "both": {"a": X[:, 0], "kind": KINDS},
    "many texts": {"town": np.array([f"t{i % 20}" for i in range(ROWS)])},
    "many texts and numbers": {"a": X[:, 0], "town": np.array([f"t{i % 20}" for i in range(ROWS)])},
}


@pytest.mark.every(4)
@pytest.mark.parametrize("preset", ["td", "mlp"])
@pytest.mark.parametrize("name", TABLES)
def test_tables_of_one_kind(name: str, preset: str, tmp_path: Path) -> None:
    """Without numbers, or without categories: the file's check compares outputs."""
    model = fitted(preset, TABLES[name])
    for suffix, options in (("c", {"compiler": CC}), ("onnx", {})):
        found = export(model, tmp_path / f"net.{suffix}", **options)
        assert found.checked


# ---- what is refused ----


def of_two() -> TabularModel:
    """Nets that were trained on different rows by hand."""
    one = fitted("mlp", {"a": X[:, 0], "kind": KINDS})
    other = fitted("mlp", {"a": X[:, 0], "kind": np.where(KINDS == "fir", "ash", KINDS)})
    return TabularModel([*one.members, *other.members], ("a", "kind"), None)


def embedded(*behind: nn.Module) -> nn.Module:
    return S(nn.Embedding(5, 4), *behind)


SHAPE = "input_shape: the first layer does not say how many numbers a row has; give"
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a shape of a table": (
        lambda: plan_of(fitted("mlp", {"a": X[:, 0], "b": X[:, 1]}), (2,)),
        "input_shape: the model's columns give it; leave it out",
    ),
    "indices alone": (lambda: plan_of(embedded()), SHAPE),
    "indices that are not flattened": (lambda: plan_of(embedded(nn.Linear(4, 2))), SHAPE),
    "indices without a product": (lambda: plan_of(embedded(nn.Dropout(), nn.Flatten())), SHAPE),
    "indices of no whole number": (
        lambda: plan_of(embedded(nn.Flatten(), nn.Linear(7, 2))), SHAPE
    ),
    "a softmax first": (lambda: plan_of(S(nn.Softmax(1), nn.Linear(3, 2))), SHAPE),
    "rows that are mixed": (
        lambda: plan_of(S(nn.Linear(3, 2), nn.Flatten(0))),
        r"layer 1 \(Flatten\): it mixes the rows with their values",
    ),
    "tables of two kinds": (
        lambda: plan_of(of_two()), "the nets of the model read different columns, or other categ"
    ),
    "int8 of two nets": (
        lambda: quantize.split(
            plan_of(tabular.TabularRegressor("mlp", n_ens=2, **QUICK).fit(X, X[:, 0]))
        ),
        "model: an ensemble has no int8 form; export one of its nets",
    ),
    "int8 of two products a row": (
        lambda: quantize.split(plan_of(
            S(nn.Unflatten(1, (2, 3)), nn.Linear(3, 2), nn.Flatten(), nn.Linear(4, 1)), (6,)
        )),
        r"layer 1 \(Linear\): int8 takes one product a row, of all its numbers",
    ),
    "int8 of a long sum": (
        lambda: quantize.split(plan_of(nn.Linear(65_001, 1))), "the sum of 65001 products does not"
    ),
    "a number too large for C": (
        lambda: Writer("net", Real.of(np.float32)).put("w", [1e300]),
        "net_w: a number is too large for float",
    ),
    "a number too large for ONNX": (
        lambda: Graph(18, np.float32).constant([1e300]), "a number is too large for float32"
    ),
    "another shape": (
        lambda: onnx_file._compare(
            plan_of(nn.Linear(2, 3)), SimpleNamespace(y=np.zeros((4, 3)), near=0.0),
            [np.zeros((4, 2))], "onnx.reference",
        ),
        r"onnx.reference gives shape \(4, 2\), the model \(4, 3\)",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str) -> None:
    run, says = REFUSED[name]
    with pytest.raises(ExportError, match=says):
        run()


SOURCE = "#ifdef NET_SELF_TEST\nint main(void) { return WRONG; }\n#endif\n"


def test_a_self_test_that_fails() -> None:
    assert "without a warning" in run_self_test(SOURCE.replace("WRONG", "0"), CC)
    with pytest.raises(ExportError, match="model: the C file computes something else than the mo"):
        run_self_test(SOURCE.replace("WRONG", "3"), CC)
    with pytest.raises(ExportError, match=f"(?s)compiler: {CC} says .*WRONG"):
        run_self_test(SOURCE, CC)


def test_without_the_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check says by what it was done."""
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else real(name)
    )
    found = export(nn.Linear(2, 3), tmp_path / "net.onnx")
    assert found.checked == "equal to 1e-6 in onnx.reference, on 64 random rows"


def test_the_command_reads_rows_of_an_array(tmp_path: Path, capsys: Any) -> None:
    model, x = S(nn.Linear(3, 2), nn.ReLU()), X.astype(np.float32)
    model.save(tmp_path / "m.safetensors")
    np.save(tmp_path / "x.npy", x)
    words = ["export", tmp_path / "m.safetensors", tmp_path / "a.c", "--int8", tmp_path / "x.npy"]
    assert main([str(word) for word in words]) == 0
    export(model, tmp_path / "b.c", dtype="int8", calibration=x)
    assert (tmp_path / "a.c").read_bytes() == (tmp_path / "b.c").read_bytes()

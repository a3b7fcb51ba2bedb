"""What is given to an export is checked by name, before anything is computed or written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.export import ExportError, contents, export
from fastnn.export.tables import PARTS
from fastnn.tabular import TabularClassifier
from fastnn.tabular.encoding import DATE_PARTS

S = nn.Sequential


class OwnLinear(nn.Linear):
    """A user's own layer."""


def net() -> nn.Module:
    return S(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def too_large() -> nn.Module:
    """Finite in float64, not in float32."""
    model = net()
    for parameter in model.parameters():
        parameter._array[:] = 3e38
    return model


INT8: dict[str, Any] = {"dtype": "int8"}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "constants": ({"constants": 0}, "constants: expected True or False, got 0"),
    "header": ({"header_only": "yes"}, "header_only: expected True or False"),
    "another dtype": ({"dtype": "float64"}, "dtype: expected 'int8', or the model's own type"),
    "no dtype": ({"dtype": "small"}, "dtype: expected 'int8'"),
    "text": (INT8 | {"calibration": "rows.csv"}, "calibration: expected rows of numbers"),
    "ragged": (INT8 | {"calibration": [[1, 2, 3], [4]]}, "calibration: expected rows of numbers"),
    "one row": (INT8 | {"calibration": [1, 2, 3]}, r"expected shape \(rows, 3\), got \(3,\)"),
    "nan": (INT8 | {"calibration": [[1, 2, np.nan]]}, "calibration: holds nan or inf"),
    "zeros": (INT8 | {"calibration": np.zeros((9, 3))}, "calibration: all its numbers are 0"),
    "fold": ({"fold": 1}, "fold: expected True or False, got 1"),
    "compilers": ({"compiler": ["cc", "-O3"]}, "compiler: expected a program such as 'cc'"),
    "names": ({"names": 3}, "names: expected a list of names, got 3"),
    "one text": ({"classes": "ab"}, "classes: expected a list of names, got 'ab'"),
    "no text": ({"classes": [None, "b"]}, "classes: expected texts or whole numbers, got None"),
    "NUL": ({"classes": ["a\0", "b"]}, "has a NUL, at which it ends in C"),
    "half": ({"classes": ["a\ud800", "b"]}, "is no text of Unicode"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_of_a_c_file(name: str, tmp_path: Path) -> None:
    options, text = BAD[name]
    with pytest.raises((ExportError, TypeError), match=text):
        net().export(tmp_path / "net.c", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["opset", "ir_version"])
@pytest.mark.parametrize("value", [True, "18", 0, 3, 999, 17.0])
def test_bad_versions_of_onnx(name: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=rf"{name}: expected \d+\.\.\d+, got {value!r}"):
        net().export(tmp_path / "net.onnx", **{name: value})
    assert list(tmp_path.iterdir()) == []


def test_versions_of_onnx_as_numpy_has_them(tmp_path: Path) -> None:
    net().export(tmp_path / "net.onnx", opset=np.int64(17), ir_version=np.int32(9))


MODELS: dict[str, tuple[Callable[[], Any], str]] = {
    "function": (lambda: fastnn.compile(lambda x: x), "recorded or not, may hold state"),
    "class": (lambda: nn.Linear, "this is a class: make a model of it"),
    "path": (lambda: "net.safetensors", r"fastnn\.load\(path\) gives the model"),
    "state": (lambda: net().state_dict(), "got dict; a net is an nn.Sequential of layers"),
    "trainer": (
        lambda: fastnn.Trainer(net(), nn.MSELoss(), fastnn.optim.SGD(net().parameters(), lr=1.0)),
        r"export its \.model",
    ),
    "own layer": (lambda: S(OwnLinear(2, 2)), r"layer 0 \(OwnLinear\): is a layer of your own"),
    "own module": (lambda: S(nn.Module()), r"layer 0 \(Module\): files have no form for it"),
    "list": (lambda: nn.ModuleList([net()]), "ModuleList: files have no form for it"),
    "loss": (nn.MSELoss, "MSELoss: files have no form for it"),
    "large": (too_large, "model: gives nan or inf for random rows"),
}


@pytest.mark.parametrize("suffix", [".c", ".onnx", ".py"])
@pytest.mark.parametrize("name", MODELS)
def test_what_is_no_model_is_told_what_to_do(name: str, suffix: str, tmp_path: Path) -> None:
    make, text = MODELS[name]
    with pytest.raises((ExportError, TypeError), match=text):
        export(make(), tmp_path / f"net{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_float_does_not_hold(tmp_path: Path) -> None:
    """C has no literal for inf: such a file would not compile."""
    with pytest.raises(ExportError, match=r"the number -1e\+40 is too large for float"):
        nn.Hardtanh(-1e40, 1e40).export(tmp_path / "net.c", input_shape=2)


@pytest.mark.parametrize("path", ["nowhere/net.c", "folder.c"])
def test_a_path_is_looked_at_first(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastnn.export.files.plan_of", None)
    (tmp_path / "folder.c").mkdir()
    with pytest.raises(OSError):
        net().export(tmp_path / path)


def test_paths_and_names_of_other_kinds(tmp_path: Path) -> None:
    net().export(bytes(tmp_path / "net.c"), dtype=np.float32, classes=np.array([7, 8]))
    assert '"7"' in (tmp_path / "net.c").read_text()
    with pytest.raises(TypeError, match="path: expected a path, got None"):
        net().export(None)


def test_a_compiler_for_another_machine(tmp_path: Path) -> None:
    """What it makes does not start."""
    cross = tmp_path / "cross-cc"
    lines = '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho x > "$2"\nchmod +x "$2"\n'
    cross.write_text(lines)
    cross.chmod(0o755)
    with pytest.raises(ExportError, match="cross-cc makes does not run here"):
        net().export(tmp_path / "net.c", compiler=cross)
    assert not (tmp_path / "net.c").exists()


def test_weights_that_are_computed(tmp_path: Path) -> None:
    for make in (nn.utils.weight_norm, nn.utils.parametrizations.weight_norm):
        with pytest.raises(ExportError, match="its weights are computed"):
            make(nn.Linear(2, 2)).export(tmp_path / "net.c")
    with pytest.raises(TypeError, match="fold: expected True or False"):
        contents(net(), fold=1)


def test_an_estimator_is_its_model(tmp_path: Path) -> None:
    rows = {"a": np.sin(np.arange(40.0)), "b": ["u", "v"] * 20}
    found = TabularClassifier("mlp", epochs=1, hidden=(4,), random_state=0)
    with pytest.raises(ValueError, match="not fitted"):
        export(found, tmp_path / "net.c")
    found.fit(rows, ["p", "q"] * 20)
    assert contents(found).problem == "" and export(found, tmp_path / "net.c").ram == 0
    for calibration in ("rows.csv", {"a": [], "b": []}):
        with pytest.raises(ValueError, match="calibration: expected rows"):
            export(found, tmp_path / "b.c", dtype="int8", calibration=calibration)


@pytest.mark.parametrize("suffix", [".c", ".onnx", ".py"])
def test_columns_of_a_table_by_other_names(suffix: str, tmp_path: Path) -> None:
    """For those which C, ONNX or a reader cannot take."""
    rows = {"": np.sin(np.arange(40.0)), "/x": ["u", "v"] * 20}
    model = TabularClassifier("mlp", epochs=1, hidden=(4,), random_state=0).fit(rows, [0, 1] * 20)
    out = tmp_path / f"net{suffix}"
    if suffix != ".py":
        with pytest.raises(ExportError, match=r"names=\[...\]|--no-constants"):
            model.export(out)
        assert not out.exists()
    model.export(out, names=["width", "kind"])
    text = out.read_bytes()
    assert b"width" in text and b"kind" in text and b"/x" not in text


def test_what_the_parts_of_a_date_are(tmp_path: Path) -> None:
    """All of them stand at the head of a C file, with what they mean."""
    rng = np.random.default_rng(0)
    when = (rng.integers(0, 10**9, 60) * 10**6).astype("M8[us]")
    model = TabularClassifier("mlp", epochs=1, hidden=(4,), random_state=0)
    model.fit({"when": when}, rng.integers(0, 2, 60)).export(tmp_path / "net.c")
    text = (tmp_path / "net.c").read_text()
    assert set(PARTS) == set(DATE_PARTS)
    for i, part in enumerate(DATE_PARTS):
        assert f"x[{i}]: when.{part} ({PARTS[part]})" in text


WORDS: dict[str, tuple[list[str], int, str]] = {
    "suffix": (["net.txt", "--dry-run"], 2, "expected a file that ends in one of"),
    "folder": (["nowhere/net.c", "--dry-run"], 0, "layer 2 (Linear)"),
    "opset": (["net.onnx", "--opset", "5", "--dry-run"], 2, "opset: expected 13.."),
    "option": (["net.py", "--int8", "rows.npy", "--dry-run"], 2, "says nothing to torch code"),
    "json": (["net.c", "--dry-run", "--json"], 0, '"problem": "", "int8": ""'),
    "names": (["net.c", "--names", "a b,a-b,c"], 2, "or export with constants=False (--no-const"),
    "no names": (["net.c", "--names", "a b, a-b,c", "--no-constants"], 0, "self-test has 8 rows"),
    "classes": (["net.onnx", "--classes", "no,yes"], 0, "equal to 1e-6"),
    "count": (["net.onnx", "--classes", "no"], 2, "classes: expected 2 different names"),
}


@pytest.mark.parametrize("name", WORDS)
def test_the_command(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from fastnn.cli import main

    words, code, said = WORDS[name]
    net().save(tmp_path / "net.safetensors")
    out = tmp_path / words[0]
    assert main(["export", str(tmp_path / "net.safetensors"), str(out), *words[1:]]) == code
    assert said in "".join(capsys.readouterr())
    assert out.exists() == (code == 0 and "--dry-run" not in words)

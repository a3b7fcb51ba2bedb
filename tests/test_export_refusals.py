"""What cannot be exported exactly is refused with the reason, and no file is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.export import ExportError, export

S = nn.Sequential


class Own(nn.Module):
    """A user's own layer."""

    def forward(self, x: Any) -> Any:
        """Twice x."""
        return x * 2


class OwnOrder(nn.Sequential):
    """A Sequential with a forward of its own."""

    def forward(self, x: Any) -> Any:
        """As is."""
        return x


def hooked() -> nn.Module:
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(lambda *_: None)
    return S(layer)


def with_nan() -> nn.Module:
    layer = nn.Linear(2, 2)
    layer.weight._array[0, 0] = np.nan
    return S(layer)


def replaced() -> nn.Module:
    layer = nn.Linear(2, 2)
    layer.__dict__["forward"] = lambda x: x
    return S(layer)


BAD = {
    "own": (lambda: S(nn.Linear(2, 2), Own()), {}, r"layer 1 \(Own\): is a module of your own"),
    "lazy": (lambda: S(nn.LazyLinear(2)), {}, r"layer 0 \(LazyLinear\): has not been called yet"),
    "computed": (
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
        {},
        "its weights are computed",
    ),
    "pair": (lambda: nn.Bilinear(2, 2, 2), {}, "Bilinear: files have no form for it"),
    "dense": (lambda: S(nn.Dense(2, 2)), {}, r"layer 0 \(Dense\): files have no form for it"),
    "own order": (lambda: OwnOrder(nn.Linear(2, 2)), {}, "has a forward of its own"),
    "own forward": (replaced, {}, r"layer 0 \(Linear\): has a forward of its own"),
    "hook": (hooked, {}, r"layer 0 \(Linear\): has hooks"),
    "nan": (with_nan, {}, "0.weight: holds nan or inf"),
    "dtypes": (lambda: S(nn.Linear(2, 2), nn.Linear(2, 2).double()), {}, "different dtypes"),
    "half": (lambda: nn.Linear(2, 2).to(fastnn.bfloat16), {}, "is bfloat16; use model.float"),
    "shape": (lambda: nn.ReLU(), {}, "input_shape: the first layer does not say"),
    "widths": (lambda: S(nn.Linear(2, 3), nn.Linear(2, 2)), {}, r"layer 1 \(Linear\): expected"),
    "rows": (lambda: S(nn.Linear(2, 3), nn.Softmax(0)), {}, "depends on the other rows"),
    "moments": (lambda: nn.BatchNorm1d(2, track_running_stats=False), {}, "running moments"),
    "late index": (
        lambda: S(nn.ReLU(), nn.Embedding(3, 2)),
        {"input_shape": (2,)},
        "must be the first of a net",
    ),
    "word": (lambda: nn.Linear(2, 2), {"name": "int"}, "'int' is a word of C"),
    "name": (lambda: nn.Linear(2, 2), {"name": "my net"}, "expected a name of C"),
    "clash": (lambda: nn.Linear(2, 2), {"classes": ["a b", "a-b"]}, "'a b' and 'a-b' would both"),
    "no name": (lambda: nn.Linear(2, 2), {"names": ["?", "b"]}, "gives no name in C"),
    "count": (lambda: nn.Linear(2, 2), {"classes": ["a"]}, "expected 2 different names"),
    "compiler": (lambda: nn.Linear(2, 2), {"compiler": "no-such-cc"}, "no program 'no-such-cc'"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_exported_leaves_the_file(name: str, tmp_path: Path) -> None:
    make, options, text = BAD[name]
    old = tmp_path / "old.c"
    old.write_text("old")
    for file in (old, tmp_path / "new.c"):
        with pytest.raises(ExportError, match=text):
            make().export(file, **options)
    assert old.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["old.c"]


def test_a_function_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="recorded or not, may hold state"):
        export(fastnn.compile(lambda x: x * 2), tmp_path / "net.c")


def test_an_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"ends in one of \.c"):
        nn.Linear(2, 2).export(tmp_path / "net.rs")


def test_the_model_stays_as_it_was(tmp_path: Path) -> None:
    net = S(nn.Embedding(5, 3, max_norm=0.1), nn.Flatten(), nn.Dropout(), nn.Linear(6, 2))
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    net.export(tmp_path / "net.c")
    assert net.training
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key])


@pytest.mark.long
def test_exports_are_loaded_when_they_are_asked_for() -> None:
    """Neither `import fastnn` nor the command loads them, or the package onnx."""
    code = (
        "import sys, fastnn, fastnn.io, fastnn.cli\n"
        "print([m for m in sys.modules if m.partition('.')[0] == 'onnx'"
        " or m.startswith(('fastnn.export', 'fastnn.io.onnx'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.strip() == "[]", ran.stderr

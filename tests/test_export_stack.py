"""The stack that an export states is that of the arrays in its C, along the deepest call."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from cases.exports import NETS, S, moving, table, trained

import fastnn
from fastnn import nn, tabular
from fastnn.tabular.table import load_table

BYTES = {"float": 4, "double": 8, "int8_t": 1, "int32_t": 4, "int": 4}
FUNCTION = re.compile(r"^\w[\w *]* (net\w*)\([^;{]*\)\n\{\n(.*?)^\}", re.M | re.S)
ARRAYS = re.compile(rf"^ +({'|'.join(BYTES)}) ([\w, \[\]]*\]);", re.M)


def deepest(text: str) -> int:
    """Bytes of the local arrays of net_predict and of the calls below it that have most."""
    bodies = dict(FUNCTION.findall(text))

    def of(name: str) -> int:
        body = bodies[name]
        own = sum(
            BYTES[kind] * int(n)
            for kind, names in ARRAYS.findall(body)
            for n in re.findall(r"\[(\d+)\]", names)
        )
        called = set(re.findall(r"\b(net\w*)\(", body)) & set(bodies)
        return own + max(map(of, called), default=0)

    return of("net_predict")


@pytest.mark.parametrize("name", NETS)
def test_of_a_net(name: str, tmp_path: Path) -> None:
    net, shape = NETS[name]
    found = net.export(tmp_path / "net.c", input_shape=shape)
    assert found.stack == deepest((tmp_path / "net.c").read_text())


fastnn.manual_seed(0)
INT8: dict[str, nn.Module] = {
    "one product": S(nn.Linear(6, 3)),
    "two products": S(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3)),
    "with a table": S(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 5), nn.Linear(5, 2)),
    "with a tail": S(nn.Linear(6, 4), nn.Softmax(1)),
    "with a tail of two": S(nn.Linear(6, 3), nn.Softmax(1), nn.Softmax(1)),
    "folded": S(nn.Linear(6, 9), moving(nn.BatchNorm1d(9)), nn.ReLU(), nn.Linear(9, 3)),
}


@pytest.mark.parametrize("name", INT8)
def test_of_a_net_in_int8(name: str, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 6))
    found = INT8[name].export(tmp_path / "net.c", dtype="int8", calibration=rows)
    assert found.stack == deepest((tmp_path / "net.c").read_text())


@pytest.mark.parametrize("dtype", [None, "int8"])
@pytest.mark.parametrize("name", ["digits", "diabetes"])
def test_of_a_table(name: str, dtype: str | None, tmp_path: Path) -> None:
    table = load_table(name)
    model = tabular.train(table, tabular.Settings(epochs=1, hidden=(8,))).model
    rows = None if dtype is None else table.rows
    found = model.export(tmp_path / "net.c", dtype=dtype, calibration=rows)
    assert found.stack == deepest((tmp_path / "net.c").read_text())


def test_of_an_ensemble(tmp_path: Path) -> None:
    found = trained("td", True, table()).export(tmp_path / "net.c")
    assert found.stack == deepest((tmp_path / "net.c").read_text())

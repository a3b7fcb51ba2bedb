"""Exports to C in int8: the arithmetic in all bits, accuracy, and what has no form in int8."""

from __future__ import annotations

import shutil
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.exports import S, compiled, moving, self_test

import fastnn
from bench.board import has_board, on_cortex_m4
from fastnn import nn, tabular
from fastnn.export import ExportError
from fastnn.export.plan import plan_of
from fastnn.export.quantize import Grid, Product, multiplier_of, quantized, requantize
from fastnn.export.reference import rows_into_net
from fastnn.tabular.table import load_table

RNG = np.random.default_rng(0)
X = RNG.standard_normal((400, 6)).astype(np.float32)


def nets() -> dict[str, nn.Module]:
    fastnn.manual_seed(0)
    return {
        "relu": S(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3)),
        "batch-norm": S(nn.Linear(6, 9), moving(nn.BatchNorm1d(9)), nn.ReLU(), nn.Linear(9, 3)),
        "tables": S(nn.Linear(6, 9), nn.Tanh(), nn.PReLU(), nn.Linear(9, 2), nn.GELU()),
        "clamps": S(nn.Linear(6, 9), nn.ReLU6(), nn.Linear(9, 3), nn.Hardtanh(-0.2, 0.3)),
        "softmax": S(nn.Dropout(), nn.Linear(6, 3), nn.Softmax(1)),
        "log-softmax": S(nn.Linear(6, 3), nn.LogSoftmax(1)),
        "first": S(nn.Sigmoid(), nn.Linear(6, 1, bias=False), nn.ReLU(), nn.ReLU()),
    }


NETS = nets()


@pytest.mark.every(8)
@pytest.mark.parametrize("name", NETS)
def test_c_has_the_bits(name: str, tmp_path: Path) -> None:
    net = NETS[name]
    found = net.export(tmp_path / "net.c", dtype="int8", calibration=X, input_shape=(6,))
    assert self_test(tmp_path / "net.c") == 0
    built = compiled(tmp_path / "net.c", "-fsyntax-only")
    assert built.returncode == 0, built.stderr
    assert found.checked == "its self-test has 8 rows, which agree in all bits"


def test_the_self_test_sees_one_bit(tmp_path: Path) -> None:
    NETS["relu"].export(tmp_path / "net.c", dtype="int8", calibration=X)
    text = (tmp_path / "net.c").read_text()
    changed = text.replace("((int64_t)1 << 30)) >> 31", "((int64_t)1 << 31)) >> 31")
    assert changed != text
    (tmp_path / "net.c").write_text(changed)
    assert self_test(tmp_path / "net.c") == 1


def exact(z: int, m: int, shift: int) -> int:
    """Two roundings, as CMSIS-NN and gemmlowp define them: halves up, then away from zero."""
    high = floor(Fraction(z * 2 ** max(shift, 0) * m, 2**31) + Fraction(1, 2))
    share = Fraction(high, 2 ** max(-shift, 0))
    return floor(share + Fraction(1, 2)) if share >= 0 else -floor(-share + Fraction(1, 2))


def test_requantize_is_exact() -> None:
    """Random sums, and sums that end in halves."""
    z = np.concatenate([RNG.integers(-(2**24), 2**24, 3000), np.arange(-600, 600)])
    m = np.concatenate([RNG.integers(2**30, 2**31, 3000), np.full(1200, 2**30)])
    shift = np.concatenate([RNG.integers(-25, 4, 3000), np.tile([-2, -1, 0, 1], 300)])
    want = [exact(*map(int, row)) for row in zip(z, m, shift)]
    assert requantize(z, m, shift).tolist() == want


@pytest.mark.parametrize("factor", [0.5, 0.7, 1e-4, 3.7, 2.0**-31, 1 - 2.0**-40])
def test_multipliers(factor: float) -> None:
    m, shift = multiplier_of(factor)
    assert 2**30 <= m < 2**31
    assert abs(m * 2.0 ** (shift - 31) / factor - 1) < 2.0**-30
    assert multiplier_of(0.0) == (0, 0) and multiplier_of(2.0**-40) == (0, 0)


def test_a_product_is_that_of_cmsis() -> None:
    """acc = sum (x + offset) w + bias with the bias before the zero went into it."""
    net = NETS["clamps"]
    found = quantized(plan_of(net), X)
    first = found.parts[0]
    assert isinstance(first, Product) and first.layer == "layer 0 (Linear), 1 (ReLU6)"
    x = RNG.integers(-128, 128, (50, 6))
    offset = -found.given.zero
    bias = first.bias + found.given.zero * first.weight.astype(np.int64).sum(axis=1)
    w0 = net.state_dict()["0.bias"].numpy().astype(np.float64)
    scales = abs(net.state_dict()["0.weight"].numpy().astype(np.float64)).max(axis=1) / 127
    assert bias.tolist() == np.rint(w0 / (found.given.scale * scales)).tolist()
    for row in x.tolist():
        want = []
        for o in range(9):
            acc = sum((v + offset) * int(w) for v, w in zip(row, first.weight[o])) + int(bias[o])
            y = exact(acc, int(first.multiplier[o]), int(first.shift[o])) + first.to.zero
            want.append(min(max(y, first.low), first.high))
        assert first.of(np.array([row], np.int8))[0].tolist() == want


@pytest.mark.parametrize("name", NETS)
def test_int8_is_near_the_net(name: str) -> None:
    """Within some steps of the outputs' grid for the rows that gave the ranges."""
    net = NETS[name]
    found = quantized(plan_of(net, (6,), fold=True), X)
    got = found.to.get(found.of(found.given.put(X)))
    body = S(*[m for m in net if not isinstance(m, nn.Softmax | nn.LogSoftmax)])
    assert abs(got - body.predict(X)).max() <= 8 * found.to.scale


def test_grids() -> None:
    grid = Grid.over(0.5, 2.0)  # widened to 0
    assert (grid.zero, grid.get(-128), round(float(grid.get(127)), 6)) == (-128, 0.0, 2.0)
    assert grid.put([-9.0, 0.0, 99.0]).tolist() == [-128, -128, 127]
    assert Grid.over(0.0, 0.0).put([0.0]).tolist() == [-128]


def test_a_table_in_int8(tmp_path: Path) -> None:
    """Preparation in float, the net in int8; nearly as accurate as in float."""
    table = load_table("digits")
    model = tabular.train(table, tabular.Settings(epochs=40, hidden=(32,))).model
    model.export(tmp_path / "net.c", dtype="int8", calibration=table.rows)
    assert self_test(tmp_path / "net.c") == 0
    plan = plan_of(model, fold=True)
    rows = rows_into_net(plan, table.rows)
    net = quantized(plan, rows)
    assert table.y is not None
    truth = table.y.ravel()
    right = (net.of(net.given.put(rows)).argmax(axis=1) == truth).mean()
    wanted = (model.predict_proba(table.rows).argmax(axis=1) == truth).mean()
    assert wanted > 0.95 and right > wanted - 0.005
    regression = tabular.train(load_table("diabetes"), tabular.Settings(epochs=1)).model
    rows = load_table("diabetes").rows
    regression.export(tmp_path / "net.c", dtype="int8", calibration=rows)
    assert self_test(tmp_path / "net.c") == 0


def test_a_small_flash(tmp_path: Path) -> None:
    net = S(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
    x = RNG.standard_normal((100, 16))
    wide = net.export(tmp_path / "net.c")
    small = net.export(tmp_path / "net.c", dtype="int8", calibration=x)
    assert wide.flash == (16 * 32 + 32 + 32 * 32 + 32 + 32 * 3 + 3) * 4
    assert small.flash == 16 * 32 + 32 * 32 + 32 * 3 + (32 + 32 + 3) * 9


@pytest.mark.parametrize("cc", ["clang", "arm-none-eabi-gcc", "avr-gcc"])
def test_other_compilers(cc: str, tmp_path: Path) -> None:
    """Where they are installed."""
    if shutil.which(cc) is None:
        return
    machine = {"arm-none-eabi-gcc": ["-mcpu=cortex-m4"], "avr-gcc": ["-mmcu=atmega2560"]}
    NETS["batch-norm"].export(tmp_path / "net.c", dtype="int8", calibration=X)
    flags = [*machine.get(cc, []), "-Os", "-c", "-o", str(tmp_path / "net.o")]
    built = compiled(tmp_path / "net.c", *flags, cc=cc)
    assert built.returncode == 0, built.stderr


def test_on_a_cortex_m4(tmp_path: Path) -> None:
    """All bits on an emulated board, where the tools are installed."""
    if not has_board():
        return
    NETS["tables"].export(tmp_path / "net.c", dtype="int8", calibration=X)
    assert on_cortex_m4(tmp_path / "net.c") == 0


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "norm": (S(nn.Linear(6, 4), nn.LayerNorm(4), nn.Linear(4, 2)), {}, r"layer 1 \(LayerNorm\)"),
    "bare": (S(nn.BatchNorm1d(6), nn.Linear(6, 2)), {}, r"layer 0 \(BatchNorm1d\): has no form"),
    "none": (S(nn.ReLU()), {"input_shape": (6,)}, "this has none"),
    "tail": (S(nn.Linear(6, 2), nn.LayerNorm(2)), {}, r"layer 1 \(LayerNorm\): has no form"),
    "no rows": (nn.Linear(6, 2), {"calibration": None}, "int8 needs rows of data"),
    "wrong rows": (nn.Linear(6, 2), {"calibration": X[:, :3]}, r"expected shape \(rows, 6\), got"),
    "nan rows": (nn.Linear(6, 2), {"calibration": X * np.nan}, "holds nan or inf"),
    "float": (nn.Linear(6, 2), {"dtype": None}, "expected with dtype='int8' only"),
    "slopes": (S(nn.Linear(6, 2), nn.PReLU(2)), {}, r"layer 1 \(PReLU\): has no form"),
}


def test_sums_that_a_shift_would_push_out_of_int32(tmp_path: Path) -> None:
    """Weights that cancel for the rows given, and for no others: such a sum would change its sign
    instead of being clamped."""
    net = nn.Linear(64, 1, bias=False)
    net.weight._array[:] = np.tile([1, -1], 32)
    rng = np.random.default_rng(0)
    twins = np.repeat(rng.standard_normal((50, 32)), 2, axis=1)
    for near, holds in ((1e-2, True), (1e-7, False)):
        rows = twins + near * rng.standard_normal(twins.shape)
        if holds:
            net.export(tmp_path / "net.c", dtype="int8", calibration=rows)
            continue
        with pytest.raises(ExportError, match=r"Linear: its numbers are too far apart for int8"):
            net.export(tmp_path / "net.c", dtype="int8", calibration=rows)


@pytest.mark.parametrize("name", BAD)
def test_what_int8_has_not_leaves_no_file(name: str, tmp_path: Path) -> None:
    net, options, text = BAD[name]
    if name == "slopes":
        net[1].weight._array[:] = [0.1, 0.2]
    with pytest.raises(ExportError, match=text):
        net.export(tmp_path / "net.c", **({"dtype": "int8", "calibration": X} | options))
    assert list(tmp_path.iterdir()) == []

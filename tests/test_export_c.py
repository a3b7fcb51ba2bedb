"""Exports to C: each layer compiles without a warning and computes what the model does."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cases.exports import NETS, S, compiled, labels, self_test, table, trained, values

import fastnn
from bench.board import has_board, on_cortex_m4
from fastnn import nn, tabular
from fastnn.export import contents
from fastnn.export.layers import RULES
from fastnn.io.model import known
from fastnn.tabular.table import load_table


@pytest.mark.every(8)
@pytest.mark.parametrize("name", NETS)
def test_c_computes_what_the_net_does(name: str, tmp_path: Path) -> None:
    net, shape = NETS[name]
    net.export(tmp_path / "net.c", input_shape=shape)
    assert self_test(tmp_path / "net.c") == 0
    built = compiled(tmp_path / "net.c", "-fsyntax-only")
    assert built.returncode == 0, built.stderr  # without the self-test, too


def test_each_layer_has_a_net() -> None:
    """Files know no layer that an export does not, and each is in a net above."""
    used = {type(m) for net, _ in NETS.values() for m in net.modules()}
    assert set(known().values()) <= set(RULES)
    assert set(RULES) <= used


def test_the_self_test_can_fail(tmp_path: Path) -> None:
    file = tmp_path / "net.c"
    nn.Linear(3, 2).export(file)
    text = file.read_text()
    assert "y[o] += " in text
    file.write_text(text.replace("y[o] += ", "y[o] -= "))
    assert self_test(file) == 1


def test_folded_batch_norm_is_gone(tmp_path: Path) -> None:
    net = NETS["batch-norm"][0]
    plain = net.export(tmp_path / "a.c")
    folded = net.export(tmp_path / "b.c", fold=True)
    assert self_test(tmp_path / "b.c") == 0
    assert plain.flash is not None and plain.flash - folded.flash == 2 * 7 * 4  # shift is 0
    rows = contents(net, fold=True).rows
    assert [row[:2] for row in rows] == [
        ("layer 0 (Linear), 1 (BatchNorm1d)", "Dense"),
        ("layer 2 (ReLU)", "Activation"),
    ]


def test_only_math_h_and_only_if_needed(tmp_path: Path) -> None:
    for net, includes in (
        (S(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)), []),
        (S(nn.Linear(2, 3), nn.Tanh()), ["#include <math.h>"]),
    ):
        net.export(tmp_path / "net.c")
        lines = (tmp_path / "net.c").read_text().splitlines()
        assert [line for line in lines if line.startswith("#include")] == includes


def test_no_global_is_written(tmp_path: Path) -> None:
    """All data of the object file are constants, and no function is called but those of libm."""
    nm = shutil.which("nm")
    assert nm is not None
    S(nn.Linear(4, 9), nn.Tanh(), nn.Linear(9, 3), nn.Softmax(1)).export(tmp_path / "net.c")
    assert compiled(tmp_path / "net.c", "-c", "-o", str(tmp_path / "net.o")).returncode == 0
    words = subprocess.run([nm, str(tmp_path / "net.o")], capture_output=True, text=True).stdout
    kinds = {line.split()[-2] for line in words.splitlines()}
    wanted = {line.split()[-1] for line in words.splitlines() if line.split()[-2] == "U"}
    assert not kinds & {"B", "b", "D", "d", "C"}
    assert wanted <= {"expf", "tanhf", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}


def test_header_only(tmp_path: Path) -> None:
    """Two nets in one program, each included twice, one of them not called."""
    for name in ("first", "second"):
        nn.Linear(2, 1).export(tmp_path / f"{name}.h", name=name)
    (tmp_path / "main.c").write_text(
        '#include "first.h"\n#include "second.h"\n#include "first.h"\n'
        "int main(void)\n{\n  const float x[2] = {1.0f, 2.0f};\n  float y[1];\n"
        "  return first_predict(x, y);\n}\n"
    )
    assert self_test(tmp_path / "main.c") == 0


def test_batch_and_names(tmp_path: Path) -> None:
    """A user's program: rows one after another, constants and names, the index of a class."""
    fastnn.manual_seed(1)
    net = S(nn.Linear(2, 3))
    net.export(tmp_path / "net.h", names=["width (cm)", "length"], classes=["a", "ä b", 'q"?'])
    x = np.array([[1.0, 2.0], [-3.0, 4.0], [0.5, -0.5]], np.float32)
    y = net.predict(x)
    best = [int(row.argmax()) for row in y]
    rows = ", ".join(f"{float(v)}f" for v in x.ravel())
    (tmp_path / "main.c").write_text(
        '#include "net.h"\n#include <string.h>\nint main(void)\n{\n'
        f"  const float x[] = {{{rows}}};\n  float y[9], z[3];\n"
        "  if (net_predict_batch(x, y, 3) != 0 || NET_X_LENGTH != 1 || NET_CLASS_A_B != 1)\n"
        "    return 1;\n"
        f"  if (net_predict(x, z) != {best[0]} || net_predict(x + 2, z) != {best[1]})\n"
        "    return 2;\n"
        '  if (strcmp(net_class_name(2), "q\\"\\?") != 0 || net_class_name(3))\n    return 3;\n'
        '  if (strcmp(net_input_name(0), "width (cm)") != 0)\n    return 4;\n'
        f"  return y[5] - ({float(y[1, 2])!r}f) > 1e-5f || y[5] - ({float(y[1, 2])!r}f) < -1e-5f;\n"
        "}\n"
    )
    assert self_test(tmp_path / "main.c", "UNUSED") == 0


def test_an_index_outside_the_table(tmp_path: Path) -> None:
    NETS["embedding"][0].export(tmp_path / "net.h")
    (tmp_path / "main.c").write_text(
        '#include "net.h"\nint main(void)\n{\n  float x[3] = {0.0f, 9.0f, 10.0f}, y[2];\n'
        "  if (net_predict(x, y) != -1)\n    return 1;\n  x[2] = -1.0f;\n"
        "  return net_predict(x, y) != -1;\n}\n"
    )
    assert self_test(tmp_path / "main.c", "UNUSED") == 0


# ---- models of tables ----


@pytest.mark.long
@pytest.mark.parametrize("preset", ["td", "td-s", "tabm-mini", "mlp"])
@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_models_of_tables(preset: str, classes: bool, tmp_path: Path) -> None:
    """Gaps, categories, dates and an ensemble of two; the texts find their indices."""
    x = table()
    model = trained(preset, classes, x)
    model.export(tmp_path / "net.c")
    assert self_test(tmp_path / "net.c") == 0
    text = (tmp_path / "net.c").read_text()
    assert "net_category" in text and "x[5]: when.days" in text


def test_quantiles(tmp_path: Path) -> None:
    """In increasing order, as the model gives them; of one net, and in int8."""
    x = table()
    model = tabular.TabularRegressor(
        "td-s", epochs=1, hidden=(8,), random_state=0, n_ens=2, quantiles=(0.1, 0.5, 0.9)
    ).fit(x, values(x))
    model.export(tmp_path / "net.c")
    assert self_test(tmp_path / "net.c") == 0
    plain = tabular.TabularRegressor("mlp", epochs=1, random_state=0, quantiles=(0.25, 0.5))
    plain.fit(x, values(x)).export(tmp_path / "net.c", dtype="int8", calibration=x)
    assert self_test(tmp_path / "net.c") == 0


def test_a_row_of_a_table_by_hand(tmp_path: Path) -> None:
    """A user's program: texts by net_category, NAN for a gap, a text that training had not."""
    x = table()
    model = tabular.TabularClassifier("td", epochs=2, hidden=(8,), random_state=0)
    fitted = model.fit(x, labels(x))
    fitted.export(tmp_path / "net.h")
    rows = {
        "width": [4.5, 6.25],
        "gap": [None, 1004.0],
        "kind": ["oak", "elm"],
        "town": ["c", "nowhere"],
        "colour": ["r", "g"],
        "when": np.array(["1984-02-29", "1970-01-01"], "M8[D]"),
    }
    want = fitted.predict_proba(rows)
    parts = [(5172, 1984, 2, 29, 2), (0, 1970, 1, 1, 3)]
    lines = []
    for r in (0, 1):
        gap = "NAN" if rows["gap"][r] is None else f"{rows['gap'][r]}f"
        lines += [f"x[NET_X_WIDTH] = {rows['width'][r]}f;", f"x[NET_X_GAP] = {gap};"]
        for name in ("kind", "town", "colour"):
            place = f"NET_X_{name.upper()}"
            lines.append(f'x[{place}] = (float)net_category({place}, "{rows[name][r]}");')
        words = ("DAYS", "YEAR", "MONTH", "DAY", "WEEKDAY")
        lines += [f"x[NET_X_WHEN_{w}] = {v}.0f;" for w, v in zip(words, parts[r])]
        lines += ["best = net_predict(x, y);", 'printf("%s %.6f\\n", net_class_name(best), y[1]);']
    body = "\n  ".join(lines).replace("y[1]", "(double)y[1]")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "net.h"\nint main(void)\n{\n'
        f"  float x[NET_INPUTS], y[NET_OUTPUTS];\n  int best;\n  {body}\n  return 0;\n}}\n"
    )
    program = tmp_path / "main"
    built = compiled(tmp_path / "main.c", "-o", str(program), "-lm")
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([str(program)], capture_output=True, text=True).stdout.split()
    assert ran[::2] == fitted.predict(rows).tolist()
    np.testing.assert_allclose([float(v) for v in ran[1::2]], want[:, 1], atol=2e-5)


@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_what_train_saves(name: str, tmp_path: Path) -> None:
    model = tabular.train(load_table(name), tabular.Settings(epochs=1, hidden=(8,))).model
    model.save(tmp_path / "net.safetensors")
    fastnn.load(tmp_path / "net.safetensors").export(tmp_path / "net.c")
    assert self_test(tmp_path / "net.c") == 0


# ---- other machines ----


@pytest.mark.long
@pytest.mark.parametrize("cc", ["clang", "arm-none-eabi-gcc", "avr-gcc"])
def test_other_compilers(cc: str, tmp_path: Path) -> None:
    """Where they are installed."""
    if shutil.which(cc) is None:
        return
    machine = {"arm-none-eabi-gcc": ["-mcpu=cortex-m4"], "avr-gcc": ["-mmcu=atmega2560"]}
    names = ["Tanh", "batch-norm", "layer-norm", "glu-softmin", "instance", "embedding"]
    names += ["GELU", "Mish", "SELU", "Softplus", "columns", "members"]
    for name in names:
        net, shape = NETS[name]
        net.export(tmp_path / "net.c", input_shape=shape)
        flags = [*machine.get(cc, []), "-Os", "-c", "-o", str(tmp_path / "net.o")]
        built = compiled(tmp_path / "net.c", *flags, cc=cc)
        assert built.returncode == 0, (name, built.stderr)


def test_what_the_libm_of_avr_lacks(tmp_path: Path) -> None:
    """Its erfcf, expm1f and log1pf are in the file: here they stand for those of this machine."""
    layers = (nn.GELU(), nn.SELU(), nn.Mish(), nn.LogSigmoid())
    S(nn.Linear(4, 9), *layers, nn.Linear(9, 3)).export(tmp_path / "net.c")
    built = compiled(
        tmp_path / "net.c", "-D__AVR__", "-DNET_SELF_TEST", "-o", str(tmp_path / "net"), "-lm"
    )
    assert built.returncode == 0, built.stderr
    assert subprocess.run([tmp_path / "net"]).returncode == 0
    z = np.linspace(-6, 6, 997)
    main = f"""
#include <stdio.h>
#include "{tmp_path}/net.c"
int main(void)
{{
  float z;
  while (scanf("%f", &z) == 1)
    printf("%.9g ", (double)erfcf(z));
  return 0;
}}
"""
    (tmp_path / "erfc.c").write_text(main)
    built = compiled(tmp_path / "erfc.c", "-D__AVR__", "-o", str(tmp_path / "erfc"), "-lm")
    assert built.returncode == 0, built.stderr
    given = " ".join(f"{v:.9g}" for v in z)
    said = subprocess.run([tmp_path / "erfc"], input=given, capture_output=True, text=True).stdout
    want = [math.erfc(float(np.float32(v))) for v in z]
    np.testing.assert_allclose([float(v) for v in said.split()], want, atol=5e-7, rtol=1e-5)


def test_float64_where_double_has_32_bits(tmp_path: Path) -> None:
    """It does not compile, rather than compute something else."""
    nn.Linear(2, 2).double().export(tmp_path / "net.c")
    built = compiled(tmp_path / "net.c", "-U__SIZEOF_DOUBLE__", "-D__SIZEOF_DOUBLE__=4", "-c")
    assert built.returncode != 0 and "the model is float64" in built.stderr


def test_on_a_cortex_m4(tmp_path: Path) -> None:
    """The self-test on an emulated board, where the tools are installed."""
    if not has_board():
        return
    S(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 3), nn.Softmax(1)).export(tmp_path / "net.c")
    assert on_cortex_m4(tmp_path / "net.c") == 0
    text = (tmp_path / "net.c").read_text()
    (tmp_path / "net.c").write_text(text.replace("y[o] += ", "y[o] -= "))
    assert on_cortex_m4(tmp_path / "net.c") != 0


def test_names_that_end_comments(tmp_path: Path) -> None:
    """Names of layers and columns stand in comments and texts as they are, in ASCII."""
    odd = 'é */ ??/ \\\n#error "x" \\'
    S({odd: nn.Linear(2, 2)}).export(tmp_path / "net.c", names=[odd, "b"], constants=False)
    assert self_test(tmp_path / "net.c") == 0 and (tmp_path / "net.c").read_bytes().isascii()


def test_names_without_constants(tmp_path: Path) -> None:
    nn.Linear(2, 2).export(tmp_path / "net.c", classes=["a b", "a-b"], constants=False)
    assert self_test(tmp_path / "net.c") == 0

"""`python -m bench.export`: size and speed of exported files, and how they were checked.

Flash, RAM and stack are of the object file for a Cortex-M4 with `-Os`; its functions of libm are
not counted. Times are the least of many runs of 1000 rows with `-O3 -march=native` on one thread
of this machine; of ONNX, onnxruntime on one thread. Rivals where they are installed: emlearn and
emx-onnx-cgen (pip), onnx2c (a program to be built from source: no index has it).
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench import report
from bench.board import FLAGS as BOARD, has_board, on_cortex_m4

PAGE = Path(__file__).resolve().parents[1] / "docs" / "export.md"
START, END = "<!-- exports:start -->", "<!-- exports:end -->"
WARNINGS = "-std=c99 -Wall -Wextra -pedantic -Wconversion -Werror".split()
ROWS = 1000
HEAD = ["net", "file", "bytes", "flash", "RAM", "stack", "ns a row", "checked"]
WANTED = 150.0  # nanoseconds a row of 16-32-32-3
CLOCK = """\
#include <stdio.h>
#include <time.h>
{head}
static float x[{rows} * {n_in}], y[{rows} * {n_out}];
int main(void)
{{
  struct timespec a, b;
  double best = 1e9;
  for (int i = 0; i < {rows} * {n_in}; i++)
    x[i] = (float)(i * 7919 % 1000) / 500.0f - 1.0f;
  for (int k = 0; k < 400; k++) {{
    clock_gettime(CLOCK_MONOTONIC, &a);
    {call}
    clock_gettime(CLOCK_MONOTONIC, &b);
    double t = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
    best = t < best ? t : best;
  }}
  printf("%.2f %g\\n", best / {rows}, (double)y[1]);
  return 0;
}}
"""


def nets() -> Iterator[tuple[str, Any, Any]]:
    """Name, model and rows for int8."""
    import fastnn
    from fastnn import nn, tabular
    from fastnn.tabular.table import load_table

    fastnn.manual_seed(0)
    rng = np.random.default_rng(0)
    for widths in ((16, 32, 32, 3), (64, 128, 10)):
        layers: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise(widths):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        rows = rng.standard_normal((ROWS, widths[0])).astype(np.float32)
        yield "-".join(map(str, widths)), nn.Sequential(*layers[:-1]), rows
    table = load_table("iris")
    yield "train iris", tabular.train(table, tabular.Settings(epochs=30)).model, table.rows
    wine = load_table("wine")
    labels = [wine.classes[i] for i in np.ravel(wine.y)]
    model = tabular.TabularClassifier(epochs=16, hidden=(64, 64), random_state=0)
    yield "TabularClassifier wine", model.fit(wine.rows, labels).predictor_, None


def sizes(source: Path, folder: Path, include: str = "") -> tuple[int, int, int]:
    """Flash, RAM and stack of a C file, for a Cortex-M4 if there is a compiler for it."""
    board = shutil.which("arm-none-eabi-gcc") is not None
    tools = ("arm-none-eabi-gcc", "arm-none-eabi-size") if board else ("gcc", "size")
    made = folder / "sized.o"
    words = [tools[0], *(BOARD if board else []), "-Os", "-fstack-usage", "-c", str(source)]
    words += [f"-I{include}"] if include else []
    subprocess.run([*words, "-o", str(made)], check=True, cwd=folder)
    text = subprocess.run([tools[1], "-A", str(made)], capture_output=True, text=True).stdout
    found = {"flash": 0, "ram": 0}
    for line in text.splitlines():
        word, *rest = line.split() or [""]
        if word.startswith((".text", ".rodata")):
            found["flash"] += int(rest[0])
        elif word.startswith((".data", ".bss")):
            found["ram"] += int(rest[0])
            found["flash"] += int(rest[0]) if word.startswith(".data") else 0
    return found["flash"], found["ram"], deepest(made.with_suffix(".su").read_text())


def deepest(usage: str) -> int:
    """The stack of a call: that of predict, of a chain of steps, and of the largest step."""
    by_kind = {"predict": 0, "chain": 0, "step": 0}
    for line in usage.splitlines():
        name, size, _ = line.split("\t")
        kind = next((k for k in by_kind if f"_{k}" in name), "step")
        if "batch" not in name and "self_test" not in name:
            by_kind[kind] = max(by_kind[kind], int(size))
    return sum(by_kind.values())


def timed(folder: Path, head: str, call: str, n_in: int, n_out: int, *flags: str) -> float:
    """Nanoseconds a row."""
    main, program = folder / "clock.c", folder / "clock"
    main.write_text(CLOCK.format(head=head, call=call, rows=ROWS, n_in=n_in, n_out=n_out))
    words = ["gcc", "-O3", "-march=native", *flags, str(main), "-o", str(program), "-lm"]
    subprocess.run(words, check=True)
    runs = (subprocess.run([str(program)], capture_output=True, text=True) for _ in range(3))
    return min(float(run.stdout.split()[0]) for run in runs)


def checked(source: Path, folder: Path) -> str:
    """Compile without a warning and run the self-test, by every compiler that is there."""
    done = []
    for cc in ("gcc", "clang"):
        if shutil.which(cc):
            program = folder / "tested"
            words = [cc, *WARNINGS, "-DNET_SELF_TEST", str(source), "-o", str(program), "-lm"]
            subprocess.run(words, check=True)
            subprocess.run([str(program)], check=True)
            done.append(cc)
    if has_board():
        if on_cortex_m4(source):
            raise RuntimeError(f"{source}: the self-test fails on the board")
        done.append("Cortex-M4 (qemu)")
    return "self-test: " + ", ".join(done)


def c_row(net: str, model: Any, folder: Path, rows: Any) -> list[str]:
    """The row of a C file; in int8 if there are rows."""
    source = folder / "net.c"
    options = {} if rows is None else {"dtype": "int8", "calibration": rows}
    found = model.export(source, **options)
    flash, ram, stack = sizes(source, folder)
    n_in, n_out = (int(s.split()[-1]) for s in source.read_text().splitlines()
                   if s.startswith(("#define NET_INPUTS", "#define NET_OUTPUTS")))  # fmt: skip
    head = "int net_predict_batch(const float *x, float *y, unsigned long rows);"
    ns = timed(folder, head, f"net_predict_batch(x, y, {ROWS});", n_in, n_out, str(source))
    kind = "C, float32" if rows is None else "C, int8"
    numbers = [f"{v:,}" for v in (found.size, flash, ram, stack)]
    return [net, kind, *numbers, report.microseconds(ns), checked(source, folder)]


def onnx_rows(net: str, model: Any, folder: Path) -> list[list[str]]:
    """The rows of an ONNX file and of torch code."""
    path, ns = folder / "net.onnx", "-"
    found = model.export(path)
    if importlib.util.find_spec("onnxruntime") is not None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(path), options)
        rng = np.random.default_rng(0)
        feed = {
            i.name: rng.standard_normal((ROWS, i.shape[1])).astype(np.float32)
            for i in session.get_inputs()
        }
        times = []
        for _ in range(200):
            begun = time.perf_counter()
            session.run(None, feed)
            times.append(time.perf_counter() - begun)
        ns = report.microseconds(min(times) * 1e9 / ROWS)
    rows = [[net, "ONNX", f"{found.size:,}", "", "", "", ns, found.checked.partition(", on")[0]]]
    script = model.export(folder / "net.py")
    how = script.checked.partition(" on ")[0] + " with fastnn in torch's place"
    return [*rows, [net, "torch code", f"{script.size:,}", "", "", "", "", how]]


def emlearn_row(net: str, model: Any, folder: Path) -> list[str] | None:
    """The same net by emlearn, from the same weights."""
    if importlib.util.find_spec("emlearn") is None:
        return None
    import emlearn
    from sklearn.neural_network import MLPClassifier

    layers = [layer for layer in model if hasattr(layer, "weight")]
    widths = tuple(layer.out_features for layer in layers)
    rng = np.random.default_rng(0)
    like = MLPClassifier(widths[:-1], max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        like.fit(rng.normal(size=(100, layers[0].in_features)), np.arange(100) % widths[-1])
    like.coefs_ = [layer.weight.detach().numpy().T.astype(np.float64) for layer in layers]
    like.intercepts_ = [layer.bias.detach().numpy().astype(np.float64) for layer in layers]
    before = os.getcwd()
    os.chdir(folder)  # it leaves files behind
    try:
        emlearn.convert(like).save(file="eml.h", name="eml")
    finally:
        os.chdir(before)
    source = folder / "eml.c"
    source.write_text('#include "eml.h"\n')
    flash, ram, stack = sizes(source, folder, emlearn.includedir)
    n_in, n_out = layers[0].in_features, widths[-1]
    loop = (f"for (int r = 0; r < {ROWS}; r++) "
            f"eml_regress(x + r * {n_in}, {n_in}, y + r * {n_out}, {n_out});")  # fmt: skip
    where = (f"-I{folder}", f"-I{emlearn.includedir}")
    ns = timed(folder, '#include "eml.h"', loop, n_in, n_out, *where)
    numbers = [f"{v:,}" for v in ((folder / "eml.h").stat().st_size, flash, ram, stack)]
    return [net, "C by emlearn", *numbers, report.microseconds(ns), ""]


def from_onnx_rows(net: str, model: Any, folder: Path) -> Iterator[list[str]]:
    """The same net by programs that make C of our ONNX file."""
    import onnx

    model.export(folder / "one.onnx")
    graph = onnx.load(folder / "one.onnx")
    for value in (*graph.graph.input, *graph.graph.output):  # of one row, as they want it
        value.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(graph, folder / "one.onnx")
    given, source = str(folder / "one.onnx"), folder / "entry.c"
    n_in, n_out = model[0].in_features, model[-1].out_features
    head = f"void entry(const float x[1][{n_in}], float y[1][{n_out}]);"
    loop = (f"for (int r = 0; r < {ROWS}; r++) entry((const float (*)[{n_in}])(x + r * {n_in}), "
            f"(float (*)[{n_out}])(y + r * {n_out}));")  # fmt: skip
    for name, words in FROM_ONNX.items():
        if shutil.which(words[0]) is None:
            continue
        to = [] if name == "onnx2c" else [str(source)]
        made = subprocess.run([*words, given, *to], capture_output=True, check=True)
        if not to:
            source.write_bytes(made.stdout)
        ns = timed(folder, head, loop, n_in, n_out, str(source))
        numbers = [f"{v:,}" for v in (source.stat().st_size, *sizes(source, folder))]
        yield [net, f"C by {name}", *numbers, report.microseconds(ns), ""]


FROM_ONNX = {
    "onnx2c": ["onnx2c"],
    "emx-onnx-cgen": ["emx-onnx-cgen", "compile", "--model-name", "entry",
                      "--large-temp-threshold", "0", "--large-weight-threshold", "0"],
}  # fmt: skip


def table() -> list[list[str]]:
    """All rows, below the head."""
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for net, model, calibration in nets():
            rows.append(c_row(net, model, folder, None))
            if calibration is not None:
                rows.append(c_row(net, model, folder, calibration))
            if not net.startswith(("train", "Tab")):
                like = emlearn_row(net, model, folder)
                rows += [] if like is None else [like]
                rows += from_onnx_rows(net, model, folder)
            rows += onnx_rows(net, model, folder)
    return [HEAD, *rows]


def markdown(rows: list[list[str]]) -> str:
    """A table of Markdown; numbers to the right."""
    rule = ["---", "---", *["---:"] * 5, "---"]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def main() -> int:
    """Print the table; with --render, put it into docs/export.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.export", description=__doc__)
    parser.add_argument("--render", action="store_true", help="update docs/export.md")
    render = parser.parse_args().render
    rows = table()
    text = markdown(rows)
    print(text)
    if render:
        page = PAGE.read_text()
        before, _, rest = page.partition(START)
        PAGE.write_text(f"{before}{START}\n{text}\n{END}{rest.partition(END)[2]}")
    fast = float(next(r for r in rows if r[:2] == ["16-32-32-3", "C, float32"])[6])
    print(f"\n16-32-32-3: {fast:.0f} ns a row, wanted at most {WANTED:.0f}")
    return int(fast > WANTED)


if __name__ == "__main__":
    raise SystemExit(main())

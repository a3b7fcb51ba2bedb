"""The steps of models of tables as C functions."""

from __future__ import annotations

import numpy as np

from fastnn.export.c_words import Real
from fastnn.export.c_writer import Writer, vector
from fastnn.export.steps import Clip, Columns, MeanOfMembers, Prepare, Sort, Undo

__all__ = ["clip", "columns", "mean", "prepare", "sort", "undo"]


def columns(w: Writer, s: Columns, at: str, size: int) -> str:
    out, c, f = "", w.real.c, w.f
    ints = []
    if s.numbers:
        k, m = s.mixing.shape[1:]
        frequency, phase = w.put(f"frequency{at}", s.frequency), w.put(f"phase{at}", s.phase)
        mixing = w.put(f"mixing{at}", s.mixing.reshape(-1, m))
        bias = w.put(f"shift{at}", s.bias.reshape(-1))
        ints = ["i", "j", "o"]
        out += (
            f"for (i = 0; i < {s.numbers}; i++) {{\n"
            f"  for (o = 0; o < {k}; o++)\n    y[i * {k} + o] = {bias}[i * {k} + o];\n"
            f"  for (j = 0; j < {m}; j++) {{\n"
            f"    const {c} v = cos{f}(x[i] * {frequency}[i][j] + {phase}[i][j]);\n"
            f"    for (o = 0; o < {k}; o++)\n"
            f"      y[i * {k} + o] += {mixing}[i * {k} + o][j] * v;\n  }}\n}}\n"
        )
        out += f"y += {s.numbers * k};\n"
    whole = s.numbers + s.plain
    if whole:
        ints = ints or ["i"]
        out += f"for (i = 0; i < {whole}; i++)\n  y[i] = x[i];\n"
    if len(s.starts) > 1:
        width = s.table.shape[1]
        ints = sorted({*ints, "i", "j"})
        table = w.put(f"table{at}", s.table)
        starts = w.put_integers(f"starts{at}", s.starts[:-1], "int", 4)
        out += (
            f"for (i = 0; i < {len(s.starts) - 1}; i++)\n  for (j = 0; j < {width}; j++)\n"
            f"    y[{whole} + i * {width} + j] = {table}[{starts}[i] + (int)x[{whole} + i]][j];\n"
        )
    return f"int {', '.join(ints)};\n{out}".rstrip()


def mean(w: Writer, s: MeanOfMembers, at: str, size: int) -> str:
    return (
        f"int i, k;\nfor (i = 0; i < {s.size}; i++) {{\n  {w.real.c} sum = {w.lit(0)};\n"
        f"  for (k = 0; k < {s.members}; k++)\n    sum += x[k * {s.size} + i];\n"
        f"  y[i] = sum / {w.lit(s.members)};\n}}"
    )


def undo(w: Writer, s: Undo, at: str, size: int) -> str:
    value = "exp((double)x[i])" if s.log else "(double)x[i]"
    return (
        f"int i;\nfor (i = 0; i < {s.size}; i++)\n"
        f"  y[i] = ({w.real.c})({value} * {s.deviation!r} + {s.mean!r});"
    )


def clip(w: Writer, s: Clip, at: str, size: int) -> str:
    low, high = w.lit(s.low), w.lit(s.high)
    return (
        f"int i;\nfor (i = 0; i < {s.size}; i++)\n"
        f"  y[i] = x[i] < {low} ? {low} : x[i] > {high} ? {high} : x[i];"
    )


def sort(w: Writer, s: Sort, at: str, size: int) -> str:
    """By insertion, where it is or from x to y."""
    return (
        f"int i, k;\nfor (i = 0; i < {s.size}; i++) {{\n  const {w.real.c} v = x[i];\n"
        f"  for (k = i; k > 0 && y[k - 1] > v; k--)\n    y[k] = y[k - 1];\n  y[k] = v;\n}}"
    )


def prepare(w: Writer, s: Prepare, at: str, size: int) -> str:
    """Numbers in double, as the model prepares them; codes by their tables."""
    double, out, n, c = Real.of(np.float64), "", len(s.sources), w.real.c
    ints = ["i"] if n else []
    if n:
        sources = w.put_integers(f"source{at}", s.sources, "int", 4)
        means = w.put(f"mean{at}", s.means, double)
        center, factor = (
            w.put(f"center{at}", s.center, double),
            w.put(f"scale{at}", s.factor, double),
        )
        out += (
            f"for (i = 0; i < {n}; i++) {{\n  const {c} given = x[{sources}[i]];\n"
            f"  double v = given != given ? {means}[i] : (double)given;\n"
            f"  v = (v - {center}[i]) {'*' if s.robust else '/'} {factor}[i];\n"
        )
        if s.robust:
            out += "  v = v > 1e8 ? 3.0 : v < -1e8 ? -3.0 : v / sqrt(1.0 + v / 3.0 * (v / 3.0));\n"
        out += f"  y[i] = ({c})v;\n}}\n"
    place = n
    for k, (source, gap) in enumerate(s.codes):
        limit = len(s.inputs[source].categories or ())
        given = f"x[{source}]"
        code = f"({given} != {given} ? 2 : 1)" if gap else (
            f"({given} >= {w.lit(1)} && {given} < {w.lit(limit + 1)} ? (int){given} : 0)"
        )  # fmt: skip
        if k >= len(s.tables):
            out += f"y[{place}] = ({c}){code};\n"
            place += 1
            continue
        table, on, off = s.tables[k], s.on[k], s.off[k]
        if table is not None:
            out += f"y[{place}] = {w.put(f'code{at}_{k}', table)}[{code}];\n"
            place += 1
            continue
        assert on is not None and off is not None
        ints = sorted({*ints, "i", "code"})
        out += (
            f"code = {code};\nfor (i = 0; i < {len(on)}; i++)\n  y[{place} + i] = "
            f"code == i + 1 ? {vector(w, f'on{at}_{k}', on)} : "
            f"{vector(w, f'off{at}_{k}', off)};\n"
        )
        place += len(on)
    return (f"int {', '.join(ints)};\n" if ints else "") + out.rstrip()

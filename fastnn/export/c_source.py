"""A plan as one file of C99 that needs math.h at most."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._version import __version__
from fastnn.export.c_steps import IN_PLACE, WRITERS
from fastnn.export.c_words import Real, checked_name, constants, remark, text
from fastnn.export.c_writer import Writer
from fastnn.export.steps import Chain, Plan, Shape, Step, Take, index_sizes

__all__ = [
    "CSource",
    "batch",
    "chain_function",
    "checked_opening",
    "closing",
    "finished",
    "predicted",
    "size_of",
    "source_of",
]

Array = NDArray[Any]
MATH = re.compile(r"\b(sqrt|expm1|exp|cos|log1p|log|tanh|erfc)f?\(")


AVR = """\
#ifdef __AVR__ /* whose libm has neither */
#define expm1f(x) (expf(x) - 1.0f)
#define log1pf(x) logf(1.0f + (x))
#endif
"""
# p was fitted at Chebyshev's points of t in 1/6..1: erfc is right to 3e-7.
AVR_ERFC = """\
#ifdef __AVR__ /* whose libm has none: erfc(z) = t exp(p(t) - z^2), t = 1 / (1 + z / 2), z >= 0 */
#define erfcf(x) {n}_erfcf(x)
static float {n}_erfcf(float x)
{{
  static const float p[] = {{
    0.14879115f, -0.70184726f, 1.2061695f, -0.76198417f, -0.02599468f,
    -0.027512092f, 0.044362344f, 0.38460636f, 0.9988684f, -1.2654595f
  }};
  const float z = x < 0.0f ? -x : x, t = 1.0f / (1.0f + 0.5f * z);
  float sum = 0.0f;
  int i;
  for (i = 0; i < 10; i++)
    sum = sum * t + p[i];
  sum = t * expf(sum - z * z);
  return x < 0.0f ? 2.0f - sum : sum;
}}
#endif
"""
WIDE = """\
#if defined(__SIZEOF_DOUBLE__) && __SIZEOF_DOUBLE__ < 8
#error "the model is float64, and double has 32 bits here: export copy.deepcopy(model).float()"
#endif
"""


@dataclass(frozen=True)
class CSource:
    """A C file. flash: bytes of its constants; stack: bytes of the arrays of a call; math: whether
    it needs math.h."""

    text: str
    flash: int
    stack: int
    math: bool


def source_of(
    plan: Plan, x: Array, y: Array, tolerance: float, name: str, header: bool, named: bool
) -> CSource:
    """The C file of a plan in the model's type.

    Args:
        plan: what to write.
        x, y: rows, and what the model gives for them: the self-test.
        tolerance: of the self-test.
        name: the prefix of all names.
        header: everything static, to be included.
        named: define constants by the names of inputs and classes.

    Raises:
        ExportError: names that are none in C, or clash there.
    """
    w = Writer(checked_name(name), Real.of(plan.real))
    calls, stack = [], 0
    for number, chain in enumerate(plan.chains):
        mark = "" if len(plan.chains) == 1 else f"{number}_"
        used = chain_function(w, chain, plan.shape, mark)
        calls.append(f"{w.name}_chain{mark}")
        stack = max(stack, used * w.real.numpy().itemsize)
    outputs = size_of(plan.outputs)
    if len(calls) > 1:
        stack += outputs * w.real.numpy().itemsize
    parts = [
        *checked_opening(w, plan, named),
        *w.arrays,
        *w.functions,
        _predict(w, plan, calls),
        batch(w.name, w.real.c),
        *closing(w, plan, x, y, tolerance),
    ]
    return finished(w, parts, stack, header)


def chain_function(w: Writer, chain: Chain, shape: Shape, mark: str) -> int:
    """Write the steps of a net and the function that calls them; elements of its buffers."""
    chain = tuple(s for s in chain if not isinstance(s, Take) or s.moves)
    sizes = {"a": 0, "b": 0}
    here, size, calls = "x", size_of(shape), []
    for i, step in enumerate(chain):
        function = _function(w, step, f"{mark}{i}", size)
        if i == len(chain) - 1:
            there = "y"
        elif isinstance(step, IN_PLACE) and here in sizes:
            there = here
        else:
            there = "b" if here == "a" else "a"
        if there in sizes:
            sizes[there] = max(sizes[there], step.size)
        calls.append(f"  {function}({here}, {there});")
        here, size = there, step.size
    if not chain:
        calls = [f"  int i;\n  for (i = 0; i < {size}; i++)\n    y[i] = x[i];"]
    buffers = ", ".join(f"{k}[{n}]" for k, n in sizes.items() if n)
    declared = f"  {w.real.c} {buffers};\n" if buffers else ""
    body = "\n".join(calls)
    w.functions.append(
        f"static void {w.name}_chain{mark}(const {w.real.c} *x, {w.real.c} *y)\n"
        f"{{\n{declared}{body}\n}}\n"
    )
    return sum(sizes.values())


def _function(w: Writer, step: Step, at: str, size: int) -> str:
    """Write the function of a step; its name."""
    body = WRITERS[type(step)](w, step, at, size)
    name, c = f"{w.name}_step{at}", w.real.c
    lines = "".join(f"  {line}\n" for line in body.splitlines())
    comment = remark(step.layer)
    w.functions.append(
        f"/* {comment} */\nstatic void {name}(const {c} *x, {c} *y)\n{{\n{lines}}}\n"
    )
    return name


def size_of(shape: Shape) -> int:
    return int(np.prod(shape, dtype=np.int64))


# ---- the parts around the steps ----


def checked_opening(w: Writer, plan: Plan, named: bool) -> list[str]:
    """Comment, sizes, names and prototypes."""
    n, c, big = w.name, w.real.c, w.name.upper()
    inputs, outputs = size_of(plan.shape), size_of(plan.outputs)
    sizes = [f"#define {big}_INPUTS {inputs}", f"#define {big}_OUTPUTS {outputs}"]
    if named:
        sizes += constants(f"{big}_X_", "column", plan.names)
        sizes += constants(f"{big}_CLASS_", "class", plan.classes)
    lines = [
        f"/* Written by fastnn {__version__}. A row has {inputs} numbers in and {outputs} out.",
        *_columns_of(plan),
        "",
        f"   int {n}_predict(const {c} *x, {c} *y): the outputs y of a row x. It returns the index",
        "   of the greatest output, or -1 if x has an index that is in no table.",
        f"   int {n}_predict_batch(x, y, rows): the same for rows one after another; 0, or -1.",
        f"   {n}_class_name(i), {n}_input_name(i): the names of outputs and inputs; 0 without.",
        f"   With -D{big}_SELF_TEST it is a program that returns 0 if it computes what fastnn did.",
        "   No memory is allocated, no variable outlives a call; calls may run side by side. */",
    ]
    api = f"{big}_API"
    prototypes = [
        f"{api} int {n}_predict(const {c} *x, {c} *y);",
        f"{api} int {n}_predict_batch(const {c} *x, {c} *y, unsigned long rows);",
        f"{api} const char *{n}_class_name(int i);",
        f"{api} const char *{n}_input_name(int i);",
    ]
    if _categories(plan):
        prototypes.append(f"{api} int {n}_category(int input, const char *text);")
    return [
        "\n".join(lines) + "\n",
        "\n".join(sizes) + "\n",
        "@INCLUDE@",
        "\n".join(prototypes) + "\n",
    ]


def _columns_of(plan: Plan) -> list[str]:
    prepare = plan.prepare
    if prepare is None:
        return []
    lines = [
        "",
        "   The inputs are columns of a table: a number as it is, or NaN where it is missing; of a",
        "   category its index, or 0 if it is missing or unknown.",
    ]
    for i, column in enumerate(prepare.inputs):
        texts = column.categories
        kind = column.meaning if texts is None else f"{len(texts)} categories"
        lines.append(f"     x[{i}]: {remark(column.name)} ({kind})")
    return lines


def _categories(plan: Plan) -> dict[int, tuple[str, ...]]:
    columns = plan.prepare.inputs if plan.prepare is not None else ()
    return {i: c.categories for i, c in enumerate(columns) if c.categories is not None}


def _predict(w: Writer, plan: Plan, calls: list[str]) -> str:
    c, outputs = w.real.c, size_of(plan.outputs)
    lines, ints = [], []
    for place, size in index_sizes(plan).items():
        given = f"x[{place}]"
        lines.append(f"if (!({given} >= {w.lit(0)} && {given} < {w.lit(size)}))\n    return -1;")
    if len(calls) == 1:
        lines.append(f"{calls[0]}(x, y);")
    else:
        ints = ["i"]
        lines += [f"{c} z[{outputs}];", f"{calls[0]}(x, y);"]
        for call in calls[1:]:
            lines += [f"{call}(x, z);", f"for (i = 0; i < {outputs}; i++)", "  y[i] += z[i];"]
        lines += [f"for (i = 0; i < {outputs}; i++)", f"  y[i] /= {w.lit(len(calls))};"]
        lines.insert(0, lines.pop(lines.index(f"{c} z[{outputs}];")))
    return predicted(w, outputs, ints, lines)


def predicted(w: Writer, outputs: int, ints: list[str], lines: list[str]) -> str:
    """The function that predicts a row: some lines, then the index of the greatest output."""
    n, c = w.name, w.real.c
    if outputs > 1:
        ints = sorted({*ints, "i", "best = 0"})
        lines = [
            *lines,
            f"for (i = 1; i < {outputs}; i++)",
            "  if (y[i] > y[best])",
            "    best = i;",
            "return best;",
        ]
    else:
        lines = [*lines, "return 0;"]
    declared = f"  int {', '.join(ints)};\n" if ints else ""
    body = "\n".join(f"  {line}" for line in lines)
    head = f"{n.upper()}_API int {n}_predict(const {c} *x, {c} *y)"
    return f"{head}\n{{\n{declared}{body}\n}}\n"


def batch(n: str, c: str) -> str:
    big = n.upper()
    return (
        f"{big}_API int {n}_predict_batch(const {c} *x, {c} *y, unsigned long rows)\n{{\n"
        f"  unsigned long r;\n  for (r = 0; r < rows; r++)\n"
        f"    if ({n}_predict(x + r * {big}_INPUTS, y + r * {big}_OUTPUTS) < 0)\n"
        f"      return -1;\n  return 0;\n}}\n"
    )


def closing(
    w: Writer,
    plan: Plan,
    x: Array,
    y: Array,
    tolerance: float,
    more: tuple[list[str], str] = ([], ""),
) -> list[str]:
    """The names, and the self-test. more: arrays and lines of it besides."""
    n, big = w.name, w.name.upper()
    parts = [
        _texts(w, "class_name", plan.classes, "of an output"),
        _texts(w, "input_name", plan.names, "of an input"),
    ]
    if _categories(plan):
        parts.append(_category(w, _categories(plan)))
    count, real = len(x), w.real
    rows = np.asarray(x, real.numpy).reshape(count, -1)
    want = np.asarray(y, real.numpy).reshape(count, -1)
    missing = np.isnan(rows)
    parts += [
        f"#ifdef {big}_SELF_TEST",
        real.array(f"{n}_test_x", np.where(missing, real.numpy(MISSING), rows)),
        real.array(f"{n}_test_y", want),
        *more[0],
    ]
    given = f"{n}_test_x[r][i]"
    if missing.any():
        given = f"{given} == {real.number(MISSING)} ? none / none : {given}"
    none = f"  const {real.c} none = {real.number(0)};\n" if missing.any() else ""
    parts.append(
        f"/* How many of the outputs are not those of fastnn. */\n"
        f"static int {n}_self_test(void)\n{{\n"
        f"  {real.c} x[{big}_INPUTS], y[{big}_OUTPUTS];\n{none}  int r, i, wrong = 0;\n"
        f"  for (r = 0; r < {count}; r++) {{\n"
        f"    for (i = 0; i < {big}_INPUTS; i++)\n      x[i] = {given};\n"
        f"    {n}_predict(x, y);\n"
        f"    for (i = 0; i < {big}_OUTPUTS; i++) {{\n"
        f"      const {real.c} want = {n}_test_y[r][i], off = y[i] - want;\n"
        f"      const {real.c} size = want < {real.number(0)} ? -want : want;\n"
        f"      const {real.c} far = off < {real.number(0)} ? -off : off;\n"
        f"      if (!(far <= {real.number(tolerance)} * ({real.number(1)} + size)))\n"
        f"        wrong++;\n    }}\n  }}\n{more[1]}  return wrong;\n}}\n\n"
        f"int main(void)\n{{\n  return {n}_self_test() != 0;\n}}\n#endif\n"
    )
    return parts


MISSING = -3.0e38  # stands for NaN in the rows of the self-test: C99 has no constant for it


def _texts(w: Writer, what: str, texts: tuple[str, ...], whose: str) -> str:
    """The function that gives a name."""
    n, big = w.name, w.name.upper()
    head = f"/* The name {whose}. */\n{big}_API const char *{n}_{what}(int i)\n"
    if not texts:
        return f"{head}{{\n  (void)i;\n  return 0;\n}}\n"
    w.flash += sum(len(t.encode()) + 1 for t in texts)
    body = ",\n".join(f"    {text(t)}" for t in texts)
    return (
        f"{head}{{\n  static const char *const names[] = {{\n{body}\n  }};\n"
        f"  return i >= 0 && i < {len(texts)} ? names[i] : 0;\n}}\n"
    )


def _category(w: Writer, found: dict[int, tuple[str, ...]]) -> str:
    """The function that finds the index of a text."""
    n, big = w.name, w.name.upper()
    tables, cases = "", ""
    for i, texts in found.items():
        w.flash += sum(len(t.encode()) + 1 for t in texts)
        body = ",\n".join(f"    {text(t)}" for t in texts)
        tables += f"  static const char *const names{i}[] = {{\n{body}\n  }};\n"
        cases += f"  if (input == {i}) {{\n    names = names{i};\n    count = {len(texts)};\n  }}\n"
    return (
        f"/* The index of a text in the column x[input]; 0 if it has none. */\n"
        f"{big}_API int {n}_category(int input, const char *text)\n{{\n{tables}"
        f"  const char *const *names = 0;\n  int count = 0, i, k;\n{cases}"
        f"  for (i = 0; i < count; i++) {{\n"
        f"    for (k = 0; text[k] != 0 && text[k] == names[i][k]; k++)\n      ;\n"
        f"    if (text[k] == names[i][k])\n      return i + 1;\n  }}\n  return 0;\n}}\n"
    )


def finished(w: Writer, parts: list[str], stack: int, header: bool) -> CSource:
    """The whole text, with what it includes."""
    big, body = w.name.upper(), "\n".join(parts)
    math = MATH.search(body) is not None
    include = "#include <math.h>\n" if math else ""
    if re.search(r"\b(expm1|log1p)f\(", body):
        include += AVR
    if re.search(r"\berfcf\(", body):
        include += AVR_ERFC.format(n=w.name)
    if w.real.c == "double":
        include += WIDE
    if "int8_t" in body:
        include += "#include <stdint.h>\n"
    api = "static inline" if header else ""
    include += f"\n#ifndef {big}_API\n#define {big}_API {api}".rstrip() + "\n#endif\n"
    body = body.replace("@INCLUDE@", include.lstrip("\n"))
    if header:
        body = f"#ifndef {big}_H\n#define {big}_H\n\n{body}\n#endif\n"
    return CSource(body, w.flash, stack, math)

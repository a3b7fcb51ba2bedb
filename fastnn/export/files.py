"""`export`: a model as a file that runs without fastnn."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._support import check as checks
from fastnn._support.paths import writable
from fastnn.export.c_check import run_self_test
from fastnn.export.c_int8 import int8_source_of, net_sizes
from fastnn.export.c_source import CSource, source_of
from fastnn.export.onnx_file import onnx_of, versions_of
from fastnn.export.plan import folded, plan_of
from fastnn.export.quantize import quantized
from fastnn.export.reference import rows_for, rows_into_net, tail_of
from fastnn.export.steps import Chain, ExportError, Plan, Prepare
from fastnn.export.torch_script import script_of
from fastnn.io.atomic import write_atomically

__all__ = ["Exported", "export", "kind_of"]

TESTED = 8  # rows in the self-test of a C file
FORMATS = {".c": "c", ".h": "c", ".onnx": "onnx", ".py": "torch"}
OF_C = ("fold", "name", "header_only", "constants", "compiler", "dtype", "calibration")
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "c": ("a C file", OF_C),
    "onnx": ("an ONNX file", ("fold", "opset", "ir_version")),
    "torch": ("torch code", ()),
}
"""What is written, and the options that say something to it."""


@dataclass(frozen=True)
class Exported:
    """What was written; `str()` is a line of text.

    Attributes:
        path: the file.
        size: its bytes.
        flash: of a C file, the bytes of its constants: weights, scaling and names. Code comes on
            top, some hundred bytes a kind of layer.
        ram: of a C file, the bytes of variables that outlive a call: 0, always.
        stack: of a C file, the bytes of the arrays of one call, as many as there are at a time.
        checked: how it was compared with the model.
    """

    path: str
    size: int
    checked: str
    flash: int | None = None
    ram: int | None = None
    stack: int | None = None

    def __str__(self) -> str:
        sizes = f"{self.size:,} bytes"
        if self.flash is not None:
            sizes += (
                f"; flash {self.flash:,} bytes and code, RAM {self.ram:,} bytes, "
                f"stack {self.stack:,} bytes"
            )
        return f"{self.path}: {sizes}; {self.checked}"


def export(
    model: Any,
    path: str | os.PathLike[str],
    *,
    input_shape: Sequence[int] | None = None,
    fold: bool = False,
    names: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    name: str | None = None,
    header_only: bool | None = None,
    constants: bool | None = None,
    compiler: str | None = None,
    dtype: str | None = None,
    calibration: Any = None,
    opset: int | None = None,
    ir_version: int | None = None,
) -> Exported:
    """Write a model, as it is in evaluation mode, to a file that runs without fastnn.

    Args:
        model: a layer, an `nn.Sequential` of layers, or a model of tables that ``fastnn train`` or
            an estimator made; that takes rows as they come, and gives probabilities or values.
        path: the suffix says what is written. ``.c`` or ``.h``: one file of C99 that needs math.h
            at most (a net of ReLU not even that), allocates nothing and writes no global:
            ``int net_predict(const float *x, float *y)`` and a batch form. ``.onnx``: a graph for
            any number of rows, which the checker accepts and onnx.reference, and onnxruntime where
            it is installed, run to the same outputs: within 1e-6 of the greatest of them, or within
            eight times what rounding changes in fastnn's own. ``.py``: plain torch code whose
            `build()` gives the module with its state_dict; it is run with fastnn in torch's place.
        input_shape: of one row; default: what the first layer takes.
        fold: put each batch normalization into the Linear before it. Default False.
        names, classes: of the inputs and outputs; a model of tables has them.
        name: of C: what all its names begin with. Default 'net'.
        header_only: of C: everything static, to be included. Default: for ``.h``.
        constants: of C: define NET_CLASS_... and NET_X_... by the names. Default True.
        compiler: of C: one, such as 'cc', that compiles the file, whose self-test is then run
            before it is written. Default: the file's self-test is left to you.
        dtype: of C: 'int8' computes in int8, with a scale for each output of a layer, bit for bit
            as CMSIS-NN's and TFLite's fully connected layers; the numbers change by some parts in
            a hundred of their range. Default: the model's own.
        calibration: of int8: rows of data as the model takes them, whose ranges give the scales.
        opset: of ONNX: version of the operators, from 13. Default 18.
        ir_version: of ONNX: of the file's format. Default: the oldest that has the operators.

    Raises:
        ExportError: the model cannot be exported exactly; the text says which layer, and why. No
            file is written, and one that was there stays as it was.
        ImportError: without the package onnx, extra 'onnx', for ONNX.
        OSError: the file cannot be written.

    Example:
        >>> import fastnn, os, tempfile
        >>> from fastnn import nn
        >>> path = os.path.join(tempfile.mkdtemp(), "net.c")
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> found = net.export(path)
        >>> found.flash, found.ram, found.stack  # 67 weights of 4 bytes, and two arrays of 8
        (268, 0, 32)
    """
    file = Path(writable(path))
    c_options = {"name": name, "header_only": header_only, "constants": constants,
                 "compiler": compiler, "dtype": dtype, "calibration": calibration}  # fmt: skip
    kind = kind_of(file, {"fold": fold or None, "opset": opset, "ir_version": ir_version}
                   | c_options)  # fmt: skip
    plan = named(plan_of(model, input_shape, fold), names, classes)
    if kind == "c":
        return _c(plan, file, c_options)
    if kind == "onnx":
        data, checked = onnx_of(plan, opset, ir_version)
    else:
        code, checked = script_of(plan)
        data = code.encode()
    write_atomically(file, [data])
    return Exported(str(file), len(data), checked)


def kind_of(path: Path, options: dict[str, Any]) -> str:
    """What a suffix stands for: 'c', 'onnx' or 'torch'.

    Raises:
        ExportError: it stands for nothing, or an option says nothing to what is written.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(FORMATS)
        raise ExportError(f"path: expected a file that ends in one of {known}, got {str(path)!r}")
    what, known_options = KINDS[kind]
    for name, value in options.items():
        if value is not None and name not in known_options:
            raise ExportError(f"{name}: says nothing to {what}; leave it out")
    if kind == "onnx":
        versions_of(options.get("opset"), options.get("ir_version"))
    return kind


def named(plan: Plan, names: Sequence[str] | None, classes: Sequence[str] | None) -> Plan:
    """The plan with other names of inputs and outputs."""
    sizes = (int(np.prod(plan.shape)), int(np.prod(plan.outputs)))
    given = []
    for what, texts, own, size in (
        ("names", names, plan.names, sizes[0]),
        ("classes", classes, plan.classes, sizes[1]),
    ):
        found = own if texts is None else _texts(what, texts)
        if len(found) not in (0, size) or len(set(found)) != len(found):
            raise ExportError(f"{what}: expected {size} different names, got {list(found)!r:.80}")
        given.append(found)
    columns = plan.prepare.inputs if plan.prepare is not None else ()
    for text in itertools.chain(*given, *(c.categories or () for c in columns)):
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise ExportError(f"the name {text!r:.60} is no text of Unicode; rename it")
    chains = tuple(_with_inputs(chain, given[0]) for chain in plan.chains)
    return replace(plan, names=given[0], classes=given[1], chains=chains)


def _with_inputs(chain: Chain, names: tuple[str, ...]) -> Chain:
    """The steps of a table's net with other names of its columns."""
    if not chain or not isinstance(chain[0], Prepare):
        return chain
    inputs = tuple(replace(i, name=name) for i, name in zip(chain[0].inputs, names))
    return (replace(chain[0], inputs=inputs), *chain[1:])


def _texts(what: str, given: Any) -> tuple[str, ...]:
    """Names as texts: of an array, list or other sequence; whole numbers are taken for texts."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ExportError(f"{what}: expected a list of names, got {checks.show(given)}")
    found = tuple(given)
    for name in found:
        if isinstance(name, bool) or not isinstance(name, str | int | np.integer):
            raise ExportError(f"{what}: expected texts or whole numbers, got {checks.show(name)}")
    return tuple(map(str, found))


def _c(plan: Plan, path: Path, options: dict[str, Any]) -> Exported:
    header = options["header_only"]
    header = path.suffix.lower() == ".h" if header is None else checks.flag("header_only", header)
    constants = options["constants"] is None or checks.flag("constants", options["constants"])
    form = ("net" if options["name"] is None else options["name"], header, constants)
    if _is_int8(options["dtype"], np.dtype(plan.real).name):
        source, checked = _int8(plan, options["calibration"], form)
    else:
        if options["calibration"] is not None:
            raise ExportError("calibration: expected with dtype='int8' only")
        rows = rows_for(plan, TESTED)
        # In any order of its sums a net is about as far from the exact result as fastnn is.
        least = 1e-5 if np.dtype(plan.real) == np.float32 else 1e-12
        tolerance = max(least, 8 * rows.near)
        source = source_of(plan, rows.x, rows.y, tolerance, *form)
        checked = f"its self-test has {TESTED} rows"
    if options["compiler"] is not None:
        checked = run_self_test(source.text, options["compiler"])
    data = source.text.encode()
    write_atomically(path, [data])
    return Exported(str(path), len(data), checked, source.flash, 0, source.stack)


def _is_int8(dtype: Any, own: str) -> bool:
    """Whether a C file is to compute in int8; else it does so in the model's own type."""
    try:
        name = own if dtype is None else np.dtype(dtype).name
    except TypeError:
        name = ""
    if name not in ("int8", own):
        raise ExportError(
            f"dtype: expected 'int8', or the model's own type, {own!r}, got {checks.show(dtype)}; "
            "copy.deepcopy(model).float() or .double() gives a model of another"
        )
    return name == "int8"


def _int8(plan: Plan, calibration: Any, form: tuple[str, bool, bool]) -> tuple[CSource, str]:
    """The file in int8; its self-test compares bits, and the outputs in float."""
    if calibration is None:
        raise ExportError(
            "calibration: int8 needs rows of data, as the model takes them, to see how far its "
            "numbers go; give some hundred, such as calibration=x_train[:500]"
        )
    plan = replace(plan, chains=tuple(map(folded, plan.chains)))
    net = quantized(plan, rows_into_net(plan, calibration))
    rng = np.random.default_rng(0)
    q = rng.integers(-128, 128, (TESTED, net_sizes(net, plan)[0])).astype(np.int8)
    rows = rows_for(plan, TESTED)
    if net.head:
        assert rows.frame is not None
        x, given = rows.x, net.given.put(rows_into_net(plan, rows.frame))
    else:
        x, given = net.given.get(q).astype(np.float32), q
    y = tail_of(net.tail, net.to.get(net.of(given)))
    tolerance = 2 * net.to.scale
    source = int8_source_of(plan, net, x, y, q, tolerance, *form)
    return source, f"its self-test has {TESTED} rows, which agree in all bits"

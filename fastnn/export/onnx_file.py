"""A plan as an ONNX model, compared with the fastnn model before it is written."""

from __future__ import annotations

import importlib
import importlib.util
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._version import __version__
from fastnn.export.onnx_graph import Graph
from fastnn.export.onnx_steps import nodes_of, prepared
from fastnn.export.reference import Rows, rows_for
from fastnn.export.steps import ExportError, Plan
from fastnn.io.onnx_package import library

__all__ = ["DEFAULT_OPSET", "TOLERANCE", "onnx_of", "versions_of"]

Array = NDArray[Any]
DEFAULT_OPSET = 18
OLDEST = 13
OLDEST_IR = 4  # the first in which constants are no inputs
TOLERANCE = 1e-6  # of the greatest output
ROUNDINGS = 8  # times what rounding changes in fastnn's own outputs, which may be more
CHECKED = 64  # random rows


def onnx_of(
    plan: Plan, opset: int | None = None, ir_version: int | None = None
) -> tuple[bytes, str]:
    """The bytes of an ONNX file, and how they were checked.

    Raises:
        ImportError: without the package onnx.
        ExportError: the operators' version is too old or unknown, the checker refuses the graph, or
            a runtime computes something else than the model.
    """
    onnx = library()
    opset, ir_version = versions_of(opset, ir_version)
    model = _model(onnx, plan, opset, ir_version)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"onnx.checker: {str(error)[:300]}") from None
    data: bytes = model.SerializeToString()
    return data, compared(onnx, plan, data)


def versions_of(opset: Any, ir_version: Any) -> tuple[int, int | None]:
    """The versions of the operators and of the file's format.

    Raises:
        ImportError: without the package onnx.
        ExportError: the package knows no such version.
    """
    onnx = library()
    newest = onnx.defs.onnx_opset_version()
    opset = min(DEFAULT_OPSET, newest) if opset is None else opset
    for name, value, least, most in (
        ("opset", opset, OLDEST, newest),
        ("ir_version", ir_version, OLDEST_IR, int(onnx.IR_VERSION)),
    ):
        is_int = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if value is not None and not (is_int and least <= value <= most):
            raise ExportError(f"{name}: expected {least}..{most}, got {value!r}")
    return int(opset), None if ir_version is None else int(ir_version)


def _model(onnx: Any, plan: Plan, opset: int, ir_version: int | None) -> Any:
    helper = onnx.helper
    g = Graph(opset, plan.real)
    kind = helper.np_dtype_to_tensor_dtype(g.real)
    inputs, names = _inputs(onnx, plan, kind)
    found = []
    for chain in plan.chains:
        steps, x, shape = chain, names[0], plan.shape
        if plan.prepare is not None:
            first = chain[0]
            assert isinstance(first, type(plan.prepare))
            steps, x, shape = chain[1:], prepared(g, first, names), first.shape
        for step in steps:
            x, shape = nodes_of(g, step, x, shape), step.shape
        found.append(x)
    y = found[0] if len(found) == 1 else g.op("Mean", *found)
    outputs = _outputs(onnx, g, plan, y, names, kind)
    graph = helper.make_graph(g.nodes, "fastnn", inputs, outputs, g.constants)
    opsets = [helper.make_opsetid("", opset)]
    if any(node.domain == "ai.onnx.ml" for node in g.nodes):
        opsets.append(helper.make_opsetid("ai.onnx.ml", 3))
    if ir_version is None:
        ir_version = helper.find_min_ir_version_for(opsets)
    model = helper.make_model(
        graph,
        opset_imports=opsets,
        ir_version=ir_version,
        producer_name="fastnn",
        producer_version=__version__,
    )
    kept = {"inputs": plan.names, "classes": plan.classes}
    helper.set_model_props(model, {k: json.dumps(list(v)) for k, v in kept.items() if v})
    return model


def _inputs(onnx: Any, plan: Plan, kind: int) -> tuple[list[Any], tuple[str, ...]]:
    make, types = onnx.helper.make_tensor_value_info, onnx.TensorProto
    if plan.prepare is None:
        kind = types.INT64 if plan.integers else kind
        return [make("x", kind, ["rows", *plan.shape])], ("x",)
    if any(not name or name.startswith("/") for name in plan.names):
        raise ExportError(
            "a column has no name, or one that begins with /; rename it, or give all by names=[...]"
        )
    infos = [
        make(c.name, types.FLOAT if c.categories is None else types.STRING, ["rows", 1])
        for c in plan.prepare.inputs
    ]
    return infos, plan.names


def _outputs(
    onnx: Any, g: Graph, plan: Plan, y: str, inputs: tuple[str, ...], kind: int
) -> list[Any]:
    """The output, and the name of the class where there are any."""
    make, helper = onnx.helper.make_tensor_value_info, onnx.helper

    def free(name: str) -> str:
        while name in inputs:
            name += "_"
        return name

    word = "y" if plan.prepare is None else "probabilities" if plan.classes else "value"
    name = free(word)
    g.nodes.append(helper.make_node("Identity", [y], [name]))
    outputs = [make(name, kind, ["rows", *plan.outputs])]
    if plan.classes and len(plan.outputs) == 1:
        best = g.op("ArgMax", y, axis=1, keepdims=0)
        label, own = free("label"), getattr(plan.model, "classes", None)
        whole = isinstance(own, np.ndarray) and own.dtype.kind in "iu"
        texts = g.constant(own, np.int64) if whole else g.texts(plan.classes)
        g.nodes.append(helper.make_node("Gather", [texts, best], [label]))
        types = onnx.TensorProto
        outputs.append(make(label, types.INT64 if whole else types.STRING, ["rows"]))
    return outputs


# ---- the check ----


def compared(onnx: Any, plan: Plan, data: bytes) -> str:
    """Compare the outputs for random rows with the model's; how it was done.

    Each output must be within 1e-6 of the greatest one, or within eight times what rounding (of x,
    or of the model in its own type) changes.

    Raises:
        ExportError: they differ.
    """
    rows = rows_for(plan, CHECKED, seed=1)
    feed = _feed(plan, rows)
    done = []
    evaluator = importlib.import_module("onnx.reference").ReferenceEvaluator
    _compare(plan, rows, evaluator(data).run(None, feed), "onnx.reference")
    done.append("onnx.reference")
    if importlib.util.find_spec("onnxruntime") is not None:
        runtime = importlib.import_module("onnxruntime")
        try:
            session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
            got = session.run(None, feed)
        except Exception as error:  # its own types, such as NotImplemented
            raise ExportError(f"onnxruntime: {str(error)[:300]}") from None
        _compare(plan, rows, got, "onnxruntime")
        done.append("onnxruntime")
    return f"equal to 1e-6 in {' and '.join(done)}, on {CHECKED} random rows"


def _feed(plan: Plan, rows: Rows) -> dict[str, Array]:
    prepare = plan.prepare
    if prepare is None:
        return {"x": rows.x.astype(np.int64 if plan.integers else plan.real)}
    feed: dict[str, Array] = {}
    for i, column in enumerate(prepare.inputs):
        values = rows.x[:, i : i + 1]
        if column.categories is None:
            feed[column.name] = values.astype(np.float32)
        else:
            texts = np.array(["(another text)", *column.categories], object)
            feed[column.name] = texts[values.astype(np.int64)]
    return feed


def _compare(plan: Plan, rows: Rows, got: list[Any], by: str) -> None:
    y = np.asarray(got[0], np.float64)
    if y.shape != rows.y.shape:
        raise ExportError(f"{by} gives shape {y.shape}, the model {rows.y.shape}")
    limit = max(TOLERANCE * float(abs(rows.y).max(initial=0.0)), ROUNDINGS * rows.near)
    off = float(abs(y - rows.y).max(initial=0.0))
    if not off <= limit:
        raise ExportError(
            f"model: {by} gives outputs that are off by {off:.2g}, more than {limit:.2g}"
        )

"""ONNX files that somebody has changed: FormatError, soon, and in little memory."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fastnn.io import FormatError, from_onnx

W, B = np.ones((3, 2), "f"), np.ones(2, "f")


def model(
    nodes: list[Any], arrays: dict[str, Any], columns: int = 3, shapes: dict[str, Any] | None = None
) -> bytes:
    """The bytes of a model from x to y; of an array another shape may be said than it has."""
    info = helper.make_tensor_value_info
    held = [numpy_helper.from_array(np.asarray(v), k) for k, v in arrays.items()]
    for tensor in held:
        if tensor.name in (shapes or {}):
            tensor.ClearField("dims")
            tensor.dims.extend((shapes or {})[tensor.name])
    x = info("x", TensorProto.FLOAT, ["n", columns])
    graph = helper.make_graph(nodes, "g", [x], [info("y", TensorProto.FLOAT, ["n", "m"])], held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made.SerializeToString()


def endless() -> list[Any]:
    """A constant that takes 2^62 rounds."""
    info = helper.make_tensor_value_info
    kept = [helper.make_node("Identity", [a], [b]) for a, b in (("on", "on2"), ("v", "v2"))]
    ins = [info("i", TensorProto.INT64, []), info("on", TensorProto.BOOL, [])]
    body = helper.make_graph(
        kept, "body", [*ins, info("v", TensorProto.FLOAT, None)],
        [info("on2", TensorProto.BOOL, []), info("v2", TensorProto.FLOAT, None)],
    )  # fmt: skip
    loop = helper.make_node("Loop", ["many", "yes", "w"], ["looped"], body=body)
    return [loop, helper.make_node("MatMul", ["x", "looped"], ["y"])]


def product(*more: Any, w: str = "w") -> list[Any]:
    return [*more, helper.make_node("MatMul", ["x", w], ["y"])]


NODE = helper.make_node
RELU = [NODE("Relu", ["x"], ["y"])]
BAD: dict[str, tuple[bytes, str]] = {
    "a loop": (
        model(endless(), {"w": W, "many": np.int64(2**62), "yes": np.bool_(True)}),
        "operator 'Loop' is no part of a dense net",
    ),
    "much out of little": (
        model(product(NODE("ConstantOfShape", ["s"], ["c"]), w="c"), {"s": np.array([3, 2**40])}),
        "operator 'ConstantOfShape' is no part",
    ),
    "repeated": (
        model(product(NODE("Tile", ["w", "s"], ["c"]), w="c"), {"w": W, "s": np.array([1, 2**34])}),
        "operator 'Tile' is no part",
    ),
    "wide rows": (model(RELU, {}, columns=10**9), "rows of 1000000000 numbers, and no weight"),
    "an array of another shape": (
        model(product(), {"w": W}, shapes={"w": (2,)}),
        "the graph is not sound: .*reshape",
    ),
    "a matrix of one axis": (
        model([NODE("Gemm", ["x", "w"], ["y"])], {"w": np.ones(3, "f")}),
        "the graph is not sound",
    ),
    "a wide bias": (
        model([NODE("Gemm", ["x", "w", "b"], ["y"])], {"w": W, "b": np.ones(5, "f")}),
        "the graph is not sound",
    ),
    "an unknown attribute": (
        model([NODE("LayerNormalization", ["x", "w"], ["y"], output=1)], {"w": np.ones(3, "f")}),
        "not sound|no ONNX file",
    ),
    "deep": (model(product(), {"w": W}) + b"\x00" * 9, "no ONNX file"),
}


@pytest.mark.parametrize("name", BAD)
def test_is_refused(name: str) -> None:
    content, text = BAD[name]
    with pytest.raises(FormatError, match=text):
        from_onnx(content)


def test_what_no_output_needs_is_not_run() -> None:
    """A graph for labels beside the net, as skl2onnx writes it, may have whatever it likes."""
    beside = NODE("ConstantOfShape", ["s"], ["labels"])
    net = from_onnx(model(product(beside), {"w": W, "s": np.array([2**40])}))
    assert [type(layer).__name__ for layer in net] == ["Linear"]


def test_a_long_chain_is_read_in_linear_time() -> None:
    names = ["x", *(f"t{i}" for i in range(400)), "y"]
    chain = [NODE("Relu", [a], [b]) for a, b in pairwise(names)]
    assert len(from_onnx(model(chain, {}))) == 401


def changed(good: bytes, rng: random.Random) -> bytes:
    """Some numbers, names or parts of the nodes and arrays changed, taken out or doubled."""
    proto = onnx.load_model_from_string(good)
    for _ in range(rng.choice([1, 1, 2, 4])):
        part = rng.choice([*proto.graph.node, *proto.graph.initializer, *proto.graph.input])
        field, value = rng.choice(part.ListFields())
        if isinstance(value, int | float):
            setattr(part, field.name, rng.choice([0, 1, 7, 2**31 - 1]))
        elif isinstance(value, bytes):
            setattr(
                part, field.name, value[rng.randrange(len(value)) :] + b"\x7f" * rng.randrange(5)
            )
        elif isinstance(value, str):
            setattr(part, field.name, rng.choice(["", "x", "Pow", "Gemm", "Softmax", "Reshape"]))
        elif len(value := getattr(part, field.name)) if hasattr(value, "__len__") else 0:
            at = rng.randrange(len(value))
            if rng.random() < 0.5:
                del value[at]
            else:
                value.extend([value[at]])
    return bytes(proto.SerializeToString())


def test_changed_files() -> None:
    """FormatError, or another net."""
    nodes = [
        NODE("Gemm", ["x", "w", "b"], ["h"], transB=0),
        NODE("LeakyRelu", ["h"], ["r"], alpha=0.1),
        NODE("LayerNormalization", ["r", "f", "b"], ["n"], epsilon=1e-5),
        NODE("Constant", [], ["c"], value=numpy_helper.from_array(B)),
        NODE("Mul", ["n", "c"], ["m"]),
        NODE("Softmax", ["m"], ["y"], axis=1),
    ]
    good = model(nodes, {"w": W, "b": B, "f": B})
    assert len(from_onnx(good)) == 4
    rng, refused = random.Random(0), 0
    for _ in range(120):
        try:
            from_onnx(changed(good, rng))
        except FormatError:
            refused += 1
    assert refused > 60

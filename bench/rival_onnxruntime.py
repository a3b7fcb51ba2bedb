"""onnxruntime, inference only: the net as Gemm and activation nodes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from bench.cases import Case
from bench.data import Data
from bench.rival import Unsupported

NODES = {"relu": "Relu", "tanh": "Tanh"}
OPSET, IR_VERSION = 18, 10


def _model(case: Case, data: Data) -> bytes:
    nodes, constants, name = [], [], "x"
    last = len(case.pairs) - 1
    for i, (w, b) in enumerate(zip(data.w, data.b, strict=True)):
        constants += [numpy_helper.from_array(w, f"w{i}"), numpy_helper.from_array(b, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [name, f"w{i}", f"b{i}"], [f"z{i}"]))
        name = f"z{i}"
        if i < last:
            nodes.append(helper.make_node(NODES[case.activation], [name], [f"h{i}"]))
            name = f"h{i}"
    shape_in, shape_out = ["n", case.widths[0]], ["n", case.widths[-1]]
    graph = helper.make_graph(
        nodes,
        case.name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape_in)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape_out)],
        constants,
    )
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(
        graph, opset_imports=[opset], ir_version=IR_VERSION
    ).SerializeToString()


class Rival:
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx")

    def __init__(self, case: Case, data: Data, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            _model(case, data), options, providers=["CPUExecutionProvider"]
        )

    def kernel(self) -> str:
        return f"MLAS of {', '.join(self.session.get_providers())}"

    def losses(self, steps: int) -> list[float]:
        raise Unsupported("onnxruntime: inference only")

    def epochs(self, count: int) -> None:
        raise Unsupported("onnxruntime: inference only")

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"x": x})[0]

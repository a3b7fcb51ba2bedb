"""A graph with one line through it, cut where all paths meet."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.io.onnx_package import library
from fastnn.io.safetensors import FormatError

__all__ = ["Line", "Region", "joined", "line_through"]

Array = NDArray[Any]
AFTER = frozenset({"ArgMax", "ArrayFeatureExtractor", "LabelEncoder", "TopK"})
"""What makes labels of numbers: an output behind these is not the net's."""
WIDEST = 65536  # columns that the input may say that it has, if no weight has as many
RUN = frozenset(
    "Abs Acos Acosh Add And Asin Asinh Atan Atanh BatchNormalization Cast CastLike Ceil Celu "
    "Clip Concat Constant Cos Cosh Div Dropout Elu Equal Erf Exp Flatten Floor Gather Gelu "
    "Gemm Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish Hardmax Identity "
    "InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu Less LessOrEqual "
    "LinearClassifier LinearRegressor Log LogSoftmax LpNormalization MatMul Max Mean "
    "MeanVarianceNormalization Min Mish Mod Mul Neg Normalizer Not Or PRelu Pow "
    "RMSNormalization Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax "
    "ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round Scaler Selu "
    "Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign Split Sqrt "
    "Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Transpose Unsqueeze Where Xor".split()
)
"""Operators that a file may have run: none repeats itself, or makes much out of little, as do Loop,
Tile and ConstantOfShape."""


@dataclass(frozen=True)
class Region:
    """Nodes between two tensors through which everything goes.

    Attributes:
        nodes: in their order.
        given, gives: the names of the two tensors.
        constants: the arrays that the nodes read.
    """

    nodes: tuple[Any, ...]
    given: str
    gives: str
    constants: dict[str, Array]

    @property
    def kinds(self) -> list[str]:
        """The types of the nodes."""
        return [node.op_type for node in self.nodes]


def joined(regions: Sequence[Region]) -> Region:
    """Neighbours as one region."""
    first, last = regions[0], regions[-1]
    constants = {name: array for r in regions for name, array in r.constants.items()}
    nodes = tuple(node for r in regions for node in r.nodes)
    return Region(nodes, first.given, last.gives, constants)


@dataclass(frozen=True)
class Line:
    """The regions of a graph from its input to an output.

    Attributes:
        regions: in their order.
        given, gives: the input and the tensor at the end.
        columns: how many numbers a row of the input has, or None.
        model: the whole graph.
    """

    regions: tuple[Region, ...]
    given: str
    gives: str
    columns: int | None
    model: Any

    def run(self, region: Region, x: Array) -> Array:
        """What a region gives for x."""
        return _run(self.model, region.nodes, {region.given: x}, region.constants, region.gives)

    def whole(self, x: Array) -> Array:
        """What all regions give for x."""
        for region in self.regions:
            x = self.run(region, x)
        return x


def line_through(model: Any, output: str | None, path: str) -> Line:
    """Cut a graph.

    Raises:
        FormatError: it has more inputs than one, or the output is none of its.
    """
    onnx, graph = library(), model.graph
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    inputs = [i for i in graph.input if i.name not in arrays]
    if len(inputs) != 1:
        names = ", ".join(i.name for i in inputs)
        raise FormatError(f"{path}: expected one input, the rows, got {len(inputs)}: {names}")
    given = inputs[0].name
    if any(node.op_type == "Gather" and given in node.input[1:] for node in graph.node):
        raise FormatError(
            f"{path}: {given!r} are indices of an embedding; expected rows of numbers"
        )
    depends = _reached(graph.node, given)
    gives = _end(graph, list(graph.node), depends, output, path)
    wanted = _needed(list(graph.node), gives)
    nodes = [n for n in graph.node if set(n.output) & wanted]
    for node in nodes:
        if node.op_type not in RUN:
            raise FormatError(f"{path}: operator {node.op_type!r:.60} is no part of a dense net")
    _add_constants(model, [n for n in nodes if not set(n.output) & depends], arrays)
    width = _width(inputs[0])
    widest = max((n for array in arrays.values() for n in array.shape), default=0)
    if width is not None and width > max(WIDEST, widest):
        raise FormatError(f"{path}: rows of {width} numbers, and no weight has as many")
    line = [n for n in nodes if set(n.output) & depends]
    return Line(tuple(_cut(line, given, gives, arrays, depends)), given, gives, width, model)


def _reached(nodes: Iterable[Any], given: str) -> set[str]:
    """The tensors that depend on the input; nodes are in topological order."""
    found = {given}
    for node in nodes:
        if set(node.input) & found:
            found |= set(node.output) - {""}
    return found


def _needed(nodes: list[Any], gives: str) -> set[str]:
    found = {gives}
    for node in reversed(nodes):
        if set(node.output) & found:
            found |= set(node.input) - {""}
    return found


def _add_constants(model: Any, nodes: list[Any], arrays: dict[str, Array]) -> None:
    """The tensors of nodes that depend on no input."""
    for node in nodes:
        used = {name: arrays[name] for name in node.input if name}
        for name in node.output:
            if name:
                arrays[name] = _run(model, [node], {}, used, name)


def _run(
    model: Any, nodes: Iterable[Any], feed: dict[str, Array], constants: dict[str, Array], end: str
) -> Array:
    """Run some nodes by onnx.reference."""
    onnx = library()
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    info = helper.make_tensor_value_info
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        list(nodes),
        "part",
        [info(k, helper.np_dtype_to_tensor_dtype(v.dtype), None) for k, v in feed.items()],
        [info(end, kind, None)],
        [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )
    opsets = list(model.opset_import)
    if any(node.op_type == "BatchNormalization" for node in nodes):
        # Its forms before 14 onnx.reference takes for training, by the rows' own moments.
        opsets = [o if o.domain or o.version > 15 else helper.make_opsetid("", 15) for o in opsets]
    part = helper.make_model(graph, opset_imports=opsets)
    evaluator = importlib.import_module("onnx.reference").ReferenceEvaluator
    with np.errstate(all="ignore"):
        return np.asarray(evaluator(part).run([end], feed)[0])


def _end(graph: Any, nodes: list[Any], depends: set[str], output: str | None, path: str) -> str:
    """The tensor of numbers that the net gives: a named output, or the first that is no label."""
    makers = {name: node for node in nodes for name in node.output}
    labels = {node.output[0] for node in nodes if node.op_type == "LinearClassifier"}
    names = [o.name for o in graph.output]
    if output is not None and output not in names:
        raise FormatError(f"{path}: output {output!r} is none of {', '.join(names)}")
    for name in names if output is None else [output]:
        end = name
        while end in makers and makers[end].op_type in ("ZipMap", "Identity"):
            end = makers[end].input[0]
        behind = _needed(nodes, end)
        kinds = {node.op_type for node in nodes if set(node.output) & behind}
        if end in depends and not kinds & AFTER and not behind & labels:
            return end
    raise FormatError(f"{path}: none of the outputs {', '.join(names)} is the numbers of a net")


def _cut(
    line: list[Any], given: str, gives: str, arrays: dict[str, Array], depends: set[str]
) -> list[Region]:
    """Regions between the tensors through which everything goes."""
    last = {name: i for i, node in enumerate(line) for name in node.input if name in depends}
    regions, here, first, later = [], given, 0, {given}
    for i, node in enumerate(line):
        later.update(name for name in node.output if name in last)
        later.difference_update(name for name in node.input if last.get(name) == i)
        out = next((name for name in node.output if name in later | {gives}), node.output[0])
        if later <= {out}:
            nodes = tuple(line[first : i + 1])
            used = {name for n in nodes for name in n.input if name in arrays}
            regions.append(Region(nodes, here, out, {name: arrays[name] for name in used}))
            here, first = out, i + 1
        if out == gives:
            break
    return regions


def _width(info: Any) -> int | None:
    dims = info.type.tensor_type.shape.dim
    return dims[-1].dim_value or None if len(dims) >= 2 else None

"""What the writers of steps put into an ONNX graph: nodes and constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.export.steps import ExportError, Shape
from fastnn.io.onnx_package import library

__all__ = ["Graph"]


class Graph:
    """Collects the nodes and constants of an ONNX graph.

    Attributes:
        opset: version of the operators.
        real: float32 or float64; numbers of the net have it.
        nodes, constants: so far.
    """

    opset: int
    real: np.dtype[Any]

    def __init__(self, opset: int, real: Any) -> None:
        self.opset, self.real = opset, np.dtype(real)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._known: dict[tuple[str, Shape, bytes], str] = {}
        self._onnx = library()
        self._count = 0

    @property
    def is_float(self) -> bool:
        """Whether numbers are float32: runtimes have all operators for it."""
        return bool(self.real == np.float32)

    def name(self, word: str) -> str:
        """A name that no column has: others do not begin with a slash."""
        self._count += 1
        return f"/{word}_{self._count}"

    def op(
        self, kind: str, *inputs: str, domain: str = "", outputs: int = 1, **attributes: Any
    ) -> str:
        """Add a node; the name of its first output."""
        out = self.name(kind)
        all_of_them = [out, *(self.name(kind) for _ in range(outputs - 1))]
        self.nodes.append(
            self._onnx.helper.make_node(
                kind, list(inputs), all_of_them, name=out, domain=domain, **attributes
            )
        )
        return out

    def constant(self, values: Any, dtype: Any = None) -> str:
        """Add an array, of the net's type by default; its name. Equal ones are kept once."""
        array = np.array(values, self.real if dtype is None else dtype)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ExportError(f"a number is too large for {array.dtype}")
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            name = self.name("constant")
            self._known[key] = name
            self.constants.append(self._onnx.numpy_helper.from_array(array, name))
        return self._known[key]

    def texts(self, values: tuple[str, ...]) -> str:
        """Add an array of texts; its name."""
        name = self.name("texts")
        kind = self._onnx.TensorProto.STRING
        coded = [value.encode() for value in values]
        self.constants.append(self._onnx.helper.make_tensor(name, kind, [len(coded)], coded))
        return name

    def whole(self, *values: int) -> str:
        """A list of whole numbers as a constant."""
        return self.constant(list(values), np.int64)

    def cast(self, x: str, dtype: Any) -> str:
        """x in another type."""
        return self.op("Cast", x, to=self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def mean(self, x: str, axis: int, keep: bool) -> str:
        """The mean along an axis, which is an input since opset 18."""
        if self.opset >= 18:
            return self.op("ReduceMean", x, self.whole(axis), keepdims=int(keep))
        return self.op("ReduceMean", x, axes=[axis], keepdims=int(keep))

    def clip(self, x: str, low: float, high: float) -> str:
        """min(max(x, low), high); onnxruntime cannot join a Relu and a Clip of float64."""
        bounds = self.constant(low), self.constant(high)
        if self.is_float:
            return self.op("Clip", x, *bounds)
        return self.op("Min", self.op("Max", x, bounds[0]), bounds[1])

    def columns(self, x: str, first: int, end: int) -> str:
        """x[:, first:end]."""
        return self.op("Slice", x, self.whole(first), self.whole(end), self.whole(1))

    def shaped(self, x: str, shape: Shape) -> str:
        """Rows of another shape."""
        return self.op("Reshape", x, self.whole(0, *shape))

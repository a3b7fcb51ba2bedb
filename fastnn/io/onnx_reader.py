"""`from_onnx`: dense nets from ONNX files that torch, scikit-learn or Keras wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import nn
from fastnn._support.opening import content_of
from fastnn._support.paths import a_path
from fastnn.io.onnx_layers import Layers, Unknown
from fastnn.io.onnx_operators import take
from fastnn.io.onnx_package import library
from fastnn.io.onnx_regions import Line, Region, joined, line_through
from fastnn.io.safetensors import FormatError
from fastnn.nn.modes import evaluating
from fastnn.tensor import of_array

__all__ = ["from_onnx"]

Array = NDArray[Any]
PROBES = 40
TOGETHER = 3  # regions that make one layer, at most


def from_onnx(file: Any, *, output: str | None = None) -> nn.Sequential:
    """Read a dense net from an ONNX file.

    It may consist of products (Gemm, MatMul and Add), activations, LayerNorm, BatchNorm, factors
    and shifts of columns, and Softmax, one after another, as `torch.onnx`, skl2onnx and tf2onnx
    write them; functions that they write as several operators are known by their values.

    Args:
        file: a path, the bytes of a file, or an `onnx.ModelProto`.
        output: the name of an output. Default: the first that is no label.

    Returns:
        An `nn.Sequential` in evaluation mode, whose outputs for random rows were compared with
        those of onnx.reference.

    Raises:
        ImportError: without the package onnx, extra 'onnx'.
        FormatError: it is no ONNX file, or no such net; the text names the operator.
        OSError: the file cannot be read, or is a device.

    Example:
        >>> import os, tempfile
        >>> from fastnn import nn
        >>> from fastnn.io import from_onnx
        >>> path = os.path.join(tempfile.mkdtemp(), "net.onnx")
        >>> found = nn.Sequential(nn.Linear(3, 2), nn.GELU()).export(path)
        >>> from_onnx(path)
        Sequential(
          (0): Linear(in_features=3, out_features=2, bias=True)
          (1): GELU(approximate='none')
        )
    """
    model, path = _read(file)
    try:
        line = line_through(model, output, path)
        layers = Layers(line, path)
        with np.errstate(all="ignore"):  # what is no number is no layer
            _take_all(layers, line.regions)
        net = nn.Sequential(*layers.done()).eval()
        _compare(net, line, layers.first, path)
    except FormatError:
        raise
    except Exception as error:  # onnx.reference and NumPy raise of all kinds
        raise FormatError(f"{path}: the graph is not sound: {error!r:.200}") from None
    return net


def _read(file: Any) -> tuple[Any, str]:
    onnx = library()
    if isinstance(file, onnx.ModelProto):
        _whole(file, "model")
        return file, "model"
    if isinstance(file, bytes | bytearray | memoryview):
        data, path = bytes(file), "bytes"
    else:
        path = a_path(file, "file")
        data = content_of(path)
    try:
        model = onnx.load_model_from_string(data)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf has its own types
        raise FormatError(f"{path}: no ONNX file: {str(error)[:200]}") from None
    _whole(model, path)
    return model, path


def _whole(model: Any, path: str) -> None:
    """Refuse what names another file: `onnx` would read it, whatever file that is."""
    for tensor in _tensors(model.graph):
        if tensor.data_location == tensor.EXTERNAL:
            raise FormatError(
                f"{path}: {tensor.name!r} lies in another file, which is not read; "
                "put all into one: onnx.save(onnx.load(path), 'one.onnx')"
            )


def _tensors(graph: Any) -> Iterator[Any]:
    """All that a graph holds, also as attributes and in graphs within it."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for attribute in (a for node in graph.node for a in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for inner in (attribute.g, *attribute.graphs):
            yield from _tensors(inner)


def _take_all(layers: Layers, regions: tuple[Region, ...]) -> None:
    """Add what the regions are, some of them together: a mean, and what is divided by it."""
    at = 0
    while at < len(regions):
        at += _take_some(layers, regions[at : at + TOGETHER])


def _take_some(layers: Layers, regions: tuple[Region, ...]) -> int:
    """Add what the first of some regions are; how many make a layer."""
    unknown: list[Unknown] = []
    for count in range(1, len(regions) + 1):
        try:
            take(layers, joined(regions[:count]))
            return count
        except Unknown as error:
            unknown.append(error)
    raise unknown[0] from None


def _compare(net: nn.Sequential, line: Line, width: int | None, path: str) -> None:
    """Refuse a net that does not give what the graph gives."""
    if width is None:
        raise FormatError(f"{path}: nothing says how many columns its rows have")
    reals = {p._array.dtype for p in net.parameters()}
    real = reals.pop() if len(reals) == 1 else np.dtype(np.float32)
    x = np.random.default_rng(1).standard_normal((PROBES, width)).astype(real)
    want = np.asarray(line.whole(x), np.float64)
    with evaluating(net):
        got = np.array(net(of_array(x))._array, np.float64)
    limit = 1e-5 * max(1.0, float(abs(want[np.isfinite(want)]).max(initial=0.0)))
    if got.shape != want.shape or not np.allclose(got, want, 0.0, limit):
        raise FormatError(f"{path}: the net that was read gives other outputs than the graph")

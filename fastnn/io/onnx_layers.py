"""Layers that an ONNX graph stands for, one region after another."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnn import nn
from fastnn.io.onnx_regions import Line, Region
from fastnn.io.safetensors import FormatError
from fastnn.nn.modes import evaluating
from fastnn.tensor import of_array

__all__ = ["Layers", "Unknown", "linear", "put", "shortest"]

Array = NDArray[Any]
Affine = tuple[Array, Array]  # factor and shift of each column
PROBES = 40
FEW = 12  # constants of a layer, at most: each of them is tried with each other
CLOSE = 2e-6  # how near to a layer a region must be, for numbers of size one


class Unknown(FormatError):
    """A region computes no layer; together with the next it may."""


def _named(region: Region) -> str:
    name = region.nodes[0].name or region.gives
    return f"node {name!r} ({', '.join(region.kinds)})"


class Layers:
    """The layers so far, region by region."""

    line: Line
    path: str

    def __init__(self, line: Line, path: str) -> None:
        self.line, self.path = line, path
        self.first: int | None = line.columns
        self.width: int | None = line.columns
        self.layers: list[nn.Module] = []
        self._affine: Affine | None = None  # behind the last layer

    def fail(self, region: Region, why: str) -> NoReturn:
        """Refuse a region."""
        raise FormatError(f"{self.path}: {_named(region)}: {why}")

    def add(self, layer: nn.Module | None) -> None:
        """Append a layer, behind the factors that are waiting."""
        if layer is not None:
            self._settle()
            self.layers.append(layer)

    def scale(self, region: Region, factor: Any, shift: Any) -> None:
        """Multiply columns and add to them."""
        factor, shift = np.atleast_1d(factor), np.atleast_1d(shift)
        widths = {factor.size, shift.size} - {1}
        if self.width is None and len(widths) == 1:
            self.columns(widths.pop())
        width = self.width
        if width is None or factor.ndim > 2 or shift.ndim > 2 or not widths <= {width}:
            self.fail(region, "expected a number for each column")
        f, s = (np.broadcast_to(v.ravel(), (width,)).astype(np.float64)
                for v in (factor, shift))  # fmt: skip
        before = self._affine or (np.ones(width), np.zeros(width))
        self._affine = before[0] * f, before[1] * f + s

    def columns(self, width: int) -> None:
        """What the rows' width is here, and the input's too, if it was not known: a layer that
        changes the width knows it."""
        if self.first is None:
            self.first = width
        self.width = width

    def done(self) -> list[nn.Module]:
        """All layers."""
        self._settle()
        return self.layers

    def _settle(self) -> None:
        """Put factors and shifts into the layer before them, or into a layer of their own."""
        if self._affine is None:
            return
        (factor, shift), self._affine = self._affine, None
        if (factor == 1).all() and not shift.any():
            return
        last = self.layers[-1] if self.layers else None
        if isinstance(last, nn.Linear):
            w, b = _array(last.weight), _array(last.bias) if last.bias is not None else 0.0
            self.layers[-1] = linear((w * factor[:, None]), b * factor + shift, last.weight.dtype)
        elif isinstance(last, nn.LayerNorm) and last.weight is None:
            norm = nn.LayerNorm(len(factor), last.eps or 0.0)
            put(norm.weight, factor)
            put(norm.bias, shift)
            self.layers[-1] = norm
        elif isinstance(last, nn.RMSNorm) and last.weight is None and not shift.any():
            rms = nn.RMSNorm(len(factor), last.eps)
            put(rms.weight, factor)
            self.layers[-1] = rms
        else:
            norm1d = nn.BatchNorm1d(len(factor), eps=0.0)
            put(norm1d.weight, factor)
            put(norm1d.bias, shift)
            self.layers.append(norm1d)

    def two_classes(self) -> bool:
        """(1 - p, p) with p = sigmoid(z) is the softmax of (0, z)."""
        if self._affine is not None or len(self.layers) < 2 or self.width != 1:
            return False
        last, before = self.layers[-1], self.layers[-2]
        if not isinstance(last, nn.Sigmoid) or not isinstance(before, nn.Linear):
            return False
        w = _array(before.weight)
        b = np.zeros(1) if before.bias is None else _array(before.bias)
        both = linear(np.vstack([0 * w, w]), np.append(0.0, b), before.weight.dtype)
        self.layers[-2:] = [both, nn.Softmax(1)]
        self.width = 2
        return True

    def square(self) -> bool:
        """The square of a ReLU is a layer."""
        found = bool(self.layers) and not self._affine and type(self.layers[-1]) is nn.ReLU
        if found:
            self.layers[-1] = nn.SquaredReLU()
        return found

    def logarithm(self) -> bool:
        """The logarithm of a sigmoid or softmax is a layer."""
        whole = {nn.Sigmoid: nn.LogSigmoid(), nn.Softmax: nn.LogSoftmax(1)}
        found = whole.get(type(self.layers[-1])) if self.layers and not self._affine else None
        if found is not None:
            self.layers[-1] = found
        return found is not None

    def known_by_values(self, region: Region) -> nn.Module | None:
        """The layer that gives what a region gives for some rows; None if it does nothing."""
        assert self.width is not None
        rng = np.random.default_rng(0)
        sizes = np.where(np.arange(PROBES) % 2, 4.0, 0.1)[:, None]  # the small ones show an eps
        x = (sizes * rng.standard_normal((PROBES, self.width))).astype(np.float32)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                y = self.line.run(region, x)
        except Exception as error:  # onnx.reference raises what NumPy does
            self.fail(region, f"onnx.reference cannot run it: {error!r:.100}")
        if y.shape == x.shape and np.array_equal(y, x):
            return None
        for layer in _candidates(region, self.width, y.shape[1:]):
            if _is_near(layer, x, y):
                self.width = y.shape[1] if y.ndim == 2 else None
                return layer
        why = "computes none of fastnn's layers"
        if y.shape != x.shape:
            why = f"it makes shape {y.shape} of {x.shape}, and is no layer known here"
        raise Unknown(f"{self.path}: {_named(region)}: {why}")


def shortest(value: float) -> float:
    """A float32 as a user would write it: 0.001 for 0.0010000000474974513."""
    return float(str(np.float32(value)))


def linear(weight: Array, bias: Array | None, dtype: Any) -> nn.Linear:
    """A layer with these values."""
    n_out, n_in = weight.shape
    layer = nn.Linear(n_in, n_out, bias is not None, dtype=np.dtype(dtype))
    put(layer.weight, weight)
    if bias is not None:
        put(layer.bias, bias)
    return layer


def put(parameter: Any, values: Any) -> None:
    parameter._array[...] = values


def _array(parameter: Any) -> Array:
    return np.array(parameter._array, np.float64)


def _candidates(region: Region, width: int, shape: tuple[int, ...]) -> Iterator[nn.Module]:
    """Layers that a region may be, by the shape of its rows: those without options, then with each
    number that it has."""
    if shape == (width // 2,):
        yield nn.GLU(1)
    if shape == () and width == 1:
        yield nn.Flatten(0)
    if shape != (width,):
        return
    yield from (
        nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Mish(), nn.Hardswish(), nn.Hardsigmoid(),
        nn.LogSigmoid(), nn.Tanhshrink(), nn.Softsign(), nn.SquaredReLU(), nn.Softplus(),
        nn.ReLU(), nn.ELU(), nn.SELU(), nn.CELU(), nn.ReLU6(), nn.Softmin(1), nn.Softmax(1),
        nn.LogSoftmax(1),
    )  # fmt: skip
    yield from _with_vectors(region, width)
    numbers = _numbers(region)
    for c in sorted({abs(n) for n in numbers}):
        yield from (nn.Softshrink(c), nn.Hardshrink(c), nn.LeakyReLU(c), nn.ELU(c))
        yield nn.LayerNorm(width, c, elementwise_affine=False)
        yield nn.RMSNorm(width, c, elementwise_affine=False)
        yield from (nn.Threshold(c, other) for other in numbers)
        if c:
            yield from (nn.Softplus(c), *(nn.Softplus(c, other) for other in numbers))
        for groups in range(2, width // 2 + 1):
            if width % groups == 0:
                yield nn.GroupNorm(groups, width, c, affine=False)


def _with_vectors(region: Region, width: int) -> Iterator[nn.Module]:
    """Layers with a number for each column: norms and slopes as Keras computes them."""
    vectors = [a.ravel() for a in region.constants.values()
               if a.size == width > 1 and a.dtype.kind == "f"][:FEW]  # fmt: skip
    for w in vectors:
        for slope in (w, -w):
            prelu = nn.PReLU(width)
            put(prelu.weight, slope)
            yield prelu
        for eps in _numbers(region):
            if eps < 0:
                continue
            rms = nn.RMSNorm(width, eps)
            put(rms.weight, w)
            yield rms
            for b in (v for v in vectors if v is not w):
                norm = nn.LayerNorm(width, eps)
                put(norm.weight, w)
                put(norm.bias, b)
                yield norm


def _numbers(region: Region) -> list[float]:
    """The finite numbers of a region: constants of one element, and attributes."""
    found = {float(str(a.ravel()[0])) for a in region.constants.values()
             if a.size == 1 and a.dtype.kind == "f"}  # fmt: skip
    found |= {shortest(a.f) for node in region.nodes for a in node.attribute if a.type == a.FLOAT}
    return sorted(n for n in found if np.isfinite(n))[:FEW]


def _is_near(layer: nn.Module, x: Array, y: Array) -> bool:
    with evaluating(layer):
        got = np.array(layer(of_array(x))._array)
    return got.shape == y.shape and np.allclose(got, y, CLOSE, CLOSE)

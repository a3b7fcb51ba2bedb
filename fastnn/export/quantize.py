"""A net in int8: scales from rows of data, weights for each output, and its exact arithmetic.

A value v is held as q = round(v / scale) + zero in -128..127. A product adds up in int32,
z = sum_i (x_i - zero) w_i + b, and becomes int8 by a multiplier and a shift for each output,

    y = clamp(divide(high(z 2^max(shift, 0), multiplier), max(-shift, 0)) + zero)
    high(a, m) = floor((a m + 2^30) / 2^31),    divide(a, n) = a / 2^n, halves away from zero

which is what the fully connected layers of CMSIS-NN and of TFLite's reference compute. Elementwise
functions are tables of 256 values.

Source: Jacob et al. 2018, Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnn.export.steps import (
    Activation,
    Array,
    Chain,
    Clip,
    Dense,
    ExportError,
    Plan,
    Prepare,
    Softmax,
    Sort,
    Step,
    Take,
    Undo,
)
from fastnn.tape.modes import no_grad
from fastnn.tensor import of_array

__all__ = ["Grid", "Product", "QuantizedNet", "Table", "quantized", "requantize", "split"]

Int8 = NDArray[np.int8]
Int32 = NDArray[np.int32]
LOW, HIGH = -128, 127
AFTER = (Softmax, Undo, Clip, Sort)  # steps that may follow, in float
LONGEST = 65_000  # inputs of a product, whose sum must fit into 32 bits


@dataclass(frozen=True)
class Grid:
    """The values that int8 stands for: v = (q - zero) scale.

    >>> from fastnn.export.quantize import Grid
    >>> Grid.over(-1.0, 3.0).zero
    -64
    """

    scale: float
    zero: int

    @classmethod
    def over(cls, low: float, high: float) -> Grid:
        """The grid over a range, widened so that 0 is in it; 0 is exact."""
        low, high = min(low, 0.0), max(high, 0.0)
        # As C has it: a float.
        scale = float(np.float32((high - low) / 255)) or 1.0
        return cls(scale, int(np.clip(round(LOW - low / scale), LOW, HIGH)))

    def put(self, v: Any) -> Int8:
        """The nearest q; halves away from zero."""
        x = np.asarray(v, np.float32) * np.float32(1 / self.scale)
        q = np.trunc(x + np.copysign(np.float32(0.5), x)) + self.zero
        return np.asarray(np.clip(q, LOW, HIGH).astype(np.int8))

    def get(self, q: Any) -> Array:
        """The values."""
        return np.asarray((np.asarray(q, np.float64) - self.zero) * self.scale)


@dataclass(frozen=True)
class Product:
    """A Dense step in int8; w of (n_out, n_in), the others of (n_out,).

    bias: with the inputs' zero in it, so that z = sum_i x_i w_i + bias.
    low, high: what the output is clamped to: a ReLU.
    """

    layer: str
    weight: Int8
    bias: Int32
    multiplier: Int32
    shift: NDArray[np.int8]
    to: Grid
    low: int = LOW
    high: int = HIGH

    def of(self, x: Int8) -> Int8:
        """The outputs of rows."""
        z = x.astype(np.int64) @ self.weight.T.astype(np.int64) + self.bias
        y = requantize(z, self.multiplier, self.shift) + self.to.zero
        return np.asarray(np.clip(y, self.low, self.high).astype(np.int8))


@dataclass(frozen=True)
class Table:
    """An elementwise function in int8: `values[q + 128]`."""

    layer: str
    values: Int8
    to: Grid

    def of(self, x: Int8) -> Int8:
        """The outputs of rows."""
        return np.asarray(self.values[x.astype(np.int64) + 128])


@dataclass(frozen=True)
class QuantizedNet:
    """head: a step before the net, of a table's rows; tail: steps behind it; both in float."""

    head: tuple[Step, ...]
    given: Grid
    parts: tuple[Product | Table, ...]
    tail: tuple[Step, ...]

    @property
    def to(self) -> Grid:
        """The grid of the outputs."""
        return self.parts[-1].to

    def of(self, x: Int8) -> Int8:
        """The outputs of rows in int8."""
        for part in self.parts:
            x = part.of(x)
        return x


def requantize(z: Any, multiplier: Any, shift: Any) -> NDArray[np.int64]:
    """z multiplier 2^(shift - 31), rounded twice as in the head of this file.

    >>> from fastnn.export.quantize import requantize
    >>> requantize([7, -7], 2**30, [0, 1]).tolist()  # half of 7, and -7
    [4, -7]
    """
    z, m, s = (np.asarray(v, np.int64) for v in (z, multiplier, shift))
    high = (z * (1 << np.maximum(s, 0)) * m + (1 << 30)) >> 31
    right = np.maximum(-s, 0)
    mask = (1 << right) - 1
    threshold = (mask >> 1) + ((high >> right) < 0)
    return np.asarray((high >> right) + ((high & mask) > threshold))


def multiplier_of(factor: float) -> tuple[int, int]:
    """The multiplier in 2^30..2^31 and the shift of a factor: factor = m 2^(shift - 31)."""
    if factor == 0.0:
        return 0, 0
    share, shift = math.frexp(factor)
    m = math.floor(share * 2**31 + 0.5)
    if m == 2**31:
        m, shift = 2**30, shift + 1
    return (0, 0) if shift < -31 else (m, shift)


def quantized(plan: Plan, rows: Array) -> QuantizedNet:
    """A net in int8, with the ranges that rows of data give; batch normalizations are folded.

    Args:
        plan: of one net.
        rows: what goes into the first layer, (n, width): of a table, rows that are prepared.

    Raises:
        ExportError: a layer has no form in int8; the text says which.
    """
    head, body, tail = split(plan)
    v = np.asarray(rows, np.float64).reshape(len(rows), -1)
    given = grid = Grid.over(float(v.min()), float(v.max()))
    parts: list[Product | Table] = []
    bare: tuple[Dense, Grid] | None = None  # the product before, if a ReLU may join it
    for step in body:
        if isinstance(step, Dense):
            v = v @ step.weight[0] + (0 if step.bias is None else step.bias[0])
            parts.append(_product(step, grid, Grid.over(float(v.min()), float(v.max()))))
            bare = step, grid
        else:
            assert isinstance(step, Activation)
            v = _applied(step, v)
            bounds = _clamp(step)
            if bounds is not None and bare is not None:
                parts[-1] = _clamped(step, *bare, v, bounds)
            else:
                parts.append(_table(step, grid, v))
            bare = None
        grid = parts[-1].to
    return QuantizedNet(head, given, tuple(parts), tail)


def split(plan: Plan) -> tuple[Chain, Chain, Chain]:
    """What prepares a table's rows, the net in int8, and what follows in float.

    Raises:
        ExportError: a layer has no form in int8; the text says which.
    """
    if len(plan.chains) > 1:
        raise ExportError("model: an ensemble has no int8 form; export one of its nets")
    chain = [s for s in plan.chains[0] if not isinstance(s, Take) or s.moves]
    head = tuple(s for s in chain if isinstance(s, Prepare))
    body = [s for s in chain if not isinstance(s, Prepare)]
    last = max((i for i, s in enumerate(body) if isinstance(s, Dense)), default=-1)
    if last < 0:
        raise ExportError("model: int8 is for nets with Linear layers, and this has none")
    while last + 1 < len(body) and is_table(body[last + 1]):
        last += 1
    for step in body[: last + 1]:
        _check(step)
    tail = tuple(body[last + 1 :])
    for step in tail:
        if not isinstance(step, AFTER):
            _refuse(step)
    return head, tuple(body[: last + 1]), tail


def is_table(step: Step) -> bool:
    """Whether a step is a function of one value, the same in all places."""
    return isinstance(step, Activation) and all(
        (v.ravel() == v.ravel()[0]).all() for v in step.vectors.values()
    )


def _check(step: Step) -> None:
    if isinstance(step, Dense):
        n_in, n_out = step.weight.shape[1:]
        if step.size != n_out or step.groups != 1:
            raise ExportError(f"{step.layer}: int8 takes one product a row, of all its numbers")
        if n_in > LONGEST:
            raise ExportError(f"{step.layer}: the sum of {n_in} products does not fit into int32")
    elif not is_table(step):
        _refuse(step)


def _refuse(step: Step) -> NoReturn:
    raise ExportError(
        f"{step.layer}: has no form in int8, which has Linear layers, elementwise functions "
        "and a BatchNorm1d right behind a Linear; export it in float32"
    )


def _product(step: Dense, grid: Grid, to: Grid) -> Product:
    w = step.weight[0].T
    widest = abs(w).max(axis=1)
    scales = np.where(widest > 0, widest / 127, 1.0)
    q = np.clip(np.rint(w / scales[:, None]), -127, 127).astype(np.int8)
    bias = np.zeros(len(w)) if step.bias is None else step.bias[0]
    whole = np.rint(bias / (grid.scale * scales))
    found = [multiplier_of(grid.scale * s / to.scale) for s in scales]
    whole = whole - grid.zero * q.astype(np.int64).sum(axis=1)
    shifts = np.array([s for _, s in found])
    # The largest sum of any row; the shift comes before the multiplier, in int32, too.
    greatest = abs(whole) + 128.0 * abs(q.astype(np.int64)).sum(axis=1)
    if (greatest * 2.0 ** np.maximum(shifts, 0) >= 2**31).any() or (shifts > 20).any():
        raise ExportError(f"{step.layer}: its numbers are too far apart for int8; use float32")
    return Product(
        step.layer,
        q,
        whole.astype(np.int32),
        np.array([m for m, _ in found], np.int32),
        shifts.astype(np.int8),
        to,
    )


def _clamp(step: Activation) -> tuple[float, float] | None:
    """The bounds of a function that only clamps."""
    if step.name == "ReLU":
        return 0.0, math.inf
    if step.name == "Hardtanh" and step.numbers["min_val"] <= 0 <= step.numbers["max_val"]:
        return step.numbers["min_val"], step.numbers["max_val"]
    return None


def _clamped(
    step: Activation, dense: Dense, grid: Grid, v: Array, bounds: tuple[float, float]
) -> Product:
    """A product with the ReLU behind it, and the range behind that."""
    to = Grid.over(float(v.min()), float(v.max()))
    low, high = (int(np.clip(_at(to, b), LOW, HIGH)) for b in bounds)
    name = f"{dense.layer}, {step.layer.removeprefix('layer ')}"
    return replace(_product(dense, grid, to), layer=name, low=low, high=high)


def _at(grid: Grid, v: float) -> float:
    return HIGH if v == math.inf else round(v / grid.scale) + grid.zero


def _applied(step: Activation, v: Array) -> Array:
    real = next((p._array.dtype for p in step.module.parameters()), np.float64)
    with no_grad():
        return np.array(step.module(of_array(np.asarray(v, real)))._array, np.float64)


def _table(step: Activation, grid: Grid, v: Array) -> Table:
    to = Grid.over(float(v.min()), float(v.max()))
    every = grid.get(np.arange(LOW, HIGH + 1))
    values = [_applied(step, np.full((1, step.size), x))[0, 0] for x in every]
    return Table(step.layer, to.put(np.array(values)), to)

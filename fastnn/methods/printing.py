"""Tensors as text, in torch's form: four digits, one width for all, long ones cut in the middle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _default, _recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.tensor import Tensor

DIGITS, EDGE, LONG, WIDTH = 4, 3, 1000, 80


class _Format:
    """How to write one element, from all that are shown."""

    def __init__(self, shown: NDArray[Any]) -> None:
        self.kind = shown.dtype.kind
        self.whole = self.scientific = False
        if self.kind == "f":
            values = np.abs(shown.astype(np.float64))
            values = values[np.isfinite(values) & (values != 0)]
            if values.size:
                low, high = float(values.min()), float(values.max())
                self.whole = bool((values == np.ceil(values)).all())
                self.scientific = high > 1e8 or (
                    not self.whole and (high / low > 1000.0 or low < 1e-4)
                )
                self.scientific |= self.whole and high / low > 1000.0 and high > 1e8
            else:
                self.whole = True
        self.width = max((len(self.bare(x)) for x in shown.ravel().tolist()), default=0)

    def bare(self, x: Any) -> str:
        """The element without padding."""
        if self.kind != "f":
            return str(x)
        if not math.isfinite(x):
            return str(x)
        if self.scientific:
            return f"{x:.{DIGITS}e}"
        return f"{x:.0f}." if self.whole else f"{x:.{DIGITS}f}"

    def __call__(self, x: Any) -> str:
        return self.bare(x).rjust(self.width)


def _shown(array: NDArray[Any], cut: bool) -> NDArray[Any]:
    """The elements that are printed."""
    for axis in range(array.ndim if cut else 0):
        if array.shape[axis] > 2 * EDGE:
            ends = np.r_[0:EDGE, array.shape[axis] - EDGE : array.shape[axis]]
            array = array.take(ends, axis)
    return array


def _lines(array: NDArray[Any], form: _Format, indent: int, cut: bool) -> str:
    if array.ndim == 0:
        return form(array.item())
    n = array.shape[0]
    ends = [*range(EDGE), *range(n - EDGE, n)] if cut and n > 2 * EDGE else list(range(n))
    if array.ndim > 1:
        parts = [_lines(array[i], form, indent + 1, cut) for i in ends]
        if len(ends) < n:
            parts.insert(EDGE, "...")
        between = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
        return "[" + between.join(parts) + "]"
    words = [form(x) for x in array[ends].tolist()]
    if len(ends) < n:
        words.insert(EDGE, " ...")
    per_line = max((WIDTH - indent) // (form.width + 2), 1)
    rows = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(rows) + "]"


class GradFn:
    """What made a tensor, for readers: its text and `name()` are torch's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        """As in "AddBackward0"."""
        return self._name

    def __repr__(self) -> str:
        return f"<{self._name}>"


def grad_fn(x: Tensor) -> GradFn | None:
    """The op on the tape that made it; None for a leaf."""
    if x._node is None:
        return None
    from fastnn.ops import TABLE

    rule = x._node.rule
    name = next((op.name for op in TABLE.values() if op.gradient is rule), None)
    if name is None:
        name = getattr(rule, "__name__", "").strip("_").removesuffix("_gradient") or "function"
    return GradFn("".join(word.capitalize() for word in name.split("_")) + "Backward0")


def _made_by(x: Tensor) -> str:
    """What is said of the tape: the op that made it, or that it is a leaf with a gradient."""
    made = grad_fn(x)
    if made is None:
        return ", requires_grad=True" if x.requires_grad else ""
    return f", grad_fn={made}"


def text(x: Tensor) -> str:
    """The tensor as torch prints it."""
    if _recording.active is not None:
        return f"tensor(<recorded>, shape={x.shape}, dtype={x.dtype})"
    array = x._array
    usual = (_default.dtype.name, "int64", "bool")
    dtype = "" if x.dtype.name in usual else f", dtype=fastnn.{x.dtype}"
    if array.size == 0:
        size = f", size={x.shape}" if array.ndim != 1 else ""
        dtype = "" if x.dtype == _default.dtype else f", dtype=fastnn.{x.dtype}"
        return f"tensor([]{size}{dtype}{_made_by(x)})"
    cut = array.size > LONG
    return f"tensor({_lines(array, _Format(_shown(array, cut)), 7, cut)}{dtype}{_made_by(x)})"

"""Text form of tensors, as in torch: four digits, one width, long tensors abbreviated."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import default, dtypes
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.tape import listener

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn._core.tape import Node, TensorBase

PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
_options: dict[str, Any] = {**PROFILES["default"], "sci_mode": None}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed; options that are not given keep their values.

    Args:
        precision: digits after the point, 4 at first.
        threshold: a tensor of more elements is cut in the middle, 1000 at first.
        edgeitems: how many are shown at each end of an axis that is cut, 3 at first.
        linewidth: columns, 80 at first.
        profile: "default", "short" or "full": all of these at once.
        sci_mode: whether as 1.0000e+00; None (default): where it takes that to see the numbers.

    Raises:
        ValueError: another profile.

    Source: torch.set_printoptions.

    Example:
        >>> import fastnn
        >>> fastnn.set_printoptions(precision=2)
        >>> fastnn.tensor([1.2345])
        tensor([1.23])
        >>> fastnn.set_printoptions(profile="default")
    """
    if profile is not None and profile not in PROFILES:
        raise InvalidValueError(f"profile: expected one of {list(PROFILES)}, got {profile!r}")
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems,
             "linewidth": linewidth}  # fmt: skip
    _options.update(PROFILES.get(profile or "", {}))
    _options.update((name, value) for name, value in given.items() if value is not None)
    _options["sci_mode"] = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The current print options, as `set_printoptions` takes them."""
    return dict(_options)


class _Format:
    """The format of an element, chosen from all elements that are shown."""

    def __init__(self, shown: NDArray[Any]) -> None:
        self.kind = shown.dtype.kind
        self.digits: int = _options["precision"]
        self.whole, self.scientific, self.width = True, False, 1
        sizing = shown
        if self.kind == "f":
            sizing = shown[np.isfinite(shown) & (shown != 0)]
            values = np.abs(sizing.astype(np.float64))
            if values.size:
                low, high = float(values.min()), float(values.max())
                self.whole = bool((values == np.ceil(values)).all())
                wide = high / low > 1000.0 or high > 1e8 or low < 1e-4
                asked: bool | None = _options["sci_mode"]
                self.scientific = wide if asked is None else asked
        self.width = max((len(self.bare(x)) for x in sizing.ravel().tolist()), default=1)

    def bare(self, x: Any) -> str:
        """The element without padding."""
        if self.kind != "f" or not math.isfinite(x):
            return str(x)
        if self.scientific:
            return f"{x:.{self.digits}e}"
        return f"{x:.0f}." if self.whole else f"{x:.{self.digits}f}"

    def __call__(self, x: Any) -> str:
        return self.bare(x).rjust(self.width)


def _shown(array: NDArray[Any], cut: bool) -> NDArray[Any]:
    """The elements that are printed."""
    for axis in range(array.ndim if cut else 0):
        edge: int = _options["edgeitems"]
        if array.shape[axis] > 2 * edge:
            ends = np.r_[0:edge, array.shape[axis] - edge : array.shape[axis]]
            array = array.take(ends, axis)
    return array


def _lines(array: NDArray[Any], form: _Format, indent: int, cut: bool) -> str:
    if array.ndim == 0:
        return form(array.item())
    n, edge = array.shape[0], _options["edgeitems"]
    ends = [*range(edge), *range(n - edge, n)] if cut and n > 2 * edge else list(range(n))
    if array.ndim > 1:
        parts = [_lines(array[i], form, indent + 1, cut) for i in ends]
        if len(ends) < n:
            parts.insert(edge, "...")
        between = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
        return "[" + between.join(parts) + "]"
    words = [form(x) for x in array[ends].tolist()]
    if len(ends) < n:
        words.insert(edge, " ...")
    per_line = max((_options["linewidth"] - indent) // (form.width + 2), 1)
    rows = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(rows) + "]"


_name_of: Callable[[Node], str]  # the op that a node is of, put here by `name_nodes`


def name_nodes(name_of: Callable[[Node], str]) -> None:
    """Bind the function that names the op of a node; it is defined above, beside the op table."""
    global _name_of
    _name_of = name_of


class GradFn:
    """The `grad_fn` of a tensor: `repr` and `name()` are as in torch."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        """As in "AddBackward0"."""
        return self._name

    def __repr__(self) -> str:
        return f"<{self._name}>"


def grad_fn(x: TensorBase) -> GradFn | None:
    """The op that made the tensor; None for a leaf."""
    return None if x._node is None else GradFn(_name_of(x._node))


def _made(x: TensorBase) -> str:
    """The part of the text about gradients: `grad_fn=` or `requires_grad=`."""
    made = grad_fn(x)
    if made is None:
        return ", requires_grad=True" if x.requires_grad else ""
    return f", grad_fn={made}"


def text(x: TensorBase) -> str:
    """The tensor as torch prints it."""
    array, own = x._array, dtypes.public(x._array.dtype)
    if listener.active is not None:
        return f"tensor(<recorded>, shape={array.shape}, dtype={own})"
    usual = (default.dtype, dtypes.int64, dtypes.bool_)
    dtype = "" if own in usual else f", dtype=fastnn.{own}"
    if array.size == 0:
        size = f", size={array.shape}" if array.ndim != 1 else ""
        dtype = "" if own == default.dtype else f", dtype=fastnn.{own}"
        return f"tensor([]{size}{dtype}{_made(x)})"
    array = dtypes.readable(array)
    cut = array.size > _options["threshold"]
    return f"tensor({_lines(array, _Format(_shown(array, cut)), 7, cut)}{dtype}{_made(x)})"


def formatted(x: Any, spec: str) -> str:
    """A number in the format that `spec` describes; any tensor without one."""
    if spec and x.ndim:
        raise InvalidTypeError(
            f"unsupported format string passed to Tensor.__format__: {spec!r} is of a number"
        )
    number = x.ndim == 0 and (spec != "" or listener.active is None)
    return format(x.item(), spec) if number else text(x)

"""Comparisons for tests, torch's `testing`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._support import check, maps
from fastnn.tensor import Tensor

__all__ = ["assert_close"]

# (rtol, atol) by dtype; 0 and 0 for integers and bool.
TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise an AssertionError unless |actual - expected| <= atol + rtol |expected|.

    Args:
        actual, expected: Tensors, arrays, numbers, or sequences or mappings of these.
        allow_subclasses: False asks for the same type of both. Default True.
        rtol, atol: both or none. Default: 1.3e-6 and 1e-5 for float32, 1e-7 and 1e-7 for float64,
            0 for integers and bool; the larger of both dtypes'.
        equal_nan: nan equals nan. Default False.
        check_device, check_layout: without effect.
        check_dtype: default True; False compares after promotion.
        check_stride: compare the strides too. Default False.
        msg: the message, or a function of the one there would be.

    Raises:
        AssertionError: they differ. ValueError: only one of rtol and atol.

    >>> import fastnn
    >>> from fastnn.testing import assert_close
    >>> assert_close(fastnn.tensor([1.0]), fastnn.tensor([1.0 + 1e-7]))
    >>> assert_close(fastnn.tensor([1, 2]), fastnn.tensor([1, 3]))
    Traceback (most recent call last):
    AssertionError: Tensor-likes are not equal!
    <BLANKLINE>
    Mismatched elements: 1 / 2 (50.0%)
    Greatest absolute difference: 1 at index (1,)
    Greatest relative difference: 0.3333333333333333 at index (1,)
    """
    if (rtol is None) != (atol is None):
        raise ValueError(f"rtol, atol: expected both or none, got rtol={rtol}, atol={atol}")
    for name, flag in (("check_device", check_device), ("check_layout", check_layout)):
        check.flag(name, flag)
    options = _Options(rtol, atol, equal_nan, check_dtype, check_stride, allow_subclasses)
    text = _difference(actual, expected, options)
    if text:
        raise AssertionError(text if msg is None else msg(text) if callable(msg) else msg)


class _Options:
    def __init__(
        self,
        rtol: float | None,
        atol: float | None,
        equal_nan: bool,
        dtype: bool,
        stride: bool,
        subclasses: bool,
    ) -> None:
        self.rtol, self.atol = rtol, atol
        self.equal_nan, self.dtype = check.flag("equal_nan", equal_nan), dtype
        self.stride, self.subclasses = stride, subclasses

    def tolerances(self, *dtypes: np.dtype[Any]) -> tuple[float, float]:
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        known = [TOLERANCES.get(dtype.name, (0.0, 0.0)) for dtype in dtypes]
        return max(r for r, _ in known), max(a for _, a in known)


def _difference(actual: Any, expected: Any, options: _Options, where: str = "") -> str:
    """What differs; '' if nothing does."""
    if not options.subclasses and type(actual) is not type(expected):
        return f"Types do not match: {type(actual).__name__} != {type(expected).__name__}{where}"
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            missing = sorted(map(str, expected.keys() ^ actual.keys()))
            return f"The keys of the mappings do not match: {missing}{where}"
        pairs = [(f"[{key!r}]", actual[key], expected[key]) for key in expected]
    elif _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            return f"The length of the sequences mismatch: {len(actual)} != {len(expected)}{where}"
        pairs = [(f"[{i}]", a, e) for i, (a, e) in enumerate(zip(actual, expected, strict=True))]
    else:
        return _apart(actual, expected, options, where)
    place = where.removeprefix("\n\nThe failure occurred for item ")
    for key, a, e in pairs:
        text = _difference(a, e, options, f"\n\nThe failure occurred for item {place}{key}")
        if text:
            return text
    return ""


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _apart(actual: Any, expected: Any, options: _Options, where: str) -> str:
    scalar = not any(isinstance(value, Tensor | np.ndarray) for value in (actual, expected))
    what = "Scalars" if scalar else "Tensor-likes"
    a, e = _array("actual", actual), _array("expected", expected)
    if a.shape != e.shape:
        return f"The values for attribute 'shape' do not match: {a.shape} != {e.shape}.{where}"
    if options.dtype and not scalar and a.dtype != e.dtype:
        return f"The values for attribute 'dtype' do not match: {a.dtype} != {e.dtype}.{where}"
    if options.stride and a.strides != e.strides:
        return "The values for attribute 'stride()' do not match: " + (
            f"{a.strides} != {e.strides} bytes.{where}"
        )
    rtol, atol = options.tolerances(a.dtype, e.dtype)
    if a.dtype == bool or e.dtype == bool:
        a, e = a.astype(np.int64), e.astype(np.int64)
    with np.errstate(all="ignore"):
        close = np.isclose(a, e, rtol, atol, equal_nan=options.equal_nan)
    if close.all():
        return ""
    if scalar:
        return f"Scalars are not {'close' if rtol or atol else 'equal'}!\n\n" + (
            f"Expected {expected} but got {actual}.{where}"
        )
    return _report(a, e, close, what, bool(rtol or atol)) + where


def _array(name: str, value: Any) -> npt.NDArray[Any]:
    array = value.detach()._array if isinstance(value, Tensor) else maps.array_of(value, name)
    if array.dtype.kind not in "biufcV":
        raise TypeError(f"{name}: expected a Tensor, an array or numbers, got {check.show(value)}")
    return np.asarray(array)


def _report(
    a: npt.NDArray[Any], e: npt.NDArray[Any], close: npt.NDArray[Any], what: str, tolerant: bool
) -> str:
    wrong = ~close
    count, size = int(wrong.sum()), wrong.size
    lines = [
        f"{what} are not {'close' if tolerant else 'equal'}!",
        "",
        f"Mismatched elements: {count} / {size} ({100 * count / size:.1f}%)",
    ]
    with np.errstate(all="ignore"):
        apart = np.abs(a - e)
        relative = np.where(wrong, apart / np.abs(e), 0.0)
    for name, values in (("absolute", np.where(wrong, apart, 0)), ("relative", relative)):
        at = np.unravel_index(int(np.argmax(np.nan_to_num(values, nan=np.inf))), values.shape)
        place = tuple(int(i) for i in at)
        lines.append(f"Greatest {name} difference: {values[at].item()} at index {place}")
    return "\n".join(lines)

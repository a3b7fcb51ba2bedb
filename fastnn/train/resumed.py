"""The state in a checkpoint, value by value, beside that of the fit which is to go on from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from fastnn._support import check
from fastnn._support.dtypes import is_float, readable
from fastnn.io.safetensors import FormatError
from fastnn.tensor import Tensor

LARGEST = 2**63 - 1


def fail(place: str, expected: str, value: Any) -> NoReturn:
    """Raise the error of a value in a file."""
    raise FormatError(f"{place}: expected {expected}, got {check.show(value)}")


def check_like(own: Any, kept: Any, place: str) -> None:
    """Check that a kept state is of the form of the fit's own: names, kinds of values, lengths,
    shapes. Where the fit has nothing yet, all that is checked is that numbers are finite."""
    if own is None or (isinstance(own, Mapping | list | tuple) and not own):
        check_sound(kept, place)
        if own is None and isinstance(kept, str):
            fail(place, "a number, or what has numbers", kept)
        if own is not None and not isinstance(kept, type(own)):
            fail(place, f"a {type(own).__name__}", kept)
    elif isinstance(own, Mapping):
        if not isinstance(kept, Mapping) or kept.keys() != own.keys():
            fail(place, f"the names {sorted(map(str, own))}", _names(kept))
        for name, value in own.items():
            check_like(value, kept[name], f"{place}.{name}")
    elif isinstance(own, list | tuple):
        if not isinstance(kept, list | tuple) or len(kept) != len(own):
            fail(place, f"a list of {len(own)}", kept)
        for i, value in enumerate(own):
            check_like(value, kept[i], f"{place}[{i}]")
    elif isinstance(own, Tensor | np.ndarray):
        if getattr(kept, "shape", None) != own.shape or kept.dtype != own.dtype:
            fail(place, f"shape {tuple(own.shape)} of {own.dtype}", kept)
        check_sound(kept, place)
    else:
        _check_value(own, kept, place)


def _names(kept: Any) -> Any:
    return str(sorted(map(str, kept))) if isinstance(kept, Mapping) else kept


def _check_value(own: Any, kept: Any, place: str) -> None:
    """A truth value, a text or a number. Rates may be whole numbers or not."""
    check_sound(kept, place)
    if isinstance(own, bool | str):
        if type(kept) is not type(own):
            fail(place, "a text" if isinstance(own, str) else "True or False", kept)
    elif isinstance(own, int) and "lr" not in place:
        if type(kept) is not int:
            fail(place, "a whole number", kept)
    elif isinstance(own, int | float) and (
        isinstance(kept, bool) or not isinstance(kept, int | float)
    ):
        fail(place, "a number", kept)


def check_sound(kept: Any, place: str) -> None:
    """Check that no number is nan or too large; a figure that has not been seen yet is infinite."""
    if isinstance(kept, Mapping):
        for name, value in kept.items():
            check_sound(value, f"{place}.{name}")
    elif isinstance(kept, list | tuple):
        for i, value in enumerate(kept):
            check_sound(value, f"{place}[{i}]")
    elif isinstance(kept, Tensor | np.ndarray):
        array = readable(kept._array if isinstance(kept, Tensor) else kept)
        if is_float(array.dtype) and not np.isfinite(array).all():
            fail(place, "finite numbers", float(array[~np.isfinite(array)][0]))
    elif isinstance(kept, float) and math.isnan(kept):
        fail(place, "a number", kept)
    elif isinstance(kept, int) and abs(kept) > LARGEST:
        fail(place, f"an integer up to {LARGEST}", kept)


def check_place(state: Mapping[str, Any], steps: int, figures: int) -> None:
    """Check seed, epoch and step, and what belongs to them: sums and history.

    steps: of an epoch.
    figures: metrics that are averages over rows.
    """
    for name, most in (("seed", 2**64 - 1), ("epoch", LARGEST), ("step", steps)):
        value = state[name]
        if isinstance(value, bool) or not 0 <= value <= most:
            fail(name, f"an integer in 0..{most}", value)
    sums, epochs = state["sums"], state["epochs"]
    if sums is None:
        if state["step"]:
            fail("sums", f"those of the {state['step']} steps", sums)
    elif sums.dtype != np.float64 or sums.shape not in ((1 + figures,), (3 + figures,)):
        fail("sums", f"float64 numbers, one for each of {1 + figures} figures", sums)
    else:
        check_sound(sums, "sums")
    whole = all(type(number) is int for number in epochs)
    if not whole or sorted(set(epochs)) != epochs or (epochs and epochs[-1] >= state["epoch"]):
        fail("epochs", f"increasing numbers below {state['epoch']}", str(epochs))
    for name, values in state["history"].items():
        if not isinstance(name, str) or not isinstance(values, list) or len(values) > len(epochs):
            fail(f"history.{name}", f"a list of at most {len(epochs)} numbers", values)
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float):
                fail(f"history.{name}", "numbers", value)

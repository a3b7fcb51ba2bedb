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


def check_read(identity: Mapping[str, Any], seed: Any) -> None:
    """Check what is used before the rest: the texts that say which fit a file is of, and the seed,
    by which rows are held out."""
    for name, text in identity.items():
        if not isinstance(text, str):
            fail(f"identity.{name}", "a text", text)
    if isinstance(seed, bool) or not 0 <= seed < 2**64:
        fail("seed", f"an integer in 0..{2**64 - 1}", seed)


def check_place(state: Mapping[str, Any], steps: int, figures: int) -> None:
    """Check epoch and step, and the sums of the steps.

    steps: of an epoch.
    figures: metrics that are averages over rows.
    """
    for name, most in (("epoch", LARGEST), ("step", steps)):
        value = state[name]
        if isinstance(value, bool) or not 0 <= value <= most:
            fail(name, f"an integer in 0..{most}", value)
    sums = state["sums"]
    if sums is None:
        if state["step"]:
            fail("sums", f"those of the {state['step']} steps", sums)
    elif sums.dtype != np.float64 or sums.shape not in ((1 + figures,), (3 + figures,)):
        fail("sums", f"float64 numbers, one for each of {1 + figures} figures", sums)
    else:
        check_sound(sums, "sums")


def check_history(state: Mapping[str, Any], counts: Mapping[str, int]) -> None:
    """Check that the history has a number for each epoch, and may be gone on with.

    counts: how many there are of each of the fit's figures. Others are a callback's own.
    """
    done, history = state["epoch"], state["history"]
    if len(state["epochs"]) != done or any(type(number) is not int for number in state["epochs"]):
        fail("epochs", f"the numbers of {done} epochs", str(state["epochs"]))
    if state["epochs"] != [*range(done)]:
        fail("epochs", f"0..{done - 1}", str(state["epochs"]))
    for name, count in counts.items():
        if count and name not in history:
            fail("history", f"{name!r}", str(sorted(map(str, history))))
    for name, values in history.items():
        place = f"history.{name}"
        if not isinstance(name, str) or not name or not name.isprintable():
            fail("history", "names that can be printed", ascii(name))
        if not isinstance(values, list) or len(values) != counts.get(name, len(values)):
            fail(place, f"a list of {counts.get(name, done)} numbers", values)
        if len(values) > done:
            fail(place, f"a list of at most {done} numbers", values)
        exact = name in counts and name != "lr"  # a rate may be a whole number
        for value in values:
            if exact and not isinstance(value, float):
                fail(place, "numbers with a fraction", value)
            if isinstance(value, bool) or not isinstance(value, int | float):
                fail(place, "numbers", value)
            if isinstance(value, int) and abs(value) > LARGEST:
                fail(place, f"numbers up to {LARGEST}", value)

"""The argument `precision` of training and prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn._support import check
from fastnn.tape.rounding import MODES

if TYPE_CHECKING:
    from fastnn.nn import Module


TRAINING = ("float32", "bf16")  # the precisions of a training


def mode_of(precision: Any, known: tuple[str, ...] = TRAINING) -> int:
    """The mode of `tape.rounding` that a name stands for.

    Raises:
        ValueError: not one of the known names.
    """
    return MODES[check.choice("precision", precision, known)]


def check_float32(mode: int, model: Module) -> None:
    """Raise where a mode has no effect: products of float32 alone are rounded.

    Raises:
        TypeError: a parameter of the model is float64.
    """
    for name, p in model.named_parameters() if mode else ():
        if p._array.dtype == "float64":
            raise TypeError(
                f"precision: {list(MODES)[mode]!r} is for products of float32, but {name} is "
                "float64; convert the model by model.float(), or use precision='float32'"
            )

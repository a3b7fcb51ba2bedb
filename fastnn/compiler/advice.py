"""Warnings that code runs slower than it could."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection
from typing import Any

from fastnn._support.stack import outside

MANY_SHAPES = 8  # for which something is recorded, from which on a warning advises fewer
MANY_PREDICTED = 32  # the same for predictions: data sets have sizes too, each recorded once
ROWS_OF_STEPS = (
    "Give all batches one size: leave out a smaller last one (DataLoader(drop_last=True)), or pad "
    "it and give the rows added the weight 0"
)
ROWS_OF_PREDICTIONS = (
    "Predict batches of one size: collect rows, or pad them and leave out what is predicted for "
    "the rows added"
)


class Shapes:
    """The shapes for which something was recorded.

    Args:
        most: so many are too many.
    """

    def __init__(self, most: int = MANY_SHAPES) -> None:
        self._most, self._told = most, False
        self._known: set[Any] = set()

    def add(self, shape: Any) -> None:
        """One more."""
        self._known.add(shape)

    def advise(self, where: str, what: str, advice: str = ROWS_OF_STEPS) -> None:
        """Warn, once, if there are too many, in the line of the user's that led here."""
        if len(self._known) >= self._most and not self._told:
            self._told = True
            _, level = outside()
            warnings.warn(many_shapes(where, what, self._known.copy(), advice), stacklevel=level)


def in_python(where: str, fn: Any, doubts: tuple[str, ...]) -> str:
    """A warning that user code cannot be replayed."""
    return (
        f"{where}: {name_of(fn)} runs in Python every time, as slow as without it: "
        f"{'; '.join(doubts[:3])}. A replay could miss a change of what is read there. Read it "
        "outside and pass it in, or keep it in a number, a tensor, a list or a plain attribute"
    )


def on_tape(fn: Any) -> str:
    """A warning that a model being trained is not replayed, as its result has to be on the tape."""
    return (
        f"compile: {name_of(fn)} is in training mode and its parameters require grad, so that its "
        "result may be asked for gradients: it runs in Python, as slow as without compile. For "
        "speed compile the whole step, a function with forward, loss, backward() and "
        "optimizer.step(). After eval() or under no_grad() the model is replayed"
    )


def many_shapes(where: str, what: str, shapes: Collection[Any], advice: str = ROWS_OF_STEPS) -> str:
    """A warning that recordings are made for many shapes."""
    listed = ", ".join(map(str, sorted(shapes)[:3]))
    return (
        f"{where}: {what} was recorded for {len(shapes)} shapes ({listed}, ...), and each "
        f"recording takes as long as many steps. {advice}"
    )


def name_of(fn: Any) -> str:
    """The name of a function, and where it stands."""
    code = getattr(getattr(fn, "__func__", fn), "__code__", None)
    place = f" ({os.path.basename(code.co_filename)}:{code.co_firstlineno})" if code else ""
    return getattr(fn, "__qualname__", type(fn).__qualname__) + place

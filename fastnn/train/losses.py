"""Losses for a `Trainer`: by their usual names, and several at once."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from fastnn._support import check
from fastnn._support.signatures import signature
from fastnn.nn import Module, losses
from fastnn.nn.losses.base import LOSSES
from fastnn.tensor import Tensor
from fastnn.train.weights import measured

__all__ = ["SumOfLosses", "loss_of", "names"]

# What scikit-learn, Keras and people call them, beside the names of the classes.
_USUAL = {
    "mean_squared_error": "mse",
    "squared_error": "mse",
    "mae": "l1",
    "mean_absolute_error": "l1",
    "absolute_error": "l1",
    "binary_cross_entropy": "bce",
    "binary_cross_entropy_with_logits": "bce_with_logits",
    "kl": "kl_div",
    "pinball": "quantile",
}
_WORD = re.compile(r"[A-Z]+[0-9]*(?=[A-Z][a-z]|$)|[A-Z][a-z0-9]*|[0-9]+")


def _snake(name: str) -> str:
    """BCEWithLogitsLoss is bce_with_logits."""
    words: list[str] = _WORD.findall(name.removesuffix("Loss"))
    return "_".join(words).lower()


@cache
def names() -> dict[str, type[Module]]:
    """The losses of `nn` that take (output, target) and need no settings, by name.

    >>> from fastnn.train.losses import names
    >>> names()["mse"].__name__, names()["bce_with_logits"].__name__
    ('MSELoss', 'BCEWithLogitsLoss')
    """
    found: dict[str, Any] = {name: preset.kind for name, preset in LOSSES.items()}
    for name, kind in vars(losses).items():
        if inspect.isclass(kind) and name.endswith("Loss") and _is_of_pairs(kind):
            found.setdefault(_snake(name), kind)
    return found | {usual: found[name] for usual, name in _USUAL.items()}


def _is_of_pairs(kind: Any) -> bool:
    given = [p for p in signature(kind).parameters.values() if p.default is p.empty]
    asked = signature(kind.forward).parameters.values()
    return not given and sum(p.default is p.empty for p in asked) == 3  # self, output and target


class SumOfLosses:
    """The sum of the losses of several outputs, each with its own target.

    L = sum_k loss_k(z_k, y_k)

    Args:
        parts: the losses, as many as outputs.
    """

    def __init__(self, parts: Sequence[Callable[..., Tensor]]) -> None:
        self.parts: tuple[Callable[..., Tensor], ...] = tuple(parts)

    def __call__(self, z: Any, y: Any, w: Tensor | None = None) -> Tensor:
        """The loss of a batch: outputs, targets, and weights of the rows, if any."""
        pairs = zip(self.parts, z, y, strict=True)
        given = [measured(loss, z_k, y_k, *(() if w is None else (w,))) for loss, z_k, y_k in pairs]
        total = given[0][0]
        for figures in given[1:]:
            total = total + figures[0]
        return total

    def __repr__(self) -> str:
        return f"({', '.join(map(repr, self.parts))})"


def loss_of(given: Any, name: str = "loss") -> Any:
    """The loss that is meant: by its name, a function, or several, one for each output.

    Raises:
        TypeError, ValueError: something else, or a name that no loss has.

    >>> from fastnn.train.losses import loss_of
    >>> loss_of("huber")
    HuberLoss()
    """
    if isinstance(given, str):
        return names()[check.choice(name, given, names())]()
    if isinstance(given, tuple | list) and len(given) > 1:
        return SumOfLosses([loss_of(part, f"{name}[{k}]") for k, part in enumerate(given)])
    if inspect.isclass(given) or not callable(given):
        hint = f"; make it by {given.__name__}()" if inspect.isclass(given) else ""
        raise TypeError(
            f"{name}: expected a loss of nn, a function of (output, target), a name such as "
            f'"mse", or one of these for each output, got {check.show(given)}{hint}'
        )
    return given

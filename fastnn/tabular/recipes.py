"""Recipes of tabular nets: what is built, with which rates, by which schedules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._support import check
from fastnn.train.precision import TRAINING

__all__ = ["PRESETS", "Recipe", "coslog4", "flat_cos", "recipe_of"]

Times = NDArray[np.float64]


def coslog4(t: Times) -> Times:
    """(1 - cos(2 pi log2(1 + 15 t))) / 2: four waves from 0 to 1 and back, each twice as long.

    >>> import numpy as np
    >>> from fastnn.tabular.recipes import coslog4
    >>> coslog4(np.array([0.0, (2**0.5 - 1) / 15, 1 / 15, 1.0])).round(6).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    return np.asarray((1 - np.cos(2 * np.pi * np.log2(1 + 15 * t))) / 2)


def flat_cos(t: Times) -> Times:
    """(1 + cos(pi (max(1, 2 t) - 1))) / 2: 1 up to the half, then down to 0.

    >>> import numpy as np
    >>> from fastnn.tabular.recipes import flat_cos
    >>> flat_cos(np.array([0.0, 0.5, 0.75, 1.0])).round(6).tolist()
    [1.0, 1.0, 0.5, 0.0]
    """
    return np.asarray((1 + np.cos(np.pi * (np.maximum(1, 2 * t) - 1))) / 2)


@dataclass(frozen=True)
class Recipe:
    """How a tabular net is built and trained.

    Attributes:
        hidden: widths of the hidden layers.
        activation: "selu" or "mish", parametric where `parametric`; "relu" for the plain net.
        periodic: whether numbers get an embedding of cosines.
        one_hot: most indices of a category that becomes columns.
        parametric: whether activations have a learned alpha.
        by_data: whether first weights come from the training rows; else they are N(0, 1), and 0 in
            the last layer.
        lr, beta2, epochs, batch_size: of Adam.
        decay, dropout: at first; both by `flat_cos`.
        smoothing: share of a label spread over all classes.
        plain: the net of `fastnn.tabular.training` instead: standardized numbers, `nn.Linear` with
            its own first weights, a constant rate.
        members: how many nets there are in one (TabM-mini), with constant rates; 0: one net.
        precision: "float32" or "bf16", as of `Trainer`.
    """

    hidden: tuple[int, ...] = (256, 256, 256)
    activation: str = "selu"
    periodic: bool = True
    one_hot: int = 9
    parametric: bool = True
    by_data: bool = True
    lr: float = 0.04
    beta2: float = 0.95
    epochs: int = 256
    batch_size: int = 256
    decay: float = 0.02
    dropout: float = 0.15
    smoothing: float = 0.1
    plain: bool = False
    members: int = 0
    precision: str = "float32"

    @property
    def steady(self) -> bool:
        """Whether rates, decay and dropout stay as they are."""
        return self.plain or self.members > 0


ALL = 2**24  # no category has more indices
TD = Recipe()
SIMPLE = Recipe(
    periodic=False, one_hot=ALL, parametric=False, by_data=False, decay=0.0, dropout=0.0
)
PLAIN = Recipe(
    hidden=(128,), activation="relu", lr=0.001, beta2=0.999, epochs=100, batch_size=64, decay=0.0,
    dropout=0.0, smoothing=0.0, plain=True,
)  # fmt: skip
MEMBERS = Recipe(
    hidden=(128, 128, 128), activation="relu", parametric=False, by_data=False, lr=0.01,
    beta2=0.999, epochs=100, batch_size=128, decay=3e-4, dropout=0.1, smoothing=0.0, members=16,
)  # fmt: skip

PRESETS: dict[str, tuple[Recipe, Recipe]] = {
    "td": (TD, replace(TD, activation="mish", lr=0.2, smoothing=0.0)),
    "td-s": (SIMPLE, replace(SIMPLE, activation="mish", lr=0.07, smoothing=0.0)),
    "tabm-mini": (MEMBERS, MEMBERS),
    "mlp": (PLAIN, PLAIN),
}
"""For each name the recipe for classes, and that for numbers."""


def recipe_of(preset: str, classes: bool, **changes: Any) -> Recipe:
    """The recipe of a preset, with changes to it that are not None.

    Raises:
        TypeError, ValueError: an unknown preset, or a change that cannot be.

    >>> from fastnn.tabular.recipes import recipe_of
    >>> recipe_of("td", classes=False, epochs=3).lr
    0.2
    """
    check.choice("preset", preset, PRESETS)
    found = PRESETS[preset][0 if classes else 1]
    given = {name: value for name, value in changes.items() if value is not None}
    if "epochs" in given:
        given["epochs"] = check.epochs(given["epochs"])
    if "batch_size" in given:
        given["batch_size"] = check.batch_size(given["batch_size"])
    if "lr" in given:
        given["lr"] = check.learning_rate(given["lr"])
    if "precision" in given:
        check.choice("precision", given["precision"], TRAINING)
    if "hidden" in given:
        widths = given["hidden"]
        widths = (widths,) if isinstance(widths, int) else widths
        if not isinstance(widths, tuple | list) or not widths:
            raise TypeError(f"hidden: expected the widths of the layers, got {widths!r:.40}")
        given["hidden"] = tuple(check.width("hidden", width) for width in widths)
    return replace(found, **given)

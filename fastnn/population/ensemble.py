"""Ensemble: several models that predict together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import ops
from fastnn._support import check, columns
from fastnn.io import FormatError, load_with_extra, save
from fastnn.io.safetensors import faults_of, name_of
from fastnn.nn import Module, Sequential
from fastnn.nn.layers.dropout import AlphaDropout, Dropout
from fastnn.nn.modes import evaluating
from fastnn.random.generator import fork_rng, manual_seed, seeding
from fastnn.tensor import of_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

OUTPUTS = ("raw", "softmax", "sigmoid")
KEY = "ensemble"  # of what a file tells beside the models


class Ensemble:
    """Models that predict together: by the mean of their predictions, and how far they differ.

    Args:
        models: at least one; they take the same x, and their outputs have one shape.
        outputs: what makes a prediction p of a model's outputs z: "raw" p = z; "softmax" and
            "sigmoid" the probabilities.

    Raises:
        TypeError, ValueError: no list of models.

    Source: Breiman 1996, "Bagging predictors"; Lakshminarayanan et al. 2017, "Deep ensembles".

    Example:
        >>> import fastnn
        >>> from fastnn import nn
        >>> ensemble = fastnn.Ensemble([nn.Linear(3, 2) for _ in range(4)], "softmax")
        >>> p = ensemble.predict([[1.0, 0.0, 2.0]])
        >>> p.shape, round(float(p.sum()), 5)
        ((1, 2), 1.0)
    """

    def __init__(self, models: Iterable[Module], outputs: str = "raw") -> None:
        self.models: list[Module] = list(models)
        for i, model in enumerate(self.models):
            if not isinstance(model, Module):
                raise TypeError(f"models[{i}]: expected a module, got {check.show(model)}")
        if not self.models:
            raise ValueError("models: expected at least one, got none")
        self.outputs: str = check.choice("outputs", outputs, OUTPUTS)

    def __len__(self) -> int:
        return len(self.models)

    def __repr__(self) -> str:
        return f"Ensemble({len(self)} models, outputs={self.outputs!r})"

    def members(self, x: ArrayLike) -> NDArray[Any]:
        """The prediction of each model: (models, rows, ...).

        Raises:
            ValueError: outputs of different shapes.
        """
        return stacked([self._predicted(model.predict(x)) for model in self.models])

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """The mean of the predictions: (rows, ...)."""
        mean: NDArray[Any] = self.members(x).mean(0)
        return mean

    def std(self, x: ArrayLike) -> NDArray[Any]:
        """The standard deviation of the predictions over the models: (rows, ...)."""
        std: NDArray[Any] = self.members(x).std(0)
        return std

    def quantiles(self, x: ArrayLike, q: float | Sequence[float]) -> NDArray[Any]:
        """Quantiles of the predictions over the models, by linear interpolation.

        Args:
            x: the rows.
            q: in 0..1; several give (len(q), rows, ...).
        """
        for value in np.atleast_1d(q).tolist():
            check.real("q", value, 0.0, 1.0)
        found: NDArray[Any] = np.quantile(self.members(x), q, axis=0)
        return found

    def with_dropout(self, x: ArrayLike, samples: int = 20, seed: int = 0) -> NDArray[Any]:
        """Predictions while dropout layers drop, all else as in evaluation: Monte Carlo dropout.

        Args:
            x: the rows.
            samples: how many for each model, at least 1.
            seed: the same seed gives the same numbers; the default generator stays as it is.

        Returns:
            (models * samples, rows, ...); their mean and standard deviation are the estimate.

        Raises:
            ValueError: no model has a Dropout or AlphaDropout.

        Source: Gal & Ghahramani 2016, "Dropout as a Bayesian approximation".
        """
        count = check.integer("samples", samples, 1)
        found = []
        with seeding, fork_rng():
            manual_seed(check.seed(seed))
            for model in self.models:
                found += self._dropped(model, x, count)
        return stacked(found)

    def _dropped(self, model: Module, x: ArrayLike, count: int) -> list[NDArray[Any]]:
        dropping = [m for m in model.modules() if isinstance(m, Dropout | AlphaDropout) and m.p > 0]
        if not dropping:
            raise ValueError("with_dropout: expected models with dropout layers, got one without")
        parameter = next(model.parameters(), None)
        real = np.float32 if parameter is None else parameter.dtype
        rows = of_array(check.as_input(columns.in_order(model, x), "x", real))
        with evaluating(model):
            for module in dropping:
                module.__dict__["training"] = True  # `evaluating` takes it back
            return [self._predicted(model(rows)._array.copy()) for _ in range(count)]

    def _predicted(self, z: NDArray[Any]) -> NDArray[Any]:
        if self.outputs == "raw":
            return z
        made = (
            ops.softmax(of_array(z), -1) if self.outputs == "softmax" else ops.sigmoid(of_array(z))
        )
        return made._array

    # ---- files ----

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save all models to one safetensors file, each an `nn.Sequential`, as `fastnn.save` does.

        Raises:
            TypeError: a model that a file cannot describe.
            OSError: the file cannot be written; the old file is intact.

        Example:
            >>> import os, tempfile
            >>> import fastnn
            >>> from fastnn import nn
            >>> path = os.path.join(tempfile.mkdtemp(), "ensemble.safetensors")
            >>> fastnn.Ensemble([nn.Sequential(nn.Linear(2, 1)) for _ in range(3)]).save(path)
            >>> fastnn.Ensemble.load(path)
            Ensemble(3 models, outputs='raw')
        """
        told: dict[str, Any] = {"outputs": self.outputs}
        known = [columns.to_json(columns.of_model(model)) for model in self.models]
        if any(known):
            told["columns"] = known
        save(Sequential(*self.models), path, extra={KEY: told})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Ensemble:
        """Load an ensemble: the same models and, bit for bit, the same weights.

        Raises:
            FormatError: the file is not one of `Ensemble.save`.
            OSError: the file cannot be read.
        """
        models, extra = load_with_extra(path)
        told = extra.get(KEY)
        told = told if isinstance(told, dict) else {}
        outputs = told.get("outputs")
        with faults_of(name_of(path)):
            if not isinstance(outputs, str) or outputs not in OUTPUTS or not len(models):
                raise FormatError("not a file of Ensemble.save")
            _remember(models, told.get("columns", [None] * len(models)))
            return cls(list(models), outputs)


def _remember(models: Sequential, known: Any) -> None:
    """Let each model know the columns that a file tells of it."""
    if not isinstance(known, list) or len(known) != len(models):
        raise FormatError("columns: expected those of each model")
    for model, names in zip(models, known, strict=True):
        if names is not None:
            columns.remember(model, columns.from_json(names))


def stacked(outputs: list[NDArray[Any]]) -> NDArray[Any]:
    """Outputs of models beside each other.

    Raises:
        ValueError: they are of different shapes.
    """
    shapes = {z.shape for z in outputs}
    if len(shapes) > 1:
        raise ValueError(f"models: expected outputs of one shape, got {sorted(shapes)}")
    return np.stack(outputs)

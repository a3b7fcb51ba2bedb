"""A trained net that reads rows as they come, saved in one file."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

import fastnn
from fastnn import io, nn
from fastnn.tabular.design import Design, Standardizer
from fastnn.tabular.frame import Frame, as_frame, in_columns
from fastnn.tabular.holdout import Split, fingerprint, restored_split
from fastnn.tabular.table import Table

__all__ = ["TabularModel"]

Floats = NDArray[np.float32]


class TabularModel(nn.Module):
    """A trained net with all that its rows need: columns, categories, scaling, class names.

    It is one module and one file: `fastnn.load(path).predict(rows)` takes rows as they come.

    Attributes:
        net: maps encoded rows to logits, or to a standardized value.
        design: encodes and scales rows.
        classes: class names; empty for a regression.
        target: name of the predicted column.
        y_scale: standardization of the target; None for classes.
        log: the net predicts the logarithm of the (scaled) target.
        split: the split it was trained on; None if unknown.
    """

    def __init__(
        self,
        net: nn.Sequential,
        design: Design,
        classes: tuple[str, ...],
        target: str,
        y_scale: Standardizer | None = None,
        log: bool = False,
        split: Split | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.design, self.classes, self.target = design, classes, target
        self.y_scale, self.log, self.split = y_scale, log, split

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are read."""
        return self.design.encoder.names

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        """What the net gives for encoded rows, those of `encode`."""
        z: fastnn.Tensor = self.net(x)
        return z

    def held_out(self, table: Table) -> Table | None:
        """The held-out rows of the table it was trained on; None for any other table."""
        if self.split is None or fingerprint(table, self.features) != self.split.table:
            return None
        return self.split.parts(table)[1]

    def encode(self, table: Table) -> tuple[Floats, NDArray[Any]]:
        """Encoded rows and target of a table, as the net and its loss take them."""
        assert table.y is not None
        y = table.y if self.y_scale is None else self.y_scale.apply(table.y)
        return self.design.apply(table.rows), y

    def outputs(self, x: Any) -> NDArray[Any]:
        """What the net gives for rows as they come: logits, or standardized values."""
        return np.asarray(self.net.predict(self.design.apply(as_frame(x))))

    def predict(self, x: Any, *_: Any, **__: Any) -> NDArray[Any]:
        """Predict from rows as they come.

        Args:
            x: rows with the columns that `features` names, in any order: a DataFrame, a dict of
                columns, a `Frame`; or an array of as many columns, in that order.

        Returns:
            of shape (n,): class names, or values in units of the target.

        Raises:
            ValueError: a column is not there, or a number is infinite.
        """
        if self.classes:
            names = np.array(self.classes, object)
            chosen: NDArray[Any] = names[self.outputs(self._by_name(x)).argmax(axis=1)]
            return chosen
        assert self.y_scale is not None
        z = self.outputs(self._by_name(x)).astype(np.float64)
        return self.y_scale.undo(np.exp(z) if self.log else z)[:, 0]

    def predict_proba(self, x: Any) -> NDArray[Any]:
        """The probability of each class, of shape (n, C), for rows as `predict` takes them.

        Raises:
            ValueError: it is a regression.
        """
        if not self.classes:
            raise ValueError("predict_proba: a regression has no classes; use predict")
        z = self.outputs(self._by_name(x))
        p: NDArray[Any] = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return p

    def _by_name(self, x: Any) -> Frame:
        """The rows; columns of an array get the names of `features`."""
        return in_columns(x, self.features, self.features)

    def evaluate(self, table: Table) -> dict[str, float]:
        """Score a table: loss and accuracy, or rmse and mae in units of the target, and r2."""
        assert table.y is not None
        truth = table.y.ravel()
        if self.classes:
            p = self.predict_proba(table.rows)
            likelihood = np.maximum(p[np.arange(len(p)), truth].astype(np.float64), 1e-45)
            return {
                "loss": float(-np.log(likelihood).mean()),
                "accuracy": float((p.argmax(axis=1) == truth).mean()),
            }
        error = self.predict(table.rows) - truth
        spread = float(truth.var(dtype=np.float64))
        mse = float((error**2).mean())
        return {
            "rmse": mse**0.5,
            "mae": float(abs(error).mean()),
            "r2": 1 - mse / spread if spread > 0 else 0.0,
        }

    def save(self, path: Any, **options: Any) -> None:
        """Save net, columns and scaling to one file; see `fastnn.io.save` for errors."""
        extra: dict[str, Any] = {
            "task": "classification" if self.classes else "regression",
            "classes": list(self.classes),
            "target": self.target,
            **self.design.to_json(),
        }
        if self.y_scale is not None:
            extra |= {"y_mean": self.y_scale.mean.tolist(), "y_std": self.y_scale.std.tolist()}
            extra["y_log"] = self.log
        if self.split is not None:
            extra["split"] = asdict(self.split)
        io.save(self.net, path, extra=extra, kind="tabular")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TabularModel:
        """Load a file written by `save`.

        Raises:
            FormatError: the file holds no tabular model.
        """
        return cls.restored(*io.load_with_extra(path), os.fsdecode(path))

    @classmethod
    def restored(cls, net: nn.Sequential, extra: dict[str, Any], name: str) -> TabularModel:
        """The model of a net and what was saved with it."""
        widths = [layer for layer in net if isinstance(layer, nn.Linear)]
        if "features" in extra:  # as 0.1 wrote it: columns of numbers, all there
            extra = extra | {"columns": _numbers(extra)}
        if not widths or "columns" not in extra:
            _fail(name, "no tabular model in it; write one with: fastnn train")
        try:
            design = Design.from_json(extra)
        except ValueError as error:
            _fail(name, f"extra: {error}")
        if design.width != widths[0].in_features:
            _fail(name, f"extra: columns of {design.width} numbers, but the net takes "
                        f"{widths[0].in_features}")  # fmt: skip
        is_regression = extra.get("task") == "regression"
        classes = () if is_regression else _texts(extra, "classes", widths[-1].out_features, name)
        return cls(
            net,
            design,
            classes,
            str(extra.get("target", "target")),
            _scale(extra, name) if is_regression else None,
            extra.get("y_log") is True,
            restored_split(extra, name),
        )


def _fail(path: str, what: str) -> NoReturn:
    raise io.FormatError(f"{path}: {what}")


def _numbers(extra: dict[str, Any]) -> Any:
    names, means = extra.get("features"), extra.get("x_mean")
    if not isinstance(names, list) or not isinstance(means, list):
        return None
    pairs = zip(names, means)
    return [{"name": name, "kind": "number", "means": [mean]} for name, mean in pairs]


def _texts(extra: dict[str, Any], key: str, count: int, path: str) -> tuple[str, ...]:
    texts = extra.get(key)
    if not isinstance(texts, list) or len(texts) != count or len(set(map(str, texts))) != count:
        _fail(path, f"extra: expected {count} different names as {key}")
    return tuple(map(str, texts))


def _scale(extra: dict[str, Any], path: str) -> Standardizer:
    try:
        return Standardizer.from_json(extra, "y", 1)
    except ValueError as error:
        _fail(path, f"extra: {error}")

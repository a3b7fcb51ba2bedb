"""A trained tabular model: nets that read rows as they come, in one module and one file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnn import io, nn
from fastnn.io.safetensors import faults_of, name_of
from fastnn.nn.layers.container import Sequential
from fastnn.tabular.design import Design
from fastnn.tabular.frame import Form, Frame, in_columns
from fastnn.tabular.holdout import Split, fingerprint, restored_split
from fastnn.tabular.member import Member
from fastnn.tabular.older import of_older_file
from fastnn.tabular.one_row import OneRow
from fastnn.tabular.robust import RobustDesign
from fastnn.tabular.table import Table
from fastnn.tabular.validation import softmax
from fastnn.tensor import Tensor

__all__ = ["TabularModel", "median_of"]

Wide = NDArray[np.float64]


class TabularModel(nn.Module):
    """Trained nets with all that their rows need: columns, categories, scaling, class names.

    What a fitted estimator and the command predict with. It is one module and one file:
    `fastnn.load(path).predict(rows)` takes rows as they come.

    Attributes:
        members: the nets, whose probabilities or values are averaged.
        columns: names of the columns that it was trained on, in their order.
        classes: the labels, as they came; None for a regression.
        quantiles: of the target, which `predict_quantiles` gives; (): none.
        target: name of the predicted column.
        split: the split of a table that it was trained on; None if unknown.
        form: how the file was written that it was trained on, for `read_csv(path, form=...)`; None
            if the rows came from elsewhere.
    """

    members: tuple[Member, ...]
    columns: tuple[str, ...]
    classes: NDArray[Any] | None
    quantiles: tuple[float, ...]
    target: str
    split: Split | None

    def __init__(
        self,
        members: Sequence[Member],
        columns: Sequence[str],
        classes: NDArray[Any] | None = None,
        quantiles: Sequence[float] = (),
        target: str = "target",
        split: Split | None = None,
        form: Form | None = None,
    ) -> None:
        super().__init__()
        self.members, self.columns, self.classes = tuple(members), tuple(columns), classes
        self.quantiles, self.target, self.split = tuple(quantiles), target, split
        self.form = form
        self.nets: Sequential = nn.Sequential(*(member.net for member in members))
        self.eval()

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are read; constant ones are not, nor those that name each row."""
        return self.design.encoder.names

    @property
    def net(self) -> nn.Sequential:
        """The first net: from encoded rows to logits, or to standardized values."""
        return self.members[0].net

    @property
    def design(self) -> RobustDesign | Design:
        """Encodes and scales rows for the first net."""
        return self.members[0].design

    @property
    def class_names(self) -> tuple[str, ...]:
        """The labels as texts; () for a regression."""
        return () if self.classes is None else tuple(map(str, self.classes.tolist()))

    def forward(self, x: Tensor) -> Tensor:
        """What the first net gives for encoded rows, those of its design."""
        z: Tensor = self.net(x)
        return z

    def rows_of(self, x: Any, who: str = "x") -> Frame:
        """Rows as `predict` takes them, with each column of the kind that it had in training.

        Raises:
            ValueError: a column is not there.

        Warns:
            UserWarning: cells are neither the numbers nor the dates of training; they are missing.
        """
        features = self.design.encoder.features
        # Texts as they are: alone "5 %" is a number, among others it was a category.
        wanted = {f.name: f.wanted for f in features if f.wanted in ("category", "day first")}
        frame = in_columns(x, self.columns, self.features, who, wanted)
        changed = {}
        for feature in features:
            column = frame.columns[feature.name]
            found = column.as_kind(feature.wanted)
            if found is not column:
                changed[feature.name] = found
            if found.note and not (found is column and isinstance(x, Frame)):
                warnings.warn(f"{who}: column {feature.name!r}: {found.note}", stacklevel=2)
        if not changed:
            return frame
        return replace(frame, columns={**frame.columns, **changed})

    # ---- predictions ----

    def predict(self, x: Any, *_: Any, **__: Any) -> NDArray[Any]:
        """Predict from rows as they come.

        Args:
            x: rows with the columns that `features` names, in any order: a DataFrame, a dict of
                columns, a `Frame`; or an array with all of `columns`, in that order.

        Returns:
            (n,) labels as they came for training, or float64 values; with quantiles the median.

        Raises:
            ValueError: a column is not there, or a number is infinite.
        """
        if self.classes is not None:
            likely = self._mean_of(x, softmax if len(self.members) > 1 else None)
            chosen: NDArray[Any] = self.classes[likely.argmax(axis=1)]
            return chosen
        values = self._mean_of(x)
        return values[:, median_of(self.quantiles)] if values.shape[1] > 1 else values.ravel()

    def predict_quantiles(self, x: Any) -> Wide:
        """The `quantiles` of the target, (n, q), none below the one before.

        x: rows as `predict` takes them.

        Raises:
            ValueError: it was trained for no quantiles.
        """
        if not self.quantiles:
            raise ValueError(
                "predict_quantiles: trained for the mean; use TabularRegressor(quantiles=...)"
            )
        return self._mean_of(x)

    def predict_proba(self, x: Any) -> Wide:
        """The probability of each class, (n, C), for rows as `predict` takes them.

        Raises:
            ValueError: it is a regression.
        """
        if self.classes is None:
            raise ValueError("predict_proba: a regression has no classes; use predict")
        return self._mean_of(x, softmax)

    def _mean_of(self, x: Any, of: Callable[[Wide], Wide] | None = None) -> Wide:
        """The mean over the nets of a function of what they give."""
        found = self._of_one_row(x)
        if found is None:
            frame = self.rows_of(x)
            found = [member.outputs(frame) for member in self.members]
        if of is not None:
            found = [of(z) for z in found]
        return found[0] if len(found) == 1 else np.asarray(np.mean(found, axis=0))

    def _of_one_row(self, x: Any) -> list[Wide] | None:
        """What the nets give for a single row that needs no finding out; None for other rows."""
        found: OneRow | None = self.__dict__.get("_one_row")
        if found is None or found.members is not self.members or found.columns is not self.columns:
            found = OneRow(self.members, self.columns)
            self.__dict__["_one_row"] = found  # no attribute: the module has not changed
        return found.outputs(x)

    # ---- tables ----

    def held_out(self, table: Table) -> Table | None:
        """The held-out rows of the table it was trained on; None for any other table."""
        if self.split is None or fingerprint(table, self.features) != self.split.table:
            return None
        return self.split.parts(table)[1]

    def encode(self, table: Table) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Encoded rows and target of a table, as the first net and its loss take them."""
        assert table.y is not None
        target = self.members[0].target
        return self.design.apply(table.rows), table.y if target is None else target.apply(table.y)

    def evaluate(self, table: Table) -> dict[str, float]:
        """Score a table: loss and accuracy, or rmse and mae in units of the target, and r2."""
        assert table.y is not None
        truth = table.y.ravel()
        if self.classes is not None:
            p = self.predict_proba(table.rows)
            likelihood = np.maximum(p[np.arange(len(p)), truth], 1e-45)
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

    # ---- files ----

    def save(self, path: Any, **options: Any) -> None:
        """Save nets, columns, scaling and labels to one file.

        Raises:
            TypeError: labels that a file cannot hold, such as dates.
            OSError: see `fastnn.io.save`.
        """
        labels = [] if self.classes is None else self.classes.tolist()
        odd = next((label for label in labels if not isinstance(label, str | int | float)), None)
        if odd is not None:
            raise TypeError(
                f"save: expected labels that are texts, numbers or booleans, got {odd!r:.60}; "
                "train on their texts, or use pickle"
            )
        extra: dict[str, Any] = {
            "columns": list(self.columns),
            "members": [member.to_json() for member in self.members],
            "target": self.target,
        }
        if self.quantiles:
            extra["quantiles"] = list(self.quantiles)
        if self.classes is not None:
            extra["classes"] = {"dtype": self.classes.dtype.str, "values": self.classes.tolist()}
        if self.split is not None:
            extra["split"] = asdict(self.split)
        if self.form is not None:
            extra["form"] = asdict(self.form)
        io.save(self.nets, path, extra=extra, kind="tabular_net")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TabularModel:
        """Load a file written by `save`, of this version or an older one.

        Raises:
            FormatError: the file holds no tabular model.
        """
        loaded = io.load_with_extra(path)
        with faults_of(name_of(path)):
            return cls.restored(*loaded, name_of(path))

    @classmethod
    def restored(cls, nets: nn.Sequential, extra: dict[str, Any], name: str) -> TabularModel:
        """The model of nets and what was saved with them."""
        target, split = str(extra.get("target", "target")), restored_split(extra, name)
        if "members" not in extra:
            member, labels = of_older_file(nets, extra, name)
            return cls([member], member.design.encoder.names, labels, (), target, split)
        saved, columns = extra["members"], extra.get("columns")
        if not isinstance(saved, list) or len(saved) != len(nets) or not saved:
            _fail(name, "expected what is kept of each net")
        if not isinstance(columns, list) or not all(isinstance(c, str) for c in columns):
            _fail(name, "columns are no list of names")
        classes = _labels(extra["classes"], name) if "classes" in extra else None
        quantiles = _levels(extra.get("quantiles", []), name)
        outputs = len(quantiles) or 1 if classes is None else len(classes)
        try:
            form = Form.from_json(extra["form"]) if "form" in extra else None
            members = [Member.from_json(*pair, outputs) for pair in zip(nets, saved, strict=True)]
        except ValueError as error:
            _fail(name, str(error))
        if any((member.target is None) != (classes is not None) for member in members):
            _fail(name, "expected a target for a regression, and labels for classes")
        if not {c for m in members for c in m.design.encoder.names} <= set(columns):
            _fail(name, "a net reads a column that is not among columns")
        return cls(members, columns, classes, quantiles, target, split, form)


def median_of(quantiles: Sequence[float]) -> int:
    """The place of the median among quantiles; 0 where there are none.

    >>> from fastnn.tabular.model import median_of
    >>> median_of((0.1, 0.5, 0.9)), median_of(())
    (1, 0)
    """
    return tuple(quantiles).index(0.5) if quantiles else 0


def _fail(path: str, what: str) -> NoReturn:
    raise io.FormatError(f"{path}: extra: {what}")


def _levels(saved: Any, path: str) -> tuple[float, ...]:
    fits = isinstance(saved, list) and all(isinstance(q, float) and 0 < q < 1 for q in saved)
    if not fits or sorted(set(saved)) != saved or (saved and 0.5 not in saved):
        _fail(path, "quantiles are not increasing numbers with the median among them")
    return tuple(saved)


def _labels(saved: Any, path: str) -> NDArray[Any]:
    try:
        labels = np.array(saved["values"], np.dtype(saved["dtype"]))
    except (TypeError, ValueError, KeyError, OverflowError):
        _fail(path, "classes are no list of labels")
    if labels.ndim != 1 or len(labels) < 2 or len(set(labels.tolist())) != len(labels):
        _fail(path, "expected at least two different classes")
    return labels

"""A trained tabular net, or several, that reads rows as they come; one module and one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnn import io, nn
from fastnn.tabular.design import Design
from fastnn.tabular.frame import Frame, in_columns
from fastnn.tabular.holdout import Split, restored_split
from fastnn.tabular.robust import RobustDesign
from fastnn.tabular.validation import softmax
from fastnn.tensor import Tensor

__all__ = ["Member", "TabularPredictor", "Target"]

Wide = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """How a net's numbers become values: y = clip(mean + deviation z, low, high).

    >>> Target(10.0, 2.0, 9.0, 11.5).undo(np.array([0.0, 1.0])).tolist()
    [10.0, 11.5]
    """

    mean: float
    deviation: float
    low: float
    high: float

    @classmethod
    def fit(cls, y: Wide) -> Target:
        """Mean, deviation and range of the training rows."""
        deviation = float(y.std())
        return cls(float(y.mean()), deviation or 1.0, float(y.min()), float(y.max()))

    def apply(self, y: Wide) -> NDArray[np.float32]:
        """(y - mean) / deviation, of shape (n, 1)."""
        z = (y - self.mean) / self.deviation
        return np.asarray(z, np.float32).reshape(-1, 1)

    def undo(self, z: NDArray[Any]) -> Wide:
        """Values within the range of the training rows."""
        y = z.astype(np.float64) * self.deviation + self.mean
        return np.asarray(np.clip(y, self.low, self.high))


@dataclass(frozen=True)
class Member:
    """One trained net with what its rows need. target: None for classes."""

    net: nn.Sequential
    design: RobustDesign | Design
    target: Target | None = None

    def outputs(self, frame: Frame) -> Wide:
        """Log-odds (n, classes), or values (n, 1)."""
        return self.of(np.asarray(self.net.predict(self.design.apply(frame))))

    def of(self, z: NDArray[Any]) -> Wide:
        """The same of what the net gives; members of one net, (n, k, outputs), are averaged."""
        if z.ndim == 3 and self.target is None:
            return np.asarray(np.log(np.maximum(softmax(z).mean(axis=1), 1e-300)))
        z = z.mean(axis=1) if z.ndim == 3 else z
        return z.astype(np.float64) if self.target is None else self.target.undo(z)


class TabularPredictor(nn.Module):
    """Trained nets with columns, scaling and class names: what a fitted estimator predicts with.

    `fastnn.load(path)` gives it back from the file that its `save` writes.

    Attributes:
        members: the nets, whose probabilities or values are averaged.
        columns: names of the columns that it was trained on, in their order.
        classes: the labels, as they came; None for a regression.
        target: the name of the predicted column.
        split: the split of a table that it was trained on; None if unknown.
    """

    target: str = "target"
    split: Split | None = None

    def __init__(
        self,
        members: Sequence[Member],
        columns: Sequence[str],
        classes: NDArray[Any] | None = None,
    ) -> None:
        super().__init__()
        self.members, self.columns, self.classes = tuple(members), tuple(columns), classes
        self.nets = nn.Sequential(*(member.net for member in members))
        self.eval()

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are read; constant ones are not, nor those that name each row."""
        return self.members[0].design.encoder.names

    def forward(self, x: Tensor) -> Tensor:
        """What the first net gives for encoded rows, those of its design."""
        z: Tensor = self.members[0].net(x)
        return z

    def predict(self, x: Any, *_: Any, **__: Any) -> NDArray[Any]:
        """Predict from rows as they come.

        Args:
            x: rows with the columns that `features` names, in any order: a DataFrame, a dict of
                columns, a `Frame`; or an array with all of `columns`, in that order.

        Returns:
            (n,) labels as they came for training, or float64 values.

        Raises:
            ValueError: a column is not there, or a number is infinite.
        """
        if self.classes is not None:
            chosen: NDArray[Any] = self.classes[self.predict_proba(x).argmax(axis=1)]
            return chosen
        frame = in_columns(x, self.columns, self.features)
        return np.asarray(np.mean([m.outputs(frame)[:, 0] for m in self.members], axis=0))

    def predict_proba(self, x: Any) -> Wide:
        """The probability of each class, (n, C), for rows as `predict` takes them.

        Raises:
            ValueError: it is a regression.
        """
        if self.classes is None:
            raise ValueError("predict_proba: a regression has no classes; use predict")
        frame = in_columns(x, self.columns, self.features)
        return np.asarray(np.mean([softmax(m.outputs(frame)) for m in self.members], axis=0))

    def save(self, path: Any, **options: Any) -> None:
        """Save nets, columns, scaling and labels to one file; see `fastnn.io.save` for errors."""
        extra: dict[str, Any] = {
            "columns": list(self.columns),
            "members": [
                {
                    "robust": isinstance(m.design, RobustDesign),
                    "design": m.design.to_json(),
                    "target": None if m.target is None else vars(m.target),
                }
                for m in self.members
            ],
        }
        extra["target"] = self.target
        if self.split is not None:
            extra["split"] = asdict(self.split)
        if self.classes is not None:
            extra["classes"] = {"dtype": self.classes.dtype.str, "values": self.classes.tolist()}
        io.save(self.nets, path, extra=extra, kind="tabular_net")

    @classmethod
    def restored(cls, nets: nn.Sequential, extra: dict[str, Any], name: str) -> TabularPredictor:
        """The predictor of nets and what was saved with them."""
        saved, columns = extra.get("members"), extra.get("columns")
        if not isinstance(saved, list) or len(saved) != len(nets) or not saved:
            _fail(name, "expected what is kept of each net")
        if not isinstance(columns, list) or not all(isinstance(c, str) for c in columns):
            _fail(name, "columns are no list of names")
        classes = _labels(extra["classes"], name) if "classes" in extra else None
        outputs = 1 if classes is None else len(classes)
        members = [_member(net, each, outputs, name) for net, each in zip(nets, saved, strict=True)]
        if any((member.target is None) != (classes is not None) for member in members):
            _fail(name, "expected a target for a regression, and labels for classes")
        if not {c for m in members for c in m.design.encoder.names} <= set(columns):
            _fail(name, "a net reads a column that is not among columns")
        found = cls(members, columns, classes)
        found.target = str(extra.get("target", "target"))
        found.split = restored_split(extra, name)
        return found


def _fail(path: str, what: str) -> NoReturn:
    raise io.FormatError(f"{path}: extra: {what}")


def _member(net: nn.Module, saved: Any, outputs: int, path: str) -> Member:
    if not isinstance(saved, dict) or not isinstance(saved.get("design"), dict):
        _fail(path, "no design of a net")
    if not isinstance(net, nn.Sequential):
        _fail(path, "a net is no Sequential")
    try:
        kind = RobustDesign if saved.get("robust") is True else Design
        design = kind.from_json(saved["design"])
    except ValueError as error:
        _fail(path, str(error))
    try:
        shape = net.predict(np.zeros((1, design.width), np.float32)).shape
    except (TypeError, ValueError) as error:
        _fail(path, f"the net does not take its {design.width} columns: {error}")
    if shape[:1] + shape[-1:] != (1, outputs):
        _fail(path, f"the net gives {shape[1:]} numbers a row, expected {outputs}")
    return Member(net, design, _target(saved.get("target"), path))


def _target(saved: Any, path: str) -> Target | None:
    if saved is None:
        return None
    try:
        found = Target(**saved)
        if np.isfinite(list(vars(found).values())).all():
            return found
    except TypeError:
        pass
    _fail(path, "the target is not {mean, deviation, low, high}")


def _labels(saved: Any, path: str) -> NDArray[Any]:
    try:
        labels = np.array(saved["values"], np.dtype(saved["dtype"]))
    except (TypeError, ValueError, KeyError, OverflowError):
        _fail(path, "classes are no list of labels")
    if labels.ndim != 1 or len(labels) < 2 or len(set(labels.tolist())) != len(labels):
        _fail(path, "expected at least two different classes")
    return labels

"""Metrics of classes: accuracy, precision, recall, confusion."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from fastnn._support import check
from fastnn.mindspore.metrics.base import Array, OfPairs, check_range, classes_of

_TINY = sys.float_info.min  # added below, so that 0/0 is 0


class Accuracy(OfPairs):
    """The share of samples whose largest output is that of their class.

    Args:
        eval_type: 'classification' (default), or 'multilabel': all labels of a sample are right.

    >>> import numpy as np
    >>> from fastnn.mindspore import nn
    >>> metric = nn.Accuracy()
    >>> metric.update(np.array([[0.2, 0.8], [0.9, 0.1]]), np.array([1, 1]))
    >>> float(metric.eval())
    0.5
    """

    def __init__(self, eval_type: str = "classification") -> None:
        kinds = ("classification", "multilabel")
        self._type = check.choice("eval_type", eval_type, kinds)
        super().__init__()

    def clear(self) -> None:
        """Forget everything."""
        self._correct_num = self._total_num = 0

    def _add(self, outputs: Array, labels: Array) -> None:
        if self._type == "classification":
            right = outputs.argmax(axis=1) == classes_of(outputs, labels)
        else:
            columns = outputs.shape[1]
            flat = [np.moveaxis(a, 1, -1).reshape(-1, columns) for a in (outputs, labels)]
            right = (flat[0] == flat[1]).all(axis=1)
        self._correct_num += int(right.sum())
        self._total_num += right.size

    def eval(self) -> float:
        """The accuracy."""
        self._refuse_none(self._total_num)
        return self._correct_num / self._total_num


class _ByClass(OfPairs):
    """What Precision, Recall and Fbeta count for each class."""

    def __init__(self, eval_type: str = "classification") -> None:
        kinds = ("classification", "multilabel")
        self._type = check.choice("eval_type", eval_type, kinds)
        super().__init__()

    def clear(self) -> None:
        """Forget everything."""
        self._hits: list[Array] = []
        self._said: list[Array] = []
        self._there: list[Array] = []

    def _add(self, outputs: Array, labels: Array) -> None:
        n = outputs.shape[1]
        if self._type == "classification":
            classes = classes_of(outputs, labels).reshape(-1)
            check_range("labels", classes, n)
            said, there = np.eye(n)[outputs.argmax(axis=1).reshape(-1)], np.eye(n)[classes]
        else:
            said, there = (a.swapaxes(1, 0).reshape(n, -1) for a in (outputs, labels))
        self._hits.append((said * there).sum(axis=0))
        self._said.append(said.sum(axis=0))
        self._there.append(there.sum(axis=0))

    def _counts(self) -> list[Array]:
        """True positives, positives and actual positives: by class, or by sample of labels."""
        self._refuse_none(len(self._hits))
        parts = (self._hits, self._said, self._there)
        if self._type == "multilabel":
            return [np.concatenate(part) for part in parts]
        return [np.sum(part, axis=0) for part in parts]


class Precision(_ByClass):
    """True positives / positives, for each class.

    Args:
        eval_type: 'classification' (default) or 'multilabel'.
    """

    def eval(self, average: bool = False) -> Any:
        """The precision of each class; average: their mean."""
        hits, said, _ = self._counts()
        found = hits / (said + _TINY)
        return found.mean() if check.flag("average", average) else found


class Recall(_ByClass):
    """True positives / actual positives, for each class.

    Args:
        eval_type: 'classification' (default) or 'multilabel'.
    """

    def eval(self, average: bool = False) -> Any:
        """The recall of each class; average: their mean."""
        hits, _, there = self._counts()
        found = hits / (there + _TINY)
        return found.mean() if check.flag("average", average) else found


class Fbeta(_ByClass):
    """(1 + beta^2) * true positives / (beta^2 * actual positives + positives), for each class.

    Args:
        beta: > 0.
    """

    def __init__(self, beta: float) -> None:
        if not beta > 0:
            raise ValueError(f"beta: expected a number > 0, got {beta}")
        self.beta = beta
        super().__init__()

    def eval(self, average: bool = False) -> Any:
        """The score of each class; average: their mean."""
        hits, said, there = self._counts()
        square = self.beta**2
        found = (1.0 + square) * hits / (square * there + said + _TINY)
        return found.mean() if check.flag("average", average) else found


class F1(Fbeta):
    """2 * true positives / (actual positives + positives), for each class."""

    def __init__(self) -> None:
        super().__init__(1.0)


class TopKCategoricalAccuracy(OfPairs):
    """The share of samples whose class is among the k largest outputs.

    Args:
        k: >= 1.
    """

    def __init__(self, k: int) -> None:
        self.k: int = check.integer("k", k, 1)
        super().__init__()

    def clear(self) -> None:
        """Forget everything."""
        self._correct = self._count = 0

    def _add(self, outputs: Array, labels: Array) -> None:
        first = np.argsort(-outputs, axis=1)[:, : self.k]
        classes = classes_of(outputs, labels).reshape(-1, 1)
        self._correct += int((first == classes).sum())
        self._count += len(classes)

    def eval(self) -> float:
        """The accuracy."""
        self._refuse_none(self._count)
        return self._correct / self._count


class Top1CategoricalAccuracy(TopKCategoricalAccuracy):
    """The share of samples whose class has the largest output."""

    def __init__(self) -> None:
        super().__init__(1)


class Top5CategoricalAccuracy(TopKCategoricalAccuracy):
    """The share of samples whose class is among the five largest outputs."""

    def __init__(self) -> None:
        super().__init__(5)


class ConfusionMatrix(OfPairs):
    """How often a class (row) was taken for another (column).

    Args:
        num_classes: number of classes.
        normalize: 'no_norm' (default), 'target': by rows, 'prediction': by columns, or 'all'.
        threshold: of one output for two classes, default 0.5.
    """

    def __init__(
        self, num_classes: int, normalize: str = "no_norm", threshold: float = 0.5
    ) -> None:
        self.num_classes: int = check.integer("num_classes", num_classes, 1)
        kinds = ("no_norm", "target", "prediction", "all")
        self.normalize: Any = check.choice("normalize", normalize, kinds)
        self.threshold: float = check.real("threshold", threshold)
        super().__init__()

    def clear(self) -> None:
        """Forget everything."""
        self._count = 0
        self.confusion_matrix: Array = np.zeros((self.num_classes, self.num_classes))

    def _add(self, outputs: Array, labels: Array) -> None:
        if outputs.ndim == labels.ndim + 1:
            outputs = outputs.argmax(axis=1)
        elif outputs.dtype.kind == "f":
            outputs = outputs >= self.threshold
        n = self.num_classes
        given, said = (a.reshape(-1).astype(int) for a in (labels, outputs))
        check_range("labels", given, n)
        check_range("outputs", said, n)
        place = given * n + said
        self.confusion_matrix += np.bincount(place, minlength=n * n).reshape(n, n)
        self._count += place.size

    def eval(self) -> Array:
        """The matrix."""
        self._refuse_none(self._count)
        found = self.confusion_matrix
        axis = {"target": 1, "prediction": 0, "all": None}
        if self.normalize == "no_norm":
            return found
        below = found.sum(axis=axis[self.normalize], keepdims=True)
        shares: Array = np.divide(found, below, out=np.zeros_like(found), where=below > 0)
        return shares

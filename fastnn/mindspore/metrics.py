"""MindSpore's metrics: `clear()`, `update(output, label)` for each batch, `eval()`."""

from __future__ import annotations

import functools
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._support import check
from fastnn.tensor import Tensor as Plain

Array = npt.NDArray[Any]
_TINY = sys.float_info.min  # added below, so that 0/0 is 0


def rearrange_inputs(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of `update`: it gets the inputs that `set_indexes` chose, in that order."""

    @functools.wraps(function)
    def rearranged(self: Any, *inputs: Any) -> Any:
        chosen = self.indexes
        return function(self, *(inputs if chosen is None else [inputs[i] for i in chosen]))

    return rearranged


class Metric(ABC):
    """The base of metrics: a subclass defines clear, update and eval."""

    indexes: list[int] | None = None

    def set_indexes(self, indexes: list[int]) -> Metric:
        """Choose the inputs that `update` uses, by position; returns self."""
        self.indexes = list(indexes)
        return self

    @abstractmethod
    def clear(self) -> None:
        """Forget everything."""

    @abstractmethod
    def update(self, *inputs: Any) -> None:
        """Take a batch into account."""

    @abstractmethod
    def eval(self) -> Any:
        """The metric of the batches since `clear`."""

    @staticmethod
    def _convert_data(data: Any) -> Array:
        return np.asarray(data._array if isinstance(data, Plain) else data)


class _OfPairs(Metric):
    """A metric of outputs and labels."""

    def __init__(self) -> None:
        self.clear()

    @rearrange_inputs
    def update(self, *inputs: Any) -> None:
        """Take a batch into account: outputs and labels."""
        if len(inputs) != 2:
            raise ValueError(
                f"update: expected 2 inputs, outputs and labels, got {len(inputs)}; set_indexes "
                "chooses among more"
            )
        self._add(self._convert_data(inputs[0]), self._convert_data(inputs[1]))

    @abstractmethod
    def _add(self, outputs: Array, labels: Array) -> None:
        """Take a batch into account."""

    def _refuse_none(self, count: Any) -> None:
        if count == 0:
            raise RuntimeError(
                f"{type(self).__name__}: expected update() with samples before eval(), got none"
            )


def _classes(outputs: Array, labels: Array) -> Array:
    """Labels as classes, where they are one-hot."""
    if outputs.ndim != labels.ndim:
        return labels
    if not ((labels == 0) | (labels == 1)).all() or not (labels.sum(axis=-1) == 1).all():
        raise ValueError("labels: expected classes, or rows with a single 1")
    return np.asarray(labels.argmax(axis=1))


class Accuracy(_OfPairs):
    """The share of samples whose largest output is that of their class.

    Args:
        eval_type: 'classification' (default), or 'multilabel': all labels of a sample are right.

    >>> import numpy as np
    >>> metric = Accuracy()
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
            right = outputs.argmax(axis=1) == _classes(outputs, labels)
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


class _ByClass(_OfPairs):
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
            classes = _classes(outputs, labels).reshape(-1)
            if classes.max() >= n:
                raise ValueError(f"labels: expected classes in 0..{n - 1}, got {classes.max()}")
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


class Loss(Metric):
    """The mean of the losses of batches."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._sum, self._count = 0.0, 0

    @rearrange_inputs
    def update(self, *inputs: Any) -> None:
        """Take the loss of a batch into account: a number, or one for each sample."""
        if len(inputs) != 1:
            raise ValueError(f"update: expected 1 input, the loss, got {len(inputs)}")
        loss = self._convert_data(inputs[0])
        if loss.ndim > 1:
            raise ValueError(f"update: expected a number or a row of losses, got {loss.shape}")
        self._sum += float(loss.mean())
        self._count += 1

    def eval(self) -> float:
        """The mean loss."""
        if not self._count:
            raise RuntimeError("Loss: expected update() before eval(), got no losses")
        return self._sum / self._count


class _Error(_OfPairs):
    """What MAE and MSE have in common."""

    def clear(self) -> None:
        """Forget everything."""
        self._sum, self._count = 0.0, 0

    def _add(self, outputs: Array, labels: Array) -> None:
        distance = np.abs(labels.reshape(outputs.shape) - outputs)
        self._sum += float(self._of(distance).sum())
        self._count += labels.shape[0]

    @abstractmethod
    def _of(self, distance: Array) -> Array:
        """What is added up."""

    def eval(self) -> float:
        """The error by sample."""
        self._refuse_none(self._count)
        return self._sum / self._count


class MAE(_Error):
    """The sum of |output - label|, divided by the number of samples."""

    def _of(self, distance: Array) -> Array:
        return distance


class MSE(_Error):
    """The sum of (output - label)^2, divided by the number of samples."""

    def _of(self, distance: Array) -> Array:
        return np.square(distance)


class TopKCategoricalAccuracy(_OfPairs):
    """The share of samples whose class is among the k largest outputs.

    Args:
        k: >= 1.
    """

    def __init__(self, k: int) -> None:
        self.k = check.integer("k", k, 1)
        super().__init__()

    def clear(self) -> None:
        """Forget everything."""
        self._correct = self._count = 0

    def _add(self, outputs: Array, labels: Array) -> None:
        first = np.argsort(-outputs, axis=1)[:, : self.k]
        classes = _classes(outputs, labels).reshape(-1, 1)
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


class ConfusionMatrix(_OfPairs):
    """How often a class (row) was taken for another (column).

    Args:
        num_classes: number of classes.
        normalize: 'no_norm' (default), 'target': by rows, 'prediction': by columns, or 'all'.
        threshold: of one output for two classes, default 0.5.
    """

    def __init__(
        self, num_classes: int, normalize: str = "no_norm", threshold: float = 0.5
    ) -> None:
        self.num_classes = check.integer("num_classes", num_classes, 1)
        kinds = ("no_norm", "target", "prediction", "all")
        self.normalize = check.choice("normalize", normalize, kinds)
        self.threshold = check.real("threshold", threshold)
        super().__init__()

    def clear(self) -> None:
        """Forget everything."""
        self._count = 0
        self.confusion_matrix = np.zeros((self.num_classes, self.num_classes))

    def _add(self, outputs: Array, labels: Array) -> None:
        if outputs.ndim == labels.ndim + 1:
            outputs = outputs.argmax(axis=1)
        elif outputs.dtype.kind == "f":
            outputs = outputs >= self.threshold
        n = self.num_classes
        place = labels.reshape(-1).astype(int) * n + outputs.reshape(-1).astype(int)
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
        return np.divide(found, below, out=np.zeros_like(found), where=below > 0)


class Perplexity(_OfPairs):
    """exp of the mean of -log(probability of the label).

    Args:
        ignore_label: a class that does not count.
    """

    def __init__(self, ignore_label: int | None = None) -> None:
        self.ignore_label = ignore_label
        super().__init__()

    def clear(self) -> None:
        """Forget everything."""
        self._sum, self._count = 0.0, 0

    def _add(self, outputs: Array, labels: Array) -> None:
        flat = labels.reshape(-1).astype(int)
        found = outputs.reshape(-1, outputs.shape[-1])[np.arange(flat.size), flat]
        kept = np.ones(flat.size, bool) if self.ignore_label is None else flat != self.ignore_label
        self._sum -= float(np.log(np.maximum(1e-10, found[kept])).sum())
        self._count += int(kept.sum())

    def eval(self) -> float:
        """The perplexity."""
        self._refuse_none(self._count)
        return float(np.exp(self._sum / self._count))


_NAMED: dict[str, Callable[..., Any]] = {
    "accuracy": Accuracy,
    "acc": Accuracy,
    "precision": Precision,
    "recall": Recall,
    "F1": F1,
    "topk": TopKCategoricalAccuracy,
    "top_1_accuracy": Top1CategoricalAccuracy,
    "top_5_accuracy": Top5CategoricalAccuracy,
    "mae": MAE,
    "mse": MSE,
    "loss": Loss,
    "perplexity": Perplexity,
    "confusion_matrix": ConfusionMatrix,
}


def names() -> list[str]:
    """The names that `get_metric_fn` knows."""
    return sorted(_NAMED)


def get_metric_fn(name: str, *args: Any, **kwargs: Any) -> Any:
    """A new metric by its name.

    Raises:
        KeyError: an unknown name.

    >>> type(get_metric_fn("acc")).__name__
    'Accuracy'
    """
    if name not in _NAMED:
        raise KeyError(f"name: expected one of {names()}, got {name!r}")
    return _NAMED[name](*args, **kwargs)


def get_metrics(metrics: Any) -> dict[str, Metric]:
    """Metrics by name, of a dict of them or a set or list of names.

    Raises:
        TypeError: something else.
    """
    if metrics is None:
        return {}
    if isinstance(metrics, Mapping):
        for name, metric in metrics.items():
            if not isinstance(metric, Metric):
                raise TypeError(f"metrics[{name!r}]: expected a Metric, got {check.show(metric)}")
        return dict(metrics)
    if isinstance(metrics, set | list | tuple):
        return {name: get_metric_fn(name) for name in metrics}
    raise TypeError(f"metrics: expected a dict of metrics or a set of names, got {metrics!r}")


__all__ = [
    "Accuracy", "ConfusionMatrix", "F1", "Fbeta", "Loss", "MAE", "MSE", "Metric", "Perplexity",
    "Precision", "Recall", "Top1CategoricalAccuracy", "Top5CategoricalAccuracy",
    "TopKCategoricalAccuracy", "get_metric_fn", "get_metrics", "names", "rearrange_inputs",
]  # fmt: skip

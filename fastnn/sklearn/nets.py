"""NetClassifier and NetRegressor: any Module as an estimator, trained by a Trainer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from fastnn import nn
from fastnn.sklearn.base import keep
from fastnn.sklearn.bases import ClassifierMixin, RegressorMixin
from fastnn.sklearn.modules import (
    loss_of,
    own,
    probabilities,
    takes_classes,
)
from fastnn.sklearn.net_base import BaseNet
from fastnn.sklearn.scores import given

Array = NDArray[Any]


class NetClassifier(ClassifierMixin, BaseNet):
    """A classifier of any Module, which a `Trainer` trains in C.

    Args:
        module: a Module, which is copied; or its class, or a function, called with module__x and,
            where it has parameters of these names, in_features and out_features (the classes). It
            gives logits, one a class. Default: one hidden layer of 100.
        loss: of `nn`, its class, or a function of (output, target). Default CrossEntropyLoss; for
            several labels at once BCEWithLogitsLoss. With a loss of numbers, such as
            BCEWithLogitsLoss, two classes are one column of 0 and 1. What a net of NLLLoss gives
            is taken for log-probabilities, of BCELoss for probabilities.
        optimizer: the name of an optimizer of fastnn.optim ("adam" by default), its class, or a
            function of parameters.
        lr: its learning rate, default 1e-3; None leaves it to the optimizer.
        epochs, batch_size: default 100 and 32.
        shuffle, validation_split, validation_freq, class_weight (by label), metrics, callbacks,
            schedule, monitor, accumulate_steps, clip_norm, clip_value, checkpoint,
            checkpoint_every, resume, verbose: as for `Trainer.fit`; verbose 0 by default.
        lr_schedule: a function of the optimizer that returns a scheduler of
            fastnn.optim.lr_scheduler.
        random_state: of the first values and the shuffles: an int or a RandomState; None (default)
            leaves them to `fastnn.manual_seed`. Dropout always depends on the latter.
        warm_start: let fit go on from the last one, default False.
        settings: module__x, optimizer__x, loss__x: keywords x of theirs, for searches too.

    Attributes:
        module_, loss_, optimizer_, trainer_: what was made, trained.
        history_: {"loss": [...], ...}, one number an epoch, over all calls.
        n_epochs_: how many there were.
        n_features_in_, feature_names_in_: as in scikit-learn.
        classes_: the class labels.

    Raises:
        TypeError, ValueError: by `fit`: bad settings or input.

    >>> from sklearn.datasets import load_iris
    >>> from fastnn import nn
    >>> from fastnn.sklearn import NetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NetClassifier(nn.Linear, lr=0.05, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95, len(model.history_["loss"])
    (True, 100)
    """

    def __init__(
        self,
        module: Any = None,
        *,
        loss: Any = None,
        optimizer: Any = "adam",
        lr: float | None = 1e-3,
        epochs: int = 100,
        batch_size: int = 32,
        shuffle: bool = True,
        validation_split: float = 0.0,
        validation_freq: int = 1,
        class_weight: Any = None,
        metrics: Any = (),
        callbacks: Any = None,
        lr_schedule: Any = None,
        schedule: str = "epoch",
        monitor: str | None = None,
        accumulate_steps: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        checkpoint: Any = None,
        checkpoint_every: str | float = "epoch",
        resume: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        **settings: Any,
    ) -> None:
        keep(self, {**locals(), **settings})

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train the module from new first values, with warm_start from those of the last fit.

        Args:
            X: (rows, features), converted to the module's type.
            y: (rows,) labels; for several labels at once (rows, labels) of 0 and 1.
            sample_weight: (rows,), at least 0, see `Trainer.fit`.
            X_val, y_val, sample_weight_val: rows to evaluate after every epoch, in place of
                validation_split.

        Returns:
            The estimator.

        Raises:
            TypeError, ValueError: bad settings or input.
            FloatingPointError: the loss became nan or infinite.
        """
        self._fit(X, y, sample_weight, False, given(X_val, y_val, sample_weight_val))
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train one epoch more.

        Args:
            X, y, sample_weight: as for `fit`.
            classes: all labels that there will be; needed in the first call.
        """
        if _check_partial_fit_first_call(self, classes):
            many = type_of_target(y).startswith("multilabel")
            self._labels = LabelBinarizer().fit(y if many else classes)
        self._fit(X, y, sample_weight, True)
        return self

    def _fit(self, X: Any, y: Any, weight: Any, incremental: bool, validation: Any = None) -> None:
        goes_on = self._goes_on(incremental)
        X, y = self._rows(X, y, first=not goes_on)
        if not incremental and not goes_on:
            self._labels = LabelBinarizer().fit(y)
            self.classes_: Any = self._labels.classes_
        if not goes_on:
            default = nn.BCEWithLogitsLoss if self._many() else nn.CrossEntropyLoss
            self.loss_: Any = loss_of(self.loss, own(self._settings(), "loss"), default)
            one = len(self.classes_) == 2 and not self._many() and not takes_classes(self.loss_)
            self._begin(1 if one else max(2, len(self.classes_)))
        self._train(X, self._targets(y), weight, validation, incremental)

    def _many(self) -> bool:
        """Whether there are several labels at once."""
        return str(self._labels.y_type_).startswith("multilabel")

    def _targets(self, y: Array) -> Array:
        new = np.setdiff1d(unique_labels(y), self.classes_)
        if len(new):
            raise ValueError(f"y: expected labels of {self.classes_}, got {new} too")
        if self._many():
            return np.asarray(self._labels.transform(y), np.float32)
        found = np.searchsorted(self.classes_, y)
        if takes_classes(self.loss_):
            return found
        if len(self.classes_) == 2:
            return found.astype(np.float32).reshape(-1, 1)
        return np.eye(len(self.classes_), dtype=np.float32)[found]

    def _class_weights(self) -> Any:
        given = self.class_weight
        if not isinstance(given, dict):
            return given
        new = [label for label in given if label not in self.classes_]
        if new:
            raise ValueError(f"class_weight: expected labels of {self.classes_}, got {new} too")
        return {int(np.searchsorted(self.classes_, k)): w for k, w in given.items()}

    # ---- predictions ----

    def predict(self, X: Any) -> Array:
        """The most probable class of each row; of several labels at once, 0 or 1 for each."""
        found = self.predict_proba(X)
        if self._many():
            return (found > 0.5).astype(int)
        return np.asarray(self.classes_[found.argmax(1)])

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (rows, classes), in the order of `classes_`."""
        z, many = self._outputs(X), self._many()
        found = probabilities(self.loss_, z, many)
        if many:
            return found
        if found.shape[1] == 1:
            found = np.hstack([1 - found, found])
        return found[:, :1] / found[:, :1] if len(self.classes_) == 1 else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NetRegressor(RegressorMixin, BaseNet):
    """A regressor of any Module, which a `Trainer` trains in C.

    Args:
        module: a Module, which is copied; or its class, or a function, called with module__x and,
            where it has parameters of these names, in_features and out_features. Default: one
            hidden layer of 100.
        loss: of `nn`, its class, or a function of (output, target); default MSELoss.
        optimizer: the name of an optimizer of fastnn.optim ("adam" by default), its class, or a
            function of parameters.
        lr: its learning rate, default 1e-3; None leaves it to the optimizer.
        epochs, batch_size: default 100 and 32.
        shuffle, validation_split, validation_freq, metrics, callbacks, schedule, monitor,
            accumulate_steps, clip_norm, clip_value, checkpoint, checkpoint_every, resume, verbose:
            as for `Trainer.fit`; verbose 0 by default.
        lr_schedule: a function of the optimizer that returns a scheduler of
            fastnn.optim.lr_scheduler.
        random_state: of the first values and the shuffles: an int or a RandomState; None (default)
            leaves them to `fastnn.manual_seed`. Dropout always depends on the latter.
        warm_start: let fit go on from the last one, default False.
        settings: module__x, optimizer__x, loss__x: keywords x of theirs, for searches too.

    Attributes:
        module_, loss_, optimizer_, trainer_: what was made, trained.
        history_: {"loss": [...], ...}, one number an epoch, over all calls.
        n_epochs_: how many there were.
        n_features_in_, feature_names_in_: as in scikit-learn.

    Raises:
        TypeError, ValueError: by `fit`: bad settings or input.

    >>> import numpy as np
    >>> from fastnn import nn
    >>> from fastnn.sklearn import NetRegressor
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> model = NetRegressor(nn.Linear, loss=nn.SmoothL1Loss, lr=0.05, random_state=0)
    >>> model.fit(X, 3 * X[:, 0] + 1).predict([[0.5]]).round(2)
    array([2.5], dtype=float32)
    """

    def __init__(
        self,
        module: Any = None,
        *,
        loss: Any = None,
        optimizer: Any = "adam",
        lr: float | None = 1e-3,
        epochs: int = 100,
        batch_size: int = 32,
        shuffle: bool = True,
        validation_split: float = 0.0,
        validation_freq: int = 1,
        metrics: Any = (),
        callbacks: Any = None,
        lr_schedule: Any = None,
        schedule: str = "epoch",
        monitor: str | None = None,
        accumulate_steps: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        checkpoint: Any = None,
        checkpoint_every: str | float = "epoch",
        resume: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        **settings: Any,
    ) -> None:
        keep(self, {**locals(), **settings})

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train the module from new first values, with warm_start from those of the last fit.

        Args:
            X: (rows, features), converted to the module's type.
            y: (rows,) numbers, or (rows, outputs).
            sample_weight: (rows,), at least 0, see `Trainer.fit`.
            X_val, y_val, sample_weight_val: rows to evaluate after every epoch, in place of
                validation_split.

        Returns:
            The estimator.

        Raises:
            TypeError, ValueError: bad settings or input.
            FloatingPointError: the loss became nan or infinite.
        """
        self._fit(X, y, sample_weight, False, given(X_val, y_val, sample_weight_val))
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch more; X, y and sample_weight as for `fit`."""
        self._fit(X, y, sample_weight, True)
        return self

    def _fit(self, X: Any, y: Any, weight: Any, incremental: bool, validation: Any = None) -> None:
        goes_on = self._goes_on(incremental)
        X, y = self._rows(X, y, first=not goes_on, y_numeric=True)
        if not goes_on:
            self.loss_: Any = loss_of(self.loss, own(self._settings(), "loss"), nn.MSELoss)
            self._begin(1 if y.ndim == 1 else y.shape[1])
        self._train(X, self._targets(y), weight, validation, incremental)

    def _targets(self, y: Array) -> Array:
        """As columns: a loss would not know whether (rows,) is one output."""
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def predict(self, X: Any) -> Array:
        """What the module gives: (rows,), or (rows, outputs) for several."""
        z = self._outputs(X)
        return z.reshape(-1) if z.shape[1] == 1 else z

"""MLPClassifier: scikit-learn's, trained in C."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from fastnn.sklearn.base import BaseMLP, given, has_epochs, keep, outputs_of
from fastnn.sklearn.fitting import Rows
from fastnn.sklearn.net import Bound
from fastnn.sklearn.scores import accuracy
from fastnn.sklearn.settings import CONSTRAINTS

Array = NDArray[Any]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """Classifier: an MLP trained on the log-loss."""

    _parameter_constraints = {
        **CONSTRAINTS,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        class_weight: Any = None,
        dropout: Any = 0.0,
        batch_norm: bool = False,
        optimizer: Any = None,
        lr_schedule: Any = None,
        callbacks: Any = None,
        time_limit: float | None = None,
        n_threads: int | None = None,
    ) -> None:
        keep(self, locals())

    # ---- fitting ----

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPClassifier:
        """Fit."""
        self._fit(X, y, sample_weight, validation=given(X_val, y_val, sample_weight_val))
        return self

    @available_if(has_epochs)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> MLPClassifier:
        """One epoch."""
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            many = type_of_target(y).startswith("multilabel")
            self._label_binarizer.fit(y if many else classes)
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(y)
        return X, self._label_binarizer.transform(y).astype(bool)

    def _check_classes(self, y: Array) -> None:
        """Check that the classes are those of the first fit."""
        found = unique_labels(y)
        if self.warm_start:
            if set(found) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the "
                    f"previous call to fit. Previously got {self.classes_}, `y` has {found}"
                )
        elif len(np.setdiff1d(found, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {found}."
            )

    def _out_activation(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _encode(self, y: Array, dtype: np.dtype[Any]) -> Array:
        if self.out_activation_ == "softmax":
            return np.asarray(y.argmax(1))
        return y.astype(dtype)

    def _encode_own(self, y: Any, X: Any) -> Array:
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y_val")
        y = column_or_1d(y) if y.ndim == 2 and y.shape[1] == 1 else y
        new = np.setdiff1d(unique_labels(y), self.classes_)
        if len(y) != X.shape[0] or len(new):
            raise ValueError(
                f"y_val: expected {X.shape[0]} labels of {self.classes_}, got {len(y)}"
                + (f", among them {new}" if len(new) else "")
            )
        return np.asarray(self._label_binarizer.transform(y), bool)

    def _stratify(self, y: Array) -> Array | None:
        return y if self.n_outputs_ == 1 else None

    def _score_of(self, bound: Bound, rows: Rows) -> float:
        z = outputs_of(bound.net, rows.x, bound.net.dtype)
        return accuracy(z, rows.y, rows.weight)

    # ---- predictions ----

    def predict(self, X: Any) -> Array:
        """Classes."""
        check_is_fitted(self)
        found, classes = self._outputs(X), self.classes_
        if self.out_activation_ == "softmax":
            return np.asarray(classes[found.argmax(1)])
        if self.n_outputs_ == 1 and len(classes) == 2:
            return np.asarray(classes[(found[:, 0] > 0.5).astype(int)])
        found = found.ravel() if self.n_outputs_ == 1 else found
        labels: Array = self._label_binarizer.inverse_transform(found)
        return labels

    def predict_proba(self, X: Any) -> Array:
        """Probabilities."""
        check_is_fitted(self)
        found = self._outputs(X)
        return np.hstack([1 - found, found]) if self.n_outputs_ == 1 else found

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms of the probabilities."""
        found = self.predict_proba(X)
        return np.log(found, out=found)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

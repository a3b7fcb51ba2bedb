"""MLPClassifier: scikit-learn's, trained in C."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from fastnn._support import maps
from fastnn.sklearn.base import BaseMLP, has_epochs, keep, outputs_of
from fastnn.sklearn.bases import ClassifierMixin
from fastnn.sklearn.fitting import Rows
from fastnn.sklearn.net import Bound
from fastnn.sklearn.scores import accuracy, given
from fastnn.sklearn.settings import CONSTRAINTS

Array = NDArray[Any]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """An MLP classifier: scikit-learn's, whose epochs run in C.

    It minimises (sum_i s_i l_i + alpha / 2 * sum |W|^2) / sum_i s_i over the rows i of each batch,
    l_i = -log p_i[y_i], where p_i is the softmax of the outputs; for two classes, or several labels
    at once, their sigmoid. Biases are not in the penalty. float32 rows are trained in float32.

    From the same `random_state` weights, batches and losses are scikit-learn's to rounding. What is
    not in scikit-learn begins with class_weight, and does nothing by default.

    Args:
        hidden_layer_sizes: the widths of the hidden layers, default (100,).
        activation: of the hidden layers: "relu" (default), "identity", "logistic" or "tanh"; a
            Module class or factory such as nn.GELU; or a list with one for each layer.
        solver: "adam" (default), "sgd" with momentum, or "lbfgs" on all rows at once.
        alpha: the factor of the penalty, default 1e-4.
        batch_size: rows of a step; "auto" (default): 200, or all if there are fewer.
        learning_rate: of sgd: "constant" (default); "invscaling", learning_rate_init / (rows
            seen + 1)**power_t after each epoch; "adaptive", divided by 5 where an epoch stops for
            lack of progress, until it is below 1e-6.
        learning_rate_init: default 1e-3.
        power_t: default 0.5.
        max_iter: epochs; of lbfgs iterations. Default 200.
        shuffle: a new order of the rows for every epoch, default True.
        random_state: None, an int or a RandomState: for the first weights, the split and the
            orders, drawn as scikit-learn draws them, and for dropout.
        tol, n_iter_no_change: stop after more than n_iter_no_change (default 10) epochs in a row
            without a gain of tol (default 1e-4) in the training loss, or, with early_stopping, in
            the validation score.
        verbose: print the loss of every epoch, default False.
        warm_start: let fit go on from the weights of the last one, default False.
        momentum, nesterovs_momentum: of sgd, default 0.9 and True.
        early_stopping: hold out validation_fraction (default 0.1) of the rows, watch the score on
            them, and restore the best weights at the end. Default False.
        beta_1, beta_2, epsilon: of adam, default 0.9, 0.999 and 1e-8, the latter added before the
            bias correction.
        max_fun: at most so many calls of the function in lbfgs, default 15000.
        class_weight: {class: factor} of the sample weights, or "balanced": rows / (classes * rows
            of the class); default None.
        dropout: the rate after each hidden layer, in [0, 1), or a list of them; default 0.
        batch_norm: a BatchNorm1d after each hidden Linear, from the first fit on; default False.
        optimizer: in place of adam or sgd: the name of an optimizer of fastnn.optim ("adamw",
            "lion" ...), its class, or a function of parameters; it gets learning_rate_init where
            it leaves lr open. The penalty stays: alpha=0 turns it off.
        lr_schedule: a function of the optimizer that returns a scheduler of
            fastnn.optim.lr_scheduler, which steps after every epoch.
        callbacks: a list of fastnn.callbacks, or functions of (epoch, logs) that end the training
            by returning True.
        time_limit: seconds after which fit ends, within an epoch if need be; default None.
        n_threads: at most so many threads in fit; default None, as many as the process may use.
            The numbers do not depend on it.
        precision: "float32" (default): that of X; "bf16": products of the training round to
            bfloat16, for X of float32.

    Attributes:
        classes_: the class labels.
        coefs_, intercepts_: weights (in, out) and biases of each layer. The net computes with
            this memory: what is written there counts.
        loss_, loss_curve_: the loss of the last epoch, and of each.
        best_loss_: the least loss; None with early_stopping.
        validation_scores_, best_validation_score_: the accuracy on the validation rows after each
            epoch, and the best; None without validation.
        n_iter_, t_: epochs of the last fit, and rows that the solver has seen.
        n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_: as in
            scikit-learn.
        norms_: what batch normalization keeps for each layer; None without.

    Source: scikit-learn 1.7 and later, `sklearn.neural_network.MLPClassifier`.

    >>> from sklearn.datasets import load_iris
    >>> from fastnn.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(max_iter=400, learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> model.predict(X[::50]), model.score(X, y) > 0.97
    (array([0, 1, 2]), True)
    """

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
        precision: str = "float32",
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
        """Fit the net to these rows.

        Args:
            X: (rows, features): array, DataFrame, or sparse matrix.
            y: (rows,) labels of any type; for several labels at once (rows, labels) of 0 and 1.
            sample_weight: (rows,) s_i; default: 1 each.
            X_val, y_val, sample_weight_val: rows to score after every epoch; with early_stopping
                they take the place of a split.

        Returns:
            The estimator.

        Raises:
            ValueError, TypeError: bad input or settings; weights that became nan or infinite.
        """
        self._fit(X, y, sample_weight, validation=given(X_val, y_val, sample_weight_val))
        return self

    @available_if(has_epochs)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> MLPClassifier:
        """Train one epoch on these rows, from the present weights and moments.

        Args:
            X, y, sample_weight: as for `fit`.
            classes: all labels that there will be; needed in the first call.

        Returns:
            The estimator.

        Raises:
            ValueError: early_stopping, which a single epoch cannot have; as `fit`.
        """
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            many = type_of_target(y).startswith("multilabel")
            self._label_binarizer.fit(y if many else classes)
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        maps.refuse_closed(X, "X")
        maps.refuse_closed(y, "y")
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
            self.classes_: Any = self._label_binarizer.classes_
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

    def _class_weights(self, labels: Array) -> Array:
        given = self.class_weight
        if not isinstance(given, dict) or self._label_binarizer.y_type_.startswith("multilabel"):
            return np.asarray(compute_sample_weight(given, labels))
        unknown = [label for label in given if label not in self.classes_]
        if unknown:
            raise ValueError(f"class_weight: expected labels of {self.classes_}, got {unknown}")
        return np.array([float(given.get(label, 1.0)) for label in labels.ravel().tolist()])

    def _stratify(self, y: Array) -> Array | None:
        return y if self.n_outputs_ == 1 else None

    def _score_of(self, bound: Bound, rows: Rows) -> float:
        z = outputs_of(bound.net, rows.x, bound.net.dtype)
        return accuracy(z, rows.y, rows.weight)

    # ---- predictions ----

    def predict(self, X: Any) -> Array:
        """The most probable class of each row; of several labels at once, 0 or 1 for each."""
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
        """The probability of each class, (rows, classes), in the order of `classes_`."""
        check_is_fitted(self)
        found = self._outputs(X)
        return np.hstack([1 - found, found]) if self.n_outputs_ == 1 else found

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        found = self.predict_proba(X)
        return np.log(found, out=found)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

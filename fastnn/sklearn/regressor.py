"""MLPRegressor: scikit-learn's, trained in C."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from fastnn._support import maps
from fastnn.sklearn.base import BaseMLP, has_epochs, keep, outputs_of
from fastnn.sklearn.bases import RegressorMixin
from fastnn.sklearn.fitting import Rows
from fastnn.sklearn.net import Bound
from fastnn.sklearn.scores import given, r2
from fastnn.sklearn.settings import CONSTRAINTS

Array = NDArray[Any]


class MLPRegressor(RegressorMixin, BaseMLP):
    """An MLP regressor: scikit-learn's, whose epochs run in C.

    It minimises (sum_i s_i l_i + alpha / 2 * sum |W|^2) / sum_i s_i over the rows i of each batch;
    l_i is half the squared error, summed over outputs, or half the Poisson deviance
    y log(y / f) - y + f of f = exp(z). Biases are not in the penalty. float32 rows are trained in
    float32.

    From the same `random_state` weights, batches and losses are scikit-learn's to rounding. What is
    not in scikit-learn begins with dropout, and does nothing by default.

    Args:
        loss: "squared_error" (default) or "poisson", for y >= 0.
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
        coefs_, intercepts_: weights (in, out) and biases of each layer. The net computes with
            this memory: what is written there counts.
        loss_, loss_curve_: the loss of the last epoch, and of each.
        best_loss_: the least loss; None with early_stopping.
        validation_scores_, best_validation_score_: R2 on the validation rows after each
            epoch, and the best; None without validation.
        n_iter_, t_: epochs of the last fit, and rows that the solver has seen.
        n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_: as in
            scikit-learn.
        norms_: what batch normalization keeps for each layer; None without.

    Source: scikit-learn 1.7 and later, `sklearn.neural_network.MLPRegressor`.

    >>> import numpy as np
    >>> from fastnn.sklearn import MLPRegressor
    >>> X = np.linspace(-2, 2, 200).reshape(-1, 1)
    >>> model = MLPRegressor(hidden_layer_sizes=(30,), activation="tanh", solver="lbfgs",
    ...                      max_iter=500, random_state=0).fit(X, np.sin(2 * X[:, 0]))
    >>> bool(abs(model.predict([[0.5]])[0] - np.sin(1.0)) < 0.02)
    True
    """

    _parameter_constraints = {
        **CONSTRAINTS,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }

    def __init__(
        self,
        loss: str = "squared_error",
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
    ) -> MLPRegressor:
        """Fit the net to these rows.

        Args:
            X: (rows, features): array, DataFrame, or sparse matrix.
            y: (rows,) numbers, or (rows, outputs).
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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train one epoch on these rows, from the present weights and moments.

        Args:
            X, y, sample_weight: as for `fit`.

        Returns:
            The estimator.

        Raises:
            ValueError: early_stopping, which a single epoch cannot have; as `fit`.
        """
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
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _out_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _encode(self, y: Array, dtype: np.dtype[Any]) -> Array:
        return np.ascontiguousarray(y, dtype)

    def _encode_own(self, y: Any, X: Any) -> Array:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y_val")
        outputs = y.shape[1] if y.ndim == 2 else 1
        if len(y) != X.shape[0] or outputs != self.n_outputs_:
            raise ValueError(
                f"y_val: expected {X.shape[0]} rows of {self.n_outputs_} numbers, got shape "
                f"{y.shape}"
            )
        return np.asarray(y)

    def _score_of(self, bound: Bound, rows: Rows) -> float:
        return r2(outputs_of(bound.whole, rows.x, bound.net.dtype), rows.y, rows.weight)

    # ---- predictions ----

    def predict(self, X: Any) -> Array:
        """The predicted numbers, (rows,), or (rows, outputs) for several."""
        check_is_fitted(self)
        found: Array = self._outputs(X)
        return found.reshape(-1) if found.shape[1] == 1 else found

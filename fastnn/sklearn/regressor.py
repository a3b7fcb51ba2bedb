"""MLPRegressor: scikit-learn's, trained in C."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from fastnn.sklearn.base import BaseMLP, given, has_epochs, keep, outputs_of
from fastnn.sklearn.fitting import Rows
from fastnn.sklearn.net import Bound
from fastnn.sklearn.scores import r2
from fastnn.sklearn.settings import CONSTRAINTS

Array = NDArray[Any]


class MLPRegressor(RegressorMixin, BaseMLP):
    """Regressor: an MLP trained on the squared error or the Poisson deviance."""

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
        """Fit."""
        self._fit(X, y, sample_weight, validation=given(X_val, y_val, sample_weight_val))
        return self

    @available_if(has_epochs)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """One epoch."""
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
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
        return y

    def _score_of(self, bound: Bound, rows: Rows) -> float:
        return r2(outputs_of(bound.whole, rows.x, bound.net.dtype), rows.y, rows.weight)

    # ---- predictions ----

    def predict(self, X: Any) -> Array:
        """Predictions."""
        check_is_fitted(self)
        found = self._outputs(X)
        return np.asarray(found.ravel() if found.shape[1] == 1 else found)

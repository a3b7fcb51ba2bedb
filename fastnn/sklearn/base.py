"""What MLPClassifier and MLPRegressor share: parameters, fitting, the outputs of the net."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import _check_sample_weight, validate_data

from fastnn._support.threads import num_threads
from fastnn.sklearn.epochs import Steps
from fastnn.sklearn.fitting import Fitting, Rows
from fastnn.sklearn.lbfgs import Function, minimise
from fastnn.sklearn.net import ACTIVATIONS, Activation, Bound, Net
from fastnn.sklearn.objective import Objective
from fastnn.sklearn.solver import Solver
from fastnn.train.predict import predict

Array = NDArray[Any]

BLOCK_BYTES = 1 << 26  # of a sparse matrix that are made dense at a time, to predict

# The net of each estimator, beside it: what is in its `__dict__` is arrays, as in scikit-learn.
_nets: weakref.WeakKeyDictionary[BaseEstimator, Bound] = weakref.WeakKeyDictionary()
_steps: weakref.WeakKeyDictionary[BaseEstimator, tuple[Any, Steps]] = weakref.WeakKeyDictionary()

_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")
_FRACTION = Interval(Real, 0, 1, closed="left")

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _COUNT],
    "activation": [StrOptions(set(ACTIVATIONS)), list, tuple, callable],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [_NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), _COUNT],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [_POSITIVE],
    "power_t": [_NOT_NEGATIVE],
    "max_iter": [_COUNT],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_FRACTION],
    "beta_1": [_FRACTION],
    "beta_2": [_FRACTION],
    "epsilon": [_POSITIVE],
    "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
    "max_fun": [_COUNT],
    "dropout": [_FRACTION, list, tuple],
    "batch_norm": ["boolean"],
    "optimizer": [str, callable, None],
    "lr_schedule": [callable, None],
    "callbacks": [list, tuple, None],
    "time_limit": [_POSITIVE, None],
    "n_threads": [_COUNT, None],
}


class BaseMLP(BaseEstimator):
    """Base of both estimators. What differs: targets, scores, and what predictions look like."""

    _parameter_constraints: dict[str, list[Any]] = CONSTRAINTS
    loss = "log_loss"
    class_weight: Any = None

    # ---- what each defines ----

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        raise NotImplementedError

    def _out_activation(self) -> str:
        raise NotImplementedError

    def _encode(self, y: Array, dtype: np.dtype[Any]) -> Array:
        """Targets as the objective takes them."""
        raise NotImplementedError

    def _encode_own(self, y: Any, X: Any) -> Array:
        """Targets of a validation set of the user's, as `_validate_input` leaves them."""
        raise NotImplementedError

    def _score_of(self, bound: Bound, rows: Rows) -> float:
        raise NotImplementedError

    def _stratify(self, y: Array) -> Array | None:
        return None

    # ---- fitting ----

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        incremental: bool = False,
        validation: tuple[Any, Any, Any] | None = None,
    ) -> None:
        self._validate_params()
        hidden = self._hidden()
        self._check_together(hidden, validation)
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        labels = y
        X, y = self._validate_input(X, y, incremental, reset=first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        if self.class_weight is not None:
            own = compute_sample_weight(self.class_weight, np.asarray(labels)).astype(X.dtype)
            sample_weight = own if sample_weight is None else sample_weight * own
        y = y.reshape(-1, 1) if y.ndim == 1 else y
        self.n_outputs_ = y.shape[1]
        self._random_state = check_random_state(self.random_state)
        units = [X.shape[1], *hidden, self.n_outputs_]
        if first:
            self._initialize(units, X.dtype, validation is not None)
        if self.solver == "lbfgs":
            self._fit_lbfgs(X, y, sample_weight)
        else:
            self._fit_stochastic(X, y, sample_weight, incremental, validation)
        if not all(np.isfinite(a).all() for a in [*self.coefs_, *self.intercepts_]):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )

    def _hidden(self) -> list[int]:
        given = self.hidden_layer_sizes
        sizes = list(given) if hasattr(given, "__iter__") else [given]
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _check_together(self, hidden: list[int], validation: Any) -> None:
        """Check settings that depend on each other."""
        self._activations(len(hidden)), self._rates(len(hidden))
        if self.lr_schedule is not None and self.solver == "sgd":
            if self.learning_rate != "constant":
                raise ValueError(
                    "lr_schedule: expected None with learning_rate="
                    f"{self.learning_rate!r}, which sets the rate itself; use 'constant'"
                )
        if self.solver == "lbfgs":
            asked = {
                "dropout": any(self._rates(len(hidden))),
                "batch_norm": self.batch_norm,
                "optimizer": self.optimizer is not None,
                "lr_schedule": self.lr_schedule is not None,
                "callbacks": bool(self.callbacks),
                "X_val": validation is not None,
            }
            for name in (name for name, is_set in asked.items() if is_set):
                raise ValueError(f"{name}: is for solver 'adam' or 'sgd', got solver='lbfgs'")

    def _activations(self, layers: int) -> list[Activation]:
        given = self.activation
        if not isinstance(given, list | tuple):
            return [given] * layers
        for one in given:
            if not (isinstance(one, str) and one in ACTIVATIONS) and (
                isinstance(one, str) or not callable(one)
            ):
                raise ValueError(
                    f"activation: expected {list(ACTIVATIONS)} or classes such as nn.GELU in the "
                    f"list, got {one!r}"
                )
        if len(given) != layers:
            raise ValueError(
                f"activation: expected one for each of {layers} hidden layers, got {len(given)}"
            )
        return list(given)

    def _rates(self, layers: int) -> list[float]:
        given = self.dropout
        rates = list(given) if isinstance(given, list | tuple) else [given] * layers
        if len(rates) != layers or not all(0 <= rate < 1 for rate in rates):
            raise ValueError(
                f"dropout: expected a rate in [0, 1) for each of {layers} hidden layers, got "
                f"{given!r}"
            )
        return [float(rate) for rate in rates]

    def _initialize(self, units: Sequence[int], dtype: np.dtype[Any], validates: bool) -> None:
        """First weights and biases, U(-b, b) with b = sqrt(6 / (in + out)), drawn layer by layer
        as scikit-learn does; with a logistic layer sqrt(2 / (in + out))."""
        self.n_iter_, self.t_, self.n_layers_ = 0, 0, len(units)
        self.out_activation_ = self._out_activation()
        self.coefs_, self.intercepts_ = [], []
        activations = self._activations(len(units) - 2)
        activations.append(activations[-1] if activations else self.activation)  # of the output
        for n_in, n_out, activation in zip(units[:-1], units[1:], activations, strict=True):
            bound = np.sqrt((2.0 if activation == "logistic" else 6.0) / (n_in + n_out))
            draw = self._random_state.uniform
            self.coefs_.append(draw(-bound, bound, (n_in, n_out)).astype(dtype))
            self.intercepts_.append(draw(-bound, bound, n_out).astype(dtype))
        self.norms_: list[dict[str, Array]] | None = None
        if self.batch_norm:
            self.norms_ = [{} for _ in units[1:-1]]
        if self.solver == "lbfgs":
            return
        self.loss_curve_: list[float] = []
        self._no_improvement_count = 0
        watches = self.early_stopping or validates
        self.best_loss_ = None if self.early_stopping else np.inf
        self.validation_scores_: list[float] | None = [] if watches else None
        self.best_validation_score_ = -np.inf if watches else None
        self._best: list[Array] | None = None
        self._dropout_key: Array | None = None

    def _fit_lbfgs(self, X: Any, y: Array, weight: Array | None) -> None:
        real = np.dtype(np.float64)  # a line search needs it
        coefs = [np.array(a, real) for a in self.coefs_]
        net = Net(coefs, self.intercepts_, self._activations(len(coefs) - 1))
        rows = self._rows(X, y, weight, real)
        weights = [linear.weight for linear in net.linears]
        objective = Objective(self.out_activation_, weights, float(self.alpha))
        dense = np.ascontiguousarray(_dense(rows.x), real)
        function = Function(net, objective, rows._replace(x=dense).arrays(), self._team())
        minimise(function, self)
        self.coefs_ = [a.astype(X.dtype) for a in net.coefs()]
        self.intercepts_ = [a.astype(X.dtype) for a in net.intercepts()]
        self._bound()

    def _fit_stochastic(
        self,
        X: Any,
        y: Array,
        weight: Array | None,
        incremental: bool,
        validation: tuple[Any, Any, Any] | None,
    ) -> None:
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = Solver(self)
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        rates = self._rates(len(self.coefs_) - 1)
        if any(rates) and getattr(self, "_dropout_key", None) is None:
            seed = self._random_state.randint(np.iinfo(np.int32).max)
            self._dropout_key = np.array([seed, 0], np.int64)
        bound = self._bound()
        real, held_out = bound.net.dtype, None
        if validation is not None:
            held_out = self._own_validation(*validation, real)
        elif self.early_stopping:
            X, y, weight, held_out = self._split(X, y, weight, real)
        rows = self._rows(X, y, weight, real)
        steps = self._trained(bound)
        fitting = Fitting(self, bound, self._optimizer, steps, rows, held_out, self.max_iter)
        fitting.run(incremental)
        if self.early_stopping and self._best is not None:
            for array, best in zip(bound.values(), self._best, strict=True):
                np.copyto(array, best)

    def _rows(self, X: Any, y: Array, weight: Array | None, real: np.dtype[Any]) -> Rows:
        x = X.tocsr().astype(real) if _is_sparse(X) else np.ascontiguousarray(X, real)
        weight = None if weight is None else np.ascontiguousarray(weight, real)
        return Rows(x, self._encode(y, real), weight)

    def _split(
        self, X: Any, y: Array, weight: Array | None, real: np.dtype[Any]
    ) -> tuple[Any, Array, Array | None, Rows]:
        """Rows to train on, and those held out, as scikit-learn draws them."""
        arrays = (X, y) if weight is None else (X, y, weight)
        parts = train_test_split(
            *arrays,
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=self._stratify(y),
        )
        if parts[1].shape[0] < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        trained, held = [*parts[::2], None][:3], [*parts[1::2], None][:3]
        return (*trained, self._rows(*held, real))  # type: ignore[return-value]

    def _own_validation(self, X: Any, y: Any, weight: Any, real: np.dtype[Any]) -> Rows:
        X = validate_data(
            self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False
        )
        y = self._encode_own(y, X)
        y = y.reshape(-1, 1) if y.ndim == 1 else y
        if weight is not None:
            weight = _check_sample_weight(weight, X)
        return self._rows(X, y, weight, real)

    def _team(self) -> int | None:
        """The size of the team where the user says; None leaves it to the engine."""
        asked = self.n_threads
        return None if asked is None or asked >= num_threads() else int(asked)

    # ---- the net ----

    def _bound(self) -> Bound:
        """The net that computes with `coefs_` and `intercepts_`, made anew if they are others."""
        sources = [*self.coefs_, *self.intercepts_]
        layers = len(self.coefs_) - 1
        structure = (
            *self._activations(layers),
            *self._rates(layers),
            self.batch_norm,
            self.out_activation_,
        )
        bound = _nets.get(self)
        if bound is not None and bound.suits(sources, structure):
            return bound
        kinds = {np.dtype(np.float32), np.dtype(np.float64)}
        real = np.result_type(*self.coefs_)
        real = real if real in kinds else np.dtype(np.float64)
        net = Net(
            [np.asarray(a, real) for a in self.coefs_],
            self.intercepts_,
            self._activations(layers),
            getattr(self, "norms_", None),
            self._rates(layers),
            getattr(self, "_dropout_key", None),
        )
        bound = Bound(net, self.out_activation_, structure, sources)
        if bound.shares_memory():
            _nets[self] = bound
        return bound

    def _trained(self, bound: Bound) -> Steps:
        """The training steps of the net, on whose memory the estimator's arrays then are."""
        net = bound.net
        optimizer = self._optimizer.bind(self, list(net.parameters()))
        optimizer.pack()
        self.coefs_, self.intercepts_ = net.coefs(), net.intercepts()
        self.norms_ = net.norms() if self.batch_norm else None
        bound.sources = [*self.coefs_, *self.intercepts_]
        _nets[self] = bound
        key = bound, optimizer, float(self.alpha)
        known = _steps.get(self)
        if known is not None and known[0] == key:
            return known[1]
        weights = [linear.weight for linear in net.linears]
        objective = Objective(self.out_activation_, weights, float(self.alpha))
        steps = Steps(net, optimizer, objective)
        _steps[self] = key, steps
        return steps

    def _outputs(self, X: Any, check_input: bool = True) -> Array:
        """What the net gives for these rows, its output's activation included."""
        if check_input:
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        bound = self._bound()
        out = outputs_of(bound.whole, X, bound.net.dtype)
        return out.astype(np.result_type(X.dtype, out.dtype), copy=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def outputs_of(model: Any, X: Any, real: np.dtype[Any]) -> Array:
    """The model's outputs for dense or sparse rows."""
    if not _is_sparse(X):
        return predict(model, X)
    rows, X = X.shape[0], X.tocsr()
    block = max(1, BLOCK_BYTES // max(1, X.shape[1] * real.itemsize))
    parts = [
        predict(model, _dense(X[begin : begin + block]).astype(real, copy=False))
        for begin in range(0, rows, block)
    ]
    return np.concatenate(parts)


def _is_sparse(X: Any) -> bool:
    return not isinstance(X, np.ndarray)


def _dense(X: Any) -> Array:
    return X.toarray() if _is_sparse(X) else X

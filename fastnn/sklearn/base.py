"""What MLPClassifier and MLPRegressor share: parameters, fitting, the outputs of the net."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, validate_data

from fastnn._support import maps
from fastnn.optim.block_optimizer import BlockOptimizer
from fastnn.sklearn.bases import BaseEstimator
from fastnn.sklearn.epochs import Steps
from fastnn.sklearn.fitting import Fitting, Rows
from fastnn.sklearn.kits import Kit, key_of, kits
from fastnn.sklearn.lbfgs import Function, minimise
from fastnn.sklearn.net import Bound, Net
from fastnn.sklearn.objective import Objective
from fastnn.sklearn.settings import (
    CONSTRAINTS,
    activations,
    check_together,
    check_type,
    dropout_rates,
    hidden_sizes,
)
from fastnn.sklearn.solver import Solver
from fastnn.train.precision import check_float32, mode_of
from fastnn.train.predict import predict

Array = NDArray[Any]

FEW = 5  # predictions without a net of its own
REAL: set[np.dtype[Any]] = {np.dtype(np.float32), np.dtype(np.float64)}
BLOCK_BYTES = 1 << 26  # of a sparse matrix that are made dense at a time, to predict

# The net of each estimator, beside it: what is in its `__dict__` is arrays, as in scikit-learn.
_nets: weakref.WeakKeyDictionary[BaseEstimator, Bound] = weakref.WeakKeyDictionary()
_steps: weakref.WeakKeyDictionary[BaseEstimator, Steps] = weakref.WeakKeyDictionary()
_asked: weakref.WeakKeyDictionary[BaseEstimator, int] = weakref.WeakKeyDictionary()


def keep(estimator: BaseEstimator, arguments: dict[str, Any]) -> None:
    """Set the arguments of a constructor, its `locals()`, as attributes."""
    for name, value in arguments.items():
        if name not in ("self", "settings"):
            setattr(estimator, name, value)


def has_epochs(estimator: Any) -> bool:
    """For `available_if`: raises where there is no partial_fit."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is for the solvers 'adam' and 'sgd', not for 'lbfgs'")
    return True


class BaseMLP(BaseEstimator):
    """Base of both estimators. What differs: targets, scores, and what predictions look like."""

    n_iter_: int
    t_: int
    n_layers_: int
    coefs_: list[NDArray[Any]]
    intercepts_: list[NDArray[Any]]
    _parameter_constraints: dict[str, list[Any]] = CONSTRAINTS
    class_weight: Any = None

    loss: Any
    hidden_layer_sizes: Any
    activation: Any
    solver: str
    alpha: float
    batch_size: int | str
    learning_rate: str
    warm_start: bool
    early_stopping: bool
    validation_fraction: float
    random_state: Any
    max_iter: int
    dropout: Any
    batch_norm: bool
    optimizer: Any
    lr_schedule: Any
    callbacks: Any
    n_threads: int | None
    precision: str

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

    def _class_weights(self, labels: Array) -> Array:
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
        hidden = hidden_sizes(self)
        check_together(self, len(hidden), validation is not None)
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        labels = y
        X, y = self._validate_input(X, y, incremental, reset=first)
        check_type(self, X.dtype)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        if self.class_weight is not None:
            own = self._class_weights(np.asarray(labels)).astype(X.dtype)
            sample_weight = own if sample_weight is None else sample_weight * own
        y = y.reshape(-1, 1) if y.ndim == 1 else y
        self.n_outputs_: Any = y.shape[1]
        self._random_state = check_random_state(self.random_state)
        units = [X.shape[1], *hidden, self.n_outputs_]
        if first:
            self._initialize(units, X.dtype)
        if self.solver == "lbfgs":
            self._fit_lbfgs(X, y, sample_weight)
        else:
            self._fit_stochastic(X, y, sample_weight, incremental, validation)
        if not all(np.isfinite(a).all() for a in [*self.coefs_, *self.intercepts_]):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )

    def _initialize(self, units: Sequence[int], dtype: np.dtype[Any]) -> None:
        """First weights and biases, U(-b, b) with b = sqrt(6 / (in + out)), drawn layer by layer
        as scikit-learn does; with a logistic layer sqrt(2 / (in + out))."""
        self.n_iter_, self.t_, self.n_layers_ = 0, 0, len(units)
        self.out_activation_: str = self._out_activation()
        self.coefs_, self.intercepts_ = [], []
        kinds = activations(self, len(units) - 2)
        kinds.append(kinds[-1] if kinds else self.activation)  # of the output
        for n_in, n_out, kind in zip(units[:-1], units[1:], kinds, strict=True):
            bound = np.sqrt((2.0 if kind == "logistic" else 6.0) / (n_in + n_out))
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
        self.best_loss_: float | None = None
        self.validation_scores_: list[float] | None = None
        self.best_validation_score_: float | None = None
        self._best: list[Array] | None = None
        self._dropout_key: Array | None = None

    def _fit_lbfgs(self, X: Any, y: Array, weight: Array | None) -> None:
        real = np.dtype(np.float64)  # a line search needs it
        coefs = [np.array(a, real) for a in self.coefs_]
        net = Net(coefs, self.intercepts_, activations(self, len(coefs) - 1))
        rows = self._rows(X, y, weight, real)
        weights = [linear.weight for linear in net.linears]
        objective = Objective(self.out_activation_, weights, float(self.alpha))
        dense = np.ascontiguousarray(_dense(rows.x), real)
        function = Function(net, objective, rows._replace(x=dense).arrays(), self.n_threads)
        minimise(function, self)
        self.coefs_ = [a.astype(X.dtype) for a in net.coefs()]
        self.intercepts_ = [a.astype(X.dtype) for a in net.intercepts()]

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
        key = None if incremental else key_of(self)
        kit = self._own_kit() if key is None else self._borrowed_kit(key)
        check_float32(mode_of(self.precision), kit.bound.net)
        real, held_out = kit.bound.net.dtype, None
        if validation is not None:
            held_out = self._own_validation(*validation, real)
        elif self.early_stopping:
            X, y, weight, held_out = self._split(X, y, weight, real)
        rows = self._rows(X, y, weight, real)
        self._optimizer.check_schedule(1 if incremental else self.max_iter)
        self._watch(held_out is not None)
        fitting = Fitting(self, kit, self._optimizer, rows, held_out, self.max_iter)
        fitting.run(incremental)
        if incremental:
            kit.steps.sizes.advise("partial_fit", "a step")
        if self.early_stopping and self._best is not None:
            for array, best in zip(kit.bound.values(), self._best, strict=True):
                np.copyto(array, best)
        if key is not None:
            kit.unload(self.coefs_, self.intercepts_)
            self._optimizer.part()
            kits.give(key, kit)

    def _own_kit(self) -> Kit:
        """The estimator's own net, on whose memory its arrays then are, and its steps."""
        rates = dropout_rates(self, len(self.coefs_) - 1)
        if any(rates) and getattr(self, "_dropout_key", None) is None:
            seed = self._random_state.randint(np.iinfo(np.int32).max)
            self._dropout_key = np.array([seed, 0], np.int64)
        bound = self._bound()
        net, known = bound.net, _steps.get(self)
        optimizer = self._optimizer.bind(self, net)
        optimizer.pack()
        self.coefs_, self.intercepts_ = net.coefs(), net.intercepts()
        self.norms_ = net.norms() or None
        bound.sources = [*self.coefs_, *self.intercepts_]
        _nets[self] = bound
        made = net, optimizer, mode_of(self.precision)
        if known is None or made != (known.net, known.optimizer, known.mode):
            known = _steps[self] = self._steps_for(bound, optimizer)
        known.objective.alpha = float(self.alpha)
        return Kit(bound, known)

    def _borrowed_kit(self, key: Any) -> Kit:
        """A spare kit, or a new one, with the estimator's weights in it."""
        kit = kits.take(key)
        if kit is None:
            bound = self._new_bound(
                [*map(np.array, self.coefs_)], [*map(np.array, self.intercepts_)]
            )
            kit = Kit(bound, self._steps_for(bound, self._optimizer.bind(self, bound.net)))
            kit.steps.optimizer.pack()
        else:
            self._optimizer.borrow(self, kit.steps.optimizer)
            kit.load(self.coefs_, self.intercepts_)
        kit.steps.objective.alpha = float(self.alpha)
        return kit

    def _steps_for(self, bound: Bound, optimizer: BlockOptimizer) -> Steps:
        weights = [linear.weight for linear in bound.net.linears]
        decayed = self.optimizer is None
        objective = Objective(self.out_activation_, weights, float(self.alpha), decayed)
        return Steps(bound.net, optimizer, objective, mode_of(self.precision))

    def _watch(self, validates: bool) -> None:
        """Begin the figures that this fit watches, unless an earlier one did."""
        if not self.early_stopping and self.best_loss_ is None:
            self.best_loss_ = np.inf
        if validates and self.validation_scores_ is None:
            self.validation_scores_, self.best_validation_score_ = [], -np.inf

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
        (X, y), (x_val, y_val) = parts[0:4:2], parts[1:4:2]
        held = None if weight is None else parts[5]
        weight = None if weight is None else parts[4]
        return X, y, weight, self._rows(x_val, y_val, held, real)

    def _own_validation(self, X: Any, y: Any, weight: Any, real: np.dtype[Any]) -> Rows:
        maps.refuse_closed(X, "X_val")
        maps.refuse_closed(y, "y_val")
        X = validate_data(
            self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False
        )
        y = self._encode_own(y, X)
        y = y.reshape(-1, 1) if y.ndim == 1 else y
        if weight is not None:
            weight = _check_sample_weight(weight, X)
        return self._rows(X, y, weight, real)

    # ---- the net ----

    def _bound(self) -> Bound:
        """The net that computes with `coefs_` and `intercepts_`, made anew if they are others."""
        sources = [*self.coefs_, *self.intercepts_]
        layers = len(self.coefs_) - 1
        structure = (
            *activations(self, layers),
            *dropout_rates(self, layers),
            self.out_activation_,
        )
        bound = _nets.get(self)
        if bound is None or not bound.suits(sources, structure):
            bound = self._new_bound(self.coefs_, self.intercepts_, structure)
            if bound.shares_memory():
                _nets[self] = bound
        return bound

    def _new_bound(
        self, coefs: list[Array], intercepts: list[Array], structure: tuple[Any, ...] = ()
    ) -> Bound:
        """A net on the memory of these arrays."""
        real = np.result_type(*coefs)
        real = real if real in REAL else np.dtype(np.float64)
        net = Net(
            [np.asarray(a, real) for a in coefs],
            intercepts,
            activations(self, len(coefs) - 1),
            getattr(self, "norms_", None),
            dropout_rates(self, len(coefs) - 1),
            getattr(self, "_dropout_key", None),
        )
        return Bound(net, self.out_activation_, structure, [*coefs, *intercepts])

    def _outputs(self, X: Any) -> Array:
        """What the net gives for these rows, its output's activation included."""
        maps.refuse_closed(X, "X")
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        out = self._by_a_kit(X)
        if out is None:
            bound = self._bound()
            out = outputs_of(bound.whole, X, bound.net.dtype)
        return out.astype(np.result_type(X.dtype, out.dtype), copy=False)

    def _by_a_kit(self, X: Any) -> Array | None:
        """The outputs by a spare kit, for the first few calls: a net of its own would have to be
        recorded. None where there is none."""
        asked = _asked.get(self, 0)
        if asked >= FEW or self in _nets:
            return None
        key = key_of(self)
        kit = None if key is None else kits.take(key)
        if key is None or kit is None:
            return None
        _asked[self] = asked + 1
        kit.load(self.coefs_, self.intercepts_)
        out = outputs_of(kit.bound.whole, X, kit.bound.net.dtype)
        kits.give(key, kit)
        return out

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
    return np.asarray(X.toarray() if _is_sparse(X) else X)

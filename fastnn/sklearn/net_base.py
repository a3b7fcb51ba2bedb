"""What NetClassifier and NetRegressor share: parameters, the Trainer, outputs."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastnn._support import maps
from fastnn.nn.module import Module
from fastnn.optim.block_optimizer import BlockOptimizer
from fastnn.sklearn.bases import BaseEstimator
from fastnn.sklearn.modules import (
    PREFIXES,
    SeededTrainer,
    module_of,
    optimizer_for,
    own,
)
from fastnn.sklearn.solver import scheduler_of
from fastnn.train.predict import predict

Array = NDArray[Any]

REAL = (np.float32, np.float64)
PASSED = (  # to Trainer.fit as they are
    "batch_size shuffle validation_freq metrics schedule monitor accumulate_steps clip_norm "
    "clip_value checkpoint checkpoint_every resume verbose"
).split()


class BaseNet(BaseEstimator):
    """Base of both: parameters, the Trainer, predictions."""

    module: Any
    loss: Any
    loss_: Any
    optimizer: Any
    lr: float | None
    random_state: Any
    warm_start: bool
    lr_schedule: Any
    class_weight: Any = None

    # ---- parameters ----

    def _settings(self) -> dict[str, Any]:
        """The keywords beyond the signature, module__x and the like."""
        known = self._get_param_names()
        return {k: v for k, v in vars(self).items() if k not in known and "_" not in (k[0], k[-1])}

    def _check_settings(self) -> None:
        for name in self._settings():
            prefix, _, rest = name.partition("__")
            if prefix not in PREFIXES or not rest:
                raise TypeError(
                    f"{name}: expected one of {type(self).__name__}'s parameters, or module__x, "
                    "optimizer__x or loss__x for a keyword x of theirs"
                )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters, module__x and the like among them."""
        found: dict[str, Any] = super().get_params(deep=deep)
        return {**found, **self._settings()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters; module__x and the like may be new. As in the constructor, other names
        are refused by `fit`."""
        known = self._get_param_names()
        new = {k for k in params if k not in known and not hasattr(type(self), k)}
        new = {k for k in new if k.partition("__")[0] in PREFIXES or "__" not in k}
        super().set_params(**{k: v for k, v in params.items() if k not in new})
        for name in new:
            setattr(self, name, params[name])
        return self

    # ---- fitting ----

    def _begin(self, outputs: int) -> None:
        """Make module, optimizer and Trainer."""
        self._check_settings()
        seed, seeds = None, None
        if self.random_state is not None:
            seeds = check_random_state(self.random_state)
            seed = int(seeds.randint(np.iinfo(np.int32).max))
        settings = self._settings()
        sizes = {"in_features": self.n_features_in_, "out_features": outputs}
        self.module_: Module = module_of(self.module, own(settings, "module"), sizes, seed)
        self.optimizer_: BlockOptimizer = optimizer_for(
            self.module_, self.optimizer, self.lr, own(settings, "optimizer")
        )
        self.scheduler_: Any | None = (
            None if self.lr_schedule is None else scheduler_of(self.lr_schedule, self.optimizer_)
        )
        self.trainer_: SeededTrainer = SeededTrainer(self.module_, self.loss_, self.optimizer_)
        self.trainer_.seeds = seeds
        self.history_: dict[str, list[float]] = {}
        self.n_epochs_: int = 0

    def _train(self, X: Array, y: Array, weight: Any, validation: Any, incremental: bool) -> None:
        """Train for one epoch, if incremental, else for all."""
        held = None
        if validation is not None:
            maps.refuse_closed(validation, "validation_data")
            rows = validate_data(self, validation[0], dtype=REAL, reset=False)
            held = [rows, self._targets(np.asarray(validation[1])), *validation[2:]]
            held = held if held[2] is not None else held[:2]
        parameters = self.get_params(deep=False)
        share = 0.0 if incremental or held is not None else parameters["validation_split"]
        history = self.trainer_.fit(
            X,
            y,
            epochs=1 if incremental else parameters["epochs"],
            sample_weight=None if weight is None else _check_sample_weight(weight, X),
            class_weight=self._class_weights(),
            callbacks=parameters["callbacks"] or (),
            scheduler=self.scheduler_,
            validation_data=held,
            validation_split=share,
            **{name: parameters[name] for name in PASSED},
        )
        for name, values in history.history.items():
            self.history_.setdefault(name, []).extend(values)
        self.n_epochs_ += len(history.history.get("loss", ()))

    def _class_weights(self) -> Any:
        return None

    def _targets(self, y: Array) -> Array:
        raise NotImplementedError

    def _rows(self, X: Any, y: Any, first: bool, **options: Any) -> tuple[Array, Array]:
        maps.refuse_closed(X, "X")
        maps.refuse_closed(y, "y")
        X, y = validate_data(self, X, y, dtype=REAL, multi_output=True, reset=first, **options)
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _goes_on(self, incremental: bool) -> bool:
        return hasattr(self, "module_") and (self.warm_start or incremental)

    def _outputs(self, X: Any) -> Array:
        """What the module gives, (rows, outputs)."""
        check_is_fitted(self)
        maps.refuse_closed(X, "X")
        z = predict(self.module_, validate_data(self, X, dtype=REAL, reset=False))
        return z.reshape(-1, 1) if z.ndim == 1 else z

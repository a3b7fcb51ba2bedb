"""What both estimators share: parameters, training, prediction, saving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastnn._support import check
from fastnn._support.signatures import signature
from fastnn._support.threads import num_threads, set_num_threads
from fastnn.random import derive_seed
from fastnn.tabular.fitting import Report
from fastnn.tabular.frame import Frame, as_frame
from fastnn.tabular.members import Task, fit_members, parts_of
from fastnn.tabular.model import TabularModel, median_of
from fastnn.tabular.notices import ids_in, warn_of_leaks, without_index
from fastnn.tabular.recipes import recipe_of
from fastnn.tabular.targets import Labels, labels_of, values_of
from fastnn.tabular.validation import WITHOUT_SMOOTHING, Score, metric_of, pinball
from fastnn.train.weights import row_weights

__all__ = ["Tabular"]

Own = TypeVar("Own", bound="Tabular")


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = num_threads()
    if count is not None:
        set_num_threads(check.threads(count, "n_threads"))
    try:
        yield
    finally:
        set_num_threads(before)


RECIPE = ("hidden", "epochs", "batch_size", "lr", "precision")  # arguments that change it


class Tabular:
    """A tabular estimator; see `TabularClassifier` and `TabularRegressor`."""

    _classes: ClassVar[bool]
    _estimator_type: ClassVar[str]
    preset: str
    hidden: int | Sequence[int] | None
    epochs: int | None
    lr: float | None
    batch_size: int | None
    time_limit: float | None
    val_metric: str | None
    validation_share: float
    n_cv: int
    n_ens: int
    refit: bool
    random_state: Any
    n_threads: int | None
    verbose: int
    precision: str
    predictor_: TabularModel
    reports_: list[Report]
    notes_: list[str]
    n_features_in_: int

    # ---- parameters, as scikit-learn has them ----

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in signature(cls).parameters]

    def _keep(self, given: Mapping[str, Any]) -> None:
        """Keep the arguments of the constructor, its locals, as they are."""
        vars(self).update((name, value) for name, value in given.items() if name != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor, by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self: Own, **params: Any) -> Own:
        """Change arguments of the constructor; returns self.

        Raises:
            ValueError: an unknown name; nothing is changed.
        """
        unknown = [name for name in params if name not in self._names()]
        if unknown:
            known = ", ".join(self._names())
            raise ValueError(f"{unknown[0]}: not a parameter; expected one of {known}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        found = signature(type(self)).parameters.values()
        changed = [
            f"{p.name}={getattr(self, p.name)!r}"
            for p in found
            if not _alike(getattr(self, p.name), p.default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "predictor_")

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator; it alone calls this."""
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if self._classes else None,
            regressor_tags=None if self._classes else RegressorTags(),
            input_tags=InputTags(string=True, categorical=True, allow_nan=True),
        )

    # ---- training ----

    def _fit(self, x: Any, y: Any, sample_weight: Any, class_weight: Any = None) -> None:
        frame, dropped = without_index(as_frame(x, "X"))
        if not len(frame) or not frame.columns:
            missing = "rows" if frame.columns else "columns"
            raise ValueError(f"X: expected {missing}, got none")
        labels = labels_of(y, len(frame)) if self._classes else None
        target = values_of(y, len(frame)) if labels is None else labels.numbers
        if len(frame) < 2:
            raise ValueError("X: expected at least 2 rows, to learn from and to hold out, got 1")
        task = self._task(frame, target, labels, sample_weight, class_weight)
        share = check.real("validation_share", self._get("validation_share"), 0.0, 1.0)
        if not 0 < share < 1:
            raise ValueError(f"validation_share: expected between 0 and 1, got {share}")
        folds = check.integer("n_cv", self._get("n_cv"), 1, len(frame))
        n_ens = check.integer("n_ens", self._get("n_ens"), 1)
        limit = self._get("time_limit")
        if limit is not None:
            limit = check.real("time_limit", limit, 0.0, open_low=True)
        seed = self._get("random_state")
        seed = derive_seed() if seed is None else check.seed(_of_numpy(seed), "random_state")
        refit = check.flag("refit", self._get("refit"))
        verbose = check.choice("verbose", self._get("verbose"), (0, 1, 2))
        noticed = [*dropped, *ids_in(frame), *warn_of_leaks(frame, target, self._classes)]
        with _threads(self._get("n_threads")):
            parts = parts_of(task, share, folds, seed)
            members, reports, notes = fit_members(task, parts, n_ens, seed, limit, refit, verbose)
        known = None if labels is None else labels.classes
        self.predictor_ = TabularModel(members, frame.names, known, task.quantiles, form=frame.form)
        self.reports_, self.notes_ = reports, [*frame.notes, *notes, *noticed]
        self.n_features_in_ = len(frame.names)

    def _get(self, name: str) -> Any:
        return getattr(self, name)

    def _task(
        self, frame: Frame, y: NDArray[Any], labels: Labels | None, given: Any, by_class: Any
    ) -> Task:
        classes = 0 if labels is None else len(labels.classes)
        quantiles = _levels(getattr(self, "quantiles", None))
        name, score = _metric(self._get("val_metric"), classes > 0, quantiles)
        changes = {n: self._get(n) for n in RECIPE}
        recipe = recipe_of(self._get("preset"), classes > 0, **changes)
        if name in WITHOUT_SMOOTHING:
            recipe = recipe_of(self._get("preset"), classes > 0, **changes, smoothing=0.0)
        if labels is not None and isinstance(by_class, Mapping):
            by_class = labels.by_index(by_class)
        weight = row_weights(given, by_class, y, classes, np.dtype(np.float32))
        return Task(frame, y, classes, weight, score, recipe, quantiles, name)

    # ---- the trained estimator ----

    def _trained(self) -> TabularModel:
        found: TabularModel | None = getattr(self, "predictor_", None)
        if found is None:
            raise _not_fitted(type(self).__name__)
        return found

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the columns at `fit`; those of an array are x0, x1, ..."""
        try:
            return np.array(self._trained().columns, object)
        except ValueError as error:
            raise AttributeError(str(error)) from None

    def predict(self, X: Any) -> NDArray[Any]:
        """Labels as they came, or values, of shape (n,).

        Args:
            X: rows as `fit` takes them; columns are found by name, those of an array by place.

        Raises:
            ValueError: a column is not there, a number is infinite; it was not fitted.
        """
        return self._trained().predict(X)

    def save(self, path: Any) -> None:
        """Write nets, columns, scaling and labels to one file.

        `fastnn.load(path)` gives a `TabularModel`, with `predict` and `predict_proba`.

        Raises:
            ValueError: it was not fitted.
            TypeError: labels that JSON cannot hold, such as dates.
            OSError: the file cannot be written; an old one is intact.
        """
        self._trained().save(path)

    def export(self, path: Any, **options: Any) -> Any:
        """Write a file that runs without fastnn: C, ONNX or torch; see `fastnn.export.export`."""
        return self._trained().export(path, **options)


def _alike(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, int | float | str | tuple) and a == b)


def _of_numpy(seed: Any) -> Any:
    """A seed; of a RandomState or Generator of NumPy a number that it draws."""
    if isinstance(seed, np.random.RandomState):
        return int(seed.randint(2**31))
    return int(seed.integers(2**31)) if isinstance(seed, np.random.Generator) else seed


def _not_fitted(name: str) -> Exception:
    message = f"{name}: it was not fitted; call fit(X, y) first"
    try:
        from sklearn.exceptions import NotFittedError
    except ImportError:
        return ValueError(message)
    error: Exception = NotFittedError(message)
    return error


def _levels(given: Any) -> tuple[float, ...]:
    """Quantiles in order, with the median among them; none for None."""
    if given is None:
        return ()
    if isinstance(given, str) or not np.iterable(given):
        raise TypeError(f"quantiles: expected numbers such as (0.1, 0.5, 0.9), got {given!r:.40}")
    found = [check.real("quantiles", q, 0.0, 1.0, open_low=True, open_high=True) for q in given]
    if not found:
        raise ValueError("quantiles: expected numbers such as (0.1, 0.5, 0.9), got none")
    return tuple(sorted({*found, 0.5}))


def _metric(name: str | None, classes: bool, quantiles: tuple[float, ...]) -> tuple[str, Score]:
    """The validation metric; of quantiles the pinball loss, or one of the median."""
    if not quantiles:
        return metric_of(name, classes)
    if name in (None, "pinball"):
        return "pinball", pinball(quantiles)
    name, score = metric_of(name, classes)
    at = median_of(quantiles)
    return name, lambda z, y, w: score(z[:, at : at + 1], y, w)

"""TabularClassifier and TabularRegressor: from rows as they come to predictions, in two calls."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastnn._support import check
from fastnn._support.threads import num_threads, set_num_threads
from fastnn.random import derive_seed
from fastnn.tabular.fitting import Report
from fastnn.tabular.frame import Frame, as_frame
from fastnn.tabular.members import Task, fit_members, parts_of
from fastnn.tabular.predictor import Member, TabularPredictor
from fastnn.tabular.recipes import recipe_of
from fastnn.tabular.targets import Labels, labels_of, values_of
from fastnn.tabular.validation import WITHOUT_SMOOTHING, metric_of
from fastnn.train.weights import row_weights

__all__ = ["TabularClassifier", "TabularRegressor"]

Own = TypeVar("Own", bound="_Tabular")


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = num_threads()
    if count is not None:
        set_num_threads(count)
    try:
        yield
    finally:
        set_num_threads(before)


class _Tabular:
    """What both estimators share: parameters, training, prediction, saving."""

    _classes: ClassVar[bool]
    _estimator_type: ClassVar[str]
    predictor_: TabularPredictor
    reports_: list[Report]
    notes_: list[str]
    n_features_in_: int

    # ---- parameters, as scikit-learn has them ----

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls).parameters]

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
        found = inspect.signature(type(self)).parameters.values()
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
        frame = as_frame(x, "X")
        if not len(frame):
            raise ValueError("X: expected rows, got none")
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
        members: list[Member] = []
        reports: list[Report] = []
        notes: list[str] = []
        with _threads(self._get("n_threads")):
            parts = parts_of(task, share, folds, seed)
            for member, report, found in fit_members(task, parts, n_ens, seed, limit):
                notes = found
                members.append(member)
                reports.append(report)
        known = None if labels is None else labels.classes
        self.predictor_ = TabularPredictor(members, frame.names, known)
        self.reports_, self.notes_ = reports, [*frame.notes, *notes]
        self.n_features_in_ = len(frame.names)

    def _get(self, name: str) -> Any:
        return getattr(self, name)

    def _task(
        self, frame: Frame, y: NDArray[Any], labels: Labels | None, given: Any, by_class: Any
    ) -> Task:
        classes = 0 if labels is None else len(labels.classes)
        name, score = metric_of(self._get("val_metric"), classes > 0)
        changes = {n: self._get(n) for n in ("hidden", "epochs", "batch_size", "lr")}
        recipe = recipe_of(self._get("preset"), classes > 0, **changes)
        if name in WITHOUT_SMOOTHING:
            recipe = recipe_of(self._get("preset"), classes > 0, **changes, smoothing=0.0)
        if labels is not None and isinstance(by_class, Mapping):
            by_class = labels.by_index(by_class)
        weight = row_weights(given, by_class, y, classes, np.dtype(np.float32))
        return Task(frame, y, classes, weight, score, recipe)

    # ---- the trained estimator ----

    def _trained(self) -> TabularPredictor:
        found: TabularPredictor | None = getattr(self, "predictor_", None)
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

        `fastnn.load(path)` gives a `TabularPredictor`, with `predict` and `predict_proba`.

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


class TabularClassifier(_Tabular):
    """RealMLP for classes: trains on rows as they come, with numbers, texts, dates and gaps.

    Numbers are scaled by quartiles and embedded, categories become columns or embeddings, and a
    net of three layers is trained for 256 epochs, of which the best on held-out rows is kept. Its
    defaults were tuned by others on many tables and are meant to be left alone. It has the
    interface of scikit-learn, and needs nothing but NumPy.

    Args:
        preset: "td" (default), the whole recipe; "td-s", its simple form without embeddings,
            parametric activations, dropout and decay; "tabm-mini", 16 nets in one that share most
            weights; "mlp", a plain net.
        hidden: widths of the layers, default the preset's, (256, 256, 256).
        epochs, batch_size, lr: default the preset's, 256, 256 (all rows if there are fewer), .04.
        time_limit: seconds for `fit`; the schedules are stretched so that they end in time. Default
            None: none. At least one step is taken.
        val_metric: what the best epoch is best in: "error" (default), "log_loss", "brier", "auc".
            With the others the labels are not smoothed.
        validation_share: share of the rows to hold out, by class, default .2.
        n_cv: folds; with more than 1 (default) a net for each, which holds it out.
        n_ens: nets for each split, whose probabilities are averaged, default 1.
        class_weight: {label: weight}, or "balanced"; default None. Weights count in the loss and in
            the validation metric.
        random_state: a seed; default None, from `fastnn.manual_seed`.
        n_threads: threads of `fit`, default those of `fastnn.set_num_threads`.

    Attributes:
        classes_: the labels in order, as they came.
        predictor_: the trained `TabularPredictor`.
        reports_: how the training of each net went; a `Report` with scores by epoch.
        notes_: columns that were left out, and why.
        n_features_in_, feature_names_in_: the columns at `fit`.

    Medians, quartiles and the net's first weights come from the rows that are trained on; what
    categories there are, and the means that stand in for missing numbers, from all.

    Source: Holzmueller, Grinsztajn and Steinwart 2024, "Better by default" (RealMLP-TD), and its
    reference implementation, pytabkit 1.7.3, which is followed where the two differ.

    >>> rows = {"width": [1.0, 2.0, None, 4.0] * 8, "kind": ["oak", "elm", "oak", "ash"] * 8}
    >>> model = TabularClassifier(epochs=8, random_state=0).fit(rows, ["no", "yes"] * 16)
    >>> model.predict({"kind": ["elm", "oak"], "width": [2.0, 1.0]}).tolist()
    ['yes', 'no']
    """

    _classes = True
    _estimator_type = "classifier"

    def __init__(
        self,
        preset: str = "td",
        *,
        hidden: int | Sequence[int] | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        time_limit: float | None = None,
        val_metric: str | None = None,
        validation_share: float = 0.2,
        n_cv: int = 1,
        n_ens: int = 1,
        class_weight: Mapping[Any, float] | str | None = None,
        random_state: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.preset, self.hidden, self.epochs, self.lr = preset, hidden, epochs, lr
        self.batch_size, self.time_limit, self.val_metric = batch_size, time_limit, val_metric
        self.validation_share, self.n_cv, self.n_ens = validation_share, n_cv, n_ens
        self.class_weight, self.random_state, self.n_threads = class_weight, random_state, n_threads

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TabularClassifier:
        """Train from the beginning.

        Args:
            X: rows: a DataFrame, a dict of columns, an array or a list of rows.
            y: (n,) labels of one kind: texts, whole numbers, booleans.
            sample_weight: (n,), at least 0, in the loss and in the validation metric.

        Returns:
            self.

        Raises:
            TypeError, ValueError: bad rows, labels or arguments; the estimator is as it was.
            FloatingPointError: the loss became nan or infinite; likewise.
        """
        self._fit(X, y, sample_weight, self.class_weight)
        return self

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels in order, as they came."""
        found = getattr(self, "predictor_", None)
        if found is None:
            raise AttributeError("classes_: call fit(X, y) first")
        labels: NDArray[Any] = found.classes
        return labels

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of each of `classes_`, of shape (n, C); X and errors as for `predict`."""
        return self._trained().predict_proba(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows whose label is predicted."""
        right = self.predict(X) == np.asarray(y).ravel()
        return float(np.average(right, weights=sample_weight))


class TabularRegressor(_Tabular):
    """RealMLP for numbers: trains on rows as they come; see `TabularClassifier`.

    The target is standardized by the training rows, and predictions stay within its range there.

    Args:
        preset, hidden, epochs, batch_size, time_limit, validation_share, n_cv, n_ens, random_state,
            n_threads: as for `TabularClassifier`.
        lr: default the preset's, .2 for "td".
        val_metric: "rmse" (default) or "mae".

    Attributes:
        predictor_, reports_, notes_, n_features_in_, feature_names_in_: as there.

    Source: as there.

    >>> rows = [[i % 7, i % 5] for i in range(70)]
    >>> y = [10 * a + b for a, b in rows]
    >>> TabularRegressor(epochs=128, random_state=0).fit(rows, y).score(rows, y) > 0.9
    True
    """

    _classes = False
    _estimator_type = "regressor"

    def __init__(
        self,
        preset: str = "td",
        *,
        hidden: int | Sequence[int] | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        time_limit: float | None = None,
        val_metric: str | None = None,
        validation_share: float = 0.2,
        n_cv: int = 1,
        n_ens: int = 1,
        random_state: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.preset, self.hidden, self.epochs, self.lr = preset, hidden, epochs, lr
        self.batch_size, self.time_limit, self.val_metric = batch_size, time_limit, val_metric
        self.validation_share, self.n_cv, self.n_ens = validation_share, n_cv, n_ens
        self.random_state, self.n_threads = random_state, n_threads

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TabularRegressor:
        """Train from the beginning; as `TabularClassifier.fit`, with (n,) finite numbers as y."""
        self._fit(X, y, sample_weight)
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R2: 1 - the mean squared error over the variance of y."""
        truth = np.asarray(y, np.float64).ravel()
        mean = np.average(truth, weights=sample_weight)
        wrong = np.average(np.square(self.predict(X) - truth), weights=sample_weight)
        spread = np.average(np.square(truth - mean), weights=sample_weight)
        return float(1 - wrong / spread) if spread > 0 else float(wrong == 0)

"""TabularClassifier and TabularRegressor: from rows as they come to predictions, in two calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._support import maps
from fastnn.tabular.base import Tabular

__all__ = ["TabularClassifier", "TabularRegressor"]


class TabularClassifier(Tabular):
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
        n_ens: nets for each split, whose probabilities are averaged, default 1. Several nets are
            trained side by side, one thread each.
        refit: train `n_ens` nets on all rows after that, up to the mean share of the schedule at
            which the others were best, and keep these alone; default False.
        class_weight: {label: weight}, or "balanced"; default None. Weights count in the loss and in
            the validation metric.
        random_state: a seed; default None, from `fastnn.manual_seed`.
        n_threads: threads of `fit`, default those of `fastnn.set_num_threads`.
        verbose: of `fit`: 0 (default) silent; 1 progress: a bar (with tqdm) on a terminal and
            in Jupyter, elsewhere a line at most every second; 2 a line an epoch.
        precision: "float32" (default), or "bf16": products of the training round to bfloat16.

    Attributes:
        classes_: the labels in order, as they came.
        predictor_: the trained `TabularModel`.
        reports_: how the training of each net on a part went; a `Report` with scores by epoch.
        notes_: columns that were left out, and why; those that look like ids, or give the target.
        n_features_in_, feature_names_in_: the columns at `fit`.

    Medians, quartiles and the net's first weights come from the rows that are trained on; what
    categories there are, and the means that stand in for missing numbers, from all.

    Source: Holzmueller, Grinsztajn and Steinwart 2024, "Better by default" (RealMLP-TD), and its
    reference implementation, pytabkit 1.7.3, which is followed where the two differ.

    >>> from fastnn.tabular import TabularClassifier
    >>> rows = {"width": [1.0, 2.0, None, 4.0] * 8, "kind": ["oak", "elm", "oak", "ash"] * 8}
    >>> model = TabularClassifier(epochs=8, random_state=0).fit(rows, ["no", "yes"] * 16)
    >>> model.predict({"kind": ["elm", "oak"], "width": [2.0, 1.0]}).tolist()
    ['yes', 'no']
    """

    class_weight: Mapping[Any, float] | str | None
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
        refit: bool = False,
        class_weight: Mapping[Any, float] | str | None = None,
        random_state: Any = None,
        n_threads: int | None = None,
        verbose: int = 0,
        precision: str = "float32",
    ) -> None:
        self._keep(locals())

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

        Warns:
            LeakageWarning: a column alone gives the target.
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
        right = self.predict(X) == maps.array_of(y, "y").ravel()
        return float(np.average(right, weights=sample_weight))


class TabularRegressor(Tabular):
    """RealMLP for numbers: trains on rows as they come; see `TabularClassifier`.

    The target is standardized by the training rows, and predictions stay within its range there.
    With `quantiles` it predicts the median, and `predict_quantiles` gives all of them.

    Args:
        preset, hidden, epochs, batch_size, time_limit, validation_share, n_cv, n_ens, refit,
            random_state, n_threads, verbose, precision: as for `TabularClassifier`.
        lr: default the preset's, .2 for "td".
        val_metric: "rmse" (default), "mae", or with quantiles "pinball" (then the default).
        quantiles: between 0 and 1, such as (0.1, 0.5, 0.9): the nets learn these, by the pinball
            loss, instead of the mean; the median is always among them. Default None.

    Attributes:
        predictor_, reports_, notes_, n_features_in_, feature_names_in_: as there.

    Source: as there.

    >>> from fastnn.tabular import TabularRegressor
    >>> rows = [[i % 7, i % 5] for i in range(70)]
    >>> y = [10 * a + b for a, b in rows]
    >>> TabularRegressor(epochs=128, random_state=0).fit(rows, y).score(rows, y) > 0.9
    True
    """

    quantiles: Sequence[float] | None
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
        refit: bool = False,
        quantiles: Sequence[float] | None = None,
        random_state: Any = None,
        n_threads: int | None = None,
        verbose: int = 0,
        precision: str = "float32",
    ) -> None:
        self._keep(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TabularRegressor:
        """Train from the beginning; as `TabularClassifier.fit`, with (n,) finite numbers as y."""
        self._fit(X, y, sample_weight)
        return self

    def predict_quantiles(self, X: Any) -> NDArray[np.float64]:
        """The quantiles of each row, (n, q) in increasing order, which never cross.

        Those of `predictor_.quantiles`: the given ones and the median. X as for `predict`.

        Raises:
            ValueError: it was fitted without `quantiles`.
        """
        return self._trained().predict_quantiles(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R2: 1 - the mean squared error over the variance of y."""
        truth = np.asarray(maps.array_of(y, "y"), np.float64).ravel()
        mean = np.average(truth, weights=sample_weight)
        wrong = np.average(np.square(self.predict(X) - truth), weights=sample_weight)
        spread = np.average(np.square(truth - mean), weights=sample_weight)
        return float(1 - wrong / spread) if spread > 0 else float(wrong == 0)

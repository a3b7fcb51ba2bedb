"""Who is compared: each with its defaults, one thread, and the table as it takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Make = Callable[[bool, Any], Any]  # (classes, a DataFrame of the rows) -> an estimator


def _fastnn(preset: str) -> Make:
    def make(classes: bool, x: Any) -> Any:
        from fastnn.tabular import TabularClassifier, TabularRegressor

        kind = TabularClassifier if classes else TabularRegressor
        return kind(preset, random_state=0, n_threads=1)

    return make


def _pytabkit(classes: bool, x: Any) -> Any:
    import torch
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    torch.set_num_threads(1)
    kind = RealMLP_TD_Classifier if classes else RealMLP_TD_Regressor
    return kind(random_state=0, device="cpu", n_threads=1)


def _encoded(x: Any, model: Any) -> Any:
    """A pipeline: gaps filled, numbers standardized, categories one-hot."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_column_selector(dtype_include="number")
    categories = make_column_selector(dtype_include="category")
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories),
    )
    return make_pipeline(columns, model)


def _sklearn_mlp(classes: bool, x: Any) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return _encoded(x, (MLPClassifier if classes else MLPRegressor)(random_state=0))


def _linear(classes: bool, x: Any) -> Any:
    from sklearn.linear_model import LogisticRegression, RidgeCV

    return _encoded(x, LogisticRegression(max_iter=1000) if classes else RidgeCV())


def _hist_gradient_boosting(classes: bool, x: Any) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return kind(random_state=0)


def _lightgbm(classes: bool, x: Any) -> Any:
    import lightgbm

    kind = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
    return kind(random_state=0, n_jobs=1, verbose=-1)


def _xgboost(classes: bool, x: Any) -> Any:
    import xgboost

    kind = xgboost.XGBClassifier if classes else xgboost.XGBRegressor
    return kind(random_state=0, n_jobs=1, enable_categorical=True)


def _catboost(classes: bool, x: Any) -> Any:
    import catboost

    columns = [name for name in x.columns if x[name].dtype == "category"]
    kind = catboost.CatBoostClassifier if classes else catboost.CatBoostRegressor
    return kind(random_state=0, thread_count=1, verbose=0, cat_features=columns,
                allow_writing_files=False)  # fmt: skip


MODELS: dict[str, Make] = {
    **{f"fastnn {name}": _fastnn(name) for name in ("td", "td-s", "tabm-mini", "mlp")},
    "pytabkit RealMLP-TD": _pytabkit,
    "CatBoost": _catboost,
    "LightGBM": _lightgbm,
    "XGBoost": _xgboost,
    "HistGradientBoosting": _hist_gradient_boosting,
    "scikit-learn MLP": _sklearn_mlp,
    "linear": _linear,
}


def rows_for(name: str, x: Any, train: np.ndarray) -> Any:
    """The rows as a model takes them: CatBoost wants categories as text, gaps included; pytabkit
    wants no gaps in numbers, they become the medians of the training rows."""
    if name.startswith("pytabkit"):
        return x.fillna(x[train].median(numeric_only=True))
    if name != "CatBoost":
        return x
    return x.assign(**{
        column: x[column].astype(object).where(x[column].notna(), "missing").astype(str)
        for column in x.columns if x[column].dtype == "category"
    })  # fmt: skip


def judge(classes: bool, model: Any, x: Any, y: np.ndarray, among: np.ndarray) -> dict[str, float]:
    """Accuracy and log-loss, or R2, of a fitted model; `among` are all classes."""
    if not classes:
        error = np.square(y - np.asarray(model.predict(x)).ravel()).sum()
        return {"score": float(1 - error / np.square(y - y.mean()).sum())}
    p = np.full((len(y), len(among)), 1e-7)
    p[:, np.searchsorted(among, model.classes_)] = model.predict_proba(x)
    p = np.clip(p / p.sum(axis=1, keepdims=True), 1e-7, 1)
    right = p.argmax(axis=1) == np.searchsorted(among, y)
    truth = p[np.arange(len(y)), np.searchsorted(among, y)]
    return {"score": float(right.mean()), "log_loss": float(-np.log(truth).mean())}

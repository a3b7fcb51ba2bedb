"""Columns of tables: nets of `fit_many` know them as the model of a fit does."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_columns import NAMES, TARGETS, Column, Pandas, X, Y, fitted, of_two_targets, turned

import fastnn
from fastnn import Ensemble, guards, nn, optim
from fastnn._support.columns import of_model, remembered
from fastnn.population.population import Population


def build() -> nn.Module:
    return nn.Sequential(nn.Dropout(0.1), nn.Linear(3, 2))


class InPython(nn.Module):
    """A model that has to run in Python at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.calls = nn.Linear(3, 2), 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.linear(x)


def many(x: Any, y: Any = Y, **options: Any) -> Population:
    given: dict[str, Any] = {
        "build": build, "configs": [{}, {"lr": 0.1}], "loss": nn.CrossEntropyLoss(), "verbose": 0
    }  # fmt: skip
    return fastnn.fit_many(x=x, y=y, **{**given, **options})


def loaded(nets: Population, folder: Path) -> Ensemble:
    nets.ensemble(top=1).save(folder / "nets")
    return Ensemble.load(folder / "nets")


HOW: dict[str, dict[str, Any]] = {
    "together": {},
    "one by one": {"build": InPython},
    "a baseline": {"early_stopping": fastnn.callbacks.EarlyStopping("loss", baseline=0.1)},
    "targets as a column": {"y": Column(Y, np.dtype(np.int64))},
    "folds": {"folds": 2},
    "bags": {"bags": 2},
    "validation_split": {"validation_split": 0.25},
    "validation_data": {"validation_data": (turned("pandas"), Y)},
    "halving": {"halving": 2, "epochs": 4},
}


@pytest.mark.filterwarnings("ignore:fit. InPython")
@pytest.mark.parametrize("how", HOW)
def test_all_nets_know_them(how: str) -> None:
    nets, options = many(Pandas(X, NAMES), **HOW[how]), dict(HOW[how])
    if how == "validation_data":
        options = {how: (X, Y)}
    again = many(X, **options)
    assert [of_model(m) for m in nets.models] == [of_model(fitted(Pandas(X, NAMES)).model)] * len(
        nets
    )
    assert not any(of_model(model) for model in again.models)
    for name, figures in again.history.items():
        np.testing.assert_array_equal(nets.history[name], figures)
    np.testing.assert_array_equal(nets.predict(turned("pandas")), again.predict(X))


# Whatever takes rows of nets that were trained on a table: (nets, x, folder) -> numbers.
USES: dict[str, Callable[[Population, Any, Path], Any]] = {
    "predict": lambda nets, x, at: nets.predict(x),
    "a model": lambda nets, x, at: nets.best("loss").model.predict(x),
    "out_of_fold": lambda nets, x, at: nets.out_of_fold(x),
    "ensemble": lambda nets, x, at: nets.ensemble(2).predict(x),
    "members": lambda nets, x, at: nets.ensemble(2).members(x),
    "std": lambda nets, x, at: nets.ensemble(2).std(x),
    "quantiles": lambda nets, x, at: nets.ensemble(2).quantiles(x, 0.5),
    "with_dropout": lambda nets, x, at: nets.ensemble(2).with_dropout(x, 2),
    "a loaded one": lambda nets, x, at: loaded(nets, at).predict(x),
    "std of a loaded one": lambda nets, x, at: loaded(nets, at).std(x),
    "dropout of a loaded one": lambda nets, x, at: loaded(nets, at).with_dropout(x, 2),
    "a copy": lambda nets, x, at: copy.deepcopy(nets).predict(x),
    "a fit again": lambda nets, x, at: again(nets).fit(x, Y, verbose=0).history["loss"],
    "many of a fitted one": lambda nets, x, at: many(
        x, build=lambda: copy.deepcopy(nets.models[0])
    ).history["loss"],
    "validation_data": lambda nets, x, at: many(
        Pandas(X, NAMES), validation_data=(x, Y)
    ).history["val_loss"],
}  # fmt: skip


def again(nets: Population) -> fastnn.Trainer:
    fastnn.manual_seed(1)
    model = nets.models[0]
    return fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))


@pytest.mark.parametrize("use", USES)
def test_another_order_gives_the_same_numbers(use: str, tmp_path: Path) -> None:
    want = USES[use](many(Pandas(X, NAMES), folds=2), X, tmp_path)
    found = USES[use](many(Pandas(X, NAMES), folds=2), turned("pandas"), tmp_path)
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("use", USES)
def test_other_columns_are_refused(use: str, tmp_path: Path) -> None:
    nets = many(Pandas(X, NAMES), folds=2)
    with pytest.raises(ValueError, match=r"^(validation )?x: expected the columns of the fit"):
        USES[use](nets, Pandas(X, ["a", "b", "d"]), tmp_path)


def test_targets_are_put_in_order_or_refused() -> None:
    y, mse = Pandas(TARGETS, ["u", "v"]), {"loss": nn.MSELoss()}
    other = Pandas(TARGETS[:, ::-1], ["v", "u"])
    want = many(X, TARGETS, validation_data=(X, TARGETS), **mse).history["val_loss"]
    nets = many(X, y, validation_data=(X, other), **mse)
    np.testing.assert_array_equal(nets.history["val_loss"], want)
    assert all(remembered(m) == remembered(of_two_targets().model) for m in nets.models)

    def known() -> nn.Module:
        return copy.deepcopy(nets.models[0])

    want = many(X, TARGETS, build=known, **mse).history["loss"]
    np.testing.assert_array_equal(many(X, other, build=known, **mse).history["loss"], want)
    for bad in ({"y": y, "validation_data": (X, Pandas(TARGETS, ["u", "w"]))},
                {"y": Pandas(TARGETS, ["u", "w"]), "build": known}):  # fmt: skip
        with pytest.raises(ValueError, match="y: expected the columns of the fit, 'u', 'v', got"):
            many(X, **bad, **mse)


def test_models_that_know_different_columns_are_refused() -> None:
    models = iter([fitted(Pandas(X, NAMES)).model, fitted(turned("pandas")).model])
    with pytest.raises(ValueError, match="build: expected models that know the same columns"):
        many(Pandas(X, NAMES), build=lambda: next(models))


def test_a_file_of_nets_without_columns_has_none(tmp_path: Path) -> None:
    assert not any(of_model(model) for model in loaded(many(X), tmp_path).models)


def test_types_with_missing_values_are_numbers_where_none_is_missing() -> None:
    y, w = Column(Y, np.dtype(np.int64)), Column(Y + 1, np.dtype(np.float64))
    found = many(X, y, sample_weight=w, folds=2).history["loss"]
    np.testing.assert_array_equal(found, many(X, Y, sample_weight=Y + 1.0, folds=2).history["loss"])


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.MultiMarginLoss()])
def test_a_guard_refuses_other_columns_of_a_known_model_too(loss: Any) -> None:
    model = fitted(Pandas(X, NAMES)).model
    guards.before_training(model, loss, turned("pandas"), Y)
    with pytest.raises(ValueError, match=r"^x: expected the columns of the fit"):
        guards.before_training(model, loss, Pandas(X, ["a", "b", "d"]), Y)
    trainer = of_two_targets()
    with pytest.raises(ValueError, match=r"^y: expected the columns of the fit"):
        guards.before_training(trainer.model, nn.MSELoss(), X, Pandas(TARGETS, ["u", "w"]))

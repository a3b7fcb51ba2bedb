"""`precision="bf16"` of what trains beside `Trainer`: many nets, estimators, the command."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.cli.command import main
from fastnn.sklearn import MLPClassifier, MLPRegressor
from fastnn.tabular import TabularClassifier, TabularRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 8)).astype(np.float32)
NUMBERS = np.sin(X.sum(1))
CLASSES = (NUMBERS > 0).astype(np.int64)
GIVEN: dict[str, Any] = {"epochs": 3, "batch_size": 32, "loss": nn.CrossEntropyLoss(), "verbose": 0}


def build(width: int = 16) -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, width), nn.Tanh(), nn.Linear(width, 2))


def many(x: Any, classes: Any, **options: Any) -> list[Any]:
    configs = [{"lr": 0.01}, {"lr": 0.02}]
    found = fastnn.fit_many(build, x, classes, configs=configs, **GIVEN, **options)
    return [p.tolist() for model in found.models for p in model.parameters()]


def many_one_by_one(x: Any, classes: Any, **options: Any) -> list[Any]:
    """With a loss that no program can hold."""
    calls: list[int] = []

    def loss(z: Any, y: Any) -> Any:
        calls.append(len(calls))
        return nn.functional.cross_entropy(z, y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fastnn.fit_many(
            build, x, classes, configs=[{"lr": 0.01}], **GIVEN | {"loss": loss}, **options
        )
    return [p.tolist() for p in found.models[0].parameters()]


def mlp(kind: Any, **settings: Any) -> Callable[..., list[Any]]:
    def run(x: Any, classes: Any, **options: Any) -> list[Any]:
        given = {"max_iter": 4, "random_state": 0, **settings, **options}
        estimator = kind(hidden_layer_sizes=(16,), **given)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(2):  # the second fit uses what the first one recorded
                estimator.fit(x, classes)
        return [a.tolist() for a in estimator.coefs_]

    return run


def in_parts(x: Any, classes: Any, **options: Any) -> list[Any]:
    estimator = MLPClassifier(hidden_layer_sizes=(16,), random_state=0, **options)
    for _ in range(4):
        estimator.partial_fit(x, classes, classes=[0, 1])
    return [a.tolist() for a in estimator.coefs_]


def table(kind: Any, preset: str) -> Callable[..., list[Any]]:
    def run(x: Any, classes: Any, **options: Any) -> list[Any]:
        estimator = kind(preset, epochs=3, hidden=16, random_state=0, **options)
        estimator.fit(x, classes)
        members = estimator.predictor_.members
        return [p.tolist() for member in members for p in member.net.parameters()]

    return run


WAYS: dict[str, Callable[..., list[Any]]] = {
    "fit_many": many,
    "fit_many, one by one": many_one_by_one,
    "MLPClassifier": mlp(MLPClassifier),
    "MLPClassifier, dropout": mlp(MLPClassifier, dropout=0.1),
    "MLPClassifier, sgd": mlp(MLPClassifier, solver="sgd"),
    "MLPRegressor": mlp(MLPRegressor),
    "MLPClassifier.partial_fit": in_parts,
    "TabularClassifier": table(TabularClassifier, "td"),
    "TabularClassifier, td-s": table(TabularClassifier, "td-s"),
    "TabularClassifier, tabm-mini": table(TabularClassifier, "tabm-mini"),
    "TabularRegressor": table(TabularRegressor, "mlp"),
}


def flat(found: list[Any]) -> Any:
    return np.concatenate([np.ravel(part) for part in found])


@pytest.mark.every(5)
@pytest.mark.parametrize("name", WAYS)
def test_products_are_rounded_where_it_is_asked_for(name: str) -> None:
    run = WAYS[name]
    usual, rounded = run(X, CLASSES), run(X, CLASSES, precision="bf16")
    assert run(X, CLASSES, precision="float32") == usual != rounded
    assert run(X, CLASSES, precision="bf16") == rounded
    np.testing.assert_allclose(flat(rounded), flat(usual), atol=0.1)


@pytest.mark.parametrize("name", WAYS)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises((ValueError, TypeError), match="precision"):
        WAYS[name](X, CLASSES, precision="int8")


@pytest.mark.parametrize("name", [name for name in WAYS if name.startswith("MLP")])
def test_float64_is_refused(name: str) -> None:
    """scikit-learn's estimators compute in the type of X; tables are float32 in any case."""
    with pytest.raises(TypeError, match=r"^precision: 'bf16' is for products of float32, but X "):
        WAYS[name](X.astype(np.float64), CLASSES, precision="bf16")


@pytest.mark.parametrize("name", ["fit_many", "fit_many, one by one"])
def test_nets_of_float64_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(__name__ + ".build", lambda: nn.Linear(8, 2).double())
    with pytest.raises(TypeError, match=r"^precision: 'bf16' is for products of float32"):
        WAYS[name](X, CLASSES, precision="bf16")


def test_lbfgs_computes_in_float64() -> None:
    with pytest.raises(ValueError, match="precision: is for solver 'adam' or 'sgd'"):
        mlp(MLPRegressor, solver="lbfgs")(X, NUMBERS, precision="bf16")


def test_many_nets_are_those_of_trainers() -> None:
    want = []
    for i, lr in enumerate((0.01, 0.02)):
        fastnn.manual_seed(i)
        model = build()
        optimizer = optim.Adam(model.parameters(), lr=lr)
        trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer, precision="bf16")
        trainer.fit(X, CLASSES, epochs=3, batch_size=32, verbose=0)
        want += [p.tolist() for p in model.parameters()]
    assert many(X, CLASSES, precision="bf16") == want


@pytest.mark.long
@pytest.mark.parametrize("preset", ["plain", "td"])
def test_the_command(preset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    histories = []
    for more in ([], ["--precision", "float32"], ["--precision", "bf16"]):
        given = ["--preset", preset, "--json", "--quiet", "--epochs", "3", *more]
        assert main(["train", "wine", "--out", f"{tmp_path}/", *given]) == 0
        histories.append(json.loads(capsys.readouterr().out)["history"])
    assert histories[0] == histories[1] != histories[2]


def test_the_command_knows_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "wine", "--precision", "int8"]) == 2
    assert "--precision: invalid choice: 'int8'" in capsys.readouterr().err

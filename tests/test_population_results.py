"""What `fit_many` returns: scores, rankings, predictions, ensembles; searches; bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from populations import CLASSES, LABELS, NUMBERS, D, N, X, alone, mlp, same

import fastnn
from fastnn import nn, optim
from fastnn.population import Ensemble, fit_many, folds, grid, sampled

LOSS = nn.CrossEntropyLoss()


@pytest.fixture(scope="module")
def folded() -> fastnn.Population:
    """Three configurations on four folds; the second can learn nothing."""
    configs = [{"lr": 0.01}, {"lr": 0.0}, {"lr": 0.05, "p": 0.2}]
    return fit_many(
        mlp, X, CLASSES, configs=configs, loss=LOSS, folds=4, epochs=8, metrics=["accuracy"],
        verbose=0,
    )  # fmt: skip


def test_folds_are_stratified_and_cover_all_rows() -> None:
    y = np.repeat([0, 1, 2], [50, 8, 21])
    found = folds(y, 4, seed=3)
    assert sorted(np.concatenate([held for _, held in found]).tolist()) == list(range(len(y)))
    for train, held in found:
        assert sorted([*train, *held]) == list(range(len(y)))
        for label, count in ((0, 50), (1, 8), (2, 21)):
            assert abs((y[held] == label).sum() - count / 4) < 1
    assert {len(held) for _, held in found} == {19, 20}
    other = folds(y, 4, seed=4)
    assert any(
        (a != b).any() for (_, a), (_, b) in zip(found, other, strict=True) if len(a) == len(b)
    )


def test_scores_and_ranking(folded: fastnn.Population) -> None:
    history = folded.history["val_loss"]
    assert history.shape == (12, 8) and len(folded) == 12 and folded.parts == 4
    np.testing.assert_array_equal(folded.scores(), history[:, -1])
    means = history[:, -1].reshape(3, 4).mean(1)
    assert folded.ranking().tolist() == np.argsort(means).tolist() and folded.ranking()[-1] == 1
    accuracy = folded.scores("val_accuracy").reshape(3, 4).mean(1)
    assert folded.ranking("val_accuracy")[0] == accuracy.argmax()
    best = folded.best()
    assert best.number == means.argmin() and best.score == means.min()
    assert best.config == folded.configs[4 * best.number] and len(best.models) == 4
    assert best.model is folded.models[4 * best.number]


def test_predictions(folded: fastnn.Population) -> None:
    z = folded.predict(X)
    assert z.shape == (12, N, 3)
    for one, model in zip(z, folded.models, strict=True):
        np.testing.assert_array_equal(one, model.predict(X))


def test_out_of_fold(folded: fastnn.Population) -> None:
    found = folded.out_of_fold(X)
    assert found.shape == (3, N, 3) and not np.isnan(found).any()
    for i, held in enumerate(folded.validation_rows):
        z = folded.models[i].predict(X)[held].astype(np.float64)
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        np.testing.assert_allclose(found[i // 4, held], p, rtol=1e-5, atol=1e-7)


def test_out_of_bag() -> None:
    population = fit_many(
        mlp, X, CLASSES, configs=[{}], loss=LOSS, bags=3, epochs=2, seed=1, verbose=0
    )
    found = population.out_of_fold(X)[0]
    held = [set(rows.tolist()) for rows in population.validation_rows if rows is not None]
    never = [i for i in range(N) if not any(i in rows for rows in held)]
    assert np.isnan(found[never]).all() and never
    once = next(i for i in range(N) if sum(i in rows for rows in held) > 1)
    members = [Ensemble([population.models[k]], "softmax").predict(X[once : once + 1])
               for k in range(3) if once in held[k]]  # fmt: skip
    np.testing.assert_allclose(found[once], np.mean(members, 0)[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("loss", "y", "outputs", "want"),
    [
        (LOSS, CLASSES, 3, "softmax"),
        (nn.BCEWithLogitsLoss(), LABELS, 1, "sigmoid"),
        (nn.MSELoss(), NUMBERS, 2, "raw"),
    ],
)
def test_ensembles(loss: Any, y: Any, outputs: int, want: str, tmp_path: Path) -> None:
    configs = [{"lr": 0.02, "outputs": outputs, "p": 0.2, "seed": i} for i in range(6)]
    population = fit_many(mlp, X, y, configs=configs, loss=loss, epochs=3, verbose=0)
    ensemble = population.ensemble(top=4)
    assert ensemble.outputs == want and len(ensemble) == 4
    ranked = population.ranking()[:4].tolist()
    assert ensemble.models == [population.models[i] for i in ranked]
    z = population.predict(X)[ranked].astype(np.float64)
    if want == "softmax":
        z = np.exp(z - z.max(-1, keepdims=True))
        z /= z.sum(-1, keepdims=True)
    elif want == "sigmoid":
        z = 1 / (1 + np.exp(-z))
    close = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(ensemble.members(X), z, **close)
    np.testing.assert_allclose(ensemble.predict(X), z.mean(0), **close)
    np.testing.assert_allclose(ensemble.std(X), z.std(0), **close)
    np.testing.assert_allclose(
        ensemble.quantiles(X, [0.1, 0.5]), np.quantile(z, [0.1, 0.5], axis=0), **close
    )
    ensemble.save(tmp_path / "e.safetensors")
    again = Ensemble.load(tmp_path / "e.safetensors")
    assert again.outputs == want
    np.testing.assert_array_equal(again.members(X), ensemble.members(X))


def test_monte_carlo_dropout() -> None:
    fastnn.manual_seed(11)
    model = nn.Sequential(nn.Linear(D, 16), nn.Dropout(0.5), nn.BatchNorm1d(16), nn.Linear(16, 2))
    ensemble = Ensemble([model])
    fastnn.manual_seed(3)
    want = fastnn.rand(2).numpy()
    fastnn.manual_seed(3)
    found = ensemble.with_dropout(X, samples=200, seed=1)
    np.testing.assert_array_equal(fastnn.rand(2).numpy(), want)
    assert found.shape == (200, N, 2) and model[1].training and model[2].training
    np.testing.assert_array_equal(found, ensemble.with_dropout(X, samples=200, seed=1))
    spread = found.std(0)
    assert spread.mean() > 0.01
    # The model is linear behind the dropout, so the mean is what it predicts.
    off = np.abs(found.mean(0) - model.predict(X)) / (spread / np.sqrt(200))
    assert off.max() < 6  # standard errors, of 300 numbers


def test_halving() -> None:
    """The worst two thirds stop at 1/9 and at 1/3 of the epochs; the others are as without."""
    configs = [
        {"lr": lr, "seed": 1} for lr in (1e-5, 1e-2, 1e-4, 3e-2, 1e-3, 1e-6, 5e-3, 0.0, 2e-2)
    ]
    population = fit_many(
        mlp, X, CLASSES, configs=configs, loss=LOSS, epochs=18, halving=3, verbose=0
    )
    assert sorted(population.epochs.tolist()) == [2] * 6 + [6] * 2 + [18]
    loss = population.history["loss"]
    kept = np.flatnonzero(population.epochs > 2)
    assert set(kept) == set(np.argsort(loss[:, 1])[:3])
    last = int(population.epochs.argmax())
    assert last == min(kept, key=lambda i: loss[i, 5]) == population.ranking()[0]
    assert set(population.ranking()[:3].tolist()) == set(kept.tolist())
    for i in (int(kept[0]), 5, last):
        epochs = int(population.epochs[i])
        same(population, i, alone(mlp, configs[i], optim.Adam, LOSS, CLASSES, epochs=epochs))


def test_halving_with_folds_keeps_configurations_whole() -> None:
    configs = [{"lr": lr} for lr in (1e-5, 2e-2, 1e-4)]
    population = fit_many(
        mlp, X, CLASSES, configs=configs, loss=LOSS, epochs=9, folds=3, halving=3, verbose=0
    )
    assert population.epochs.tolist() == [1] * 3 + [9] * 3 + [1] * 3
    assert population.best().number == 1


# ---- searches ----


def test_grid() -> None:
    found = grid({"lr": [0.1, 0.2], "width": (3, 4, 5), "p": 0.5, "seed": np.arange(2)})
    assert len(found) == 12 and found[0] == {"lr": 0.1, "width": 3, "p": 0.5, "seed": 0}
    assert found[-1] == {"lr": 0.2, "width": 5, "p": 0.5, "seed": 1}
    assert len({tuple(config.items()) for config in found}) == 12


def test_sampled() -> None:
    class Uniform:
        def rvs(self, random_state: Any) -> Any:
            return random_state.uniform(3.0, 4.0)

    space = {"lr": Uniform(), "width": [8, 16], "p": 0.5}
    found = sampled(space, 50, seed=2)
    assert found == sampled(space, 50, seed=2) != sampled(space, 50, seed=3)
    assert all(3 <= config["lr"] < 4 and config["p"] == 0.5 for config in found)
    assert {config["width"] for config in found} == {8, 16}
    assert len({config["lr"] for config in found}) == 50


def test_distributions_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    found = sampled({"lr": stats.loguniform(1e-4, 1e-1), "width": stats.randint(4, 9)}, 40)
    assert all(type(c["lr"]) is float and 1e-4 <= c["lr"] <= 1e-1 for c in found)
    assert {type(c["width"]) for c in found} == {int}
    assert {c["width"] for c in found} == {4, 5, 6, 7, 8}


# ---- bad input ----


def given(**changes: Any) -> dict[str, Any]:
    return {"build": mlp, "x": X, "y": CLASSES, "configs": [{}, {}], "loss": LOSS, "verbose": 0} | (
        changes
    )


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no configs": ({"configs": []}, ValueError, "configs: expected a dict for each net, got an em"),
    "a dict": ({"configs": {"lr": [1]}}, TypeError, "configs: expected a list of dicts.*grid"),
    "no dict": ({"configs": [{}, 3]}, TypeError, r"configs\[1\]: expected a dict"),
    "key": (
        {"configs": [{}, {"lrr": 1}]}, ValueError,
        r"configs\[1\]: unknown key 'lrr'; expected seed, batch_size, an argument of build "
        r"\(width, p, outputs\) or an argument of Adam \(lr, betas",
    ),
    "seed": ({"configs": [{"seed": -1}]}, ValueError, r"configs\[0\]: seed: expected"),
    "batch": ({"configs": [{"batch_size": 0}]}, ValueError, r"configs\[0\]: batch_size"),
    "lr": ({"configs": [{"lr": -1}]}, ValueError, "lr"),
    "build": ({"build": 3}, TypeError, "build: expected a function"),
    "no model": ({"build": lambda: 3}, TypeError, "build: expected it to return a model, got"),
    "loss": ({"loss": 3}, TypeError, "loss: expected a loss of nn, a function"),
    "name of a loss": ({"loss": "mce"}, ValueError, "loss: expected one of "),
    "class of a loss": ({"loss": nn.MSELoss}, TypeError, r"make it by MSELoss\(\)"),
    "several losses": ({"loss": ["mse", "mse"]}, TypeError, "loss: expected one, as nets of one"),
    "optimizer": ({"optimizer": 3}, TypeError, "optimizer: expected a class of fastnn.optim"),
    "closures": ({"optimizer": optim.LBFGS}, TypeError, "optimizer: LBFGS calls a function"),
    "optimizer name": ({"optimizer": "adm"}, ValueError, "optimizer: expected"),
    "epochs": ({"epochs": 0}, ValueError, "epochs: expected"),
    "x": ({"x": X[0]}, ValueError, r"x: expected \(rows, features\)"),
    "x nan": ({"x": np.full_like(X, np.nan)}, ValueError, "x: "),
    "x width": ({"x": X[:, :2]}, ValueError, "x: the model does not take shape"),
    "y": ({"y": CLASSES[:9]}, ValueError, "y: expected"),
    "y class": ({"y": CLASSES + 1}, ValueError, "y: expected integer classes in 0..2, got 3"),
    "count of masks": ({"rows": [np.ones(N, bool)]}, ValueError, "rows: expected.* 2 nets, got 1"),
    "mask": (
        {"rows": [np.ones(N, bool), np.ones(9, bool)]}, ValueError,
        rf"rows\[1\]: expected a mask of {N} rows, got shape \(9,\)",
    ),
    "row": ({"rows": [[0, N], None]}, ValueError, r"rows\[0\]: expected row numbers in 0..149"),
    "no rows": ({"rows": [[], None]}, ValueError, r"rows\[0\]: expected at least one row"),
    "floats": ({"rows": [[0.5], None]}, TypeError, r"rows\[0\]: expected a mask or a vector"),
    "validation twice": (
        {"folds": 3, "validation_split": 0.1}, ValueError, "folds: expected None with validation_s"
    ),
    "parts twice": ({"folds": 3, "rows": [None] * 2}, ValueError, "folds: expected None with rows"),
    "folds": ({"folds": 1}, ValueError, "folds: expected"),
    "folds pairs": ({"folds": [3]}, TypeError, r"folds\[0\]: expected a pair"),
    "bags": ({"bags": 0}, ValueError, "bags: expected"),
    "some validation": (
        {"validation_rows": [[1], None]}, ValueError, "validation_rows: expected rows for every net"
    ),
    "validation": ({"validation_data": X}, TypeError, "validation_data: expected a pair"),
    "stopping": ({"early_stopping": "yes"}, TypeError, "early_stopping: expected the number"),
    "stopping figure": (
        {"early_stopping": fastnn.callbacks.EarlyStopping()}, ValueError, "early_stopping: monitor"
    ),
    "halving": ({"halving": 1, "epochs": 9}, ValueError, "halving: expected"),
    "halving epochs": ({"halving": 3, "epochs": 2}, ValueError, "halving: expected at least 3"),
    "monitor": ({"monitor": "val_loss"}, ValueError, "monitor: expected"),
    "metrics": ({"metrics": ["f1"]}, ValueError, "metrics: expected averages over rows, got 'f1'"),
    "threads": ({"n_threads": 0}, ValueError, "n_threads: expected"),
    "weights": ({"sample_weight": [1.0]}, ValueError, "sample_weight"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_changes_nothing(name: str) -> None:
    changes, kind, text = WRONG[name]
    fastnn.manual_seed(1)
    state = fastnn.get_rng_state()
    options = given(**changes)
    with pytest.raises(kind, match=text):
        fit_many(options.pop("build"), options.pop("x"), options.pop("y"), **options)
    np.testing.assert_array_equal(fastnn.get_rng_state(), state)


def test_errors_of_build_name_the_configuration() -> None:
    with pytest.raises(ValueError, match=r"width|out_features") as caught:
        fit_many(mlp, X, CLASSES, configs=[{}, {"width": 0}], loss=LOSS, verbose=0)
    assert caught.value.__notes__ == ["configs[1]: {'width': 0}"]


def test_one_model_for_two_nets_is_refused() -> None:
    model = mlp()
    weights = [p.detach().numpy().copy() for p in model.parameters()]
    with pytest.raises(ValueError, match="build: expected a new model at every call"):
        fit_many(lambda: model, X, CLASSES, configs=[{}, {}], loss=LOSS, verbose=0)
    for p, w in zip(model.parameters(), weights, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), w)


def test_bad_spaces_and_ensembles(tmp_path: Path, folded: fastnn.Population) -> None:
    with pytest.raises(TypeError, match="space: expected a dict"):
        grid([1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="space: lr: expected at least one value"):
        sampled({"lr": []}, 3)
    with pytest.raises(ValueError, match="models: expected at least one"):
        Ensemble([])
    with pytest.raises(TypeError, match=r"models\[0\]: expected a module"):
        Ensemble([3])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="outputs: expected"):
        Ensemble([mlp()], "probabilities")
    with pytest.raises(ValueError, match="with_dropout: expected models with dropout"):
        Ensemble([nn.Linear(2, 2)]).with_dropout(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="models: expected outputs of one shape"):
        Ensemble([nn.Linear(D, 2), nn.Linear(D, 3)]).members(X)
    fastnn.save(nn.Sequential(nn.Linear(2, 2)), tmp_path / "net")
    with pytest.raises(fastnn.FormatError, match=r"not a file of Ensemble\.save"):
        Ensemble.load(tmp_path / "net")
    with pytest.raises(ValueError, match="metric: expected"):
        folded.best("f1")
    with pytest.raises(ValueError, match="out_of_fold: expected nets of folds"):
        fit_many(mlp, X, CLASSES, configs=[{}], loss=LOSS, verbose=0).out_of_fold(X)

"""Explanations: attributions, dependence, calibration and importance, as numbers and pictures."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import explain, nn, plot, tabular
from fastnn.tabular import TabularClassifier, TabularRegressor

RNG = np.random.default_rng(3)
ROWS = 300
WIDTH = RNG.normal(size=ROWS)
KIND = np.array(["oak", "elm", "ash"])[RNG.integers(0, 3, ROWS)]
NOISE = RNG.normal(size=ROWS)
DAY = np.datetime64("2024-01-01") + RNG.integers(0, 700, ROWS)
GAPS = np.where(RNG.random(ROWS) < 0.2, np.nan, RNG.normal(size=ROWS))
X = {"noise": NOISE, "width": WIDTH, "kind": KIND.tolist(), "day": DAY, "gaps": GAPS}
VALUE = 3 * WIDTH + 4.0 * (KIND == "oak") + 0.01 * NOISE
LABEL = np.where(WIDTH + (KIND == "oak") > 0.3, "big", "small")
PRESETS = ("td", "td-s", "tabm-mini", "mlp")


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    made: dict[str, Any] = {"classes": TabularClassifier(epochs=32, random_state=0).fit(X, LABEL)}
    for preset in PRESETS:
        made[preset] = TabularRegressor(preset, epochs=48, random_state=0).fit(X, VALUE)
    return made


# ---- numbers of any module ----


def test_attributions_of_a_linear_net_are_its_terms() -> None:
    net = nn.Linear(3, 2).double()
    x, base = RNG.normal(size=(5, 3)), RNG.normal(size=3)
    w = net.weight.detach().numpy()
    chosen = np.array([0, 1, 1, 0, 1])
    got = explain.integrated_gradients(net, x, base, chosen, steps=3)
    np.testing.assert_allclose(got, (x - base) * w[chosen], rtol=1e-12)
    by_mean = explain.integrated_gradients(net, x, steps=1)
    np.testing.assert_allclose(by_mean, (x - x.mean(0)) * w[0], rtol=1e-12, atol=1e-14)


def test_attributions_add_up() -> None:
    fastnn.manual_seed(0)
    net = nn.MLP(3, [8], 2, "tanh").double()
    x, base = RNG.normal(size=(40, 3)), np.zeros(3)
    got = explain.integrated_gradients(net, x, base, 1, steps=200)
    z = net.predict(x)[:, 1] - net.predict(base[None])[0, 1]
    np.testing.assert_allclose(got.sum(axis=1), z, atol=1e-5)


def test_partial_dependence_is_its_equation() -> None:
    x = RNG.normal(size=(30, 2))
    found = explain.partial_dependence(lambda r: r[:, 0] * r[:, 1], x, 0, grid=[-1.0, 2.0])
    np.testing.assert_allclose(found.mean, [-x[:, 1].mean(), 2 * x[:, 1].mean()])
    np.testing.assert_allclose(found.low[1], np.quantile(2 * x[:, 1], 0.25))
    assert np.array_equal(
        explain.partial_dependence(lambda r: r[:, 0], [[2.0], [1.0], [2.0]], 0).grid, [1.0, 2.0]
    )
    grid = explain.partial_dependence(lambda r: r[:, 0], RNG.normal(size=(500, 1)), 0).grid
    assert len(grid) == 20 and (np.diff(grid) > 0).all()


@pytest.mark.parametrize("equal", ["width", "count"])
def test_calibration_is_counted(equal: str) -> None:
    p = RNG.random(1000)
    y = RNG.random(1000) < p
    found = explain.calibration(y, p, 5, equal=equal)
    edges = np.linspace(0, 1, 6) if equal == "width" else np.quantile(p, np.linspace(0, 1, 6))
    inside = [(p >= a) & (p < b) for a, b in pairwise(edges)]
    inside[-1] |= p == p.max()
    np.testing.assert_allclose(found.predicted, [p[i].mean() for i in inside])
    np.testing.assert_allclose(found.observed, [y[i].mean() for i in inside])
    assert found.rows.sum() == 1000 and found.error < 0.06
    of_classes = explain.calibration([1, 0, 2], np.eye(3)[[1, 0, 1]])
    assert of_classes.observed.tolist() == [pytest.approx(2 / 3)] and of_classes.rows.tolist() == [
        3
    ]


WRONG: dict[str, tuple[Any, str]] = {
    "no rows": (lambda: explain.calibration([], []), "p: expected (rows,)"),
    "range": (lambda: explain.calibration([0, 1], [0.0, 1.1]), "p: expected probabilities in 0..1"),
    "labels": (lambda: explain.calibration([0, 2], [0.5, 0.5]), "y: expected 0 and 1"),
    "texts": (lambda: explain.calibration(["a", "b"], [0.5, 0.5]), "y: expected 0 and 1"),
    "lengths": (lambda: explain.calibration([0, 1], [0.0]), "p: expected"),
    "equal": (lambda: explain.calibration([0], [0.5], equal="rows"), "equal: expected one of"),
    "feature": (lambda: explain.partial_dependence(len, [[1.0]], 1), "feature: "),
    "axes": (lambda: explain.partial_dependence(len, [1.0], 0), "x: expected shape"),
    "output": (lambda: explain.integrated_gradients(nn.Linear(2, 1), np.ones((3, 2)), output=1),
               "output: expected 0..0, got 1"),
    "baseline": (lambda: explain.integrated_gradients(nn.Linear(2, 1), np.ones((3, 2)), [0.0]),
                 "baseline: expected shape (2,)"),
    "one row": (lambda: explain.integrated_gradients(nn.Linear(2, 1), np.ones((1, 2))),
                "baseline: expected one for a single row"),
    "module": (lambda: explain.integrated_gradients(len, np.ones((3, 2))), "model: expected"),
    "no model": (lambda: tabular.importance(nn.Linear(2, 1)), "model: expected a fitted Tabular"),
    "not fitted": (lambda: tabular.importance(TabularClassifier()), "call fit(X, y) first"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused(case: str) -> None:
    call, message = WRONG[case]
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        call()


# ---- of tabular models ----


@pytest.mark.long
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("method", ["permutation", "gradients", "scale"])
def test_what_matters_comes_first(models: Any, preset: str, method: str) -> None:
    if method == "scale" and preset == "mlp":
        with pytest.raises(ValueError, match="'scale' needs a net with a scaling layer"):
            tabular.importance(models[preset], method=method)
        return
    found = tabular.importance(models[preset], X, VALUE, method=method)
    assert sorted(found.names) == sorted(X) and (np.diff(found.values) <= 0).all()
    if method != "scale":
        assert set(found.names[:2]) == {"width", "kind"} and found.names[0] == "width"
    else:
        assert found.values.sum() == pytest.approx(1)


@pytest.mark.long
def test_importance_of_classes(models: Any, tmp_path: Any) -> None:
    found = tabular.importance(models["classes"], X, LABEL)
    assert found.names[0] == "width" and found.unit == "rise of the log-loss"
    path = tmp_path / "model.safetensors"
    models["classes"].save(path)
    again = tabular.importance(fastnn.load(path), X, LABEL)
    assert again.names == found.names and np.array_equal(again.values, found.values)
    with pytest.raises(ValueError, match="y: expected one of big, small, got 'huge'"):
        tabular.importance(models["classes"], X, ["huge"] * ROWS)
    with pytest.raises(ValueError, match="y: expected 300 labels"):
        tabular.importance(models["classes"], X, LABEL[:5])
    with pytest.raises(ValueError, match="x, y: expected rows and targets"):
        tabular.importance(models["classes"], X)


@pytest.mark.long
@pytest.mark.parametrize("preset", PRESETS)
def test_attributions_of_tables_add_up(models: Any, preset: str) -> None:
    """To the prediction minus what the mean embedded row gives: a constant."""
    model = models[preset]
    found = tabular.attributions(model, X, steps=64)
    assert found.shape == (ROWS, 5)
    z = model.predict(X)
    inside = (z > z.min() + 1e-6) & (z < z.max() - 1e-6)  # where nothing can be clipped
    rest = (z - found.sum(axis=1))[inside]
    one = {name: np.asarray(column)[:1] for name, column in X.items()}
    alone = tabular.attributions(model, one, background=X, steps=64)
    np.testing.assert_allclose(alone, found[:1], rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="background: expected rows"):
        tabular.attributions(model, one)
    assert inside.mean() > 0.7 and np.ptp(rest) < 0.02 * np.ptp(VALUE)


@pytest.mark.long
def test_dependence_of_columns(models: Any) -> None:
    width = tabular.dependence(models["td"], X, "width")
    assert len(width.grid) == 20 and (np.diff(width.mean) > 0).mean() > 0.8
    kind = tabular.dependence(models["td"], X, "kind")
    best = dict(zip(kind.grid, kind.mean, strict=True))
    assert set(best) == {"oak", "elm", "ash"} and max(best, key=best.get) == "oak"
    assert tabular.dependence(models["td"], X, "day").grid.dtype == "M8[us]"
    small = tabular.dependence(models["classes"], X, "width", label="small")
    big = tabular.dependence(models["classes"], X, "width", label="big")
    np.testing.assert_allclose(small.mean + big.mean, 1)
    assert big.mean[-1] > big.mean[0]
    by_hand = models["td"].predict({**X, "width": np.full(ROWS, width.grid[3])})
    assert width.mean[3] == pytest.approx(by_hand.mean())
    with pytest.raises(ValueError, match="column: expected one of"):
        tabular.dependence(models["td"], X, "widht")
    with pytest.raises(ValueError, match="label: expected one of"):
        tabular.dependence(models["classes"], X, "width", label="huge")


# ---- pictures ----


@pytest.mark.long
def test_pictures(models: Any) -> None:
    pytest.importorskip("matplotlib")
    found = tabular.importance(models["td"], X, VALUE)
    ax = plot.importance(found)
    assert [t.get_text() for t in ax.get_yticklabels()][-1] == found.names[0]
    assert [bar.get_width() for bar in ax.patches][-1] == pytest.approx(found.values[0])
    assert len(plot.importance(np.arange(60.0).reshape(30, 2), most=7).patches) == 7
    with pytest.raises(ValueError, match="a number for each of 3 names"):
        plot.importance([1.0, 2.0], ["a", "b", "c"])

    for column in ("width", "kind", "day"):
        dependence = tabular.dependence(models["td"], X, column)
        ax = plot.partial_dependence(dependence, column)
        assert np.allclose(ax.lines[0].get_ydata(), dependence.mean)
    curve = explain.calibration([0, 1, 1], [0.1, 0.9, 0.7], 3)
    ax = plot.calibration(curve)
    assert np.allclose(ax.lines[1].get_ydata(), curve.observed)
    assert plot.calibration([0, 1, 1], [0.1, 0.9, 0.7], bins=3, ax=ax) is ax

"""RealMLP's net against its reference, pytabkit, and its schedules, first weights and scaling."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn.layers.columns import Columns, ParametricActivation, ScaleColumns, ScheduledDropout
from fastnn.nn.layers.members import Heads, MeanOverMembers, Spread
from fastnn.tabular import as_frame, fitting
from fastnn.tabular.encoding import Encoder, Feature
from fastnn.tabular.fitting import Clock, Rates, fit_net, optimizer_of
from fastnn.tabular.member import Member, Target
from fastnn.tabular.members_net import build_members, member_groups
from fastnn.tabular.realmlp import build, initialize
from fastnn.tabular.recipes import Recipe, recipe_of
from fastnn.tabular.robust import RobustDesign, smooth_clip
from fastnn.tabular.validation import METRICS
from fastnn.train.validation import Rows
from fastnn.train.whole_batches import WholeBatches

GOLDENS = json.loads((Path(__file__).parent / "goldens/realmlp.json").read_text())
SIZES = (4, 3, 10)


def parts(name: str) -> tuple[dict[str, Any], Recipe, nn.Sequential, Rows]:
    """The golden, its recipe, our net with its weights, and its rows as ours are encoded."""
    golden = GOLDENS[name]
    preset, task = name.split()
    recipe = recipe_of(preset, task == "classes", hidden=(4, 3, 3), dropout=0.0)
    codes, x = np.array(golden["codes"]), np.array(golden["x"])
    columns: dict[str, Any] = {f"n{i}": x[:, i] for i in range(2)}
    for i in range(3):
        columns[f"c{i}"] = [str(c) if c else None for c in codes[:, i]]
    features = [Feature(f"n{i}", "number", (0.0,)) for i in range(2)]
    for i, size in enumerate(SIZES):
        texts = tuple(str(c) for c in range(1, size))
        features.append(Feature(f"c{i}", "category", categories=texts))
    frame = as_frame(columns)
    design, _ = RobustDesign.fit(frame, None, recipe.one_hot, Encoder(tuple(features)))
    y = np.array(golden["y"])
    net = build(design, 3 if task == "classes" else 1, recipe)
    put(net, golden["weights"])
    target = y[:, 0].astype(np.int64) if task == "classes" else Target.fit(y[:, 0]).apply(y[:, 0])
    return golden, recipe, net, Rows(design.apply(frame), target)


NAMES = {"frequency": "/plr/weight_1", "phase": "/plr/bias_1", "mixing": "/plr/weight_2",
         "shift": "/plr/bias_2", "categories": "/tfms/emb"}  # fmt: skip


def pairs(net: nn.Sequential) -> list[tuple[Any, str, float]]:
    """Our parameters, the reference's names, and what theirs are multiplied by to be ours."""
    found: list[tuple[Any, str, float]] = []
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    number = 0
    for layer in net:
        place = {0: "first", len(linear) - 1: "last"}.get(number, "middle")
        scope = f"/net/{place}_layer/layer-{number}"
        if isinstance(layer, Columns):
            found += [(p, NAMES[name], 1.0) for name, p in layer.named_parameters()]
        elif isinstance(layer, ScaleColumns):
            found.append((layer.weight, f"{scope}/scale", 1.0))
        elif isinstance(layer, nn.Linear):
            root = 1 / math.sqrt(layer.in_features)
            found.append((layer.weight, f"{scope}/weight", root))
            found.append((layer.bias, f"{scope}/bias", 1.0))
            number += 1
        elif isinstance(layer, ParametricActivation):
            place = "first" if number == 1 else "middle"
            found.append((layer.weight, f"/net/{place}_layer/layer-{number - 1}/act", 1.0))
    return found


def theirs(values: dict[str, Any], name: str, p: Any, factor: float) -> np.ndarray[Any, Any]:
    array = np.array(values[name]) * factor
    turned = name.endswith(("weight", "weight_2"))  # ours have the axis of the sum last
    return (np.swapaxes(array, -1, -2) if turned else array).reshape(p.shape)


def put(net: nn.Sequential, weights: dict[str, Any]) -> None:
    for p, name, factor in pairs(net):
        p._array[...] = theirs(weights, name, p, factor)


@pytest.mark.parametrize("name", GOLDENS)
def test_forward_and_backward_are_the_references(name: str) -> None:
    golden, recipe, net, rows = parts(name)
    assert len(pairs(net)) == len(golden["weights"])
    z = net(fastnn.tensor(rows.x))
    np.testing.assert_allclose(z.detach().numpy(), golden["outputs"], rtol=1e-5, atol=1e-5)
    loss = loss_of(recipe, rows)(z, fastnn.tensor(rows.y))
    np.testing.assert_allclose(loss.item(), golden["losses"][0], rtol=1e-5)
    loss.backward()
    for p, scope, factor in pairs(net):
        expected = theirs(golden["gradients"], scope, p, 1 / factor)
        np.testing.assert_allclose(p.grad.numpy(), expected, rtol=1e-5, atol=1e-5, err_msg=scope)


def loss_of(recipe: Recipe, rows: Rows) -> nn.Module:
    if rows.y.dtype.kind == "f":
        return nn.MSELoss()
    return nn.CrossEntropyLoss(label_smoothing=recipe.smoothing)


@pytest.mark.parametrize("name", GOLDENS)
def test_two_steps_of_training_are_the_references(name: str) -> None:
    """Rates, decays and their factors, epsilon, and schedules, in the compiled loop."""
    golden, recipe, net, rows = parts(name)
    optimizer = optimizer_of(net, recipe)
    loop = WholeBatches(net, loss_of(recipe, rows), optimizer, rows, len(rows.x))
    rates = Rates(optimizer, net, recipe)
    for t, loss in zip(golden["times"], golden["losses"], strict=True):
        loop.start(rates.at(np.array([t])))
        assert not loop.run()
        np.testing.assert_allclose(loop.loss, loss, rtol=1e-5)
    for p, scope, factor in pairs(net):
        before = theirs(golden["weights"], scope, p, factor)
        after = theirs(golden["after"], scope, p, factor)
        step = np.abs(after - before).max()
        assert step > 0, scope
        np.testing.assert_allclose(
            p.detach().numpy(), after, atol=1e-3 * step + 1e-6, rtol=0, err_msg=scope
        )


# ---- the loop ----


def test_the_last_partial_batch_is_left_out() -> None:
    net = nn.Sequential(nn.Linear(1, 1, bias=False))
    net[0].weight._array[...] = 0.0
    optimizer = fastnn.optim.SGD(net.parameters(), lr=1.0)
    x, y = np.ones((7, 1), np.float32), np.arange(7, dtype=np.float32)[:, None]
    loop = WholeBatches(net, nn.L1Loss(), optimizer, Rows(x, y), 3)
    assert loop.steps == 2 and len(loop.order) == 6
    loop.order[:] = [6, 1, 2, 3, 4, 6]
    rates = fastnn.optim.loop.rates(optimizer, [np.zeros((2, 1))])
    loop.start(rates)
    assert not loop.run()
    assert loop.loss == pytest.approx((6 + 1 + 2 + 3 + 4 + 6) / 6)  # rates 0: nothing moves
    assert net[0].weight.item() == 0.0


def test_dropouts_rate_is_read_at_every_step() -> None:
    layer = ScheduledDropout(0.5)
    net = nn.Sequential(nn.Linear(1, 1, bias=False), layer)
    net[0].weight._array[...] = 1.0
    x = np.ones((4000, 1), np.float32)
    optimizer = fastnn.optim.SGD(net.parameters(), lr=0.0)
    loop = WholeBatches(net, nn.MSELoss(), optimizer, Rows(x, np.zeros_like(x)), 1000)
    rates = np.array([[0.0], [0.25], [0.5], [0.75]])
    losses = []
    for rate in rates:
        loop.start([(layer.rate, np.tile(rate, (4, 1)))])
        while loop.run():
            pass
        losses.append(loop.loss)  # the mean of (m / (1 - p))^2 is 1 / (1 - p)
    np.testing.assert_allclose(losses, (1 / (1 - rates))[:, 0], rtol=0.1)
    assert losses[0] == 1.0 and layer.state[1] >= 16
    with pytest.raises(ValueError, match="p: expected less than 1"):
        ScheduledDropout(1.0)


def test_of_equal_epochs_the_last_is_kept() -> None:
    recipe = recipe_of("td", True, hidden=4, epochs=5)
    frame = as_frame({"a": np.arange(9.0), "b": np.arange(9.0) ** 2})
    net = build(RobustDesign.fit(frame)[0], 2, recipe)
    initialize(net, np.zeros((9, 2), np.float32), recipe, np.random.default_rng(0))
    scores, seen = iter([3.0, 1.0, 1.0, 2.0, 1.5]), []

    def score() -> float:
        seen.append(net[1].weight.detach().numpy().copy())
        return next(scores)

    x = RobustDesign.fit(frame)[0].apply(frame)
    rows = Rows(x, np.arange(9) % 2)
    report = fit_net(net, nn.CrossEntropyLoss(), rows, recipe, score, np.random.default_rng(0))
    assert report.scores == [3.0, 1.0, 1.0, 2.0, 1.5] and report.best_epoch == 2
    assert np.array_equal(net[1].weight.detach().numpy(), seen[2])
    assert not np.array_equal(seen[2], seen[1]) and not net.training


def test_the_schedules_time(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Clock(3, None)
    times = []
    for epoch in range(3):
        times += plain.times(4).tolist()
        assert plain.tick() == (epoch < 2)
    np.testing.assert_allclose(times, np.arange(12) / 12)
    now = [0.0]
    monkeypatch.setattr(fitting.time, "perf_counter", lambda: now[0])
    for seconds in (0.02, 0.03):  # of an epoch; ten fit in, and six with some time left over
        hurried, now[0], last, epochs = Clock(1000, now[0] + 0.2), now[0], 0.0, 0
        while True:
            last, epochs = hurried.times(4)[-1], epochs + 1
            now[0] += seconds
            if not hurried.tick():
                break
        assert last > 0.6 and epochs == round(0.2 // seconds)  # it ended when the schedule did


def test_a_slow_first_epoch_does_not_shorten_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100 epochs of a second each all fit into 120, though the first takes 10."""
    now = [0.0]
    monkeypatch.setattr(fitting.time, "perf_counter", lambda: now[0])
    clock, lengths, times = Clock(100, 120.0), [], []
    while True:
        times += clock.times(2).tolist()
        now[0] += 1.0 if lengths else 10.0
        lengths.append(clock.left)
        if not clock.tick():
            break
    assert len(lengths) == 100 and now[0] <= 120
    assert (np.diff(times) >= 0).all() and times[-1] > 0.98
    # And where epochs become slower, or faster, at the end the schedule is over before the time.
    for slower in (5.0, 0.2):
        now[0] = 0.0
        clock, done = Clock(100, 120.0), 0
        while True:
            now[0] += slower if done > 20 else 1.0
            done += 1
            if not clock.tick():
                break
        assert now[0] <= 120 and clock.t > 0.9


# ---- preparation ----


def test_scaling_by_its_formula() -> None:
    rng = np.random.default_rng(0)
    x = rng.lognormal(size=(101, 1))
    mostly = np.where(np.arange(101) < 90, 2.0, np.arange(101.0))
    frame = as_frame({"a": x[:, 0], "b": mostly, "c": np.where(mostly > 2, "yes", "no")})
    z = RobustDesign.fit(frame)[0].apply(frame)
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
    wide = (x[:, 0] - middle) / (high - low)
    np.testing.assert_allclose(z[:, 0], wide / np.sqrt(1 + (wide / 3) ** 2), rtol=1e-6)
    wide = (mostly - 2.0) * 2 / (100.0 - 2.0)  # the quartiles are equal
    np.testing.assert_allclose(z[:, 1], wide / np.sqrt(1 + (wide / 3) ** 2), rtol=1e-6)
    np.testing.assert_allclose(sorted(set(z[:, 2].tolist())), [smooth_clip(np.array([-2.0]))[0], 0])
    assert np.abs(smooth_clip(np.array([1e308, -np.inf]))).max() <= 3.0


def test_first_weights_have_unit_outputs() -> None:
    rng = np.random.default_rng(0)
    frame = as_frame({f"c{i}": rng.standard_normal(500) for i in range(5)})
    design = RobustDesign.fit(frame)[0]
    recipe = recipe_of("td", True)
    net = build(design, 2, recipe)
    x = design.apply(frame)
    initialize(net, x, recipe, np.random.default_rng(1))
    net.eval()
    for layer in net:
        before, x = x, np.array(layer.predict(x))
        if isinstance(layer, nn.Linear):
            np.testing.assert_allclose(x.std(axis=0), 1.0, rtol=1e-4)
            z = before @ layer.weight.detach().numpy().T
            bias = layer.bias.detach().numpy()
            assert (z.min(axis=0) <= -bias + 1e-5).all() and (-bias <= z.max(axis=0) + 1e-5).all()
            assert len(set(bias.tolist())) == len(bias)


def test_groups_of_rates() -> None:
    frame = as_frame({"a": [1.0, 2.0, 3.0], "b": [3.0, 1.0, 9.0]})
    recipe = recipe_of("td", True)
    net = build(RobustDesign.fit(frame)[0], 2, recipe)
    optimizer = optimizer_of(net, recipe)
    found = {id(p): g for g in optimizer.param_groups for p in g["params"]}
    assert len(found) == len(list(net.parameters()))
    scale, weight = found[id(net[1].weight)], found[id(net[2].weight)]
    assert scale["lr"] == pytest.approx(0.24)
    assert scale["lr"] * scale["weight_decay"] == pytest.approx(36 * 0.04 * 0.02)
    assert weight["lr"] * weight["weight_decay"] == pytest.approx(0.04 * 0.02)
    assert found[id(net[2].bias)]["weight_decay"] == 0.0


def test_layers_are_kept_in_files(tmp_path: Path) -> None:
    net = nn.Sequential(
        Columns(2, 1, (12, 10)), ScaleColumns(25), nn.Linear(25, 4),
        ParametricActivation(4, "mish"), ScheduledDropout(0.25),
    ).eval()  # fmt: skip
    x = np.array([[0.5, -1.0, 1.0, 11.0, 0.0], [2.0, 0.0, 0.0, 0.0, 9.0]], np.float32)
    net.save(tmp_path / "net")
    again = fastnn.load(tmp_path / "net").eval()
    assert np.array_equal(again.predict(x), net.predict(x))
    assert again[4].p == 0.25 and again[0].sizes == (12, 10)


def test_members_are_nets_of_their_own_and_their_losses_are_averaged() -> None:
    rng = np.random.default_rng(0)
    spread, heads = Spread(3, 4), Heads(3, 4, 2)
    x = rng.standard_normal((5, 4)).astype(np.float32)
    z = heads(spread(fastnn.tensor(x))).detach().numpy()
    r, w, b = (p.detach().numpy() for p in (spread.weight, heads.weight, heads.bias))
    expected = np.stack([(x * r[k]) @ w[k] + b[k] for k in range(3)], axis=1)
    np.testing.assert_allclose(z, expected, rtol=1e-5, atol=1e-6)
    y = np.array([0, 1, 1, 0, 1])
    p = np.exp(z) / np.exp(z).sum(axis=2, keepdims=True)
    each = -np.log(p[np.arange(5)[:, None], np.arange(3), y[:, None]])
    loss = MeanOverMembers(True)
    assert loss(fastnn.tensor(z), fastnn.tensor(y)).item() == pytest.approx(each.mean(), rel=1e-5)
    loss.reduction = "none"
    np.testing.assert_allclose(loss(fastnn.tensor(z), fastnn.tensor(y)).numpy(), each, rtol=1e-5)
    t = rng.standard_normal((5, 1)).astype(np.float32)
    squares = MeanOverMembers(False)(fastnn.tensor(z[:, :, :1]), fastnn.tensor(t)).item()
    assert squares == pytest.approx(np.square(z[:, :, 0] - t).mean(), rel=1e-5)
    p, member = p.mean(axis=1), Member(nn.Sequential(), RobustDesign.fit(as_frame(x))[0])
    np.testing.assert_allclose(np.exp(member.of(z)), p, rtol=1e-5)  # probabilities are averaged


def test_groups_of_members() -> None:
    recipe = recipe_of("tabm-mini", True, hidden=(8,))
    design = RobustDesign.fit(as_frame({"a": [1.0, 2.0, 3.0], "b": [3.0, 1.0, 9.0]}))[0]
    net = build_members(design, 2, recipe, np.random.default_rng(0))
    decays = {id(p): g["weight_decay"] for g in member_groups(net, recipe) for p in g["params"]}
    assert {id(p) for p in net.parameters()} == set(decays)
    assert decays[id(net[2].weight)] == decays[id(net[-1].weight)] == 3e-4
    assert decays[id(net[1].weight)] == decays[id(net[2].bias)] == 0.0


@pytest.mark.parametrize("name", ["error", "log_loss", "brier", "auc"])
def test_metrics_are_scikit_learns(name: str) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for classes in (2, 3):
        z = rng.standard_normal((60, classes))
        y, w = rng.integers(0, classes, 60), rng.random(60)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        expected = {
            "error": 1 - metrics.accuracy_score(y, z.argmax(1), sample_weight=w),
            "log_loss": metrics.log_loss(y, p, sample_weight=w),
            "brier": np.average(((p - np.eye(classes)[y]) ** 2).sum(1), weights=w),
            "auc": 1 - (
                metrics.roc_auc_score(y, p[:, 1], sample_weight=w) if classes == 2
                else metrics.roc_auc_score(y, p, multi_class="ovr", sample_weight=w)
            ),
        }  # fmt: skip
        assert METRICS[True][name](z, y, w) == pytest.approx(expected[name], rel=1e-9)


def test_equal_scores_count_half() -> None:
    y, w = np.array([0, 1, 0, 1]), np.ones(4)
    assert METRICS[True]["auc"](np.zeros((4, 2)), y, w) == 0.5
    assert METRICS[True]["auc"](np.zeros((4, 2)), np.zeros(4, int), w) == 0.5  # no pair

"""What all plots have in common: titles, legends, names of arguments. New ones need an entry."""

from __future__ import annotations

import inspect
import io
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import fastnn
from fastnn import explain, metrics, nn, optim, plot
from fastnn.plot import legends
from fastnn.plot.axes import PALETTE
from fastnn.train.either_name import OUTPUTS, TARGETS

matplotlib.use("Agg")

DRAW = np.random.default_rng(0)
X = DRAW.standard_normal((60, 2)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
LOSS = nn.CrossEntropyLoss()
# Curves that fill their axes, so that a legend within finds no free place.
FULL = {"loss": list(1 + np.sin(np.arange(40.0))), "val_loss": list(1 + np.cos(np.arange(40.0)))}


def net() -> nn.Module:
    _ = fastnn.manual_seed(0)
    return nn.MLP(2, [4, 4], 2)


def valley(x: Any, y: Any) -> Any:
    return x**2 + 10 * y**2


def sgd(rate: float) -> Callable[..., Any]:
    return lambda w: optim.SGD(w, lr=rate)


def schedule() -> Any:
    return optim.lr_scheduler.ExponentialLR(optim.SGD(net().parameters(), lr=0.1), 0.9)


PLOTS: dict[str, Callable[[Any], Any]] = {
    "activations": lambda ax: plot.activations(nn.ReLU(), nn.Tanh(), ax=ax),
    "calibration": lambda ax: plot.calibration(Y, np.abs(X[:, 0]) % 1, ax),
    "confusion_matrix": lambda ax: plot.confusion_matrix(Y, 1 - Y, ["no", "yes"], ax),
    "decision_boundary": lambda ax: plot.decision_boundary(
        net(), X, Y, points=20, shade="probability", classes=["no", "yes"], ax=ax
    ),
    "gradient_norms": lambda ax: plot.gradient_norms(net(), X, Y, LOSS, label="a net", ax=ax),
    "importance": lambda ax: plot.importance([0.1, 0.7], ["width", "kind"], ax),
    "learning_curves": lambda ax: plot.learning_curves(FULL, ax),
    "loss_landscape": lambda ax: plot.loss_landscape(net(), X, Y, LOSS, points=3, ax=ax),
    "losses": lambda ax: plot.losses(nn.MSELoss(), nn.L1Loss(), derivatives=True, ax=ax),
    "optimizer_paths": lambda ax: plot.optimizer_paths(
        valley, {"slow": sgd(0.01), "fast": sgd(0.09)}, (2.0, 1.0), steps=20, ax=ax
    ),
    "partial_dependence": lambda ax: plot.partial_dependence(
        explain.partial_dependence(lambda x: np.stack([x[:, 0], -x[:, 0]], 1), X, 0),
        "x", ax, classes=["no", "yes"],
    ),
    "predicted_against_true": lambda ax: plot.predicted_against_true([1.0, 2.0], [1.1, 1.8], ax),
    "schedules": lambda ax: plot.schedules(schedule(), schedule(), steps=9, ax=ax),
    "weight_histograms": lambda ax: plot.weight_histograms(net(), ax=ax),
}  # fmt: skip


def titles(ax: Any) -> list[str]:
    return [text for place in ("left", "center", "right") if (text := ax.get_title(loc=place))]


def test_every_plot_is_here() -> None:
    others = {"PALETTE", "training_report"}  # the latter is a figure of three of them
    assert set(plot.__all__) - PLOTS.keys() == others


@pytest.mark.every(8)
@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("place", ["left", "center", "right"])
def test_a_title_of_the_user_replaces_ours(name: str, place: Any) -> None:
    ax = PLOTS[name](None)
    assert len(titles(ax)) == 1
    _ = ax.set_title("Mine", loc=place)
    assert titles(ax) == ["Mine"]
    assert PLOTS[name](ax) is ax and titles(ax) == ["Mine"]
    given = Figure().add_subplot()
    given.set(xlabel="my x", ylabel="my y")
    _ = given.set_title("Mine", loc=place)
    _ = PLOTS[name](given)
    assert titles(given) == ["Mine"]
    assert (given.get_xlabel(), given.get_ylabel()) == ("my x", "my y")


@pytest.mark.every(5)
@pytest.mark.parametrize("name", PLOTS)
def test_a_second_plot_replaces_our_title(name: str) -> None:
    given = plot.activations(nn.ReLU())
    _ = PLOTS[name](given)
    assert titles(given) == titles(PLOTS[name](None)) != [] and len(titles(given)) == 1


@pytest.mark.every(5)
@pytest.mark.parametrize("layout", ["constrained", None])
@pytest.mark.parametrize("name", PLOTS)
def test_a_legend_covers_nothing(name: str, layout: Any) -> None:
    """Neither a curve nor a point, nor is it cut off; in a figure with and without a layout."""
    ax = PLOTS[name](Figure(layout=layout).add_subplot())
    figure = ax.figure
    figure.draw_without_rendering()
    if ax.get_legend() is None:
        assert not ax.get_legend_handles_labels()[1]
        return
    box = ax.get_legend().get_window_extent()
    assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    for artist in [*ax.lines, *ax.collections, *ax.patches]:
        if isinstance(artist, Line2D):
            points = artist.get_transform().transform(artist.get_xydata())
            middle = (points[1:] + points[:-1]) / 2
            points = np.concatenate([points, middle])
        elif isinstance(artist, ContourSet):
            corners = [path.vertices for path in artist.get_paths() if len(path.vertices)]
            points = ax.transData.transform(np.concatenate(corners))
        elif len(artist.get_offsets() if hasattr(artist, "get_offsets") else ()) > 1:
            points = ax.transData.transform(artist.get_offsets())
        else:  # a mesh or an area
            area = artist.get_window_extent()
            assert not box.shrunk(0.98, 0.98).overlaps(area), artist
            continue
        inside = (points > box.min).all(axis=1) & (points < box.max).all(axis=1)
        assert not inside.any(), artist.get_label()


def test_a_legend_makes_room_once() -> None:
    ax = Figure().add_subplot()
    first = plot.learning_curves(FULL, ax).get_ylim()
    legends.legend(ax)
    assert ax.get_ylim() == pytest.approx(first) and first[1] > 2.2


def test_panels_share_a_legend() -> None:
    history = fastnn.History()
    for epoch in range(5):
        logs = {"loss": 1.0, "val_loss": 1.2, "accuracy": 0.5, "val_accuracy": 0.6}
        history.add(epoch, logs)
    axes = history.plot()
    figure = axes[0].figure
    figure.draw_without_rendering()
    (shared,) = figure.legends
    assert [text.get_text() for text in shared.get_texts()] == ["training", "validation"]
    top = shared.get_window_extent().y1
    assert all(ax.get_window_extent().y0 > top for ax in axes)


# What the three kinds of colour blindness leave of linear RGB; Machado et al. 2009, severity 1.
BLIND = {
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritan": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB under D65."""
    m = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.clip(rgb, 0, 1) @ np.array(m).T / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


@pytest.mark.parametrize("kind", BLIND)
def test_the_colour_blind_can_tell_the_first_colours_apart(kind: str) -> None:
    srgb = np.array([matplotlib.colors.to_rgb(color) for color in PALETTE[:6]])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = lab(linear @ np.array(BLIND[kind]).T)
    distance = np.linalg.norm(seen[:, None] - seen[None], axis=2)
    assert distance[np.triu_indices(6, 1)].min() > 15  # 2.3 is what can just be seen


def test_plots_can_be_pickled() -> None:
    ax = PLOTS["learning_curves"](None)
    again = pickle.loads(pickle.dumps(ax.figure)).axes[0]
    assert titles(again) == titles(ax)


# ---- outputs and targets by name ----

SCORES = np.stack([-X[:, 0], X[:, 0]], 1)
VALUES = X[:, 0] ** 2 + 1
EXTRA: dict[str, dict[str, Any]] = {"top_k": {"k": 1}}
FUNCTIONS: dict[str, Any] = {
    **{f"metrics.{n}": getattr(metrics, n) for n in metrics.__all__
       if inspect.isfunction(getattr(metrics, n)) and n not in ("named", "whole_set", "top_5")},
    "plot.confusion_matrix": plot.confusion_matrix,
    "plot.predicted_against_true": plot.predicted_against_true,
    "plot.calibration": plot.calibration,
    "plot.training_report": plot.training_report,
}  # fmt: skip
OF_VALUES = (
    "mse mae mape msle pinball mean_poisson_deviance mean_gamma_deviance rmse max_error r2 "
    "median_absolute_error explained_variance predicted_against_true training_report"
).split()


def pair(name: str) -> tuple[Any, Any, dict[str, Any]]:
    """Output, target and what else a function takes."""
    short = name.rpartition(".")[2]
    if short in OF_VALUES:
        more = {"history": FULL, "path": io.BytesIO()} if short == "training_report" else {}
        return VALUES, VALUES + 0.1, more
    if name == "plot.confusion_matrix":
        return SCORES.argmax(1), Y, {"classes": ["no", "yes"]}
    if name == "plot.calibration":
        return np.abs(X[:, 0]) % 1, Y, {}
    return SCORES, Y, EXTRA.get(short, {})


def text_of(result: Any) -> Any:
    """The numbers of a result: of axes those in title and data."""
    if isinstance(result, Figure):
        return [text_of(ax) for ax in result.axes]
    if hasattr(result, "get_title"):
        drawn = [line.get_xydata().tolist() for line in result.lines]
        marks = [part.get_offsets().tolist() for part in result.collections]
        return result.get_title(), drawn, marks, [text.get_text() for text in result.texts]
    return np.asarray(result).tolist()


def test_every_function_of_outputs_and_targets_is_here() -> None:
    two = {*TARGETS}, {*OUTPUTS}
    for module, prefix in ((plot, "plot"), (metrics, "metrics")):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) and name != "top_5":
                names = set(inspect.signature(value).parameters)
                has_both = all(names & known for known in two)
                assert not has_both or f"{prefix}.{name}" in FUNCTIONS, name
    assert len(FUNCTIONS) > 30


@pytest.mark.parametrize("name", FUNCTIONS)
def test_names_in_any_order(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs and targets by torch's names and by scikit-learn's, as by place."""
    monkeypatch.setattr(Figure, "savefig", lambda *args: None)  # a report takes its time for it
    call = FUNCTIONS[name]
    output, target, more = pair(name)
    places = list(inspect.signature(call).parameters)
    own = [n for n in places if n in (*OUTPUTS, *TARGETS)]
    order = [target if n in TARGETS else output for n in own]
    assert (own[0] in TARGETS) == name.startswith("plot."), "scikit-learn's order in plots alone"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if places[0] == own[0]:
            wanted = text_of(call(*order, **more))
        else:
            wanted = text_of(call(**dict(zip(own, order)), **more))
        assert text_of(call(target=target, output=output, **more)) == wanted
        assert text_of(call(y_true=target, y_pred=output, **more)) == wanted
        assert text_of(call(y_true=target, y_score=output, **more)) == wanted
    with pytest.raises(TypeError, match="twice"):
        call(output=output, y_pred=output, target=target, **more)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n.rpartition(".")[2] not in OF_VALUES])
def test_a_swapped_order_is_warned_of(name: str) -> None:
    call = FUNCTIONS[name]
    output, target, more = pair(name)
    scores = np.abs(X[:, 0]) % 1 if name.startswith("plot.") else output
    swapped = (scores, target) if name.startswith("plot.") else (target, scores)
    with pytest.warns(UserWarning, match="look swapped.*the order is"):
        try:
            call(*swapped, **more)
        except (ValueError, IndexError):
            pass  # it says more
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(*reversed((output, target)) if name.startswith("plot.") else (output, target), **more)

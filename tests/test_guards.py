"""fastnn.guards: the problems found before and after training, and no false alarms."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, guards, nn, optim, random
from fastnn.nn import functional as F
from fastnn.tensor import of_array

RNG = np.random.default_rng(3)
X = RNG.normal(size=(40, 5)).astype(np.float32)
CLASSES = RNG.integers(0, 3, 40)
LABELS = RNG.integers(0, 2, (40, 3)).astype(np.float32)
SHARES = np.eye(3, dtype=np.float32)[CLASSES]


class Ends(nn.Module):
    """A layer, then a function of yours."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.function = nn.Linear(5, 3), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.layer(x))


def ends_in(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(5, 3), *layers)


def by_hand(z: Tensor) -> Tensor:
    e = (z - 1).exp()
    return e / e.sum(1, keepdim=True)


def said(model: nn.Module, loss: Any, y: Any = CLASSES) -> str:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        guards.before_training(model, loss, X, y)
    return "; ".join(str(warning.message) for warning in found)


WEIGHT = of_array(np.array([1, 2, 3], np.float32))
TWICE: dict[str, tuple[nn.Module, Any, Any]] = {
    "layer": (ends_in(nn.Softmax(dim=1)), nn.CrossEntropyLoss(), CLASSES),
    "layer in layers": (nn.Sequential(ends_in(nn.Softmax(dim=1))), nn.CrossEntropyLoss(), CLASSES),
    "function": (Ends(lambda z: z.softmax(1)), nn.CrossEntropyLoss(), CLASSES),
    "view of it": (Ends(lambda z: z.T.softmax(0).T), nn.CrossEntropyLoss(), CLASSES),
    "view of sigmoid": (
        Ends(lambda z: z.sigmoid().reshape(-1, 1, 3)[:, 0]),
        nn.BCEWithLogitsLoss(),
        LABELS,
    ),
    "view in the loss": (
        ends_in(nn.Sigmoid()),
        lambda z, y: F.binary_cross_entropy_with_logits(z.reshape(-1), y.reshape(-1)),
        LABELS,
    ),
    "by hand": (Ends(by_hand), nn.CrossEntropyLoss(), CLASSES),
    "shares": (ends_in(nn.Softmax(dim=1)), nn.CrossEntropyLoss(), SHARES),
    "smoothed": (ends_in(nn.Softmax(dim=1)), nn.CrossEntropyLoss(label_smoothing=0.1), CLASSES),
    "weighted": (ends_in(nn.Softmax(dim=1)), nn.CrossEntropyLoss(weight=WEIGHT), CLASSES),
    "focal": (ends_in(nn.Softmax(dim=1)), nn.FocalLoss(), CLASSES),
    "loss function": (ends_in(nn.Softmax(dim=1)), F.cross_entropy, CLASSES),
    "own loss": (
        ends_in(nn.Softmax(dim=1)),
        lambda z, y: -(y * F.log_softmax(z, 1)).sum(),
        SHARES,
    ),
    "sigmoid": (ends_in(nn.Sigmoid()), nn.BCEWithLogitsLoss(), LABELS),
    "sigmoid, weighted": (ends_in(nn.Sigmoid()), nn.BCEWithLogitsLoss(pos_weight=WEIGHT), LABELS),
    "sigmoid function": (Ends(Tensor.sigmoid), nn.BCEWithLogitsLoss(), LABELS),
    "sigmoid focal": (ends_in(nn.Sigmoid()), nn.SigmoidFocalLoss(), LABELS),
    "multi-label": (ends_in(nn.Sigmoid()), nn.MultiLabelSoftMarginLoss(), LABELS),
}
RIGHT: dict[str, tuple[nn.Module, Any, Any]] = {
    "logits": (ends_in(), nn.CrossEntropyLoss(), CLASSES),
    "logits, relu": (ends_in(nn.ReLU()), nn.CrossEntropyLoss(), CLASSES),
    "logarithms": (ends_in(nn.LogSoftmax(dim=1)), nn.CrossEntropyLoss(), CLASSES),
    "nll": (ends_in(nn.LogSoftmax(dim=1)), nn.NLLLoss(), CLASSES),
    "bce": (ends_in(nn.Sigmoid()), nn.BCELoss(), LABELS),
    "labels": (ends_in(), nn.BCEWithLogitsLoss(), LABELS),
    "squares of probabilities": (ends_in(nn.Softmax(dim=1)), nn.MSELoss(), SHARES),
    "softmax inside": (
        nn.Sequential(nn.Linear(5, 3), nn.Softmax(dim=1), nn.Linear(3, 3)),
        nn.CrossEntropyLoss(),
        CLASSES,
    ),
    "own loss": (ends_in(nn.Softmax(dim=1)), lambda z, y: -(y * z.log()).sum(), SHARES),
    "sigmoids": (
        nn.Sequential(nn.Linear(5, 3), nn.Sigmoid(), nn.Linear(3, 3), nn.Sigmoid()),
        nn.MSELoss(),
        SHARES,
    ),
}


@pytest.mark.parametrize("name", TWICE)
def test_probabilities_into_a_logits_loss(name: str) -> None:
    message = said(*TWICE[name])
    assert "wants logits" in message and "probabilities" in message, name
    assert said(*TWICE[name]) == ""  # once is enough


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right(name: str) -> None:
    assert said(*RIGHT[name]) == ""


@pytest.mark.parametrize("last", [nn.Identity(), nn.Softmax(dim=1)], ids=["logits", "softmax"])
def test_no_logarithms_into_nll_loss(last: nn.Module) -> None:
    assert "NLLLoss wants log-probabilities" in said(ends_in(last), nn.NLLLoss())


def test_no_logarithms_into_kl_divergence() -> None:
    loss = nn.KLDivLoss(reduction="batchmean")
    assert "KLDivLoss wants log-prob" in said(ends_in(nn.Softmax(dim=1)), loss, SHARES)
    assert said(ends_in(nn.LogSoftmax(dim=1)), loss, SHARES) == ""


@pytest.mark.parametrize(
    "layers, what",
    [
        ((nn.Softmax(dim=1), nn.Softmax(dim=1)), "a softmax of a softmax"),
        ((nn.Softmax(dim=1), nn.Unflatten(1, (1, 3)), nn.Flatten(), nn.Sigmoid()), "a sigmoid of"),
    ],
)
def test_a_softmax_twice_in_the_model(layers: tuple[nn.Module, ...], what: str) -> None:
    assert what in said(ends_in(*layers), nn.MSELoss(), SHARES)


def test_metrics_of_logits_that_get_probabilities() -> None:
    def fit(loss: nn.Module, metrics: list[str]) -> None:
        model = ends_in(nn.Sigmoid())
        steps = optim.SGD(model.parameters(), lr=0.1)
        fastnn.Trainer(model, loss, steps).fit(X, LABELS, verbose=0, metrics=metrics)

    with pytest.warns(UserWarning, match="metrics: hamming want logits"):
        fit(nn.MSELoss(), ["mae", "hamming"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(nn.MSELoss(), ["mae"])
        fit(nn.BCELoss(), ["hamming"])


def test_fit_asks_once_and_before_it_trains() -> None:
    model = ends_in(nn.Softmax(dim=1))
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    before = model[0].weight.detach().numpy().copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="wants logits"):
            trainer.fit(X, CLASSES, verbose=0)
        assert np.array_equal(model[0].weight.detach().numpy(), before)
        trainer.fit(X, CLASSES, verbose=0)
    assert not np.array_equal(model[0].weight.detach().numpy(), before)


def test_the_warning_is_of_the_users_line() -> None:
    for ask in (lambda m: guards.before_training(m, nn.CrossEntropyLoss(), X, CLASSES), fit):
        with pytest.warns(UserWarning) as found:
            ask(ends_in(nn.Softmax(dim=1)))
        assert [warning.filename for warning in found] == [__file__]


def fit(model: nn.Module) -> None:
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer).fit(X, CLASSES, verbose=0)


def test_labels_out_of_range_are_refused_before_training() -> None:
    model = ends_in()
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    for wrong in (-1, 3, 2**31):
        with pytest.raises(ValueError, match=r"y: expected integer classes in 0\.\.2"):
            trainer.fit(X, np.where(np.arange(40) == 7, wrong, CLASSES), verbose=0)


def test_looking_changes_nothing() -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3))
    model[1].train()
    state = {name: t.numpy().copy() for name, t in model.state_dict().items()}
    drawn = random.get_rng_state()
    guards.before_training(model, nn.CrossEntropyLoss(), X, CLASSES)
    guards.activation_report(model, X)
    assert guards.first_non_finite(model, X) is None
    for name, t in model.state_dict().items():
        assert np.array_equal(t.numpy(), state[name]), name
    assert np.array_equal(random.get_rng_state(), drawn)
    assert all(m.training and not m._forward_hooks for m in model.modules())
    assert all(p.grad is None for p in model.parameters())


# ---- dead and saturated units ----


def linear(*weights: float) -> nn.Linear:
    layer = nn.Linear(1, len(weights))
    nn.init.zeros_(layer.bias)
    layer.weight.data[...] = of_array(np.array(weights, np.float32).reshape(-1, 1))
    return layer


def test_dead_and_saturated_units() -> None:
    model = nn.Sequential(
        linear(1, -1, 0, 2), nn.ReLU(), nn.Identity(), nn.Linear(4, 2), nn.Tanh(), nn.Softmax(dim=1)
    )
    nn.init.constant_(model[3].weight, 0.0)
    model[3].bias.data[...] = of_array(np.array([9.0, 0.1], np.float32))
    x = np.arange(1.0, 101.0).reshape(-1, 1)
    relu, tanh = guards.activation_report(model, x)
    assert relu == ("1: ReLU", 4, 0.5, 0.5)  # -1 and 0 for all rows
    assert tanh == ("4: Tanh", 2, 0.5, 0.5)  # 1 - tanh(9)^2 is 0 in float32
    assert str(guards.activation_report(model, x)).splitlines() == [
        "Layer    Units   Dead  Saturated",
        "1: ReLU      4  50.0%      50.0%",
        "4: Tanh      2  50.0%      50.0%",
    ]


def test_saturated_is_more_than_95_rows_of_100() -> None:
    x = np.ones((100, 1))
    x[:5] = -1  # where the ReLU is 0
    model = nn.Sequential(linear(-1, 1), nn.ReLU())
    assert guards.activation_report(model, x)[0][2:] == (0.0, 0.0)
    x[4] = 1
    assert guards.activation_report(model, x)[0][2:] == (0.0, 0.5)


@pytest.mark.parametrize("kind", [nn.Sigmoid, nn.Hardtanh, nn.ReLU6, nn.Softsign, nn.Hardsigmoid])
def test_saturated_kinds(kind: type[nn.Module]) -> None:
    model = nn.Sequential(linear(1000.0, 0.1), kind())
    (found,) = guards.activation_report(model, np.linspace(1.0, 2.0, 20)[:, None])
    assert found.units == 2 and found.saturated == 0.5


# ---- numbers that are none ----


class Times(nn.Module):
    scale = 1.0

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def test_the_first_that_is_not_finite() -> None:
    model = nn.Sequential(
        nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 4, bias=False), Times(), nn.Tanh()
    )
    assert guards.first_non_finite(model, X) is None
    model[3].scale = float("inf")
    assert guards.first_non_finite(model, X) == "the output of 3: Times"
    model[2].weight.data[1, 2] = float("nan")
    assert guards.first_non_finite(model, X) == "the parameter 2.weight"
    model[0].bias.data[0] = float("-inf")
    assert guards.first_non_finite(model, X) == "the parameter 0.bias"
    assert guards.first_non_finite(model, np.full((1, 5), np.inf)) == "x"
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_refused() -> None:
    with pytest.raises(TypeError, match="model: expected a Module"):
        guards.activation_report(lambda x: x, X)  # type: ignore[arg-type]

"""The nets of the playground beside fastnn's own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from playground_nets import (
    ACTIVATIONS,
    LOSSES,
    OPTIMIZERS,
    PLACES,
    SCHEDULES,
    Net,
    frame_of,
)

import fastnn
from fastnn import explain, nn, optim
from fastnn._core.engine import PlayNet

LAYERS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU}
LOSS = {"squared": nn.MSELoss, "cross_entropy": nn.BCEWithLogitsLoss, "absolute": nn.L1Loss}

# ---- the nets ----


class Sine(nn.Module):
    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        return fastnn.sin(x)


def model_of(net: Net) -> nn.Sequential:
    """The same net in fastnn, with the same first weights."""
    widths = [2, *net.units]
    made: list[nn.Module] = []
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        made.append(nn.Linear(n_in, n_out))
        with fastnn.no_grad():
            made[-1].weight.copy_(fastnn.tensor(net.weights[i][0].T.copy()))
            made[-1].bias.copy_(fastnn.tensor(net.weights[i][1]))
        if i + 1 < len(net.units) and net.activation != "linear":
            made.append(Sine() if net.activation == "sin" else LAYERS[net.activation]())
    return nn.Sequential(*made)


def optimizer_of(net: Net, parameters: object) -> optim.Optimizer:
    more = {"l1": net.l1, "weight_decay": net.decay or net.decoupled}
    if net.optimizer == "rprop":
        return optim.Rprop(parameters, lr=net.lr)
    if net.optimizer == "sgd":
        more["momentum"] = 0.9
    kinds = {
        "sgd": optim.SGD, "rmsprop": optim.RMSprop, "adagrad": optim.Adagrad, "adam": optim.Adam,
        "nadam": optim.NAdam, "lion": optim.Lion,
    }  # fmt: skip
    return kinds[net.optimizer](parameters, lr=net.lr, **more)


def flat(model: nn.Module, of: str) -> np.ndarray:
    """Parameters or gradients in the order of a frame: weights (n_in, n_out), biases."""
    parts = []
    for layer in model:
        if isinstance(layer, nn.Linear):
            pair = (
                (layer.weight, layer.bias)
                if of == "value"
                else (layer.weight.grad, layer.bias.grad)
            )
            parts += [pair[0].detach().numpy().T.ravel(), pair[1].detach().numpy().ravel()]
    return np.concatenate(parts)


def cases() -> Iterator[Net]:
    for i, activation in enumerate(ACTIVATIONS):
        yield Net(activation=activation, loss=LOSSES[i % 3], batch=47)
    for i, optimizer in enumerate(OPTIMIZERS):
        yield Net(
            optimizer=optimizer, loss=LOSSES[i % 3], batch=47, lr=0.02,
            l1=1e-3 if i == 2 else 0, decay=1e-2 if i in (0, 3) else 0,
            decoupled=1e-2 if optimizer == "lion" else 0,
        )  # fmt: skip
    yield Net(units=(1,), batch=47)
    yield Net(units=(3, 1, 4, 1, 5, 1), batch=47)


@pytest.mark.parametrize(
    "net", list(cases()), ids=lambda n: f"{n.activation}-{n.optimizer}-{n.units}"
)
def test_a_net_has_the_bits_of_a_compiled_step(net: Net) -> None:
    """Batches of all rows: each step sees them in the order of its epoch's shuffle."""
    from fastnn._core import program

    model, play = model_of(net), PlayNet(net.numbers, net.data)
    optimizer, loss = optimizer_of(net, model.parameters()), LOSS[net.loss]()

    @fastnn.compile
    def step(x: fastnn.Tensor, y: fastnn.Tensor) -> fastnn.Tensor:
        optimizer.zero_grad()
        error = loss(model(x), y)
        error.backward()
        optimizer.step()
        return error

    for epoch in range(3):
        order = np.empty(len(net.x[0]), np.int64)
        program.shuffle(order, net.seed, epoch)
        step(fastnn.tensor(net.x[0][order]), fastnn.tensor(net.y[0][order, None]))
        frame = frame_of(play.frame(1, False))
        np.testing.assert_array_equal(frame.gradients, flat(model, "grad"))
        np.testing.assert_array_equal(frame.parameters, flat(model, "value"))
    with fastnn.no_grad():
        error = loss(model(fastnn.tensor(net.x[1])), fastnn.tensor(net.y[1][:, None])).item()
    assert frame.test_loss == error


def test_several_batches_an_epoch() -> None:
    """The tail batch, and any way of asking for the same steps."""
    net = Net(dropout=0.2, l1=1e-4, schedule="steps", period=2)
    whole, parts = (PlayNet(net.numbers, net.data) for _ in range(2))
    for steps in (1, 3, 1, 0, 7, 2, 23):
        frame = parts.frame(steps, False)
    assert frame == whole.frame(37, False)
    found = frame_of(frame)
    assert (found.status, found.epoch, found.step) == (0, 7, 37)
    assert found.rate == net.lr * 0.5**3


def test_it_learns() -> None:
    net = Net()
    play = PlayNet(net.numbers, net.data)
    before, after = frame_of(play.frame(0, False)), frame_of(play.frame(3000, False))
    assert after.train_loss < 0.02 < before.train_loss


RATES = {
    "constant": lambda e: 1,
    "steps": lambda e: 0.5 ** (e // 10),
    "exponential": lambda e: 0.5**e,
    "cosine": lambda e: (1 + np.cos(np.pi * e / 10)) / 2,
    "warmup": lambda e: 0.5 + 0.5 * min(e / 10, 1),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules(schedule: str) -> None:
    net = Net(schedule=schedule, batch=47, lr=0.25)
    play = PlayNet(net.numbers, net.data)
    rates = [frame_of(play.frame(e > 0, False)).rate for e in range(25)]
    np.testing.assert_allclose(rates, [0.25 * RATES[schedule](e) for e in range(25)], 1e-14, 1e-16)


def test_the_rest_of_a_frame() -> None:
    """Outputs of the rows, histograms, outputs of each unit on the grid."""
    net = Net(units=(3, 1), activation="relu")
    rest = frame_of(PlayNet(net.numbers, net.data).frame(0, True)).rest
    with fastnn.no_grad():
        model = model_of(net)
        train, test = (model(fastnn.tensor(x)).numpy().ravel() for x in net.x[:2])
        hidden = model[1](model[0](fastnn.tensor(net.x[0]))).numpy()
        grid = model[1](model[0](fastnn.tensor(net.x[2]))).numpy()
    np.testing.assert_array_equal(rest[:67], np.concatenate([train, test]))
    least, most, *bins = rest[67:93]
    assert (least, most) == (hidden.min(), hidden.max())
    counts, edges = np.histogram(hidden, 24, (least, most))
    assert sum(bins) == hidden.size
    near = np.abs(hidden.reshape(-1, 1) - edges) < 1e-6 * most  # rounding may choose either bin
    assert np.abs(bins - counts).sum() <= 2 * (near.sum() - (hidden == least).sum() - 1)
    np.testing.assert_array_equal(rest[119:167].reshape(16, 3), grid)
    assert rest.size == 167 + 16


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    net = Net(activation="linear", optimizer="sgd", lr=1e9)
    play = PlayNet(net.numbers, net.data)
    found = frame_of(play.frame(1000, False))
    assert found.status == 2 and 0 < found.step < 1000
    assert frame_of(play.frame(1000, False)).step == found.step


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_step_by_hand(activation: str) -> None:
    """The numbers of explain.trace; afterwards everything is as it was."""
    net = Net(units=(4, 3, 1), activation=activation, optimizer="sgd", lr=0.1, dropout=0.5)
    play = PlayNet(net.numbers, net.data)
    got = np.frombuffer(play.trace(5), np.float32)
    want = explain.trace(
        model_of(net), net.x[0][5:6], net.y[0][5:6, None], nn.MSELoss(), lr=0.1, show=False
    )
    np.testing.assert_array_equal(got[:3], [*net.x[0][5], net.y[0][5]])
    assert got[3] == np.float32(want.error)
    at = 4
    for layer in want.layers:
        slope = np.ones_like(layer.net) if layer.slope is None else layer.slope
        for part in (layer.net, layer.out, layer.dout, slope, layer.delta):
            n = part.size
            np.testing.assert_allclose(got[at : at + n], part.ravel(), rtol=2e-6, atol=1e-7)
            at += n
    for part in ("gradient", "updated"):
        for layer in want.layers:
            for name in ("weight", "bias"):
                values = getattr(layer.weights[name], part).T.ravel()
                np.testing.assert_allclose(got[at : at + values.size], values, rtol=2e-6, atol=1e-7)
                at += values.size
    assert at == got.size
    assert play.frame(50, True) == PlayNet(net.numbers, net.data).frame(50, True)


WRONG = [
    ("TRAIN", 0), ("TEST", 1e9), ("GRID", 0.5), ("INPUTS", 17), ("BATCH", 0), ("SEED", -1),
    ("ACTIVATION", 6), ("LOSS", 3), ("DROPOUT", 1), ("OPTIMIZER", 7), ("LR", np.nan),
    ("SCHEDULE", 5), ("PERIOD", 0), ("N_LAYERS", 10), ("N_LAYERS", 2), ("UNITS", 17),
    ("MOMENTS", 0), ("MOMENTS", 8), ("DROPOUT", -0.5), ("UNITS", 0), ("UNITS", 1.5), ("LAST", 2),
]  # fmt: skip


@pytest.mark.parametrize("name, value", WRONG)
def test_wrong_numbers_are_refused(name: str, value: float) -> None:
    last = PLACES["UNITS"] + len(Net().units) - 1
    net = Net(changes={last if name == "LAST" else PLACES[name]: value})
    with pytest.raises(ValueError, match=r"expected|too few|needs"):
        PlayNet(net.numbers, net.data)


def test_wrong_data_are_refused() -> None:
    net = Net()
    for numbers, data in ((net.numbers, net.data[:-4]), (net.numbers[:80], net.data), (b"", b"")):
        with pytest.raises(ValueError, match=r"data: expected|numbers: there are too few"):
            PlayNet(numbers, data)

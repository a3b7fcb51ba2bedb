"""Further activations, losses and containers: values by their formulas."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from replay import replayed

import fastnn
from fastnn import Tensor, nn
from fastnn.autograd import gradcheck
from fastnn.nn import functional as F
from fastnn.tensor import of_array

X = np.array([-25.0, -2.0, -0.5, 0.0, 0.25, 1.0, 3.0, 30.0])
NEAR = np.array([-2.0, -0.5, 0.25, 1.0, 3.0])  # away from kinks, for differences
ERF = np.vectorize(math.erf)


def t(values: Any, dtype: Any = np.float64, grad: bool = False) -> Tensor:
    return of_array(np.array(values, dtype), requires_grad=grad)


def tanh_gelu(x: np.ndarray) -> np.ndarray:
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


ACTIVATIONS: dict[str, tuple[nn.Module, Callable[[Tensor], Tensor], Any]] = {
    "relu": (nn.ReLU(), F.relu, np.maximum(X, 0)),
    "leaky": (nn.LeakyReLU(), F.leaky_relu, np.where(X > 0, X, 0.01 * X)),
    "leaky .2": (nn.LeakyReLU(0.2), lambda x: F.leaky_relu(x, 0.2), np.where(X > 0, X, 0.2 * X)),
    "elu": (nn.ELU(2.0), lambda x: F.elu(x, 2.0), np.where(X > 0, X, 2 * np.expm1(X))),
    "silu": (nn.SiLU(), F.silu, X / (1 + np.exp(-X))),
    "gelu": (nn.GELU(), F.gelu, X / 2 * (1 + ERF(X / math.sqrt(2)))),
    "gelu tanh": (nn.GELU("tanh"), lambda x: F.gelu(x, approximate="tanh"), tanh_gelu(X)),
    "softplus": (nn.Softplus(), F.softplus, np.where(X > 20, X, np.log1p(np.exp(X)))),
    "softplus 2 5": (
        nn.Softplus(2, 5),
        lambda x: F.softplus(x, 2, 5),
        np.where(2 * X > 5, X, np.log1p(np.exp(2 * X)) / 2),
    ),
    "log_softmax": (
        nn.LogSoftmax(0),
        lambda x: F.log_softmax(x, 0),
        X - 30 - np.log(np.exp(X - 30).sum()),
    ),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str, tmp_path: pathlib.Path) -> None:
    layer, function, want = ACTIVATIONS[name]
    assert function(t(X)).numpy() == pytest.approx(want, rel=1e-12, abs=1e-13)
    assert (layer(t(X)).numpy() == function(t(X)).numpy()).all()
    assert gradcheck(layer, (t(NEAR, grad=True),))
    assert np.isfinite(fastnn.grad(lambda x: layer(x).sum())(t(X)).numpy()).all()
    step = fastnn.compile(layer)
    for _ in range(2):
        assert (step(t(X)).numpy() == layer(t(X)).numpy()).all()
    nn.Sequential(nn.Linear(2, 2), layer).save(tmp_path / "net")
    assert repr(fastnn.load(tmp_path / "net")[1]) == repr(layer)


@pytest.mark.parametrize(
    ("name", "slope"), [("relu", 0), ("leaky", 0.01), ("elu", 2), ("silu", 0.5), ("gelu", 0.5)]
)
def test_derivative_at_0(name: str, slope: float) -> None:
    x = t([0.0], grad=True)
    ACTIVATIONS[name][0](x).backward()
    assert x.grad is not None and x.grad.item() == pytest.approx(slope)


Z, Y = np.array([[0.0, 1.0, 3.0], [-2.0, 0.5, 0.25]]), np.array([[0.5, 1.0, -1.0], [0.0, 0.0, 1.0]])
D = np.abs(Z - Y)
P = np.array([[0.2, 0.5, 0.3], [0.1, 0.8, 0.1]])
Q = np.array([[0.0, 0.5, 0.5], [0.3, 0.3, 0.4]])
LOG_Q = np.log(np.maximum(Q, 1e-300))
BINARY = -(Q * np.log(P) + (1 - Q) * np.log1p(-P))
W = np.array([1.0, 2.0, 3.0])
LOSSES: dict[str, tuple[Any, Any, Any, Any]] = {  # class with its options, z, y, each
    "l1": (nn.L1Loss, Z, Y, D),
    "smooth": (nn.SmoothL1Loss, Z, Y, np.where(D < 1, D * D / 2, D - 0.5)),
    "smooth .5": (
        lambda r: nn.SmoothL1Loss(r, beta=0.5), Z, Y, np.where(D < 0.5, D * D, D - 0.25)),
    "smooth 0": (lambda r: nn.SmoothL1Loss(r, beta=0), Z, Y, D),
    "huber": (
        lambda r: nn.HuberLoss(r, delta=2), Z, Y, np.where(D < 2, D * D / 2, 2 * (D - 1))),
    "bce": (lambda r: nn.BCELoss(reduction=r), P, Q, BINARY),
    "bce weight": (lambda r: nn.BCELoss(t(W), r), P, Q, BINARY * W),
    "kl": (nn.KLDivLoss, np.log(P), Q, Q * (LOG_Q - np.log(P))),
    "kl log": (
        lambda r: nn.KLDivLoss(r, log_target=True), np.log(P), np.log(P[::-1]),
        P[::-1] * (np.log(P[::-1]) - np.log(P))),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str) -> None:
    make, z, y, each = LOSSES[name]
    assert make("none")(t(z), t(y)).numpy() == pytest.approx(each, rel=1e-12, abs=1e-300)
    for reduction, want in (("mean", each.mean()), ("sum", each.sum())):
        loss = make(reduction)
        assert loss(t(z), t(y)).item() == pytest.approx(want, rel=1e-12)
        step = fastnn.compile(loss)
        assert [step(t(z), t(y)).item() for _ in range(2)] == [loss(t(z), t(y)).item()] * 2
    inputs = t(z + 1e-3 * (not name.startswith("kl")), grad=True), t(y)  # beside the kinks
    assert gradcheck(make("mean"), inputs)
    with pytest.raises(ValueError, match="nothing is broadcast"):
        make("mean")(t(z), t(y[0]))
    with pytest.raises(ValueError, match="reduction"):
        make("avg")


def test_kl_per_row() -> None:
    """'batchmean' is the divergence: Q = P gives 0, and the rows are averaged."""
    want = (Q * (LOG_Q - np.log(P))).sum() / 2
    assert nn.KLDivLoss("batchmean")(t(np.log(P)), t(Q)).item() == pytest.approx(want)
    assert F.kl_div(t(np.log(P)), t(P), reduction="batchmean").item() == pytest.approx(0)


def test_bce_at_the_ends() -> None:
    """A log is at least -100; the gradient (p - y) / max(p (1 - p), 1e-12)."""
    p, y = t([0.0, 1.0, 0.0, 1.0], grad=True), t([0.0, 1.0, 1.0, 0.0])
    loss = F.binary_cross_entropy(p, y, reduction="none")
    assert loss.tolist() == [0, 0, 100, 100]
    loss.sum().backward()
    assert p.grad is not None and p.grad.numpy() == pytest.approx([0, 0, -1e12, 1e12])
    inner = t(0.8 * np.asarray(Q) + 0.1, grad=True)  # targets beyond 0..1 are refused
    assert gradcheck(nn.BCELoss(), (t(P), inner))
    step = fastnn.compile(nn.BCELoss())
    step(t([0.5]), t([1.0]))
    for loss in (nn.BCELoss(), step):  # a replay looks at its inputs too
        with pytest.raises(ValueError, match=r"input: expected numbers in 0\.\.1, got 1\.5"):
            loss(t([1.5]), t([1.0]))


@pytest.mark.parametrize(
    ("weight", "ignored", "reduction", "want"),
    [(None, -100, "mean", -(math.log(0.5) + math.log(0.1)) / 2),
     (None, -100, "none", [-math.log(0.5), -math.log(0.1)]),
     (W, -100, "none", [-2 * math.log(0.5), -3 * math.log(0.1)]),
     (W, -100, "mean", -(2 * math.log(0.5) + 3 * math.log(0.1)) / 5),
     (W, 2, "sum", -2 * math.log(0.5)), (W, 2, "mean", -math.log(0.5)),
     (None, 2, "none", [-math.log(0.5), 0])],
)  # fmt: skip
def test_nll(weight: Any, ignored: int, reduction: Any, want: Any) -> None:
    chosen = None if weight is None else t(weight)
    loss = nn.NLLLoss(chosen, ignore_index=ignored, reduction=reduction)
    log_p, y = t(np.log(P), grad=True), t([1, 2], np.int64)
    assert loss(log_p, y).detach().numpy() == pytest.approx(np.array(want), rel=1e-12)
    assert gradcheck(lambda x: loss(x, y), (log_p,))
    assert replayed(loss, t(np.log(P)), y).numpy() == pytest.approx(np.array(want))


def test_nll_at_the_ends() -> None:
    y = t([-100, -100], np.int64)
    assert math.isnan(F.nll_loss(t(np.log(P)), y).item())
    assert F.nll_loss(t(np.log(P)), y, reduction="sum").item() == 0
    sure = t([[-np.inf, 0.0]], grad=True)
    F.nll_loss(sure, t([1], np.int64)).backward()
    assert sure.grad is not None and sure.grad.tolist() == [[0, -1]]
    assert F.nll_loss(t([-1.0, -2.0]), t(1, np.int64), reduction="none").item() == 2
    for bad in ([3, 0], [-1, 0]):
        with pytest.raises(ValueError, match="target"):
            F.nll_loss(t(np.log(P)), t(bad, np.int64))
    with pytest.raises(TypeError, match="int64"):
        F.nll_loss(t(np.log(P)), t([0.0, 1.0]))


def test_functions() -> None:
    assert F.one_hot(t([0, 2], np.int64), 4).tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]
    assert F.normalize(t([[3.0, 4.0], [0.0, 0.0]])).numpy() == pytest.approx(
        np.array([[0.6, 0.8], [0, 0]])
    )
    assert F.normalize(t([[1.0, -3.0]]), p=1, dim=1).numpy() == pytest.approx(
        np.array([[0.25, -0.75]])
    )
    assert nn.Flatten()(t(np.zeros((2, 3, 4)))).shape == (2, 12)
    assert nn.Flatten(0, 1)(t(np.zeros((2, 3, 4)))).shape == (6, 4)
    assert nn.Linear(2, 1, device="cpu").weight.shape == (1, 2)
    with pytest.raises(RuntimeError, match="CPU alone"):
        nn.Linear(2, 1, device="cuda")


# ---- containers ----


def test_module_list() -> None:
    before = nn.Module.changes
    layers = nn.ModuleList([nn.Linear(2, 2), nn.ReLU()])
    assert nn.Module.changes > before
    layers.append(nn.Linear(2, 3)).extend([nn.Tanh()])
    layers.insert(1, nn.Sigmoid())
    names = [type(layer).__name__ for layer in layers]
    assert names == ["Linear", "Sigmoid", "ReLU", "Linear", "Tanh"]
    assert list(layers.state_dict()) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert type(layers[1:3]) is nn.ModuleList and len(layers[1:3]) == 2
    before = nn.Module.changes
    del layers[1]
    layers[-1] = nn.ReLU()
    assert nn.Module.changes > before and layers[2] in layers and nn.ReLU() not in layers
    assert type(layers.pop()) is nn.ReLU and len(layers + [nn.Tanh()]) == 4
    layers += [nn.Tanh()]
    del layers[:2]
    assert list(layers.state_dict()) == ["0.weight", "0.bias"] and len(layers) == 2
    for index in (2, -3):
        with pytest.raises(IndexError, match=r"expected -2\.\.1"):
            layers[index]
    with pytest.raises(TypeError, match="expected a Module"):
        layers.append(3)  # type: ignore[arg-type]


def test_module_dict() -> None:
    heads = nn.ModuleDict({"a": nn.Linear(2, 1), "b": nn.ReLU()})
    heads.update([("c", nn.Tanh())])
    heads["b"] = nn.Linear(1, 1)
    assert list(heads) == list(heads.keys()) == ["a", "b", "c"] and len(heads) == 3
    assert [name for name, _ in heads.items()] == ["a", "b", "c"]
    assert list(heads.state_dict()) == ["a.weight", "a.bias", "b.weight", "b.bias"]
    assert type(heads.pop("c")) is nn.Tanh and "c" not in heads and "a" in heads
    assert nn.ModuleDict(heads)["a"] is heads["a"] and len(list(heads.values())) == 2
    for name in ("keys", "x.y"):
        with pytest.raises(KeyError):
            heads[name] = nn.ReLU()
    with pytest.raises(KeyError):
        del heads["c"]
    heads.clear()
    assert len(heads) == 0


def test_parameter_list() -> None:
    before = nn.Module.changes
    weights = nn.ParameterList([nn.Parameter(np.ones(2, np.float32)), t([1.0, 2.0], np.float32)])
    assert nn.Module.changes > before
    weights.append(fastnn.zeros(3)).extend([fastnn.ones(1)])
    assert [name for name, _ in weights.named_parameters()] == ["0", "1", "2", "3"]
    assert type(weights[1]) is nn.Parameter and len(weights[1:]) == 3
    weights[0] = fastnn.zeros(5)
    assert [p.shape for p in weights] == [(5,), (2,), (3,), (1,)] and "shape (5,)" in repr(weights)


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(3))
        self.scales = nn.ParameterList(fastnn.ones(3) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for layer, scale in zip(self.layers, self.scales):
            x = F.gelu(layer(x)) * scale
        return x


def test_lists_train_compiled() -> None:
    """A step of a net of lists: the compiled one has the eager one's bits, and sees a change."""
    nets = []
    for wrap in (lambda f: f, fastnn.compile):
        fastnn.manual_seed(0)
        net, x = Deep(), fastnn.ones(4, 3)
        optimizer = fastnn.optim.SGD(net.parameters(), lr=0.1)

        def step(x: Tensor, net: Any = net, optimizer: Any = optimizer) -> Tensor:
            optimizer.zero_grad()
            loss = F.smooth_l1_loss(net(x), x * 2)
            loss.backward()
            optimizer.step()
            return loss

        run = wrap(step)
        losses = [run(x).item() for _ in range(3)]
        net.layers[1] = nn.Identity()
        losses += [run(x).item()]
        nets.append((losses, [p.tolist() for p in net.parameters()]))
    assert nets[0] == nets[1] and nets[0][0][2] < nets[0][0][0]


# ---- MindSpore's names, and vmap's ----


def test_cell_list() -> None:
    class Net(nn.Cell):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.CellList([nn.Dense(2, 3), nn.Dense(3, 1)])

        def construct(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = layer(x)
            return x

    net = Net()
    names = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert [p.name for p in net.trainable_params()] == list(net.state_dict()) == names
    assert type(net.layers[:1]) is nn.CellList and len(nn.CellList(nn.ReLU(), nn.ReLU())) == 2
    assert [p.name for p in net.trainable_params()] == names  # a slice leaves them as they were
    assert net(fastnn.ones(4, 2)).shape == (4, 1) and not net.layers.training


def test_mindspore_ops() -> None:
    ops: Any = fastnn.ops
    z, y, p, q = t(Z), t(Y), t(P), t(Q)
    assert ops.smooth_l1_loss(z, y).tolist() == F.smooth_l1_loss(z, y, reduction="none").tolist()
    assert ops.smooth_l1_loss(z, y, 0.5, "mean").item() == nn.SmoothL1Loss(beta=0.5)(z, y).item()
    assert ops.l1_loss(z, y).item() == pytest.approx(D.mean())
    assert ops.binary_cross_entropy(p, q, None, "sum").item() == pytest.approx(BINARY.sum())
    want = nn.KLDivLoss("batchmean")(p.log(), q).item()
    assert ops.kl_div(p.log(), q, "batchmean").item() == want
    assert ops.zeros_like(z).tolist() == (Z * 0).tolist()
    assert ops.ones_like(z, dtype=fastnn.int64).dtype == np.int64


def test_context() -> None:
    context = fastnn.mindspore.context
    context.set_context(mode=context.PYNATIVE_MODE, device_target="CPU")
    assert context.set_context is fastnn.set_context
    with pytest.raises(ValueError, match="'CPU'"):
        context.set_context(device_target="Ascend")


def test_vmap_by_axes() -> None:
    """vmap(f, in_axes, out_axes)(w, x)[:, i] = f(w, x[:, i])."""
    w, x = t([1.0, 2.0]), t([[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]])
    got = fastnn.vmap(lambda w, c: w * c, in_axes=(None, 1), out_axes=1)(w, x)
    assert got.tolist() == (w.numpy()[:, None] * x.numpy()).tolist()
    got = fastnn.vmap(lambda w, c: w * c, in_dims=(None, 1), out_dims=1)(w, x)
    assert got.shape == (2, 3)
    with pytest.raises(ValueError, match="at least one argument"):
        fastnn.vmap(lambda x: x, in_axes=None)(x)


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("draw", [fastnn.rand, fastnn.randn, lambda n: fastnn.randperm(n) * 1.0])
def test_vmap_refuses_draws(draw: Any, looks: bool) -> None:
    """At once and one by one; afterwards numbers can be drawn again."""

    def noisy(x: Tensor) -> Tensor:
        if looks:
            x.tolist()  # from here on one by one
        return x + draw(2)

    with pytest.raises(RuntimeError, match="randomness"):
        fastnn.vmap(noisy)(fastnn.ones(3, 2))
    assert draw(2).shape == (2,)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_per_sample(name: str) -> None:
    """vmap(f)[i] = f(x[i]), gradients too."""
    layer = ACTIVATIONS[name][0]
    x = t(np.stack([NEAR, NEAR[::-1]]))
    each = np.stack([layer(x[i]).numpy() for i in range(2)])
    assert fastnn.vmap(layer)(x).numpy() == pytest.approx(each, rel=1e-12)
    by = fastnn.grad(lambda x: (layer(x) * layer(x)).sum())
    each = np.stack([by(x[i]).numpy() for i in range(2)])
    assert fastnn.vmap(by)(x).numpy() == pytest.approx(each, rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_loss_per_sample(name: str) -> None:
    make, z, y, each = LOSSES[name]
    got = fastnn.vmap(make("sum"))(t(z), t(y)).numpy()
    assert got == pytest.approx(each.sum(1), rel=1e-12)
    by = fastnn.grad(make("sum"))
    want = np.stack([by(t(z[i]), t(y[i])).numpy() for i in range(2)])
    assert fastnn.vmap(by)(t(z), t(y)).numpy() == pytest.approx(want, rel=1e-12)

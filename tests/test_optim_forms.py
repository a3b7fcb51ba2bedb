"""Update forms that torch lacks, against NumPy loops; proximal L1; hooks; step counts."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from catalogue import public_classes
from numpy.typing import NDArray

import fastnn
from fastnn import nn, optim
from fastnn.nn import Parameter
from fastnn.tensor import Tensor, of_array

Array = NDArray[Any]
Settings = dict[str, Any]
START = np.array([1.0, -2.0, 3.0, 0.05])
STEPS = 30


def gradient(w: Array, t: int) -> Array:
    return w / 2 + np.sin(np.arange(w.size) + t)


def keras_sgd(w: Array, nesterov: bool) -> Iterator[Array]:
    lr, mu, velocity = 0.1, 0.9, np.zeros_like(w)
    for t in range(STEPS):
        g = gradient(w, t)
        velocity = mu * velocity - lr * g
        w = w + (mu * velocity - lr * g if nesterov else velocity)
        lr *= 0.9
        yield w


def keras_adam(w: Array, decay: float, amsgrad: bool) -> Iterator[Array]:
    lr, b1, b2, eps = 0.1, 0.9, 0.99, 1e-2
    m, v, largest = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t in range(STEPS):
        g = gradient(w, t)
        w = w - w * decay * lr
        m = m + (g - m) * (1 - b1)
        v = v + (g * g - v) * (1 - b2)
        largest = np.maximum(largest, v) if amsgrad else v
        rate = lr * np.sqrt(1 - b2 ** (t + 1)) / (1 - b1 ** (t + 1))
        w = w - m * rate / (np.sqrt(largest) + eps)
        lr *= 0.9
        yield w


def keras_rmsprop(w: Array, centered: bool, momentum: float) -> Iterator[Array]:
    lr, rho, eps = 0.1, 0.8, 1e-2
    v, mean, m = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t in range(STEPS):
        g = gradient(w, t)
        v = rho * v + (1 - rho) * g * g
        mean = rho * mean + (1 - rho) * g if centered else mean
        increment = lr * g / np.sqrt(v - mean * mean + eps)
        m = momentum * m + increment
        w = w - m
        lr *= 0.9
        yield w


def keras_adagrad(w: Array) -> Iterator[Array]:
    lr, total = 0.1, np.full_like(w, 0.1)
    for t in range(STEPS):
        g = gradient(w, t)
        total = total + g * g
        w = w - lr * g / np.sqrt(total + 1e-7)
        lr *= 0.9
        yield w


def mean_of_gradients(w: Array, decay: float) -> Iterator[Array]:
    lr, v = 0.1, np.zeros_like(w)
    for t in range(STEPS):
        v = 0.8 * v + 0.2 * (gradient(w, t) + decay * w)
        w = w - lr * v
        lr *= 0.9
        yield w


def lion(w: Array, decay: float, sign: float) -> Iterator[Array]:
    lr, m = 0.1, np.zeros_like(w)
    for t in range(STEPS):
        g = sign * gradient(w, t)
        w = w - lr * decay * w - lr * np.sign(0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g
        lr *= 0.9
        yield w


def decoupled_sgd(w: Array, l1: float, decay: float) -> Iterator[Array]:
    lr = 0.1
    for t in range(STEPS):
        w = w - lr * decay * w - lr * gradient(w, t)
        w = np.sign(w) * np.maximum(np.abs(w) - lr * l1, 0)
        lr *= 0.9
        yield w


def adafactor_step(w: Array, g: Array, t: int, state: list[Any], **settings: Any) -> Array:
    """torch's `_single_tensor_adafactor`; state: row_var and col_var, or variance."""
    lr, decay, (least, smallest) = (settings[key] for key in ("lr", "weight_decay", "eps"))
    least = np.finfo(w.dtype).eps if least is None else least
    weight = t ** settings["beta2_decay"]
    alpha = max(smallest, np.sqrt((w * w).mean())) * min(lr, t**-0.5)
    means = [(g * g).mean(axis, keepdims=True) for axis in (-1, -2)] if g.ndim > 1 else [g * g]
    state[:] = [s + weight * (m - s) for s, m in zip(state or [0.0, 0.0], means)]
    variance = state[0]
    if g.ndim > 1:
        below = np.maximum(state[0].mean(-2, keepdims=True), least)
        variance = np.einsum("...ij,...jk->...ik", *state) / below
    u = (-g if settings["maximize"] else g) / np.sqrt(np.maximum(variance, least**2))
    u = u / max(1.0, np.sqrt((u * u).mean()) / settings["d"])
    return w * (1 - lr * decay) - alpha * u


def adafactor(w: Array, **given: Any) -> Iterator[Array]:
    settings = {"beta2_decay": -0.8, "eps": (None, 1e-3), "d": 1.0, "weight_decay": 0.0,
                "maximize": False, "lr": 0.1, **given}  # fmt: skip
    state: list[Any] = []
    for t in range(STEPS):
        w = adafactor_step(w, gradient(w, t).reshape(w.shape), t + 1, state, **settings)
        settings["lr"] *= 0.9
        yield w


ADAFACTOR: Settings = {
    "lr": 0.5, "beta2_decay": -0.5, "eps": (0.2, 0.3), "d": 1.5, "weight_decay": 0.2,
    "maximize": True,
}  # fmt: skip
KERAS = {"lr": 0.1, "compat": "keras"}
FORMS: list[tuple[str, Settings, Iterator[Array]]] = [
    ("SGD", {**KERAS, "momentum": 0.9}, keras_sgd(START, False)),
    ("SGD", {**KERAS, "momentum": 0.9, "nesterov": True}, keras_sgd(START, True)),
    ("Adam", {**KERAS, "betas": (0.9, 0.99), "eps": 1e-2}, keras_adam(START, 0.0, False)),
    ("Adam", {**KERAS, "betas": (0.9, 0.99), "eps": 1e-2, "amsgrad": True},
     keras_adam(START, 0.0, True)),
    ("AdamW", {**KERAS, "betas": (0.9, 0.99), "eps": 1e-2, "weight_decay": 0.3},
     keras_adam(START, 0.3, False)),
    ("RMSprop", {**KERAS, "alpha": 0.8, "eps": 1e-2}, keras_rmsprop(START, False, 0.0)),
    ("RMSprop", {**KERAS, "alpha": 0.8, "eps": 1e-2, "centered": True, "momentum": 0.5},
     keras_rmsprop(START, True, 0.5)),
    ("Adagrad", KERAS, keras_adagrad(START)),
    ("EMAMomentum", {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.1},
     mean_of_gradients(START, 0.1)),
    ("Lion", {"lr": 0.1, "weight_decay": 0.2}, lion(START, 0.2, 1)),
    ("Lion", {"lr": 0.1, "weight_decay": 0.2, "maximize": True}, lion(START, 0.2, -1)),
    ("SGD", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True, "l1": 0.3},
     decoupled_sgd(START, 0.3, 0.2)),
    ("Adafactor", {"lr": 0.1}, adafactor(START)),
    ("Adafactor", ADAFACTOR, adafactor(START, **ADAFACTOR)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "settings", "loop"), FORMS)
def test_form(kind: str, settings: Settings, loop: Iterator[Array]) -> None:
    """lr falls by a tenth each step: forms of momentum that agree for one lr differ."""
    w = Parameter(START.copy())
    optimizer = getattr(optim, kind)([w], **settings)
    for t, want in enumerate(loop):
        w.grad = of_array(gradient(w.detach().numpy(), t))
        optimizer.step()
        optimizer.param_groups[0]["lr"] *= 0.9
        np.testing.assert_allclose(w.detach().numpy(), want, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("settings", [{"lr": 0.1}, ADAFACTOR])
def test_adafactor_keeps_squares_by_row_and_column(settings: Settings) -> None:
    """Of any shape, with gradients that are missing at times, and by way of its state."""
    shapes: list[tuple[int, ...]] = [(3, 4), (5,), (2, 3, 4), (), (4, 1)]
    drawn = np.random.default_rng(0)
    params = [Parameter(np.asarray(drawn.standard_normal(shape))) for shape in shapes]
    params[0] = Parameter(np.asarray(drawn.standard_normal((4, 3)).T))  # in another memory order
    want = [p.detach().numpy().copy() for p in params]
    full = {**inspect.signature(optim.Adafactor).parameters}
    known = {k: settings.get(k, full[k].default) for k in ADAFACTOR}
    states: list[list[Any]] = [[] for _ in shapes]
    done = [0] * len(shapes)
    optimizer = optim.Adafactor(params, **settings)
    for t in range(12):
        for i, p in enumerate(params):
            p.grad = None
            if (t + i) % 4:
                done[i] += 1
                g = np.asarray(drawn.standard_normal(shapes[i]))
                p.grad = of_array(g)
                want[i] = adafactor_step(want[i], g, done[i], states[i], **known)
        optimizer.step()
        if t == 5:
            saved, optimizer = optimizer.state_dict(), optim.Adafactor(params, lr=9.0)
            optimizer.load_state_dict(saved)
    for i, p in enumerate(params):
        np.testing.assert_allclose(p.detach().numpy(), want[i], rtol=1e-12, atol=1e-13)
        found = optimizer.state[p]
        names = ("row_var", "col_var") if len(shapes[i]) > 1 else ("variance",)
        assert list(found) == ["step", *names] and found["step"] == done[i]
        for name, value in zip(names, states[i]):
            np.testing.assert_allclose(found[name].numpy(), value, rtol=1e-12)
            assert found[name].shape == value.shape
    saved["state"][0]["row_var"] = saved["state"][0]["row_var"].reshape(1, 3)
    with pytest.raises(ValueError, match=r"expected row_var of shape \(3, 1\), got \(1, 3\)"):
        optimizer.load_state_dict(saved)


@pytest.mark.parametrize("kind", ["SGD", "Adagrad", "RMSprop", "Adadelta", "Adamax", "EMAMomentum"])
def test_decoupled_decay_is_that_of_a_step_without(kind: str) -> None:
    """p *= 1 - lr * weight_decay, then the step of the same gradients without decay."""
    w, twin = Parameter(START.copy()), Parameter(START.copy())
    make = getattr(optim, kind)
    decayed = make([w], lr=0.1, weight_decay=0.5, decoupled_weight_decay=True)
    plain = make([twin], lr=0.1)
    for t in range(5):
        g = gradient(START, t)
        w.grad, twin.grad = of_array(g), of_array(g.copy())
        twin.detach().copy_(w.detach() * (1 - 0.1 * 0.5))
        decayed.step()
        plain.step()
        np.testing.assert_allclose(w.detach().numpy(), twin.detach().numpy(), rtol=1e-14)


def followed(optimizer: optim.Optimizer, steps: int = 5) -> bytes:
    """The bits of the first parameter after steps along some gradients."""
    w = optimizer.param_groups[0]["params"][0]
    for t in range(steps):
        w.grad = of_array(gradient(START, t))
        optimizer.step()
    return w.detach().numpy().tobytes()


# Muon takes no vectors: test_muon.py.
KINDS = sorted(public_classes(optim, optim.Optimizer) - {"LBFGS", "LevenbergMarquardt", "Muon"})


@pytest.mark.parametrize("kind", KINDS)
def test_l1_moves_towards_zero_after_the_step(kind: str) -> None:
    """p = sign(p) max(|p| - lr l1, 0) of what the step without it makes."""
    w, twin = Parameter(START.copy()), Parameter(START.copy())
    make = getattr(optim, kind)
    shrunk, plain = make([w], lr=0.1, l1=0.4), make([twin], lr=0.1)
    for t in range(5):
        twin.detach().copy_(w.detach())
        w.grad, twin.grad = of_array(gradient(START, t)), of_array(gradient(START, t))
        shrunk.step()
        plain.step()
        p = twin.detach().numpy()
        want = np.sign(p) * np.maximum(np.abs(p) - 0.1 * 0.4, 0)
        np.testing.assert_allclose(w.detach().numpy(), want, rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_how_torch_computes_is_without_effect(kind: str) -> None:
    """foreach, fused and capturable say how, not what."""
    make = getattr(optim, kind)
    known = {"foreach", "fused", "capturable"} & set(inspect.signature(make).parameters)
    assert known or kind in ("EMAMomentum", "Lion")
    refuses = "differentiable" in inspect.signature(make).parameters
    plain = followed(make([Parameter(START.copy())]))
    for flag in known:
        for given in (True, False):
            assert followed(make([Parameter(START.copy())], **{flag: given})) == plain
    if refuses:
        with pytest.raises(ValueError, match="differentiable: expected False"):
            make([Parameter(START.copy())], differentiable=True)


def test_defaults_of_the_frameworks() -> None:
    w = Parameter(START.copy())
    for kind, want in {
        "SGD": {"lr": 0.01},
        "Adam": {"lr": 1e-3, "eps": 1e-7},
        "AdamW": {"eps": 1e-7, "weight_decay": 4e-3},
        "RMSprop": {"lr": 1e-3, "alpha": 0.9, "eps": 1e-7},
        "Adagrad": {"lr": 1e-3, "initial_accumulator_value": 0.1, "eps": 1e-7},
    }.items():
        group = getattr(optim, kind)([w], compat="keras").param_groups[0]
        assert {key: group[key] for key in want} == want
        kept = getattr(optim, kind)([w], lr=1.0, compat="keras").param_groups[0]
        assert kept["lr"] == 1.0 and type(group["lr"]) is float
    with pytest.raises(ValueError, match="compat: expected one of 'torch', 'keras', 'sklearn'"):
        optim.Adam([w], compat="jax")
    with pytest.raises(ValueError, match="dampening: expected 0 but with compat"):
        optim.SGD([w], momentum=0.9, dampening=0.1, compat="sklearn")


def test_proximal_l1_makes_exact_zeros(real: str) -> None:
    """Of ten features three matter; the lasso finds them, a penalty in the loss does not."""
    rng = np.random.RandomState(0)
    x, true = rng.standard_normal((200, 10)).astype(real), np.zeros(10, real)
    true[[1, 4, 7]] = 2.0, -1.0, 0.5
    inputs, targets = of_array(x), of_array(x @ true)
    zeros = []
    for proximal in (True, False):
        w = Parameter(np.full(10, 0.3, real))
        optimizer = optim.SGD([w], lr=0.05, l1=0.1 if proximal else 0.0)

        def step(w: Any = w, optimizer: Any = optimizer, proximal: bool = proximal) -> Tensor:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(inputs @ w, targets) / 2
            (loss if proximal else loss + 0.1 * w.abs().sum()).backward()
            optimizer.step()
            return loss

        run = fastnn.compile(step)
        for _ in range(300):
            run()
        zeros.append(np.flatnonzero(w.detach().numpy() == 0).tolist())
    assert zeros == [[0, 2, 3, 5, 6, 8, 9], []]


def test_step_hooks() -> None:
    w, seen = Parameter(START.copy()), []
    for optimizer in (optim.SGD([w]), optim.LBFGS([w], max_iter=1)):

        def closure(optimizer: Any = optimizer) -> Tensor:
            optimizer.zero_grad()
            loss = (w * w).sum()
            loss.backward()
            seen.append("closure")
            return loss

        before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("before"))
        optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("after"))
        optimizer.step(closure)
        before.remove()
        optimizer.step(closure)
        assert seen == ["before", "closure", "after", "closure", "after"]
        seen.clear()


def test_what_a_row_keeps_is_saved_and_cut_with_the_steps() -> None:
    """NAdam's product of momenta belongs to a parameter, as its step count does."""
    params = [Parameter(START.copy()), Parameter(START.copy())]
    alone = [Parameter(START.copy()), Parameter(START.copy())]
    together = optim.NAdam(params, lr=0.1)
    each = [optim.NAdam([p], lr=0.1) for p in alone]
    for t in range(6):
        for i in range(2):
            skipped = (t + i) % 3 == 0
            for p in (params[i], alone[i]):
                p.grad = None if skipped else of_array(gradient(p.detach().numpy(), t))
            each[i].step()
        together.step()
        if t == 3:
            saved, together = together.state_dict(), optim.NAdam(params, lr=9.0)
            together.load_state_dict(saved)
    for p, q in zip(params, alone):
        assert (p.detach().numpy() == q.detach().numpy()).all()
    state = together.state_dict()["state"]
    assert state[0]["mu_product"] == each[0].state_dict()["state"][0]["mu_product"]
    del saved["state"][0]["mu_product"]
    with pytest.raises(ValueError, match="expected mu_product beside step"):
        together.load_state_dict(saved)

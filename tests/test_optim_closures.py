"""Optimizers that call a closure: L-BFGS against torch, Levenberg-Marquardt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import descent
from test_compile import bits
from test_optim_goldens import close

import fastnn
from fastnn import nn, optim
from fastnn.nn import Parameter
from fastnn.tensor import Tensor, of_array

GOLDEN = json.loads((Path(__file__).parent / "goldens" / "optimizers.json").read_text())


def problem(real: str, **settings: Any) -> tuple[optim.LBFGS, Callable[[], Tensor]]:
    parameters = [Parameter(w.astype(real)) for w in descent.weights()]
    x, y = (of_array(a.astype(real)) for a in descent.data())
    w1, b1, w2, b2 = parameters
    optimizer = optim.LBFGS(parameters, **settings)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(fastnn.tanh(x @ w1.T + b1) @ w2.T + b2, y)
        loss.backward()
        return loss

    return optimizer, closure


def weights_of(optimizer: optim.Optimizer) -> list[Any]:
    return [p.detach().numpy() for p in optimizer.param_groups[0]["params"]]


@pytest.mark.parametrize("name", descent.LBFGS)
def test_lbfgs_is_torch_s(name: str) -> None:
    """In float64: where a line search stops hangs on the last bits of float32."""
    optimizer, closure = problem("float64", **descent.LBFGS[name])
    want = GOLDEN["lbfgs"][name]
    losses = [optimizer.step(closure).item() for _ in range(descent.LBFGS_STEPS)]
    close(losses, want["losses"], "float64")
    close(descent.summary(weights_of(optimizer)), want["weights"], "float64")
    state = optimizer.state_dict()["state"][0]
    assert [state["func_evals"], state["n_iter"], len(state["old_dirs"])] == want["counts"]
    np.testing.assert_allclose(descent.summary([state["d"].numpy()]), want["d"], rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in descent.LINES if name != "wrong"])
def test_line_searches_are_torch_s(name: str) -> None:
    """Of the function divided by its slope at 0: so the direction of the first iteration is 1."""
    function = descent.LINES[name]
    slope = abs(function(0.0)[1])
    for first, (t, value, looks) in zip(descent.FIRST_STEPS, GOLDEN["line_searches"][name]):
        w = Parameter(np.zeros(1))
        optimizer = optim.LBFGS([w], first, max_iter=1, line_search_fn="strong_wolfe")

        def closure(w: Parameter = w) -> float:
            found, its_slope = function(w.item())
            w.grad = of_array(np.array([its_slope / slope]))
            return found / slope

        optimizer.step(closure)
        assert w.item() == pytest.approx(t, rel=1e-9), first
        assert function(w.item())[0] == pytest.approx(value, rel=1e-9), first
        assert optimizer.state_dict()["state"][0]["func_evals"] == looks + 1, first


@pytest.mark.parametrize("first", descent.FIRST_STEPS)
def test_a_line_whose_slopes_are_wrong(first: float) -> None:
    """What torch finds there hangs on the last bit; some point below the start, in 26 looks."""
    function, w = descent.LINES["wrong"], Parameter(np.zeros(1))
    optimizer = optim.LBFGS([w], first * 1e3, max_iter=1, line_search_fn="strong_wolfe")

    def closure() -> float:
        value, slope = function(w.item())
        w.grad = of_array(np.array([slope]))
        return value

    optimizer.step(closure)
    assert function(w.item())[0] < 0
    assert optimizer.state_dict()["state"][0]["func_evals"] <= 28


def test_lbfgs_in_float32_and_with_a_compiled_closure() -> None:
    found = []
    for compiled in (False, True):
        optimizer, closure = problem("float32", line_search_fn="strong_wolfe")
        run = fastnn.compile(closure) if compiled else closure
        losses = [optimizer.step(run).item() for _ in range(5)]
        assert losses[-1] < 0.02 * losses[0] and losses == sorted(losses, reverse=True)
        found.append((losses, bits(optimizer.param_groups[0]["params"])))
    assert found[0] == found[1]


def test_lbfgs_goes_on_from_its_state() -> None:
    runs = []
    for split in (False, True):
        optimizer, closure = problem("float64", max_iter=3, line_search_fn="strong_wolfe")
        for _ in range(2):
            optimizer.step(closure)
        if split:
            other, closure = problem("float64", lr=9.0)
            for p, q in zip(*(o.param_groups[0]["params"] for o in (other, optimizer))):
                p.detach().copy_(q.detach())
            other.load_state_dict(optimizer.state_dict())
            optimizer = other
        for _ in range(2):
            optimizer.step(closure)
        runs.append(bits(optimizer.param_groups[0]["params"]))
    assert runs[0] == runs[1]


def test_lbfgs_without_a_gradient_and_where_it_is_flat() -> None:
    """A parameter that the loss has not stays; at a minimum nothing moves."""
    w, unused = Parameter(np.array([2.0, -3.0])), Parameter(np.ones(3))
    optimizer = optim.LBFGS([w, unused], line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = ((w - 1) ** 2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 17.0
    np.testing.assert_allclose(w.detach().numpy(), 1, rtol=1e-12)
    before = w.detach().numpy().copy()
    w.detach().fill_(1.0)
    optimizer.step(closure)
    assert w.tolist() == [1.0, 1.0] and unused.tolist() == [1.0] * 3 and before.size == 2


def test_lbfgs_on_a_slope_without_curvature() -> None:
    """Nothing is remembered of a gradient that stays: steps of lr along it, but for the first."""
    w, slope = Parameter(np.array([1.0, 2.0])), of_array(np.array([3.0, -4.0]))
    optimizer = optim.LBFGS([w], lr=0.1, max_iter=4)  # and so 5 evaluations

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (w * slope).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    moved = 0.1 / 7 + 3 * 0.1
    np.testing.assert_allclose(w.tolist(), [1 - 3 * moved, 2 + 4 * moved], rtol=1e-12)
    assert optimizer.state_dict()["state"][0]["old_dirs"] == []


def test_lbfgs_refuses() -> None:
    w = Parameter(np.ones(2))
    for settings, message in (
        ({"lr": -1.0}, "Invalid learning rate"),
        ({"line_search_fn": "x"}, "line_search_fn: expected one of None, 'strong_wolfe'"),
        ({"history_size": 0}, "history_size: expected an integer"),
    ):
        with pytest.raises(ValueError, match=message):
            optim.LBFGS([w], **settings)
    for groups in ([{"params": [w]}, {"params": [Parameter(np.ones(1))]}],
                   [w, Parameter(np.ones(1, np.float32))]):  # fmt: skip
        with pytest.raises(ValueError, match="per-parameter options"):
            optim.LBFGS(groups)
    optimizer = optim.LBFGS([w])
    with pytest.raises(TypeError, match="closure: LBFGS calls it several times"):
        optimizer.step()
    with pytest.raises(RuntimeError, match="cannot compile this: LBFGS looks at the loss"):
        fastnn.compile(lambda: optimizer.step(lambda: (w * w).sum()))()
    with pytest.raises(ValueError, match="expected vectors of 2 elements"):
        other = optim.LBFGS([Parameter(np.ones(3))])
        other.step(lambda: _backward(other))
        optimizer.load_state_dict(other.state_dict())
    assert w.tolist() == [1.0, 1.0]


def _backward(optimizer: optim.Optimizer) -> Tensor:
    [w] = optimizer.param_groups[0]["params"]
    loss = (w * w).sum()
    loss.backward()
    return loss


# Levenberg-Marquardt


def residual_problem(real: str, **settings: Any) -> tuple[Any, Callable[[], Tensor], Any]:
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    model = model.double() if real == "float64" else model
    x = np.linspace(-2, 2, 40).reshape(-1, 1).astype(real)
    inputs, targets = of_array(x), of_array(np.sin(2 * x))
    optimizer = optim.LevenbergMarquardt(model.parameters(), **settings)
    return optimizer, lambda: model(inputs) - targets, model


def test_levenberg_marquardt_fits_a_net(real: str) -> None:
    optimizer, residuals, _ = residual_problem(real)
    losses = [optimizer.step(residuals) for _ in range(60)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-5 * losses[0]


def test_a_step_solves_the_normal_equations() -> None:
    """On a linear model one step with next to no damping is the least-squares solution."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((9, 3)), rng.standard_normal(9)
    for decay in (0.0, 0.7):
        w = Parameter(np.zeros(3))
        optimizer = optim.LevenbergMarquardt([w], damping=1e-14, weight_decay=decay)
        inputs, targets = of_array(x), of_array(y)
        loss = optimizer.step(lambda w=w, x=inputs, y=targets: x @ w - y)
        assert loss == pytest.approx(0.5 * (y * y).sum())
        want = np.linalg.solve(x.T @ x + decay * np.eye(3), x.T @ y)
        np.testing.assert_allclose(w.detach().numpy(), want, rtol=1e-9)


def marquardt(w: Any, steps: int, damping: float, decay: float) -> list[Any]:
    """The method in NumPy, along the valley of Rosenbrock."""
    mu, growth, found = None, 2.0, []
    for _ in range(steps):
        r, jacobian = valley(w), np.array([[-20 * w[0], 10.0], [-1.0, 0.0]])
        value = (r @ r + decay * w @ w) / 2
        normal, gradient = jacobian.T @ jacobian + decay * np.eye(2), jacobian.T @ r + decay * w
        mu = damping * normal.diagonal().max() if mu is None else mu
        for _ in range(10):
            move = np.linalg.solve(normal + mu * np.eye(2), -gradient)
            r = valley(w + move)
            gain = value - (r @ r + decay * (w + move) @ (w + move)) / 2
            gain /= move @ (mu * move - gradient) / 2
            if gain > 0:
                w, mu, growth = w + move, mu * max(1 / 3, 1 - (2 * gain - 1) ** 3), 2.0
                break
            mu, growth = mu * growth, growth * 2
        found.append(w)
    return found


def valley(w: Any) -> Any:
    return np.array([10 * (w[1] - w[0] ** 2), 1 - w[0]])


@pytest.mark.parametrize(("damping", "decay"), [(1e-3, 0.0), (1.0, 0.1), (1e-6, 0.01)])
def test_damping_follows_the_gain(damping: float, decay: float) -> None:
    w = Parameter(np.array([-1.2, 1.0]))
    optimizer = optim.LevenbergMarquardt([w], damping=damping, weight_decay=decay)
    for want in marquardt(np.array([-1.2, 1.0]), 12, damping, decay):
        optimizer.step(lambda: fastnn.stack([10 * (w[1] - w[0] ** 2), 1 - w[0]]))
        np.testing.assert_allclose(w.detach().numpy(), want, rtol=1e-7)


def test_a_step_that_does_not_help_is_taken_back() -> None:
    """Damping grows by 2, 4, 8 ... and the parameters stay; afterwards it goes on."""
    w = Parameter(np.ones(1))
    optimizer = optim.LevenbergMarquardt([w], damping=0.5, max_tries=3)
    values = iter([1.0, 9.0, 9.0, 9.0])

    def residuals() -> Tensor:
        return w * next(values)

    assert optimizer.step(residuals) == 0.5 and w.item() == 1.0
    assert optimizer.state_dict()["state"][0] == {"damping": 0.5 * 2 * 4 * 8, "growth": 16.0}


def test_levenberg_marquardt_goes_on_from_its_state() -> None:
    runs = []
    for split in (False, True):
        optimizer, residuals, model = residual_problem("float64", weight_decay=1e-3)
        for _ in range(4):
            optimizer.step(residuals)
        if split:
            saved = optimizer.state_dict()
            optimizer = optim.LevenbergMarquardt(model.parameters())
            optimizer.load_state_dict(saved)
        for _ in range(4):
            optimizer.step(residuals)
        runs.append(bits(list(model.parameters())))
    assert runs[0] == runs[1]


def test_levenberg_marquardt_refuses() -> None:
    w = Parameter(np.ones(2))
    with pytest.raises(ValueError, match="at most 5000 elements in all, got 6000"):
        optim.LevenbergMarquardt([Parameter(np.ones(6000))])
    with pytest.raises(ValueError, match="damping: expected a finite number > 0"):
        optim.LevenbergMarquardt([w], damping=0.0)
    optimizer = optim.LevenbergMarquardt([w])
    with pytest.raises(TypeError, match="closure: expected a function"):
        optimizer.step()
    with pytest.raises(TypeError, match=r"closure: residuals: expected a Tensor, got 3\.0"):
        optimizer.step(lambda: 3.0)
    with pytest.raises(RuntimeError, match="cannot compile this: LevenbergMarquardt"):
        fastnn.compile(lambda: optimizer.step(lambda: w * 2))()
    assert w.tolist() == [1.0, 1.0]

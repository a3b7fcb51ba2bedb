"""L-BFGS in C: against the textbook in NumPy, by closures and by programs; interrupted; copied."""

from __future__ import annotations

import _thread
import copy
import math
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lbfgs_reference import Array, Function, Reference
from patience import SOON
from test_fit_again import functions_called

import fastnn
from fastnn import nn, optim
from fastnn._core import engine
from fastnn.nn import Parameter
from fastnn.tensor import Tensor

RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(9, 9)) + 4 * np.eye(9)


def quartic(x: Array) -> tuple[float, Array]:
    return float(((x - 1) ** 4).sum()), 4 * (x - 1) ** 3


def bowl(x: Array) -> tuple[float, Array]:
    z = MIX @ x - 1
    return float(z @ z), 2 * MIX.T @ z


def rosenbrock(x: Array) -> tuple[float, Array]:
    a, b = 1 - x[:-1], x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[:-1] += -2 * a - 400 * x[:-1] * b
    g[1:] += 200 * b
    return float((a * a).sum() + 100 * (b * b).sum()), g


def waves(x: Array) -> tuple[float, Array]:
    return float((x * x / 50 - np.sin(3 * x)).sum()), x / 25 - 3 * np.cos(3 * x)


def falls(x: Array) -> tuple[float, Array]:
    """Without a minimum: no search finds an interval."""
    return float(-x.sum()), -np.ones_like(x)


def kinks(x: Array) -> tuple[float, Array]:
    return float(np.abs(x - 0.3).sum()), np.sign(x - 0.3)


FUNCTIONS: dict[str, Function] = {
    f.__name__: f for f in (quartic, bowl, rosenbrock, waves, falls, kinks)
}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {"lr": 0.01},
    "plain, one": {"lr": 0.01, "max_iter": 1},
    "search": {"line_search_fn": "strong_wolfe"},
    "search, short": {"line_search_fn": "strong_wolfe", "max_iter": 3},
    "search, far": {"line_search_fn": "strong_wolfe", "lr": 100.0, "max_iter": 4},
    "search, near": {"line_search_fn": "strong_wolfe", "lr": 1e-4, "max_iter": 4},
    "one pair": {"line_search_fn": "strong_wolfe", "history_size": 1},
    "few pairs": {"line_search_fn": "strong_wolfe", "history_size": 3},
    "few looks": {"line_search_fn": "strong_wolfe", "max_eval": 7},
    "coarse": {"line_search_fn": "strong_wolfe", "tolerance_change": 0.02},
    "coarse gradient": {"line_search_fn": "strong_wolfe", "tolerance_grad": 0.5},
}


def minimiser(function: Function, x: Array, settings: dict[str, Any]) -> tuple[Any, Any, Any]:
    w = Parameter(x.copy())
    optimizer = optim.LBFGS([w], **settings)

    def closure() -> float:
        value, gradient = function(w.detach().numpy().copy())
        w.grad = fastnn.from_numpy(gradient)
        return value

    return w, optimizer, closure


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_is_the_textbook(function: str, name: str) -> None:
    x = np.linspace(-1.2, 2.0, 9)
    w, optimizer, closure = minimiser(FUNCTIONS[function], x, SETTINGS[name])
    want = Reference(FUNCTIONS[function], x, SETTINGS[name])
    for i in range(1 if function == "kinks" else 5):  # there, roundings decide what comes next
        assert optimizer.step(closure) == pytest.approx(want.step(), rel=1e-6, abs=1e-9), i
        np.testing.assert_allclose(w.tolist(), want.x, rtol=1e-5, atol=1e-7)
        state = optimizer.state_dict()["state"].get(0)
        if state is not None:
            counts = state["func_evals"], state["n_iter"], len(state["old_dirs"])
            assert counts == (want.evaluations, want.iterations, len(want.pairs)), i


@pytest.mark.parametrize("changes", [(100, 2, 5), (2, 100, 1), (4, 3, 3)])
def test_the_history_changes_its_size(changes: tuple[int, ...]) -> None:
    """It is cut before the next step, of which the reference is told."""
    x = np.linspace(-1.2, 2.0, 9)
    given = {"line_search_fn": "strong_wolfe", "max_iter": 6}
    w, optimizer, closure = minimiser(rosenbrock, x, given)
    want = Reference(rosenbrock, x, given)
    for most in changes:
        optimizer.param_groups[0]["history_size"] = want.history_size = most
        want.pairs = want.pairs[-most:]
        optimizer.step(closure)
        want.step()
        np.testing.assert_allclose(w.tolist(), want.x, rtol=1e-7)
        assert len(optimizer.state_dict()["state"][0]["old_dirs"]) == len(want.pairs) <= most


@pytest.mark.parametrize("how", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_a_copy_goes_on_alike(how: Callable[[Any], Any]) -> None:
    fastnn.manual_seed(0)
    model = nn.Linear(3, 1)
    trainer = fastnn.Trainer(model, "mse", optim.LBFGS(model.parameters(), max_iter=3))
    x = RNG.normal(size=(20, 3)).astype(np.float32)
    y = np.sin(x.sum(1))
    given: dict[str, Any] = {"batch_size": 20, "shuffle": False, "verbose": 0}
    trainer.fit(x, y, epochs=2, **given)
    other = how(trainer)
    for each in (trainer, other):
        each.fit(x, y, epochs=3, **given)
    assert [p.tolist() for p in other.model.parameters()] == [
        p.tolist() for p in model.parameters()
    ]
    evaluations = [t.optimizer.state_dict()["state"][0]["func_evals"] for t in (trainer, other)]
    assert evaluations[0] == evaluations[1] > 10


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_types(dtype: Any) -> None:
    w = Parameter(np.array([3.0, -2.0], dtype))
    optimizer = optim.LBFGS([w], line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = ((w - 1) ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(w.tolist(), [1.0, 1.0], rtol=2e-3)
    assert w.dtype == dtype


def test_an_error_in_a_closure_leaves_the_last_iteration() -> None:
    x = np.linspace(-1.2, 2.0, 9)
    w, optimizer, closure = minimiser(rosenbrock, x, {"line_search_fn": "strong_wolfe"})
    seen: list[Array] = []

    def failing() -> float:
        seen.append(w.detach().numpy().copy())
        if len(seen) == 2:  # the first look of the first search
            raise ZeroDivisionError
        return float(closure())

    with pytest.raises(ZeroDivisionError):
        optimizer.step(failing)
    assert not np.array_equal(seen[1], x) and np.array_equal(w.detach().numpy(), x)
    before = optimizer.step(closure)
    assert before == rosenbrock(x)[0]
    assert rosenbrock(w.detach().numpy())[0] < before


# ---- in fits ----


def regression(rows: int, width: int, dtype: str = "float64", **settings: Any) -> Any:
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))
    if dtype == "float64":
        model.double()
    given = {"line_search_fn": "strong_wolfe", **settings}
    trainer = fastnn.Trainer(model, "mse", optim.LBFGS(model.parameters(), **given))
    x = np.random.default_rng(0).normal(size=(rows, 2)).astype(dtype)
    return trainer, x, np.sin(3 * x[:, :1]) * x[:, 1:]


def test_no_python_within_a_step() -> None:
    counts = []
    trainer, x, y = regression(50, 8)
    for max_iter in (1, 5, 100):
        trainer.optimizer.param_groups[0].update(max_iter=max_iter, max_eval=1000)
        with functions_called() as called:
            trainer.fit(x, y, batch_size=50, verbose=0)
        counts.append(len(called))
    assert trainer.optimizer.state_dict()["state"][0]["n_iter"] > 90
    assert counts[1] == counts[2] < counts[0], counts


def test_steps_allocate_nothing() -> None:
    trainer, x, y = regression(50, 8, max_iter=20, history_size=5)
    counts: list[int] = []
    trainer.fit(
        x, y, batch_size=50, epochs=6, verbose=0,
        callbacks=[lambda epoch, logs: counts.append(engine.allocations())],
    )  # fmt: skip
    assert counts[1:] == counts[1:2] * 5


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fit_is_the_textbook(dtype: str, threads: int) -> None:
    """In few iterations: then roundings grow along the path."""
    trainer, x, y = regression(300, 20, dtype, max_iter=4)
    weights = [p.detach().numpy().astype(np.float64) for p in trainer.model.parameters()]
    shapes = [w.shape for w in weights]
    ends = np.cumsum([w.size for w in weights])

    def function(packed: Array) -> tuple[float, Array]:
        parts = [p.reshape(s) for p, s in zip(np.split(packed, ends[:-1]), shapes, strict=True)]
        w1, b1, w2, b2 = parts
        h = np.tanh(x @ w1.T + b1)
        r = h @ w2.T + b2 - y
        dz = 2 * r / r.size
        dh = dz @ w2 * (1 - h * h)
        found = [dh.T @ x, dh.sum(0), dz.T @ h, dz.sum(0)]
        return float((r * r).mean()), np.concatenate([g.ravel() for g in found])

    want = Reference(
        function, np.concatenate([w.ravel() for w in weights]),
        {"line_search_fn": "strong_wolfe", "max_iter": 4},
    )  # fmt: skip
    before = fastnn.get_num_threads()
    fastnn.set_num_threads(threads)
    try:
        losses = trainer.fit(x, y, batch_size=300, epochs=2, verbose=0).history["loss"]
    finally:
        fastnn.set_num_threads(before)
    bound = 1e-8 if dtype == "float64" else 1e-3
    assert losses == pytest.approx([want.step(), want.step()], rel=bound)
    now = np.concatenate([p.detach().numpy().ravel() for p in trainer.model.parameters()])
    np.testing.assert_allclose(now, want.x, rtol=bound, atol=bound)


def test_threads_do_not_change_a_bit() -> None:
    found = []
    before = fastnn.get_num_threads()
    try:
        for threads in (1, 2):
            fastnn.set_num_threads(threads)
            trainer, x, y = regression(3000, 64, max_iter=15)
            trainer.fit(x, y, batch_size=3000, epochs=2, verbose=0)
            found.append([p.tolist() for p in trainer.model.parameters()])
    finally:
        fastnn.set_num_threads(before)
    assert found[0] == found[1]


class Starts(fastnn.callbacks.Callback):
    """Calls a function a moment after an epoch began."""

    def __init__(self, function: Callable[[], None], epoch: int = 0, wait: float = 0.1) -> None:
        self._function, self._epoch, self._wait = function, epoch, wait

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self._epoch:
            threading.Timer(self._wait, self._function).start()


def test_ctrl_c_within_a_step() -> None:
    """A step that would take minutes ends within 200 ms, at the end of an iteration; the next fit
    goes on from there."""
    trainer, x, y = regression(
        5_000, 64, max_iter=10**6, tolerance_grad=0, tolerance_change=0, history_size=10
    )
    began = []

    def interrupt() -> None:
        began.append(time.perf_counter())
        _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt):
        trainer.fit(x, y, batch_size=len(x), verbose=0, callbacks=[Starts(interrupt)])
    assert time.perf_counter() - began[0] < SOON
    state = trainer.optimizer.state_dict()["state"][0]
    assert state["n_iter"] > 1
    loss = trainer.evaluate(x, y)["loss"]
    assert loss == pytest.approx(state["prev_loss"], rel=1e-12)
    trainer.optimizer.param_groups[0].update(max_iter=3)
    again = trainer.fit(x, y, batch_size=len(x), verbose=0)
    assert again.history["loss"] == pytest.approx([loss], rel=1e-12)
    assert trainer.evaluate(x, y)["loss"] < loss


@pytest.mark.long
def test_ctrl_c_within_a_step_leaves_the_file_of_the_last_step(tmp_path: Path) -> None:
    found = []
    # An epoch takes many times as long as the moment after which it is interrupted.
    long: dict[str, Any] = {"max_iter": 600, "tolerance_grad": 0, "tolerance_change": 0}
    for interrupted in (True, False):
        trainer, x, y = regression(20_000, 32, **long)
        given: dict[str, Any] = {"batch_size": len(x), "verbose": 0, "epochs": 2}
        if interrupted:
            given |= {"checkpoint": tmp_path / "file", "callbacks": [Starts(lambda: None, 9)]}
            interrupt = [Starts(_thread.interrupt_main, 1, wait=0.05)]
            with pytest.raises(KeyboardInterrupt):
                trainer.fit(x, y, **given | {"callbacks": interrupt})
            assert trainer.optimizer.state_dict()["state"][0]["n_iter"] >= 600
            trainer, x, y = regression(20_000, 32, **long)
        trainer.fit(x, y, **given)
        found.append([p.tolist() for p in trainer.model.parameters()])
    assert found[0] == found[1]


def test_nan_within_a_search_is_not_the_end() -> None:
    """Where the function is not defined, the search comes back; it is no error."""

    def function(x: Array) -> tuple[float, Array]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return float((x - np.log(x)).sum()), 1 - 1 / x

    x = np.full(3, 1e-3)
    w, optimizer, closure = minimiser(function, x, {"line_search_fn": "strong_wolfe", "lr": 5.0})
    for _ in range(3):
        optimizer.step(closure)
    assert all(map(math.isfinite, w.tolist()))


def test_gradients_that_are_held_keep_their_values() -> None:
    trainer, x, y = regression(50, 8, max_iter=4)
    trainer.fit(x, y, batch_size=50, verbose=0)
    trainer.loss(trainer.model(fastnn.tensor(x)), fastnn.tensor(y)).backward()
    held = [p.grad for p in trainer.model.parameters()]
    arrays = [g.numpy() for g in held]
    values = [a.copy() for a in arrays]
    trainer.fit(x, y, batch_size=50, verbose=0)
    assert all(np.array_equal(a, v) for a, v in zip(arrays, values, strict=True))


@pytest.mark.parametrize("hooked", [True, False])
def test_hooks_and_frozen_parameters(hooked: bool) -> None:
    """With a hook, Python evaluates."""
    trainer, x, y = regression(50, 8, max_iter=4)
    trainer.model[0].bias.requires_grad_(False)
    frozen = trainer.model[0].bias.tolist()
    calls: list[int] = []
    if hooked:
        trainer.optimizer.register_step_pre_hook(lambda *_: calls.append(1))
    history = trainer.fit(x, y, batch_size=50, epochs=3, verbose=0).history
    assert trainer.model[0].bias.tolist() == frozen and len(calls) == 3 * hooked
    assert history["loss"] == sorted(history["loss"], reverse=True)

"""Optimizers and schedules: arguments that are refused, states at the edge, hooks of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.compiler import compiled
from fastnn.optim import lr_scheduler
from fastnn.optim.loop import begin, cuts_of, forget_numbers
from fastnn.optim.swa_utils import AveragedModel, update_bn


def parameter(*values: float, dtype: Any = np.float32) -> Any:
    made = nn.Parameter(np.array(values or (1.0, 2.0), dtype))
    made.grad = fastnn.ones(*made.shape, dtype=made.dtype)
    return made


class Own(optim.Optimizer):
    """A user's: p -= lr g, with a state of several kinds."""

    def __init__(self, params: Any, lr: float = 0.5) -> None:
        super().__init__(params, {"lr": lr})

    def step(self, closure: Any = None, factor: float = 1.0) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.data.sub_(p.grad * (group["lr"] * factor))
                    state = self.state[p]
                    state["step"] = state.get("step", 0) + 1
                    state["kept"] = {"mean": p.grad.clone(), "name": "g"}
                    state["pair"] = (p.grad.clone(), 3)
                    state["list"] = [p.grad.clone()]


# ---- an optimizer of a user's ----


def test_a_hook_replaces_arguments() -> None:
    p = parameter()
    optimizer = Own([p])
    optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"factor": 2.0}))
    optimizer.step()
    assert p.tolist() == [0, 1]


def test_a_state_of_several_kinds() -> None:
    """Tensors, also those in containers, become the parameter's dtype."""
    old = Own([parameter(), nn.Parameter(np.ones(2, np.float32))])
    old.step()
    other = parameter(dtype=np.float64)
    new = Own([other, parameter()])
    new.load_state_dict(old.state_dict())
    state = new.state[other]
    assert state["step"] == 1 and state["kept"]["name"] == "g" and state["pair"][1] == 3
    assert type(state["pair"]) is tuple and type(state["list"]) is list
    for t in (state["kept"]["mean"], state["pair"][0], state["list"][0]):
        assert t.dtype == fastnn.float64 and t.tolist() == [1, 1]
    assert len(new.state) == 1


def test_a_parameter_twice_is_one() -> None:
    p = parameter()
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = Own([p, p])
    assert len(optimizer.param_groups[0]["params"]) == 1


# ---- states ----


def test_lbfgs_that_has_not_stepped() -> None:
    """Its state is empty, and loading it forgets the memory."""
    first, second = (optim.LBFGS([parameter()]) for _ in range(2))
    assert first.state_dict()["state"] == {}

    def closure() -> Any:
        second.zero_grad()
        p = second.param_groups[0]["params"][0]
        loss = (p * p).sum()
        loss.backward()
        return loss

    second.step(closure)
    assert second.state_dict()["state"]
    second.load_state_dict(first.state_dict())
    assert second.state_dict()["state"] == {}


def levenberg(*values: float) -> tuple[Any, Any]:
    p = nn.Parameter(np.array(values, np.float64))
    return p, optim.LevenbergMarquardt([p])


def test_levenberg_marquardt_stays_at_the_minimum() -> None:
    """And where its matrix is not finite; the hooks are called."""
    p, optimizer = levenberg(1.0, 2.0)
    calls: list[int] = []
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    assert optimizer.state_dict()["state"] == {}
    assert optimizer.step(lambda: p * 0.0) == 0 and p.tolist() == [1, 2]
    assert optimizer.state_dict()["state"] == {}  # it has no damping yet
    assert not math.isfinite(optimizer.step(lambda: p * math.inf)) and p.tolist() == [1, 2]
    assert calls == [1, 1]
    optimizer.step(lambda: p - 3.0)
    np.testing.assert_allclose(p.tolist(), [3, 3], rtol=1e-2)
    other = levenberg(1.0, 2.0)[1]
    other.load_state_dict(optimizer.state_dict())
    assert other.state_dict()["state"] == optimizer.state_dict()["state"] != {}


def test_programs_of_an_optimizer_that_has_not_stepped() -> None:
    """There are no numbers to forget, and no cut to prepare."""
    steps = []
    for prepared in (False, True):
        p = parameter()
        optimizer = optim.Adam([p], lr=0.5)
        if prepared:
            forget_numbers(optimizer)
            assert cuts_of(optimizer) == [None]
            begin(optimizer, cuts_of(optimizer))
        optimizer.step()
        steps.append(p.tolist())
    assert steps[0] == steps[1] != [1, 2]


def test_a_gradient_whose_axes_have_changed() -> None:
    p = parameter()
    optimizer = optim.SGD([p])
    p.grad.unsqueeze_(0)
    with pytest.raises(ValueError, match=r"grad of parameter 0: expected .*\(2,\), got .*\(1, 2\)"):
        optimizer.step()


def test_parameters_that_have_moved() -> None:
    """A program cannot move them back."""
    p = parameter()
    optimizer, other = (optim.SGD([p, parameter()], 0.0) for _ in range(2))
    optimizer.step()
    other.step()  # has them in its own memory
    optimizer.param_groups[0]["lr"] = 0.5

    @fastnn.compile
    def step(x: Any) -> Any:
        loss = (p * x).sum()
        loss.backward()
        optimizer.step()
        return loss

    with pytest.raises(RuntimeError, match=r"its parameters were moved .* optimizer\.pack\(\)"):
        step(fastnn.ones(2))
    optimizer.pack()
    p.grad = None
    assert step(fastnn.ones(2)).item() == 3 and p.tolist() == [0.5, 1.5]


def test_a_recorded_step_whose_setting_has_changed() -> None:
    """Whoever runs it without looking is told."""
    p = parameter()
    optimizer = optim.SGD([p], 0.5)

    def step(x: Any) -> Any:
        loss = (p * x).sum()
        loss.backward()
        optimizer.step()
        return loss

    _, recording = compiled.record(step, [np.ones(2, np.float32)])
    (sync,) = recording.recorder.before_run
    sync()
    optimizer.param_groups[0]["momentum"] = 0.9
    with pytest.raises(RuntimeError, match=r"momentum.* changed after the step was compiled"):
        sync()


class Counted(nn.Module):
    """Its step runs in Python, as it counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.calls = nn.Linear(2, 1), 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.inner(x)


@pytest.mark.filterwarnings("ignore:fit. Counted runs in Python:UserWarning")
@pytest.mark.parametrize("kind", [Counted, lambda: nn.Linear(2, 1)])
def test_lbfgs_whose_loss_is_not_finite(kind: Callable[[], nn.Module]) -> None:
    """From the first evaluation on: the weights stay."""
    model = kind()
    before = [p.tolist() for p in model.parameters()]
    trainer = fastnn.Trainer(model, "mse", optim.LBFGS(model.parameters()))
    x, y = np.ones((4, 2), np.float32), np.full((4, 1), 1e30, np.float32)
    with pytest.raises(FloatingPointError, match="not finite"):
        trainer.fit(x, y, epochs=1, batch_size=4, verbose=0)
    assert [p.tolist() for p in model.parameters()] == before


# ---- averages ----


def test_averages_on_a_device() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    averaged = AveragedModel(model, device="cpu")
    averaged.update_parameters(model)
    assert averaged.module[0].weight.tolist() == model[0].weight.tolist()
    with pytest.raises(RuntimeError, match="device: expected 'cpu', got 'cuda'"):
        AveragedModel(model, device="cuda")


def test_moments_of_no_batch_norm() -> None:
    """Then no batch is asked for."""
    update_bn(iter(()), model := nn.Linear(2, 2))
    never = iter([1])
    update_bn(never, model)
    assert next(never) == 1


# ---- schedules ----


def scheduled(kind: Callable[..., Any], momentum: float = 0.0, **given: Any) -> Any:
    return kind(optim.SGD([parameter()], lr=1.0, momentum=momentum), **given)


def test_cosine_annealing_from_a_state_before_its_first_step() -> None:
    """The rate of an epoch by its equation, as torch goes on then."""
    made = scheduled(lr_scheduler.CosineAnnealingLR, T_max=10, eta_min=0.1)
    made.load_state_dict({**made.state_dict(), "last_epoch": 3, "_step_count": 0})
    made.step()
    want = 0.1 + 0.9 * (1 + math.cos(math.pi * 4 / 10)) / 2
    assert made.get_last_lr() == [pytest.approx(want)]


@pytest.mark.parametrize("T_mult, epoch, want", [(1, 13.0, 3 / 10), (2, 25.0, 15 / 20)])
def test_a_jump_of_warm_restarts(T_mult: int, epoch: float, want: float) -> None:
    made = scheduled(lr_scheduler.CosineAnnealingWarmRestarts, T_0=10, T_mult=T_mult)
    made.step(epoch)
    assert made.get_last_lr() == [pytest.approx((1 + math.cos(math.pi * want)) / 2)]
    assert made.last_epoch == epoch


@pytest.mark.parametrize("three", [False, True])
def test_one_cycle_goes_on(three: bool) -> None:
    """From an epoch of an optimizer that has gone through some."""
    options = {"max_lr": 1.0, "total_steps": 12, "three_phase": three, "cycle_momentum": False}
    made = scheduled(lr_scheduler.OneCycleLR, **options)
    rates = made.get_last_lr()
    for _ in range(11):
        made.optimizer.step()
        made.step()
        rates += made.get_last_lr()
    assert max(rates) == pytest.approx(1.0, rel=0.1) and rates[-1] < 1e-4 < rates[0] < 0.1
    again = lr_scheduler.OneCycleLR(made.optimizer, **options, last_epoch=4)
    assert again.get_last_lr() == [pytest.approx(rates[5])]


def test_a_dict_of_a_users_schedule_is_saved() -> None:
    class ByTable(lr_scheduler.LRScheduler):
        def __init__(self, optimizer: Any, table: dict[int, float]) -> None:
            self.table, self.odd = table, {1: object()}
            super().__init__(optimizer)

        def get_lr(self) -> list[float]:
            return [self.table.get(self.last_epoch, 0.25)] * len(self.optimizer.param_groups)

    made = scheduled(ByTable, table={0: 1.0, 1: 0.5})
    state = made.state_dict()
    assert state["table"] == {0: 1.0, 1: 0.5} and "odd" not in state
    other = scheduled(ByTable, table={})
    other.load_state_dict(state)
    assert other.table == state["table"]


def sequential(**others: Any) -> Any:
    optimizer = optim.SGD([parameter()], lr=1.0)
    parts = [lr_scheduler.ConstantLR(optimizer), lr_scheduler.ConstantLR(optimizer)]
    return lr_scheduler.SequentialLR(optimizer, parts, [3], **others)


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "own group": (lambda: Own([parameter()]).add_param_group(3), TypeError,  # type: ignore[arg-type]
                  "param_group: expected a dict, got 3"),
    "group": (lambda: optim.SGD([parameter()]).add_param_group(3), TypeError,
              "param_group: expected a dict, got 3"),
    "no parameters": (lambda: optim.SGD([{"params": []}]), ValueError, "empty parameter list"),
    "some names": (lambda: optim.SGD([("a", parameter()), parameter()]), ValueError,
                   "params: expected all with names or all without"),
    "two groups": (lambda: optim.LevenbergMarquardt([{"params": [parameter()]} for _ in "ab"]),
                   ValueError, "LevenbergMarquardt: expected one group"),
    "two dtypes": (lambda: optim.LevenbergMarquardt([parameter(), parameter(dtype=np.float64)]),
                   ValueError, "of one dtype, got more"),
    "betas": (lambda: optim.Adam([parameter()], betas=0.9, foreach=True), (TypeError, ValueError),  # type: ignore[arg-type]
              "betas"),
    "no scheduler": (lambda: lr_scheduler.ChainedScheduler([3]), TypeError,  # type: ignore[list-item]
                     r"schedulers\[0\]: expected a scheduler, got 3"),
    "number of states": (lambda: sequential().load_state_dict({"_schedulers": [{}]}), ValueError,
                         "state_dict: expected 2 schedulers, got 1"),
    "states": (lambda: sequential().load_state_dict([1]), ValueError, "state_dict: expected"),
    "a state": (lambda: scheduled(lr_scheduler.ConstantLR).load_state_dict([1]), ValueError,
                "state_dict: expected a mapping"),
    "epoch": (lambda: sequential().step(3), ValueError, "epoch: SequentialLR goes epoch by epoch"),
    "momentum": (
        lambda: lr_scheduler.OneCycleLR(optim.Adagrad([parameter()]), 0.1, 10), ValueError,
        "cycle_momentum: expected an optimizer with momentum or betas, got Adagrad",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()

"""What scripts written for torch do: each case gives torch 2.13's value, exact or by hand."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, nn, optim

# ---- optimizers of the user's own ----


class Momentum(optim.Optimizer):
    """torch's tutorial form: groups, state by parameter, numbers and tensors in it."""

    def __init__(self, params: Any, lr: float = 0.5) -> None:
        super().__init__(params, {"lr": lr})

    @fastnn.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with fastnn.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                state["step"] = state.get("step", 0) + 1
                if "buffer" not in state:
                    state["buffer"] = fastnn.zeros_like(p)
                state["buffer"].mul_(0.5).add_(p.grad)
                p.add_(state["buffer"], alpha=-group["lr"])
        return loss


class SAM(optim.Optimizer):
    """A step to the worst place near by, then the base optimizer's step back at the old one."""

    def __init__(self, params: Any, base: Any, rho: float = 1.0, **settings: Any) -> None:
        super().__init__(params, dict(rho=rho, **settings))
        self.base = base(self.param_groups, **settings)
        self.param_groups = self.base.param_groups

    @fastnn.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["old"] = p.data.clone()
                p.add_(p.grad * group["rho"])
        self.zero_grad()
        with fastnn.enable_grad():
            loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                p.data = self.state[p]["old"]
        self.base.step()
        return loss


def _square(w: Tensor) -> Tensor:
    loss = (w * w).sum()
    loss.backward()
    return loss


def test_own_optimizer_steps_and_obeys_a_schedule() -> None:
    w = nn.Parameter(fastnn.tensor([1.0]))
    optimizer = Momentum([w])
    schedule = optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    seen = []
    for _ in range(3):
        optimizer.zero_grad()
        _square(w)
        optimizer.step()
        schedule.step()
        seen.append(w.item())
    # buffers 2, 1, 1/2 - ...: 1 - .5*2 = 0; 0 - .25*1 = -.25; -.25 - .125*(.5 - .5) = -.25
    assert seen == [0.0, -0.25, -0.25]
    assert optimizer.param_groups[0]["lr"] == 0.0625


def test_own_optimizer_calls_closure_and_hooks() -> None:
    w = nn.Parameter(fastnn.tensor([1.0]))
    optimizer, calls = Momentum([w]), []
    optimizer.register_step_pre_hook(lambda *given: calls.append("before"))
    optimizer.register_step_post_hook(lambda *given: calls.append("after"))
    assert optimizer.step(lambda: _square(w)).item() == 1.0
    assert (w.item(), calls) == (0.0, ["before", "after"])


def test_sam_wraps_an_optimizer_of_the_library() -> None:
    w = nn.Parameter(fastnn.tensor([1.0]))
    optimizer = SAM([w], optim.SGD, lr=0.25)
    _square(w)
    optimizer.step(lambda: _square(w))
    assert w.item() == 1.0 - 0.25 * 2 * 3  # the gradient at 1 + 2
    assert optimizer.param_groups[0]["rho"] == 1.0


@pytest.mark.parametrize("copied", ["state_dict", "deepcopy", "pickle"])
def test_own_optimizer_state_moves(copied: str) -> None:
    w = nn.Parameter(fastnn.tensor([1.0]))
    optimizer = Momentum([w])
    optimizer.step(lambda: _square(w))
    if copied == "state_dict":
        saved = optimizer.state_dict()
        assert saved["param_groups"] == [{"lr": 0.5, "params": [0]}]
        other = Momentum([nn.Parameter(fastnn.zeros(1, dtype=fastnn.float64))], lr=9.0)
        other.load_state_dict(saved)
    else:
        other = copy.deepcopy(optimizer) if copied == "deepcopy" else _pickled(optimizer)
    (p,) = other.param_groups[0]["params"]
    assert other.param_groups[0]["lr"] == 0.5
    assert other.state[p]["step"] == 1 and other.state[p]["buffer"].tolist() == [2.0]
    assert other.state[p]["buffer"].dtype == p.dtype


def _pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def test_own_optimizer_groups() -> None:
    p, q = nn.Parameter(fastnn.ones(1)), nn.Parameter(fastnn.ones(1))
    optimizer = Momentum([p])
    optimizer.add_param_group({"params": [q], "lr": 0.25, "mine": 1})
    (p + q).sum().backward()
    optimizer.step()
    assert (p.item(), q.item()) == (0.5, 0.75)
    assert "mine: 1" in repr(optimizer) and optimizer.defaults == {"lr": 0.5}
    with pytest.raises(ValueError, match="more than one group"):
        optimizer.add_param_group({"params": [p]})
    with pytest.warns(UserWarning, match="duplicate parameters"):
        Momentum([p, p])
    with pytest.raises(ValueError, match="empty parameter list"):
        Momentum([])
    with pytest.raises(NotImplementedError, match="define step"):
        optim.Optimizer([p], {}).step()


def test_own_optimizer_is_refused_where_a_program_would_hold_its_numbers() -> None:
    model = nn.Linear(2, 1)
    optimizer = Momentum(model.parameters())

    @fastnn.compile
    def step(x: Tensor) -> Tensor:
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    with pytest.raises(fastnn.RecordingError, match=r"Momentum\.step is Python code"):
        step(fastnn.ones(1, 2))
    trainer = fastnn.Trainer(model, nn.MSELoss(), optimizer)
    with pytest.raises(TypeError, match="optimizer: Momentum is Python code"):
        trainer.fit(np.ones((4, 2), np.float32), np.ones((4, 1), np.float32), epochs=1)

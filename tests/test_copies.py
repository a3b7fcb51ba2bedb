"""Copies and pickles of optimizers, with their nets and schedules, go on as the original does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases.optimizers import taken
from cases.schedules import SCHEDULES
from catalogue import tried_optimizers

import fastnn
from fastnn import nn, optim

OPTIMIZERS = tried_optimizers()


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


WAYS: dict[str, Callable[[Any], Any]] = {"deepcopy": copy.deepcopy, "pickle": pickled}


def trained(net: nn.Module, optimizer: optim.Optimizer, steps: int) -> list[float]:
    x = fastnn.linspace(-1, 1, 12).reshape(4, 3)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (net(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.every(5)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name: str, way: str) -> None:
    kind, settings = OPTIMIZERS[name]
    fastnn.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = getattr(optim, kind)(taken(kind, net.parameters()), **settings)
    trained(net, optimizer, 3)
    other, its_optimizer = WAYS[way]((net, optimizer))
    want = trained(net, optimizer, 3)
    assert trained(other, its_optimizer, 3) == want
    assert want[0] != want[1] != want[2]
    assert [p.tolist() for p in other.parameters()] == [p.tolist() for p in net.parameters()]


@pytest.mark.parametrize("way", WAYS)
def test_an_optimizer_alone(way: str) -> None:
    """It has parameters of its own, as in torch; hooks stay behind."""
    w = nn.Parameter(fastnn.ones(3))
    optimizer = optim.Adam([w], lr=0.1)
    optimizer.register_step_pre_hook(lambda *_: pytest.fail("called"))
    other = WAYS[way](optimizer)
    (own,) = other.param_groups[0]["params"]
    own.sum().backward()
    other.step()
    assert w.tolist() == [1.0] * 3 and own.tolist() == pytest.approx([0.9] * 3)
    assert repr(other) == repr(optimizer)


@pytest.mark.parametrize("way", WAYS)
def test_groups_of_two_dtypes_and_skipped_parameters(way: str) -> None:
    a, b = nn.Parameter(fastnn.ones(2)), nn.Parameter(fastnn.ones(2, dtype=fastnn.float64))
    c = nn.Parameter(fastnn.ones(3))
    optimizer = optim.AdamW([{"params": [a, b]}, {"params": [c], "lr": 0.5}], lr=0.1)
    for p, times in ((a, 3), (b, 1)):
        for _ in range(times):
            p.grad = fastnn.ones_like(p) * 0.5
            optimizer.step()
            p.grad = None
    (a2, b2, c2), other = WAYS[way](((a, b, c), optimizer))
    for params, o in (((a, b, c), optimizer), ((a2, b2, c2), other)):
        for p in params:
            p.grad = fastnn.ones_like(p)
        o.step()
    for mine, its in ((a, a2), (b, b2), (c, c2)):
        assert mine.tolist() == its.tolist() and mine.dtype == its.dtype
    state = other.state_dict()["state"]
    assert [entry["step"] for entry in state.values()] == [4.0, 2.0, 1.0]


# Functions that have no name cannot be pickled.
COPIED = [(n, w) for n in SCHEDULES for w in WAYS if SCHEDULES[n].pickles or w != "pickle"]


@pytest.mark.parametrize(("name", "way"), COPIED)
def test_schedule(name: str, way: str) -> None:
    case = SCHEDULES[name]
    weights = [nn.Parameter(fastnn.ones(2)) for _ in range(2)]
    groups = [{"params": [w], "lr": lr} for w, lr in zip(weights, (0.1, 0.05))]
    optimizer = optim.SGD(groups, lr=0.1, momentum=0.9)
    pair = optimizer, case.make(optim.lr_scheduler, optimizer)
    runs = []
    for o, schedule in (pair, WAYS[way](pair)):
        rates = []
        for _ in range(12):
            o.zero_grad()
            for group in o.param_groups:
                group["params"][0].sum().backward()
            o.step()
            schedule.step(*[1.0] * case.by_figure)
            rates.append([group["lr"] for group in o.param_groups])
        runs.append(rates)
    assert runs[0] == runs[1]


# ---- Hooks of the state ----


def test_hooks_of_an_optimizers_state() -> None:
    for optimizer in (
        optim.Adam([nn.Parameter(np.ones(2, np.float32))]),
        optim.LBFGS([nn.Parameter(np.ones(2, np.float32))]),
    ):
        seen: list[Any] = []
        optimizer.register_state_dict_pre_hook(lambda o, seen=seen: seen.append("before state"))
        optimizer.register_state_dict_post_hook(lambda o, state: {**state, "note": 1})
        optimizer.register_state_dict_post_hook(
            lambda o, state, seen=seen: seen.append(sorted(state)), prepend=True
        )
        state = optimizer.state_dict()
        assert seen == ["before state", ["param_groups", "state"]] and state["note"] == 1
        optimizer.register_load_state_dict_pre_hook(lambda o, state: state.clear())
        with pytest.raises(ValueError, match="state_dict: expected a mapping with"):
            optimizer.load_state_dict(state)
        assert state["note"] == 1  # the hook had a copy
        with pytest.raises(TypeError, match="hook: expected a function"):
            optimizer.register_load_state_dict_post_hook(3)  # type: ignore[arg-type]


def test_an_optimizer_loads_what_a_hook_returns() -> None:
    optimizer = optim.SGD([nn.Parameter(np.ones(2, np.float32))], lr=0.1)
    state = optimizer.state_dict()
    seen: list[float] = []
    halved = {**state, "param_groups": [{**state["param_groups"][0], "lr": 0.05}]}
    optimizer.register_load_state_dict_pre_hook(lambda o, given: halved)
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append(o.param_groups[0]["lr"]))
    optimizer.load_state_dict(state)
    assert seen == [0.05]
    assert optim.Optimizer.profile_hook_step(len) is len


# ---- Trainers and generators ----


@pytest.mark.parametrize("way", WAYS)
def test_a_copied_trainer_goes_on(way: str) -> None:
    fastnn.manual_seed(3)
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 1))
    trainer = fastnn.Trainer(model, nn.MSELoss(), optim.Adam(model.parameters(), lr=0.01))
    x = np.random.RandomState(0).standard_normal((32, 3)).astype(np.float32)
    y = x.sum(1, keepdims=True)
    trainer.fit(x, y, epochs=2, verbose=0)
    copied = WAYS[way](trainer)
    assert copied.model is not model and copied.history.history == trainer.history.history
    own = {id(p) for p in copied.model.parameters()}
    assert all(id(p) in own for g in copied.optimizer.param_groups for p in g["params"])
    losses = []
    for each in (trainer, copied):
        fastnn.manual_seed(4)
        losses.append(each.fit(x, y, epochs=3, verbose=0).history["loss"])
    assert losses[0] == losses[1]
    weights = [each.model[0].weight.tolist() for each in (trainer, copied)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("way", WAYS)
def test_a_copied_generator_goes_on_alone(way: str) -> None:
    generator = fastnn.Generator(5)
    generator.normal((3,), 0.0, 1.0, np.float32)  # keeps a second number
    copied = WAYS[way](generator)
    assert copied.initial_seed() == 5
    assert copied.engine_state.tolist() == generator.engine_state.tolist()
    assert copied.engine_state is not generator.engine_state
    found = [g.normal((5,), 0.0, 1.0, np.float32).tolist() for g in (generator, copied)]
    assert found[0] == found[1]
    generator.uniform((2,), 0.0, 1.0, np.float32)
    found = [g.uniform((2,), 0.0, 1.0, np.float32).tolist() for g in (generator, copied)]
    assert found[0] != found[1]


KINDS: dict[str, Callable[[], fastnn.Tensor]] = {
    "leaf": lambda: fastnn.ones(2),
    "requires grad": lambda: fastnn.ones(2, requires_grad=True),
    "a number": lambda: fastnn.tensor(3),
    "bool": lambda: fastnn.ones(2) > 0,
    "float64": lambda: fastnn.ones(2, dtype=fastnn.float64),
    "float16": lambda: fastnn.ones(2, dtype=fastnn.float16),
    "bfloat16": lambda: fastnn.ones(2).bfloat16(),
    "strided": lambda: fastnn.arange(6.0)[::2],
    "transposed": lambda: fastnn.arange(6.0).reshape(2, 3).T,
    "parameter": lambda: nn.Parameter(fastnn.ones(2)),
    "frozen parameter": lambda: nn.Parameter(fastnn.ones(2), requires_grad=False),
    "buffer": lambda: nn.Buffer(fastnn.ones(2)),
    "of the user's class": lambda: Marked("m", fastnn.ones(2)),
}


class Marked(fastnn.Tensor):
    """Begins in its own way."""

    def __init__(self, mark: str, values: fastnn.Tensor) -> None:
        super().__init__(values)
        self.mark = mark


@pytest.mark.parametrize("way", [*WAYS, "copy"])
@pytest.mark.parametrize("kind", KINDS)
def test_tensor(kind: str, way: str) -> None:
    tensor = KINDS[kind]()
    tensor.note = ["kept"]
    got = {**WAYS, "copy": copy.copy}[way](tensor)
    assert type(got) is type(tensor)
    assert (got.dtype, got.shape, got.requires_grad) == (
        tensor.dtype,
        tensor.shape,
        tensor.requires_grad,
    )
    assert got.is_leaf
    assert got.tolist() == tensor.tolist()
    if way != "deepcopy" or not isinstance(tensor, (nn.Parameter, nn.Buffer)):
        assert got.note == ["kept"]  # deep copies of parameters leave them behind, as in torch
        assert (got.note is tensor.note) == (way == "copy")
    with fastnn.no_grad():
        got[...] = 0
    assert (tensor.tolist() == got.tolist()) == (way == "copy")  # it shares the memory


@pytest.mark.parametrize("way", [*WAYS, "copy"])
def test_a_gradient_is_copied_deep(way: str) -> None:
    x = fastnn.ones(2, requires_grad=True)
    (x * x).sum().backward()
    got = {**WAYS, "copy": copy.copy}[way](x)
    if way == "deepcopy":
        assert got.grad is not x.grad
        assert got.grad.tolist() == [2.0, 2.0]
    else:
        assert got.grad is None


def test_results_of_ops() -> None:
    """The tape is in no copy: torch's rules."""
    y = fastnn.ones(2, requires_grad=True) * 2
    for got in (copy.copy(y), pickled(y)):
        assert got.is_leaf and got.requires_grad
        assert got.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="only tensors created explicitly by the user"):
        copy.deepcopy(y)
    assert copy.deepcopy(y.detach()).tolist() == [2.0, 2.0]

"""Optimizers: golden.json, groups, packing, state and errors. Torch: test_optim_goldens.py."""

from __future__ import annotations

import copy
import json
import pathlib
import re
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim, random
from fastnn.nn import Parameter
from fastnn.optim.flat import FlatParameters
from fastnn.tensor import Tensor, of_array

GOLDEN = json.loads((pathlib.Path(__file__).parent / "golden.json").read_text())

# golden.json's minimisation of w**2/2 from 1, lr 0.01: the optimizer and settings of each row
HALF_SQUARE: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd_mom09_torch": ("SGD", {"momentum": 0.9}),
    "sgd_nesterov09_torch": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "adam_betas_09_099_torch": ("Adam", {"betas": (0.9, 0.99)}),
    "adam_betas_09_0999_torch": ("Adam", {}),
    "adamw_wd001_torch": ("AdamW", {"weight_decay": 0.01}),
    "momentum_ema_beta09": ("EMAMomentum", {"momentum": 0.9}),
    "adagrad_torch": ("Adagrad", {}),
    "rmsprop_torch_default": ("RMSprop", {}),
    "adam_betas_09_099_keras_eps1e7": ("Adam", {"betas": (0.9, 0.99), "compat": "keras"}),
    "adam_betas_09_099_sklearn_eps1e8": ("Adam", {"betas": (0.9, 0.99), "compat": "sklearn"}),
}


def parameter(*values: float, dtype: Any = np.float64) -> Parameter:
    return Parameter(np.array(values, dtype))


def make(name: str, params: Any, settings: dict[str, Any]) -> optim.Optimizer:
    return getattr(optim, name)(params, **settings)


def wave(p: Tensor, t: int) -> Tensor:
    w = p.detach().numpy()
    return of_array(w * 0.5 + np.sin(np.arange(w.size, dtype=w.dtype).reshape(w.shape) + t))


@pytest.mark.parametrize("row", sorted(HALF_SQUARE))
def test_golden(row: str) -> None:
    name, settings = HALF_SQUARE[row]
    w = parameter(1.0)
    optimizer = make(name, [w], {"lr": 0.01, **settings})
    for before, after in GOLDEN["optim_half_w_squared"][row]:
        assert w.item() == pytest.approx(before, rel=1e-12)
        optimizer.zero_grad()
        (w * w * 0.5).sum().backward()
        optimizer.step()
        assert w.item() == pytest.approx(after, rel=1e-9)


SKIPPED: list[tuple[str, dict[str, Any], list[list[float]]]] = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5},
     [[0.43121249999999994, 0.8624249999999999], [-0.09720000000000027], [-1.5987500000000003]]),
    ("Adam", {"lr": 0.1},
     [[0.603939062682108, 1.6015048963195329], [2.6009135310557854], [3.6006532202209267]]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "want"), SKIPPED)
def test_parameters_without_gradient_keep_their_own_count(
    name: str, settings: dict[str, Any], want: list[list[float]]
) -> None:
    params = [parameter(1.0, 2.0), parameter(3.0), parameter(4.0)]
    optimizer = make(name, params, settings)
    for t in range(6):
        for i, p in enumerate(params):
            skipped = (t + i) % 3 == 0
            p.grad = None if skipped else of_array(p.detach().numpy() * (i + 1))
        before = [p.detach().numpy().copy() for p in params]
        optimizer.step()
        for p, old in zip(params, before):
            assert p.grad is not None or (p.detach().numpy() == old).all()
    for p, values in zip(params, want):
        np.testing.assert_allclose(p.detach().numpy(), values, rtol=1e-12)


def test_packing() -> None:
    model = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 2))
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    optimizer = optim.Adam(model.parameters())
    flat = next(model.parameters())._flat
    assert flat is not None and flat.starts == [0, 16, 32, 48, 64]
    assert flat.values.numpy().ctypes.data % 64 == 0
    assert flat.gradients.numpy().ctypes.data % 64 == 0
    for name, p in model.named_parameters():
        array = p.detach().numpy()
        assert np.shares_memory(array, flat.values.numpy()), name
        assert (array == before[name]).all()
        assert array.T.flags.c_contiguous, name  # (in, out) in memory, as it was
    x = of_array(np.ones((4, 5), np.float32))
    for _ in range(3):
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()
    padding = np.ones(flat.starts[-1], bool)
    for p, begin in zip(flat.params, flat.starts):
        padding[begin : begin + p.numel()] = False
    assert not flat.values.numpy()[padding].any()


def test_optimizers_share_a_vector_and_take_it_back() -> None:
    params = [parameter(1.0, -2.0, 3.0), parameter(4.0)]
    twin = [parameter(1.0, -2.0, 3.0), parameter(4.0)]
    first, alone = (optim.SGD(p, lr=0.1, momentum=0.9) for p in (params, twin))
    flat = params[0]._flat
    optim.Adam(params)
    assert params[0]._flat is flat  # the same list: the same vector
    head = optim.SGD(params[1:], lr=0.1)
    assert params[1]._flat is not flat and params[0]._flat is flat
    for t in range(3):
        for group in (params, twin):
            for p in group:
                p.grad = wave(p, t)
        first.step()
        alone.step()
        if t == 1:
            head.pack()  # moves params[1] away again; the moments of `first` stay right
    for p, q in zip(params, twin):
        assert (p.detach().numpy() == q.detach().numpy()).all()


def test_conversion_after_the_optimizer_is_refused() -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters())
    model.double()
    with pytest.raises(RuntimeError, match="make the optimizer after converting the model"):
        optimizer.step()


def test_mixed_dtypes_and_plain_tensors() -> None:
    a, b = parameter(1.0), parameter(1.0, dtype=np.float32)
    c = of_array(np.array(1.0), requires_grad=True)  # 0-d, no Parameter
    optimizer = optim.SGD([a, b, c], lr=0.5)
    for p in (a, b, c):
        p.grad = of_array(np.ones(p.shape, p.dtype))
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == [0.5, 0.5, 0.5]
    assert (a.dtype, b.dtype) == (np.float64, np.float32)


def test_settings_take_effect_at_the_next_step() -> None:
    w = parameter(1.0)
    optimizer = optim.SGD([w], lr=0.1)
    hyper = None
    for lr, want in ((0.1, 0.9), (0.2, 0.7), (0.0, 0.7)):
        optimizer.param_groups[0]["lr"] = lr
        w.grad = of_array(np.ones(1))
        optimizer.step()
        assert w.item() == pytest.approx(want)
        array = optimizer._blocks[0][0].segments[0].hyper._array
        assert hyper is None or array is hyper  # a compiled program keeps its address
        hyper = array
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.sync_hyper()
    assert hyper is not None and hyper[0] == 0.25 and hyper[optimizer.steps_at] == 3
    optimizer.param_groups[0]["lr"] = float("nan")
    with pytest.raises(ValueError, match="lr: expected a finite number >= 0, got nan"):
        optimizer.step()
    assert w.item() == pytest.approx(0.7)


def test_momentum_switched_on_later_starts_with_the_gradient() -> None:
    w = parameter(0.0)
    optimizer = optim.SGD([w], lr=1.0, dampening=0.5)
    for momentum, want in ((0.0, -1.0), (0.5, -2.0), (0.5, -3.0)):
        optimizer.param_groups[0]["momentum"] = momentum
        w.grad = of_array(np.ones(1))
        optimizer.step()
        assert w.item() == want  # buf = g, then 0.5 * 1 + 0.5 * 1


def test_groups() -> None:
    a, b, c = parameter(1.0), parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([{"params": [a], "lr": 0.5}, {"params": iter([b])}], lr=0.25)
    optimizer.add_param_group({"params": c, "weight_decay": 1.0})
    assert [g["lr"] for g in optimizer.param_groups] == [0.5, 0.25, 0.25]
    for p in (a, b, c):
        p.grad = of_array(np.ones(1))
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == [0.5, 0.75, 0.5]


def test_named_parameters() -> None:
    optimizer = optim.SGD(nn.Linear(2, 1).named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]


def test_names_in_some_groups_are_refused() -> None:
    named, plain = {"params": [("w", Parameter(np.ones(2)))]}, {"params": [Parameter(np.ones(2))]}
    with pytest.raises(ValueError, match="groups should be with/without names"):
        optim.SGD([plain, named])
    optimizer = optim.SGD([named])
    with pytest.raises(ValueError, match="groups should be with/without names"):
        optimizer.add_param_group(plain)
    assert len(optimizer.param_groups) == 1


def test_closure_and_zero_grad() -> None:
    w = parameter(2.0)
    optimizer = optim.SGD([w], lr=0.1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 4.0
    assert w.item() == pytest.approx(1.6)
    optimizer.zero_grad(set_to_none=False)
    assert w.grad is not None and w.grad.numpy().tolist() == [0.0]
    optimizer.zero_grad()
    assert w.grad is None
    optimizer.step()
    assert w.item() == pytest.approx(1.6)


def test_adam_without_eps_keeps_the_padding() -> None:
    a, b = parameter(1.0), parameter(2.0)
    optimizer = optim.Adam([a, b], lr=0.1, eps=0.0)
    for p in (a, b):
        p.grad = of_array(np.ones(1))
    with np.errstate(all="raise"):
        optimizer.step()
    assert (a.item(), b.item()) == (pytest.approx(0.9), pytest.approx(1.9))


@pytest.mark.parametrize(
    ("name", "settings"), [("SGD", {"momentum": 0.9}), ("SGD", {}), ("AdamW", {}), ("Adam", {})]
)
def test_state_dict_continues_bit_for_bit(name: str, settings: dict[str, Any]) -> None:
    def run(p: list[Parameter], o: optim.Optimizer, steps: range) -> None:
        for t in steps:
            for q in p:
                q.grad = wave(q, t)
            o.step()

    params = [parameter(1.0, -2.0, 3.0), parameter(0.5)]
    optimizer = make(name, params, settings)
    run(params, optimizer, range(3))
    saved = copy.deepcopy(optimizer.state_dict())
    assert sorted(saved["state"]) == [0, 1] and saved["state"][0]["step"] == 3
    others = [Parameter(p.detach().numpy().copy()) for p in params]
    other = make(name, others, {**settings, "lr": 77.0})
    other.load_state_dict(saved)
    assert other.param_groups[0]["lr"] == 1e-3
    run(params, optimizer, range(3, 6))
    run(others, other, range(3, 6))
    for p, q in zip(params, others):
        assert (p.detach().numpy() == q.detach().numpy()).all()


def test_torch_s_own_state_dict_loads() -> None:
    w = parameter(1.0, 2.0)
    optimizer = optim.SGD([w], lr=0.1, momentum=0.9)
    optimizer.load_state_dict({
        "state": {0: {"momentum_buffer": np.array([1.0, 1.0])}},
        "param_groups": [{"lr": 0.5, "momentum": 0.5, "foreach": None, "params": [0]}],
    })  # fmt: skip
    w.grad = of_array(np.ones(2))
    optimizer.step()
    assert w.detach().numpy().tolist() == [0.25, 1.25]
    assert "foreach" not in optimizer.param_groups[0]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, 'expected a mapping with "state" and "param_groups"'),
        ({"state": {}, "param_groups": []}, "different number of parameter groups"),
        ({"state": {}, "param_groups": [{"params": [0, 1]}]}, "expected [1], got [2]"),
        ({"state": {}, "param_groups": [{"params": [0], "lr": -1}]}, "lr: expected"),
        (
            {"state": {0: {"exp_avg": np.ones(3)}}, "param_groups": [{"params": [0]}]},
            "expected exp_avg of shape (2,), got (3,)",
        ),
    ],
)
def test_a_bad_state_dict_changes_nothing(state: dict[str, Any], message: str) -> None:
    w = parameter(1.0, 2.0)
    optimizer = optim.Adam([w], lr=0.1)
    w.grad = of_array(np.ones(2))
    optimizer.step()
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match=re.escape(message)):
        optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    for name in ("exp_avg", "exp_avg_sq"):
        assert (after["state"][0][name].numpy() == before["state"][0][name].numpy()).all()
    assert after["state"][0]["step"] == before["state"][0]["step"] == 1


BAD: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("SGD", {"lr": -1}, ValueError, "Invalid learning rate: -1"),
    ("Adam", {"lr": float("inf")}, ValueError, "lr: expected a finite number >= 0, got inf"),
    ("SGD", {"momentum": -0.1}, ValueError, "Invalid momentum value: -0.1"),
    ("SGD", {"weight_decay": -0.1}, ValueError, "Invalid weight_decay value: -0.1"),
    ("SGD", {"nesterov": True}, ValueError,
     "Nesterov momentum requires a momentum and zero dampening"),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, ValueError, "got 0.9 and 0.1"),
    ("Adam", {"betas": (1.0, 0.9)}, ValueError, "Invalid beta parameter at index 0: 1.0"),
    ("Adam", {"betas": (0.9, -1)}, ValueError, "betas[1]: expected a finite number >= 0 and < 1"),
    ("Adam", {"betas": 0.9}, ValueError, "betas: expected two numbers, got 0.9"),
    ("Adam", {"eps": -1e-8}, ValueError, "Invalid epsilon value: -1e-08"),
    ("AdamW", {"weight_decay": None}, TypeError, "weight_decay: expected a number, got None"),
    ("Adam", {"decoupled_weight_decay": 1}, TypeError, "expected True or False, got 1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "error", "message"), BAD)
def test_bad_settings(
    name: str, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    w = parameter(1.0)
    before = w._array
    with pytest.raises(error, match=re.escape(message)):
        make(name, [w], settings)
    with pytest.raises(error, match=re.escape(message)):
        make(name, [{"params": [w], **settings}], {})
    assert w._array is before and w._flat is None


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ValueError, "empty parameter list"),
        (parameter(1.0), TypeError, "params: expected an iterable of Tensors or dicts"),
        (None, TypeError, "params: expected an iterable of Tensors or dicts, got None"),
        ([3.0], TypeError, "params[0]: expected a Tensor, got 3.0"),
        ([{"params": {1, 2}}], TypeError, "params: expected a list of Tensors, got set"),
        ([parameter(1.0) * 2.0], ValueError, "can't optimize a non-leaf Tensor"),
        ([{"params": [parameter(1.0)], "rate": 1}], ValueError, "'lr', 'momentum'"),
        ([of_array(np.zeros(2, np.int64))], TypeError, "params[0]: expected float32, float64"),
    ],
)
def test_bad_params(params: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        optim.SGD(params)


def test_a_parameter_comes_once() -> None:
    w = parameter(1.0)
    with pytest.raises(ValueError, match="more than one"):
        optim.SGD([{"params": [w]}, {"params": [w]}])
    with pytest.warns(UserWarning, match="duplicate parameters"):
        assert len(optim.SGD([w, w]).param_groups[0]["params"]) == 1
    optimizer = optim.SGD([w])
    with pytest.raises(ValueError, match="more than one"):
        optimizer.add_param_group({"params": [w]})
    assert len(optimizer.param_groups) == 1


def test_a_gradient_of_another_shape_is_refused() -> None:
    w = parameter(1.0, 2.0)
    optimizer = optim.SGD([w])
    with pytest.raises(
        RuntimeError, match=r"a gradient of size '\[1\]' to a tensor of size '\[2\]'"
    ):
        w.grad = of_array(np.ones(1))
    assert w.grad is None
    optimizer.step()  # nothing to do


@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (4, 1), (1, 4), (2, 3, 4)])
def test_flat_views_keep_values_and_memory_order(shape: tuple[int, ...]) -> None:
    values = random.Generator(1).uniform(shape, 0.0, 1.0, np.float64)
    for axes in {tuple(range(len(shape))), tuple(range(len(shape)))[::-1]}:
        stored = np.ascontiguousarray(values.transpose(axes)).reshape(values.transpose(axes).shape)
        p, q = Parameter(stored.transpose(axes)), parameter(1.0)
        flat = FlatParameters.of([p, q])
        assert (p._array == values).all() and flat.is_intact()
        assert p._array.transpose(axes).flags.c_contiguous
        assert flat.starts[1] % 16 == 0 and flat.starts[1] >= p.numel()


def test_state_by_parameter_is_what_state_dict_has() -> None:
    model = nn.Linear(2, 2)
    optimizer = optim.Adam([{"params": model.bias}, {"params": model.weight}], lr=0.1)
    assert dict(optimizer.state) == {}
    (model(fastnn.ones(3, 2)).sum() + 0 * model.weight.sum()).backward()
    optimizer.step()
    entries = optimizer.state_dict()["state"]
    for i, p in enumerate((model.bias, model.weight)):
        assert list(optimizer.state[p]) == ["step", "exp_avg", "exp_avg_sq"]
        assert optimizer.state[p]["exp_avg"].tolist() == entries[i]["exp_avg"].tolist()
    optimizer.state[model.bias]["exp_avg"].zero_()  # as in torch, it is the moment itself
    assert optimizer.state_dict()["state"][0]["exp_avg"].tolist() == [0.0, 0.0]

"""What scripts written for torch do: each case gives torch 2.13's value, exact or by hand."""

from __future__ import annotations

import copy
import io
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
    with pytest.raises(ValueError, match="more than one parameter group"):
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


# ---- tensors from the constructor ----

AS_VALUES: dict[str, tuple[Any, list[float]]] = {
    "integers": (np.array([1, 2]), [1.0, 2.0]),
    "float64": (np.array([0.5, 2.0]), [0.5, 2.0]),
    "bools": (np.array([True, False]), [1.0, 0.0]),
    "list": ([1, 2.5], [1.0, 2.5]),
    "list of bools": ([True], [1.0]),
    "tuple": ((3,), [3.0]),
    "range": (range(2), [0.0, 1.0]),
    "list of arrays": ([np.array(1), np.array(2.0)], [1.0, 2.0]),
}


@pytest.mark.parametrize("name", AS_VALUES)
def test_tensor_of_values_is_of_the_default_dtype(name: str) -> None:
    values, want = AS_VALUES[name]
    x = Tensor(values)
    assert (x.dtype, x.tolist()) == (np.float32, want)


def test_tensor_of_a_tensor_or_of_float32_shares_memory() -> None:
    x, array = fastnn.tensor([1, 2]), np.ones(2, np.float32)
    same, shared = Tensor(x), Tensor(array)
    x[0], array[0] = 5, 5
    assert (same.dtype, same.tolist(), shared.tolist()) == (np.int64, [5, 2], [5.0, 1.0])


@pytest.mark.parametrize("value", [2.5, True, np.float32(2), None, "ab"])
def test_tensor_refuses_what_is_no_sequence(value: Any) -> None:
    with pytest.raises(TypeError, match=r"array: expected a sequence|data: expected numbers"):
        Tensor(value)


# ---- gradients ----


def test_grad_takes_any_iterable() -> None:
    model = nn.Linear(2, 1)
    x = fastnn.ones(1, 2)
    w, b = fastnn.autograd.grad(model(x).sum(), model.parameters())
    assert (w.tolist(), b.tolist()) == ([[1.0, 1.0]], [1.0])
    y = fastnn.ones(2, requires_grad=True)
    outputs, inputs = (t.sum() for t in (y, y * 2)), (t for t in (y,))
    cotangents = (fastnn.tensor(v) for v in (1.0, 10.0))
    assert fastnn.autograd.grad(outputs, inputs, cotangents)[0].tolist() == [21.0, 21.0]


@pytest.mark.parametrize("first", ["retain_grad", "register_hook"])
def test_hooks_run_before_the_gradient_is_kept(first: str) -> None:
    x = fastnn.ones(2, requires_grad=True)
    y = x * 2
    if first == "retain_grad":
        y.retain_grad()
    y.register_hook(lambda g: g * 3)
    if first != "retain_grad":
        y.retain_grad()
    y.sum().backward()
    assert (y.grad.tolist(), x.grad.tolist()) == ([3.0, 3.0], [6.0, 6.0])


# ---- operators with arrays ----

OPERATORS: dict[str, Any] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "@": lambda a, b: a @ b,
}
BITWISE: dict[str, Any] = {
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
}


KINDS = (np.float64, np.float32, np.int64, np.bool_)
PAIRS = [(name, dtype) for name in OPERATORS for dtype in KINDS]
PAIRS += [(name, dtype) for name in BITWISE for dtype in KINDS[2:]]


@pytest.mark.parametrize("reflected", [False, True])
@pytest.mark.parametrize(("name", "dtype"), PAIRS)
def test_operators_take_arrays(name: str, dtype: Any, reflected: bool) -> None:
    x = np.array([4, 3, 2], np.int64 if name in BITWISE else np.float32)
    other = np.array([1, 2, 3], dtype) if dtype is not np.bool_ else np.ones(3, dtype)
    run = {**OPERATORS, **BITWISE}[name]
    t = fastnn.from_numpy(x)
    got = run(other, t) if reflected else run(t, other)
    as_tensor = fastnn.from_numpy(other)
    a, b = (as_tensor, t) if reflected else (t, as_tensor)
    if name == "@":
        kind = fastnn.promote_types(a.dtype, b.dtype)
        a, b = a.to(kind), b.to(kind)
    want = run(a, b)
    assert isinstance(got, Tensor)
    assert (got.dtype, got.tolist()) == (want.dtype, want.tolist())


def test_operators_with_arrays_keep_the_gradient_and_half_precision() -> None:
    x = fastnn.ones(2, requires_grad=True)
    (x * np.array([2.0, 3.0], np.float32)).sum().backward()
    assert x.grad.tolist() == [2.0, 3.0]
    assert (x * np.array(2.0)).tolist() == [2.0, 2.0]
    assert (fastnn.ones(2, dtype=fastnn.float16) * np.ones(2)).dtype == np.float64


# ---- files ----


def test_save_and_load_take_open_files(tmp_path: Any) -> None:
    state = {"w": fastnn.arange(3), "epoch": 2, "model": nn.Linear(2, 1).state_dict()}
    memory = io.BytesIO()
    fastnn.save(state, memory)
    memory.seek(0)
    assert fastnn.load(memory)["w"].tolist() == [0, 1, 2]
    with (tmp_path / "a").open("wb") as file:
        fastnn.save(nn.Sequential(nn.Linear(2, 1)), file)
    with (tmp_path / "a").open("rb") as file:
        assert fastnn.load(file)[0].out_features == 1
    with pytest.raises(fastnn.FormatError, match=r"<BytesIO>: not a safetensors file"):
        fastnn.load(io.BytesIO(b"1234567890"))


@pytest.mark.parametrize("make", [fastnn.ones, lambda n: nn.Parameter(fastnn.ones(n))])
def test_tensors_keep_attributes(make: Any) -> None:
    x = make(2)
    x.foo = 1
    assert x.foo == 1 and not hasattr(x * 2, "foo")

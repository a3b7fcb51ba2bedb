"""In-place ops on the tape, each compared with its out-of-place form."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.autograd import gradcheck, gradgradcheck
from fastnn.tape import versions
from fastnn.tensor import Tensor

Case = Callable[[Tensor, Tensor], Any]


def rows(*parts: Tensor) -> Tensor:
    return fastnn.stack(list(parts))


def assigned(x: Tensor, index: Any, value: Any) -> Tensor:
    x[index] = value
    return x


def changed_view(x: Tensor, w: Tensor) -> Tensor:
    x.view(-1)[1:4].mul_(3)
    return x * w


def one_by_one(x: Tensor, w: Tensor) -> Tensor:
    buffer = fastnn.zeros(3, dtype="float64")
    for i in range(3):
        buffer[i] = w[i] * x[0, i]
    return buffer


def used_before_and_after(x: Tensor, w: Tensor) -> Tensor:
    earlier = x.exp()  # which needs its result alone
    x.add_(w)
    return earlier * x


def added_to_a_column(x: Tensor, w: Tensor) -> Tensor:
    x[:, 1] += w[1:]
    return x


def several(x: Tensor, w: Tensor) -> Tensor:
    x *= w
    x -= 1
    x /= w
    row = x[1]
    row += w
    row.neg_()
    return x


MASK = fastnn.tensor([[True, False, False], [False, True, True]])
PICK = fastnn.tensor([2, 0])
CASES: dict[str, tuple[Case, Case]] = {
    "add": (lambda x, w: x.add_(1), lambda x, w: x + 1),
    "add alpha": (lambda x, w: x.add_(w, alpha=2), lambda x, w: x + 2 * w),
    "mul": (lambda x, w: x.mul_(w), lambda x, w: x * w),
    "div": (lambda x, w: x.div_(w), lambda x, w: x / w),
    "pow": (lambda x, w: x.pow_(3), lambda x, w: x**3),
    "functions": (
        lambda x, w: x.sigmoid_().tanh_().exp_().sqrt_().log_().sin_().cos_().abs_().square_(),
        lambda x, w: x.sigmoid().tanh().exp().sqrt().log().sin().cos().abs().square(),
    ),
    "reciprocal": (lambda x, w: x.reciprocal_(), lambda x, w: 1 / x),
    "rsqrt": (lambda x, w: x.square_().rsqrt_(), lambda x, w: 1 / x.square().sqrt()),
    "lerp": (lambda x, w: x.lerp_(w * w, 0.3), lambda x, w: x + 0.3 * (w * w - x)),
    "lerp by w": (lambda x, w: x.lerp_(w * w, w), lambda x, w: x + w * (w * w - x)),
    "relu": (lambda x, w: x.sub_(1).relu_().neg_(), lambda x, w: -(x - 1).relu()),
    "clamp": (lambda x, w: x.clamp_(-0.5, 0.7), lambda x, w: x.clamp(-0.5, 0.7)),
    "masked_fill": (lambda x, w: x.masked_fill_(MASK, 7.0), lambda x, w: x.masked_fill(MASK, 7.0)),
    "zero": (lambda x, w: x.zero_() + w, lambda x, w: x * 0 + w),
    "fill": (lambda x, w: x.fill_(w[0]) * w, lambda x, w: x * 0 + w[0] * w),
    "copy": (lambda x, w: x.copy_(w), lambda x, w: x * 0 + w),
    "row": (lambda x, w: assigned(x, 0, w), lambda x, w: rows(w, x[1])),
    "column": (
        lambda x, w: assigned(x, (slice(None), 1), w[1:]),
        lambda x, w: fastnn.stack([x[:, 0], w[1:], x[:, 2]], 1),
    ),
    "number": (lambda x, w: assigned(x, (1, 2), 5.0), lambda x, w: x * (1 - LAST) + 5.0 * LAST),
    "picked": (
        lambda x, w: assigned(x, (slice(None), PICK), w[:2]),
        lambda x, w: fastnn.stack([w[1] + 0 * x[:, 0], x[:, 1], w[0] + 0 * x[:, 2]], 1),
    ),
    "mask": (lambda x, w: assigned(x, MASK, w[0]), lambda x, w: fastnn.where(MASK, w[0], x)),
    "column +=": (
        added_to_a_column,
        lambda x, w: fastnn.stack([x[:, 0], x[:, 1] + w[1:], x[:, 2]], 1),
    ),
    "row *=": (lambda x, w: x[0].mul_(w), lambda x, w: x[0] * w),
    "view": (
        changed_view,
        lambda x, w: x * fastnn.tensor([[1.0, 3, 3], [3, 1, 1]], dtype="float64") * w,
    ),
    "transposed": (lambda x, w: x.t().add_(1).mul_(2), lambda x, w: (x.t() + 1) * 2),
    "one by one": (one_by_one, lambda x, w: w * x[0]),
    "before and after": (used_before_and_after, lambda x, w: x.exp() * (x + w)),
    "several": (several, lambda x, w: rows((x[0] * w - 1) / w, -((x[1] * w - 1) / w + w))),
}
LAST = fastnn.tensor([[0.0, 0, 0], [0, 0, 1]], dtype="float64")
X = np.random.RandomState(0).uniform(0.2, 1.5, (2, 3))
W = np.array([0.5, 1.5, -0.8])


def leaves() -> tuple[Tensor, Tensor]:
    return fastnn.tensor(X, requires_grad=True), fastnn.tensor(W, requires_grad=True)


def value_and_gradients(case: Case) -> list[Any]:
    x, w = leaves()
    y = case(x * 1, w)
    (y.sin() * (y + 2)).sum().backward()
    return [y.tolist(), *(None if p.grad is None else p.grad.tolist() for p in (x, w))]


@pytest.mark.every(5)
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str) -> None:
    """Also recorded, and to the second order."""
    changed, new = CASES[name]
    for found, want in zip(value_and_gradients(changed), value_and_gradients(new), strict=True):
        if found is not None or want is not None:  # a gradient of zeros may be None
            zero = np.zeros(np.shape(want if found is None else found))
            np.testing.assert_allclose(
                zero if found is None else found, zero if want is None else want, rtol=1e-12
            )
    assert gradcheck(lambda x, w: changed(x * 1, w), leaves())
    assert gradgradcheck(lambda x, w: changed(x * 1, w), leaves())


@pytest.mark.parametrize("name", [n for n in CASES if n != "picked"])
def test_compiled_is_eager(name: str) -> None:
    changed = CASES[name][0]

    def step(x: Tensor, w: Tensor) -> Any:
        x, w = (x * 1).requires_grad_(), (w * 1).requires_grad_()
        y = changed(x * 1, w)
        (y.sin() * (y + 2)).sum().backward()
        return [y, x.grad] if w.grad is None else [y, x.grad, w.grad]

    compiled = fastnn.compile(step)
    for i in range(3):
        inputs = fastnn.tensor(X + 0.1 * i), fastnn.tensor(W)
        for found, want in zip(compiled(*inputs), step(*inputs), strict=True):
            assert found.tolist() == want.tolist()


def test_what_the_tape_needs_raises() -> None:
    x, w = leaves()
    for change in (lambda h: h.add_(1), lambda h: assigned(h, 0, w), lambda h: h[0].mul_(2)):
        h = x * 2
        y = h * h
        change(h)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()
        h = x.exp()
        change(h)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            h.sum().backward()


WRITERS: dict[str, Callable[[nn.Parameter], Any]] = {
    "init": nn.init.zeros_,
    "orthogonal_": nn.init.orthogonal_,
    "set_data": lambda w: w.set_data(np.ones((2, 2))),
    "data": lambda w: setattr(w, "data", fastnn.ones(2, 2)),
    "load_state_dict": lambda w: nn.ParameterList([w]).load_state_dict({"0": np.ones((2, 2))}),
}


@pytest.mark.parametrize("name", WRITERS)
def test_writes_to_parameters_are_seen(name: str) -> None:
    w = nn.Parameter(np.eye(2))
    loss = (w * w).sum()
    WRITERS[name](w)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("name", ["init", "set_data", "data", "load_state_dict"])
def test_writes_to_parameters_are_repeated(name: str) -> None:
    w = nn.Parameter(np.eye(2))

    @fastnn.compile
    def step(x: Tensor) -> Tensor:
        WRITERS[name](w)
        w.data += x
        return w.sum()

    wanted = 4.0 if name == "init" else 8.0
    assert [step(fastnn.ones(2, 2, dtype=fastnn.float64)).item() for _ in range(3)] == [wanted] * 3


def test_drawn_values_are_not_repeated() -> None:
    w = nn.Parameter(np.eye(2))
    for draws in (lambda x: nn.init.normal_(w) * x, lambda x: nn.Linear(2, 2)(x)):
        with pytest.raises(fastnn.RecordingError, match=r"test_inplace\.py:\d+: .*random numbers"):
            fastnn.compile(draws)(fastnn.ones(2, 2))


def test_a_leaf_is_not_changed() -> None:
    x, w = leaves()
    for change in (lambda: x.add_(1), lambda: assigned(x, 0, 1.0), lambda: x[0].mul_(w)):
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            change()
    assert x.tolist() == X.tolist()


@pytest.mark.parametrize("by", ["backward", "grad"])
def test_a_view_from_before_is_refused(by: str) -> None:
    x, w = leaves()
    h = x * 2
    view = h.view(-1)
    used = (view * 2).sum()  # before the change: its gradient is known
    h.mul_(w)
    late = (view * 3).sum()
    anew = (h.view(-1) * 3).sum()
    assert (
        fastnn.autograd.grad(used + anew, x, retain_graph=True)[0].tolist()
        == (4 + 6 * np.broadcast_to(W, X.shape)).tolist()
    )
    with pytest.raises(RuntimeError, match=r"a view of shape .* make a new view"):
        late.backward() if by == "backward" else fastnn.autograd.grad(late, x)


def test_shapes_that_do_not_fit() -> None:
    x, w = leaves()
    for change in (lambda h: w.mul(1).add_(h), lambda h: assigned(h, 0, x)):
        h = x * 2
        with pytest.raises(ValueError, match=r"fit|shape|broadcast"):
            change(h)
        assert h.tolist() == (2 * X).tolist()
        h.sum().backward()


class Program:
    """What a compiled function leaves to the tape, in a circle that only gc can undo."""

    def __init__(self) -> None:
        self.itself, self.ran_at = self, 0


@pytest.mark.every(5)
@pytest.mark.parametrize("allocations", range(1, 30, 3))
def test_programs_may_be_collected_while_they_are_looked_through(allocations: int) -> None:
    x = fastnn.ones(3, requires_grad=True)
    y = (x * x).sum()
    before = gc.get_threshold()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            versions.writes(Program(), [np.zeros(1)])  # type: ignore[arg-type]
        known = len(versions._programs)
        pairs = list(enumerate(range(5000)))  # none is left over for the next: they are allocated
        gc.set_threshold(gc.get_count()[0] + allocations)
        gc.enable()
        versions._changed(y._node, [])
    finally:
        gc.set_threshold(*before)
        gc.enable()
    gc.collect()
    assert pairs and len(versions._programs) <= known - 20

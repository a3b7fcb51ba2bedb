"""A gradient kept from a compiled step keeps its values, as in eager code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.tensor import Tensor

KEPT: dict[str, Callable[[Tensor], Any]] = {
    "tensor": lambda grad: grad,
    "detached": lambda grad: grad.detach(),
    "array": lambda grad: grad.numpy(),
    "row": lambda grad: grad[0],
    "transposed": lambda grad: grad.T,
    "view of the array": lambda grad: grad.numpy().reshape(-1)[1:],
    "tensor and array": lambda grad: (grad, grad.numpy()),
}


def values(kept: Any) -> list[Any]:
    return [np.array(k.tolist()) for k in (kept if isinstance(kept, tuple) else (kept,))]


def history(keep: Callable[[Tensor], Any], compiled: bool, kind: str) -> tuple[list[Any], Any]:
    fastnn.manual_seed(0)
    layer = nn.Linear(3, 2)
    optimizer = optim.Adam(layer.parameters(), lr=0.1)

    def step(x: Tensor) -> Tensor:
        if kind != "outside":
            optimizer.zero_grad(set_to_none=kind != "zeroed")
        loss = (layer(x) ** 2).sum()
        loss.backward()
        if kind != "backward":
            optimizer.step()
        return loss

    run: Any = fastnn.compile(step) if compiled else step
    kept = []
    for i in range(6):
        if kind == "outside":
            optimizer.zero_grad()
        run(fastnn.full((4, 3), i + 1.0))
        assert layer.weight.grad is not None and layer.bias.grad is not None
        if i != 3:
            kept.append(keep(layer.weight.grad))
    grads = [layer.weight.grad.tolist(), layer.bias.grad.tolist()]
    return [v.tolist() for k in kept for v in values(k)], (grads, layer.weight.tolist())


@pytest.mark.every(5)
@pytest.mark.parametrize("kind", ["step", "backward", "outside", "zeroed"])
@pytest.mark.parametrize("how", list(KEPT))
def test_a_gradient_that_is_kept(how: str, kind: str) -> None:
    """`zeroed`: it is the same tensor at every step, in eager code too."""
    assert history(KEPT[how], True, kind) == history(KEPT[how], False, kind)


def test_a_gradient_held_for_one_step_costs_no_recording() -> None:
    w = nn.Parameter(np.ones(3, np.float32))

    def step(x: Tensor) -> Tensor:
        w.grad = None
        loss = (w * x).sum()
        loss.backward()
        return loss

    compiled = fastnn.compile(step)
    for i in range(5):
        compiled(fastnn.full((3,), float(i)))
        grad = w.grad
        assert grad is not None and grad.tolist() == [float(i)] * 3
    assert len(next(iter(compiled._cache.values()))) == 2  # without a gradient before, and with
    for i in range(5):
        compiled(fastnn.full((3,), float(i)))
        assert w.grad is not None
        array = w.grad.numpy()
        assert array.tolist() == [float(i)] * 3
    assert len(next(iter(compiled._cache.values()))) <= 4


def test_two_steps_of_the_same_parameters_take_turns_on_the_short_way() -> None:
    w = nn.Parameter(np.ones(3, np.float32))
    optimizer = optim.SGD([w], lr=0.5)
    ran = []

    def step_of(sign: float) -> Any:
        def step(x: Tensor) -> Tensor:
            optimizer.zero_grad()
            loss = (w * x).sum() * sign
            loss.backward()
            optimizer.step()
            return loss

        return fastnn.compile(step)

    steps = [step_of(1.0), step_of(-1.0)]
    for i in range(4):
        for step, sign in zip(steps, (1.0, -1.0), strict=True):
            look = step._look
            if i > 1:
                step._look = lambda *a, look=look: (ran.append(1), look(*a))[1]
            step(fastnn.ones(3))
            assert w.grad is not None and w.grad.tolist() == [sign] * 3
            step.__dict__.pop("_look", None)
    assert not ran and w.tolist() == [1.0] * 3


def test_other_gradients_are_none_or_zero_as_the_step_leaves_them() -> None:
    w = nn.Parameter(np.ones(2, np.float32))

    def step(x: Tensor) -> Tensor:
        loss = (w * x).sum()
        loss.backward()
        w.grad = None
        fastnn.autograd.zero_grad(w)
        return loss

    compiled = fastnn.compile(step)
    for _ in range(3):
        w.grad = None
        compiled(fastnn.ones(2))
        assert w.grad is None

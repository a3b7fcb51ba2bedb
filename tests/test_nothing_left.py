"""Transforms leave nothing on the tape: neither their results nor nodes that stay alive."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

import fastnn
from fastnn import func, nn
from fastnn._core.tape import Node
from fastnn._support import tree
from fastnn.autograd import functional
from fastnn.tensor import Tensor

X, Y = fastnn.tensor([1.0, 2.0, 3.0]), fastnn.tensor([2.0, 3.0, 4.0])
ROWS = fastnn.arange(12.0).reshape(4, 3)
W, V = (nn.Parameter(fastnn.tensor(v)) for v in ([1.0, 2.0, 3.0], [0.5, 0.6, 0.7]))


def f(a: Tensor, b: Tensor) -> Tensor:
    return (a**2 * b**3).sum()


def net(x: Tensor, y: Tensor, w: Tensor, v: Tensor) -> Tensor:
    return (x * w + y * v).tanh().sum()


by_second = func.grad(f, 1)
CASES: dict[str, Callable[[], Any]] = {
    "grad by 1 in grad by 0": lambda: func.grad(lambda a, b: by_second(a, b).sum(), 0)(X, Y),
    "grad by 0 in grad by 1": lambda: func.grad(lambda a, b: func.grad(f)(a, b).sum(), 1)(X, Y),
    "grad by both in grad": lambda: func.grad(
        lambda a, b: sum(g.sum() for g in func.grad(f, (0, 1))(a, b))
    )(X, Y),
    "three deep": lambda: func.grad(
        lambda a: func.grad(lambda b: by_second(a, b).sum())(Y).sum()
    )(X),
    "jvp": lambda: func.jvp(lambda b: func.grad(f)(X, b), (Y,), (Y,)),
    "vjp": lambda: func.vjp(lambda b: func.grad(f)(X, b), Y)[1](X),
    "vjp's value": lambda: func.vjp(lambda b: func.grad(f)(X, b), Y)[0],
    "linearize": lambda: func.linearize(lambda a: by_second(a, Y), X)[1](Y),
    "jacfwd in jacrev": lambda: func.jacrev(lambda b: func.jacfwd(f)(X, b))(Y),
    "jacrev in jacfwd": lambda: func.jacfwd(lambda b: func.jacrev(f)(X, b))(Y),
    "hessian": lambda: func.hessian(f, (0, 1))(X, Y),
    "hessian in grad": lambda: func.grad(lambda b: func.hessian(f)(X, b).sum())(Y),
    "jacfwd in grad": lambda: func.grad(lambda b: func.jacfwd(f)(X, b).sum())(Y),
    "jvp in grad": lambda: func.grad(
        lambda b: func.jvp(lambda a: f(a, b), (X,), (X,))[1]
    )(Y),
    "grad in vmap": lambda: func.vmap(func.grad(f), in_dims=(0, None))(ROWS, Y),
    "vmap in grad": lambda: func.grad(
        lambda b: func.vmap(lambda a: func.grad(f)(a, b))(ROWS).sum()
    )(Y),
    "grad in grad in vmap": lambda: func.vmap(
        lambda a: func.grad(lambda b: func.grad(f)(a, b).sum())(Y)
    )(ROWS),
    "mindspore's grad": lambda: fastnn.grad(lambda a, b: fastnn.grad(f, 1)(a, b))(X, Y),
    "mindspore's grad by Parameters": lambda: fastnn.grad(net, (2, 3))(X, Y, W, V),
    "mindspore's value_and_grad": lambda: fastnn.value_and_grad(net, (2, 3))(X, Y, W, V),
    "mindspore's grad by weights": lambda: fastnn.grad(
        lambda a: fastnn.grad(lambda b: (b**2 * W).sum())(a).sum(), None, [W]
    )(X),
    "mindspore's jvp": lambda: fastnn.jvp(lambda a: fastnn.grad(f, 1)(a, Y), X, Y),
    "mindspore's vjp": lambda: fastnn.vjp(lambda a: fastnn.grad(f, 1)(a, Y), X)[1](Y),
    "mindspore's jacrev": lambda: fastnn.jacrev(lambda a: fastnn.grad(f, 1)(a, Y))(X),
    "mindspore's jacfwd": lambda: fastnn.jacfwd(lambda a: fastnn.grad(f, 1)(a, Y))(X),
    "mindspore's jacrev by Parameters": lambda: fastnn.jacrev(net, (2, 3))(X, Y, W, V),
    "mindspore's hessian": lambda: fastnn.hessian(lambda a: fastnn.grad(f, 1)(a, Y).sum())(X),
    "jacobian": lambda: functional.jacobian(lambda a: by_second(a, Y), X),
    "functional.hessian": lambda: functional.hessian(lambda a: by_second(a, Y).sum(), X),
    "functional.vjp": lambda: functional.vjp(lambda a: by_second(a, Y), X, Y),
    "functional.jvp": lambda: functional.jvp(lambda a: by_second(a, Y), X, Y),
    "functional.vhp": lambda: functional.vhp(lambda a: by_second(a, Y).sum(), X, Y),
    "functional.hvp": lambda: functional.hvp(lambda a: by_second(a, Y).sum(), X, Y),
}  # fmt: skip


def nodes() -> int:
    gc.collect()
    return sum(type(x) is Node for x in gc.get_objects())


@pytest.mark.parametrize("name", CASES)
def test_results_are_off_the_tape(name: str) -> None:
    tensors = [x for x in tree.leaves(CASES[name]()) if isinstance(x, Tensor)]
    assert tensors and not any(x.requires_grad for x in tensors)
    assert all(bool(x.isfinite().all()) for x in tensors)


def test_nothing_is_left() -> None:
    """To look at all objects takes long: once for all cases, and for each if some are left."""
    before = nodes()
    for case in CASES.values():
        case()
    alive = nodes() - before
    if alive:
        by_case = {}
        for name, case in CASES.items():
            before = nodes()
            case()
            by_case[name] = nodes() - before
        raise AssertionError(f"{alive} nodes of the tape are alive: {by_case}")


def test_what_lies_around_is_still_reached() -> None:
    """Gradients of gradients, by what a transform outside asks for and by leaves outside."""
    a, b = fastnn.tensor(2.0), fastnn.tensor(3.0)
    mixed = func.grad(lambda a: func.grad(lambda b: a**2 * b**3)(b))
    assert mixed(a).item() == 3 * 9 * 2 * 2
    w = fastnn.tensor(2.0, requires_grad=True)
    slope = func.grad(lambda b: func.grad(lambda a: w**2 * a**2 * b)(a))(b)
    slope.backward()
    assert w.grad is not None and w.grad.item() == 2 * 2 * 2 * 2
    second = func.grad(lambda w: func.grad(lambda w: w**3)(w))
    assert second(w).item() == 12 and second(w).requires_grad  # as in torch


def trained(steps: int) -> None:
    """A functional PINN: u'' = -u by parameters that are plain tensors."""
    params = {"w": fastnn.linspace(-1, 1, 8), "b": fastnn.zeros(8), "v": fastnn.ones(8)}
    x = fastnn.tensor(0.3)

    def u(x: Tensor, p: dict[str, Tensor]) -> Tensor:
        return ((x * p["w"] + p["b"]).tanh() * p["v"]).sum()

    def loss(p: dict[str, Tensor]) -> Tensor:
        bend = func.grad(func.grad(u))
        return (bend(x, p) + u(x, p)) ** 2

    for _ in range(steps):
        slopes = func.grad(loss)(params)
        params = {name: p - 0.01 * slopes[name] for name, p in params.items()}


def stepped(steps: int) -> None:
    """By Parameters, with MindSpore's grad."""
    w, v = nn.Parameter(fastnn.ones(3)), nn.Parameter(fastnn.ones(3))
    slopes = fastnn.zeros(3), fastnn.zeros(3)
    for _ in range(steps):
        found = fastnn.grad(net, (2, 3))(X, Y, w, v)
        slopes = tuple(0.9 * s + g for s, g in zip(slopes, found, strict=True))  # type: ignore[assignment]


@pytest.mark.long
@pytest.mark.parametrize("loop", [trained, stepped])
def test_no_growth(loop: Callable[[int], None]) -> None:
    loop(5)
    tracemalloc.start()
    loop(20)
    before, few = nodes(), tracemalloc.get_traced_memory()[0]
    loop(100)
    after, many = nodes(), tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after == before
    assert many <= few + 4_000, (few, many)

"""The backward pass: hooks, chosen tensors, changes in place and anomaly mode at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest
from test_function import Exp, Scaled, leaf

import fastnn
from fastnn.autograd import Function, detect_anomaly, grad
from fastnn.tensor import Tensor

WAYS = ("backward", "backward with inputs", "grad")
AGAIN = r"^backward a second time through the same tape"


def gradients(
    way: str, y: Tensor, leaves: list[Tensor], keep: bool = True, create_graph: bool = False
) -> list[Tensor]:
    """Those of y by leaves."""
    if way == "grad":
        return list(grad(y, leaves, retain_graph=keep, create_graph=create_graph))  # type: ignore[arg-type]
    for x in leaves:
        x.grad = None
    inputs = leaves if way == "backward with inputs" else None
    y.backward(retain_graph=keep, create_graph=create_graph, inputs=inputs)
    found = [x.grad for x in leaves]
    for x in leaves:
        x.grad = None
    return found  # type: ignore[return-value]


class Passed:
    """A hook that multiplies; `seen` is what passed."""

    def __init__(self, factor: float) -> None:
        self.factor, self.seen = factor, list[Any]()

    def __call__(self, g: Tensor) -> Tensor | None:
        self.seen.append(g.tolist())
        return g * self.factor if self.factor != 1 else None


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("hooked", ["nothing", "elsewhere", "leaf", "inner", "retained", "all"])
@pytest.mark.parametrize("way", WAYS)
def test_everything_at_once(
    way: str, hooked: str, in_place: bool, keep: bool, create_graph: bool
) -> None:
    """y = sum(h^2 + h x), h = x w^2."""
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = x * w
    h = h.mul_(w) if in_place else h * w
    elsewhere, on_x, on_h = Passed(7), Passed(3), Passed(10)
    other = leaf(1.0)
    if hooked in ("elsewhere", "all"):
        other.register_hook(elsewhere)
    if hooked in ("leaf", "all"):
        x.register_hook(on_x)
    if hooked in ("inner", "all"):
        h.register_hook(on_h)
    if hooked in ("retained", "all"):
        h.retain_grad()
    y = (h * h + h * x).sum()
    by_x, by_w = gradients(way, y, [x, w], keep, create_graph)
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    of_h = 2 * a * b**2 + a
    k = 10 if hooked in ("inner", "all") else 1
    last = 3 if hooked in ("leaf", "all") else 1
    want = k * of_h * b**2 + a * b**2
    assert by_x.tolist() == (last * want).tolist()
    assert by_w.tolist() == (k * of_h * 2 * a * b).tolist()
    assert by_x.requires_grad is create_graph and by_w.requires_grad is create_graph
    assert on_h.seen == ([of_h.tolist()] if k > 1 else [])  # whole, and once
    assert on_x.seen == ([want.tolist()] if last > 1 else [])
    assert elsewhere.seen == []
    if hooked in ("retained", "all"):
        assert h.grad is not None and h.grad.tolist() == (k * of_h).tolist()
    if not keep:
        with pytest.raises(RuntimeError, match=AGAIN):
            gradients(way, y, [x, w])
        return
    again = gradients(way, y, [x, w], keep)
    assert [g.tolist() for g in again] == [by_x.tolist(), by_w.tolist()]
    if create_graph and hooked in ("nothing", "elsewhere"):  # else hooks pass a second time
        (second,) = gradients(way, by_x.sum(), [x])
        assert second.tolist() == ((2 * b**2 + 1) * b**2 + b**2).tolist()


@contextmanager
def a_hook_elsewhere() -> Iterator[None]:
    other = leaf(1.0)
    handle = other.register_hook(Passed(1))
    yield
    handle.remove()


@pytest.mark.parametrize("mode", [nullcontext, a_hook_elsewhere, detect_anomaly])
@pytest.mark.parametrize("way", WAYS)
def test_order_of_sums(way: str, mode: Any) -> None:
    """Of the uses of a tensor, the one that was made last comes first."""
    for factors, want in (((-1e8, 1e8, 1.0), 0.0), ((1.0, 1e8, -1e8), 1.0)):
        for inner in (False, True):
            x = fastnn.ones(1, dtype=np.float32, requires_grad=True)
            h = x * 1 if inner else x
            first, second, third = (h * k for k in factors)
            with mode():
                (found,) = gradients(way, (third + (first + second)).sum(), [x])
            assert found.tolist() == [want]


class Stops(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 1

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> None:
        return None


@pytest.mark.parametrize("mode", [nullcontext, a_hook_elsewhere, detect_anomaly])
def test_what_is_given_back(mode: Any) -> None:
    """All nodes that a gradient has reached; with chosen tensors, those that lead there."""
    x, w = leaf(1.0), leaf(2.0)
    with mode():
        for way in WAYS[1:]:
            a, b = x * x, w * w
            gradients(way, (a * b).sum(), [x], keep=False)
            assert gradients(way, b.sum(), [w])[0].tolist() == [4]  # does not lead to x
            with pytest.raises(RuntimeError, match=AGAIN):
                a.sum().backward()
        a = x * x
        Stops.apply(a).sum().backward()
        assert gradients("backward", a.sum(), [x])[0].tolist() == [2]  # no gradient came to it
        assert grad(Stops.apply(a).sum(), x, allow_unused=True) == (None,)
        with pytest.raises(RuntimeError, match=AGAIN):
            a.sum().backward()


@pytest.mark.parametrize("inner", WAYS)
@pytest.mark.parametrize("outer", WAYS)
def test_a_pass_within_a_pass(outer: str, inner: str) -> None:
    """Through nodes at which gradients of the outer one wait."""
    x = leaf(3.0)
    h = x * x
    first = h * 2
    found: list[Any] = []

    def look(g: Tensor) -> None:
        if not found:
            found.append(None)
            found[:] = gradients(inner, y, [x])

    class Looks(Function):
        @staticmethod
        def forward(ctx: Any, z: Tensor) -> Tensor:
            return z * 3

        @staticmethod
        def backward(ctx: Any, dy: Tensor) -> Tensor:
            look(dy)
            return dy * 3

    y = (first + Looks.apply(h)).sum()
    assert gradients(outer, y, [x])[0].tolist() == [30]
    assert found[0].tolist() == [30]
    second = h * 3
    handle = second.register_hook(look)
    y = (first + second).sum()
    found.clear()
    assert gradients(outer, y, [x])[0].tolist() == [30]
    assert found[0].tolist() == [30]
    handle.remove()  # it holds y, hence what it is of


def test_two_threads_on_one_tape() -> None:
    """Each asks for another input of the same nodes, and waits for the other on the way."""
    x, w = leaf(3.0), leaf(5.0)
    h = x * w
    y = (h * h).sum()
    both = threading.Barrier(2)

    def wait(g: Tensor) -> None:
        both.wait(60)

    h.register_hook(wait)
    found: dict[str, Any] = {}

    def run(name: str, by: Tensor) -> None:
        found[name] = grad(y, by, retain_graph=True)[0].tolist()  # type: ignore[union-attr]

    threads = [threading.Thread(target=run, args=pair) for pair in (("x", x), ("w", w))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"x": [2 * 3 * 25], "w": [2 * 9 * 5]}


@pytest.mark.parametrize("way", WAYS)
def test_a_pass_that_was_broken_off(way: str) -> None:
    x = leaf(3.0)
    h, first = x * x, x * 2

    def refuse(g: Tensor) -> None:
        raise KeyError("no")

    handle = h.register_hook(refuse)
    y = (h * first).sum()
    with pytest.raises(KeyError):
        gradients(way, y, [x], keep=True)
    handle.remove()
    assert gradients(way, y, [x])[0].tolist() == [6 * 3**2]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_hooks_run_in_the_grad_mode_of_the_pass(way: str, create_graph: bool) -> None:
    x, w = leaf(3.0), leaf(5.0)
    h = x * 2
    for hooked in (x, h):
        handle = hooked.register_hook(lambda g: g * w)
        (found,) = gradients(way, h.sum(), [x], True, create_graph)
        assert found.tolist() == [10] and found.requires_grad is create_graph
        handle.remove()


def test_a_chosen_tensor_with_hooks() -> None:
    x = leaf(3.0)
    h, hook = x * x, Passed(10)
    h.register_hook(hook)
    by_h, by_x = grad((h * h).sum(), [h, x])
    assert hook.seen == [[18]]
    assert by_h is not None and by_h.tolist() == [180]
    assert by_x is not None and by_x.tolist() == [180 * 6]


@pytest.mark.parametrize("way", WAYS)
def test_a_hook_that_changes_what_the_tape_needs(way: str) -> None:
    x = leaf(3.0)
    h = x * x

    def change(g: Tensor) -> None:
        x.detach().add_(1.0)

    h.register_hook(change)
    with pytest.raises(RuntimeError, match=r"^backward: one of the variables .* add_ changed"):
        gradients(way, h.sum(), [x])


def test_outputs_that_a_function_saved() -> None:
    """They are at their place on the tape, also where not all inputs are asked for."""
    x, y = leaf(3.0), leaf(5.0)
    out = Scaled.apply(x, y, 2.0)
    (by_y,) = grad(out.sum(), y, create_graph=True)
    (found,) = grad(by_y.sum(), out, retain_graph=True)  # type: ignore[union-attr]
    assert found is not None and found.tolist() == [1 / 5]
    out = Exp.apply(x)
    (by_x,) = grad(out.sum(), x, create_graph=True)
    (found,) = grad(by_x.sum(), out)  # type: ignore[union-attr]
    assert found is not None and found.tolist() == [1]

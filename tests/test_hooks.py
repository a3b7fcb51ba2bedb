"""Tensor hooks, and errors for memory that changed after the tape used it."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from test_function import Exp, grad_of, leaf

import fastnn
from fastnn import nn, optim
from fastnn.autograd import grad
from fastnn.backward import hooks
from fastnn.tape import versions
from fastnn.tensor import Tensor

# Hooks


def test_hooks() -> None:
    x = leaf(1.0, 2.0)
    h = x * 3
    seen: list[Any] = []
    first = h.register_hook(lambda g: seen.append(g.tolist()))
    h.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    (h.sum() + (h * h).sum()).backward(retain_graph=True)
    assert seen == [[7, 13]] and grad_of(x) == [211, 391]  # of all uses, once
    first.remove()
    first.remove()
    x.grad = None
    h.sum().backward(retain_graph=True)
    assert len(seen) == 1 and grad_of(x) == [31, 31]
    assert grad(h.sum(), x, retain_graph=True)[0].tolist() == [31, 31]  # type: ignore[union-attr]
    assert grad(h.sum(), h, retain_graph=True)[0].tolist() == [10, 10]  # type: ignore[union-attr]
    x.grad = None
    del h
    gc.collect()
    (x * 1).sum().backward()
    assert grad_of(x) == [2, 2]
    del x
    gc.collect()
    assert not hooks.live


def test_hooks_refuse() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"^register_hook: cannot register a hook on a tensor"):
        x.detach().register_hook(print)
    with pytest.raises(TypeError, match=r"^hook: expected a function of a gradient, got int"):
        x.register_hook(3)  # type: ignore[arg-type]
    for given, error, text in ((lambda g: 1.0, TypeError, "expected a Tensor or None, got float"),
                               (lambda g: g[:1], RuntimeError, r"shape \(2,\)")):  # fmt: skip
        handle = x.register_hook(given)
        with pytest.raises(error, match=rf"^hook: .*{text}"):
            (x * 2).sum().backward()
        handle.remove()
    assert x.grad is None


def test_retain_grad() -> None:
    x = leaf(1.0, 2.0)
    h = x * 3
    h.retain_grad()
    x.retain_grad()
    (h * h).sum().backward(retain_graph=True)
    assert grad_of(h) == [6, 12] and grad_of(x) == [18, 36]
    h.sum().backward()
    assert grad_of(h) == [7, 13]
    with pytest.raises(RuntimeError, match=r"^retain_grad: expected a tensor that requires grad"):
        x.detach().retain_grad()


# Memory that the tape needs


def changed() -> Any:
    text = r"^backward: one of the variables .* has been modified by an inplace operation: \w+_ cha"
    return pytest.raises(RuntimeError, match=text)


def test_changes_in_place_raise() -> None:
    for write in (lambda t: t.add_(1.0), lambda t: t.zero_(), lambda t: t[0:1].mul_(2.0),
                  lambda t: t.detach().fill_(3.0), lambda t: t.__setitem__(0, 1.0),
                  lambda t: t.detach().__setitem__(fastnn.tensor([0]), 1.0)):  # fmt: skip
        x = leaf(1.0, 2.0)
        y = (x * x).sum()
        with fastnn.no_grad():
            write(x)
        with changed():
            y.backward()
        assert x.grad is None
    x = leaf(1.0, 2.0)
    y = x.exp()  # the output is needed, too
    y.detach().add_(1.0)
    with changed():
        y.sum().backward()
    k = fastnn.tensor([3.0, 4.0], dtype=np.float64)
    y = (x * k).sum()
    k.mul_(2.0)
    with changed():
        grad(y, x)
    view = k.reshape(2, 1)
    y = (x.reshape(2, 1) * view).sum()
    k[1:].copy_(0.0)
    with changed():
        y.backward()


def test_changes_of_what_is_not_needed_do_not() -> None:
    x, k = leaf(1.0, 2.0), fastnn.tensor([3.0, 4.0], dtype=np.float64)
    y = (x + k).sum()  # the gradient of a sum needs neither
    k.add_(1.0)
    y.backward()
    assert grad_of(x) == [1, 1]
    x.grad = None
    k.add_(1.0)
    (x * k).sum().backward()  # before it was used
    assert grad_of(x) == [5, 6]
    y = (x * k).sum()
    other = fastnn.zeros(2, dtype=np.float64)
    other.add_(1.0)
    temporary = [fastnn.zeros(2, dtype=np.float64).add_(1.0).sum().item() for _ in range(20)]
    del temporary
    x.grad.zero_()  # type: ignore[union-attr]
    y.backward()
    assert grad_of(x) == [5, 6]
    node = (x * k).sum()._node
    other.add_(1.0)  # newer, but no memory of that node
    assert node is not None and versions._changed(node, [k._array]) == {}
    y = (x * x.detach().clone()).sum()
    with fastnn.no_grad():
        x[1:].mul_(0.5)
    y.backward(retain_graph=True)  # its values were copied
    whole = fastnn.tensor([1.0, 2.0, 3.0, 4.0], dtype=np.float64)
    y = (x * whole[:2]).sum()
    whole[2:].zero_()  # the other half of the memory
    y.backward()


def test_a_loop_that_steps_is_not_slowed_and_not_refused() -> None:
    layer = nn.Linear(2, 1).double()
    opt = fastnn.optim.SGD(layer.parameters(), lr=0.1)
    x = fastnn.ones(3, 2, dtype=np.float64)
    for _ in range(3):
        opt.zero_grad(set_to_none=False)
        loss = layer(x).square().sum()
        opt.zero_grad(set_to_none=False)  # also here
        loss.backward()
        opt.step()
    with fastnn.no_grad():
        before = layer(x).square().sum()
    assert before.item() < loss.item()


def test_a_step_between_two_backwards_raises() -> None:
    for kind in (fastnn.optim.SGD, fastnn.optim.Adam):
        layer = nn.Linear(2, 1).double()
        opt = kind(layer.parameters(), lr=0.1)
        x = leaf(1.0, 2.0)
        loss = layer(x).square().sum()
        loss.backward(retain_graph=True)
        opt.step()
        with pytest.raises(RuntimeError, match=r"inplace operation: (sgd|adam)_step changed a"):
            loss.backward()


def test_values_given_between_forward_and_backward_raise() -> None:
    layer = nn.Linear(2, 1).double()
    values = {name: p.clone() for name, p in layer.state_dict().items()}
    for name, write in (("set_data", lambda: layer.weight.set_data(values["weight"])),
                        ("load_state_dict", lambda: layer.load_state_dict(values))):  # fmt: skip
        loss = layer(leaf(1.0, 2.0)).sum()
        write()
        with pytest.raises(RuntimeError, match=rf"inplace operation: {name} changed a tensor"):
            loss.backward()
        layer(leaf(1.0, 2.0)).sum().backward()  # the next use sees the new values


def test_changes_of_saved_tensors() -> None:
    x = leaf(1.0, 2.0)
    y = Exp.apply(x)
    y.detach().add_(1.0)
    with changed():
        y.sum().backward()


def test_a_replay_between_forward_and_backward_raises() -> None:
    w = nn.Parameter(np.ones(2, np.float32))
    optimizer = optim.SGD([w], lr=0.1)

    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = (w * x).sum()
        loss.backward()
        optimizer.step()
        return loss

    compiled, x = fastnn.compile(step), fastnn.ones(2)
    for _ in range(3):
        compiled(x)
        y = (w * w).sum()
        compiled(x)
        with pytest.raises(RuntimeError, match="inplace operation: a compiled function changed"):
            y.backward()
    (w * w).sum().backward()


def test_keywords_and_the_order_of_hooks() -> None:
    layer, seen, x = nn.Linear(2, 1), [], fastnn.ones(3, 2)
    layer.register_forward_hook(lambda m, args, y: seen.append(("last", len(args))))
    layer.register_forward_hook(
        lambda m, args, kwargs, y: seen.append(("first", *kwargs)), prepend=True, with_kwargs=True
    )
    plain = layer.forward(2 * x)
    doubled = layer.register_forward_pre_hook(
        lambda m, args, kwargs: ((), {"input": 2 * kwargs["input"]}), with_kwargs=True
    )
    assert layer(input=x).tolist() == plain.tolist()
    assert seen == [("first", "input"), ("last", 0)]
    doubled.remove()
    assert layer(input=x).tolist() == layer.forward(x).tolist()
    with pytest.raises(TypeError, match="with_kwargs: expected"):
        layer.register_forward_hook(print, with_kwargs=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="hook: expected"):
        layer.register_forward_pre_hook(3)  # type: ignore[arg-type]


def test_hooks_after_accumulation() -> None:
    """They run when grad is complete, once for a pass; an optimizer may step there."""
    w = fastnn.ones(2, requires_grad=True)
    seen: list[list[float]] = []

    def step(x: Tensor) -> None:
        assert x is w and x.grad is not None
        seen.append(x.grad.tolist())
        with fastnn.no_grad():
            x.sub_(x.grad, alpha=0.5)
        x.grad = None

    handle = w.register_post_accumulate_grad_hook(step)
    for _ in range(2):
        (w * w + w).sum().backward()
    assert seen == [[3, 3], [0, 0]] and w.tolist() == [-0.5, -0.5] and w.grad is None
    fastnn.autograd.grad((w * w).sum(), w)  # accumulates nothing
    (w.detach().requires_grad_() * 2).sum().backward()  # another leaf
    assert len(seen) == 2
    handle.remove()
    (w * w).sum().backward()
    assert len(seen) == 2 and w.grad is not None
    for wrong in (w * 2, fastnn.ones(2)):
        with pytest.raises(RuntimeError, match="expected a leaf that requires grad"):
            wrong.register_post_accumulate_grad_hook(step)
    with pytest.raises(TypeError, match="hook: expected a function"):
        w.register_post_accumulate_grad_hook(3)  # type: ignore[arg-type]
    w.register_post_accumulate_grad_hook(lambda x: x)  # type: ignore[arg-type,return-value]
    with pytest.raises(RuntimeError, match="should not return any values"):
        w.sum().backward()


def test_what_a_tensor_says_of_itself() -> None:
    x = fastnn.ones(2, requires_grad=True)
    y = x * 2
    assert not y.retains_grad and not x.retains_grad and x.output_nr == y.output_nr == 0
    y.retain_grad()
    assert y.retains_grad and not (x * 2).retains_grad
    leaf = fastnn.autograd.Variable(y, requires_grad=True)
    assert leaf.is_leaf and leaf.requires_grad and isinstance(x, fastnn.autograd.Variable)
    assert not isinstance(3, fastnn.autograd.Variable)
    with pytest.raises(TypeError, match="data: expected a Tensor"):
        fastnn.autograd.Variable(3)  # type: ignore[arg-type]
    assert fastnn.autograd.function.once_differentiable is fastnn.autograd.once_differentiable

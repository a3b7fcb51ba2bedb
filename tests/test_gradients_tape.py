"""The tape: backward and its options, what it refuses, and the transforms grad, value_and_grad."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import ops
from fastnn.tensor import Tensor

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


def leaf(*values: float) -> Tensor:
    return fastnn.tensor(list(values), dtype=np.float64, requires_grad=True)


def grad_of(x: Tensor) -> Any:
    assert x.grad is not None
    return x.grad.tolist()


def test_gradients_add_up_over_backwards() -> None:
    x = leaf(1.0, 2.0)
    (x * 3).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    assert grad_of(x) == [5.0, 7.0]
    assert x.grad is first  # in its place, so that a flat vector of gradients stays one
    x.grad = None
    (x * x).sum().backward(create_graph=True)
    (x * x * x).sum().backward(create_graph=True)
    assert grad_of(x) == [5.0, 16.0] and x.grad.requires_grad  # type: ignore[union-attr]
    x.grad = None
    for _ in range(2):
        (x.sum() * 2).backward()  # one number arrives, as a view that repeats it
    assert grad_of(x) == [4.0, 4.0]


def test_a_second_backward() -> None:
    x = leaf(3.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert grad_of(x) == [12.0]
    with pytest.raises(RuntimeError, match=r"backward a second time .* retain_graph=True"):
        y.backward()
    with pytest.raises(RuntimeError, match=r"backward a second time"):
        (y * 2).backward()
    assert grad_of(x) == [12.0]
    y = (x * x).sum()
    y.backward(create_graph=True)
    y.backward()  # create_graph keeps the tape
    y = (x * x).sum()
    y.backward(retain_graph=False, create_graph=True)
    with pytest.raises(RuntimeError, match=r"backward a second time"):
        y.backward()


def test_part_of_a_tape_that_was_given_back() -> None:
    x = leaf(3.0)
    shared = x * x
    (shared * 2).sum().backward(retain_graph=True)
    (shared * 5).sum().backward()
    assert grad_of(x) == [42.0]


def test_backward_refuses() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"^gradient: expected one, .* has shape \(2,\)"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match=r"^backward: this tensor does not require grad"):
        fastnn.ones(1).backward()
    with pytest.raises(RuntimeError, match=r"^backward: this tensor does not require grad"):
        (x * 2).detach().sum().backward()
    for wrong in (fastnn.ones(2), fastnn.ones(3, dtype=np.float64)):
        with pytest.raises(ValueError, match=r"^gradient: expected shape \(2,\) and dtype float64"):
            (x * 2).backward(wrong)
    assert x.grad is None


def test_a_gradient_to_start_from() -> None:
    x = leaf(1.0, 2.0)
    seed = fastnn.tensor([10.0, 100.0], dtype=np.float64)
    (x * x).backward(seed)
    assert grad_of(x) == [20.0, 400.0]
    x.grad = None
    x.backward(seed)  # of a leaf itself: a copy, never the caller's memory
    assert grad_of(x) == [10.0, 100.0]
    assert not np.shares_memory(x.grad.numpy(), seed.numpy())  # type: ignore[union-attr]
    one = leaf(3.0)
    (one * 2).backward()  # one element needs none, whatever its shape
    assert grad_of(one) == [2.0]


def test_nothing_is_recorded_under_no_grad() -> None:
    x = leaf(1.0, 2.0)
    with fastnn.no_grad():
        assert not (x * 2).requires_grad and not x[0:1].requires_grad
        with fastnn.enable_grad():
            assert (x * 2).requires_grad
        assert not fastnn.is_grad_enabled()
    assert fastnn.is_grad_enabled()

    @fastnn.no_grad()
    def off() -> Tensor:
        return x * 2

    assert not off().requires_grad
    with pytest.raises(KeyError), fastnn.no_grad():
        raise KeyError
    assert fastnn.is_grad_enabled() and (x * 2).requires_grad
    with fastnn.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert fastnn.is_grad_enabled()
    fastnn.set_grad_enabled(False)  # a call is enough
    assert not fastnn.is_grad_enabled()
    fastnn.set_grad_enabled(True)


def test_modes_as_decorators() -> None:
    @fastnn.no_grad
    def deep(n: int) -> bool:
        return deep(n - 1) if n else fastnn.is_grad_enabled()

    @fastnn.inference_mode()
    def steps(n: int) -> Iterator[bool]:
        for _ in range(n):
            yield fastnn.is_inference_mode_enabled()

    @fastnn.set_grad_enabled(False)
    def off() -> bool:
        return fastnn.is_grad_enabled()

    assert fastnn.is_grad_enabled() and not deep(2) and fastnn.is_grad_enabled()
    for inside in steps(2):
        assert inside and not fastnn.is_inference_mode_enabled()
    assert not off() and fastnn.is_grad_enabled()


def test_inference_tensors() -> None:
    w, plain = leaf(1.0, 2.0), fastnn.ones(2, dtype=fastnn.float64)
    with fastnn.inference_mode():
        y = plain * 2
        view = plain[:1].add_(1)
        assert fastnn.is_inference_mode_enabled() and not fastnn.is_grad_enabled()
        with fastnn.inference_mode(False):
            assert (w * 2).requires_grad and not (plain * 2).is_inference()
        y.mul_(1)
    assert y.is_inference() and y[:1].is_inference() and y.detach().is_inference()
    assert not any(t.is_inference() for t in (plain, view, y * 2, y.clone()))
    for used in (lambda: w * y, lambda: fastnn.where(y > 1, w, w) * y, lambda: w @ y):
        with pytest.raises(RuntimeError, match=r"^Inference tensors cannot be saved for backward"):
            used()
    (w + y - y).sum().backward()  # which save nothing
    (fastnn.cat([w, y]).sum() + (w * y.clone()).sum()).backward()
    assert grad_of(w) == [4, 4]
    for change in (lambda: y.add_(1), lambda: y.__setitem__(0, 1.0), lambda: y.zero_()):
        with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside"):
            change()
    with pytest.raises(RuntimeError, match="requires_grad=True on inference tensor outside"):
        y.requires_grad_()


def test_detach_and_stop_gradient_share_memory_and_stop() -> None:
    x = leaf(2.0, 3.0)
    for stop in (Tensor.detach, fastnn.stop_gradient):
        x.grad = None
        y = x * x
        assert np.shares_memory(stop(y)._array, y._array)
        (stop(y) * x).sum().backward()
        assert grad_of(x) == [4.0, 9.0]
    x.grad = None
    x.detach().add_(1.0)
    assert x.tolist() == [3.0, 4.0] and not x.detach().requires_grad


def test_shared_subexpressions_and_leaves_used_twice() -> None:
    x, y = leaf(2.0), leaf(5.0)
    shared = x * y
    (shared * shared + shared + x + x).sum().backward()
    assert grad_of(x) == [2 * 10 * 5 + 5 + 2] and grad_of(y) == [2 * 10 * 2 + 2]
    x.grad = None
    deep = x
    for _ in range(3000):  # no recursion
        deep = deep + x
    deep.sum().backward()
    assert grad_of(x) == [3001.0]
    x.grad = None
    chain = x * 1
    for _ in range(40):  # each node once, not once per path
        chain = chain + chain
    chain.sum().backward()
    assert grad_of(x) == [2.0**40]


def test_gradients_have_memory_of_their_own() -> None:
    """d(a + b) is the same array for both; d(sum) is one number, repeated."""
    for function in (lambda a, b: a + b, lambda a, b: (a + b).reshape(2, 1), lambda a, b: a + b[:]):
        a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
        function(a, b).sum().backward()
        with fastnn.no_grad():
            a.grad.mul_(7.0)  # type: ignore[union-attr]
            a.grad[0:1].add_(1.0)  # type: ignore[union-attr,index]
        assert grad_of(a) == [8.0, 7.0] and grad_of(b) == [1.0, 1.0]
    a, b, seed = leaf(1.0, 2.0), leaf(3.0, 4.0), fastnn.ones(2, dtype=np.float64)
    z = a + b
    z.backward(seed)
    a.grad.zero_()  # type: ignore[union-attr]
    assert grad_of(b) == [1.0, 1.0] and seed.tolist() == [1.0, 1.0]


def test_only_leaves_that_require_grad_get_one() -> None:
    x, w = leaf(1.0), leaf(2.0)
    w.requires_grad_(False)
    y = x * w
    y.sum().backward()
    assert w.grad is None and y.grad is None and grad_of(x) == [2.0]
    assert x.is_leaf and not y.is_leaf
    with pytest.raises(RuntimeError, match=r"^requires_grad_: only leaf tensors"):
        (x * w).requires_grad_(False)
    for make in (lambda: fastnn.ones(2).long().requires_grad_(),
                 lambda: fastnn.tensor([1], requires_grad=True)):  # fmt: skip
        with pytest.raises(TypeError, match=r"only floating-point tensors have .* got int64"):
            make()


def test_the_tape_is_freed_without_the_collector() -> None:
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = ops.softmax(x * 2)
        node = weakref.ref(y)
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()


# Transforms


def test_golden_xyz() -> None:
    golden = GOLDEN["mindspore_doc_examples"]["xyz"]
    assert "grad(net,(1,2)) -> ([0,6],[-2,6]); value_and_grad(net,1) -> [-0,18],[0,6]" in golden

    def net(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        return x * y * z

    at = [fastnn.tensor(v) for v in ([1.0, 2.0], [-2.0, 3.0], [0.0, 3.0])]
    by_y, by_z = fastnn.grad(net, (1, 2))(*at)
    assert by_y.tolist() == [0.0, 6.0] and by_z.tolist() == [-2.0, 6.0]
    value, by_y = fastnn.value_and_grad(net, 1)(*at)
    assert value.tolist() == [0.0, 18.0] and by_y.tolist() == [0.0, 6.0]
    assert np.signbit(value.numpy()[0])
    assert not by_y.requires_grad and not value.requires_grad and at[1].grad is None
    by_z, by_x = fastnn.grad(net, (2, 0))(*at)
    assert by_z.tolist() == [-2.0, 6.0] and by_x.tolist() == [0.0, 9.0]


def test_golden_has_aux() -> None:
    golden = GOLDEN["mindspore_doc_examples"]["exp"]
    assert "grad(fn,(1,2),None,True) -> ([75,75],[30,30]), ([5,5],)" in golden

    def fn(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        return x * y.exp() * z**2, z

    at = [fastnn.tensor(v) for v in ([3.0, 3.0], [0.0, 0.0], [5.0, 5.0])]
    (by_y, by_z), aux = fastnn.grad(fn, (1, 2), has_aux=True)(*at)
    assert by_y.tolist() == [75.0, 75.0] and by_z.tolist() == [30.0, 30.0]
    assert isinstance(aux, tuple) and [a.tolist() for a in aux] == [[5.0, 5.0]]
    (value, kept), by_x = fastnn.value_and_grad(fn, has_aux=True)(*at)
    assert value.tolist() == [75.0, 75.0] and kept.tolist() == [5.0, 5.0]
    assert by_x.tolist() == [25.0, 25.0]
    by_z = fastnn.grad(fn, 2)(*at)  # without it, all outputs count
    assert by_z.tolist() == [31.0, 31.0]


def test_golden_vjp() -> None:
    golden = GOLDEN["mindspore_doc_examples"]["cube"]
    assert "f=x^3+y x=y=[[1,2],[3,4]]" in golden
    assert "vjp v=1 -> ([[3,12],[27,48]],[[1,1],[1,1]])" in golden
    x, y = (fastnn.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True) for _ in range(2))
    out = x**3 + y
    assert out.tolist() == [[2.0, 10.0], [30.0, 68.0]]
    out.backward(fastnn.ones(2, 2))
    assert grad_of(x) == [[3.0, 12.0], [27.0, 48.0]] and grad_of(y) == [[1.0, 1.0], [1.0, 1.0]]


def test_golden_functional_grad_of_logits() -> None:
    golden = GOLDEN["functional_grad_bce_logits"]
    x, y = fastnn.ones(5), fastnn.zeros(3)
    w = fastnn.tensor(np.random.default_rng(0).standard_normal((5, 3)), dtype=np.float32)
    b = fastnn.tensor(golden["z"]) - x @ w

    def forward(w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        z = x @ w + b
        return fastnn.nn.functional.binary_cross_entropy_with_logits(z, y), z

    def close(got: Tensor, want: Any) -> None:
        np.testing.assert_allclose(got.numpy(), want, rtol=golden["rtol"])

    (loss, z), (by_w, by_b) = fastnn.value_and_grad(forward, (0, 1), has_aux=True)(w, b)
    close(loss, golden["loss_exact"])
    close(z, golden["z"])
    close(by_b, golden["grad_b_printed"])
    close(by_w, [golden["grad_b_printed"]] * 5)
    close(fastnn.grad(forward, 1)(w, b), golden["grad_with_z_output_printed"])
    stopped = fastnn.grad(
        lambda w, b: (forward(w, b)[0], fastnn.stop_gradient(forward(w, b)[1])), 1
    )
    close(stopped(w, b), golden["grad_b_printed"])


def test_nested_to_third_order() -> None:
    x = fastnn.tensor(1.3, dtype=np.float64)
    third = fastnn.grad(fastnn.grad(fastnn.grad(lambda x: x**2 * x.exp())))
    assert abs(third(x).item() - (1.3**2 + 6 * 1.3 + 6) * np.exp(1.3)) < 1e-12
    t = np.tanh(1.3)
    third = fastnn.grad(fastnn.grad(fastnn.grad(fastnn.tanh)))
    assert abs(third(x).item() + 2 * (1 - t * t) * (1 - 3 * t * t)) < 1e-12
    # Inside the outer function the inner argument is a function of the outer one.
    mixed = fastnn.grad(lambda x: fastnn.grad(lambda y: y**2 * x)(x * x) * x)
    assert abs(mixed(x).item() - 8 * 1.3**3) < 1e-12  # of 2 x^4
    leaf_x = leaf(2.0)
    (fastnn.grad(lambda y: y**3)(leaf_x) * leaf_x).sum().backward()  # 3 x^2 * x
    assert grad_of(leaf_x) == [36.0]


def test_transforms_leave_other_gradients_alone() -> None:
    w = leaf(3.0)
    value, by_x = fastnn.value_and_grad(lambda x: x * w)(fastnn.tensor([2.0], dtype=np.float64))
    assert value.tolist() == [6.0] and by_x.tolist() == [3.0] and w.grad is None
    unused = fastnn.grad(lambda x, y: x * 2, (0, 1))(fastnn.ones(2), fastnn.ones(3))
    assert [g.tolist() for g in unused] == [[2.0, 2.0], [0.0, 0.0, 0.0]]
    with fastnn.no_grad():
        assert fastnn.grad(lambda x: x**2)(fastnn.tensor(3.0)).item() == 6.0
    assert fastnn.grad(lambda x, k: x * k)(fastnn.tensor(3.0), 5).item() == 5.0


def test_transforms_refuse() -> None:
    x = fastnn.ones(2)

    def double(x: Tensor) -> Tensor:
        return x * 2

    with pytest.raises(ValueError, match=r"^grad_position: expected positions >= 0, got -1"):
        fastnn.grad(double, -1)
    for position in (1, (0, 1)):
        with pytest.raises(ValueError, match=r"^grad_position: expected 0\.\.0 for 1 arguments"):
            fastnn.grad(double, position)(x)
    with pytest.raises(ValueError, match=r"^grad_position: expected each position once, got"):
        fastnn.grad(double, (0, 0))(x)
    with pytest.raises(TypeError, match=r"^grad_position: expected int or tuple of int, got 'x'"):
        fastnn.grad(double, "x")(x)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^has_aux: expected fn to return more than one output"):
        fastnn.value_and_grad(double, has_aux=True)(x)
    with pytest.raises(TypeError, match=r"^argument 0: expected tensors, got float"):
        fastnn.grad(double)(1.0)
    with pytest.raises(TypeError, match=r"^fn's output: expected tensors, got float"):
        fastnn.grad(lambda x: 1.0)(x)
    with pytest.raises(TypeError, match=r"only floating-point tensors have gradients, got int64"):
        fastnn.grad(double)(x.long())

"""Nested transforms, products with Jacobians, Jacobians and Hessians, eager and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_transforms import FORMS, F, call, close, dense, listed, t

import fastnn
from fastnn.tensor import Tensor, of_array


def third(f: Callable[[Tensor], Tensor], grads: list[Callable[..., Any]]) -> Callable[..., Any]:
    for g in grads:
        f = g(f)
    return f


def by_value_and_grad(f: Any) -> Any:
    return lambda x: fastnn.value_and_grad(f)(x)[1]


def by_jvp(f: Any) -> Any:
    return lambda x: fastnn.jvp(f, x, fastnn.ones_like(x))[1]


def by_vjp(f: Any) -> Any:
    return lambda x: fastnn.vjp(f, x)[1](fastnn.ones_like(x))[0]


KINDS = [fastnn.grad, by_value_and_grad, by_jvp, by_vjp, fastnn.jacrev, fastnn.jacfwd]


@FORMS
def test_nested_to_third_order(form: str) -> None:
    """x^2 e^x and tanh, by every transform within every other."""
    want = (1.3**2 + 6 * 1.3 + 6) * np.exp(1.3)
    th = np.tanh(1.3)
    x = t(1.3)
    kinds = KINDS if form == "eager" else KINDS[:3]
    for a in kinds:
        for b in kinds:
            for c in kinds if form == "eager" else [fastnn.grad]:
                got = call(form, third(lambda x: x**2 * x.exp(), [a, b, c]), x)
                np.testing.assert_allclose(got.item(), want, 1e-12)
            got = call(form, third(fastnn.tanh, [a, b, fastnn.grad]), x)
            np.testing.assert_allclose(got.item(), -2 * (1 - th * th) * (1 - 3 * th * th), 1e-11)


def test_no_perturbation_is_confused() -> None:
    x = t(1.3)
    mixed = fastnn.grad(lambda x: fastnn.grad(lambda y: y**2 * x)(x * x) * x)
    np.testing.assert_allclose(mixed(x).item(), 8 * 1.3**3)  # of 2 x^4
    inner = fastnn.grad(lambda x: x * fastnn.grad(lambda y: x + y)(t(1.0)))  # x * 1
    assert inner(x).item() == 1
    pushed = fastnn.jvp(lambda x: x * fastnn.jvp(lambda y: x * y, t(2.0), t(1.0))[1], x, t(1.0))[1]
    np.testing.assert_allclose(pushed.item(), 2 * 1.3)
    constant = fastnn.grad(lambda x: fastnn.grad(lambda y: fastnn.stop_gradient(y) * y)(x))
    assert constant(x).item() == 0  # stop_gradient stops the outer one too


def test_jvp_forms() -> None:
    x = t([1.0, 2.0])

    def fn(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return 2 * x + y, y**3

    (a, b), (da, db) = fastnn.jvp(fn, (x, x), (t([1.0, 0.0]), t([0.0, 1.0])))
    assert listed((a, b, da, db)) == ([3, 6], [1, 8], [2, 1], [0, 12])
    out, pushed, aux = fastnn.jvp(fn, [x, x], [x, x], has_aux=True)
    assert listed((out, pushed, aux)) == ([3, 6], [3, 6], [1, 8])  # one aux comes alone
    _, _, aux = fastnn.jvp(lambda x: (x, x, x), x, x, has_aux=True)
    assert listed(aux) == ([1, 2], [1, 2])
    assert listed(fastnn.jvp(lambda x: fastnn.ones(3), x, x)) == ([1] * 3, [0] * 3)
    with pytest.raises(TypeError, match=r"^inputs\[0\]: expected a Tensor, or a tuple or list"):
        fastnn.jvp(fn, 1.0, x)
    with pytest.raises(TypeError, match=r"^v\[0\]: expected a Tensor"):
        fastnn.jvp(fn, x, 1.0)
    with pytest.raises(ValueError, match=r"^v: expected 2 tensors, got 1"):
        fastnn.jvp(fn, (x, x), x)
    with pytest.raises(ValueError, match=r"^v\[0\]: expected shape \(2,\) and dtype float64, got"):
        fastnn.jvp(fn, (x, x), (t([1.0]), x))


def test_vjp_forms() -> None:
    layer, x, y, forward = dense()

    def fn(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return 2 * x + y, y**3

    a = t([1.0, 2.0])
    out, back = fastnn.vjp(fn, a, a)
    assert listed(back(a, a)) == ([2, 4], [4, 26]) and listed(out) == ([3, 6], [1, 8])
    assert listed(back(a, a)) == ([2, 4], [4, 26])  # as often as one likes
    out, back, aux = fastnn.vjp(fn, a, a, has_aux=True)
    assert listed((out, back(a), aux)) == ([3, 6], ([2, 4], [1, 2]), [1, 8])
    out, back = fastnn.vjp(lambda x: x**2, a)
    assert listed(back(a)) == ([2, 8],)
    out, back = fastnn.vjp(fn, (a, a))  # the older form
    assert listed(back(a, a)) == ([2, 4], [4, 26])
    assert len(fastnn.vjp(fn, (a, a), True)) == 3
    weights = list(layer.parameters())
    loss, back, _z = fastnn.vjp(forward, x, y, weights=weights, has_aux=True)
    by_inputs, by_weights = back(t(1.0))
    want = fastnn.grad(forward, (0, 1), weights, has_aux=True)(x, y)[0]
    for got, w in zip([*by_inputs, *by_weights], [*want[0], *want[1]]):
        close(got, w.numpy())
    assert not loss.requires_grad and not by_weights[0].requires_grad
    _, back = fastnn.vjp(layer, x, weights=layer.bias)
    assert back(t(np.ones((4, 2))))[1].tolist() == [4, 4]
    with pytest.raises(ValueError, match=r"^v: expected 2 tensors, got 1"):
        fastnn.vjp(fn, a, a)[1](a)
    with pytest.raises(TypeError, match=r"^inputs\[1\]: expected a Tensor, .* got 3"):
        fastnn.vjp(fn, a, 3)


def test_jvp_against_differences() -> None:
    rng = np.random.default_rng(0)
    layer, _, y, _ = dense()
    x, v = rng.standard_normal((2, 4, 3))
    labels = of_array(np.array([0, 1, 1, 0]))
    functions: list[Callable[[Tensor], Tensor]] = [
        lambda x: layer(x).tanh().sum(0), lambda x: F.mse_loss(layer(x), y),
        lambda x: F.cross_entropy(layer(x), labels, reduction="none"),
        lambda x: x.softmax(1).log() * x.amax(0), lambda x: x[1:].T @ x[:3].abs(),
        lambda x: fastnn.where(x > 0, x.exp(), x**2).mean(1),
    ]  # fmt: skip
    for fn in functions:
        _, got = fastnn.jvp(fn, of_array(x), of_array(v))
        ends = [fn(of_array(x + s * 1e-5 * v)).detach().numpy() for s in (1, -1)]
        np.testing.assert_allclose(got.detach().numpy(), (ends[0] - ends[1]) / 2e-5, 1e-6, 1e-8)


@FORMS
def test_jacobians(form: str) -> None:
    """The example of MindSpore's documentation, and shapes of several outputs and inputs."""

    def fn(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        return x**2 + y**2 + z**2, x * y * z

    x, z = t([[1.0, 2.0], [3.0, 4.0]]), t(np.ones((2, 2)))
    want = np.zeros((2, 2, 2, 2))
    for i in np.ndindex(2, 2):
        want[i + i] = 2 * x.numpy()[i]
    for transform in (fastnn.jacrev, fastnn.jacfwd):
        jac, aux = call(form, transform(fn, 0, True), x, x, z)
        assert np.array_equal(jac.numpy(), want) and aux.tolist() == [[1, 4], [9, 16]]
        table = call(form, transform(fn, (0, 2)), x, x, z)
        assert len(table) == 2 and all(len(row) == 2 for row in table)
        assert np.array_equal(table[0][0].numpy(), want)
        close(table[1][1].sum((2, 3)), x.numpy() ** 2)
        assert len(transform(fn)(x, x, z)) == 2
        row = transform(lambda x, y: (x * y).sum(1), (0, 1))(x, z)
        assert [r.shape for r in row] == [(2, 2, 2)] * 2
        assert transform(lambda x: x.sum(), (0,))(x).shape == (2, 2)
        assert transform(lambda x: x[:0])(x).shape == (0, 2, 2, 2)
        assert transform(lambda x: x.sum())(x[:0]).shape == (0, 2)


def test_hessian_and_hvp() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 3)), rng.standard_normal(3)
    x = of_array(b)

    def quadratic(x: Tensor) -> Tensor:
        return (x @ (of_array(a) @ x)) + (x**3).sum()

    want = a + a.T + 6 * np.diag(b)
    close(fastnn.hessian(quadratic)(x), want)
    value, product = fastnn.hvp(quadratic, x, of_array(b))
    close(product, want @ b)
    close(value, quadratic(x).numpy())
    for once in (lambda x: fastnn.hvp(quadratic, x, x)[1], fastnn.hessian(quadratic)):
        compiled = fastnn.compile(once)
        for _ in range(2):
            close(compiled(x), once(x).numpy(), 0)

    def two(x: Tensor, y: Tensor) -> Tensor:
        return (x * y).sum() ** 2

    blocks = fastnn.hessian(two, (0, 1))(x, x)
    close(blocks[0][0], 2 * np.outer(b, b))
    close(blocks[0][1], 2 * np.outer(b, b) + 2 * (b @ b) * np.eye(3))
    _, (hx, hy) = fastnn.hvp(two, (x, x), (x, x))
    close(hx, blocks[0][0].numpy() @ b + blocks[0][1].numpy() @ b)
    close(hy, blocks[1][0].numpy() @ b + blocks[1][1].numpy() @ b)

"""MindSpore's ops.jet and ops.derivative against derivatives known by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, ops
from fastnn.tensor import Tensor, of_array

X = np.array([[0.5, -1.25], [2.0, 0.75]])


def falling(power: int, order: int) -> Callable[[Any], Any]:
    return lambda x: math.perm(power, order) * x ** max(power - order, 0)


# the derivative of each order, and of order 0
KNOWN: dict[str, tuple[Callable[[Tensor], Tensor], list[Callable[[Any], Any]]]] = {
    "x^3": (lambda x: x * x * x, [falling(3, k) for k in range(5)]),
    "x^5": (lambda x: x**5, [falling(5, k) for k in range(5)]),
    "sin": (ops.sin, [np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin]),
    "exp": (ops.exp, [np.exp] * 5),
    "1/x": (lambda x: 1 / x, [
        lambda x, k=k: (-1) ** k * math.factorial(k) / x ** (k + 1) for k in range(5)
    ]),
    "linear": (lambda x: 3 * x, [lambda x: 3 * x, lambda x: 0 * x + 3, *[np.zeros_like] * 3]),
}  # fmt: skip
TOLERANCE = {np.float64: 1e-12, np.float32: 2e-5}


@pytest.mark.every(5)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("wrap", [lambda f: f, fastnn.compile], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", KNOWN)
def test_against_known_derivatives(name: str, wrap: Any, dtype: Any) -> None:
    fn, known = KNOWN[name]
    x, tolerance = X.astype(dtype), TOLERANCE[dtype]
    want = [np.broadcast_to(d(X), X.shape) for d in known]
    for order in range(1, 5):
        step = wrap(lambda x, order=order: ops.derivative(fn, x, order))
        for _ in range(2):
            value, found = step(of_array(x.copy()))
            np.testing.assert_allclose(value.numpy(), want[0], rtol=tolerance)
            np.testing.assert_allclose(found.numpy(), want[order], rtol=tolerance, atol=tolerance)
    series = np.zeros((4, *x.shape), dtype)
    series[0] = 1
    step = wrap(lambda x, s: ops.jet(fn, x, s))
    for _ in range(2):
        value, found = step(of_array(x.copy()), of_array(series.copy()))
        np.testing.assert_allclose(value.numpy(), want[0], rtol=tolerance)
        np.testing.assert_allclose(found.numpy(), want[1:], rtol=tolerance, atol=tolerance)


def test_mindspores_example() -> None:
    """The values of its documentation."""
    x = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    third = [[-4.0515366, 3.6724353], [0.5053504, -0.52061415]]
    value, found = ops.derivative(lambda x: ops.exp(ops.sin(x)), x, 3)
    np.testing.assert_allclose(value, [[2.319777, 2.4825778], [1.1515628, 0.4691642]], rtol=1e-6)
    np.testing.assert_allclose(found, third, rtol=2e-5)


def test_along_a_curve() -> None:
    """f(x(t)) with x = 2 + 3t + t^2/2, y = 1 - t: derivatives of x y^2 by t, by hand."""
    x, y = (fastnn.tensor(v, dtype=fastnn.float64) for v in (2.0, 1.0))
    series = [fastnn.tensor(s, dtype=fastnn.float64) for s in ([3.0, 1.0, 0.0], [-1.0, 0.0, 0.0])]
    value, found = ops.jet(lambda x, y: x * y**2, (x, y), tuple(series))
    # (2 + 3t + t^2/2)(1 - 2t + t^2) = 2 - t - 3.5 t^2 + 2 t^3 + t^4/2
    assert value.item() == 2.0 and found.tolist() == [-1.0, -7.0, 12.0]


def test_outputs_and_inputs() -> None:
    """Several primals move together; outputs keep their structure; integers become float32."""
    value, found = ops.derivative(lambda x, y: [x * y, (x + y,)], (fastnn.tensor([2, 3]),) * 2, 2)
    assert value[0].tolist() == [4.0, 9.0] and value[0].dtype == "float32"
    assert found[0].tolist() == [2.0, 2.0] and found[1][0].tolist() == [0.0, 0.0]
    _, series = ops.jet(lambda x: {"square": x**2}, fastnn.ones(3), fastnn.ones(1, 3))
    assert series["square"].tolist() == [[2.0, 2.0, 2.0]]


def test_of_a_net_and_trained_through() -> None:
    """The second derivative of a net, and the gradient of a loss of it by its weights."""
    fastnn.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    x = fastnn.linspace(-1, 1, 5, dtype=fastnn.float64).reshape(5, 1)
    twice = fastnn.grad(fastnn.grad(net))(x)
    np.testing.assert_allclose(ops.derivative(net, x, 2)[1].detach(), twice.detach(), rtol=1e-12)
    ops.derivative(net, x, 2)[1].square().sum().backward()
    found = [p.grad.numpy().copy() for p in net.parameters() if p.grad is not None]
    net.zero_grad()
    fastnn.grad(fastnn.grad(net))(x).square().sum().backward()
    want = [p.grad.numpy() for p in net.parameters() if p.grad is not None]
    assert len(found) == len(want) == 3
    for f, w in zip(found, want):
        np.testing.assert_allclose(f, w, rtol=1e-11)


ONE = fastnn.ones(2)
REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "order 0": (lambda: ops.derivative(ops.sin, ONE, 0), ValueError, "order: expected an integer"),
    "order 1.5": (lambda: ops.derivative(ops.sin, ONE, 1.5), TypeError, "order"),  # type: ignore[arg-type]
    "no tensor": (lambda: ops.derivative(ops.sin, 3.0, 1), TypeError, "primals: expected a Tensor"),  # type: ignore[arg-type]
    "array": (lambda: ops.derivative(ops.sin, (np.ones(2),), 1), TypeError, r"primals\[0\]"),  # type: ignore[arg-type]
    "no function": (lambda: ops.derivative(3, ONE, 1), TypeError, "fn: expected"),  # type: ignore[arg-type]
    "kinds": (lambda: ops.jet(ops.sin, ONE, (ONE,)), TypeError, "series: expected what primals is"),
    "count": (lambda: ops.jet(ops.sin, (ONE,), (ONE, ONE)), ValueError, "series: expected 1"),
    "shape": (lambda: ops.jet(ops.sin, ONE, ONE), ValueError, r"\[0\]: expected shape \(2, 2"),
    "0-d": (lambda: ops.jet(ops.sin, ONE, fastnn.tensor(1.0)), ValueError, r"shape \(n, 2"),
    "lengths": (lambda: ops.jet(ops.mul, (ONE, ONE), (fastnn.ones(1, 2), fastnn.ones(2, 2))),
                ValueError, r"series\[1\]: expected shape \(1, 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()

"""gradcheck and gradgradcheck: over every op, and what they catch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from test_gradients import DIFFERENTIABLE, SAMPLES, leaves

import fastnn
from fastnn import nn
from fastnn.autograd import Function, GradcheckError, gradcheck, gradgradcheck
from fastnn.tensor import Tensor


@pytest.mark.every(5)
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_every_op(name: str) -> None:
    """An op without samples fails here: SAMPLES has none."""
    for fn, arrays in SAMPLES[name]:
        assert gradcheck(fn, tuple(leaves(arrays)), check_batched_grad=True, check_forward_ad=True)
        assert gradgradcheck(fn, tuple(leaves(arrays)))


def leaf(*values: float) -> Tensor:
    return fastnn.tensor(list(values), dtype=np.float64, requires_grad=True)


class Wrong(Function):
    """2 x, with a gradient of 3."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        return dy * 3


class WrongTwice(Function):
    """x^2, with a gradient that hides half of its dependence on x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return dy * (x + x.detach())


def test_a_wrong_gradient_is_caught() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(
        GradcheckError, match=r"^Jacobian mismatch for output 0 with respect to inp"
    ):
        gradcheck(Wrong.apply, (x,))
    assert not gradcheck(Wrong.apply, x, raise_exception=False)
    assert gradcheck(Wrong.apply, x, atol=2.0)
    assert gradcheck(WrongTwice.apply, (x,))
    with pytest.raises(
        GradcheckError, match=r"^Jacobian mismatch for output 0 with respect to inp"
    ):
        gradgradcheck(WrongTwice.apply, (x,))
    with pytest.raises(RuntimeError):  # GradcheckError is one
        gradcheck(lambda x: x.detach() * 2, (x,))  # no gradient where there is one
    assert gradcheck(lambda x: x.detach() * 0, (x,))


def test_a_gradient_that_varies_is_caught() -> None:
    calls = []

    class Varies(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, dy: Tensor) -> Tensor:
            calls.append(1)
            return dy * (2 + 1e-9 * len(calls))

    x = leaf(1.0)
    with pytest.raises(GradcheckError, match=r"^Backward is not reentrant"):
        gradcheck(Varies.apply, (x,))
    assert gradcheck(Varies.apply, (x,), nondet_tol=1e-6)


def test_a_function_without_undefined_gradients_is_caught() -> None:
    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Tensor:
            return a * 2 + b * 3  # None where nothing came from

    x = leaf(1.0)
    with pytest.raises(GradcheckError, match=r"^Expected backward function to handle undefined"):
        gradcheck(Two.apply, (x,))


def test_inputs() -> None:
    x, k = leaf(0.5, -1.0), fastnn.tensor([2.0, 3.0], dtype=np.float64)
    assert gradcheck(lambda x, k, n: (x * k * n, x.sum(), fastnn.argmax(x)), (x, k, 3))
    with pytest.raises(ValueError, match=r"^inputs: gradcheck expects at least one input tensor"):
        gradcheck(lambda k: k, (k,))
    with pytest.warns(UserWarning, match=r"^Input #0 requires gradient and is not a double preci"):
        gradcheck(lambda x: x * 2, (fastnn.ones(2, requires_grad=True),), raise_exception=False)
    with pytest.raises(RuntimeError, match=r"^inputs\[0\]: .* stride 0"):
        gradcheck(lambda x: x * 2, (leaf(1.0).expand(3),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gradcheck(lambda x: x.reshape(2, 1) @ x.reshape(1, 2), x)
        assert gradcheck(lambda x: x[:0], (x,)) and gradcheck(lambda x: x.T @ x, (x,))
        v = leaf(1.0, 2.0)
        assert gradgradcheck(lambda x: x**3, (x,), (v,))
        assert gradgradcheck(lambda x: x**3, (x,), gen_non_contig_grad_outputs=True,
                             check_fwd_over_rev=True, check_batched_grad=True)  # fmt: skip
        assert gradcheck(lambda x: x**2, (x,), check_grad_dtypes=True, fast_mode=True)


def test_nets() -> None:
    fastnn.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x = leaf(0.1, -0.4, 0.9)
    assert gradcheck(net, (x,)) and gradgradcheck(net, (x,))

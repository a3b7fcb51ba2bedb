"""vmap, gradcheck and gradients: arguments and cases at the edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, vmap
from fastnn.autograd import Function, gradcheck
from fastnn.nn import functional as F
from fastnn.transforms.vmap.array import BatchedArray, Unbatchable

RNG = np.random.default_rng(2)


def f64(*shape: int, requires_grad: bool = False) -> Tensor:
    return fastnn.tensor(RNG.normal(size=shape), requires_grad=requires_grad)


x, w = f64(2, 3), f64(4, 3)
CUBE = f64(2, 3, 4)
DEEP = f64(2, *(1,) * 6, 2)

# A function for the samples of arguments, and these.
BATCHED: dict[str, tuple[Callable[..., Any], tuple[Tensor, ...]]] = {
    "only the bias": (lambda b: F.linear(x, w, b), (f64(5, 4),)),
    "products of columns and rows": (lambda a, b: a.reshape(3, 1) @ b.reshape(1, 3), (x, x)),
    "matrices of both": (lambda a, b: a @ b, (f64(2, 3, 4), f64(2, 4, 2))),
    "transposed": (lambda a: F.linear(a.T, w), (f64(5, 3, 2),)),
    "more axes than the engine's": (lambda a: a + DEEP[0], (DEEP,)),
    "in both levels": (lambda a: vmap(lambda b: a * b + (a @ b))(w), (x,)),
    "softmax in both levels": (lambda a: vmap(lambda b: (a * b).softmax(0))(w), (x,)),
    "linear in both levels": (lambda a: vmap(lambda b: F.linear(a, b[None]))(w), (x,)),
    "norms in both levels": (lambda a: vmap(lambda b: F.layer_norm(a * b, (3,), b, a))(w), (x,)),
    "products in both levels": (lambda a: vmap(lambda b: F.linear(b.T, a))(CUBE), (f64(2, 5, 3),)),
    "one matrix with products of both": (
        lambda a: vmap(lambda b: x @ (a * b))(CUBE), (f64(2, 3, 4),),
    ),
    "second derivatives": (
        lambda a: fastnn.func.hessian(lambda p: F.linear(p, w).tanh().pow(3).sum())(a),
        (x,),
    ),
    "an index": (lambda a: a[1] * a[None, 2] + a[[0, 1]], (x,)),
}  # fmt: skip


@pytest.mark.parametrize("name", BATCHED)
def test_as_one_by_one(name: str) -> None:
    function, given = BATCHED[name]
    want = [function(*(a[i] for a in given)).numpy() for i in range(len(given[0]))]
    np.testing.assert_allclose(vmap(function)(*given).numpy(), np.stack(want), rtol=1e-12)


def test_no_samples() -> None:
    """Shapes are those of samples, where an op has a rule; else there is nothing to look at."""
    assert vmap(lambda a: F.linear(a * 2, w))(x[:0]).shape == (0, 4)
    for function in (lambda a: a if a.sum().item() > 0 else -a, lambda a: a.sort().values):
        with pytest.raises(ValueError, match="in_dims: expected at least one sample, got a mapped"):
            vmap(function)(x[:0])


def test_outputs_of_which_some_have_gradients() -> None:
    p = f64(3, requires_grad=True)
    tracked, plain = vmap(lambda a: (a * p, a.detach() * 2))(x)
    assert tracked.requires_grad and not plain.requires_grad
    tracked.sum().backward()
    assert p.grad is not None
    np.testing.assert_allclose(p.grad.numpy(), x.numpy().sum(0))


IN_DIMS = {
    "of a number": (lambda: vmap(lambda a, b: a, in_dims=(0, 0))(x, 3), ValueError,
                    "in_dims: expected None for an argument that is no Tensor, got 0 for int"),
    "a text": (lambda: vmap(lambda a: a, in_dims=(0, "a"))(x, x), TypeError, "or None, got 'a'"),
    "a flag": (lambda: vmap(lambda a: a, in_dims=True)(x), TypeError, "got True"),
    "a word": (lambda: vmap(lambda a: a, in_dims="0")(x), TypeError, "None or a tuple, got '0'"),
    "sens": (lambda: fastnn.ops.GradOperation(sens_param=True)(lambda: x)(), ValueError,
             "sens: expected the gradient by the output"),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_DIMS)
def test_refused(name: str) -> None:
    function, error, text = IN_DIMS[name]
    with pytest.raises(error, match=text):
        function()


# ---- gradcheck ----


def with_backward(rule: Callable[[Tensor], Any]) -> Callable[[Tensor], Tensor]:
    """x -> 2 x, whose gradient is what a rule makes of the cotangent."""

    class Doubled(Function):
        @staticmethod
        def forward(ctx: Any, given: Tensor) -> Tensor:
            return given * 2

        @staticmethod
        def backward(ctx: Any, cotangent: Tensor) -> Any:
            return rule(cotangent)

    return Doubled.apply  # type: ignore[no-any-return]


def test_what_is_not_checked() -> None:
    p = f64(3, requires_grad=True)
    wrong = with_backward(lambda g: g * 3)
    assert not gradcheck(wrong, (p,), raise_exception=False)
    assert gradcheck(wrong, (p,), check_backward_ad=False)

    def fails(g: Tensor) -> Tensor:
        raise TypeError("None is no tensor")

    with pytest.raises(RuntimeError, match="undefined output grads"):
        gradcheck(with_backward(fails), (p,))
    with pytest.raises(TypeError, match="None is no tensor"):
        gradcheck(with_backward(fails), (p,), check_undefined_grad=False)


def test_no_elements() -> None:
    empty = fastnn.zeros(0, dtype=fastnn.float64, requires_grad=True)
    assert gradcheck(lambda a: a * 2, (empty,)) and gradcheck(lambda a: a.sum(), (empty,))


def test_batched_gradients_that_differ() -> None:
    calls = [0]

    def counts(g: Tensor) -> Tensor:
        calls[0] += 1
        return g * (2.0 if calls[0] <= 1 else 3.0)

    with pytest.raises(RuntimeError, match=r"batched gradients differ from one by one"):
        gradcheck(with_backward(counts), (f64(3, requires_grad=True),), check_batched_grad=True,
                  check_undefined_grad=False, check_backward_ad=False)  # fmt: skip


@pytest.mark.parametrize("backward", [True, False])
def test_gradients_of_another_dtype_or_size(backward: bool) -> None:
    """The tape itself refuses them."""
    p = f64(3, requires_grad=True)
    for rule, text in (
        (
            lambda g: (g * 2).float(),
            "expected a gradient of dtype float64 for input 0, got float32",
        ),
        (lambda g: (g * 2).reshape(3, 1), "Doubled.backward: expected"),
    ):
        with pytest.raises((RuntimeError, ValueError), match=text):
            gradcheck(with_backward(rule), (p,), check_grad_dtypes=True,
                      check_undefined_grad=False, check_backward_ad=backward)  # fmt: skip


def test_a_function_that_is_none_of_ours_is_not_batched() -> None:
    batched = BatchedArray(1, x.numpy())
    with pytest.raises(Unbatchable, match="vmap: sort was called on a batched array"):
        np.sort(batched)
    assert np.broadcast_to(batched, (4, 3)).shape == (4, 3)

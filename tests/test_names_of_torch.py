"""Differences, whole tensors of one value and other names of torch's, composed of ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor
from fastnn.autograd import gradcheck, gradgradcheck
from fastnn.tensor import of_array

RNG = np.random.default_rng(7)
A, C = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2))
V, T3 = RNG.standard_normal(4), RNG.standard_normal((2, 3, 4))


def tensor(a: Any, grad: bool = False) -> Tensor:
    return of_array(np.array(a), grad)


def _places(x: Any) -> Any:
    """Uneven, and rising."""
    return (x * x + 1).cumsum(0)


# function of tensors, arrays, the same in NumPy
VALUES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], Callable[..., Any]]] = {
    "gradient": (lambda a: fastnn.stack(fastnn.gradient(a)), (A,),
                 lambda a: np.stack(np.gradient(a))),
    **{f"gradient {order}": (
        lambda a, x, order=order: fastnn.gradient(
            a, dim=1, spacing=[_places(x)], edge_order=order)[0], (A, V),
        lambda a, x, order=order: np.gradient(a, _places(x), axis=1, edge_order=order))
       for order in (1, 2)},
    "gradient places": (
        lambda a, x: fastnn.gradient(a, spacing=(_places(x[1:]), _places(x)))[0], (A, V),
        lambda a, x: np.gradient(a, _places(x[1:]), axis=0)),
    "gradient steps": (
        lambda a: fastnn.gradient(a, dim=(2, -2), spacing=[0.5, 2], edge_order=2)[1], (T3,),
        lambda a: np.gradient(a, 2, axis=1, edge_order=2)),
    "gradient of one step": (
        lambda a: fastnn.gradient(a, dim=0, spacing=(2,))[0], (V[:2],),
        lambda a: np.gradient(a, 2)),
    "fill": (lambda a, v: fastnn.fill(a, v[1]), (A, V), lambda a, v: np.full_like(a, v[1])),
    "fill number": (lambda a: fastnn.fill(a, 2.5), (A,), lambda a: np.full_like(a, 2.5)),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    function, arrays, wanted = VALUES[name]
    want = np.asarray(wanted(*arrays))
    given = [tensor(a) for a in arrays]
    found = function(*given)
    assert found.shape == want.shape and found.dtype == want.dtype
    np.testing.assert_allclose(found.numpy(), want, 1e-12, 1e-12)
    for x, a in zip(given, arrays, strict=True):
        np.testing.assert_array_equal(x.numpy(), a)  # what is given stays


@pytest.mark.parametrize("name", VALUES)
def test_compiled(name: str) -> None:
    """A replay on other values has the bits of the eager run."""
    function, arrays, _ = VALUES[name]
    compiled = fastnn.compile(lambda *given: function(*given) * 1)
    for factor in (1.0, 2.0, 3.0):
        given = [tensor(a * factor) for a in arrays]
        found, want = compiled(*given), function(*given) * 1
        assert found.shape == want.shape and found.numpy().tobytes() == want.numpy().tobytes()


@pytest.mark.parametrize("name", VALUES)
def test_vmap(name: str) -> None:
    function, arrays, _ = VALUES[name]
    want = function(*(tensor(a) for a in arrays))
    found = fastnn.vmap(function)(*(tensor(np.stack([a, a])) for a in arrays))
    for i in range(2):
        np.testing.assert_allclose(found[i].numpy(), want.numpy(), 1e-12, 1e-12)


@pytest.mark.every(5)
@pytest.mark.parametrize("name", VALUES)
def test_gradients(name: str) -> None:
    function, arrays, _ = VALUES[name]
    inputs = tuple(tensor(a, True) for a in arrays)
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


DTYPES: dict[str, tuple[Callable[[], Tensor], Any]] = {
    "gradient of whole numbers": (lambda: fastnn.gradient(fastnn.tensor([1, 2, 4]))[0], "float32"),
    "gradient of halves": (lambda: fastnn.gradient(fastnn.ones(3).half())[0], "float16"),
    "gradient at whole places": (
        lambda: fastnn.gradient(fastnn.ones(3), spacing=[fastnn.arange(3)])[0], "float32"),
    "fill of whole numbers": (lambda: fastnn.fill(fastnn.tensor([1]), fastnn.tensor(2.0)), "int64"),
}  # fmt: skip


@pytest.mark.parametrize("name", DTYPES)
def test_dtypes(name: str) -> None:
    function, dtype = DTYPES[name]
    assert function().dtype == dtype


BOOL = fastnn.ones(3, dtype=fastnn.bool)
ONES = fastnn.ones(3, 3)
REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "of bool": (lambda: fastnn.gradient(BOOL), TypeError, "expected signed numbers"),
    "order": (lambda: fastnn.gradient(ONES, edge_order=3), ValueError, "edge_order: expected 1 or"),
    "short": (lambda: fastnn.gradient(ONES[:2], edge_order=2), ValueError, "at least 3 places"),
    "twice": (lambda: fastnn.gradient(ONES, dim=(1, -1)), ValueError, "dim: expected each axis"),
    "spacing": (lambda: fastnn.gradient(ONES, spacing=[1.0]), ValueError, "one entry for each of"),
    "places": (lambda: fastnn.gradient(ONES, dim=0, spacing=[ONES[0, :2]]), ValueError, "of 3 pl"),
    "a tensor": (lambda: fastnn.gradient(ONES, spacing=ONES[0]), TypeError, "put it into a list"),
    "fill": (lambda: fastnn.fill(ONES, ONES[0]), ValueError, "value: expected a number"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, kind, text = REFUSED[name]
    with pytest.raises(kind, match=text):
        function()


def test_reflected_operators_by_name() -> None:
    a, b = tensor(A, True), tensor(C)
    np.testing.assert_allclose(b.__rmatmul__(a).tolist(), A @ C, 1e-12)
    np.testing.assert_allclose(a.__rdiv__(2).tolist(), 2 / A, 1e-12)
    assert gradcheck(lambda a: a.__rdiv__(2), (a,))


def test_methods_of_functions() -> None:
    x = tensor(A)
    assert x.as_strided_((2, 3), (1, 2), 1) is x and x.shape == (2, 3)
    np.testing.assert_array_equal(x.numpy(), A.ravel()[[[1, 3, 5], [2, 4, 6]]])
    fastnn.manual_seed(0)
    first = fastnn.bernoulli(tensor(A * 0 + 0.5)), fastnn.multinomial(tensor(A**2), 2)
    fastnn.manual_seed(0)
    again = tensor(A * 0 + 0.5).bernoulli(), tensor(A**2).multinomial(2)
    assert [t.tolist() for t in first] == [t.tolist() for t in again]


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (7, 2), (3, 3, 3)])
@pytest.mark.parametrize("wrap", [False, True])
def test_fill_diagonal(shape: tuple[int, ...], wrap: bool) -> None:
    want = np.zeros(shape)
    np.fill_diagonal(want, 5.0, wrap and len(shape) == 2)
    assert fastnn.zeros(*shape).fill_diagonal_(5.0, wrap).tolist() == want.tolist()
    x = fastnn.ones(*shape, requires_grad=True)
    y = x * 2
    y.fill_diagonal_(7.0, wrap).sum().backward()
    assert x.grad is not None and x.grad.tolist() == (2.0 * (want == 0)).tolist()
    with pytest.raises(ValueError, match="fill_diagonal_: expected a matrix"):
        fastnn.zeros(3).fill_diagonal_(1.0)


def test_poisson_and_binomial_numbers() -> None:
    """The numbers are those of torch 2.13."""
    fastnn.manual_seed(0)
    rate = fastnn.tensor([0.5, 4.0, 20.0, 100.0], requires_grad=True)
    drawn = fastnn.poisson(rate)
    assert drawn.tolist() == [2, 5, 17, 89] and drawn.requires_grad
    drawn.sum().backward()
    assert rate.grad is not None and rate.grad.tolist() == [0] * 4
    count, prob = fastnn.tensor([10.0, 50.0, 3.0]), fastnn.tensor([0.3, 0.6, 1.0])
    assert fastnn.binomial(count, prob).tolist() == [3, 33, 3]
    for call, kind, text in (
        (lambda: fastnn.poisson(fastnn.ones(2).long()), TypeError, "input: expected a floating"),
        (lambda: fastnn.poisson(-fastnn.ones(2)), ValueError, "rate: expected numbers >= 0"),
        (lambda: fastnn.binomial(count + 0.5, prob), ValueError, "count: expected whole"),
        (lambda: fastnn.binomial(count, prob + 1), ValueError, "prob: expected probabilities"),
    ):  # fmt: skip
        with pytest.raises(kind, match=text):
            call()


def test_sequences_of_different_lengths() -> None:
    rnn = fastnn.nn.utils.rnn
    a, b = tensor(A, True), tensor(A[:1], True)
    both = rnn.pad_sequence([a, b], padding_value=9.0)
    assert both.shape == (3, 2, 4) and both[1:, 1].unique().tolist() == [9.0]
    first = rnn.pad_sequence([a, b], True, padding_side="left")
    assert first[1, 2].tolist() == b[0].tolist() and not first[1, :2].any()
    assert [x.tolist() for x in rnn.unpad_sequence(both, [3, 1])] == [a.tolist(), b.tolist()]
    assert rnn.unpad_sequence(first, fastnn.tensor([1, 3]), True)[0].tolist() == a[:1].tolist()
    both.sum().backward()
    assert b.grad is not None and b.grad.tolist() == [[1.0] * 4]
    for call, text in (
        (lambda: rnn.pad_sequence([]), "sequences: expected at least one"),
        (lambda: rnn.pad_sequence([a, a.t()]), r"sequences\[1\]: expected shape"),
        (lambda: rnn.pad_sequence([a], padding_side="up"), "padding_side: expected"),
        (lambda: rnn.unpad_sequence(both, [1]), "lengths: expected 2"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=text):
            call()

"""Differences, whole tensors of one value and other names of torch's, composed of ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor
from fastnn.autograd import gradcheck, gradgradcheck

RNG = np.random.default_rng(7)
A, C = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2))
V, T3 = RNG.standard_normal(4), RNG.standard_normal((2, 3, 4))


def tensor(a: Any, grad: bool = False) -> Tensor:
    return Tensor(np.array(a), grad)


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

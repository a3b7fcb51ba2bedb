"""vmap: every op against a loop over the samples, nested with itself and with gradients."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_gradients import FUNCTIONS, SAMPLES, Sample, projected

import fastnn
from fastnn import func, nn, ops
from fastnn.ops.table import apply
from fastnn.tensor import Tensor, of_array
from fastnn.transforms.vmap import transform

F = nn.functional
SIZE = 3


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that vmap does not fall back to the loop over samples."""

    def refuse(*_: Any) -> Any:
        raise AssertionError("one by one")

    monkeypatch.setattr(transform, "_one_by_one", refuse)


def batch(array: Any) -> Any:
    """Samples like this one, one along the first axis each, none at a kink."""
    return np.stack([array * (1 + 0.07 * i) for i in range(SIZE)])


def close(got: Tensor, want: Any, rtol: float = 1e-12) -> None:
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=rtol, atol=1e-14)


def against_a_loop(fn: Callable[..., Any], arrays: list[Any], dims: tuple[Any, ...]) -> None:
    given = [a if d is None else batch(a) for a, d in zip(arrays, dims)]
    got = fastnn.vmap(fn, dims)(*map(of_array, given))
    for i in range(SIZE):
        one = fn(*(of_array(a.copy() if d is None else a[i].copy())
                   for a, d in zip(given, dims)))  # fmt: skip
        for part, want in zip(*(x if isinstance(x, tuple) else (x,) for x in (got, one))):
            close(part[i], want.detach().numpy())


def masks(n: int) -> list[tuple[Any, ...]]:
    """Every choice of the arguments to map over."""
    return [m for m in itertools.product((0, None), repeat=n) if any(d == 0 for d in m)]


@pytest.mark.every(5)
@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("name", SAMPLES)
def test_row_and_its_gradients(name: str) -> None:
    for fn, arrays in SAMPLES[name]:
        gradient = fastnn.grad(lambda *x, fn=fn: projected(fn(*x), 1), tuple(range(len(arrays))))
        for dims in masks(len(arrays)):
            against_a_loop(fn, arrays, dims)
            against_a_loop(gradient, arrays, dims)


def test_row_through_the_batch() -> None:
    """Gradients of a vmap are those of the loop, by what is mapped and by what is not."""
    for name, samples in SAMPLES.items():
        fn, arrays = samples[-1]
        for dims in masks(len(arrays)):
            given = [a if d is None else batch(a) for a, d in zip(arrays, dims)]

            def whole(*x: Tensor, fn: Any = fn, dims: Any = dims) -> Tensor:
                return projected(fastnn.vmap(fn, dims)(*x), 2)

            def loop(*x: Tensor, fn: Any = fn, dims: Any = dims) -> Tensor:
                rows = [fn(*(t if d is None else t[i] for t, d in zip(x, dims)))
                        for i in range(SIZE)]  # fmt: skip
                return projected(transform.stack(rows), 2)

            by = tuple(range(len(arrays)))
            got = fastnn.grad(whole, by)(*map(of_array, given))
            want = fastnn.grad(loop, by)(*map(of_array, given))
            for g, w in zip(got, want):
                np.testing.assert_allclose(g.numpy(), w.numpy(), rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name: str) -> None:
    fn, arrays = FUNCTIONS[name]
    if name in ("place",):
        arrays = [arrays[0]]
    for dims in masks(len(arrays)):
        against_a_loop(fn, arrays, dims)


WITHOUT_GRADIENT: dict[str, Sample] = {
    **{name: (lambda a, b, name=name: apply(ops.TABLE[name], (a, b)),
              [np.array([[1.0, 2.0]]), np.array([[1.0], [3.0]])])
       for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    "argmax": (lambda x: ops.argmax(x, 1), [np.array([[1.0, 3.0, 2.0], [5.0, 4.0, 0.0]])]),
    "accuracy": (lambda z: ops.accuracy(z, of_array(np.array([1, 1]))),
                 [np.array([[1.0, 3.0, 2.0], [5.0, 4.0, 0.0]])]),
    "binary_accuracy": (lambda z, y: ops.binary_accuracy(z, y),
                        [np.array([1.0, -3.0]), np.array([0.9, 0.9])]),
}  # fmt: skip


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("name", WITHOUT_GRADIENT)
def test_row_without_gradient(name: str) -> None:
    fn, arrays = WITHOUT_GRADIENT[name]
    for dims in masks(len(arrays)):
        against_a_loop(fn, arrays, dims)


@pytest.mark.usefixtures("at_once")
def test_labels_and_indices_in_the_batch() -> None:
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((SIZE, 4, 5)), rng.integers(0, 5, (SIZE, 4))
    for dims, given in (((0, 0), (z, y)), ((0, None), (z, y[0])), ((None, 0), (z[0], y))):
        for fn in (ops.softmax_cross_entropy, lambda z, y: F.cross_entropy(z, y, reduction="sum"),
                   lambda z, y: F.cross_entropy(z, y, reduction="none"),
                   lambda z, y: ops.take_rows(z.T, y)):  # fmt: skip
            got = fastnn.vmap(fn, dims)(*map(of_array, given))
            for i in range(SIZE):
                one = [a if d is None else a[i] for a, d in zip(given, dims)]
                close(got[i], fn(*map(of_array, one)).numpy())
    with pytest.raises(ValueError, match=r"^y: expected"):
        fastnn.vmap(ops.softmax_cross_entropy)(of_array(z), of_array(y + 1))
    with pytest.raises(IndexError, match=r"^index: expected rows in 0\.\.3, got 9"):
        fastnn.vmap(ops.take_rows)(of_array(z), of_array(np.full((SIZE, 2), 9)))


def model() -> nn.Module:
    fastnn.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_per_sample(compiled: bool) -> None:
    net = model()
    params = {name: p.detach() for name, p in net.named_parameters()}
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 4)), rng.integers(0, 3, 6)

    def loss(params: Any, x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(func.functional_call(net, params, (x,)), y)

    each = func.vmap(func.grad(loss), in_dims=(None, 0, 0))
    if compiled:
        whole = fastnn.compile(lambda x, y: each(params, x, y))
        whole(of_array(x), of_array(y))
        found = whole(of_array(x * 2), of_array(y[::-1].copy()))
        x, y = x * 2, y[::-1].copy()
    else:
        found = each(params, of_array(x), of_array(y))
    assert list(found) == list(params)
    for i in range(6):
        net.zero_grad()
        F.cross_entropy(net(of_array(x[i : i + 1])), of_array(y[i : i + 1])).backward()
        for name, p in net.named_parameters():
            assert p.grad is not None and not found[name].requires_grad
            close(found[name][i], p.grad.numpy())


@pytest.mark.usefixtures("at_once")
def test_an_ensemble() -> None:
    nets = [nn.Linear(4, 2).double() for _ in range(SIZE)]
    params, buffers = func.stack_module_state(nets)
    assert buffers == {} and params["weight"].shape == (SIZE, 2, 4)
    x = of_array(np.random.default_rng(0).standard_normal((5, 4)))

    def call(params: Any, x: Tensor) -> Tensor:
        return func.functional_call(nets[0], params, (x,))

    got = func.vmap(call, (0, None))(params, x)
    for i, net in enumerate(nets):
        close(got[i], net(x).detach().numpy())
    (got**2).sum().backward()
    for i, net in enumerate(nets):
        (net(x) ** 2).sum().backward()
        close(params["weight"].grad[i], net.weight.grad.numpy())  # type: ignore[index,union-attr]


@pytest.mark.usefixtures("at_once")
def test_nested() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((3, 4)), rng.standard_normal((5, 4))

    def outer(fn: Any, x: Any, y: Any) -> Tensor:
        inner = fastnn.vmap(fn, (None, 0))
        return fastnn.vmap(inner, (0, None))(of_array(x), of_array(y))

    def dot(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum()

    close(outer(dot, x, y), x @ y.T)
    close(outer(fastnn.grad(lambda a, b: dot(a, b) ** 2), x, y),
          2 * (x @ y.T)[:, :, None] * y[None])  # fmt: skip
    w = of_array(rng.standard_normal((4, 2)), requires_grad=True)
    outer(lambda a, b: ((a * b) @ w).tanh().sum(), x, y).sum().backward()
    got = w.grad
    w.grad = None
    sum(((of_array(a) * of_array(b)) @ w).tanh().sum() for a in x for b in y).backward()
    assert got is not None and w.grad is not None
    close(got, w.grad.numpy(), 1e-9)


@pytest.mark.usefixtures("at_once")
def test_second_order_through_a_batch() -> None:
    x = np.random.default_rng(0).standard_normal((SIZE, 2))

    def f(row: Tensor) -> Tensor:
        return (row**3).sum() * row[0]

    each = fastnn.vmap(fastnn.hessian(f))(of_array(x))
    for i in range(SIZE):
        close(each[i], fastnn.hessian(f)(of_array(x[i])).numpy())
    whole = fastnn.hessian(lambda x: fastnn.vmap(f)(x).sum())(of_array(x)).numpy()
    for i in range(SIZE):
        np.testing.assert_allclose(whole[i, :, i], each[i].numpy())
    assert np.count_nonzero(whole) <= 4 * SIZE


def test_axes_and_structures() -> None:
    x = of_array(np.arange(24.0).reshape(2, 3, 4))
    assert fastnn.vmap(lambda r: r * 2, 1, 2)(x).shape == (2, 4, 3)
    assert fastnn.vmap(lambda r: r * 2, -1, -1)(x).shape == (2, 3, 4)
    found = fastnn.vmap(lambda d: {"a": d["x"].sum() + d["k"], "b": [d["x"]]},
                        ({"x": 1, "k": None},), {"a": 0, "b": [1]})({"x": x, "k": 5.0})  # fmt: skip
    assert found["a"].shape == (3,) and found["b"][0].shape == (2, 3, 4)
    close(found["a"], x.numpy().sum((0, 2)) + 5)
    same = fastnn.vmap(lambda r: fastnn.ones(2))(x)
    assert same.tolist() == [[1.0, 1.0]] * 2
    close(fastnn.vmap(lambda r, k=1: r * k)(x, k=3), x.numpy() * 3)


def test_one_by_one_where_there_is_no_rule() -> None:
    x = of_array(np.array([[1.0, -2.0], [-3.0, 1.0], [2.0, 2.0]]), requires_grad=True)

    def branches(row: Tensor) -> Tensor:
        return row**2 if row.sum().item() > 0 else row * 10

    y = fastnn.vmap(branches)(x)
    assert y.tolist() == [[10.0, -20.0], [-30.0, 10.0], [4.0, 4.0]]
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[10.0, 10.0], [10.0, 10.0], [4.0, 4.0]]
    seen = fastnn.vmap(lambda row: of_array(row.detach().numpy() * 2))(x.detach())
    assert seen.tolist() == [[2.0, -4.0], [-6.0, 2.0], [4.0, 4.0]]

    def in_place(row: Tensor) -> Tensor:
        return row.clone().add_(row)

    assert fastnn.vmap(in_place)(x.detach()).tolist() == [[2.0, -4.0], [-6.0, 2.0], [4.0, 4.0]]
    nested = fastnn.vmap(fastnn.vmap(lambda v: v if v.item() > 0 else v * 0))(x.detach())
    assert nested.tolist() == [[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]


def test_one_by_one_in_a_program() -> None:
    """Every run returns new memory."""
    products = fastnn.compile(lambda x: fastnn.vmap(lambda r: r.reshape(2, 2) @ r.reshape(2, 2))(x))
    x = of_array(np.arange(8.0).reshape(2, 4))
    kept = [products(x), products(x)]
    assert products(x * 2).tolist() == [[[8, 12], [24, 44]], [[184, 220], [264, 316]]]
    assert [y.tolist() for y in kept] == [[[[2, 3], [6, 11]], [[46, 55], [66, 79]]]] * 2


def test_a_batch_of_one_and_views() -> None:
    x = np.random.default_rng(0).standard_normal((4, 1, 3))
    net = model()
    got = fastnn.vmap(lambda r: F.relu(r.T @ r).sum(0), 1)(of_array(x))
    np.testing.assert_allclose(got.numpy()[0], np.maximum(x[:, 0].reshape(-1, 1).reshape(4, 3).T
                               @ x[:, 0], 0).sum(0))  # fmt: skip
    assert fastnn.vmap(net)(of_array(np.ones((1, 4)))).shape == (1, 3)


def test_vmap_refuses() -> None:
    x = fastnn.ones(2, 3)
    with pytest.raises(ValueError, match=r"^in_dims: expected at least one argument to map"):
        fastnn.vmap(lambda x: x, None)(x)
    with pytest.raises(ValueError, match=r"^in_dims: expected one size .* got sizes \[2, 3\]"):
        fastnn.vmap(lambda x, y: x, (0, 1))(x, x)
    with pytest.raises(ValueError, match=r"^in_dims: expected -2\.\.1 for shape \(2, 3\), got 2"):
        fastnn.vmap(lambda x: x, 2)(x)
    with pytest.raises(ValueError, match=r"^in_dims: expected None for an argument that is no Ten"):
        fastnn.vmap(lambda x, k: x)(x, 3)
    with pytest.raises(ValueError, match=r"^in_dims: expected 2 entries, got 1"):
        fastnn.vmap(lambda x, y: x, (0,))(x, x)
    with pytest.raises(TypeError, match=r"^in_dims: expected int or None, got 'x'"):
        fastnn.vmap(lambda x: x, ("x",))(x)
    with pytest.raises(TypeError, match=r"^fn's output: expected tensors, got float"):
        fastnn.vmap(lambda x: 1.0)(x)
    with pytest.raises(ValueError, match=r"^add: shapes \(3,\) and \(2,\) do not broadcast"):
        fastnn.vmap(lambda x: x + fastnn.ones(2))(x)
    with pytest.raises(ZeroDivisionError):
        fastnn.vmap(lambda x: x * (1 / 0))(x)

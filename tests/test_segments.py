"""Scatters, searches and membership: values of loops in NumPy, gradients, programs, and work that
grows as the elements do, not as their pairs."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, tensor
from fastnn.autograd import gradcheck, gradgradcheck

WAYS: dict[str, Callable[[Any], Any]] = {
    "sum": np.sum, "mean": np.mean, "prod": np.prod, "amax": np.max, "amin": np.min,
}  # fmt: skip
DTYPES = ("float32", "float64", "float16", "int64", "int8", "uint8", "bool")


def drawn(dtype: str, shape: tuple[int, ...], seed: int) -> Any:
    values = np.random.default_rng(seed).integers(-3, 4, shape)
    return values.astype(bool if dtype == "bool" else dtype)


def reduced_by_loops(x: Any, at: int, index: Any, src: Any, way: str, with_own: bool) -> Any:
    """scatter_reduce: for each place all that goes there, whole numbers in int64, as torch does."""
    wide = np.float64 if x.dtype.kind == "f" else np.int64
    meant: dict[tuple[int, ...], list[Any]] = {}
    for place in np.ndindex(index.shape):
        to = (*place[:at], int(index[place]), *place[at + 1 :])
        meant.setdefault(to, [wide(x[to])] if with_own else []).append(wide(src[place]))
    found = x.copy()
    for to, values in meant.items():
        total = WAYS[way](np.array(values))
        found[to] = np.floor(total) if wide is np.int64 else total
    return found


@pytest.mark.parametrize("with_own", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way", WAYS)
def test_scatter_reduce(way: str, dtype: str, with_own: bool) -> None:
    """Along each axis, by an index that names some places often and is smaller than the input."""
    x, src = drawn(dtype, (4, 5, 3), 1), drawn(dtype, (6, 7, 6), 2)
    for at in range(3):
        shape = [3, 4, 2]
        shape[at] = 6
        index = np.random.default_rng(at).integers(0, x.shape[at] - 1, shape)
        cut = src[tuple(slice(n) for n in shape)]
        want = reduced_by_loops(x, at, index, cut, way, with_own)
        given = tensor(x), at, tensor(index), tensor(src), way
        found = fastnn.scatter_reduce(*given, include_self=with_own)
        assert found.dtype == tensor(x).dtype
        np.testing.assert_allclose(found.numpy(), want, rtol=1e-3 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize("with_own", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way", [way for way in WAYS if way != "sum"])
def test_index_reduce(way: str, dtype: str, with_own: bool) -> None:
    x = drawn(dtype, (4, 5, 3), 1)
    for at in range(3):
        index = np.random.default_rng(at).integers(0, x.shape[at] - 1, 6)
        shape = (*x.shape[:at], 6, *x.shape[at + 1 :])
        src = drawn(dtype, shape, 2)
        everywhere = np.broadcast_to(index.reshape(-1, *(1,) * (2 - at)), shape)
        want = reduced_by_loops(x, at, everywhere, src, way, with_own)
        given = tensor(x), at, tensor(index), tensor(src), way
        found = fastnn.index_reduce(*given, include_self=with_own)
        np.testing.assert_allclose(found.numpy(), want, rtol=1e-3 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_last_of_several_is_put(dtype: str) -> None:
    x, src = drawn(dtype, (4, 5), 1), drawn(dtype, (9, 9), 2)
    for at, shape in ((0, (9, 3)), (1, (2, 9))):
        index = np.random.default_rng(at).integers(0, x.shape[at], shape)
        want, filled = x.copy(), x.copy()
        for place in np.ndindex(shape):  # in order
            to = (index[place], place[1]) if at == 0 else (place[0], index[place])
            want[to], filled[to] = src[place], True
        assert fastnn.scatter(tensor(x), at, tensor(index), tensor(src)).tolist() == want.tolist()
        found = fastnn.scatter(tensor(x), at, tensor(index), 1)
        assert found.dtype == tensor(x).dtype and found.tolist() == filled.tolist()


INDEX = tensor([[2, 0], [2, 1], [0, 1], [2, 2]])
ROWS = tensor([2, 2, 0, 2])
CALLS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "scatter": lambda x, s: x.scatter(0, tensor([[2, 0], [1, 1], [0, 2]]), s[:3]),
    "put": lambda x, s: x.put(tensor([4, 0, 3]), s[:3, 0]),
    "index_fill": lambda x, s: x.index_fill(0, tensor([1, 1]), s[0, 0]),
    **{
        f"{name} {way} {own}": lambda x, s, name=name, way=way, own=own: getattr(x, name)(
            0, INDEX if name == "scatter_reduce" else ROWS, s, way, include_self=own
        )
        for name, way, own in itertools.product(
            ("scatter_reduce", "index_reduce"), WAYS, (True, False)
        )
        if (name, way) != ("index_reduce", "sum")
    },
}
X, S = np.random.RandomState(0).randn(3, 2), np.random.RandomState(1).randn(4, 2)
S[0, 0] = 0.0  # no gradient of a product divides by an element


@pytest.mark.every(5)
@pytest.mark.parametrize("name", CALLS)
def test_gradients_and_theirs(name: str) -> None:
    x, s = tensor(X, requires_grad=True), tensor(S, requires_grad=True)
    assert gradcheck(CALLS[name], (x, s))
    assert gradgradcheck(CALLS[name], (x, s))


@pytest.mark.parametrize("name", ["scatter_reduce", "index_reduce"])
def test_equal_extremes_share_the_gradient(name: str) -> None:
    x = fastnn.full((2, 1), 3.0, requires_grad=True)
    s = tensor([[3.0], [3.0], [1.0], [5.0]], requires_grad=True)
    index = tensor([0, 0, 0, 1])
    index = index.reshape(4, 1) if name == "scatter_reduce" else index
    getattr(x, name)(0, index, s, "amax").sum().backward()
    third = pytest.approx(1 / 3)
    assert x.grad.flatten().tolist() == [third, 0.0]
    assert s.grad.flatten().tolist() == [third, third, 0.0, 1.0]


@pytest.mark.parametrize("name", CALLS)
def test_programs_and_batches(name: str) -> None:
    x, s, call = tensor(X), tensor(S), CALLS[name]
    compiled = fastnn.compile(call)
    for k in range(3):
        assert compiled(x + k, s).tolist() == call(x + k, s).tolist()
    each = fastnn.vmap(call, in_dims=(0, None))(fastnn.stack([x, x + 1]), s)
    assert each.tolist() == [call(x, s).tolist(), call(x + 1, s).tolist()]


NAN = float("nan")
SORTED = [
    [-np.inf, 1.0, 1.0, 3.0, 5.0], [1.0, 2.0, NAN, NAN], [4.0], [], [0.0, 1, 2, 3, 4, 5, 6, np.inf],
]  # fmt: skip


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("known", SORTED, ids=str)
def test_searches_of_programs_are_numpys(known: list[float], right: bool) -> None:
    values = np.array([[-np.inf, 0.0, 1.0, 2.5], [3.0, 6.0, np.inf, NAN]])
    rows = [known, [v - 1 for v in known]]
    search = fastnn.compile(lambda s, v: fastnn.searchsorted(s, v, right=right))
    way: Any = "right" if right else "left"
    want = np.searchsorted(np.array(known), values, way)
    assert search(tensor(known), tensor(values, dtype=fastnn.float32)).tolist() == want.tolist()
    found = search(tensor(np.array(rows)), tensor(values)).tolist()
    both = [np.searchsorted(np.array(s), v, way).tolist() for s, v in zip(rows, values)]
    assert found == both


@pytest.mark.parametrize("known", [[3, 1, 1, 7], [2], [], [[0, 5], [9, 9]]], ids=str)
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_membership_of_programs_is_numpys(dtype: str, known: Any) -> None:
    among = np.arange(12).reshape(3, 4)
    for invert in (False, True):
        found = fastnn.compile(lambda a, b, i=invert: fastnn.isin(a, b, invert=i))
        given = tensor(among), tensor(np.array(known, dtype))
        assert found(*given).tolist() == np.isin(among, known, invert=invert).tolist()


def peak(call: Callable[..., Any], *given: Tensor) -> int:
    """The most bytes that a call holds at once; that a program will is there as it is recorded."""
    tracemalloc.start()
    try:
        call(*given)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LARGE: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "scatter": lambda x, i, s: x.scatter(0, i, s),
    "scatter a number": lambda x, i, s: x.scatter(0, i, 1.0),
    "put": lambda x, i, s: x.put(i, s),
    "index_put": lambda x, i, s: x.index_put((i,), s),
    "index_copy": lambda x, i, s: x.index_copy(0, i, s),
    "index_add": lambda x, i, s: x.index_add(0, i, s),
    "index_fill": lambda x, i, s: x.index_fill(0, i, 2.0),
    "scatter_add": lambda x, i, s: x.scatter_add(0, i, s),
    "take": lambda x, i, s: x.take(i),
    "gather": lambda x, i, s: x.gather(0, i),
    **{f"scatter_reduce {w}": lambda x, i, s, w=w: x.scatter_reduce(0, i, s, w) for w in WAYS},
    **{
        f"index_reduce {w}": lambda x, i, s, w=w: x.index_reduce(0, i, s, w)
        for w in WAYS
        if w != "sum"
    },
    "mode": lambda x, i, s: i.mode().values,
    "isin": lambda x, i, s: fastnn.isin(x, s),
    "searchsorted": lambda x, i, s: fastnn.searchsorted(x.sort().values, s),
    "cummax": lambda x, i, s: x.cummax(0).values,
    "cumprod": lambda x, i, s: x.cumprod(0),
    "unique": lambda x, i, s: fastnn.unique(i),
    "bincount": lambda x, i, s: fastnn.bincount(i),
    "histc": lambda x, i, s: x.histc(10),
}
NO_PROGRAM = ("unique", "bincount")  # the shape depends on the values


@pytest.mark.every(7)
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", LARGE)
def test_memory_grows_as_the_elements(name: str, compiled: bool) -> None:
    """Four times the elements take at most five times the bytes; of all pairs they were sixteen."""
    if compiled and name in NO_PROGRAM:
        return
    call: Any = fastnn.compile(LARGE[name]) if compiled else LARGE[name]
    held = [
        peak(call, fastnn.randn(n), fastnn.randint(0, n, (n,)), fastnn.randn(n))
        for n in (1000, 4000)
    ]
    assert held[1] < 5 * held[0] + 100_000, held


@pytest.mark.parametrize("reduce", ["amax", "amin"])
@pytest.mark.parametrize("own", [True, False])
def test_what_does_not_count_has_no_share_in_an_extreme(reduce: str, own: bool) -> None:
    x, s = (fastnn.tensor([[3.0], [1.0]], requires_grad=True) for _ in range(2))
    index = fastnn.tensor([[0], [0]])
    x.scatter_reduce(
        0, index, fastnn.where(s > 2, s, s * 3), reduce, include_self=own
    ).sum().backward()
    shares = (1 / 3, 1 / 3, 1.0) if own else (0.0, 1 / 2, 3 / 2)
    assert x.grad is not None and s.grad is not None
    np.testing.assert_allclose(x.grad.numpy()[:, 0], [shares[0], 1.0], rtol=1e-6)
    np.testing.assert_allclose(s.grad.numpy()[:, 0], shares[1:], rtol=1e-6)

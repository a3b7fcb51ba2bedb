"""Functions beyond elementwise ones: values are NumPy's, eager and compiled and batched alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor
from fastnn.autograd import gradcheck, gradgradcheck
from fastnn.nn import functional as F
from fastnn.tensor import of_array

RNG = np.random.default_rng(5)
A, C = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2))
V, W = RNG.standard_normal(4), RNG.standard_normal(3)
T3 = RNG.standard_normal((2, 3, 4))
NANS = np.where(RNG.random((3, 4)) < 0.4, np.nan, A)
TIES = np.array([[3.0, 1.0, 3.0, 2.0, 2.0], [5.0, 5.0, 1.0, 1.0, 5.0]])
INDEX = np.array([1, 0, 1])


def tensor(a: Any, grad: bool = False) -> Tensor:
    return of_array(np.array(a), grad)


def _mode(a: Any) -> Any:
    values, counts = np.unique(a, return_counts=True)
    return values[counts.argmax()]


def _put(a: Any, index: Any, values: Any) -> Any:
    b = a.copy()
    np.put(b, index, values)
    return b


def _index_reduced(a: Any, how: Any, start: Any, own: bool) -> Any:
    rows = [[a[r], *T3[0][r == INDEX]] if own else T3[0][r == INDEX] for r in range(3)]
    return np.stack([how(np.stack(r), 0) if len(r) else a[i] for i, r in enumerate(rows)])


def _with(a: Any, index: Any, value: Any) -> Any:
    b = a.copy()
    b[index] = value
    return b


# function of tensors, arrays, the same in NumPy; all have static shapes
VALUES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], Callable[..., Any]]] = {
    "unflatten": (lambda a: fastnn.unflatten(a, -1, (2, -1)), (A,), lambda a: a.reshape(3, 2, 2)),
    "atleast_1d": (fastnn.atleast_1d, (V[0],), np.atleast_1d),
    "atleast_2d": (fastnn.atleast_2d, (V,), np.atleast_2d),
    "atleast_3d": (fastnn.atleast_3d, (V,), np.atleast_3d),
    "atleast_3d matrix": (fastnn.atleast_3d, (A,), np.atleast_3d),
    "fliplr": (fastnn.fliplr, (A,), np.fliplr),
    "flipud": (fastnn.flipud, (A,), np.flipud),
    **{f"rot90 {k}": (lambda a, k=k: a.rot90(k), (A,), lambda a, k=k: np.rot90(a, k))
       for k in range(-1, 4)},
    "rot90 dims": (lambda a: a.rot90(1, (2, 0)), (T3,), lambda a: np.rot90(a, 1, (2, 0))),
    "hsplit": (lambda a: a.hsplit(2)[1], (A,), lambda a: np.hsplit(a, 2)[1]),
    "vsplit": (lambda a: a.vsplit([1])[1], (A,), lambda a: np.vsplit(a, [1])[1]),
    "dsplit": (lambda a: a.dsplit(2)[0], (T3,), lambda a: np.dsplit(a, 2)[0]),
    "dstack": (lambda a, b: fastnn.dstack((a, b)), (A, A), lambda a, b: np.dstack((a, b))),
    "row_stack": (lambda a, b: fastnn.row_stack((a, b)), (A, V), lambda a, b: np.vstack((a, b))),
    "cartesian_prod": (fastnn.cartesian_prod, (V, W), lambda v, w: np.stack(
        [g.ravel() for g in np.meshgrid(v, w, indexing="ij")], 1)),
    "combinations": (fastnn.combinations, (W,), lambda w: np.array(
        [[w[0], w[1]], [w[0], w[2]], [w[1], w[2]]])),
    "combinations again": (lambda w: fastnn.combinations(w, 2, True), (W[:2],), lambda w: np.array(
        [[w[0], w[0]], [w[0], w[1]], [w[1], w[1]]])),
    "sum_to_size": (lambda a: a.sum_to_size(3, 1), (T3,), lambda a: a.sum((0, 2))[:, None]),
    "unravel_index": (lambda i: fastnn.unravel_index(i, (2, 3))[1], (np.arange(6),),
                      lambda i: np.unravel_index(i, (2, 3))[1]),
    "cumprod": (lambda a: a.cumprod(0), (A,), lambda a: a.cumprod(0)),
    "cummax": (lambda a: a.cummax(1).values, (A,), lambda a: np.maximum.accumulate(a, 1)),
    "cummin": (lambda a: fastnn.cummin(a, 0).values, (A,), lambda a: np.minimum.accumulate(a, 0)),
    "cummax nan": (lambda a: a.cummax(1).values, (NANS,), lambda a: np.maximum.accumulate(a, 1)),
    "cummax indices": (lambda a: a.cummax(1).indices, (TIES,),
                       lambda a: np.array([[0, 0, 2, 2, 2], [0, 1, 1, 1, 4]])),
    "logcumsumexp": (lambda a: a.logcumsumexp(1), (A,), lambda a: np.log(np.exp(a).cumsum(1))),
    "trapezoid": (fastnn.trapezoid, (A,), lambda a: np.trapezoid(a)),
    "trapz x": (lambda a, x: fastnn.trapz(a, x, dim=1), (A, V), lambda a, x: np.trapezoid(a, x)),
    "cumulative_trapezoid": (lambda a: fastnn.cumulative_trapezoid(a, dx=0.5, dim=0), (A,),
                             lambda a: ((a[1:] + a[:-1]) / 4).cumsum(0)),
    "mode": (lambda a: a.mode(1).values, (TIES,), lambda a: np.array([_mode(r) for r in a])),
    "mode 0-d": (lambda a: a.mode().values, (V[0],), lambda a: a),
    "nanmedian": (lambda a: a[0].nanmedian(), (TIES * 1.0,), lambda a: np.nanmedian(a[0])),
    "nanmedian dim": (lambda a: a.nanmedian(1).values, (_with(TIES, (0, 0), np.nan),),
                      lambda a: np.array([2.0, 5.0])),
    "quantile": (lambda a: a.quantile(0.3, 1), (A,), lambda a: np.quantile(a, 0.3, 1)),
    "quantile q": (lambda a, q: fastnn.quantile(a, q, 0, True), (A, np.array([0.2, 0.9])),
                   lambda a, q: np.quantile(a, q, 0, keepdims=True)),
    "quantile nan": (lambda a: a.quantile(0.4), (NANS,), lambda a: np.quantile(a, 0.4)),
    "nanquantile": (lambda a: a.nanquantile(0.4, 1), (_with(A, (1, 2), np.nan),),
                    lambda a: np.nanquantile(a, 0.4, 1)),
    **{f"quantile {way}": (lambda a, way=way: a.quantile(0.4, 1, interpolation=way), (A,),
                           lambda a, way=way: np.quantile(a, 0.4, 1, method=way))
       for way in ("lower", "higher", "midpoint", "nearest")},
    "aminmax": (lambda a: fastnn.stack(tuple(a.aminmax(dim=0))), (A,),
                lambda a: np.stack((a.min(0), a.max(0)))),
    "msort": (fastnn.msort, (A,), lambda a: np.sort(a, 0)),
    "cov": (lambda a: a.cov(correction=0), (A,), lambda a: np.cov(a, ddof=0)),
    "cov weights": (lambda a, f, w: fastnn.cov(a, fweights=f, aweights=w),
                    (A, np.array([1, 2, 3, 1]), np.array([0.5, 1.0, 2.0, 0.1])),
                    lambda a, f, w: np.cov(a, fweights=f, aweights=w)),
    "corrcoef": (fastnn.corrcoef, (A,), np.corrcoef),
    "searchsorted": (fastnn.searchsorted, (np.sort(V), A), np.searchsorted),
    "searchsorted right": (lambda s, v: fastnn.searchsorted(s, v, side="right"),
                           (np.array([1, 2, 2, 3]), np.array([2, 0, 4])),
                           lambda s, v: np.searchsorted(s, v, "right")),
    "searchsorted sorter": (lambda s, v, i: fastnn.searchsorted(s, v, sorter=i),
                            (V, A, np.argsort(V)), lambda s, v, i: np.searchsorted(s, v, sorter=i)),
    "searchsorted rows": (fastnn.searchsorted, (np.sort(A), A), lambda s, v: np.stack(
        [np.searchsorted(x, y) for x, y in zip(s, v)])),
    "bucketize": (fastnn.bucketize, (A, np.sort(V)), lambda a, s: np.searchsorted(s, a)),
    "isin": (fastnn.isin, (TIES, np.array([1.0, 5.0])), np.isin),
    "isin invert": (lambda a, b: fastnn.isin(a, b, invert=True), (TIES, np.array([1.0, 5.0])),
                    lambda a, b: ~np.isin(a, b)),
    "histc": (lambda a: a.histc(4, -1, 2), (A,), lambda a: np.histogram(a, 4, (-1, 2))[0] * 1.0),
    "histc of data": (lambda a: a.histc(5), (A,), lambda a: np.histogram(a, 5)[0] * 1.0),
    "histogram": (lambda a: a.histogram(4).hist, (A,), lambda a: np.histogram(a, 4)[0] * 1.0),
    "histogram edges": (lambda a: a.histogram(4).bin_edges, (A,),
                        lambda a: np.histogram(a, 4)[1]),
    "histogram weight": (lambda a, w: fastnn.histogram(a, 3, weight=w, density=True).hist,
                         (A, A**2), lambda a, w: np.histogram(a, 3, weights=w, density=True)[0]),
    "histogram bins": (lambda a, b: fastnn.histogram(a, b).hist, (A, np.sort(V)),
                       lambda a, b: np.histogram(a, b)[0] * 1.0),
    "diag_embed": (fastnn.diag_embed, (A,), lambda a: np.stack([np.diag(r) for r in a])),
    "diag_embed offset": (lambda a: a.diag_embed(-1, 0, 2), (A,), lambda a: np.stack(
        [np.diag(r, -1) for r in a]).transpose(1, 0, 2)),
    "diagflat": (lambda a: a.diagflat(1), (A,), lambda a: np.diagflat(a, 1)),
    "block_diag": (fastnn.block_diag, (A[:1], C[:1]), lambda a, b: np.block(
        [[a, np.zeros((1, 2))], [np.zeros((1, 4)), b]])),
    "kron": (fastnn.kron, (A, C), np.kron),
    "cross": (lambda a, b: fastnn.cross(a, b, 0), (A, A[::-1].copy()),
              lambda a, b: np.cross(a, b, axis=0)),
    "vander": (fastnn.vander, (V,), np.vander),
    "tensordot of 1": (lambda a, b: fastnn.tensordot(a, b, ([1], [0])), (A[:, :1], C),
                       lambda a, b: a * b.sum(0)),
    "chain_matmul": (fastnn.chain_matmul, (A, C, C.T), lambda a, b, c: a @ b @ c),
    "addmv": (lambda x, m, v: x.addmv(m, v, beta=2, alpha=0.5), (W, A, V),
              lambda x, m, v: 2 * x + 0.5 * m @ v),
    "addr": (lambda x, a, b: x.addr(a, b), (A, W, V), lambda x, a, b: x + np.outer(a, b)),
    "addbmm": (lambda x, a, b: x.addbmm(a, b), (A[:, :2], T3, np.stack([C, C])),
               lambda x, a, b: x + (a @ b).sum(0)),
    "ger": (fastnn.ger, (V, W), np.outer),
    "select_scatter": (lambda a, b: a.select_scatter(b, 1, -1), (A, W),
                       lambda a, b: _with(a, (slice(None), -1), b)),
    "slice_scatter": (lambda a, b: a.slice_scatter(b, 1, 1, 4, 2), (A, A[:, :2]),
                      lambda a, b: _with(a, (slice(None), slice(1, 4, 2)), b)),
    "diagonal_scatter": (lambda a, b: a.diagonal_scatter(b, 1), (A, W),
                         lambda a, b: _with(a, (np.arange(3), np.arange(1, 4)), b)),
    "put": (lambda a, i, v: a.put(i, v), (A, np.array([[0, -1], [5, 2]]), C[:2]), _put),
    "unfold": (lambda a: a.unfold(1, 2, 1), (A,), lambda a: np.stack(
        [a[:, i : i + 2] for i in range(3)], 1)),
    "as_strided": (lambda a: a.as_strided((2, 3), (1, 2), 1), (A,), lambda a:
                   a.ravel()[1 + np.arange(2)[:, None] + 2 * np.arange(3)]),
    **{f"index_reduce {way} {own}": (
        lambda a, i, s, way=way, own=own: a.index_reduce(0, i, s, way, include_self=own),
        (A, INDEX, T3[0]), lambda a, i, s, how=how, own=own: _index_reduced(a, how, 0, own))
       for way, how in {"prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}.items()
       for own in (True, False)},
    "cdist": (lambda a, b: fastnn.cdist(a, b, 1.0, "use_mm_for_euclid_dist"), (A, 2 * A[:2]),
              lambda a, b: np.abs(a[:, None] - b).sum(-1)),
    "pdist": (fastnn.pdist, (A,), lambda a: np.linalg.norm(a[[0, 0, 1]] - a[[1, 2, 2]], axis=1)),
    "renorm": (lambda a: a.renorm(2, 0, 1.5), (A,), lambda a: a * np.where(
        (n := np.linalg.norm(a, axis=1, keepdims=True)) > 1.5, 1.5 / (n + 1e-7), 1)),
    "whole matmul": (lambda a, b: a @ b, (np.arange(12).reshape(3, 4), np.arange(8).reshape(4, 2)),
                     lambda a, b: a @ b),
    "whole bmm": (fastnn.bmm, (np.arange(24).reshape(2, 3, 4), np.arange(16).reshape(2, 4, 2)),
                  lambda a, b: a @ b),
    "pad": (lambda a: F.pad(a, (1, -2, 2, 0), value=7.0), (A,), lambda a: np.pad(
        a[:, :2], ((2, 0), (1, 0)), constant_values=7.0)),
    **{f"pad {way}": (lambda a, way=way: F.pad(a, (2, 1), way), (A,), lambda a, np_way=np_way:
                      np.pad(a, ((0, 0), (2, 1)), np_way))
       for way, np_way in {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}.items()},
    "cosine_similarity": (F.cosine_similarity, (A, V), lambda a, b: (a @ b) / (
        np.linalg.norm(a, axis=1) * np.linalg.norm(b))),
    "pairwise_distance": (F.pairwise_distance, (A, V),
                          lambda a, b: np.linalg.norm(a - b + 1e-6, axis=1)),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    function, arrays, wanted = VALUES[name]
    want = np.asarray(wanted(*arrays))
    given = [tensor(a) for a in arrays]
    found = function(*given)
    assert found.shape == want.shape and found.dtype == want.dtype
    np.testing.assert_allclose(found.numpy(), want, 1e-12, 1e-12)
    for x, a in zip(given, arrays):
        np.testing.assert_array_equal(x.numpy(), a)  # what is given stays


@pytest.mark.every(5)
@pytest.mark.parametrize("name", VALUES)
def test_compiled(name: str) -> None:
    """A replay on other values has the bits of the eager run."""
    function, arrays, _ = VALUES[name]
    compiled = fastnn.compile(lambda *given: function(*given) * 1)
    for factor in (1.0, 2.0, 3.0):
        given = [tensor(a * factor if a.dtype.kind == "f" and "q" not in name else a)
                 for a in arrays]  # fmt: skip
        found, want = compiled(*given), function(*given) * 1
        assert found.shape == want.shape and found.numpy().tobytes() == want.numpy().tobytes()


@pytest.mark.parametrize("name", VALUES)
def test_vmap(name: str) -> None:
    function, arrays, _ = VALUES[name]
    stacks = [tensor(np.stack([a, a])) for a in arrays]
    want = function(*(tensor(a) for a in arrays))
    found = fastnn.vmap(function)(*stacks)
    for i in range(2):
        np.testing.assert_allclose(found[i].numpy(), want.numpy(), 1e-12, 1e-12)


# Whole numbers, and values that jump: equal elements, nan
WITHOUT = ("unravel", "search", "bucket", "isin", "hist", "indices", "whole", "nan", "0-d", "mode",
           "cov weights")  # fmt: skip


@pytest.mark.every(5)
@pytest.mark.parametrize("name", [n for n in VALUES if not n.startswith(WITHOUT)
                                  and not n.endswith(WITHOUT)])  # fmt: skip
def test_gradients(name: str) -> None:
    function, arrays, _ = VALUES[name]
    inputs = tuple(tensor(a, a.dtype.kind == "f") for a in arrays)
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


def test_shapes_by_values() -> None:
    x = tensor([1, 1, 2, 2, 2, 1])
    values, inverse, counts = fastnn.unique_consecutive(x, True, True)
    assert (values.tolist(), inverse.tolist()) == ([1, 2, 1], [0, 0, 1, 1, 1, 2])
    assert counts.tolist() == [2, 3, 1]
    rows = tensor([[1, 2], [1, 2], [3, 4]])
    assert rows.unique_consecutive(dim=0).tolist() == [[1, 2], [3, 4]]
    assert fastnn.argwhere(tensor([[0, 3], [5, 0]])).tolist() == [[0, 1], [1, 0]]
    for function in (fastnn.argwhere, fastnn.unique_consecutive):
        with pytest.raises(fastnn.RecordingError):
            fastnn.compile(lambda t: function(t) + 1)(x)  # noqa: B023


def test_sizes() -> None:
    x = fastnn.zeros(2, 3, 4)
    assert type(x.shape) is fastnn.Size and x.shape == (2, 3, 4) and x.shape.numel() == 24
    assert x.shape[1:].numel() == 12 and type(x.shape[:-1]) is fastnn.Size
    assert type(x.shape + (5,)) is fastnn.Size and x.size() == x.shape and x.size(-1) == 4
    assert fastnn.zeros(x.shape).reshape(x.shape[:1].numel(), -1).shape == (2, 12)
    for size in (x.shape, x.shape[1:], x.shape + (5,), x.size(), fastnn.zeros(()).shape):
        assert hash(size) == hash(tuple(size)) and {size, tuple(size)} == {size}
    assert fastnn.broadcast_shapes((2, 1), (3,)).numel() == 6
    scaled = fastnn.compile(lambda t: t * t.shape.numel())
    assert scaled(fastnn.ones(3)).tolist() == [3, 3, 3] and scaled(fastnn.ones(1)).tolist() == [1]
    with pytest.raises(IndexError, match=r"dim: expected -3\.\.2 for size, got 3"):
        x.size(3)


def test_asarray_and_what_a_tensor_is() -> None:
    a = np.ones(3)
    assert np.shares_memory(fastnn.asarray(a).numpy(), a)
    assert not np.shares_memory(fastnn.asarray(a, copy=True).numpy(), a)
    assert fastnn.asarray([1, 2], dtype=fastnn.float64, requires_grad=True).requires_grad
    x, w = fastnn.ones(2), fastnn.ones(2, requires_grad=True)
    assert fastnn.asarray(x) is fastnn.asarray(x, copy=False) is x
    assert fastnn.asarray(w) is fastnn.asarray(w, requires_grad=True) is w
    assert fastnn.asarray(w * 1, copy=True).requires_grad
    off = fastnn.asarray(w, requires_grad=False)
    assert not off.requires_grad and np.shares_memory(off.numpy(), w.detach().numpy())
    with pytest.raises(ValueError, match="copy: expected True or None"):
        fastnn.asarray([1.0], copy=False)
    x = tensor(a)
    assert fastnn.is_tensor(x) and fastnn.is_floating_point(x) and not fastnn.is_complex(x)
    assert fastnn.is_signed(x) and fastnn.is_nonzero(x[0]) and not (x[0] * 0).is_nonzero()
    assert fastnn.is_same_size(x, x + 1) and not x.is_same_size(x[:2]) and fastnn.numel(x) == 3
    with pytest.raises(ValueError, match="one element"):
        fastnn.is_nonzero(x)


def test_empty_products_and_sums() -> None:
    for a, b in (((5, 0), (0, 5)), ((5, 5, 0), (0, 5)), ((0, 3), (3, 2)), ((2, 0, 3), (2, 3, 4)),
                 ((0, 0), (5, 0, 0)), ((0,), (0,)), ((4,), (4, 0))):  # fmt: skip
        x, y = fastnn.zeros(*a, requires_grad=True), fastnn.zeros(*b, requires_grad=True)
        z = x @ y
        assert z.shape == (np.zeros(a) @ np.zeros(b)).shape and not z.detach().numpy().any()
        z.sum().backward()
        assert x.grad is not None and y.grad is not None
        assert x.grad.shape == a and y.grad.shape == b

        def step(x: Tensor, y: Tensor) -> Any:
            return fastnn.autograd.grad((x @ y).sum(), (x, y))

        compiled = fastnn.compile(step)
        for _ in range(2):
            given = (fastnn.zeros(*a, requires_grad=True), fastnn.zeros(*b, requires_grad=True))
            assert [g.shape for g in compiled(*given)] == [a, b]
    assert fastnn.logsumexp(fastnn.zeros(0), 0).item() == -np.inf
    assert fastnn.logsumexp(fastnn.zeros(2, 0), 1).tolist() == [-np.inf] * 2
    x = tensor(V)
    for name in ("var", "std"):
        assert getattr(x, name)(correction=None).item() == getattr(x, name)().item()


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    **{f"{name} of {kind}": (lambda name=name, kind=kind: getattr(
        fastnn.ones(2, dtype=kind), name)(), TypeError, "expected floating point")
       for name in ("mean", "std", "var", "norm") for kind in ("int64", "bool")},
    **{f"{name} of bool": (lambda name=name: getattr(fastnn.ones(2, dtype=fastnn.bool), name)(),
                           TypeError, f"{name}: expected num") for name in ("argmax", "argmin")},
    **{f"{name} mixed": (lambda name=name: getattr(fastnn, name)(fastnn.ones(1), tensor([1.0])),
                         TypeError, "expected float32") for name in ("allclose", "isclose")},
    **{f"{name} twice": (lambda name=name: getattr(fastnn, name)(fastnn.ones(2, 2), dim=(0, -2)),
                         ValueError, "each axis once") for name in ("amax", "amin", "sum", "mean")},
    "t": (lambda: fastnn.ones(2, 3, 4, 5).t(), ValueError, "t: expected at most two axes"),
    "mT": (lambda: fastnn.ones(2).mT, ValueError, "mT: expected a matrix"),
    "H": (lambda: fastnn.ones(2).H, ValueError, "H: expected a matrix"),
    "unflatten": (lambda: fastnn.ones(4).unflatten(0, (3, -1)), ValueError, "sizes"),
    "hsplit": (lambda: fastnn.ones(5).hsplit(2), ValueError, "hsplit: expected a number of parts"),
    "dsplit": (lambda: fastnn.ones(2, 2).dsplit(2), ValueError, "dsplit: expected at least 3"),
    "rot90": (lambda: fastnn.ones(2, 2).rot90(1, (0, 0)), ValueError, "dims"),
    "trapezoid": (lambda: fastnn.trapezoid(fastnn.ones(3), fastnn.ones(2)), ValueError, "x: "),
    "x and dx": (lambda: fastnn.trapezoid(fastnn.ones(3), fastnn.ones(3), dx=1), TypeError, "dx"),
    "cov": (lambda: fastnn.cov(fastnn.ones(2, 3), aweights=-fastnn.ones(3)), ValueError,
            "aweights: expected no negative"),
    "quantile": (lambda: fastnn.ones(3).quantile(1.5), ValueError, "q: expected a number in 0..1"),
    "searchsorted": (lambda: fastnn.searchsorted(fastnn.ones(2), tensor([1])), TypeError, "input"),
    "histogram": (lambda: fastnn.histogram(tensor([1]), 2), TypeError, "histogram: expected"),
    "cross": (lambda: fastnn.cross(fastnn.ones(2), fastnn.ones(2)), ValueError, "size 3"),
    "diag_embed": (lambda: fastnn.ones(2).diag_embed(0, 0, 0), ValueError, "two different"),
    "select_scatter": (lambda: fastnn.ones(2, 2).select_scatter(fastnn.ones(3), 0, 0), ValueError,
                       r"src: expected shape \(2,\)"),
    "put": (lambda: fastnn.ones(2).put(tensor([0, 1]), fastnn.ones(1)), ValueError, "2 elements"),
    "as_strided": (lambda: fastnn.ones(3).as_strided((2, 2), (1, 2)), ValueError, "beyond the 3"),
    "unfold": (lambda: fastnn.ones(3).unfold(0, 4, 1), ValueError, r"size: expected 0\.\.3"),
    "index_reduce": (lambda: fastnn.ones(2).index_reduce(0, tensor([0]), fastnn.ones(1), "max"),
                     ValueError, "reduce"),
    "pad mode": (lambda: F.pad(fastnn.ones(1, 3), (1, 1), "mirror"), ValueError, "mode"),
    "pad reflect": (lambda: F.pad(fastnn.ones(1, 3), (3, 0), "reflect"), ValueError, "at most 2"),
    "pdist": (lambda: fastnn.pdist(fastnn.ones(3)), ValueError, "expected a matrix"),
    "renorm": (lambda: fastnn.renorm(fastnn.ones(2, 2), -1, 0, 1.0), ValueError, "p: expected"),
    "bool product": (lambda: fastnn.ones(2, 2, dtype=fastnn.bool) @ fastnn.ones(
        2, 2, dtype=fastnn.bool), TypeError, "not for bool"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()


def test_views_of_strides_are_views() -> None:
    x = fastnn.zeros(4)
    windows = x.unfold(0, 2, 2)
    windows[1, 0] = 5.0
    assert x.tolist() == [0, 0, 5, 0]
    x.as_strided((2,), (3,)).fill_(7.0)
    assert x.tolist() == [7, 0, 5, 7]

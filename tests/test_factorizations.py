"""LU factors, reflections, low ranks and incomplete gamma functions, against NumPy and by their
definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, linalg
from fastnn.autograd import gradcheck, gradgradcheck
from fastnn.tensor import of_array

RNG = np.random.default_rng(11)


def matrices(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def tensor(a: Any, grad: bool = False) -> Tensor:
    return of_array(np.array(a), grad)


SQUARE, WIDE, TALL, BATCH = matrices(4, 4), matrices(2, 4), matrices(4, 2), matrices(2, 1, 3, 3)
B = matrices(4, 2)
FACTORED = {"square": SQUARE, "wide": WIDE, "tall": TALL, "batch": BATCH, "row": matrices(1, 3),
            "tall batch": matrices(3, 5, 2), "empty": matrices(0, 3)}  # fmt: skip


@pytest.mark.parametrize("name", FACTORED)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_lu(name: str, dtype: str) -> None:
    a = FACTORED[name].astype(dtype)
    P, L, U = (t.numpy() for t in linalg.lu(tensor(a)))
    near = 1e-13 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(P @ L @ U, a, 0, near)
    np.testing.assert_array_equal(np.tril(L), L)
    np.testing.assert_array_equal(np.triu(U), U)
    assert (np.diagonal(L, axis1=-2, axis2=-1) == 1).all() and (abs(L) <= 1).all()
    assert ((P == 1).sum(-1) == 1).all() and ((P == 1).sum(-2) == 1).all()
    found = linalg.lu_factor_ex(tensor(a))
    assert found.pivots.dtype == found.info.dtype == "int32" and not found.info.numpy().any()
    both = fastnn.lu(tensor(a), get_infos=True)
    for x, y in zip(found, both, strict=True):
        assert x.tolist() == y.tolist()
    for mine, whole in zip(fastnn.lu_unpack(*both[:2]), (P, L, U), strict=True):
        np.testing.assert_array_equal(mine.numpy(), whole)
    assert fastnn.lu_unpack(*both[:2], unpack_data=False).L.shape == (0,)
    assert fastnn.lu_unpack(*both[:2], unpack_pivots=False).P.shape == (0,)


def test_pivots_are_those_of_lapack() -> None:
    a = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
    found = a.lu()
    assert found[1].tolist() == [3, 3, 3]
    want = [[7, 8, 10], [1 / 7, 6 / 7, 11 / 7], [4 / 7, 0.5, -0.5]]
    np.testing.assert_allclose(found[0].numpy(), want, 1e-12)


def test_singular_matrices() -> None:
    ones = tensor(np.ones((2, 3, 3)) * [[[1]], [[2]]])
    assert linalg.lu_factor_ex(ones).info.tolist() == [2, 2]
    assert linalg.lu(ones).U[0].tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    for function in (linalg.lu_factor, lambda a: linalg.lu_factor_ex(a, check_errors=True)):
        with pytest.raises(linalg.LinAlgError, match=r"U\[1, 1\] is 0"):
            function(ones)


def solved(left: bool, adjoint: bool) -> Callable[..., Tensor]:
    return lambda a, b: linalg.lu_solve(*linalg.lu_factor(a), b, left=left, adjoint=adjoint)


def _reflected(a: Any, tau: Any) -> Any:
    """H_1 H_2 .., as matrices."""
    q = np.eye(len(a))
    for i, t in enumerate(tau):
        v = np.r_[np.zeros(i), 1, a[i + 1 :, i]]
        q = q @ (np.eye(len(a)) - t * np.outer(v, v))
    return q


TAU = matrices(2)
# function of tensors, arrays, the same in NumPy
VALUES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], Callable[..., Any]]] = {
    "lu_solve": (solved(True, False), (SQUARE, B), np.linalg.solve),
    "lu_solve batch": (solved(True, False), (BATCH, matrices(3, 2)), np.linalg.solve),
    "lu_solve adjoint": (solved(True, True), (SQUARE, B), lambda a, b: np.linalg.solve(a.T, b)),
    "lu_solve right": (solved(False, False), (SQUARE, B.T), lambda a, b: b @ np.linalg.inv(a)),
    "lu_solve right adjoint": (solved(False, True), (SQUARE, B.T),
                               lambda a, b: b @ np.linalg.inv(a).T),
    "lu_solve of torch": (lambda a, b: b.lu_solve(*a.lu()), (SQUARE, B), np.linalg.solve),
    "householder_product": (linalg.householder_product, (TALL, TAU),
                            lambda a, t: _reflected(a, t)[:, :2]),
    "householder_product of 1": (linalg.householder_product, (TALL, TAU[:1]),
                                 lambda a, t: _reflected(a, t)[:, :2]),
    "householder_product batch": (
        linalg.householder_product, (matrices(2, 3, 2), matrices(2, 2)),
        lambda a, t: np.stack([_reflected(x, y)[:, :2] for x, y in zip(a, t, strict=True)])),
    "ormqr of a wide one": (lambda a, t, b: fastnn.ormqr(a, t, b), (WIDE, TAU, WIDE),
                            lambda a, t, b: _reflected(a, t) @ b),
    "orgqr": (lambda a, t: a.orgqr(t), (SQUARE, matrices(4)), _reflected),
    **{f"ormqr {left} {turn}": (
        lambda a, t, b, left=left, turn=turn: fastnn.ormqr(a, t, b if left else b.mT, left, turn),
        (TALL, TAU, B),
        lambda a, t, b, left=left, turn=turn: (lambda q: q @ b if left else b.T @ q)(
            _reflected(a, t).T if turn else _reflected(a, t)))
       for left in (True, False) for turn in (True, False)},
}  # fmt: skip
FREE = [name for name in VALUES if not name.startswith("lu")]  # of LAPACK


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values(name: str, dtype: str) -> None:
    function, arrays, wanted = VALUES[name]
    found = function(*(tensor(a.astype(dtype)) for a in arrays))
    want = np.asarray(wanted(*arrays))
    assert found.shape == want.shape and found.dtype == dtype
    near = 1e-10 if dtype == "float64" else 2e-3
    np.testing.assert_allclose(found.numpy(), want, near, near)


GRADIENTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    **{name: (VALUES[name][0], VALUES[name][1]) for name in VALUES},
    **{f"lu {name}": (lambda a: tuple(linalg.lu(a))[1:], (FACTORED[name],))
       for name in ("square", "wide", "tall", "batch", "tall batch")},
    "L": (lambda a: linalg.lu(a).L, (TALL,)), "U": (lambda a: linalg.lu(a).U, (WIDE,)),
    "lu_factor": (lambda a: linalg.lu_factor(a).LU, (SQUARE,)),
    "igamma": (lambda x: fastnn.igamma(tensor([0.5, 3.0, 30.0]), x), (np.array([1.2, 2, 33]),)),
    "igammac": (lambda x: fastnn.igammac(tensor([[0.5], [3.0]]), x), (np.array([1.2, 2, 3]),)),
}  # fmt: skip


@pytest.mark.every(5)
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_of_both_orders(name: str) -> None:
    function, arrays = GRADIENTS[name]
    inputs = tuple(tensor(a, True) for a in arrays)
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


@pytest.mark.parametrize("name", FREE)
def test_compiled(name: str) -> None:
    function, arrays, _ = VALUES[name]
    compiled = fastnn.compile(lambda *given: function(*given) * 1)
    for factor in (1.0, 2.0, 3.0):
        given = [tensor(a * factor) for a in arrays]
        assert compiled(*given).numpy().tobytes() == (function(*given) * 1).numpy().tobytes()


@pytest.mark.parametrize("name", VALUES)
def test_vmap(name: str) -> None:
    function, arrays, _ = VALUES[name]
    stacks = [tensor(np.stack([a, a * 1.5])) for a in arrays]
    want = fastnn.stack([function(*(s[i] for s in stacks)) for i in range(2)])
    found = fastnn.vmap(function)(*stacks)
    assert found.shape == want.shape and fastnn.allclose(found, want)


def test_geqrf_is_qr() -> None:
    for a in (TALL, SQUARE, WIDE, matrices(2, 3, 2)):
        made = fastnn.geqrf(tensor(a, True))
        assert not made.a.requires_grad and made.tau.shape == (*a.shape[:-2], min(a.shape[-2:]))
        r = np.triu(made.a.numpy())[..., : min(a.shape[-2:]), :]
        np.testing.assert_allclose(r, np.linalg.qr(a).R, 1e-12, 1e-12)
        if a.shape[-2] >= a.shape[-1]:
            q = linalg.householder_product(*made)
            np.testing.assert_allclose((q @ tensor(r)).numpy(), a, 0, 1e-12)


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (2, 5, 5)])
def test_low_ranks(shape: tuple[int, ...]) -> None:
    a = matrices(*shape[:-1], 3) @ matrices(*shape[:-2], 3, shape[-1])  # of rank 3
    u, s, v = fastnn.svd_lowrank(tensor(a), 4)
    np.testing.assert_allclose((u * s[..., None, :] @ v.mT).numpy(), a, 0, 1e-10)
    np.testing.assert_allclose(s.numpy()[..., :3], np.linalg.svd(a).S[..., :3], 1e-10)
    shift = tensor(a.mean(-2, keepdims=True))
    centered = fastnn.svd_lowrank(tensor(a), 4, niter=3, M=shift)
    u, s, v = fastnn.pca_lowrank(tensor(a), 4, niter=3)
    np.testing.assert_allclose(s.numpy(), centered.S.numpy(), 0, 1e-10)
    np.testing.assert_allclose((u * s[..., None, :] @ v.mT + shift).numpy(), a, 0, 1e-10)
    assert fastnn.pca_lowrank(tensor(a), center=False).S.shape[-1] == min(shape[-2:])


def test_the_random_basis_is_torchs() -> None:
    """Without rounds and of full size the result is exact for any; of one column it is not."""
    fastnn.manual_seed(0)
    r = fastnn.randn(4, 1, dtype=fastnn.float64).numpy()
    q = SQUARE @ r / np.linalg.norm(SQUARE @ r)
    fastnn.manual_seed(0)
    s = fastnn.svd_lowrank(tensor(SQUARE), 1, niter=0).S
    np.testing.assert_allclose(s.numpy(), [np.linalg.norm(q.T @ SQUARE)], 1e-12)


# ---- incomplete gamma functions ----

# For whole a, Q = e^-x (1 + x + .. + x^(a - 1) / (a - 1)!); for 1/2, erfc(sqrt x)
WHOLE = [(1, 0.5), (1, 40.0), (2, 1e-8), (3, 2.0), (3, 4.0), (10, 3.0), (25, 20.0), (25, 26.5),
         (40, 80.0), (90, 60.0), (120, 121.0), (120, 119.0)]  # fmt: skip


@pytest.mark.parametrize(("a", "x"), WHOLE)
def test_incomplete_gamma_of_whole_numbers(a: int, x: float) -> None:
    terms = [math.exp(n * math.log(x) - x - math.lgamma(n + 1)) for n in range(300)]
    upper, lower = math.fsum(terms[:a]), math.fsum(terms[a:])
    p, q = (f(tensor([a * 1.0]), tensor([x])).item() for f in (fastnn.igamma, fastnn.igammac))
    assert p == pytest.approx(lower, 1e-12, 1e-15) and q == pytest.approx(upper, 1e-12, 1e-15)


def test_incomplete_gamma_elsewhere() -> None:
    x = np.array([1e-5, 0.3, 1.4, 1.6, 9.0, 30.0])
    found = fastnn.special.gammaincc(tensor([0.5]), tensor(x)).numpy()
    np.testing.assert_allclose(found, [math.erfc(v**0.5) for v in x], 1e-12)
    a, x = (
        tensor(v)
        for v in ([0, 1, -1, 0, 1, math.inf, 2, math.inf], [1, 0, 1, 0, -1, 1, math.inf, math.inf])
    )
    a, x = a.double(), x.double()
    want = [1, 0, math.nan, math.nan, math.nan, 0, 1, math.nan]
    np.testing.assert_array_equal(fastnn.igamma(a, x).numpy(), want)
    np.testing.assert_array_equal(fastnn.igammac(a, x).numpy(), 1 - np.array(want))
    big = fastnn.igamma(tensor([1e5]), tensor([1e5])).item()  # 1/2 + 1/(3 sqrt(2 pi a))
    assert big == pytest.approx(0.5 + 1 / (3 * math.sqrt(2 * math.pi * 1e5)), 1e-8)
    a = tensor([1e10, 1e10, 1e20])
    x = tensor([1e10, 1e10 + 1e5, 1e20])
    want = [0.5, 0.5 * math.erfc(-(0.5**0.5)), 0.5]
    np.testing.assert_allclose(fastnn.igamma(a, x).numpy(), want, 1e-5)
    half = fastnn.ones(1).half().igamma(fastnn.ones(1).half())
    assert half.dtype == "float16" and half.item() == pytest.approx(1 - math.exp(-1), 1e-3)


ONES = fastnn.ones(2, 2)
LU, PIVOTS = linalg.lu_factor(fastnn.eye(2))
REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "vector": (lambda: linalg.lu(ONES[0]), ValueError, "expected a matrix"),
    "whole": (lambda: linalg.lu(ONES.long()), TypeError, "expected float32 or float64"),
    "pivot": (lambda: linalg.lu_factor(ONES, pivot=False), ValueError, "pivot: expected True"),
    "pivots": (lambda: fastnn.lu_unpack(LU, PIVOTS.long()), TypeError, "LU_pivots: expected int32"),
    "rows": (lambda: linalg.lu_solve(LU, PIVOTS, ONES[:1]), ValueError, "B: expected 2 rows"),
    "wide": (lambda: fastnn.orgqr(ONES[:1], ONES[0]), ValueError, "at least as many rows"),
    "tau": (lambda: fastnn.orgqr(ONES[:, :1], ONES[0]), ValueError, "tau: expected the batches"),
    "tau dtype": (lambda: fastnn.orgqr(ONES, ONES[0].double()), TypeError, "tau: expected float32"),
    "other": (lambda: fastnn.ormqr(ONES, ONES[0], fastnn.ones(3, 2)), ValueError, "other: expect"),
    "q": (lambda: fastnn.pca_lowrank(ONES, 3), ValueError, "q: expected"),
    "niter": (lambda: fastnn.svd_lowrank(ONES, niter=-1), ValueError, "niter: expected"),
    "igamma": (lambda: fastnn.igamma(ONES.long(), ONES.long()), TypeError, "floating point"),
    "number": (lambda: fastnn.igamma(ONES, 1.0), TypeError, "other: expected a tensor"),  # type: ignore[arg-type]
    "by a": (lambda: fastnn.igamma(fastnn.ones(1, requires_grad=True), ONES[0]).sum().backward(),
             NotImplementedError, "derivative by the first argument"),
    "program": (lambda: fastnn.compile(lambda a: fastnn.igamma(a, a) + 1)(ONES),
                fastnn.RecordingError, "number of terms"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, kind, text = REFUSED[name]
    with pytest.raises(kind, match=text):
        function()


def test_output_nr_is_the_place_among_the_outputs_of_an_op() -> None:
    parts = fastnn.linalg.qr(fastnn.eye(2).requires_grad_())
    assert [part.output_nr for part in parts] == [0, 1]
    assert fastnn.ones(2, requires_grad=True).output_nr == 0

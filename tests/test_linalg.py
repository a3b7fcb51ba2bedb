"""Linear algebra: values are NumPy's, gradients those of finite differences, twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, linalg
from fastnn.autograd import gradcheck, gradgradcheck
from fastnn.tensor import of_array

RNG = np.random.default_rng(3)


def matrices(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def positive(n: int, *lead: int) -> Any:
    a = RNG.standard_normal((*lead, n, n))
    return a @ np.swapaxes(a, -1, -2) + n * np.eye(n)


def symmetric(n: int) -> Any:
    a = RNG.standard_normal((n, n))
    return a + a.T + np.diag(np.arange(n) * 3.0)


def mirrored(x: Tensor) -> Tensor:
    return (x + x.mT) * 0.5


def tensor(a: Any, grad: bool = False) -> Tensor:
    return of_array(np.array(a), grad)


SQUARE, WIDE, TALL, BATCH = matrices(3, 3), matrices(2, 4), matrices(4, 2), matrices(2, 1, 3, 3)
B = matrices(3, 2)
LOWER = np.tril(SQUARE) + 3 * np.eye(3)

# function of tensors, arrays, the same in NumPy
VALUES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], Callable[..., Any]]] = {
    "inv": (linalg.inv, (BATCH,), np.linalg.inv),
    "det": (linalg.det, (BATCH,), np.linalg.det),
    "slogdet": (lambda a: linalg.slogdet(a).logabsdet, (BATCH,),
                lambda a: np.linalg.slogdet(a).logabsdet),
    "sign": (lambda a: linalg.slogdet(a).sign, (BATCH,), lambda a: np.linalg.slogdet(a).sign),
    "logdet": (fastnn.logdet, (positive(3),), lambda a: np.log(np.linalg.det(a))),
    "solve": (linalg.solve, (SQUARE, B), np.linalg.solve),
    "solve vector": (linalg.solve, (SQUARE, B[:, 0]), np.linalg.solve),
    "solve batch": (linalg.solve, (BATCH, B), np.linalg.solve),
    "solve right": (lambda a, b: linalg.solve(a, b, left=False), (SQUARE, B.T),
                    lambda a, b: b @ np.linalg.inv(a)),
    "lower": (lambda a, b: linalg.solve_triangular(a, b, upper=False), (SQUARE, B),
              lambda a, b: np.linalg.solve(np.tril(a), b)),
    "upper": (lambda a, b: linalg.solve_triangular(a, b, upper=True), (SQUARE, B),
              lambda a, b: np.linalg.solve(np.triu(a), b)),
    "unit": (lambda a, b: linalg.solve_triangular(a, b, upper=True, unitriangular=True),
             (SQUARE, B), lambda a, b: np.linalg.solve(np.triu(a, 1) + np.eye(3), b)),
    "triangular right": (
        lambda a, b: linalg.solve_triangular(a, b, upper=False, left=False), (SQUARE, B.T),
        lambda a, b: b @ np.linalg.inv(np.tril(a))),
    "cholesky": (linalg.cholesky, (positive(3, 2),), np.linalg.cholesky),
    "cholesky upper": (lambda a: linalg.cholesky(a, upper=True), (positive(3),),
                       lambda a: np.linalg.cholesky(a).T),
    "cholesky_solve": (fastnn.cholesky_solve, (B, LOWER), lambda b, L: np.linalg.solve(L @ L.T, b)),
    "cholesky_solve upper": (lambda b, U: fastnn.cholesky_solve(b, U, True), (B, LOWER.T),
                             lambda b, U: np.linalg.solve(U.T @ U, b)),
    "cholesky_inverse": (fastnn.cholesky_inverse, (LOWER,), lambda L: np.linalg.inv(L @ L.T)),
    "eigvalsh": (linalg.eigvalsh, (symmetric(3),), np.linalg.eigvalsh),
    "eigvals": (lambda a: linalg.eigvals(a).sort().values, (symmetric(3),), np.linalg.eigvalsh),
    "svdvals": (linalg.svdvals, (TALL,), lambda a: np.linalg.svd(a, compute_uv=False)),
    "pinv": (linalg.pinv, (WIDE,), np.linalg.pinv),
    "pinv of rank 1": (linalg.pinv, (np.outer(TALL[:, 0], B[:, 0]),), np.linalg.pinv),
    "lstsq": (lambda a, b: linalg.lstsq(a, b).solution, (TALL, matrices(4, 3)),
              lambda a, b: np.linalg.lstsq(a, b)[0]),
    "residuals": (lambda a, b: linalg.lstsq(a, b, driver="gelsd").residuals, (TALL, WIDE.T),
                  lambda a, b: np.linalg.lstsq(a, b)[1]),
    "matrix_rank": (linalg.matrix_rank, (np.outer(TALL[:, 0], B[:, 0]),), np.linalg.matrix_rank),
    "matrix_power": (lambda a: linalg.matrix_power(a, 5), (BATCH,),
                     lambda a: np.linalg.matrix_power(a, 5)),
    "matrix_power -2": (lambda a: linalg.matrix_power(a, -2), (SQUARE,),
                        lambda a: np.linalg.matrix_power(a, -2)),
    "matrix_exp": (linalg.matrix_exp, (symmetric(3),),
                   lambda a: (np.linalg.eigh(a)[1] * np.exp(np.linalg.eigh(a)[0]))
                   @ np.linalg.eigh(a)[1].T),
    "multi_dot": (lambda *m: linalg.multi_dot(m), (B[:, 0], SQUARE, B, WIDE), lambda *m:
                  np.linalg.multi_dot(m)),
    "tensorinv": (linalg.tensorinv, (matrices(2, 3, 6),), np.linalg.tensorinv),
    "tensorsolve": (linalg.tensorsolve, (matrices(2, 3, 6), matrices(2, 3)),
                    np.linalg.tensorsolve),
    "cross": (linalg.cross, (matrices(2, 3), matrices(2, 3)), np.cross),
    "vander": (linalg.vander, (matrices(4),), lambda a: np.vander(a, increasing=True)),
    "vecdot": (linalg.vecdot, (matrices(2, 3), matrices(3)), lambda a, b: (a * b).sum(-1)),
    "norm": (linalg.norm, (matrices(2, 3, 4),), lambda a: np.linalg.norm(a.ravel())),
    **{f"vector_norm {p}": (lambda a, p=p: linalg.vector_norm(a, p, -1), (matrices(2, 3),),
                            lambda a, p=p: np.linalg.norm(a, p, -1))
       for p in (0, 1, 2, 2.5, np.inf, -np.inf)},
    **{f"matrix_norm {p}": (lambda a, p=p: linalg.matrix_norm(a, p), (matrices(2, 3, 4),),
                            lambda a, p=p: np.linalg.norm(a, p, (-2, -1)))
       for p in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)},
    **{f"cond {p}": (lambda a, p=p: linalg.cond(a, p), (SQUARE,),
                     lambda a, p=p: np.linalg.cond(a, p))
       for p in (None, 1, 2, -2, "fro", np.inf)},
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values(name: str, dtype: str) -> None:
    function, arrays, wanted = VALUES[name]
    found = function(*(tensor(a.astype(dtype)) for a in arrays))
    want = np.asarray(wanted(*arrays))
    assert found.shape == want.shape and found.dtype in (dtype, "int64")
    tolerance = 1e-10 if dtype == "float64" else 2e-3
    np.testing.assert_allclose(found.numpy(), want, tolerance, tolerance)


def test_factors() -> None:
    """What is unique only up to signs: the factors give the matrix, and are orthogonal."""
    for a in (TALL, WIDE, SQUARE, matrices(2, 3, 2)):
        k = min(a.shape[-2:])
        for full in (False, True):
            u, s, vh = (t.numpy() for t in linalg.svd(tensor(a), full))
            np.testing.assert_allclose((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], a, 0, 1e-12)
            assert u.shape[-1] == (a.shape[-2] if full else k)
        for mode in ("reduced", "complete"):
            q, r = (t.numpy() for t in linalg.qr(tensor(a), mode))
            np.testing.assert_allclose(q @ r, a, 0, 1e-12)
            np.testing.assert_allclose(np.swapaxes(q, -1, -2) @ q, np.broadcast_to(
                np.eye(q.shape[-1]), (*q.shape[:-2], *(q.shape[-1:] * 2))), 0, 1e-12)  # fmt: skip
        assert linalg.qr(tensor(a), "r").Q.shape == (0,)
    w, v = linalg.eigh(tensor(symmetric(4)))
    assert (w.diff() > 0).all() and fastnn.allclose(v.mT @ v, fastnn.eye(4, dtype=w.dtype))
    u, s, v = fastnn.svd(tensor(TALL))
    np.testing.assert_allclose((u * s @ v.T).numpy(), TALL, 0, 1e-12)


# Functions that do not depend on the signs of vectors
GRADIENTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    **{name: (VALUES[name][0], VALUES[name][1]) for name in (
        "inv", "det", "slogdet", "solve", "solve vector", "solve batch", "solve right", "lower",
        "upper", "unit", "triangular right", "svdvals",
        "pinv", "lstsq", "matrix_power", "matrix_power -2", "matrix_exp", "multi_dot", "tensorinv",
        "tensorsolve", "cross", "vander", "vecdot", "norm", "vector_norm 2.5", "matrix_norm nuc",
        "matrix_norm 2", "cond None", "cond fro",
    )},
    # of triangular factors: the gradient counts the other triangle too
    "cholesky_solve": (lambda b, a: fastnn.cholesky_solve(b, a.tril()), (B, LOWER)),
    "cholesky_solve upper": (lambda b, a: fastnn.cholesky_solve(b, a.triu(), True), (B, LOWER.T)),
    "cholesky_inverse": (lambda a: fastnn.cholesky_inverse(a.tril()), (LOWER,)),
    "logdet": (lambda a: fastnn.logdet(mirrored(a)), (positive(3),)),
    "cholesky": (lambda a: linalg.cholesky(mirrored(a)), (positive(3, 2),)),
    "cholesky upper": (lambda a: linalg.cholesky(mirrored(a), upper=True), (positive(3),)),
    "eigvalsh": (lambda a: linalg.eigvalsh(mirrored(a)), (symmetric(3),)),
    "eigh": (lambda a: linalg.eigh(mirrored(a)).eigenvectors ** 2, (symmetric(3),)),
    "svd tall": (lambda a: tuple(t**2 for t in linalg.svd(a, False)), (TALL,)),
    "svd wide": (lambda a: tuple(t**2 for t in linalg.svd(a, False)), (WIDE,)),
    "svd U": (lambda a: linalg.svd(a, False).U ** 2, (TALL,)),
    "svd V": (lambda a: linalg.svd(a, False).Vh ** 2, (TALL,)),
    "qr tall": (lambda a: tuple(linalg.qr(a)), (TALL,)),
    "qr wide": (lambda a: tuple(linalg.qr(a)), (WIDE,)),
    "qr R": (lambda a: linalg.qr(a).R, (WIDE,)),
    "qr Q": (lambda a: linalg.qr(a).Q, (WIDE,)),
}  # fmt: skip


@pytest.mark.every(5)
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_of_both_orders(name: str) -> None:
    function, arrays = GRADIENTS[name]
    inputs = tuple(tensor(a, True) for a in arrays)
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


def test_det_of_singular_matrices_has_cofactors() -> None:
    a = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 5.0]])
    x = tensor(a, True)
    linalg.det(x).backward()
    minors = [[np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) * (-1) ** (i + j)
               for j in range(3)] for i in range(3)]  # fmt: skip
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), minors, 0, 1e-12)
    assert linalg.cond(tensor(a), 1).item() == np.inf


@pytest.mark.parametrize("name", [
    "inv", "det", "slogdet", "logdet", "solve", "solve vector", "lower", "cholesky",
    "cholesky_solve", "eigvalsh", "svdvals", "pinv", "matrix_exp", "matrix_norm nuc",
])  # fmt: skip
def test_vmap(name: str) -> None:
    function, arrays, _ = VALUES[name]
    stacks = [tensor(np.stack([a, a * 1.5 + (np.eye(3) if a.shape[-2:] == (3, 3) else 0)]))
              for a in arrays]  # fmt: skip
    want = fastnn.stack([function(*(s[i] for s in stacks)) for i in range(2)])
    found = fastnn.vmap(function)(*stacks)
    assert found.shape == want.shape and fastnn.allclose(found, want)
    if len(arrays) == 2:
        found = fastnn.vmap(function, (None, 0))(stacks[0][0], stacks[1])
        want = fastnn.stack([function(stacks[0][0], s) for s in stacks[1]])
        assert fastnn.allclose(found, want)


def test_programs_refuse() -> None:
    """LAPACK does not run within a program, and no old value is kept."""
    for function in (linalg.inv, linalg.det, linalg.svdvals, linalg.eigvalsh, linalg.cholesky):
        with pytest.raises(fastnn.RecordingError, match=r"test_linalg\.py.*LAPACK"):
            fastnn.compile(lambda x: function(x) * 2)(tensor(positive(3)))  # noqa: B023
    norm = fastnn.compile(lambda x: linalg.matrix_norm(x) + linalg.matrix_power(x, 3).sum())
    for a in (SQUARE, 2 * SQUARE):
        want = np.linalg.norm(a) + np.linalg.matrix_power(a, 3).sum()
        np.testing.assert_allclose(norm(tensor(a)).item(), want, 1e-12)


def test_memory_that_changes_is_noticed() -> None:
    x = tensor(positive(3), True)
    y = x * 1.0
    z = linalg.inv(y).sum()
    other = fastnn.zeros(3)
    other += 1  # a write elsewhere: the rule runs under watch
    z.backward()
    y = x * 1.0
    z = linalg.slogdet(y).logabsdet
    with fastnn.no_grad():
        y.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "singular": (lambda: linalg.inv(fastnn.zeros(2, 2)), linalg.LinAlgError, "inv: Singular"),
    "singular system": (lambda: linalg.solve(fastnn.zeros(2, 2), fastnn.ones(2)),
                        linalg.LinAlgError, "solve: Singular"),
    "not positive": (lambda: linalg.cholesky(-fastnn.eye(2)), linalg.LinAlgError, "cholesky"),
    "complex": (lambda: linalg.eigvals(fastnn.tensor([[0.0, 1.0], [-1.0, 0.0]])),
                linalg.LinAlgError, "complex eigenvalues.*eigh"),
    "whole": (lambda: linalg.inv(fastnn.ones(2, 2, dtype=fastnn.int64)), TypeError,
              "inv: expected float32 or float64, got int64"),
    "wide": (lambda: linalg.det(fastnn.ones(2, 3)), ValueError, "det: expected square"),
    "vector": (lambda: linalg.svd(fastnn.ones(3)), ValueError, "svd: expected a matrix"),
    "dtypes": (lambda: linalg.solve(fastnn.eye(2), fastnn.ones(2, 1).double()), TypeError,
               "one dtype"),
    "rows": (lambda: linalg.solve(fastnn.eye(2), fastnn.ones(3, 1)), ValueError, "B: expected 2"),
    "mode": (lambda: linalg.qr(fastnn.eye(2), "full"), ValueError, "mode"),
    "complete": (lambda: linalg.qr(fastnn.ones(3, 2, requires_grad=True), "complete").Q.sum()
                 .backward(), RuntimeError, "use mode='reduced'"),
    "UPLO": (lambda: linalg.eigh(fastnn.eye(2), "x"), ValueError, "UPLO"),
    "ord": (lambda: linalg.matrix_norm(fastnn.eye(2), 3), ValueError, "ord: expected"),
    "one matrix": (lambda: linalg.multi_dot([fastnn.eye(2)]), ValueError, "at least two"),
    "driver": (lambda: linalg.svd(fastnn.eye(2), driver="gesvd"), ValueError, "driver"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()


def test_names_at_the_top_and_as_methods() -> None:
    x = tensor(positive(3))
    for name in ("det", "inverse", "logdet", "matrix_exp", "pinverse", "cholesky"):
        assert fastnn.equal(getattr(fastnn, name)(x), getattr(x, name)()), name
    assert x.slogdet().sign.item() == 1 and len(x.svd()) == 3 and len(x.qr()) == 2
    assert fastnn.chain_matmul(x, x, x).shape == (3, 3)
    b = tensor(B)
    assert fastnn.allclose(fastnn.triangular_solve(b, x.triu()).solution,
                           linalg.solve_triangular(x, b, upper=True))  # fmt: skip

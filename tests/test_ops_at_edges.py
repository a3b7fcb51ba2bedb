"""Operations where they are seldom asked: no elements, no axes, the arguments hardly anyone gives.

Each row: a call, and its value in NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn.nn import functional as F

A = np.array([[1.0, 2.0, 4.0], [3.0, -1.0, 5.0]])
B = np.arange(24.0).reshape(2, 3, 4)
Q = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 2.0]])
T = np.random.default_rng(0).normal(size=(2, 6, 3))
READ_ONLY = np.arange(6.0)
READ_ONLY.flags.writeable = False
GAPS = np.arange(24.0).reshape(4, 6)[:, ::2]

NAMES: dict[str, Any] = {
    "fastnn": fastnn,
    "linalg": fastnn.linalg,
    "tensor": fastnn.tensor,
    "vmap": fastnn.vmap,
    "F": F,
    "np": np,
    "A": A,
    "B": B,
    "Q": Q,
    "T": T,
    "t": fastnn.tensor(T),
    "GAPS": GAPS,
    "a": fastnn.tensor(A),
    "b": fastnn.tensor(B),
    "q": fastnn.tensor(Q),
    "i": fastnn.tensor([2, 0, 1]),
    "yes": fastnn.tensor([True, False, True]),
    "half": fastnn.tensor([1.0, 2.0, 4.0], dtype=fastnn.float16),
    "ro": fastnn.from_numpy(READ_ONLY),
    "gaps": fastnn.from_numpy(GAPS),
}

MATRICES = [
    ("linalg.vector_norm(a, 2, ())", "np.linalg.norm(A)"),
    ("linalg.tensorsolve(t, tensor(np.arange(6.0)), (0,))",
     "np.linalg.tensorsolve(T, np.arange(6.0), (0,))"),
    ("fastnn.block_diag()", "np.zeros((1, 0))"),
    ("fastnn.vander(a[0], 0)", "np.vander(A[0], 0)"),
    ("linalg.matrix_rank(q, tol=2.5)", "np.linalg.matrix_rank(Q, tol=2.5)"),
    ("linalg.lstsq(q, a[0]).solution", "np.linalg.solve(Q, A[0])"),
    ("linalg.lstsq(fastnn.stack([q, 2 * q]), a).solution",
     "[np.linalg.solve(Q, A[0]), np.linalg.solve(2 * Q, A[1])]"),
    ("fastnn.norm(a, 'nuc')", "np.linalg.svd(A)[1].sum()"),
    ("fastnn.norm(b, 'nuc', (0, 2))", "np.linalg.svd(B.transpose(1, 0, 2))[1].sum(1)"),
    ("fastnn.svd(a, compute_uv=False).S", "np.linalg.svd(A)[1]"),
    ("fastnn.svd(a, compute_uv=False).U", "np.zeros((2, 2))"),
    ("fastnn.svd(a, compute_uv=False).V", "np.zeros((3, 3))"),
    ("fastnn.matmul(fastnn.ones(0, 2, 3), fastnn.ones(0, 3, 4))", "np.zeros((0, 2, 4))"),
    ("fastnn.tensordot(a, q[:1], ([1], [1]))", "A @ Q[:1].T"),
    ("fastnn.tensordot(a, q[:, :1], ([1], [1]))", "A.sum(1, keepdims=True) @ Q[:, :1].T"),
    ("fastnn.tensordot(fastnn.ones(3, 1), a.float(), ([1], [1]))",
     "np.outer([1, 1, 1], A.sum(1))"),
    ("fastnn.cov(a, fweights=i)", "np.cov(A, fweights=[2, 0, 1])"),
    ("fastnn.cov(a, correction=0, aweights=a[0])", "np.cov(A, ddof=0, aweights=A[0])"),
    ("fastnn.cov(a, fweights=i, aweights=a[0])", "np.cov(A, fweights=[2, 0, 1], aweights=A[0])"),
    ("fastnn.ormqr(fastnn.ones(3, 2), fastnn.ones(2), fastnn.ones(3, 0))", "np.zeros((3, 0))"),
]  # fmt: skip

PLACES = [
    ("fastnn.as_strided(ro, (2, 2), (2, 1), 1)", "[[1, 2], [3, 4]]"),
    ("fastnn.as_strided(gaps.contiguous(), (2,), (4,))", "[0, 8]"),
    ("gaps.unfold(0, 2, 2)", "np.lib.stride_tricks.sliding_window_view(GAPS, 2, 0)[::2]"),
    ("gaps.unfold(1, 3, 1)", "np.lib.stride_tricks.sliding_window_view(GAPS, 3, 1)"),
    ("vmap(lambda x: fastnn.as_strided(x, (2, 2), (1, 1)))(a)",
     "np.lib.stride_tricks.sliding_window_view(A, 2, 1)"),
    ("yes.index_put((i,), tensor([False, True, False]), True)", "[True, False, True]"),
    ("yes.index_put((i // 2,), yes, True)", "[True, True, True]"),
    ("a.masked_scatter(tensor(A > 9), a[:0])", "A"),
    ("a[:0].masked_scatter(fastnn.zeros(0, 3).bool(), a)", "np.zeros((0, 3))"),
    ("a[tensor([1, 0]), tensor([[2], [0]])]", "A[[1, 0], [[2], [0]]]"),
    ("a.index_select(1, i.int())", "A[:, [2, 0, 1]]"),
    ("fastnn.trapezoid(a[:, :0])", "np.zeros(2)"),
    ("fastnn.trapezoid(b[:, :0], dim=1)", "np.zeros((2, 4))"),
    ("F.pad(b, (1, 1, 0, 0), 'reflect')", "np.pad(B, ((0, 0), (0, 0), (1, 1)), 'reflect')"),
    ("F.pad(b, (0, 0, 2, 1), 'replicate')", "np.pad(B, ((0, 0), (2, 1), (0, 0)), 'edge')"),
    ("fastnn.repeat_interleave(i)", "[0, 0, 2]"),
]  # fmt: skip

NUMBERS = [
    ("fastnn.nanmedian(i)", "1"),
    ("fastnn.nanmedian(i, 0).values", "1"),
    ("fastnn.nanmedian(a[:0])", "np.nan"),
    ("fastnn.median(a[:0])", "np.nan"),
    ("fastnn.floor_divide(tensor([True, False]), tensor([True, True]))", "[1, 0]"),
    ("fastnn.var(a, True)", "A.var(ddof=1)"),
    ("fastnn.var(a, False)", "A.var()"),
    ("fastnn.var(input=half)", "np.float16(7 / 3)"),
    ("fastnn.var_mean(half)[1]", "np.float16(7 / 3)"),
    ("fastnn.std_mean(input=half)[0]", "np.float16(np.std([1, 2, 4], ddof=1))"),
    ("fastnn.add(np.array([1.0, 2.0]), 3)", "[4, 5]"),
    ("fastnn.add(np.array([1, 2]), np.float32(0.5))", "[1.5, 2.5]"),
    ("F.batch_norm(fastnn.ones(0), None, None, training=True)", "np.zeros(0)"),
    ("F.alpha_dropout(fastnn.ones(3), 1.0, True, True)", "np.zeros(3)"),
    ("fastnn.lerp(a[0], a[1], np.array([0.0, 0.5, 1.0]))", "[1.0, 0.5, 5.0]"),
    ("fastnn.polygamma(1, np.array([1.0]))", "[np.pi**2 / 6]"),
    ("F.pad(i, (1, 0), value=7.5)", "[7, 2, 0, 1]"),
    ("i.index_fill(0, i[:2], 7.5)", "[7, 0, 7]"),
    ("a.float().index_fill(1, i[:1], 2).double()", "[[1, 2, 2], [3, -1, 2]]"),
    ("fastnn.tensor(np.float32(7.5), dtype=fastnn.int8)", "7"),
    ("fastnn.tensor([1.0, 2**64])", "[1.0, 2.0**64]"),
    ("fastnn.tensor([a[0, 0], a[0, 1]])", "[1.0, 2.0]"),
    ("i.bfloat16().to('bfloat16').float()", "[2, 0, 1]"),
    ("i[[[i[0], i[1]]]]", "[1, 2]"),
    ("fastnn.true_divide(np.array([1.0, 3.0]), i[:1])", "[0.5, 1.5]"),
    ("F.gaussian_nll_loss(a, a, 4.0)", "np.log(4) / 2"),
]  # fmt: skip


WRITES: list[tuple[Any, Any, list[int]]] = [  # into whole numbers of 8 bits
    (0, np.int64(7), [7, 2, 3]),
    (0, [[7]], [7, 2, 3]),
    (..., (4, 5, 6), [4, 5, 6]),
    ([True, False, True], [4, 6.9], [4, 2, 6]),
    (..., np.array([300, 1, 2]), [44, 1, 2]),  # an array's low bits
]


@pytest.mark.parametrize(("at", "value", "want"), WRITES)
@pytest.mark.parametrize("compiled", (False, True))
def test_writes(at: Any, value: Any, want: list[int], compiled: bool) -> None:
    def write(x: fastnn.Tensor) -> fastnn.Tensor:
        x = x.clone()
        x[at] = value
        return x

    given = fastnn.tensor([1, 2, 3], dtype=fastnn.int8)
    found = (fastnn.compile(write) if compiled else write)(given)
    assert found.dtype == fastnn.int8 and found.tolist() == want


@pytest.mark.parametrize(("call", "value"), MATRICES + PLACES + NUMBERS)
def test_values(call: str, value: str) -> None:
    found, want = eval(call, NAMES.copy()), np.asarray(eval(value, NAMES.copy()))
    assert found.shape == want.shape
    np.testing.assert_allclose(found.detach().numpy(), want, rtol=1e-6, atol=1e-12)

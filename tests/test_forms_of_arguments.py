"""Types and shapes that torch takes: whole numbers, bools, empty tensors, broadcast targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn.nn import functional as F

I = fastnn.tensor([[1, 2, 3], [4, 5, 6]])
B = fastnn.tensor([[True, False, True], [True, True, False]])
X = fastnn.tensor([[0.5, -2.0, 3.0], [4.0, 1.5, -0.5]], dtype=fastnn.float64)
x, i, b = X.numpy(), I.numpy(), B.numpy()


def hinge(target: np.ndarray) -> np.ndarray:
    return np.where(target == 1, x, np.maximum(0, 1 - x))


CASES: dict[str, tuple[Any, Any]] = {
    "linear": (lambda: F.linear(I, I, fastnn.tensor([1, 2])), i @ i.T + [1, 2]),
    "linear of a vector": (lambda: F.linear(I[0], I), i[0] @ i.T),
    "bilinear": (lambda: F.bilinear(I, I, fastnn.ones(1, 3, 3, dtype=fastnn.int64)),
                 i.sum(1, keepdims=True) ** 2),
    "matmul of nothing": (lambda: B[:, :0] @ B.T[:0], np.zeros((2, 2), bool)),
    "square of bool": (lambda: B.square(), b.astype(np.int64)),
    "addr of bool": (lambda: fastnn.addr(B, B[:, 0], B[0], beta=3, alpha=2), b | b[0]),
    "index_reduce of bool": (
        lambda: B.index_reduce(0, fastnn.tensor([0]), ~B[:1], "amin"), b & [[False], [True]],
    ),
    "batch_norm of 4 axes": (
        lambda: F.batch_norm(X.reshape(1, 2, 3, 1), X.new_zeros(2), X.new_ones(2), eps=0.0),
        x.reshape(1, 2, 3, 1),
    ),
    "poisson of integers": (lambda: F.poisson_nll_loss(I, I, reduction="none"),
                            (np.exp(i) - i * i).astype(np.float32)),
    "margin ranking of integers": (lambda: F.margin_ranking_loss(I, -I, -I // I, 1.0,
                                                                 reduction="none"),
                                   (1.0 + 2 * i).astype(np.float32)),
    "margin ranking, broadcast": (
        lambda: F.margin_ranking_loss(X, X[:, :1], X.new_ones(1, 3), reduction="none"),
        np.maximum(0, x[:, :1] - x),
    ),
    "hinge embedding, broadcast": (
        lambda: F.hinge_embedding_loss(X, fastnn.tensor([[1, -1, 1]]), reduction="none"),
        hinge(np.array([1, -1, 1])),
    ),
    "gaussian, broadcast": (
        lambda: F.gaussian_nll_loss(X, X[1], X.new_ones(2, 3), reduction="none"),
        (x - x[1]) ** 2 / 2,
    ),
    "gaussian, one target": (
        lambda: F.gaussian_nll_loss(X, X[1, 1], X.new_ones(2, 3), reduction="sum"),
        ((x - x[1, 1]) ** 2).sum() / 2,
    ),
    "cosine embedding of bools": (
        lambda: F.cosine_embedding_loss(B, B, fastnn.tensor([1, -1]), reduction="none"),
        np.array([0, 1], np.float32),
    ),
    "triplet of integers": (lambda: F.triplet_margin_loss(I, I, I, margin=0.5), np.float32(0.5)),
    "embedding_bag, older order": (
        lambda: F.embedding_bag(X, fastnn.tensor([[0, 1]]), mode="sum"), x.sum(0, keepdims=True),
    ),
    "embedding, sparse": (lambda: F.embedding(I[0] - 1, I.T, sparse=True), i.T),
    "embedding, scaled": (lambda: F.embedding(I[0] - 1, I.T, scale_grad_by_freq=True), i.T),
    "feature_alpha_dropout off": (lambda: F.feature_alpha_dropout(I[0], 0.5, False), i[0]),
    "feature_alpha_dropout of 0": (lambda: F.feature_alpha_dropout(I[0], 0.0, True), i[0]),
    "dropout of all": (lambda: F.dropout(I, 1.0, True), 0 * i),
    "alpha_dropout of all": (lambda: F.alpha_dropout(I, 1.0, True), 0 * i),
    "alpha_dropout of all bools": (lambda: F.alpha_dropout(B, 1.0, True), b & False),
    "feature_alpha_dropout of all": (lambda: F.feature_alpha_dropout(B, 1.0, True), b & False),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:embedding_bag")
@pytest.mark.parametrize("name", CASES)
def test_values(name: str) -> None:
    call, want = CASES[name]
    for function in (call, fastnn.compile(call)):
        got = function().numpy()
        assert got.dtype == want.dtype and got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 if got.dtype.kind == "f" else 0)


def test_an_input_is_never_broadcast() -> None:
    row = fastnn.ones(3)
    for call in (
        lambda: F.gaussian_nll_loss(row, fastnn.ones(2, 3), row),
        lambda: F.gaussian_nll_loss(row[:, None], row, row[:, None]),
        lambda: F.hinge_embedding_loss(fastnn.ones(2, 3), row),
        lambda: F.margin_ranking_loss(row[:1], row, row),
    ):
        with pytest.raises(ValueError, match="nothing is broadcast here"):
            call()


def test_running_moments_with_gaps() -> None:
    x, moments = fastnn.rand(5, 2), fastnn.ones(2, 3)

    def step(x: fastnn.Tensor) -> fastnn.Tensor:
        return F.batch_norm(x, moments[:, 0], moments[:, 2], training=True)

    for function in (step, fastnn.compile(step)):
        moments.fill_(1.0)
        function(x)
        mean, var = x.numpy().mean(0), x.numpy().var(0, ddof=1)
        np.testing.assert_allclose(moments[:, 0], 0.9 + 0.1 * mean, rtol=1e-6)
        np.testing.assert_allclose(moments[:, 2], 0.9 + 0.1 * var, rtol=1e-6)
        assert moments[:, 1].tolist() == [1.0, 1.0]


def test_torchs_rrelu_takes_a_generator() -> None:
    x = fastnn.full((5,), -1.0)
    draws = [
        fastnn.rrelu(x, 0.1, 0.9, True, generator=fastnn.Generator().manual_seed(seed))
        for seed in (3, 3, 4)
    ]
    assert draws[0].tolist() == draws[1].tolist() != draws[2].tolist()

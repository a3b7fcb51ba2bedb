"""Losses, which give (loss, dz), and metrics, of one element."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from families.activations import sigmoid
from families.approx import SLACK, U_DOUBLE, VMATH, Real, gamma
from families.base import (
    TAILS,
    TIES,
    Array,
    Bound,
    Calls,
    Case,
    Dims,
    Fixed,
    Reference,
    Sample,
    off,
    op,
    size,
    spread,
    values,
)
from families.rows import SHORT, Softmax, log_softmax, softmax

REDUCTIONS = ("none", "sum", "mean")  # enum fnn_reduction


def _targets(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Array:
    n = dims[0]
    if op == "softmax_cross_entropy":
        y = rng.integers(0, dims[1], n)
        return np.where(rng.random(n) < 0.1, dims[1], y) if rng.random() < 0.1 else y
    if op == "soft_cross_entropy":
        y = rng.random(dims) * (rng.random(dims) < 0.7)
        return (y / np.maximum(y.sum(axis=1, keepdims=True), 1e-3)).astype(real)
    if op == "bce_with_logits":
        return (rng.random(n) if rng.random() < 0.5 else rng.random(n) < 0.5).astype(real)
    return values(rng, dims, real, flavour)


def _draw_loss(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    z = values(rng, dims, real, flavour)
    y = _targets(op, real, dims, rng, flavour)
    reduction = str(rng.choice(REDUCTIONS))
    loss = ((dims[0] if reduction == "none" else 1,), real)
    dz = None if rng.random() < 0.2 else (dims, real)
    keywords, attrs = {"reduction": reduction}, (REDUCTIONS.index(reduction),)
    return Case(op, real, [z, y], [loss, dz], dims, keywords, attrs)


_ROW_TAILS = (*((3, n) for n in TAILS if n), *((n, 4) for n in TAILS))
OF_ROWS = Calls(
    _draw_loss,
    st.tuples(size(65), st.integers(1, 9) | st.integers(1, 70)),
    (*_ROW_TAILS, (2, 1000)),
    ((30_011, 10), (1501, 150)),
    TIES,
    hard=(*SHORT, (70, 130), (5000, 1)),
)
OF_ELEMENTS = Calls(
    _draw_loss,
    st.tuples(size(65)),
    tuple((n,) for n in TAILS),
    ((300_001,),),
    TIES,
    hard=((5000,), (9001,)),
)
SOFT = np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]])


def _samples(z: Array, y: Array) -> tuple[Sample, ...]:
    return tuple(Sample((z, Fixed(y)), None, {"reduction": r}) for r in REDUCTIONS)


def _reduced(each: Array, dz: Array, reduction: str) -> tuple[Array, Array]:
    """The loss of all rows from the loss of each; dz is scaled alike."""
    if reduction == "none":
        return each, dz
    n = each.dtype.type(len(each) if reduction == "mean" else 1)
    return np.sum(each, keepdims=True) / n, dz / n


def _reduced_error(
    real: Real, each: Array, err: Array, dz_size: Array, dz_err: Array, reduction: str
) -> tuple[Array, Array]:
    """Rows are added in double and rounded once; dz is scaled by a rounded 1/n."""
    if reduction == "none":
        return err, dz_err
    n = len(each)
    scale = 1 / np.float64(n if reduction == "mean" else 1)
    total = np.abs(np.sum(each, keepdims=True))
    err = np.sum(err) + gamma(n + 2, U_DOUBLE) * np.sum(np.abs(each)) + real.u * total
    return err * scale + real.tiny, (dz_err + real.gamma(2) * dz_size) * scale * SLACK + real.tiny


@op(OF_ROWS, optional=(1,), gradient=_samples(spread(2, 3), np.array([2, 0])))
def softmax_cross_entropy(z, y, *, reduction="mean"):
    """loss_i = -ln softmax(z_i)[y_i]; dz_i = softmax(z_i) - onehot(y_i); nan for a wild label."""
    n, c = z.shape
    valid = (y >= 0) & (y < c)
    label = np.where(valid, y, 0)
    each = np.where(valid, -log_softmax(z)[np.arange(n), label], np.nan)
    dz = softmax(z)
    dz[np.arange(n), label] -= 1
    dz[~valid] = np.nan
    return _reduced(each, dz, reduction)


@off(softmax_cross_entropy)
def _(real: Real, z: Array, y: Array, *, reduction: str) -> tuple[Array, Array]:
    """The row's log_softmax at the label; dz = softmax minus one at the label."""
    n, c = z.shape
    label = np.where((y >= 0) & (y < c), y, 0)
    hit = np.zeros(z.shape)
    hit[np.arange(n), label] = 1
    s = Softmax.of(z)
    err = s.log_error(real)[np.arange(n), label]
    each = softmax_cross_entropy(z, y, reduction="none")[0]
    dz_err = real.gamma(s.error_p + 1) * s.p + real.gamma(1) * hit + 2 * real.tiny
    return _reduced_error(real, each, err, s.p + hit, dz_err, reduction)


@op(OF_ROWS, optional=(1,), gradient=_samples(spread(2, 3), 0.7 * SOFT))
def soft_cross_entropy(z, y, *, reduction="mean"):
    """loss_i = -sum_j y_ij ln softmax(z_i)_j; dz_ij = softmax(z_i)_j sum_k y_ik - y_ij"""
    each = -np.sum(y * log_softmax(z), axis=1)
    dz = softmax(z) * np.sum(y, axis=1, keepdims=True) - y
    return _reduced(each, dz, reduction)


@off(soft_cross_entropy)
def _(real: Real, z: Array, y: Array, *, reduction: str) -> tuple[Array, Array]:
    """sum_j y_j (ln s - d_j), a sum of c terms that may also be split in two sums."""
    c = z.shape[1]
    s = Softmax.of(z)
    y = np.abs(y)
    weight = np.sum(y, axis=1, keepdims=True)
    terms = np.sum(y * (s.d + s.log_s), axis=1)
    err = np.sum(y * s.log_error(real), axis=1) + real.gamma(c + 3) * terms
    each = soft_cross_entropy(z, y, reduction="none")[0]
    most = s.p * weight + y
    dz_err = real.gamma(s.error_p) * s.p * weight + real.gamma(c + 3) * most + 2 * real.tiny
    return _reduced_error(real, each, err + (c + 2) * real.tiny, most, dz_err, reduction)


@op(OF_ELEMENTS, optional=(1,),
    gradient=_samples(spread(2, 2), np.array([[1.0, 0.0], [0.3, 0.8]])))  # fmt: skip
def bce_with_logits(z, y, *, reduction="mean"):
    """loss_i = -y_i ln s(z_i) - (1 - y_i) ln(1 - s(z_i)), s the sigmoid; dz_i = s(z_i) - y_i

    ln s(z) is -ln(1 + e^-z) and ln(1 - s(z)) is -ln(1 + e^z).
    """
    zero = z.dtype.type(0)
    each = y * np.logaddexp(zero, -z) + (1 - y) * np.logaddexp(zero, z)
    return _reduced(each, sigmoid(z) - y, reduction)


@off(bce_with_logits)
def _(real: Real, z: Array, y: Array, *, reduction: str) -> tuple[Array, Array]:
    """max(z, 0) - z y + log1p(e^-|z|): exp and log1p of 8 u each and three roundings."""
    most = np.maximum(z, 0) + np.abs(z * y) + np.log1p(np.exp(-np.abs(z)))
    err = real.gamma(2 * VMATH + 3) * most + 3 * real.tiny
    each = bce_with_logits(z, y, reduction="none")[0]
    p = sigmoid(z)
    dz_err = real.gamma(VMATH + 1) * p + real.gamma(1) * np.abs(y) + 2 * real.tiny
    return _reduced_error(real, each, err, p + np.abs(y), dz_err, reduction)


@op(OF_ELEMENTS, optional=(1,), gradient=_samples(spread(2, 3), spread(2, 3, seed=5)))
def mse(z, y, *, reduction="mean"):
    """loss_i = (z_i - y_i)^2; dz_i = 2 (z_i - y_i)"""
    d = z - y
    return _reduced(d * d, 2 * d, reduction)


@off(mse)
def _(real: Real, z: Array, y: Array, *, reduction: str) -> tuple[Array, Array]:
    """d = z - y rounds once, so d^2 has three roundings and 2 d has one."""
    each, dz = mse(z, y, reduction="none")
    dz = np.abs(dz)
    err = real.gamma(3) * each + real.tiny
    return _reduced_error(real, each, err, dz, real.gamma(1) * dz + real.tiny, reduction)


# Metrics


def _draw_metric(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    z = values(rng, dims, real, flavour)
    if op == "accuracy":
        y = rng.integers(-1, dims[1] + 1, dims[0])
        # Most rows right: a share near one half hides an error of one hit.
        y = np.where(rng.random(dims[0]) < 0.6, z.argmax(axis=1), y).astype(np.int64)
    else:
        y = rng.choice([0, 1, 0.5, 0.75], dims).astype(real)
    return Case(op, real, [z, y], [((1,), real)], dims)


def _one_rounding(reference: Reference) -> Bound:
    """A whole number over a whole number, in double, rounded once."""
    return lambda real, z, y: (real.u + 2 * U_DOUBLE,)


@op(Calls(_draw_metric, st.tuples(size(65), st.integers(1, 70)), _ROW_TAILS, ((30_011, 10),)),
    _one_rounding)  # fmt: skip
def accuracy(z, y):
    """out = share of rows with argmax_j z_ij == y_i; nan of no rows."""
    hits = np.argmax(z, axis=1) == y
    return np.array([np.sum(hits) / np.float64(len(hits))])


@op(Calls(_draw_metric, st.tuples(size(65)), OF_ELEMENTS.tails, ((300_001,),)), _one_rounding)
def binary_accuracy(z, y):
    """out = share of (z_i > 0) == (y_i > 0.5); nan of no elements."""
    hits = (z > 0) == (y > 0.5)
    return np.array([np.sum(hits) / np.float64(len(hits))])

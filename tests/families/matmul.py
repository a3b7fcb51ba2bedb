"""The matrix product with its epilogues."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from families import activations, elementwise
from families.approx import SLACK, VMATH_ULP, Real
from families.base import (
    INPUT_LAYOUTS,
    TAILS,
    TIES,
    Array,
    Calls,
    Case,
    Dims,
    Sample,
    off,
    op,
    size,
    spread,
    values,
)

ACTIVATIONS: dict[str, Any] = {  # enum fnn_activation
    "identity": elementwise.copy, "relu": activations.relu, "sigmoid": activations.sigmoid,
    "tanh": activations.tanh,
}  # fmt: skip
NAMES = tuple(ACTIVATIONS)
_DERIVATIVES = {"relu": activations.relu_grad, "sigmoid": activations.sigmoid_grad,
                "tanh": activations.tanh_grad}  # fmt: skip
PRECISIONS = ("float32", "bf16", "int8")  # enum fnn_rounding
_SLOPES = {"identity": 1.0, "relu": 1.0, "sigmoid": 0.25, "tanh": 1.0}  # the steepest


def _draw(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    m, n, k = dims
    a, b = values(rng, (m, k), real, flavour), values(rng, (k, n), real, flavour)
    bias = values(rng, (n,), real, flavour) if rng.random() < 0.5 else None
    activation, derivative, y = str(rng.choice(NAMES)), "identity", None
    if rng.random() < 0.4:
        activation, derivative = "identity", str(rng.choice(NAMES))
        y = values(rng, (m, n), real, "normal")
        y = np.tanh(y) if derivative in ("sigmoid", "tanh") else y
    rounds = flavour == "normal" and real == "float32"
    precision = str(rng.choice(PRECISIONS)) if rounds else "float32"
    keywords = {"activation": activation, "derivative": derivative, "precision": precision}
    attrs = NAMES.index(activation), NAMES.index(derivative), PRECISIONS.index(precision)
    return Case("matmul", real, [a, b, bias, y], [((m, n), real)], (), keywords, attrs)


_TAILS = (
    *((3, n, 5) for n in TAILS), *((n, 17, 6) for n in TAILS), *((5, 9, n) for n in TAILS),
    *((7, 33, k) for k in (255, 256, 257, 511, 513, 1025)), (1, 1, 1), (1, 130, 300),
)  # fmt: skip
# A column, few columns or rows, columns beyond whole vectors, many blocks of k, strides of a page;
# and all register tiles.
_HARD = (
    (33, 70, 300), (64, 45, 257), (3, 260, 520), (20, 40, 1024), (50, 1, 700), (1, 129, 513),
    (40, 1, 1024), (50, 2, 300), (70, 3, 521), (100, 3, 44), (33, 4, 523), (45, 6, 1024),
    (50, 7, 301), (37, 9, 258), (64, 10, 64), (35, 10, 515), (17, 1, 3), (35, 1, 17),
    (1, 40, 44), (2, 37, 301), (3, 33, 513), (5, 70, 65), (7, 16, 40), (10, 45, 258), (4, 20, 9),
    (40, 35, 40), (33, 24, 300), (20, 57, 257), (35, 18, 33), (16, 100, 32),
    *((m, n, 1 + (3 * m + n) % 17) for m in (1, 2, 3, 5, 8, 9, 14, 15, 17)
      for n in (1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 16, 25, 33, 37)),
)  # fmt: skip
PRODUCTS = Calls(
    _draw,
    st.tuples(size(65), size(65), size(65)) | st.tuples(*[st.integers(0, 9)] * 3),
    _TAILS,
    ((513, 200, 270), (70, 600, 33)),
    TIES,
    INPUT_LAYOUTS,
    _HARD,
)


@op(PRODUCTS, optional=(3, 4), contiguous=(0, 4),
    gradient=(Sample((spread(2, 3), spread(3, 4), None, None), (0, 0)),
              Sample((spread(2, 3), spread(3, 4), spread(4), None), (0, 0))))  # fmt: skip
def matmul(
    a, b, bias=None, y=None, *, activation="identity", derivative="identity", precision="float32"
):
    """out_ij = f(sum_l a_il b_lj + bias_j), times g'(y_ij) where y is given.

    f is the activation; g' is the derivative of g, written in g's own output y. The precision only
    says how far off a kernel may be, which rounds a and b.
    """
    z = a @ b
    if bias is not None:
        z = z + bias
    out = ACTIVATIONS[activation](z)
    return out if derivative == "identity" else _DERIVATIVES[derivative](out, y)


def _rounding(left: Array, right: Array, a: Array, precision: str) -> tuple[Array, Array]:
    """The most that an element of |A| and of |B| changes: half a step."""
    if precision == "bf16":
        return left * 2.0**-8, right * 2.0**-8
    span = np.maximum(a, 0).max(1, initial=0) - np.minimum(a, 0).min(1, initial=0)
    by_row, by_column = span / 255, right.max(0, initial=0) / 127
    return (np.broadcast_to(0.5001 * by_row[:, None], left.shape),
            np.broadcast_to(0.5001 * by_column, right.shape))  # fmt: skip


@off(matmul)
def _(
    real: Real,
    a: Array,
    b: Array,
    bias: Array | None,
    y: Array | None,
    *,
    activation: str,
    derivative: str,
    precision: str = "float32",
) -> tuple[Array]:
    """gamma(k + 2) (|A||B| + |bias|) and what rounding A and B does to it, through the steepest
    slope of f, plus f's own rounding."""
    k, left, right = a.shape[1], np.abs(a), np.abs(b)
    rounding = 0.0
    if precision != "float32":
        d_left, d_right = _rounding(left, right, a, precision)
        rounding = left @ d_right + d_left @ right + d_left @ d_right
    magnitude = left @ right + rounding + (0 if bias is None else np.abs(bias))
    err = real.gamma(k + 2) * magnitude + (k + 2) * real.tiny + rounding
    out = matmul(a, b, bias, activation=activation)
    err = err * _SLOPES[activation]
    if activation in ("sigmoid", "tanh"):
        err = err + VMATH_ULP * SLACK * real.ulp(np.abs(out) + err) + real.tiny
    if y is None or derivative == "identity":
        return (err,)
    slope = {"relu": y > 0, "sigmoid": np.abs(y) * (1 + np.abs(y)), "tanh": 1 + y * y}[derivative]
    own = 0 if derivative == "relu" else real.gamma(3) * np.abs(out) + real.tiny
    return ((err * (1 + real.gamma(3)) + own) * slope + real.tiny,)

"""The op table once more: every row of FNN_OPS in NumPy, in its textbook form.

One function per row, with the row's name. The arguments are the row's inputs in the row's order,
the attributes are keywords, the result is the row's outputs (a tuple where there are several).
Shapes are the contract's: a packed row takes (outer, len, inner), (n, c) or (n) arrays, and a
reduction removes the middle axis. In-place updates return new arrays and leave their inputs alone.

It computes in float64, or in long double when fed long double, which gives a float64 kernel a
reference that is better than itself. It shares no code, and where possible no formula, with the
kernels: the two derivations check each other. The error bounds are in bounds.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from reference_activations import (  # noqa: F401
    erf,
    gelu,
    gelu_grad,
    relu,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    tanh,
    tanh_grad,
)
from reference_integer import bitwise_and, bitwise_or, bitwise_xor, cast, floor_divide  # noqa: F401
from reference_norm import (  # noqa: F401
    batch_norm,
    batch_norm_grad,
    draw_key,
    dropout,
    layer_norm,
    layer_norm_grad,
    running_moments_step,
)
from reference_update import (  # noqa: F401
    adadelta_step,
    adagrad_step,
    adam_step,
    adamax_step,
    asgd_step,
    lerp,
    lion_step,
    nadam_step,
    radam_step,
    rmsprop_step,
    rprop_step,
    sgd_step,
    shrink_step,
)

Array = NDArray[Any]


def _real(x: ArrayLike) -> Array:
    x = np.asarray(x)
    return x if x.dtype == np.longdouble else x.astype(np.float64)


# Unary


def copy(x: ArrayLike) -> Array:
    """out = x"""
    return _real(x).copy()


def neg(x: ArrayLike) -> Array:
    """out = -x"""
    return np.negative(_real(x))


def abs(x: ArrayLike) -> Array:
    """out = |x|"""
    return np.abs(_real(x))


def sign(x: ArrayLike) -> Array:
    """out = (x > 0) - (x < 0); torch's: 0 at nan."""
    x = _real(x)
    return (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)


def square(x: ArrayLike) -> Array:
    """out = x^2"""
    x = _real(x)
    return x * x


def sqrt(x: ArrayLike) -> Array:
    """out = the root of x, nan below zero, -0 at -0."""
    return np.sqrt(_real(x))


def floor(x: ArrayLike) -> Array:
    """out = the largest whole number that is not above x."""
    return np.floor(_real(x))


def round(x: ArrayLike) -> Array:
    """out = the nearest whole number, the even one of two."""
    return np.round(_real(x))


def exp(x: ArrayLike) -> Array:
    """out = e^x"""
    return np.exp(_real(x))


def expm1(x: ArrayLike) -> Array:
    """out = e^x - 1"""
    return np.expm1(_real(x))


def log(x: ArrayLike) -> Array:
    """out = ln x, -inf at 0, nan below."""
    return np.log(_real(x))


def log1p(x: ArrayLike) -> Array:
    """out = ln(1 + x), -inf at -1, nan below."""
    return np.log1p(_real(x))


def sin(x: ArrayLike) -> Array:
    """out = the sine of x in radians, nan at +-inf."""
    return np.sin(_real(x))


def cos(x: ArrayLike) -> Array:
    """out = the cosine of x in radians, nan at +-inf."""
    return np.cos(_real(x))


# Binary


def add(a: ArrayLike, b: ArrayLike) -> Array:
    """out = a + b"""
    return _real(a) + _real(b)


def sub(a: ArrayLike, b: ArrayLike) -> Array:
    """out = a - b"""
    return _real(a) - _real(b)


def mul(a: ArrayLike, b: ArrayLike) -> Array:
    """out = a * b"""
    return _real(a) * _real(b)


def div(a: ArrayLike, b: ArrayLike) -> Array:
    """out = a / b"""
    return _real(a) / _real(b)


def pow(a: ArrayLike, b: ArrayLike) -> Array:
    """out = a^b with the special cases of C's pow."""
    return np.power(_real(a), _real(b))


def remainder(a: ArrayLike, b: ArrayLike) -> Array:
    """out = a - floor(a / b) b, with the sign of b; nan for b = 0."""
    return np.remainder(_real(a), _real(b))


def maximum(a: ArrayLike, b: ArrayLike) -> Array:
    """out = the larger; nan when either is nan."""
    return np.maximum(_real(a), _real(b))


def minimum(a: ArrayLike, b: ArrayLike) -> Array:
    """out = the smaller; nan when either is nan."""
    return np.minimum(_real(a), _real(b))


def _comparison(
    compare: Callable[[Array, Array], Array],
) -> Callable[[ArrayLike, ArrayLike], Array]:
    def out(a: ArrayLike, b: ArrayLike) -> Array:
        return compare(_real(a), _real(b))

    return out


eq, ne = _comparison(np.equal), _comparison(np.not_equal)
lt, le = _comparison(np.less), _comparison(np.less_equal)
gt, ge = _comparison(np.greater), _comparison(np.greater_equal)


def where(condition: ArrayLike, a: ArrayLike, b: ArrayLike) -> Array:
    """out = a where condition, else b."""
    return np.where(np.asarray(condition) != 0, _real(a), _real(b))


# Matrix product

_ACTIVATIONS = {"identity": copy, "relu": relu, "sigmoid": sigmoid, "tanh": tanh}
_DERIVATIVES = {"relu": relu_grad, "sigmoid": sigmoid_grad, "tanh": tanh_grad}


def matmul(
    a: ArrayLike,
    b: ArrayLike,
    bias: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    activation: str = "identity",
    derivative: str = "identity",
) -> Array:
    """out_ij = f(sum_l a_il b_lj + bias_j), times g'(y_ij) where y is given.

    f is the activation; g' is the derivative of g, written in g's own output y.
    """
    z = _real(a) @ _real(b)
    if bias is not None:
        z = z + _real(bias)
    out = _ACTIVATIONS[activation](z)
    return out if derivative == "identity" else _DERIVATIVES[derivative](out, y)


# Reductions of the middle axis of (outer, len, inner)


def sum(x: ArrayLike) -> Array:
    """out_oi = sum_l x_oli; 0 when len is 0."""
    return np.sum(_real(x), axis=1)


def mean(x: ArrayLike) -> Array:
    """out_oi = (1/len) sum_l x_oli; nan when len is 0."""
    x = _real(x)
    return np.sum(x, axis=1) / x.dtype.type(x.shape[1])


def max(x: ArrayLike) -> Array:
    """out_oi = max_l x_oli; nan when any is nan."""
    return np.max(_real(x), axis=1)


def min(x: ArrayLike) -> Array:
    """out_oi = min_l x_oli; nan when any is nan."""
    return np.min(_real(x), axis=1)


def argmax(x: ArrayLike) -> Array:
    """out_oi = the first l where x_oli is largest; the first nan when any is nan."""
    return np.argmax(_real(x), axis=1).astype(np.int64)


# Rows of (n, c)


def log_softmax(x: ArrayLike) -> Array:
    """out_ij = x_ij - ln sum_k e^x_ik, shifted by the row's maximum."""
    x = _real(x)
    d = x - np.max(x, axis=1, keepdims=True, initial=-np.inf)
    return d - np.log(np.sum(np.exp(d), axis=1, keepdims=True))


def softmax(x: ArrayLike) -> Array:
    """out_ij = e^x_ij / sum_k e^x_ik"""
    return np.exp(log_softmax(x))


def argsort(x: ArrayLike, *, descending: bool) -> Array:
    """out_i: where the elements of row i stand in order, of equals the first first; nan is larger
    than all numbers, denormals equal 0."""
    x = np.asarray(x)
    x = np.where(np.abs(x) < np.finfo(x.dtype).tiny, 0, x)
    if not descending:
        return np.argsort(x, axis=1, kind="stable")
    return x.shape[1] - 1 - np.argsort(x[:, ::-1], axis=1, kind="stable")[:, ::-1]


def take_rows(x: ArrayLike, index: ArrayLike) -> Array:
    """out_i = x[index_i], a row of zeros where index_i is outside 0..rows-1; any element type."""
    x, index = np.asarray(x), np.asarray(index)
    out = np.zeros((len(index), x.shape[1]), x.dtype)
    for i, row in enumerate(index):
        if 0 <= row < len(x):
            out[i] = x[row]
    return out


def scatter_add_rows(dy: ArrayLike, index: ArrayLike, *, rows: int) -> Array:
    """out_r = sum of dy_i over index_i = r, the adjoint of take_rows: others are left out."""
    dy, index = _real(dy), np.asarray(index)
    out = np.zeros((rows, dy.shape[1]), dy.dtype)
    inside = (index >= 0) & (index < rows)
    np.add.at(out, index[inside], dy[inside])
    return out


# Losses: (loss, dz)


def _reduced(rows: Array, dz: Array, reduction: str) -> tuple[Array, Array]:
    """The loss of all rows from the loss of each; dz is scaled alike."""
    if reduction == "none":
        return rows, dz
    n = rows.dtype.type(len(rows) if reduction == "mean" else 1)
    return np.sum(rows, keepdims=True) / n, dz / n


def softmax_cross_entropy(
    z: ArrayLike, y: ArrayLike, *, reduction: str = "mean"
) -> tuple[Array, Array]:
    """loss_i = -ln softmax(z_i)[y_i]; dz_i = softmax(z_i) - onehot(y_i); nan for a wild label."""
    z, y = _real(z), np.asarray(y)
    n, c = z.shape
    valid = (y >= 0) & (y < c)
    label = np.where(valid, y, 0)
    rows = np.where(valid, -log_softmax(z)[np.arange(n), label], np.nan)
    dz = softmax(z)
    dz[np.arange(n), label] -= 1
    dz[~valid] = np.nan
    return _reduced(rows, dz, reduction)


def soft_cross_entropy(
    z: ArrayLike, y: ArrayLike, *, reduction: str = "mean"
) -> tuple[Array, Array]:
    """loss_i = -sum_j y_ij ln softmax(z_i)_j; dz_ij = softmax(z_i)_j sum_k y_ik - y_ij"""
    z, y = _real(z), _real(y)
    rows = -np.sum(y * log_softmax(z), axis=1)
    dz = softmax(z) * np.sum(y, axis=1, keepdims=True) - y
    return _reduced(rows, dz, reduction)


def bce_with_logits(z: ArrayLike, y: ArrayLike, *, reduction: str = "mean") -> tuple[Array, Array]:
    """loss_i = -y_i ln s(z_i) - (1 - y_i) ln(1 - s(z_i)), s the sigmoid; dz_i = s(z_i) - y_i

    ln s(z) is -ln(1 + e^-z) and ln(1 - s(z)) is -ln(1 + e^z).
    """
    z, y = _real(z), _real(y)
    zero = z.dtype.type(0)
    rows = y * np.logaddexp(zero, -z) + (1 - y) * np.logaddexp(zero, z)
    return _reduced(rows, sigmoid(z) - y, reduction)


def mse(z: ArrayLike, y: ArrayLike, *, reduction: str = "mean") -> tuple[Array, Array]:
    """loss_i = (z_i - y_i)^2; dz_i = 2 (z_i - y_i)"""
    d = _real(z) - _real(y)
    return _reduced(d * d, 2 * d, reduction)


# Metrics, of one element


def accuracy(z: ArrayLike, y: ArrayLike) -> Array:
    """out = share of rows with argmax_j z_ij == y_i; nan of no rows."""
    z = _real(z)
    hits = np.argmax(z, axis=1) == np.asarray(y)
    return np.array([np.sum(hits) / np.float64(len(hits))])


def binary_accuracy(z: ArrayLike, y: ArrayLike) -> Array:
    """out = share of (z_i > 0) == (y_i > 0.5); nan of no elements."""
    hits = (_real(z) > 0) == (_real(y) > 0.5)
    return np.array([np.sum(hits) / np.float64(len(hits))])

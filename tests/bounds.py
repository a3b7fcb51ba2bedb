"""How far a kernel may be from reference.py: one `bound_<row>` for each row of FNN_OPS.

A bound takes the real type and the arguments of the reference, and returns, for each output, the
largest |got - want| of each element. Where the numbers come from:

- Basic arithmetic, sqrt and a choice: one rounding, half a unit in the last place (ULP).
- exp, log, log1p, tanh, sigmoid, erf: 4 ULP, the promise of docs/design.md; that is 8 u relative.
- A chain of k roundings is off by at most gamma(k) = k u / (1 - k u) times the same expression in
  absolute values (Higham, Accuracy and Stability, lemma 3.1), with u = 2^-24 or 2^-53.
- Sums, means and losses add up in double (docs/design.md), so length enters as gamma of 2^-53 and
  the real type pays for one rounding of the result.
- A difference that is the argument of an exp adds |difference| u to the relative error.
- Engine calls may flush results below the smallest normal number to zero: each flush adds that
  number, times what the result is multiplied by afterwards.
The reference's own error is left out: it is computed with at least 11 bits more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import reference
from bounds_norm import (  # noqa: F401
    bound_batch_norm,
    bound_batch_norm_grad,
    bound_draw_key,
    bound_dropout,
    bound_layer_norm,
    bound_layer_norm_grad,
    bound_running_moments_step,
)
from bounds_real import SLACK, U_DOUBLE, VMATH, VMATH_ULP, Real, gamma
from bounds_update import (  # noqa: F401
    bound_adadelta_step,
    bound_adagrad_step,
    bound_adam_step,
    bound_adamax_step,
    bound_asgd_step,
    bound_lerp,
    bound_lion_step,
    bound_nadam_step,
    bound_radam_step,
    bound_rmsprop_step,
    bound_rprop_step,
    bound_sgd_step,
    bound_shrink_step,
)
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


def _ulps(name: str, n: float, flush: bool = True) -> Callable[..., tuple[Array]]:
    function = getattr(reference, name)

    def bound(real: Real, *inputs: Array) -> tuple[Array]:
        want = function(*inputs)
        flushed = (np.abs(want) < 2 * real.tiny) & (want != 0) if flush else 0
        return (n * SLACK * real.ulp(want) + real.tiny * flushed,)

    return bound


def _exact(real: Real, *inputs: Array, **attrs: Any) -> tuple[float]:
    return (0.0,)


def _choice(name: str) -> Callable[..., tuple[Array]]:
    """Exact, but among denormals, which compare as zeros, any may be chosen."""

    def bound(real: Real, *inputs: Array) -> tuple[Array]:
        want = getattr(reference, name)(*inputs)
        return (np.where(np.abs(want) < real.tiny, 2 * real.tiny, 0),)

    return bound


bound_copy = bound_neg = bound_abs = bound_sign = bound_where = bound_take_rows = _exact
bound_bitwise_and = bound_bitwise_or = bound_bitwise_xor = bound_floor_divide = _exact
bound_eq = bound_ne = bound_lt = bound_le = bound_gt = bound_ge = bound_argmax = _exact
bound_argsort = _exact
bound_relu, bound_relu_grad = _choice("relu"), _exact
bound_maximum, bound_minimum = _choice("maximum"), _choice("minimum")
bound_max, bound_min = _choice("max"), _choice("min")

bound_square, bound_sqrt = _ulps("square", 0.5), _ulps("sqrt", 0.5)
bound_add, bound_sub = _ulps("add", 0.5), _ulps("sub", 0.5)
bound_mul, bound_div = _ulps("mul", 0.5), _ulps("div", 0.5)
bound_exp, bound_log = _ulps("exp", VMATH_ULP), _ulps("log", VMATH_ULP)
bound_expm1, bound_log1p = _ulps("expm1", VMATH_ULP), _ulps("log1p", VMATH_ULP)
bound_sin, bound_cos = _ulps("sin", VMATH_ULP), _ulps("cos", VMATH_ULP)
bound_floor, bound_round = _exact, _exact
bound_erf = _ulps("erf", VMATH_ULP)
bound_tanh, bound_sigmoid = _ulps("tanh", VMATH_ULP), _ulps("sigmoid", VMATH_ULP)


def bound_cast(real: Real, x: Array, *, dtype: DTypeLike) -> tuple[Any]:
    """One rounding when to a float of fewer digits; what is denormal in either type may flush."""
    if np.dtype(dtype).kind != "f":
        return (0,)
    tiny = max(real.tiny, float(np.finfo(x.dtype).tiny) if x.dtype.kind == "f" else 0)
    return (real.u * np.abs(x.astype(real.wide)) + tiny,)


def bound_remainder(real: Real, a: Array, b: Array) -> tuple[Array]:
    """fmod is exact; adding b to it rounds once, to at most b."""
    size = np.where(np.isfinite(b), np.abs(b), 0)
    return (np.where(reference.remainder(a, b) == np.fmod(a, b), 0, real.u * size) + real.tiny,)


def bound_pow(real: Real, a: Array, b: Array) -> tuple[Array]:
    """a^b = exp(b ln a): the log and the product put |b ln a| (8 + 1) u into the exponent."""
    want = np.abs(reference.pow(a, b))
    exponent = np.abs(np.nan_to_num(b * np.log(np.abs(a)), posinf=0, neginf=0))
    return (real.gamma((VMATH + 1) * np.minimum(exponent, 1e4) + VMATH + 2) * want + real.tiny,)


def bound_sigmoid_grad(real: Real, dy: Array, y: Array) -> tuple[Array]:
    """dy y (1 - y): three roundings."""
    return (real.gamma(3) * np.abs(dy * y) * (1 + np.abs(y)) + real.tiny * (1 + np.abs(dy)),)


def bound_tanh_grad(real: Real, dy: Array, y: Array) -> tuple[Array]:
    """dy (1 - y^2): three roundings."""
    return (real.gamma(3) * np.abs(dy) * (1 + y * y) + real.tiny * (1 + np.abs(dy)),)


NORMAL_ULP = 4  # of the normal distribution function, absolute


def bound_gelu(real: Real, x: Array) -> tuple[Array]:
    """x Phi(x): the error of Phi, absolute, times x, and one rounding."""
    return (np.abs(x) * real.gamma(NORMAL_ULP + 1) + real.tiny,)


def bound_gelu_grad(real: Real, dy: Array, x: Array) -> tuple[Array]:
    """dy (Phi + x phi): beyond the error of Phi, that of x e^(-x^2 / 2), whose exponent is
    rounded twice, and is cut off where it is below that of Phi."""
    size = np.where(np.isfinite(x), np.minimum(np.abs(x), 40), 0)
    bell = size * np.exp(-(size**2) / 2)
    off = real.gamma(NORMAL_ULP) + real.gamma(VMATH + 4 + 2 * size**2) * bell
    return (np.abs(dy) * off + real.tiny * (1 + np.abs(dy)),)


_SLOPES = {"identity": 1.0, "relu": 1.0, "sigmoid": 0.25, "tanh": 1.0}


def bound_matmul(
    real: Real,
    a: Array,
    b: Array,
    bias: Array | None = None,
    y: Array | None = None,
    *,
    activation: str = "identity",
    derivative: str = "identity",
) -> tuple[Array]:
    """gamma(k + 2) (|A||B| + |bias|), through the steepest slope of f, plus f's own rounding."""
    k = a.shape[1]
    magnitude = np.abs(a) @ np.abs(b) + (0 if bias is None else np.abs(bias))
    err = real.gamma(k + 2) * magnitude + (k + 2) * real.tiny
    out = reference.matmul(a, b, bias, activation=activation)
    err = err * _SLOPES[activation]
    if activation in ("sigmoid", "tanh"):
        err = err + VMATH_ULP * SLACK * real.ulp(np.abs(out) + err) + real.tiny
    if y is None or derivative == "identity":
        return (err,)
    slope = {"relu": y > 0, "sigmoid": np.abs(y) * (1 + np.abs(y)), "tanh": 1 + y * y}[derivative]
    rounding = 0 if derivative == "relu" else real.gamma(3) * np.abs(out) + real.tiny
    return ((err * (1 + real.gamma(3)) + rounding) * slope + real.tiny,)


def bound_sum(real: Real, x: Array) -> tuple[Array]:
    """Added in double, in any order, and rounded once."""
    magnitude = np.sum(np.abs(x), axis=1)
    return (
        gamma(x.shape[1], U_DOUBLE) * magnitude + real.u * np.abs(reference.sum(x)) + real.tiny,
    )


def bound_mean(real: Real, x: Array) -> tuple[Array]:
    """The sum in double, divided or multiplied by the inverse, and rounded once."""
    n = x.dtype.type(x.shape[1])
    magnitude = np.sum(np.abs(x), axis=1) / n
    err = gamma(x.shape[1] + 2, U_DOUBLE) * magnitude
    return (err + real.u * np.abs(reference.mean(x)) + real.tiny,)


@dataclass(frozen=True)
class _Softmax:
    """d = x - max, p = softmax, log_s = ln sum e^d, and relative errors in units of u."""

    d: Array
    p: Array
    log_s: Array
    error_s: Array  # of sum e^d: each term |d| + 8, and c additions
    error_p: Array


def _softmax(x: Array) -> _Softmax:
    c = x.shape[1]
    d = x - np.max(x, axis=1, keepdims=True)
    p = np.exp(d)
    s = np.sum(p, axis=1, keepdims=True)
    p = p / s
    d = np.where(np.isinf(d), 0, np.abs(d))
    error_s = np.sum(p * d, axis=1, keepdims=True) + VMATH + c
    return _Softmax(d, p, np.log(s), error_s, d + VMATH + error_s + 2)


def bound_softmax(real: Real, x: Array) -> tuple[Array]:
    """e^d / s, where e^d may flush to zero."""
    if x.shape[1] == 0:
        return (0.0,)
    s = _softmax(x)
    return (real.gamma(s.error_p) * s.p + 2 * real.tiny,)


def _log_softmax_error(real: Real, s: _Softmax) -> Array:
    """d - ln s: the rounding of d, of s, of the log and of the difference."""
    return real.gamma(s.error_s) + real.gamma(2) * s.d + real.gamma(VMATH + 1) * s.log_s + real.tiny


def bound_log_softmax(real: Real, x: Array) -> tuple[Array]:
    if x.shape[1] == 0:
        return (0.0,)
    return (_log_softmax_error(real, _softmax(x)),)


def bound_scatter_add_rows(real: Real, dy: Array, index: Array, *, rows: int) -> tuple[Array]:
    """gamma(count) sum |dy|: the rows with one index are added in the real type."""
    magnitude = reference.scatter_add_rows(np.abs(dy), index, rows=rows)
    count = reference.scatter_add_rows(np.ones((len(index), 1)), index, rows=rows)
    return (real.gamma(count) * magnitude + count * real.tiny,)


def _reduced(
    real: Real, rows: Array, err: Array, dz_size: Array, dz_err: Array, reduction: str
) -> tuple[Array, Array]:
    """Rows are added in double and rounded once; dz is scaled by a rounded 1/n."""
    if reduction == "none":
        return err, dz_err
    n = len(rows)
    scale = 1 / np.float64(n if reduction == "mean" else 1)
    total = np.abs(np.sum(rows, keepdims=True))
    err = np.sum(err) + gamma(n + 2, U_DOUBLE) * np.sum(np.abs(rows)) + real.u * total
    return err * scale + real.tiny, (dz_err + real.gamma(2) * dz_size) * scale * SLACK + real.tiny


def bound_softmax_cross_entropy(
    real: Real, z: Array, y: Array, *, reduction: str = "mean"
) -> tuple[Array, Array]:
    """The row's log_softmax at the label; dz = softmax minus one at the label."""
    n, c = z.shape
    y = np.asarray(y)
    label = np.where((y >= 0) & (y < c), y, 0)
    one = np.zeros(z.shape)
    one[np.arange(n), label] = 1
    s = _softmax(z)
    err = _log_softmax_error(real, s)[np.arange(n), label]
    rows = reference.softmax_cross_entropy(z, y, reduction="none")[0]
    dz_err = real.gamma(s.error_p + 1) * s.p + real.gamma(1) * one + 2 * real.tiny
    return _reduced(real, rows, err, s.p + one, dz_err, reduction)


def bound_soft_cross_entropy(
    real: Real, z: Array, y: Array, *, reduction: str = "mean"
) -> tuple[Array, Array]:
    """sum_j y_j (ln s - d_j), a sum of c terms that may also be split in two sums."""
    c = z.shape[1]
    s = _softmax(z)
    y = np.abs(y)
    weight = np.sum(y, axis=1, keepdims=True)
    terms = np.sum(y * (s.d + s.log_s), axis=1)
    err = np.sum(y * _log_softmax_error(real, s), axis=1) + real.gamma(c + 3) * terms
    rows = reference.soft_cross_entropy(z, y, reduction="none")[0]
    size = s.p * weight + y
    dz_err = real.gamma(s.error_p) * s.p * weight + real.gamma(c + 3) * size + 2 * real.tiny
    return _reduced(real, rows, err + (c + 2) * real.tiny, size, dz_err, reduction)


def bound_bce_with_logits(
    real: Real, z: Array, y: Array, *, reduction: str = "mean"
) -> tuple[Array, Array]:
    """max(z, 0) - z y + log1p(e^-|z|): exp and log1p of 8 u each and three roundings."""
    size = np.maximum(z, 0) + np.abs(z * y) + np.log1p(np.exp(-np.abs(z)))
    err = real.gamma(2 * VMATH + 3) * size + 3 * real.tiny
    rows = reference.bce_with_logits(z, y, reduction="none")[0]
    p = reference.sigmoid(z)
    dz_err = real.gamma(VMATH + 1) * p + real.gamma(1) * np.abs(y) + 2 * real.tiny
    return _reduced(real, rows, err, p + np.abs(y), dz_err, reduction)


def bound_mse(real: Real, z: Array, y: Array, *, reduction: str = "mean") -> tuple[Array, Array]:
    """d = z - y rounds once, so d^2 has three roundings and 2 d has one."""
    rows, dz = reference.mse(z, y, reduction="none")
    dz = np.abs(dz)
    err = real.gamma(3) * rows + real.tiny
    return _reduced(real, rows, err, dz, real.gamma(1) * dz + real.tiny, reduction)


def bound_accuracy(real: Real, z: Array, y: Array) -> tuple[float]:
    """A whole number over a whole number, in double, rounded once."""
    return (real.u + 2 * U_DOUBLE,)


bound_binary_accuracy = bound_accuracy

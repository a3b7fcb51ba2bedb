"""Information theory: entropies and divergences of discrete distributions, with 0 log 0 = 0.

Given arrays, a function returns a NumPy array (a float if the result is one number). Given Tensors,
it returns a Tensor, with gradients, also in compiled code. Arrays are checked to be distributions;
Tensors are not. Where a probability is 0, its gradient is 0, not the infinite one of p log p.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import ops
from fastnn._support import check
from fastnn.tensor import Tensor, of_array

__all__ = [
    "binary_entropy",
    "cross_entropy",
    "entropy",
    "js_divergence",
    "kl_divergence",
    "mutual_information",
]

Axes = int | tuple[int, ...]


def _times_log(p: Tensor, q: Tensor) -> Tensor:
    """p log q, 0 where p is 0; log 1 in the unused branch keeps the gradient finite."""
    some = ops.ne(p, 0.0)
    return ops.mul(p, ops.log(ops.where(some, q, 1.0)))


def _log_base(base: float | None) -> float:
    if base is None:
        return 1.0
    if not isinstance(base, int | float) or not base > 0 or base == 1 or math.isinf(base):
        raise ValueError(f"base: expected a number > 0 other than 1, got {check.show(base)}")
    return math.log(base)


def _distributions(axis: Axes | None, **given: Any) -> tuple[list[Tensor], bool]:
    """The arguments as Tensors, and whether they were arrays. axis: along which they sum to 1."""
    if any(isinstance(value, Tensor) for value in given.values()):
        for name, value in given.items():
            check.a_tensor(name, value)
        return list(given.values()), False
    return [of_array(_checked(name, value, axis)) for name, value in given.items()], True


def _checked(name: str, value: Any, axis: Axes | None) -> NDArray[Any]:
    dtype = np.float32 if getattr(value, "dtype", None) == np.float32 else np.float64
    if np.ndim(value) == 0:
        array = np.asarray(value, dtype)
    else:
        array = check.as_input(value, name, dtype, ndim=None)
    if axis is None:
        whole, what = np.less_equal(array, 1).all(), "in 0..1"
    else:
        whole = np.allclose(array.sum(axis=axis), 1, rtol=0, atol=1e-3)
        what = f">= 0 that sum to 1 along axis {axis}"
    if not whole or not np.greater_equal(array, 0).all():
        raise ValueError(f"{name}: expected probabilities {what}; divide counts by their sum")
    return array


def _same_shape(p: Tensor, q: Tensor) -> None:
    check.same_shape("q", q.shape, p.shape, "p")


def _result(total: Tensor, base: float | None, arrays: bool, sign: float = 1.0) -> Any:
    found = ops.div(total, sign * _log_base(base))
    if not arrays:
        return found
    return np.asarray(found._array) + 0.0 if found.ndim else float(found.item()) + 0.0  # no -0.0


def entropy(p: Any, *, base: float | None = None, axis: int = -1) -> Any:
    """Shannon entropy, H(p) = -sum p log p.

    Args:
        p: array or Tensor of any shape, a distribution along `axis`.
        base: base of the logarithm; default e (nats), 2 for bits.
        axis: axis along which each distribution sums to 1; default the last.

    Raises:
        ValueError: an array is not a distribution, or the base is invalid.

    >>> from fastnn import info
    >>> info.entropy([0.5, 0.25, 0.25], base=2)
    1.5
    """
    (t,), arrays = _distributions(axis, p=p)
    return _result(ops.sum(_times_log(t, t), axis), base, arrays, -1.0)


def cross_entropy(p: Any, q: Any, *, base: float | None = None, axis: int = -1) -> Any:
    """Cross-entropy, H(p, q) = -sum p log q; inf where q is 0 and p is not.

    Arguments as for `entropy`.

    >>> from fastnn import info
    >>> info.cross_entropy([0.5, 0.5], [0.25, 0.75], base=2) > info.entropy([0.5, 0.5], base=2)
    True
    """
    (a, b), arrays = _distributions(axis, p=p, q=q)
    _same_shape(a, b)
    return _result(ops.sum(_times_log(a, b), axis), base, arrays, -1.0)


def kl_divergence(p: Any, q: Any, *, base: float | None = None, axis: int = -1) -> Any:
    """Kullback-Leibler divergence, KL(p || q) = sum p log (p / q); inf where q is 0 and p is not.

    Arguments as for `entropy`.

    >>> from fastnn import info
    >>> round(info.kl_divergence([1, 0, 0], [0.7, 0.2, 0.1]), 6)
    0.356675
    """
    (a, b), arrays = _distributions(axis, p=p, q=q)
    _same_shape(a, b)
    return _result(ops.sum(_divergences(a, b), axis), base, arrays)


def _divergences(p: Tensor, q: Tensor) -> Tensor:
    """p log (p / q), elementwise."""
    return ops.sub(_times_log(p, p), _times_log(p, q))


def js_divergence(p: Any, q: Any, *, base: float | None = None, axis: int = -1) -> Any:
    """Jensen-Shannon divergence, JS(p, q) = (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2.

    At most log 2. Arguments as for `entropy`. SciPy's `jensenshannon` is its square root.

    >>> from fastnn import info
    >>> info.js_divergence([1, 0], [0, 1], base=2)
    1.0
    """
    (a, b), arrays = _distributions(axis, p=p, q=q)
    _same_shape(a, b)
    m = ops.mul(ops.add(a, b), 0.5)
    both = ops.add(_divergences(a, m), _divergences(b, m))
    return _result(ops.mul(ops.sum(both, axis), 0.5), base, arrays)


def binary_entropy(p: Any, *, base: float | None = None) -> Any:
    """Binary entropy, -p log p - (1 - p) log (1 - p), of each element of p in 0..1.

    >>> from fastnn import info
    >>> info.binary_entropy([0, 0.5, 1], base=2)
    array([0., 1., 0.])
    """
    (t,), arrays = _distributions(None, p=p)
    no = ops.sub(1.0, t)
    return _result(ops.add(_times_log(t, t), _times_log(no, no)), base, arrays, -1.0)


def mutual_information(joint: Any, *, base: float | None = None) -> Any:
    """Mutual information, I = sum p(x, y) log (p(x, y) / (p(x) p(y))).

    Args:
        joint: joint distribution p(x, y) of shape (..., n, m); sums to 1 over the last two axes.
        base: as for `entropy`.

    >>> from fastnn import info
    >>> info.mutual_information([[0.5, 0], [0, 0.5]], base=2)
    1.0
    """
    if np.ndim(joint._array if isinstance(joint, Tensor) else joint) < 2:
        raise ValueError("joint: expected a table (..., n, m) of p(x, y)")
    (t,), arrays = _distributions((-2, -1), joint=joint)
    apart = ops.mul(ops.sum(t, -1, True), ops.sum(t, -2, True))
    return _result(ops.sum(_divergences(t, apart), (-2, -1)), base, arrays)

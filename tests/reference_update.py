"""The optimizers' rows of reference.py.

All take p, hyper, the moments and g, and give what they write in that order.
hyper = (lr, decay, decoupled, sign, l1, up to four numbers of the row, steps done, two of state).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
OWN, STEPS, STATE = 5, 9, 10


def _real(x: ArrayLike | None) -> Any:
    x = np.asarray(x)
    return x if x.dtype == np.longdouble else x.astype(np.float64)


def _begin(p: ArrayLike, hyper: ArrayLike, g: ArrayLike) -> tuple[Array, Array, Array, Array, Any]:
    """p after decoupled decay, hyper after the step, own, d = +-g + decay p, and t."""
    p, g, after = _real(p), _real(g), np.array(hyper, np.float64)
    lr, decay, decoupled, sign = after[:4].astype(p.dtype)
    after[STEPS] += 1
    own, t = after[OWN:STEPS].astype(p.dtype), after[STEPS].astype(p.dtype)
    return p - lr * decoupled * p, after, own, sign * g + decay * p, t


def lerp(a: ArrayLike, b: ArrayLike, weight: ArrayLike) -> Array:
    """(1 - weight) a + weight b."""
    a, b, weight = _real(a), _real(b), _real(weight)
    return np.asarray((1 - weight) * a + weight * b)


def sgd_step(
    p: ArrayLike,
    hyper: ArrayLike,
    momentum_buffer: ArrayLike | None,
    g: ArrayLike,
    *,
    nesterov: bool = False,
    form: int = 0,
) -> tuple[Array, Array, Array | None]:
    """b = mu b + (1 - dampening) d, d at the first step; p -= lr b. Source: torch.optim.SGD.

    nesterov: p -= lr (d + mu b). Without a buffer: p -= lr d. own = (mu, dampening).
    form 1 (keras.optimizers.SGD, where velocity = -b): b = mu b + lr d; p -= b, or lr d + mu b.
    form 2: b = mu b + (1 - mu) d, from 0; p -= lr b.
    """
    p, after, (mu, dampening, *_), d, _ = _begin(p, hyper, g)
    lr = after[0].astype(p.dtype)
    if momentum_buffer is None:
        return p - lr * d, after, None
    b, first = _real(momentum_buffer), after[STEPS] == 1
    if form == 1:
        b = (0 if first else mu * b) + lr * d
        return p - (lr * d + mu * b if nesterov else b), after, b
    if form == 2:
        b = (0 if first else mu * b) + (1 - mu) * d
    else:
        b = d if first else mu * b + (1 - dampening) * d
    return p - lr * (d + mu * b if nesterov else b), after, b


def lion_step(p: ArrayLike, hyper: ArrayLike, m: ArrayLike, g: ArrayLike) -> tuple[Array, ...]:
    """p -= lr sign(b1 m + (1 - b1) d); m = b2 m + (1 - b2) d. Chen et al. 2023, program 1."""
    p, after, (b1, b2, *_), d, _ = _begin(p, hyper, g)
    m = _real(m)
    return p - after[0] * np.sign(b1 * m + (1 - b1) * d), after, b2 * m + (1 - b2) * d


def rprop_step(
    p: ArrayLike, hyper: ArrayLike, prev: ArrayLike, size: ArrayLike, g: ArrayLike
) -> tuple[Array, ...]:
    """A step size for each element grows by eta+ or shrinks by eta-. Source: torch.optim.Rprop.

    own = (eta-, eta+, smallest, largest). Where the sign turned there is no step.
    """
    p, after, (down, up, low, high), d, _ = _begin(p, hyper, g)
    if after[STEPS] == 1:
        prev, size = np.zeros_like(p), np.full_like(p, after[0])
    turn = np.sign(d) * np.sign(_real(prev))
    size = np.clip(_real(size) * np.where(turn > 0, up, np.where(turn < 0, down, 1)), low, high)
    d = np.where(turn < 0, 0, d)
    return p - np.sign(d) * size, after, d, size


def asgd_step(p: ArrayLike, hyper: ArrayLike, ax: ArrayLike, g: ArrayLike) -> tuple[Array, ...]:
    """p = (1 - lambd eta) p - eta d; ax += mu (p - ax). own = (lambd, alpha, t0).

    eta and mu come from the state; those of the next step: eta = lr / (1 + lambd lr t)^alpha,
    mu = 1 / max(1, t - t0). Source: torch.optim.ASGD.
    """
    p, after, (lambd, alpha, t0, _), d, t = _begin(p, hyper, g)
    lr = after[0].astype(p.dtype)
    eta, mu = (lr, 1.0) if t == 1 else after[STATE:].astype(p.dtype)
    p = (1 - lambd * eta) * p - eta * d
    ax = p if mu == 1 else _real(ax) + mu * (p - _real(ax))
    after[STATE:] = lr / (1 + lambd * lr * t) ** alpha, 1 / max(1, t - t0)
    return p, after, ax


def shrink_step(p: ArrayLike, hyper: ArrayLike) -> tuple[Array, Array]:
    """sign(p) max(|p| - lr l1, 0), the proximal step of l1 |p|. Parikh and Boyd 2014, 6.5.2."""
    p, after = _real(p), np.array(hyper, np.float64)
    amount = after[0].astype(p.dtype) * after[4]
    return np.where(np.abs(p) <= amount, 0, p - np.sign(p) * amount), after


def adagrad_step(
    p: ArrayLike, hyper: ArrayLike, total: ArrayLike, g: ArrayLike, *, inside: bool = False
) -> tuple[Array, ...]:
    """sum += d^2; p -= lr / (1 + (t - 1) lr_decay) d / (sqrt(sum) + eps). Duchi et al. 2011.

    inside: sqrt(sum + eps), as keras.optimizers.Adagrad. own = (lr_decay, initial sum, eps).
    """
    p, after, (lr_decay, initial, eps, _), d, t = _begin(p, hyper, g)
    total = (initial if t == 1 else _real(total)) + d * d
    below = np.sqrt(total + eps) if inside else np.sqrt(total) + eps
    return p - after[0] / (1 + (t - 1) * lr_decay) * d / below, after, total


def rmsprop_step(
    p: ArrayLike,
    hyper: ArrayLike,
    square: ArrayLike,
    mean: ArrayLike | None,
    momentum_buffer: ArrayLike | None,
    g: ArrayLike,
    *,
    inside: bool = False,
) -> tuple[Any, ...]:
    """a = alpha a + (1 - alpha) d^2; q = d / (sqrt(a) + eps); p -= lr q. Tieleman and Hinton 2012.

    mean: of d, whose square is taken from a (Graves 2013).
    momentum_buffer: b = mu b + q; p -= lr b.
    inside (keras.optimizers.RMSprop): sqrt(a + eps), and b = mu b + lr q; p -= b.
    own = (alpha, eps, mu).
    """
    p, after, (alpha, eps, mu, _), d, _ = _begin(p, hyper, g)
    lr = after[0].astype(p.dtype)
    square = alpha * _real(square) + (1 - alpha) * d * d
    spread = square
    if mean is not None:
        mean = alpha * _real(mean) + (1 - alpha) * d
        spread = np.maximum(square - mean * mean, 0)
    step = lr * d / (np.sqrt(spread + eps) if inside else np.sqrt(spread) + eps)
    if momentum_buffer is None:
        return p - step, after, square, mean, None
    scale = 1 if inside else lr
    b = mu * _real(momentum_buffer) + step / scale
    return p - scale * b, after, square, mean, b


def adadelta_step(
    p: ArrayLike, hyper: ArrayLike, square: ArrayLike, delta: ArrayLike, g: ArrayLike
) -> tuple[Array, ...]:
    """s = sqrt(delta + eps) / sqrt(square + eps) d; p -= lr s. Zeiler 2012, algorithm 1.

    square and delta are running means of d^2 and s^2. own = (rho, eps).
    """
    p, after, (rho, eps, *_), d, _ = _begin(p, hyper, g)
    square, delta = rho * _real(square) + (1 - rho) * d * d, _real(delta)
    s = np.sqrt(delta + eps) / np.sqrt(square + eps) * d
    return p - after[0] * s, after, square, rho * delta + (1 - rho) * s * s


def adamax_step(
    p: ArrayLike, hyper: ArrayLike, m: ArrayLike, v: ArrayLike, g: ArrayLike
) -> tuple[Array, ...]:
    """v = max(b2 v, |d| + eps); p -= lr / (1 - b1^t) m / v. Kingma and Ba 2015, algorithm 2."""
    p, after, (b1, b2, eps, _), d, t = _begin(p, hyper, g)
    m = b1 * _real(m) + (1 - b1) * d
    v = np.maximum(b2 * _real(v), np.abs(d) + eps)
    return p - after[0] / (1 - b1**t) * m / v, after, m, v


def _moments(
    m: ArrayLike, v: ArrayLike, b1: Any, b2: Any, d: Array, t: Any
) -> tuple[Array, Array, Array, Any]:
    """The running means, the corrected first one, and the correction of the second."""
    m, v = b1 * _real(m) + (1 - b1) * d, b2 * _real(v) + (1 - b2) * d * d
    return m, v, m / (1 - b1**t), 1 - b2**t


def adam_step(
    p: ArrayLike,
    hyper: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    largest: ArrayLike | None,
    g: ArrayLike,
    *,
    scaled: bool = False,
) -> tuple[Any, ...]:
    """m = b1 m + (1 - b1) d; v = b2 v + (1 - b2) d^2; p -= lr mhat / (sqrt(vhat) + eps).

    mhat = m / (1 - b1^t), vhat = v / (1 - b2^t). largest: of all v so far, instead of v. scaled, as
    Keras and scikit-learn: p -= lr sqrt(1 - b2^t) mhat / (sqrt(v) + eps). own = (b1, b2, eps).
    Source: Kingma and Ba 2015, algorithm 1; decoupled decay: Loshchilov and Hutter 2019,
    algorithm 2; largest: Reddi et al. 2018, before the correction, as in torch.optim.Adam.
    """
    p, after, (b1, b2, eps, _), d, t = _begin(p, hyper, g)
    m, v, mhat, correction = _moments(m, v, b1, b2, d, t)
    largest = None if largest is None else np.maximum(_real(largest), v)
    top = v if largest is None else largest
    if scaled:
        step = np.sqrt(correction) * mhat / (np.sqrt(top) + eps)
    else:
        step = mhat / (np.sqrt(top / correction) + eps)
    return p - after[0] * step, after, m, v, largest


def nadam_step(
    p: ArrayLike, hyper: ArrayLike, m: ArrayLike, v: ArrayLike, g: ArrayLike
) -> tuple[Array, ...]:
    """Adam with Nesterov's momentum. Source: Dozat 2016, as in torch.optim.NAdam.

    mu_t = b1 (1 - 0.96^(t fade) / 2); with P the product of mu_1..mu_t (state):
    p -= lr (mu_t+1 / (1 - P mu_t+1) m + (1 - mu_t) / (1 - P) d) / (sqrt(vhat) + eps).
    own = (b1, b2, eps, fade).
    """
    p, after, (b1, b2, eps, fade), d, t = _begin(p, hyper, g)
    m, v, _, correction = _moments(m, v, b1, b2, d, t)
    base = np.asarray(0.96)  # a double, as in the kernel
    mu, following = (b1 * (1 - base ** (n * fade) / 2) for n in (t, t + 1))
    product = mu * (1 if t == 1 else after[STATE].astype(p.dtype))
    step = following / (1 - product * following) * m + (1 - mu) / (1 - product) * d
    after[STATE] = product
    return p - after[0] * step / (np.sqrt(v / correction) + eps), after, m, v


def radam_step(
    p: ArrayLike, hyper: ArrayLike, m: ArrayLike, v: ArrayLike, g: ArrayLike
) -> tuple[Array, ...]:
    """Adam, its rate rectified by the variance of 1/sqrt(v). Source: Liu et al. 2020, algorithm 2.

    While that variance does not exist (rho <= 5): p -= lr mhat. eps under sqrt(v), as in torch.
    """
    p, after, (b1, b2, eps, _), d, t = _begin(p, hyper, g)
    m, v, mhat, correction = _moments(m, v, b1, b2, d, t)
    most = 2 / (1 - b2) - 1
    rho = most - 2 * t * b2**t / correction
    if rho <= 5:
        return p - after[0] * mhat, after, m, v
    rect = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
    return p - after[0] * rect * mhat * np.sqrt(correction) / (np.sqrt(v) + eps), after, m, v

"""Adaptive optimizer steps, which scale each element by its past gradients; see update.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from families.approx import mix
from families.update import STATE, after, begin, own, step, steps

_BETAS = (0.0, 0.5, 0.9), (0.9, 0.99, 0.999)
_EPS = (1e-8, 1e-3)
_ADAM = (*_BETAS, _EPS)


@step(steps("square", own=((0, 0.1), (0, 0.5), _EPS), inside=(0, 1)))
def adagrad_step(p, hyper, total, g, *, inside=False):
    """sum += d^2; p -= lr / (1 + (t - 1) lr_decay) d / (sqrt(sum) + eps). Duchi et al. 2011.

    inside: sqrt(sum + eps), as keras.optimizers.Adagrad. own = (lr_decay, initial sum, eps).
    """
    p, d, lr, t = begin(p, hyper, g)
    lr_decay, initial, eps = own(hyper, 3)
    total = (initial if t == 1 else total) + d * d
    below = np.sqrt(total + eps) if inside else np.sqrt(total) + eps
    return p - lr / (1 + (t - 1) * lr_decay) * (d / below), after(hyper), total


@step(steps("square", "mean?", "mean?", own=((0.9, 0.99), _EPS, (0.5, 0.9)), inside=(0, 1)),
      optional=(3, 4))  # fmt: skip
def rmsprop_step(p, hyper, square, mean, momentum_buffer, g, *, inside=False):
    """a = alpha a + (1 - alpha) d^2; q = d / (sqrt(a) + eps); p -= lr q. Tieleman and Hinton 2012.

    mean: of d, whose square is taken from a (Graves 2013).
    momentum_buffer: b = mu b + q; p -= lr b.
    inside (keras.optimizers.RMSprop): sqrt(a + eps), and b = mu b + lr q; p -= b.
    own = (alpha, eps, mu).
    """
    p, d, lr, _ = begin(p, hyper, g)
    alpha, eps, mu = own(hyper, 3)
    spread = square = mix(square, d * d, alpha)
    if mean is not None:
        mean = mix(mean, d, alpha)
        spread = np.maximum(square - mean * mean, 0)
    q = d / (np.sqrt(spread + eps) if inside else np.sqrt(spread) + eps)
    if momentum_buffer is None:
        return p - lr * q, after(hyper), square, mean, None
    b = mu * momentum_buffer + (lr * q if inside else q)
    return p - (b if inside else lr * b), after(hyper), square, mean, b


@step(steps("square", "square", own=((0.9, 0.95), (1e-6, 1e-3))))
def adadelta_step(p, hyper, square, delta, g):
    """s = sqrt(delta + eps) / sqrt(square + eps) d; p -= lr s. Zeiler 2012, algorithm 1.

    square and delta are running means of d^2 and s^2. own = (rho, eps).
    """
    p, d, lr, _ = begin(p, hyper, g)
    rho, eps = own(hyper, 2)
    square = mix(square, d * d, rho)
    s = np.sqrt(delta + eps) / np.sqrt(square + eps) * d
    return p - lr * s, after(hyper), square, mix(delta, s * s, rho)


@step(steps("mean", "square", own=_ADAM))
def adamax_step(p, hyper, m, v, g):
    """v = max(b2 v, |d| + eps); p -= lr / (1 - b1^t) m / v. Kingma and Ba 2015, algorithm 2."""
    p, d, lr, t = begin(p, hyper, g)
    b1, b2, eps = own(hyper, 3)
    m, v = mix(m, d, b1), np.maximum(b2 * v, np.abs(d) + eps)
    return p - lr / (1 - b1**t) * (m / v), after(hyper), m, v


def _moments(m: Any, v: Any, b1: Any, b2: Any, d: Any, t: Any) -> tuple[Any, Any, Any, Any]:
    """The running means, the corrected first one, and the correction of the second."""
    m, v = mix(m, d, b1), mix(v, d * d, b2)
    return m, v, m / (1 - b1**t), 1 - b2**t


@step(steps("mean", "square", "square?", own=_ADAM, scaled=(0, 1), hard=((8197,),)),
      optional=(4,))  # fmt: skip
def adam_step(p, hyper, m, v, largest, g, *, scaled=False):
    """m = b1 m + (1 - b1) d; v = b2 v + (1 - b2) d^2; p -= lr mhat / (sqrt(vhat) + eps).

    mhat = m / (1 - b1^t), vhat = v / (1 - b2^t). largest: of all v so far, instead of v. scaled, as
    Keras and scikit-learn: p -= lr sqrt(1 - b2^t) mhat / (sqrt(v) + eps). own = (b1, b2, eps).
    Source: Kingma and Ba 2015, algorithm 1; decoupled decay: Loshchilov and Hutter 2019,
    algorithm 2; largest: Reddi et al. 2018, before the correction, as in torch.optim.Adam.
    """
    p, d, lr, t = begin(p, hyper, g)
    b1, b2, eps = own(hyper, 3)
    m, v, mhat, correction = _moments(m, v, b1, b2, d, t)
    largest = None if largest is None else np.maximum(largest, v)
    top = v if largest is None else largest
    if scaled:
        step = np.sqrt(correction) * mhat / (np.sqrt(top) + eps)
    else:
        step = mhat / (np.sqrt(top / correction) + eps)
    return p - lr * step, after(hyper), m, v, largest


@step(steps("mean", "square", own=(*_ADAM, (0, 4e-3)), state=True))
def nadam_step(p, hyper, m, v, g):
    """Adam with Nesterov's momentum. Source: Dozat 2016, as in torch.optim.NAdam.

    mu_t = b1 (1 - 0.96^(t fade) / 2); with P the product of mu_1..mu_t (state):
    p -= lr (mu_t+1 / (1 - P mu_t+1) m + (1 - mu_t) / (1 - P) d) / (sqrt(vhat) + eps).
    own = (b1, b2, eps, fade).
    """
    p, d, lr, t = begin(p, hyper, g)
    b1, b2, eps, fade = own(hyper, 4)
    m, v, _, correction = _moments(m, v, b1, b2, d, t)
    base = np.asarray(0.96)  # a double, as in the kernel
    mu, following = (b1 * (1 - base ** (n * fade) / 2) for n in (t, t + 1))
    product = mu * (1.0 if t == 1 else hyper[STATE])
    step = following / (1 - product * following) * m + (1 - mu) / (1 - product) * d
    return p - lr * (step / (np.sqrt(v / correction) + eps)), after(hyper, product), m, v


@step(steps("mean", "square", own=_ADAM))
def radam_step(p, hyper, m, v, g):
    """Adam, its rate rectified by the variance of 1/sqrt(v). Source: Liu et al. 2020, algorithm 2.

    While that variance does not exist (rho <= 5): p -= lr mhat. eps under sqrt(v), as in torch.
    """
    p, d, lr, t = begin(p, hyper, g)
    b1, b2, eps = own(hyper, 3)
    m, v, mhat, correction = _moments(m, v, b1, b2, d, t)
    most = 2 / (1 - b2) - 1
    rho = most - 2 * t * b2**t / correction
    if rho <= 5:
        return p - lr * mhat, after(hyper), m, v
    rect = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
    return p - lr * rect * mhat * np.sqrt(correction) / (np.sqrt(v) + eps), after(hyper), m, v

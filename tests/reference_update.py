"""The optimizers' rows of reference.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def _real(x: ArrayLike) -> Array:
    x = np.asarray(x)
    return x if x.dtype == np.longdouble else x.astype(np.float64)


def sgd_step(
    p: ArrayLike,
    momentum_buffer: ArrayLike | None,
    hyper: ArrayLike,
    g: ArrayLike,
    *,
    nesterov: bool = False,
) -> tuple[Array, Array | None, Array]:
    """g += wd p; v = g at the first step, then mu v + (1 - dampening) g; p -= lr v.

    nesterov: p -= lr (g + mu v). Without a buffer: p -= lr g. Source: torch.optim.SGD.
    hyper = (lr, mu, dampening, wd, steps done, unused).
    """
    p, g, hyper = _real(p), _real(g), np.array(hyper, np.float64)
    lr, mu, dampening, wd, steps = hyper[:5].astype(p.dtype)
    hyper[4] += 1
    d = g + wd * p
    if momentum_buffer is None:
        return p - lr * d, None, hyper
    v = d if steps == 0 else mu * _real(momentum_buffer) + (1 - dampening) * d
    return p - lr * (d + mu * v if nesterov else v), v, hyper


def adam_step(
    p: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    hyper: ArrayLike,
    g: ArrayLike,
    *,
    decoupled: bool = False,
) -> tuple[Array, Array, Array, Array]:
    """m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= lr mhat / (sqrt(vhat) + eps).

    mhat = m / (1 - b1^t), vhat = v / (1 - b2^t). Weight decay adds wd p to g, or, decoupled,
    takes lr wd p from p. hyper = (lr, b1, b2, eps, wd, steps done). Source: Kingma and Ba 2015,
    algorithm 1; Loshchilov and Hutter 2019, algorithm 2, as in torch.optim.AdamW.
    """
    p, m, v, g = _real(p), _real(m), _real(v), _real(g)
    hyper = np.array(hyper, np.float64)
    lr, b1, b2, eps, wd, t = hyper.astype(p.dtype)
    t = t + 1
    hyper[5] += 1
    if decoupled:
        p = p - lr * wd * p
    else:
        g = g + wd * p
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g * g
    return p - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps), m, v, hyper

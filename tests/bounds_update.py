"""The optimizers' rows of bounds.py: the kernel's own form, carried out on values with errors.

`Near` is a value and how far a computed one may be from it (a running error analysis, Higham,
Accuracy and Stability, section 3.3): each operation adds what its operands carry, one rounding
and one flush. An fma rounds less often than the product and the sum it stands for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from reference_update import OWN, STATE, STEPS

Array = NDArray[Any]
DOUBLE = 2.0**-53


class Near:
    def __init__(self, real: Any, value: Any, error: Any = 0.0) -> None:
        self.real, self.value, self.error = real, np.asarray(value, real.wide), error

    def _rounded(self, value: Any, error: Any) -> Near:
        return Near(
            self.real, value, error + self.real.u * (np.abs(value) + error) + self.real.tiny
        )

    def __add__(self, other: Near) -> Near:
        return self._rounded(self.value + other.value, self.error + other.error)

    def __sub__(self, other: Near) -> Near:
        return self._rounded(self.value - other.value, self.error + other.error)

    def __mul__(self, other: Near) -> Near:
        error = np.abs(self.value) * other.error + self.error * (np.abs(other.value) + other.error)
        return self._rounded(self.value * other.value, error)

    def __truediv__(self, other: Near) -> Near:
        value, least = self.value / other.value, np.abs(other.value) - other.error
        error = (self.error + np.abs(value) * other.error) / np.maximum(least, 0)
        return self._rounded(value, np.where(least > 0, error, np.inf))

    def __abs__(self) -> Near:
        return Near(self.real, np.abs(self.value), self.error)

    def sqrt(self) -> Near:
        value = np.sqrt(self.value)
        low = np.sqrt(np.maximum(self.value - self.error, 0))
        high = np.sqrt(self.value + self.error)
        return self._rounded(value, np.maximum(value - low, high - value))

    def maximum(self, other: Near) -> Near:
        """The larger of the two: off by no more than the worse of them."""
        error = np.maximum(self.error, other.error)
        return Near(self.real, np.maximum(self.value, other.value), error)

    def sign(self) -> Near:
        unsure = np.abs(self.value) <= self.error
        return Near(self.real, np.sign(self.value), np.where(unsure, 2.0, 0.0))


class Step:
    """What all rows begin and end with."""

    def __init__(self, real: Any, p: Array, hyper: Array, g: Array | None) -> None:
        self.real, self.hyper = real, hyper
        self.lr, decay, decoupled, sign = hyper[:4]
        self.own, self.t = hyper[OWN:STEPS], hyper[STEPS] + 1
        self.first = self.t == 1
        self.old = Near(real, p)
        self.shrink = self.number(1 - self.lr * decoupled, 2)
        if g is not None:
            self.d = self.number(sign) * Near(real, g) + self.number(decay) * self.old

    def number(self, value: Any, operations: float = 0) -> Near:
        """A coefficient: made by some operations in double, rounded once to the real type."""
        error = np.abs(value) * (self.real.u + operations * DOUBLE * (1 + self.real.u))
        return Near(self.real, value, error)

    def near(self, x: Array) -> Near:
        return Near(self.real, x)

    def moved(self, rate: Near, s: Near) -> Any:
        return (self.old * self.shrink - rate * s).error

    def state(self, error: float = 0.0) -> Array:
        """The error of hyper: what is kept beside the steps is made in double."""
        errors = np.zeros(12)
        errors[STATE:] = error
        return errors


def _mean(step: Step, m: Array, weight: Any) -> Near:
    last = step.near(m)
    return (step.d - last) * step.number(weight, 1) + last


def _square(step: Step, v: Array, keep: Any) -> Near:
    return step.number(1 - keep, 1) * step.d * step.d + step.number(keep) * step.near(v)


def bound_lerp(real: Any, a: Array, b: Array, weight: Array) -> Any:
    """Either form, whose last sum may start from a or from b."""
    near = [Near(real, x) for x in (a, b, weight)]
    gap, one = near[1] - near[0], Near(real, 1.0)
    low, high = near[0] + near[2] * gap, near[1] - (one - near[2]) * gap
    return (np.where(np.abs(weight) < 0.5, low.error, high.error),)


def bound_sgd_step(
    real: Any, p: Array, hyper: Array, b: Array | None, g: Array, *, nesterov: int, form: int
) -> tuple[Any, ...]:
    step = Step(real, p, hyper, g)
    (mu, dampening), rate, direct = step.own[:2], step.number(step.lr), step.number(1.0)
    if b is None:
        return step.moved(rate, step.d), step.state(), None
    gain = step.number(1 - mu if form == 2 else 1.0 if step.first else 1 - dampening, 1)
    if form == 1:
        gain, direct, rate = rate, rate, step.number(1.0)
    new = step.number(mu) * step.near(b * (not step.first)) + gain * step.d
    s = step.number(mu) * new + direct * step.d if nesterov else new
    return step.moved(rate, s), step.state(), new.error


def bound_lion_step(real: Any, p: Array, hyper: Array, m: Array, g: Array) -> tuple[Any, ...]:
    step = Step(real, p, hyper, g)
    s = _mean(step, m, 1 - step.own[0]).sign()
    return step.moved(step.number(step.lr), s), step.state(), _mean(step, m, 1 - step.own[1]).error


def bound_rprop_step(
    real: Any, p: Array, hyper: Array, prev: Array, size: Array, g: Array
) -> tuple[Any, ...]:
    """d = +-g is exact, and with it every choice; the step size has two roundings."""
    largest = np.minimum(np.maximum(np.abs(size) * 1.2, hyper[0]), 50.0)
    error = real.gamma(3) * largest + 2 * real.tiny
    return error + real.gamma(2) * (np.abs(p) + largest), np.zeros(12), 0.0, error


def bound_asgd_step(real: Any, p: Array, hyper: Array, ax: Array, g: Array) -> tuple[Any, ...]:
    step = Step(real, p, hyper, g)
    eta, mu = (step.lr, 1.0) if step.first else hyper[STATE:]
    step.shrink = step.number(1 - step.own[0] * eta, 2)
    new = step.old * step.shrink - step.number(eta) * step.d
    last = new if mu == 1 else step.near(ax)
    return new.error, step.state(8 * DOUBLE), ((new - last) * step.number(mu) + last).error


def bound_shrink_step(real: Any, p: Array, hyper: Array) -> tuple[Any, ...]:
    """Continuous in the amount, which rounds once; so does the difference."""
    amount = hyper[0] * hyper[4]
    return real.gamma(2) * (np.abs(p) + amount) + real.tiny, np.zeros(12)


def bound_adagrad_step(
    real: Any, p: Array, hyper: Array, total: Array, g: Array, *, inside: int
) -> tuple[Any, ...]:
    step = Step(real, p, hyper, g)
    lr_decay, initial, eps = step.own[:3]
    squares = step.d * step.d + (step.number(initial) if step.first else step.near(total))
    root = (squares + step.number(eps * inside)).sqrt() + step.number(eps * (not inside))
    rate = step.number(step.lr / (1 + (step.t - 1) * lr_decay), 4)
    return step.moved(rate, step.d / root), step.state(), squares.error


def bound_rmsprop_step(
    real: Any,
    p: Array,
    hyper: Array,
    square: Array,
    mean: Array | None,
    b: Array | None,
    g: Array,
    *,
    inside: int,
) -> tuple[Any, ...]:
    step = Step(real, p, hyper, g)
    (alpha, eps, mu), rate = step.own[:3], step.number(step.lr)
    spread = new = _square(step, square, alpha)
    centre = None if mean is None else _mean(step, mean, 1 - alpha)
    if centre is not None:
        spread = (spread - centre * centre).maximum(step.near(np.zeros_like(p)))
    s = step.d / ((spread + step.number(eps * inside)).sqrt() + step.number(eps * (not inside)))
    if b is not None:
        gain = rate if inside else step.number(1.0)
        rate = step.number(1.0) if inside else rate
        s = step.number(mu) * step.near(b) + gain * s
    errors = (None if x is None else y.error for x, y in ((mean, centre), (b, s)))
    return step.moved(rate, s), step.state(), new.error, *errors


def bound_adadelta_step(
    real: Any, p: Array, hyper: Array, square: Array, delta: Array, g: Array
) -> tuple[Any, ...]:
    step = Step(real, p, hyper, g)
    (rho, eps), new = step.own[:2], _square(step, square, step.own[0])
    above = step.near(delta) + step.number(eps)
    s = (above / (new + step.number(eps))).sqrt() * step.d
    kept = step.number(1 - rho, 1) * s * s + step.number(rho) * step.near(delta)
    return step.moved(step.number(step.lr), s), step.state(), new.error, kept.error


def bound_adamax_step(
    real: Any, p: Array, hyper: Array, m: Array, v: Array, g: Array
) -> tuple[Any, ...]:
    step = Step(real, p, hyper, g)
    b1, b2, eps = step.own[:3]
    mean = _mean(step, m, 1 - b1)
    largest = (step.number(b2) * step.near(v)).maximum(abs(step.d) + step.number(eps))
    rate = step.number(step.lr / (1 - b1**step.t), 4 / (1 - b1**step.t))
    return step.moved(rate, mean / largest), step.state(), mean.error, largest.error


def _correction(beta: Any, t: Any) -> tuple[Any, Any]:
    """1 - beta^t, and its relative error in units of double: the difference cancels."""
    value = 1 - beta**t
    return value, 4 / value


def bound_adam_step(
    real: Any,
    p: Array,
    hyper: Array,
    m: Array,
    v: Array,
    largest: Array | None,
    g: Array,
    *,
    scaled: int,
) -> tuple[Any, ...]:
    step = Step(real, p, hyper, g)
    b1, b2, eps = step.own[:3]
    mean, square = _mean(step, m, 1 - b1), _square(step, v, b2)
    top = square if largest is None else step.near(largest).maximum(square)
    (first, first_off), (second, off) = _correction(b1, step.t), _correction(b2, step.t)
    root = step.number(1 / np.sqrt(second), off + 3)
    below = top.sqrt() * root + step.number(eps / np.sqrt(second) if scaled else eps, off + 4)
    s = mean * step.number(1.0) / below
    last = None if largest is None else top.error
    rate = step.number(step.lr / first, first_off + 1)
    return step.moved(rate, s), step.state(), mean.error, square.error, last


def bound_nadam_step(
    real: Any, p: Array, hyper: Array, m: Array, v: Array, g: Array
) -> tuple[Any, ...]:
    step = Step(real, p, hyper, g)
    b1, b2, eps, fade = step.own
    mean, square = _mean(step, m, 1 - b1), _square(step, v, b2)
    mu, following = (b1 * (1 - np.asarray(0.96) ** (n * fade) / 2) for n in (step.t, step.t + 1))
    product = mu * (1 if step.first else hyper[STATE])
    second, off = _correction(b2, step.t)
    below = square.sqrt() * step.number(1 / np.sqrt(second), off + 3) + step.number(eps)
    share_m = step.number(following / (1 - product * following), 16 / (1 - product * following))
    share_d = step.number((1 - mu) / (1 - product), 8 / (1 - mu) + 8 / (1 - product))
    s = (share_d * step.d + share_m * mean) / below
    rate = step.number(step.lr)
    return step.moved(rate, s), step.state(16 * DOUBLE), mean.error, square.error


def bound_radam_step(
    real: Any, p: Array, hyper: Array, m: Array, v: Array, g: Array
) -> tuple[Any, ...]:
    step = Step(real, p, hyper, g)
    (b1, b2, eps), t = step.own[:3], step.t
    mean, square = _mean(step, m, 1 - b1), _square(step, v, b2)
    (first, first_off), (second, off) = _correction(b1, t), _correction(b2, t)
    most = 2 / (1 - b2) - 1
    rho = most - 2 * t * b2**t / second
    if rho <= 5:
        s, rate = mean, step.number(step.lr / first, first_off + 1)
    else:
        root = step.number(1 / np.sqrt(second), off + 3)
        s = mean / (square.sqrt() * root + step.number(eps / np.sqrt(second), off + 4))
        rect = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
        cancelled = 16 * most * off / min(rho - 4, most - 4)
        rate = step.number(step.lr / first * rect, first_off + cancelled + 16)
    return step.moved(rate, s), step.state(), mean.error, square.error

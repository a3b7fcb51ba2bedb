"""Optimizer steps: SGD-like and sign-based ones. update_adaptive.py has the adaptive ones.

All take p, hyper, the moments and g, and give what they write in that order.
hyper = (lr, decay, decoupled, sign, l1, up to four numbers of the op, steps done, two of state).
The references run on numbers with errors: hyper and what is made of it alone is in double.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from families.approx import Approx, Real, mix
from families.base import (
    TAILS,
    TIES,
    Array,
    Bound,
    Calls,
    Case,
    Dims,
    Reference,
    by_errors,
    off,
    op,
    size,
    values,
)

OWN, STEPS, STATE, SIZE = 5, 9, 10, 12  # places in hyper


def steps(
    *moments: str,
    own: tuple[tuple[float, ...], ...] = (),
    decays: bool = True,
    state: bool = False,
    hard: tuple[Dims, ...] = (),
    **attributes: tuple[int, ...],
) -> Calls:
    """Calls of a step.

    moments: "mean" of any sign, "square" >= 0; with a ? it may be left out. own: what the op's
    numbers are drawn from; attributes: what its attributes are drawn from, which are keywords of
    the reference. state: it keeps numbers beside the step count. hard: see Calls.
    """

    def moment(name: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Array | None:
        if name.endswith("?") and rng.random() < 0.4:
            return None
        x = values(rng, dims, real, flavour)
        return (np.square(x) if name.startswith("square") else x).astype(real)

    def draw(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        hyper = np.zeros(SIZE)
        hyper[0] = rng.choice([1e-3, 0.1, 1])
        hyper[3] = rng.choice([1, -1])
        if decays:
            hyper[1], hyper[2] = rng.choice([[0, 0], [0.01, 0], [0, 0.3]])
        hyper[OWN : OWN + len(own)] = [rng.choice(choices) for choices in own]
        hyper[STEPS] = rng.choice([0, 1, 7, 1000])
        hyper[STATE:] = (rng.random(2) if state else 0) * (hyper[STEPS] > 0)
        keywords = {name: int(rng.choice(choices)) for name, choices in attributes.items()}
        p, g = values(rng, dims, real, flavour), values(rng, dims, real, flavour)
        found = [moment(name, real, dims, rng, flavour) for name in moments]
        if not hyper[STEPS]:
            found = [None if x is None else np.zeros_like(x) for x in found]
        inputs = [p, hyper, *found, g]
        attrs = tuple(keywords.values())
        return Case(op, real, inputs, [], dims, keywords, attrs, len(inputs) - 1)

    tails = tuple((n,) for n in TAILS)
    many = ((11,),) * 40  # so that every choice of numbers and attributes is drawn
    return Calls(draw, st.tuples(size(65)), tails, ((300_001,),), TIES, hard=(*many, *hard))


def of_step(reference: Reference) -> Bound:
    """The reference on numbers with errors, hyper in double."""
    return by_errors(reference, doubles=(1,))


step = functools.partial(op, bound=of_step)


def begin(p: Any, hyper: Any, g: Any) -> tuple[Any, Any, Any, Any]:
    """p after decoupled decay, d = +-g + decay p, lr, and t, the number of this step."""
    lr, decay, decoupled, sign = (hyper[i] for i in range(4))
    return (1 - lr * decoupled) * p, sign * g + decay * p, lr, count(hyper)


def count(hyper: Any) -> Any:
    """The number of this step; it is exact."""
    return getattr(hyper, "value", hyper)[STEPS] + 1


def own(hyper: Any, n: int) -> list[Any]:
    """The numbers of the op."""
    return [hyper[OWN + i] for i in range(n)]


def after(hyper: Any, *state: Any) -> Any:
    """hyper when the step is done: one step more, and what the op keeps."""
    new, errors = np.array(getattr(hyper, "value", hyper)), np.zeros(SIZE)
    new[STEPS] += 1
    for i, x in enumerate(state, STATE):
        new[i], errors[i] = getattr(x, "value", x), getattr(x, "error", 0)
    return Approx(hyper.real, new, errors) if isinstance(hyper, Approx) else new


@step(steps("mean?", own=((0.5, 0.9), (0, 0.3)), nesterov=(0, 1), form=(0, 1, 2)), optional=(2,))
def sgd_step(p, hyper, momentum_buffer, g, *, nesterov=False, form=0):
    """b = mu b + (1 - dampening) d, d at the first step; p -= lr b. Source: torch.optim.SGD.

    nesterov: p -= lr (d + mu b). Without a buffer: p -= lr d. own = (mu, dampening).
    form 1 (keras.optimizers.SGD, where velocity = -b): b = mu b + lr d; p -= b, or lr d + mu b.
    form 2: b = mu b + (1 - mu) d, from 0; p -= lr b.
    """
    p, d, lr, t = begin(p, hyper, g)
    mu, dampening = own(hyper, 2)
    if momentum_buffer is None:
        return p - lr * d, after(hyper), None
    b = momentum_buffer * float(t > 1)
    if form == 1:
        b = mu * b + lr * d
        return p - (lr * d + mu * b if nesterov else b), after(hyper), b
    if form == 2:
        b = mu * b + (1 - mu) * d
    else:
        b = d if t == 1 else mu * b + (1 - dampening) * d
    return p - lr * (d + mu * b if nesterov else b), after(hyper), b


@step(steps("mean", own=((0.0, 0.5, 0.9), (0.9, 0.99, 0.999))))
def lion_step(p, hyper, m, g):
    """p -= lr sign(b1 m + (1 - b1) d); m = b2 m + (1 - b2) d. Chen et al. 2023, program 1."""
    p, d, lr, _ = begin(p, hyper, g)
    b1, b2 = own(hyper, 2)
    return p - lr * np.sign(mix(m, d, b1)), after(hyper), mix(m, d, b2)


@op(steps("mean", "square", own=((0.5,), (1.2,), (1e-6,), (50.0,)), decays=False))
def rprop_step(p, hyper, prev, size, g):
    """A step size for each element grows by eta+ or shrinks by eta-. Source: torch.optim.Rprop.

    own = (eta-, eta+, smallest, largest). Where the sign turned there is no step.
    """
    p, d, lr, t = begin(p, hyper, g)
    down, up, low, high = own(hyper, 4)
    if t == 1:
        prev, size = np.zeros_like(p), np.full_like(p, lr)
    turn = np.sign(d) * np.sign(prev)
    size = np.clip(size * np.where(turn > 0, up, np.where(turn < 0, down, 1)), low, high)
    d = np.where(turn < 0, 0, d)
    return p - np.sign(d) * size, after(hyper), d, size


@off(rprop_step)
def _(real: Real, p: Array, hyper: Array, prev: Array, size: Array, g: Array) -> tuple[Any, ...]:
    """d = +-g is exact, and with it every choice; the step size has two roundings."""
    largest = np.minimum(np.maximum(np.abs(size) * 1.2, hyper[0]), 50.0)
    error = real.gamma(3) * largest + 2 * real.tiny
    return error + real.gamma(2) * (np.abs(p) + largest), 0.0, 0.0, error


@step(steps("mean", own=((0, 1e-4, 0.1), (0.75,), (3.0, 1e6)), decays=False, state=True))
def asgd_step(p, hyper, ax, g):
    """p = (1 - lambd eta) p - eta d; ax += mu (p - ax). own = (lambd, alpha, t0).

    eta and mu come from the state; those of the next step: eta = lr / (1 + lambd lr t)^alpha,
    mu = 1 / max(1, t - t0). Source: torch.optim.ASGD.
    """
    p, d, lr, t = begin(p, hyper, g)
    lambd, alpha, t0 = own(hyper, 3)
    eta, mu = (lr, 1.0) if t == 1 else (hyper[STATE], hyper[STATE + 1])
    p = (1 - lambd * eta) * p - eta * d
    ax = p if getattr(mu, "value", mu) == 1 else ax + mu * (p - ax)
    later = lr / (1 + lambd * lr * t) ** alpha
    return p, after(hyper, later, 1 / np.maximum(t - t0, 1)), ax


def _draw_shrink(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    hyper = np.zeros(SIZE)
    hyper[[0, 4]] = rng.choice([0.1, 1]), rng.choice([0, 0.3, 10])
    return Case(op, real, [values(rng, dims, real, flavour), hyper], [], dims, in_place=2)


_SHRINK = Calls(_draw_shrink, st.tuples(size(65)), tuple((n,) for n in TAILS), ((300_001,),), TIES)


@op(_SHRINK)
def shrink_step(p, hyper):
    """sign(p) max(|p| - lr l1, 0), the proximal step of l1 |p|. Parikh and Boyd 2014, 6.5.2."""
    amount = hyper[0] * hyper[4]
    return np.where(np.abs(p) <= amount, 0, p - np.sign(p) * amount), hyper


@off(shrink_step)
def _(real: Real, p: Array, hyper: Array) -> tuple[Any, ...]:
    """Continuous in the amount, which rounds once; so does the difference."""
    return real.gamma(2) * (np.abs(p) + hyper[0] * hyper[4]) + real.tiny, 0.0

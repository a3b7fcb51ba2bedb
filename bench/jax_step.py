"""Loss and Adam step as pure functions, for both JAX rivals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from bench.cases import Case
from bench.data import Data

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
Params = list[tuple[jax.Array, jax.Array]]


class State(NamedTuple):
    params: Params
    m: Params
    v: Params
    done: jax.Array


def start(data: Data) -> State:
    params = [(jnp.array(w), jnp.array(b)) for w, b in zip(data.w, data.b, strict=True)]

    def zeros() -> Params:
        return jax.tree.map(jnp.zeros_like, params)

    return State(params, zeros(), zeros(), jnp.zeros((), jnp.int32))


def kernel() -> str:
    """What XLA makes of a product."""
    a = jnp.ones((64, 64))
    text = jax.jit(lambda a: a @ a).lower(a).compile().as_text()
    made = {"ynn": "YNNPACK", "onednn": "oneDNN"}
    return "XLA, " + next((name for key, name in made.items() if key in text), "Eigen")


def forward(case: Case, params: Params, x: jax.Array) -> jax.Array:
    activation = jnp.tanh if case.activation == "tanh" else jax.nn.relu
    for w, b in params[:-1]:
        x = activation(x @ w + b)
    w, b = params[-1]
    return x @ w + b


def loss_of(case: Case, params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
    z = forward(case, params, x)
    if case.loss == "mse":
        return jnp.mean((z - y) ** 2)
    if case.loss == "bce":
        return jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z))))
    picked = jnp.take_along_axis(z, y[:, None], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(z, axis=1) - picked)


def step_of(case: Case) -> Callable[[State, jax.Array, jax.Array], tuple[State, jax.Array]]:
    def step(state: State, x: jax.Array, y: jax.Array) -> tuple[State, jax.Array]:
        loss, grads = jax.value_and_grad(lambda p: loss_of(case, p, x, y))(state.params)
        done = state.done + 1
        c1 = -jnp.expm1(done * math.log(BETA1))
        root = jnp.sqrt(-jnp.expm1(done * math.log(BETA2)))
        rate, eps = case.lr * root / c1, EPS * root
        m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, state.m, grads)
        v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, state.v, grads)
        params = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v) + eps), state.params, m, v
        )
        return State(params, m, v, done), loss

    return step

"""JAX for `bench.many`: one `vmap` over all nets, each with its own lr and order of the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from bench import jax_step
from bench.cases import Case
from bench.data import Data


def run_of(case: Case, data: Data, rates: list[float], epochs: int) -> Callable[[], float]:
    """Trains a net for each rate; the mean of their losses over the last epoch."""
    count, rng = len(rates), np.random.default_rng(0)
    x, y, rate = jnp.array(data.x), jnp.array(data.y), jnp.array(rates, jnp.float32)

    def one(
        state: jax_step.State, rows: jax.Array, lr: jax.Array
    ) -> tuple[jax_step.State, jax.Array]:
        return jax_step.step_of(replace(case, lr=lr))(state, x[rows], y[rows])

    @partial(jax.jit, donate_argnums=0)
    def epoch(state: jax_step.State, orders: jax.Array) -> tuple[jax_step.State, jax.Array]:
        return jax.lax.scan(lambda s, rows: jax.vmap(one)(s, rows, rate), state, orders)

    start = jax_step.start(data)

    def run() -> float:
        state = jax.tree.map(lambda a: jnp.repeat(a[None], count, 0), start)
        for _ in range(epochs):
            orders = np.stack([rng.permutation(case.rows) for _ in rates])
            batches = orders.reshape(count, -1, case.batch).swapaxes(0, 1)
            state, losses = epoch(state, jnp.array(batches))
        return float(jnp.mean(losses))

    return run

"""JAX, one jitted step at a time: the state is donated and the batch is gathered inside."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from bench import jax_step
from bench.cases import Case
from bench.data import Data


class Rival:
    packages: ClassVar[tuple[str, ...]] = ("jax", "jaxlib")

    def __init__(self, case: Case, data: Data, threads: int) -> None:
        self.case = case
        self.rng = np.random.default_rng(0)
        self.x, self.y = jnp.array(data.x), jnp.array(data.y)
        self.state = jax_step.start(data)
        step = jax_step.step_of(case)

        @partial(jax.jit, donate_argnums=0)
        def gathered_step(
            state: jax_step.State, x: jax.Array, y: jax.Array, order: jax.Array
        ) -> tuple[jax_step.State, jax.Array]:
            start = state.done % case.steps * case.batch
            rows = jax.lax.dynamic_slice(order, (start,), (case.batch,))
            return step(state, x[rows], y[rows])

        self.step = gathered_step
        self.forward = jax.jit(partial(jax_step.forward, case))

    def kernel(self) -> str:
        return jax_step.kernel()

    def losses(self, steps: int) -> list[float]:
        order = jnp.arange(self.case.rows)
        curve = []
        for _ in range(steps):
            self.state, loss = self.step(self.state, self.x, self.y, order)
            curve.append(float(loss))
        return curve

    def epochs(self, count: int) -> None:
        for _ in range(count):
            order = jnp.array(self.rng.permutation(self.case.rows))
            for _ in range(self.case.steps):
                self.state, _loss = self.step(self.state, self.x, self.y, order)
        jax.block_until_ready(self.state)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.forward(self.state.params, x))

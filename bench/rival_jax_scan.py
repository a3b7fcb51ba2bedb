"""JAX, a whole epoch in one `lax.scan`, the shuffled gather included; the state is donated."""

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
        def scan(
            state: jax_step.State, x: jax.Array, y: jax.Array, order: jax.Array
        ) -> tuple[jax_step.State, jax.Array]:
            batches = order.reshape(-1, case.batch)
            return jax.lax.scan(lambda s, rows: step(s, x[rows], y[rows]), state, batches)

        self.scan = scan
        self.forward = jax.jit(partial(jax_step.forward, case))

    def kernel(self) -> str:
        return jax_step.kernel()

    def losses(self, steps: int) -> list[float]:
        order = np.arange(steps * self.case.batch) % self.case.rows
        self.state, curve = self.scan(self.state, self.x, self.y, jnp.array(order))
        return [float(loss) for loss in curve]

    def epochs(self, count: int) -> None:
        for _ in range(count):
            order = jnp.array(self.rng.permutation(self.case.rows))
            self.state, _losses = self.scan(self.state, self.x, self.y, order)
        jax.block_until_ready(self.state)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.forward(self.state.params, x))

"""One training step of the same net by NumPy, by scikit-learn and by fastnn, timed side by side."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastnn
from fastnn.tabular.model import Settings, build, make_trainer

__all__ = ["NumpyNet", "compare"]

Floats = NDArray[np.float32]

ROUNDS = 7
SECONDS_PER_ROUND = 0.15


class NumpyNet:
    """A dense net with Adam as one writes it by hand in NumPy: float32, no copy that `out=` saves.

    Args:
        widths: of the input, the hidden layers and the output.
        activation: "relu", "tanh" or "sigmoid".
        is_regression: mean squared error instead of softmax and cross-entropy.
        lr: Adam's learning rate.
        seed: of the weights and of the order of the rows.
    """

    def __init__(
        self, widths: list[int], activation: str, is_regression: bool, lr: float, seed: int
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.activation, self.is_regression, self.lr, self.step = activation, is_regression, lr, 0
        sizes = [n_in * n_out + n_out for n_in, n_out in pairwise(widths)]
        # One flat vector each, so that Adam is a handful of NumPy calls for all layers together.
        self.flat, self.grad, self.m, self.v, self.work = np.zeros((5, sum(sizes)), np.float32)
        self.layers: list[tuple[Floats, Floats, Floats, Floats]] = []
        ends = np.cumsum([0, *sizes])
        for begin, end, n_in, n_out in zip(ends, ends[1:], widths, widths[1:]):
            w, dw = (a[begin : end - n_out].reshape(n_in, n_out) for a in (self.flat, self.grad))
            b, db = (a[end - n_out : end] for a in (self.flat, self.grad))
            w[:] = self.rng.uniform(-1, 1, w.shape) / math.sqrt(n_in)
            self.layers.append((w, b, dw, db))

    def fit(self, x: Floats, y: NDArray[Any], epochs: int, batch_size: int) -> None:
        """Train for some epochs; x is (n, d), y is int64 (n,) or float32 (n, 1)."""
        x_batch, y_batch = np.empty_like(x[:batch_size]), np.empty_like(y[:batch_size])
        for _ in range(epochs):
            order = self.rng.permutation(len(x))
            for begin in range(0, len(x), batch_size):
                rows = order[begin : begin + batch_size]
                xb, yb = x_batch[: len(rows)], y_batch[: len(rows)]
                np.take(x, rows, axis=0, out=xb)
                np.take(y, rows, axis=0, out=yb)
                self._train_step(xb, yb)

    def _train_step(self, x: Floats, y: NDArray[Any]) -> None:
        inputs = [x]
        for w, b, _, _ in self.layers:
            z = inputs[-1] @ w
            z += b
            if len(inputs) < len(self.layers):
                self._activate(z)
            inputs.append(z)
        delta = inputs.pop()
        if self.is_regression:
            delta -= y
            delta *= 2 / delta.size
        else:
            delta -= delta.max(axis=1, keepdims=True)
            np.exp(delta, out=delta)
            delta /= delta.sum(axis=1, keepdims=True)
            delta[np.arange(len(y)), y] -= 1
            delta *= 1 / len(y)
        for index in range(len(self.layers) - 1, -1, -1):
            w, _, dw, db = self.layers[index]
            np.matmul(inputs[index].T, delta, out=dw)
            np.sum(delta, axis=0, out=db)
            if index:
                delta = delta @ w.T
                delta *= self._slope(inputs[index])
        self._adam()

    def _activate(self, z: Floats) -> None:
        if self.activation == "relu":
            np.maximum(z, 0, out=z)
        elif self.activation == "tanh":
            np.tanh(z, out=z)
        else:
            np.negative(z, out=z)
            np.exp(z, out=z)
            z += 1
            np.reciprocal(z, out=z)

    def _slope(self, a: Floats) -> NDArray[Any]:
        if self.activation == "relu":
            return a > 0
        return 1 - a * a if self.activation == "tanh" else a * (1 - a)

    def _adam(self) -> None:
        self.step += 1
        rate = self.lr * math.sqrt(1 - 0.999**self.step) / (1 - 0.9**self.step)
        np.multiply(self.grad, 0.1, out=self.work)
        self.m *= 0.9
        self.m += self.work
        np.multiply(self.grad, self.grad, out=self.work)
        self.work *= 0.001
        self.v *= 0.999
        self.v += self.work
        np.sqrt(self.v, out=self.work)
        self.work += 1e-8
        np.divide(self.m, self.work, out=self.work)
        self.work *= rate
        self.flat -= self.work


def _sklearn(x: Floats, y: NDArray[Any], settings: Settings, lr: float) -> Callable[[int], None]:
    try:
        from sklearn.neural_network import MLPClassifier, MLPRegressor
    except ImportError:
        raise ImportError(
            "--compare needs scikit-learn, which is not installed; run: pip install '.[demo]'"
        ) from None
    kind, target = (MLPRegressor, y.ravel()) if y.dtype.kind == "f" else (MLPClassifier, y)
    activation = "logistic" if settings.activation == "sigmoid" else settings.activation

    def fit(epochs: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # That it did not converge is the intention.
            kind(
                hidden_layer_sizes=settings.hidden, activation=activation, solver="adam",
                batch_size=min(settings.batch_size, len(x)), learning_rate_init=lr, alpha=0.0,
                max_iter=epochs, tol=0.0, n_iter_no_change=10**9, random_state=settings.seed,
            ).fit(x, target)  # fmt: skip

    return fit


def compare(x: Floats, y: NDArray[Any], n_out: int, settings: Settings) -> dict[str, float]:
    """Time one step of training, each way on one thread, in interleaved rounds.

    All do the same work: the same widths, activation, batches and float32 rows, shuffled anew each
    epoch, with Adam and cross-entropy or squared error, whatever the settings name.

    Args:
        x: standardised features, float32 of shape (n, d).
        y: int64 class indices of shape (n,), or float32 values of shape (n, 1).
        n_out: number of classes, or 1.
        settings: the net and the batch size.

    Returns:
        Microseconds per step, the median of seven rounds, by "NumPy", "scikit-learn" and "fastnn".

    Raises:
        ImportError: scikit-learn is not installed.

    Example:
        >>> compare(x, y, 10, Settings())  # doctest: +SKIP
        {'NumPy': 150.2, 'scikit-learn': 301.9, 'fastnn': 17.0}
    """
    is_regression = y.dtype.kind == "f"
    lr = settings.lr if settings.optimizer in ("adam", "adamw") else None
    lr = 1e-3 if lr is None else lr
    chosen = replace(settings, optimizer="adam", lr=lr, loss=None)
    batch = min(settings.batch_size, len(x))
    widths = [x.shape[1], *settings.hidden, n_out]
    by_hand = NumpyNet(widths, settings.activation, is_regression, lr, settings.seed)
    net = build(x.shape[1], n_out, settings.hidden, settings.activation)
    trainer = make_trainer(net, chosen, is_regression)
    contenders: dict[str, Callable[[int], Any]] = {
        "NumPy": lambda epochs: by_hand.fit(x, y, epochs, batch),
        "scikit-learn": _sklearn(x, y, settings, lr),
        "fastnn": lambda epochs: trainer.fit(
            x, y, epochs=epochs, batch_size=batch, shuffle=True, verbose=0
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    with _one_thread():
        for run in contenders.values():
            run(1)
        start = time.perf_counter()
        by_hand.fit(x, y, 1, batch)
        epochs = max(1, round(SECONDS_PER_ROUND / (time.perf_counter() - start)))
        for _ in range(ROUNDS):
            for name, run in contenders.items():
                start = time.perf_counter()
                run(epochs)
                times[name].append(time.perf_counter() - start)
    steps = epochs * -(-len(x) // batch)
    return {name: 1e6 * statistics.median(spent) / steps for name, spent in times.items()}


@contextlib.contextmanager
def _one_thread() -> Any:
    from threadpoolctl import threadpool_limits  # scikit-learn brings it along

    before = fastnn.num_threads()
    fastnn.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        fastnn.set_num_threads(before)

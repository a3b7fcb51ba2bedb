"""Timing of a training step of the same net in NumPy, scikit-learn and fastnn."""

from __future__ import annotations

import contextlib
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastnn
from fastnn.cli.numpy_net import NumpyNet
from fastnn.tabular.training import Settings, build, make_trainer

__all__ = ["compare"]

Floats = NDArray[np.float32]

ROUNDS = 7
SECONDS_PER_ROUND = 0.15


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
            warnings.simplefilter("ignore")  # it need not converge
            kind(
                hidden_layer_sizes=settings.hidden, activation=activation, solver="adam",
                batch_size=min(settings.batch_size, len(x)), learning_rate_init=lr, alpha=0.0,
                max_iter=epochs, tol=0.0, n_iter_no_change=10**9, random_state=settings.seed,
            ).fit(x, target)  # fmt: skip

    return fit


def compare(x: Floats, y: NDArray[Any], n_out: int, settings: Settings) -> dict[str, float]:
    """Time a training step in NumPy, scikit-learn and fastnn, on one thread, interleaved.

    All do the same work: the same widths, activation, batches and float32 rows, shuffled anew each
    epoch, with Adam and cross-entropy or squared error, whatever optimizer and loss the settings
    name.

    Args:
        x: standardized features, float32 of shape (n, d).
        y: int64 class indices of shape (n,), or float32 values of shape (n, 1).
        n_out: number of classes, or 1.
        settings: net and batch size.

    Returns:
        Microseconds per step, median of seven rounds, for "NumPy", "scikit-learn" and "fastnn".

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
    loss = "mse" if is_regression else "cross_entropy"
    by_hand = NumpyNet(widths, settings.activation, loss, lr, settings.seed)
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
    from threadpoolctl import threadpool_limits  # a dependency of scikit-learn

    before = fastnn.num_threads()
    fastnn.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        fastnn.set_num_threads(before)

"""Timing of a training step of the same net in NumPy, scikit-learn and fastnn.

It runs in a process of its own, in which NumPy's BLAS has its best kernels (`fastnn.cli.blas`):
`python -m fastnn.cli.compare FILE.npz` prints the figures of the rows and settings in the file.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import fastnn
from fastnn.cli import blas
from fastnn.cli.numpy_net import NumpyNet
from fastnn.tabular.training import Settings, build, make_trainer

__all__ = ["Comparison", "compare", "measured"]

Floats = NDArray[np.float32]

ROUNDS = 7
SECONDS_PER_ROUND = 0.15


def _sklearn(x: Floats, y: NDArray[Any], settings: Settings, lr: float) -> Callable[[int], None]:
    try:
        from sklearn.neural_network import MLPClassifier, MLPRegressor
    except ImportError:
        raise ImportError(
            "--compare needs scikit-learn, which is not installed; run: "
            "pip install 'fastnn-cpu[demo]'"
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


class Comparison(NamedTuple):
    """Microseconds of a step by library, and the kernels that ran in it."""

    times: dict[str, float]
    kernels: dict[str, str]


def compare(x: Floats, y: NDArray[Any], n_out: int, settings: Settings) -> Comparison:
    """Run `measured` in a process whose NumPy has its best kernels.

    Raises:
        ImportError: scikit-learn is not installed.
        RuntimeError: the process failed.
    """
    given = asdict(settings) | {"n_out": n_out, "rounds": ROUNDS, "seconds": SECONDS_PER_ROUND}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        np.savez(path, x=x, y=y, settings=json.dumps(given))
        command = [sys.executable, "-m", "fastnn.cli.compare", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, env=blas.environment())
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        kind, _, text = reason.partition(": ")
        raise ImportError(text) if kind == "ImportError" else RuntimeError(f"--compare: {reason}")
    return Comparison(**json.loads(done.stdout))


def measured(
    x: Floats,
    y: NDArray[Any],
    n_out: int,
    settings: Settings,
    rounds: int = ROUNDS,
    seconds: float = SECONDS_PER_ROUND,
) -> Comparison:
    """Time a training step in NumPy, scikit-learn and fastnn, on one thread, interleaved.

    All do the same work: the same widths, activation, batches and float32 rows, shuffled anew each
    epoch, with Adam and cross-entropy or squared error, whatever optimizer and loss the settings
    name.

    Args:
        x: standardized features, float32 of shape (n, d).
        y: int64 class indices of shape (n,), or float32 values of shape (n, 1).
        n_out: number of classes, or 1.
        settings: net and batch size.
        rounds, seconds: how many timings of each, and how long one takes.

    Returns:
        Microseconds per step, median of the rounds, for "NumPy", "scikit-learn" and "fastnn".

    Raises:
        ImportError: scikit-learn is not installed.

    Example:
        >>> import numpy as np
        >>> from fastnn.cli.compare import measured
        >>> from fastnn.tabular import Settings
        >>> x, y = np.ones((64, 4), "float32"), np.arange(64) % 3
        >>> list(measured(x, y, 3, Settings(), rounds=1, seconds=0.001).times)
        ['NumPy', 'scikit-learn', 'fastnn']
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
        epochs = max(1, round(seconds / (time.perf_counter() - start)))
        for _ in range(rounds):
            for name, run in contenders.items():
                start = time.perf_counter()
                run(epochs)
                times[name].append(time.perf_counter() - start)
    steps = epochs * -(-len(x) // batch)
    ran = "; ".join(blas.kernels()) or "its BLAS, kernels unknown without threadpoolctl"
    return Comparison(
        {name: 1e6 * statistics.median(spent) / steps for name, spent in times.items()},
        {"NumPy": ran, "scikit-learn": ran, "fastnn": fastnn.isa()},
    )


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


def _main(path: str) -> None:
    with np.load(path) as stored:
        x, y, given = stored["x"], stored["y"], json.loads(str(stored["settings"]))
    n_out, rounds, seconds = (given.pop(name) for name in ("n_out", "rounds", "seconds"))
    settings = Settings(**given | {"hidden": tuple(given["hidden"])})
    print(json.dumps(measured(x, y, n_out, settings, rounds, seconds)._asdict()))


if __name__ == "__main__":
    _main(sys.argv[1])

"""`python -m bench.variants`: cost of another activation, loss, optimizer, dtype or layer.

Each variant of a net against the plain one (ReLU, cross-entropy, Adam, float32), interleaved in one
process on one thread: microseconds of a step of `Trainer.fit`, shuffling included.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench import part, report
from bench.goals import Goal

NETS = {"digits": ((64, 64, 10), 64), "mnist1": ((784, 128, 10), 128)}
NETS |= {"deep": ((32, 128, 128, 128, 128, 10), 256)}
STEPS = 16  # steps per epoch
PLAIN = "plain"


@dataclass(frozen=True)
class Variant:
    """A change to the plain net, and the maximal ratio of its step time."""

    name: str
    limit: float
    activation: str = "ReLU"
    loss: str = "CrossEntropyLoss"
    optimizer: str = "Adam"
    dtype: str = "float32"
    layer: str = ""


VARIANTS = [
    Variant(PLAIN, 1.0),
    *(Variant(name, 1.35, activation=name) for name in ("Tanh", "Sigmoid", "GELU")),
    *(Variant(name, 1.05, optimizer=name) for name in ("SGD", "RMSprop", "Adagrad", "AdamW")),
    *(Variant(name, 1.05, loss=name) for name in ("BCEWithLogitsLoss", "MSELoss")),
    Variant("float64", 1 / 0.45, dtype="float64"),
    *(Variant(name, 1.3, layer=name) for name in ("Dropout", "BatchNorm1d")),
]


def fit(variant: Variant, net: str) -> Callable[[int], None]:
    """Make a function that trains for a number of epochs."""
    import numpy as np

    import fastnn
    from fastnn import nn, optim

    widths, batch = NETS[net]
    fastnn.manual_seed(0)
    fastnn.set_num_threads(1)
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(widths):
        layers.append(nn.Linear(n_in, n_out))
        if variant.layer == "BatchNorm1d":
            layers.append(nn.BatchNorm1d(n_out))
        layers.append(getattr(nn, variant.activation)())
        if variant.layer == "Dropout":
            layers.append(nn.Dropout(0.2))
    last = max(i for i, layer in enumerate(layers) if isinstance(layer, nn.Linear))
    model = nn.Sequential(*layers[: last + 1])
    if variant.dtype == "float64":
        model.double()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch * STEPS, widths[0])).astype(variant.dtype)
    y: Any = rng.integers(widths[-1], size=len(x))
    if variant.loss != "CrossEntropyLoss":
        y = np.eye(widths[-1], dtype=variant.dtype)[y]
    trainer = fastnn.Trainer(
        model,
        loss=getattr(nn, variant.loss)(),
        optimizer=getattr(optim, variant.optimizer)(model.parameters(), lr=1e-3),
    )

    def run(epochs: int) -> None:
        trainer.fit(x, y, epochs=epochs, batch_size=batch, verbose=0)

    return run


def _goals(net: str, times: dict[str, float]) -> list[Goal]:
    found = []
    for variant in VARIANTS[1:]:
        ratio = times[variant.name] / times[PLAIN]
        found.append(Goal(f"{net}, {variant.name} / plain", ratio, variant.limit, most=True))
    return found


def measured(options: argparse.Namespace) -> part.Found:
    """Microseconds of a step of each variant of each net."""
    from bench.turns import medians

    times = {}
    for net in NETS:
        epochs = medians({v.name: fit(v, net) for v in VARIANTS}, options.rounds, options.seconds)
        times[net] = {name: time / STEPS for name, time in epochs.items()}
    found = [goal.plain() for net in NETS for goal in _goals(net, times[net])]
    return {"us": times, "goals": found}


def tables(found: part.Found) -> list[report.Section]:
    """Table with one row per variant: times as multiples of the plain net's."""
    times = found["us"]
    rows = [["variant", "limit", *times]]
    for variant in VARIANTS:
        limit = "" if variant.name == PLAIN else f"{variant.limit:.2f}x"
        cells = [
            f"{us[PLAIN]:.1f} us"
            if variant.name == PLAIN
            else f"{us[variant.name] / us[PLAIN]:.2f}x"
            for us in times.values()
        ]
        rows.append([variant.name, limit, *cells])
    return [("variants of a net", rows)]


if __name__ == "__main__":
    part.main(part.parser("variants", __doc__, 11, 0.05).parse_args(), measured, tables)

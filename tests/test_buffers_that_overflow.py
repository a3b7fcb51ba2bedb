"""A buffer that would become nan or infinite stops a training as a loss does: before that step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 4)).astype(np.float32)
Y = X[:, :1] * 2


class Queue(nn.Module):
    """Keeps what it saw last, in a part of a larger buffer, and a running sum."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 1)
        self.total: fastnn.Tensor
        self.register_buffer("total", fastnn.zeros(4))
        self.register_buffer("seen", fastnn.zeros((), dtype=fastnn.int64))

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        if self.training:
            with fastnn.no_grad():
                self.total.add_((x * 1e12).abs().sum(0))
                self.seen += 1
        return self.linear(x / (1 + x.abs()))


class InPython(nn.Module):
    """Has to run in Python at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.calls = batch_norm(), 0

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        self.calls += 1
        return self.body(x)


def batch_norm() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))


def two() -> nn.Module:
    """The second of the two does not see what the first one refuses."""
    return nn.Sequential(
        nn.BatchNorm1d(4), nn.Linear(4, 3), nn.BatchNorm1d(3, momentum=None), nn.Linear(3, 1)
    )


def instance_norm() -> nn.Module:
    body = nn.InstanceNorm1d(2, track_running_stats=True)
    return nn.Sequential(nn.Unflatten(1, (2, 2)), body, nn.Flatten(), nn.Linear(4, 1))


def double() -> nn.Module:
    return batch_norm().double()


def half() -> nn.Module:
    return batch_norm().to(fastnn.float16)


NETS: dict[str, tuple[Callable[[], nn.Module], str, float]] = {  # what overflows, of rows so large
    "batch norm": (batch_norm, "1.running_var", 1e25),
    "two": (two, "0.running_var", 1e25),
    "instance norm": (instance_norm, "1.running_var", 1e25),
    "float64": (double, "1.running_var", 1e160),
    "float16": (half, "1.running_var", 3000.0),
    "one's own": (Queue, "total", 1e28),
    "in Python": (InPython, "body.1.running_var", 1e25),
}
Fit = Callable[[fastnn.Trainer, Any, Any], Any]


def batches(x: Any, y: Any) -> list[tuple[Any, Any]]:
    return [(x[i : i + 8], y[i : i + 8]) for i in range(0, len(x), 8)]


def fit(trainer: fastnn.Trainer, x: Any, y: Any, **options: Any) -> None:
    trainer.fit(x, y, batch_size=8, shuffle=False, verbose=0, **options)


def in_two_threads(trainer: fastnn.Trainer, x: Any, y: Any) -> None:
    before = fastnn.get_num_threads()
    fastnn.set_num_threads(2)
    try:
        fit(trainer, x, y)
    finally:
        fastnn.set_num_threads(before)


FITS: dict[str, Fit] = {
    "arrays": fit,
    "validation": lambda t, x, y: fit(t, x, y, validation_data=(X, Y)),
    "two threads": in_two_threads,
    "groups": lambda t, x, y: fit(t, x, y, accumulate_steps=2),
    "clipped": lambda t, x, y: fit(t, x, y, clip_norm=1.0),
    "batches": lambda t, x, y: t.fit(batches(x, y), verbose=0),
    "batch by batch": lambda t, x, y: [t.partial_fit(*batch) for batch in batches(x, y)],
}


def bits(model: nn.Module) -> list[bytes]:
    return [t.detach().numpy().tobytes() for t in (*model.parameters(), *model.buffers())]


def moments(optimizer: Any) -> list[bytes]:
    values = [v for entry in optimizer.state.values() for v in entry.values()]
    return [np.asarray(getattr(v, "_array", v)).tobytes() for v in values]


def trained(make: Callable[[], nn.Module], run: Callable[[fastnn.Trainer], Any]) -> Any:
    fastnn.manual_seed(0)
    model = make()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    run(fastnn.Trainer(model, "mse", optimizer))
    return model, optimizer


def huge(x: Any, factor: float, real: Any) -> Any:
    """Rows whose fourth batch overflows."""
    large = x.astype(real)
    large[24:32] *= factor
    return large


@pytest.mark.every(5)
@pytest.mark.parametrize("way", FITS)
@pytest.mark.parametrize("net", NETS)
def test_the_model_is_as_before_that_step(net: str, way: str) -> None:
    make, name, factor = NETS[net]
    real = np.float64 if net == "float64" else np.float32
    x, y = huge(X, factor, real), Y.astype(real)

    def run(trainer: fastnn.Trainer) -> None:
        FITS[way](trainer, x[:24], y[:24])
        with pytest.raises(
            FloatingPointError, match=rf"^{name}: became nan or infinite in epoch 0"
        ):
            FITS[way](trainer, x, y)

    def expected(trainer: fastnn.Trainer) -> None:
        FITS[way](trainer, x[:24], y[:24])
        FITS[way](trainer, x[:24], y[:24])

    found, wanted = trained(make, run), trained(make, expected)
    # Of groups the buffers know the third batch, half a group; of halves, steps are counted before.
    if way == "groups" or net == "float16":
        assert all(np.isfinite(b.numpy()).all() for b in found[0].buffers())
        return
    assert bits(found[0]) == bits(wanted[0])
    assert moments(found[1]) == moments(wanted[1])


@pytest.mark.parametrize("net", ["batch norm", "two", "instance norm", "one's own"])
def test_of_many_nets_the_one_stops(net: str) -> None:
    """Of two nets the one whose rows overflow."""
    make, _, factor = NETS[net]
    x = huge(X, factor, np.float32)
    found = fastnn.fit_many(
        make, x, Y, configs=[{"lr": 1e-3, "seed": 0}] * 2, rows=[np.arange(24), np.arange(48)],
        batch_size=8, shuffle=False, loss=nn.MSELoss(), epochs=2, verbose=0,
    )  # fmt: skip
    assert list(found.errors) == [1]
    model, _ = trained(make, lambda trainer: fit(trainer, x[:24], Y[:24]))
    assert bits(found.models[1]) == bits(model)
    assert all(np.isfinite(b.numpy()).all() for b in found.models[0].buffers())


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(4), nn.LayerNorm(4)])
def test_a_variance_beyond_float64_is_no_variance_of_zero(norm: nn.Module) -> None:
    """Neither is that of nan, which would leave the running variance at 0.9 of itself."""
    for value in (1e200, np.nan):
        x = RNG.normal(size=(6, 4)) * value
        y = norm.double()(fastnn.tensor(x)).detach().numpy()
        assert (~np.isfinite(y) | (y == 0)).all()

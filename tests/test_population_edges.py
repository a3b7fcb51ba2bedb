"""Populations at their edges: nets that train alone, keys for whoever takes any, what fails."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from populations import CLASSES, LABELS, NUMBERS, WEIGHTS, D, N, X, alone, mlp, same

import fastnn
from fastnn import nn, optim
from fastnn.callbacks import EarlyStopping
from fastnn.population import bags, fit_many, grid

pytestmark = pytest.mark.filterwarnings("ignore:fit. .* runs in Python:UserWarning")
CONFIGS = [{"lr": 0.05, "seed": i} for i in range(2)]


class Counted(nn.Module):
    """Its steps run in Python, as it counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.calls = nn.Linear(D, 3), 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.inner(x)


class Overlapping(nn.Module):
    """Two buffers are parts of one array."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(D, 3)
        whole = fastnn.ones(4)
        self.register_buffer("a", whole[:3])
        self.register_buffer("b", whole[1:])

    def forward(self, x: Any) -> Any:
        return self.inner(x) * self.a + self.b


class Typed(nn.Module):
    """An attribute is a NumPy dtype: equal ones are alike."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.kind = nn.Linear(D, 3), np.dtype("f4")

    def forward(self, x: Any) -> Any:
        return self.inner(x)


TOTAL = fastnn.zeros(1)


class Outside(nn.Module):
    """It changes a tensor that is no part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(D, 3)

    def forward(self, x: Any) -> Any:
        z = self.inner(x) * (TOTAL + 1.0)
        TOTAL.mul_(0.5)
        return z


def made(kind: type[nn.Module]) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        return kind()

    return build


@pytest.mark.parametrize("kind", [Counted, Overlapping, Typed, Outside])
def test_nets_of_ones_own_kind(kind: type[nn.Module]) -> None:
    """Side by side or one by one, the bits are those of single fits, weights in validation too."""
    build, loss = made(kind), nn.CrossEntropyLoss()
    options: dict[str, Any] = {"epochs": 2, "validation_split": 0.2}
    population = fit_many(
        build, X, CLASSES, configs=CONFIGS, loss=loss, sample_weight=WEIGHTS, verbose=0, **options
    )
    for i, config in enumerate(CONFIGS):
        fit = alone(build, config, optim.Adam, loss, CLASSES, sample_weight=WEIGHTS, **options)
        same(population, i, fit)


def test_stopping_by_a_baseline() -> None:
    """Each net is trained alone; without the best weights the last ones stay."""
    loss, held = nn.CrossEntropyLoss(), (X[:40], CLASSES[:40])
    options: dict[str, Any] = {"epochs": 4, "validation_data": held}
    for stopping in (
        EarlyStopping("val_loss", patience=1, min_delta=9.0, baseline=0.0),
        EarlyStopping("val_loss", patience=1, min_delta=9.0, restore_best_weights=False),
    ):
        population = fit_many(
            mlp, X, CLASSES, configs=CONFIGS, loss=loss, early_stopping=stopping, verbose=0,
            **options,
        )  # fmt: skip
        for i, config in enumerate(CONFIGS):
            fit = alone(
                mlp, config, optim.Adam, loss, CLASSES, callbacks=[copy.copy(stopping)], **options
            )
            same(population, i, fit)
        assert population.epochs.max() < 4


def test_a_share_of_numbers_is_held_out() -> None:
    options: dict[str, Any] = {"epochs": 2, "validation_split": 0.3}
    configs = [{"lr": 0.01, "seed": 4, "outputs": 2}]
    population = fit_many(mlp, X, NUMBERS, configs=configs, loss=nn.MSELoss(), verbose=0, **options)
    same(population, 0, alone(mlp, configs[0], optim.Adam, nn.MSELoss(), NUMBERS, **options))


def test_keys_for_whoever_takes_any() -> None:
    """`build` first, else the optimizer."""
    seen: list[dict[str, Any]] = []

    def takes_any(**options: Any) -> nn.Module:
        seen.append(options)
        return nn.Linear(D, 3)

    def build() -> nn.Module:
        return nn.Linear(D, 3)

    def optimizer(params: Any, **options: Any) -> Any:
        seen.append(options)
        return optim.SGD(params, lr=options["rate"])

    common: dict[str, Any] = {"loss": nn.CrossEntropyLoss(), "epochs": 1, "verbose": 0}
    fit_many(takes_any, X, CLASSES, configs=[{"width": 3}], **common)
    fit_many(build, X, CLASSES, configs=[{"rate": 0.5}], optimizer=optimizer, **common)
    assert seen == [{"width": 3}, {"rate": 0.5}]


def test_weights_that_overflow_in_the_last_step() -> None:
    """The loss was finite; nobody can make an ensemble of such nets."""
    population = fit_many(
        lambda: nn.Linear(D, 2), X * 1e10, NUMBERS * 1e10, configs=[{"lr": 1e30}],
        loss=nn.MSELoss(), optimizer=optim.SGD, epochs=1, batch_size=N, verbose=0,
    )  # fmt: skip
    assert population.errors == {0: "its weights became nan or infinite in the last step"}
    with pytest.raises(ValueError, match="ensemble: expected nets that were trained to the end"):
        population.ensemble(top=None)


def test_every_bag_holds_out_rows() -> None:
    """Draws that hold out none are drawn again: of two rows every second one."""
    found = bags(2, 40)
    assert len(found) == 40 and all(len(rest) == 1 for _, rest in found)


class Spread:
    def rvs(self, random_state: Any = None) -> float:
        return 1.0


COMMON: dict[str, Any] = {"configs": CONFIGS, "loss": nn.CrossEntropyLoss(), "verbose": 0}
REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "halving": (lambda: fit_many(made(Counted), X, CLASSES, halving=2, epochs=4, **COMMON),
                ValueError, "halving: expected nets that can be trained side by side"),
    "fold": (lambda: fit_many(mlp, X, CLASSES, folds=[(1, 2, 3)], **COMMON), TypeError,
             r"folds\[0\]: expected a pair \(train, held\)"),
    "no folds": (lambda: fit_many(mlp, X, CLASSES, folds=[], **COMMON), ValueError,
                 "folds: expected at least one pair"),
    "folds": (lambda: fit_many(mlp, X, CLASSES, folds="5", **COMMON), TypeError,
              "folds: expected their number or"),
    "y": (lambda: fit_many(mlp, X, CLASSES[:9], folds=3, **COMMON), ValueError,
          r"y: expected 150 targets, one a row of x, got 9"),
    "loss": (lambda: fit_many(mlp, X, CLASSES, configs=CONFIGS, loss=3, verbose=0), TypeError,  # type: ignore[arg-type]
             "loss: expected a loss of nn, a function of"),
    "grid": (lambda: grid({"lr": Spread()}), TypeError, "space: lr: expected a list of values"),  # type: ignore[dict-item]
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()


def test_pairs_of_rows_as_folds() -> None:
    pairs = [(np.arange(100), np.arange(100, N)), [np.arange(50, N), np.arange(50)]]
    population = fit_many(
        mlp, X, LABELS.astype(int), folds=pairs, configs=CONFIGS[:1], loss=nn.CrossEntropyLoss(),
        epochs=1, verbose=0,
    )  # fmt: skip
    assert population.parts == 2 and len(population.models) == 2
    same(population, 1, alone(
        mlp, CONFIGS[0], optim.Adam, nn.CrossEntropyLoss(), LABELS.astype(int), pairs[1][0],
        validation_data=(X[:50], LABELS[:50].astype(int)), epochs=1))  # fmt: skip


class InPython(nn.Module):
    """Has to run in Python, and draws."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.calls = nn.Linear(3, 1), 0

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        self.calls += 1
        return nn.functional.dropout(self.linear(x), 0.5, self.training)


@pytest.mark.filterwarnings("ignore:.*runs in Python")
@pytest.mark.parametrize("build", [lambda: nn.Linear(3, 1), InPython])
def test_populations_in_threads_have_their_own_seeds(build: Any) -> None:
    x = np.random.default_rng(0).standard_normal((20, 3)).astype("f")

    def bits(_: int = 0) -> bytes:
        found = fastnn.fit_many(
            build, x, x[:, :1], configs=[{"lr": 0.1}, {"lr": 0.01}], loss=nn.MSELoss(),
            epochs=2, verbose=0,
        )  # fmt: skip
        return b"".join(p.detach().numpy().tobytes() for m in found.models for p in m.parameters())

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(bits, range(24))) == {bits()}

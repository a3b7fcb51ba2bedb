"""Every layer trains in one program as in the eager loop, without an allocation and without Python,
and is copied, pickled and saved whole.

A layer class of `nn` that is not in LAYERS fails here.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from catalogue import check_costs, check_fit, public_classes

import fastnn
from fastnn import nn, optim

ROWS, WIDTH, BATCH = 22, 6, 8  # the last batch has 6 rows
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, WIDTH)).astype("f4")
Y = RNG.normal(size=(ROWS, 3)).astype("f4")


class Squared(nn.Module):
    """A Bilinear of x and x."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.product = nn.Bilinear(WIDTH, WIDTH, 4, bias)

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        return self.product(x, x)  # type: ignore[no-any-return]


class Categories(nn.Module):
    """Numbers as one of eight categories."""

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        return (x.detach() * 2 + 4).clamp(0, 7).long()


class Held(nn.Module):
    """Two layers of one container, and two numbers of another."""

    def __init__(self, layers: str, numbers: str) -> None:
        super().__init__()
        self.layers = self.kept(layers, nn.Linear(WIDTH, 5), nn.Linear(5, 4))
        self.numbers = self.kept(numbers, *(nn.Parameter(fastnn.tensor([v])) for v in (1.5, -0.5)))

    @staticmethod
    def kept(container: str, *values: Any) -> Any:
        named = dict(zip("ab", values, strict=True))
        return getattr(nn, container)(named if container.endswith("Dict") else values)

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        (first, second), (scale, shift) = (
            kept.values() if hasattr(kept, "values") else kept
            for kept in (self.layers, self.numbers)
        )
        return second(fastnn.tanh(first(x)) * scale) + shift  # type: ignore[no-any-return]


# Nets with modules that a file cannot name.
NOT_IN_FILES = (
    "Bilinear Embedding CellList Dense ModuleDict ModuleList ParameterDict ParameterList "
    "SequentialCell"
).split()

# What stands between a Linear(WIDTH, WIDTH) and a Linear, and the width that it gives.
Layers = Callable[[], list[nn.Module]]
LAYERS: dict[str, tuple[Layers, int]] = {
    **{
        name: (lambda name=name: [getattr(nn, name)()], WIDTH)  # type: ignore[misc]
        for name in "ReLU Sigmoid Tanh Softmax LogSoftmax LeakyReLU ELU SiLU GELU Softplus "
        "Identity Dropout ReLU6 Hardsigmoid Hardswish SELU CELU Mish LogSigmoid Softsign "
        "Tanhshrink Softmin Hardtanh Softshrink Hardshrink PReLU".split()
    },
    "Threshold": (lambda: [nn.Threshold(0.1, -0.5)], WIDTH),
    "GLU": (lambda: [nn.GLU()], WIDTH // 2),
    "PReLU of columns": (lambda: [nn.PReLU(WIDTH, 0.1)], WIDTH),
    "Unflatten": (lambda: [nn.Unflatten(1, (2, -1)), nn.Tanh(), nn.Flatten()], WIDTH),
    "LazyLinear": (lambda: [nn.LazyLinear(5)], 5),
    "Bilinear": (lambda: [Squared()], 4),
    "Embedding": (
        lambda: [Categories(), nn.Embedding(8, 3, padding_idx=0), nn.Flatten()],
        3 * WIDTH,
    ),
    "GELU tanh": (lambda: [nn.GELU("tanh")], WIDTH),
    "Linear": (lambda: [nn.Linear(WIDTH, 4, bias=False)], 4),
    "Flatten": (lambda: [nn.Flatten()], WIDTH),
    "Sequential": (lambda: [nn.Sequential(nn.Linear(WIDTH, 4), nn.ReLU())], 4),
    "AlphaDropout": (lambda: [nn.AlphaDropout(0.2)], WIDTH),
    "BatchNorm1d": (lambda: [nn.BatchNorm1d(WIDTH)], WIDTH),
    "BatchNorm1d plain": (
        lambda: [nn.BatchNorm1d(WIDTH, affine=False, momentum=None), nn.ReLU()],
        WIDTH,
    ),
    "LayerNorm": (lambda: [nn.LayerNorm(WIDTH)], WIDTH),
    "RMSNorm": (lambda: [nn.RMSNorm(WIDTH)], WIDTH),
    "Dense": (lambda: [nn.Dense(WIDTH, 4, activation="tanh")], 4),
    "SequentialCell": (lambda: [nn.SequentialCell(nn.Dense(WIDTH, 4), nn.ReLU())], 4),
    "CellList": (lambda: [Held("CellList", "ParameterDict")], 4),
    "ModuleList": (lambda: [Held("ModuleList", "ParameterDict")], 4),
    "ModuleDict": (lambda: [Held("ModuleDict", "ParameterList")], 4),
    "ParameterList": (lambda: [Held("ModuleList", "ParameterList")], 4),
    "ParameterDict": (lambda: [Held("ModuleDict", "ParameterDict")], 4),
    "all": (
        lambda: [nn.BatchNorm1d(WIDTH), nn.SiLU(), nn.Dropout(0.3), nn.LayerNorm(WIDTH)],
        WIDTH,
    ),
}

# The same with their options: each trains alike, but goes through no loss of its own.
CUBES: list[nn.Module] = [nn.Unflatten(1, (2, 3))]
OPTIONS: dict[str, tuple[Layers, int]] = {
    **{
        text: (lambda text=text: [eval(text, vars(nn))], WIDTH)  # type: ignore[misc]
        for text in (
            "ReLU(True)", "LeakyReLU(0.3)", "LeakyReLU(-0.5, True)", "ELU(0.7)", "CELU(2.0)",
            "Softplus(2.0, 0.5)", "Hardtanh(-0.2, 0.4)", "Softshrink(0.1)", "Hardshrink(0.2)",
            "Threshold(-0.3, 2.0, True)", "Softmax(0)", "LogSoftmax(0)", "Softmin(0)",
            "Dropout(0.0)", "Dropout(0.9, True)", "Dropout(1.0)", "AlphaDropout(0.0)",
            "BatchNorm1d(6, 0.1, 0.4)", "BatchNorm1d(6, bias=False)",
            "BatchNorm1d(6, momentum=None)", "BatchNorm1d(6, track_running_stats=False)",
            "BatchNorm1d(6, affine=False, track_running_stats=False)", "LayerNorm(6, 0.1)",
            "LayerNorm(6, bias=False)", "LayerNorm(6, elementwise_affine=False)",
            "RMSNorm(6, 0.1)", "RMSNorm(6, elementwise_affine=False)",
        )
    },
    "Linear of three axes": (lambda: [*CUBES, nn.Linear(3, 2), nn.Tanh(), nn.Flatten()], 4),
    "BatchNorm1d of three axes": (lambda: [*CUBES, nn.BatchNorm1d(2), nn.Flatten()], WIDTH),
    "LayerNorm of two axes": (lambda: [*CUBES, nn.LayerNorm((2, 3)), nn.Flatten()], WIDTH),
    "RMSNorm of two axes": (lambda: [*CUBES, nn.RMSNorm((2, 3)), nn.Flatten()], WIDTH),
    "PReLU of three axes": (lambda: [*CUBES, nn.PReLU(2), nn.Flatten(1, 2)], WIDTH),
    "GLU of the middle": (lambda: [*CUBES, nn.GLU(1), nn.Flatten()], 3),
    "Bilinear without bias": (lambda: [Squared(bias=False)], 4),
    "Embedding without padding": (lambda: [Categories(), nn.Embedding(8, 2), nn.Flatten()], 12),
    "Dense without bias": (lambda: [nn.Dense(WIDTH, 4, 0.1, None, False, "relu")], 4),
    "LazyLinear without bias": (lambda: [nn.LazyLinear(5, bias=False)], 5),
    "weight_norm": (lambda: [nn.utils.weight_norm(nn.Linear(WIDTH, 4))], 4),
    "spectral_norm": (lambda: [nn.utils.spectral_norm(nn.Linear(WIDTH, 4))], 4),
}  # fmt: skip


def test_every_layer_is_here() -> None:
    layers = {name for name in public_classes(nn, nn.Module) if not name.endswith("Loss")}
    assert layers - {"Cell"} == {name.split()[0] for name in LAYERS} - {"all"}


def make(name: str, dtype: str = "float32") -> nn.Sequential:
    fastnn.manual_seed(3)
    layers, width = (LAYERS | OPTIONS)[name]
    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), *layers(), nn.Linear(width, 3))
    if name.startswith("LazyLinear"):
        model(fastnn.tensor(X))
    return model.to(dtype)


def trainer_of(name: str, dtype: str) -> fastnn.Trainer:
    model = make(name, dtype)
    return fastnn.Trainer(model, nn.MSELoss(), optim.Adam(model.parameters(), lr=0.01))


@pytest.mark.parametrize("name", LAYERS | OPTIONS)
def test_fit_is_the_eager_loop(name: str, real: str) -> None:
    x, y = X.astype(real), Y.astype(real)
    fitted, looped = check_fit(lambda: trainer_of(name, real), x, y, BATCH)
    predicted = fitted.model.predict(x)
    assert predicted.tobytes() == looped.model.eval()(fastnn.tensor(x)).detach().numpy().tobytes()
    check_costs(fitted, x, y, BATCH)


@pytest.mark.parametrize("name", LAYERS)
def test_copies_and_files_hold_all_of_it(name: str, tmp_path: Path) -> None:
    model = make(name)
    model(fastnn.tensor(X))  # moves running statistics
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    if name not in NOT_IN_FILES:
        path = str(tmp_path / "model")
        model.save(path)
        copies.append(fastnn.load(path))
    want = model.eval()(fastnn.tensor(X)).detach().numpy()
    for other in copies:
        assert repr(other) == repr(model)
        assert (other.eval()(fastnn.tensor(X)).detach().numpy() == want).all()
        assert all(p.shape == q.shape for p, q in zip(other.parameters(), model.parameters()))

"""Every layer trains in one program as in the eager loop, and is copied, pickled and saved whole.

A layer class of `nn` that is not in LAYERS fails here.
"""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_trainer import eager_fit

import fastnn
from fastnn import nn, optim

ROWS, WIDTH, BATCH = 22, 6, 8  # the last batch has 6 rows
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, WIDTH)).astype("f4")
Y = RNG.normal(size=(ROWS, 3)).astype("f4")


class Squared(nn.Module):
    """A Bilinear of x and x."""

    def __init__(self) -> None:
        super().__init__()
        self.product = nn.Bilinear(WIDTH, WIDTH, 4)

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        return self.product(x, x)  # type: ignore[no-any-return]


class Categories(nn.Module):
    """Numbers as one of eight categories."""

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        return (x.detach() * 2 + 4).clamp(0, 7).long()


OF_THE_TEST = ("Bilinear", "Embedding")  # nets with modules that a file cannot name

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
    "all": (
        lambda: [nn.BatchNorm1d(WIDTH), nn.SiLU(), nn.Dropout(0.3), nn.LayerNorm(WIDTH)],
        WIDTH,
    ),
}
# MindSpore's names of the same, containers whose forward is the user's, and losses.
NOT_LAYERS = set(
    "Module ModuleList ModuleDict ParameterList ParameterDict "
    "Cell CellList Dense SequentialCell".split()
)


def test_every_layer_is_here() -> None:
    classes = {
        name
        for name in nn.__all__
        if inspect.isclass(found := getattr(nn, name)) and issubclass(found, nn.Module)
    }
    losses = {name for name in classes if name.endswith("Loss")}
    assert classes - losses - NOT_LAYERS <= {name.split()[0] for name in LAYERS}


def make(name: str, dtype: str = "float32") -> nn.Sequential:
    fastnn.manual_seed(3)
    layers, width = LAYERS[name]
    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), *layers(), nn.Linear(width, 3))
    if name == "LazyLinear":
        model(fastnn.tensor(X))
    return model.to(dtype)


def trainer_of(name: str, dtype: str) -> fastnn.Trainer:
    model = make(name, dtype)
    return fastnn.Trainer(model, nn.MSELoss(), optim.Adam(model.parameters(), lr=0.01))


def state_of(trainer: fastnn.Trainer) -> list[bytes]:
    return [value.numpy().tobytes() for value in trainer.model.state_dict().values()]


@pytest.mark.parametrize("name", LAYERS)
def test_fit_is_the_eager_loop(name: str, real: str) -> None:
    fitted = trainer_of(name, real)
    x, y = X.astype(real), Y.astype(real)
    history = fitted.fit(x, y, epochs=3, batch_size=BATCH, verbose=0)
    looped = trainer_of(name, real)
    losses = eager_fit(looped, x, y, fitted.seed, 3, batch=BATCH)
    assert history.history["loss"] == losses
    assert state_of(fitted) == state_of(looped)
    predicted = fitted.model.predict(x)
    assert predicted.tobytes() == looped.model.eval()(fastnn.tensor(x)).detach().numpy().tobytes()


@pytest.mark.parametrize("name", LAYERS)
def test_copies_and_files_hold_all_of_it(name: str, tmp_path: Path) -> None:
    model = make(name)
    model(fastnn.tensor(X))  # moves running statistics
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    if name not in OF_THE_TEST:
        path = str(tmp_path / "model")
        model.save(path)
        copies.append(fastnn.load(path))
    want = model.eval()(fastnn.tensor(X)).detach().numpy()
    for other in copies:
        assert repr(other) == repr(model)
        assert (other.eval()(fastnn.tensor(X)).detach().numpy() == want).all()
        assert all(p.shape == q.shape for p, q in zip(other.parameters(), model.parameters()))

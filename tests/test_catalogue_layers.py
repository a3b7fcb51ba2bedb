"""Every layer trains in one program as in the eager loop, without an allocation and without Python,
and is copied, pickled and saved whole.

A class of `nn` without an entry in cases/activations.py or layers.py is made without arguments.
"""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.layers import WIDTH
from catalogue import check_costs, check_fit, described_in, layers

import fastnn
from fastnn import nn, optim
from fastnn.autograd import gradcheck, gradgradcheck

ROWS, BATCH = 22, 8  # the last batch has 6 rows
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, WIDTH)).astype("f4")
Y = RNG.normal(size=(ROWS, 3)).astype("f4")


class Twice(nn.Module):
    """A layer of two inputs, of x and x."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        return self.layer(x, x)  # type: ignore[no-any-return]


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


PLACE = "activations.py or layers.py"
KNOWN = layers()
# Of each net: what stands between its two Linear layers; the first go through every loss too.
NETS = {net: name for name, entry in KNOWN.items() for net in entry.nets or [f"{name}()"]}
OPTIONS = {net: name for name, entry in KNOWN.items() for net in entry.options}

# A computed weight is kept by its state_dict alone.
NOT_COPIED = {
    "utils.weight_norm(Linear(6, 4)) -> 4",
    "utils.spectral_norm(Linear(6, 4)) -> 4",
}
COPIED = [text for text in NETS | OPTIONS if text not in NOT_COPIED]


def net(text: str, outputs: int) -> nn.Sequential:
    """Linear(6, 6), what the text says, Linear(its width, outputs)."""
    expression, _, width = text.partition(" -> ")
    own = {"Twice": Twice, "Categories": Categories, "Held": Held}
    names = {**vars(nn), **{n: getattr(nn, n) for n in nn.__all__}, **own}
    with described_in(PLACE):
        between = eval(f"[{expression}]", names)
    last = nn.Linear(int(width or WIDTH), outputs)
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), *between, last)


def make(text: str, dtype: str = "float32") -> nn.Sequential:
    fastnn.manual_seed(3)
    model = net(text, 3)
    if "Lazy" in text:
        model(fastnn.tensor(X))
    return model.to(dtype)


def trainer_of(text: str, dtype: str) -> fastnn.Trainer:
    model = make(text, dtype)
    return fastnn.Trainer(model, nn.MSELoss(), optim.Adam(model.parameters(), lr=0.01))


@pytest.mark.every(7)
@pytest.mark.parametrize("text", NETS | OPTIONS)
def test_fit_is_the_eager_loop(text: str, real: str) -> None:
    x, y = X.astype(real), Y.astype(real)
    fitted, looped = check_fit(lambda: trainer_of(text, real), x, y, BATCH)
    predicted = fitted.model.predict(x)
    assert predicted.tobytes() == looped.model.eval()(fastnn.tensor(x)).detach().numpy().tobytes()
    check_costs(fitted, x, y, BATCH)


@pytest.mark.every(5)
@pytest.mark.parametrize("text", COPIED)
def test_copies_and_files_hold_all_of_it(text: str, tmp_path: Path) -> None:
    model = make(text)
    model(fastnn.tensor(X))  # moves running statistics
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    if KNOWN[(NETS | OPTIONS)[text]].in_files:
        path = str(tmp_path / "model")
        model.save(path)
        copies.append(fastnn.load(path))
    want = model.eval()(fastnn.tensor(X)).detach().numpy()
    for other in copies:
        assert repr(other) == repr(model)
        assert (other.eval()(fastnn.tensor(X)).detach().numpy() == want).all()
        assert all(p.shape == q.shape for p, q in zip(other.parameters(), model.parameters()))


@pytest.mark.every(5)
@pytest.mark.parametrize("text", [text for text in NETS if "Categories()" not in text])
def test_gradients_and_theirs_are_differences(text: str) -> None:
    """Of the net by its input, away from kinks; dropout draws the same each time."""
    model = make(text, "float64")
    x = fastnn.tensor(np.random.RandomState(2).randn(3, WIDTH), requires_grad=True)

    def function(x: fastnn.Tensor) -> fastnn.Tensor:
        fastnn.manual_seed(4)
        return model(x)  # type: ignore[no-any-return]

    assert gradcheck(function, (x,))
    assert gradgradcheck(function, (x,), fast_mode=True)

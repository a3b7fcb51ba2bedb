"""A typical user's script, for type checkers: tests/test_typed.py runs it and has it checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import fastnn
from fastnn import Tensor, nn, optim
from fastnn.callbacks import EarlyStopping
from fastnn.func import grad, vmap
from fastnn.nn import functional as F
from fastnn.utils.data import DataLoader, Dataset, TensorDataset


class Net(nn.Module):
    """A net with a skip connection, two heads and a buffer."""

    scale: Tensor

    def __init__(self, width: int, classes: int, *, drop: float = 0.1) -> None:
        super().__init__()
        self.first = nn.Linear(4, width)
        self.norm = nn.LayerNorm(width)
        self.body = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Dropout(drop))
        self.heads = nn.ModuleList([nn.Linear(width, n) for n in (classes, 1)])
        self.gain = nn.Parameter(fastnn.ones(width))
        self.register_buffer("scale", fastnn.tensor(2.0))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = F.relu(self.norm(self.first(x))) * self.gain
        h = h + self.body(h) / self.scale
        classes: Tensor = self.heads[0](h)
        return classes, self.heads[1](h).squeeze(-1)


class Squares(Dataset):
    """A data set that computes its rows."""

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x = fastnn.full((4,), float(index) / 32)
        return x, x.square().sum()


def data(rows: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Random rows, and whether their sum is above zero."""
    x = np.random.default_rng(0).standard_normal((rows, 4)).astype(np.float32)
    return x, (x.sum(1) > 0).astype(np.int64)


def loop_of_ones_own(epochs: int) -> list[float]:
    """Train as in torch; the losses of the epochs are returned."""
    x, y = data(64)
    net = Net(8, 2)
    optimizer = optim.AdamW(net.parameters(), lr=1e-2, weight_decay=1e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    loader = DataLoader(TensorDataset(fastnn.tensor(x), fastnn.tensor(y)), batch_size=16)
    criterion = nn.CrossEntropyLoss()
    losses: list[float] = []
    for _ in range(epochs):
        total = 0.0
        for rows, labels in loader:
            optimizer.zero_grad()
            logits, size = net(rows)
            loss = criterion(logits, labels) + 1e-3 * size.pow(2).mean()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        schedule.step()
        losses.append(total / len(loader))
    net.eval()
    with fastnn.no_grad():
        right = (net(fastnn.tensor(x))[0].argmax(1) == fastnn.tensor(y)).float().mean()
    assert 0.0 <= right.item() <= 1.0
    return losses


def compiled_step() -> float:
    """A step that C replays."""
    net = nn.Linear(4, 1)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    @fastnn.compile
    def step(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    x, y = fastnn.randn(8, 4), fastnn.zeros(8, 1)
    losses: list[float] = [step(x, y).item() for _ in range(3)]
    return losses[-1]


def fitted(folder: Path) -> float:
    """A Trainer, its history, a file."""
    x, y = data(64)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=1e-2))
    history = trainer.fit(
        x,
        y,
        epochs=3,
        batch_size=16,
        validation_split=0.25,
        metrics=["accuracy"],
        callbacks=[EarlyStopping("val_loss", patience=2)],
        verbose=0,
    )
    losses: list[float] = history.history["loss"]
    model.save(folder / "net.safetensors")
    again = fastnn.load(folder / "net.safetensors")
    assert np.array_equal(model.predict(x), again.predict(x))
    return losses[-1]


def estimated() -> float:
    """scikit-learn's face."""
    from fastnn.sklearn import MLPClassifier

    x, y = data(64)
    found = MLPClassifier(hidden_layer_sizes=(8,), max_iter=100, random_state=0).fit(x, y)
    probability = found.predict_proba(x)
    assert probability.shape == (64, 2)
    return float(found.score(x, y))


def functional() -> tuple[Tensor, Tensor]:
    """Gradients of functions, one for each row."""

    def energy(x: Tensor) -> Tensor:
        return (x.sin() * x).sum()

    slopes = vmap(grad(energy))(fastnn.randn(5, 3))
    value, slope = fastnn.value_and_grad(energy)(fastnn.arange(3.0))
    assert slopes.shape == (5, 3) and slope.shape == (3,)
    return value, slope


def main(folder: Path) -> None:
    """Run all."""
    fastnn.manual_seed(0)
    losses = loop_of_ones_own(3)
    assert losses[-1] < losses[0]
    assert compiled_step() >= 0.0
    assert fitted(folder) > 0.0
    assert estimated() > 0.5
    functional()
    assert len(Squares()) == 32 and Squares()[1][1].item() > 0.0

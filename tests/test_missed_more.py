"""More values that planted faults changed and no other test saw: a row for each."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim


@pytest.mark.parametrize("batch", [3, 4, 10])
def test_the_loss_of_an_epoch_is_weighted_over_all_rows(batch: int) -> None:
    """sum w l / sum w, not a mean of the batches' means: train/sums.py."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 2)), rng.normal(size=(10, 1))
    w = np.arange(10.0)
    model = nn.Linear(2, 1).double()
    trainer = fastnn.Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.0))
    history = trainer.fit(
        x, y, sample_weight=w, batch_size=batch, shuffle=False, epochs=2, verbose=0
    )
    each = ((model.predict(x) - y) ** 2)[:, 0]
    assert np.allclose(history.history["loss"], (w * each).sum() / w.sum(), rtol=1e-12)


@pytest.mark.parametrize("write", ["after", "before"])
def test_a_write_beside_a_view_leaves_it_alone(write: str) -> None:
    """Places that touch do not overlap."""
    whole = fastnn.arange(9.0)
    middle = whole[3:6]
    leaf = fastnn.ones(3, requires_grad=True)
    loss = (leaf * middle).sum()  # which keeps the view
    (whole[6:] if write == "after" else whole[:3]).add_(1.0)
    loss.backward()
    assert leaf.grad is not None and leaf.grad.tolist() == [3.0, 4.0, 5.0]

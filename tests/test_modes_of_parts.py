"""`fit` keeps the modes that the user gave the parts of a model in training mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim

X = np.random.RandomState(0).standard_normal((64, 4)).astype(np.float32)
Y = X @ np.ones((4, 1), np.float32)


class Body(nn.Module):
    """A frozen body that keeps itself in evaluation mode, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.9))
        self.head = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 1))
        self.body.eval()

    def forward(self, x: Any) -> Any:
        return self.head(self.body(x))


def trained(model: nn.Module) -> None:
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    fastnn.Trainer(model, nn.MSELoss(), optimizer).fit(
        X, Y, epochs=2, batch_size=16, shuffle=False, verbose=0
    )


def test_parts_in_evaluation_mode_stay_so() -> None:
    fastnn.manual_seed(0)
    model, other = Body(), Body()
    other.load_state_dict(model.state_dict())
    trained(model)
    frozen, live = model.body[1], model.head[0]
    assert frozen.running_mean.tolist() == [0.0] * 6 and frozen.num_batches_tracked.item() == 0
    assert live.num_batches_tracked.item() == 8
    assert not model.body.training and not model.body[2].training and model.training

    optimizer = optim.SGD(other.parameters(), lr=0.01)  # the same loop, written out
    for _ in range(2):
        for i in range(0, 64, 16):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(
                other(fastnn.tensor(X[i : i + 16])), fastnn.tensor(Y[i : i + 16])
            )
            loss.backward()
            optimizer.step()
    for name, tensor in other.state_dict().items():
        assert tensor.tolist() == model.state_dict()[name].tolist(), name


def test_a_mode_changed_between_two_fits_is_seen() -> None:
    fastnn.manual_seed(0)
    norm = nn.BatchNorm1d(4)
    model = nn.Sequential(norm, nn.Linear(4, 1))
    trainer = fastnn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.01))
    for mode, count in ((True, 4), (False, 4), (True, 8)):
        norm.train(mode)
        trainer.fit(X, Y, batch_size=16, verbose=0)
        assert norm.num_batches_tracked.item() == count


@pytest.mark.parametrize("part", [False, True])
def test_a_model_in_evaluation_mode_is_trained_whole(part: bool) -> None:
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 1)).eval()
    model[0].train(part)
    trained(model)
    assert model[0].num_batches_tracked.item() == 8
    assert not model.training and model[0].training is part

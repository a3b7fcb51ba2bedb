"""Recording at its edges: trial runs that write, a recording within one, compiled methods."""

from __future__ import annotations

import gc
from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.compiler.compiled import Compiled
from fastnn.nn import functional as F
from fastnn.utils.data import Subset, default_convert

RNG = np.random.default_rng(8)
X = RNG.normal(size=(12, 3)).astype(np.float32)
Y = RNG.normal(size=(12, 2)).astype(np.float32)


def of_two(z: Any, y: Any) -> Any:
    return F.mse_loss(z[0], y[0]) + F.mse_loss(z[1], y[1])


class Two(nn.Module):
    """Two outputs, which a trial run is needed for to know of; it writes in place."""

    def __init__(self, tracks: bool, in_place: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3, affine=tracks, track_running_stats=tracks)
        self.a, self.b, self.in_place = nn.Linear(3, 2), nn.Linear(3, 2), in_place

    def forward(self, x: Any) -> Any:
        x = self.norm(x)
        if self.in_place:
            x.mul_(2.0)
            x = F.dropout(x, 0.25, training=True)  # in evaluation too
        return self.a(x), self.b(x)


@pytest.mark.parametrize("tracks", [False, True])
@pytest.mark.parametrize("in_place", [False, True])
def test_a_trial_run_leaves_no_trace(tracks: bool, in_place: bool) -> None:
    """Moments are those of the batches alone, as of a loop of the user's."""
    models = []
    for fits in (True, False):
        fastnn.manual_seed(2)
        model = Two(tracks, in_place)
        optimizer = optim.SGD(model.parameters(), lr=0.05)
        if fits:
            trainer = fastnn.Trainer(model, of_two, optimizer)
            trainer.fit(X, (Y, Y), epochs=1, batch_size=4, shuffle=False, verbose=0)
        else:
            for i in range(0, 12, 4):
                optimizer.zero_grad()
                y = fastnn.tensor(Y[i : i + 4])
                of_two(model(fastnn.tensor(X[i : i + 4])), (y, y)).backward()
                optimizer.step()
        models.append([t.tolist() for t in (*model.parameters(), *model.buffers())])
    assert models[0] == models[1]


class Changes(nn.Module):
    """It doubles its input in place."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.a, self.outputs = nn.Linear(3, 2), outputs

    def forward(self, x: Any) -> Any:
        x.mul_(2.0)
        return self.a(x) if self.outputs == 1 else (self.a(x), self.a(x))


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("hooked", [False, True])
def test_rows_that_a_model_changes_are_a_copy(outputs: int, hooked: bool) -> None:
    """Also where it is run without a program, as a hook has to be called."""
    model, x, y = Changes(outputs), X.copy(), Y if outputs == 1 else (Y, Y)
    if hooked:
        model.register_forward_hook(lambda m, args, z: None)
    loss = F.mse_loss if outputs == 1 else of_two
    trainer = fastnn.Trainer(model, loss, optim.SGD(model.parameters(), lr=0.05))
    first = trainer.predict(x)
    want = F.linear(fastnn.tensor(X * 2), model.a.weight, model.a.bias).detach().numpy()
    for found in (first, trainer.predict(x)):
        for part in found if outputs == 2 else (found,):
            np.testing.assert_allclose(part, want, rtol=1e-5, atol=1e-6)
    trainer.fit(x, y, epochs=2, batch_size=4, verbose=0)
    trainer.evaluate(x, y)
    np.testing.assert_array_equal(x, X)


def test_a_recording_within_a_recording() -> None:
    model = nn.Linear(3, 2)
    with pytest.raises(fastnn.RecordingError, match="called while another one is recorded"):
        fastnn.compile(lambda x: x * float(model.predict(X).sum()))(fastnn.ones(2))


def test_no_garbage_collection_stays_off() -> None:
    gc.disable()
    try:
        assert fastnn.compile(lambda x: x * 2)(fastnn.ones(2)).tolist() == [2, 2]
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_compiled_methods() -> None:
    """Of the class itself it is what stands there; of an object it is bound."""

    class Scales:
        def __init__(self, k: float) -> None:
            self.k = k

        @fastnn.compile
        def scaled(self, x: Any) -> Any:
            return x * self.k

    assert isinstance(Scales.scaled, Compiled) and Scales.scaled.__name__ == "scaled"
    assert [Scales(k).scaled(fastnn.ones(1)).item() for k in (2.0, 3.0)] == [2, 3]
    empty = Compiled.__new__(Compiled, lambda x: x)
    with pytest.raises(AttributeError, match="fn"):  # as of one that is being copied
        empty.anything


Pair = namedtuple("Pair", "a b")


def test_values_of_data_sets() -> None:
    found = default_convert({"x": np.ones(2), "p": Pair(np.zeros(1), "text"), "l": [np.int64(3)]})
    assert found["x"].tolist() == [1, 1] and type(found["p"]) is Pair
    assert found["p"].a.tolist() == [0] and found["p"].b == "text" and found["l"][0].item() == 3
    assert Subset(np.arange(10) ** 2, [1, 3, 5])[[0, 2]].tolist() == [1, 25]

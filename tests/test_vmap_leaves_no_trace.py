"""A process in which `vmap` was used has the bits of one in which it was not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CODE = """
import hashlib, json, sys
import numpy as np

import fastnn
from fastnn import nn, optim
from fastnn.nn import functional as F

if sys.argv[1] == "vmap":
    fastnn.vmap(lambda x: x * 2)(fastnn.ones(3))
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(96, 7)).astype("f4"), rng.integers(0, 3, 96)

def bits(tensors):
    return hashlib.sha256(b"".join(t.detach().numpy().tobytes() for t in tensors)).hexdigest()

def fit(*middle):
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(7, 16), *middle, nn.Linear(16, 3))
    trainer = fastnn.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.01))
    trainer.fit(X, Y, epochs=2, batch_size=29, verbose=0)
    return bits(model.parameters())

def gradient(function, *arrays):
    inputs = [fastnn.tensor(a, requires_grad=True) for a in arrays]
    (function(*inputs) * fastnn.tensor(X[:, ::-1].copy())).sum().backward()
    return bits([x.grad for x in inputs])

row = X[0] + 2
print(json.dumps({
    "batch norm": fit(nn.BatchNorm1d(16), nn.ReLU()),
    "layer norm": fit(nn.LayerNorm(16), nn.Tanh()),
    "selu": fit(nn.SELU()), "mish": fit(nn.Mish()), "prelu": fit(nn.PReLU(16)),
    "linear": gradient(F.linear, X, rng.normal(size=(7, 7)).astype("f4"), row),
    "layer_norm": gradient(lambda x, w: F.layer_norm(x, (7,), w), X, row),
    "rms_norm": gradient(lambda x, w: F.rms_norm(x, (7,), w), X, row),
    "batch_norm": gradient(lambda x, w: F.batch_norm(x, None, None, w, training=True), X, row),
}))
"""


@pytest.mark.long
def test_bits_are_those_without_vmap() -> None:
    found = [
        json.loads(subprocess.check_output([sys.executable, "-c", CODE, word], text=True))
        for word in ("none", "vmap")
    ]
    assert found[0] == found[1]

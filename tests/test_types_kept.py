"""Stored types in files, copies, models and training; large arrays are never copied as a whole."""

from __future__ import annotations

import copy
import io
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import types

import fastnn
from fastnn import Tensor, nn, optim
from fastnn.tensor import of_array
from fastnn.train import Trainer

HALVES = ("float16", "bfloat16")
Array = np.ndarray[Any, Any]


def values(name: str) -> Tensor:
    return fastnn.tensor([[0, 1], [3, 100]], dtype=getattr(fastnn, name))


@pytest.mark.parametrize("name", types.NAMES)
def test_files_and_copies(name: str, tmp_path: Path) -> None:
    x = values(name)
    fastnn.save({"x": x, "parts": [x[0], x.T]}, tmp_path / "state")
    found = fastnn.load(tmp_path / "state")
    fastnn.io.write(tmp_path / "plain", {"x": x._array})
    other = fastnn.load(tmp_path / "plain")
    for y in (
        found["x"],
        other["x"],
        copy.copy(x),
        copy.deepcopy(x),
        pickle.loads(pickle.dumps(x)),
    ):
        assert y.dtype == x.dtype and y.tolist() == x.tolist() and repr(y) == repr(x)
    assert found["parts"][1].tolist() == x.T.tolist() and found["parts"][0].dtype == x.dtype
    assert pickle.loads(pickle.dumps(x.dtype)) == x.dtype
    assert copy.deepcopy(fastnn.bfloat16) is fastnn.bfloat16


def test_bfloat16_by_safetensors_name(tmp_path: Path) -> None:
    fastnn.save({"w": values("bfloat16")}, tmp_path / "w")
    assert b'"BF16"' in (tmp_path / "w").read_bytes()


def test_buffers_of_a_module_keep_their_type(tmp_path: Path) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)
            for name in types.NAMES:
                self.register_buffer(name + "_", values(name))

    net, again = Net(), Net()
    net.uint8_.add_(7)
    fastnn.save(net.state_dict(), tmp_path / "state")
    again.load_state_dict(fastnn.load(tmp_path / "state"))
    for name in types.NAMES:
        assert getattr(again, name + "_").dtype == name
    assert again.uint8_.tolist() == net.uint8_.tolist()
    net.half()
    assert net.fc.weight.dtype == net.float32_.dtype == "float16"
    assert net.int16_.dtype == "int16" and net.bool_.dtype == "bool"
    net.load_state_dict(again.state_dict())  # float32 values into float16
    assert net.fc.weight.dtype == "float16"
    assert net.fc.weight.tolist() == again.fc.weight.half().tolist()


@pytest.mark.parametrize("name", HALVES)
def test_models_of_halves(name: str, tmp_path: Path) -> None:
    """Converted, predicting, saved and loaded, and trained by fit as by the eager loop."""
    fastnn.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 3))
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    wide = net.predict(x)
    assert net.to(getattr(fastnn, name)) is net and net[0].weight.dtype == name
    eps = 2.0 ** (-10 if name == "float16" else -7)
    got = net.predict(x)
    assert got.dtype == ("float16" if name == "float16" else "float32")
    np.testing.assert_allclose(got.astype(np.float32), wide, atol=16 * eps)
    with fastnn.no_grad():
        eager = net(of_array(x).to(net[0].weight.dtype)).float().numpy()
    np.testing.assert_array_equal(got.astype(np.float32), eager)
    out = np.empty_like(got)
    assert net.predict(x, out=out) is out and np.array_equal(out, got)
    fastnn.save(net, tmp_path / "net")
    again = fastnn.load(tmp_path / "net")
    assert again[0].weight.dtype == name and np.array_equal(again.predict(x), got)
    with pytest.raises(TypeError, match=f"input: expected dtype {name} like the weight"):
        net(of_array(x))
    assert net.float()[0].weight.dtype == "float32"


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("make", [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop], ids=str)
def test_fit_of_halves_is_the_eager_loop(name: str, make: Any) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(32, 4)).astype(np.float32)
    y = rng.integers(0, 3, 32)

    def net() -> nn.Sequential:
        fastnn.manual_seed(3)
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).to(getattr(fastnn, name))

    loss, first, second = nn.CrossEntropyLoss(), net(), net()
    trainer = Trainer(first, loss, make(first.parameters(), lr=0.05))
    history = trainer.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    optimizer = make(second.parameters(), lr=0.05)
    for _ in range(3):
        for begin in range(0, 32, 8):
            optimizer.zero_grad()
            rows = slice(begin, begin + 8)
            loss(second(of_array(x[rows]).to(getattr(fastnn, name))), of_array(y[rows])).backward()
            optimizer.step()
    for p, q in zip(first.parameters(), second.parameters(), strict=True):
        assert p.dtype == name and p.tolist() == q.tolist()
    assert history.history["loss"][-1] < history.history["loss"][0]


ROWS, WIDTH = 40_000, 64


def data(name: str) -> Any:
    """A large array or, for bfloat16, a tensor."""
    drawn = np.random.default_rng(0).integers(0, 2 if name == "bool" else 90, (ROWS, WIDTH))
    if name in HALVES:
        return of_array(drawn / 90).to(getattr(fastnn, name))
    return drawn.astype(name)


def wide(x: Any) -> Array:
    return x.float().numpy() if isinstance(x, Tensor) else x.astype(np.float32)


def trained(x: Any, y: Array, seed: int = 0) -> tuple[nn.Sequential, dict[str, float], Array]:
    fastnn.manual_seed(seed)
    net = nn.Sequential(nn.Linear(WIDTH, 4), nn.ReLU(), nn.Linear(4, 2))
    trainer = Trainer(net, nn.CrossEntropyLoss(), optim.SGD(net.parameters(), lr=1e-3))
    trainer.fit(x, y, epochs=1, batch_size=64, verbose=0)
    return net, trainer.evaluate(x, y), net.predict(x)


@pytest.mark.long
@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64", "bool", *HALVES])
def test_large_arrays_are_converted_by_blocks(name: str) -> None:
    """The bits of the converted array, and no copy of it: neither by fit, evaluate nor predict."""
    x, y = data(name), np.random.default_rng(1).integers(0, 2, ROWS)
    expected = trained(wide(x), y)
    trained(x, y)  # what is loaded and recorded once
    tracemalloc.start()
    try:
        got = trained(x, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < ROWS * WIDTH * 4 / 2, f"{peak / 1e6:.1f} MB"
    for p, q in zip(got[0].parameters(), expected[0].parameters(), strict=True):
        assert p.tolist() == q.tolist()
    assert got[1] == expected[1]
    np.testing.assert_array_equal(got[2], expected[2])


def test_a_memory_map_is_read_in_place(tmp_path: Path) -> None:
    x = data("uint8")
    x.tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", np.uint8, "r", shape=x.shape)
    y = np.zeros(ROWS, np.int64)
    assert trained(mapped, y)[1] == trained(x, y)[1]


@pytest.mark.parametrize("name", ["uint8", *HALVES])
def test_large_targets_too(name: str) -> None:
    x = data(name)
    results = []
    for given in (x, wide(x)):
        fastnn.manual_seed(0)
        net = nn.Sequential(nn.Linear(WIDTH, 4), nn.Linear(4, WIDTH))
        trainer = Trainer(net, nn.MSELoss(), optim.Adam(net.parameters()))
        trainer.fit(given, given, epochs=1, batch_size=256, verbose=0)
        results.append((trainer.evaluate(given, given), net[0].weight.tolist()))
    assert results[0] == results[1]


@pytest.mark.parametrize("name", HALVES)
def test_a_nan_in_a_large_array_is_found(name: str) -> None:
    x = data(name)
    x[12_345, 6] = float("nan")
    net = nn.Sequential(nn.Linear(WIDTH, 2))
    with pytest.raises(ValueError, match="x: expected finite numbers, got nan at row 12345, col"):
        net.predict(x)
    trainer = Trainer(net, nn.CrossEntropyLoss(), optim.SGD(net.parameters(), lr=0.1))
    with pytest.raises(ValueError, match="x: expected finite numbers, got nan at row 12345, col"):
        trainer.fit(x, np.zeros(ROWS, np.int64), verbose=0)


LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "Linear": (nn.Linear(4, 3), (2, 4)),
    "BatchNorm1d": (nn.BatchNorm1d(4), (6, 4)),
    "LayerNorm": (nn.LayerNorm(4), (2, 4)),
    "RMSNorm": (nn.RMSNorm(4), (2, 4)),
    "PReLU": (nn.PReLU(), (2, 4)),
    "GELU": (nn.GELU(), (2, 4)),
    "Softplus": (nn.Softplus(), (2, 4)),
    "ELU": (nn.ELU(), (2, 4)),
    "SiLU": (nn.SiLU(), (2, 4)),
    "Hardswish": (nn.Hardswish(), (2, 4)),
    "LogSoftmax": (nn.LogSoftmax(1), (2, 4)),
    "Dropout": (nn.Dropout(0.0), (2, 4)),
    "Flatten": (nn.Flatten(), (2, 2, 2)),
}
LOSSES: dict[str, tuple[nn.Module, bool]] = {
    "MSELoss": (nn.MSELoss(), False),
    "L1Loss": (nn.L1Loss(), False),
    "SmoothL1Loss": (nn.SmoothL1Loss(), False),
    "HuberLoss": (nn.HuberLoss(), False),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss(), False),
    "CrossEntropyLoss": (nn.CrossEntropyLoss(), True),
    "MultiMarginLoss": (nn.MultiMarginLoss(), True),
}


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("layer", LAYERS)
def test_layers_of_halves(layer: str, name: str) -> None:
    module, shape = LAYERS[layer]
    dtype, eps = getattr(fastnn, name), 2.0 ** (-10 if name == "float16" else -7)
    a = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    x = of_array(a).to(dtype).requires_grad_()
    made = copy.deepcopy(module).to(dtype)
    expected, got = copy.deepcopy(module)(x.detach().float()), made(x)
    assert got.dtype == dtype
    np.testing.assert_allclose(got.float().detach().numpy(), expected.detach().numpy(),
                               atol=8 * eps, rtol=8 * eps)  # fmt: skip
    got.sum().backward()
    assert x.grad is not None and x.grad.dtype == dtype
    assert all(p.grad is None or p.grad.dtype == dtype for p in made.parameters())


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_halves(loss: str, name: str) -> None:
    function, classes = LOSSES[loss]
    dtype, eps = getattr(fastnn, name), 2.0 ** (-10 if name == "float16" else -7)
    a, b = np.random.default_rng(0).uniform(0, 1, (2, 4, 3)).astype(np.float32)
    x = of_array(a).to(dtype).requires_grad_()
    y = fastnn.tensor([0, 2, 1, 0]) if classes else of_array(b).to(dtype)
    wide_y = y if classes else y.float()
    expected, got = function(x.detach().float(), wide_y), function(x, y)
    assert got.dtype == dtype
    np.testing.assert_allclose(got.item(), expected.item(), rtol=8 * eps)
    got.backward()
    assert x.grad is not None and x.grad.dtype == dtype and x.grad.float().isfinite().all()


@pytest.mark.parametrize("name", ["uint8", "int32"])
def test_classes_of_other_integer_types(name: str) -> None:
    x, dtype = fastnn.randn(3, 4), getattr(fastnn, name)
    y = fastnn.tensor([0, 3, 1])
    for loss in (nn.CrossEntropyLoss(), nn.NLLLoss(), nn.MultiMarginLoss()):
        assert loss(x, y.to(dtype)).item() == loss(x, y).item()


def test_a_stream_of_bytes_has_the_types_too() -> None:
    stream = io.BytesIO()
    np.save(stream, values("bfloat16")._array)
    stream.seek(0)
    assert of_array(np.load(stream)).tolist() == values("bfloat16").tolist()

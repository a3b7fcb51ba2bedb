"""Memory that the caller shares: outputs over inputs, memory maps that are closed, empty axes."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn

RNG = np.random.default_rng(0)


def model_of(width: int, dtype: Any = np.float32) -> nn.Module:
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(width, 7), nn.ReLU(), nn.Linear(7, width))
    return model.double() if dtype == np.float64 else model


@pytest.mark.every(8)
@pytest.mark.parametrize("shift", [-3, -1, 0, 1, 40, 64])
@pytest.mark.parametrize("rows", [1, 64, 3000])  # 3,000: in blocks
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layers", [1, 2])  # one writes its outputs while it still reads rows
def test_out_may_overlap_the_rows(layers: int, dtype: Any, rows: int, shift: int) -> None:
    model = model_of(5, dtype) if layers == 2 else nn.Linear(5, 5, dtype=dtype)
    for _ in range(3):  # recorded; replayed; by the short way
        memory = RNG.normal(size=(rows + 128, 5)).astype(dtype)
        x, out = memory[64 : 64 + rows], memory[64 + shift : 64 + shift + rows]
        want = model.predict(x.copy())
        assert model.predict(x, out=out) is out
        np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize("name", ["a model without a program", "float16 rows", "a tensor"])
def test_out_may_overlap_in_other_ways_too(name: str) -> None:
    model = model_of(4)
    memory = RNG.normal(size=(1 << 17, 4)).astype(np.float32)
    x: Any = memory[:-1]
    if name == "a model without a program":
        model.register_forward_hook(lambda module, inputs, output: output * 2)
    elif name == "float16 rows":  # converted block by block
        x = memory.view(np.float16).reshape(-1, 4)[: len(memory) - 1]
        x[...] = RNG.normal(size=x.shape)
    else:
        x = fastnn.from_numpy(x)
    want = model.predict(np.array(x._array if name == "a tensor" else x))
    np.testing.assert_array_equal(model.predict(x, out=memory[1:]), want)


# ---- memory maps ----

MAKERS: dict[str, Callable[[Any], fastnn.Tensor]] = {
    "from_numpy": fastnn.from_numpy,
    "as_tensor": fastnn.as_tensor,
    "asarray": fastnn.asarray,
    "tensor": fastnn.tensor,
    "from_numpy of a view": lambda x: fastnn.from_numpy(x[1:, ::2]),
    "from_numpy of an array": lambda x: fastnn.from_numpy(np.asarray(x)[::2]),
}


def mapped(path: Path, mode: Any = "r+") -> Any:
    np.arange(12, dtype=np.float32).tofile(path)
    return np.memmap(path, np.float32, mode, shape=(2, 5), offset=8)


@pytest.mark.every(5)
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_tensor_keeps_its_memory_map_open(name: str, mode: str, tmp_path: Path) -> None:
    memory = mapped(tmp_path / "x", mode)
    copies = name == "tensor"
    x = MAKERS[name](memory)
    want = x.tolist()
    if not copies:
        with pytest.raises(BufferError):
            memory._mmap.close()
        assert x._array.flags.writeable == memory.flags.writeable
        if mode == "r+":
            memory[...] += 1
            assert x.tolist() == (np.array(want) + 1).tolist()  # it is the same memory
    assert x.sum().item() == np.array(x.tolist()).sum()
    del x
    gc.collect()
    memory._mmap.close()


@pytest.mark.parametrize("name", [n for n in MAKERS if n != "from_numpy of a view"])
def test_a_closed_memory_map_is_refused(name: str, tmp_path: Path) -> None:
    memory = mapped(tmp_path / "x")
    memory._mmap.close()
    with pytest.raises(ValueError, match=r"(array|data): expected an open memory map, got a clo"):
        MAKERS[name](memory)


# ---- empty axes ----

EMPTY: dict[str, tuple[tuple[int, ...], Callable[[Any], Any], float]] = {
    "mean": ((3, 0), lambda x: x.mean(1), np.nan),
    "mean, first": ((0, 3), lambda x: x.mean(0), np.nan),
    "mean of both": ((0, 3), lambda x: x.mean((0, 1)), np.nan),
    "mean of all": ((0,), lambda x: x.mean(), np.nan),
    "mean, kept": ((2, 0, 3), lambda x: x.mean(1, keepdim=True), np.nan),
    "nanmean": ((3, 0), lambda x: fastnn.nanmean(x, 1), np.nan),
    "sum": ((3, 0), lambda x: x.sum(1), 0.0),
    "var": ((3, 0), lambda x: x.var(1), np.nan),
    "std": ((0, 3), lambda x: x.std(0), np.nan),
    "mse": ((0, 3), lambda x: nn.functional.mse_loss(x, x * 2), np.nan),
    "logsumexp": ((3, 0), lambda x: x.logsumexp(1), -np.inf),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", EMPTY)
def test_empty_axes_have_gradients(name: str, compiled: bool) -> None:
    shape, function, value = EMPTY[name]

    def run(x: Any) -> Any:
        y = function(x)
        return y.detach(), fastnn.autograd.grad(y.sum(), x, create_graph=True)[0].detach()

    x = fastnn.zeros(shape).requires_grad_(True)
    y, gradient = (fastnn.compile(run) if compiled else run)(x)
    np.testing.assert_array_equal(y.numpy(), np.full(y.shape, value))
    assert gradient.shape == shape

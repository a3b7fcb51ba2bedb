"""The fused ops of tabular nets against the ops they stand for, and in whole training steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, ops
from fastnn.nn import functional as F
from fastnn.nn.layers.columns import Columns
from fastnn.tabular import as_frame
from fastnn.tabular.fitting import optimizer_of
from fastnn.tabular.members import smoothed
from fastnn.tabular.realmlp import build, initialize
from fastnn.tabular.recipes import recipe_of
from fastnn.tabular.robust import RobustDesign

PLAIN = {"selu": F.selu, "mish": F.mish}


def bent(x: Any, alpha: Any, kind: str) -> Any:
    return x + alpha * (PLAIN[kind](x) - x)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("kind", PLAIN)
def test_a_learned_bend_is_that_of_its_activation(kind: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    start = 4 * rng.standard_normal((7, 19)), rng.standard_normal(19)
    found = []
    for function in (ops.parametric_activation, bent):
        x, alpha = (fastnn.tensor(a, dtype=np.dtype(dtype), requires_grad=True) for a in start)
        y = function(x, alpha, kind)
        (y * y).sum().backward()
        assert y.dtype == np.dtype(dtype)
        found.append([t.numpy().astype("f8") for t in (y.detach(), x.grad, alpha.grad)])
    off = {"float16": 1e-2, "float32": 1e-5, "float64": 1e-13}[dtype]
    for got, want in zip(*found, strict=True):
        np.testing.assert_allclose(got, want, rtol=off, atol=off * np.abs(want).max())


def test_a_learned_bend_at_the_edges() -> None:
    far = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, -200.0]
    one, x = fastnn.ones(len(far)), fastnn.tensor([far])
    selu = ops.parametric_activation(x, one * 0.5, "selu").tolist()[0]
    below = -1.0507009873554805 * 1.6732632423543772
    want = [0.0, 0.0, np.nan, np.nan, np.nan, 1.02535e30, -0.5e30, 0.5 * (below - 200)]
    np.testing.assert_allclose(selu, want, rtol=1e-5)
    mish = ops.parametric_activation(x[:, :2], one[:2], "mish").tolist()[0]
    assert mish == [0.0, 0.0]
    x = fastnn.tensor([[1e30, -1e30, 20.5, -200.0]], requires_grad=True)
    y = ops.parametric_activation(x, one[:4], "mish")
    np.testing.assert_allclose(y.detach().numpy(), [[1e30, 0.0, 20.5, 0.0]], rtol=1e-6, atol=1e-6)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[1.0, 0.0, 1.0, 0.0]], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("plain", "sizes"), [(0, ()), (2, ()), (0, (4, 3)), (1, (12,))])
def test_columns_are_side_by_side(plain: int, sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    layer = Columns(3, plain, sizes, dtype=np.float64)
    x = np.column_stack(
        [rng.standard_normal((9, 3 + plain)), *(rng.integers(0, s, 9) for s in sizes)]
    )
    w, b = (p.detach().numpy()[:, :, 0] for p in (layer.frequency, layer.phase))
    cosines = np.cos(2 * np.pi * w * x[:, :3, None] + b)
    mixed = (
        np.einsum("jmk,ijk->ijm", layer.mixing.detach().numpy(), cosines)
        + layer.shift.detach().numpy()[..., 0]
    )
    parts = [mixed.reshape(9, 9), x[:, : 3 + plain]]
    start = 0
    for i, size in enumerate(sizes):
        parts.append(layer.categories.detach().numpy()[start + x[:, 3 + plain + i].astype(int)])
        start += size
    found = layer(fastnn.tensor(x, dtype=np.float64)).detach().numpy()
    np.testing.assert_allclose(found, np.concatenate(parts, axis=1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("classes", [True, False])
def test_a_step_has_the_bits_of_the_eager_one_whatever_the_threads(classes: bool) -> None:
    rng = np.random.default_rng(0)
    frame = as_frame(rng.standard_normal((300, 11)))
    design, _ = RobustDesign.fit(frame)
    x = design.apply(frame)
    recipe = recipe_of("td", classes, hidden=(70, 33))
    y: Any = rng.integers(0, 3, 300) if classes else rng.standard_normal((300, 1)).astype("f4")
    loss = nn.CrossEntropyLoss() if classes else nn.MSELoss()
    y = smoothed(y, 3, 0.1) if classes else y

    def trained(compiled: bool, threads: int) -> list[bytes]:
        before = fastnn.get_num_threads()
        fastnn.set_num_threads(threads)
        net = build(design, 3 if classes else 1, recipe)
        initialize(net, x, recipe, np.random.default_rng(1))
        net.train()
        optimizer = optimizer_of(net, recipe)

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            value = loss(net(x), y)
            value.backward()
            optimizer.step()
            return value

        run = fastnn.compile(step) if compiled else step
        for _ in range(4):
            run(fastnn.tensor(x), fastnn.tensor(y))
        fastnn.set_num_threads(before)
        return [p.detach().numpy().tobytes() for p in net.parameters()]

    eager = trained(False, 1)
    assert trained(True, 1) == eager
    assert trained(True, 2) == eager and trained(False, 2) == eager


def test_smoothed_labels_give_the_loss_of_label_smoothing() -> None:
    rng = np.random.default_rng(0)
    z, y = fastnn.tensor(rng.standard_normal((20, 4))), rng.integers(0, 4, 20)
    want = nn.CrossEntropyLoss(label_smoothing=0.1)(z, fastnn.tensor(y)).item()
    found = nn.CrossEntropyLoss()(z, fastnn.tensor(smoothed(y, 4, 0.1))).item()
    assert found == pytest.approx(want, rel=1e-6)

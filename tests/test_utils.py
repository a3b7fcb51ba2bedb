"""torch's utils.data and nn.utils, and the options of losses."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, nn, optim
from fastnn.nn import functional as F
from fastnn.utils.data import (
    DataLoader,
    Dataset,
    RandomSampler,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
)

# ---- torch.utils.data; the orders are torch 2.13's ----


LOADER_ORDERS = [[6, 7, 1, 4, 2, 0, 9, 8, 3, 5], [2, 4, 7, 0, 8, 9, 5, 3, 6, 1]]  # seed 0
AFTER = 0.455627977848053  # torch.rand(1) after these two passes
RANDPERM = [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]
SPLIT = [[4, 1, 7, 5, 3, 9, 0, 8], [6, 2]]
WITH_GENERATOR = [7, 4, 2, 9, 1, 5, 0, 8, 6, 3]  # seed 3


def ten() -> TensorDataset:
    return TensorDataset(fastnn.tensor(np.arange(10.0, dtype=np.float32)), fastnn.tensor([0] * 10))


def test_loader_shuffles_as_torch() -> None:
    fastnn.manual_seed(0)
    loader = DataLoader(ten(), batch_size=4, shuffle=True)
    passes = [[int(v) for x, _ in loader for v in x.tolist()] for _ in range(2)]
    assert passes == LOADER_ORDERS and fastnn.rand(1).item() == pytest.approx(AFTER, abs=1e-7)
    fastnn.manual_seed(0)
    assert fastnn.randperm(10).tolist() == RANDPERM
    fastnn.manual_seed(0)
    parts = random_split(ten(), [0.75, 0.25])
    assert [part.indices for part in parts] == SPLIT
    generator = fastnn.Generator(3)
    order = [v for x, _ in DataLoader(ten(), 5, True, generator=generator) for v in x.tolist()]
    assert [int(v) for v in order] == WITH_GENERATOR


def test_loader_batches() -> None:
    loader = DataLoader(ten(), batch_size=4)
    assert len(loader) == 3 and [len(x) for x, _ in loader] == [4, 4, 2]
    loader = DataLoader(ten(), batch_size=4, drop_last=True)
    assert len(loader) == 2 and [len(x) for x, _ in loader] == [4, 4]
    batch = next(iter(loader))
    assert isinstance(batch, list) and batch[1].dtype == np.int64
    assert len(DataLoader(ten())) == 10 and len(DataLoader(ten(), batch_size=None)) == 10
    assert next(iter(DataLoader(ten(), batch_size=None)))[0].shape == ()
    part = DataLoader(Subset(ten(), [7, 3, 1]), batch_size=2)
    assert [x.tolist() for x, _ in part] == [[7, 3], [1]]
    picked = DataLoader(ten(), batch_size=2, sampler=[9, 8, 7])
    assert [x.tolist() for x, _ in picked] == [[9, 8], [7]]
    assert len(RandomSampler(ten())) == 10
    for options in ({"num_workers": -1}, {"shuffle": True, "sampler": [1]}, {"batch_size": 0}):
        with pytest.raises(ValueError):
            DataLoader(ten(), **options)


def test_collating_a_data_set_of_ones_own() -> None:
    class Squares(Dataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> dict:
            return {"x": np.float32([index, index**2]), "name": f"n{index}", "y": index}

    (batch,) = DataLoader(Squares(), batch_size=3)
    assert batch["x"].tolist() == [[0, 0], [1, 1], [2, 4]] and batch["x"].dtype == np.float32
    assert batch["y"].tolist() == [0, 1, 2] and batch["name"] == ["n0", "n1", "n2"]
    (pairs,) = DataLoader(Squares(), batch_size=3, collate_fn=lambda items: len(items))
    assert pairs == 3
    point = namedtuple("point", "x y")
    both = default_collate([point(1, fastnn.ones(2)), point(2, fastnn.zeros(2))])
    assert isinstance(both, point) and both.y.shape == (2, 2)
    with pytest.raises(TypeError, match="collate"):
        default_collate([object()])


def test_tensor_dataset_refuses() -> None:
    with pytest.raises(ValueError, match="expected 2 rows"):
        TensorDataset(fastnn.ones(2, 1), fastnn.ones(3))
    with pytest.raises(ValueError, match="sum of 10"):
        random_split(ten(), [5, 4])
    with pytest.raises(NotImplementedError):
        Dataset()[0]


# ---- torch.nn.utils ----


def with_gradients() -> list[Tensor]:
    w = fastnn.tensor([3.0, 0.0], requires_grad=True)
    b = fastnn.tensor(4.0, requires_grad=True)
    ((w * w).sum() / 2 + b * b / 2).backward()
    return [w, b, fastnn.tensor([1.0], requires_grad=True)]


@pytest.mark.parametrize(
    "order, norm, expected",
    [(2.0, 5.0, [0.6, 0.8]), (float("inf"), 4.0, [0.75, 1.0]), (1.0, 7.0, [3 / 7, 4 / 7])],
)
def test_clip_grad_norm(order: float, norm: float, expected: list[float]) -> None:
    w, b, free = with_gradients()
    assert nn.utils.clip_grad_norm_([w, b, free], 1.0, order).item() == pytest.approx(norm)
    np.testing.assert_allclose([w.grad[0].item(), b.grad.item()], expected, rtol=1e-5)
    assert free.grad is None
    before = w.grad.tolist()
    nn.utils.clip_grad_norm_(iter([w]), 100.0)
    assert w.grad.tolist() == before
    assert nn.utils.clip_grad_norm_([free], 1.0).item() == 0
    w.grad = fastnn.tensor([float("nan"), 0.0])
    with pytest.raises(RuntimeError, match="norm"):
        nn.utils.clip_grad_norm_(w, 1.0, error_if_nonfinite=True)


@pytest.mark.parametrize("used", [True, False])
def test_a_compiled_step_stops_at_gradients_that_are_not_finite(used: bool) -> None:
    w = nn.Parameter(np.ones(3, np.float32))
    optimizer = fastnn.optim.SGD([w], lr=0.1)

    def step(x: fastnn.Tensor) -> fastnn.Tensor:
        optimizer.zero_grad()
        loss = (w * x).sum()
        loss.backward()
        if used:
            nn.utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)
        else:
            nn.utils.get_total_norm([w.grad], error_if_nonfinite=True)
        optimizer.step()
        return loss

    compiled = fastnn.compile(step)
    x = fastnn.ones(3)
    compiled(x)
    compiled(x)  # the first call made the optimizer's state, which the step reads
    before = w.tolist()
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"test_utils\.py:\d+: The total norm of order 2.0"):
            compiled(x / 0)
        assert w.tolist() == before and w.grad.tolist() == [np.inf] * 3
    with pytest.raises(RuntimeError, match=r"^The total norm of order 2.0"):
        step(x / 0)
    compiled(x)
    assert w.tolist() != before


def test_clip_grad_value_and_vectors() -> None:
    w, b, free = with_gradients()
    nn.utils.clip_grad_value_([w, b, free], 1.5)
    assert w.grad.tolist() == [1.5, 0] and b.grad.item() == 1.5
    with pytest.raises(ValueError, match="vec"):
        nn.utils.vector_to_parameters(fastnn.ones(3), [w, b, free])
    nn.utils.vector_to_parameters(fastnn.tensor([1.0, 2.0, 3.0, 4.0]), [w, b, free])
    assert w.tolist() == [1, 2] and b.item() == 3 and free.tolist() == [4]


def test_clipping_in_a_compiled_step() -> None:
    def build() -> tuple:
        fastnn.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        def step(x: Tensor, y: Tensor) -> Tensor:
            optimizer.zero_grad()
            loss = F.mse_loss(net(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.05)
            nn.utils.clip_grad_value_(net.parameters(), 0.02)
            optimizer.step()
            return loss

        return net, step

    (a, eager), (b, step) = build(), build()
    compiled = fastnn.compile(step)
    for _ in range(4):
        x, y = fastnn.rand(6, 3), fastnn.rand(6, 1)
        assert eager(x, y).item() == compiled(x, y).item()
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        np.testing.assert_array_equal(p.asnumpy(), q.asnumpy())


# ---- weights in losses: golden.json's examples, eager and compiled ----

CE = [
    ({}, 1.120075538276898),
    ({"weight": [1.0, 2.0, 3.0]}, 1.1740057588155617),
    ({"label_smoothing": 0.1}, 1.1217422049435648),
    ({"weight": [1.0, 2.0, 3.0], "label_smoothing": 0.1}, 1.1475445593294906),
    ({"ignore_index": 2}, 0.8504244355835798),
    ({"reduction": "sum"}, 2.240151076553796),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options, expected", CE)
def test_cross_entropy_options(options: dict, expected: float, dtype: str) -> None:
    logits = fastnn.tensor([[0.2, 0.6, 0.2], [0.1, 0.8, 0.1]], dtype=dtype)
    if "weight" in options:
        options = options | {"weight": fastnn.tensor(options["weight"], dtype=dtype)}
    loss = nn.CrossEntropyLoss(**options)
    y = fastnn.tensor([1, 2])
    compiled = fastnn.compile(loss)
    rtol = 1e-6 if dtype == "float32" else 1e-12
    for got in (loss(logits, y), compiled(logits, y), compiled(logits, y)):
        assert got.item() == pytest.approx(expected, rel=rtol)


def test_cross_entropy_of_ignored_rows_and_probabilities() -> None:
    logits = fastnn.tensor([[0.2, 0.6, 0.2], [0.1, 0.8, 0.1]])
    assert F.cross_entropy(logits, fastnn.tensor([1, -100])).item() == pytest.approx(0.8504244)
    assert np.isnan(F.cross_entropy(logits, fastnn.tensor([-100, -100])).item())
    gone = F.cross_entropy(logits, fastnn.tensor([-100, -100]), reduction="sum")
    assert gone.item() == 0
    for labels in ([1, -101], [1, 3]):
        with pytest.raises(ValueError):
            F.cross_entropy(logits, fastnn.tensor(labels), label_smoothing=0.1)
    p = fastnn.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    smooth = F.cross_entropy(logits, p, label_smoothing=0.1).item()
    assert smooth == pytest.approx(1.1217422, rel=1e-6)
    table = fastnn.tensor([[0.2, 0.3, 0.5], [0.5, 0.2, 0.3]]).log()
    w = fastnn.tensor([2.0, 4.0, 6.0])
    each = F.cross_entropy(table, fastnn.tensor([2, 1]), w, reduction="none")
    np.testing.assert_allclose(each.asnumpy(), [6 * 0.6931472, 4 * 1.6094379], rtol=1e-6)


def test_binary_cross_entropy_weights() -> None:
    z = fastnn.tensor([-1.5, 0.0, 2.0], requires_grad=True)
    y = fastnn.tensor([1.0, 0.5, 0.0])
    w, p = fastnn.tensor([1.0, 2.0, 3.0]), fastnn.tensor([2.0, 3.0, 0.5])
    loss = nn.BCEWithLogitsLoss(weight=w, pos_weight=p)(z, y)
    loss.backward()
    zs, ys, ws, ps = (v.detach().numpy().astype(float) for v in (z, y, w, p))
    each = (1 - ys) * zs + (1 + (ps - 1) * ys) * np.log1p(np.exp(-zs))
    assert loss.item() == pytest.approx((ws * each).mean(), rel=1e-6)
    slope = (1 - ys) - (1 + (ps - 1) * ys) / (1 + np.exp(zs))
    np.testing.assert_allclose(z.grad.numpy(), ws * slope / 3, rtol=1e-6)
    with pytest.raises(ValueError, match="broadcasts"):
        F.binary_cross_entropy_with_logits(z, y, fastnn.ones(2, 3))


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0, float("inf")])
def test_gradients_without_elements(order: float) -> None:
    """They count for nothing, alone or among others."""
    empty, w = fastnn.zeros(0, requires_grad=True), fastnn.ones(2, requires_grad=True)
    empty.grad, w.grad = fastnn.zeros(0), fastnn.ones(2)
    want = 1.0 if order == float("inf") else 2.0 ** (1 / order)
    assert nn.utils.clip_grad_norm_([empty], 1.0, order).item() == 0
    assert nn.utils.clip_grad_norm_([empty, w], 100.0, order).item() == pytest.approx(want)
    assert nn.utils.get_total_norm([w.grad, empty.grad], order).item() == pytest.approx(want)
    assert nn.utils.clip_grad_norm_([empty, w], want / 2, order).item() == pytest.approx(want)
    assert w.grad.tolist() == pytest.approx([0.5, 0.5], rel=1e-4)

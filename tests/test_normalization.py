"""BatchNorm1d, LayerNorm and RMSNorm: checks beyond the goldens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import func, nn
from fastnn.nn import functional as F
from fastnn.tensor import Tensor


def rows(*shape: int, seed: int = 0, dtype: Any = np.float64) -> Tensor:
    return fastnn.tensor(np.random.default_rng(seed).normal(3.0, 2.0, shape).astype(dtype))


def test_the_example_of_the_docs() -> None:
    layer = nn.BatchNorm1d(1)
    y = layer(fastnn.tensor([[1.0], [2.0], [3.0], [4.0]]))
    want = [-1.34163542, -0.44721181, 0.44721181, 1.34163542]
    np.testing.assert_allclose(y.detach().numpy().ravel(), want, rtol=1e-6)
    assert layer.running_mean is not None and layer.running_var is not None
    np.testing.assert_allclose(layer.running_mean.numpy(), [0.25], rtol=1e-6)
    np.testing.assert_allclose(layer.running_var.numpy(), [1.0666667], rtol=1e-6)
    assert layer.num_batches_tracked is not None and layer.num_batches_tracked.item() == 1


def test_a_batch_of_one_row_is_refused_and_changes_nothing() -> None:
    layer = nn.BatchNorm1d(4)
    before = {k: v.numpy().copy() for k, v in layer.state_dict().items()}
    text = r"Expected more than 1 value per channel when training, got input size \(1, 4\)"
    with pytest.raises(ValueError, match=text):
        layer(fastnn.ones(1, 4))
    assert all((layer.state_dict()[k].numpy() == v).all() for k, v in before.items())
    assert layer(fastnn.ones(1, 4, 2)).shape == (1, 4, 2)
    assert layer.eval()(fastnn.ones(1, 4)).shape == (1, 4)


@pytest.mark.parametrize("shape", [(4,), (5, 3), (2, 3, 4, 5)])
def test_batch_norm_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected"):
        nn.BatchNorm1d(4)(fastnn.ones(*shape))


def test_momentum_none_is_the_average_of_all_batches() -> None:
    layer = nn.BatchNorm1d(3, momentum=None, dtype=np.float64)
    batches = [rows(6, 3, seed=i) for i in range(5)]
    for x in batches:
        layer(x)
    assert layer.running_mean is not None and layer.running_var is not None
    mean = np.mean([x.numpy().mean(0) for x in batches], axis=0)
    var = np.mean([x.numpy().var(0, ddof=1) for x in batches], axis=0)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), var, rtol=1e-12)
    layer.reset_running_stats()
    assert layer.running_mean.tolist() == [0, 0, 0]


def test_a_far_mean_costs_no_precision() -> None:
    """E[x^2] - E[x]^2 would have no digit left of the variance."""
    x = np.random.default_rng(1).normal(size=(1000, 3))
    far = (x + 1e4).astype(np.float32)
    exact = far.astype(np.float64)
    want = (exact - exact.mean(0)) / exact.std(0)
    y = F.batch_norm(fastnn.tensor(far), None, None, training=True, eps=1e-30).numpy()
    np.testing.assert_allclose(y, want, atol=2e-3)
    y = F.layer_norm(fastnn.tensor(far.T.copy()), (1000,), eps=0.0).numpy()
    np.testing.assert_allclose(y, want.T, atol=2e-3)


LAYERS = {
    "batch_norm": nn.BatchNorm1d(4, dtype=np.float64),
    "layer_norm": nn.LayerNorm(4, dtype=np.float64),
    "rms_norm": nn.RMSNorm(4, dtype=np.float64),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_gradients(name: str) -> None:
    layer = LAYERS[name].train()
    x = rows(5, 4).requires_grad_()
    assert fastnn.autograd.gradcheck(layer, (x,))
    assert fastnn.autograd.gradgradcheck(layer, (x,))
    layer.eval()
    assert fastnn.autograd.gradcheck(layer, (x,))


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_bits_do_not_depend_on_threads(threads: int) -> None:
    x, before = rows(3000, 130, dtype=np.float32), fastnn.get_num_threads()
    found = []
    try:
        for count in (1, threads):
            fastnn.set_num_threads(count)
            for layer in (nn.BatchNorm1d(130), nn.LayerNorm(130)):
                leaf = x.clone().requires_grad_()
                y = layer(leaf)
                (y * y * x).sum().backward()
                assert leaf.grad is not None
                grads = [p.grad.numpy() for p in layer.parameters() if p.grad is not None]
                found.append([a.tobytes() for a in (y.detach().numpy(), leaf.grad.numpy(), *grads)])
    finally:
        fastnn.set_num_threads(before)
    assert found[:2] == found[2:]


def test_layer_norm_within_vmap() -> None:
    layer, x = nn.LayerNorm(4, dtype=np.float64), rows(6, 3, 4)
    each = func.vmap(layer)(x)
    np.testing.assert_allclose(each.detach().numpy(), layer(x).detach().numpy(), rtol=1e-12)

    def loss(weight: Tensor, sample: Tensor) -> Tensor:
        return (F.layer_norm(sample, (4,), weight) ** 3).sum()

    found = func.vmap(func.grad(loss), in_dims=(None, 0))(layer.weight.detach(), x)
    one = func.grad(loss)(layer.weight.detach(), x[2])
    np.testing.assert_allclose(found[2].numpy(), one.numpy(), rtol=1e-12)


def test_running_statistics_are_not_changed_within_vmap() -> None:
    with pytest.raises(RuntimeError, match="vmap: running statistics"):
        func.vmap(nn.BatchNorm1d(4))(fastnn.ones(2, 3, 4))


def test_statistics_in_a_program_and_in_evaluation() -> None:
    """They are brought up to date at every run; a change of mode is another recording."""
    layer, eager = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
    step = fastnn.compile(lambda x: layer(x).sum())
    for i in range(6):
        x = rows(7, 4, seed=i, dtype=np.float32)
        for module in (layer, eager):
            module.train(i % 3 != 2)
        assert step(x).item() == eager(x).sum().item()
        for a, b in zip(layer.buffers(), eager.buffers(), strict=True):
            assert (a.numpy() == b.numpy()).all()


def test_state_and_conversion() -> None:
    layer = nn.BatchNorm1d(2).double()
    layer(rows(5, 2))
    copy = nn.BatchNorm1d(2, dtype=np.float64)
    copy.load_state_dict(layer.state_dict())
    assert list(copy.state_dict()) == [
        "weight", "bias", "running_mean", "running_var", "num_batches_tracked",
    ]  # fmt: skip
    assert copy.num_batches_tracked is not None and copy.num_batches_tracked.item() == 1
    assert (copy.eval()(x := rows(3, 2)) == layer.eval()(x)).all().item()
    with pytest.raises(TypeError, match="batch_norm: expected tensors of one dtype"):
        nn.BatchNorm1d(2)(rows(5, 2))


def test_layer_norm_shapes() -> None:
    with pytest.raises(ValueError, match="input: expected"):
        nn.LayerNorm((3, 4))(fastnn.ones(2, 3, 5))
    with pytest.raises(ValueError, match="normalized_shape: expected at least one size"):
        nn.LayerNorm([])
    assert nn.LayerNorm(3)(fastnn.ones(0, 3)).shape == (0, 3)
    assert nn.RMSNorm((3, 4))(fastnn.ones(2, 3, 4)).shape == (2, 3, 4)


@pytest.mark.parametrize("kind", [nn.LayerNorm, nn.BatchNorm1d])
def test_eps_is_a_number(kind: Any) -> None:
    """None is RMSNorm's alone; it was found at the first call, by a bare AssertionError."""
    with pytest.raises(TypeError, match="eps: expected a number, got None"):
        kind(4, eps=None)
    later = kind(4)
    later.eps = None
    with pytest.raises(TypeError, match="eps: expected a number, got None"):
        later(fastnn.ones(2, 4))

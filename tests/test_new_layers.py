"""Layers and functions whose settings the catalogue does not reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.nn import functional as F
from fastnn.tape.listener import RecordingError

X = np.random.RandomState(0).standard_normal((4, 6))


def test_rrelu_draws_torchs_slopes() -> None:
    fastnn.manual_seed(0)
    y = nn.RReLU()(fastnn.tensor([-1.0, 2.0, -1.0, 0.0, -1.0], dtype=fastnn.float64))
    # torch.manual_seed(0); nn.RReLU()(torch.tensor([-1.0, 2.0, -1.0, 0.0, -1.0]).double())
    want = [-0.3270944, 2.0, -0.2724625, 0.0, -0.3168224]
    np.testing.assert_allclose(y.numpy(), want, rtol=1e-6)
    x = fastnn.tensor([-1.0, 2.0])
    assert F.rrelu(x, 0.5, 0.5, True, True) is x and x.tolist() == [-0.5, 2.0]
    with pytest.raises(RecordingError, match="random numbers were drawn"):
        fastnn.compile(nn.RReLU())(x)
    with pytest.raises(ValueError, match="upper: expected a finite number"):
        nn.RReLU(0.5, 0.25)


def test_feature_alpha_dropout_drops_channels() -> None:
    fastnn.manual_seed(0)
    x = fastnn.tensor(np.tile(X[:, :, None], (1, 1, 5)))
    y = F.feature_alpha_dropout(x, 0.5, training=True).numpy()
    floor = -1.7580993408473766
    a = 1 / np.sqrt(0.5 * (1 + 0.5 * floor**2))
    kept, dropped = a * (X - 0.5 * floor), np.full(X.shape, a * (floor - 0.5 * floor))
    assert (y == y[:, :, :1]).all()
    isclose = np.isclose(y[:, :, 0], kept, rtol=1e-12), np.isclose(y[:, :, 0], dropped, rtol=1e-12)
    assert (isclose[0] ^ isclose[1]).all() and 3 < isclose[0].sum() < 21
    assert F.feature_alpha_dropout(x) is x
    assert F.feature_alpha_dropout(x, 1.0, True, True) is x and not x.numpy().any()
    with pytest.raises(ValueError, match="requires at least 2 dimensions"):
        F.feature_alpha_dropout(fastnn.ones(3), training=True)


def test_lazy_batch_norm_becomes_one() -> None:
    layer = nn.LazyBatchNorm1d(momentum=0.3, dtype=fastnn.float64)
    other = nn.BatchNorm1d(6, momentum=0.3, dtype=fastnn.float64)
    with pytest.raises(RuntimeError, match="LazyBatchNorm1d: expected a first call"):
        list(nn.Sequential(layer).parameters())
    x = fastnn.tensor(X)
    assert layer(x).tolist() == other(x).tolist()
    assert type(layer) is nn.BatchNorm1d and repr(layer) == repr(other)
    assert layer.running_mean is not None and other.running_mean is not None
    assert layer.running_mean.tolist() == other.running_mean.tolist()
    assert list(layer.state_dict()) == list(other.state_dict())
    with pytest.raises(ValueError, match="input: expected shape"):
        nn.LazyBatchNorm1d()(fastnn.ones(3))


def test_momentum_of_any_sign() -> None:
    mean, var = fastnn.zeros(6).double(), fastnn.ones(6).double()
    F.batch_norm(fastnn.tensor(X), mean, var, training=True, momentum=-0.5)
    np.testing.assert_allclose(mean.numpy(), -0.5 * X.mean(0), rtol=1e-12)
    np.testing.assert_allclose(var.numpy(), 1.5 - 0.5 * X.var(0, ddof=1), rtol=1e-12)


BAD: dict[str, tuple[Any, str]] = {
    "groups": (lambda: F.group_norm(fastnn.ones(2, 4), 3), "num_groups: expected a divisor of 4"),
    "groups of a layer": (lambda: nn.GroupNorm(3, 4), "must be divisible by num_groups"),
    "channels": (lambda: nn.GroupNorm(2, 4)(fastnn.ones(2, 6)), r"input: expected \(rows, 4"),
    "one value": (lambda: F.group_norm(fastnn.ones(1, 1), 1), "more than 1 value per channel"),
    "instance": (
        lambda: nn.InstanceNorm1d(3)(fastnn.ones(2, 3, 1)),
        "more than 1 spatial element",
    ),
    "instance channels": (lambda: nn.InstanceNorm1d(3)(fastnn.ones(2, 4, 2)), "expected 3 chan"),
    "instance moments": (
        lambda: F.instance_norm(fastnn.ones(2, 3, 2), use_input_stats=False),
        "running_mean, running_var: expected both",
    ),
    "bag mode": (lambda: nn.EmbeddingBag(3, 2, mode="min"), "mode: expected one of"),
    "bag offsets": (
        lambda: nn.EmbeddingBag(3, 2)(fastnn.tensor([0, 1])),
        "offsets: expected an int64 Tensor",
    ),
    "bag order": (
        lambda: nn.EmbeddingBag(3, 2)(fastnn.tensor([0, 1]), fastnn.tensor([0, 2, 1])),
        "offsets: expected numbers from 0 up to 2 in increasing order",
    ),
    "bag weights": (
        lambda: nn.EmbeddingBag(3, 2)(fastnn.tensor([[0]]), None, fastnn.ones(1, 1)),
        "per_sample_weights: expected mode 'sum'",
    ),
    "bag index": (lambda: nn.EmbeddingBag(3, 2)(fastnn.tensor([[3]])), "expected"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_calls_say_why(case: str) -> None:
    call, text = BAD[case]
    with pytest.raises((ValueError, IndexError), match=text):
        call()


def test_weights_of_a_bag() -> None:
    w, p = fastnn.tensor(X, requires_grad=True), fastnn.tensor([0.5, 2.0, -1.0], requires_grad=True)
    p = p.double().detach().requires_grad_()
    y = F.embedding_bag(
        fastnn.tensor([1, 1, 3]), w, fastnn.tensor([0, 2]), mode="sum", per_sample_weights=p
    )
    np.testing.assert_allclose(y.detach().numpy(), [2.5 * X[1], -X[3]], rtol=1e-12)
    y.sum().backward()
    assert p.grad is not None and w.grad is not None
    np.testing.assert_allclose(p.grad.numpy(), X[[1, 1, 3]].sum(1), rtol=1e-12)
    np.testing.assert_allclose(w.grad.numpy()[:, 0], [0, 2.5, 0, -1], rtol=1e-12)


def test_buffers_register_themselves() -> None:
    module = nn.Module()
    module.mean = nn.Buffer(np.zeros(2, np.float32))
    module.scratch = nn.Buffer(fastnn.ones(1), persistent=False)
    assert list(module.state_dict()) == ["mean"]
    assert [name for name, _ in module.named_buffers()] == ["mean", "scratch"]
    module.mean = fastnn.ones(2)
    assert module.state_dict()["mean"].tolist() == [1.0, 1.0]


def test_skip_init_draws_nothing() -> None:
    fastnn.manual_seed(0)
    layer = nn.utils.skip_init(nn.Linear, 3, 2, dtype=fastnn.float64)
    assert layer.weight.shape == (2, 3) and layer.weight.dtype == "float64"
    drawn = fastnn.rand(1).item()
    fastnn.manual_seed(0)
    assert fastnn.rand(1).item() == drawn


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_a_fused_batch_norm(bias: bool, affine: bool) -> None:
    fastnn.manual_seed(0)
    linear, norm = nn.Linear(6, 3, bias), nn.BatchNorm1d(3, affine=affine)
    x = fastnn.tensor(X.astype(np.float32))
    norm(linear(x))
    if norm.weight is not None:
        nn.init.uniform_(norm.weight)
    with pytest.raises(ValueError, match="linear, bn: expected both in evaluation mode"):
        nn.utils.fuse_linear_bn_eval(linear, norm)
    both = nn.Sequential(linear, norm).eval()
    fused = nn.utils.fuse_linear_bn_eval(linear, norm)
    np.testing.assert_allclose(fused(x).tolist(), both(x).tolist(), rtol=1e-5, atol=1e-6)
    assert linear.bias is None or fused.bias is not linear.bias
    with pytest.raises(ValueError, match="To fuse, linear"):
        nn.utils.fuse_linear_bn_eval(linear, nn.BatchNorm1d(4).eval())


def test_older_names_of_arguments() -> None:
    with pytest.warns(FutureWarning, match="`min_value` is deprecated"):
        layer = nn.Hardtanh(min_value=-2.0, max_val=3.0)
    assert layer(fastnn.tensor([-9.0, 9.0])).tolist() == [-2.0, 3.0]
    assert layer._config() == {"min_val": -2.0, "max_val": 3.0}
    assert nn.Parameter().shape == (0,)
    for held in (nn.Sequential(nn.Tanh(), nn.ReLU()), nn.ModuleList([nn.Tanh(), nn.ReLU()])):
        assert isinstance(held.pop(key=0), nn.Tanh) and len(held) == 1

"""What scripts written for torch find: values, texts, names and places, as in torch 2.13."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, nn
from fastnn.ops import in_place_names

# ---- dtypes and values ----


@pytest.mark.parametrize("dtype", [fastnn.float16, fastnn.bfloat16])
def test_half_precision_is_rounded_once(dtype: Any) -> None:
    x = fastnn.linspace(-3, 3, 13).to(dtype)
    want = np.sinc(x.double().numpy())
    assert np.abs(fastnn.sinc(x).double().numpy() - want).max() < 2e-3 * np.abs(want).max()
    assert fastnn.sinc(x)[0].abs().item() < 1e-6  # sin(3 pi), not sin of a rounded 3 pi
    for other in (fastnn.tensor(2), fastnn.full((13,), 2)):
        y = fastnn.ldexp(x, other)
        assert y.dtype == dtype and y.tolist() == (4 * x).tolist()
    assert fastnn.ldexp(x, fastnn.full((13,), 2.0)).dtype == np.float32


ARRAYS_IN_LISTS = {"float64": np.float64, "float32": np.float32, "int32": np.int32}


@pytest.mark.parametrize("name", ARRAYS_IN_LISTS)
def test_tensor_of_a_list_of_arrays_has_their_dtype(name: str) -> None:
    dtype = ARRAYS_IN_LISTS[name]
    assert fastnn.tensor([np.array([1, 2], dtype)]).dtype == dtype


@pytest.mark.parametrize("bounds", [(), (-1.0, 6.0)])
def test_hardtanh_refuses_negative_bounds_of_unsigned_numbers(bounds: Any) -> None:
    x = fastnn.tensor([3], dtype=fastnn.uint8)
    with pytest.raises(RuntimeError, match="unsigned type with negative limits"):
        nn.functional.hardtanh(x, *bounds)
    assert nn.functional.hardtanh(x, 0, 6).tolist() == [3]


@pytest.mark.parametrize("layer", [nn.AlphaDropout, nn.FeatureAlphaDropout])
def test_alpha_dropout_layers_leave_their_input(layer: Any) -> None:
    x = fastnn.ones(8, 8)
    layer(0.5, True)(x)
    assert bool((x == 1).all())


# ---- texts ----


def test_texts() -> None:
    assert str(fastnn.ones(1, 2).shape) == "torch.Size([1, 2])"
    assert f"{fastnn.tensor(1.5):.2f}" == "1.50"
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{fastnn.ones(2):.2f}"
    assert fastnn.typename(fastnn.ones(2)) == "torch.FloatTensor"
    assert fastnn.typename(3) == "int" and fastnn.typename(nn.Linear(1, 1)).endswith(".Linear")
    assert nn.Linear(1, 1)._get_name() == "Linear"


@pytest.mark.parametrize("steps", [3.0, True])
@pytest.mark.parametrize("name", ["linspace", "logspace"])
def test_spaces_refuse_steps_that_are_no_whole_number(name: str, steps: Any) -> None:
    with pytest.raises(TypeError, match="steps: expected a whole number"):
        getattr(fastnn, name)(0, 1, steps)


# ---- names ----


@pytest.mark.parametrize("name", in_place_names.__all__)
def test_functions_in_place_are_the_methods(name: str) -> None:
    assert getattr(fastnn, name) is getattr(Tensor, name)


def test_more_names() -> None:
    x = fastnn.tensor([-1.0, 4.0])
    assert fastnn.relu_(x) is x and x.tolist() == [0.0, 4.0]
    assert fastnn.clamp_(x, max=2.0).tolist() == fastnn.sqrt_(fastnn.tensor([0.0, 4.0])).tolist()
    assert fastnn.vdot(x, x).item() == 4.0
    buffer = bytearray(b"\x01\x00\x02\x00")
    shared = fastnn.frombuffer(buffer, dtype=fastnn.int16, offset=2)
    shared.fill_(3)
    assert buffer == b"\x01\x00\x03\x00"
    assert nn.utils.clip_grad_norm is nn.utils.clip_grad_norm_


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("dataset", "Dataset"),
        ("dataset", "random_split"),
        ("dataloader", "DataLoader"),
        ("dataloader", "default_collate"),
        ("sampler", "BatchSampler"),
    ],
)
def test_places_in_torch(module: str, name: str) -> None:
    found = importlib.import_module(f"fastnn.utils.data.{module}")
    assert getattr(found, name) is getattr(fastnn.utils.data, name)


def test_checkpoint_calls_the_function() -> None:
    x = fastnn.ones(2, requires_grad=True)
    run = fastnn.utils.checkpoint.checkpoint
    run(lambda v, k: v * v * k, x, use_reentrant=False, k=3).sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]
    layers = [lambda v: v + 1, lambda v: v * 2]
    assert fastnn.utils.checkpoint.checkpoint_sequential(layers, 2, x).tolist() == [4.0, 4.0]


def test_distributions_have_torch_shapes_and_sample_n() -> None:
    normal = fastnn.distributions.Normal(fastnn.zeros(2), fastnn.ones(2))
    assert normal.batch_shape.numel() == 2 and isinstance(normal.event_shape, fastnn.Size)
    assert normal.sample_n(3).shape == (3, 2)


# ---- gradients and distributions ----

MEDIANS = {
    "median": ([2.0, 1.0, 2.0, 2.0, 3.0], [1 / 3, 0.0, 1 / 3, 1 / 3, 0.0]),
    "nanmedian": ([2.0, 1.0, 2.0, float("nan"), 3.0], [0.5, 0.0, 0.5, 0.0, 0.0]),
}


@pytest.mark.parametrize("name", MEDIANS)
def test_median_of_all_spreads_its_gradient_over_equals(name: str) -> None:
    values, want = MEDIANS[name]
    x = fastnn.tensor(values, dtype=fastnn.float64, requires_grad=True)
    y = getattr(fastnn, name)(x)
    y.backward()
    assert (y.item(), x.grad.tolist()) == (2.0, want)


@pytest.mark.parametrize("upper", [False, True])
def test_gradient_by_a_factor_is_that_of_the_whole_product(upper: bool) -> None:
    factor = np.array([[2.0, 0.3], [0.7, 1.5]])
    known, along = np.array([[1.0], [2.0]]), np.array([[1.0, 2.0], [3.0, 5.0]])
    kept = np.triu(factor) if upper else np.tril(factor)
    inverse = np.linalg.inv(kept.T @ kept if upper else kept @ kept.T)

    def want(of_known: np.ndarray, x: np.ndarray) -> np.ndarray:
        both = of_known @ x.T + x @ of_known.T
        return -(factor @ both if upper else both @ factor)

    L = fastnn.tensor(factor, requires_grad=True)
    fastnn.cholesky_solve(fastnn.tensor(known), L, upper).sum().backward()
    np.testing.assert_allclose(L.grad.numpy(), want(inverse @ np.ones((2, 1)), inverse @ known))
    L.grad = None
    (fastnn.cholesky_inverse(L, upper) * fastnn.tensor(along)).sum().backward()
    np.testing.assert_allclose(L.grad.numpy(), want(inverse @ along, inverse))


D = fastnn.distributions
AT_ZERO = {
    "LogNormal": lambda: D.LogNormal(0.0, 1.0),
    "Weibull": lambda: D.Weibull(1.0, 2.0),
    "InverseGamma": lambda: D.InverseGamma(fastnn.tensor(1.0), fastnn.tensor(2.0)),
}


@pytest.mark.parametrize("name", AT_ZERO)
def test_cdf_is_0_at_the_end_of_the_support(name: str) -> None:
    distribution = AT_ZERO[name]()
    assert distribution.cdf(fastnn.tensor(0.0)).item() == 0.0
    with pytest.raises(ValueError, match="value: expected"):
        distribution.cdf(fastnn.tensor(-1.0))
    with pytest.raises(ValueError, match="value: expected"):
        distribution.log_prob(fastnn.tensor(0.0))


def test_multinomial_takes_parts_of_counts() -> None:
    found = D.Multinomial(3, fastnn.tensor([0.2, 0.3, 0.5])).log_prob(fastnn.tensor([1.5, 0.5, 1]))
    assert abs(found.item() + 2.0814316) < 1e-5

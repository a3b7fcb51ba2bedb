"""Dropout: statistics of the masks, their keys and their use."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import fastnn
from fastnn import nn, random
from fastnn._core import engine
from fastnn.nn import functional as F

N = 1 << 18


def mask(n: int = N, p: float = 0.5) -> np.ndarray:
    """Which of n elements the next dropout keeps."""
    return np.asarray(F.dropout(fastnn.ones(n), p).numpy() != 0)


@pytest.mark.parametrize("p", [0.5, 0.1, 0.75, 0.01])
def test_the_rate_is_right_for_each_call_and_each_place(p: float) -> None:
    """Within 5 standard deviations: of a whole mask, and of every place over 200 masks."""
    fastnn.manual_seed(1)
    q = 1 - p
    assert abs(mask(p=p).mean() - q) < 5 * np.sqrt(p * q / N)
    each = np.mean([mask(512, p) for _ in range(200)], axis=0)
    assert np.abs(each - q).max() < 5 * np.sqrt(p * q / 200)
    spread = np.var(each) / (p * q / 200)  # a place that is kept too often would show
    assert abs(spread - 1) < 6 * np.sqrt(2 / 512)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Of two fair masks, in standard deviations of what chance gives."""
    return float(abs((a == b).mean() - 0.5) * 2 * np.sqrt(a.size))


def test_neighbours_calls_and_seeds_are_independent() -> None:
    """400 correlations of half a million bits, all within 5 standard deviations."""
    fastnn.manual_seed(2)
    masks = [mask(1 << 15) for _ in range(16)]
    first = mask()
    for lag in (1, 2, 3, 4, 7, 8, 16, 31, 32, 64, 128, 256, 1000, 8192, 65536):
        assert correlation(first[lag:], first[:-lag]) < 5, lag
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert correlation(a, b) < 5
            assert correlation(a[1:], b[:-1]) < 5
    for seed in (0, 1, 3, 2**31, 2**63, 2**64 - 1):
        fastnn.manual_seed(seed)
        assert correlation(masks[0], mask(1 << 15)) < 5


def test_pairs_of_neighbours_take_all_values_equally_often() -> None:
    """Chi-squared over the 256 patterns of 8 neighbours: mean 255, deviation 22.6."""
    fastnn.manual_seed(3)
    patterns = np.packbits(mask()).astype(int)
    counts = np.bincount(patterns, minlength=256)
    expected = N / 8 / 256
    assert abs(((counts - expected) ** 2 / expected).sum() - 255) < 5 * 22.6


def test_the_same_mask_on_every_processor_and_for_both_reals(isa: str) -> None:
    fastnn.manual_seed(4)
    got = [mask(1001), F.dropout(fastnn.ones(1001, dtype=np.float64)).numpy() != 0]
    engine.set_isa("scalar")
    fastnn.manual_seed(4)
    want = [mask(1001), F.dropout(fastnn.ones(1001, dtype=np.float64)).numpy() != 0]
    assert all((a == b).all() for a, b in zip(got, want))
    fastnn.manual_seed(4)
    assert (mask(1001) == F.dropout(fastnn.ones(1001)).numpy().astype(bool)).mean() < 0.6


def test_the_state_goes_on_from_where_it_was() -> None:
    fastnn.manual_seed(5)
    mask(10)
    state, (seed, count) = random.get_rng_state(), random.engine_state.tolist()
    assert (seed, count) == (5, 1)
    first = mask(100), mask(100)
    random.set_rng_state(state)
    assert all((a == b).all() for a, b in zip(first, (mask(100), mask(100))))
    random.engine_state[:] = seed, count  # as a checkpoint restores it
    assert (mask(100) == first[0]).all()


def test_the_gradient_has_the_mask_of_the_value() -> None:
    x = fastnn.ones(1000, requires_grad=True)
    y = F.dropout(x, 0.3)
    y.sum().backward()
    assert x.grad is not None and (x.grad.numpy() == y.detach().numpy()).all()


def test_a_program_draws_anew_at_every_run() -> None:
    layer = nn.Dropout(0.5)
    compiled = fastnn.compile(lambda x: layer(x) * 1.0)
    x = fastnn.ones(4096)
    fastnn.manual_seed(6)
    got = [compiled(x).numpy() for _ in range(4)]
    fastnn.manual_seed(6)
    want = [layer(x).numpy() for _ in range(4)]
    assert all((a == b).all() for a, b in zip(got, want))
    assert len({a.tobytes() for a in got}) == 4
    layer.eval()
    assert (compiled(x).numpy() == 1).all()


def test_bounds_of_the_rate() -> None:
    x = fastnn.tensor([1.0, -2.0], requires_grad=True)
    before = random.engine_state.copy()
    assert F.dropout(x, 0.0) is x and F.dropout(x, 0.5, training=False) is x
    for function in (F.dropout, F.alpha_dropout):
        y = function(x, 1.0, training=True)
        assert y.tolist() == [0, 0]
        (grad,) = fastnn.autograd.grad(y.sum(), [x])
        assert grad.tolist() == [0, 0]
    assert (random.engine_state == before).all()
    for p in (-0.1, 1.1, float("nan"), "half"):
        with pytest.raises((ValueError, TypeError), match="p: expected"):
            nn.Dropout(p)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="dropout: not for tensors of int64"):
        F.dropout(fastnn.tensor([1, 2]))


def test_vmap_refuses_to_draw() -> None:
    with pytest.raises(RuntimeError, match="vmap: random numbers were drawn"):
        fastnn.func.vmap(F.dropout)(fastnn.ones(3, 4))


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(p: float) -> None:
    """Its form is torch's: a (x m - s (1 - m)) + b with a and b of p."""
    fastnn.manual_seed(7)
    x = fastnn.randn(N)
    y = nn.AlphaDropout(p)(x).numpy()
    assert abs(y.mean()) < 0.02 and abs(y.var() - 1) < 0.02
    s = 1.7580993408473766
    a = ((s * s * p + 1) * (1 - p)) ** -0.5
    low = a * s * p - a * s
    dropped = np.isclose(y, low, rtol=1e-5)
    assert abs(dropped.mean() - p) < 5 * np.sqrt(p * (1 - p) / N)
    np.testing.assert_allclose(y[~dropped], (a * x.numpy() + a * s * p)[~dropped], atol=2e-5)


def test_modules_copy_and_show() -> None:
    layer = nn.Dropout(0.25, inplace=True)
    assert repr(layer) == "Dropout(p=0.25, inplace=True)" and copy.deepcopy(layer).p == 0.25
    assert layer.eval()(x := fastnn.ones(3)) is x

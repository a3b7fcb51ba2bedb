"""What planted faults changed and no test saw: a row for each, its value from the equation."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, distributions, explain, nn
from fastnn._support import rows, threads
from fastnn.cli.numpy_net import NumpyNet
from fastnn.cli.page import draw, parts
from fastnn.compiler import compiled
from fastnn.compiler.captures import snapshot, uses
from fastnn.compiler.lowering import ir
from fastnn.distributions import transforms
from fastnn.export.plan import plan_of
from fastnn.nn import functional as F
from fastnn.ops import places
from fastnn.optim import groups
from fastnn.tape.intervals import Intervals

STORAGE = ir.Storage(0, "input", 96, np.zeros(24, np.float32))
RNG = np.random.default_rng(5)
X = RNG.standard_normal((6, 3)).astype(np.float32)


def f64(values: Any, requires_grad: bool = False) -> Tensor:
    return fastnn.tensor(values, dtype=fastnn.float64, requires_grad=requires_grad)


def of(name: str, *given: Any, **named: Any) -> Any:
    return getattr(distributions, name)(*map(f64, given), **named)


def log_of_continuous_bernoulli(p: float, x: float) -> float:
    whole = 2 * math.atanh(1 - 2 * p) / (1 - 2 * p)
    return x * math.log(p) + (1 - x) * math.log(1 - p) + math.log(whole)


def divergence_of_geometrics(p: float, q: float) -> float:
    k = np.arange(2000)
    mass = p * (1 - p) ** k
    return float((mass * (np.log(p / q) + k * np.log((1 - p) / (1 - q)))).sum())


def adam_of_numpy_net() -> float:
    """How far the third step's weights are from Adam's equation."""
    net = NumpyNet([3, 2], "relu", "mse", lr=0.1)
    p, m, v = net.params.flat.astype(np.float64), 0.0, 0.0
    y = np.ones((6, 2), np.float32)
    for t in range(1, 4):
        net.step(X, y)
        g = net.grads.flat.astype(np.float64)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        p = p - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return float(np.abs(p - net.params.flat).max())


def shade(counts: list[list[int]]) -> list[str]:
    page = parts.matrix(np.array(counts), ["a", "b"])
    return [part[:4] for part in page.split("var(--heat),")[1:]]


def once_cached() -> tuple[str, ...]:
    """What is doubtful about a function that only its first call changes something of."""
    cache: dict[str, float] = {}

    def fn(x: Tensor) -> Tensor:
        return x * cache.setdefault("factor", 2.0)

    _, recording = compiled.record(fn, [X], undo=True)
    return recording.captures.doubts


def passes(sink: Any, array: Any, text: str) -> Any:
    return sink(array, len(text))


def uses_of_an_array() -> set[str]:
    return {use.how for use in uses.uses_of(passes.__code__) if use.root == "array"}


def clipped(gradient: float, limit: float) -> list[float]:
    p = nn.Parameter(f64([1.0]))
    p.grad = f64([gradient])
    nn.utils.clip_grad_norm_([p], limit)
    return p.grad.tolist()


def frozen_bias_of_a_fusion() -> bool:
    linear, norm = nn.Linear(3, 2), nn.BatchNorm1d(2).eval()
    linear.bias.requires_grad_(False)
    return nn.utils.fuse_linear_bn_eval(linear.eval(), norm).bias.requires_grad


def of_seed_0(**named: Any) -> list[float]:
    fastnn.manual_seed(0)
    return fastnn.svd_lowrank(f64(np.diag(np.arange(9.0)) + 1), 2, **named).S.tolist()


def changed_in_inference_mode() -> list[float]:
    with fastnn.inference_mode():
        return fastnn.ones(2).add_(1.0).tolist()


def of_spans(*spans: tuple[int, int]) -> str:
    found: Intervals[int] = Intervals()
    for span in spans:
        found.put(span, 1)
    return str(list(found.over((0, 9))))


def leaf_after(twice: Callable[[Tensor], Tensor]) -> Any:
    x = f64([1.0, 2.0], requires_grad=True)
    twice(x).sum().backward()
    assert x.grad is not None
    return x.grad.tolist()


VALUES: dict[str, tuple[Callable[[], Any], Any]] = {
    "about a rounded mean-layer_norm": (
        lambda: float(np.ptp(F.layer_norm(fastnn.tensor([2.0**24, 2.0**24 + 2]), (2,)).numpy())),
        2 / math.sqrt(1 + 1e-5),
    ),
    "Adam of NumpyNet": (lambda: adam_of_numpy_net() < 1e-5, True),
    "a text cut to 4": (lambda: draw._short("abcdef", 4), "abc…"),
    "a text that fits": (lambda: draw._short("abcd", 4), "abcd"),
    "shades of a confusion matrix": (
        lambda: shade([[3, 1], [0, 2]]),
        ["0.56", "0.19", "0.00", "0.75"],
    ),
    "blocks of wide rows": (
        lambda: [len(b) for b in rows._blocks(np.zeros((3, rows.BLOCK + 1), np.uint8))],
        [1, 1, 1],
    ),
    "a small array is compared by value": (lambda: snapshot.is_large(np.zeros(3)), False),
    "bytes of a value": (
        lambda: ir.Value(STORAGE, 8, (2, 3), (4, 1), np.dtype("f4")).span(),
        (8, 8 + 4 * (4 + 2 + 1)),
    ),
    "a call beside an array that is passed on": (uses_of_an_array, {"passed"}),
    "what the first call caches is no doubt": (once_cached, ()),
    "eps of an exported RMSNorm": (
        lambda: (
            plan_of(
                nn.Sequential(nn.Linear(3, 3), nn.RMSNorm(3, elementwise_affine=False)).double()
            )
            .chains[0][-1]
            .eps
        ),
        float(np.finfo(np.float64).eps),
    ),
    "an activation's name with a line": (
        lambda: type(nn.MLP(3, [4], 2, activation="leaky_relu")[1]).__name__,
        "LeakyReLU",
    ),
    "a setting's list is kept as a tuple": (
        lambda: groups.fixed("betas", [0.9, 0.99]),
        (0.9, 0.99),
    ),
    "two rounds of a low-rank decomposition": (
        lambda: of_seed_0(niter=None) == of_seed_0(niter=2),
        True,
    ),
    "a change within inference mode": (changed_in_inference_mode, [2.0, 2.0]),
    "the last of many are printed": (
        lambda: "1.0000e-07" in str(fastnn.zeros(2000).index_fill(0, fastnn.tensor([1997]), 1e-7)),
        True,
    ),
    "another order in memory is close": (
        lambda: fastnn.testing.assert_close(fastnn.ones(3, 2).T, fastnn.ones(2, 3)),
        None,
    ),
    "an empty span is no span": (lambda: of_spans((3, 3)), "[]"),
    "a span has its value": (lambda: of_spans((3, 4)), "[((3, 4), 1)]"),
    "a norm of 0 divides": (lambda: clipped(1e-6, 1e-6), [5e-7]),
    "a fused bias that is not trained": (frozen_bias_of_a_fusion, False),
    "the first element, spread": (
        lambda: places.spread(f64([1.0, 2.0]), np.array([2, 0]), (3,)).tolist(),
        [2.0, 0.0, 1.0],
    ),
    "scattered without what was there": (
        lambda: (
            f64([5.0, 6.0])
            .scatter_reduce(0, fastnn.tensor([0]), f64([1.0]), "amax", include_self=False)
            .tolist()
        ),
        [1.0, 6.0],
    ),
    "reduced without what was there": (
        lambda: (
            f64([5.0, 6.0])
            .index_reduce(0, fastnn.tensor([0]), f64([1.0]), "amax", include_self=False)
            .tolist()
        ),
        [1.0, 6.0],
    ),
    "continuous Bernoulli near 1/2": (
        lambda: of("ContinuousBernoulli", 0.4995).log_prob(f64(0.3)).item(),
        log_of_continuous_bernoulli(0.4995, 0.3),
    ),
    "logits of certain classes": (
        lambda: bool(of("Categorical", [0.0, 1.0]).logits.isfinite().all()),
        True,
    ),
    "Exponential's cdf": (lambda: of("Exponential", 2.0).cdf(f64(0.7)).item(), 1 - math.exp(-1.4)),
    "Binomial's mode": (lambda: of("Binomial", 3.0, 0.6).mode.item(), 2.0),
    "shape of draws": (
        lambda: of("Dirichlet", [[1.0, 2.0, 3.0]] * 2).sample((5,)).shape,
        (5, 2, 3),
    ),
    "divergence of two Geometrics": (
        lambda: distributions.kl_divergence(of("Geometric", 0.3), of("Geometric", 0.6)).item(),
        divergence_of_geometrics(0.3, 0.6),
    ),
    "Pareto's variance": (lambda: of("Pareto", 2.0, 3.0).variance.item(), 3.0),
    "transforms with other numbers": (
        lambda: transforms.AffineTransform(0.0, 1.0) == transforms.AffineTransform(0.0, 2.0),
        False,
    ),
    "transforms with the same numbers": (
        lambda: transforms.AffineTransform(0.0, 2.0) == transforms.AffineTransform(0.0, 2.0),
        True,
    ),
    "predicted shares of a calibration": (
        lambda: explain.calibration([0, 1, 1], [0.1, 0.6, 0.8], 2).predicted.tolist(),
        [0.1, 0.7],
    ),
    "a layer's bias lies in 1 / sqrt(in)": (
        lambda: bool(nn.Linear(400, 4000).bias.abs().max() <= 0.05),
        True,
    ),
    "a bilinear layer's weights reach 1 / sqrt(in)": (
        lambda: bool(nn.Bilinear(25, 40, 4).weight.abs().max() > 0.19),
        True,
    ),
    "the gain of orthogonal rows": (
        lambda: np.linalg.norm(nn.init.orthogonal_(fastnn.zeros(2, 3), 3.0).numpy(), axis=1),
        [3.0, 3.0],
    ),
    "row 0 as padding": (lambda: nn.Embedding(3, 2, padding_idx=0).weight[0].tolist(), [0.0, 0.0]),
    "alpha of a focal loss": (
        lambda: F.sigmoid_focal_loss(f64([0.0]), f64([0.0]), alpha=0.25, gamma=0.0).item(),
        0.75 * math.log(2),
    ),
    "the mean of a randomized slope": (
        lambda: F.rrelu(f64([-4.0]), 0.25, 0.75, training=False).tolist(),
        [-2.0],
    ),
    "an ELU's curve": (lambda: F.celu(f64([-1.0]), 2.0).item(), 2 * math.expm1(-0.5)),
    "children that are one come once": (
        lambda: len(list(nn.Sequential(*[nn.ReLU()] * 2).named_children())),
        1,
    ),
    "padding of sequences": (
        lambda: nn.utils.rnn.pad_sequence(
            [f64([1.0]), f64([1.0, 2.0])], batch_first=True, padding_value=-1.0
        ).tolist(),
        [[1.0, -1.0], [1.0, 2.0]],
    ),
    "a number times alpha": (lambda: fastnn.add(f64([1.0]), 3, alpha=2).tolist(), [7.0]),
    "a sum of another type": (
        lambda: fastnn.sum(fastnn.tensor([1, 2]), dtype=fastnn.int32).dtype,
        fastnn.int32,
    ),
    "a tile of fewer axes": (lambda: fastnn.tile(fastnn.ones(2, 3), (2,)).shape, (2, 6)),
    "a gradient of second order at its ends": (
        lambda: fastnn.gradient(f64([0.0, 1.0, 4.0, 9.0]), edge_order=2)[0].tolist(),
        [0.0, 2.0, 4.0, 6.0],
    ),
    "renorm of rows": (
        lambda: fastnn.renorm(f64([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0).norm(dim=1).tolist(),
        [1.0, 0.5],
    ),
    "the first of the smallest": (lambda: fastnn.min(f64([2.0, 1.0, 3.0]), 0).indices.item(), 1),
    "all as topk": (lambda: fastnn.topk(f64([1.0, 3.0]), 2).values.tolist(), [3.0, 1.0]),
    "an odd product": (lambda: fastnn.prod(f64([2.0, 3.0, 5.0, 7.0, 11.0])).item(), 2310.0),
    "an even product": (lambda: fastnn.prod(f64([2.0, 3.0, 5.0, 7.0])).item(), 210.0),
    "a diagonal below": (
        lambda: fastnn.diag_embed(f64([1.0, 2.0]), -1).tolist(),
        [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0]],
    ),
    "axes in the middle, flattened": (
        lambda: fastnn.flatten(fastnn.ones(2, 3, 4, 5), 1, 2).shape,
        (2, 12, 5),
    ),
    "the gradient of a diagonal": (
        lambda: leaf_after(lambda x: fastnn.diagonal(fastnn.outer(x, x) @ f64(np.eye(2)))),
        [2.0, 4.0],
    ),
    "a quantile of one number": (
        lambda: fastnn.quantile(f64(3.0), 0.5, keepdim=True).shape,
        (),
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value(name: str) -> None:
    call, wanted = VALUES[name]
    found = call()
    if isinstance(wanted, float | list) and not isinstance(np.ravel(wanted)[0], str):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    else:
        assert found == wanted


def part_of_a_map(tmp_path: Path) -> Any:
    np.arange(8.0).tofile(tmp_path / "x")
    return np.memmap(tmp_path / "x", np.float64)[3:6]


def test_a_part_of_a_memory_map(tmp_path: Path) -> None:
    assert fastnn.from_numpy(part_of_a_map(tmp_path)).tolist() == [3.0, 4.0, 5.0]


BEYOND: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "take_rows": lambda x, last: x[last],
    "index_select": lambda x, last: x.index_select(0, last),
    "embedding": lambda x, last: F.embedding(last, x),
    "a view": lambda x, last: x[-1:] + 0,
}


@pytest.mark.parametrize("name", BEYOND, ids=[f"of-{name}" for name in BEYOND])
def test_beyond_2_to_the_31_elements(name: str, tmp_path: Path) -> None:
    """Of a file without pages but the last."""
    rows = 2**29 + 2
    whole = np.memmap(tmp_path / "x", np.float32, "w+", shape=(rows, 4))
    whole[-1] = [1, 2, 3, 4]
    x = fastnn.from_numpy(whole)
    assert BEYOND[name](x, fastnn.tensor([rows - 1])).tolist() == [[1.0, 2.0, 3.0, 4.0]]


@pytest.mark.parametrize("given", ["1", "2", "1,4"])
def test_openmp_s_own_limits(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert threads._most_of_openmp() == int(given[0])


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a number beyond its type": (
        lambda: fastnn.full((2,), 300, dtype=fastnn.uint8),
        "fill_value: 300 does not fit",
    ),
    "an output that is not there": (
        lambda: explain.integrated_gradients(nn.Linear(3, 2), X, output=2),
        "output: expected 0..1, got 2",
    ),
    "a GLU of three": (lambda: F.glu(fastnn.ones(2, 3)), "input: expected an even size"),
    "more than there are": (lambda: fastnn.topk(f64([1.0]), 2), "k: expected 0..1"),
    "a probability above 1": (
        lambda: fastnn.bernoulli(f64([1.5])),
        "input: expected probabilities in 0..1",
    ),
    "an unknown name in a state": (
        lambda: nn.Linear(2, 1).load_state_dict({**nn.Linear(2, 1).state_dict(), "c": f64(1.0)}),
        "c",
    ),
    "Nesterov with dampening": (
        lambda: fastnn.optim.SGD(
            [nn.Parameter(fastnn.ones(2))], 0.1, 0.9, dampening=0.5, nesterov=True
        ),
        "Nesterov",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    call, said = REFUSED[name]
    with pytest.raises((ValueError, RuntimeError, TypeError), match=said):
        call()


def test_names_count_as_flash_of_exported_c(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 3))
    bare, named = (net.export(tmp_path / "net.c", classes=c) for c in (None, ["ä", "b", "cc"]))
    assert named.flash - bare.flash == len("ä\0b\0cc\0".encode())

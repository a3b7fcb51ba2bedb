"""Elementwise functions: values by NumPy, gradients of first and second order, every form of a
name, and what holds at 0, nan, infinities and kinks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_gradients import check, draw
from test_surface_gradients import compiled_bits

import fastnn
import fastnn.nn.functional as F
from fastnn import special
from fastnn.tensor import Tensor

INF, NAN = math.inf, math.nan
RNG = np.random.default_rng(3)
X, Y = RNG.standard_normal((3, 5)) * 2, RNG.standard_normal((3, 5)) * 2
SHARE = RNG.random((3, 5)) * 0.9 + 0.05
WHOLE, SMALL = RNG.integers(-40, 40, (3, 5)), RNG.integers(0, 9, (3, 5))


def _normal(x: Any) -> Any:
    return np.vectorize(lambda v: math.erfc(-v / math.sqrt(2)) / 2)(x)


_lgamma = np.vectorize(math.lgamma)

# name -> (NumPy's function, its arguments); `special.` is that of torch.special
VALUES: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "exp2": (np.exp2, [X]), "log2": (np.log2, [SHARE]), "log10": (np.log10, [SHARE]),
    "sinh": (np.sinh, [X]), "cosh": (np.cosh, [X]), "tan": (np.tan, [X]),
    "asin": (np.arcsin, [SHARE]), "acos": (np.arccos, [SHARE]), "atan": (np.arctan, [X]),
    "asinh": (np.arcsinh, [X]), "acosh": (np.arccosh, [SHARE + 1]), "atanh": (np.arctanh, [SHARE]),
    "atan2": (np.arctan2, [X, Y]), "hypot": (np.hypot, [X, Y]), "sinc": (np.sinc, [X]),
    "logaddexp": (np.logaddexp, [X, Y]), "logaddexp2": (np.logaddexp2, [X, Y]),
    "deg2rad": (np.deg2rad, [X]), "rad2deg": (np.rad2deg, [X]), "sgn": (np.sign, [X]),
    "copysign": (np.copysign, [X, Y]), "signbit": (np.signbit, [X]), "fix": (np.fix, [X]),
    "fmax": (np.fmax, [X, Y]), "fmin": (np.fmin, [X, Y]), "heaviside": (np.heaviside, [X, Y]),
    "nextafter": (np.nextafter, [X, Y]), "ldexp": (lambda x, n: x * 2.0**n, [X, SMALL]),
    "float_power": (np.float_power, [SHARE, Y]), "positive": (np.positive, [X]),
    "isposinf": (np.isposinf, [X]), "isneginf": (np.isneginf, [X]), "isreal": (np.isreal, [X]),
    "gcd": (np.gcd, [WHOLE, SMALL]), "lcm": (np.lcm, [WHOLE, SMALL]),
    "bitwise_left_shift": (np.left_shift, [WHOLE, SMALL]),
    "bitwise_right_shift": (np.right_shift, [WHOLE, SMALL]),
    "lgamma": (_lgamma, [X]), "erfc": (np.vectorize(math.erfc), [X]),
    "xlogy": (lambda x, y: x * np.log(y), [X, SHARE]),
    "logit": (lambda x: np.log(x) - np.log1p(-x), [SHARE]),
    "i0": (np.i0, [X]),
    "mvlgamma": (lambda x, p: _lgamma(x) + _lgamma(x - 0.5) + math.log(math.pi) / 2,
                 [SHARE + 1, 2]),
    "special.ndtr": (_normal, [X]), "special.log_ndtr": (lambda x: np.log(_normal(x)), [X]),
    "special.ndtri": (lambda p: p, [SHARE]), "special.entr": (lambda x: -x * np.log(x), [SHARE]),
    "special.xlog1py": (lambda x, y: x * np.log1p(y), [X, SHARE]),
    "special.expit": (lambda x: 1 / (1 + np.exp(-x)), [X]),
    "special.multigammaln": (lambda x, p: _lgamma(x), [SHARE + 1, 1]),
    "special.i0e": (lambda x: np.i0(x) * np.exp(-np.abs(x)), [X]),
}  # fmt: skip
AFTER = {"special.ndtri": _normal}  # what undoes a function without a NumPy form
ALIASES = {
    "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "fix": "trunc", "special.exp2": "exp2",
    "special.gammaln": "lgamma", "special.psi": "digamma", "special.sinc": "sinc",
}  # fmt: skip


def resolve(name: str) -> Any:
    found: Any = fastnn
    for part in name.split("."):
        found = getattr(found, part)
    return found


def given(arguments: list[Any]) -> list[Any]:
    return [fastnn.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]


@pytest.mark.parametrize("name", VALUES)
def test_values_are_numpy_s(name: str) -> None:
    reference, arguments = VALUES[name]
    found = resolve(name)(*given(arguments))
    want = np.asarray(reference(*arguments))
    assert found.dtype == want.dtype and found.shape == want.shape
    values = AFTER.get(name, lambda x: x)(found.numpy())
    np.testing.assert_allclose(values, want, rtol=2e-14, atol=1e-15)


@pytest.mark.parametrize("name", [n for n in VALUES if "." not in n])
def test_methods_and_forms_in_place(name: str) -> None:
    arguments = given(VALUES[name][1])
    want = resolve(name)(*arguments)
    assert np.array_equal(getattr(arguments[0], name)(*arguments[1:]).numpy(), want.numpy())
    form = getattr(Tensor, f"{name}_", None)
    if form is None:
        assert name in {
            "fmax",
            "fmin",
            "logaddexp",
            "logaddexp2",
            "signbit",
            "positive",
            "isposinf",
            "isneginf",
            "isreal",
        }
        return
    x = arguments[0].clone()
    assert form(x, *arguments[1:]) is x
    assert np.array_equal(x.numpy(), want.numpy())


def test_aliases() -> None:
    for alias, name in ALIASES.items():
        assert resolve(alias) is resolve(name), alias
    assert set(special.__all__) <= set(dir(special))


FUNCTIONS: dict[str, tuple[Callable[..., Tensor], list[tuple[int, ...]], float]] = {
    "sinc": (fastnn.sinc, [(2, 3)], -2.0),
    "sinc near 0": (lambda x: (x * 0.05).sinc(), [(6,)], -2.0),
    "logaddexp": (fastnn.logaddexp, [(2, 3), (3,)], -2.0),
    "logaddexp2": (fastnn.logaddexp2, [(2, 3), (3,)], -2.0),
    "log_ndtr": (special.log_ndtr, [(2, 3)], -2.0), "ndtr": (special.ndtr, [(2, 3)], -2.0),
    "polygamma": (lambda x: fastnn.polygamma(2, x), [(2, 3)], 0.4),
    "mvlgamma": (lambda x: fastnn.mvlgamma(x + 3, 3), [(2, 3)], -1.0),
    "i0 i1": (lambda x: fastnn.i0(x) * special.i1(x), [(2, 3)], -2.0),
    "xlogy": (fastnn.xlogy, [(2, 3), (3,)], 0.3), "xlog1py": (special.xlog1py, [(2, 3), (3,)], 0.3),
    "entr": (special.entr, [(2, 3)], 0.3), "tan": (lambda x: (x * 0.5).tan(), [(2, 3)], -2.0),
    "logit": (lambda x: fastnn.logit(x * 0.4), [(2, 3)], 0.3),
    "logit clamped": (lambda x: fastnn.logit(x * 0.4, 0.3), [(6,)], 0.3),
    "fmax fmin": (lambda x, y: fastnn.fmax(x, y) * fastnn.fmin(x * 2, y), [(2, 3), (3,)], -2.0),
    "ldexp": (lambda x, y: fastnn.ldexp(x, y), [(2, 3), (3,)], -2.0),
    "frexp": (lambda x: fastnn.frexp(x * 1.01).mantissa * x, [(2, 3)], -2.0),
    "float_power": (lambda x, y: x.float_power(y), [(2, 3), (3,)], 0.3),
    "fmod": (lambda x, y: x.fmod(y + 5) * x, [(2, 3), (3,)], -2.0),
    "softplus neg": (lambda x: F.logsigmoid(x) * F.mish(x), [(2, 3)], -2.0),
    "hardswish": (lambda x: F.hardswish(x * 2) * x, [(2, 3)], -2.0),
    "shrinks": (lambda x: F.softshrink(x, 0.3) * F.hardshrink(x, 0.3), [(2, 3)], -2.0),
    "bce of a learned target": (lambda x, y: F.binary_cross_entropy_with_logits(x, y),
                                [(2, 3), (2, 3)], -2.0),
    "rounded in place": (lambda x: (x * 1).cosh_().atan_().log2_() * x, [(2, 3)], -2.0),
}  # fmt: skip


@pytest.mark.every(5)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name: str) -> None:
    function, shapes, low = FUNCTIONS[name]
    check(function, [draw(*shape, seed=i, low=low) for i, shape in enumerate(shapes)])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled(name: str) -> None:
    compiled_bits(*FUNCTIONS[name])


def slopes(function: Callable[..., Tensor], *values: list[float]) -> list[list[float]]:
    """The gradient by each argument."""
    x = [fastnn.tensor(v, dtype="float64", requires_grad=True) for v in values]
    function(*x).sum().backward()
    return [[] if t.grad is None else t.grad.tolist() for t in x]


# (function, arguments, values, gradient by each argument)
Numbers = list[float]
EDGES: dict[str, tuple[Callable[..., Tensor], list[Numbers], Numbers, list[Numbers]]] = {
    "clamp at nan": (lambda x: x.clamp(-1.0, 1.0), [[NAN, 1.0, 2.0]], [NAN, 1, 1], [[0, 1, 0]]),
    "clamp(min=nan)": (lambda x: x.clamp(min=NAN), [[1.0, INF]], [NAN, NAN], [[0, 0]]),
    "clamp(max=nan)": (lambda x: x.clamp(0.0, NAN), [[1.0, -1.0]], [NAN, NAN], [[0, 0]]),
    "clamp by a tensor of nan": (lambda x, y: x.clamp(min=y), [[1.0, NAN, 1.0], [NAN, 0.0, 3.0]],
                                 [NAN, NAN, 3], [[0, 0, 0], [0, 0, 1]]),
    "hypot": (fastnn.hypot, [[INF, 3.0, 1e300], [NAN, 4.0, 1e300]], [INF, 5, math.sqrt(2) * 1e300],
              [[NAN, 0.6, math.sqrt(0.5)], [NAN, 0.8, math.sqrt(0.5)]]),
    "hardswish": (F.hardswish, [[-INF, -4.0, INF, 3.0]], [NAN, 0, INF, 3], [[0, 0, 1, 1]]),
    "relu": (F.relu, [[NAN, 0.0, 2.0]], [NAN, 0, 2], [[1, 0, 1]]),
    "hardtanh": (F.hardtanh, [[NAN, 1.0, 0.5]], [NAN, 1, 0.5], [[0, 0, 1]]),
    "hardsigmoid": (F.hardsigmoid, [[NAN, 3.0, 0.0]], [NAN, 1, 0.5], [[0, 0, 1 / 6]]),
    "hardshrink": (F.hardshrink, [[NAN, 0.5, 1.0]], [NAN, 0, 1], [[0, 0, 1]]),
    "softshrink": (F.softshrink, [[NAN, -0.5, 1.0]], [NAN, 0, 0.5], [[0, 0, 1]]),
    "maximum": (fastnn.maximum, [[NAN, 1.0, 1.0], [1.0, NAN, 1.0]], [NAN, NAN, 1],
                [[1, 1, 0.5], [1, 1, 0.5]]),
    "fmax": (fastnn.fmax, [[NAN, 1.0, 1.0], [1.0, NAN, 1.0]], [1, 1, 1], [[0, 1, 1], [1, 0, 0]]),
    "fmin": (fastnn.fmin, [[NAN, 1.0, 2.0], [1.0, NAN, 2.0]], [1, 1, 2], [[0, 1, 1], [1, 0, 0]]),
    "pow at base 0": (fastnn.pow, [[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 2.0, -1.0]], [1, 0, 0, INF],
                      [[0, 1, 0, -INF], [0, 0, 0, -INF]]),
    "fmod by 0": (fastnn.fmod, [[1.0, -7.0], [0.0, 4.0]], [NAN, -3], [[1, 1], [-INF, 1]]),
    "remainder by inf": (fastnn.remainder, [[-1.0, 2.0], [INF, INF]], [INF, 2], [[1, 1], [1, 0]]),
    "copysign": (fastnn.copysign, [[0.0, 2.0, -2.0], [-1.0, -0.0, 1.0]], [-0.0, -2, 2],
                 [[0, -1, -1], [0, 0, 0]]),
    "xlogy": (fastnn.xlogy, [[0.0, 0.0, 2.0], [0.0, NAN, 1.0]], [0, NAN, 0],
              [[0, NAN, 0], [NAN, NAN, 2]]),
    "logit": (fastnn.logit, [[0.0, 1.0, 0.5, 1.5]], [-INF, INF, 0, NAN], [[INF, INF, 4, NAN]]),
    "entr": (special.entr, [[0.0, 1.0, -1.0]], [0, 0, -INF], [[INF, -1, NAN]]),
    "atan2": (fastnn.atan2, [[0.0, 0.0], [-0.0, 2.0]], [math.pi, 0], [[0, 0.5], [0, 0]]),
    "sinc": (fastnn.sinc, [[0.0, 0.5]], [1, 2 / math.pi], [[0, -4 / math.pi]]),
    "digamma": (fastnn.digamma, [[0.0, -1.0, INF]], [-INF, NAN, INF], [[INF, INF, 0]]),
    "lgamma": (fastnn.lgamma, [[0.0, -2.0, 1.0]], [INF, INF, 0],
               [[-INF, NAN, -0.5772156649015329]]),
    "ndtri": (special.ndtri, [[0.0, 0.5, 1.0, 2.0]], [-INF, 0, INF, NAN],
              [[INF, math.sqrt(2 * math.pi), INF, NAN]]),
    "huber": (lambda x: F.huber_loss(x, x * 0, reduction="none"), [[NAN, 1.0, 3.0]],
              [NAN, 0.5, 2.5], [[NAN, 1, 1]]),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_edges(name: str) -> None:
    """Zeros, infinities, nan and kinks: as in torch."""
    function, arguments, values, gradients = EDGES[name]
    found = function(*(fastnn.tensor(v, dtype="float64") for v in arguments)).numpy()
    np.testing.assert_allclose(found, values, rtol=1e-14)
    zero = found == 0
    if name == "copysign":
        assert np.array_equal(np.signbit(found[zero]), np.signbit(np.array(values)[zero]))
    for got, want in zip(slopes(function, *arguments), gradients, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-14)


def test_losses_at_infinities() -> None:
    z, y = fastnn.tensor([INF, -INF, INF, -INF]), fastnn.tensor([0.0, 0.0, 1.0, 1.0])
    loss = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    assert loss.tolist() == [INF, 0.0, 0.0, INF]
    assert F.multi_margin_loss(fastnn.tensor([[INF, 0.0]]), fastnn.tensor([0])).item() == 0.0


def test_a_mean_by_weights_of_0_is_nan() -> None:
    z, weight = fastnn.zeros(1, 2), fastnn.tensor([0.0, 1.0])
    for smoothing in (0.0, 0.1):
        loss = F.cross_entropy(z, fastnn.tensor([0]), weight=weight, label_smoothing=smoothing)
        assert math.isnan(loss.item())


def test_losses_at_their_kinks() -> None:
    """Where the margin is just kept the slope is that of the side that is not."""

    def ranking(a: Tensor, b: Tensor) -> Tensor:
        return F.margin_ranking_loss(a, b, fastnn.ones(3, dtype="float64"))

    found = slopes(ranking, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(found, [[-1 / 3] * 3, [1 / 3] * 3])
    target = fastnn.tensor([-1.0, 1.0], dtype="float64")
    assert slopes(lambda x: F.hinge_embedding_loss(x, target), [1.0, 1.0]) == [[-0.5, 0.5]]
    assert slopes(lambda a: F.triplet_margin_loss(a, a + 2.0, a + 3.0, eps=0.0), [0.0]) == [[0.0]]
    y = fastnn.tensor([1.0], dtype="float64")
    assert slopes(lambda x: F.soft_margin_loss(x, y), [0.0]) == [[-0.5]]
    learned = fastnn.tensor([0.25], dtype="float64", requires_grad=True)
    by_logit = slopes(lambda z: F.binary_cross_entropy_with_logits(z, learned), [0.0])
    assert by_logit == [[0.25]]


@pytest.mark.parametrize("name", ["elu", "selu", "celu", "sinh", "cosh", "expm1", "exp2", "asinh"])
def test_gradients_keep_their_digits(name: str, real: str) -> None:
    """Relative to the derivative itself, however small that is."""
    a, s = 1.6732632423543772, 1.0507009873554805
    wanted: dict[str, Callable[[Any], Any]] = {
        "elu": lambda x: np.where(x > 0, 1, np.exp(x)), "sinh": np.cosh, "cosh": np.sinh,
        "selu": lambda x: s * np.where(x > 0, 1, a * np.exp(x)), "expm1": np.exp,
        "celu": lambda x: np.where(x > 0, 1, np.exp(x)),
        "exp2": lambda x: np.exp2(x) * math.log(2), "asinh": lambda x: 1 / np.hypot(x, 1),
    }  # fmt: skip
    size = 10 ** np.linspace(-8, 1.5, 300)
    x = fastnn.tensor(np.concatenate([size, -size]).astype(real), requires_grad=True)
    getattr(F if name in ("elu", "selu", "celu") else fastnn, name)(x).sum().backward()
    assert x.grad is not None
    exact = wanted[name](x.detach().numpy().astype(np.longdouble))
    np.testing.assert_allclose(x.grad.numpy(), exact.astype(real), rtol=8 * np.finfo(real).eps)


def test_the_ends_of_ranges() -> None:
    x = fastnn.tensor([89.0, -89.0, 89.41, 89.42])
    exact = np.sinh(x.numpy()[:3].astype(float))
    np.testing.assert_allclose(x.sinh().numpy()[:3], exact, 1e-6)
    assert x.cosh().tolist()[3] == INF and math.isfinite(x.cosh().tolist()[2])
    assert fastnn.tensor([127.5, 128.0, -126.0]).exp2().tolist()[1:] == [INF, 2.0**-126]


def test_frexp() -> None:
    for real in ("float32", "float64"):
        info = np.finfo(real)
        x = [5.0, -0.5, 1.0, float(info.max), float(info.tiny), 0.0, 2.0**60, 3e-30]
        mantissa, exponent = fastnn.frexp(fastnn.tensor(x, dtype=real))
        want = np.frexp(np.array(x, real))
        assert mantissa.tolist() == want[0].tolist() and exponent.tolist() == want[1].tolist()
    assert fastnn.frexp(fastnn.tensor([INF, NAN])).exponent.tolist() == [0, 0]


def test_neighbours() -> None:
    for real in ("float32", "float64"):
        info = np.finfo(real)
        x = np.array([0, 1, -1, info.max, INF, -INF, info.tiny, NAN, 2], real)
        for to in (-INF, 0.0, INF, NAN):
            with np.errstate(all="ignore"):
                want = np.nextafter(x, np.array(to, real))
            found = fastnn.tensor(x).nextafter(fastnn.tensor(np.full(9, to, real))).numpy()
            np.testing.assert_array_equal(found, want)


def test_shifts_beyond_the_bits() -> None:
    x, n = fastnn.tensor([1, -8, 5, -5]), fastnn.tensor([63, 64, -1, 200])
    assert (x << n).tolist() == [-(2**63), 0, 0, 0]
    assert (x >> n).tolist() == [0, -1, 0, -1]
    assert (2 << fastnn.tensor([3])).tolist() == [16] and (x >> 1).tolist() == [0, -4, 2, -3]


def test_round_to_decimals() -> None:
    x = fastnn.tensor([1.25, -3.456, 125.0, NAN], dtype="float64")
    assert x.round(decimals=1).tolist()[:3] == [1.2, -3.5, 125.0]
    assert fastnn.round(x, decimals=-2).tolist()[:3] == [0.0, -0.0, 100.0]
    with pytest.raises(TypeError, match="decimals: expected 0"):
        fastnn.tensor([5]).round(decimals=1)


def test_quantile_of_one_number_keeps_no_axis() -> None:
    x = fastnn.tensor(3.0)
    assert x.quantile(0.5, keepdim=True).shape == x.quantile(0.5, 0, True).shape == ()
    assert x.quantile(fastnn.tensor([0.5, 0.2]), keepdim=True).shape == (2,)


def test_an_empty_batch_leaves_the_running_moments() -> None:
    layer = fastnn.nn.BatchNorm1d(3)
    layer(fastnn.zeros(0, 3))
    assert layer.running_mean is not None and layer.running_var is not None
    assert layer.running_mean.tolist() == [0.0] * 3 and layer.running_var.tolist() == [1.0] * 3
    assert layer.num_batches_tracked is not None and layer.num_batches_tracked.item() == 1


@pytest.mark.parametrize(("call", "message"), [
    (lambda x, i: fastnn.gcd(x, i), "gcd: expected whole numbers"),
    (lambda x, i: fastnn.lcm(i, 2), "other: expected a Tensor"),
    (lambda x, i: fastnn.hypot(x, 2.0), "other: expected a Tensor"),
    (lambda x, i: fastnn.nextafter(i, i), "nextafter: expected floating-point"),
    (lambda x, i: fastnn.frexp(i), "frexp: expected a floating-point"),
    (lambda x, i: fastnn.heaviside(x, i), "values: expected float32"),
    (lambda x, i: fastnn.pow(2, 3), "pow: expected at least one tensor"),
    (lambda x, i: fastnn.polygamma(x, x), "n: expected an integer"),
    (lambda x, i: fastnn.positive(i > 0), "positive: expected a tensor of numbers"),
    (lambda x, i: x.float_power_(2), "float_power_: expected a tensor of float64"),
])  # fmt: skip
def test_refusals(call: Callable[[Tensor, Tensor], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(fastnn.ones(2), fastnn.tensor([1, 2]))


def test_what_is_constant_between_steps_has_the_gradient_0() -> None:
    for function in (
        fastnn.floor, fastnn.ceil, fastnn.round, fastnn.trunc, fastnn.sign, fastnn.sgn,
        lambda x: x.div(0.7, rounding_mode="floor"), lambda x: x.div(0.7, rounding_mode="trunc"),
        lambda x: x.round(decimals=1),
    ):  # fmt: skip
        assert slopes(lambda x, f=function: f(x) * INF, [1.5, -0.5]) == [[0.0, 0.0]]
    by_both = slopes(lambda a, b: a.div(b, rounding_mode="floor"), [3.0, 5.0], [2.0])
    assert by_both == [[0.0, 0.0], [0.0]]


def test_whole_numbers_keep_their_kind() -> None:
    i, b = fastnn.tensor([-3, 5]), fastnn.tensor([True, False])
    assert i.clamp(min=fastnn.tensor([0])).dtype == fastnn.int64
    assert b.clamp(max=b).dtype == b.sign().dtype == b.sgn().dtype == fastnn.bool_
    assert b.sign().tolist() == [True, False]

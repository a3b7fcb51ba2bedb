"""Random numbers and starting values equal torch's (values: golden.json, and torch 2.13)."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest
from cases.draws import EXPRESSIONS, drawn

import fastnn
from fastnn import random
from fastnn.nn import Linear, init
from fastnn.random import words
from fastnn.tensor import of_array

HERE = pathlib.Path(__file__).parent
GOLDEN = json.loads((HERE / "golden.json").read_text())
DRAWS = json.loads((HERE / "goldens/draws.json").read_text())
TORCH = GOLDEN["torch_rng_checks"]

RANDN_20_SEED_7 = [
    -0.82013452, 0.39563116, 0.8989085, -1.38840389, 0.19844505, 0.78207266, 1.03910768,
    -0.72451073, -0.8489086, -1.21692944, -0.08102158, 1.36148512, -2.0614779, 0.6741007,
    -1.32334578, -1.35976899, -0.8667016, -0.56400669, -2.05646253, -0.35672253,
]  # fmt: skip
RANDN_17_DOUBLE_SEED_7 = [
    0.06626753966449943, -0.29104147095938915, 0.45801695358702993, 1.6932749764073567,
    1.457454937932726, 1.932214860010293, -1.4418139927522924, 0.7277603478716976,
    -1.3131496578292892, -2.42925190670235, -0.15213162349367035, -2.6909171061771864,
    1.7421050311620636, -0.523961020712386, -0.28387899021947915, 0.45257550210102954,
    -1.6677291342328766,
]  # fmt: skip
INITS_2_3_SEED_7 = {
    "xavier_uniform_": [0.07651146, -0.65988916, 0.34881535, 0.34372938, -0.58549011, -0.16418225],
    "xavier_normal_": [-0.09284137, 0.49719942, 0.59882259, -0.70477307, 1.06934953, -0.56593883],
    "kaiming_uniform_": [0.09877586, -0.85191321, 0.45031866, 0.44375271, -0.75586444, -0.21195835],
    "kaiming_normal_": [-0.1198577, 0.6418817, 0.77307659, -0.90985811, 1.3805244, -0.7306239],
    "trunc_normal_": [-0.14679509, 0.78614128, 0.94682163, -1.11434400, 1.69079018, -0.89482790],
}


def close(got: np.ndarray, want: list[float]) -> None:
    np.testing.assert_allclose(got.ravel(), want, rtol=2e-7, atol=3e-8)


def test_every_draw_has_a_golden() -> None:
    assert sorted(DRAWS) == sorted(set(EXPRESSIONS))


@pytest.mark.parametrize("expression", DRAWS)
def test_draws_as_torch(expression: str) -> None:
    dtype, values, after = DRAWS[expression]
    got, next_number = drawn(expression, fastnn)
    assert got.dtype == dtype
    np.testing.assert_allclose(got.numpy(), values, rtol=2e-7 if dtype == "float32" else 1e-14)
    assert next_number == after  # the generator stands where torch's stands


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("zeros(3).uniform_(3, -1)", "to"), ("zeros(3).normal_(0, -1)", "std"),
        ("zeros(3).bernoulli_(2.)", "p"), ("zeros(3).bernoulli_(-1.)", "p"),
        ("zeros(3).bernoulli_(nan)", "p"), ("zeros(3).bernoulli_(tensor([2., 0., 0.]))", "input"),
        ("zeros(3).exponential_(0.)", "lambd"), ("zeros(3).geometric_(0.)", "p"),
        ("zeros(3).geometric_(1.)", "p"), ("zeros(3).cauchy_(0., 0.)", "sigma"),
        ("zeros(3).log_normal_(0., 0.)", "std"), ("zeros(3).random_(0, 0)", "to"),
        ("zeros(3, dtype=bool_).random_(0, 3)", "to"),
        ("zeros(3, dtype=bool_).geometric_(.5)", "geometric_"),
        *((f"zeros(3, dtype={d}).{f}_()", f"{f}_") for d in ("int64", "bool_")
          for f in ("uniform", "normal", "exponential", "cauchy", "log_normal")),
        ("normal(zeros(3), -1.)", "std"), ("normal(0., -1., (3,))", "std"),
        ("normal(0., tensor([-1.]))", "std"), ("normal(zeros(3), 1., (3,))", "size"),
        ("normal(0., 1.)", "size"), ("normal(tensor([1]), 1.)", "mean, std"),
        ("bernoulli(zeros(3), 2.)", "p"), ("bernoulli(tensor([1]))", "input"),
        ("rand(2, size=(3,))", "rand"), ("randn(3, device='cuda')", "device"),
        ("rand_like(zeros(3), device='cuda')", "device"), ("randperm(3, device='mps')", "device"),
        ("Generator(device='cuda')", "device"), ("Generator('cuda')", "device"),
    ],
)  # fmt: skip
def test_draws_refuse_and_draw_nothing(call: str, named: str) -> None:
    before = random.get_rng_state()
    with pytest.raises((TypeError, ValueError, RuntimeError), match=f"^{named}: "):
        eval(call, vars(fastnn).copy())
    assert (random.get_rng_state() == before).all()


@pytest.mark.parametrize("draw", ["normal(x, 1.)", "normal(0., x)", "bernoulli(x)"])
def test_what_is_drawn_has_gradient_zero(draw: str) -> None:
    x = fastnn.full((3,), 0.5, requires_grad=True)
    eval(draw, {**vars(fastnn), "x": x}).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 0.0, 0.0]


def test_fork_rng() -> None:
    before = random.get_rng_state()
    with random.fork_rng():
        random.manual_seed(1)
        random.rand(3)
    assert (random.get_rng_state() == before).all()
    with random.fork_rng(enabled=False):
        random.rand(1)
    assert not (random.get_rng_state() == before).all()


def test_rand() -> None:
    random.manual_seed(0)
    close(random.rand(8).numpy(), TORCH["rand8_seed0"])
    random.manual_seed(42)
    close(random.rand(2, 2).numpy(), TORCH["rand4_seed42"])
    random.manual_seed(7)
    got = random.rand((3,), dtype=np.float64).numpy()
    assert got.tolist() == [0.279380429906404, 0.27369371365176565, 0.8620929614176255]


def test_randint() -> None:
    random.manual_seed(0)
    assert random.randint(0, 10, (10,)).numpy().tolist() == TORCH["randint_0_10_seed0"]
    random.manual_seed(0)
    assert random.randint(10, (2, 5)).numpy().ravel().tolist() == TORCH["randint_0_10_seed0"]
    random.manual_seed(7)  # from 2**28 on the draws have 64 bits
    assert random.randint(-5, 2**30, (3,)).numpy().tolist() == [864032561, 947454259, 902108210]
    random.manual_seed(7)
    named = random.randint(low=-5, high=2**30, size=(3,)).numpy()
    assert named.tolist() == [864032561, 947454259, 902108210]


def test_randn() -> None:
    random.manual_seed(2019)
    close(random.randn(5).numpy(), TORCH["randn5_seed2019"])
    random.manual_seed(0)
    close(random.randn(16).numpy()[:6], TORCH["randn16_seed0_first6"])
    random.manual_seed(7)  # 16 does not divide 20: the last 16 are drawn again
    close(random.randn(20).numpy(), RANDN_20_SEED_7)
    random.manual_seed(7)
    got = random.randn(17, dtype=np.float64).numpy()
    np.testing.assert_allclose(got, RANDN_17_DOUBLE_SEED_7, rtol=1e-14)


def test_the_kept_normal_goes_on_over_calls() -> None:
    random.manual_seed(7)
    random.randint(-5, 2**30, (3,))
    close(random.randn(3).numpy(), [-1.25140011, -1.88406754, 0.4457424])
    close(random.randn(2).numpy(), [-0.70683247, -1.57496774])
    random.manual_seed(7)
    assert random.default_generator._kept is None


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 31, 33, 70000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_moments_and_shape(n: int, dtype: type) -> None:
    values = random.Generator(5).normal((n,), 2.0, 3.0, dtype)
    assert values.shape == (n,) and values.dtype == dtype and np.isfinite(values).all()
    if n > 1000:
        assert abs(values.mean() - 2.0) < 0.05 and abs(values.std() - 3.0) < 0.05


@pytest.mark.parametrize("draw", [random.rand, random.randn])
def test_state_comes_back(draw: object) -> None:
    random.manual_seed(3)
    random.randn(3)  # a normal is kept
    state = random.get_rng_state()
    first = draw(33).numpy(), random.randn(3).numpy()  # type: ignore[operator]
    assert isinstance(state, fastnn.Tensor) and state.dtype == fastnn.uint8
    assert (state.clone() != random.get_rng_state()).any()
    random.set_rng_state(state)
    second = draw(33).numpy(), random.randn(3).numpy()  # type: ignore[operator]
    assert all((a == b).all() for a, b in zip(first, second))
    assert random.initial_seed() == 3


def test_a_bad_state_changes_nothing() -> None:
    generator = random.Generator(1)
    state = generator.get_state().numpy()
    wrong = state.copy()
    wrong[2496 + 8 : 2496 + 12] = 255  # position -1
    for bad in (b"x", state[:-1], state.astype(np.int64), wrong):
        with pytest.raises(ValueError, match="state: "):
            generator.set_state(np.frombuffer(bad, np.uint8) if isinstance(bad, bytes) else bad)
    assert (generator.get_state() == state).all()


def test_derive_seed_is_torchs_random_() -> None:
    random.manual_seed(3)
    assert random.derive_seed() == 937055941807507096
    assert random.derive_seed(random.Generator(3)) == 937055941807507096


@pytest.mark.parametrize("seed", [0, 2**64 - 1, -1, -(2**63)])
def test_seeds_in_range(seed: int) -> None:
    assert random.manual_seed(seed).initial_seed() == seed % 2**64


@pytest.mark.parametrize("seed", [-(2**63) - 1, 2**64, 2**128, 1.0, "1", None, True])
def test_seeds_out_of_range(seed: object) -> None:
    before = random.get_rng_state()
    with pytest.raises((ValueError, TypeError), match="seed: expected an integer"):
        random.manual_seed(seed)  # type: ignore[arg-type]
    assert (random.get_rng_state() == before).all()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [((5, 5, (2,)), ValueError), ((3,), TypeError), ((1, 2, 3, 4), TypeError),
     ((0, 5, (-1,)), ValueError), ((0.5, (2,)), TypeError)],
)  # fmt: skip
def test_randint_refuses(arguments: tuple[object, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        random.randint(*arguments)


def test_linear_starts_as_torchs() -> None:
    random.manual_seed(0)
    layer = Linear(2, 1)
    close(layer.weight.detach().numpy(), TORCH["Linear_2_1_seed0"]["weight"])
    assert layer.bias is not None
    close(layer.bias.detach().numpy(), [TORCH["Linear_2_1_seed0"]["bias"]])
    random.manual_seed(7)  # drawn in (out, in) order, though stored (in, out)
    layer = Linear(3, 2)
    want = [0.04032508, -0.34779212, 0.18384182, 0.18116128, -0.30858037, -0.08653163]
    close(layer.weight.detach().numpy(), want)
    assert layer.weight.detach().numpy().T.flags.c_contiguous


@pytest.mark.parametrize("name", sorted(INITS_2_3_SEED_7))
def test_inits(name: str) -> None:
    weight = of_array(np.zeros((3, 2), np.float32).T)
    random.manual_seed(7)
    assert getattr(init, name)(weight) is weight
    close(weight.detach().numpy(), INITS_2_3_SEED_7[name])


def test_uniform_has_one_rounding() -> None:
    weight = of_array(np.zeros(3, np.float32))
    random.manual_seed(7)
    random.rand(3, dtype=np.float64)
    got = init.uniform_(weight, -0.3, 0.45).numpy()
    assert got.tolist() == [-0.14468549191951752, 0.1723022609949112, -0.026012897491455078]


def test_init_bounds_of_golden() -> None:
    want = GOLDEN["init_Linear_3_5"]
    weight = of_array(np.zeros((5, 3), np.float64))
    largest = {}
    for name in ("kaiming_uniform_", "xavier_uniform_"):
        largest[name] = max(
            abs(getattr(init, name)(weight, generator=random.Generator(s)).numpy()).max()
            for s in range(50)
        )
    assert 0.99 < largest["kaiming_uniform_"] / want["kaiming_uniform_bound"] <= 1
    assert 0.99 < largest["xavier_uniform_"] / want["xavier_uniform_bound"] <= 1
    assert init._kaiming_std(weight, 0, "fan_in", "leaky_relu") == pytest.approx(
        want["kaiming_normal_std"]
    )
    assert init._xavier_std(weight, 1.0) == pytest.approx(want["xavier_normal_std"])
    assert Linear(3, 5).weight.detach().numpy().max() <= want["torch_default_bound"]


@pytest.mark.parametrize(
    ("name", "param", "want"),
    [("linear", None, 1.0), ("sigmoid", None, 1.0), ("tanh", None, 5 / 3), ("selu", None, 0.75),
     ("relu", None, 2**0.5), ("leaky_relu", None, (2 / 1.0001) ** 0.5), ("leaky_relu", 1, 1.0)],
)  # fmt: skip
def test_gains(name: str, param: float | None, want: float) -> None:
    assert init.calculate_gain(name, param) == pytest.approx(want, rel=1e-15)


def test_constants_and_refusals() -> None:
    weight = of_array(np.zeros((2, 3), np.float32))
    assert init.ones_(weight).numpy().sum() == 6
    assert init.eye_(weight).numpy().tolist() == [[1, 0, 0], [0, 1, 0]]
    assert init.constant_(weight, 2.5).numpy().sum() == 15
    assert not init.zeros_(weight).numpy().any()
    with pytest.raises(ValueError, match=r"nonlinearity: expected one of .*'selu', 'leaky_relu'"):
        init.calculate_gain("swish")
    with pytest.raises(ValueError, match="mode: expected one of 'fan_in', 'fan_out'"):
        init.kaiming_normal_(weight, mode="fan")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected a weight of shape \(out, in\)"):
        init.xavier_normal_(of_array(np.zeros(3, np.float32)))
    with pytest.raises(ValueError, match="b: expected a number >= a"):
        init.uniform_(weight, 1.0, 0.0)
    with pytest.raises(ValueError, match="std: expected a finite number >= 0"):
        init.normal_(weight, 0.0, -1.0)
    with pytest.raises(ValueError, match="a, b: expected bounds"):
        init.trunc_normal_(weight, 0.0, 1.0, 3.0, 4.0)


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("drawn", [0, 1, 700])
def test_a_generator_is_put_back(drawn: int, quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the words of NumPy's generator lie in another way than today."""
    monkeypatch.setattr(words, "_lie_so", [] if quick else [False])
    g = fastnn.Generator()
    g.manual_seed(3)

    def draws() -> list[float]:
        return [*fastnn.rand(5, generator=g).tolist(), *fastnn.randn(3, generator=g).tolist()]

    fastnn.randn(drawn, generator=g)
    state = g.get_state()
    assert words._lie_so == [quick]
    want = draws()
    g.manual_seed(4)
    for _ in range(2):
        draws()
        g.set_state(state)
        assert g.initial_seed() == 3
        assert draws() == want

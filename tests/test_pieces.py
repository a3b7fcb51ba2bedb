"""Long passes in NumPy are made piece by piece, between which Ctrl-C comes; the numbers are the
same. Here a piece is a few elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Generator, nn
from fastnn._support import pieces

N, PIECE = 1000, 64
Draw = Callable[[Generator], Any]


def filled(name: str, *args: Any) -> Draw:
    return lambda g: getattr(fastnn.empty(N), name)(*args, generator=g)


DRAWS: dict[str, Draw] = {
    "rand": lambda g: fastnn.rand(N, generator=g),
    "rand of float64": lambda g: fastnn.rand(N, dtype=np.float64, generator=g),
    "rand of float16": lambda g: fastnn.rand(N, dtype=np.float16, generator=g),
    "randn": lambda g: fastnn.randn(N, generator=g),
    "randn of float64": lambda g: fastnn.randn(N, dtype=np.float64, generator=g),
    "randn of bfloat16": lambda g: fastnn.randn(N, dtype=fastnn.bfloat16, generator=g),
    "randint": lambda g: fastnn.randint(-5, 10, (N,), generator=g),
    "randint of 64 bits": lambda g: fastnn.randint(0, 2**40, (N,), generator=g),
    "randperm": lambda g: fastnn.randperm(N, generator=g),
    "normal": lambda g: fastnn.normal(1.0, 2.0, (N,), generator=g),
    "bernoulli": lambda g: fastnn.bernoulli(fastnn.full((N,), 0.3), generator=g),
    "multinomial": lambda g: fastnn.multinomial(fastnn.ones(9), N, True, generator=g),
    "multinomial of rows": lambda g: fastnn.multinomial(fastnn.ones(99, 10), 4, generator=g),
    "poisson": lambda g: fastnn.poisson(fastnn.full((N,), 3.0), generator=g),
    "uniform_": filled("uniform_", -1.0, 2.0),
    "normal_": filled("normal_"),
    "bernoulli_": filled("bernoulli_", 0.3),
    "exponential_": filled("exponential_", 2.0),
    "geometric_": filled("geometric_", 0.3),
    "cauchy_": filled("cauchy_"),
    "log_normal_": filled("log_normal_"),
    "random_": filled("random_", 0, 100),
    "kaiming_normal_": lambda g: nn.init.kaiming_normal_(fastnn.empty(50, 20), generator=g),
}


@pytest.fixture
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", PIECE)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many raw draws were made at once, each time."""
    found: list[int] = []
    raw = Generator._raw

    def noted(self: Generator, n: int) -> Any:
        found.append(n)
        return raw(self, n)

    monkeypatch.setattr(Generator, "_raw", noted)
    return found


def array(x: Any) -> np.ndarray[Any, Any]:
    return np.asarray(x.double().numpy())


@pytest.mark.parametrize("name", DRAWS)
def test_a_draw(name: str, monkeypatch: pytest.MonkeyPatch, asked: list[int]) -> None:
    """At most two raw draws for an element of a piece at once; and the same numbers."""
    want = array(DRAWS[name](Generator(3)))
    asked.clear()
    monkeypatch.setattr(pieces, "PIECE", PIECE)
    got = array(DRAWS[name](Generator(3)))
    np.testing.assert_array_equal(got, want)
    assert max(asked) <= 2 * PIECE and len(asked) >= N // (2 * PIECE)


def test_a_generator_draws_on_after_an_interrupted_draw(
    short_pieces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, raw = Generator(0), Generator._raw
    left = [3]

    def interrupted(self: Generator, n: int) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return raw(self, n)

    monkeypatch.setattr(Generator, "_raw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fastnn.randn(N, generator=generator)
    got = fastnn.randn(N, generator=generator.manual_seed(0))
    np.testing.assert_array_equal(got.numpy(), fastnn.randn(N, generator=Generator(0)).numpy())


RNG = np.random.default_rng(0)
X = fastnn.tensor(RNG.random(N))
BATCH = fastnn.tensor(RNG.random((60, 4, 4)) + 4 * np.eye(4))
ENDS = fastnn.linspace(0, 1, 9).double()
ROWS = X.reshape(4, -1)
WHOLE = fastnn.tensor(RNG.integers(0, 9, (30, 30)))
# What calls it, and NumPy's function that would be long in it.
PASSES: dict[str, tuple[Callable[[], Any], Any, str]] = {
    "searchsorted": (lambda: fastnn.searchsorted(ENDS, X), np, "searchsorted"),
    "searchsorted of rows": (
        lambda: fastnn.searchsorted(ROWS.sort(1).values, ROWS), np, "searchsorted",
    ),
    "bucketize": (lambda: fastnn.bucketize(X, ENDS), np, "searchsorted"),
    "histogram": (lambda: fastnn.histogram(X, 9).hist, np, "searchsorted"),
    "a product of whole numbers": (lambda: WHOLE @ WHOLE, np, "matmul"),
    "linspace": (lambda: fastnn.linspace(0, 1, N), np, "where"),
    "multinomial": (
        lambda: fastnn.multinomial(fastnn.ones(99, 10), 4, generator=Generator(0)), np, "argsort",
    ),
    "inv": (lambda: fastnn.linalg.inv(BATCH), np.linalg, "inv"),
    "svd": (lambda: fastnn.linalg.svd(BATCH).S, np.linalg, "svd"),
    "svdvals": (lambda: fastnn.linalg.svdvals(BATCH), np.linalg, "svd"),
    "eigh": (lambda: fastnn.linalg.eigh(BATCH + BATCH.mT).eigenvalues, np.linalg, "eigh"),
    "cholesky": (lambda: fastnn.linalg.cholesky(BATCH + BATCH.mT), np.linalg, "cholesky"),
    "qr": (lambda: fastnn.linalg.qr(BATCH).R, np.linalg, "qr"),
    "slogdet": (lambda: fastnn.linalg.slogdet(BATCH).logabsdet, np.linalg, "slogdet"),
    "solve": (lambda: fastnn.linalg.solve(BATCH, BATCH), np.linalg, "solve"),
    "pinv": (lambda: fastnn.linalg.pinv(BATCH), np.linalg, "svd"),
}  # fmt: skip


@pytest.mark.parametrize("name", PASSES)
def test_a_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy is given at most a piece at once; the numbers are those of one pass."""
    call, module, function = PASSES[name]
    want, sizes = array(call()), []
    original = getattr(module, function)

    def noted(*args: Any, **options: Any) -> Any:
        given = args[1] if function == "searchsorted" else args[0]
        sizes.append(np.size(given))
        return original(*args, **options)

    monkeypatch.setattr(module, function, noted)
    monkeypatch.setattr(pieces, "PIECE", PIECE)
    np.testing.assert_array_equal(array(call()), want)
    assert len(sizes) > 2 and max(sizes) <= PIECE


def test_a_row_is_not_cut(short_pieces: None) -> None:
    rows = RNG.random((5, 3 * PIECE))
    found = pieces.by_row(lambda x: np.sort(x, 1), rows)
    np.testing.assert_array_equal(found, np.sort(rows, 1))

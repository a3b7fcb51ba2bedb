"""vmap: random numbers, chunks, and outputs that are the same for all samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import func
from fastnn.tensor import Tensor

X = fastnn.zeros(3, 2)


def draw(x: Tensor) -> tuple[Tensor, ...]:
    return fastnn.rand(2) + x, fastnn.randn_like(x), fastnn.randint(0, 9, (2,)), fastnn.randperm(3)


def draw_and_look(x: Tensor) -> tuple[Tensor, ...]:
    """The same, but a value is looked at after the first draw: one by one."""
    first = fastnn.rand(2) + x
    assert first[0].item() >= 0
    return first, fastnn.randn_like(x), fastnn.randint(0, 9, (2,)), fastnn.randperm(3)


# Values of torch 2.13: vmap(draw, randomness=..., chunk_size=...)(zeros(3, 2)), seed 0.
SAME = [[[0.4963, 0.7682]] * 3, [[-0.2905, -1.0704]] * 3, [[7, 1]] * 3, [[1, 2, 0]] * 3]
TORCH: dict[tuple[str, int | None], list[Any]] = {
    ("same", None): SAME,
    ("same", 2): SAME,
    ("different", None): [
        [[0.4963, 0.7682], [0.0885, 0.1320], [0.3074, 0.6341]],
        [[1.2645, -0.6874], [0.1604, -0.6065], [-0.7831, 1.0622]],
        [[5, 3], [8, 2], [8, 2]], [[2, 0, 1], [1, 2, 0], [0, 1, 2]],
    ],
    ("different", 2): [
        [[0.4963, 0.7682], [0.0885, 0.1320], [0.6816, 0.9152]],
        [[-2.1788, 0.5684], [-1.0845, -1.3986], [0.4159, 0.8396]],
        [[6, 3], [1, 2], [7, 8]], [[0, 1, 2], [2, 0, 1], [0, 1, 2]],
    ],
}  # fmt: skip


@pytest.mark.parametrize("fn", [draw, draw_and_look])
@pytest.mark.parametrize("case", TORCH, ids=str)
def test_numbers_are_torchs(case: tuple[str, int | None], fn: Any) -> None:
    randomness, chunk = case
    fastnn.manual_seed(0)
    found = fastnn.vmap(fn, randomness=randomness, chunk_size=chunk)(X)
    for got, want in zip(found, TORCH[case]):
        np.testing.assert_allclose(got.numpy(), want, atol=5.1e-5)


U = [0.4963, 0.7682, 0.0885, 0.1320, 0.3074, 0.6341]
NESTED = {
    ("same", "different"): [[U[0]] * 3, [U[1]] * 3],
    ("different", "same"): [U[:3]] * 2,
    ("different", "different"): [U[:3], U[3:]],
    ("same", "same"): [[U[0]] * 3] * 2,
}


@pytest.mark.parametrize("look", [(), (0,), (1,), (0, 1)])
@pytest.mark.parametrize("case", NESTED, ids=str)
def test_nested(case: tuple[str, str], look: tuple[int, ...]) -> None:
    """Values of torch 2.13 again, whichever of the two levels is taken one by one."""

    def sample(x: Tensor) -> Tensor:
        drawn = fastnn.rand(1)
        if 0 in look:
            assert x.item() == 0
        return drawn

    def row(x: Tensor) -> Tensor:
        if 1 in look:
            assert x.sum().item() == 0
        return fastnn.vmap(sample, randomness=case[0])(x)

    fastnn.manual_seed(0)
    got = fastnn.vmap(row, randomness=case[1])(fastnn.zeros(2, 3))
    np.testing.assert_allclose(got.numpy()[..., 0], NESTED[case], atol=5.1e-5)


DRAWN: dict[str, Callable[[Tensor], Tensor]] = {
    "rand": lambda x: fastnn.rand(1), "randn": lambda x: fastnn.randn(20),
    "randint": lambda x: fastnn.randint(0, 5, (1,)), "randperm": lambda x: fastnn.randperm(4),
    "rand_like": fastnn.rand_like, "normal": lambda x: fastnn.normal(x, 1.0),
    "bernoulli_": lambda x: x.clone().uniform_(),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_error_is_the_default(name: str) -> None:
    with pytest.raises(RuntimeError, match=r"randomness='error'.*'different' or 'same'"):
        fastnn.vmap(DRAWN[name])(X)
    inner = fastnn.vmap(DRAWN[name], randomness="different")
    with pytest.raises(RuntimeError, match=r"randomness='error'"):
        fastnn.vmap(inner)(X[None])
    fastnn.rand(1)  # outside all is as before


def test_gradients_with_noise() -> None:
    """Per-sample gradients of a noisy loss: the noise is that of the samples."""

    def loss(w: Tensor, x: Tensor) -> Tensor:
        return (w * (x + fastnn.randn(2))).sum()

    fastnn.manual_seed(3)
    got = fastnn.vmap(fastnn.grad(loss), (None, 0), randomness="different")(fastnn.ones(2), X)
    fastnn.manual_seed(3)
    assert got.tolist() == fastnn.randn(3, 2).tolist()


@pytest.mark.parametrize("wrap", [lambda f: f, fastnn.compile], ids=["eager", "compiled"])
@pytest.mark.parametrize("randomness", ["same", "different"])
def test_dropout(randomness: str, wrap: Any) -> None:
    """Masks, of each sample or of all, are new at every call; the gradient has the same ones."""
    x = fastnn.ones(4, 16)

    def masked(x: Tensor, k: Tensor) -> Tensor:
        return fastnn.nn.functional.dropout(x * k)

    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        y = fastnn.vmap(masked, (0, None), randomness=randomness)(x, x[0])
        k = fastnn.ones(16, requires_grad=True)
        z = fastnn.vmap(masked, (None, 0), randomness=randomness)(k, x)
        z.sum().backward()
        return y, z - k.grad / len(z) if randomness == "same" else z.sum(0) - k.grad

    run = wrap(both)
    calls = [run(x) for _ in range(3)]
    for y, difference in calls:
        masks = {tuple(row) for row in y.tolist()}
        assert len(masks) == (1 if randomness == "same" else 4)
        assert set().union(*masks) == {0.0, 2.0} and not difference.detach().numpy().any()
    assert len({tuple(y[0].tolist()) for y, _ in calls}) == 3


def test_a_generator_of_ones_own() -> None:
    generator = fastnn.Generator(5)
    got = fastnn.vmap(lambda x: fastnn.rand(2, generator=generator), randomness="different")(X)
    assert got.tolist() == fastnn.rand(3, 2, generator=fastnn.Generator(5)).tolist()


# ---- chunks ----


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("fn", [lambda r, k: (r * k).sin(), lambda r, k: r if r[0].item() else k])
def test_chunks(fn: Any, chunk: int) -> None:
    x, k = fastnn.arange(10.0).reshape(2, 5), fastnn.tensor([2.0, 3.0])
    want = fastnn.vmap(fn, (1, None), 1)(x, k)
    got = fastnn.vmap(fn, (1, None), 1, chunk_size=chunk)(x, k)
    assert got.tolist() == want.tolist() and got.shape == (2, 5)


def test_gradients_through_chunks() -> None:
    x = fastnn.tensor([1.0, 2.0, 3.0, 4.0, 5.0], requires_grad=True)
    fastnn.vmap(lambda v: v**3, chunk_size=2)(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [3.0, 12.0, 27.0, 48.0, 75.0]


def test_chunks_of_a_jacobian() -> None:
    x = fastnn.tensor([1.0, 2.0, 3.0])
    want = func.jacrev(lambda x: x[:, None] * x)(x).tolist()
    for chunk in (1, 2, 100):
        assert func.jacrev(lambda x: x[:, None] * x, chunk_size=chunk)(x).tolist() == want
    found, aux = func.jacrev(lambda x: (x**2, x), has_aux=True, chunk_size=1)(x)
    assert found.diag().tolist() == [2.0, 4.0, 6.0] and aux.tolist() == x.tolist()


# ---- outputs without the batch ----


@pytest.mark.parametrize("chunk", [None, 2])
def test_outputs_as_they_are(chunk: int | None) -> None:
    k = fastnn.ones(2)
    found = fastnn.vmap(lambda r: (r + k, k * 2, "text", 3), 0, (1, None, None, None),
                        chunk_size=chunk)(X)  # fmt: skip
    assert found[0].shape == (2, 3) and found[1].tolist() == [2.0, 2.0]
    assert found[2:] == ("text", 3)
    assert fastnn.vmap(lambda r: k, out_dims=None)(X) is k
    assert fastnn.vmap(lambda r: r, out_dims=(1,))(X).shape == (2, 3)


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "differs": (lambda: fastnn.vmap(lambda r: r, out_dims=None)(X), ValueError, "differs between"),
    "text": (lambda: fastnn.vmap(lambda r: (r, "a"))(X), TypeError, "got str; out_dims=None"),
    "randomness": (lambda: fastnn.vmap(draw, randomness="some"), ValueError,
                   "randomness: expected one of 'error', 'different', 'same', got 'some'"),
    "chunk 0": (lambda: fastnn.vmap(draw, chunk_size=0), ValueError, "chunk_size"),
    "chunk 1.5": (lambda: fastnn.vmap(draw, chunk_size=1.5), TypeError, "chunk_size"),  # type: ignore[arg-type]
    "jacrev": (lambda: func.jacrev(draw, chunk_size=0), ValueError, "chunk_size"),
    "jacfwd": (lambda: func.jacfwd(draw, randomness="no"), ValueError, "randomness"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()

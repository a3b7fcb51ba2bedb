"""Regression tests of recording: values that a program must not freeze, lose or share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.tensor import Tensor, of_array

Function = Callable[..., Tensor]


def same(function: Function, *calls: Tensor) -> None:
    """Compiled and eager calls give the same values and shapes, the later calls too."""
    compiled = fastnn.compile(function)
    got = [compiled(x) for x in calls]
    want = [function(x) for x in calls]
    assert [y.tolist() for y in got] == [y.tolist() for y in want]
    assert [y.shape for y in got] == [y.shape for y in want]


def two(*values: Any) -> tuple[Tensor, Tensor]:
    return fastnn.tensor(list(values)), fastnn.tensor([v + 4 for v in values])


def test_one_element_is_a_view() -> None:
    x = fastnn.tensor([1.0, 2.0], requires_grad=True)
    (x[1] * 3).backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 3.0]
    y = fastnn.zeros(2, 2)
    y[1, 1].fill_(5.0)
    assert y.tolist() == [[0, 0], [0, 5]]
    same(lambda t: t[0] * 2, *two(1.0, 2.0))


def test_transposed_square_result() -> None:
    weights = fastnn.tensor([1.0, 2.0])
    same(lambda t: (t.reshape(2, 1) * t * weights).T, *two(1.0, 2.0))


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (lambda t: t + 1, (1, 2)),
        (lambda t: t * 1.0 == 1, (1, 2)),
        (lambda t: t.sum(), (1, 2)),
        (lambda t: (t > 3).sum(), (1.0, 2.0)),
        (lambda t: (t.reshape(1, -1).argmax(1) == 1).float().mean(), (1.0, 2.0)),
        (lambda t: fastnn.tensor(t) * 2, (1.0, 2.0)),
        (lambda t: fastnn.zeros(2, dtype="float64").copy_(t) * 1, (1.0, 2.0)),
    ],
)
def test_conversions_follow_or_are_refused(function: Function, values: tuple[Any, ...]) -> None:
    try:
        same(function, *two(*values))
    except fastnn.RecordingError as error:
        assert "test_recording.py" in str(error)


@pytest.mark.parametrize("draw", [lambda: fastnn.randn(2), lambda: fastnn.rand(2)])
def test_random_numbers_are_refused(draw: Callable[[], Tensor]) -> None:
    with pytest.raises(fastnn.RecordingError, match=r"test_recording\.py:\d+: .*random"):
        fastnn.compile(lambda t: t * draw())(fastnn.ones(2))


def test_buffers_are_written_at_every_run() -> None:
    last, mean = fastnn.zeros(2), fastnn.zeros(2)

    def remember(t: Tensor) -> None:
        last.copy_(t)
        mean.mul_(0.5)
        mean.add_(t)

    step = fastnn.compile(remember)
    step(fastnn.ones(2))
    step(fastnn.ones(2) * 4)
    assert last.tolist() == [4, 4]
    assert mean.tolist() == [4.5, 4.5]


def test_a_buffer_that_counts() -> None:
    """`self.n += 1` assigns the tensor that is there."""

    class Counter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("n", fastnn.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            self.n += 1
            return x * self.n

    program = fastnn.compile(Counter())
    assert [program(fastnn.ones(1)).item() for _ in range(3)] == [1, 2, 3]


def test_a_refusal_that_is_swallowed_still_refuses() -> None:
    def careful(x: Tensor) -> Tensor:
        try:
            return x if x.sum() > 0 else -x
        except RuntimeError:
            return x * 2

    with pytest.raises(fastnn.RecordingError, match=r"test_recording\.py:\d+: .* value was asked"):
        fastnn.compile(careful)(fastnn.ones(2))


def test_buffer_read_then_overwritten() -> None:
    before = fastnn.ones(2)

    def times_the_last(t: Tensor) -> Tensor:
        y = before * t
        before.copy_(t)
        return y

    step = fastnn.compile(times_the_last)
    assert [step(fastnn.ones(2) * k).tolist()[0] for k in (2.0, 3.0, 5.0)] == [2.0, 6.0, 15.0]


@pytest.mark.parametrize("real", ["float32", "float64"])
def test_arguments_that_require_grad(real: str) -> None:
    """Points at which a net is differentiated, as an argument; they get gradients as eagerly."""

    def train(compiled: bool) -> Any:
        fastnn.manual_seed(0)
        model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)).to(real)
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        t = fastnn.linspace(0, 1, 6, dtype=real).view(-1, 1).requires_grad_()

        def step(t: Tensor, scale: Tensor) -> Tensor:
            optimizer.zero_grad()
            u = model(t)
            (du,) = fastnn.autograd.grad(u.sum(), t, create_graph=True)
            loss = ((du + scale * u) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        run = fastnn.compile(step) if compiled else step
        losses = [run(t, fastnn.tensor(k, dtype=real)).item() for k in (1.0, 1.0, 2.0)]
        assert t.grad is not None
        return losses, [p.tolist() for p in model.parameters()], t.grad.tolist()

    assert train(True) == train(False)


def test_no_gradient_is_lost_at_an_argument() -> None:
    x = fastnn.ones(2, requires_grad=True)
    slope = fastnn.compile(lambda x: fastnn.autograd.grad((x**3).sum(), x)[0])
    assert [slope(x).tolist() for _ in range(2)] == [[3, 3]] * 2 and x.grad is None
    assert fastnn.compile(lambda x: (x * 2).detach())(x).tolist() == [2, 2]
    with pytest.raises(
        fastnn.RecordingError, match=r"recording\.py:\d+: .* do not pass through a comp"
    ):
        fastnn.compile(lambda x: x * 2)(x)
    assert fastnn.compile(lambda x: x * 2)(x.detach()).tolist() == [2, 2]


def test_numbers_as_arguments_keep_their_shape() -> None:
    same(lambda t: t * 2, fastnn.tensor(1.0), fastnn.tensor(2.0))


def test_gradients_do_not_share_memory() -> None:
    da, db = fastnn.grad(lambda a, b: a + b, (0, 1))(fastnn.ones(2), fastnn.ones(2))
    da.zero_()
    assert db.tolist() == [1.0, 1.0]


def test_an_argument_changed_in_place_is_refused() -> None:
    step = fastnn.compile(lambda t: t.add_(1.0) * 1)
    x = fastnn.zeros(2)
    with pytest.raises(fastnn.RecordingError, match="argument is changed in place"):
        step(x)
    assert x.tolist() == [0.0, 0.0]


def test_a_leaf_made_inside_is_recorded_once() -> None:
    w = nn.Parameter(np.ones(3, np.float32))

    def penalty(x: Tensor) -> Tensor:
        fastnn.autograd.zero_grad(w)
        probe = of_array(x._array, requires_grad=True)
        slope = fastnn.grad(lambda p: (p * p * w).sum())(probe)
        loss = (slope * slope).sum()
        loss.backward()
        return loss

    step = fastnn.compile(penalty)
    for _ in range(4):
        step(fastnn.ones(3))
    assert step.recordings == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_computed_indices_are_checked_before_anything_is_written(
    threads: int, request: pytest.FixtureRequest
) -> None:
    """By the program itself, since nobody sees them before a run; eager code raises too."""
    limit = fastnn.num_threads()
    request.addfinalizer(lambda: fastnn.set_num_threads(limit))
    fastnn.set_num_threads(threads)
    pick = fastnn.compile(lambda a, i: a[i * 2])
    a = fastnn.arange(5, dtype=fastnn.float32)
    assert pick(a, fastnn.tensor([0, 1])).tolist() == [0.0, 2.0]
    for _ in range(2):
        with pytest.raises(IndexError, match=r"^test_recording.py:\d+: .* out of range"):
            pick(a, fastnn.tensor([2, 10**9]))
        assert pick(a, fastnn.tensor([2, 1])).tolist() == [4.0, 2.0]
    model = nn.Linear(4, 3)
    optimizer = optim.Adam(model.parameters(), lr=0.1)

    def train(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y - 1)
        loss.backward()
        optimizer.step()
        return loss

    step, x = fastnn.compile(train), fastnn.ones(2, 4)
    first = step(x, fastnn.tensor([1, 3])).item()
    assert step(x, fastnn.tensor([1, 3])).item() < first
    before = model.weight.tolist()
    with pytest.raises(IndexError, match="out of range"):
        step(x, fastnn.tensor([0, 3]))
    assert model.weight.tolist() == before

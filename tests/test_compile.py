"""Compiled functions: bitwise equal to eager runs, re-recording, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

import fastnn
import fastnn.nn.functional as F
from fastnn import nn, ops, optim, random
from fastnn.tensor import Tensor, of_array

Array = NDArray[Any]
Step = Callable[..., Any]

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.05),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-3),
    "nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
}
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "identity": nn.Identity}
LOSSES = {"classes": nn.CrossEntropyLoss, "binary": nn.BCEWithLogitsLoss, "squares": nn.MSELoss}


def bits(value: Any) -> Any:
    """The bits of all tensors in a structure, and the structure."""
    if isinstance(value, Tensor):
        return value.shape, str(value.dtype), value.detach().numpy().tobytes()
    if isinstance(value, tuple | list):
        return [type(value).__name__, *map(bits, value)]
    if isinstance(value, dict):
        return {key: bits(v) for key, v in value.items()}
    return value


def data(
    real: str, count: int, rows: int, n: int, c: int, loss: str
) -> list[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng([count, rows, n, c])
    pairs = []
    for _ in range(count):
        x, z = rng.standard_normal((rows, n)), rng.uniform(0, 1, (rows, c))
        y = rng.integers(0, c, rows) if loss == "classes" else z.astype(real)
        pairs.append((of_array(x.astype(real)), of_array(y)))
    return pairs


def mlp(real: str, widths: list[int], activation: str = "tanh") -> nn.Module:
    random.manual_seed(7)
    layers: list[nn.Module] = []
    for i in range(len(widths) - 1):
        layers += [nn.Linear(widths[i], widths[i + 1], dtype=real), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def same(make: Callable[[], tuple[Step, list[Any]]], inputs: list[Any], recorded: int = 1) -> None:
    """Eager and compiled give the same bits: results of every call, watched tensors, gradients."""
    seen = []
    for compiled in (False, True):
        step, watched = make()
        run = fastnn.compile(step) if compiled else step
        results = [bits(run(*x)) for x in inputs]
        grads = [bits(p.grad) for p in watched]
        seen.append((results, bits(watched), grads))
        assert not compiled or run.recordings == recorded
    assert seen[0] == seen[1]


@given(
    real=st.sampled_from(["float32", "float64"]),
    widths=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    loss=st.sampled_from(sorted(LOSSES)),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    reduction=st.sampled_from(["mean", "sum"]),
    rows=st.integers(1, 40),
)
@settings(max_examples=2 * settings.default.max_examples)  # type: ignore[union-attr]
def test_random_training_steps(
    real: str, widths: list[int], activation: str, loss: str, optimizer: str, reduction: str,
    rows: int,
) -> None:  # fmt: skip
    def make() -> tuple[Step, list[Any]]:
        model = mlp(real, widths, activation)
        opt = OPTIMIZERS[optimizer](model.parameters())
        function = LOSSES[loss](reduction=reduction)

        def step(x: Tensor, y: Tensor) -> list[Tensor]:
            opt.zero_grad()
            z = model(x)
            value = function(z, y)
            value.backward()
            opt.step()
            return [value, z]

        return step, list(model.parameters())

    same(make, data(real, 4, rows, widths[0], widths[-1], loss))


# Steps of other forms


class Form:
    """What a form's `step(x, y)` uses: a few layers and an optimizer."""

    def __init__(self, real: str) -> None:
        random.manual_seed(3)
        self.a, self.b, self.c = (nn.Linear(6, 6, dtype=real) for _ in range(3))
        self.model = nn.Sequential(self.a, self.b, self.c)
        self.opt = optim.Adam(self.model.parameters(), lr=0.01)
        self.other = optim.SGD([nn.Parameter(np.ones(6, real))], lr=0.1, momentum=0.5)
        self.extra = self.other.param_groups[0]["params"][0]

    def descend(self, loss: Tensor) -> Tensor:
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss

    def skip_connection(self, x: Tensor, y: Tensor) -> Any:
        h = self.a(x).relu()
        return self.descend(ops.mse(self.c(h + self.b(h).relu() + x), y))

    def shared_layer(self, x: Tensor, y: Tensor) -> Any:
        return self.descend(ops.mse(self.a(self.a(self.a(x).tanh()).tanh()) + self.b(self.c(x)), y))

    def two_heads(self, x: Tensor, y: Tensor) -> Any:
        h = self.a(x).tanh()
        first, second = self.b(h), self.c(h)
        loss = ops.mse(first, y) + 0.3 * ops.bce_with_logits(second, y)
        return self.descend(loss), first, {"second": second.sigmoid()}

    def several_terms(self, x: Tensor, y: Tensor) -> Any:
        z = self.c(self.b(self.a(x).sigmoid()).tanh())
        decay = sum((p.square().sum() for p in self.model.parameters()), start=z.sum() * 0)
        loss = (z - y).abs().mean() + 1e-3 * decay - z.softmax(0).amax() + z.log_softmax(1).mean()
        return self.descend(loss), decay

    def gradient_penalty(self, x: Tensor, y: Tensor) -> Any:
        def critic(x: Tensor) -> Tensor:
            return self.c(self.b(self.a(x).tanh()).tanh()).sum()

        probe = of_array(x._array, requires_grad=True)
        slope = fastnn.grad(critic)(probe)
        loss = critic(x) * 0.01 + (slope.square().sum(1).sqrt() - 1.0).square().mean()
        self.descend(loss)
        probe.grad = None
        return loss, slope

    def two_optimizers(self, x: Tensor, y: Tensor) -> Any:
        loss = ops.mse(self.c(self.a(x).relu()) * self.extra, y) + self.b(x).mean()
        self.other.zero_grad()
        self.descend(loss)
        self.other.step()
        return loss

    def steps_twice(self, x: Tensor, y: Tensor) -> Any:
        losses = [self.descend(ops.mse(self.model(x), t)) for t in (y, 1.0 - y)]
        return losses[0], losses[1], self.a.weight.detach() * 1

    def part_of_the_net(self, x: Tensor, y: Tensor) -> Any:
        return self.descend(ops.mse(self.c(self.b(x).detach().relu()), y))

    def clipped(self, x: Tensor, y: Tensor) -> Any:
        self.opt.zero_grad()
        ops.mse(self.model(x), y).backward()
        norm = sum(p.grad.square().sum() for p in self.model.parameters()).sqrt()
        for p in self.model.parameters():
            p.grad.mul_(fastnn.clamp(0.1 / norm, max=1.0))
        self.opt.step()
        return norm


FORMS = [name for name in vars(Form) if not name.startswith("_") and name != "descend"]


@pytest.mark.every(5)
@pytest.mark.parametrize("form", FORMS)
def test_form(form: str, real: str) -> None:
    def make() -> tuple[Step, list[Any]]:
        it = Form(real)
        return getattr(it, form), [*it.model.parameters(), it.extra]

    same(make, data(real, 4, 5, 6, 6, "squares"))


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_outside(real: str, set_to_none: bool) -> None:
    seen = []
    for compiled in (False, True):
        it = Form(real)

        def eager(x: Tensor, y: Tensor, it: Form = it) -> Tensor:
            loss = ops.mse(it.model(x), y)
            loss.backward()
            it.opt.step()
            return loss

        step = fastnn.compile(eager) if compiled else eager
        losses = []
        for i, (x, y) in enumerate(data(real, 7, 5, 6, 6, "squares")):
            if i % 3:  # and sometimes it is forgotten
                it.opt.zero_grad(set_to_none)
            losses.append(bits(step(x, y)))
        seen.append((losses, bits(list(it.model.parameters()))))
    assert seen[0] == seen[1]


# What is returned


def test_returned_structures(real: str) -> None:
    w = nn.Parameter(np.arange(6.0).reshape(2, 3).astype(real))
    constant = fastnn.ones(2, dtype=real)

    def fn(x: Tensor) -> Any:
        y = x @ w
        return {"y": y, "view": y.T[1:], "row": y[0], "all": (y.sum(), [w, w.T]), "input": x,
                "part": x[:, :1], "constant": constant, "number": 3, "none": None}  # fmt: skip

    compiled = fastnn.compile(fn)
    for i in range(3):
        x = fastnn.tensor(np.full((4, 2), i + 0.5), dtype=real)
        got = compiled(x)
        assert bits(got) == bits(fn(x)) and not got["y"].requires_grad
        assert np.shares_memory(got["view"].numpy(), got["y"].numpy())
        assert np.shares_memory(got["all"][1][0].numpy(), w._array)
        with fastnn.no_grad():
            w.add_(1.0)  # read by address: no new recording
    kept = compiled(fastnn.ones(4, 2, dtype=real))
    before = bits(kept["y"])
    other = compiled(fastnn.zeros(4, 2, dtype=real))
    assert bits(kept["y"]) == before != bits(other["y"])  # each call has memory of its own


def test_nothing_to_run_and_arrays_as_arguments() -> None:
    assert fastnn.compile(lambda: None)() is None
    same_thing = fastnn.compile(lambda x: x)
    for value in (1.0, 2.0):
        assert same_thing(np.full(3, value)).tolist() == [value] * 3
        assert same_thing(fastnn.tensor([value] * 3)).tolist() == [value] * 3
    double = fastnn.compile(lambda x: x * 2)
    for value in (1.0, 2.0):  # strided arguments
        assert double(np.full((3, 4), value)[::2, ::3]).tolist() == [[2 * value] * 2] * 2
    assert double.__wrapped__(fastnn.ones(1)).item() == 2.0


def test_targets_of_more_axes_are_checked_as_the_loss_saw_them() -> None:
    """At every replay, in the shape of the view and not of the argument."""
    draw = np.random.RandomState(0)
    table = nn.Embedding(5, 8)

    def loss(rows: Any, labels: Any, shares: Any) -> Any:
        z = table(rows).reshape(3, 4, 4)
        by_class = F.cross_entropy(z, labels) + F.cross_entropy(z.reshape(-1, 4), labels.view(-1))
        return by_class + F.cross_entropy(z.reshape(12, 4), shares.reshape(12, 4))

    rows, labels = (
        fastnn.tensor(draw.randint(0, 5, (3, 2))),
        fastnn.tensor(draw.randint(0, 4, (3, 4))),
    )
    shares = fastnn.tensor(draw.dirichlet(np.ones(4), 12).ravel(), dtype=fastnn.float32)
    compiled = fastnn.compile(loss)
    values = {compiled(rows, labels, shares).item() for _ in range(3)}
    assert values == {loss(rows, labels, shares).item()}
    assert compiled(rows, labels, shares * 2).item() == loss(rows, labels, shares * 2).item()
    for wrong, match in (
        ((rows + 5, labels, shares), "rows in 0..4"),
        ((rows, labels + 3, shares), "classes in 0..3"),
    ):
        with pytest.raises((ValueError, IndexError), match=match):
            compiled(*wrong)

"""Gradients against finite differences (R4): every op with a gradient, views, losses, whole nets.

A function is projected to one number by fixed random weights. Its gradient by each input is held
against a four-point difference, and so is the gradient of a random projection of that gradient.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from families import OPS
from families.base import Fixed, Sample as Drawn, spread as draw
from families.loss import REDUCTIONS, SOFT
from hypothesis import assume, example, given, settings, strategies as st
from numpy.typing import NDArray

import fastnn
from fastnn import nn, ops
from fastnn.ops.axes import place, unbroadcast
from fastnn.ops.table import apply
from fastnn.tensor import Tensor, of_array

Array = NDArray[Any]
Function = Callable[..., Tensor]
Sample = tuple[Function, list[Array]]

TOLERANCE = 1e-6  # R4
STEP = 3e-5
ROUNDINGS = 8  # of a whole net's value, in its last place


def leaves(arrays: Iterable[Array]) -> list[Tensor]:
    return [of_array(a.copy(), requires_grad=True) for a in arrays]


def projected(y: Tensor, seed: int) -> Tensor:
    weights = np.random.default_rng(seed).uniform(0.5, 1.5, y.shape)
    return (y * fastnn.tensor(weights, dtype=np.float64)).sum()


def difference(
    fn: Callable[[list[Array]], float], arrays: list[Array], along: list[Array]
) -> float:
    """The derivative of fn along a direction, by four points: the error is of order STEP**4."""
    at = [fn([a + k * STEP * d for a, d in zip(arrays, along)]) for k in (-2, -1, 1, 2)]
    return (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * STEP)


def by_differences(fn: Callable[[list[Array]], float], arrays: list[Array]) -> list[Array]:
    """The gradient of fn, element by element."""
    found = []
    for i, array in enumerate(arrays):
        grad = np.empty(array.shape)
        for at in np.ndindex(array.shape):
            along = [np.zeros(a.shape) for a in arrays]
            along[i][at] = 1.0
            grad[at] = difference(fn, arrays, along)
        found.append(grad)
    return found


def assert_close(got: Array, want: Array, what: str) -> None:
    scale = max(np.abs(want).max(initial=0.0), 1e-2)
    error = np.abs(got - want).max(initial=0.0) / scale
    assert got.shape == want.shape and error <= TOLERANCE, (what, error, got, want)


def gradients(fn: Function, arrays: list[Array]) -> list[Tensor]:
    """The gradient of the projection of fn, by backward, on the tape."""
    x = leaves(arrays)
    projected(fn(*x), 1).backward(create_graph=True)
    return [t.grad if t.grad is not None else fastnn.zeros_like(t) for t in x]


def check(fn: Function, arrays: list[Array], second: bool = True) -> None:
    """First and second order."""

    def value(at: list[Array]) -> float:
        return projected(fn(*map(of_array, at)), 1).item()

    def slope(at: list[Array]) -> float:
        found = [projected(g.detach(), 2) for g in gradients(fn, at)]
        return float(sum(g.item() for g in found))

    x = leaves(arrays)
    projected(fn(*x), 1).backward()  # the plain pass, which may use fused kernels
    wants = by_differences(value, arrays)
    for t, want in zip(x, wants):
        got = np.zeros(t.shape) if t.grad is None else t.grad.numpy()
        assert_close(got, want, "first order")
    x = leaves(arrays)
    projected(fn(*x), 1).backward(create_graph=True)
    first = [t.grad for t in x]
    for t, grad, want in zip(x, first, wants):
        got = np.zeros(t.shape) if grad is None else grad.detach().numpy()
        assert_close(got, want, "first order, on the tape")
        t.grad = None
    if not second:
        return
    found = [projected(g, 2) for g in first if g is not None]
    total = sum(found, fastnn.tensor(0.0, dtype=np.float64))
    if total.requires_grad:
        total.backward()
    for t, want in zip(x, by_differences(slope, arrays)):
        got = np.zeros(t.shape) if t.grad is None else t.grad.numpy()
        assert_close(got, want, "second order")


# Every op of the table


def sample(name: str, drawn: Drawn) -> Sample:
    """The function of what is differentiated, and the arrays for it."""

    def call(*given: Tensor) -> Tensor:
        left = iter(given)
        filled = tuple(next(left) if isinstance(x, np.ndarray) else fixed(x) for x in drawn.inputs)
        if drawn.attrs is None:
            return getattr(ops, name)(*filled, **drawn.keywords)  # type: ignore[no-any-return]
        return apply(ops.TABLE[name], filled, drawn.attrs)

    def fixed(x: Fixed | None) -> Any:
        return of_array(x.value) if x and isinstance(x.value, np.ndarray) else x and x.value

    return call, [x for x in drawn.inputs if isinstance(x, np.ndarray)]


DIFFERENTIABLE = [name for name, op in ops.TABLE.items() if op.gradient is not None]
SAMPLES = {
    name: [sample(name, drawn) for drawn in op.gradient] for name, op in OPS.items() if op.gradient
}


def test_every_op_with_a_gradient_has_samples() -> None:
    assert sorted(SAMPLES) == sorted(DIFFERENTIABLE)


@pytest.mark.every(5)
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_op(name: str) -> None:
    for fn, arrays in SAMPLES[name]:
        node = fn(*leaves(arrays))._node
        assert node is not None and node.rule is ops.TABLE[name].gradient
        check(fn, arrays)


# At ties and kinks the rule says what the gradient is


def test_gradients_at_kinks() -> None:
    def by(fn: Function, *arrays: list[float]) -> list[Any]:
        x = leaves(np.array(a) for a in arrays)
        fn(*x).sum().backward()
        return [t.grad.tolist() for t in x]  # type: ignore[union-attr]

    assert by(ops.relu, [0.0, -0.0, 1.0]) == [[0.0, 0.0, 1.0]]
    assert by(ops.abs, [0.0, -2.0]) == [[0.0, -1.0]]
    assert by(ops.maximum, [1.0, 2.0], [1.0, 1.0]) == [[0.5, 1.0], [0.5, 0.0]]
    assert by(ops.minimum, [1.0, 2.0], [1.0, 1.0]) == [[0.5, 0.0], [0.5, 1.0]]
    assert by(ops.max, [3.0, 1.0, 3.0]) == [[0.5, 0.0, 0.5]]
    assert by(ops.min, [3.0, 1.0, 1.0]) == [[0.0, 0.5, 0.5]]
    assert by(lambda x: ops.pow(x, 2.5), [0.0, 4.0]) == [[0.0, 20.0]]
    assert by(lambda x: x**0, [0.0, 4.0]) == [[0.0, 0.0]]


# Views, shape functions, reductions, products, losses of layers

INDEX = of_array(np.array([2, 0, 2, 1]))
EYE = of_array(np.array([1, 0]))
FUNCTIONS: dict[str, Sample] = {
    "reshape": (lambda x: x.reshape(3, -1) * 2, [draw(2, 3)]),
    "reshape of a transpose": (lambda x: x.T.reshape(6) ** 2, [draw(2, 3)]),
    "permute": (lambda x: x.permute(2, 0, 1) ** 2, [draw(2, 3, 2)]),
    "permute negative": (lambda x: x.permute(-1, 0, -2) ** 2, [draw(2, 3, 2)]),
    "transpose": (lambda x: x.transpose(0, -1).square(), [draw(2, 3, 2)]),
    "squeeze": (lambda x: x.squeeze() * x.unsqueeze(0).squeeze(0).squeeze(), [draw(1, 3, 1)]),
    "flatten": (lambda x: x.flatten(1).exp(), [draw(2, 3, 2)]),
    "expand": (lambda x: x.expand(4, 2, 3) ** 2, [draw(2, 1)]),
    "expand of a number": (lambda x: x.expand(2, 2) ** 3, [draw()]),
    "contiguous": (lambda x: x.T.contiguous() ** 2, [draw(2, 3)]),
    "getitem": (lambda x: x[1:, ::2] * x[0, :1], [draw(3, 4)]),
    "getitem backwards": (lambda x: x[::-1, None, ..., -1] ** 2, [draw(3, 4)]),
    "getitem twice": (lambda x: x[1][2:3] * x[1], [draw(3, 4)]),
    "getitem by index": (lambda x: x[INDEX] ** 2, [draw(3, 2, 2)]),
    "iteration": (lambda x: sum((row**2 for row in x), x[0] * 0), [draw(3, 2)]),
    "place": (lambda x: place(fastnn.zeros(3, 4, dtype=np.float64), x, (slice(1, 3), 2)) ** 2,
              [draw(2)]),
    "unbroadcast": (lambda x: unbroadcast(x**2, (1, 3)), [draw(4, 2, 3)]),
    "unbroadcast to a number": (lambda x: unbroadcast(x**3, ()), [draw(2, 3)]),
    "clamp": (lambda x: ops.clamp(x, -1.2, 1.1) * x, [draw(3, 3)]),
    "powers": (lambda x: x**1 + x**2 + x**3 + x**0.5 + x**-1 + x**2.5 + 2**x,
               [draw(2, 3, low=0.5)]),
    "softmax of an inner axis": (lambda x: x.softmax(0) * x.log_softmax(1), [draw(2, 3, 2)]),
    "sum of apart axes": (lambda x: x.sum((0, 2)) ** 2 * x.mean((2, 0), keepdim=True).flatten(),
                          [draw(2, 3, 2)]),
    "extremes": (lambda x: x.amax((0, -1)) * x.amin(1, keepdim=True).sum(), [draw(2, 3, 2)]),
    "accumulated uses": (lambda x: x * x.exp() + x.tanh() * x.sum() - x.mean(0), [draw(2, 3)]),
    **{f"matmul {len(a)}-D {len(b)}-D": (lambda x, y: (x @ y) ** 2, [draw(*a), draw(*b, seed=3)])
       for a in ((3,), (2, 3), (2, 2, 3)) for b in ((3,), (3, 2))},
    "matmul of views": (lambda x, y: x.T @ y.T[1:], [draw(3, 2), draw(2, 4)]),
    "matmul with itself": (lambda x: x @ x.T @ x, [draw(2, 3)]),
    **{f"linear {len(shape)}-D": (ops.linear, [draw(*shape), draw(2, 3), draw(2)])
       for shape in ((3,), (4, 3), (2, 2, 3))},
    "linear without bias": (ops.linear, [draw(4, 3), draw(2, 3)]),
    "soft targets by grad": (lambda z, p: ops.soft_cross_entropy(z, p, "sum"),
                             [draw(2, 3), SOFT + 0.1]),
    "bce targets by grad": (ops.bce_with_logits, [draw(2, 3), draw(2, 3, low=0.1, high=0.9)]),
    "mse targets by grad": (lambda z, y: ops.mse(z, y, "none"), [draw(4), draw(4, seed=9)]),
    "cross-entropy of one row": (
        lambda z: nn.functional.cross_entropy(z, fastnn.tensor(1), reduction="none") ** 2,
        [draw(3)]),
    "functions of losses": (
        lambda z: ops.softmax_cross_entropy(z, EYE).exp() + ops.mse(z, of_array(SOFT)) ** 2,
        [draw(2, 3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name: str) -> None:
    check(*FUNCTIONS[name])


LOSSES: dict[str, tuple[Function, Array]] = {
    "classes": (nn.functional.cross_entropy, np.array([2, 0, 1, 1])),
    "probabilities": (nn.functional.cross_entropy, np.vstack([SOFT, SOFT])),
    "binary": (nn.functional.binary_cross_entropy_with_logits, draw(4, 3, low=0.1, high=0.9)),
    "squares": (nn.functional.mse_loss, draw(4, 3, seed=7)),
}
ACTIVATIONS: dict[str, Function] = {"none": lambda x: x, "relu": ops.relu, "sigmoid": ops.sigmoid,
                                    "tanh": ops.tanh, "log_softmax": ops.log_softmax}  # fmt: skip


@pytest.mark.every(5)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_losses_of_layers(loss: str, activation: str) -> None:
    function, y = LOSSES[loss]
    for reduction in REDUCTIONS:
        check(
            lambda x, w, b, r=reduction: function(
                ACTIVATIONS[activation](ops.linear(x, w, b)), of_array(y), reduction=r
            ),
            [draw(4, 2), draw(3, 2, seed=1), draw(3, seed=4)],
            second=reduction == "mean",
        )


# Whole nets


@st.composite
def nets(draw_: st.DrawFn) -> dict[str, Any]:
    depth = draw_(st.integers(1, 4))

    def of_layers(values: st.SearchStrategy[Any], n: int = depth) -> Any:
        return draw_(st.lists(values, min_size=n, max_size=n))

    return {
        "widths": of_layers(st.integers(1, 9), depth + 1),
        "acts": of_layers(st.sampled_from(sorted(ACTIVATIONS))),
        "skips": of_layers(st.none() | st.integers(0, depth - 1)),
        "bias": draw_(st.booleans()),
        "loss": draw_(st.sampled_from(sorted(LOSSES))),
        "reduction": draw_(st.sampled_from(REDUCTIONS)),
        "rows": draw_(st.integers(1, 5)),
        "seed": draw_(st.integers(0, 10**6)),
    }  # fmt: skip


@pytest.mark.long
@given(nets())
@example({  # log-probabilities of log-probabilities: a sum so large that its differences are rough
    "widths": [1, 7, 3, 6, 9], "acts": ["log_softmax"] * 4, "skips": [None, None, None, 0],
    "bias": False, "loss": "squares", "reduction": "none", "rows": 5, "seed": 0,
})  # fmt: skip
@settings(max_examples=max(200, 3 * settings.default.max_examples))  # type: ignore[union-attr]
def test_random_nets(net: dict[str, Any]) -> None:
    """Each layer may add what an earlier one gave, as much of it as there is."""
    rng = np.random.default_rng(net["seed"])
    widths, rows = net["widths"], net["rows"]
    arrays = [rng.standard_normal((rows, widths[0]))]
    for n, m in itertools.pairwise(widths):
        arrays += [rng.standard_normal((m, n)) / np.sqrt(n), 0.3 * rng.standard_normal(m)]
    function = LOSSES[net["loss"]][0]
    target: Array = rng.uniform(0, 1, (rows, widths[-1]))
    if net["loss"] == "classes":
        target = rng.integers(0, widths[-1], rows)
    if net["loss"] == "probabilities":
        target /= target.sum(1, keepdims=True)
    nearest = [np.inf]

    def run(x: Tensor, *weights: Tensor) -> Tensor:
        given = [x]
        for i, name in enumerate(net["acts"]):
            z = ops.linear(x, weights[2 * i], weights[2 * i + 1] if net["bias"] else None)
            if name == "relu":
                nearest[0] = min(nearest[0], float(np.abs(z._array).min()))
            y = ACTIVATIONS[name](z)
            if net["skips"][i] is not None:
                earlier = given[min(net["skips"][i], i)][:, : y.shape[1]]
                y = y + (earlier if earlier.shape == y.shape else earlier[:, :1])
            given.append(x := y)
        return projected(function(x, of_array(target), reduction=net["reduction"]), 3)

    size = abs(run(*map(of_array, arrays)).item())
    assume(nearest[0] > 2e-3)  # the differences stay on one side of each kink
    x = leaves(arrays)
    run(*x).backward()
    for i, leaf in enumerate(x):
        along = [np.zeros(a.shape) for a in arrays]
        along[i] = rng.uniform(0.5, 1.5, arrays[i].shape) * rng.choice([-1, 1], arrays[i].shape)
        want = difference(lambda at: run(*map(of_array, at)).item(), arrays, along)
        grad = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
        scale = max(float(np.abs(grad * along[i]).sum()), 1e-2)
        rounding = ROUNDINGS * np.finfo(np.float64).eps * size / STEP  # of the difference itself
        miss = abs(float((grad * along[i]).sum()) - want)
        assert miss <= TOLERANCE * scale + rounding, (i, net)

"""Gradients of the functions that are composed of ops, first and second order, by differences; and
each compiled: a replay on other inputs gives the bits of the eager run, gradients included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_gradients import check, draw

import fastnn
from fastnn import ops
from fastnn.ops import creation
from fastnn.tensor import Tensor, of_array

I2 = fastnn.tensor([[0, 2], [2, -1]])
PICK, COLUMN = fastnn.tensor([2, 0, 2]), fastnn.tensor([[1], [0], [3]])
MASK = fastnn.tensor([[True, False, True, True], [False] * 4, [True, True, False, False]])

Function = Callable[..., Tensor]
# name -> (function, shapes of its inputs, least value); all are smooth where they are drawn.
FUNCTIONS: dict[str, tuple[Function, list[tuple[int, ...]], float]] = {
    "ceil": (lambda x: ops.ceil(x * 0.9) * x, [(3,)], -2.0),
    "trunc": (lambda x: ops.trunc(x * 0.9) * x, [(3,)], -2.0),
    "rsqrt reciprocal": (lambda x: x.rsqrt() + x.reciprocal(), [(2, 3)], 0.4),
    "logs": (lambda x: x.log2() * x.log10() + ops.exp2(x), [(2, 3)], 0.4),
    "tan sinh cosh": (lambda x: ops.tan(x * 0.5) + x.sinh() * x.cosh(), [(2, 3)], -1.0),
    "softplus": (lambda x: ops.softplus(x) + ops.softplus(x, 2.0, 1.0), [(2, 3)], -2.0),
    "clamp": (lambda x: x.clamp(-1.1, 1.3) * x + x.clamp(min=0.3), [(2, 3)], -2.0),
    "clamp by tensors": (lambda x, y: x.clamp(y, y + 0.7), [(2, 3), (3,)], -2.0),
    "masked_fill": (lambda x: x.masked_fill(MASK, 2.0) ** 2, [(3, 4)], -2.0),
    "lerp addcmul": (lambda x, y: ops.lerp(x, y, 0.3) * ops.addcmul(x, y, x, 0.5),
                     [(2, 3), (3,)], -2.0),
    "remainder": (lambda x: (x % 0.7) * x, [(2, 3)], -2.0),
    "cat": (lambda x, y: ops.cat([x, y, x], 1) ** 2, [(2, 3), (2, 1)], -2.0),
    "cat of mixed": (lambda x: ops.cat([x, creation.arange(3)]) ** 3, [(3,)], -2.0),
    "stack": (lambda x, y: ops.stack([x, y], -1).exp(), [(2, 3), (2, 3)], -2.0),
    "split chunk": (lambda x: x.split([1, 3], 1)[1] * x.chunk(2, 1)[0][:, :1], [(2, 4)], -2.0),
    "unbind": (lambda x: x.unbind(1)[1] * x.unbind()[0].sum(), [(2, 3)], -2.0),
    "flip roll": (lambda x: x.flip(0, 1) * x.roll(1, 1) * x.roll(2), [(2, 3)], -2.0),
    "repeat": (lambda x: x.repeat(2, 1, 2) ** 2, [(2, 3)], -2.0),
    "tril triu": (lambda x: x.tril() @ x.triu(1), [(3, 3)], -2.0),
    "views": (lambda x: x.mT.unsqueeze(0).squeeze(0).flatten(1) * x.t().view_as(x.mT),
              [(2, 3)], -2.0),
    "index": (lambda x: x[PICK, fastnn.tensor([1, 0, 3])] * x[0, PICK], [(3, 4)], -2.0),
    "index a square": (lambda x: x[I2] ** 2, [(3, 4)], -2.0),
    "index of columns": (lambda x: x[:, I2] ** 2, [(2, 3)], -2.0),
    "index apart": (lambda x: x[PICK, None, 1:, PICK] ** 2, [(3, 2, 3)], -2.0),
    "index by list": (lambda x: x[[0, -1], 1:] ** 2, [(3, 3)], -2.0),
    "gather": (lambda x: x.gather(1, COLUMN) * x.gather(0, PICK[:2][None]).sum(), [(3, 4)], -2.0),
    "index_select": (lambda x: x.index_select(1, PICK) ** 2, [(2, 3)], -2.0),
    "max along": (lambda x: x.max(1).values * x.min(0, keepdim=True)[0].sum(), [(2, 3)], -2.0),
    "prod": (lambda x: x.prod(1) + x.prod() + x.prod((0, 1), True), [(3, 3)], -2.0),
    "cumsum": (lambda x: x.cumsum(1) * x.cumsum(0), [(2, 3)], -2.0),
    "var std": (lambda x: x.var(1) + x.std(0, keepdim=True).sum() + x.var(correction=0),
                [(3, 3)], -2.0),
    "logsumexp": (lambda x: x.logsumexp(1) * x.logsumexp((0, 1)), [(2, 3)], -2.0),
    "norms": (lambda x: x.norm() + x.norm(1, 1) * x.norm(3, 0).sum(), [(2, 3)], -2.0),
    "infinite norms": (lambda x: x.norm(float("inf"), 0) + x.norm(-float("inf")), [(2, 3)], 0.4),
    "bmm": (lambda x, y: ops.bmm(x, y) ** 2, [(2, 2, 3), (2, 3, 2)], -2.0),
    "batched matmul": (lambda x, y: x @ y, [(2, 1, 2, 3), (3, 3, 2)], -2.0),
    "vector batch": (lambda x, y: x @ y, [(3,), (2, 3, 2)], -2.0),
    "dot outer mv": (lambda x, y: ops.dot(x, y) * ops.outer(x, y).mv(y), [(3,), (3,)], -2.0),
    "fmod frac": (lambda x, y: ops.fmod(x, y) * ops.frac(x * 0.9),
                  [(2, 3), (3,)], 0.4),
    "logaddexp hypot": (lambda x, y: fastnn.logaddexp(x, y) * fastnn.hypot(x, y),
                        [(2, 3), (3,)], -2.0),
    "nan_to_num": (lambda x: fastnn.nan_to_num(fastnn.where(x > 0, x, np.inf), 0.5, 2.0)
                   * x, [(2, 3)], -2.0),
    "addcdiv": (lambda x, y: fastnn.addcdiv(x, y, x, value=0.5), [(2, 3), (3,)], 0.4),
    "addmm baddbmm": (lambda x, y: fastnn.addmm(y, x, x.T, beta=2, alpha=0.5).sum()
                      * y.baddbmm(x[None], x.T[None]), [(2, 3), (2, 2)], -2.0),
    "inner tensordot": (lambda x, y: fastnn.inner(x, y) * fastnn.tensordot(x, y, 2),
                        [(2, 3), (2, 3)], -2.0),
    "dist cdist": (lambda x, y: fastnn.dist(x, y[:1]) * fastnn.cdist(x, y)
                   + fastnn.cdist(x, 0.9 * y, 1),
                   [(2, 3), (3, 3)], -2.0),
    "var_mean std_mean": (lambda x: sum(fastnn.var_mean(x, 1)) * sum(fastnn.std_mean(x, 0))[:2],
                          [(2, 3)], -2.0),
    "nansum nanmean": (lambda x: fastnn.nansum(fastnn.where(x > 0, x, np.nan) ** 2, 1)
                       * fastnn.where(x < 0, x, np.nan).nanmean(), [(2, 3)], -2.0),
    "broadcast": (lambda x, y: fastnn.broadcast_tensors(x, y)[0] * x.broadcast_to((2, 2, 3)).sum(0),
                  [(2, 3), (3,)], -2.0),
    "movedim swapaxes": (lambda x: x.movedim((0, 1), (2, 0)).swapaxes(0, 1) ** 2,
                         [(2, 3, 2)], -2.0),
    "tensor_split select": (lambda x: x.tensor_split(3, 1)[0] * x.select(1, -1)[:, None],
                            [(2, 4)], -2.0),
    "column_stack": (lambda x, y: fastnn.column_stack([x, y]) ** 2, [(3,), (3, 2)], -2.0),
    "diagonal": (lambda x: x.diagonal(1, 2, 0) ** 2 * x[0].diagonal().sum(), [(3, 2, 3)], -2.0),
    "repeat_interleave": (lambda x: x.repeat_interleave(2, 1) ** 2 * x.repeat_interleave(3)[:4],
                          [(2, 2)], -2.0),
    "diff": (lambda x: x.diff(2, 0) * x.diff(prepend=x[:, :1])[1:], [(3, 2)], -2.0),
    "take": (lambda x: x.take(I2) * fastnn.take_along_dim(x, COLUMN, 1)[:2],
             [(3, 4)], -2.0),
    "scatter": (lambda x, y: x.scatter(1, COLUMN, y) * x.scatter(0, PICK[None, :2], 3.0) ** 2,
                [(3, 4), (3, 2)], -2.0),
    "scatter of less": (lambda x, y: x.scatter(0, PICK[:2][None], y) ** 2, [(3, 4), (2, 2)], -2.0),
    "scatter_add index_add": (lambda x, y: x.scatter_add(1, COLUMN, y) ** 2
                              * x.index_add(1, PICK, y, alpha=2), [(3, 4), (3, 3)], -2.0),
    "index_fill": (lambda x: x.index_fill(1, PICK, 2.0) * x, [(3, 4)], -2.0),
    "written at positions": (lambda x: (x * 1).scatter_(1, COLUMN, x).index_fill_(0, PICK[:1], 1.0)
                             * (x * 1).addcdiv_(x, x + 9), [(3, 4)], -2.0),
    "in place": (lambda x: _added(x * 2, x), [(3,)], -2.0),
}  # fmt: skip


def _added(y: Tensor, x: Tensor) -> Tensor:
    y += x
    y *= x
    return y


@pytest.mark.every(5)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient(name: str) -> None:
    function, shapes, low = FUNCTIONS[name]
    arrays = [draw(*shape, seed=i, low=low) for i, shape in enumerate(shapes)]
    check(function, arrays)


def compiled_bits(function: Function, shapes: list[tuple[int, ...]], low: float) -> None:
    """Replays on other inputs give the bits of the eager run, gradients included."""

    shape = function(*(of_array(draw(*s, seed=i, low=low)) for i, s in enumerate(shapes))).shape
    weights = of_array(np.random.default_rng(1).uniform(0.5, 1.5, shape))

    def step(*inputs: Tensor) -> tuple[Tensor, ...]:
        x = [t.detach().clone().requires_grad_() for t in inputs]
        y = function(*x)
        (y * weights).sum().backward()
        return (y.detach() * 1.0, *(t.grad * 1.0 for t in x if t.grad is not None))

    compiled = fastnn.compile(step)
    kept = []
    for seed in (0, 7):
        inputs = [of_array(draw(*shape, seed=i + seed, low=low)) for i, shape in enumerate(shapes)]
        want, got = step(*inputs), compiled(*inputs)
        for a, b in zip(want, got, strict=True):
            assert a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()
        kept.append([(g, g.numpy().copy()) for g in got])
    for results in kept:  # a later replay leaves them alone
        assert all(np.array_equal(g.numpy(), values) for g, values in results)


@pytest.mark.every(5)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled(name: str) -> None:
    compiled_bits(*FUNCTIONS[name])


def test_gradients_at_edges() -> None:
    def by(fn: Any, values: list[float]) -> list[float]:
        x = fastnn.tensor(values, dtype="float64", requires_grad=True)
        fn(x).sum().backward()
        assert x.grad is not None
        found: list[float] = x.grad.tolist()
        return found

    assert by(lambda x: x.clamp(0.0, 1.0), [0.0, 1.0, -1.0, 2.0]) == [1.0, 1.0, 0.0, 0.0]
    assert by(lambda x: x.float() * x.long(), [1.0, 2.0]) == [1.0, 2.0]
    assert by(ops.softplus, [0.0]) == [0.5]
    assert by(lambda x: x.norm(), [0.0, 0.0]) == [0.0, 0.0]
    assert by(lambda x: x.std(), [1.0, 1.0]) == [0.0, 0.0]
    assert by(lambda x: x.prod(), [0.0, 2.0, 3.0]) == [6.0, 0.0, 0.0]
    assert by(lambda x: x.max(0).values, [1.0, 3.0, 3.0]) == [0.0, 1.0, 0.0]
    assert by(lambda x: x.logsumexp(0), [-np.inf, 0.0]) == [0.0, 1.0]
    assert by(lambda x: x[fastnn.tensor([0, 0, 1])], [1.0, 1.0]) == [2.0, 1.0]


def test_creation_names_exist() -> None:
    assert all(hasattr(creation, name) for name in creation.__all__)
    assert all(hasattr(ops, name) for name in ops.__all__)


def test_a_gradient_has_the_dtype_of_its_tensor() -> None:
    x = fastnn.tensor([1.0, 2.0], requires_grad=True)
    (x.double() * fastnn.tensor([0.1, 0.2], dtype="float64")).sum().backward()
    assert x.grad is not None and x.grad.dtype == fastnn.float32


def test_joined_results_of_a_program_stay() -> None:
    compiled = fastnn.compile(lambda a: ops.cat([a, a]))
    kept = [compiled(fastnn.tensor([value])) for value in (1.0, 2.0, 3.0)]
    assert [t.tolist() for t in kept] == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]


def test_quotients_below_one_are_plain_zeros() -> None:
    for b in np.linspace(1.1, 9.0, 50):
        assert not np.signbit((fastnn.tensor([-1.0]) // -float(b)).item())

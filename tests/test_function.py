"""autograd.Function and autograd.grad."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import ops
from fastnn.autograd import (
    Function,
    grad,
    gradcheck,
    gradgradcheck,
    once_differentiable,
)
from fastnn.tape import listener
from fastnn.tensor import Tensor, of_array


def leaf(*values: float) -> Tensor:
    return fastnn.tensor(list(values), dtype=np.float64, requires_grad=True)


def grad_of(x: Tensor) -> Any:
    assert x.grad is not None
    return x.grad.tolist()


# Function


class Scaled(Function):
    """x * y * k, with the output saved too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, k: float) -> Tensor:
        out = x * y * k
        ctx.save_for_backward(x, y, out)
        ctx.k = k
        return out

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        _x, y, out = ctx.saved_tensors
        assert ctx.needs_input_grad[2] is False
        return dy * y * ctx.k, dy * out / y, None


class Exp(Function):
    """Without ctx in forward, as newer torch has it."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.exp()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return dy * y


def test_function() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    Scaled.apply(x, y, 10.0).sum().backward()
    assert grad_of(x) == [30, 40] and grad_of(y) == [10, 20]
    assert gradcheck(lambda x, y: Scaled.apply(x, y, 2.0), (x, y))
    assert gradgradcheck(lambda x, y: Scaled.apply(x, y, 2.0), (x, y))  # the output is on the tape
    assert gradcheck(Exp.apply, (x,)) and gradgradcheck(Exp.apply, (x,))
    assert not Scaled.apply(x.detach(), y.detach(), 2.0).requires_grad
    with fastnn.no_grad():
        assert not Exp.apply(x).requires_grad


def test_functions_in_transforms_and_programs() -> None:
    x = fastnn.tensor(1.3, dtype=np.float64)
    third = fastnn.grad(fastnn.grad(fastnn.grad(Exp.apply)))
    np.testing.assert_allclose(third(x).item(), np.exp(1.3))
    np.testing.assert_allclose(fastnn.jvp(Exp.apply, x, x)[1].item(), 1.3 * np.exp(1.3))
    rows = of_array(np.random.default_rng(0).standard_normal((3, 2)))
    each = fastnn.vmap(fastnn.grad(lambda r: Exp.apply(r).sum() ** 2))(rows).numpy()
    want = np.exp(rows.numpy())
    np.testing.assert_allclose(each, 2 * want.sum(1, keepdims=True) * want)
    program = fastnn.compile(fastnn.value_and_grad(lambda r: Exp.apply(r)))
    for _ in range(2):
        value, gradient = program(rows)
        assert value.tolist() == gradient.tolist() == Exp.apply(rows).tolist()


def test_outputs_and_arguments_of_functions() -> None:
    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            index = ops.argmax(x, 0)
            same = x * 1
            ctx.mark_non_differentiable(same)
            return x * 2, index, same

        @staticmethod
        def backward(ctx: Any, a: Tensor, index: Any, same: Any) -> Tensor:
            assert a.shape == (2,) and same.tolist() == [0, 0]  # zeros where nothing came from
            return a * 2

    x = leaf(1.0, 2.0)
    double, index, same = Two.apply(x)
    assert double.requires_grad and not index.requires_grad and not same.requires_grad
    double.sum().backward()
    assert grad_of(x) == [2, 2]

    class Identity(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.set_materialize_grads(False)
            return x

        @staticmethod
        def backward(ctx: Any, dy: Tensor) -> Tensor:
            return -dy

    x = leaf(1.0, 2.0)
    y = Identity.apply(x)
    assert y is not x and np.shares_memory(y._array, x._array)
    (y * 3).sum().backward()
    assert grad_of(x) == [-3, -3]


def test_functions_refuse() -> None:
    def made(forward: Any, backward: Any) -> Any:
        return type("Mine", (Function,), {"forward": staticmethod(forward),
                                          "backward": staticmethod(backward)}).apply  # fmt: skip

    x = leaf(1.0, 2.0)
    with pytest.raises(TypeError, match=r"^Mine\.forward: expected Tensors, got float as output 0"):
        made(lambda ctx, x: 1.0, None)(x)
    for given, error, text in (
        (lambda g: (g, g), RuntimeError, r"incorrect number of gradients \(expected 1, got 2\)"),
        (lambda g: g.numpy(), TypeError, "expected a Tensor or None for input 0, got ndarray"),
        (lambda g: g[:1], RuntimeError, r"shape \(2,\) for input 0, got \(1,\)"),
        (lambda g: g.detach().float(), RuntimeError, "dtype float64 for input 0, got float32"),
    ):
        with pytest.raises(error, match=rf"^Mine\.backward: .*{text}"):
            made(lambda ctx, x: x * 2, lambda ctx, g, given=given: given(g))(x).sum().backward()
    with pytest.raises(RuntimeError, match=r"^Mine\.backward: expected None for input 1"):
        made(lambda ctx, x, k: x * 2, lambda ctx, g: (g, g))(x, 3).sum().backward()
    with pytest.raises(TypeError, match=r"^save_for_backward: expected Tensors or None, got int"):
        made(lambda ctx, x: ctx.save_for_backward(x, 3), None)(x)
    with pytest.raises(RuntimeError, match=r"^Mine\.forward: .* mark_dirty"):
        made(lambda ctx, x: ctx.mark_dirty(x) or x * 2, None)(x * 1)
    assert x.grad is None
    made(lambda ctx, x: x * 2, lambda ctx, g: (g.expand(3, 2), None))(x).sum().backward()
    assert grad_of(x) == [3, 3]  # summed to the input's shape; None beyond the inputs is no fault


class ExpInPlace(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x.exp_()
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return dy * y


def test_functions_that_change_their_inputs() -> None:
    a = leaf(0.5, 1.0)
    x = a * 2
    assert ExpInPlace.apply(x) is x and x.requires_grad
    (first,) = grad(x.sum(), a, create_graph=True)
    (second,) = grad(first.sum(), a)
    np.testing.assert_allclose(first.tolist(), 2 * np.exp([1.0, 2.0]))
    np.testing.assert_allclose(second.tolist(), 4 * np.exp([1.0, 2.0]))

    base = a * 2
    ExpInPlace.apply(base[:1])  # what it is a view of changes its place on the tape too
    np.testing.assert_allclose(grad(base.sum(), a)[0].tolist(), [2 * np.e, 2])

    plain = fastnn.tensor([0.0])
    assert ExpInPlace.apply(plain) is plain and plain.tolist() == [1]
    with pytest.raises(RuntimeError, match=r"^ExpInPlace\.apply: a leaf Variable"):
        ExpInPlace.apply(a)
    x = a * 2
    ExpInPlace.apply(x).add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        x.sum().backward()


def test_a_function_that_changes_its_input_compiles() -> None:
    w = leaf(0.5, 1.0)

    def step(x: Tensor) -> Any:
        h = w * x
        ExpInPlace.apply(h)
        return h, grad(h.sum(), w)[0]

    compiled = fastnn.compile(step)
    for x in (leaf(1.0, 2.0).detach(), leaf(0.5, 3.0).detach()):
        for found, wanted in zip(compiled(x), step(x), strict=True):
            assert found.tolist() == wanted.tolist()


def test_once_differentiable() -> None:
    class Once(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, dy: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return of_array(2 * x.detach().numpy() * dy.numpy())  # values may be looked at

    x = leaf(1.0, 2.0)
    Once.apply(x).sum().backward()
    assert grad_of(x) == [2, 4]
    (first,) = grad(Once.apply(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"differentiate twice .* @once_differentiable"):
        first.sum().backward()


# autograd.grad


def test_grad() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = x * w
    y = (h * h).sum()
    by_h, by_w = grad(y, [h, w], retain_graph=True)
    assert by_h is not None and by_w is not None
    assert by_h.tolist() == [6, 16] and by_w.tolist() == [6, 32]
    assert x.grad is None and w.grad is None and not by_w.requires_grad
    (by_x,) = grad(y, x, create_graph=True)
    assert by_x is not None
    assert grad(by_x.sum(), (x, w), retain_graph=True)[1].tolist() == [12, 32]  # type: ignore[union-attr]
    assert grad(y, x)[0].tolist() == [18, 64]  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match=r"backward a second time"):
        grad(y, x)
    seeds = [fastnn.tensor([1.0, 10.0], dtype=np.float64), None]
    found = grad([x * 2, x.sum()], x, seeds)[0]
    assert found is not None and found.tolist() == [3, 21]
    several = grad(x * x, x, fastnn.tensor(np.eye(2)), is_grads_batched=True)[0]
    assert several is not None and several.tolist() == [[2, 0], [0, 4]]


def test_grad_computes_what_is_asked_for() -> None:
    seen = []

    class Watched(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 1

        @staticmethod
        def backward(ctx: Any, dy: Tensor) -> Tensor:
            seen.append(dy)
            return dy

    x, w = leaf(1.0), leaf(2.0)
    y = (Watched.apply(w) * x).sum()
    assert grad(y, x, retain_graph=True)[0].tolist() == [2] and not seen  # type: ignore[union-attr]
    grad(y, w)
    assert len(seen) == 1
    y = (x * w).sum()
    rows: list[str] = []

    class Counts:
        def record(self, op: Any, *_: Any) -> None:
            rows.append(op.name)

        def uses(self, *_: Any) -> None: ...

    counts = Counts()
    listener.listen(counts)  # type: ignore[arg-type]
    try:
        grad(y, x)
    finally:
        listener.listen(None)
    assert rows.count("mul") == 1  # not the gradient by w


def test_grad_refuses() -> None:
    x, w = leaf(1.0, 2.0), leaf(1.0)
    y = (x * 2).sum()
    with pytest.raises(RuntimeError, match=r"^inputs\[1\]: .* appears to not have been used .*Set"):
        grad(y, (x, w), retain_graph=True)
    assert grad(y, (x, w), retain_graph=True, allow_unused=True)[1] is None
    assert grad(y, w, retain_graph=True, materialize_grads=True)[0].tolist() == [0]  # type: ignore[union-attr]
    with pytest.raises(ValueError, match=r"^allow_unused: expected True or None with material"):
        grad(y, w, retain_graph=True, materialize_grads=True, allow_unused=False)
    with pytest.raises(RuntimeError, match=r"^outputs\[0\]: element 0 of tensors does not require"):
        grad(y.detach(), x)
    with pytest.raises(RuntimeError, match=r"^inputs\[0\]: One of the differentiated Tensors does"):
        grad(y, x.detach())
    with pytest.raises(RuntimeError, match=r"implicitly created only for scalar outputs"):
        grad(x * 2, x)
    with pytest.raises(RuntimeError, match=r"^grad_outputs\[0\]: expected shape \(2,\) and dtype"):
        grad(x * 2, x, fastnn.ones(2))
    with pytest.raises(ValueError, match=r"^grad_outputs: expected one for each of 1 outputs"):
        grad(y, x, [None, None])
    with pytest.raises(TypeError, match=r"^inputs\[0\]: expected a Tensor, got float"):
        grad(y, 1.0)

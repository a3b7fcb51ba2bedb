"""The tape where it is seldom: writes through odd views, what is forgotten, spent nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor
from fastnn.tape import versions
from fastnn.tape.intervals import Intervals

Write = Callable[[Tensor], Any]
START = np.arange(1.0, 7.0).reshape(2, 3)


def leaf() -> Tensor:
    return fastnn.tensor(START, requires_grad=True)


def written(at: Any, value: float = 0.0) -> np.ndarray[Any, Any]:
    array = START.copy()
    array[at] = value
    return array


def _set(view: Callable[[Tensor], Tensor], at: Any, value: float) -> Write:
    def write(y: Tensor) -> None:
        view(y)[at] = value

    return write


MASK = START[:, ::2] > 2
WRITES: dict[str, tuple[Write, Any]] = {  # and which elements are written
    "none": (_set(lambda y: y, slice(0), 9.0), slice(0)),
    "none of a view": (_set(lambda y: y[1], slice(3, None), 9.0), slice(0)),
    "rows of the transpose": (_set(lambda y: y.T, fastnn.tensor([0, 2]), 9.0), np.s_[:, [0, 2]]),
    "a mask of a part": (
        _set(lambda y: y[:, ::2], fastnn.tensor(MASK), 9.0),
        ([0, 1, 1], [2, 0, 2]),
    ),
    "one element of a row": (_set(lambda y: y[1], fastnn.tensor(2), 9.0), (1, 2)),
}


@pytest.mark.parametrize("name", WRITES)
def test_writes_through_views(name: str) -> None:
    """Elements that are written pass no gradient on."""
    write, at = WRITES[name]
    x = leaf()
    y = x * 1
    write(y)
    np.testing.assert_array_equal(y.detach().numpy(), written(at, 9.0))
    (y * y).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), 2 * written(at))


def test_views_in_fortrans_order() -> None:
    """A write through one is refused, and so is one whose tensor has come onto the tape since."""
    base = fastnn.from_numpy(np.asfortranarray(np.ones((2, 3))))
    row = base[0]
    with pytest.raises(RuntimeError, match="mul_: a view of a tensor that is not contiguous"):
        row.mul_(leaf()[0])
    x = leaf()
    base.mul_(x)
    with pytest.raises(RuntimeError, match="make the view after the change"):
        _ = row * 2
    (base[0] * 2).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[2, 2, 2], [0, 0, 0]]


def test_a_view_that_is_a_leaf_itself_stays_one() -> None:
    base = fastnn.zeros(3)
    part = base[:2].requires_grad_()
    base.mul_(leaf()[0])
    (part * 3).sum().backward()
    assert part.grad is not None and part.grad.tolist() == [3, 3]


def test_whole_numbers_leave_the_tape() -> None:
    """What is copied into them passes no gradient on, and the copy is there."""
    whole = fastnn.zeros(3, dtype=fastnn.int64)
    whole.copy_(leaf()[1])
    assert whole.tolist() == [4, 5, 6] and not whole.requires_grad


def test_a_result_of_another_shape_is_not_put_in_place() -> None:
    for x in (fastnn.ones(3), leaf()[0] * 1):
        with pytest.raises(ValueError, match=r"atan2_: shape \(2, 3\) does not fit into \(3,\)"):
            x.atan2_(fastnn.ones(2, 3, dtype=x.dtype))


# ---- what was written when ----


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four writes are kept, and none is there yet."""
    monkeypatch.setattr(versions, "MOST", 4)
    for name, empty in (("_recent", {}), ("_last", Intervals()), ("_on_tape", [])):
        monkeypatch.setattr(versions, name, empty)
    monkeypatch.setattr(versions, "_last_on_tape", Intervals())


@pytest.mark.usefixtures("_few")
def test_writes_beyond_what_is_kept() -> None:
    """The last ones are known; the map does not grow."""
    x = leaf()
    held = [x * k for k in range(1, 13)]
    products = [(y * y).sum() for y in held]
    for y in held:
        y.detach().mul_(2)
        _ = x * 1  # a write is as old as the last node
        assert len(versions._recent) < 4 and len(versions._last) <= 4
    with pytest.raises(RuntimeError, match="modified by an inplace operation: mul_"):
        products[-1].backward()


@pytest.mark.usefixtures("_few")
def test_changes_on_the_tape_beyond_what_is_kept() -> None:
    x = leaf()
    for _ in range(9):
        y = x * 1
        view = y[0]
        y.mul_(x)
        assert len(versions._on_tape) <= 5
    with pytest.raises(RuntimeError, match=r"a view of shape .* is not on the view's tape"):
        (view * x[0]).sum().backward()


def test_a_view_that_was_used_before_the_change() -> None:
    """A change after its use, and one of another tensor between, do not matter."""
    x = leaf()
    y, other = x * 1, x * 1
    view = y[0]
    other.mul_(x)
    used = view + x[0]
    y.mul_(x)
    used.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[2, 2, 2], [0, 0, 0]]


class Doubled(fastnn.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    @fastnn.autograd.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        return dy * 2


def test_a_function_that_saves_nothing_may_have_its_input_changed() -> None:
    x = leaf()
    y = x * 1
    z = Doubled.apply(y)
    y.detach().zero_()
    z.sum().backward()
    assert x.grad is not None and (x.grad.numpy() == 2).all()


def test_once_differentiable_of_constants() -> None:
    """Nothing there can be differentiated again: the gradient is a constant, not a refusal."""
    x = leaf()
    (first,) = fastnn.autograd.grad(Doubled.apply(x).sum(), x, create_graph=True)
    assert (first.numpy() == 2).all() and not first.requires_grad


def test_a_solution_may_have_its_right_side_changed() -> None:
    """The gradient reads the matrix, and the solution, but not what it was solved for."""
    x, a = leaf(), fastnn.tensor([[2.0, 1.0], [0.0, 4.0]], dtype=fastnn.float64)
    right = x * 1
    solution = fastnn.linalg.solve(a, right)
    right.detach().zero_()
    solution.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), np.tile([[0.5], [0.125]], 3), rtol=1e-6)


# ---- nodes that are spent, tensors that are gone ----


def test_views_of_a_transpose() -> None:
    """Refused as torch does; where a backward pass has let go of what it is a view of, a copy."""
    turned = (leaf() * 1).T
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        leaf().T.view(6)
    (turned * turned).sum().backward()
    np.testing.assert_array_equal(turned.view(6).detach().numpy(), START.T.ravel())


def test_a_retained_gradient_of_a_tensor_that_is_gone() -> None:
    x = leaf()
    y = x * 3
    y.retain_grad()
    loss = (y * y).sum()
    del y
    loss.backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), 18 * START)


def test_the_sign_of_a_determinant_has_no_slope() -> None:
    x = fastnn.tensor([[2.0, 1.0], [0.0, 3.0]], requires_grad=True)
    fastnn.linalg.slogdet(x).sign.backward()
    assert x.grad is not None and not x.grad.numpy().any()


def test_products_of_no_matrices_have_gradients() -> None:
    a, b = (fastnn.zeros(0, *s, requires_grad=True) for s in ((2, 3), (3, 4)))
    (a @ b).sum().backward()
    assert a.grad is not None and b.grad is not None
    assert (a.grad.shape, b.grad.shape) == ((0, 2, 3), (0, 3, 4))


class Tripled(fastnn.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x * 3)
        return x * 2

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        return dy * ctx.saved_tensors[0]


def test_a_function_may_have_its_result_changed() -> None:
    """Its backward reads what it saved, and that is as it was."""
    x = leaf()
    z = Tripled.apply(x)
    z.detach().zero_()
    z.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), 3 * START)

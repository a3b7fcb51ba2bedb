"""Tensors against NumPy: creation, arithmetic, shapes, reductions, in place, printing, errors."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastnn
from fastnn import ops
from fastnn.tensor import Tensor

Array = NDArray[Any]


def draw(*shape: int, dtype: str = "float32", seed: int = 0) -> Array:
    """Numbers of about 1 with both signs, none of them 0."""
    x = np.random.default_rng([seed, *shape]).uniform(0.5, 2.5, shape)
    return np.asarray(x * (-1) ** np.arange(x.size).reshape(shape)).astype(dtype)


# Creation and what a tensor is


@pytest.mark.parametrize(
    ("data", "dtype"),
    [(1.5, "float32"), ([1.0, 2.0], "float32"), ([1, 2], "int64"), ([1, 2.0], "float32"),
     (True, "bool"), ([True, False], "bool"), (np.zeros(2), "float64"), (np.float64(2), "float64"),
     (np.float32(2), "float32"), (np.zeros(2, np.float16), "float16"),
     (np.arange(3, dtype=np.uint8), "uint8"), (np.arange(3, dtype=">i4"), "int32"),
     (np.arange(3, dtype=">f8"), "float64"), ([], "float32"), (range(3), "int64")],
)  # fmt: skip
def test_dtypes_of_new_tensors(data: Any, dtype: str) -> None:
    x = fastnn.tensor(data)
    assert x.dtype == dtype and x.dtype.isnative
    np.testing.assert_array_equal(x.numpy(), np.array(data))
    assert not x.requires_grad and x.grad is None and x.is_leaf


def test_a_new_tensor_is_a_copy_and_from_numpy_is_not() -> None:
    array = np.ones(3)
    copied, shared = fastnn.tensor(array), fastnn.from_numpy(array)
    again = fastnn.tensor(shared)
    array[0] = 5
    assert copied.tolist() == [1, 1, 1] and shared.tolist() == [5, 1, 1]
    assert again.tolist() == [1, 1, 1]
    assert fastnn.tensor([1, 2], dtype=fastnn.float64).dtype == fastnn.float64
    assert fastnn.tensor(array, dtype=np.float32, requires_grad=True).requires_grad
    with pytest.raises(TypeError, match=r"^array: expected one of float32, .*, got uint32"):
        fastnn.from_numpy(np.zeros(2, np.uint32))
    with pytest.raises(TypeError, match=r"^array: expected this machine's byte order"):
        fastnn.from_numpy(np.zeros(2, ">f4"))
    for wrong in ("text", [None], 1j):
        with pytest.raises(TypeError, match=r"^data: expected numbers or booleans, got dtype"):
            fastnn.tensor(wrong)


def test_filled_tensors() -> None:
    assert fastnn.zeros(2, 3).shape == fastnn.zeros((2, 3)).shape == (2, 3)
    assert fastnn.ones(2).tolist() == [1.0, 1.0] and fastnn.zeros().shape == ()
    x = fastnn.ones([2], dtype=fastnn.float64, requires_grad=True)
    assert x.requires_grad and x.dtype == fastnn.float64
    assert fastnn.zeros_like(x).tolist() == [0.0, 0.0] and not fastnn.zeros_like(x).requires_grad
    assert fastnn.ones_like(x).dtype == fastnn.float64
    assert fastnn.ones(2, dtype="int64").dtype == fastnn.int64


def test_what_it_is() -> None:
    x = fastnn.tensor(draw(2, 3))
    assert x.shape == x.size() == (2, 3) and x.size(-1) == 3
    assert x.ndim == x.dim() == 2 and x.numel() == 6 and len(x) == 2
    assert [row.shape for row in x] == [(3,), (3,)]
    assert len({x, x}) == 1
    with pytest.raises(TypeError, match=r"^len\(\) of a 0-d tensor"):
        len(fastnn.tensor(1.0))


def test_values_for_python() -> None:
    assert fastnn.tensor([[2.5]]).item() == 2.5 and isinstance(fastnn.tensor(3).item(), int)
    assert fastnn.tensor(True).item() is True
    assert float(fastnn.tensor(2)) == 2.0 and int(fastnn.tensor(2.9)) == 2
    assert bool(fastnn.tensor(0.0)) is False and bool(fastnn.tensor([7])) is True
    for ask in (Tensor.item, float, int, bool):
        with pytest.raises(ValueError, match=r"^item: expected one element, got shape"):
            ask(fastnn.ones(2))  # type: ignore[operator]
    assert fastnn.tensor([[1, 2]]).tolist() == [[1, 2]]


def test_arrays_share_memory() -> None:
    x = fastnn.tensor(draw(2, 3), requires_grad=True)
    for array in (x.numpy(force=True), x.detach().numpy(), np.asarray(x), np.array(x, copy=False)):
        assert np.shares_memory(array, x._array)
    assert not np.shares_memory(np.array(x), x._array)
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="copy"):
        np.array(x, dtype=np.float64, copy=False)
    assert np.median(fastnn.ones(3)) == 1.0  # NumPy functions take tensors


def test_printing() -> None:
    x = fastnn.tensor([1.0, 2.5], requires_grad=True)
    assert repr(x) == "tensor([1.0000, 2.5000], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 5.], grad_fn=<MulBackward0>)"
    assert str(fastnn.tensor(1.0)) == "tensor(1.)"
    assert repr(fastnn.tensor([1, 2])) == "tensor([1, 2])"
    assert repr(fastnn.tensor([True])) == "tensor([True])"
    assert repr(x.detach().double()) == "tensor([1.0000, 2.5000], dtype=fastnn.float64)"
    assert repr(fastnn.tensor([[0.123456], [2.0]])) == "tensor([[0.1235],\n        [2.0000]])"


# Arithmetic

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
BINARY = {name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv", *COMPARISONS)}
SHAPES = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (3,)), ((), (2, 3)), ((4, 1, 3), (2, 1)),
          ((0, 3), (1, 3)), ((1,), ()), ((5,), (1,))]  # fmt: skip


@pytest.mark.parametrize("name", BINARY)
def test_arithmetic_broadcasts_like_numpy(name: str, real: str) -> None:
    """One rounding each, so the bits are NumPy's."""
    op = BINARY[name]
    for p, q in SHAPES:
        a, b = draw(*p, dtype=real), draw(*q, dtype=real, seed=1)
        if name in COMPARISONS and b.size and p == q:
            b[..., :1] = a[..., :1]
        got = op(fastnn.tensor(a), fastnn.tensor(b))
        want = op(a, b)
        assert got.dtype == want.dtype and got.shape == want.shape
        np.testing.assert_array_equal(got.numpy(), want)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("number", [2, -0.5, True, np.float64(3), np.int64(-1)])
def test_arithmetic_with_numbers(name: str, number: Any, real: str) -> None:
    """A number takes the tensor's dtype, on either side."""
    op, a = BINARY[name], draw(2, 3, dtype=real)
    scalar = np.dtype(real).type(number)
    for got, want in ((op(fastnn.tensor(a), number), op(a, scalar)),
                      (op(number, fastnn.tensor(a)), op(scalar, a))):  # fmt: skip
        assert isinstance(got, Tensor) and got.dtype == want.dtype
        np.testing.assert_array_equal(got.numpy(), want)


def test_integers_and_booleans_become_real_where_they_must() -> None:
    i, t = fastnn.tensor([1, 2]), fastnn.tensor([True, False])
    assert (i + 1).dtype == fastnn.int64 and (i / 2).tolist() == [0.5, 1.0]
    assert (i * fastnn.tensor([0.5, 0.25], dtype=np.float64)).dtype == fastnn.float64
    assert (fastnn.ones(2, dtype="float64") + t).tolist() == [2.0, 1.0]
    assert (i == 2).tolist() == [False, True] and t.sum().item() == 1.0
    assert i.to("float64").dtype == fastnn.float64 and i.float().long().tolist() == [1, 2]
    assert fastnn.tensor([1.9, -1.9]).long().tolist() == [1, -1]
    x = fastnn.ones(2)
    assert x.float() is x and x.double().dtype == fastnn.float64


def test_powers(real: str) -> None:
    a = np.abs(draw(2, 3, dtype=real))
    for b in (0, 1, 2, 3, 0.5, -1, 2.5, -2):
        got = (fastnn.tensor(a) ** b).numpy()
        np.testing.assert_allclose(got, a.astype(np.float64) ** b, rtol=8 * np.finfo(real).eps)
        assert got.dtype == real
    got = (2 ** fastnn.tensor(a)).numpy()
    np.testing.assert_allclose(got, 2 ** a.astype(np.float64), rtol=8 * np.finfo(real).eps)
    assert (fastnn.tensor([-2.0]) ** fastnn.tensor([3.0])).tolist() == [-8.0]
    assert (fastnn.tensor([np.nan, 0.0]) ** 0).tolist() == [1.0, 1.0]


def test_functions(real: str) -> None:
    """Methods and functions of the package are the same thing, within a few ULP of NumPy."""
    a = draw(3, 5, dtype=real)
    x, wide = fastnn.tensor(a), a.astype(np.float64)
    bound = {"rtol": 8 * np.finfo(real).eps, "atol": 8 * np.finfo(real).eps}
    soft = np.exp(wide) / np.exp(wide).sum(-1, keepdims=True)
    wants = {"exp": np.exp(wide), "square": wide**2, "abs": np.abs(wide), "tanh": np.tanh(wide),
             "sigmoid": 1 / (1 + np.exp(-wide)), "relu": np.maximum(wide, 0), "softmax": soft,
             "log_softmax": np.log(soft)}  # fmt: skip
    for name, want in wants.items():
        np.testing.assert_allclose(getattr(x, name)().numpy(), want, **bound, err_msg=name)
        np.testing.assert_array_equal(getattr(fastnn, name)(x).numpy(), getattr(x, name)().numpy())
    for name in ("log", "log1p", "sqrt"):
        got = getattr(x.abs(), name)().numpy()
        np.testing.assert_allclose(got, getattr(np, name)(np.abs(wide)), **bound, err_msg=name)
    np.testing.assert_array_equal((-x).numpy(), -a)
    np.testing.assert_array_equal(abs(x).numpy(), np.abs(a))
    np.testing.assert_array_equal(fastnn.sign(x).numpy(), np.sign(a))
    np.testing.assert_array_equal(fastnn.clamp(x, -1.0, 1.5).numpy(), np.clip(a, -1.0, 1.5))
    np.testing.assert_array_equal(fastnn.clamp(x, max=1.0).numpy(), np.minimum(a, 1.0))
    np.testing.assert_array_equal(fastnn.maximum(x, fastnn.tensor(0.5)).numpy(), np.maximum(a, 0.5))
    np.testing.assert_array_equal(fastnn.where(x > 0, x, 0.0).numpy(), np.where(a > 0, a, 0))
    for dim in (0, 1, -2):
        got = x.softmax(dim).sum(dim).numpy()
        np.testing.assert_allclose(got, np.ones(got.shape), **bound)


@pytest.mark.parametrize(
    ("p", "q"),
    [((2, 3), (3, 4)), ((3,), (3, 4)), ((2, 3), (3,)), ((3,), (3,)), ((5, 2, 3), (3, 4)),
     ((5, 2, 3), (3,)), ((0, 3), (3, 4)), ((2, 0), (0, 4)), ((1, 1), (1, 1))],
)  # fmt: skip
def test_matmul(p: tuple[int, ...], q: tuple[int, ...], real: str) -> None:
    a, b = draw(*p, dtype=real), draw(*q, dtype=real, seed=1)
    want = a.astype(np.float64) @ b.astype(np.float64)
    bound = 100 * np.finfo(real).eps  # 3 products of at most 6.25
    for product in (Tensor.__matmul__, Tensor.matmul, fastnn.matmul):
        got = product(fastnn.tensor(a), fastnn.tensor(b))
        assert got.shape == want.shape and got.dtype == real
        np.testing.assert_allclose(got.numpy(), want, rtol=0, atol=bound)


# Shapes

RESHAPES: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Array], Array]]] = {
    "reshape": (lambda x: x.view((4, -1)), lambda a: a.reshape(4, -1)),
    "T": (lambda x: x.T, lambda a: a.T),
    "permute": (lambda x: x.permute(1, -1, 0), lambda a: a.transpose(1, 2, 0)),
    "transpose": (lambda x: x.transpose(-1, 0), lambda a: a.swapaxes(-1, 0)),
    "flatten from": (lambda x: x.flatten(1), lambda a: a.reshape(2, 12)),
    "flatten to": (lambda x: x.flatten(0, 1), lambda a: a.reshape(6, 4)),
    "unsqueeze": (lambda x: x.unsqueeze(1), lambda a: a[:, None]),
    "unsqueeze the last": (lambda x: x.unsqueeze(-1), lambda a: a[..., None]),
    "squeeze": (lambda x: x.reshape(1, 24, 1).squeeze(), lambda a: a.reshape(24)),
    "squeeze one": (lambda x: x.reshape(1, 24, 1).squeeze(-1), lambda a: a.reshape(1, 24)),
    "expand": (lambda x: x[:, :1].expand(5, -1, 3, -1),
               lambda a: np.broadcast_to(a[:, :1], (5, 2, 3, 4))),
    "last": (lambda x: x[-1, -2, -3:], lambda a: a[-1, -2, -3:]),
    "slices": (lambda x: x[:, 1:, ::-2], lambda a: a[:, 1:, ::-2]),
    "ellipsis": (lambda x: x[..., None, 0], lambda a: a[..., None, 0]),
    "numpy integers": (lambda x: x[np.int64(1), :, np.int32(0)], lambda a: a[1, :, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", RESHAPES)
def test_shape_functions_are_views(name: str) -> None:
    by_tensor, by_numpy = RESHAPES[name]
    for dtype in ("float32", "float64", "int64", "bool"):
        x = fastnn.tensor(np.arange(24).reshape(2, 3, 4).astype(dtype))
        got = by_tensor(x)
        np.testing.assert_array_equal(got.numpy(), by_numpy(x.numpy()))
        assert got.dtype == dtype and np.shares_memory(got.numpy(), x.numpy())


def test_views_that_need_a_copy_and_rows_by_index() -> None:
    a = draw(2, 3, 4)
    x = fastnn.tensor(a)
    np.testing.assert_array_equal(x.T.reshape(6, 4).numpy(), a.T.reshape(6, 4))
    np.testing.assert_array_equal(x.T.flatten().numpy(), a.T.reshape(-1))
    assert x.contiguous() is x and x.T.contiguous().numpy().flags.c_contiguous
    index = fastnn.tensor([1, 0, 1])
    np.testing.assert_array_equal(x[index].numpy(), a[[1, 0, 1]])
    np.testing.assert_array_equal(fastnn.tensor([5, 6])[index].numpy(), [6, 5, 6])
    np.testing.assert_array_equal(x.T[fastnn.tensor([3])].numpy(), a.T[[3]])
    assert x[fastnn.tensor(np.zeros(0, np.int64))].shape == (0, 3, 4)
    clone = x.clone()
    clone.zero_()
    np.testing.assert_array_equal(x.numpy(), a)


# Reductions


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (3, 1, 4), (2, 3, 2, 3)])
def test_reductions_over_all_axes(shape: tuple[int, ...], real: str) -> None:
    a = draw(*shape, dtype=real)
    x, wide, n = fastnn.tensor(a), a.astype(np.float64), len(shape)
    choices: list[Any] = [None, *range(-n, n)]
    choices += [c for k in range(2, n + 1) for c in itertools.permutations(range(n), k)]
    for dim, keep in itertools.product(choices, (False, True)):
        for got, want in ((x.sum(dim, keep), wide.sum(dim, keepdims=keep)),
                          (x.mean(dim, keep), wide.mean(dim, keepdims=keep)),
                          (x.amax(dim, keep), a.max(dim, keepdims=keep)),
                          (x.amin(dim, keep), a.min(dim, keepdims=keep))):  # fmt: skip
            assert got.dtype == real
            want = np.asarray(want)
            assert got.shape == want.shape
            bound = 0 if real == "float32" else 1e-14  # sums are in double
            np.testing.assert_allclose(got.numpy(), want.astype(real), rtol=bound, atol=bound)
        if dim is None or isinstance(dim, int):
            got = x.argmax(dim, keep)
            assert got.dtype == fastnn.int64
            np.testing.assert_array_equal(got.numpy(), a.argmax(dim, keepdims=keep))


def test_reductions_of_nothing_and_of_nan() -> None:
    empty, nan = fastnn.zeros(0, 3), fastnn.tensor([1.0, np.nan, 2.0])
    assert empty.sum(0).tolist() == [0.0] * 3 and empty.sum().item() == 0.0
    assert np.isnan(empty.mean().item()) and empty.sum(1).shape == (0,)
    assert np.isnan(nan.amax().item()) and np.isnan(nan.amin().item()) and nan.argmax().item() == 1
    for name in ("amax", "amin", "argmax"):
        with pytest.raises(ValueError, match=r"expected at least one element, got shape \(0, 3\)"):
            getattr(empty, name)()
    assert empty.amax(1).shape == (0,)


# In place

IN_PLACE = {"add_": np.add, "sub_": np.subtract, "mul_": np.multiply, "div_": np.divide}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_arithmetic(name: str, real: str) -> None:
    for other in (2, draw(3, dtype=real, seed=1), draw(2, 3, dtype=real, seed=1)):
        a = draw(2, 3, dtype=real)
        x = fastnn.tensor(a)
        memory = x.numpy()
        operand = fastnn.tensor(other) if isinstance(other, np.ndarray) else other
        assert getattr(x, name)(operand) is x
        want = IN_PLACE[name](a, np.asarray(other, real))
        np.testing.assert_array_equal(memory, want)
    x = fastnn.tensor(a)
    getattr(x.T[1:], name)(2)  # through a view
    want = a.copy()
    want[:, 1:] = IN_PLACE[name](a[:, 1:], np.asarray(2, real))
    np.testing.assert_array_equal(x.numpy(), want)


def test_augmented_assignment_is_in_place() -> None:
    x = fastnn.tensor([2.0, 4.0])
    same = x
    x += 1
    x *= fastnn.tensor([2.0])
    x -= 2
    x /= 4
    assert x is same and x.tolist() == [1.0, 2.0]


def test_copy_and_fill(real: str) -> None:
    x = fastnn.tensor(draw(2, 3, dtype=real))
    memory = x.numpy()
    assert x.fill_(2.5) is x and (memory == 2.5).all()
    assert x.zero_() is x and not memory.any()
    x.copy_(fastnn.tensor([1.0, 2.0, 3.0], dtype="float64"))  # converts, broadcasts
    assert memory.tolist() == [[1.0, 2.0, 3.0]] * 2
    x.copy_(fastnn.tensor([[1], [0]]))
    assert memory.tolist() == [[1.0] * 3, [0.0] * 3]
    i = fastnn.tensor([1, 2, 3])
    assert i.copy_(fastnn.tensor([4, 5, 6])).tolist() == [4, 5, 6] and i.zero_().dtype == "int64"


def test_leaves_that_require_grad_change_under_no_grad_only() -> None:
    x = fastnn.ones(2, requires_grad=True)
    for name in ("add_", "sub_", "mul_", "div_", "copy_", "fill_"):
        with pytest.raises(RuntimeError, match=r"_: a leaf Variable that requires grad"):
            getattr(x, name)(3.0)
    with pytest.raises(RuntimeError, match=r"under fastnn\.no_grad\(\)$"):
        x += 1
    assert x.tolist() == [1.0, 1.0]
    with fastnn.no_grad():
        x.add_(1.0).mul_(2.0)
    assert x.tolist() == [4.0, 4.0] and x.requires_grad


# Errors

A, B, LONG = fastnn.ones(2, 3), fastnn.ones(2), fastnn.tensor([1, 2])
ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "add": (lambda: A + B, ValueError, r"^add: shapes \(2, 3\) and \(2,\) do not broadcast$"),
    "where": (lambda: fastnn.where(A > 0, A, B), ValueError, r"^where: shapes .* do not broadcast"),
    "matmul dtypes": (lambda: A @ A.T.double(), TypeError, r"^matmul: expected tensors of one"),
    "matmul": (lambda: A @ A, ValueError, r"^matmul: \(2, 3\) and \(2, 3\) do not fit: 3 columns"),
    "matmul of a number": (lambda: A @ A.sum(), ValueError, r"^matmul: expected \(\.\.\., k\) and"),
    "matmul 3-D": (lambda: A @ fastnn.ones(1, 2, 2), ValueError, r"^matmul: .* do not fit$"),
    "linear": (lambda: ops.linear(A, fastnn.ones(3, 2)), ValueError, r"expected 2 features"),
    "bias": (lambda: ops.linear(A, A, A), ValueError, r"^bias: expected"),
    "operand": (lambda: A + "1", TypeError, r"^other: expected a tensor or a number, got '1'"),
    "in place": (lambda: fastnn.ones(3).add_(A), ValueError,
                 r"^add_: shape \(2, 3\) does not fit into \(3,\)$"),
    "in place dtype": (lambda: fastnn.tensor([1, 2]).add_(0.5), RuntimeError,
                       r"^add_: result type Float can't be cast to the desired output type Long$"),
    "condition": (lambda: fastnn.where(A, A, A), TypeError, r"^condition: expected a bool tensor"),
    "reshape": (lambda: A.reshape(4, 2), ValueError, r"^reshape: \(2, 3\) does not fit into \(4"),
    "index": (lambda: A["x"], IndexError, r"^index: expected integers, slices, .* got 'x'$"),
    "index rows": (lambda: A[LONG], IndexError, r"^index: expected rows in -2\.\.1, got 2 at pos"),
    "dim": (lambda: A.sum(2), IndexError, r"^dim: expected -2\.\.1 for sum, got 2$"),
    "dims": (lambda: A.mean((0, -3)), IndexError, r"^dim: expected -2\.\.1 for mean, got -3$"),
    "softmax": (lambda: A.softmax(2), IndexError, r"^dim: expected -2\.\.1 for softmax, got 2$"),
    "cast": (lambda: A.to("complex64"), TypeError, r"^dtype: expected one of float32, float64"),
    "classes": (lambda: ops.softmax_cross_entropy(A, fastnn.tensor([0, 3])), ValueError,
                r"^y: expected integer classes in 0\.\.2, got 3 at row 1$"),
    "class rows": (lambda: ops.softmax_cross_entropy(A, fastnn.tensor([0])), ValueError,
                   r"^y: expected 2 classes, one a row of z, got shape \(1,\)$"),
    "mse": (lambda: ops.mse(A, B), ValueError, r"^mse_loss: expected a target of shape \(2, 3\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_error(name: str) -> None:
    call, kind, text = ERRORS[name]
    with pytest.raises(kind, match=text):
        call()

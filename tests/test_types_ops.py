"""Every family of ops on every stored type: whole numbers by NumPy's, which wrap, and halves by
float32 rounded once; values, gradients, in place, and compiled to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from replay import replayed

import fastnn
from fastnn import Tensor, nn
from fastnn.tensor import of_array

INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
HALVES = ("float16", "bfloat16")
Array = np.ndarray[Any, Any]


def rounded(x: Array, name: str) -> Array:
    """Float32 values at the nearest of a half type, ties to even."""
    x = np.asarray(x, np.float32)
    if name == "float16":
        with np.errstate(over="ignore"):
            return x.astype(np.float16).astype(np.float32)
    bits = np.ascontiguousarray(x).view(np.uint32).astype(np.uint64)
    near = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
    return np.where(np.isnan(x), x, near.reshape(x.shape))


def numbers(name: str, seed: int) -> Array:
    """Small and extreme whole numbers of a type, none 0."""
    info, rng = np.iinfo(name), np.random.default_rng(seed)
    drawn = rng.integers(info.min, info.max, (4, 5), dtype=name, endpoint=True)
    drawn.flat[:4] = info.min, info.max, 1, 3
    return np.where(drawn == 0, drawn.dtype.type(7), drawn)


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "floor_divide": lambda a, b: a // b,
    "remainder": lambda a, b: a % b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "eq": lambda a, b: a == b,
    "lt": lambda a, b: a < b,
    "ge": lambda a, b: a >= b,
}
UNARY: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Array], Array]]] = {
    "neg": (lambda x: -x, lambda a: np.negative(a)),
    "abs": (lambda x: x.abs(), np.abs),
    "square": (lambda x: x.square(), np.square),
    "sign": (lambda x: x.sign(), np.sign),
    "invert": (lambda x: ~x, np.invert),
    "sum": (lambda x: x.sum(), lambda a: a.sum(dtype=np.int64)),
    "sum along": (lambda x: x.sum(0), lambda a: a.sum(0, dtype=np.int64)),
    "prod": (lambda x: x.prod(1), lambda a: a.prod(1, dtype=np.int64)),
    "cumsum": (lambda x: x.cumsum(1), lambda a: a.cumsum(1, dtype=np.int64)),
    "max": (lambda x: x.max(), lambda a: a.max()),
    "min": (lambda x: x.amin(1), lambda a: a.min(1)),
    "argmax": (lambda x: x.argmax(1), lambda a: a.argmax(1)),
    "argmin": (lambda x: x.argmin(1), lambda a: a.argmin(1)),
    "sort": (lambda x: x.sort(1).values, lambda a: np.sort(a, 1)),
    "argsort": (lambda x: x.argsort(1), lambda a: np.argsort(a, 1, kind="stable")),
    "square root": (lambda x: x.abs().sqrt(), lambda a: np.sqrt(np.abs(a).astype(np.float32))),
    "nonzero": (lambda x: x.nonzero(), lambda a: np.argwhere(a)),
    "bool": (lambda x: x.bool(), lambda a: a.astype(bool)),
    "transpose": (lambda x: x.T.contiguous(), lambda a: a.T),
    "relu": (lambda x: x.relu(), lambda a: np.maximum(a, 0)),
    "left shift": (lambda x: x << 3, lambda a: a << 3),
    "right shift": (lambda x: x >> 3, lambda a: a >> 3),
    "gcd": (lambda x: fastnn.gcd(x // 2, x % 12), lambda a: np.gcd(a // 2, a % 12)),
    "lcm": (lambda x: fastnn.lcm(x % 9, x % 12), lambda a: np.lcm(a % 9, a % 12)),
    "addcmul": (lambda x: fastnn.addcmul(x, x, x), lambda a: a + a * a),
    "cummax": (lambda x: x.cummax(1).values, lambda a: np.maximum.accumulate(a, 1)),
    "counted": (lambda x: fastnn.repeat_interleave(x, 2, 0), lambda a: a.repeat(2, 0)),
    "kron": (lambda x: fastnn.kron(x, x), lambda a: np.kron(a, a)),
}


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("op", BINARY)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_binary_ops_wrap_as_numpys(op: str, name: str) -> None:
    a, b = numbers(name, 1), numbers(name, 2)
    x, y = of_array(a), of_array(b)
    for left, right, one, two in ((a, b, x, y), (a, b[0], x, y[0]), (a.T, b.T, x.T, y.T)):
        expected, got = BINARY[op](left, right), BINARY[op](one, two)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got.numpy(), expected)
    np.testing.assert_array_equal(fastnn.compile(BINARY[op])(x, y).numpy(), BINARY[op](a, b))
    if op in ("add", "sub", "mul"):
        z = x.clone()
        getattr(z, f"{op}_")(y)
        np.testing.assert_array_equal(z.numpy(), BINARY[op](a, b))
        np.testing.assert_array_equal(BINARY[op](x, 3).numpy(), BINARY[op](a, a.dtype.type(3)))


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("op", UNARY)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_unary_ops_and_reductions_as_numpys(op: str, name: str) -> None:
    ours, theirs = UNARY[op]
    a = numbers(name, 3)
    if op == "square root":
        a = (a % 100).astype(name)
    expected = theirs(a)
    got = ours(of_array(a))
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got.numpy(), expected)
    if op != "nonzero":
        np.testing.assert_array_equal(replayed(ours, of_array(a)).numpy(), expected)


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_products_of_whole_numbers(name: str) -> None:
    a, b = numbers(name, 1), numbers(name, 2)
    x, y = of_array(a), of_array(b)
    cases: list[tuple[Callable[..., Tensor], tuple[Tensor, ...], Array]] = [
        (fastnn.matmul, (x, y.T), a @ b.T),
        (fastnn.mm, (x.T, y), a.T @ b),
        (fastnn.mv, (x, y[0]), a @ b[0]),
        (fastnn.dot, (x[0], y[0]), a[0] @ b[0]),
        (fastnn.bmm, (x[None], y.T[None]), (a @ b.T)[None]),
        (fastnn.matmul, (x[None], y.T), (a @ b.T)[None]),
        (fastnn.addmm, (x[:, :4], x, y.T), a[:, :4] + a @ b.T),
    ]
    for function, given, expected in cases:
        got = function(*given)
        assert got.dtype == name
        np.testing.assert_array_equal(got.numpy(), expected)
        again = replayed(function, *(t.contiguous() for t in given))
        np.testing.assert_array_equal(again.numpy(), expected)
    with pytest.raises(TypeError, match="matmul: expected tensors of one dtype"):
        x @ y.T.to(fastnn.int16 if name != "int16" else fastnn.int8)


# What a function of halves gives is that of float32, rounded; the inputs are exact in all three.
FLOATS: dict[str, Callable[..., Tensor]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "pow": lambda x, y: x.abs() ** 1.5,
    "number": lambda x, y: x * 1e5,
    "0-d": lambda x, y: x * fastnn.tensor(0.1),
    "remainder": lambda x, y: x % y,
    "maximum": fastnn.maximum,
    "where": lambda x, y: fastnn.where(x > 0, x, y),
    "exp": lambda x, y: x.exp(),
    "log": lambda x, y: x.abs().log(),
    "tanh": lambda x, y: x.tanh(),
    "sigmoid": lambda x, y: x.sigmoid(),
    "relu": lambda x, y: x.relu(),
    "gelu": lambda x, y: nn.functional.gelu(x),
    "sqrt": lambda x, y: x.abs().sqrt(),
    "floor": lambda x, y: x.floor(),
    "neg": lambda x, y: -x,
    "sum": lambda x, y: x.sum(1),
    "mean": lambda x, y: x.mean(0),
    "prod": lambda x, y: x.prod(1),
    "cumsum": lambda x, y: x.cumsum(0),
    "max": lambda x, y: x.amax(1),
    "var": lambda x, y: x.var(1),
    "std": lambda x, y: x.std(),
    "norm": lambda x, y: x.norm(),
    "logsumexp": lambda x, y: x.logsumexp(1),
    "softmax": lambda x, y: x.softmax(1),
    "log_softmax": lambda x, y: x.log_softmax(0),
    "matmul": lambda x, y: x @ y.T,
    "batched": lambda x, y: x[None] @ y.T[None],
    "linear": lambda x, y: nn.functional.linear(x, y),
    "layer_norm": lambda x, y: nn.functional.layer_norm(x, (5,)),
    "transpose": lambda x, y: x.T.contiguous(),
    "cat": lambda x, y: fastnn.cat([x, y]),
    "rows": lambda x, y: x[fastnn.tensor([1, 1, 0])],
    "slice": lambda x, y: x[1:, ::2],
    "mse": lambda x, y: nn.functional.mse_loss(x, y),
    "cross_entropy": lambda x, y: nn.functional.cross_entropy(x, fastnn.tensor([0, 4, 2, 1])),
    "bce": lambda x, y: nn.functional.binary_cross_entropy_with_logits(x, y.sigmoid().round()),
    "clamp": lambda x, y: x.clamp(-1.0, 1.0),
    "cumprod": lambda x, y: x.cumprod(1),
    "logcumsumexp": lambda x, y: x.logcumsumexp(1),
    "logaddexp": lambda x, y: fastnn.logaddexp(x, y),
    "sum of another type": lambda x, y: x.float().sum(1, dtype=x.dtype),
    "kron": lambda x, y: fastnn.kron(x, y),
    "atan2": lambda x, y: fastnn.atan2(x, y),
}
# Several rounded steps; the others round once.
COMPOSED = {"pow": 2, "logaddexp": 3, "layer_norm": 2, "log": 2, "sqrt": 2}


def halves(name: str, seed: int) -> Array:
    drawn = np.random.default_rng(seed).normal(0, 2, (4, 5))
    return rounded(np.asarray(drawn, np.float32), name)


@pytest.mark.every(5)
@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("op", FLOATS)
def test_halves_are_float32_rounded(op: str, name: str) -> None:
    """Values exactly, gradients within the rounding of the steps; compiled to the same bits."""
    function, dtype = FLOATS[op], getattr(fastnn, name)
    a, b = halves(name, 1), halves(name, 2)
    wide = [of_array(v, requires_grad=True) for v in (a, b)]
    narrow = [of_array(v).to(dtype).requires_grad_() for v in (a, b)]
    expected, got = function(*wide), function(*narrow)
    assert got.dtype == dtype and got.requires_grad == expected.requires_grad
    bound = COMPOSED.get(op, 1) - 1
    eps = 2.0 ** (-10 if name == "float16" else -7)
    np.testing.assert_allclose(
        got.float().detach().numpy(), rounded(expected.detach().numpy(), name), rtol=bound * eps,
        atol=0,
    )  # fmt: skip
    cotangent = rounded(np.random.default_rng(3).normal(size=expected.shape), name)
    mine = fastnn.autograd.grad(got, narrow, of_array(cotangent).to(dtype), allow_unused=True)
    theirs = fastnn.autograd.grad(expected, wide, of_array(cotangent), allow_unused=True)
    for g, w in zip(mine, theirs, strict=True):
        assert (g is None) == (w is None)
        if g is not None and w is not None:
            assert g.dtype == dtype
            nearest = rounded(w.numpy(), name)
            scale = float(np.abs(nearest[np.isfinite(nearest)]).max(initial=0))
            np.testing.assert_allclose(g.float().numpy(), nearest, rtol=4 * eps,
                                       atol=4 * eps * scale)  # fmt: skip

    def both(x: Tensor, y: Tensor) -> list[Tensor]:
        z = function(x, y)
        (z.float() ** 2).sum().backward()
        return [z.detach()]

    leaf = [t.detach().requires_grad_() for t in narrow]
    eager = both(*leaf)[0]
    by_eager = None if leaf[0].grad is None else leaf[0].grad.tolist()
    compiled = fastnn.compile(lambda y: both(leaf[0], y))
    for _ in range(2):
        leaf[0].grad = None
        assert compiled(leaf[1])[0].tolist() == eager.tolist()
        assert (None if leaf[0].grad is None else leaf[0].grad.tolist()) == by_eager


@pytest.mark.parametrize("name", HALVES)
def test_all_bits_of_the_halves(name: str) -> None:
    """Every one of the 65,536 numbers goes to float32 and back, nan with its bits; and numbers in
    between go to the nearest, ties to even, infinities where they are too large."""
    dtype = getattr(fastnn, name)
    bits = np.arange(1 << 16, dtype=np.uint16)
    stored = bits.view(np.float16 if name == "float16" else "V2")
    x = fastnn.from_numpy(stored)
    values = x.float().numpy()
    if name == "float16":
        expected = stored.astype(np.float32)
    else:
        expected = (bits.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(values.view(np.uint32)[~np.isnan(expected)],
                                  expected.view(np.uint32)[~np.isnan(expected)])  # fmt: skip
    np.testing.assert_array_equal(np.isnan(values), np.isnan(expected))
    back = of_array(values).to(dtype)._array.view(np.uint16)
    np.testing.assert_array_equal(back, bits)
    finite = np.sort(values[np.isfinite(values)])
    middle = (finite[:-1].astype(np.float64) + finite[1:]) / 2
    for given in (middle, np.nextafter(middle.astype(np.float32), np.float32(np.inf))):
        given32 = given.astype(np.float32)
        got = of_array(given32).to(dtype).float().numpy()
        np.testing.assert_array_equal(got, rounded(given32, name))
    assert of_array(np.float32([65519.0, 65520.0])).half().tolist() == [65504.0, float("inf")]


@pytest.mark.parametrize("name", HALVES)
def test_changes_in_place(name: str) -> None:
    dtype = getattr(fastnn, name)
    x = fastnn.tensor([1.0, 2.0, 4.0], dtype=dtype)
    x.add_(1).mul_(2).div_(4).sub_(0.5)
    assert x.tolist() == [0.5, 1.0, 2.0] and x.dtype == dtype
    x.exp_().log_()
    x[1:] = 3
    x[x > 2] += 1
    assert x[1:].tolist() == [4.0, 4.0]
    w = fastnn.tensor([1.0, 2.0], dtype=dtype, requires_grad=True)
    h = w * 2
    h.mul_(3)
    h[0] = 0
    h.sum().backward()
    assert w.grad is not None and w.grad.tolist() == [0.0, 6.0] and w.grad.dtype == dtype


@pytest.mark.parametrize("name", HALVES)
def test_transforms(name: str) -> None:
    x = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=getattr(fastnn, name))
    assert fastnn.vmap(lambda r: (r * r).sum())(x).tolist() == [5.0, 25.0]
    jacobian = fastnn.jacrev(lambda r: r * r)(x[0])
    assert jacobian.tolist() == [[2.0, 0.0], [0.0, 4.0]] and jacobian.dtype == name
    assert fastnn.grad(lambda r: (r**3).sum())(x[0]).tolist() == [3.0, 12.0]


@pytest.mark.parametrize("name", HALVES)
def test_random_numbers(name: str) -> None:
    """Of the type asked for, within their range; weights of it too."""
    dtype = getattr(fastnn, name)
    fastnn.manual_seed(0)
    x = fastnn.zeros(1000, dtype=dtype)
    found = [
        fastnn.rand(1000, dtype=dtype), fastnn.randn(1000, dtype=dtype), fastnn.rand_like(x),
        fastnn.randn_like(x), x.clone().normal_(), x.clone().uniform_(), fastnn.bernoulli(x + 0.5),
        nn.init.trunc_normal_(x.clone()), nn.functional.dropout(x + 1, 0.5),
    ]  # fmt: skip
    for y in found:
        assert y.dtype == dtype and y.isfinite().all() and 0.2 < y.float().std() < 1.1
    picked = fastnn.multinomial(fastnn.tensor([0.0, 3.0, 1.0], dtype=dtype), 50, replacement=True)
    assert picked.dtype == fastnn.int64 and set(picked.tolist()) == {1, 2}


@pytest.mark.parametrize("name", [*HALVES, "int32"])
def test_a_number_that_a_program_computes_is_no_constant_of_it(name: str) -> None:
    """0-d tensors of these types, in programs that run on other values than were recorded."""

    def scaled(a: Tensor, x: Tensor) -> Tensor:
        return x * a.sum()

    compiled = fastnn.compile(scaled)
    a, x = (fastnn.tensor(values).to(getattr(fastnn, name)) for values in ([1, 2], [3, 4]))
    for factor in (1, 2, 3):
        assert (compiled(a * factor, x) == scaled(a * factor, x)).all()

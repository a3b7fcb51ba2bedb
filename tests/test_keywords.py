"""torch's argument names, where another overload has others: the same results by each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn

CALLS: list[tuple[str, str]] = [
    ("x.sum(0, dtype=fastnn.float64)", "x.double().sum(0)"),
    ("fastnn.sum(x, dtype=fastnn.int64)", "x.long().sum()"),
    ("x.mean(1, dtype=fastnn.float64)", "x.double().mean(1)"),
    ("fastnn.mean(i, dtype=fastnn.float32)", "i.float().mean()"),
    ("x.prod(0, dtype=fastnn.float64)", "x.double().prod(0)"),
    ("x.cumsum(0, dtype=fastnn.float64)", "x.double().cumsum(0)"),
    ("x.nansum(dtype=fastnn.float64)", "x.double().nansum()"),
    ("x.nanmean(dtype=fastnn.float64)", "x.double().nanmean()"),
    ("fastnn.softmax(x, 1, dtype=fastnn.float64)", "fastnn.softmax(x.double(), 1)"),
    ("x.log_softmax(1, dtype=fastnn.float64)", "x.double().log_softmax(1)"),
    ("x.permute(dims=(1, 0))", "x.t()"),
    ("x.reshape(shape=(3, 2))", "x.reshape(3, 2)"),
    ("x.view(size=(3, 2))", "x.view(3, 2)"),
    ("x.expand(size=(4, 2, 3), implicit=False)", "x.expand(4, 2, 3)"),
    ("x.repeat(repeats=(2, 1))", "x.repeat(2, 1)"),
    ("x.tile(dims=(2,))", "x.tile(2)"),
    ("x.broadcast_to(size=(4, 2, 3))", "x.broadcast_to((4, 2, 3))"),
    ("fastnn.broadcast_to(input=x, size=(4, 2, 3))", "x.broadcast_to((4, 2, 3))"),
    ("fastnn.swapaxes(x, axis0=0, axis1=1)", "x.t()"),
    ("x.swapaxes(axis0=0, axis1=1)", "x.t()"),
    ("x.swapdims(dim0=0, dim1=1)", "x.t()"),
    ("fastnn.zero_(input=x.clone())", "x * 0"),
    ("fastnn.fill_(input=x.clone(), value=2)", "x * 0 + 2"),
    ("fastnn.orgqr(input=x.t(), input2=x[0, :2])", "fastnn.orgqr(x.t(), x[0, :2])"),
    ("fastnn.linalg.householder_product(A=x.t(), tau=x[0, :2])", "x.t().orgqr(x[0, :2])"),
    ("x.t().ormqr(input2=x[0, :2], input3=x.t())", "fastnn.ormqr(x.t(), x[0, :2], x.t())"),
    ("fastnn.max(input=x, other=-x)", "x.maximum(-x)"),
    ("x.min(other=-x)", "x.minimum(-x)"),
    ("fastnn.split(tensor=x, split_size_or_sections=2, dim=1)[0]", "x.split(2, 1)[0]"),
    ("fastnn.tensor_split(x, sections=2)[1]", "x.tensor_split(2)[1]"),
    ("x.tensor_split(indices=(1,))[1]", "x.tensor_split((1,))[1]"),
    ("x.tensor_split(tensor_indices_or_sections=fastnn.tensor([1]))[1]", "x.tensor_split((1,))[1]"),
    ("x.hsplit(sections=3)[2]", "x.hsplit(3)[2]"),
    ("fastnn.vsplit(x, indices=(1,))[0]", "x.vsplit((1,))[0]"),
    ("x.gather(0, i, sparse_grad=False)", "x.gather(0, i)"),
    ("x.repeat_interleave(2, output_size=12)", "x.repeat_interleave(2)"),
    ("x.nan_to_num(nan=None)", "x.nan_to_num()"),
    ("x.flip(dims=(0, 1))", "fastnn.flip(x, (0, 1))"),
    ("x.flip(dims=())", "x.clone()"),
    ("x.flip(())", "x.clone()"),
    ("x.broadcast_to(4, 2, 3)", "x.broadcast_to((4, 2, 3))"),
    ("x.clone().copy_(other=-x)", "-x"),
    ("x.clone().copy_(-x, True)", "-x"),
    ("x.clone().copy_(-x, non_blocking=True)", "-x"),
    ("x.clone().div_(0.3, rounding_mode='floor')", "x.div(0.3, rounding_mode='floor')"),
    ("x.clone().div_(0.3, rounding_mode='trunc')", "x.div(0.3, rounding_mode='trunc')"),
    ("x.clone().div_(0.3, rounding_mode=None)", "x / 0.3"),
    ("i.clone().div_(2, rounding_mode='floor')", "i // 2"),
    ("x.scatter(0, i, 2 * x[:1], reduce='add')", "x.scatter_add(0, i, 2 * x[:1])"),
    ("x.scatter(0, i, 2.0, reduce='add')", "x.scatter_add(0, i, fastnn.full((1, 3), 2.0))"),
    ("x.scatter(0, i, x[1:], reduce='multiply')", "x.scatter_reduce(0, i, x[1:], 'prod')"),
    (
        "fastnn.scatter(x, 0, i, value=3.0, reduce='multiply')",
        "x.scatter_reduce(0, i, fastnn.full((1, 3), 3.0), 'prod')",
    ),
    ("x.clone().scatter_(0, i, 2.0, reduce='add')", "x.scatter(0, i, 2.0, reduce='add')"),
    ("(x < 0).scatter(0, i, x[:1] < 4, reduce='add')", "fastnn.tensor([[1, 1, 1], [0, 1, 1]]) > 0"),
    ("fastnn.det(input=x[:, :2])", "fastnn.det(x[:, :2])"),
    ("fastnn.linalg.det(A=x[:, :2])", "x[:, :2].det()"),
    ("fastnn.matrix_power(input=x[:, :2], n=2)", "x[:, :2] @ x[:, :2]"),
    ("fastnn.cholesky_inverse(input=x[:, :2].tril())", "x[:, :2].tril().cholesky_inverse()"),
    ("fastnn.cholesky_solve(input=x, input2=x[:, :2].tril())", "x.cholesky_solve(x[:, :2].tril())"),
    ("x.cholesky_solve(input2=x[:, :2].tril())", "x.cholesky_solve(x[:, :2].tril())"),
    ("fastnn.randint_like(x, high=1, pin_memory=True)", "fastnn.zeros(2, 3)"),
    ("fastnn.zeros_like(x, device='cpu', pin_memory=False)", "0 * x"),
    ("x.to('cpu', non_blocking=True)", "x"),
    ("x.to(fastnn.float64, non_blocking=True, memory_format=None)", "x.double()"),
    ("x.type(fastnn.float64, non_blocking=True)", "x.double()"),
    ("x.t().clone(memory_format=None)", "x.t()"),
    ("fastnn.clone(input=x, memory_format=None)", "x"),
    ("x.t().contiguous(memory_format=None)", "x.t()"),
    ("fastnn.randint_like(x, low=3, high=4)", "fastnn.full((2, 3), 3.0)"),
]


@pytest.mark.parametrize(("call", "same"), CALLS)
def test_other_names(call: str, same: str) -> None:
    names: dict[str, Any] = {
        "fastnn": fastnn,
        "x": fastnn.tensor([[1.0, -2.0, 3.5], [0.5, 4.0, -1.0]]),
        "i": fastnn.tensor([[0, 1, 0]]),
    }
    got, want = eval(call, names), eval(same, names)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got.numpy(), want.numpy())


@pytest.mark.parametrize(
    "call",
    ["fastnn.max(x, 0, other=x)", "fastnn.broadcast_to(x, size=(2,), shape=(2,))",
     "fastnn.swapaxes(x, dim0=0, axis0=0, axis1=0)", "fastnn.swapaxes(x, 0, axis3=0)"],
)  # fmt: skip
def test_a_name_twice_or_unknown(call: str) -> None:
    with pytest.raises(TypeError):
        eval(call, {"fastnn": fastnn, "x": fastnn.ones(2)})


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        ("fastnn.Tensor(5)", (5,)), ("fastnn.Tensor(2, 3)", (2, 3)), ("fastnn.Tensor()", (0,)),
        ("fastnn.Tensor(2, 3, 4, 5)", (2, 3, 4, 5)), ("fastnn.Tensor((2, 3))", (2,)),
        ("fastnn.Tensor(fastnn.ones(2, 3).shape)", (2, 3)), ("fastnn.Tensor([2, 3])", (2,)),
        ("fastnn.nn.Parameter(fastnn.Tensor(4))", (4,)), ("fastnn.FloatTensor(2, 1)", (2, 1)),
        ("fastnn.LongTensor([1, 2, 3])", (3,)), ("fastnn.BoolTensor(3)", (3,)),
        ("fastnn.zeros(size=(2, 3))", (2, 3)), ("fastnn.ones(size=3)", (3,)),
        ("fastnn.empty(size=(), layout=None, pin_memory=True)", ()), ("fastnn.arange(end=3)", (3,)),
        ("fastnn.ones(2).new_zeros(size=(4,), requires_grad=True)", (4,)),
        ("fastnn.ones(2).new_full((4,), 1.0, device='cpu')", (4,)),
        ("fastnn.scalar_tensor(s=2.0, requires_grad=True)", ()),
    ],
)  # fmt: skip
def test_creation(call: str, shape: tuple[int, ...]) -> None:
    assert tuple(eval(call).shape) == shape


@pytest.mark.parametrize("name", fastnn.ops.typed_tensors.__all__)
def test_tensors_of_one_dtype(name: str) -> None:
    kind = getattr(fastnn, name)
    x = kind([1, 0, 1])
    assert x.dtype == kind.dtype and isinstance(x, kind) and isinstance(x, fastnn.Tensor)
    assert x.tolist() == [1, 0, 1]
    y = kind(x)
    y[0] = 0
    assert x.tolist() == [1, 0, 1]  # a copy


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("fastnn.zeros(2, device='cuda')", RuntimeError),
        ("fastnn.ones_like(fastnn.ones(2), device='cuda')", RuntimeError),
        ("fastnn.zeros(2, size=(2,))", TypeError),
        ("fastnn.Tensor(-1)", ValueError), ("fastnn.arange()", TypeError),
        ("fastnn.FloatTensor(fastnn.tensor([1]))", TypeError),
    ],
)  # fmt: skip
def test_creation_refuses(call: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        eval(call)


@pytest.mark.parametrize(
    "call",
    """exp(x) sin(x) add(x,y,alpha=2) sub(x,y) mul(x,y) div(x,y) pow(x,2) maximum(x,y) matmul(x,y)
    mm(x,y) mv(x,v) cosh(x) lgamma(x) ceil(x) trunc(x) frac(x) rsqrt(x) reciprocal(x) fmod(x,y)
    nan_to_num(x) addcmul(x,x,y) addcdiv(x,x,y,value=2) clamp(x,0.3) clip(x,max=0.3)
    clamp_min(x,0.3) clamp_max(x,0.3) logical_and(x,y) logical_or(x,y) logical_xor(x,y)
    logical_not(x) bitwise_not(i) bitwise_left_shift(i,2) bitwise_right_shift(i,1) gcd(i,i+2)
    lcm(i,i+2) remainder(x,y) floor_divide(x,y) sign(x) sgn(x) signbit(x) round(x)
    round(x,decimals=1) lerp(x,y,0.5) where(x>0.5,x,y) tan(x) atan2(x,y) hypot(x,y) deg2rad(x)
    rad2deg(x) sinc(x)
    logaddexp(x,y) logaddexp2(x,y) copysign(x,y) nextafter(x,y) isposinf(x) isneginf(x) fmax(x,y)
    fmin(x,y) heaviside(x,y) ldexp(x,y) float_power(x,2) i0(x) logit(x) xlogy(x,y) mvlgamma(x+3,2)
    polygamma(1,x) dot(v,v) outer(v,v) inner(x,y) kron(x,y) addmm(x,x,y,alpha=2) addmv(v,x,v)
    addr(x,v,v) bmm(c,c) baddbmm(c,c,c,beta=2) addbmm(x,c,c)""".split(),
)  # fmt: skip
def test_out(call: str) -> None:
    x, y, v = fastnn.rand(3, 3), fastnn.rand(3, 3), fastnn.rand(3)
    space = {**vars(fastnn), "x": x, "y": y, "v": v, "c": fastnn.stack([x, y]), "i": (9 * x).long()}
    want = eval(call, space)
    out = fastnn.zeros(*want.shape, dtype=want.dtype)
    memory = out.numpy()
    assert eval(f"{call[:-1]}, out=out)", space | {"out": out}) is out
    np.testing.assert_array_equal(memory, want.numpy())
    for wrong, error in ((fastnn.zeros(7), ValueError), (3, TypeError)):
        with pytest.raises(error, match="out: expected"):
            eval(f"{call[:-1]}, out=out)", space | {"out": wrong})
    for leaf in (x, v, space["c"]):
        leaf.requires_grad_()
    if eval(call, space).requires_grad:
        with pytest.raises(RuntimeError, match="out= does not go with gradients"):
            eval(f"{call[:-1]}, out=out)", space | {"out": out})
    with fastnn.no_grad():
        assert eval(f"{call[:-1]}, out=out)", space | {"out": out}) is out

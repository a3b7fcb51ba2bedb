"""Every in-place method is its function, written into the tensor's own memory."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from replay import replayed

import fastnn
from fastnn import Tensor, nn, ops
from fastnn.nn import functional as F

M = np.linspace(0.3, 0.9, 9).reshape(3, 3)
I9 = np.arange(9).reshape(3, 3) - 2
W = np.array([0.5, 0.25, 0.75])
K = fastnn.tensor([2, 0])
ROWS = fastnn.tensor([[0, 1, 1], [2, 0, 1]])
HALF = fastnn.tensor(M > 0.5)
Args = Callable[[Tensor], tuple[Any, ...]]

# Arguments by name, made of a vector w; () where there is none
ARGUMENTS: dict[str, Args] = {
    **dict.fromkeys(
        "add sub mul div divide true_divide multiply subtract pow fmod remainder hypot "
        "floor_divide lt le gt ge eq ne less less_equal greater greater_equal not_equal "
        "logical_and logical_or logical_xor atan2 arctan2 copysign float_power nextafter xlogy "
        "heaviside ldexp".split(),
        lambda w: (w,),
    ),
    **dict.fromkeys("clamp clip".split(), lambda w: (0.4, 0.7)),
    "clamp_min": lambda w: (w,), "clamp_max": lambda w: (w,), "lerp": lambda w: (w, 0.25),
    "addcmul": lambda w: (w, w), "addcdiv": lambda w: (w, w), "renorm": lambda w: (2, 0, 0.5),
    "addmm": lambda w: (w.expand(3, 3), w.expand(3, 3)),
    "addr": lambda w: (w, w), "cumsum": lambda w: (0,), "cumprod": lambda w: (1,),
    "tril": lambda w: (-1,), "triu": lambda w: (1,), "mvlgamma": lambda w: (1,),
    "polygamma": lambda w: (1,), "transpose": lambda w: (0, 1), "swapaxes": lambda w: (0, 1),
    "swapdims": lambda w: (1, 0), "unsqueeze": lambda w: (1,), "masked_fill": lambda w: (HALF, 2.0),
    "scatter": lambda w: (0, ROWS, w.expand(2, 3)), "index_fill": lambda w: (0, K, 5.0),
    "scatter_add": lambda w: (0, ROWS, w.expand(2, 3)),
    "scatter_reduce": lambda w: (0, ROWS, w.expand(2, 3), "prod"),
    "index_add": lambda w: (0, K, w.expand(2, 3)), "index_copy": lambda w: (0, K, w.expand(2, 3)),
    "index_reduce": lambda w: (0, K, w.expand(2, 3), "prod"),
    "index_put": lambda w: ((K, K), w[:2]), "put": lambda w: (K, w[:2]),
    "masked_scatter": lambda w: (HALF, w.repeat(3)),
    "as_strided": lambda w: ((3, 3), (1, 3)),
    "copy": lambda w: (w,), "fill": lambda w: (w[0],), "zero": lambda w: (),
}  # fmt: skip
INTEGERS = {
    "bitwise_and": (6,), "bitwise_or": (6,), "bitwise_xor": (6,), "bitwise_not": (), "floor": (),
    "bitwise_left_shift": (1,), "bitwise_right_shift": (1,), "gcd": (fastnn.tensor(I9),),
    "lcm": (fastnn.tensor(I9),), "add": (3,), "mul": (3,), "remainder": (4,), "pow": (2,),
    "floor_divide": (2,), "abs": (), "sign": (), "tril": (), "eq": (2,), "clamp": (0, 3),
}  # fmt: skip
MATRIX = fastnn.tensor(M)
# What is written to, of other axes than the matrices, and the arguments
PRODUCTS: dict[str, tuple[Any, ...]] = {
    "addmv": (W, MATRIX, fastnn.tensor(W)),
    "addbmm": (M, MATRIX.expand(2, 3, 3), MATRIX.expand(2, 3, 3)),
    "baddbmm": (np.ones((2, 3, 3)), MATRIX.expand(2, 3, 3), MATRIX.expand(2, 3, 3)),
}
NAMES = sorted(name.removesuffix("_") for name in ops.IN_PLACE if name[0] != "_")
VIEWS = ["as_strided", "squeeze", "swapaxes", "swapdims", "t", "transpose", "unsqueeze"]
FLOATS = [name for name in NAMES if name not in {*PRODUCTS, *INTEGERS} - {*ARGUMENTS, "abs", "sign",
                                                                          "floor"}]  # fmt: skip


def arguments(name: str, w: Tensor) -> tuple[Any, ...]:
    return ARGUMENTS.get(name, lambda w: ())(w)


def test_every_in_place_method_of_torch_whose_function_is_here_is_here() -> None:
    """The list is torch 2.13's, but for random numbers and memory (uniform_, resize_)."""
    names = """as_strided abs absolute acos acosh addbmm addcdiv addcmul addmm addmv addr arccos
        arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh atan atan2 atanh baddbmm
        bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor
        ceil clamp clamp_max clamp_min clip copysign cos cosh cumprod cumsum deg2rad digamma div
        divide eq erf erfc erfinv exp exp2 expm1 fix float_power floor floor_divide fmod frac
        gcd ge greater greater_equal gt heaviside hypot i0 index_add index_copy index_fill
        index_put index_reduce lcm ldexp le lerp less less_equal lgamma log log10 log1p log2
        logical_and logical_not logical_or logical_xor logit lt masked_fill masked_scatter mul
        multiply mvlgamma nan_to_num ne neg negative nextafter not_equal polygamma pow rad2deg
        reciprocal relu remainder renorm round rsqrt scatter scatter_add scatter_reduce sgn
        sigmoid sign sin sinc sinh sqrt square squeeze sub subtract swapaxes swapdims t tan tanh
        transpose tril triu true_divide trunc unsqueeze xlogy add detach copy fill zero""".split()
    missing = [n for n in names if hasattr(fastnn, n) and not hasattr(Tensor, f"{n}_")]
    assert not missing and hasattr(Tensor, "squeeze_")


@pytest.mark.every(5)
@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("way", ["eager", "compiled"])
def test_values_gradients_and_memory(name: str, way: str) -> None:
    function = getattr(Tensor, name, None) or getattr(fastnn, name)
    in_place, given = getattr(Tensor, f"{name}_"), ARGUMENTS.get(name, lambda w: ())
    zeros = fastnn.zeros(1, dtype="float64")

    def new(x: Tensor, w: Tensor) -> Tensor:
        return function(x, *given(w)).to(x.dtype)  # type: ignore[no-any-return]

    def changed(x: Tensor, w: Tensor) -> Tensor:
        y = in_place(x, *given(w))
        assert y is x
        return y

    def step(form: Any) -> Any:
        def run(x: Tensor, w: Tensor) -> Any:
            x, w = x.clone().requires_grad_(), w.clone().requires_grad_()
            y = form(x * 1, w)
            y.sin().sum().backward() if y.requires_grad else None
            return y, *(zeros if p.grad is None else p.grad + zeros for p in (x, w))

        return run if way == "eager" else fastnn.compile(run)

    x, w = fastnn.tensor(M), fastnn.tensor(W)
    copy = x.clone()
    seen = copy._array
    assert np.shares_memory(seen, in_place(copy, *given(w))._array)
    want, got = step(new)(x, w), step(changed)
    for _ in range(2):
        for one, other in zip(got(x, w), want, strict=True):
            one, other = np.broadcast_arrays(one.detach().numpy(), other.detach().numpy())
            np.testing.assert_array_equal(one, other)
    if name not in ("eq", "ne"):
        with pytest.raises(RuntimeError, match=f"^{name}_: a leaf Variable that requires grad"):
            getattr(fastnn.tensor(M, requires_grad=True), f"{name}_")(*arguments(name, w))
    with fastnn.no_grad():
        leaf = fastnn.tensor(M, requires_grad=True)
        assert getattr(leaf, f"{name}_")(*arguments(name, w)) is leaf and leaf.is_leaf


@pytest.mark.parametrize("name", [n for n in INTEGERS if hasattr(fastnn, n)])
def test_whole_numbers(name: str) -> None:
    x = fastnn.tensor(I9)
    want = getattr(fastnn, name)(x, *INTEGERS[name]).to(fastnn.int64)
    seen = x.view(-1)
    assert getattr(x, f"{name}_")(*INTEGERS[name]) is x
    assert x.dtype == fastnn.int64 and x.tolist() == want.tolist()
    assert seen.tolist() == want.flatten().tolist()


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name: str) -> None:
    values, *arguments = PRODUCTS[name]
    x = fastnn.tensor(values)
    want, seen = getattr(fastnn, name)(x, *arguments), x.view(-1)
    assert getattr(x, f"{name}_")(*arguments) is x and x.tolist() == want.tolist()
    assert seen.tolist() == want.flatten().tolist() != values.flatten().tolist()


@pytest.mark.parametrize("name", ["exp", "sqrt", "sin", "sigmoid", "div", "reciprocal"])
def test_floats_are_not_cut_to_whole_numbers(name: str) -> None:
    x = fastnn.tensor([1, 2])
    with pytest.raises(RuntimeError, match=f"{name}_: result type Float can't be cast"):
        getattr(x, f"{name}_")(*(() if name != "div" else (2,)))
    assert x.tolist() == [1, 2]


OPERATORS = {
    "ipow": 2, "ifloordiv": 2, "imod": 3, "iand": 6, "ior": 6, "ixor": 6, "iadd": 1, "isub": 1,
    "imul": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", [*OPERATORS, "ilshift", "irshift"])
def test_operators_write_into_their_operand(name: str) -> None:
    if not hasattr(Tensor, f"__{name}__"):
        assert name in ("ilshift", "irshift")
        return
    x = fastnn.tensor(I9 + 2)
    number = OPERATORS.get(name, 1)
    want = getattr(operator, name)(x.numpy().copy(), number)
    y = getattr(operator, name)(z := x, number)
    assert y is z and x.tolist() == want.tolist()
    change = getattr(operator, name)
    got = replayed(lambda t: change(t * 1, number), fastnn.tensor(I9 + 2))
    assert got.tolist() == want.tolist()


def test_matmul_gives_a_new_tensor() -> None:
    x = y = fastnn.ones(2, 2)
    y @= x
    assert y is not x and x.tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("name", VIEWS)
def test_axes_of_what_was_there_before_are_not_changed_by_a_program(name: str) -> None:
    held = fastnn.tensor(M)
    turn = lambda x: getattr(x, f"{name}_")(*arguments(name, held))  # noqa: E731
    for step in (lambda x: turn(x) * 1, lambda x: turn(held) * x):
        with pytest.raises(fastnn.RecordingError, match=f"{name}_ changes the axes of a tensor"):
            fastnn.compile(step)(fastnn.tensor(M))


# ---- activations ----

ACTIVATIONS = {
    "ReLU": (), "ReLU6": (), "LeakyReLU": (0.2,), "ELU": (0.7,), "SELU": (), "CELU": (0.7,),
    "SiLU": (), "Mish": (), "Hardtanh": (-0.2, 0.4), "Hardsigmoid": (), "Hardswish": (),
    "Threshold": (0.1, 2.0), "Dropout": (1.0,),
}  # fmt: skip


def test_every_module_with_inplace_is_in_the_table() -> None:
    import inspect

    found = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)
             and "inplace" in inspect.signature(getattr(nn, name)).parameters}  # fmt: skip
    ignored = {"AlphaDropout", "FeatureAlphaDropout"}  # theirs is without effect, as in torch
    assert found - ignored - {"RReLU", "Dropout1d", "Dropout2d", "Dropout3d"} <= set(ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("way", ["eager", "compiled"])
def test_activations_in_place(name: str, way: str) -> None:
    kind, args = getattr(nn, name), ACTIVATIONS[name]
    module, plain = kind(*args, inplace=True), kind(*args)
    assert repr(module) == repr(plain).replace("inplace=False", "").replace(", )", ")").replace(
        ")", ", inplace=True)").replace("(, ", "(")  # fmt: skip

    def step(of: nn.Module) -> Any:
        def run(x: Tensor) -> Any:
            x = x.clone().requires_grad_()
            h = x * 1
            y = of(h)
            assert (y is h) == module.inplace == (of is module) or of is plain
            (h if of is module else y).sin().sum().backward()
            return y, x.grad

        return run if way == "eager" else fastnn.compile(run)

    x = fastnn.tensor(M - 0.6)
    for one, other in zip(step(module)(x), step(plain)(x), strict=True):
        assert one.tolist() == other.tolist()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        module(x.clone().requires_grad_())
    seen = x.view(-1)
    assert module(x) is x and seen.tolist() == plain(fastnn.tensor(M - 0.6)).flatten().tolist()


@pytest.mark.parametrize("name", "relu leaky_relu elu selu celu".split())
def test_functions_in_place(name: str) -> None:
    x = fastnn.tensor(M - 0.6)
    want = getattr(F, name)(x).tolist()
    assert getattr(F, f"{name}_")(x) is x and x.tolist() == want
    x = fastnn.tensor(M)
    assert F.hardtanh_(x, 0.4, 0.5) is x and x.min() == 0.4
    assert F.threshold_(x, 0.45, 3.0) is x and x.max() == 3


def test_a_net_may_begin_with_one() -> None:
    """`fit` and `predict` give it a copy of the rows: x stays."""
    x, y = fastnn.tensor(M - 0.6).float(), fastnn.ones(3, 1)
    nets = []
    for inplace in (False, True):
        fastnn.manual_seed(0)
        net = nn.Sequential(nn.ReLU(inplace), nn.Linear(3, 4), nn.Dropout(0.2, inplace),
                            nn.Linear(4, 1))  # fmt: skip
        fastnn.Trainer(net, nn.MSELoss(), fastnn.optim.Adam(net.parameters())).fit(
            x, y, epochs=3, batch_size=2, verbose=0
        )
        nets.append(net.predict(x.numpy()).tolist())
    assert nets[0] == nets[1]
    assert x.tolist() == fastnn.tensor(M - 0.6).float().tolist()

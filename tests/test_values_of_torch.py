"""Values, dtypes and gradients as torch's where a shorter rule would differ: exact numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor
from fastnn.nn import functional as F

INF, NAN = math.inf, math.nan
I64, F32, F64 = fastnn.int64, fastnn.float32, fastnn.float64


def tensor(a: Any, dtype: Any = None) -> Tensor:
    return fastnn.tensor(a, dtype=dtype)


# name: (call, dtype, values)
VALUES: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    # The ends become whole first, then the numbers between.
    "linspace int": (lambda: fastnn.linspace(4.9, 0, 3, dtype=I64), I64, [4, 2, 0]),
    "linspace int between": (lambda: fastnn.linspace(0, 5, 3, dtype=I64), I64, [0, 2, 5]),
    "linspace of tensors": (
        lambda: fastnn.linspace(tensor(-1.5), tensor(4), 2, dtype=I64), I64, [-1, 4]),
    "linspace of one": (lambda: fastnn.linspace(2, 9, 1), F32, [2.0]),
    "linspace of none": (lambda: fastnn.linspace(2, 9, 0), F32, []),
    "linspace digits": (
        lambda: fastnn.linspace(tensor(0.1, F64), 0.3, 2, dtype=F64), F64, [0.1, 0.3]),
    "logspace int": (lambda: fastnn.logspace(0, 1.9, 2, dtype=I64), I64, [1, 10]),
    "logspace int of 2": (lambda: fastnn.logspace(0, 3.5, 4, 2.0, dtype=I64), I64, [1, 2, 4, 8]),
    "logspace of one": (lambda: fastnn.logspace(2, -3, 1), F32, [100.0]),
    # Whole numbers stay whole.
    "threshold": (lambda: F.threshold(tensor([-8, 6, 7]), 6, 9), I64, [9, 9, 7]),
    "threshold fraction": (lambda: F.threshold(tensor([1, 2]), 1.9, 3.7), I64, [3, 2]),
    "hardtanh": (lambda: F.hardtanh(tensor([-3, 0, 3])), I64, [-1, 0, 1]),
    "hardtanh fraction": (lambda: F.hardtanh(tensor([-3, 3]), -1.5, 2.5), I64, [-1, 2]),
    "relu6": (lambda: F.relu6(tensor([-3, 4, 9])), I64, [0, 4, 6]),
    "dropout all": (lambda: F.dropout(tensor([1, 2]), 1.0), I64, [0, 0]),
    "alpha dropout all": (lambda: F.alpha_dropout(tensor([True]), 1.0, True), bool, [False]),
    "feature dropout all": (
        lambda: F.feature_alpha_dropout(tensor([3, 4]), 1.0, True), I64, [0, 0]),
    "feature dropout none": (lambda: F.feature_alpha_dropout(tensor([3.0]), 0.5), F32, [3.0]),
    "addr bool": (
        lambda: fastnn.addr(tensor([[True, False]]), tensor([False]), tensor([True, True]), beta=3),
        bool, [[True, False]]),
    "addr bool beta 0": (
        lambda: fastnn.addr(tensor([[True, False]]), tensor([True]), tensor([False, True]), beta=0,
                            alpha=2), bool, [[False, True]]),
    "inv_ex info": (lambda: fastnn.linalg.inv_ex(fastnn.eye(2)).info, fastnn.int32, 0),
    "solve_ex info": (
        lambda: fastnn.linalg.solve_ex(fastnn.eye(2), fastnn.eye(2)).info, fastnn.int32, 0),
    "vander of a number": (lambda: fastnn.linalg.vander(tensor(3), N=3), I64, [[1, 3, 9]]),
    # What a negative side cuts off does not come round.
    "circular, cut left": (
        lambda: F.pad(tensor([[[1, 2, 3, 4]]]), (-1, 2), "circular"), I64, [[[2, 3, 4, 2, 3]]]),
    "circular, cut right": (
        lambda: F.pad(tensor([[[1, 2, 3, 4]]]), (2, -1), "circular"), I64, [[[2, 3, 1, 2, 3]]]),
    "circular": (
        lambda: F.pad(tensor([[[1, 2, 3]]]), (1, 2), "circular"), I64, [[[3, 1, 2, 3, 1, 2]]]),
    # The sums of the weights are in their dtype: 1 + 2**-30 is 1 in float32.
    "cov by weights of float32": (
        lambda: fastnn.cov(tensor([0.0, 1.0], F64), correction=0,
                           aweights=tensor([1.0, 2.0**-30], F32)), F64, 2.0**-30 * (1 - 2.0**-30)),
    # Sums over a batch keep the dtype of the matrices.
    **{f"addbmm {name}": (lambda name=name: fastnn.addbmm(
        fastnn.zeros(1, 1, dtype=name), fastnn.ones(3, 1, 2, dtype=name),
        fastnn.ones(3, 2, 1, dtype=name)), name, [[6]])
       for name in ("int8", "int16", "int32", "int64", "uint8", "float32")},
    "addcmul int": (
        lambda: fastnn.addcmul(tensor([1]), tensor([2]), tensor([3]), value=2.9), I64, [13]),
    "addcmul of a float": (
        lambda: fastnn.addcmul(tensor([1.0]), tensor([2]), tensor([3]), value=2.5), F32, [16.0]),
    "norm dtype": (lambda: fastnn.norm(tensor([3.0, 4.0]), dtype=F64), F64, 5.0),
    # -sum_c t_c log softmax(z)_c, whatever the sum of t
    "targets of any sum": (
        lambda: F.cross_entropy(tensor([[0.0, 0.0]]), tensor([[3.0, -1.0]])), F32,
        2 * math.log(2)),
    "targets of zeros": (
        lambda: F.cross_entropy(tensor([[1.0, 0.0]]), tensor([[0.0, 0.0]])), F32, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    call, dtype, want = VALUES[name]
    got = call()
    assert got.dtype == np.dtype(dtype)
    expected = np.array(want, np.float64)
    assert got.shape == expected.shape
    ulp = np.finfo(dtype).eps if np.dtype(dtype).kind == "f" else 0.0
    np.testing.assert_allclose(got.numpy().astype(np.float64), expected, 2 * ulp, 0.0)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_neighbours_of_halves(name: str) -> None:
    """All finite numbers of a sign lie in the order of their bits.

    Kernels flush float32's subnormal numbers to 0, which bfloat16's are too.
    """
    first, last = (0, 0x7BFF) if name == "float16" else (0x80, 0x7F7F)
    bits = np.array([*range(first, last, 997), *range(0x400, last, 0x400)], np.uint16)
    up = bits + np.uint16(1)

    def values(b: Any) -> Tensor:
        if name == "float16":
            return fastnn.from_numpy(b.view(np.float16))
        return fastnn.from_numpy((b.astype(np.uint32) << 16).view(np.float32)).to(name)

    low, high = values(bits), values(up)
    assert fastnn.nextafter(low, high).tolist() == high.tolist()
    assert fastnn.nextafter(high, low).tolist() == low.tolist()
    assert fastnn.nextafter(-low, -high).tolist() == (-high).tolist()
    assert fastnn.nextafter(-high, low).tolist()[1:] == (-low).tolist()[1:]
    most = values(np.array([last], np.uint16))
    infinite = most * INF
    assert fastnn.nextafter(infinite, low[0]).tolist() == most.tolist()
    assert fastnn.nextafter(most, infinite).tolist() == [INF]
    if name == "float16":
        smallest = values(np.array([1], np.uint16))
        assert fastnn.nextafter(low[:1], -most).tolist() == (-smallest).tolist()
    assert fastnn.isnan(fastnn.nextafter(most, most * NAN)).item()


@pytest.mark.parametrize("name", ["int8", "int16", "int32", "int64", "uint8"])
def test_division_of_the_least_and_the_largest(name: str) -> None:
    """Exact in Python's whole numbers, which do not overflow; 0 is no divisor."""
    info = np.iinfo(name)
    ends = [info.min, info.min + 1, -7, -2, -1, 0, 1, 2, 7, info.max - 1, info.max]
    pairs = [(a, b) for a in ends for b in ends if b and min(a, b) >= info.min]
    pairs = [p for p in pairs if p != (info.min, -1)]  # the quotient itself overflows
    x, y = (fastnn.tensor(np.array(v, name)) for v in zip(*pairs, strict=True))
    towards_zero = [abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1) for a, b in pairs]
    assert fastnn.div(x, y, rounding_mode="trunc").tolist() == towards_zero
    assert fastnn.fmod(x, y).tolist() == [
        a - q * b for (a, b), q in zip(pairs, towards_zero, strict=True)
    ]
    assert fastnn.remainder(x, y).tolist() == [a % b for a, b in pairs]
    assert (x // y).tolist() == [a // b for a, b in pairs]
    assert fastnn.fmod(x, y).dtype == x.dtype


# name: (function, its arguments, the gradients of its sum; None: no gradient)
GRADIENTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], tuple[Any, ...]]] = {
    "cdist 0": (lambda x, y: fastnn.cdist(x, y, 0.0), ([[1.0, 2.0]], [[3.0, 2.0]]),
                ([[0.0, 0.0]], [[0.0, 0.0]])),
    "pdist 0": (lambda x: F.pdist(x, 0.0), ([[1.0], [2.0]],), ([[0.0], [0.0]],)),
    "norm 0": (lambda x: fastnn.norm(x, 0), ([1.0, 0.0],), (None,)),
    "put nothing": (
        lambda x, s: fastnn.put(x, fastnn.zeros(0, dtype=I64), s, True), ([1.0], []),
        ([1.0], [])),
    "matrix_power 0": (lambda x: fastnn.linalg.matrix_power(x, 0), ([[3.0]],), ([[0.0]],)),
    **{f"norm {p} at zeros": (lambda x, p=p: fastnn.linalg.norm(x, p), ([0.0, 0.0],), ([0.0, 0.0],))
       for p in (-3.5, -1, -0.5, 0.5)},
    "norm -1 at one zero": (lambda x: fastnn.linalg.norm(x, -1), ([0.0, 2.0],), ([0.0, 0.0],)),
    # d (1/a + 1/b)^-1 / da = (b / (a + b))^2
    "norm -1": (lambda x: fastnn.linalg.norm(x, -1), ([1.0, 3.0],), ([0.5625, 0.0625],)),
    "targets of any sum": (  # softmax times their sum, minus them
        lambda z: F.cross_entropy(z, tensor([[3.0, -1.0]])), ([[0.0, 0.0]],), ([[-2.0, 2.0]],)),
    # -2 / sqrt(pi) (1 / (2 x^2) - 3 / (4 x^4) + 15 / (8 x^6) - ..): float32 keeps six digits of it
    "erfcx far": (fastnn.special.erfcx, ([1000.0],),
                  ([-1 / math.sqrt(math.pi) * (1e-6 - 1.5e-12)],)),
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name: str) -> None:
    f, inputs, wanted = GRADIENTS[name]
    tensors = [fastnn.tensor(a, requires_grad=True) for a in inputs]
    y = f(*tensors)
    assert y.requires_grad
    found = fastnn.autograd.grad(y.sum(), tensors, allow_unused=True)
    for got, want in zip(found, wanted, strict=True):
        if want is None:
            assert got is None
            continue
        assert got is not None and got.dtype == F32
        np.testing.assert_allclose(got.numpy(), want, 1e-6, 0.0)


def test_slopes_of_halves_overflow_late() -> None:
    """1 / x is beyond float16 here, 1 / (x log 10) is not."""
    x = fastnn.tensor([1.2e-5], dtype=fastnn.float16).requires_grad_()
    fastnn.log10(x).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), 1 / (x.item() * math.log(10)), 3e-3)


def test_empty_residuals_are_on_the_tape() -> None:
    a = fastnn.eye(2).requires_grad_()
    assert fastnn.linalg.lstsq(a, fastnn.ones(2, 1)).residuals.requires_grad


@pytest.mark.parametrize("refused", [
    lambda: F.hardtanh(tensor([True])),
    lambda: F.alpha_dropout(tensor([1, 2]), 0.5, True),
    lambda: fastnn.norm(tensor([3, 4]), dtype=F64),
    lambda: fastnn.addcdiv(tensor([1]), tensor([1]), tensor([2])),
    lambda: F.feature_alpha_dropout(fastnn.ones(2, 2, dtype=I64), 0.5, True),
])  # fmt: skip
def test_dtypes_without_a_meaning(refused: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match=r"\.float\(\)"):
        refused()


@pytest.mark.parametrize("name", ["rtol", "atol"])
def test_tolerances_below_zero(name: str) -> None:
    x = fastnn.ones(2)
    for f in (fastnn.isclose, fastnn.allclose):
        with pytest.raises(ValueError, match=f"{name}: expected a number >= 0, got -0.1"):
            f(x, x, **{name: -0.1})


def test_batch_norm_wants_an_eps_in_training() -> None:
    x, mean, var = fastnn.ones(3, 2), fastnn.zeros(2), fastnn.ones(2)
    assert F.batch_norm(x, mean, var, eps=0.0).tolist() == x.tolist()
    with pytest.raises(ValueError, match=r"eps: expected a finite number > 0, got 0\.0"):
        F.batch_norm(x, mean, var, training=True, eps=0.0)


def test_betas_are_both_numbers_or_both_tensors() -> None:
    w, beta = fastnn.ones(2, requires_grad=True), tensor(0.9)
    fastnn.optim.Adam([w], betas=(beta, beta))
    with pytest.raises(ValueError, match="betas: expected numbers or tensors, got"):
        fastnn.optim.AdamW([w], betas=(0.9, beta))


@pytest.mark.parametrize(
    "have, want",
    [
        ("float64", "float32"),
        ("float32", "float16"),
        ("float16", "bfloat16"),
        ("bfloat16", "float16"),
    ],
)
def test_norms_do_not_narrow(have: str, want: str) -> None:
    x, dtype = fastnn.ones(2, 2, dtype=have), getattr(fastnn, want)
    for f in (fastnn.norm, fastnn.linalg.norm, fastnn.linalg.matrix_norm):
        with pytest.raises(
            TypeError, match=f"dtype: expected one that holds the numbers of {have}"
        ):
            f(x, dtype=dtype)


# torch.manual_seed(0); torch.randint(0, high, (6,), dtype=dtype) of torch 2.13
RANDINT = {
    ("float16", 5000): [3260, 1867, 4268, 1956, 1699, 3616],
    ("bfloat16", 2000): [452, 135, 1136, 384, 1936, 964],
    ("bfloat16", 2**20): [790528, 851968, 942080, 704512, 626688, 966656],
}


@pytest.mark.parametrize("name, high", RANDINT)
def test_randint_within_what_a_half_holds(name: str, high: int) -> None:
    fastnn.manual_seed(0)
    assert fastnn.randint(0, high, (6,), dtype=name).tolist() == RANDINT[name, high]
    fastnn.manual_seed(0)
    assert fastnn.zeros(6, dtype=name).random_(0, high).tolist() == RANDINT[name, high]


def test_uniform_halves_stay_below_the_end() -> None:
    for name in ("float16", "bfloat16"):
        x = fastnn.zeros(20000, dtype=name).uniform_(1.0, 2.0)
        assert x.min().item() >= 1.0 and x.max().item() < 2.0


def test_probabilities_of_halves() -> None:
    """Their sum is rounded to their dtype, as they are."""
    for name in ("float16", "bfloat16"):
        p = fastnn.tensor([0.2, 0.3, 0.5], dtype=name)
        assert fastnn.distributions.Categorical(probs=p).log_prob(tensor(2)).dtype == p.dtype
        simplex = fastnn.distributions.constraints.simplex
        assert simplex.check(p).item() and not simplex.check(p * 1.1).item()

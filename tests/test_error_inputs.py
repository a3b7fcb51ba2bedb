"""Arguments that torch refuses are refused, with an error that names them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn

COMPARISONS = """eq ne lt le gt ge greater greater_equal less less_equal not_equal fmod clamp_min
clamp_max""".split()
OF_TENSORS = "maximum minimum logical_and logical_or logical_xor isclose dist".split()
ONE_NUMBER = "remainder bitwise_and bitwise_or bitwise_xor".split()
OF_ONE = """clone logical_not reciprocal deg2rad rad2deg sinc logit i0 count_nonzero special.i1
clamp""".split()


def names() -> dict[str, Any]:
    return {
        "fastnn": fastnn,
        "F": fastnn.nn.functional,
        "x": fastnn.tensor([1.0, 2.0, 3.0]),
        "i": fastnn.tensor([3, 4, 5]),
        "b": fastnn.tensor([True, False, True]),
        "m": fastnn.ones(2, 3),
    }


NUMBERS = [
    *((f"fastnn.{name}(2, i)", "input") for name in (*COMPARISONS, *OF_TENSORS, "max", "min")),
    *((f"fastnn.{name}(2, 3)", "input") for name in (*COMPARISONS, *OF_TENSORS)),
    *((f"fastnn.{name}(i, 2)", "other") for name in OF_TENSORS),
    *((f"i.{name}(2)", "other") for name in OF_TENSORS),
    *((f"i.{name}_(2)", "other") for name in OF_TENSORS if name.startswith("logical")),
    *((f"fastnn.{name}(2, 3)", "at least one tensor") for name in ONE_NUMBER),
    *((f"fastnn.{name}(2)", "input") for name in OF_ONE),
]


@pytest.mark.parametrize(("call", "said"), NUMBERS)
def test_numbers_for_tensors(call: str, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        eval(call, names())


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_number_after_a_tensor(name: str) -> None:
    x = fastnn.tensor([1.0, 2.0, 3.0])
    function = getattr(fastnn, name)
    np.testing.assert_array_equal(function(x, 2.0), function(x, fastnn.tensor(2.0)))


def test_a_number_before_a_tensor() -> None:
    i = fastnn.tensor([3, 4, 5])
    assert fastnn.remainder(11, i).tolist() == [2, 3, 1]
    assert fastnn.bitwise_and(6, i).tolist() == [2, 4, 4]
    assert (i >= 4).tolist() == [False, True, True]
    assert (7 & i).tolist() == [3, 4, 5]


REFUSED: list[tuple[str, type[Exception], str]] = [
    ("fastnn.isclose(x, x, rtol=-0.4)", ValueError, "rtol: expected a number >= 0, got -0.4"),
    ("x.allclose(x, atol=-1)", ValueError, "atol"),
    ("x.narrow(0, fastnn.tensor(True), 1)", TypeError, "start: .*bool"),
    ("fastnn.narrow(x, 0, fastnn.tensor([1]), 1)", TypeError, "start"),
    ("fastnn.roll(x, ())", ValueError, "shifts"),
    ("x.masked_fill(b, fastnn.tensor([1.0]))", ValueError, "value: .*use where"),
    ("x.masked_fill_(b, fastnn.tensor([1.0]))", ValueError, "value"),
    ("F.layer_norm(m, ())", ValueError, "normalized_shape"),
    ("F.rms_norm(m, ())", ValueError, "normalized_shape"),
    ("x.flip()", TypeError, "dims: .* got none"),
    ("fastnn.randint_like(x)", TypeError, "high"),
    ("i.scatter(0, i - 3, i, reduce='sum')", ValueError, "reduce: .*'add' or 'multiply'"),
    ("i.div_(2.5, rounding_mode='trunc')", RuntimeError, "div_: result type Float"),
    ("x.div_(2, rounding_mode='up')", ValueError, "rounding_mode"),
    ("fastnn.addcdiv(x, i, i)", TypeError, "tensor1 or tensor2, got int64 and int64"),
    ("x.addcdiv(2.0, x)", TypeError, "tensor1"),
    ("x.addcmul(x, 2.0)", TypeError, "tensor2"),
    ("b.topk(1)", TypeError, "topk: .*bool"),
    ("b.relu()", TypeError, "relu: .*bool"),
    ("F.relu(b)", TypeError, "relu: .*bool"),
    ("F.hardtanh(b)", TypeError, "input: .*bool"),
    ("F.relu6(b)", TypeError, "input: .*bool"),
    ("F.tanhshrink(b)", TypeError, "input: .*bool"),
    ("F.margin_ranking_loss(b, b, b)", TypeError, "first input: .*bool in all"),
    ("F.triplet_margin_loss(b, b, b)", TypeError, "first input: .*bool in all"),
    ("F.alpha_dropout(i, 0.5, True)", TypeError, "alpha_dropout: .*int64"),
    ("fastnn.special.zeta(2, 3)", TypeError, "zeta: .*at least one tensor"),
    ("fastnn.linalg.pinv(m, rtol=fastnn.tensor(0.1, requires_grad=True))", RuntimeError, "rtol"),
    ("fastnn.linalg.pinv(m, atol=fastnn.tensor(0.1, requires_grad=True))", RuntimeError, "atol"),
    ("fastnn.batch_norm(m, None, None, None, None, True, 0.1, 1e-5)", TypeError, "cudnn_enabled"),
    ("F.feature_alpha_dropout(x, 0.5, True)", ValueError, "2 dimensions"),
    ("F.linear(b, m > 0)", TypeError, "bool"),
]


@pytest.mark.parametrize(("call", "error", "said"), REFUSED)
def test_refused(call: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        eval(call, names())
